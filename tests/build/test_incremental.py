"""What an incremental build makes of a change is what a full build makes of the result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pyoxigraph import RdfFormat
from small import Row, World, write

from kg.build import Outcome, build
from kg.release import Home, Release
from kg.settings import Settings

SETTINGS = Settings()


def quiet(_: str, __: float) -> None:
    """Show no progress."""


def store_lines(release: Release) -> list[bytes]:
    text = release.open().dump(format=RdfFormat.N_QUADS)
    assert text is not None
    return sorted(text.splitlines())


def told(outcome: Outcome) -> list[object]:
    """What became of the rows, and what was found, but for the order of findings."""
    accounts = sorted(repr(each) for each in outcome.accounts)
    return [accounts, [str(result) for result in outcome.report.results]]


def assert_equal(changed: Outcome, full: Outcome) -> None:
    lines = list(full.release.lines())
    assert list(changed.release.lines()) == lines
    assert changed.release.id == full.release.id
    assert store_lines(changed.release) == lines
    mine, other = changed.release.manifest, full.release.manifest
    assert (mine.graphs, mine.classes) == (other.graphs, other.classes)
    if changed.fresh:  # else it tells of the rows that gave the same content first
        assert mine.sources == other.sources
    assert told(changed) == told(full)


KEYS = st.sampled_from(["x", "y", "z", "w"])
ROW = st.tuples(
    KEYS,
    st.sampled_from(["", "X", "Y"]),
    st.sampled_from(["", "x", "y", "z", "elsewhere"]),
    st.sampled_from(["", "1999", "19x8"]),  # the last is no year: the value is rejected
)
TABLE = st.lists(ROW, max_size=5)
SOURCE = st.tuples(TABLE, st.sampled_from(["aic:City~iri", "aic:Place~iri"]))
WORLD = st.fixed_dictionaries({"a": SOURCE}, optional={"b": SOURCE, "c": SOURCE})


@st.composite
def edited(draw: st.DrawFn, world: World) -> World:
    """A world after an edit: of a row, a table's order, a mapping, or of the set of sources."""
    name = draw(st.sampled_from(sorted(world)))
    rows, kind = list(world[name][0]), world[name][1]
    place = draw(st.integers(0, len(rows)))
    match draw(st.sampled_from(["insert", "update", "delete", "reorder", "mapping", "source"])):
        case "insert":
            rows.insert(place, draw(ROW))
        case "update" if place < len(rows):
            rows[place] = draw(ROW)
        case "delete" if place < len(rows):
            del rows[place]
        case "reorder":
            rows = draw(st.permutations(rows))
        case "mapping":
            kind = draw(st.sampled_from(["aic:City~iri", "aic:Place~iri"]))
        case "source":
            other = draw(st.sampled_from(["b", "c"]))
            kept = {key: value for key, value in world.items() if key != other}
            return kept if other in world else {**world, other: draw(SOURCE)}
    return {**world, name: (rows, kind)}


@st.composite
def histories(draw: st.DrawFn) -> list[World]:
    worlds = [draw(WORLD)]
    for _ in range(draw(st.integers(1, 4))):
        worlds.append(draw(edited(worlds[-1])))
    return worlds


# Without shrinking: an example takes a second, so a failing one is told as it was found.
@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(histories())
def test_any_sequence_of_edits_gives_what_a_full_build_gives(worlds: Sequence[World]) -> None:
    with TemporaryDirectory() as folder:
        project = Path(folder)
        home = Home(project / "home")
        for number, world in enumerate(worlds):
            inputs = write(project, world)
            changed = build(home, SETTINGS, inputs, quiet, much=float("inf"))
            assert changed.whole is (number == 0)
            full = build(Home(project / f"full{number}"), SETTINGS, inputs, quiet)
            assert_equal(changed, full)


def rows(count: int) -> list[Row]:
    return [(f"city{n}", f"City {n}", f"city{n // 2}", "1999") for n in range(count)]


