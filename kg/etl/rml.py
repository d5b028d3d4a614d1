"""Exports a mapping as RML (http://w3id.org/rml/): RML-Core, RML-IO and RML-FNML.

What RML has no word for (rules of columns, keys, null words, split cells) stays in the source
definition. RML's inputs have no order: the second `of` of a call is exported as `of2`.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from rdflib import RDF, BNode, Graph, Literal, Namespace, URIRef
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

RML: Final = Namespace("http://w3id.org/rml/")
KGF: Final = Namespace("https://w3id.org/aicluster/function#")
_RDF_STRING: Final = vocab.XSD + "string"


def export(source: Source) -> str:
    """The mapping of a source as RML in Turtle."""
    graph = Graph()
    for prefix, iri in {"rml": str(RML), "kgf": str(KGF), **source.prefixes}.items():
        graph.bind(prefix, iri, override=True)
    for triples_map in source.maps:
        _triples_map(graph, source, triples_map)
    return graph.serialize(format="turtle")


def _triples_map(graph: Graph, source: Source, triples_map: TriplesMap) -> None:
    node = _name(source, triples_map.name)
    graph.add((node, RDF.type, RML.TriplesMap))
    graph.add((node, RML.logicalSource, _logical_source(graph, source, triples_map)))
    subject = BNode()
    graph.add((node, RML.subjectMap, subject))
    graph.add((subject, RDF.type, RML.SubjectMap))
    graph.add((subject, RML.graph, URIRef(source.dataset.graph)))
    graph.add((subject, RML.termType, RML.IRI))
    _expression(graph, subject, triples_map.subject, triples_map.condition)
    for po in triples_map.predicate_objects:
        graph.add((node, RML.predicateObjectMap, _predicate_object(graph, source, po)))


def _name(source: Source, triples_map: str) -> URIRef:
    return URIRef(f"{vocab.GRAPH}mapping/{source.dataset.name}#{triples_map}")


def _logical_source(graph: Graph, source: Source, triples_map: TriplesMap) -> Node:
    table = source.tables[triples_map.table]
    node, path = BNode(), BNode()
    graph.add((node, RDF.type, RML.LogicalSource))
    graph.add((node, RML.source, path))
    graph.add((path, RDF.type, RML.RelativePathSource))
    graph.add((path, RML.root, RML.CurrentWorkingDirectory))
    graph.add((path, RML.path, Literal(table.access)))
    formulation = {"csv": RML.CSV, "tsv": KGF.TSV, "parquet": KGF.Parquet}[table.format]
    graph.add((node, RML.referenceFormulation, formulation))
    return node


def _predicate_object(graph: Graph, source: Source, po: PredicateObject) -> Node:
    node, made = BNode(), BNode()
    graph.add((node, RDF.type, RML.PredicateObjectMap))
    graph.add((node, RML.predicate, URIRef(po.predicate)))
    graph.add((node, RML.objectMap, made))
    if isinstance(po.object.expression, SubjectOf):
        graph.add((made, RDF.type, RML.RefObjectMap))
        graph.add((made, RML.parentTriplesMap, _name(source, po.object.expression.mapping)))
        if po.condition:
            _condition(graph, made, po.condition)
        return node
    graph.add((made, RDF.type, RML.ObjectMap))
    _object(graph, made, po.object, po.condition)
    return node


def _object(graph: Graph, node: Node, made: ObjectMap, condition: Call | None) -> None:
    graph.add((node, RML.termType, RML.IRI if made.kind == "iri" else RML.Literal))
    if made.language:
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
