"""CSV and TSV (RFC 4180), in any encoding that Python reads.

A file is read in blocks of whole lines. Lines without a quote are cut at the delimiter column
by column; those with one, and the lines that their quotes reach over, are given to the csv
module. Both ways a line that is not as long as the header is rejected, so none is lost.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import polars as pl

from kg.errors import InputError
from kg.tables.model import LINE, Account, Table
from kg.tables.reading.encoded import decoded, whole_lines
from kg.tables.reading.rows import check_header, frame, refuse_ragged

_LONGEST_CELL: Final = 16 * 1024 * 1024
_DELIMITERS: Final = {"csv": ",", "tsv": "\t"}
#: Where more of a block's lines than one in so many are hard, the csv module reads it all.
_HARD: Final = 4
#: Bytes of a line, and columns of a table, above which the csv module reads it.
_LONG: Final = 1024 * 1024
_WIDE: Final = 200
_TEXT: Final = "\x1ftext"
_SIMPLE: Final = "\x1fsimple"


def read(table: Table, path: Path, account: Account, size: int) -> Iterator[pl.DataFrame]:
    """The rows of a file of separated values, in frames of at most `size` rows."""
    csv.field_size_limit(_LONGEST_CELL)
    dialect = table.dialect
    quote = dialect.quote or '"'
    how: dict[str, Any] = {
        "delimiter": dialect.delimiter or _DELIMITERS[table.format],
        "quotechar": None if quote == "none" else quote,
        "quoting": csv.QUOTE_NONE if quote == "none" else csv.QUOTE_MINIMAL,
        "strict": True,
    }
    with path.open("rb") as file:
        blocks = whole_lines(path, decoded(path, file, dialect.encoding or "utf-8"))
        yield from _File(table, path, account, how, blocks).frames(size)


def _from(lines: pl.Series, first: int, ending: str) -> Iterator[str]:
    """The lines from one on; mostly few are wanted."""
    size = 16
    while first < lines.len():
        for line in lines.slice(first, size).to_list():
            yield line + ending
        first, size = first + size, size * 4


@dataclass
class _File:
    """One file on its way into frames."""

    table: Table
    path: Path
    account: Account
    how: dict[str, Any]
    blocks: Iterator[tuple[str, bool]]
    header: list[str] = field(default_factory=list)
    line: int = 0  # lines before the present block

    def frames(self, size: int) -> Iterator[pl.DataFrame]:
        """All rows; the first row is the header."""
        held = ""
        for block, last in self.blocks:
            text = held + block
            if not self.header:
                text = self.head(text, last)
            if not self.header:
                held = text
                continue
            found = self.cut(text, last) if len(held) < _LONG else None
            frame, taken, held = found or self.parsed(text, last)
            self.line += taken
            self.account.read += frame.height
            yield from frame.iter_slices(size) if frame.height else [frame]

    def head(self, text: str, last: bool) -> str:
        """Read the header, if all of it is here; returns the text after it."""
        lines = io.StringIO(text, newline="")
        reader = csv.reader(lines, **self.how)
        try:
            header = [name.strip() for name in next(reader, [])]
        except csv.Error as error:
            if last or lines.read():
                raise self.malformed(1, error) from None
            return text
        check_header(self.table, f"{self.path.name}:1", header, self.account)
        self.header, self.line = header, reader.line_num
        return lines.read()

    def malformed(self, line: int, error: csv.Error) -> InputError:
        kind = self.table.format
        return InputError(
            f"{self.path}:{line}: the row that starts here is malformed {kind}: {error}"
        )

    # Both ways of reading a block give its rows, how many lines they took, and the text of a
    # row that goes on in the next block.

    def cut(self, text: str, last: bool) -> tuple[pl.DataFrame, int, str] | None:
        """Column by column; None where the csv module has to read the block as a whole."""
        breaks, returns = text.count("\n"), text.count("\r")
        if not f"{self.how['delimiter']}{self.how['quotechar']}".isascii():
            return None
        if returns and not returns == text.count("\r\n") == breaks:
            return None  # a line ends in a carriage return alone, or a cell has other breaks
        data = text.encode()
        lines = pl.read_lines(data)["line"]
        if lines.len() != breaks + (not text.endswith("\n") and bool(text)) or (
            lines.str.len_bytes().sum() + breaks + returns != len(data)
        ):
            return None
        ending, end = "\r\n" if returns else "\n", lines.len()
        simple, hard = self.simple(lines)
        if hard.len() * _HARD > end:
            return None
        rows, end = self.hard(lines, hard, ending, last)
        over = [number for first, after, _ in rows for number in range(first, after)]
        plain = lines.head(end).to_frame(_TEXT).with_row_index(LINE, self.line + 1)
        plain = plain.with_columns(pl.col(LINE).cast(pl.Int64), simple.head(end))
        plain = plain.filter(pl.col(_TEXT) != "")  # a blank line is no row
        if over:
            plain = plain.filter(~pl.col(LINE).is_in([self.line + 1 + each for each in over]))
        made = self.columns(plain)
        if rows:
            numbered = ((self.line + 1 + first, row) for first, _, row in rows)
            made = pl.concat([made, self.straight(numbered)]).sort(LINE)
        after = int(lines.head(end).str.len_bytes().sum()) + end * len(ending)
        return made, end, data[after:].decode()

    def simple(self, lines: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Which lines are rows of the right length; and the places of those that csv must judge.

        Judged by one regular expression: a cell has no quote, or is all in quotes and has none
        inside. A line that starts within a quoted cell is judged wrongly, but only after one
        that is hard, and the row that starts there takes it.
        """
        delimiter, quote, width = self.how["delimiter"], self.how["quotechar"], len(self.header)
        simple = lines.str.count_matches(delimiter, literal=True) == width - 1
        hard = lines.str.len_bytes() > _LONG
        if quote is not None and (marked := lines.str.contains(quote, literal=True)).any():
            d, q = re.escape(delimiter), re.escape(quote)
            cell = f"(?:{q}[^{q}]*{q}|[^{d}{q}]*)"
            found = pl.Series([False])
            if width <= _WIDE:
                found = lines.filter(marked).str.contains(f"^{cell}(?:{d}{cell}){{{width - 1}}}$")
            simple = simple.scatter(marked.arg_true(), found)
            hard |= marked & ~simple
        return simple.alias(_SIMPLE), hard.arg_true()

    def hard(
        self, lines: pl.Series, places: pl.Series, ending: str, last: bool
    ) -> tuple[list[tuple[int, int, list[str]]], int]:
        """The rows that start at these places (first line, line after, cells); the block's end."""
        found: list[tuple[int, int, list[str]]] = []
        after = 0
        for first in places:
            if first < after:
                continue
            reader = csv.reader(_from(lines, first, ending), **self.how)
            try:
                row = next(reader)
            except csv.Error as error:
                if last or first + reader.line_num < lines.len():
                    raise self.malformed(self.line + first + 1, error) from None
                return found, first
            after = first + reader.line_num
            found.append((first, after, row))
        return found, lines.len()

    def columns(self, lines: pl.DataFrame) -> pl.DataFrame:
        """Simple lines cut into columns; the others have not the header's length."""
        for line, text in lines.filter(~pl.col(_SIMPLE)).select(LINE, _TEXT).iter_rows():
            refuse_ragged(self.account, line, text.split(self.how["delimiter"]), self.header)
        lines = lines.filter(_SIMPLE)
        if not lines.height:
            return frame(self.header, [], [])
        cells = pl.read_csv(
            lines[_TEXT].str.join("\n")[0].encode(),
            has_header=False,
            new_columns=self.header,
            separator=self.how["delimiter"],
            quote_char=self.how["quotechar"],
            infer_schema=False,
            empty_string_is_null=False,
        )
        return cells.insert_column(0, lines[LINE])

    def parsed(self, text: str, last: bool) -> tuple[pl.DataFrame, int, str]:
        """Row by row, with the csv module."""
        lines = io.StringIO(text, newline="").readlines()
        reader = csv.reader(lines, **self.how)
        rows: list[tuple[int, list[str]]] = []
        first = 0
        try:
            for row in reader:
                if row:  # a blank line is no row
                    rows.append((self.line + first + 1, row))
                first = reader.line_num
        except csv.Error as error:
            if last or reader.line_num < len(lines):
                raise self.malformed(self.line + first + 1, error) from None
        return self.straight(rows), first, "".join(lines[first:])

    def straight(self, rows: Iterable[tuple[int, list[str]]]) -> pl.DataFrame:
        """The rows that are as long as the header; the others are rejected."""
        kept: list[tuple[int, list[str]]] = []
        for line, row in rows:
            if len(row) == len(self.header):
                kept.append((line, row))
            else:
                refuse_ragged(self.account, line, row, self.header)
        return frame(self.header, [line for line, _ in kept], [row for _, row in kept])
