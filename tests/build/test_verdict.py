"""What the gate of a build makes of a report."""

from __future__ import annotations

from pathlib import Path

import pytest

from kg import etl
from kg.build import verdict
from kg.commands.building import _served
from kg.commands.validation import print_trend
from kg.release import Home, Release
from kg.validate import Report, Result

RESULT = Result("Warning", "<http://example.org/a>", "", "", "Class", "<s>", {"en": "told"})


def test_report_that_does_not_fit_in_memory_is_not_traced_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdict, "IN_MEMORY", 1)
    context = etl.Context(tmp_path, tmp_path, "http://example.org/")
    report = Report([RESULT, RESULT])
    once = verdict.traced(report, [], context)
    twice = verdict.traced(once, [], context)
    assert once.results is report.results
    assert once.notices == twice.notices == ("rows are not traced: there are more than 1 results",)


def test_report_that_cannot_be_read_is_no_ground_to_compare(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "report.json").write_text("{", encoding="utf-8")
    print_trend(Release(tmp_path), Report([RESULT]))
    told = capsys.readouterr()
    assert told.out == ""
    assert "not compared with release" in told.err


def test_first_build_follows_no_release(tmp_path: Path) -> None:
    assert _served(Home(tmp_path)) is None
