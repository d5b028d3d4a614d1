"""The solutions of a counting query, as a query that has nothing but them.

What is left of it for the engine are the formats, the order of the solutions and their limits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyoxigraph import Store

from kg.workers.columns import question
from kg.workers.columns.joining import Table, joined
from kg.workers.columns.layout import Columns, Ids, Rows, differs
from kg.workers.columns.planning import Pattern, Unsuited, plan
from kg.workers.columns.question import Count, Question

#: Rows that must be expected: fewer the engine counts in the time it takes to come here.
_FEWEST: Final = 500

#: A row that the engine reads costs as much as so many that it counts, and these are as many as
#: it is to read.
_READ: Final = 8
_MOST_READ: Final = 20_000

#: Rows at a time; and bytes of one row, with all that is held of it meanwhile.
_MOST_ROWS: Final = 5_000_000
_ROW: Final = 128

#: One part in so many of a worker's memory may go to what is kept from one query for others.
_KEPT: Final = 16

#: So many times more possible values than there are, and these small, are sorted: else each one
#: that could be has a place.
_SPARSE: Final = 8
_SMALL: Final = 10_000

_EMPTY: Final = Store()


class Counter:
    """Answers what it can from columns, within a part of so many bytes of memory."""

    def __init__(self, descriptor: int, memory: int) -> None:
        self._columns = Columns(descriptor, memory // _KEPT)
        self._most = min(_MOST_ROWS, memory // (2 * _ROW))

    def solutions(self, text: str, base: str | None) -> str | None:
        """A query for the solutions of this one; None where the engine is to answer itself."""
        asked = question.read(text)
        if asked is None:
            return None
        try:
            found = self._answer(asked)
        except (Unsuited, MemoryError):
            return None  # the engine may need less, or says that it is too much
        # Of a text in ASCII that was read, only a prefix that it does not use may still be wrong.
        checked = f"{asked.prologue} ASK {{}}" if text.isascii() else text
        return found if _is_query(checked, base) else None

    def _answer(self, asked: Question) -> str:
        patterns = [*self._patterns(asked)]
        planned = plan(self._columns, patterns)
        if planned.rows < _FEWEST:
            raise Unsuited("few rows")
        values = [count.variable for count in asked.counts if count.distinct and count.variable]
        table = joined(self._columns, planned, (*asked.keys, *values), self._most)
        codes, groups = _grouped(table, asked.keys, self._columns.terms)
        if not asked.keys:
            groups = 1
        counts = {
            count.name: _counted(table, count, codes, groups, self._columns.terms)
            for count in asked.counts
        }
        rows = _first(asked, counts, groups)
        if len(rows) > _MOST_READ or len(rows) * _READ > table.solutions() + _FEWEST:
            raise Unsuited("many groups")
        members = np.empty(groups, np.int64)  # of each group, one of its rows
        members[codes] = np.arange(table.rows)
        terms = [[*self._terms(table.columns[key][members[rows]])] for key in asked.keys]
        numbers = [[*map(str, counts[count.name][rows].tolist())] for count in asked.counts]
        names = [*asked.keys, *counts]
        solutions = " ".join(f"({' '.join(row)})" for row in zip(*terms, *numbers, strict=True))
        return (
            f"SELECT {' '.join(asked.projected)} "
            f"{{ VALUES ({' '.join(names)}) {{ {solutions} }} }} {asked.tail}"
        )

    def _patterns(self, asked: Question) -> Iterator[Pattern]:
        for pattern in asked.patterns:
            subject, predicate, value = map(self._number, pattern)
            yield subject, predicate, value

    def _number(self, place: question.Place) -> str | int:
        if question.is_variable(place):
            return place
        number = self._columns.find(place.encode())
        if number is None:
            raise Unsuited(f"no triple has {place}")
        return number

    def _terms(self, numbers: Ids) -> Iterator[str]:
        for number in numbers.tolist():
            term = self._columns.text(number)
            if term.startswith((b"_:", b"<<")):
                raise Unsuited("a term that VALUES cannot have")
            yield term.decode()


@lru_cache(maxsize=256)
def _is_query(text: str, base: str | None) -> bool:
    """Whether the engine takes it for one; what is wrong with it, it has to say itself."""
    try:
        _EMPTY.query(text, base_iri=base)
    except (SyntaxError, ValueError):
        return False
    return True


def _grouped(table: Table, keys: Iterable[str], terms: int) -> tuple[Rows, int]:
    """The number of each row's group, and how many groups there are."""
    codes, groups = np.zeros(table.rows, np.int64), 1 if table.rows else 0
    for key in keys:
        pairs = codes * terms + table.columns[key]
        codes, present = _numbered(pairs, groups * terms)
        groups = len(present)
    return codes, groups


def _numbered(values: Rows, most: int) -> tuple[Rows, Rows]:
    """Each value's place among the different ones, and these in order; all are less than `most`."""
    if most > _SPARSE * (len(values) + _SMALL):
        present, codes = np.unique(values, return_inverse=True)
        return codes, present
    seen = np.zeros(most, np.bool_)
    seen[values] = True
    places = np.cumsum(seen) - 1
    return places[values], np.flatnonzero(seen)


def _counted(table: Table, count: Count, codes: Rows, groups: int, terms: int) -> Rows:
    """By group, how many solutions or values it has."""
    if count.distinct and count.variable:
        pairs = codes * terms + table.columns[count.variable]
        pairs.sort()
        return np.bincount(pairs[differs(pairs)] // terms, minlength=groups)
    # Sums of whole numbers below 2^53 are exact.
    return np.bincount(codes, table.weights, groups).astype(np.int64)


def _first(asked: Question, counts: dict[str, Rows], groups: int) -> Rows:
    """The groups that an ORDER BY and LIMIT can leave, in no order."""
    rows = np.arange(groups)
    if asked.limit is None or (wanted := asked.limit + asked.offset) >= groups:
        return rows
    if not (asked.order and wanted):
        return rows[:wanted]
    name, descends = asked.order[0]
    if name not in counts:
        return rows
    values: NDArray[np.int64] = -counts[name] if descends else counts[name]
    last = np.partition(values, wanted - 1)[wanted - 1]
    return np.flatnonzero(values <= last)  # those that tie with the last are told apart elsewhere
