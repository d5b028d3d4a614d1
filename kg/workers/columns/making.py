"""The columns of a release, from its lines."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable
from itertools import islice
from typing import BinaryIO, Final

import numpy as np

from kg.workers.columns import layout

#: Triples up to which columns are made, in a gigabyte and a half and less than a minute and a half.
MOST: Final = 10_000_000

#: Lines that are read at once.
_BATCH: Final = 10_000

#: A line of three terms, which is the default graph's; a triple term may hold any others.
#: Possessive, as in a line of four each step back would be tried.
_TRIPLE: Final = re.compile(
    rb"""(\S++)[ ](\S++)[ ]
    ( <[^<>]*+> | _:\S++ | "[^"\\]*+(?:\\.[^"\\]*+)*+"(?:@\S++|\^\^<[^>]*+>)?+ | <<\(.*\)>> )
    [ ]\.""",
    re.VERBOSE,
)


class TooMany(Exception):
    """There are more triples than columns are made of."""


class _Numbers(dict[bytes, int]):
    """Terms, each numbered when it is met first."""

    def __missing__(self, term: bytes) -> int:
        self[term] = number = len(self)
        return number


def write(lines: Iterable[bytes], file: BinaryIO, most: int = MOST) -> int:
    """Write the columns of canonical N-Quads lines; return how many triples they have.

    Raises TooMany where these are more than `most`.
    """
    numbers = _Numbers()
    places = array("I"), array("I"), array("I")
    remaining = iter(lines)
    while batch := [*islice(remaining, _BATCH)]:
        found = [match.groups() for match in map(_TRIPLE.fullmatch, batch) if match]
        for at, place in enumerate(places):
            place.extend([numbers[triple[at]] for triple in found])
        if len(places[0]) > most:
            raise TooMany(f"more than {most:,} triples")
    terms = sorted(numbers)
    ranks = np.empty(len(terms), np.uint32)
    ranks[[numbers[term] for term in terms]] = np.arange(len(terms), dtype=np.uint32)
    numbers.clear()
    layout.write(file, terms, [ranks[np.frombuffer(place, np.uint32)] for place in places])
    return len(places[0])
