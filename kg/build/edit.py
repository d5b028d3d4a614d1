"""A change of the graphs that are edited by hand: a release like any other, made in little time.

The change is tried on a clone of the current release, inferred and validated as far as it
reaches, and published whole or not at all. Who made it, when, and with which patch is stated
in the audit graph.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pyoxigraph import Literal, NamedNode, Quad, Store

from kg import ontology, vocab
from kg.build import lines
from kg.build.delta import carry_through, graph_lines, succeed
from kg.build.inputs import Schema, schema_digest, software
from kg.build.outcome import Outcome, Stages
from kg.build.state import REPEATED, ROWS, State
from kg.errors import InputError, Outdated
from kg.patch import Patch
from kg.release import STATE, Home, Release
from kg.settings import shipped
from kg.validate import NotConforming, Report, validate_delta

#: The schema of the last release that was edited here.
_SCHEMAS: Final[dict[tuple[str, str], Schema]] = {}

#: What a release keeps of its tables, which an edit leaves as they are.
_KEPT: Final = (STATE, ROWS, REPEATED, "rejects.csv")


def change(
    home: Home,
    graphs: Collection[str],
    edit: Callable[[Store], None],
    who: str,
    folder: Path | None = None,
) -> Outcome:
    """Publish the current release as `edit` changes these graphs in a store that holds it.

    The graphs stand under `vocab.EDITS`, and `edit` must change no other. `who` is an IRI, and
    `folder` that of the ontology, the shipped one if not said.
    Raises NotConforming with the report, InputError where a graph is not one to be edited,
    Outdated where software or ontology are not those that made the release, and Locked where a
    build is under way; then nothing has changed.
    """
    for graph in graphs:
        if not graph.startswith(vocab.EDITS):
            raise InputError(f"<{graph}>: expected a graph under {vocab.EDITS}")
    stages = Stages()
    with home.building() as candidate:
        before = home.current()
        state = _state_of(before, folder or shipped("ontology"))
        stages.begin("edit", 0.0)
        store = candidate.clone(before).open()
        schema = schema_of(state, store)
        was = frozenset().union(*(graph_lines(store, graph) for graph in graphs))
        edit(store)
        now = frozenset().union(*(graph_lines(store, graph) for graph in graphs))
        edited = Patch(now - was, was - now)
        if not edited:
            return Outcome(before, False, state.accounts(), Report.read(before.path), ())
        audit = Patch(frozenset(lines.canonical(_audit(before, edited, graphs, who))))
        audit.apply_to(store)
        stages.begin("infer", 0.3)
        applied = carry_through(store, edited.then(audit), schema.rules)
        stages.begin("validate", 0.6)
        report = validate_delta(
            store,
            schema.shapes,
            applied.added,
            applied.removed,
            Report.read(before.path),
            inferred=schema.rules.superclasses,
        )
        del store  # what is in its log is settled when it is published
        if not report.conforms:
            raise NotConforming(report)
        stages.begin("publish", 0.9)
        report.write(candidate.path)
        for name in _KEPT:
            if (before.path / name).exists():
                candidate.link(before, name)
        sources = before.manifest.sources
        published, fresh = succeed(home, candidate, before, applied.patch, sources, stages)
        size = len(applied.patch.added), len(applied.patch.removed)
        return Outcome(published, fresh, state.accounts(), report, (), *size)


def _state_of(release: Release, folder: Path) -> State:
    """What a release was made from; raises Outdated where a build would make it anew.

    The shapes of an outdated release could let an edit in that those in force refuse, which
    would stop the next build.
    """
    state = State.read(release.path)
    if state is None or state.software != software():
        raise Outdated(f"{release.path}: made by another version; `kg build` makes it anew")
    if state.schema != schema_digest(folder):
        raise Outdated(f"{release.path}: the ontology has changed since; `kg build` makes it anew")
    return state


def schema_of(state: State, store: Store) -> Schema:
    """The ontology that a release was made by, compiled; kept while releases share it."""
    made_by = (state.schema, state.base)
    if made_by not in _SCHEMAS:
        _SCHEMAS.clear()
        _SCHEMAS[made_by] = Schema.compile(
            quad
            for graph in ontology.GRAPHS.values()
            for quad in store.quads_for_pattern(None, None, None, NamedNode(graph))
        )
    return _SCHEMAS[made_by]


def _audit(before: Release, patch: Patch, graphs: Collection[str], who: str) -> list[Quad]:
    """What PROV-O says of an edit: an activity, its agent, its time, its patch."""
    text = b"\n".join(patch.text(before.id, "")).decode()
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    activity = NamedNode(f"{before.manifest.base}edit/{vocab.digest(time, before.id, text)}")
    instant = Literal(time, datatype=NamedNode(vocab.XSD + "dateTime"))
    statements: list[tuple[str, NamedNode | Literal]] = [
        (vocab.RDF + "type", NamedNode(vocab.PROV + "Activity")),
        (vocab.PROV + "endedAtTime", instant),
        (vocab.PROV + "wasAssociatedWith", NamedNode(who)),
        (vocab.PROV + "used", NamedNode(f"urn:aicluster:release:{before.id}")),
        *((vocab.PROV + "generated", NamedNode(graph)) for graph in sorted(graphs)),
        (vocab.RDF + "value", Literal(text)),
    ]
    graph = NamedNode(vocab.AUDIT)
    return [Quad(activity, NamedNode(name), value, graph) for name, value in statements]
