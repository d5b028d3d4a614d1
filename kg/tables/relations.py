"""The rules that a row alone cannot tell: keys, references between tables, part-of cycles.

They are judged on sheets, once all chunks are there. Rejecting a row may leave another row's
reference dangling, so references are followed until nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import polars as pl

from kg.tables.model import LINE, Column, Reference, Table
from kg.tables.rules import VALUE, cells, judge
from kg.tables.sheet import Sheet, parts

_KEY: Final = "\x1fkey"
_NAMED: Final = 8

#: What has been rejected or warned of: table, column, rule and line.
Told = set[tuple[str, str, str, int]]


class Keys:
    """The hashes of a table's keys, chunk by chunk: eight bytes a row are all that is held."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.hashes: list[pl.Series] = []

    def add(self, chunk: pl.DataFrame) -> None:
        """Note the keys of the next chunk."""
        if self.table.key:
            self.hashes.append(chunk.select(self._key().hash())[_KEY])

    def reject_repeated(self, sheet: Sheet) -> None:
        """Reject the second row of a key and all later ones.

        Only rows whose hash repeats are looked at again.
        """
        hashes = pl.concat(self.hashes) if self.hashes else pl.Series(dtype=pl.UInt64)
        repeated = hashes.filter(hashes.is_duplicated()).unique()
        if not repeated.len():
            return
        seen: set[str] = set()
        table, (first, *_) = self.table, self.table.key
        expected = f"expected a key ({', '.join(table.key)}) not used before"
        for file, hashed in zip(sheet.files(), self.hashes, strict=True):
            suspect = hashed.is_in(repeated.implode())
            if not suspect.any():
                continue
            chunk = pl.read_parquet(file, columns=[LINE, *table.key])
            again = []
            for line, key in chunk.filter(suspect).select(LINE, self._key()).iter_rows():
                if key in seen:
                    again.append(line)
                seen.add(key)
            if again:
                rows = chunk.filter(pl.col(LINE).is_in(again)).select(LINE, first).iter_rows()
                bad = [(line, cell or "", expected) for line, cell in rows]
                _reject(sheet, file, first, "duplicate-key", bad, set())

    def _key(self) -> pl.Expr:
        cells = (pl.col(name).fill_null("") for name in self.table.key)
        return pl.concat_str(cells, separator="\x1f").alias(_KEY)


def relate(sheets: Mapping[str, Sheet]) -> None:
    """Check the references between the tables of one source, by name, and their cycles.

    Raises InputError where the policy of a broken rule is to fail, or more is rejected than a
    table allows.
    """
    bound = [
        (sheet, column, column.references)
        for sheet in sheets.values()
        for column in sheet.table.columns
        if column.references
    ]
    told: Told = set()
    settled = not bound
    while not settled:
        rows = _rejected(sheets)
        for sheet, column, reference in bound:
            _reject_dangling(sheet, column, reference, sheets[reference.table], told)
        for sheet, column, reference in bound:
            if reference.acyclic:
                _reject_cycles(sheet, column, reference, told)
        settled = _rejected(sheets) == rows
    for sheet in {id(sheet): sheet for sheet, _, _ in bound}.values():
        sheet.check()
        sheet.account.check_limit(sheet.table.max_rejects)


def _rejected(sheets: Mapping[str, Sheet]) -> int:
    return sum(sheet.account.rejected for sheet in sheets.values())


def _reject_dangling(
    sheet: Sheet, column: Column, reference: Reference, target: Sheet, told: Told
) -> None:
    of, split = [LINE, reference.column], _split_of(target, reference)
    known = pl.concat(
        _values(pl.read_parquet(file, columns=of), reference.column, split)[VALUE]
        for file in target.files()
    ).unique()
    for file in sheet.files():
        chunk = pl.read_parquet(file, columns=[LINE, column.name])
        values = _values(chunk, column.name, column.separator)
        absent = values.filter(~pl.col(VALUE).is_in(known.implode()))
        expected = f"expected a {reference.column} of table {reference.table}"
        bad = [
            (line, cell, expected if value == cell else f"{expected}; {value!r} is none")
            for line, cell, value in absent.unique(LINE, keep="first").iter_rows()
        ]
        _reject(sheet, file, column.name, "dangling-reference", bad, told)


