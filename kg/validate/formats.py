"""A report in each of its formats, piece by piece: a report of any size is written as it is read.

Turtle is written from the results; that it says what pySHACL's graph says is tested.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import lru_cache
from html import escape
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import quoteattr

from pyoxigraph import Literal

from kg import vocab
from kg.validate import paths

if TYPE_CHECKING:
    from kg.validate.report import Report
    from kg.validate.results import Result

_PREFIXES: Final = f"@prefix rdf: <{vocab.RDF}> .\n@prefix sh: <{vocab.SH}> .\n\n"
#: Shapes and nodes that a summary names.
_SUMMARY: Final = 10
#: Characters of a test suite that are held in memory.
_SPOOLED: Final = 1 << 20
#: What tells where a result came from.
_ORIGIN: Final = ("source", "table", "file", "line", "column")
#: Results that a page shows: a browser is to stay usable.
_ON_A_PAGE: Final = 2000


def head(report: Report) -> dict[str, Any]:
    """What is said of the whole, for programs."""
    return {
        "conforms": report.conforms,
        "counts": report.counts(),
        "waived": report.waived,
        "uncovered": {shape: list(why) for shape, why in report.uncovered.items()},
        "notices": list(report.notices),
    }


def by_shape(report: Report) -> list[tuple[str, str, int]]:
    """Shape, severity and number of results that are not waived, violations and the most first."""
    found: Counter[tuple[str, str]] = Counter()
    ranks: dict[str, int] = {}
    for result in report.results:
        ranks.setdefault(result.severity, len(ranks))  # results come in the order of severities
        if not result.waiver:
            found[result.shape_name, result.severity] += 1
    ranked = sorted(found.items(), key=lambda each: (ranks[each[0][1]], -each[1], each[0]))
    return [(shape, severity, count) for (shape, severity), count in ranked]


def worst(report: Report) -> list[tuple[str, int]]:
    """The focus nodes with the most violations, where one has several."""
    found = Counter(
        result.focus
        for result in report.results
        if result.severity == "Violation" and not result.waiver
    )
    ranked = sorted(found.items(), key=lambda each: (-each[1], each[0]))
    return [(focus, count) for focus, count in ranked[:_SUMMARY] if count > 1]


def _summary(report: Report) -> Iterator[str]:
    """Lines about the whole."""
    counts = ", ".join(f"{count} {name}" for name, count in report.counts().items())
    waived = f", {report.waived} waived" if report.waived else ""
    yield f"validation: {counts}{waived}"
    for shape, why in report.uncovered.items():
        yield f"judged by pySHACL: {shape} ({', '.join(why)})"
    yield from report.notices
    shapes = by_shape(report)
    if len(shapes) > 1:
        yield "by shape:"
        yield from (f"  {count:>7,} {name:<9} {shape}" for shape, name, count in shapes[:_SUMMARY])
        if len(shapes) > _SUMMARY:
            yield f"  and {len(shapes) - _SUMMARY} more shapes"
    if nodes := worst(report):
        yield "most violations:"
        yield from (f"  {count:>7,} {focus}" for focus, count in nodes)


def text(report: Report, limit: int | None, language: str) -> Iterator[str]:
    """The summary, then each result up to the limit, and how many are left out."""
    for line in _summary(report):
        yield line + "\n"
    total = len(report.results)
    for result in islice(report.results, limit):
        yield result.told(language) + "\n"
    if limit is not None and total > limit:
        yield f"and {total - limit} more\n"


def as_json(report: Report, language: str = "") -> Iterator[str]:  # noqa: ARG001
    """One document, every result on a line of its own."""
    yield json.dumps(head(report), ensure_ascii=False, indent=1)[:-2] + ',\n "results": ['
    for number, result in enumerate(report.results):
        yield (",\n  " if number else "\n  ") + json.dumps(result.record(), ensure_ascii=False)
    yield "\n ]\n}\n"


def turtle(report: Report, language: str = "") -> Iterator[str]:  # noqa: ARG001
    """The standard report; as the standard has it, any result at all means `sh:conforms false`."""
    yield _PREFIXES
    conforms = "false" if report.results else "true"
    yield f"[] a sh:ValidationReport ; sh:conforms {conforms}"
    for result in report.results:
        yield " ;\n  sh:result [ a sh:ValidationResult"
        yield f" ;\n    sh:focusNode {result.focus}"
        if result.path:
            yield f" ;\n    sh:resultPath {_path(result.path)}"
        if result.value:
            yield f" ;\n    sh:value {result.value}"
        yield f" ;\n    sh:resultSeverity {_named(result.severity)}"
        yield f" ;\n    sh:sourceConstraintComponent {_named(result.component)}"
        yield f" ;\n    sh:sourceShape {result.shape}"
        if result.constraint:
            yield f" ;\n    sh:sourceConstraint {result.constraint}"
        for tag, message in sorted(result.message.items()):
            yield f" ;\n    sh:resultMessage {Literal(message, language=tag)}"
        yield " ]"
    yield " .\n"


@lru_cache(maxsize=1024)
def _path(path: str) -> str:
    return turtle_path(paths.parse(path))


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
    names = ["severity", "focus", "path", "value", "component", "shape", "message", "waiver"]
    yield _csv_line([*names, *_ORIGIN])
    for result in report.results:
        told = {"message": result.text(language), "shape": result.shape_name}
        given = {name: getattr(result, name) for name in names} | told
        for origin in result.origins or (None,):
            place = [getattr(origin, name, "") for name in _ORIGIN]
            yield _csv_line([*(given[name] for name in names), *place])


def _csv_line(cells: list[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()


def junit(report: Report, language: str) -> Iterator[str]:
    """A test suite for each shape, a test for each result: violations fail, the rest is told."""
    totals: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    with ExitStack() as open_files:
        # Results come by severity, suites are by shape, and neither may fit in memory.
        suites: dict[str, SpooledTemporaryFile[str]] = {}
        for result in report.results:
            shape = result.shape_name
            if shape not in suites:
                suites[shape] = open_files.enter_context(
                    SpooledTemporaryFile(_SPOOLED, "w+", encoding="utf-8", newline="")
                )
            totals[shape] += 1
            failed[shape] += _fails(result)
            suites[shape].write(_junit_case(result, language))
        yield '<?xml version="1.0" encoding="UTF-8"?>\n'
        yield f'<testsuites name="validation" tests="{totals.total()}" '
        yield f'failures="{failed.total()}">\n'
        for shape, suite in sorted(suites.items()):
            counts = f'tests="{totals[shape]}" failures="{failed[shape]}"'
            yield f"<testsuite name={_attribute(shape)} {counts}>\n"
            suite.seek(0)
            yield from suite
            yield "</testsuite>\n"
        yield "</testsuites>\n"


def _fails(result: Result) -> bool:
    return result.severity == "Violation" and not result.waiver


def _junit_case(result: Result, language: str) -> str:
    names = f"classname={_attribute(result.component)} name={_attribute(result.focus)}"
    told = _xml(result.told(language))
    if _fails(result):
        message = _attribute(result.text(language))
        return f"<testcase {names}><failure message={message}>{told}</failure></testcase>\n"
    return f"<testcase {names}><system-out>{told}</system-out></testcase>\n"


#: What XML 1.0 cannot carry, escaped or not.
_UNPRINTABLE: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub("\ufffd", text)


def _xml(text: str) -> str:
    return escape(_printable(text), quote=False)


def _attribute(text: str) -> str:
    return quoteattr(_printable(text))


_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem;max-width:80rem}"
    "table{border-collapse:collapse;margin:1rem 0}"
    "td,th{border:1px solid #ccc;padding:.3rem .6rem;text-align:left;vertical-align:top;"
    "overflow-wrap:anywhere}"
    ".Violation{color:#a00}.Warning{color:#850}"
)
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "en": ("Validation report", "severity", "message", "focus node", "path", "value", "source",
           "shape", "results", "and {} more: see the other formats"),
    "zh": ("验证报告", "级别", "信息", "焦点节点", "路径", "值", "来源", "形状", "结果数",
           "另有 {} 条：见其他格式"),
}  # fmt: skip


def html(report: Report, language: str) -> Iterator[str]:
    """A page that needs nothing else: the summary, the shapes, then the results."""
    title, severity, message, focus, path, value, source, shape, results, rest = _WORDS.get(
        language, _WORDS["en"]
    )
    yield f'<!doctype html>\n<html lang="{escape(language)}"><head><meta charset="utf-8">\n'
    yield f"<title>{title}</title><style>{_STYLE}</style></head><body>\n<h1>{title}</h1>\n"
    for line in islice(_summary(report), 1 + len(report.uncovered) + len(report.notices)):
        yield f"<p>{escape(line)}</p>\n"
    yield _row("th", [shape, severity, results], before="<table>")
    for name, kind, count in by_shape(report):
        yield _row("td", [name, kind, f"{count:,}"], kind)
    yield "</table>\n"
    yield _row("th", [severity, message, focus, path, value, source], before="<table>")
    for result in islice(report.results, _ON_A_PAGE):
        where = "; ".join(map(str, result.origins))
        told = result.text(language) + (f" ({result.waiver})" if result.waiver else "")
        cells = [result.severity, told, result.focus, result.path, result.value, where]
        yield _row("td", cells, result.severity)
    yield "</table>\n"
    if (left := len(report.results) - _ON_A_PAGE) > 0:
        yield f"<p>{rest.format(f'{left:,}')}</p>\n"
    yield "</body></html>\n"


def _row(tag: str, cells: list[str], kind: str = "", before: str = "") -> str:
    style = f' class="{escape(kind)}"' if kind else ""
    inner = "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells)
    return f"{before}<tr{style}>{inner}</tr>\n"


#: Name of a format → what writes it, in a language.
FORMATS: Final[Mapping[str, Callable[[Report, str], Iterator[str]]]] = {
    "text": lambda report, language: text(report, None, language),
    "html": html,
    "ttl": turtle,
    "json": as_json,
    "csv": as_csv,
    "junit": junit,
}
