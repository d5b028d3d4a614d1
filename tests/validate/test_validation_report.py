"""Validation: what is found, how it is told, and what is not misjudged."""

from __future__ import annotations

import html
import json
from pathlib import Path

import pytest
import rdflib
from pyoxigraph import Quad, RdfFormat, Store

from kg.errors import KnowledgeGraphError
from kg.tables import Origin
from kg.validate import Engine, NotConforming, Report, Result, Shapes, trend, validate

PREFIXES = """
PREFIX ex: <http://example.org/>
PREFIX sh: <http://www.w3.org/ns/shacl#>
PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
"""
SHAPES = """
ex:PersonShape a sh:NodeShape ; sh:targetClass ex:Person ;
  sh:property [ sh:path ex:name ; sh:minCount 1 ; sh:datatype xsd:string ;
    sh:message "Give a name."@en , "请给出名称。"@zh ] ;
  sh:property [ sh:path ex:rank ; sh:in ( "A" "B" ) ; sh:message "A or B."@en ] ;
  sh:property [ sh:path ex:age ; sh:datatype xsd:integer ; sh:maxInclusive 150 ] ;
  sh:property [ sh:path ex:mail ; sh:minCount 1 ; sh:severity sh:Warning ] .
"""


def quads(turtle: str) -> list[Quad]:
    """The statements as the store gives them: canonical forms included."""
    store = Store()
    store.bulk_load((PREFIXES + turtle).encode(), format=RdfFormat.TURTLE)
    return list(store)


def check(data: str, shapes: str) -> Report:
    store = Store()
    store.bulk_extend(quads(data))
    return validate(store, Shapes.compile(quads(shapes)))


def report(data: str) -> Report:
    return check(data, SHAPES)


def test_sound_data_conforms() -> None:
    found = report('ex:a a ex:Person ; ex:name "A" ; ex:rank "A" ; ex:age 01 ; ex:mail "a@b" .')
    assert found.conforms
    assert found.results == ()


def test_warning_does_not_stop_a_publish() -> None:
    found = report('ex:a a ex:Person ; ex:name "A" .')
    assert found.conforms
    assert found.counts() == {"Violation": 0, "Warning": 1, "Info": 0}


def test_result_names_focus_path_value_and_component() -> None:
    found = report('ex:a a ex:Person ; ex:name "A" ; ex:age 200 ; ex:mail "a@b" .')
    (result,) = found.results
    assert not found.conforms
    assert result.focus == "<http://example.org/a>"
    assert result.path == "<http://example.org/age>"
    assert result.value == '"200"^^<http://www.w3.org/2001/XMLSchema#integer>'
    assert result.component == "MaxInclusiveConstraintComponent"


def test_message_comes_in_each_language_of_the_shape() -> None:
    found = report('ex:a a ex:Person ; ex:mail "a@b" .')
    (result,) = found.results
    assert result.message == {"en": "Give a name.", "zh": "请给出名称。"}


def test_subclasses_in_the_data_are_targets() -> None:
    found = report("ex:Child rdfs:subClassOf ex:Person . ex:a a ex:Child .")
    assert [result.focus for result in found.results if result.severity == "Violation"] == [
        "<http://example.org/a>"
    ]


def test_typed_and_plain_strings_are_the_same() -> None:
    found = report(
        'ex:a a ex:Person ; ex:name "A"^^xsd:string ; ex:rank "B"^^xsd:string ; ex:mail "a" .'
    )
    assert found.results == ()


def test_violations_come_first_in_the_text() -> None:
    text = report("ex:a a ex:Person . ex:b a ex:Person .").text()
    assert text.startswith("validation: 2 Violation, 2 Warning, 0 Info\n")
    assert text.index("Violation: Give a name.") < text.index("Warning:")


def test_text_says_how_many_results_it_leaves_out() -> None:
    text = report("ex:a a ex:Person . ex:b a ex:Person .").text(limit=1)
    assert text.endswith("and 3 more\n")


def test_origin_is_told_with_file_line_and_column() -> None:
    origin = Origin("registry", "people", "people.csv", 17, "name")
    result = Result("Violation", "<http://example.org/a>", "", "", "C", "", {}, (origin,))
    assert "from people.csv:17, column name (registry/people)" in str(result)


NAMELESS = """
[] sh:targetClass ex:Person ;
  sh:property [ sh:path ( ex:knows ex:name ) ; sh:minCount 1 ;
    sh:property [ sh:path ex:of ; sh:minCount 1 ] ] ;
  sh:not [ sh:path ex:age ; sh:minCount 1 ] .
"""


@pytest.mark.parametrize("engine", ["compiled", "pyshacl"])
def test_shape_without_an_iri_is_told_by_its_path_and_where_it_belongs(engine: Engine) -> None:
    data = 'ex:a a ex:Person ; ex:age 1 . ex:b a ex:Person ; ex:knows ex:a . ex:a ex:name "A" .'
    store = Store()
    store.bulk_extend(quads(data))
    found = validate(store, Shapes.compile(quads(NAMELESS)), engine=engine)
    person = "the shape of class <http://example.org/Person>"
    path = "(<http://example.org/knows>/<http://example.org/name>)"
    names = {person, f"{path} of {person}", f"<http://example.org/of> of {path} of {person}"}
    assert {each.shape_name for each in found.results} == names
    for kind in ("text", "csv", "html", "junit"):
        told = "".join(found.parts(kind))
        if engine == "compiled":  # pySHACL's own messages name blank nodes
            assert "_:" not in told
        assert person in html.unescape(told)
    assert {name for name, _, _, _ in trend(Report(()), found)} == names


def test_error_of_a_refused_candidate_carries_the_report() -> None:
    found = report("ex:a a ex:Person .")
    error = NotConforming(found)
    assert error.report is found
    assert "Give a name." in str(error)


def test_report_is_written_as_turtle_text_and_json(tmp_path: Path) -> None:
    found = report("ex:a a ex:Person .")
    found.write(tmp_path)
    graph = rdflib.Graph().parse(tmp_path / "report.ttl")
    assert (None, rdflib.SH.conforms, rdflib.Literal(False)) in graph
    data = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert data["conforms"] is False
    assert [each["severity"] for each in data["results"]] == ["Violation", "Warning"]
    assert (tmp_path / "report.txt").read_text(encoding="utf-8") == found.text()


def test_ill_formed_shape_is_an_error_not_a_verdict() -> None:
    shapes = "ex:S a sh:NodeShape ; sh:targetClass ex:Person ; sh:property [ sh:minCount 1 ] ."
    with pytest.raises(KnowledgeGraphError, match="ill-formed shape"):
        Shapes.compile(quads(shapes))
