"""Which queries are read as counting ones, and what is read; all others are left alone."""

from __future__ import annotations

import pytest

from kg.vocab import RDF
from kg.workers.columns.question import Count, Question, read

EX = "http://example.org/"
PREFIX = f"PREFIX : <{EX}> BASE <{EX}> PREFIX ex: <{EX}deep/>\n"
IN = f"<{EX}in>"


def question(text: str) -> Question:
    found = read(PREFIX + text)
    assert found is not None
    return found


def test_all_clauses_are_read() -> None:
    found = question(
        "SELECT ?f (COUNT(*) AS ?n) (COUNT(DISTINCT $e) AS $m) # of what?\n"
        "WHERE { ?e a ex:Event, <urn:e> ; $p ?f ; :in ?e . ?f :in ?e . }\n"
        "GROUP BY ?f ?p ORDER BY DESC(?n) ?f ASC(?p) OFFSET 5 LIMIT 10"
    )
    assert found == Question(
        prologue=" ".join(PREFIX.split()),
        patterns=(
            ("?e", f"<{RDF}type>", f"<{EX}deep/Event>"),
            ("?e", f"<{RDF}type>", "<urn:e>"),
            ("?e", "?p", "?f"),
            ("?e", IN, "?e"),
            ("?f", IN, "?e"),
        ),
        projected=("?f", "?n", "?m"),
        counts=(Count("?n"), Count("?m", "?e", distinct=True)),
        keys=("?f", "?p"),
        order=(("?n", True), ("?f", False), ("?p", False)),
        limit=10,
        offset=5,
    )
    assert found.tail == "ORDER BY DESC(?n) ASC(?f) ASC(?p) LIMIT 10 OFFSET 5"


def test_distinct_solutions_are_groups_that_nothing_is_counted_of() -> None:
    found = question("SELECT DISTINCT ?f ?e { ?e :in ?f } ORDER BY ?f LIMIT 3")
    assert found.patterns == (("?e", IN, "?f"),)
    assert (found.counts, found.keys, found.projected) == ((), ("?f", "?e"), ("?f", "?e"))


