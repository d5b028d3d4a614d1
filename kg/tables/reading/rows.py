"""What the readers share: rows into frames, the header's check, a value as exact text."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import polars as pl

from kg.errors import InputError
from kg.tables.model import LINE, Account, Reject, Table
from kg.tables.rejects import digest, ragged

#: The line on which a row starts, or its number where rows may share a line; and its cells.
Row = tuple[int, Sequence[str | None]]

# Characters of a chunk, after which it is given on however few rows it has.
_CHUNK_TEXT: Final = 64 * 1024 * 1024


class NotText(Exception):
    """A value that has no exact text; the message says what it is."""


def refuse(
    account: Account,
    line: int,
    rule: str,
    value: str,
    expected: str,
    column: str = "",
    row: str = "",
) -> None:
    """Count a row that cannot be read, and reject it; `row` is what can be corrected of it."""
    account.read += 1
    account.rejects.append(
        Reject(
            account.source, account.file, line, column, rule, value[:200], expected, "row",
            account.table, row, digest(row) if row else "",
        )
    )  # fmt: skip


def refuse_ragged(
    account: Account, line: int, cells: Sequence[str | None], header: Sequence[str]
) -> None:
    """Count and reject a row that has not as many cells as the header."""
    value = "|".join(cell or "" for cell in cells)
    expected = f"expected {len(header)} cells, found {len(cells)}"
    refuse(account, line, "ragged-row", value, expected, row=ragged(header, cells))


def frames(
    header: Sequence[str], rows: Iterator[Row], account: Account, size: int
) -> Iterator[pl.DataFrame]:
    """The rows as frames of at most `size` rows; ragged ones are rejected."""
    lines: list[int] = []
    kept: list[Sequence[str | None]] = []
    text = 0
    for line, cells in rows:
        if len(cells) != len(header):
            refuse_ragged(account, line, cells, header)
            continue
        account.read += 1
        lines.append(line)
        kept.append(cells)
        text += sum(map(len, filter(None, cells)))
        if len(kept) == size or text > _CHUNK_TEXT:
            yield frame(header, lines, kept)
            lines, kept, text = [], [], 0
    yield frame(header, lines, kept)


def frame(
    header: Sequence[str], lines: list[int], rows: Sequence[Sequence[str | None]]
) -> pl.DataFrame:
    """One frame of rows that are as long as the header."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(header)
    data = {
        name: pl.Series(name, cells, pl.String) for name, cells in zip(header, columns, strict=True)
    }
    return pl.DataFrame({LINE: pl.Series(LINE, lines, pl.Int64)} | data)


def check_header(table: Table, file: str, header: Sequence[str], account: Account) -> None:
    """See that every declared column is there once; others give a notice.

    `file` says where the header stands. Raises InputError.
    """
    expected = [column.name for column in table.columns]
    if repeated := [name for name, count in Counter(header).items() if count > 1]:
        raise InputError(f"{file}: the header names {', '.join(repeated)} twice")
    if missing := [name for name in expected if name not in header]:
        raise InputError(
            f"{file}: column {', '.join(missing)} is missing; expected {', '.join(expected)}; "
            f"found {', '.join(header) or 'nothing'}"
        )
    if unknown := [name for name in header if name not in expected]:
        account.undeclared = len(unknown)
        account.notices.append(
            f"{account.file}: columns that the source does not declare: {', '.join(unknown)}"
        )


def exact(value: Any) -> str | None:  # noqa: PLR0911 - one for each kind of value
    """A value of a database as text: numbers digit by digit, dates and times as XSD writes them.

    A float is the shortest decimal that means the same. Raises NotText for what is no single
    value, such as bytes or a list.
    """
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | UUID():
            return str(value)
        case float():
            return _float(value)
        case Decimal():
            return format(value, "f") if value.is_finite() else _float(float(value))
        case dt.datetime():
            return value.isoformat("T").replace("+00:00", "Z")
        case dt.date() | dt.time():
            return value.isoformat()
    raise NotText(f"{type(value).__name__} is no single value of text")


def _float(value: float) -> str:
    if value != value:  # noqa: PLR0124 - the one number that is not itself
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "INF" if value > 0 else "-INF"
    return repr(value)
