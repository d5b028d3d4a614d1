"""SHACL Core components that judge values together, or by other shapes (§4.2, §4.5 to §4.8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from pyoxigraph import BlankNode, Literal, NamedNode

from kg import vocab
from kg.validate import literals
from kg.validate.model import (
    ANY,
    Constraint,
    Draft,
    Found,
    Shape,
    Suspicion,
    all_of,
    any_of,
    exact,
    loose,
    negated,
    shown,
    some,
    suspect,
)
from kg.validate.paths import Here, Predicate, Step, Term
from kg.validate.values import PerValue

if TYPE_CHECKING:
    from kg.validate.judging import Judge

#: Above this, a count is left to be taken at each node.
_COUNTED: Final = 4


@dataclass(frozen=True)
class Count(Constraint):
    """§4.2: at least, or at most, so many values."""

    number: int
    at_most: bool
    relational: ClassVar[bool] = True

    @property
    def functional(self) -> str:  # type: ignore[override]
        """Two values at least are needed."""
        return "true" if self.at_most and self.number == 1 else ""

    @property
    def by_value(self) -> bool:
        """Whether one value tells: there is another."""
        return self.at_most and self.number <= 1

    @property
    def component(self) -> str:
        """One of two."""
        return f"{'Max' if self.at_most else 'Min'}CountConstraintComponent"

    def judge(self, judge: Judge, shape: Shape, focus: Term, values: list[Term]) -> Iterable[Found]:  # noqa: ARG002
        """Too many, or too few."""
        wrong = len(values) > self.number if self.at_most else len(values) < self.number
        return [Found(None)] if wrong else []

    def suspect(self, shape: Shape, focus: str, value: str, draft: Draft) -> Suspicion:
        """One value too many; or not as many."""
        path = shape.path
        if self.at_most and self.number <= 1:
            other = draft.variable()
            if self.number < 1:
                return exact("true")
            return exact(f"EXISTS {{ {focus} {path} {other} FILTER(!sameTerm({other}, {value})) }}")
        if not self.at_most and self.number < 1:
            return exact("false")
        wanted = self.number + self.at_most
        if wanted > _COUNTED:
            return ANY
        names = [draft.variable() for _ in range(wanted)]
        differ = [
            f"!sameTerm({a}, {b})" for index, a in enumerate(names) for b in names[index + 1 :]
        ]
        patterns = " . ".join(f"{focus} {path} {name}" for name in names)
        if not differ:
            return Suspicion(f"!(EXISTS {{ {patterns} }})", exact=True, missing=(patterns,))
        there = f"EXISTS {{ {patterns} FILTER({' && '.join(differ)}) }}"
        return exact(there if self.at_most else f"!({there})")

    def parameters(self) -> dict[str, str]:
        """The number."""
        return {"maxCount" if self.at_most else "minCount": str(self.number)}


@dataclass(frozen=True)
class UniqueLang(Constraint):
    """§4.4.5."""

    component: ClassVar[str] = "UniqueLangConstraintComponent"
    relational: ClassVar[bool] = True
    functional: ClassVar[str] = "LCASE(LANG(?value))"

    def judge(self, judge: Judge, shape: Shape, focus: Term, values: list[Term]) -> Iterable[Found]:  # noqa: ARG002
        """Each language that two values share."""
        tags = Counter(
            value.language.lower()
            for value in values
            if isinstance(value, Literal) and value.language
        )
        return [Found(None) for count in tags.values() if count > 1]

    def suspect(self, shape: Shape, focus: str, value: str, draft: Draft) -> Suspicion:
        """Another value in the language of this one."""
        other = draft.variable()
        same = f"LCASE(LANG({other})) = LCASE(LANG({value})) && !sameTerm({other}, {value})"
        there = f"EXISTS {{ {focus} {shape.path} {other} FILTER({same}) }}"
        return exact(f'isLiteral({value}) && LANG({value}) != "" && {there}')


@dataclass(frozen=True)
class _PropertyPair(Constraint):
    """What compares the values with those of another property (§4.5)."""

    iri: NamedNode

    def reads(self, shape: Shape) -> Iterator[Step]:  # noqa: ARG002
        """The other property."""
        yield Step(Here(), self.iri)

    def parameters(self) -> dict[str, str]:
        """The other property, under the name of the component."""
        name = self.component.removesuffix("ConstraintComponent")
        return {name[0].lower() + name[1:]: vocab.shorten(self.iri.value)}


@dataclass(frozen=True)
class Equals(_PropertyPair):
    """§4.5.1."""

    component: ClassVar[str] = "EqualsConstraintComponent"
    by_value: ClassVar[bool] = False

    def judge(self, judge: Judge, shape: Shape, focus: Term, values: list[Term]) -> Iterable[Found]:  # noqa: ARG002
        """What stands on one side only."""
        others = judge.look(focus, self.iri, False)
        known, wanted = set(values), set(others)
        return [
            Found(value)
            for value in (
                *(v for v in values if v not in wanted),
                *(v for v in others if v not in known),
            )
        ]

    def suspect(self, shape: Shape, focus: str, value: str, draft: Draft) -> Suspicion:  # noqa: ARG002
        """A value on one side only."""
        here = Predicate(self.iri)
        if not shape.is_property:
            there = draft.variable()
            only = f"EXISTS {{ {focus} {here} {there} FILTER(!sameTerm({there}, {focus})) }}"
            return exact(f"NOT EXISTS {{ {focus} {here} {focus} }} || {only}")
        tests = []
        for one, two in ((shape.path, here), (here, shape.path)):
            name, other = draft.variable(), draft.variable()
            same = f"NOT EXISTS {{ {focus} {two} {other} FILTER(sameTerm({other}, {name})) }}"
            tests.append(f"EXISTS {{ {focus} {one} {name} FILTER({same}) }}")
        return exact(" || ".join(tests))


@dataclass(frozen=True)
class Disjoint(_PropertyPair):
    """§4.5.2."""

    component: ClassVar[str] = "DisjointConstraintComponent"
    relational: ClassVar[bool] = True

    def judge(self, judge: Judge, shape: Shape, focus: Term, values: list[Term]) -> Iterable[Found]:  # noqa: ARG002
        """What stands on both sides."""
        others = set(judge.look(focus, self.iri, False))
        return [Found(value) for value in values if value in others]

    def suspect(self, shape: Shape, focus: str, value: str, draft: Draft) -> Suspicion:  # noqa: ARG002
        """A value on both sides."""
        other = draft.variable()
        return exact(f"EXISTS {{ {focus} {self.iri} {other} FILTER(sameTerm({other}, {value})) }}")


@dataclass(frozen=True)
class LessThan(_PropertyPair):
    """§4.5.3 and §4.5.4."""

    or_equal: bool
    relational: ClassVar[bool] = True

    @property
    def component(self) -> str:
        """One of two."""
        return f"LessThan{'OrEquals' if self.or_equal else ''}ConstraintComponent"

    @property
    def operator(self) -> str:
        """SPARQL's sign."""
        return "<=" if self.or_equal else "<"

    def judge(self, judge: Judge, shape: Shape, focus: Term, values: list[Term]) -> Iterable[Found]:  # noqa: ARG002
        """Each value that is not less than each of the others."""
        others = judge.look(focus, self.iri, False)
        return [
            Found(value)
            for value in values
            for other in others
            if not (
                isinstance(value, Literal)
                and isinstance(other, Literal)
                and literals.compare(value, self.operator, other)
            )
        ]

    def suspect(self, shape: Shape, focus: str, value: str, draft: Draft) -> Suspicion:  # noqa: ARG002
        """A pair that is not in order, or that has none."""
        other = draft.variable()
        order = f'{value} {self.operator} {other} && LANG({value}) = "" && LANG({other}) = ""'
        pair = f"{focus} {self.iri} {other} FILTER(!COALESCE({order}, false))"
        return loose(f"EXISTS {{ {pair} }}")


