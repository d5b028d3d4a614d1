"""A shapes graph as it is read: values of the right kind, lists, paths; or an error with a name."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeAlias

from pyoxigraph import BlankNode, Literal, NamedNode, Quad

from kg import vocab
from kg.errors import KnowledgeGraphError
from kg.validate import literals
from kg.validate.model import shown
from kg.validate.paths import Alternative, Path, Predicate, Repeated, Sequence, Term, inverted

#: Where a named shape is written, for example `ontology/shapes/core.ttl:120`; "" where unknown.
Place: TypeAlias = Callable[[str], str]

SUBCLASS = vocab.RDFS + "subClassOf"


class Source:
    """The statements of a shapes graph."""

    def __init__(self, quads: list[Quad], place: Place) -> None:
        self.place = place
        self.index: dict[Term, dict[str, list[Term]]] = {}
        self.parents: dict[Term, list[tuple[str, Term]]] = {}
        for quad in quads:
            name = quad.predicate.value
            self.index.setdefault(quad.subject, {}).setdefault(name, []).append(quad.object)
            if isinstance(quad.object, BlankNode | NamedNode):
                self.parents.setdefault(quad.object, []).append((name, quad.subject))

    def get(self, term: Term, name: str) -> list[Term]:
        """The values of a property."""
        return self.index.get(term, {}).get(name, [])

    def sh(self, term: Term, name: str) -> list[Term]:
        """The values of a property of SHACL's."""
        return self.get(term, vocab.SH + name)

    def below(self, top: Term) -> set[Term]:
        """The classes under a class."""
        found: set[Term] = set()
        waiting = [top]
        while waiting:
            for name, below in self.parents.get(waiting.pop(), ()):
                if name == SUBCLASS and below not in found:
                    found.add(below)
                    waiting.append(below)
        return found

    def fail(self, term: Term, message: str) -> NoReturn:
        """Raise KnowledgeGraphError that names the shape, by its owner where it has no name."""
        owner, way = term, []
        seen = {term}
        while isinstance(owner, BlankNode):
            above = next(
                (each for each in self.parents.get(owner, ()) if each[1] not in seen), None
            )
            if above is None:
                break
            way.append(vocab.shorten(above[0]))
            owner = above[1]
            seen.add(owner)
        path = self.sh(term, "path")
        where = f" at {shown(path[0])}" if path and isinstance(path[0], NamedNode) else ""
        within = f" ({' of '.join(way)}{where})" if way else where
        known = self.place(owner.value) if isinstance(owner, NamedNode) else ""
        prefix = f"{known}: " if known else ""
        raise KnowledgeGraphError(f"{prefix}ill-formed shape {shown(owner)}{within}: {message}")

    def members(self, shape: Term, head: Term, name: str) -> list[Term]:
        """The members of a list."""
        found: list[Term] = []
        seen: set[Term] = set()
        while head != NamedNode(vocab.RDF + "nil"):
            first, rest = self.get(head, vocab.RDF + "first"), self.get(head, vocab.RDF + "rest")
            if head in seen or len(first) != 1 or len(rest) != 1:
                self.fail(shape, f"the value of sh:{name} is no list")
            seen.add(head)
            found.append(first[0])
            head = rest[0]
        return found

    def one(self, term: Term, name: str) -> Term | None:
        """The value of a parameter that stands at most once."""
        values = self.sh(term, name)
        if len(values) > 1:
            self.fail(term, f"sh:{name} stands {len(values)} times, expected once at most")
        return values[0] if values else None

    def integer(self, term: Term, name: str) -> int | None:
        """An integer parameter."""
        value = self.one(term, name)
        if value is None:
            return None
        if (
            not isinstance(value, Literal)
            or value.datatype.value != vocab.XSD + "integer"
            or not literals.well_formed(value)
        ):
            self.fail(term, f"sh:{name} is {value}, expected an integer")
        return int(value.value)

    def boolean(self, term: Term, name: str) -> bool:
        """A boolean parameter, false where it is missing."""
        value = self.one(term, name)
        if value is None:
            return False
        if not isinstance(value, Literal) or value.datatype.value != vocab.XSD + "boolean":
            self.fail(term, f"sh:{name} is {value}, expected a boolean")
        return value.value == "true"  # "1" is another literal, and does not switch anything on

    def text(self, term: Term, name: str) -> str | None:
        """A parameter that is a text."""
        value = self.one(term, name)
        if value is not None and not isinstance(value, Literal):
            self.fail(term, f"sh:{name} is {value}, expected a text")
        return value.value if isinstance(value, Literal) else None

    def names(self, term: Term, name: str) -> list[NamedNode]:
        """The values of a parameter that are IRIs."""
        found = []
        for value in self.sh(term, name):
            if not isinstance(value, NamedNode):
                self.fail(term, f"sh:{name} is {value}, expected an IRI")
            found.append(value)
        return found

    def path(self, shape: Term, node: Term, above: tuple[Term, ...] = ()) -> Path:
        """The property path at a node (§2.3.1)."""
        if isinstance(node, NamedNode):
            return Predicate(node)
        if node in above or not isinstance(node, BlankNode):
            self.fail(shape, f"sh:path is {'cyclic' if node in above else node}, expected a path")
        above = (*above, node)
        if self.get(node, vocab.RDF + "first"):
            parts = self.members(shape, node, "path")
            if len(parts) < 2:
                self.fail(shape, "a sequence path needs two members at least")
            return Sequence(tuple(self.path(shape, part, above) for part in parts))
        for name, mark in (
            ("inversePath", "^"),
            ("alternativePath", "|"),
            ("zeroOrMorePath", "*"),
            ("oneOrMorePath", "+"),
            ("zeroOrOnePath", "?"),
        ):
            if (end := self.one(node, name)) is None:
                continue
            if mark == "|":
                parts = self.members(shape, end, "alternativePath")
                if len(parts) < 2:
                    self.fail(shape, "an alternative path needs two members at least")
                return Alternative(tuple(self.path(shape, part, above) for part in parts))
            inner = self.path(shape, end, above)
            return inverted(inner) if mark == "^" else Repeated(inner, mark)
        self.fail(shape, "sh:path leads to a blank node that is no property path")