def test_a_triple_goes_with_the_last_row_that_gives_it(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    twice = {"a": ([*rows(20), ("twin", "Twin", "", "")], "aic:City~iri")}
    both = {**twice, "b": ([("twin", "Twin", "", "")], "aic:City~iri")}
    twin = b"<https://w3id.org/aicluster/id/place/twin> "

    def has_twin(outcome: Outcome) -> bool:
        return any(line.startswith(twin) for line in outcome.release.lines())

    def next_build(world: World) -> Outcome:
        return build(home, SETTINGS, write(tmp_path, world), quiet, much=float("inf"))

    assert has_twin(next_build(both))
    without_one = {**both, "a": (rows(20), "aic:City~iri")}
    assert has_twin(next_build(without_one))
    assert not has_twin(next_build({**without_one, "b": ([], "aic:City~iri")}))


def test_a_triple_comes_back_whose_rows_were_once_two(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    row = ("one", "One", "", "")
    for copies in (1, 2, 1, 0, 1):
        inputs = write(tmp_path, {"a": ([*rows(20), *[row] * copies], "aic:City~iri")})
        outcome = build(home, SETTINGS, inputs, quiet, much=float("inf"))
        named = any(b"/place/one> " in line for line in outcome.release.lines())
        assert named is (copies > 0)


def test_what_did_not_change_is_not_published_again(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    inputs = write(tmp_path, {"a": (rows(20), "aic:City~iri")})
    first = build(home, SETTINGS, inputs, quiet)
    again = build(home, SETTINGS, inputs, quiet)
    assert (again.release, again.fresh, again.whole) == (first.release, False, False)
    assert (again.added, again.removed) == (0, 0)


@pytest.mark.parametrize(("changed", "whole"), [(1, False), (15, True)])
def test_many_changed_rows_are_built_from_nothing(
    tmp_path: Path, changed: int, whole: bool
) -> None:
    home = Home(tmp_path / "home")
    before = rows(100)
    build(home, SETTINGS, write(tmp_path, {"a": (before, "aic:City~iri")}), quiet)
    after = [(key, "Renamed", *rest) for key, _, *rest in before[:changed]] + before[changed:]
    outcome = build(home, SETTINGS, write(tmp_path, {"a": (after, "aic:City~iri")}), quiet)
    assert outcome.whole is whole
    assert outcome.release.patch_path.exists() is not whole


def test_a_changed_schema_is_built_from_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    inputs = write(tmp_path, {"a": (rows(20), "aic:City~iri")})
    build(home, SETTINGS, inputs, quiet)
    with (inputs.ontology / "aicluster.ttl").open("a", encoding="utf-8") as file:
        file.write("aic:Village rdfs:subClassOf aic:Place .\n")
    assert build(home, SETTINGS, inputs, quiet).whole


def test_patched_release_serves_the_next_change_and_folds_into_one_dump(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    table = rows(100)
    build(home, SETTINGS, write(tmp_path, {"a": (table, "aic:City~iri")}), quiet)
    for number in range(3):
        table[number] = (f"city{number}", "Renamed", "", "")
        outcome = build(home, SETTINGS, write(tmp_path, {"a": (table, "aic:City~iri")}), quiet)
        assert not outcome.whole
    outcome.release.verify()
    lines = list(outcome.release.lines())
    home.fold(outcome.release)
    assert not outcome.release.patch_path.exists()
    assert list(outcome.release.lines()) == lines
    outcome.release.verify()


def test_release_that_outgrows_its_memory_is_built_on_disk(tmp_path: Path) -> None:
    inputs = write(tmp_path, {"a": (rows(50), "aic:City~iri")})
    in_memory = build(Home(tmp_path / "memory"), SETTINGS, inputs, quiet)
    on_disk = build(Home(tmp_path / "disk"), Settings(memory=1), inputs, quiet)
    assert_equal(on_disk, in_memory)


def test_release_tells_of_the_rows_that_gave_its_content_last(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    table = rows(20)

    def next_build(table: list[Row], *, full: bool = False) -> Outcome:
        inputs = write(tmp_path, {"a": (table, "aic:City~iri")})
        return build(home, SETTINGS, inputs, quiet, full=full)

    first = next_build(table)
    for full in (False, True):
        # A row without its key is rejected, and so no triple changes; nor does one by an order.
        nameless = ("", "Nowhere", "", "")
        outcome = next_build([*table, nameless], full=full)
        assert outcome.release.id == first.release.id
        (source,) = outcome.release.manifest.sources
        assert (source.rows, source.rejected) == (21, 1)
        assert "missing-value" in (outcome.release.path / "rejects.csv").read_text("utf-8")
        again = next_build([nameless, *reversed(table)], full=full)
        assert "a,city,city.csv,2," in (again.release.path / "rejects.csv").read_text("utf-8")
        assert again.release.manifest.created == first.release.manifest.created
        again.release.verify()
        back = next_build(table, full=full)
        assert "missing-value" not in (back.release.path / "rejects.csv").read_text("utf-8")


def test_damaged_report_is_no_ground_to_build_on(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    inputs = write(tmp_path, {"a": (rows(20), "aic:City~iri")})
    first = build(home, SETTINGS, inputs, quiet)
    (first.release.path / "report.json").write_text("{", encoding="utf-8")
    again = build(home, SETTINGS, inputs, quiet)
    assert again.whole
    assert (again.release.path / "report.json").read_text(encoding="utf-8") != "{"
