"""A table as chunks of raw text: Polars frames of strings with the line of each row.

One module a family of formats. Nothing is judged here but whether the file can be read at all,
and whether each row can: a row that cannot be told as cells of text is rejected with its line.
Values become text exactly; a whole table is never held in memory.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from kg.errors import InputError
from kg.tables.dialect import FORMATS
from kg.tables.model import LINE, Account, Table

#: Rows of a chunk at most; one of long rows has fewer.
CHUNK_ROWS = 50_000

#: The module that reads a format; what it alone needs is imported when it is first used.
_READERS: Final = {
    "csv": "separated",
    "tsv": "separated",
    "parquet": "parquet",
    "xlsx": "workbook",
    "json": "objects",
    "jsonl": "objects",
    "sqlite": "databases",
    "duckdb": "databases",
    "postgresql": "databases",
} | dict.fromkeys(("turtle", "ntriples", "nquads", "trig", "jsonld", "rdfxml"), "documents")


def column_names(table: Table, path: Path) -> list[str]:
    """The names of the columns that a table has, whichever are declared.

    Raises InputError as `chunks` does.
    """
    bare = replace(table, columns=())
    if table.format in ("json", "jsonl"):
        from kg.tables.reading import objects  # noqa: PLC0415 - as every reader

        return objects.names(bare, path)
    first = next(chunks(bare, path, Account("", table.name, path.name)), None)
    return [] if first is None else [name for name in first.columns if name != LINE]


def chunks(table: Table, path: Path, account: Account) -> Iterator[pl.DataFrame]:
    """Yield the rows of `path`; counts and rejects go to `account`.

    Raises InputError where the table as a whole cannot be read: a file that is missing or not
    of its format or encoding, malformed quoting, a column that is missing, a server that does
    not answer.
    """
    if table.format not in _READERS:
        raise InputError(f"{path}: format {table.format!r} is not one of {', '.join(FORMATS)}")
    if table.is_file and not path.is_file():
        raise InputError(f"{path}: no such file (table {table.name})")
    reader = importlib.import_module(f"{__name__}.{_READERS[table.format]}")
    yield from reader.read(table, path, account, CHUNK_ROWS)
