from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from kg import ontology, vocab
from kg.ontology import versions
from kg.ontology.book import anchor
from kg.ontology.pages import pages, write_pages

ROOT = Path(__file__).parents[2] / "ontology"
CITY = f"{vocab.AIC}City"
EXAMPLES = {CITY: [("https://w3id.org/aicluster/id/place/shenzhen", "Shenzhen <深圳>")]}
QUERIES = {CITY: [("places/ladder-counts", "How many of each & where?")]}


class Reader(HTMLParser):
    """Collects ids, links and what a page would fetch or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "section" and found.get("id"):
            self.ids.append(str(found["id"]))
        if tag == "a":
            self.links.append(str(found.get("href")))
        if tag in {"script", "link", "img", "iframe", "object"} or "src" in found:
            self.fetched.append(tag)


@pytest.fixture(scope="module")
def shown() -> dict[str, str]:
    return pages(ROOT, examples=EXAMPLES, queries=QUERIES)


def test_every_module_and_vocabulary_has_its_page(shown: dict[str, str]) -> None:
    named = {path.stem for path in ontology.modules(ROOT, "")} - {"aicluster"}
    named |= {f"vocabularies/{path.stem}" for path in ontology.modules(ROOT, "vocabularies")}
    assert set(shown) == named | {""}


def test_every_term_stands_once_under_its_local_name(shown: dict[str, str]) -> None:
    ids = [found for text in shown.values() for found in Reader(text).ids]
    assert len(ids) == len(set(ids))
    assert {anchor(term) for term in ontology.terms(ROOT)} <= set(ids)
    assert "City" in Reader(shown["place"]).ids


def test_links_between_terms_lead_somewhere(tmp_path: Path) -> None:
    written = {path.name for path in write_pages(ROOT, tmp_path, examples={}, queries={})}
    ids = {
        name: {*Reader((tmp_path / name).read_text()).ids, "main"}
        for name in written
        if name.endswith(".html")
    }
    for name in ids:
        for link in Reader((tmp_path / name).read_text()).links:
            target, _, place = link.partition("#")
            assert (target or name) in written, (name, link)
            assert not place or place in ids[target or name], (name, link)


def test_pages_run_nothing_and_fetch_nothing(shown: dict[str, str]) -> None:
    for text in shown.values():
        assert Reader(text).fetched == []
        assert "url(" not in text
        assert "@import" not in text


def card(text: str, name: str) -> str:
    found = re.search(rf'<section class="term[^"]*" id="{name}">.*?</section>', text, re.DOTALL)
    assert found is not None
    return found.group()


def test_a_class_shows_both_languages_its_relatives_shapes_queries_and_examples(
    shown: dict[str, str],
) -> None:
    found = card(shown["place"], "City")
    assert '<p lang="en">A prefecture-level division of China' in found
    assert '<p lang="zh">中国的地级行政区' in found
    assert CITY in found
    assert 'href="place.html#SpatialUnit"' in found
    assert "How many of each &amp; where?" in found
    assert "Shenzhen &lt;深圳&gt;" in found
    assert "City and Province" in found
    unit = card(shown["place"], "SpatialUnit")
    assert "0…1, xsd:decimal, min inclusive -90, max inclusive 90" in unit
    assert 'lang="zh">纬度至多一个' in unit


def test_a_property_shows_domain_range_characteristics_and_shapes(shown: dict[str, str]) -> None:
    found = card(shown["place"], "within")
    assert "transitive" in found
    assert "Domain" in found
    assert "Sub-properties" in found
    assert 'href="place.html#directlyWithin"' in found
    assert "on level" not in card(shown["place"], "gbCode")
    assert "pattern ^[1-9]" in card(shown["place"], "gbCode")


def test_a_module_and_its_shapes_do_not_share_blank_nodes(shown: dict[str, str]) -> None:
    assert "spatialLevel / skos:notation" in card(shown["place"], "City")


def test_a_diagram_links_its_classes_and_properties(shown: dict[str, str]) -> None:
    diagram = re.search(r"<svg.*?</svg>", shown["place"], re.DOTALL)
    assert diagram is not None
    assert '<a href="#City">' in diagram.group()
    assert "directlyWithin → SpatialUnit" in diagram.group()
    assert "城市" in diagram.group()


def test_a_deprecated_term_is_marked_with_what_replaces_it(tmp_path: Path) -> None:
    folder = tmp_path / "ontology"
    shutil.copytree(ROOT, folder)
    place = folder / "place.ttl"
    place.write_text(
        place.read_text()
        + "\naic:Town a owl:Class ; owl:deprecated true ; dcterms:isReplacedBy aic:City .\n"
    )
    text = pages(folder, examples={}, queries={})["place"]
    found = card(text, "Town")
    assert 'class="term deprecated"' in found
    assert re.search(r'Use\s+<a href="place.html#City"[^>]*>City</a>\s+instead', found)


def test_markup_in_a_label_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    folder = tmp_path / "ontology"
    shutil.copytree(ROOT, folder)
    place = folder / "place.ttl"
    place.write_text(place.read_text().replace('"city"@en', '"<script>x</script>"@en'))
    for text in pages(folder, examples={}, queries={}).values():
        assert "<script" not in text


def test_versions_are_listed_and_their_files_lie_beside(tmp_path: Path) -> None:
    folder = tmp_path / "ontology"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(versions.RELEASES))
    number = ontology.version(folder)
    versions.freeze(folder)
    front = folder / "aicluster.ttl"
    front.write_text(front.read_text().replace(number, "99.0.0"))
    written = write_pages(folder, tmp_path / "docs", examples={}, queries={})
    assert tmp_path / "docs" / f"{number}.jsonld" in written
    assert f'href="{number}.jsonld"' in (tmp_path / "docs" / "index.html").read_text()


def test_a_server_gives_its_own_addresses() -> None:
    found = pages(
        ROOT,
        examples={},
        queries=QUERIES,
        address=lambda path, form: f"/ontology/{path}" + ("" if form == "html" else f".{form}"),
        query_address=lambda name: f"/queries/{name}",
    )
    assert 'href="/ontology/place#City"' in found["place"]
    assert 'href="/ontology/place.ttl"' in found["place"]
    assert 'href="/queries/places/ladder-counts"' in found["place"]
