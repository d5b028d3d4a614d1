"""An edit by hand is a release like any other: whole, inferred, validated, audited."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyoxigraph import NamedNode, RdfFormat, Store
from small import World, write

from kg import vocab
from kg.build import Inputs, build, change
from kg.errors import InputError, Outdated
from kg.release import Home, Release
from kg.settings import Settings
from kg.validate import NotConforming

NOTES = vocab.EDITS + "notes"
WHO = vocab.BASE + "agent/ada"
PLACE = vocab.BASE + "place/"
PREFIXES = f"PREFIX aic: <{vocab.AIC}> PREFIX skos: <{vocab.SKOS}> PREFIX p: <{PLACE}>"
OTHERS = [(f"other{n}", f"Other {n}", "", "") for n in range(60)]
WORLD: World = {"a": ([("x", "X", "y", "1999"), ("y", "Y", "", ""), *OTHERS], "aic:City~iri")}


def update(text: str, home: Home, graph: str = NOTES) -> Release:
    """Run a SPARQL update on the graph."""

    def edit(store: Store) -> None:
        store.update(f"{PREFIXES} {text}")

    # The ontology of these tests stands beside their home.
    return change(home, [graph], edit, WHO, home.path.parent / "ontology").release


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    return write(tmp_path, WORLD)


@pytest.fixture
def home(tmp_path: Path, inputs: Inputs) -> Home:
    home = Home(tmp_path / "home")
    build(home, Settings(), inputs, lambda *_: None)
    return home


def holds(release: Release, triple: str) -> bool:
    return bool(release.open().query(f"{PREFIXES} ASK {{ {triple} }}"))


INSERT = f"INSERT DATA {{ GRAPH <{NOTES}> {{ p:y aic:within p:z . p:z a aic:City }} }}"


def test_edit_is_merged_and_inferred(home: Home) -> None:
    release = update(INSERT, home)
    assert release.id == home.current().id
    assert holds(release, "p:y aic:within p:z")
    assert holds(release, "p:x aic:within p:z")  # transitive
    assert holds(release, "p:z a aic:Place")
    release.verify()
    gone = update(f"DELETE DATA {{ GRAPH <{NOTES}> {{ p:y aic:within p:z }} }}", home)
    assert not holds(gone, "p:x aic:within p:z")
    gone.verify()


def test_edit_that_changes_nothing_publishes_nothing(home: Home) -> None:
    before = home.current().id
    assert update(f"DELETE DATA {{ GRAPH <{NOTES}> {{ p:y aic:within p:z }} }}", home).id == before
    assert len(home.releases()) == 1


def test_audit_says_who_when_and_with_which_patch(home: Home) -> None:
    release = update(INSERT, home)
    store = release.open()
    graph = NamedNode(vocab.AUDIT)
    said = {
        str(quad.predicate.value).rpartition("#")[2]: quad.object
        for quad in store.quads_for_pattern(None, None, None, graph)
    }
    assert said["wasAssociatedWith"] == NamedNode(WHO)
    assert said["generated"] == NamedNode(NOTES)
    assert "A <https://w3id.org/aicluster/id/place/y>" in str(said["value"].value)
    assert "endedAtTime" in said
    assert not any(store.quads_for_pattern(NamedNode(WHO), None, None, None))


def test_edits_survive_the_next_builds(home: Home, tmp_path: Path) -> None:
    edited = update(INSERT, home)
    rows, kind = WORLD["a"]
    inputs = write(tmp_path, {"a": ([*rows, ("w", "W", "y", "")], kind)})
    incremental = build(home, Settings(), inputs, lambda *_: None, much=2.0)
    assert not incremental.whole
    assert holds(incremental.release, "p:w aic:within p:z")
    full = build(home, Settings(), inputs, lambda *_: None, full=True)
    assert full.whole
    assert full.release.id == incremental.release.id
    assert holds(full.release, "p:x aic:within p:z")
    assert edited.id != full.release.id


def test_edit_that_violates_a_shape_is_refused_whole(tmp_path: Path) -> None:
    inputs = write(tmp_path, WORLD)
    shapes = inputs.ontology / "shapes" / "place.ttl"
    text = shapes.read_text(encoding="utf-8")
    shapes.write_text(text.replace("sh:maxCount 1 ; sh:severity sh:Warning", "sh:maxCount 1"))
    home = Home(tmp_path / "strict")
    build(home, Settings(), inputs, lambda *_: None)
    before = home.current()
    with pytest.raises(NotConforming) as refused:
        update(f'INSERT DATA {{ GRAPH <{NOTES}> {{ p:x skos:prefLabel "Other"@en }} }}', home)
    assert [result.focus for result in refused.value.report.results] == [f"<{PLACE}x>"]
    assert home.current().id == before.id
    assert [each.id for each in home.releases()] == [before.id]


def test_release_of_another_ontology_or_software_takes_no_edit(
    home: Home, inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = home.current().id
    shapes = inputs.ontology / "shapes" / "place.ttl"
    kept = shapes.read_text(encoding="utf-8")
    shapes.write_text(kept.replace("sh:maxCount 1", "sh:maxCount 0"), encoding="utf-8")
    with pytest.raises(Outdated, match="the ontology has changed since; `kg build`"):
        update(INSERT, home)
    shapes.write_text(kept, encoding="utf-8")
    monkeypatch.setattr("kg.build.edit.software", lambda: "another")
    with pytest.raises(Outdated, match="made by another version; `kg build`"):
        update(INSERT, home)
    assert home.current().id == before


def test_graph_of_a_table_is_not_edited_by_hand(home: Home) -> None:
    with pytest.raises(InputError, match="expected a graph under"):
        update(INSERT, home, vocab.graph("source/shared"))


def test_release_after_an_edit_holds_what_its_dump_and_patch_say(home: Home) -> None:
    release = update(INSERT, home)
    assert release.patch_path.exists()
    dumped = release.open().dump(format=RdfFormat.N_QUADS)
    assert dumped is not None
    assert sorted(dumped.splitlines()) == list(release.lines())
