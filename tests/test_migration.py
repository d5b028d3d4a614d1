"""kg.migration: what a change breaks is tried; a rename is done everywhere or nowhere."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pyoxigraph import NamedNode

from kg import vocab
from kg.build import Inputs, build
from kg.catalogue import Catalogue
from kg.errors import InputError, Locked
from kg.migration import Impact, Migration, Project, edits, impact, migrate
from kg.migration.trial import quiet
from kg.ontology.diff import diff
from kg.ontology.editions import Version
from kg.release import Home
from kg.settings import Settings, shipped

ANSWERS = Path(__file__).parent / "queries"


def project_in(folder: Path) -> Project:
    inputs = Inputs(folder / "ontology", folder / "mappings", folder / "tables")
    return Project(inputs, folder / "queries", folder / "tests" / "queries")


def shrink(tables: Path) -> None:
    """Leave out the counties that no other table names: they are most of a build's time."""
    others = " ".join(
        path.read_text(encoding="utf-8") for path in tables.glob("*.csv") if path.stem != "cities"
    )
    named = set(re.findall(r"[a-z0-9-]+", others))
    path = tables / "cities.csv"
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    kept = [row for row in rows if row[1] != "County" or row[0] in named]
    assert len(kept) < len(rows) / 2
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *kept])


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped folders and a home with their release."""
    folder = tmp_path_factory.mktemp("pristine")
    for name in ("ontology", "mappings", "tables", "queries"):
        shutil.copytree(shipped(name), folder / name)
    shutil.copytree(ANSWERS, folder / "tests" / "queries")
    shrink(folder / "tables")
    build(Home(folder / "home"), Settings(), project_in(folder).inputs, quiet)
    return folder


@pytest.fixture
def folder(pristine: Path, tmp_path: Path) -> Path:
    """A copy of all that, which a test may spoil."""
    return Path(shutil.copytree(pristine, tmp_path / "work", symlinks=True))


def run(folder: Path, text: str, *, dry_run: bool = False) -> Migration:
    file = folder / "migration.yml"
    file.write_text(text, encoding="utf-8")
    home = Home(folder / "home")
    return migrate(file, project_in(folder), home, Settings(), dry_run=dry_run)


def contents(folder: Path) -> dict[str, bytes]:
    """Everything that a migration may write, and what is served."""
    found = {
        str(path.relative_to(folder)): path.read_bytes()
        for name in ("ontology", "mappings", "tables", "queries", "tests")
        for path in sorted((folder / name).rglob("*"))
        if path.is_file()
    }
    return found | {"home": Home(folder / "home").current().id.encode()}


def read(folder: Path, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def line_of(path: Path, text: str) -> int:
    found = [n for n, line in enumerate(path.read_text("utf-8").splitlines(), 1) if text in line]
    return found[0]


def count(folder: Path, *, predicate: str = "", object: str = "") -> int:
    store = Home(folder / "home").current().open()
    found = store.quads_for_pattern(
        None,
        NamedNode(vocab.AIC + predicate) if predicate else None,
        NamedNode(vocab.AIC + object) if object else None,
        None,
    )
    source = vocab.graph("source/")
    return sum(1 for quad in found if getattr(quad.graph_name, "value", "").startswith(source))


# --- migrate: what it does --------------------------------------------------------------------

FILE = """\
# Words that read better.
rename:
  aic:quote: aic:quotation
  aic:MegaPlatform: aic:GiantPlatform
merge:
  aic:category: aic:domain
deprecate:
  - aic:registryType
