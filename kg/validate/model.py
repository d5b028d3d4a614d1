"""What a shape is once it is compiled: its targets, its constraints, and what each can say.

A constraint says three things about itself: what it finds at a focus node (`judge`, exact),
a SPARQL test of what it may find (`suspect`, never too narrow), and what it reads (`reads`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from pyoxigraph import Literal, NamedNode

from kg import vocab
from kg.validate.paths import Here, Path, Step, Term

if TYPE_CHECKING:
    from kg.validate.judging import Judge


class Found(NamedTuple):
    """One thing that a constraint finds; fields left None are the shape's own."""

    value: Term | None
    path: str | None = None
    message: Mapping[str, str] | None = None
    constraint: Term | None = None


class Suspicion(NamedTuple):
    """A SPARQL expression, true or false and never an error.

    It holds wherever the constraint finds something; where it is `exact`, only there. It may be
    no more than that certain patterns are missing: a query asks that of many nodes at once.
    """

    expression: str
    exact: bool
    missing: tuple[str, ...] = ()

    @property
    def without(self) -> str:
        """What leaves only those of the solutions before it that lack every such pattern."""
        return " ".join(f"MINUS {{ {pattern} }}" for pattern in self.missing)


#: What a constraint says that SPARQL cannot tell: look at every node.
ANY = Suspicion("true", exact=False)


class Draft:
    """What a query is written with: fresh variables, and the classes that have instances."""

    def __init__(self, classes: Callable[[NamedNode], list[NamedNode]]) -> None:
        self.classes = classes
        self._numbers = count(1)  # in one step, as several queries are written at a time

    def variable(self) -> str:
        """A variable that the query does not have yet."""
        return f"?v{next(self._numbers)}"


class Constraint(ABC):
    """A constraint component with its parameters, at one shape."""

    @property
    @abstractmethod
    def component(self) -> str:
        """The component: by its local name if it is SHACL's, else by its IRI."""

    @property
    def by_value(self) -> bool:
        """Whether the suspicion is about each value, not about the set of values."""
        return True

    #: Whether the suspicion of a value depends on the focus node too.
    relational: ClassVar[bool] = False
    #: It cannot hold where the path is a predicate with one value a subject for each of this: an
    #: expression of ?value, empty or an error for values that cannot matter. "true": one at all.
    functional: ClassVar[str] = ""

    @abstractmethod
    def judge(self, judge: Judge, shape: Shape, focus: Term, values: list[Term]) -> Iterable[Found]:
        """What the constraint finds at the focus node."""

    def suspect(self, shape: Shape, focus: str, value: str, draft: Draft) -> Suspicion:  # noqa: ARG002
        """A test of the focus node and, where the constraint is `by_value`, of each value."""
        return ANY

    def reads(self, shape: Shape) -> Iterator[Step]:  # noqa: ARG002
        """What is read besides the values themselves, from the focus node on."""
        return iter(())

    def inner(self) -> Iterator[Shape]:
        """The shapes that the values must or must not conform to."""
        return iter(())

    def parameters(self) -> dict[str, str]:
        """The parameters by name, as a message shows them."""
        return {}


class Target(NamedTuple):
    """Where focus nodes come from: `class`, `node`, `subjectsOf` or `objectsOf` a term."""

    kind: str
    term: Term


@dataclass(eq=False)
class Shape:
    """A node shape, or a property shape with its path."""

    term: Term
    path: Path = field(default_factory=Here)
    severity: str = "Violation"
    messages: Mapping[str, str] = field(default_factory=dict)
    deactivated: bool = False
    targets: list[Target] = field(default_factory=list)
    constraints: list[Constraint] = field(default_factory=list)
    properties: list[Shape] = field(default_factory=list)
    #: Components that pySHACL must judge.
    uncovered: list[str] = field(default_factory=list)
    #: Where a shape without an IRI stands: its path, and the shape that it belongs to.
    called: str = ""

    @property
    def is_property(self) -> bool:
        """Whether the shape has a path."""
        return not isinstance(self.path, Here)


def messages(literals: Iterable[Term]) -> dict[str, str]:
    """Messages by language; one without a language is taken as English."""
    found = {}
    for literal in sorted(literals, key=str):
        if isinstance(literal, Literal):
            found[literal.language or "en"] = literal.value
    return found


def exact(expression: str) -> Suspicion:
    """A suspicion that is right."""
    return Suspicion(expression, exact=True)


def loose(expression: str) -> Suspicion:
    """A suspicion that may be too wide."""
    return Suspicion(expression, exact=False)


def shown(term: Term) -> str:
    """A term as a message shows it."""
    match term:
        case NamedNode():
            return vocab.shorten(term.value)
        case Literal():
            return term.value
        case _:
            return str(term)


def any_of(suspicions: Iterable[Suspicion]) -> Suspicion:
    """Whether one of the suspicions holds."""
    parts = [each for each in suspicions if each.expression != "false"]
    if len(parts) == 1:
        return parts[0]
    exact = all(each.exact for each in parts)
    if any(each.expression == "true" for each in parts):
        return Suspicion("true", exact)
    return Suspicion(" || ".join(f"({each.expression})" for each in parts) or "false", exact)


def all_of(suspicions: Iterable[Suspicion]) -> Suspicion:
    """Whether all of the suspicions hold."""
    parts = [each for each in suspicions if each != Suspicion("true", exact=True)]
    exact = all(each.exact for each in parts)
    if any(each.expression == "false" for each in parts):
        return Suspicion("false", exact=True)
    rest = [each for each in parts if each.expression != "true"]
    missing = [each.missing for each in rest]
    together = " && ".join(f"({each.expression})" for each in rest)
    return Suspicion(together or "true", exact, sum(missing, ()) if all(missing) else ())


def negated(suspicion: Suspicion) -> Suspicion:
    """Whether what is suspected is not so: unknown where the suspicion is not exact."""
    if not suspicion.exact:
        return ANY
    opposite = {"true": "false", "false": "true"}
    return Suspicion(opposite.get(suspicion.expression, f"!({suspicion.expression})"), exact=True)


def suspect(shape: Shape, node: str, draft: Draft) -> Suspicion:
    """Whether the node that a variable holds may violate the shape."""
    if shape.deactivated:
        return Suspicion("false", exact=True)
    if shape.uncovered:
        return ANY
    if not shape.is_property:
        own = [each.suspect(shape, node, node, draft) for each in shape.constraints]
        return any_of([*own, *(suspect(each, node, draft) for each in shape.properties)])
    value = draft.variable()
    whole = [
        each.suspect(shape, node, "", draft) for each in shape.constraints if not each.by_value
    ]
    each_value = any_of(
        [
            *(
                each.suspect(shape, node, value, draft)
                for each in shape.constraints
                if each.by_value
            ),
            *(suspect(each, value, draft) for each in shape.properties),
        ]
    )
    return any_of([*whole, some(f"{node} {shape.path} {value}", each_value)])


def some(pattern: str, suspicion: Suspicion) -> Suspicion:
    """Whether a suspicion holds for some solution of the pattern."""
    if suspicion.expression == "false":
        return suspicion
    test = "" if suspicion.expression == "true" else f" FILTER({suspicion.expression})"
    return Suspicion(f"EXISTS {{ {pattern}{test} }}", suspicion.exact)
