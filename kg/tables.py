"""Tables in: CSV, TSV and Parquet read as exact text, chunk by chunk, every row accounted for.

A chunk is a Polars frame of strings, with the line on which each row starts. Cells are
trimmed and brought to Unicode NFC; empty cells and null words become null. A row that
cannot be used is rejected with its line, column, rule and value, never dropped.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import polars as pl
from polars.exceptions import PolarsError

from kg.errors import InputError

#: The column of a chunk that holds the line (CSV) or row number (Parquet), from 1.
LINE = "\x1fline"
#: The column that tells the rows of a chunk apart: split rows share a line.
ROW = "\x1frow"

CHUNK_ROWS = 50_000
_FIELD_LIMIT = 16 * 1024 * 1024
_DELIMITERS = {"csv": ",", "tsv": "\t"}
# What no RDF syntax of ours can carry as plain text; tab, LF and CR are fine.
_CONTROL = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"


@dataclass(frozen=True)
class Column:
    """A column that a table must have.

    `split` is a regular expression: a cell of several values becomes a row for each,
    after the table's own rules were checked, all on the line of the original row.
    """

    name: str
    required: bool = False
    pattern: str | None = None
    nulls: frozenset[str] = frozenset()
    split: str | None = None


@dataclass(frozen=True)
class Table:
    """What a table must look like: its columns, and the key that tells its rows apart."""

    name: str
    access: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()

    @property
    def format(self) -> str:
        """The format that the file's ending names: csv, tsv or parquet."""
        return Path(self.access).suffix.removeprefix(".")


@dataclass(frozen=True)
class Origin:
    """The cells that a statement came from: file, line, and the columns it was made of."""

    file: str
    line: int
    column: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}, column {self.column}"


@dataclass(frozen=True)
class Reject:
    """One thing in a table that was not taken over, and why.

    `level` says what was lost: the whole row, one value, or nothing (a warning).
    """

    source: str
    file: str
    line: int
    column: str
    rule: str
    value: str
    expected: str
    level: Literal["row", "value", "warning"]

    def __str__(self) -> str:
        shown = self.value if len(self.value) <= 80 else self.value[:77] + "..."
        where = f"{self.file}:{self.line}, column {self.column}"
        return f"{where}: {shown!r} ({self.rule}): {self.expected}"


@dataclass
class Account:
    """What became of a table's rows: read = mapped + rejected + unmapped."""

    source: str
    table: str
    file: str
    sha256: str = ""
    read: int = 0
    mapped: int = 0
    rejects: list[Reject] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    @property
    def rejected(self) -> int:
        """Rows that were rejected whole."""
        return sum(reject.level == "row" for reject in self.rejects)

    @property
    def unmapped(self) -> int:
        """Rows that were sound, but to which no condition of the mapping applies."""
        return self.read - self.mapped - self.rejected

    def by_rule(self) -> dict[str, int]:
        """How often each rule rejected something."""
        return dict(sorted(Counter(reject.rule for reject in self.rejects).items()))


def read(table: Table, path: Path, account: Account) -> Iterator[pl.DataFrame]:
    """Yield the sound rows of `path` in chunks; rejects and counts go to `account`.

    Raises InputError where the file as a whole cannot be read: missing, not UTF-8,
    malformed quoting, a column that is missing.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file (table {table.name})")
    account.sha256 = _sha256(path)
    seen: set[bytes] = set()
    chunks = (
        _parquet(table, path, account) if table.format == "parquet" else _csv(table, path, account)
    )
    for chunk in chunks:
        sound = _split(table, _sound(table, _clean(table, chunk), account, seen))
        yield sound.with_row_index(ROW)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _csv(table: Table, path: Path, account: Account) -> Iterator[pl.DataFrame]:
    if table.format not in _DELIMITERS:
        raise InputError(f"{path}: format {table.format!r} is not one of csv, tsv, parquet")
    csv.field_size_limit(_FIELD_LIMIT)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=_DELIMITERS[table.format], strict=True)
        try:
            numbered = _csv_rows(table, path, reader)
            header = [name.strip() for name in next(numbered, (1, []))[1]]
            _check_header(table, path.name, header, account)
            yield from _csv_chunks(path.name, header, numbered, account)
        except UnicodeDecodeError as error:
            # Text is decoded in blocks, so the reader is still lines before the byte.
            byte = f"0x{error.object[error.start]:02x}"
            raise InputError(
                f"{path}:{_undecodable_line(path)}: byte {byte} is not UTF-8; "
                "save the table as UTF-8"
            ) from None


def _csv_rows(table: Table, path: Path, reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line on which it starts."""
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(
                f"{path}:{line}: the row that starts here is malformed {table.format}: {error}"
            ) from None
        yield line, row


def _undecodable_line(path: Path) -> int:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    raise AssertionError("called for a file that is not UTF-8")


def _csv_chunks(
    file: str,
    header: list[str],
    numbered: Iterator[tuple[int, list[str]]],
    account: Account,
) -> Iterator[pl.DataFrame]:
    rows: list[list[str]] = []
    lines: list[int] = []
    for line, row in numbered:
        if row:  # a blank line is no row
            account.read += 1
            if len(row) == len(header):
                rows.append(row)
                lines.append(line)
            else:
                account.rejects.append(
                    Reject(
                        account.source, file, line, "", "ragged-row", "|".join(row)[:200],
                        f"expected {len(header)} cells, found {len(row)}", "row",
                    )
                )  # fmt: skip
        if len(rows) == CHUNK_ROWS:
            yield _frame(header, rows, lines)
            rows, lines = [], []
    yield _frame(header, rows, lines)


