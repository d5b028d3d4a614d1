"""Excel workbooks (ECMA-376): a sheet's cells as they are stored, with the standard library alone.

A number keeps the digits that are stored, dates become ISO 8601, and a formula counts by the
value that was stored with it: it is never evaluated. A sheet is read as a stream.
"""

from __future__ import annotations

import datetime as dt
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import IO, Final
from xml.etree.ElementTree import Element, ParseError, iterparse

import polars as pl

from kg.errors import InputError
from kg.tables.model import Account, Table
from kg.tables.reading.rows import NotText, Row, check_header, frames, refuse

# Formats of numbers that show a date or time: ECMA-376 part 1, §18.8.30, with those of its
# Chinese, Japanese and Korean locales.
_DATES: Final = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
# What in a format is no code: quoted, escaped, padding, colours and conditions.
_NO_CODE: Final = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h|m|s)[^\]]*\]', re.IGNORECASE)
_ESCAPED: Final = re.compile("_x([0-9A-Fa-f]{4})_")
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_UNREADABLE: Final = (
    zipfile.BadZipFile, zlib.error, ParseError, KeyError, ValueError, NotImplementedError, EOFError
)  # fmt: skip
_WIDEST: Final = 16_384  # columns of a sheet
_LARGEST: Final = 308  # decimal exponent of a double
_MOST_TEXT: Final = 512 * 1024 * 1024  # characters of all shared strings


def read(table: Table, path: Path, account: Account, size: int) -> Iterator[pl.DataFrame]:
    """The rows of a sheet whose first row is the header; LINE is the row's number in the sheet."""
    try:
        with zipfile.ZipFile(path) as archive:
            sheet = _Sheet(path, archive, table.dialect.sheet, account)
            rows = sheet.rows()
            line, cells = next(rows, (1, []))
            sheet.header = [(name or "").strip() for name in cells]
            check_header(table, f"{path.name}:{line}", sheet.header, account)
            yield from frames(sheet.header, _as_wide(rows, len(cells)), account, size)
    except _UNREADABLE as error:
        raise InputError(f"{path}: not a readable Excel workbook (.xlsx): {error}") from None


def _as_wide(rows: Iterator[Row], width: int) -> Iterator[Row]:
    """The rows, filled up to the header: a sheet does not store the empty cells at the end."""
    for line, cells in rows:
        stored = list(cells)
        while len(stored) > width and stored[-1] is None:
            stored.pop()
        yield line, stored + [None] * (width - len(stored))


def sheets(path: Path) -> list[str]:
    """The names of a workbook's sheets, in their order. Raises InputError."""
    try:
        with zipfile.ZipFile(path) as archive:
            return list(_Book(path, archive).sheets)
    except _UNREADABLE as error:
        raise InputError(f"{path}: not a readable Excel workbook (.xlsx): {error}") from None


def _local(element: Element) -> str:
    """A name without its namespace: the strict and the transitional form have different ones."""
    return element.tag.rpartition("}")[2]


def _elements(file: IO[bytes], *wanted: str) -> Iterator[Element]:
    """Elements of these names as they end; what is read is let go."""
    stack: list[Element] = []
    for event, element in iterparse(file, ("start", "end")):  # noqa: S314 - expat bounds entities
        if event == "start":
            stack.append(element)
            continue
        stack.pop()
        if _local(element) in wanted:
            yield element
            # Siblings that have been read would stay in memory through their parent.
            if stack:
                stack[-1].clear()


@dataclass
class _Book:
    """A workbook's parts: where its sheets, strings and styles are."""

    path: Path
    archive: zipfile.ZipFile
    sheets: dict[str, str] = field(init=False, default_factory=dict)
    strings: str = field(init=False, default="")
    styles: str = field(init=False, default="")
    from_1904: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        (book,) = (target for kind, _, target in self.related("") if kind == "officeDocument")
        targets = {}
        for kind, id, target in self.related(book):
            targets[id] = target
            if kind == "sharedStrings":
                self.strings = target
            elif kind == "styles":
                self.styles = target
        with self.archive.open(book) as file:
            for element in _elements(file, "sheet", "workbookPr"):
                if _local(element) == "workbookPr":
                    self.from_1904 = element.get("date1904") in ("1", "true")
                    continue
                for name, id in element.items():
                    if name.endswith("}id") and id in targets:
                        self.sheets[element.get("name", "")] = targets[id]

    def related(self, part: str) -> Iterator[tuple[str, str, str]]:
        """What a part relates to: kind, id and path."""
        folder, name = PurePosixPath(part).parent, PurePosixPath(part).name
        with self.archive.open(str(folder / "_rels" / f"{name}.rels")) as file:
            for each in _elements(file, "Relationship"):
                if each.get("TargetMode") == "External":
                    continue
                target = each.get("Target", "")
                full = target[1:] if target.startswith("/") else str(folder / target)
                yield each.get("Type", "").rpartition("/")[2], each.get("Id", ""), full


