"""Whether shapes are shapes: terms of SHACL, values of the right kind, texts that can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pyoxigraph import Literal, NamedNode

from kg import sparql, vocab
from kg.errors import KnowledgeGraphError
from kg.ontology.axioms import Model, Node, named
from kg.ontology.findings import Finding
from kg.ontology.sources import Sources

_KNOWN: Final = named(
    vocab.SH,
    "NodeShape PropertyShape Violation Warning Info alternativePath and ask class closed "
    "datatype deactivated declare defaultValue description disjoint entailment equals flags "
    "group hasValue ignoredProperties in inversePath languageIn lessThan lessThanOrEquals "
    "maxCount maxExclusive maxInclusive maxLength message minCount minExclusive minInclusive "
    "minLength name namespace node nodeKind not oneOrMorePath or order path pattern prefix "
    "prefixes property qualifiedMaxCount qualifiedMinCount qualifiedValueShape "
    "qualifiedValueShapesDisjoint select severity shapesGraph sparql suggestedShapesGraph "
    "targetClass targetNode targetObjectsOf targetSubjectsOf target uniqueLang xone "
    "zeroOrMorePath zeroOrOnePath IRI BlankNode Literal BlankNodeOrIRI BlankNodeOrLiteral "
    "IRIOrLiteral SPARQLConstraint PrefixDeclaration PropertyGroup SPARQLTarget construct rule "
    "SPARQLRule condition",
)
_KIND_OF_VALUE: Final = {
    **dict.fromkeys(("minCount", "maxCount", "minLength", "maxLength"), vocab.XSD + "integer"),
    **dict.fromkeys(("uniqueLang", "closed", "deactivated"), vocab.XSD + "boolean"),
}


def shape_faults(sources: Sources) -> list[Finding]:
    """What makes a shape no shape: unknown SHACL terms, values of a wrong kind, broken texts."""
    model = Model(sources, ("shapes",))
    owners = _owners(model)
    found: list[Finding] = []
    for source in sources:
        if source.part == "shapes":
            for block in source.layout.statements:
                found += (
                    Finding(
                        "shape-syntax", "error", source.name, line, iri,
                        f"{vocab.shorten(iri)} is no term of SHACL", "correct the name",
                    )
                    for iri, line in block.mentions
                    if iri.startswith(vocab.SH) and iri not in _KNOWN
                )  # fmt: skip
    for node in model.index:
        for rule, at, message in (*_values(model, node), *_texts(model, node)):
            file, line = sources.place(owners.get(node, ""), vocab.SH + at)
            found.append(
                Finding(rule, "error", file, line, owners.get(node, ""), message, "correct it")
            )
    return found


def _values(model: Model, node: Node) -> Iterator[tuple[str, str, str]]:
    for name, datatype in _KIND_OF_VALUE.items():
        values = model.objects(node, vocab.SH + name)
        for value in values:
            if not isinstance(value, Literal) or value.datatype.value != datatype:
                kind = vocab.shorten(datatype)
                yield "shape-syntax", name, f"the value of sh:{name} is no {kind}: {value}"
        if len(values) > 1:
            yield "shape-syntax", name, f"sh:{name} stands twice in one shape"
    for value in model.objects(node, vocab.SH + "property"):
        if not model.objects(value, vocab.SH + "path"):
            shown = f": {vocab.shorten(value.value)}" if isinstance(value, NamedNode) else ""
            yield "shape-syntax", "property", f"sh:property names what has no sh:path{shown}"


def _texts(model: Model, node: Node) -> Iterator[tuple[str, str, str]]:
    for value in model.objects(node, vocab.SH + "pattern"):
        try:
            re.compile(value.value if isinstance(value, Literal) else "(")
        except re.error as error:
            yield "shape-pattern", "pattern", f"no regular expression: {error}: {value}"
    for value in model.objects(node, vocab.SH + "select"):
        try:
            sparql.check(_with_prefixes(model, node, value))
        except KnowledgeGraphError as error:
            yield "shape-query", "select", f"sh:select is no SPARQL: {error}"


def _owners(model: Model) -> dict[Node, str]:
    """Every node of the shapes → the named shape that it is part of."""
    found: dict[Node, str] = {}
    for node in model.index:
        if isinstance(node, NamedNode):
            found[node] = node.value
            for part in model.closure_of(node):
                found.setdefault(part.subject, node.value)
    return found


def _with_prefixes(model: Model, node: Node, query: Node) -> str:
    text = query.value if isinstance(query, Literal) else ""
    prefixes = dict(vocab.PREFIXES)
    for holder in model.objects(node, vocab.SH + "prefixes"):
        for declared in model.objects(holder, vocab.SH + "declare"):
            name = model.objects(declared, vocab.SH + "prefix")
            iri = model.objects(declared, vocab.SH + "namespace")
            if name and iri and isinstance(name[0], Literal) and isinstance(iri[0], Literal):
                prefixes[name[0].value] = iri[0].value
    own = {name for name in prefixes if f"PREFIX {name}:" not in text}
    head = "".join(f"PREFIX {name}: <{prefixes[name]}> " for name in sorted(own))
    return head + text
