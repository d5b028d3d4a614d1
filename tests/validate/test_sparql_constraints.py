"""SPARQL constraints: what is pre-bound, and what is told."""

from __future__ import annotations

import pytest
from test_compiling import quads, store

from kg.errors import KnowledgeGraphError
from kg.validate import Report, Shapes, validate


def report(query: str, data: str, more: str = "") -> Report:
    shape = f'ex:S sh:targetClass ex:C ; sh:sparql [ sh:select """{query}""" ; {more} ] .'
    return validate(store(data), Shapes.compile(quads(shape)))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT $this { BIND($this AS ?that) ?that ?p ?o }",
        "SELECT $this { BIND(isBlank($this) AS ?blank) FILTER(?blank) }",
        "SELECT $this { { FILTER(BOUND($this)) } }",
        "SELECT $this { { FILTER(isBlank($this)) } UNION { FILTER(false) } }",
        "SELECT $this { { SELECT $this (COUNT(*) AS ?n) { $this ?p ?o } GROUP BY $this } }",
        "SELECT $this (str(1) AS ?value) { FILTER NOT EXISTS { FILTER(!isBlank($this)) } }",
        "SELECT $this { OPTIONAL { ?x ?none $this } FILTER(!BOUND(?x)) }",
    ],
)  # fmt: skip
def test_blank_focus_node_is_bound_wherever_it_stands(query: str) -> None:
    assert len(report(query, "[] a <http://example.org/C> .").results) == 1


def test_message_is_filled_with_what_the_solution_binds() -> None:
    found = report(
        "SELECT $this ?value ?n { $this <http://example.org/p> ?value BIND(STR(?value) AS ?n) }",
        "ex:a a ex:C ; ex:p 5 .",
        'sh:message "{$this} has {?value} ({?n}), {?unknown}"@en , "值为 {?value}"@zh',
    )
    (result,) = found.results
    assert result.message == {
        "en": "http://example.org/a has 5 (5), {?unknown}",
        "zh": "值为 5",
    }
    assert result.value.startswith('"5"')
    assert result.constraint.startswith("_:")


def test_message_of_the_solution_comes_first() -> None:
    found = report('SELECT $this ("因为"@zh AS ?message) {}', "ex:a a ex:C .", 'sh:message "no"')
    assert found.results[0].message == {"zh": "因为"}


def test_query_that_reports_a_failure_is_an_error() -> None:
    with pytest.raises(KnowledgeGraphError, match=r"S>: the query reports a failure at <.*a>"):
        report("SELECT $this (true AS ?failure) {}", "ex:a a ex:C .")


def test_component_asks_each_value_with_its_parameters() -> None:
    shapes = quads(
        """ex:Max a sh:ConstraintComponent ; sh:parameter [ sh:path ex:longest ] ;
             sh:validator [ a sh:SPARQLAskValidator ; sh:message "longer than {$longest}" ;
               sh:ask "ASK { FILTER (STRLEN(STR($value)) <= $longest) }" ] .
           ex:S sh:targetClass ex:C ; sh:property [ sh:path ex:p ; ex:longest 2 ] ."""
    )
    found = validate(store('ex:a a ex:C ; ex:p "ab" , "abc" .'), Shapes.compile(shapes))
    (result,) = found.results
    assert (result.value, result.component) == ('"abc"', "http://example.org/Max")
    assert result.message == {"en": "longer than 2"}
