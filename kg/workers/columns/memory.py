"""Where everything stands in the memory that holds the columns, and how it is read one by one.

Terms are numbered in the byte order of their N-Triples text. A triple is 24 bytes: two columns in
each of three orders, whose first column is given by where each term begins. A term is 24 bytes, and
its text; a subject 4 more.
"""

from __future__ import annotations

import fcntl
import mmap
import struct
from typing import Final, TypeVar
from zlib import crc32

#: Places of a triple, each order's first to last: subject 0, predicate 1, object 2.
ORDERS: Final = (0, 1, 2), (1, 0, 2), (1, 2, 0)
SPO, PSO, POS = range(3)

_REMEMBERED: Final = 1000

Key = TypeVar("Key")
Value = TypeVar("Value")

HEADER: Final = struct.Struct("=QQ")  # terms, triples


class Memory:
    """The columns in a mapped file, which stays mapped as long as they are there."""

    def __init__(self, descriptor: int) -> None:
        self._all = mmap.mmap(descriptor, 0, prot=mmap.PROT_READ)
        memory = memoryview(self._all)
        self.terms: int
        self.triples: int
        self.terms, self.triples = HEADER.unpack_from(memory)
        at = HEADER.size

        def view(length: int, format: str) -> memoryview[int]:
            nonlocal at
            begin, at = at, at + length * struct.calcsize(format)
            return memory[begin:at].cast(format)  # type: ignore[call-overload, no-any-return]

        #: By term, where in the file its text begins; then where all end.
        self._texts = view(self.terms + 1, "Q")
        #: By bucket, where its terms begin among those in the order of buckets; then where all end.
        self._buckets, self._in_buckets = view(self.terms + 2, "I"), view(self.terms, "I")
        #: Of subjects and of predicates: by term, where its triples begin; then where all end.
        self.starts = [view(self.terms + 1, "I") for _ in range(2)]
        #: By order, its second column and its third.
        self.columns = [(view(self.triples, "I"), view(self.triples, "I")) for _ in ORDERS]

    def text(self, number: int) -> bytes:
        """A term as N-Triples."""
        return self._all[self._texts[number] : self._texts[number + 1]]

    def find(self, term: bytes) -> int | None:
        """The number of a term, None where no triple has it."""
        at = bucket(term, self.terms)
        for number in self._in_buckets[self._buckets[at] : self._buckets[at + 1]]:
            if self.text(number) == term:
                return number
        return None


def bucket(term: bytes, terms: int) -> int:
    """Where a term is looked for among so many; there is one bucket more."""
    return crc32(term) % (terms + 1)


def remember(known: dict[Key, Value], key: Key, value: Value) -> None:
    """Keep a value, among not too many."""
    if len(known) >= _REMEMBERED:
        known.clear()
    known[key] = value


def seal(descriptor: int) -> None:
    """Let nobody change the memory behind a descriptor any more."""
    seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
