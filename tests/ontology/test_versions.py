from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from pyoxigraph import CanonicalizationAlgorithm, Dataset, RdfFormat, parse

from kg import ontology, vocab
from kg.errors import InputError
from kg.ontology import versions

ROOT = Path(__file__).parents[2] / "ontology"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The shipped ontology as it would be released first."""
    target = tmp_path / "ontology"
    shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(versions.RELEASES))
    return target


def graph(data: bytes, form: RdfFormat) -> Dataset:
    dataset = Dataset(parse(input=data, format=form))
    dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    return dataset


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def raised(folder: Path, number: str) -> None:
    """Give the ontology another version."""
    change(folder / "aicluster.ttl", ontology.version(folder), number)
    log = folder / "CHANGELOG.md"
    log.write_text(log.read_text().replace("## [", f"## [{number}]\n\n## [", 1))


def test_a_frozen_version_has_the_files_as_they_were_and_their_digests(folder: Path) -> None:
    number = ontology.version(folder)
    target = versions.freeze(folder)
    assert target == folder / "releases" / number
    manifest = json.loads((target / "manifest.json").read_text())
    assert manifest["iri"] == f"{versions.IRI}/{number}"
    for name in manifest["sha256"]:
        assert (target / name).read_bytes() == (folder / name).read_bytes()
    assert {"place.ttl", "shapes/place.ttl", "vocabularies/fields.ttl"} <= set(manifest["sha256"])
    assert versions.versions(folder) == [number]
    assert [path.name for path in (folder / "releases").iterdir()] == [number]


def test_freezing_twice_is_freezing_once(folder: Path) -> None:
    assert versions.freeze(folder) == versions.freeze(folder)


def test_a_frozen_version_does_not_change(folder: Path) -> None:
    target = versions.freeze(folder)
    before = (target / "place.ttl").read_bytes()
    (folder / "place.ttl").write_text((folder / "place.ttl").read_text() + "\n# more\n")
    with pytest.raises(InputError, match=r"frozen with other content \(place\.ttl\)"):
        versions.freeze(folder)
    assert (target / "place.ttl").read_bytes() == before


def test_a_later_version_stands_beside_and_an_older_is_refused(folder: Path) -> None:
    first = ontology.version(folder)
    raised(folder, "10.0.0")
    versions.freeze(folder)
    raised(folder, "9.0.0")
    with pytest.raises(InputError, match=r"9\.0\.0 is older than the frozen 10\.0\.0"):
        versions.freeze(folder)
    raised(folder, "10.1.0")
    versions.freeze(folder)
    assert versions.versions(folder) == ["10.1.0", "10.0.0"]
    assert first not in versions.versions(folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("aicluster.ttl", 'versionInfo "', 'versionInfo "v', "not major.minor.patch"),
        ("aicluster.ttl", "versionIRI aico:", "versionIRI aico:1", "versionIRI is"),
        ("CHANGELOG.md", "## [", "## [7", "newest version is 7"),
        ("shapes/place.ttl", "a sh:NodeShape ;", "a sh:NodeShape", r"shapes/place\.ttl:\d+:\d+"),
    ],
)
def test_what_disagrees_is_named_and_nothing_is_frozen(
    folder: Path, file: str, old: str, new: str, told: str
) -> None:
    change(folder / file, old, new)
    with pytest.raises(InputError, match=told):
        versions.freeze(folder)
    assert not (folder / "releases").exists()


def test_without_a_changelog_nothing_is_frozen(folder: Path) -> None:
    (folder / "CHANGELOG.md").unlink()
    with pytest.raises(InputError, match=r"CHANGELOG\.md: cannot be read"):
        versions.freeze(folder)


@pytest.mark.parametrize("path", ["", "place", "shapes", "vocabularies/fields"])
def test_every_format_says_the_same(path: str) -> None:
    graphs = [
        graph(versions.serialise(ROOT, path, media_type), form)
        for media_type, form in versions.FORMATS.items()
    ]
    assert len(graphs[0]) > 30
    assert all(each == graphs[0] for each in graphs)


def test_the_whole_ontology_is_all_its_modules() -> None:
    data = versions.serialise(ROOT, "", "application/n-triples").decode()
    for term in ontology.terms(ROOT):
        assert f"<{term}>" in data
    assert "https://w3id.org/aicluster/ontology/shapes#" not in data


def test_a_module_in_turtle_is_the_file_with_its_comments() -> None:
    assert versions.serialise(ROOT, "place", "text/turtle") == (ROOT / "place.ttl").read_bytes()


def test_a_version_answers_as_it_was_frozen(folder: Path) -> None:
    number = ontology.version(folder)
    versions.freeze(folder)
    before = versions.serialise(folder, f"{number}/place", "text/turtle")
    (folder / "place.ttl").write_text("# gone\n")
    assert versions.serialise(folder, f"{number}/place", "text/turtle") == before
    assert versions.serialise(folder, "place", "text/turtle") == b"# gone\n"
    found = versions.document(folder, number)
    assert found is not None
    assert found.frozen
    assert found.version == number


def test_the_present_version_answers_by_its_number_before_it_is_frozen(folder: Path) -> None:
    found = versions.document(folder, ontology.version(folder))
    assert found is not None
    assert not found.frozen


def test_resources_follow_the_base_and_terms_do_not() -> None:
    base = "https://example.org/id/"
    data = versions.serialise(ROOT, "vocabularies/fields", "text/turtle", base).decode()
    assert vocab.BASE not in data
    assert base in data
    assert vocab.AIC in data


@pytest.mark.parametrize(
    "path", ["nowhere", "9.9.9", "place/more", "../secret", "shapes/../place", "..", "Place", "%2e"]
)
def test_what_does_not_exist_is_nothing(path: str) -> None:
    assert versions.document(ROOT, path) is None
    with pytest.raises(InputError, match="no such version or module"):
        versions.serialise(ROOT, path, "text/turtle")


def test_an_unknown_format_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="text/turtle, application/rdf"):
        versions.serialise(ROOT, "place", "text/csv")
