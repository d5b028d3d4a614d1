"""pySHACL over the whole default graph: the reference, and the judge of what is not compiled.

It reads rdflib's own in-memory graph (over a store it gives false violations).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyshacl
import rdflib
from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, Store
from rdflib import RDF, SH

from kg import vocab
from kg.errors import KnowledgeGraphError
from kg.validate.paths import Alternative, Here, Path, Predicate, Repeated, Sequence, Term, inverted
from kg.validate.results import Result


def results(
    store: Store, shapes: Iterable[Quad], only: Iterable[Term] | None = None
) -> list[Result]:
    """What pySHACL finds, of all shapes with targets or of those named.

    Raises KnowledgeGraphError where the shapes themselves are ill-formed.
    """
    kept = Store()  # so that a literal of the shapes is written as in the data
    kept.bulk_extend(Quad(quad.subject, quad.predicate, quad.object) for quad in shapes)
    known = graph(kept)
    names = None if only is None else [rdf_term(each) for each in only]
    if names is not None:
        _keep_targets(known, set(names))
    data = graph(store.quads_for_pattern(None, None, None, DefaultGraph()))
    try:
        _, found, _ = pyshacl.validate(
            data, shacl_graph=known, allow_warnings=True, inplace=True, advanced=names is not None
        )
    except Exception as error:  # rdflib raises bare ones, and pySHACL seven kinds
        raise KnowledgeGraphError(f"pySHACL: ill-formed shape: {error}") from None
    if not isinstance(found, rdflib.Graph):
        raise KnowledgeGraphError(f"pySHACL: {getattr(found, 'message', found)}")
    return list(read(found, known))


def _keep_targets(shapes: rdflib.Graph, names: set[rdflib.term.Identifier]) -> None:
    """Leave their targets to the named shapes alone."""
    kinds = (SH.targetClass, SH.targetNode, SH.targetSubjectsOf, SH.targetObjectsOf, SH.target)
    for kind in kinds:
        for subject in set(shapes.subjects(kind)) - names:
            shapes.remove((subject, kind, None))
    for subject in set(shapes.subjects(RDF.type, rdflib.RDFS.Class)) - names:
        shapes.remove((subject, RDF.type, rdflib.RDFS.Class))


def read(report: rdflib.Graph, shapes: rdflib.Graph) -> Iterator[Result]:
    """The results of a standard report."""
    for node in report.objects(None, SH.result):

        def term(name: str, node: rdflib.term.Node = node) -> str:
            value = report.value(node, SH[name])
            return "" if value is None else text(value)

        given = set(report.objects(node, SH.resultMessage))
        # pySHACL drops the language of a SPARQL rule's messages: those of the shape have it.
        if SH.SPARQLConstraintComponent in report.objects(node, SH.sourceConstraintComponent):
            given = set(shapes.objects(report.value(node, SH.sourceShape), SH.message)) or given
        messages = {
            (message.language or "en") if isinstance(message, rdflib.Literal) else "en": str(
                message
            )
            for message in sorted(given, key=str)
        }
        path = report.value(node, SH.resultPath)
        yield Result(
            severity=_local(term("resultSeverity")),
            focus=term("focusNode"),
            path="" if path is None else str(path_of(report, shapes, path)),
            value=term("value"),
            component=_local(term("sourceConstraintComponent")),
            shape=term("sourceShape"),
            message=messages,
            constraint=term("sourceConstraint"),
        )


def _local(name: str) -> str:
    iri = name[1:-1]
    return iri.removeprefix(vocab.SH)


def path_of(report: rdflib.Graph, shapes: rdflib.Graph, node: rdflib.term.Node) -> Path:
    """The property path at a node of a report, or of the shapes that it points into."""
    if isinstance(node, rdflib.URIRef):
        return Predicate(NamedNode(str(node)))
    source = report if (node, None, None) in report else shapes
    if (node, RDF.first, None) in source:
        parts = rdflib.collection.Collection(source, node)
        return Sequence(tuple(path_of(report, shapes, part) for part in parts))
    for name, mark in (("zeroOrMorePath", "*"), ("oneOrMorePath", "+"), ("zeroOrOnePath", "?")):
        if (end := source.value(node, SH[name])) is not None:
            return Repeated(path_of(report, shapes, end), mark)
    if (end := source.value(node, SH.inversePath)) is not None:
        return inverted(path_of(report, shapes, end))
    if (end := source.value(node, SH.alternativePath)) is not None:
        parts = rdflib.collection.Collection(source, end)
        return Alternative(tuple(path_of(report, shapes, part) for part in parts))
    return Here()


def graph(quads: Iterable[Quad]) -> rdflib.Graph:
    """The statements as rdflib's own graph."""
    made = rdflib.Graph()
    for quad in quads:
        made.add((rdf_term(quad.subject), rdf_term(quad.predicate), rdf_term(quad.object)))
    return made


def rdf_term(term: Term) -> rdflib.term.Identifier:
    """A term as rdflib's, its text untouched."""
    if isinstance(term, NamedNode):
        return rdflib.URIRef(term.value)
    if isinstance(term, BlankNode):
        return rdflib.BNode(term.value)
    if isinstance(term, Literal):
        if term.language:
            return rdflib.Literal(term.value, lang=term.language)
        if term.datatype.value == vocab.XSD + "string":
            # To rdflib a typed string is not equal to a plain one.
            return rdflib.Literal(term.value)
        # The store has made lexical forms canonical; rdflib must not do so again its own way.
        return rdflib.Literal(term.value, datatype=term.datatype.value, normalize=False)
    raise KnowledgeGraphError(f"{term}: triple terms cannot be validated yet")


def text(term: rdflib.term.Node) -> str:
    """A term of rdflib's in N-Triples."""
    if isinstance(term, rdflib.URIRef):
        return str(NamedNode(str(term)))
    if isinstance(term, rdflib.BNode):
        return str(BlankNode(str(term)))
    assert isinstance(term, rdflib.Literal)  # noqa: S101 - a term is one of three
    if term.language:
        return str(Literal(str(term), language=term.language))
    datatype = NamedNode(str(term.datatype or vocab.XSD + "string"))
    return str(Literal(str(term), datatype=datatype))
