"""Random numbers and shares in whole numbers alone: the same on every machine.

A draw is SplitMix64 (Steele, Lea, Flood 2014) over the row's number, begun at a digest of the
seed and the draw's name: it depends on nothing else, so one more column changes no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from hashlib import blake2b
from typing import Final

import polars as pl

_GOLDEN: Final = 0x9E3779B97F4A7C15
_MIX: Final = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1))
_HALF: Final = 1 << 32

#: Label → its share; shares count by their ratio, whatever they add up to.
Shares = Mapping[str, Fraction]


def _constant(value: int) -> pl.Expr:
    return pl.lit(value, dtype=pl.UInt64)


@dataclass(frozen=True)
class Draws:
    """The draws of one seed, each a column of a length that is asked for by name."""

    seed: int

    def numbers(self, name: str, rows: int) -> pl.Series:
        """Whole numbers from 0 to 2^64 - 1, all equally likely."""
        digest = blake2b(f"{self.seed}/{name}".encode(), digest_size=8).digest()
        # Products wrap at 2^64, as SplitMix64 has it; a division by 2^n is a shift.
        mixed = pl.int_range(1, rows + 1, dtype=pl.UInt64) * _constant(_GOLDEN)
        mixed = mixed + _constant(int.from_bytes(digest, "little"))
        for shift, factor in _MIX:
            mixed = (mixed ^ (mixed // _constant(1 << shift))) * _constant(factor)
        return pl.select(mixed.alias(name)).to_series()

    def below(self, name: str, rows: int, bound: int) -> pl.Series:
        """Whole numbers from 0 to bound - 1; the bound is at most 2^32."""
        return self.numbers(name, rows) // _HALF * bound // _HALF

    def order(self, name: str, rows: int) -> pl.Series:
        """The numbers from 0 to rows - 1, shuffled."""
        frame = pl.DataFrame([self.numbers(name, rows)]).with_row_index("row")
        return frame.sort(name, "row")["row"]

    def weighted(self, name: str, rows: int, weights: pl.Series) -> pl.Series:
        """Positions in `weights`, each as likely as its weight; their sum is below 2^32."""
        reached = weights.cast(pl.UInt64).cum_sum()
        chosen = self.below(name, rows, int(reached[-1]))
        return reached.search_sorted(chosen, side="right").cast(pl.UInt64)

    def shared(self, name: str, counts: Mapping[str, int]) -> pl.Series:
        """Every label as often as it counts, in shuffled order."""
        labels = pl.DataFrame({"label": list(counts), "count": list(counts.values())})
        column = labels.filter(pl.col("count") > 0).select(
            pl.col("label").repeat_by("count").explode()
        )["label"]
        return column.gather(self.order(name, column.len()))


def quotas(total: int, shares: Shares) -> dict[str, int]:
    """Split a total by shares with the largest-remainder method: each within one of its share.

    Of equal remainders, the first is rounded up.
    """
    whole = sum(shares.values())
    exact = {label: total * share / whole for label, share in shares.items()}
    counts = {label: int(value) for label, value in exact.items()}
    by_remainder = sorted(exact, key=lambda label: counts[label] - exact[label])
    for label in by_remainder[: total - sum(counts.values())]:
        counts[label] += 1
    return counts
