"""Export to RML: valid, complete, and in the form of RML-Core, RML-IO and RML-FNML."""

from __future__ import annotations

import os
from pathlib import Path

import pyshacl
import pytest
from rdflib import OWL, RDF, Graph, Literal, Namespace, URIRef
from rdflib.term import Node

from kg import vocab
from kg.etl import Source, load, read, rml
from kg.etl.plan import SubjectOf
from kg.settings import shipped

RML = Namespace("http://w3id.org/rml/")
KGF = Namespace("https://w3id.org/aicluster/function#")
SHAPES = Path(__file__).parents[3] / "shared" / "conformance" / "rml" / "shapes" / "core.ttl"

MAPPING = r"""
dataset: {title: T, original: http://example.org/t, licence: http://example.org/l}
sources:
  t: {access: folder/t.%s, columns: {id: , "cost {EUR} (net)": , name: }}
mappings:
  thing:
    sources: t
    subjects: http://example.org/{x}/$(id)/$(cost {EUR} \(net\))
    condition: {function: kgf:matches, parameters: [[text, $(name)], [pattern, x]]}
    predicateobjects:
      - [aic:reference, $(name), zh~lang]
      - [aic:constant, aic:Thing~iri]
      - [aic:word, a word]
      - [aic:typed, $(name), xsd:date]
      - predicates: aic:made
        objects:
          function: kgf:key
          parameters: [[kind, k], [source, s], [of, $(id)], [of, $(name)]]
      - predicates: aic:self
        objects: {mapping: thing}
        condition:
          function: kgf:isNewName
          parameters: [[name, {function: upper, parameters: [[text, $(name)]]}], [source, s]]
"""


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    return exported(tmp_path, "csv")


def exported(tmp_path: Path, ending: str) -> Graph:
    (tmp_path / "m.yml").write_text(MAPPING % ending, encoding="utf-8")
    return parsed(read(tmp_path / "m.yml"))


def parsed(source: Source) -> Graph:
    return Graph().parse(data=rml.export(source), format="turtle")


def thing(graph: Graph) -> Node:
    (node,) = graph.subjects(RDF.type, RML.TriplesMap)
    return node


def object_map(graph: Graph, name: str) -> Node:
    (pair,) = graph.subjects(RML.predicate, URIRef(vocab.AIC + name))
    return one(graph, pair, RML.objectMap)


def one(graph: Graph, node: Node, *path: URIRef) -> Node:
    for step in path:
        (node,) = graph.objects(node, step)
    return node


def inputs(graph: Graph, execution: Node) -> dict[Node, Node]:
    return {
        one(graph, each, RML.parameter): one(graph, each, RML.inputValueMap)
        for each in graph.objects(execution, RML.input)
    }


SOURCES = load(shipped("mappings"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.dataset.name)
def test_every_map_and_predicate_of_a_shipped_mapping_is_exported(source: Source) -> None:
    graph = parsed(source)
    assert len(set(graph.subjects(RDF.type, RML.TriplesMap))) == len(source.maps)
    for triples_map in source.maps:
        node = URIRef(f"{vocab.GRAPH}mapping/{source.dataset.name}#{triples_map.name}")
        predicates = [
            str(one(graph, pair, RML.predicate))
            for pair in graph.objects(node, RML.predicateObjectMap)
        ]
        assert sorted(predicates) == sorted(po.predicate for po in triples_map.predicate_objects)
        for po in triples_map.predicate_objects:
            if isinstance(po.object.expression, SubjectOf):
                parent = (
                    f"{vocab.GRAPH}mapping/{source.dataset.name}#{po.object.expression.mapping}"
                )
                assert (None, RML.parentTriplesMap, URIRef(parent)) in graph


@pytest.mark.skipif(
    not SHAPES.is_file() and os.environ.get("CI") != "true",
    reason=f"the shapes of RML are not at {SHAPES}",
)
def test_every_export_conforms_to_the_shapes_of_rml_core() -> None:
    shapes = Graph().parse(SHAPES)
    shapes.remove((None, OWL.imports, None))
    data = Graph()
    for source in SOURCES:
        data += parsed(source)
    conforms, _, report = pyshacl.validate(data, shacl_graph=shapes)
    assert conforms, report
    # The shapes do see our maps: without their subject maps, none conforms.
    data.remove((None, RML.subjectMap, None))
    assert not pyshacl.validate(data, shacl_graph=shapes)[0]


def test_a_logical_source_is_a_file_relative_to_the_working_directory(graph: Graph) -> None:
    source = one(graph, thing(graph), RML.logicalSource)
    assert one(graph, source, RML.referenceFormulation) == RML.CSV
    assert one(graph, source, RML.source, RML.path) == Literal("folder/t.csv")
    assert one(graph, source, RML.source, RML.root) == RML.CurrentWorkingDirectory


@pytest.mark.parametrize(("ending", "name"), [("tsv", "TSV"), ("parquet", "Parquet")])
def test_a_format_that_rml_does_not_know_has_a_formulation_of_ours(
    tmp_path: Path, ending: str, name: str
) -> None:
    graph = exported(tmp_path, ending)
    found = one(graph, thing(graph), RML.logicalSource, RML.referenceFormulation)
    assert found == KGF[name]


def test_a_template_escapes_braces_in_text_and_in_names_of_columns(graph: Graph) -> None:
    subject = one(graph, thing(graph), RML.subjectMap)
    assert one(graph, subject, RML.template) == Literal(
        r"http://example.org/\{x\}/{id}/{cost \{EUR\} (net)}"
    )
    assert one(graph, subject, RML.termType) == RML.IRI
    assert one(graph, subject, RML.graph) == URIRef(vocab.GRAPH + "source/m")


def test_references_and_constants_keep_language_datatype_and_term_type(graph: Graph) -> None:
    reference, typed = object_map(graph, "reference"), object_map(graph, "typed")
    assert one(graph, reference, RML.reference) == Literal("name")
    assert one(graph, reference, RML.language) == Literal("zh")
    assert one(graph, typed, RML.datatype) == URIRef(vocab.XSD + "date")
    assert one(graph, object_map(graph, "constant"), RML.constant) == URIRef(vocab.AIC + "Thing")
    assert one(graph, object_map(graph, "word"), RML.constant) == Literal("a word")


def test_a_call_is_a_function_execution_with_its_inputs_told_apart(graph: Graph) -> None:
    execution = one(graph, object_map(graph, "made"), RML.functionExecution)
    assert one(graph, execution, RML.function) == KGF.key
    given = inputs(graph, execution)
    assert set(given) == {KGF.kind, KGF.source, KGF.of, KGF.of2}
    assert one(graph, given[KGF.of], RML.reference) == Literal("id")
    assert one(graph, given[KGF.of2], RML.reference) == Literal("name")
    assert one(graph, given[KGF.source], RML.constant) == Literal("s")


def test_a_condition_is_an_expression_map_and_calls_nest(graph: Graph) -> None:
    subject = one(graph, thing(graph), RML.subjectMap)
    matches = one(graph, subject, RML.condition, RML.functionExecution)
    assert one(graph, matches, RML.function) == KGF.matches
    parent = object_map(graph, "self")
    assert one(graph, parent, RML.parentTriplesMap) == thing(graph)
    is_new = one(graph, parent, RML.condition, RML.functionExecution)
    inner = one(graph, inputs(graph, is_new)[KGF.name], RML.functionExecution)
    assert one(graph, inner, RML.function) == KGF["upper"]
