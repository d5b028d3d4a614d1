"""Exports a mapping as RML in Turtle.

RML's inputs have no order: the second `of` of a call is exported as `of2`.
"""

from __future__ import annotations

import json
import re
from collections import Counter

import yaml
from rdflib import RDF, BNode, Graph, Literal, URIRef
from rdflib.term import Node

from kg import vocab
from kg.etl.plan import (
    Call,
    Expression,
    ObjectMap,
    PredicateObject,
    Source,
    SubjectOf,
    Template,
    TriplesMap,
)
from kg.etl.rml.terms import DEFINITION, FORMULATIONS, KGF, RML, dataset_iri, map_iri
from kg.tables import Table

_RDF_STRING = vocab.XSD + "string"


def export(source: Source) -> str:
    """The mapping of a source as RML in Turtle."""
    graph = Graph()
    for prefix, iri in {"rml": str(RML), "kgf": str(KGF), **source.prefixes}.items():
        graph.bind(prefix, iri, override=True)
    _dataset(graph, source)
    for triples_map in source.maps:
        table = source.tables[triples_map.table]
        node = _triples_map(graph, source.dataset.name, table, triples_map, [source.dataset.graph])
        for po in triples_map.predicate_objects:
            graph.add((node, RML.predicateObjectMap, _predicate_object(graph, source, po)))
    for parent in source.parents.values():
        # As much of another source's map as a join needs: where its rows are, and its subjects.
        _triples_map(graph, parent.source, parent.table, parent.triples_map, [])
    return graph.serialize(format="turtle")


