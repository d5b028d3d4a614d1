"""What a table must look like, and what became of its rows and cells."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NoReturn

import polars as pl
from polars.exceptions import PolarsError

from kg.errors import Imbalance, InputError
from kg.tables.dialect import RDF, Dialect, Original, format_of

#: The column of a chunk that holds the line (CSV) or row number (Parquet), from 1.
LINE = "\x1fline"
#: The column that tells the rows of a chunk apart: split rows share a line.
ROW = "\x1frow"

#: The column of a chunk that holds what there is to remember of a row beside its cells, as
#: JSON: `refused` values by column, and of a corrected row the `place` and `digest`.
NOTE = "\x1fnote"

#: What is done with what breaks a rule.
Policy = Literal["warn", "reject value", "reject row", "fail"]

#: Rules of rows and cells → the policies each can have, its default first.
RULES: Final[Mapping[str, tuple[Policy, ...]]] = {
    "ragged-row": ("reject row", "fail"),
    "no-object": ("reject row", "fail"),
    "no-value": ("reject row", "fail"),
    "malformed-json": ("reject row", "fail"),
    "several-values": ("reject row", "fail"),
    "control-character": ("reject row", "reject value", "fail"),
    "missing-value": ("reject row", "warn", "fail"),
    "pattern": ("reject row", "reject value", "warn", "fail"),
    "type": ("reject value", "reject row", "warn", "fail"),
    "duplicate-key": ("reject row", "warn", "fail"),
    "dangling-reference": ("reject value", "reject row", "warn", "fail"),
    "cycle": ("reject value", "reject row", "warn", "fail"),
}
#: The policies of a mapping's rules: a value that no statement can be made of is never kept.
MAPPING_POLICIES: Final[tuple[Policy, ...]] = ("reject value", "reject row", "fail")

#: What may become of a cell, and what that says; the first that fits counts.
CELLS: Final[Mapping[str, str]] = {
    "undeclared": "in a column that the source does not declare",
    "of_rejected_rows": "in a row that was rejected",
    "unused": "in a column declared unused",
    "empty": "empty, or a null word",
    "rejected": "refused, the rest of its row kept",
    "mapped": "read for a statement that was made: in its subject, object or conditions",
    "unmapped": "sound, but no condition asked for it",
}

#: What a reject loses.
Level = Literal["row", "value", "warning"]

_LEVELS: Final[dict[Policy, Level]] = {
    "warn": "warning",
    "reject value": "value",
    "reject row": "row",
    "fail": "row",
}


@dataclass(frozen=True)
class Reference:
    """A foreign key: every value must stand in a column of a table of the same source.

    `separator` is a regular expression between the values of a cell. `acyclic` is for a
    column that refers to its own table: no row may be a part of itself, however far.
    """

    table: str
    column: str
    separator: str | None = None
    acyclic: bool = False


@dataclass(frozen=True)
class Column:
    """A column that a table must have.

    `split` is a regular expression: a cell of several values becomes a row for each,
    after the table's own rules were checked, all on the line of the original row.
    `unused` says that no mapping reads it; `on` holds the policies that differ from the
    defaults, as pairs of rule and policy.
    """

    name: str
    required: bool = False
    pattern: str | None = None
    nulls: frozenset[str] = frozenset()
    split: str | None = None
    type: str | None = None
    references: Reference | None = None
    unused: bool = False
    on: tuple[tuple[str, Policy], ...] = ()

    @property
    def separator(self) -> str | None:
        """The regular expression between the values of a cell, if it may hold several."""
        return (self.references and self.references.separator) or self.split


@dataclass(frozen=True)
class Limit:
    """How many rows of a table may be refused or lose a value: a count, or a share of all."""

    number: float
    percent: bool = False

    def __str__(self) -> str:
        return f"{self.number:g}{'%' if self.percent else ''}"

    def allows(self, rows: int, of: int) -> bool:
        """Whether `rows` of `of` are not too many."""
        return rows * 100 <= self.number * of if self.percent else rows <= self.number


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
    max_rejects: Limit | None = None
    on: tuple[tuple[str, Policy], ...] = ()

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

    def policy(self, rule: str, *columns: str, level: Level | None = None) -> Policy:
        """What is done where these columns break a rule: the strictest that any of them asks.

        `level` is what is lost unless the source asks for more. A value that must be there
        cannot be refused alone, so its row is.
        """
        concerned = [column for column in self.columns if column.name in columns]
        usual = RULES.get(rule, MAPPING_POLICIES)[0]
        if level is not None:
            usual = next(policy for policy, lost in _LEVELS.items() if lost == level)
        default = dict(self.on).get(rule, usual)
        asked = [dict(column.on).get(rule, default) for column in concerned] or [default]
        policy = max(asked, key=list(_LEVELS).index)
        if policy == "reject value" and rule in RULES:
            for column in concerned:
                needed = column.required and dict(column.on).get("missing-value") != "warn"
                if needed or column.name in self.key:
                    return "reject row"
        return policy

    def rejects_rows_by_mapping(self) -> bool:
        """Whether a value that no statement can be made of may take its row with it."""
        asked = [*self.on, *(pair for column in self.columns for pair in column.on)]
        return any(policy == "reject row" and rule not in RULES for rule, policy in asked)


@dataclass(frozen=True)
class Origin:
    """The cells that a statement came from: a table, its line, and the columns it was made of.

    Files of several sources may have one name, and tables of a source may stand in one file.
    """

    source: str
    table: str
    file: str
    line: int
    column: str

    @property
    def place(self) -> tuple[str, str, str, int, str]:
        """What origins are ordered by: as people read them."""
        return (self.file, self.source, self.table, self.line, self.column)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}, column {self.column} ({self.source}/{self.table})"


@dataclass(frozen=True)
class Reject:
    """One thing in a table that was not taken over, and why.

    `level` says what was lost: the whole row, one value, or nothing (a warning). `row` is
    the row's cells as JSON, and `digest` names the row as it stands in the file: what a
    correction needs (`kg.tables.rejects`).
    """

    source: str
    file: str
    line: int
    column: str
    rule: str
    value: str
    expected: str
    level: Level
    table: str = ""
    row: str = ""
    digest: str = ""

    def __str__(self) -> str:
        shown = self.value if len(self.value) <= 80 else self.value[:77] + "..."
        where = f"{self.file}:{self.line}" + (f", column {self.column}" if self.column else "")
        return f"{where}: {shown!r} ({self.rule}): {self.expected}"


@dataclass
class Account:
    """What became of a table's rows and cells; the counts of parts add up to those of all.

    Rows read = mapped + unmapped + rejected. Each cell counts once, under the first that fits
    of `CELLS`.
    """

    source: str
    table: str
    file: str
    sha256: str = ""
    read: int = 0
    corrected: int = 0  # rows taken from corrected rejects in place of the file's own
    mapped: int = 0
    unmapped: int = 0  # sound rows to which no condition of the mapping applies
    undeclared: int = 0  # columns of the file that the source does not declare
    cells_read: int = 0
    cells_undeclared: int = 0
    cells_of_rejected_rows: int = 0
    cells_unused: int = 0
    cells_empty: int = 0
    cells_rejected: int = 0
    cells_mapped: int = 0
    cells_unmapped: int = 0
    rejects: list[Reject] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    @property
    def rejected(self) -> int:
        """Rows that were rejected whole."""
        return len({reject.line for reject in self.rejects if reject.level == "row"})

    @property
    def cells(self) -> dict[str, int]:
        """What became of the cells read → how many."""
        return {name: getattr(self, f"cells_{name}") for name in CELLS}

    def by_rule(self) -> dict[str, int]:
        """How often each rule rejected something."""
        return dict(sorted(Counter(reject.rule for reject in self.rejects).items()))

    def reject(
        self, policy: Policy, line: int, column: str, rule: str, value: str, expected: str,
        row: str = "", digest: str = "",
    ) -> None:  # fmt: skip
        """Enter a reject. Raises InputError where the policy is to fail."""
        entered = Reject(
            self.source, self.file, line, column, rule, value, expected, _LEVELS[policy],
            self.table, row, digest,
        )  # fmt: skip
        if policy == "fail":
            self.fail(entered)
        self.rejects.append(entered)

    def fail(self, reject: Reject) -> NoReturn:
        """Raise InputError for a reject whose policy is to fail."""
        raise InputError(f"{reject}; the policy of this rule is to fail")

    def check_limit(self, limit: Limit | None) -> None:
        """Raise InputError, naming the first rejects, where there are more than allowed."""
        lost = [reject for reject in self.rejects if reject.level != "warning"]
        rows = len({reject.line for reject in lost})
        if limit is not None and not limit.allows(rows, self.read):
            first = "; ".join(map(str, sorted(lost, key=lambda reject: reject.line)[:3]))
            raise InputError(
                f"{self.file}: {rows} of {self.read} rows were refused or lost a value, more than "
                f"max_rejects ({limit}) of {self.source}/{self.table} allows; the first: {first}"
            )

    def check(self) -> None:
        """Raise Imbalance where a row or cell is missing or counted twice: a defect of ours."""
        rows = self.mapped + self.unmapped + self.rejected
        if rows != self.read:
            raise Imbalance(
                f"{self.file}: {self.read} rows were read, but {rows} accounted for "
                f"(mapped {self.mapped}, unmapped {self.unmapped}, rejected {self.rejected})"
            )
        if (cells := sum(self.cells.values())) != self.cells_read:
            raise Imbalance(
                f"{self.file}: {self.cells_read} cells were read, but {cells} accounted for "
                f"({', '.join(f'{name} {count}' for name, count in self.cells.items())})"
            )


def valid_pattern(pattern: str) -> bool:
    """Whether both Python and Polars read `pattern` as a regular expression."""
    try:
        re.compile(pattern)
        pl.Series([""]).str.contains(pattern)
    except (re.error, PolarsError):
        return False
    return True
