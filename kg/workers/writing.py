"""What a request for changes would do to a store, tried on a copy that is thrown away.

A worker's store is a copy of its parent's by the kernel, so an update that never ends is ended
like a query, and one that fails has changed nothing. What comes out is a `Change`, which the
parent, or a candidate release, applies.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat, Store, parse, serialize

from kg.errors import InputError, QueryError
from kg.workers.engine import GRAPH_FORMATS, rdf_format

_MERGE: Final = "urn:x-kg:merge"

Graph = NamedNode | DefaultGraph


@dataclass(frozen=True)
class Step:
    """One operation of an update: its text, and the graphs whose merge it asks as `MERGE`."""

    text: str
    merged: tuple[str, ...] = ()


@dataclass(frozen=True)
class Update:
    """SPARQL operations in turn; `graphs` are those they may change, None for any."""

    steps: tuple[Step, ...]
    base: str | None = None
    graphs: tuple[str | None, ...] | None = None

    @property
    def touched(self) -> tuple[str | None, ...]:
        """The graphs it may change, where they are known."""
        return self.graphs or ()


@dataclass(frozen=True)
class Load:
    """Documents that become the content of a graph, None the default one, or are added to it."""

    graph: str | None
    documents: tuple[tuple[str, str], ...]  # media type, text
    replace: bool
    base: str | None = None

    @property
    def touched(self) -> tuple[str | None, ...]:
        """The graph it changes."""
        return (self.graph,)


Write = Update | Load


@dataclass(frozen=True)
class Change:
    """What one write did, in N-Quads, and the named graphs that came and went."""

    removed: str = ""
    added: str = ""
    made: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.removed or self.added or self.made or self.gone)

    def pack(self) -> bytes:
        """The change as bytes."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def unpack(cls, data: bytes) -> Change:
        """The change that `pack` wrote."""
        found = json.loads(data)
        found["made"], found["gone"] = tuple(found["made"]), tuple(found["gone"])
        return cls(**found)

    def apply(self, store: Store) -> None:
        """Do to a store what the write did to its copy."""
        for quad in parse(self.removed, RdfFormat.N_QUADS):
            store.remove(quad)
        store.extend(parse(self.added, RdfFormat.N_QUADS))
        for graph in self.made:
            store.add_graph(NamedNode(graph))
        for graph in self.gone:
            store.remove_graph(NamedNode(graph))


def pack(write: Write) -> bytes:
    """A write as bytes."""
    return json.dumps([type(write).__name__, asdict(write)]).encode()


def unpack(data: bytes) -> Write:
    """The write that `pack` wrote."""
    kind, fields = json.loads(data)
    if kind == Update.__name__:
        steps = tuple(Step(each["text"], tuple(each["merged"])) for each in fields["steps"])
        graphs = fields["graphs"]
        return Update(steps, fields["base"], None if graphs is None else tuple(graphs))
    documents: Any = tuple(tuple(each) for each in fields["documents"])
    return Load(fields["graph"], documents, fields["replace"], fields["base"])


def change(store: Store, write: Write) -> Change:
    """Do a write to a store and return what it changed.

    Raises QueryError for an operation that fails, InputError for a document that is not RDF;
    the store is then in no useful state.
    """
    graphs = _graphs(write)
    before, named = _content(store, graphs), _names(store)
    if isinstance(write, Update):
        _update(store, write)
    else:
        _load(store, write)
    after, names = _content(store, graphs), _names(store)
    return Change(
        _lines(before - after),
        _lines(after - before),
        tuple(sorted(names - named)),
        tuple(sorted(named - names)),
    )


def _graphs(write: Write) -> list[Graph] | None:
    found = write.graphs if isinstance(write, Update) else (write.graph,)
    return None if found is None else [_node(each) for each in found]


def _node(graph: str | None) -> Graph:
    return DefaultGraph() if graph is None else NamedNode(graph)


def _content(store: Store, graphs: list[Graph] | None) -> set[Quad]:
    if graphs is None:
        return set(store)
    return {quad for graph in graphs for quad in store.quads_for_pattern(None, None, None, graph)}


def _names(store: Store) -> set[str]:
    return {graph.value for graph in store.named_graphs() if isinstance(graph, NamedNode)}


def _lines(quads: Iterable[Quad]) -> str:
    return (serialize(quads, format=RdfFormat.N_QUADS) or b"").decode()


def _update(store: Store, write: Update) -> None:
    merge = NamedNode(_MERGE)
    for number, step in enumerate(write.steps, 1):
        store.extend(
            Quad(quad.subject, quad.predicate, quad.object, merge)
            for graph in step.merged
            for quad in store.quads_for_pattern(None, None, None, NamedNode(graph))
        )
        try:
            store.update(step.text, base_iri=write.base)
        except (SyntaxError, ValueError, RuntimeError, OSError) as error:
            raise QueryError(f"operation {number} of {len(write.steps)}: {error}") from None
        if step.merged:
            store.remove_graph(merge)


def _load(store: Store, write: Load) -> None:
    graph = _node(write.graph)
    quads = [*_parsed(write, graph)]
    if write.replace:
        store.clear_graph(graph)
    if isinstance(graph, NamedNode):
        store.add_graph(graph)
    store.extend(quads)


def _parsed(write: Load, graph: Graph) -> Iterator[Quad]:
    for number, (media_type, text) in enumerate(write.documents, 1):
        kind = rdf_format(media_type)
        if kind is None:
            raise InputError(
                f"document {number}: {media_type} is no RDF; expected {', '.join(GRAPH_FORMATS)}"
            )
        # Blank nodes of two documents that are called the same are not the same.
        quads = parse(text, kind, base_iri=write.base, rename_blank_nodes=True)
        try:
            for quad in quads:
                if not isinstance(quad.graph_name, DefaultGraph):
                    raise InputError(
                        f"document {number}: it has the named graph {quad.graph_name}; "
                        "expected triples for the one graph of the request"
                    )
                yield Quad(quad.subject, quad.predicate, quad.object, graph)
        except (SyntaxError, ValueError) as error:
            raise InputError(f"document {number}: not {media_type}: {error}") from None
