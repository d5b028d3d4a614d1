"""Joins of plain triple patterns over the columns, one pattern after the other.

What nobody asks for later is not kept: rows that differ in nothing else are one, of a weight.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kg.workers.columns import layout
from kg.workers.columns.layout import Columns, Ids, Order, Rows
from kg.workers.columns.planning import Pattern, Plan, Unsuited, spans, variables

#: Solutions up to which a sum is exact, whoever adds them up.
_MOST_SOLUTIONS: Final = 2**53

#: A search in a sorted column costs as much as going through so many numbers of it; and as many
#: as this, where what was found going through them is kept for the next query.
_SEARCH: Final = 16
_SEARCH_KEPT: Final = 128

#: Where consecutive triples of an order begin and end, of all rows or of each.
Bound = int | Rows


@dataclass
class Table:
    """Solutions: what each variable is bound to, and how often, which is once without weights."""

    columns: dict[str, Ids]
    weights: Rows | None
    rows: int

    def solutions(self) -> int:
        """How many they are."""
        return self.rows if self.weights is None else int(self.weights.sum())

    def kept(self, which: NDArray[np.bool_] | Rows) -> Table:
        """Some of its rows, or each as often as it is named."""
        columns = {name: column[which] for name, column in self.columns.items()}
        weights = None if self.weights is None else self.weights[which]
        rows = np.count_nonzero(which) if which.dtype == np.bool_ else len(which)
        return Table(columns, weights, int(rows))


def joined(columns: Columns, plan: Plan, wanted: Iterable[str], most: int) -> Table:
    """The solutions of a plan's patterns, as far as `wanted` variables tell them apart.

    Raises Unsuited where more than `most` rows would be there at a time, or where no order of the
    triples serves a pattern.
    """
    first, *others = plan.patterns
    table = _scanned(columns, first, variables(others).union(wanted), most)
    for at, pattern in enumerate(others, 1):
        table = _extended(columns, table, pattern, variables(others[at:]).union(wanted), most)
    return table


def _matters(pattern: Pattern, read: set[str], place: int) -> bool:
    """Whether what a triple has in a place is compared, or is what a variable to `read` has."""
    term = pattern[place]
    return isinstance(term, int) or term in read or pattern.count(term) > 1


def _scanned(columns: Columns, pattern: Pattern, needed: set[str], most: int) -> Table:
    """The solutions of one pattern."""

    def reach(order: Order) -> int:
        return max(
            (d + 1 for d in range(3) if _matters(pattern, needed, order.places[d])), default=0
        )

    found_in = zip(columns.orders, spans(columns, pattern), strict=True)
    order, (depth, low, high) = max(found_in, key=lambda each: (each[1][0], -reach(each[0])))
    to = reach(order)
    if to == 3 and high - low > most:
        raise Unsuited(f"more than {most:,} triples match")
    rows = order.runs(low, high, to)
    if len(rows) > most:
        raise Unsuited(f"more than {most:,} rows")
    weights = np.diff(rows, append=high) if to < 3 else None
    table = Table({}, weights, len(rows))
    found = {
        order.places[at]: order.column(at)[rows] if at else order.first(rows)
        for at in range(depth, to)
    }
    return _with(table, pattern, found, needed)


def _with(table: Table, pattern: Pattern, found: dict[int, Ids], needed: set[str]) -> Table:
    """A table with what its rows' triples have in some places, where that is what is bound."""
    holds = np.ones(table.rows, np.bool_)
    for place, values in found.items():
        term = pattern[place]
        if isinstance(term, int):
            holds &= values == term
        elif term in table.columns:
            holds &= values == table.columns[term]
        else:
            table.columns[term] = values
    if not holds.all():
        table = table.kept(holds)
    table.columns = {name: column for name, column in table.columns.items() if name in needed}
    return table


def _extended(
    columns: Columns, table: Table, pattern: Pattern, needed: set[str], most: int
) -> Table:
    """The solutions of a table and one more pattern."""
    order, depth = _order(columns, table, pattern)
    low: Bound = 0
    high: Bound = len(order)
    for at, place in enumerate(order.places[:depth]):
        term = pattern[place]
        value = term if isinstance(term, int) else table.columns[term]
        if not (isinstance(low, int) and isinstance(high, int)):
            column = order.column(at)
            low, high = (
                _bisected(column, low, high, value, right=False),
                _bisected(column, low, high, value, right=True),
            )
        elif isinstance(value, int):
            low, high = order.narrowed(at, low, high, value)
        else:
            low, high = _found(columns, order, pattern, at, low, high, value)
    counts = np.broadcast_to(np.asarray(high - low), table.rows)
    _bounded(table, counts)
    read = needed.union(table.columns)
    rest = [at for at in range(depth, 3) if _matters(pattern, read, order.places[at])]
    if not rest:
        weights = counts if table.weights is None else table.weights * counts
        found = Table(
            table.columns, weights if counts.max(initial=0) > 1 else table.weights, table.rows
        )
        return _with(found.kept(counts > 0), pattern, {}, needed)
    total = int(counts.sum())
    if total > most:
        raise Unsuited(f"more than {most:,} rows")
    found = table.kept(np.repeat(np.arange(table.rows), counts))
    shift = np.broadcast_to(np.asarray(low), table.rows) - (np.cumsum(counts) - counts)
    rows = np.arange(total) + np.repeat(shift, counts)
    return _with(found, pattern, {order.places[at]: order.column(at)[rows] for at in rest}, needed)


def _order(columns: Columns, table: Table, pattern: Pattern) -> tuple[Order, int]:
    """The order with the most places bound at its beginning, constants first; and how many."""

    def suits(order: Order) -> tuple[int, bool]:
        terms = [pattern[place] for place in order.places]
        bound = [isinstance(term, int) or term in table.columns for term in terms]
        return [*bound, False].index(False), isinstance(terms[0], int)

    order = max(columns.orders, key=suits)
    depth, _ = suits(order)
    if not depth:
        raise Unsuited("no order of the triples begins with an object")
    return order, depth


def _bounded(table: Table, counts: Rows) -> None:
    weights = 1.0 if table.weights is None else table.weights.astype(np.float64)
    if float((weights * counts).sum()) > _MOST_SOLUTIONS:
        raise Unsuited("more solutions than can be counted")


def _found(
    columns: Columns, order: Order, pattern: Pattern, at: int, low: int, high: int, wanted: Ids
) -> tuple[Bound, Bound]:
    """Where each of the wanted begins and ends in one place, those before it being constant."""
    first, rows, terms = pattern[order.places[0]], len(wanted), columns.terms
    part = order.column(at)[low:high]
    if at == 0:
        begins = order.begins
    elif at == 1 and isinstance(first, int) and columns.room and rows * _SEARCH_KEPT > terms:
        begins = columns.begins(order, first)
    elif rows * _SEARCH > len(part) + terms:
        begins = layout.begins(part, low, terms)
    else:
        return low + part.searchsorted(wanted), low + part.searchsorted(wanted, "right")
    return begins[wanted].astype(np.int64), begins[wanted + 1].astype(np.int64)


def _bisected(column: Ids, low: Bound, high: Bound, wanted: int | Ids, *, right: bool) -> Rows:
    """By row, how far a sorted part of a column is less than what is wanted, or `right` no more."""
    low, high = np.array(low), np.array(high)
    less = np.less_equal if right else np.less
    while (open_ := low < high).any():
        middle = (low + high) // 2
        goes_on = open_ & less(column[np.minimum(middle, len(column) - 1)], wanted)
        low = np.where(goes_on, middle + 1, low)
        high = np.where(open_ & ~goes_on, middle, high)
    return low
