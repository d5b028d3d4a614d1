"""Known exceptions that pass visibly: `ontology/waivers.ttl` (its head says how one is written).

A waiver names a shape, a focus node or a class of them, the reason, who decided it, and the
last day it holds. What it covers is counted apart; an expired waiver covers nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Final

from pyoxigraph import BlankNode, Literal, NamedNode

from kg import vocab
from kg.validate.model import Shape, shown
from kg.validate.paths import Term
from kg.validate.results import Result
from kg.validate.source import Source

if TYPE_CHECKING:
    from kg.validate.judging import Judge

NAMESPACE: Final = "https://w3id.org/aicluster/ontology/shapes#"
KIND: Final = NamedNode(NAMESPACE + "Waiver")


@dataclass(frozen=True)
class Waiver:
    """One exception: results of these shapes at these focus nodes, up to and with a day."""

    name: str
    shapes: frozenset[str]
    nodes: frozenset[str]
    classes: tuple[NamedNode, ...]
    reason: str
    by: str
    until: date

    def __str__(self) -> str:
        return f"{self.reason} ({self.by}, until {self.until})"


def read(source: Source, shapes: dict[Term, Shape]) -> Iterator[Waiver]:
    """The waivers of a shapes graph; raises KnowledgeGraphError where one lacks a part."""
    for term in source.index:
        if KIND not in source.get(term, vocab.RDF + "type"):
            continue
        named = source.get(term, NAMESPACE + "waivesShape")
        if unknown := [each for each in named if each not in shapes]:
            source.fail(term, f"it waives {shown(unknown[0])}, which is no shape")
        nodes = source.get(term, NAMESPACE + "focusNode")
        classes = source.get(term, NAMESPACE + "focusClass")
        if not named or not (nodes or classes):
            source.fail(term, "expected waivesShape, and focusNode or focusClass")
        until = _text(source, term, vocab.DCTERMS + "valid")
        try:
            day = date.fromisoformat(until)
        except ValueError:
            source.fail(term, f"dcterms:valid is {until!r}, expected a date (2027-12-31)")
        yield Waiver(
            shown(term),
            frozenset(str(part.term) for each in named for part in _parts(shapes[each])),
            frozenset(map(str, nodes)),
            tuple(each for each in classes if isinstance(each, NamedNode)),
            _text(source, term, vocab.DCTERMS + "description"),
            _text(source, term, vocab.DCTERMS + "creator"),
            day,
        )


def _parts(shape: Shape) -> Iterator[Shape]:
    """A shape and the property shapes that it has."""
    yield shape
    for each in shape.properties:
        yield from _parts(each)


def _text(source: Source, term: Term, name: str) -> str:
    values = source.get(term, name)
    if len(values) != 1 or not isinstance(value := values[0], Literal | NamedNode):
        source.fail(term, f"expected one {vocab.shorten(name)}")
    return value.value


class Waiving:
    """The waivers of one run, and what each of them let pass."""

    def __init__(self, waivers: Iterable[Waiver], judge: Judge, today: date) -> None:
        self.judge = judge
        self.expired = [each for each in waivers if each.until < today]
        self.used = {each: 0 for each in waivers if each.until >= today}

    def apply(self, results: Iterable[Result]) -> Iterator[Result]:
        """The results, each with the waiver that covers it."""
        for result in results:
            waiver = next((each for each in self.used if self._covers(each, result)), None)
            if waiver is not None:
                self.used[waiver] += 1
            text = "" if waiver is None else str(waiver)
            yield result if text == result.waiver else replace(result, waiver=text)

    def _covers(self, waiver: Waiver, result: Result) -> bool:
        if result.shape not in waiver.shapes:
            return False
        focus = result.focus
        if focus in waiver.nodes or not waiver.classes or focus.startswith('"'):
            return focus in waiver.nodes
        node = BlankNode(focus[2:]) if focus.startswith("_:") else NamedNode(focus[1:-1])
        return any(self.judge.is_instance(node, each) for each in waiver.classes)

    def notices(self) -> tuple[str, ...]:
        """The waivers that have expired, and those that cover nothing."""
        return tuple(
            f"waiver {each.name} expired on {each.until} and no longer counts: {each.reason}"
            for each in self.expired
        ) + tuple(
            f"waiver {each.name} covers nothing: remove it"
            for each, count in self.used.items()
            if not count
        )