@pytest.mark.parametrize(
    "text",
    [
        "SELECT(COUNT(*)AS?n){?e :in ?f}",
        "select (count ( ?e ) as ?n) where { ?e :in ?f . } limit 1",
        "SELECT (COUNT(*) AS ?n) { ?e :in :FILTER . ?e :in <urn:OPTIONAL> } # FILTER (?e)",
        "SELECT (COUNT(?e) AS ?n) { ?e :in ?f } GROUP BY ?f",
        "SELECT ?北 (COUNT(*) AS ?n) { ?e :京 ?北 } GROUP BY ?北",
    ],
)
def test_counting_query_is_read(text: str) -> None:
    assert read(PREFIX + text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "SELECT ?e { ?e :in ?f }",
        "SELECT * { ?e :in 'COUNT(*)' }",
        "SELECT DISTINCT (COUNT(*) AS ?n) { ?e :in ?f }",
        "SELECT DISTINCT ?f (COUNT(*) AS ?n) { ?e :in ?f } GROUP BY ?f",
        "SELECT DISTINCT ?f { ?e :in ?f } GROUP BY ?f",
        "SELECT DISTINCT ?f { ?e :in ?f } ORDER BY ?e",
        "SELECT DISTINCT ?f ?x { ?e :in ?f }",
        "SELECT DISTINCT ?f ?f { ?e :in ?f }",
        "SELECT DISTINCT * { ?e :in ?f }",
        "SELECT DISTINCT { ?e :in ?f }",
        "SELECT REDUCED (COUNT(*) AS ?n) { ?e :in ?f }",
        "SELECT (COUNT(DISTINCT *) AS ?n) { ?e :in ?f }",
        "SELECT (COUNT(?e + 1) AS ?n) { ?e :in ?f }",
        "SELECT (COUNT(*) + 1 AS ?n) { ?e :in ?f }",
        "SELECT (SUM(?f) AS ?n) (COUNT(*) AS ?m) { ?e :in ?f }",
        "ASK { ?e :in ?f } # COUNT(",
        "CONSTRUCT { ?e :in ?f } WHERE { SELECT ?f (COUNT(?e) AS ?n) { ?e :in ?f } GROUP BY ?f }",
        # What a name stands for
        "SELECT ?e (COUNT(*) AS ?n) { ?e :in ?f }",
        "SELECT ?e (COUNT(*) AS ?n) { ?e :in ?f } GROUP BY ?f",
        "SELECT (COUNT(*) AS ?n) (COUNT(?e) AS ?n) { ?e :in ?f }",
        "SELECT (COUNT(*) AS ?f) { ?e :in ?f }",
        "SELECT (COUNT(?x) AS ?n) { ?e :in ?f }",
        "SELECT ?x (COUNT(*) AS ?n) { ?e :in ?f } GROUP BY ?x",
        "SELECT ?f ?f (COUNT(*) AS ?n) { ?e :in ?f } GROUP BY ?f",
        "SELECT ?f (COUNT(*) AS ?n) { ?e :in ?f } GROUP BY ?f ?f",
        "SELECT (COUNT(*) AS ?n) { ?e :in ?f } ORDER BY ?e",
        # What a group has besides patterns of IRIs and variables
        "SELECT (COUNT(*) AS ?n) {}",
        "SELECT (COUNT(*) AS ?n) { ?e :in ?f FILTER(?e != ?f) }",
        "SELECT (COUNT(*) AS ?n) { ?e :in ?f . FILTER(?e != ?f) }",
        "SELECT (COUNT(*) AS ?n) { ?e :in ?f OPTIONAL { ?e :by ?p } }",
        "SELECT (COUNT(*) AS ?n) { { ?e :in ?f } }",
        "SELECT (COUNT(*) AS ?n) { ?e :in ?f . { ?e :by ?p } UNION { ?e :at ?p } }",
        "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?e :in ?f } }",
        "SELECT (COUNT(*) AS ?n) { ?e :in ?f VALUES ?f { :a } }",
        "SELECT (COUNT(*) AS ?n) { ?e :in ?f BIND(1 AS ?one) }",
        "SELECT (COUNT(*) AS ?n) { ?e :in/:by ?f }",
        "SELECT (COUNT(*) AS ?n) { ?e ^:in ?f }",
        "SELECT (COUNT(*) AS ?n) { ?e :in* ?f }",
        "SELECT (COUNT(*) AS ?n) { ?e :in [] }",
        "SELECT (COUNT(*) AS ?n) { ?e :in _:f }",
        "SELECT (COUNT(*) AS ?n) { ?e :in (1 2) }",
        "SELECT (COUNT(*) AS ?n) { ?e :in 1 }",
        "SELECT (COUNT(*) AS ?n) { ?e :in 'f'@en }",
        "SELECT (COUNT(*) AS ?n) { ?e :in true }",
        "SELECT (COUNT(*) AS ?n) { << ?e :in ?f >> :by ?p }",
        "SELECT (COUNT(*) AS ?n) { ?e :in ?f {| :by ?p |} }",
        "SELECT (COUNT(*) AS ?n) { 'e' :in ?f }",
        # Terms that are not known for sure
        "SELECT (COUNT(*) AS ?n) { ?e <in> ?f }",
        "SELECT (COUNT(*) AS ?n) { ?e none:in ?f }",
        r"SELECT (COUNT(*) AS ?n) { ?e :in\-side ?f }",
        r"SELECT (COUNT(*) AS ?n) { ?e <http://example.org/\u0069n> ?f }",
        # Other clauses, and what is no query
        f"SELECT (COUNT(*) AS ?n) FROM <{EX}g> {{ ?e :in ?f }}",
        "SELECT ?f (COUNT(*) AS ?n) { ?e :in ?f } GROUP BY ?f HAVING (COUNT(*) > 1)",
        "SELECT ?g (COUNT(*) AS ?n) { ?e :in ?f } GROUP BY (STR(?f) AS ?g)",
        "SELECT ?f (COUNT(*) AS ?n) { ?e :in ?f } GROUP BY ?f ORDER BY DESC(COUNT(*))",
        "SELECT ?f (COUNT(*) AS ?n) { ?e :in ?f } GROUP BY ?f ORDER BY STR(?f)",
        "SELECT (COUNT(*) AS ?n) { ?e :in ?f } VALUES ?f { :a }",
        "SELECT (COUNT(*) AS ?n) { ?e :in ?f } ORDER BY",
        "SELECT (COUNT(*) AS ?n) { ?e :in ?f } GROUP BY",
        "SELECT (COUNT(*) AS ?n) { ?e :in ?f } LIMIT -1",
        "SELECT (COUNT(*) AS ?n) { ?e :in ?f } LIMIT 1 LIMIT 2",
        "SELECT (COUNT(*) AS ?n) { ?e :in ?f } }",
        "SELECT (COUNT(*) AS ?n) { ?e :in ?f",
        "SELECT (COUNT(",
        "SELECT (COUNT(*) ?n) { ?e :in ?f }",
        "SELECT COUNT(*) { ?e :in ?f }",
        "SELECT (COUNT(*) AS ?n) { ?e :in ?f } LIMIT 10000000000000000000",
        "SELECT (COUNT(*) AS ?n) { ?e :in\f?f }",
        # The engine reads escapes before all else.
        "SELECT (COUNT(*) AS ?n) { ?e :in ?f # \\u000A FILTER(false)\n}",
    ],
)
def test_any_other_query_is_left_alone(text: str) -> None:
    assert read(PREFIX + text) is None


@pytest.mark.parametrize(
    "prologue", [f"PREFIX : <{EX}> PREFIX : <urn:>", "PREFIX : <relative/>", "PREFIX :", "BASE"]
)
def test_prefix_that_is_not_one_absolute_iri_is_the_engine_s(prologue: str) -> None:
    assert read(f"{prologue} SELECT (COUNT(*) AS ?n) {{ ?e :in ?f }}") is None


def test_text_too_long_is_not_read() -> None:
    text = f"{PREFIX}SELECT (COUNT(*) AS ?n) {{ ?e :in ?f }}"
    assert read(text) is not None
    assert read(text + " " * 20_000) is None
