"""A made-up database of the size of the report's sample, for trials and measurements.

Counts and shares are those the report publishes, where it does (`marginals`); names say that
they are made up; the network becomes more centred from year to year (`attachment`). The same
scale and seed give the same bytes on every machine. `mappings/sample.yml` reads the tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Final

import polars as pl

from kg.errors import InputError
from kg.sample.draws import Draws
from kg.sample.entities import Places, entities
from kg.sample.marginals import Marginals
from kg.sample.relations import relations
from kg.settings import shipped

__all__ = ["SMALLEST", "Sample", "generate"]

#: The smallest and largest scale; below it some years would have no conference.
SMALLEST: Final = Decimal("0.01")
LARGEST: Final = Decimal(100)


@dataclass(frozen=True)
class Sample:
    """The tables of a sample that were written."""

    scale: Decimal
    seed: int
    folder: Path
    rows: dict[str, int]  # table → rows


def generate(
    into: Path,
    scale: Decimal = Decimal(1),
    seed: int = 1,
    progress: Callable[[str, float], None] = lambda *_: None,
) -> Sample:
    """Write the tables of a sample into a folder, in the place of those it may hold already.

    Scale 1 is the report's sample database. Raises InputError where the scale or the seed is
    out of bounds, or the folder cannot be written to.
    """
    if not (scale.is_finite() and SMALLEST <= scale <= LARGEST):
        raise InputError(f"scale {scale}: expected a number from {SMALLEST} to {LARGEST}")
    if seed < 0:
        raise InputError(f"seed {seed}: expected a whole number, zero or more")
    tables = shipped("tables")
    marginals = Marginals.load(tables / "sample_marginals.csv")
    cities = pl.read_csv(tables / "cities.csv", infer_schema=False)
    counts = {name: _scaled(int(n), scale) for name, n in marginals.numbers("count").items()}
    draws = Draws(seed)
    progress("entities", 0.0)
    places = Places.of(marginals, cities.filter(pl.col("level") == "City"))
    made = entities(draws, marginals, places, counts)
    progress("relations", 0.2)
    found = made.tables() | relations(draws, marginals, places, made, counts["relations"])
    about = pl.DataFrame(
        {"key": ["sample"], "scale": [str(scale.normalize())], "seed": [str(seed)]}
    )
    progress("write", 0.7)
    try:
        into.mkdir(parents=True, exist_ok=True)
        for name, table in ({"sample": about} | found).items():
            table.write_csv(into / f"{name}.csv", line_terminator="\n")
    except OSError as error:
        raise InputError(f"{into}: cannot be written to: {error.strerror}") from None
    progress("", 1.0)
    return Sample(scale, seed, into, {name: table.height for name, table in found.items()})


def _scaled(count: int, scale: Decimal) -> int:
    return max(1, int((count * scale).to_integral_value(ROUND_HALF_UP)))