def _dataset(graph: Graph, source: Source) -> None:
    node, dataset = dataset_iri(source.dataset.name), source.dataset
    graph.add((node, RDF.type, URIRef(vocab.DCAT + "Dataset")))
    graph.add((node, URIRef(vocab.DCTERMS + "title"), Literal(dataset.title)))
    graph.add((node, URIRef(vocab.DCTERMS + "source"), URIRef(dataset.original)))
    graph.add((node, URIRef(vocab.DCTERMS + "license"), URIRef(dataset.licence)))
    # Read as text throughout, so that nothing is taken for a number on the way.
    whole = yaml.load(source.file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506
    kept = {part: whole[part] for part in ("prefixes", "dataset", "sources") if part in whole}
    text = json.dumps(kept, ensure_ascii=False, indent=1)
    graph.add((node, DEFINITION, Literal(text, datatype=RDF.JSON)))


def _triples_map(
    graph: Graph, source: str, table: Table, triples_map: TriplesMap, graphs: list[str]
) -> URIRef:
    node = map_iri(source, triples_map.name)
    graph.add((node, RDF.type, RML.TriplesMap))
    graph.add((node, RML.logicalSource, _logical_source(graph, table)))
    subject = BNode()
    graph.add((node, RML.subjectMap, subject))
    graph.add((subject, RDF.type, RML.SubjectMap))
    graph.add((subject, RML.termType, RML.IRI))
    for iri in triples_map.graphs or graphs:
        graph.add((subject, RML.graph, URIRef(iri)))
    _expression(graph, subject, triples_map.subject, triples_map.condition)
    return node


def _logical_source(graph: Graph, table: Table) -> Node:
    node, path = BNode(), BNode()
    graph.add((node, RDF.type, RML.LogicalSource))
    graph.add((node, RML.source, path))
    graph.add((node, KGF.table, Literal(table.name)))
    graph.add((path, RDF.type, RML.RelativePathSource))
    graph.add((path, RML.root, RML.CurrentWorkingDirectory))
    graph.add((path, RML.path, Literal(table.access)))
    formulation = FORMULATIONS.get(table.format, KGF[table.format])
    graph.add((node, RML.referenceFormulation, formulation))
    return node


def _predicate_object(graph: Graph, source: Source, po: PredicateObject) -> Node:
    node, made = BNode(), BNode()
    graph.add((node, RDF.type, RML.PredicateObjectMap))
    graph.add((node, RML.predicate, URIRef(po.predicate)))
    graph.add((node, RML.objectMap, made))
    for iri in po.graphs:
        graph.add((node, RML.graph, URIRef(iri)))
    if isinstance(target := po.object.expression, SubjectOf):
        graph.add((made, RDF.type, RML.RefObjectMap))
        parent = map_iri(target.source or source.dataset.name, target.mapping)
        graph.add((made, RML.parentTriplesMap, parent))
        for join in target.joins:
            condition = BNode()
            graph.add((made, RML.joinCondition, condition))
            graph.add((condition, RDF.type, RML.Join))
            _side(graph, condition, "child", join.child)
            _side(graph, condition, "parent", join.parent)
        if po.condition:
            _condition(graph, made, po.condition)
        return node
    graph.add((made, RDF.type, RML.ObjectMap))
    _object(graph, made, po.object, po.condition)
    return node


def _side(graph: Graph, condition: Node, name: str, expression: Expression) -> None:
    """One side of a join: a reference in the short form, which most engines know alone."""
    if isinstance(expression, Template) and expression.is_reference:
        graph.add((condition, RML[name], Literal(expression.columns[0])))
        return
    node = BNode()
    graph.add((condition, RML[f"{name}Map"], node))
    graph.add((node, RDF.type, RML[f"{name.capitalize()}Map"]))
    _expression(graph, node, expression, None)


def _object(graph: Graph, node: Node, made: ObjectMap, condition: Call | None) -> None:
    graph.add((node, RML.termType, RML.IRI if made.kind == "iri" else RML.Literal))
    if not isinstance(made.language, str):
        language = BNode()
        graph.add((node, RML.languageMap, language))
        graph.add((language, RDF.type, RML.LanguageMap))
        _expression(graph, language, made.language, None)
    elif made.language:
        graph.add((node, RML.language, Literal(made.language)))
    elif made.kind == "literal" and made.datatype != _RDF_STRING:
        graph.add((node, RML.datatype, URIRef(made.datatype)))
    _expression(graph, node, made.expression, condition)


def _expression(graph: Graph, node: Node, expression: Expression, condition: Call | None) -> None:
    match expression:
        case Template(("", column, "")):
            graph.add((node, RML.reference, Literal(column)))
        case Template((constant,)):
            graph.add((node, RML.constant, _constant(graph, node, constant)))
        case Template(parts):
            text = "".join(
                f"{{{_escaped(part)}}}" if place % 2 else _escaped(part)
                for place, part in enumerate(parts)
            )
            graph.add((node, RML.template, Literal(text)))
        case Call():
            graph.add((node, RML.functionExecution, _execution(graph, expression)))
        case SubjectOf():
            raise AssertionError("a subject of another mapping stands only as an object")
    if condition:
        _condition(graph, node, condition)


def _escaped(text: str) -> str:
    return re.sub(r"[{}\\]", r"\\\g<0>", text)


def _constant(graph: Graph, node: Node, text: str) -> Node:
    return URIRef(text) if (node, RML.termType, RML.IRI) in graph else Literal(text)


def _condition(graph: Graph, node: Node, condition: Call) -> None:
    holds = BNode()
    graph.add((node, RML.condition, holds))
    graph.add((holds, RML.functionExecution, _execution(graph, condition)))


def _execution(graph: Graph, call: Call) -> Node:
    node = BNode()
    graph.add((node, RDF.type, RML.FunctionExecution))
    graph.add((node, RML.function, KGF[call.function]))
    count: Counter[str] = Counter()
    for name, argument in call.arguments:
        count[name] += 1
        parameter = name if count[name] == 1 else f"{name}{count[name]}"
        given, value = BNode(), BNode()
        graph.add((node, RML.input, given))
        graph.add((given, RDF.type, RML.Input))
        graph.add((given, RML.parameter, KGF[parameter]))
        graph.add((given, RML.inputValueMap, value))
        _expression(graph, value, argument, None)
    return node