def _frame(header: list[str], rows: list[list[str]], lines: list[int]) -> pl.DataFrame:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(header)
    data = {
        name: pl.Series(name, cells, pl.String) for name, cells in zip(header, columns, strict=True)
    }
    return pl.DataFrame({LINE: pl.Series(LINE, lines, pl.Int64)} | data)


def _parquet(table: Table, path: Path, account: Account) -> Iterator[pl.DataFrame]:
    try:
        scan = pl.scan_parquet(path)
        _check_header(table, path.name, scan.collect_schema().names(), account)
        scan = scan.select(column.name for column in table.columns)
        total = scan.select(pl.len()).collect().item()
        for start in range(0, total, CHUNK_ROWS):
            frame = scan.slice(start, CHUNK_ROWS).collect()
            account.read += frame.height
            lines = pl.Series(LINE, range(start + 1, start + 1 + frame.height), pl.Int64)
            yield frame.select(lines, pl.all().cast(pl.String))
    except PolarsError as error:
        raise InputError(f"{path}: not a readable Parquet table: {error}") from None


def _check_header(table: Table, file: str, header: list[str], account: Account) -> None:
    expected = [column.name for column in table.columns]
    if repeated := [name for name, count in Counter(header).items() if count > 1]:
        raise InputError(f"{file}:1: the header names {', '.join(repeated)} twice")
    if missing := [name for name in expected if name not in header]:
        raise InputError(
            f"{file}:1: column {', '.join(missing)} is missing; expected {', '.join(expected)}; "
            f"found {', '.join(header) or 'nothing'}"
        )
    if unknown := [name for name in header if name not in expected]:
        account.notices.append(
            f"{file}: columns that the source does not declare: {', '.join(unknown)}"
        )


def _clean(table: Table, chunk: pl.DataFrame) -> pl.DataFrame:
    cells = []
    for column in table.columns:
        cell = pl.col(column.name).str.strip_chars().str.normalize("NFC")
        nulls = ["", *sorted(column.nulls)]
        cells.append(pl.when(cell.is_in(nulls)).then(None).otherwise(cell).alias(column.name))
    return chunk.select(LINE, *cells)


def _sound(table: Table, chunk: pl.DataFrame, account: Account, seen: set[bytes]) -> pl.DataFrame:
    """The rows of a chunk that pass the table's own rules; the rest are rejected."""

    def reject(bad: pl.DataFrame, column: str, rule: str, expected: str) -> pl.DataFrame:
        file = Path(table.access).name
        for line, value in bad.select(LINE, pl.col(column).fill_null("")).iter_rows():
            account.rejects.append(
                Reject(account.source, file, line, column, rule, value, expected, "row")
            )
        return chunk.filter(~pl.col(LINE).is_in(bad[LINE].implode())) if bad.height else chunk

    for column in table.columns:
        cell = pl.col(column.name)
        control = chunk.filter(cell.str.contains(_CONTROL))
        chunk = reject(
            control, column.name, "control-character", "expected text without control characters"
        )
        if column.required:
            chunk = reject(
                chunk.filter(cell.is_null()), column.name, "missing-value", "expected a value"
            )
        if column.pattern:
            wrong = chunk.filter(~cell.str.contains(f"^(?:{column.pattern})$"))
            chunk = reject(wrong, column.name, "pattern", f"expected {column.pattern}")
    if table.key:
        keys = chunk.select(pl.col(table.key).fill_null("")).iter_rows()
        fresh = [_is_new(key, seen) for key in keys]
        again = chunk.filter(~pl.Series(fresh, dtype=pl.Boolean))
        key = ", ".join(table.key)
        chunk = reject(
            again, table.key[0], "duplicate-key", f"expected a key ({key}) not used before"
        )
    return chunk


def _split(table: Table, chunk: pl.DataFrame) -> pl.DataFrame:
    for column in table.columns:
        if column.split is not None:
            parts = pl.col(column.name).str.replace_all(column.split, "\x1f").str.split("\x1f")
            part = pl.element().str.strip_chars()
            cells = parts.list.eval(part.filter(part != ""))
            # A cell of nothing but separators is an empty one; exploding [] would drop its row.
            chunk = chunk.with_columns(pl.when(cells.list.len() > 0).then(cells))
            chunk = chunk.explode(column.name)
    return chunk


def _is_new(key: tuple[str, ...], seen: set[bytes]) -> bool:
    mark = hashlib.blake2b("\x1f".join(key).encode(), digest_size=8).digest()
    if mark in seen:
        return False
    seen.add(mark)
    return True


def write_rejects(rejects: list[Reject], path: Path) -> None:
    """Write the rejects report: one line a reject, in the order they were found."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        names = ("source", "file", "line", "column", "rule", "value", "expected", "level")
        writer.writerow(names)
        writer.writerows([getattr(reject, name) for name in names] for reject in rejects)


def valid_pattern(pattern: str) -> bool:
    """Whether both Python and Polars read `pattern` as a regular expression."""
    try:
        re.compile(pattern)
        pl.Series([""]).str.contains(pattern)
    except (re.error, PolarsError):
        return False
    return True