@dataclass(frozen=True)
class HasValue(Constraint):
    """§4.8.2."""

    term: Term
    component: ClassVar[str] = "HasValueConstraintComponent"
    by_value: ClassVar[bool] = False

    def judge(self, judge: Judge, shape: Shape, focus: Term, values: list[Term]) -> Iterable[Found]:  # noqa: ARG002
        """That the value is missing."""
        return [] if self.term in values else [Found(None)]

    def suspect(self, shape: Shape, focus: str, value: str, draft: Draft) -> Suspicion:  # noqa: ARG002
        """The value is missing."""
        if isinstance(self.term, BlankNode):
            return ANY
        if not shape.is_property:
            return exact(f"!sameTerm({focus}, {self.term})")
        return exact(f"NOT EXISTS {{ {focus} {shape.path} {self.term} }}")

    def parameters(self) -> dict[str, str]:
        """The value."""
        return {"hasValue": shown(self.term)}


@dataclass(frozen=True)
class Closed(Constraint):
    """§4.8.1."""

    allowed: frozenset[NamedNode]
    component: ClassVar[str] = "ClosedConstraintComponent"

    def judge(self, judge: Judge, shape: Shape, focus: Term, values: list[Term]) -> Iterable[Found]:  # noqa: ARG002
        """Each statement by another property."""
        return [
            Found(found, str(predicate))
            for value in values
            for predicate, found in judge.statements(value)
            if predicate not in self.allowed
        ]

    def suspect(self, shape: Shape, focus: str, value: str, draft: Draft) -> Suspicion:  # noqa: ARG002
        """A statement by another property."""
        predicate, found = draft.variable(), draft.variable()
        names = ", ".join(sorted(map(str, self.allowed)))
        test = f"FILTER({predicate} NOT IN ({names}))" if names else ""
        return exact(f"EXISTS {{ {value} {predicate} {found} {test} }}")

    def reads(self, shape: Shape) -> Iterator[Step]:
        """Whatever the values state."""
        yield Step(shape.path, None)


