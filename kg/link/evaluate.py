"""Precision and recall of a resolution on pairs of mentions that a person labelled."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kg.errors import InputError
from kg.link.export import Resolver
from kg.link.mentions import Corpus

_COLUMNS: Final = ("source_a", "key_a", "mention_a", "source_b", "key_b", "mention_b", "same")


@dataclass(frozen=True)
class Pair:
    """Two mentions (source, key, text), and whether they mean one entity."""

    one: tuple[str, str, str]
    other: tuple[str, str, str]
    same: bool


@dataclass(frozen=True)
class Quality:
    """How a resolution does on labelled pairs."""

    pairs: int
    joined_rightly: int
    wrong: tuple[Pair, ...]  # joined, though they are two
    missed: tuple[Pair, ...]  # not joined, though they are one

    @property
    def precision(self) -> float:
        """The share of joined pairs that are one entity; 1 where none is joined."""
        joined = self.joined_rightly + len(self.wrong)
        return self.joined_rightly / joined if joined else 1.0

    @property
    def recall(self) -> float:
        """The share of pairs that are one entity which were joined; 1 where there is none."""
        one = self.joined_rightly + len(self.missed)
        return self.joined_rightly / one if one else 1.0


def labelled(path: Path) -> list[Pair]:
    """The pairs of a CSV table; raises InputError where it is not one."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != _COLUMNS:
            raise InputError(f"{path.name}:1: expected the columns {', '.join(_COLUMNS)}")
        pairs = []
        for row in reader:
            if row["same"] not in ("yes", "no"):
                raise InputError(
                    f"{path.name}:{reader.line_num}, column same: {row['same']!r} is not yes or no"
                )
            one, other = (
                (row[f"source_{side}"], row[f"key_{side}"], row[f"mention_{side}"])
                for side in ("a", "b")
            )
            pairs.append(Pair(one, other, row["same"] == "yes"))
    return pairs


def measure(pairs: Iterable[Pair], resolver: Resolver, corpus: Corpus) -> Quality:
    """Resolve both mentions of each pair; raises InputError where no row has such a mention."""
    entity = {
        (mention.source, mention.key, mention.text): resolver.resolve(mention).entity
        for mention in corpus.mentions
        if mention.kind != "place"
    }
    count, right = 0, 0
    wrong, missed = [], []
    for pair in pairs:
        for end in (pair.one, pair.other):
            if end not in entity:
                raise InputError(f"no row of {end[0]} with key {end[1]!r} mentions {end[2]!r}")
        count += 1
        joined = entity[pair.one] == entity[pair.other]
        if joined and pair.same:
            right += 1
        elif joined:
            wrong.append(pair)
        elif pair.same:
            missed.append(pair)
    return Quality(count, right, tuple(wrong), tuple(missed))
