"""SHACL Core components that judge each value alone (§4.1, §4.3, §4.4, §4.8.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from pyoxigraph import BlankNode, Literal, NamedNode

from kg import vocab
from kg.validate import literals
from kg.validate.model import ANY, Constraint, Draft, Found, Shape, Suspicion, exact, loose, shown
from kg.validate.paths import Step, Term

if TYPE_CHECKING:
    from kg.validate.judging import Judge

RDF_TYPE: Final = NamedNode(vocab.RDF + "type")


class PerValue(Constraint):
    """A constraint that finds a value, or does not."""

    def judge(self, judge: Judge, shape: Shape, focus: Term, values: list[Term]) -> Iterable[Found]:
        """Each value that does not hold."""
        return [Found(value) for value in values if not self.holds(judge, shape, focus, value)]

    def holds(self, judge: Judge, shape: Shape, focus: Term, value: Term) -> bool:
        """Whether the value satisfies the constraint."""
        raise NotImplementedError


@dataclass(frozen=True)
class Class(PerValue):
    """§4.1.1."""

    iri: NamedNode
    component: ClassVar[str] = "ClassConstraintComponent"

    def holds(self, judge: Judge, shape: Shape, focus: Term, value: Term) -> bool:  # noqa: ARG002
        """Whether the value is an instance."""
        return judge.is_instance(value, self.iri)

    def suspect(self, shape: Shape, focus: str, value: str, draft: Draft) -> Suspicion:  # noqa: ARG002
        """No type that stands under the class."""
        classes = draft.classes(self.iri)
        if not classes:
            return exact("true")
        missing = tuple(f"{value} {RDF_TYPE} {each}" for each in classes)
        if len(classes) == 1:
            return Suspicion(f"NOT EXISTS {{ {missing[0]} }}", exact=True, missing=missing)
        kind, names = draft.variable(), ", ".join(map(str, classes))
        test = f"NOT EXISTS {{ {value} {RDF_TYPE} {kind} FILTER({kind} IN ({names})) }}"
        return Suspicion(test, exact=True, missing=missing)

    def reads(self, shape: Shape) -> Iterator[Step]:
        """The types of each value."""
        yield Step(shape.path, RDF_TYPE, under=self.iri)

    def parameters(self) -> dict[str, str]:
        """The class."""
        return {"class": vocab.shorten(self.iri.value)}


@dataclass(frozen=True)
class Datatype(PerValue):
    """§4.1.2."""

    iri: NamedNode
    component: ClassVar[str] = "DatatypeConstraintComponent"

    def holds(self, judge: Judge, shape: Shape, focus: Term, value: Term) -> bool:  # noqa: ARG002
        """Whether the value is a well-formed literal of the datatype."""
        return isinstance(value, Literal) and literals.of_datatype(value, self.iri.value)

    def suspect(self, shape: Shape, focus: str, value: str, draft: Draft) -> Suspicion:  # noqa: ARG002
        """Another datatype, or a text that needs a closer look."""
        name = self.iri.value
        same = f"DATATYPE({value}) = {self.iri}"
        if name in literals.NUMERIC:
            return exact(f"!COALESCE({same} && isNumeric({value}), false)")
        if name in literals.SAFE_FORMS:
            form = Literal(literals.SAFE_FORMS[name])
            return loose(f"!COALESCE({same} && REGEX(STR({value}), {form}), false)")
        if name in literals.FREE:
            return exact(f"!COALESCE({same}, false)")
        return loose(
            f"isLiteral({value})" if name in literals.FORMS else f"!COALESCE({same}, false)"
        )

    def parameters(self) -> dict[str, str]:
        """The datatype."""
        return {"datatype": vocab.shorten(self.iri.value)}


@dataclass(frozen=True)
class NodeKind(PerValue):
    """§4.1.3."""

    kind: str
    component: ClassVar[str] = "NodeKindConstraintComponent"
    KINDS: ClassVar[dict[str, tuple[type, ...]]] = {
        "IRI": (NamedNode,),
        "BlankNode": (BlankNode,),
        "Literal": (Literal,),
        "BlankNodeOrIRI": (BlankNode, NamedNode),
        "BlankNodeOrLiteral": (BlankNode, Literal),
        "IRIOrLiteral": (NamedNode, Literal),
    }
    _TESTS: ClassVar[dict[type, str]] = {
        NamedNode: "isIRI",
        BlankNode: "isBlank",
        Literal: "isLiteral",
    }

    def holds(self, judge: Judge, shape: Shape, focus: Term, value: Term) -> bool:  # noqa: ARG002
        """Whether the value is of the kind."""
        return isinstance(value, self.KINDS[self.kind])

    def suspect(self, shape: Shape, focus: str, value: str, draft: Draft) -> Suspicion:  # noqa: ARG002
        """Another kind."""
        tests = (f"{self._TESTS[kind]}({value})" for kind in self.KINDS[self.kind])
        return exact(f"!({' || '.join(tests)})")

    def parameters(self) -> dict[str, str]:
        """The kind."""
        return {"nodeKind": f"sh:{self.kind}"}


@dataclass(frozen=True)
class Range(PerValue):
    """§4.3: a bound on values, as SPARQL compares."""

    parameter: str
    bound: Literal
    _OPERATORS: ClassVar[dict[str, tuple[str, bool]]] = {
        "minExclusive": ("<", True),
        "minInclusive": ("<=", True),
        "maxExclusive": ("<", False),
        "maxInclusive": ("<=", False),
    }

    @property
    def component(self) -> str:
        """One of four."""
        return f"{self.parameter[0].upper()}{self.parameter[1:]}ConstraintComponent"

    def holds(self, judge: Judge, shape: Shape, focus: Term, value: Term) -> bool:  # noqa: ARG002
        """Whether the value is on the right side."""
        if not isinstance(value, Literal):
            return False
        operator, bound_first = self._OPERATORS[self.parameter]
        pair = (self.bound, value) if bound_first else (value, self.bound)
        return literals.compare(pair[0], operator, pair[1])

    def suspect(self, shape: Shape, focus: str, value: str, draft: Draft) -> Suspicion:  # noqa: ARG002
        """Not comparable, or on the wrong side."""
        operator, bound_first = self._OPERATORS[self.parameter]
        pair = (self.bound, value) if bound_first else (value, self.bound)
        test = f"{pair[0]} {operator} {pair[1]}"
        return loose(f'!COALESCE({test} && LANG({value}) = "", false)')

    def parameters(self) -> dict[str, str]:
        """The bound."""
        return {self.parameter: self.bound.value}


@dataclass(frozen=True)
class Length(PerValue):
    """§4.4.1 and §4.4.2."""

    number: int
    at_most: bool

    @property
    def component(self) -> str:
        """One of two."""
        return f"{'Max' if self.at_most else 'Min'}LengthConstraintComponent"

    def holds(self, judge: Judge, shape: Shape, focus: Term, value: Term) -> bool:  # noqa: ARG002
        """Whether the text is long, or short, enough."""
        if not isinstance(value, Literal | NamedNode):
            return False
        return len(value.value) <= self.number if self.at_most else len(value.value) >= self.number

    def suspect(self, shape: Shape, focus: str, value: str, draft: Draft) -> Suspicion:  # noqa: ARG002
        """A blank node, or too long, or too short."""
        if self.number == 1 and not self.at_most:
            return exact(f'isBlank({value}) || STR({value}) = ""')
        operator = ">" if self.at_most else "<"
        return exact(f"isBlank({value}) || STRLEN(STR({value})) {operator} {self.number}")

    def parameters(self) -> dict[str, str]:
        """The number."""
        return {"maxLength" if self.at_most else "minLength": str(self.number)}


@dataclass(frozen=True)
class Pattern(PerValue):
    """§4.4.3."""

    pattern: str
    flags: str = ""
    component: ClassVar[str] = "PatternConstraintComponent"

    def holds(self, judge: Judge, shape: Shape, focus: Term, value: Term) -> bool:  # noqa: ARG002
        """Whether the pattern is found in the text."""
        return isinstance(value, Literal | NamedNode) and literals.matches(
            value.value, self.pattern, self.flags
        )

    def suspect(self, shape: Shape, focus: str, value: str, draft: Draft) -> Suspicion:  # noqa: ARG002
        """A blank node, or a text without the pattern."""
        if not literals.is_pattern(self.pattern, self.flags):
            return loose(f"isBlank({value}) || true")
        arguments = f"STR({value}), {Literal(self.pattern)}, {Literal(self.flags)}"
        return exact(f"isBlank({value}) || !REGEX({arguments})")

    def parameters(self) -> dict[str, str]:
        """The pattern."""
        return {"pattern": self.pattern, "flags": self.flags}


@dataclass(frozen=True)
class LanguageIn(PerValue):
    """§4.4.4."""

    languages: tuple[str, ...]
    component: ClassVar[str] = "LanguageInConstraintComponent"

    def holds(self, judge: Judge, shape: Shape, focus: Term, value: Term) -> bool:  # noqa: ARG002
        """Whether the language is within one of the ranges."""
        tag = (value.language or "").lower() if isinstance(value, Literal) else ""
        return bool(tag) and any(
            tag == each or tag.startswith(f"{each}-") or each == "*"
            for each in map(str.lower, self.languages)
        )

    def suspect(self, shape: Shape, focus: str, value: str, draft: Draft) -> Suspicion:  # noqa: ARG002
        """No language, or another."""
        tests = (f"LANGMATCHES(LANG({value}), {Literal(each)})" for each in self.languages)
        return exact(f"!COALESCE({' || '.join(tests) or 'false'}, false)")

    def parameters(self) -> dict[str, str]:
        """The languages."""
        return {"languageIn": ", ".join(self.languages)}


@dataclass(frozen=True)
class In(PerValue):
    """§4.8.3."""

    terms: tuple[Term, ...]
    component: ClassVar[str] = "InConstraintComponent"

    def __post_init__(self) -> None:
        object.__setattr__(self, "_known", frozenset(self.terms))

    def holds(self, judge: Judge, shape: Shape, focus: Term, value: Term) -> bool:  # noqa: ARG002
        """Whether the value is one of the terms."""
        return value in self._known  # type: ignore[attr-defined]

    def suspect(self, shape: Shape, focus: str, value: str, draft: Draft) -> Suspicion:  # noqa: ARG002
        """Another value."""
        if any(isinstance(term, BlankNode) for term in self.terms):
            return ANY
        tests = (f"sameTerm({value}, {term})" for term in self.terms)
        return exact(f"!({' || '.join(tests) or 'false'})")

    def parameters(self) -> dict[str, str]:
        """The terms."""
        return {"in": ", ".join(map(shown, self.terms))}
