"""Excel workbooks: what is stored, digit by digit; never what a formula would give."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.styles import numbers
from reading_of import refused, rows_of

from kg.errors import InputError
from kg.tables import Dialect

A_B = ["a", "b"]


def workbook(path: Path, rows: Iterable[list[Any]], title: str = "甲") -> Path:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path


def stored(path: Path, cells: str) -> Path:
    """A workbook whose second row has these cells, as XML."""
    source = workbook(path.with_name("base.xlsx"), [["a", "b"]])
    with zipfile.ZipFile(source) as base, zipfile.ZipFile(path, "w") as made:
        for item in base.infolist():
            data = base.read(item)
            if item.filename == "xl/worksheets/sheet1.xml":
                row = f'<row r="2">{cells}</row></sheetData>'.encode()
                assert b"</sheetData>" in data
                data = data.replace(b"</sheetData>", row)
            made.writestr(item, data)
    return path


def test_values_are_text_without_the_marks_of_a_float(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "t.xlsx",
        [
            A_B,
            [3, 3.0],
            [0.1, 1e20],
            [True, "nan"],
            [dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 13, 45, 10)],
            [dt.time(8, 30), " 上海\n市 "],
            [-0.5, 1.1],
        ],
    )
    rows, account = rows_of(path, A_B)
    assert rows == [
        (2, "3", "3"),
        (3, "0.1", "100000000000000000000"),
        (4, "true", "nan"),
        (5, "2024-02-29", "2024-02-29T13:45:10"),
        (6, "08:30:00", " 上海\n市 "),
        (7, "-0.5", "1.1"),
    ]
    assert account.read == 6


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("12345678901234567890", "12345678901234567890"),
        ("1.1000000000000001", "1.1"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("3.0", "3"),
        ("1.50", "1.5"),
        ("1E-3", "0.001"),
        ("-0.0", "-0"),
        ("0.12345678901234567890123", "0.12345678901234567890123"),
    ],
)
def test_a_number_keeps_the_digits_that_are_stored(tmp_path: Path, written: str, text: str) -> None:
    path = stored(tmp_path / "t.xlsx", f'<c r="A2"><v>{written}</v></c>')
    assert rows_of(path, A_B)[0] == [(2, text, None)]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('<c r="B2"><f>A1+1</f></c>', "the formula has no stored value"),
        ('<c r="B2"><f>A1+1</f><v></v></c>', "the formula has no stored value"),
        ('<c r="B2" t="e"><f>1/0</f><v>#DIV/0!</v></c>', "found the error #DIV/0!"),
        ('<c r="B2" t="s"><v>99</v></c>', "expected a value of type s, found '99'"),
        ('<c r="B2"><v>1e999999999</v></c>', "expected a value of type n"),
        ('<c r="B2"><v>twelve</v></c>', "expected a value of type n"),
    ],
)
def test_a_cell_without_a_value_rejects_its_row(tmp_path: Path, cell: str, expected: str) -> None:
    rows, account = rows_of(stored(tmp_path / "t.xlsx", cell), A_B)
    assert rows == []
    ((line, column, rule, told),) = refused(account)
    assert (line, column, rule) == (2, "b", "no-value")
    assert expected in told
    assert account.read == 1


def test_a_formula_counts_by_the_value_stored_with_it(tmp_path: Path) -> None:
    cells = '<c r="A2"><f>1+1</f><v>2</v></c><c r="B2" t="str"><f>""</f><v></v></c>'
    assert rows_of(stored(tmp_path / "t.xlsx", cells), A_B)[0] == [(2, "2", None)]


@pytest.mark.parametrize(
    ("format", "value", "text"),
    [
        (numbers.FORMAT_DATE_YYYYMMDD2, 45351, "2024-02-29"),
        ("yyyy年m月d日", 45351, "2024-02-29"),
        ('[$-804]yyyy"年"m"月"', 45351, "2024-02-29"),
        ("yyyy-mm-dd hh:mm", 45351.5, "2024-02-29T12:00:00"),
        ("h:mm:ss", 0.25, "06:00:00"),
        ("[h]:mm", 1.5, "1.5"),
        ('0.00"d"', 45351, "45351"),
        ("[Red]0.0", 45351, "45351"),
        ("yyyy-mm-dd", 1, "1900-01-01"),
        ("yyyy-mm-dd", 61, "1900-03-01"),
    ],
)
def test_a_number_shown_as_a_date_is_a_date(
    tmp_path: Path, format: str, value: float, text: str
) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["a"])
    sheet["A2"] = value
    sheet["A2"].number_format = format
    book.save(tmp_path / "t.xlsx")
    assert rows_of(tmp_path / "t.xlsx", ["a"])[0] == [(2, text)]


def test_a_date_counts_from_1904_where_the_workbook_says_so(tmp_path: Path) -> None:
    book = Workbook()
    book.epoch = dt.datetime(1904, 1, 1)  # type: ignore[assignment]
    sheet = book.active
    assert sheet is not None
    sheet.append(["a"])
    sheet.append([dt.date(2024, 2, 29)])
    book.save(tmp_path / "t.xlsx")
    assert rows_of(tmp_path / "t.xlsx", ["a"])[0] == [(2, "2024-02-29")]


def test_a_sheet_is_found_by_name_and_must_be_named_among_several(tmp_path: Path) -> None:
    book = Workbook()
    for title in ("甲", "乙"):
        book.create_sheet(title).append(["a"])
        book[title].append([title])
    book.remove(book["Sheet"])
    book.save(tmp_path / "t.xlsx")
    assert rows_of(tmp_path / "t.xlsx", ["a"], Dialect(sheet="乙"))[0] == [(2, "乙")]
    with pytest.raises(InputError, match=r"which sheet\? Expected access\.sheet, one of 甲, 乙"):
        rows_of(tmp_path / "t.xlsx", ["a"])
    with pytest.raises(InputError, match="no sheet is called '丙'; expected one of 甲, 乙"):
        rows_of(tmp_path / "t.xlsx", ["a"], Dialect(sheet="丙"))


def test_blank_rows_are_no_rows_and_a_row_that_is_too_long_is_rejected(tmp_path: Path) -> None:
    rows = [A_B, [1, 2], [None, None], [3], [1, 2, 3]]
    found, account = rows_of(workbook(tmp_path / "t.xlsx", rows), A_B)
    assert found == [(2, "1", "2"), (4, "3", None)]
    assert refused(account) == [(5, "", "ragged-row", "expected 2 cells, found 3")]


def test_how_a_word_is_pronounced_is_no_part_of_it(tmp_path: Path) -> None:
    text = "<is><r><t>東</t></r><r><t>京</t></r><rPh sb='0' eb='2'><t>トウキョウ</t></rPh></is>"
    path = stored(tmp_path / "t.xlsx", f'<c r="A2" t="inlineStr">{text}</c>')
    assert rows_of(path, A_B)[0] == [(2, "東京", None)]


@pytest.mark.parametrize(
    "cell",
    ['<c r="ZZZZZZZ2"><v>1</v></c>', '<c r="B2"><v>1</v></c><c r="A2"><v>1</v></c>', "<c r='7'/>"],
)
def test_a_cell_that_cannot_be_where_it_says_is_an_error(tmp_path: Path, cell: str) -> None:
    with pytest.raises(InputError, match=r"row 2: the cell .* is misplaced"):
        rows_of(stored(tmp_path / "t.xlsx", cell), A_B)


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"PK\x03\x04 cut"])
def test_a_file_that_is_no_workbook_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.xlsx").write_bytes(content)
    with pytest.raises(InputError, match="not a readable Excel workbook"):
        rows_of(tmp_path / "t.xlsx", A_B)


def test_entities_that_grow_without_bound_are_refused(tmp_path: Path) -> None:
    grown = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e0 "aaaaaaaaaa">{grown}]>'
    source = workbook(tmp_path / "base.xlsx", [A_B])
    with (
        zipfile.ZipFile(source) as base,
        zipfile.ZipFile(tmp_path / "t.xlsx", "w") as made,
    ):
        for item in base.infolist():
            data = base.read(item)
            if item.filename == "xl/worksheets/sheet1.xml":
                text = data.decode().partition("?>")[2] or data.decode()
                row = '<row r="2"><c r="A2" t="inlineStr"><is><t>&e11;</t></is></c></row>'
                data = (bomb + text.replace("</sheetData>", f"{row}</sheetData>")).encode()
            made.writestr(item, data)
    with pytest.raises(InputError, match="not a readable Excel workbook"):
        rows_of(tmp_path / "t.xlsx", A_B)
