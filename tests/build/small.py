"""A project small enough to be built hundreds of times: one class hierarchy, two shapes, tables.

Sources `a` and `b` write to one named graph, so that a triple may be given by rows of both.
The tables of all sources have one name, and so have their files: only the source tells them apart.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from kg.build import Inputs

HEAD = """\
@prefix aic: <https://w3id.org/aicluster/ontology#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
SCHEMA = """\
<https://w3id.org/aicluster/ontology> a owl:Ontology ; owl:versionInfo "0.0.1" .
aic:City rdfs:subClassOf aic:Place .
aic:within a owl:TransitiveProperty .
"""
CONCEPTS = """\
aic:Kinds a skos:ConceptScheme .
"""
SHAPES = """\
aic:CityShape a sh:NodeShape ; sh:targetClass aic:Place ;
  sh:property [ sh:path skos:prefLabel ; sh:maxCount 1 ; sh:severity sh:Warning ;
                sh:message "one name"@en ] ;
  sh:property [ sh:path aic:within ; sh:class aic:Place ; sh:severity sh:Warning ;
                sh:message "within a place"@en ] .
"""
MAPPING = """\
dataset: {{title: {name}, original: http://example.org/{name}, licence: http://example.org/l, \
graph: {graph}, shipped: true}}
sources:
  city:
    access: {name}/city.csv
    columns: {{id: {{required: true}}, name: , within: , founded: }}
mappings:
  city:
    sources: city
    subjects: id:place/$(id)
    predicateobjects:
      - [a, {type}]
      - [skos:prefLabel, $(name), en~lang]
      - [aic:within, id:place/$(within)~iri]
      - [aic:foundedIn, $(founded), xsd:gYear]
"""

Row = tuple[str, str, str, str]
#: Source → its rows and the class that its mapping gives them.
World = Mapping[str, tuple[Iterable[Row], str]]

GRAPH = {"a": "source/shared", "b": "source/shared", "c": "source/c"}


def write(folder: Path, world: World) -> Inputs:
    """Lay a project out; a source that the world lacks has neither table nor mapping."""
    inputs = Inputs(folder / "ontology", folder / "mappings", folder / "tables")
    for path, text in (
        (inputs.ontology / "aicluster.ttl", SCHEMA),
        (inputs.ontology / "vocabularies" / "kinds.ttl", CONCEPTS),
        (inputs.ontology / "shapes" / "place.ttl", SHAPES),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEAD + text, encoding="utf-8")
    for each in (inputs.mappings, inputs.tables):
        each.mkdir(exist_ok=True)
        for old in each.rglob("*.*"):
            old.unlink()
    for name, (rows, kind) in world.items():
        mapping = MAPPING.format(name=name, graph=GRAPH[name], type=kind)
        (inputs.mappings / f"{name}.yml").write_text(mapping, encoding="utf-8")
        table = inputs.tables / name / "city.csv"
        table.parent.mkdir(exist_ok=True)
        with table.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("id", "name", "within", "founded"), *rows])
    return inputs
