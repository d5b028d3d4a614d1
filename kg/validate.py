"""SHACL validation of a candidate: the gate before every publish.

pySHACL runs over rdflib's own in-memory graph (over a store it gives false violations).
A violation is a result, not an exception; each names focus node, path, value, message,
and the table, row and column that it came from.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import pyshacl
import rdflib
from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Triple
from pyshacl.errors import ConstraintLoadError, ReportableRuntimeError, ShapeLoadError
from rdflib import RDF, SH

from kg import vocab
from kg.errors import KnowledgeGraphError
from kg.tables import Origin

Term = NamedNode | BlankNode | Literal | Triple

SEVERITIES: Final = ("Violation", "Warning", "Info")


@dataclass(frozen=True)
class Result:
    """One validation result (SHACL §3.6.2); IRIs and literals as N-Triples terms."""

    severity: str
    focus: str
    path: str
    value: str
    component: str
    shape: str
    message: Mapping[str, str]
    origins: tuple[Origin, ...] = ()

    def __str__(self) -> str:
        text = self.message.get("en") or next(iter(self.message.values()), self.component)
        where = "; ".join(str(origin) for origin in self.origins)
        parts = [f"{self.severity}: {text}", f"  focus {self.focus}"]
        parts += [f"  path {self.path}"] if self.path else []
        parts += [f"  value {self.value}"] if self.value else []
        parts += [f"  from {where}"] if where else []
        return "\n".join(parts)


@dataclass(frozen=True)
class Report:
    """What validation found, and the standard report in Turtle."""

    results: tuple[Result, ...]
    turtle: str

    @property
    def conforms(self) -> bool:
        """Whether nothing has the severity sh:Violation."""
        return not any(result.severity == "Violation" for result in self.results)

    def counts(self) -> dict[str, int]:
        """Results by severity, zeros included."""
        found = Counter(result.severity for result in self.results)
        return {severity: found[severity] for severity in SEVERITIES}

    def text(self, limit: int | None = None) -> str:
        """The report for people: the counts, then each result, violations first."""
        counts = ", ".join(f"{count} {name}" for name, count in self.counts().items())
        shown = self.results[:limit]
        rest = len(self.results) - len(shown)
        tail = [f"and {rest} more"] if rest else []
        return "\n".join([f"validation: {counts}", *map(str, shown), *tail]) + "\n"

    def data(self) -> dict[str, Any]:
        """The report for programs."""
        results = [asdict(result) for result in self.results]
        return {"conforms": self.conforms, "counts": self.counts(), "results": results}

    def write(self, folder: Path) -> None:
        """Write report.ttl, report.txt and report.json."""
        (folder / "report.ttl").write_text(self.turtle, encoding="utf-8")
        (folder / "report.txt").write_text(self.text(), encoding="utf-8")
        text = json.dumps(self.data(), ensure_ascii=False, indent=1)
        (folder / "report.json").write_text(text + "\n", encoding="utf-8")


class NotConforming(KnowledgeGraphError):
    """A candidate violates the shapes; carries the whole report, its text the first results."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.text(limit=20))
        self.report = report


def validate(data: Iterable[Quad], shapes: Iterable[Quad]) -> Report:
    """Validate the statements against the shapes, whatever graphs they stand in.

    Raises KnowledgeGraphError where the shapes themselves are ill-formed.
    """
    known = _graph(shapes)
    try:
        _, found, _ = pyshacl.validate(
            _graph(data), shacl_graph=known, allow_warnings=True, inplace=True
        )
    except (ShapeLoadError, ConstraintLoadError, ReportableRuntimeError) as error:
        raise KnowledgeGraphError(f"ontology/shapes: ill-formed shape: {error}") from None
    if not isinstance(found, rdflib.Graph):
        raise KnowledgeGraphError(f"validation failed: {found!r}")
    results = sorted(_results(found, known), key=_order)
    return Report(tuple(results), found.serialize(format="turtle"))


def _order(result: Result) -> tuple[int, str, str, str, str]:
    severity = SEVERITIES.index(result.severity)
    return severity, result.focus, result.path, result.value, result.component


def _results(graph: rdflib.Graph, shapes: rdflib.Graph) -> Iterable[Result]:
    for node in graph.subjects(RDF.type, SH.ValidationResult):

        def term(name: str, node: rdflib.term.Node = node) -> str:
            value = graph.value(node, SH[name])
            return value.n3() if isinstance(value, rdflib.term.Identifier) else ""

        given = set(graph.objects(node, SH.resultMessage))
        # pySHACL drops the language of a SPARQL rule's messages: those of the shape have it.
        if SH.SPARQLConstraintComponent in graph.objects(node, SH.sourceConstraintComponent):
            given = set(shapes.objects(graph.value(node, SH.sourceShape), SH.message)) or given
        messages = {
            (message.language or "en") if isinstance(message, rdflib.Literal) else "en": str(
                message
            )
            for message in sorted(given, key=str)
        }
        yield Result(
            severity=term("resultSeverity").rpartition("#")[2].removesuffix(">"),
            focus=term("focusNode"),
            path=term("resultPath"),
            value=term("value"),
            component=term("sourceConstraintComponent").rpartition("#")[2].removesuffix(">"),
            shape=term("sourceShape"),
            message=messages,
        )


def _graph(quads: Iterable[Quad]) -> rdflib.Graph:
    graph = rdflib.Graph()
    for quad in quads:
        graph.add((_term(quad.subject), _term(quad.predicate), _term(quad.object)))
    return graph


def _term(term: Term) -> rdflib.term.Identifier:
    if isinstance(term, NamedNode):
        return rdflib.URIRef(term.value)
    if isinstance(term, BlankNode):
        return rdflib.BNode(term.value)
    if isinstance(term, Literal):
        if term.language:
            return rdflib.Literal(term.value, lang=term.language)
        if term.datatype.value == vocab.XSD + "string":
            return rdflib.Literal(
                term.value
            )  # to rdflib a typed string is not equal to a plain one
        # The store has made lexical forms canonical; rdflib must not do so again its own way.
        return rdflib.Literal(term.value, datatype=term.datatype.value, normalize=False)
    raise KnowledgeGraphError(f"{term}: triple terms cannot be validated yet")
