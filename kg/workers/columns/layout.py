"""The columns as arrays, by which many triples are read at a time; and how they are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from kg.workers.columns.memory import HEADER, ORDERS, Memory, bucket, remember

#: Numbers of terms, and of triples.
Ids = NDArray[np.uint32]

#: Places in columns.
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Order:
    """All triples, sorted by their places in one order."""

    places: tuple[int, int, int]
    begins: Ids  #: by term, where the triples begin whose first place it is; then where all end
    firsts: Ids  #: the terms that are the first place of a triple
    second: Ids
    third: Ids

    def __len__(self) -> int:
        return len(self.second)

    def column(self, depth: int) -> Ids:
        """The second column, or the third."""
        return self.second if depth == 1 else self.third

    def narrowed(self, depth: int, low: int, high: int, term: int) -> tuple[int, int]:
        """Of triples that are alike in `depth` places, those that have the term in the next."""
        if depth == 0:
            return int(self.begins[term]), int(self.begins[term + 1])
        part, key = self.column(depth)[low:high], np.uint32(term)
        return low + int(part.searchsorted(key)), low + int(part.searchsorted(key, "right"))

    def runs(self, low: int, high: int, depth: int) -> Rows:
        """Of consecutive triples, each that differs in its first `depth` places from the last."""
        if depth == 3:
            return np.arange(low, high)
        begins = self.begins[self.firsts]
        begins = begins[(begins > low) & (begins < high)]
        if depth < 2:
            others = begins if depth else begins[:0]
            return np.concatenate(([low] if low < high else [], others)).astype(np.int64)
        found = differs(self.second[low:high])
        found[begins - low] = True
        return low + np.flatnonzero(found)

    def first(self, rows: Rows) -> Ids:
        """The first places of ascending triples."""
        ends = rows.searchsorted(self.begins[self.firsts + 1])
        return np.repeat(self.firsts, np.diff(ends, prepend=0))


def begins(sorted_terms: Ids, low: int, terms: int) -> Ids:
    """Where each of so many terms begins in a sorted part of a column; and where that ends."""
    found = np.zeros(terms + 1, np.uint32)
    np.cumsum(np.bincount(sorted_terms, minlength=terms), out=found[1:])
    found += np.uint32(low)
    return found


def differs(values: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Where another value begins."""
    found = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=found[1:])
    return found


class Columns(Memory):
    """The columns, with what is found out about all three orders."""

    def __init__(self, descriptor: int, room: int) -> None:
        """Map a file; `room` is how many bytes may be kept from one query for others."""
        super().__init__(descriptor)
        starts = [np.asarray(each) for each in self.starts]
        firsts = [np.flatnonzero(each[1:] > each[:-1]).astype(np.uint32) for each in starts]
        self.orders = tuple(
            Order(places, starts[places[0]], firsts[places[0]], *map(np.asarray, columns))
            for places, columns in zip(ORDERS, self.columns, strict=True)
        )
        self._different: dict[tuple[int, int | None], int] = {}
        self._begins: dict[tuple[tuple[int, int, int], int], Ids] = {}
        #: How many results of `begins` are kept.
        self.room = room // (4 * self.terms + 4)

    def begins(self, order: Order, term: int) -> Ids:
        """By term, where the triples begin that have it second, first in that order being `term`.

        As large as all terms; those asked for last are kept.
        """
        key = order.places, term
        found = self._begins.pop(key, None)
        if found is None:
            low, high = order.narrowed(0, 0, 0, term)
            found = begins(order.second[low:high], low, self.terms)
        self._begins[key] = found
        if len(self._begins) > self.room:
            del self._begins[next(iter(self._begins))]
        return found

    def distinct(self, order: int, term: int | None = None) -> int:
        """How many different terms begin the triples of an order, or follow on this one there."""
        if (order, term) not in self._different:
            found = self.orders[order]
            low, high = (0, len(found)) if term is None else found.narrowed(0, 0, 0, term)
            runs = found.runs(low, high, 1 if term is None else 2)
            remember(self._different, (order, term), len(runs))
        return self._different[order, term]


def write(file: BinaryIO, terms: Sequence[bytes], triples: Sequence[Ids]) -> None:
    """Write sorted terms, and triples given as their subjects, predicates and objects."""
    file.write(HEADER.pack(len(terms), len(triples[0])))
    before = HEADER.size + 24 * (len(terms) + 1 + len(triples[0]))
    file.write(np.cumsum([before, *map(len, terms)], dtype=np.uint64).data)
    hashed = np.fromiter((bucket(term, len(terms)) for term in terms), np.uint32, len(terms))
    file.write(begins(hashed, 0, len(terms) + 1).data)
    file.write(hashed.argsort().astype(np.uint32).data)
    for place in (0, 1):
        file.write(begins(triples[place], 0, len(terms)).data)
    for places in ORDERS:
        sequence = np.lexsort([triples[place] for place in reversed(places)])
        for place in places[1:]:
            file.write(triples[place][sequence].data)
    file.write(b"".join(terms))
