"""What became of the rows and cells of a sheet while it was mapped, counted chunk by chunk.

A cell counts as mapped where a statement was made that rests on it: in its subject, its
object or a condition. Every category is counted by itself, so that a check can tell when
one is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import replace
from functools import reduce
from operator import or_

import polars as pl

from kg.tables import LINE, NOTE, Account, Table


class Tally:
    """The count of one chunk of a table: told of statements and rejects, then closed."""

    def __init__(self, table: Table, rows: pl.DataFrame, account: Account) -> None:
        self.table, self.account = table, account
        self.before = len(account.rejects)
        used = [column.name for column in table.columns if not column.unused]
        filled = rows.select(LINE, NOTE, *(pl.col(name).is_not_null() for name in used))
        if any(column.split is not None for column in table.columns):
            filled = filled.group_by(LINE, maintain_order=True).agg(
                pl.col(NOTE).first(), pl.col(used).any()
            )
        self.lines, self.filled = filled[LINE], filled.select(used)
        # Cells that staging took out are null by now, but were not empty.
        self.taken: dict[str, set[int]] = {}
        noted = filled.filter(pl.col(NOTE).is_not_null()).select(LINE, NOTE)
        for line, note in noted.iter_rows():
            self._enter(self.taken, json.loads(note).get("refused", ()), line)
        self.said: list[tuple[frozenset[str], pl.Series]] = []
        self.refused: dict[str, set[int]] = {}

    def say(self, columns: frozenset[str], lines: pl.Series) -> None:
        """Note the lines of statements that rest on these columns."""
        self.said.append((columns, self._among(lines)))

    def refuse(self, columns: Collection[str], line: int) -> None:
        """Note that the values of these columns were rejected."""
        self._enter(self.refused, columns, line)

    def rejected(self) -> set[int]:
        """The lines whose whole rows the mapping rejected in this chunk."""
        return {each.line for each in self.account.rejects[self.before :] if each.level == "row"}

    def close(self) -> None:
        """Enter what became of the chunk."""
        account = self.account
        mapped = self._any(mask for _, mask in self.said)
        # A row of which nothing was said but its faults is rejected, not unmapped.
        faulty = {each.line for each in account.rejects[self.before :]}
        lost = self._among(self.rejected()) | (self._among(faulty) & ~mapped)
        if lost.any():
            gone = set(self.lines.filter(lost))
            account.rejects[self.before :] = [
                replace(each, level="row") if each.line in gone else each
                for each in account.rejects[self.before :]
            ]
        kept = ~lost
        width, used = len(self.table.columns), self.filled.columns
        account.mapped += int((mapped & kept).sum())
        account.unmapped += int((~mapped & kept).sum())
        account.cells_of_rejected_rows += int(lost.sum()) * width
        account.cells_unused += int(kept.sum()) * (width - len(used))
        for name in used:
            self._column(name, kept)

    def _column(self, name: str, kept: pl.Series) -> None:
        account, filled = self.account, self.filled[name] & kept
        bare, taken = kept & ~self.filled[name], self._among(self.taken.get(name, ()))
        refused = self._among(self.refused.get(name, ())) & filled
        said = self._any(mask for columns, mask in self.said if name in columns)
        account.cells_empty += int((bare & ~taken).sum())
        account.cells_rejected += int((refused | (bare & taken)).sum())
        account.cells_mapped += int((filled & said & ~refused).sum())
        account.cells_unmapped += int((filled & ~said & ~refused).sum())

    @staticmethod
    def _enter(lines_of: dict[str, set[int]], columns: Iterable[str], line: int) -> None:
        for column in columns:
            lines_of.setdefault(column, set()).add(line)

    def _any(self, masks: Iterable[pl.Series]) -> pl.Series:
        return reduce(or_, masks, pl.repeat(False, self.lines.len(), eager=True))

    def _among(self, lines: pl.Series | Collection[int]) -> pl.Series:
        """Which lines of the chunk are among these."""
        if isinstance(lines, pl.Series):
            if lines.len() == self.lines.len() and (lines == self.lines).all():
                return pl.repeat(True, lines.len(), eager=True)
            return self.lines.is_in(lines.implode())
        if not lines:
            return pl.repeat(False, self.lines.len(), eager=True)
        return self.lines.is_in(list(lines))
