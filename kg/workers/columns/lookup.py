"""Look-ups, answered where they are asked: plain patterns, reached from what is known, few triples.

Such a question takes less time than it takes to reach a worker, and there is nothing to kill: what
it reads is counted. All others, and whatever is not certainly one, are the workers'.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final, cast

from pyoxigraph import NamedNode, RdfFormat, parse, serialize

from kg import vocab
from kg.workers.columns.memory import POS, SPO, Memory, remember
from kg.workers.columns.prepared import LookUp, Prepared, Step
from kg.workers.columns.solutions import WRITERS, Writer
from kg.workers.engine import FORMATS, GRAPH_FORMATS, WITH_PREFIXES, with_charset

#: Triples that one may read: about a millisecond.
_MOST: Final = 500

#: Letters of a written term that may be remembered.
_SHORT: Final = 1000

#: An IRI that relates to no base, and in which no segment stands for another.
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!.*/\.)")

#: Numbers of terms: those of a triple, and those in a row of a `Prepared` look-up.
_Triple = tuple[int, int, int]
_Row = tuple[int, ...]


class _Other(Exception):
    """It is for a worker to answer, or to refuse."""


class _Written(dict[int, str]):
    """Terms as a format writes them, by number: what is asked again and again, as predicates."""

    def __init__(self, memory: Memory, writer: Writer) -> None:
        self.writer = writer
        self._memory = memory

    def __missing__(self, number: int) -> str:
        term = self.writer.term(self._memory.text(number).decode())
        if len(term) <= _SHORT:
            remember(self, number, term)
        return term


class Lookups:
    """The look-ups of one release, read from its columns."""

    def __init__(self, descriptor: int, release: str) -> None:
        self.release = release  #: the name of the content that answers
        self._memory = Memory(descriptor)
        self._written = {each: _Written(self._memory, WRITERS[each]) for each in WRITERS}

    def answer(self, look_up: LookUp, format: str) -> tuple[str, bytes] | None:
        """Media type and bytes of what a worker would answer; None where one has to."""
        plan, iris, limit = look_up
        try:
            numbers = [self._number(each.within(iris)) for each in plan.iris]
            rows = [] if None in numbers else self._rows(plan.steps, cast(list[int], numbers))
            if plan.form == "SELECT":
                return self._solutions(format, plan, rows[:limit])
            if plan.form == "ASK":
                return _asked(format, holds=bool(rows))
            return self._described(format, plan.iris[0].within(iris), plan, rows)
        except (_Other, ValueError):
            return None

    def _number(self, iri: str) -> int | None:
        """The number of an IRI, None where no triple has it.

        Raises ValueError for what is none, and _Other for what depends on more than the text.
        """
        number = None if "/." in iri else self._memory.find(f"<{iri}>".encode())
        if number is None:  # or else it is one, as what is stored
            if not _PLAIN.match(iri):
                raise _Other
            NamedNode(iri)
        return number

    def _rows(self, steps: Sequence[Step], numbers: Sequence[int]) -> list[_Row]:
        """All solutions; raises _Other where much might have to be read for them."""
        rows: list[_Row] = [(*numbers,)]
        left = _MOST
        for subject, predicate, value, same in steps:
            found: list[_Row] = []
            for row in rows:
                triples = self._triples(
                    None if subject is None else row[subject],
                    None if predicate is None else row[predicate],
                    None if value is None else row[value],
                    left,
                )
                left -= 1 + len(triples)
                if left < 0:
                    raise _Other
                found += [row + triple for triple in triples]
            if same:
                found = [row for row in found if all(row[one] == row[two] for one, two in same)]
            rows = found
        return rows

    def _triples(
        self, subject: int | None, predicate: int | None, value: int | None, most: int
    ) -> list[_Triple]:
        """What may match; raises _Other where that is not reached from what is known, or is more.

        Of a subject it is also what has another value: who reads it counts it.
        """
        memory = self._memory
        if subject is not None:
            low, high = memory.starts[0][subject], memory.starts[0][subject + 1]
            predicates, values = memory.columns[SPO]
            if predicate is not None:
                low, high = _within(predicates, predicate, low, high)
            if high - low > most:
                raise _Other
            pairs = zip(predicates[low:high].tolist(), values[low:high].tolist(), strict=True)
            return [(subject, p, o) for p, o in pairs]
        if predicate is None or value is None:
            raise _Other
        low, high = memory.starts[1][predicate], memory.starts[1][predicate + 1]
        values, subjects = memory.columns[POS]
        low, high = _within(values, value, low, high)
        if high - low > most:
            raise _Other
        return [(s, predicate, value) for s in subjects[low:high].tolist()]

    def _solutions(self, format: str, plan: Prepared, rows: list[_Row]) -> tuple[str, bytes]:
        if (written := self._written.get(format)) is None:
            raise _Other
        found = [[written[row[place]] for place in plan.places] for row in rows]
        return with_charset(format), written.writer.solutions(plan.names, found).encode()

    def _described(
        self, media_type: str, subject: str, plan: Prepared, rows: list[_Row]
    ) -> tuple[str, bytes]:
        format, text = GRAPH_FORMATS.get(media_type), self._memory.text
        found = [[text(row[place]) for place in plan.places] for row in rows]
        # The engine goes on to describe a blank node.
        if format is None or any(value.startswith(b"_:") for _, value in found):
            raise _Other
        lines = b"".join(
            b"<%b> %b %b .\n" % (subject.encode(), predicate, value) for predicate, value in found
        )
        triples = [quad.triple for quad in parse(lines, RdfFormat.N_TRIPLES)]
        prefixes = vocab.PREFIXES if media_type in WITH_PREFIXES else None
        content = cast(bytes, serialize(triples, format=format, prefixes=prefixes))
        return with_charset(media_type), content


def _asked(format: str, *, holds: bool) -> tuple[str, bytes]:
    content = "true" if holds else "false"
    if format == FORMATS["json"]:
        content = f'{{"head":{{}},"boolean":{content}}}'
    elif format != FORMATS["csv"]:
        raise _Other
    return with_charset(format), content.encode()


def _within(column: memoryview[int], term: int, low: int, high: int) -> tuple[int, int]:
    """Where a term begins and ends in a sorted part of a column."""
    return bisect_left(column, term, low, high), bisect_right(column, term, low, high)
