"""What commands print: legible whatever the data holds, whole however narrow the terminal."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from kg.terminal import err, legible, listing, out, print_json

HOSTILE = "a\x1b[2Jb\x9bc\u202ed\re[bold]f:smile:"
WRITTEN_OUT = r"a\x1b[2Jb\x9bc\u202ed\re[bold]f:smile:"


def test_what_a_terminal_would_obey_is_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    table = listing("column")
    table.add_row(HOSTILE)
    out.print(HOSTILE)
    out.print(table)
    err.print(HOSTILE, style="red")
    told = capsys.readouterr()
    assert told.out.split("\n")[0] == WRITTEN_OUT
    assert told.out.split("\n")[2].rstrip() == WRITTEN_OUT
    assert told.err == WRITTEN_OUT + "\n"


@given(st.text())
def test_legible_text_has_line_feeds_and_tabs_and_no_other_control(text: str) -> None:
    shown = legible(text)
    assert legible(shown) == shown
    assert all(each in "\n\t" or ord(each) >= 0x20 for each in shown)
    if text.isprintable():
        assert shown == text


def test_json_is_legible_and_means_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"text": HOSTILE})
    told = capsys.readouterr().out
    assert json.loads(told) == {"text": HOSTILE}
    assert legible(told) == told


def test_narrow_terminal_folds_what_a_table_says_and_cuts_nothing() -> None:
    names = "source", "rows", "file"
    cells = "organizations-of-everywhere", "1,234,567", "folder/of/folders/智能产业联盟.csv"
    table = listing(*names, numbers=["rows"])
    table.add_row(*cells)
    narrow = Console(width=20, file=StringIO(), soft_wrap=True)
    narrow.print(table)
    assert isinstance(narrow.file, StringIO)
    printed = narrow.file.getvalue()
    assert sorted(printed.replace(" ", "").replace("\n", "")) == sorted("".join([*names, *cells]))