"""


@pytest.fixture(scope="module")
def migrated(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Migration]:
    folder = tmp_path_factory.mktemp("migrated") / "work"
    shutil.copytree(pristine, folder, symlinks=True)
    return folder, run(folder, FILE)


def test_rename_and_merge_are_done_and_published(
    pristine: Path, migrated: tuple[Path, Migration]
) -> None:
    folder, result = migrated
    assert result.ok and result.written, result.text()
    assert result.release == Home(folder / "home").current().id
    assert result.release != Home(pristine / "home").current().id
    assert result.steps == (
        "rename aic:quote to aic:quotation",
        "rename aic:MegaPlatform to aic:GiantPlatform",
        "merge aic:category into aic:domain",
        "deprecate aic:registryType",
    )
    assert f"published release {result.release}" in result.text()


def test_old_terms_stay_deprecated_and_replaced(migrated: tuple[Path, Migration]) -> None:
    folder, _ = migrated
    version = Version.load(str(folder / "ontology"), folder / "ontology")
    aic = vocab.AIC
    assert version.deprecated.items() >= {
        (aic + "quote", aic + "quotation"),
        (aic + "MegaPlatform", aic + "GiantPlatform"),
        (aic + "category", aic + "domain"),
        (aic + "registryType", ""),
    }
    store = Home(folder / "home").current().open()
    replaced_by = NamedNode(vocab.DCTERMS + "isReplacedBy")
    (quad,) = store.quads_for_pattern(
        NamedNode(aic + "quote"), replaced_by, None, NamedNode(vocab.graph("ontology"))
    )
    assert quad.object == NamedNode(aic + "quotation")


def test_data_moves_to_the_new_terms(pristine: Path, migrated: tuple[Path, Migration]) -> None:
    folder, _ = migrated
    assert count(pristine, predicate="quote") == count(folder, predicate="quotation") > 0
    assert count(folder, predicate="quote") == 0
    before, after = count(pristine, object="MegaPlatform"), count(folder, object="GiantPlatform")
    assert before == after > 0
    assert count(folder, object="MegaPlatform") == 0


def test_no_other_line_of_a_file_changes(pristine: Path, migrated: tuple[Path, Migration]) -> None:
    folder, result = migrated
    assert {name.partition("/")[0] for name in result.edits} >= {"ontology", "mappings", "tables"}
    for name in result.edits:
        if name.startswith("ontology/") and name.count("/") == 1:
            continue  # a module also gets the old term's block
        before, after = (read(each, name).splitlines() for each in (pristine, folder))
        assert len(before) == len(after)
        for one, other in zip(before, after, strict=True):
            terms = (("quote", "quotation"), ("MegaPlatform", "GiantPlatform"))
            terms += (("category", "domain"),)
            expected = one
            for old, new in terms:
                expected = re.sub(rf"(aic:|ontology#){old}\b", rf"\g<1>{new}", expected)
                expected = re.sub(rf",{old},", f",{new},", expected)
                expected = re.sub(rf"(example: |default: |\|){old}\b", rf"\g<1>{new}", expected)
            assert other in {one, expected}


def test_comments_of_a_module_stay(pristine: Path, migrated: tuple[Path, Migration]) -> None:
    folder, _ = migrated
    for path in sorted((pristine / "ontology").glob("*.ttl")):
        comments = [x for x in read(pristine, f"ontology/{path.name}").splitlines() if x[:1] == "#"]
        kept = [x for x in read(folder, f"ontology/{path.name}").splitlines() if x[:1] == "#"]
        assert kept == comments


def test_queries_load_against_the_new_terms(migrated: tuple[Path, Migration]) -> None:
    folder, _ = migrated
    version = Version.load(str(folder / "ontology"), folder / "ontology")
    live = version.terms - {vocab.AIC + name for name in ("quote", "MegaPlatform", "category")}
    assert len(Catalogue.load(folder / "queries", terms=live)) >= 19


def test_diff_of_a_migration_states_the_rename(
    pristine: Path, migrated: tuple[Path, Migration]
) -> None:
    folder, _ = migrated
    found = diff(*(Version.load(str(each / "ontology"), each) for each in (pristine, folder)))
    renames = {(c.term, c.to, c.score) for c in found.of("renamed")}
    assert (vocab.AIC + "quote", vocab.AIC + "quotation", 1.0) in renames
    assert found.level == "major"


def test_second_run_has_nothing_to_do(migrated: tuple[Path, Migration]) -> None:
    folder, _ = migrated
    before = contents(folder)
    again = run(folder, FILE)
    assert again.ok and not again.written and not again.edits
    assert "nothing to do" in again.text()
    assert contents(folder) == before


def test_migration_cut_short_is_completed_by_running_it_again(
    folder: Path, migrated: tuple[Path, Migration]
) -> None:
    done, result = migrated
    # Killed after everything but the modules that declare the old terms was written.
    for name in result.edits:
        if not (name.startswith("ontology/") and name.count("/") == 1):
            shutil.copyfile(done / name, folder / name)
    again = run(folder, FILE)
    assert again.written, again.text()
    assert contents(folder) == contents(done)


def test_dry_run_shows_the_edits_and_writes_nothing(folder: Path) -> None:
    before = contents(folder)
    result = run(folder, "rename: {aic:quote: aic:quotation}\n", dry_run=True)
    assert result.ok and not result.written
    assert "-aic:quote a owl:DatatypeProperty ;" in result.edits["ontology/core.ttl"]
    assert "+aic:quotation a owl:DatatypeProperty ;" in result.edits["ontology/core.ttl"]
    assert "nothing was written or published" in result.text()
    assert contents(folder) == before


# --- migrate: what it refuses -----------------------------------------------------------------

REFUSED = {
    "disjoint by the list of kinds": (
        "merge:\n  aic:MegaPlatform: aic:City\n",
        r"migration\.yml:2: .* aic:MegaPlatform and aic:City are disjoint: "
        r"ontology/aicluster\.ttl:\d+ declares aic:Organization and aic:SpatialUnit disjoint "
        r"\(aic:MegaPlatform ⊑ .*aic:Organization; aic:City ⊑ aic:SpatialUnit\)",
    ),
    "disjoint by an axiom of their own": (
        "merge:\n  aic:NewInnovationZone: aic:IndustrialPark\n",
        r"are disjoint: ontology/place\.ttl:\d+ declares",
    ),
    "rename to an existing term": (
        "rename:\n  aic:quote: aic:row\n",
        r"migration\.yml:2: .* aic:row exists already \(ontology/core\.ttl:\d+\)",
    ),
    "unknown old term": (
        "rename:\n\n  aic:quot: aic:quotation\n",
        r"migration\.yml:3: .* aic:quot is no term of the ontology",
    ),
    "unknown target": ("merge: {aic:quote: aic:nothing}\n", r"aic:nothing is no term"),
    "class into property": (
        "merge:\n  aic:City: aic:year\n",
        r"aic:City is a class, aic:year is a datatype property",
    ),
    "object into datatype property": (
        "merge:\n  aic:locatedIn: aic:year\n",
        r"aic:locatedIn is an object property, aic:year is a datatype property",
    ),
    "class renamed like a property": ("rename: {aic:City: aic:city}\n", "is written as a property"),
    "two old terms, one new": (
        "rename:\n  aic:quote: aic:text\n  aic:row: aic:text\n",
        "the new name of two terms",
    ),
    "chain": ("rename:\n  aic:quote: aic:text\n  aic:text: aic:words\n", "is itself renamed"),
    "into what stands under it": ("merge: {aic:Organization: aic:Enterprise}\n", "stands under"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_migration_is_refused_with_its_reason_and_nothing_is_written(
    folder: Path, name: str
) -> None:
    text, expected = REFUSED[name]
    before = contents(folder)
    result = run(folder, text)
    assert not result.ok
    assert re.search(expected, result.text()), result.text()
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("renames: {aic:a: aic:b}\n", r"migration\.yml:1: 'renames': expected rename, merge"),
        ("rename: [aic:a]\n", r"migration\.yml:1: rename: expected pairs"),
        ("rename:\n  foaf:name: aic:b\n", r"migration\.yml:2: 'foaf:name': expected a term of"),
        ("rename: {aic:a: [\n", r"migration\.yml:\d+: not YAML"),
        ("rename: {}\n", r"migration\.yml:1: says nothing"),
    ],
)
def test_file_that_is_no_migration_is_named_with_its_line(
    folder: Path, text: str, expected: str
) -> None:
    with pytest.raises(InputError, match=expected):
        run(folder, text)


def test_candidate_that_does_not_conform_stops_the_migration(folder: Path) -> None:
    before = contents(folder)
    result = run(folder, "merge: {aic:rorId: aic:wikidataId}\n")
    assert not result.ok
    faults = [fault for fault in result.findings if fault.rule == "violation"]
    assert faults and all(fault.file == "tables/organizations.csv" for fault in faults)
    assert all(fault.line > 1 for fault in faults)
    assert contents(folder) == before


def test_home_that_is_being_built_puts_the_files_back(folder: Path) -> None:
    before = contents(folder)
    with Home(folder / "home").building(), pytest.raises(Locked):
        run(folder, "rename: {aic:quote: aic:quotation}\n")
    assert contents(folder) == before


def test_write_that_fails_half_way_puts_the_files_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, swap, calls = contents(folder), edits._swap, list[Path]()

    def failing(path: Path, text: str) -> None:
        calls.append(path)
        if len(calls) == 3:
            raise OSError("no space left on device")
        swap(path, text)

    monkeypatch.setattr(edits, "_swap", failing)
    with pytest.raises(OSError, match="no space"):
        run(folder, "rename: {aic:quote: aic:quotation}\n")
    assert contents(folder) == before


def test_sources_of_the_current_release_are_not_lost(folder: Path) -> None:
    table = folder / "data" / "ccf_conferences" / "conference_editions.csv"
    table.parent.mkdir(parents=True)
    table.write_text(
        "series,description,sub,ccf_rank,dblp,year,id,link,date,place,in_china\n"
        'AAAI,A conference,AI,A,aaai,2022,aaai22,https://aaai.org/,"May 1","Beijing",yes\n',
        encoding="utf-8",
    )
    inputs = replace(project_in(folder).inputs, data=folder / "data")
    build(Home(folder / "home"), Settings(), inputs, quiet)
    before = contents(folder)
    result = run(folder, "rename: {aic:quote: aic:quotation}\n")
    assert "which this build would leave out" in result.text()
    assert contents(folder) == before


# --- impact -----------------------------------------------------------------------------------


def impact_of(folder: Path, tmp_path: Path, change: Callable[[Path], None]) -> Impact:
    b = tmp_path / "b"
    shutil.copytree(folder / "ontology", b)
    change(b)
    home = Home(folder / "home")
    return impact(str(folder / "ontology"), str(b), project_in(folder), home, Settings())


def test_no_change_has_no_impact(pristine: Path, tmp_path: Path) -> None:
    found = impact_of(pristine, tmp_path, lambda b: None)
    assert found.ok and found.uses == {} and found.diff.level == "none"
    assert "nothing fails" in found.text()


def test_renamed_property_shows_its_uses_triples_and_failures(
    pristine: Path, tmp_path: Path
) -> None:
    def rename(b: Path) -> None:
        edit(b / "core.ttl", "aic:quote a owl", "aic:quotation a owl")

    found = impact_of(pristine, tmp_path, rename)
    term = vocab.AIC + "quote"
    assert found.diff.of("renamed")[0].term == term
    mapping = pristine / "mappings" / "curated.yml"
    used = {(use.area, str(use)) for use in found.uses[term]}
    assert ("mapping", f"mappings/curated.yml:{line_of(mapping, '[aic:quote')}") in used
    assert {area for area, _ in used} >= {"mapping", "shape", "query"}
    assert found.triples[term].predicate == count_triples(pristine, "quote") > 0
    failing = {(fault.file, fault.line) for fault in found.failures if fault.severity == "error"}
    assert ("mappings/curated.yml", line_of(mapping, "[aic:quote")) in failing
    assert any(file.startswith("queries/") for file, _ in failing)
    assert any(file.startswith("ontology/shapes/") for file, _ in failing)
    assert not found.ok
    for text in (found.text(), found.markdown()):
        assert "aic:quote" in text and "mappings/curated.yml" in text
    assert found.data()["terms"]


def count_triples(folder: Path, predicate: str) -> int:
    release = Home(folder / "home").current()
    node = NamedNode(vocab.AIC + predicate)
    found = release.open().quads_for_pattern(None, node, None, None)
    return len({(quad.subject, quad.object) for quad in found})


def test_tightened_shape_fails_on_the_row_that_breaks_it(pristine: Path, tmp_path: Path) -> None:
    def tighten(b: Path) -> None:
        path = b / "shapes" / "core.ttl"
        edit(path, '"^Q[1-9][0-9]*$"', '"^Q1[0-9]*$"')

    found = impact_of(pristine, tmp_path, tighten)
    assert found.diff.level == "major"
    faults = [fault for fault in found.failures if fault.rule == "violation"]
    assert faults
    assert any(fault.file == "tables/organizations.csv" and fault.line > 1 for fault in faults)


def test_removed_class_names_the_cells_that_use_it(pristine: Path, tmp_path: Path) -> None:
    def rename(b: Path) -> None:
        for path in b.rglob("*.ttl"):
            text = path.read_text(encoding="utf-8")
            path.write_text(re.sub(r"aic:MegaPlatform\b", "aic:GiantPlatform", text), "utf-8")

    found = impact_of(pristine, tmp_path, rename)
    line = line_of(pristine / "tables" / "organizations.csv", ",MegaPlatform,")
    failing = {(fault.file, fault.line) for fault in found.failures}
    assert ("tables/organizations.csv", line) in failing
    assert found.triples[vocab.AIC + "MegaPlatform"].type > 0


def test_version_with_a_syntax_error_is_named(pristine: Path, tmp_path: Path) -> None:
    def spoil(b: Path) -> None:
        with (b / "place.ttl").open("a", encoding="utf-8") as file:
            file.write("\naic:Broken a ;; .\n")

    with pytest.raises(InputError, match=r"place\.ttl:\d+:\d+: not Turtle"):
        impact_of(pristine, tmp_path, spoil)


def test_release_is_a_version_like_any_other(pristine: Path) -> None:
    home = Home(pristine / "home")
    release = Version.load(home.current().id, pristine / "ontology", home)
    files = Version.load(str(pristine / "ontology"), pristine / "ontology")
    assert diff(release, files).changes == ()


def test_project_here_finds_the_checkouts_code_and_answers() -> None:
    project = Project.here()
    assert project.answers == ANSWERS
    areas = {area for area, _, _ in project.files()}
    assert areas >= {"module", "vocabulary", "shape", "mapping", "query", "test", "code"}
