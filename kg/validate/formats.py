"""A report in each of its formats, piece by piece: a report of any size is written as it is read.

Turtle is written from the results; that it says what pySHACL's graph says is tested.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pyoxigraph import Literal

from kg import vocab
from kg.validate import paths

if TYPE_CHECKING:
    from kg.validate.report import Report, Result

_PREFIXES = f"@prefix rdf: <{vocab.RDF}> .\n@prefix sh: <{vocab.SH}> .\n\n"


def lines(result: Result, language: str) -> str:
    """One result for people."""
    where = "; ".join(str(origin) for origin in result.origins)
    parts = [f"{result.severity}: {result.text(language)}", f"  focus {result.focus}"]
    parts += [f"  path {result.path}"] if result.path else []
    parts += [f"  value {result.value}"] if result.value else []
    parts += [f"  from {where}"] if where else []
    return "\n".join(parts)


def text(report: Report, limit: int | None, language: str) -> Iterator[str]:
    """The counts, then each result up to the limit, and how many are left out."""
    counts = ", ".join(f"{count} {name}" for name, count in report.counts().items())
    yield f"validation: {counts}\n"
    for shape, why in report.uncovered.items():
        yield f"judged by pySHACL: {shape} ({', '.join(why)})\n"
    total = len(report.results)
    shown = total if limit is None else min(limit, total)
    for number, result in enumerate(report.results):
        if number == shown:
            break
        yield lines(result, language) + "\n"
    if total > shown:
        yield f"and {total - shown} more\n"


def record(result: Result) -> dict[str, Any]:
    """One result for programs."""
    return {
        "severity": result.severity,
        "focus": result.focus,
        "path": result.path,
        "value": result.value,
        "component": result.component,
        "shape": result.shape,
        "constraint": result.constraint,
        "message": dict(result.message),
        "origins": [
            {"file": origin.file, "line": origin.line, "column": origin.column}
            for origin in result.origins
        ],
    }


def as_json(report: Report) -> Iterator[str]:
    """One document: whether the data conforms, the counts, every result on a line."""
    head = {"conforms": report.conforms, "counts": report.counts()}
    yield json.dumps(head, ensure_ascii=False, indent=1)[:-2] + ',\n "results": ['
    for number, result in enumerate(report.results):
        yield (",\n  " if number else "\n  ") + json.dumps(record(result), ensure_ascii=False)
    yield "\n ]\n}\n" if report.results else "]\n}\n"


def turtle(report: Report) -> Iterator[str]:
    """The standard report; as the standard has it, any result at all means `sh:conforms false`."""
    yield _PREFIXES
    conforms = "false" if report.results else "true"
    yield f"[] a sh:ValidationReport ; sh:conforms {conforms}"
    for result in report.results:
        yield " ;\n  sh:result [ a sh:ValidationResult"
        yield f" ;\n    sh:focusNode {result.focus}"
        if result.path:
            yield f" ;\n    sh:resultPath {turtle_path(paths.parse(result.path))}"
        if result.value:
            yield f" ;\n    sh:value {result.value}"
        yield f" ;\n    sh:resultSeverity {_named(result.severity)}"
        yield f" ;\n    sh:sourceConstraintComponent {_named(result.component)}"
        yield f" ;\n    sh:sourceShape {result.shape}"
        if result.constraint:
            yield f" ;\n    sh:sourceConstraint {result.constraint}"
        for language, message in sorted(result.message.items()):
            yield f" ;\n    sh:resultMessage {Literal(message, language=language)}"
        yield " ]"
    yield " .\n"


def _named(name: str) -> str:
    """A term of SHACL by its local name; another by its IRI."""
    return f"<{name}>" if ":" in name else f"sh:{name}"


def turtle_path(path: paths.Path) -> str:
    """The path as SHACL writes it (§2.3.1)."""
    match path:
        case paths.Predicate():
            return f"[ sh:inversePath {path.iri} ]" if path.inverse else str(path.iri)
        case paths.Inverse():
            return f"[ sh:inversePath {turtle_path(path.part)} ]"
        case paths.Sequence():
            return f"( {' '.join(map(turtle_path, path.parts))} )"
        case paths.Alternative():
            return f"[ sh:alternativePath ( {' '.join(map(turtle_path, path.parts))} ) ]"
        case paths.Repeated():
            name = {"*": "zeroOrMorePath", "+": "oneOrMorePath", "?": "zeroOrOnePath"}[path.mark]
            return f"[ sh:{name} {turtle_path(path.part)} ]"
    raise AssertionError(path)


def as_csv(report: Report, language: str) -> Iterator[str]:
    """A header, then a line for each result and each origin of it."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    names = ["severity", "focus", "path", "value", "component", "shape", "message"]
    names += ["file", "line", "column"]
    writer.writerow(names)
    for result in report.results:
        own = (
            result.severity,
            result.focus,
            result.path,
            result.value,
            result.component,
            result.shape,
            result.text(language),
        )
        for origin in result.origins or (None,):
            place = (origin.file, origin.line, origin.column) if origin else ("", "", "")
            writer.writerow([*own, *place])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def worst(report: Report, limit: int = 10) -> list[tuple[str, int]]:
    """The focus nodes with the most violations, the most first."""
    found = Counter(r.focus for r in report.results if r.severity == "Violation")
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))[:limit]


def by_shape(report: Report) -> list[tuple[str, str, int]]:
    """Shape, severity and number of results, the most first."""
    found = Counter((r.shape, r.severity) for r in report.results)
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return [(shape, severity, count) for (shape, severity), count in ranked]
