"""Reads one table of any format for a test: its rows, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kg.tables import LINE, STATEMENT, Account, Column, Dialect, Table, chunks

Rows = list[tuple[object, ...]]


def rows_of(
    path: Path, names: Sequence[str], dialect: Dialect | None = None, access: str = ""
) -> tuple[Rows, Account]:
    """All rows (line, then the cells of these columns) and the account."""
    columns = tuple(map(Column, names)) or STATEMENT
    table = Table("table", access or path.name, columns, dialect=dialect or Dialect())
    account = Account("source", "table", path.name)
    wanted = [column.name for column in columns]
    found = [
        row
        for chunk in chunks(table, path, account)
        for row in chunk.select(LINE, *wanted).iter_rows()
    ]
    return found, account


def refused(account: Account) -> list[tuple[int, str, str, str]]:
    """Line, column, rule and expectation of each reject."""
    return [(each.line, each.column, each.rule, each.expected) for each in account.rejects]
