"""From a change of named graphs to the change of a whole release: merge, inference, verdict.

Rows that changed and edits by hand meet here: both are a patch of named graphs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from pyoxigraph import BlankNode, DefaultGraph, NamedNode, Quad, RdfFormat, Store, Triple, parse

from kg import infer, release, vocab
from kg.build import lines
from kg.build.outcome import Stages, make_manifest
from kg.infer import Rules
from kg.patch import Patch
from kg.release import Candidate, ContentHash, Home, Release

#: The share of a release's quads above which a patch is folded into a new dump.
_LARGE: Final = 0.1

Graph = NamedNode | BlankNode | DefaultGraph

#: The graphs that assert nothing of their own, or nothing that is merged.
_UNASSERTED: Final[frozenset[Graph]] = frozenset(
    {DefaultGraph(), *map(NamedNode, [*vocab.SIDE_GRAPHS, vocab.INFERRED])}
)


@dataclass(frozen=True)
class Applied:
    """What a change of named graphs changed in all."""

    patch: Patch
    added: tuple[Triple, ...]  # of the default graph
    removed: tuple[Triple, ...]


def carry_through(store: Store, named: Patch, rules: Rules) -> Applied:
    """Bring a store whose named graphs were patched to what a full build gives of them."""
    gained, lost = _asserted(named.added), _asserted(named.removed)
    added, removed = infer.update(store, rules, gained, lost)
    patch = named.then(Patch(frozenset(lines.written(added)), frozenset(lines.written(removed))))
    return Applied(patch, _triples(added), _triples(removed))


def graph_lines(store: Store, name: str) -> frozenset[bytes]:
    """The lines of a named graph."""
    return frozenset(lines.written(store.quads_for_pattern(None, None, None, NamedNode(name))))


def replaced(store: Store, name: str, quads: Iterable[Quad]) -> Patch:
    """What makes of a named graph one of these quads."""
    before, after = graph_lines(store, name), frozenset(lines.canonical(quads))
    return Patch(after - before, before - after)


def succeed(
    home: Home,
    candidate: Candidate,
    before: Release,
    patch: Patch,
    sources: Iterable[release.Source],
    stages: Stages,
) -> tuple[Release, bool]:
    """Publish a candidate that is `before`, changed by the patch; also whether it is new.

    The dump is written anew only where the patches since it was written have grown large.
    """
    facts = before.manifest
    content = ContentHash.resume(facts.content, facts.quads)
    tally = lines.Tally.of(facts.classes, facts.graphs)
    for line in patch.removed:
        content.remove(line)
        tally.count(line, -1)
    for line in patch.added:
        content.add(line)
        tally.count(line)
    whole = before.patch().then(patch)
    if len(whole) > _LARGE * content.quads:
        release.write_dump(whole.apply(release.read_dump(before.dump_path)), candidate.dump_path)
    else:
        candidate.patch(before, patch, content.id)
    fresh = not home.holds(content.id)
    manifest = make_manifest(
        content,
        facts.base,
        facts.ontology,
        sources,
        tally,
        stages,
        synthetic=facts.synthetic,
    )
    return home.publish(candidate, manifest), fresh


def edited(store: Store) -> list[bytes]:
    """What no table gives: the lines of the graphs that are edited by hand, and their audit."""
    graphs = [
        graph
        for graph in store.named_graphs()
        if isinstance(graph, NamedNode)
        and (graph.value.startswith(vocab.EDITS) or graph.value == vocab.AUDIT)
    ]
    found = (quad for graph in graphs for quad in store.quads_for_pattern(None, None, None, graph))
    return lines.written(found)


def quads(of: Iterable[bytes]) -> list[Quad]:
    """The quads of N-Quads lines, in their order."""
    return list(parse(b"\n".join(of), RdfFormat.N_QUADS))


def _asserted(of: Iterable[bytes]) -> set[Triple]:
    """The triples of lines whose graphs are merged into the default graph."""
    return {quad.triple for quad in quads(of) if quad.graph_name not in _UNASSERTED}


def _triples(of: Collection[Quad]) -> tuple[Triple, ...]:
    return tuple(quad.triple for quad in of if isinstance(quad.graph_name, DefaultGraph))