@dataclass(frozen=True)
class Logical(PerValue):
    """§4.6: not, and, or, xone; and sh:node (§4.7.1), which is an `and` of one."""

    name: str
    shapes: tuple[Shape, ...]

    @property
    def component(self) -> str:
        """One of five."""
        return f"{self.name.capitalize()}ConstraintComponent"

    def holds(self, judge: Judge, shape: Shape, focus: Term, value: Term) -> bool:  # noqa: ARG002
        """Whether the value conforms to none, all, some, or exactly one of the shapes."""
        conforming = (judge.conforms(each, value) for each in self.shapes)
        match self.name:
            case "not":
                return not any(conforming)
            case "or":
                return any(conforming)
            case "xone":
                return sum(conforming) == 1
            case _:
                return all(conforming)

    def suspect(self, shape: Shape, focus: str, value: str, draft: Draft) -> Suspicion:  # noqa: ARG002
        """The same of the suspicions."""
        each = [suspect(one, value, draft) for one in self.shapes]
        match self.name:
            case "not":
                return any_of(negated(one) for one in each)
            case "or":
                return all_of(each)
            case "xone":
                if not all(one.exact for one in each):
                    return ANY
                total = " + ".join(f"IF({one.expression}, 0, 1)" for one in each)
                return exact(f"({total}) != 1")
            case _:
                return any_of(each)

    def inner(self) -> Iterator[Shape]:
        """The shapes."""
        return iter(self.shapes)

    def parameters(self) -> dict[str, str]:
        """The shapes."""
        return {self.name: ", ".join(each.called or shown(each.term) for each in self.shapes)}


@dataclass(frozen=True)
class Qualified(Constraint):
    """§4.7.3."""

    shape: Shape
    number: int
    at_most: bool
    #: Shapes of the neighbours, which a counted value must not conform to.
    siblings: tuple[Shape, ...] = ()
    by_value: ClassVar[bool] = False

    @property
    def component(self) -> str:
        """One of two."""
        return f"Qualified{'Max' if self.at_most else 'Min'}CountConstraintComponent"

    def judge(self, judge: Judge, shape: Shape, focus: Term, values: list[Term]) -> Iterable[Found]:  # noqa: ARG002
        """Too many, or too few, that conform."""
        count = sum(
            judge.conforms(self.shape, value)
            and not any(judge.conforms(each, value) for each in self.siblings)
            for value in values
        )
        wrong = count > self.number if self.at_most else count < self.number
        return [Found(None)] if wrong else []

    def suspect(self, shape: Shape, focus: str, value: str, draft: Draft) -> Suspicion:  # noqa: ARG002
        """One that conforms, or none."""
        if not self.at_most and self.number < 1:
            return exact("false")
        name = draft.variable()
        parts = [negated(suspect(self.shape, name, draft))]
        parts += (suspect(each, name, draft) for each in self.siblings)
        there = some(f"{focus} {shape.path} {name}", all_of(parts))
        if self.at_most:
            return there if self.number == 0 else loose(there.expression)
        return negated(there) if self.number == 1 else ANY

    def inner(self) -> Iterator[Shape]:
        """The shape and its siblings."""
        yield self.shape
        yield from self.siblings

    def parameters(self) -> dict[str, str]:
        """The number."""
        name = "qualifiedMaxCount" if self.at_most else "qualifiedMinCount"
        return {
            name: str(self.number),
            "qualifiedValueShape": self.shape.called or shown(self.shape.term),
        }
