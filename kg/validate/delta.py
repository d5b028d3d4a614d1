"""Validation of what changed alone: the focus nodes that added and removed triples can touch.

A shape's verdict at a focus node depends on the steps that its paths take from there. A
changed triple is followed backwards along them, in the new state and, through the removed
triples, in the old; what is found is judged anew, and all else stays as it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from pyoxigraph import NamedNode, Triple

from kg import vocab
from kg.validate.engine import of_group
from kg.validate.judging import Judge
from kg.validate.model import Constraint, Draft, Shape, Suspicion, suspect
from kg.validate.paths import Here, Look, Path, Step, Term, joined
from kg.validate.queries import Sparql
from kg.validate.results import Result
from kg.validate.shapes import Context, Shapes

_TYPE: Final = NamedNode(vocab.RDF + "type")
_SUBCLASS: Final = NamedNode(vocab.RDFS + "subClassOf")


#: Nodes judged together: what they state is held in memory meanwhile.
_BATCH: Final = 500
#: So many nodes of one kind are worth a query that finds the suspects among them.
ASKED: Final = 16
#: The way to focus nodes that no path leads back to: all of a shape's are meant.
_ANYWHERE: Final = Step(Here(), None)


class _Watch(NamedTuple):
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
            from kg.validate import reach  # noqa: PLC0415 - rdflib's parser takes long to build

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


class _Way(NamedTuple):
    """A way from an end of a triple to focus nodes: back along a path, then out of a target."""

    inverse: bool
    before: Path
    chain: Path

    def nodes(self, look: Look, triple: Triple) -> list[Term]:
        """The focus nodes that the triple touches."""
        start = triple.object if self.inverse else triple.subject
        if isinstance(self.before, Here) and isinstance(self.chain, Here):
            return [start]
        roots = self.before.walk(look, start, backward=True)
        return [node for root in roots for node in self.chain.walk(look, root)]


def touched(
    judge: Judge, shapes: Shapes, added: Collection[Triple], removed: Collection[Triple]
) -> dict[Term, frozenset[Shape]]:
    """The shapes of each focus node that the change can touch, in the new state or the old."""
    look = _either(judge, removed)
    found: dict[Term, dict[frozenset[Shape], None]] = {}
    relevant: dict[tuple[NamedNode, Term | None], dict[_Way, frozenset[Shape]]] = {}
    for triple in dict.fromkeys((*added, *removed)):
        key = (triple.predicate, triple.object if triple.predicate == _TYPE else None)
        if (known := relevant.get(key)) is None:
            known = relevant[key] = _relevant(judge, shapes, triple)
        for way, concerned in known.items():
            for node in way.nodes(look, triple):
                found.setdefault(node, {})[concerned] = None
    unions: dict[tuple[frozenset[Shape], ...], frozenset[Shape]] = {}
    return {node: _union(unions, tuple(groups)) for node, groups in found.items()}


def _relevant(judge: Judge, shapes: Shapes, triple: Triple) -> dict[_Way, frozenset[Shape]]:
    """The ways from such a triple, each with the shapes whose focus nodes it leads to."""
    by_predicate = watches(shapes).by_predicate
    ways: dict[_Way, set[Shape]] = defaultdict(set)
    for name in (triple.predicate, None):
        for shape, step, chain in by_predicate.get(name, ()):
            if step.under is None or triple.object in judge.subclasses(step.under):
                ways[_Way(step.inverse, step.before, chain or Here())].add(shape)
    return {way: frozenset(concerned) for way, concerned in ways.items()}


def _union(
    known: dict[tuple[frozenset[Shape], ...], frozenset[Shape]],
    groups: tuple[frozenset[Shape], ...],
) -> frozenset[Shape]:
    """The shapes of several groups: one object for the many nodes that share them."""
    if groups not in known:
        known[groups] = frozenset().union(*groups)
    return known[groups]


def results(
    judge: Judge, shapes: Shapes, touched: Mapping[Term, frozenset[Shape]]
) -> Iterator[Result]:
    """What is found at the nodes by the shapes that they are still focus nodes of.

    Node after node, as most shapes read what the node states; a query is put for many at once.
    """
    plans: dict[tuple[frozenset[Shape], frozenset[Term]], _Plan] = {}
    draft = Draft(judge.live)
    waiting = iter(touched.items())
    while batch := list(islice(waiting, _BATCH)):
        groups: dict[_Plan, list[Term]] = defaultdict(list)
        for node, concerned in batch:
            key = (concerned, judge.kinds(node))
            if (plan := plans.get(key)) is None:
                plan = plans[key] = _Plan(judge, shapes, *key, draft)
            groups[plan].append(node)
        todo = [pair for plan, nodes in groups.items() for pair in plan.suspects(judge, nodes)]
        judge.read(node for node, _ in todo)
        judge.clear(_cleared(judge, todo))
        for node, shape in todo:
            yield from judge.results(shape, node)


class _Plan:
    """What is to be judged at nodes of the same types that the same shapes are concerned with."""

    def __init__(
        self,
        judge: Judge,
        shapes: Shapes,
        concerned: Iterable[Shape],
        kinds: frozenset[Term],
        draft: Draft,
    ) -> None:
        #: Shapes that such a node surely is a focus node of; those where more must be asked.
        self.sure: list[Shape] = []
        self.unsure: list[tuple[Shape, list[Context]]] = []
        self.draft = draft
        for shape in concerned:
            contexts = shapes.contexts[shape]
            by_type = [
                not judge.subclasses(target.term).isdisjoint(kinds)
                for target, chain in contexts
                if target.kind == "class"
                and isinstance(chain, Here)
                and isinstance(target.term, NamedNode)
            ]
            if any(by_type):
                self.sure.append(shape)
            elif len(by_type) < len(contexts):
                self.unsure.append((shape, contexts))

    def suspects(self, judge: Judge, nodes: list[Term]) -> Iterator[tuple[Term, Shape]]:
        """Nodes, each with a shape that it may violate: all pairs, or by a query if many."""
        for shape, contexts in self.unsure:
            yield from ((node, shape) for node in nodes if judge.reached(contexts, node))
        named = [node for node in nodes if isinstance(node, NamedNode)]
        if len(named) < ASKED:
            yield from ((node, shape) for node in nodes for shape in self.sure)
            return
        others = [node for node in nodes if not isinstance(node, NamedNode)]
        yield from ((node, shape) for node in others for shape in self.sure)
        always, asked = self.asked
        yield from ((node, shape) for node in named for shape in always)
        if asked:
            pattern = f"VALUES ?this {{ {' '.join(map(str, named))} }}"
            yield from ((node, shape) for shape, node in of_group(judge.store, pattern, asked))

    @cached_property
    def asked(self) -> tuple[list[Shape], list[tuple[Shape, Suspicion]]]:
        """The sure shapes that no test of a node spares, and what is asked for the others."""
        always, asked = [], []
        for shape in self.sure:
            suspicion = suspect(replace(shape, properties=[]), "?this", self.draft)
            if suspicion.expression == "true":
                always.append(shape)
            elif suspicion.expression != "false":
                asked.append((shape, suspicion))
        return always, asked


def _cleared(
    judge: Judge, todo: Iterable[tuple[Term, Shape]]
) -> dict[Constraint, Collection[Term]]:
    """Focus nodes where the queries of constraints, each put once for all of them, find nothing."""
    asked: dict[Sparql, list[NamedNode]] = defaultdict(list)
    for node, shape in todo:
        if isinstance(node, NamedNode):
            for constraint in shape.constraints:
                if isinstance(constraint, Sparql):
                    asked[constraint].append(node)
    return {
        rule: {*nodes} - found
        for rule, nodes in asked.items()
        if len(nodes) > 1 and (found := rule.query.suspects(judge.store, nodes)) is not None
    }


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
