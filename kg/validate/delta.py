"""Validation of what changed alone: the focus nodes that added and removed triples can touch.

A shape's verdict at a focus node depends on the steps that its paths take from there. A
changed triple is followed backwards along them, in the new state and, through the removed
triples, in the old; what is found is judged anew, and all else stays as it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakKeyDictionary

from pyoxigraph import NamedNode, Triple

from kg import vocab
from kg.validate import reach
from kg.validate.judging import Judge
from kg.validate.model import Shape
from kg.validate.paths import Here, Look, Path, Step, Term, joined
from kg.validate.queries import Sparql
from kg.validate.shapes import Context, Shapes

_TYPE: Final = NamedNode(vocab.RDF + "type")
_SUBCLASS: Final = NamedNode(vocab.RDFS + "subClassOf")


#: The way to focus nodes that no path leads back to: all of a shape's are meant.
_ANYWHERE: Final = Step(Here(), None)


@dataclass(frozen=True)
class _Watch:
    """A step whose triples touch focus nodes of a shape: those that `step.before` starts from.

    With a `chain`, the step is on the way from a target: those that the chain ends at.
    """

    shape: Shape
    step: Step
    chain: Path | None = None


@dataclass
class Watches:
    """Every step of every shape, by predicate."""

    by_predicate: dict[NamedNode | None, list[_Watch]] = field(
        default_factory=lambda: defaultdict(list)
    )
    #: Shapes that any triple may matter to.
    everywhere: list[Shape] = field(default_factory=list)

    @classmethod
    def of(cls, shapes: Shapes) -> Watches:
        """Collect the steps of the shapes."""
        made = cls()
        for shape, contexts in shapes.contexts.items():
            if not shape.constraints:
                continue
            found = [_Watch(shape, step) for step in _steps(shape)]
            if any(step is _ANYWHERE for step in _steps(shape)):
                made.everywhere.append(shape)
                continue
            for context in contexts:
                found += _of_context(shape, context)
            for watch in dict.fromkeys(found):
                made.by_predicate[watch.step.predicate].append(watch)
        return made


def _steps(shape: Shape) -> Iterator[Step]:
    """What judging a shape reads, from its focus node; `sh:property` shapes read for themselves."""
    yield from shape.path.steps()
    for constraint in shape.constraints:
        if isinstance(constraint, Sparql):
            found, complete = reach.steps(constraint.query)
            yield from found if complete else [_ANYWHERE]
        yield from constraint.reads(shape)
        for inner in constraint.inner():
            yield from _below(shape.path, inner)


def _below(path: Path, shape: Shape) -> Iterator[Step]:
    """What asking whether the values of a path conform to a shape reads."""
    for step in _steps(shape):
        if step is _ANYWHERE:
            yield step
            continue
        yield Step(joined(path, step.before), step.predicate, step.inverse, step.under)
    for each in shape.properties:
        yield from _below(joined(path, shape.path), each)


def _of_context(shape: Shape, context: Context) -> Iterator[_Watch]:
    """What makes a node a focus node of the shape."""
    target, chain = context
    if target.kind == "class":
        assert isinstance(target.term, NamedNode)  # noqa: S101 - `compile` has checked it
        yield _Watch(shape, Step(Here(), _TYPE, under=target.term), chain)
    elif target.kind != "node":
        assert isinstance(target.term, NamedNode)  # noqa: S101 - `compile` has checked it
        yield _Watch(shape, Step(Here(), target.term, target.kind == "objectsOf"), chain)
    for step in chain.steps():
        yield _Watch(shape, step, chain)


_watches: WeakKeyDictionary[Shapes, Watches] = WeakKeyDictionary()


def watches(shapes: Shapes) -> Watches:
    """The steps of the shapes, worked out once."""
    if (known := _watches.get(shapes)) is None:
        known = _watches[shapes] = Watches.of(shapes)
    return known


def touched(
    judge: Judge, shapes: Shapes, added: Collection[Triple], removed: Collection[Triple]
) -> dict[Shape, set[Term]]:
    """The focus nodes of each shape that the change can touch, in the new state or the old."""
    by_predicate = watches(shapes).by_predicate
    look = _either(judge, removed)
    found: dict[Shape, set[Term]] = defaultdict(set)
    relevant: dict[tuple[NamedNode, Term | None], list[_Watch]] = {}
    for triple in dict.fromkeys((*added, *removed)):
        key = (triple.predicate, triple.object if triple.predicate == _TYPE else None)
        if (known := relevant.get(key)) is None:
            known = relevant[key] = [
                watch
                for name in (triple.predicate, None)
                for watch in by_predicate.get(name, ())
                if watch.step.under is None or triple.object in judge.subclasses(watch.step.under)
            ]
        for watch in known:
            step = watch.step
            start = triple.object if step.inverse else triple.subject
            nodes = step.before.walk(look, start, backward=True)
            if watch.chain is not None:
                nodes = [end for node in nodes for end in watch.chain.walk(look, node)]
            found[watch.shape].update(nodes)
    return found


def _either(judge: Judge, removed: Iterable[Triple]) -> Look:
    """Look in the new state and in what was taken from it."""
    gone: dict[tuple[Term, NamedNode, bool], list[Term]] = defaultdict(list)
    for triple in removed:
        gone[triple.subject, triple.predicate, False].append(triple.object)
        gone[triple.object, triple.predicate, True].append(triple.subject)

    def look(node: Term, predicate: NamedNode, inverse: bool) -> list[Term]:
        now = judge.look(node, predicate, inverse)
        return [*now, *before] if (before := gone.get((node, predicate, inverse))) else now

    return look


def moves_hierarchy(added: Iterable[Triple], removed: Iterable[Triple]) -> bool:
    """Whether the change touches the class hierarchy: then nothing can be said to be untouched."""
    return any(triple.predicate == _SUBCLASS for triple in (*added, *removed))
