"""SHACL property paths (§2.3.1): read from a shapes graph, walked over a store, written as SPARQL.

Walking gives the distinct nodes that a path reaches, in a fixed order of discovery; `backward`
walks from the end to the start. `Look` is what a walk asks: the objects of a subject by a
predicate, or the subjects of an object.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from kg.errors import KnowledgeGraphError

Term: TypeAlias = NamedNode | BlankNode | Literal | Triple
#: look(node, predicate, inverse): the neighbours of a node.
Look: TypeAlias = Callable[[Term, NamedNode, bool], list[Term]]


class Path(ABC):
    """A property path; equal paths are equal values, and `str` is its SPARQL text."""

    @abstractmethod
    def walk(self, look: Look, node: Term, backward: bool = False) -> list[Term]:
        """The distinct nodes at the other end of the path."""

    @abstractmethod
    def steps(self) -> Iterator[Step]:
        """Every predicate of the path, with the path that leads up to it."""

    @property
    def simple(self) -> NamedNode | None:
        """The predicate, where the path is nothing but one."""
        return None


@dataclass(frozen=True)
class Step:
    """A predicate that a walk reads, at the nodes which `before` leads to."""

    before: Path
    predicate: NamedNode | None  # None: any predicate
    inverse: bool = False
    under: NamedNode | None = None  # only objects that are this class, or stand under it


@dataclass(frozen=True)
class Here(Path):
    """The path of no step."""

    def walk(self, look: Look, node: Term, backward: bool = False) -> list[Term]:  # noqa: ARG002
        """The node itself."""
        return [node]

    def steps(self) -> Iterator[Step]:
        """None."""
        return iter(())

    def __str__(self) -> str:
        return ""


@dataclass(frozen=True)
class Predicate(Path):
    """One predicate, forwards or (`sh:inversePath`) backwards."""

    iri: NamedNode
    inverse: bool = False

    def walk(self, look: Look, node: Term, backward: bool = False) -> list[Term]:
        """The objects, or the subjects."""
        return look(node, self.iri, self.inverse != backward)

    def steps(self) -> Iterator[Step]:
        """The predicate."""
        yield Step(Here(), self.iri, self.inverse)

    @property
    def simple(self) -> NamedNode | None:
        """The predicate, unless it is inverse."""
        return None if self.inverse else self.iri

    def __str__(self) -> str:
        return f"^{self.iri}" if self.inverse else str(self.iri)


@dataclass(frozen=True)
class Inverse(Path):
    """The inverse of a path that is more than a predicate, kept as the shape writes it."""

    part: Path

    def walk(self, look: Look, node: Term, backward: bool = False) -> list[Term]:
        """What the path reaches the other way."""
        return self.part.walk(look, node, not backward)

    def steps(self) -> Iterator[Step]:
        """The steps of the path turned around."""
        return inverse(self.part).steps()

    def __str__(self) -> str:
        text = str(self.part)
        return f"^({text})" if text.startswith("^") else f"^{text}"


@dataclass(frozen=True)
class Sequence(Path):
    """One path after the other."""

    parts: tuple[Path, ...]

    def walk(self, look: Look, node: Term, backward: bool = False) -> list[Term]:
        """What the last part reaches."""
        nodes = [node]
        for part in reversed(self.parts) if backward else self.parts:
            found = (end for start in nodes for end in part.walk(look, start, backward))
            nodes = list(dict.fromkeys(found))
        return nodes

    def steps(self) -> Iterator[Step]:
        """The steps of each part, after the parts before it."""
        for index, part in enumerate(self.parts):
            for step in part.steps():
                before = joined(*self.parts[:index], step.before)
                yield Step(before, step.predicate, step.inverse)

    def __str__(self) -> str:
        return "(" + "/".join(map(str, self.parts)) + ")"


@dataclass(frozen=True)
class Alternative(Path):
    """Any one of several paths."""

    parts: tuple[Path, ...]

    def walk(self, look: Look, node: Term, backward: bool = False) -> list[Term]:
        """What any part reaches."""
        found = (end for part in self.parts for end in part.walk(look, node, backward))
        return list(dict.fromkeys(found))

    def steps(self) -> Iterator[Step]:
        """The steps of every part."""
        for part in self.parts:
            yield from part.steps()

    def __str__(self) -> str:
        return "(" + "|".join(map(str, self.parts)) + ")"


@dataclass(frozen=True)
class Repeated(Path):
    """A path any number of times: `*`, `+` or `?`."""

    part: Path
    mark: str

    def walk(self, look: Look, node: Term, backward: bool = False) -> list[Term]:
        """The closure; the node itself too unless the mark is `+`."""
        if self.mark == "?":
            return list(dict.fromkeys([node, *self.part.walk(look, node, backward)]))
        found: dict[Term, None] = {} if self.mark == "+" else {node: None}
        waiting = [node]
        while waiting:
            for end in self.part.walk(look, waiting.pop(), backward):
                if end not in found:
                    found[end] = None
                    waiting.append(end)
        return list(found)

    def steps(self) -> Iterator[Step]:
        """The steps of the path, each after any number of rounds."""
        for step in self.part.steps():
            before = (
                step.before if self.mark == "?" else joined(Repeated(self.part, "*"), step.before)
            )
            yield Step(before, step.predicate, step.inverse)

    def __str__(self) -> str:
        return f"({self.part}){self.mark}"


def joined(*parts: Path) -> Path:
    """The parts one after the other, as the simplest path that says so."""
    flat: list[Path] = []
    for part in parts:
        if isinstance(part, Sequence):
            flat += part.parts
        elif not isinstance(part, Here):
            flat.append(part)
    return Here() if not flat else flat[0] if len(flat) == 1 else Sequence(tuple(flat))


def inverse(path: Path) -> Path:
    """The same path walked the other way."""
    match path:
        case Predicate():
            return Predicate(path.iri, not path.inverse)
        case Sequence():
            return Sequence(tuple(inverse(part) for part in reversed(path.parts)))
        case Alternative():
            return Alternative(tuple(map(inverse, path.parts)))
        case Repeated():
            return Repeated(inverse(path.part), path.mark)
        case Inverse():
            return path.part
        case _:
            return path


def inverted(path: Path) -> Path:
    """What `sh:inversePath` makes of a path."""
    simple = isinstance(path, Predicate) and not path.inverse
    return inverse(path) if simple else Inverse(path)


_TOKEN: Final = re.compile(r"\s*(<[^<>\"{}|^`\\\x00-\x20]*>|[\^()|/*+?])")


def parse(text: str) -> Path:
    """The path that a SPARQL text means (IRIs written out).

    Raises KnowledgeGraphError where it is none.
    """
    tokens, at = [], 0
    while at < len(text):
        if not (found := _TOKEN.match(text, at)):
            raise KnowledgeGraphError(f"{text!r} is no property path: at character {at}")
        tokens.append(found[1])
        at = found.end()
    tokens.append("")

    def alternative() -> Path:
        parts = [sequence()]
        while tokens[0] == "|":
            tokens.pop(0)
            parts.append(sequence())
        return parts[0] if len(parts) == 1 else Alternative(tuple(parts))

    def sequence() -> Path:
        parts = [element()]
        while tokens[0] == "/":
            tokens.pop(0)
            parts.append(element())
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def element() -> Path:
        sign, path = tokens.pop(0), None
        if sign == "^":
            path = inverted(element())
        elif sign == "(":
            path = alternative()
            if tokens.pop(0) != ")":
                raise KnowledgeGraphError(f"{text!r} is no property path: ')' is missing")
        elif sign.startswith("<"):
            path = Predicate(NamedNode(sign[1:-1]))
        else:
            raise KnowledgeGraphError(f"{text!r} is no property path: found {sign or 'its end'!r}")
        while tokens[0] and tokens[0] in "*+?":
            path = Repeated(path, tokens.pop(0))
        return path

    path = alternative()
    if tokens != [""]:
        raise KnowledgeGraphError(f"{text!r} is no property path: found {tokens[0]!r}")
    return path
