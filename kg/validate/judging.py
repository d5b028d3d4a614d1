"""The exact judgement of a shape at a focus node, read from the store's default graph."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

from pyoxigraph import BlankNode, DefaultGraph, NamedNode, Store

from kg import vocab
from kg.validate.defaults import default_message
from kg.validate.model import Constraint, Found, Shape, Target
from kg.validate.paths import Term
from kg.validate.queries import filled, plain
from kg.validate.results import Result

if TYPE_CHECKING:
    from kg.validate.shapes import Context

_GRAPH: Final = DefaultGraph()
_TYPE: Final = NamedNode(vocab.RDF + "type")
#: Nodes whose types are remembered: many shapes ask for them.
_REMEMBERED: Final = 10_000
#: Statements of a node read at once; one with more is asked for each predicate by itself.
_NEIGHBOURS: Final = 256
_SUBCLASS: Final = NamedNode(vocab.RDFS + "subClassOf")


#: Class → classes whose instances its own are all stated to be, as inference has seen to.
Superclasses: TypeAlias = Mapping[NamedNode, Collection[NamedNode]]
NOTHING: Final[Superclasses] = {}


class Judge:
    """What is asked of one store while it is validated; each class is looked up once."""

    def __init__(self, store: Store, inferred: Superclasses = NOTHING) -> None:
        self.store = store
        self._inferred = inferred
        self._closures: dict[NamedNode, frozenset[Term]] = {}
        self._kinds: dict[Term, frozenset[Term]] = {}
        self._near: dict[Term, dict[NamedNode, list[Term]]] = {}
        self._cleared: Mapping[Constraint, Collection[Term]] = {}
        self._live: dict[NamedNode, list[NamedNode]] = {}
        self._topmost: dict[NamedNode, list[NamedNode]] = {}

    def look(self, node: Term, predicate: NamedNode, inverse: bool) -> list[Term]:
        """The neighbours of a node by a predicate."""
        if not inverse and (near := self._near.get(node)) is not None:
            return near.get(predicate, [])
        match = self.store.quads_for_pattern
        if inverse:
            return [quad.subject for quad in match(None, predicate, node, _GRAPH)]
        if isinstance(node, NamedNode | BlankNode):
            return [quad.object for quad in match(node, predicate, None, _GRAPH)]
        return []

    def read(self, nodes: Iterable[Term]) -> None:
        """Read at once what each node states, as many shapes are to be judged there."""
        self._near = {}
        for node in nodes:
            stated = list(islice(self.statements(node), _NEIGHBOURS + 1))
            if len(stated) <= _NEIGHBOURS:
                near = self._near[node] = {}
                for predicate, value in stated:
                    near.setdefault(predicate, []).append(value)

    def clear(self, nodes: Mapping[Constraint, Collection[Term]]) -> None:
        """Take it as known that constraints find nothing at these focus nodes."""
        self._cleared = nodes

    def clears(self, constraint: Constraint, node: Term) -> bool:
        """Whether it is known that the constraint finds nothing at a focus node."""
        return bool(self._cleared) and node in self._cleared.get(constraint, ())

    def statements(self, node: Term) -> Iterator[tuple[NamedNode, Term]]:
        """The predicates and objects of a node."""
        if isinstance(node, NamedNode | BlankNode):
            for quad in self.store.quads_for_pattern(node, None, None, _GRAPH):
                yield quad.predicate, quad.object

    def subclasses(self, iri: NamedNode) -> frozenset[Term]:
        """The class and all that stand under it."""
        if (known := self._closures.get(iri)) is None:
            found, waiting = {iri}, [iri]
            while waiting:
                for below in self.look(waiting.pop(), _SUBCLASS, True):
                    if isinstance(below, NamedNode) and below not in found:
                        found.add(below)
                        waiting.append(below)
            known = self._closures[iri] = frozenset(found)
        return known

    def live(self, iri: NamedNode) -> list[NamedNode]:
        """The classes of `subclasses` that have instances, the class itself first."""
        if (known := self._live.get(iri)) is None:
            names = [each for each in self.subclasses(iri) if isinstance(each, NamedNode)]
            known = self._live[iri] = [
                each
                for each in sorted(names, key=lambda name: (name != iri, name.value))
                if any(self.store.quads_for_pattern(None, _TYPE, each, _GRAPH))
            ]
        return known

    def topmost(self, iri: NamedNode) -> list[NamedNode]:
        """Those of `live` that between them have all its instances, stated to be so."""
        if (known := self._topmost.get(iri)) is None:
            live = self.live(iri)
            others = (each for each in live[1:] if not self._stands_under(each, live[0]))
            known = self._topmost[iri] = [*live[:1], *others]
        return known

    def _stands_under(self, lower: NamedNode, upper: NamedNode) -> bool:
        """Whether every instance of one class is stated to be one of the other."""
        if upper in self._inferred.get(lower, ()):
            return True
        missing = f"?this {_TYPE} {lower} FILTER NOT EXISTS {{ ?this {_TYPE} {upper} }}"
        return not self.store.query(f"ASK {{ {missing} }}")

    def kinds(self, node: Term) -> frozenset[Term]:
        """The types that are stated of a node."""
        if (known := self._kinds.get(node)) is None:
            if len(self._kinds) >= _REMEMBERED:
                self._kinds.clear()
            known = self._kinds[node] = frozenset(self.look(node, _TYPE, False))
        return known

    def is_instance(self, node: Term, iri: NamedNode) -> bool:
        """Whether the node is a SHACL instance of the class."""
        return not self.subclasses(iri).isdisjoint(self.kinds(node))

    def targeted(self, target: Target, node: Term) -> bool:
        """Whether the target has the node."""
        term = target.term
        if target.kind == "node":
            return node == term
        assert isinstance(term, NamedNode)  # noqa: S101 - `compile` has checked it
        if target.kind == "class":
            return self.is_instance(node, term)
        return bool(self.look(node, term, target.kind == "objectsOf"))

    def reached(self, contexts: Iterable[Context], node: Term) -> bool:
        """Whether the node is a focus node by one of the ways."""
        return any(
            self.targeted(target, root)
            for target, chain in contexts
            for root in chain.walk(self.look, node, backward=True)
        )

    def conforms(self, shape: Shape, node: Term) -> bool:
        """Whether a node conforms to a shape (§3.4.2)."""
        if shape.deactivated:
            return True
        values = shape.path.walk(self.look, node)
        if any(
            any(True for _ in each.judge(self, shape, node, values)) for each in shape.constraints
        ):
            return False
        return all(self.conforms(each, value) for each in shape.properties for value in values)

    def results(self, shape: Shape, focus: Term) -> Iterator[Result]:
        """What the shape's own constraints find; its `sh:property` shapes report for themselves."""
        if shape.deactivated or not shape.constraints:
            return
        values = shape.path.walk(self.look, focus)
        for constraint in shape.constraints:
            for found in constraint.judge(self, shape, focus, values):
                yield Result(
                    severity=shape.severity,
                    focus=str(focus),
                    path=str(shape.path) if found.path is None else found.path,
                    value="" if found.value is None else str(found.value),
                    component=constraint.component,
                    shape=str(shape.term),
                    message=_message(shape, constraint.component, constraint.parameters(), found),
                    constraint="" if found.constraint is None else str(found.constraint),
                    called=shape.called,
                )


def _message(
    shape: Shape, component: str, parameters: Mapping[str, str], found: Found
) -> Mapping[str, str]:
    if found.message:
        return found.message
    if not shape.messages:
        return default_message(component, parameters)
    if not any("{" in text for text in shape.messages.values()):
        return shape.messages
    value = {} if found.value is None else {"value": plain(found.value)}
    return {
        language: filled(text, {**parameters, **value}) for language, text in shape.messages.items()
    }
