"""HermiT's verdict on small ontologies, and the reasons that a person can read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kg.ontology import reasoner
from kg.ontology.check import check
from kg.ontology.sources import Sources

HEAD = """@prefix : <https://w3id.org/aicluster/ontology#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
<https://w3id.org/aicluster/ontology> a owl:Ontology .
:Place a owl:Class .
:Firm a owl:Class .
[] a owl:AllDisjointClasses ; owl:members ( :Place :Firm :Person ) .
:Person a owl:Class .
:City a owl:Class ;
    rdfs:subClassOf :Place .
:unrelated a owl:ObjectProperty ;
    rdfs:domain :Person .
:founded a owl:DatatypeProperty ;
    rdfs:range xsd:gYear .
"""

java = pytest.mark.skipif(shutil.which("java") is None, reason="HermiT needs Java")


def sources(folder: Path, more: str = "") -> Sources:
    (folder / "ontology").mkdir()
    (folder / "ontology" / "aicluster.ttl").write_text(HEAD + more, encoding="utf-8")
    return Sources(folder / "ontology").refresh()


@java
def test_consistent_ontology_has_no_findings_and_says_what_was_left_out(tmp_path: Path) -> None:
    answer = reasoner.check(sources(tmp_path, ':baidu a :Firm ; :founded "2000"^^xsd:gYear .\n'))
    assert answer.findings == []
    assert "consistent, no unsatisfiable classes" in answer.summary
    assert "2 left out for xsd:gYear" in answer.summary


@java
def test_unsatisfiable_class_is_explained_by_the_least_set_of_axioms(tmp_path: Path) -> None:
    more = ":CityFirm a owl:Class ;\n    rdfs:subClassOf :City ,\n        :Firm .\n"
    more += ":SmallCityFirm a owl:Class ; rdfs:subClassOf :CityFirm .\n"
    found = reasoner.check(sources(tmp_path, more)).findings
    assert [(one.rule, one.line) for one in found] == [
        ("unsatisfiable-class", 16),
        ("unsatisfiable-class", 19),
    ]
    assert sorted(found[0].advice.splitlines()[1:]) == [
        "  aic:City ⊑ aic:Place (aicluster.ttl:11)",
        "  aic:CityFirm ⊑ aic:City (aicluster.ttl:17)",
        "  aic:CityFirm ⊑ aic:Firm (aicluster.ttl:18)",
        "  aic:Place is disjoint with aic:Firm (aicluster.ttl:8)",
    ]
    assert found[1].advice == "because aic:CityFirm can have none"


@java
def test_contradiction_between_individuals_is_explained(tmp_path: Path) -> None:
    more = ":in a owl:ObjectProperty ; rdfs:range :Place .\n:x a :Firm .\n:y :in :x .\n"
    (found,) = reasoner.check(sources(tmp_path, more)).findings
    assert found.rule == "inconsistent"
    assert sorted(line.strip() for line in found.advice.splitlines()[1:]) == [
        "aic:Place is disjoint with aic:Firm (aicluster.ttl:8)",
        "aic:x is a aic:Firm (aicluster.ttl:17)",
        "aic:y aic:in aic:x (aicluster.ttl:18)",
        "range of aic:in: aic:Place (aicluster.ttl:16)",
    ]


@java
def test_property_that_nothing_can_have_is_explained(tmp_path: Path) -> None:
    more = ":owns a owl:ObjectProperty ;\n    rdfs:domain :Firm ,\n        :Place .\n"
    answer = reasoner.check(sources(tmp_path, more))
    (found,) = answer.findings
    assert (found.rule, found.line) == ("unusable-property", 16)
    assert found.message == "aic:owns can have no subject and value"
    assert sorted(line.strip() for line in found.advice.splitlines()[1:]) == [
        "aic:Place is disjoint with aic:Firm (aicluster.ttl:8)",
        "domain of aic:owns: aic:Firm (aicluster.ttl:17)",
        "domain of aic:owns: aic:Place (aicluster.ttl:18)",
    ]
    assert "no unsatisfiable classes, 1 unusable properties" in answer.summary


@java
def test_reasoner_without_time_is_an_error_and_no_verdict(tmp_path: Path) -> None:
    (found,) = reasoner.check(sources(tmp_path), seconds=0.01).findings
    assert (found.rule, found.severity) == ("reasoner-failed", "error")
    assert "its time is over" in found.message


def test_absent_java_is_said_and_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = reasoner.check(sources(tmp_path))
    assert [(one.rule, one.severity) for one in answer.findings] == [("no-java", "info")]
    assert "Java is not installed" in answer.summary


@java
def test_what_ships_is_consistent_and_every_class_can_have_an_instance() -> None:
    from kg.settings import shipped

    result = check(shipped("ontology").parent)
    assert "consistent, no unsatisfiable classes" in result.facts["reasoner"]
