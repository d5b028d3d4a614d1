"""What the sample is fitted to: `tables/sample_marginals.csv`, by group.

A number without a value takes an even part of what the others of its group leave of 100.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path

from kg.errors import InputError
from kg.sample.draws import Shares


@dataclass(frozen=True)
class Marginals:
    """The numbers of every group, in the order of the table."""

    groups: dict[str, dict[str, Fraction | None]]

    @classmethod
    def load(cls, path: Path) -> Marginals:
        """Read the table; raises InputError naming the line of what is no number."""
        groups: dict[str, dict[str, Fraction | None]] = {}
        with path.open(encoding="utf-8", newline="") as file:
            for line, row in enumerate(csv.DictReader(file), start=2):
                text = row["number"]
                try:
                    number = Fraction(Decimal(text)) if text else None
                except InvalidOperation:
                    raise InputError(
                        f"{path.name}:{line}, column number: {text!r} is not a decimal number"
                    ) from None
                groups.setdefault(row["group"], {})[row["key"]] = number
        return cls(groups)

    def numbers(self, group: str) -> dict[str, Fraction]:
        """The numbers of a group as they stand; those without a value are left out."""
        return {key: number for key, number in self.groups[group].items() if number is not None}

    def shares(self, group: str) -> Shares:
        """The shares of a group in percent, what is left spread evenly over those without one.

        Raises InputError where they do not come to 100.
        """
        given = self.numbers(group)
        rest = 100 - sum(given.values(), Fraction(0))
        blank = len(self.groups[group]) - len(given)
        if rest < 0 or (rest > 0) != (blank > 0):
            raise InputError(f"sample_marginals.csv: the shares of {group} do not come to 100")
        return {
            key: rest / blank if number is None else number
            for key, number in self.groups[group].items()
        }