def _reject_cycles(sheet: Sheet, column: Column, reference: Reference, told: Told) -> None:
    def pairs(chunk: pl.DataFrame) -> pl.DataFrame:
        own = _values(chunk, reference.column, _split_of(sheet, reference))
        above = _values(chunk, column.name, column.separator)
        return own.select(LINE, pl.col(VALUE).alias("own")).join(above, on=LINE)

    of = [LINE, *{reference.column, column.name}]
    parents: dict[str, list[str]] = {}
    for file in sheet.files():
        rows = pl.read_parquet(file, columns=of)
        for own, parent in pairs(rows).select("own", VALUE).iter_rows():
            parents.setdefault(own, []).append(parent)
    ring_of = {member: ring for ring in cycles(parents) for member in ring}
    if not ring_of:
        return
    said = {ring[0]: _said(ring, parents) for ring in ring_of.values()}
    for file in sheet.files():
        bad = {}
        rows = pl.read_parquet(file, columns=of)
        inside = pairs(rows).filter(pl.col("own").is_in(list(ring_of)))
        for line, own, cell, parent in inside.iter_rows():
            if ring_of.get(parent) is ring_of[own]:
                bad[line] = line, cell, f"expected no cycle: {said[ring_of[own][0]]}"
        _reject(sheet, file, column.name, "cycle", list(bad.values()), told)


def _reject(
    sheet: Sheet, file: Path, column: str, rule: str,
    bad: list[tuple[int, str, str]], told: Told,
) -> None:  # fmt: skip
    """Reject cells (line, value, what was expected) of a sheet's chunk, each once a rule."""
    mark = (sheet.table.name, column, rule)
    new = [each for each in bad if (*mark, each[0]) not in told]
    if new:
        told.update((*mark, line) for line, _, _ in new)
        chunk = pl.read_parquet(file)
        rest = judge(sheet.table, sheet.account, chunk, cells(new), column, rule)
        lost = (chunk.height - rest.height) * len(sheet.table.columns)
        sheet.account.cells_of_rejected_rows += lost
        sheet.write(file, rest)


def _split_of(sheet: Sheet, reference: Reference) -> str | None:
    return next(each.split for each in sheet.table.columns if each.name == reference.column)


def _values(chunk: pl.DataFrame, column: str, separator: str | None) -> pl.DataFrame:
    """Line, cell and value of each value of a column."""
    frame = chunk.select(LINE, pl.col(column), pl.col(column).alias(VALUE))
    if separator is not None:
        frame = frame.with_columns(parts(VALUE, separator)).explode(VALUE)
    return frame.drop_nulls(VALUE)


# --- cycles ---------------------------------------------------------------------------------------


def cycles(parents: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The groups of members that are, however far, parents of themselves (Tarjan's components).

    A group is in the order of its parents where it is one ring, and begins with its least.
    """
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    on_path: set[str] = set()
    found: list[list[str]] = []
    for root in parents:
        # Members under way, each with those of its parents that are still to be visited.
        work: list[tuple[str, Iterator[str]]] = [] if root in index else [(root, iter(()))]
        while work:
            node, left = work[-1]
            if node not in index:
                index[node] = low[node] = len(index)
                path.append(node)
                on_path.add(node)
                left = iter(parents.get(node, ()))
                work[-1] = node, left
            for parent in left:
                if parent not in index:
                    work.append((parent, iter(())))
                    break
                if parent in on_path:
                    low[node] = min(low[node], low[parent])
            else:
                work.pop()
                if work:
                    below = work[-1][0]
                    low[below] = min(low[below], low[node])
                if low[node] == index[node]:
                    group: list[str] = []
                    while not group or group[-1] != node:
                        group.append(path.pop())
                    on_path.difference_update(group)
                    if len(group) > 1 or node in parents.get(node, ()):
                        found.append(_in_order(group, parents))
    return found


def _in_order(group: list[str], parents: Mapping[str, Sequence[str]]) -> list[str]:
    members, walk = set(group), [min(group)]
    seen = set(walk)
    while ahead := [each for each in parents[walk[-1]] if each in members and each not in seen]:
        walk.append(ahead[0])
        seen.add(ahead[0])
    return walk + sorted(members - seen)


def _said(ring: Sequence[str], parents: Mapping[str, Sequence[str]]) -> str:
    around = [*ring, ring[0]]
    one_ring = all(after in parents[before] for before, after in pairwise(around))
    if len(ring) > _NAMED:
        around = [*ring[:_NAMED], f"… ({len(ring)} in all)"]
    return (
        " → ".join(around)
        if one_ring
        else f"among {', '.join(ring[:_NAMED])}"
        + (f" … ({len(ring)} in all)" if len(ring) > _NAMED else "")
    )
