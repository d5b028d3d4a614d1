"""Who is chosen as a partner: preferential attachment with fitness, stronger from year to year.

With the strength as probability a partner is drawn in proportion to the ties it has so far
times its fitness (Bianconi and Barabási 2001), else evenly. So the network of a later year is
more centred on a few than that of an earlier one.
"""

from __future__ import annotations

import polars as pl

from kg.sample.draws import Draws


class Attachment:
    """The organizations that may be chosen, with the ties each has at the end of the last year."""

    def __init__(self, draws: Draws, ties: pl.Series, fitness: pl.Series) -> None:
        self._draws = draws
        self._ties = ties.cast(pl.UInt64)
        self._fitness = fitness.cast(pl.UInt64)
        self._chosen: list[pl.Series] = []
        self.strength = 0  # percent

    def choose(self, name: str, rows: int) -> pl.Series:
        """Positions of those chosen, for so many relations."""
        draws = self._draws
        evenly = draws.below(f"{name}/evenly", rows, self._ties.len())
        by_ties = draws.weighted(f"{name}/by ties", rows, self._ties * self._fitness)
        attached = draws.below(f"{name}/attached", rows, 100) < self.strength
        chosen = by_ties.zip_with(attached, evenly)
        self._chosen.append(chosen)
        return chosen

    def end_year(self) -> None:
        """Count the ties of the year."""
        year, self._chosen = pl.concat(self._chosen), []
        counts = pl.DataFrame({"position": year}).group_by("position").len()
        every = pl.DataFrame(
            {"position": pl.int_range(self._ties.len(), dtype=pl.UInt64, eager=True)}
        )
        new = every.join(counts, on="position", how="left", maintain_order="left")["len"]
        self._ties = self._ties + new.fill_null(0).cast(pl.UInt64)