class _Sheet(_Book):
    """One sheet of a workbook, as rows of text."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, name: str, account: Account) -> None:
        super().__init__(path, archive)
        self.account = account
        self.header: list[str] = []
        known = ", ".join(self.sheets)
        if name and name not in self.sheets:
            raise InputError(f"{path}: no sheet is called {name!r}; expected one of {known}")
        if not name and len(self.sheets) != 1:
            raise InputError(f"{path}: which sheet? Expected access.sheet, one of {known}")
        self.name = name or next(iter(self.sheets))
        self.texts = list(self.shared())
        self.dates = list(self.date_styles())

    def shared(self) -> Iterator[str]:
        if not self.strings:
            return
        total = 0
        with self.archive.open(self.strings) as file:
            for each in _elements(file, "si"):
                text = _text(each)
                total += len(text)
                if total > _MOST_TEXT:
                    raise InputError(f"{self.path}: more than {_MOST_TEXT >> 20} Mi of text")
                yield text

    def date_styles(self) -> Iterator[str]:
        """For each style of a cell, whether it shows a number as a date, a time, or both."""
        if not self.styles:
            return
        codes: dict[int, str] = {}
        with self.archive.open(self.styles) as file:
            for each in _elements(file, "numFmt", "cellXfs"):
                if _local(each) == "numFmt":
                    codes[int(each.get("numFmtId", "0"))] = each.get("formatCode", "")
                    continue
                for style in each:
                    id = int(style.get("numFmtId", "0"))
                    yield _shows(id, codes.get(id, ""))

    def rows(self) -> Iterator[Row]:
        """The rows that have a cell with something in it."""
        number = 0
        with self.archive.open(self.sheets[self.name]) as file:
            for row in _elements(file, "row"):
                number = int(row.get("r", number + 1))
                cells: list[str | None] = []
                try:
                    for cell in row:
                        place = _column(cell.get("r", "")) if cell.get("r") else len(cells)
                        if not len(cells) <= place < _WIDEST:
                            raise ValueError(f"row {number}: the cell {cell.get('r')} is misplaced")
                        cells += [None] * (place - len(cells))
                        cells.append(self.cell(cell))
                except NotText as error:
                    column = self.header[len(cells)] if len(cells) < len(self.header) else ""
                    refuse(self.account, number, "no-value", "", str(error), column)
                    continue
                if any(cell is not None for cell in cells):
                    yield number, cells

    def cell(self, cell: Element) -> str | None:
        """A cell's text. Raises NotText for an error and for a formula without a value."""
        kind, value, formula = cell.get("t", "n"), None, False
        for part in cell:
            name = _local(part)
            if name == "v":
                value = part.text
            elif name == "is":
                value = _text(part)
            formula |= name == "f"
        if value is None or value == "":
            if formula and kind != "str":
                raise NotText(
                    "the formula has no stored value; expected a workbook saved by a program "
                    "that computes"
                )
            return None
        try:
            return self.typed(kind, value, int(cell.get("s", "0")))
        except (ValueError, IndexError, ArithmeticError):
            raise NotText(f"expected a value of type {kind}, found {value[:80]!r}") from None

    def typed(self, kind: str, value: str, style: int) -> str:
        match kind:
            case "s":
                return self.texts[int(value)]
            case "str" | "inlineStr":
                return _unescaped(value) if kind == "str" else value
            case "b":
                return "true" if value == "1" else "false"
            case "d":
                return value
            case "e":
                raise NotText(f"expected a value, found the error {value}")
        if _NUMBER.fullmatch(value) is None or abs(Decimal(value).adjusted()) > _LARGEST + 17:
            raise ValueError(value)
        shows = self.dates[style] if style < len(self.dates) else ""
        return _date(value, shows, self.from_1904) if shows else _number(value)


def _text(element: Element) -> str:
    """The text of a string, of all its runs but not of how it is pronounced (rPh)."""
    parts = []
    for child in element:
        if _local(child) == "t":
            parts.append(child.text or "")
        elif _local(child) == "r":
            parts += [each.text or "" for each in child if _local(each) == "t"]
    return _unescaped("".join(parts))


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _shows(id: int, code: str) -> str:
    if not code:
        return {18: "time", 19: "time", 20: "time", 21: "time", 22: "both", 45: "time"}.get(
            id, "date" if id in _DATES and id not in (46, 47) else ""
        )
    bare = _NO_CODE.sub("", code.partition(";")[0]).lower()
    if re.search(r"\[[hms]+\]", bare) or bare in ("general", "@"):
        return ""  # an elapsed time is a number
    date, time = re.search("[yd]", bare), re.search("[hs]", bare)
    if re.fullmatch(r"m+[^a-z0-9#]*", bare):
        date = re.search("m", bare)
    return "both" if date and time else "date" if date else "time" if time else ""


def _date(value: str, shows: str, from_1904: bool) -> str:
    """A serial number of days as ISO 8601, to the microsecond."""
    serial = Decimal(value)
    days, part = divmod(serial, 1)
    if from_1904:
        start = dt.datetime(1904, 1, 1)
    else:
        # Day 60 is 29 February 1900, which never was: days before it count from one later.
        start = dt.datetime(1899, 12, 30 if days >= 60 else 31)
        if days == 60:
            raise NotText("expected a day of the calendar, found 29 February 1900")
    # Stored as a double: what is less than a millisecond is noise.
    milliseconds = round(part * 86_400_000)
    try:
        moment = start + dt.timedelta(days=int(days), milliseconds=milliseconds)
    except OverflowError:
        raise NotText(f"expected a date, found the number {value}") from None
    if shows == "time" and days == 0:
        return moment.time().isoformat("auto")
    if shows == "date" and milliseconds == 0:
        return moment.date().isoformat()
    return moment.isoformat()


def _number(value: str) -> str:
    """A number's digits as they are stored, without an exponent or a fraction of noughts."""
    if "." not in value and "e" not in value.lower():
        return value
    number = Decimal(value)
    # Excel stores 17 digits of a double where fewer mean the same: 1.1 as 1.1000000000000001.
    if len(number.as_tuple().digits) == 17:
        shortest = Decimal(repr(float(number)))
        number = shortest if float(shortest) == float(value) else number
    text = format(number, "f")
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def _column(reference: str) -> int:
    """The place of a cell in its row, from 0: that of `AB7` is 27."""
    place = 0
    for letter in reference.rstrip("0123456789"):
        place = place * 26 + ord(letter.upper()) - 64
    return place - 1
