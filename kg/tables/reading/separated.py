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
from contextlib import suppress
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
#: Bytes of a line with quotes, and columns of a table, above which the csv module reads it.
_LONG: Final = 1024 * 1024
_WIDE: Final = 200


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
        rest, held = "", list[str]()
        for block, last in self.blocks:
            held.append(block)
            # A row that went on is read again from its start: seldom enough to stay linear.
            if not last and sum(map(len, held)) < len(rest):
                continue
            text, far = rest + "".join(held), len(rest) >= _LONG
            held.clear()
            if not self.header:
                text = self.head(text, last)
            if not self.header:
                rest = text
                continue
            found = None if far else self.cut(text, last)
            frame, taken, rest = found or self.parsed(text, last)
            self.line += taken
            self.account.read += frame.height
            yield from frame.iter_slices(size) if frame.height else [frame]

    def head(self, text: str, last: bool) -> str:
        """Read the header, if all of it is here; returns the text after it."""
        size = text.find("\n") + 1
        if not size or "\r" in text[: size - 2] or (self.how["quotechar"] or "\n") in text[:size]:
            size = len(text)  # not surely the first line
        lines = io.StringIO(text[:size], newline="")
        reader = csv.reader(lines, **self.how)
        try:
            header = [name.strip() for name in next(reader, [])]
        except csv.Error as error:
            if last or lines.read():
                raise self.malformed(1, error) from None
            return text
        check_header(self.table, f"{self.path.name}:1", header, self.account)
        self.header, self.line = header, reader.line_num
        return lines.read() + text[size:]

    def malformed(self, line: int, error: csv.Error) -> InputError:
        kind = self.table.format
        return InputError(
            f"{self.path}:{line}: the row that starts here is malformed {kind}: {error}"
        )

    # Both ways of reading a block give its rows, how many lines they took, and the text of a
    # row that goes on in the next block.

    def cut(self, text: str, last: bool) -> tuple[pl.DataFrame, int, str] | None:
        """Column by column; None where the csv module has to read the block as a whole."""
        if not f"{self.how['delimiter']}{self.how['quotechar']}".isascii():
            return None
        data = text.encode()
        breaks, returns = data.count(b"\n"), data.count(b"\r")
        if returns and not returns == data.count(b"\r\n") == breaks:
            return None  # a line ends in a carriage return alone, or a cell has other breaks
        lines = pl.read_lines(data)["line"]
        if lines.len() != breaks + (not text.endswith("\n") and bool(text)) or (
            lines.str.len_bytes().sum() + breaks + returns != len(data)
        ):
            return None
        ending, end = "\r\n" if returns else "\n", lines.len()
        simple, hard = self.simple(lines)
        # The csv module refuses a cell of more than it can hold, so it is not given a long line.
        if hard.len() * _HARD > end and lines.str.len_bytes().max() <= _LONG:  # type: ignore[operator]
            return None
        rows, end = self.hard(lines, hard, ending, last)
        over = [number for first, after, _ in rows for number in range(first, after)]
        lines, simple = lines.head(end), simple.head(end)
        plain = (lines != "").scatter(over, False)  # a blank line is no row
        ends = (lines.str.len_bytes().cast(pl.Int64) + len(ending)).cum_sum()
        self.refuse(lines, plain & ~simple)
        made = self.columns(data, ends, plain & simple)
        if rows:
            numbered = ((self.line + 1 + first, row) for first, _, row in rows)
            made = pl.concat([made, self.straight(numbered)]).sort(LINE)
        return made, end, data[ends[-1] if end else 0 :].decode()

    def simple(self, lines: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Which lines are rows of the right length; and the places of those that csv must judge.

        Judged by one regular expression: a cell has no quote, or is all in quotes and has only
        doubled ones inside. A line that starts within a quoted cell is judged wrongly, but only
        after one that is hard, and the row that starts there takes it.
        """
        delimiter, quote, width = self.how["delimiter"], self.how["quotechar"], len(self.header)
        simple = lines.str.count_matches(delimiter, literal=True) == width - 1
        hard = pl.Series([], dtype=pl.UInt32)
        if quote is not None and (marked := lines.str.contains(quote, literal=True)).any():
            d, q = re.escape(delimiter), re.escape(quote)
            cell = f"(?:{q}[^{q}]*(?:{q}{q}[^{q}]*)*{q}|[^{d}{q}]*)"
            places, texts = marked.arg_true(), lines.filter(marked)
            found = pl.repeat(False, texts.len(), eager=True)
            if width <= _WIDE:
                row = f"^{cell}(?:{d}{cell}){{{width - 1}}}$"
                found = (texts.str.len_bytes() <= _LONG) & texts.str.contains(row)
            simple = simple.scatter(places, found)
            hard = places.filter(~found)
        return simple, hard

    def hard(
        self, lines: pl.Series, places: pl.Series, ending: str, last: bool
    ) -> tuple[list[tuple[int, int, list[str]]], int]:
        """The rows that start at these places (first line, line after, cells); the block's end."""
        found: list[tuple[int, int, list[str]]] = []
        after = 0
        for first, text in zip(places.to_list(), lines.gather(places).to_list(), strict=True):
            if first < after:
                continue
            reader = csv.reader([text + ending], **self.how)
            with suppress(csv.Error):  # mostly the row is this line
                found.append((first, after := first + 1, next(reader)))
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

    def refuse(self, lines: pl.Series, ragged: pl.Series) -> None:
        """Reject the lines that have not the header's length."""
        places = ragged.arg_true()
        for place, text in zip(places.to_list(), lines.gather(places).to_list(), strict=True):
            cells = text.split(self.how["delimiter"])
            refuse_ragged(self.account, self.line + 1 + place, cells, self.header)

    def columns(self, data: bytes, ends: pl.Series, wanted: pl.Series) -> pl.DataFrame:
        """The lines wanted, all of them simple, cut into columns; `ends` is where lines end."""
        numbers = wanted.arg_true()
        if not numbers.len():
            return frame(self.header, [], [])
        # Runs of lines, from the end of one that is left out to the start of the next.
        left = (~wanted).arg_true()
        after = [0, *ends.gather(left).to_list()]
        until = [*ends.shift(1, fill_value=0).gather(left).to_list(), ends[-1]]
        cells = pl.read_csv(
            b"".join(data[start:end] for start, end in zip(after, until, strict=True)),
            has_header=False,
            new_columns=self.header,
            separator=self.how["delimiter"],
            quote_char=self.how["quotechar"],
            infer_schema=False,
            empty_string_is_null=False,
        )
        return cells.insert_column(0, (numbers.cast(pl.Int64) + self.line + 1).alias(LINE))

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
