"""What distinguishes two releases, class by class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pyoxigraph import DefaultGraph, NamedNode, RdfFormat, Store, parse

from kg import vocab
from kg.patch import Patch
from kg.release.home import Release

_TYPE: Final = NamedNode(vocab.RDF + "type")
#: Where a class stands for what has none.
UNTYPED: Final = ""


@dataclass(frozen=True)
class ClassChange:
    """What changed of the instances of one class, in the default graph."""

    name: str  # the class's IRI, or UNTYPED
    new: int  # instances that the earlier release does not speak of
    gone: int  # instances that the later one does not speak of
    changed: int  # others of which a statement was added or removed
    added: int  # statements
    removed: int


@dataclass(frozen=True)
class Comparison:
    """The whole difference of two releases: as a patch, and by class."""

    before: Release
    after: Release
    patch: Patch
    classes: tuple[ClassChange, ...]

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
    statements = {True: _by_subject(patch.added), False: _by_subject(patch.removed)}
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
    return Comparison(before, after, patch, tuple(classes))


def _by_subject(lines: Iterable[bytes]) -> Counter[NamedNode]:
    quads = parse(b"\n".join(lines), RdfFormat.N_QUADS)
    return Counter(
        quad.subject
        for quad in quads
        if isinstance(quad.subject, NamedNode) and isinstance(quad.graph_name, DefaultGraph)
    )


def _is_known(store: Store, subject: NamedNode) -> bool:
    about = store.quads_for_pattern(subject, None, None, DefaultGraph())
    return next(about, None) is not None


def _classes(stores: Iterable[Store], subject: NamedNode) -> set[str]:
    found = {
        quad.object.value
        for store in stores
        for quad in store.quads_for_pattern(subject, _TYPE, None, DefaultGraph())
        if isinstance(quad.object, NamedNode)
    }
    return found or {UNTYPED}
