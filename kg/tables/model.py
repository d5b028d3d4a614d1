"""What a table must look like, and what became of its rows."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import polars as pl
from polars.exceptions import PolarsError

from kg.tables.dialect import RDF, Dialect, Original, format_of

#: The column of a chunk that holds the line (CSV) or row number (Parquet), from 1.
LINE = "\x1fline"
#: The column that tells the rows of a chunk apart: split rows share a line.
ROW = "\x1frow"


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


#: The columns of a document of RDF: the terms of each statement as N-Triples writes them.
STATEMENT = tuple(Column(name, required=True) for name in ("subject", "predicate", "object"))


@dataclass(frozen=True)
class Table:
    """What a table must look like: its columns, and the key that tells its rows apart.

    `access` is the path of its file, or the URL of its PostgreSQL database. A document of RDF
    is a table of statements: its columns are those of `STATEMENT`.
    """

    name: str
    access: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    dialect: Dialect = field(default_factory=Dialect)
    original: Original | None = None

    @property
    def format(self) -> str:
        """The format that is declared, else the one that the file's ending means."""
        return self.dialect.format or format_of(self.access)

    @property
    def is_rdf(self) -> bool:
        """Whether this is a document of RDF, which is taken in as it is."""
        return self.format in RDF

    @property
    def is_file(self) -> bool:
        """Whether the table stands in a file; else it is asked of a server."""
        return self.format != "postgresql"


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
