"""Releases compared: by class, as a patch, and on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pyoxigraph import Store
from small import Row, write

from kg import vocab
from kg.__main__ import main
from kg.build import build, change
from kg.patch import Patch
from kg.release import ClassChange, GraphChange, Home, Release, compare
from kg.settings import Settings
from kg.terminal import BAD_INPUT, OK

PLACE, CITY = vocab.AIC + "Place", vocab.AIC + "City"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Three releases: of the second a city is renamed; of the third one is gone and one new."""
    folder = tmp_path_factory.mktemp("project")
    home = Home(folder / "home")
    table: list[Row] = [(f"city{n}", f"City {n}", "", "") for n in range(40)]
    for number in range(3):
        if number == 1:
            table[0] = ("city0", "Renamed", "", "")
        if number == 2:
            table[1] = ("village", "Village", "", "")
        inputs = write(folder, {"a": (table, "aic:City~iri")})
        build(home, Settings(), inputs, lambda *_: None, full=number == 2)
    return home


@pytest.fixture(scope="module")
def releases(home: Home) -> list[Release]:
    return home.releases()


def test_change_is_told_by_class_inferred_ones_included(releases: list[Release]) -> None:
    renamed = compare(releases[0], releases[1])
    assert renamed.classes == tuple(
        ClassChange(name, new=0, gone=0, changed=1, added=1, removed=1) for name in (CITY, PLACE)
    )
    replaced = compare(releases[1], releases[2])
    statements = 3  # its label and two classes
    assert replaced.classes == tuple(
        ClassChange(name, new=1, gone=1, changed=0, added=statements, removed=statements)
        for name in (CITY, PLACE)
    )


def test_change_of_named_graphs_alone_is_told_by_class_and_graph(tmp_path: Path) -> None:
    inputs = write(tmp_path, {"a": ([("x", "X", "", "")], "aic:City~iri")})
    home = Home(tmp_path / "home")
    before = build(home, Settings(), inputs, lambda *_: None).release
    graph, who = vocab.EDITS + "notes", vocab.BASE + "agent/ada"
    said = f"<{vocab.BASE}place/x> a <{CITY}>"

    def edit(store: Store) -> None:
        store.update(f"INSERT DATA {{ GRAPH <{graph}> {{ {said} }} }}")

    after = change(home, [graph], edit, who, inputs.ontology).release
    found = compare(before, after)
    changed = {"new": 0, "gone": 0, "changed": 1, "added": 1, "removed": 0}
    assert {ClassChange(name, **changed) for name in (CITY, PLACE)} < set(found.classes)
    assert GraphChange(graph, 1, 0) in found.graphs
    assert "" not in {each.name for each in found.graphs}
    assert sum(each.added for each in found.graphs) == len(found.patch.added)
    assert sum(each.removed for each in found.graphs) == len(found.patch.removed)


@pytest.mark.parametrize(("earlier", "later"), [(0, 1), (1, 0), (1, 2), (2, 1), (0, 2)])
def test_patch_makes_one_release_of_the_other(
    releases: list[Release], earlier: int, later: int
) -> None:
    # The second stands on the first one's dump and a patch, the third on a dump of its own.
    before, after = releases[earlier], releases[later]
    assert list(compare(before, after).patch.apply(before.lines())) == list(after.lines())


def test_command_prints_classes_json_and_a_patch(
    home: Home, releases: list[Release], monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.setenv("KG_HOME", str(home.path))
    first, last = releases[0].id, releases[2].id
    assert main(["releases", "diff", first]) == OK
    assert b"aic:City" in capfdbinary.readouterr().out
    assert main(["releases", "diff", first, last, "--json"]) == OK
    told = json.loads(capfdbinary.readouterr().out)
    assert (told["before"], told["after"]) == (first, last)
    assert {each["name"] for each in told["classes"]} == {CITY, PLACE}
    assert main(["releases", "diff", first, last, "--patch", str(tmp_path / "p")]) == OK
    lines = (tmp_path / "p").read_bytes().splitlines()
    assert lines[:3] == [
        f"H id <urn:aicluster:release:{last}> .".encode(),
        f"H prev <urn:aicluster:release:{first}> .".encode(),
        b"TX .",
    ]
    assert sum(line.startswith(b"A ") for line in lines) == told["added"]
    assert sum(line.startswith(b"D ") for line in lines) == told["removed"]


def test_fold_writes_the_whole_dump(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KG_HOME", str(home.path))
    patched = next(each for each in home.releases() if each.patch_path.exists())
    lines = list(patched.lines())
    assert main(["releases", "fold", patched.id]) == OK
    assert not patched.patch_path.exists()
    assert list(patched.lines()) == lines


def test_fold_of_a_damaged_patch_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "home")
    for count in (40, 41):
        rows = [(f"x{n}", "X", "", "") for n in range(count)]
        inputs = write(tmp_path, {"a": (rows, "aic:City~iri")})
        patched = build(home, Settings(), inputs, lambda *_: None).release
    path, dump = patched.patch_path, patched.dump_path.read_bytes()
    whole = patched.patch()
    Patch(frozenset(sorted(whole.added)[1:]), whole.removed).write(path, "", patched.id)
    monkeypatch.setenv("KG_HOME", str(home.path))
    assert main(["releases", "fold"]) == BAD_INPUT
    assert "its manifest expects" in capsys.readouterr().err
    assert (patched.dump_path.read_bytes(), path.exists()) == (dump, True)


def test_damaged_release_is_named_and_the_others_are_listed_and_pruned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "home")
    for name in "XYZ":
        inputs = write(tmp_path, {"a": ([("x", name, "", "")], "aic:City~iri")})
        build(home, Settings(), inputs, lambda *_: None, full=True)
    first, second, last = (each.id for each in home.releases())
    manifest = home.path / "releases" / first / "manifest.json"
    manifest.write_text("{", encoding="utf-8")
    monkeypatch.setenv("KG_HOME", str(home.path))
    assert main(["releases"]) == BAD_INPUT
    told = capsys.readouterr()
    assert second in told.out
    assert last in told.out
    assert f"{manifest}: damaged manifest" in told.err
    assert main(["releases", "list", "--json"]) == BAD_INPUT
    listed = json.loads(capsys.readouterr().out)
    assert [each["release"] for each in listed if "damaged" in each] == [first]
    assert main(["releases", "prune", "--keep", "1"]) == BAD_INPUT
    told = capsys.readouterr()
    assert f"removed {second}\n" in told.out
    assert "damaged manifest" in told.err
    assert manifest.exists()
