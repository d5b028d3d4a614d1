"""A table's file as chunks of raw text: a Polars frame of strings with the line of each row.

Nothing is judged here but whether the file can be read at all, and whether each row has as
many cells as the header.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from kg.errors import InputError
from kg.tables.model import LINE, Account, Reject, Table

CHUNK_ROWS = 50_000
_FIELD_LIMIT = 16 * 1024 * 1024
_DELIMITERS = {"csv": ",", "tsv": "\t"}


def chunks(table: Table, path: Path, account: Account) -> Iterator[pl.DataFrame]:
    """Yield the rows of `path`; counts and ragged rows go to `account`.

    Raises InputError where the file as a whole cannot be read: missing, not UTF-8,
    malformed quoting, a column that is missing.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file (table {table.name})")
    read = _parquet if table.format == "parquet" else _csv
    return read(table, path, account)


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
