"""Queries judged at a glance: as the lexer and the engine judge them, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kg import sparql
from kg.errors import QuerySyntaxError, ServiceRefused

ROWS = 50
BASE = "http://example.org/sparql"
PARTS = st.lists(
    st.sampled_from(
        [
            "SELECT * ", "select*", "ASK ", "SELECT:x", "ſELECT", "INSERT DATA", "{", "}",
            "PREFIX a: <http://e/#>\n", "BASE <http://e/>", "VALUES ?s {1}", "GROUP BY ?s",
            "?s ?p ?o ", "a:x ", "<http://e/#LIMIT> ", "ORDER BY (?a<?b)", "FILTER(?a<?b#>)",
            "(1 AS ?x)", "LIMIT 7", " LIMIT 7", "limit 70", "LIMIT7 ", "lİmit 3", " OFFSET 2",
            "# LIMIT 3\n", "'LIMIT 3'", "{SELECT * {} LIMIT 4}", "#", "\n", " ", "'''", '"',
            "SERVICE <http://e/>", "service", "\\u004c",
        ]
    ),
    max_size=9,
)  # fmt: skip


@given(PARTS.map("".join))
@example("SELECT * {?s ?p ?o} ORDER BY (?s<?o)#>")
@example("SELECT * {?s ?p ?o} # LIMIT 7")
@example("SELECT * {?s ?p '''\nLIMIT 7")
def test_what_it_vouches_for_is_what_the_lexer_says(text: str) -> None:
    seen = sparql.glance(text, ROWS)
    if seen is None:
        return
    try:
        sparql.parse(text, BASE)
    except QuerySyntaxError:
        return  # nothing of it is run
    assert "service" not in text.lower()
    try:
        form = sparql.form(text)
    except QuerySyntaxError as error:  # the lexer does not guess; the engine knows
        assert "may be an IRI or a comparison" in str(error)
        assert seen == ("SELECT", f"{text}\nLIMIT {ROWS}", True) or seen[0] != "SELECT"
        return
    assert seen == (form, *sparql.limited(sparql.decode(text), ROWS if form == "SELECT" else 0))
    assert sparql.parse(seen[1], BASE) is None


@given(PARTS.map("".join))
def test_it_never_vouches_for_a_service(text: str) -> None:
    try:
        sparql.check(text, BASE)
    except ServiceRefused:
        assert sparql.glance(text, ROWS) is None
    except QuerySyntaxError:
        pass


@pytest.mark.parametrize(
    "text",
    [
        "SELECT ?p ?o WHERE { <http://example.org/o1> ?p ?o }",
        "# first\nPREFIX ex: <http://example.org/#>\nSELECT * { ?s ex:p ?o }",
        "SELECT * { ?s ?p ?o } ORDER BY ?s LIMIT 10",
        "ASK {}",
        "DESCRIBE <http://example.org/o1>",
    ],
)  # fmt: skip
def test_what_people_ask_is_judged(text: str) -> None:
    assert sparql.glance(text, ROWS) is not None


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * {} LIMIT 51",
        "SELECT * {} LIMIT 7 # LIMIT",
        "SELECT * {} # LIMIT 7",
        "SELECT * { SELECT * {} LIMIT 7 }",
        "SELECT * {} VALUES ?x { 1 }",
        "SELECT * { ?s ?p '\\u0053ERVICE' }",
        f"SELECT * {'{' * 300}{'}' * 300}",
        "SELECT * {" + " " * 2000 + "}",
        "DELETE WHERE { ?s ?p ?o }",
        "",
    ],
)
def test_what_takes_its_tokens_is_not(text: str) -> None:
    assert sparql.glance(text, ROWS) is None
