"""The rules of a table's cells, judged chunk by chunk under the policy of each.

A rule is a condition on one column. What breaks it is rejected with its line, its value and
the whole row; the policy says whether the row, the value or nothing is lost.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from kg.tables import lexical
from kg.tables.model import LINE, NOTE, Account, Column, Table
from kg.tables.rejects import as_json, digest

_NEW: Final = "\x1fnew"
VALUE: Final = "\x1fvalue"
EXPECTED: Final = "\x1fexpected"

# What no RDF syntax of ours can carry as plain text; tab, LF and CR are fine.
_CONTROL: Final = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"

#: Characters none of which is a control character, and any text of which is its own NFC in every
#: version of Unicode: Latin, Cyrillic, punctuation, kana, full width, and the most of Chinese.
PLAIN: Final = (
    "\t\n\r -~\x80-\u02ff\u0400-\u0482\u048a-\u052f\u2010-\u2027\u2030-\u205e\u2160-\u2188"
    "\u2460-\u24ff\u3001-\u3029\u3030-\u3098\u309b-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff01-\uffef"
)
_NOT_PLAIN: Final = rf"^\s|\s$|[^{PLAIN}]"


def clean(table: Table, chunk: pl.DataFrame) -> tuple[pl.DataFrame, frozenset[str]]:
    """Line, note and the declared columns, trimmed and in NFC; what says nothing is null.

    And the names of the columns that were plain already: no cell has a control character.
    """
    names = [column.name for column in table.columns]
    # Most columns are plain, and one look is cheaper than a copy.
    found = chunk.select(pl.col(name).str.contains(_NOT_PLAIN).any() for name in names)
    plain = frozenset(name for name in names if not found[name].item())
    chunk = chunk.with_columns(
        pl.col(name).str.strip_chars().str.normalize("NFC") for name in names if name not in plain
    )
    cells = []
    for column in table.columns:
        cell = pl.col(column.name)
        nothing = cell.is_in(["", *sorted(column.nulls)])
        if column.split is not None:  # nothing but separators
            nothing |= cell.str.replace_all(column.split, "").str.strip_chars() == ""
        cells.append(pl.when(~nothing).then(cell).alias(column.name))
    return chunk.select(LINE, pl.lit(None, pl.String).alias(NOTE), *cells), plain


def sound(
    table: Table, chunk: pl.DataFrame, account: Account, plain: Collection[str] = ()
) -> pl.DataFrame:
    """The rows of a chunk that pass the rules of their own cells; the rest go to `account`.

    `plain` are columns known to have no control character. Raises InputError where a rule whose
    policy is to fail is broken.
    """
    for column in table.columns:
        name = column.name
        for rule, broken, expected in _rules(column, name in plain):
            bad = chunk.filter(broken)
            if bad.height:
                bad = bad.select(LINE, pl.col(name).fill_null("").alias(VALUE))
                bad = bad.with_columns(pl.lit(expected).alias(EXPECTED))
                chunk = judge(table, account, chunk, bad, name, rule)
    return chunk


def _rules(column: Column, plain: bool) -> Iterator[tuple[str, pl.Expr, str]]:
    cell = pl.col(column.name)
    if not plain:
        yield (
            "control-character", cell.str.contains(_CONTROL),
            "expected text without control characters",
        )  # fmt: skip
    if column.required:
        yield "missing-value", cell.is_null(), "expected a value"
    if column.pattern:
        wrong = ~cell.str.contains(f"^(?:{column.pattern})$")
        yield "pattern", wrong, f"expected {column.pattern}"
    if column.type:
        yield "type", ~lexical.is_of(cell, column.type), lexical.expected(column.type)


def cells(bad: list[tuple[int, str, str]]) -> pl.DataFrame:
    """Cells to be judged, as a frame: line, value, and what was expected."""
    schema = {LINE: pl.Int64, VALUE: pl.String, EXPECTED: pl.String}
    return pl.DataFrame(bad, schema=schema, orient="row")


def judge(
    table: Table, account: Account, chunk: pl.DataFrame, bad: pl.DataFrame, column: str, rule: str
) -> pl.DataFrame:
    """Reject the bad cells of a chunk's column; returns what the policy leaves of the chunk."""
    policy = table.policy(rule, column)
    rows = as_rows(table, chunk.join(bad, on=LINE, how="semi"))
    for line, value, expected in bad.iter_rows():
        row = rows[line]
        said = row.said(expected)
        account.reject(policy, line, column, rule, value, said, row.json, row.digest)
    lines = pl.col(LINE).is_in(bad[LINE].implode())
    if policy == "reject row":
        return chunk.filter(~lines)
    if policy == "reject value":
        notes = [rows[line].without(column, value) for line, value, _ in bad.iter_rows()]
        noted = pl.DataFrame({LINE: bad[LINE], _NEW: pl.Series(notes, dtype=pl.String)})
        chunk = chunk.join(noted, on=LINE, how="left", maintain_order="left")
        cell = pl.when(pl.col(_NEW).is_null()).then(pl.col(column)).alias(column)
        return chunk.with_columns(pl.coalesce(_NEW, NOTE).alias(NOTE), cell).drop(_NEW)
    return chunk


@dataclass(frozen=True)
class Row:
    """A row as it stood before any rule took a value from it, and what is noted of it."""

    cells: Mapping[str, str]
    note: Mapping[str, Any]

    @property
    def json(self) -> str:
        """The cells as they stand in `rejects.csv`."""
        return as_json(self.cells)

    @property
    def digest(self) -> str:
        """Of the row as it stands in the file."""
        return str(self.note.get("digest") or digest(self.json))

    def said(self, expected: str) -> str:
        """What was expected, and that the row had been corrected, if so."""
        place = self.note.get("place")
        return f"{expected} (as corrected in {place})" if place else expected

    def without(self, column: str, value: str) -> str:
        """The note once a value was taken out of the row."""
        refused = {**self.note.get("refused", {}), column: value}
        return as_json({**self.note, "refused": refused})


def as_rows(table: Table, chunk: pl.DataFrame) -> dict[int, Row]:
    """The rows of a chunk by line."""
    names = [column.name for column in table.columns]
    rows = {}
    for line, note, *cells in chunk.select(LINE, NOTE, *names).iter_rows():
        noted = json.loads(note) if note else {}
        texts = {name: cell or "" for name, cell in zip(names, cells, strict=True)}
        rows[line] = Row(texts | noted.get("refused", {}), noted)
    return rows
