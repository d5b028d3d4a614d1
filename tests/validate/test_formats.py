"""A report in six formats: complete, escaped, and of any size."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from random import Random

import pyshacl
import pytest
import rdflib
from pyoxigraph import RdfFormat, parse
from rdflib import SH
from shacl_cases import ShapesGraph, data, store_of

from kg.errors import ReleaseError
from kg.tables import Origin
from kg.validate import Report, Result, Shapes, reference, results, trend, validate
from kg.validate.results import OnDisk, in_order, merged


def result(number: int = 0, severity: str = "Violation", shape: str = "<x:S>") -> Result:
    return Result(
        severity,
        f"<x:n{number:07}>",
        "<x:p>",
        '"<script>alert(1)</script> & \\u0001"@en',
        "MinCountConstraintComponent",
        shape,
        {"en": 'Give <b>a name</b> & "more".', "zh": "请给出名称。"},
        (
            Origin("one", "people", "a.csv", number + 2, "name"),
            Origin("other", "people", "a.csv", 7, "name"),
        ),
    )


SOME = Report(
    in_order([result(2), result(1), result(3, "Warning", "<x:T>"), result(4, "Info", "<x:T>")])
)


def whole(name: str, language: str = "en") -> str:
    return "".join(SOME.parts(name, language))


def test_csv_has_a_line_for_each_origin() -> None:
    rows = list(csv.DictReader(io.StringIO(whole("csv", "zh"))))
    assert len(rows) == 8
    assert rows[0]["message"] == "请给出名称。"
    of = ("source", "table", "file", "line", "column")
    assert [rows[1][name] for name in of] == ["other", "people", "a.csv", "7", "name"]


def test_html_shows_markup_of_the_data_as_text() -> None:
    tags: set[str] = set()
    texts: list[str] = []

    class Page(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            tags.add(tag)

        def handle_data(self, text: str) -> None:
            texts.append(text)

    Page().feed(whole("html", "zh"))
    assert not tags & {"script", "b"}
    assert '"<script>alert(1)</script> & \\u0001"@en' in texts
    assert "请给出名称。" in texts
    assert '<html lang="zh">' in whole("html", "zh")


def test_junit_fails_for_violations_alone() -> None:
    control = Report((replace(result(), value='"\x01"'), replace(result(1), waiver="known")))
    root = ET.fromstring("".join(control.parts("junit")))
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    root = ET.fromstring(whole("junit"))
    assert [(s.get("name"), s.get("tests"), s.get("failures")) for s in root] == [
        ("<x:S>", "2", "2"),
        ("<x:T>", "2", "0"),
    ]
    failure = root.find("testsuite/testcase/failure")
    assert failure is not None
    assert failure.get("message") == 'Give <b>a name</b> & "more".'
    assert "a.csv:3, column name" in str(failure.text)


def test_json_is_read_back_as_the_same_report(tmp_path: Path) -> None:
    given = replace(SOME, uncovered={"<x:S>": ("sh:js",)}, notices=("one",))
    given.write(tmp_path)
    assert Report.read(tmp_path) == given
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == given.data()
    (tmp_path / "report.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ReleaseError, match="not a validation report"):
        Report.read(tmp_path)


def test_text_sums_up_by_shape_and_names_the_worst_nodes() -> None:
    many = Report(in_order([result(1), replace(result(1), path="<x:q>"), *SOME.results]))
    text = many.text(limit=1)
    assert text.startswith("validation: 4 Violation, 1 Warning, 1 Info\nby shape:\n")
    assert "        4 Violation <x:S>\n" in text
    assert "most violations:\n        3 <x:n0000001>\n" in text
    assert text.endswith("and 5 more\n")


def test_trend_says_where_the_numbers_moved() -> None:
    later = Report(in_order([result(1), result(2), result(5, "Warning", "<x:U>")]))
    assert trend(SOME, later) == [
        ("<x:T>", "Info", 1, 0),
        ("<x:T>", "Warning", 1, 0),
        ("<x:U>", "Warning", 0, 1),
    ]


@pytest.mark.parametrize("seed", range(40))
def test_turtle_says_what_the_graph_of_pyshacl_says(seed: int) -> None:
    """But for messages, details, and what pySHACL says twice of a node."""
    chance = Random(seed)
    shapes = Shapes.compile(ShapesGraph(chance, 4, seed % 2 == 0).quads)
    store = store_of(data(chance, seed % 2 == 0))
    text = validate(store, shapes).turtle
    ours = reference.graph(parse(text.encode(), format=RdfFormat.TURTLE))
    given = reference.graph(store), reference.graph(shapes.quads)
    _, theirs, _ = pyshacl.validate(given[0], shacl_graph=given[1])
    assert isinstance(theirs, rdflib.Graph)
    assert said(ours) == said(theirs)


def said(report: rdflib.Graph) -> tuple[object, set[tuple[object, ...]]]:
    """What a report says of the whole and of each result."""
    (head,) = report.subjects(SH.conforms)
    names = (SH.focusNode, SH.value, SH.resultSeverity, SH.sourceConstraintComponent,
             SH.sourceShape, SH.sourceConstraint)  # fmt: skip
    found = set()
    for node in report.objects(head, SH.result):
        path = report.value(node, SH.resultPath)
        written = "" if path is None else str(reference.path_of(report, report, path))
        found.add((written, *(report.value(node, name) for name in names)))
    return report.value(head, SH.conforms), found


def test_many_results_are_kept_on_disk_in_the_same_order(monkeypatch: pytest.MonkeyPatch) -> None:
    shuffled = [result(number * 7 % 500, severity) for number in range(500)
                for severity in ("Warning", "Violation")]  # fmt: skip
    few = in_order(shuffled)
    monkeypatch.setattr(results, "IN_MEMORY", 100)
    many = in_order(iter(shuffled))
    assert isinstance(many, OnDisk)
    assert many == few
    assert (many[3], many[-1], many[2:4]) == (few[3], few[-1], few[2:4])
    with pytest.raises(IndexError):
        many[1000]
    assert merged(many, [result(999)]) == in_order([*shuffled, result(999)])
    assert Report(many).counts() == Report(few).counts()
    for name in ("text", "html", "ttl", "json", "csv", "junit"):
        assert list(Report(many).parts(name)) == list(Report(few).parts(name))
