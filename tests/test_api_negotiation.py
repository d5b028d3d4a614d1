from __future__ import annotations

import pytest

from api.negotiation import choose, preferred, wants_page
from kg.errors import NotAcceptable
from kg.sparql import Form

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "a/x"),
        ("*/*", "a/x"),
        ("b/z", "b/z"),
        ("a/*", "a/x"),
        ("a/*;q=0.5, a/y", "a/y"),
        ("a/x;q=0.1, a/y;q=0.2", "a/y"),
        ("a/x;q=0, */*", "a/y"),
        ("*/*;q=0.1, b/*;q=0.2", "b/z"),
        ("A/Y ; Q=0.5", "a/y"),
        ("a/y;version=2;q=0.9, a/x;q=0.8", "a/y"),
        ("b/z;q=2, a/y", "a/y"),
        ("b/z;q=high, a/y", "a/y"),
        ("nonsense", "a/x"),
        ("c/c", None),
        ("*/*;q=0", None),
    ],
)
def test_highest_quality_of_the_closest_range_wins(accept: str, expected: str | None) -> None:
    assert preferred(accept, ["a/x", "a/y", "b/z"]) == expected


@pytest.mark.parametrize(
    ("form", "accept", "name", "content_type"),
    [
        ("SELECT", "*/*", "json", None),
        ("SELECT", "application/json", "json", "application/json"),
        ("SELECT", "application/xml", "xml", "application/xml"),
        ("SELECT", "text/*", "csv", None),
        ("SELECT", "text/turtle, text/csv;q=0.1", "csv", None),
        ("SELECT", CHROME, "html", None),
        ("ASK", "application/sparql-results+xml", "xml", None),
        ("CONSTRUCT", "*/*", "ttl", None),
        ("CONSTRUCT", "application/rdf+xml;q=0.9, application/n-triples", "nt", None),
        ("DESCRIBE", "application/json", "jsonld", "application/json"),
        ("DESCRIBE", CHROME, "html", None),
    ],
)
def test_format_follows_the_form_and_the_wish(
    form: Form, accept: str, name: str, content_type: str | None
) -> None:
    choice = choose(form, accept)
    assert (choice.format.name, choice.content_type) == (name, content_type)


def test_named_format_goes_before_accept() -> None:
    assert choose("SELECT", "application/json", "csv").format.name == "csv"
    assert choose("SELECT", "", "text/csv").format.name == "csv"


def test_format_of_another_form_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        NotAcceptable, match="expected json, xml, csv, tsv, parquet, arrow, geojson, html"
    ):
        choose("SELECT", "*/*", "ttl")
    with pytest.raises(NotAcceptable, match="expected text/turtle"):
        choose("CONSTRUCT", "text/csv")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [(CHROME, True), ("*/*", False), ("", False), ("application/json, text/html;q=0.9", False)],
)
def test_only_a_browser_wants_a_page(accept: str, expected: bool) -> None:
    assert wants_page(accept) is expected
