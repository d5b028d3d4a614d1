"""What distinguishes two releases, class by class and graph by graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat, Store, parse

from kg import vocab
from kg.patch import Patch
from kg.release.home import Release

_TYPE: Final = NamedNode(vocab.RDF + "type")
#: Where a class stands for what has none.
UNTYPED: Final = ""


@dataclass(frozen=True)
class ClassChange:
    """What changed of the instances of one class, whichever graphs state it."""

    name: str  # the class's IRI, or UNTYPED
    new: int  # instances that the earlier release does not speak of
    gone: int  # instances that the later one does not speak of
    changed: int  # others of which a statement was added or removed
    added: int  # statements, once for all the graphs that state them
    removed: int


@dataclass(frozen=True)
class GraphChange:
    """What changed in one graph; its name is empty for the default graph."""

    name: str
    added: int  # quads
    removed: int


@dataclass(frozen=True)
class Comparison:
    """The whole difference of two releases: as a patch, by class, and by graph."""

    before: Release
    after: Release
    patch: Patch
    classes: tuple[ClassChange, ...]
    graphs: tuple[GraphChange, ...]

    def rdf_patch(self) -> Iterator[bytes]:
        """The lines of an RDF Patch that makes the later release of the earlier one."""
        return self.patch.text(self.before.id, self.after.id)


def compare(before: Release, after: Release) -> Comparison:
    """Compare two releases; a resource counts for each of its classes, inferred ones included."""
    changes = list(after.changes_since(before))
    patch = Patch(
        frozenset(line for added, line in changes if added),
        frozenset(line for added, line in changes if not added),
    )
    stores = before.open(), after.open()
    counts: dict[str, Counter[str]] = {}
    quads = {True: _quads(patch.added), False: _quads(patch.removed)}
    statements = {added: _by_subject(each) for added, each in quads.items()}
    for subject in sorted(statements[True].keys() | statements[False].keys(), key=str):
        spoken = [_is_known(store, subject) for store in stores]
        kind = "changed" if all(spoken) else "new" if spoken[1] else "gone"
        for name in _classes(stores, subject):
            count = counts.setdefault(name, Counter())
            count[kind] += 1
            count["added"] += statements[True][subject]
            count["removed"] += statements[False][subject]
    keys = ("new", "gone", "changed", "added", "removed")
    classes = (
        ClassChange(name, *(count[key] for key in keys)) for name, count in sorted(counts.items())
    )
    of_graphs = {added: Counter(map(_graph, each)) for added, each in quads.items()}
    graphs = (
        GraphChange(name, of_graphs[True][name], of_graphs[False][name])
        for name in sorted(of_graphs[True].keys() | of_graphs[False].keys())
    )
    return Comparison(before, after, patch, tuple(classes), tuple(graphs))


def _quads(lines: Iterable[bytes]) -> list[Quad]:
    return list(parse(b"\n".join(lines), RdfFormat.N_QUADS))


def _graph(quad: Quad) -> str:
    return "" if isinstance(quad.graph_name, DefaultGraph) else quad.graph_name.value


def _by_subject(quads: Iterable[Quad]) -> Counter[NamedNode]:
    """How many statements there are of each resource; one in several graphs counts once."""
    triples = {quad.triple for quad in quads}
    return Counter(each.subject for each in triples if isinstance(each.subject, NamedNode))


def _is_known(store: Store, subject: NamedNode) -> bool:
    return next(store.quads_for_pattern(subject, None, None), None) is not None


def _classes(stores: Iterable[Store], subject: NamedNode) -> set[str]:
    found = {
        quad.object.value
        for store in stores
        for quad in store.quads_for_pattern(subject, _TYPE, None)
        if isinstance(quad.object, NamedNode)
    }
    return found or {UNTYPED}
