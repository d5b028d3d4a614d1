"""The order in which patterns are joined, and how many rows that is likely to take.

The rarest pattern comes first, its triples counted exactly; then always one that shares a variable
with what is there and adds the fewest rows to each, on average.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kg.workers.columns.layout import Columns
from kg.workers.columns.memory import POS, PSO, SPO

#: A pattern whose IRIs are numbers of terms; variables stay by name.
Pattern = tuple[str | int, str | int, str | int]


class Unsuited(Exception):
    """The engine is to answer it."""


@dataclass(frozen=True)
class Plan:
    """Patterns, each to be joined with those before it, and the rows of all steps together."""

    patterns: tuple[Pattern, ...]
    rows: float


def plan(columns: Columns, patterns: Sequence[Pattern]) -> Plan:
    """The order of patterns; raises Unsuited where one shares no variable with the others."""
    remaining = [*patterns]
    following = min(remaining, key=lambda each: size(columns, each))
    rows = work = float(size(columns, following))
    sequence, bound = [following], variables([following])
    remaining.remove(following)
    while remaining:
        ready = [each for each in remaining if not bound.isdisjoint(each)]
        if not ready:
            raise Unsuited("a product of patterns that share nothing")
        following = min(ready, key=lambda each: fan_out(columns, bound, each))
        rows *= fan_out(columns, bound, following)
        work += rows
        sequence.append(following)
        bound |= variables([following])
        remaining.remove(following)
    return Plan(tuple(sequence), work)


def variables(patterns: Iterable[Pattern]) -> set[str]:
    """The variables of patterns."""
    return {term for each in patterns for term in each if isinstance(term, str)}


def spans(columns: Columns, pattern: Pattern) -> list[tuple[int, int, int]]:
    """By order: how many places it begins with are constant, and from where to where that is."""
    found = []
    for order in columns.orders:
        depth, low, high = 0, 0, len(order)
        while depth < 3 and not isinstance(term := pattern[order.places[depth]], str):
            low, high = order.narrowed(depth, low, high, term)
            depth += 1
        found.append((depth, low, high))
    return found


def size(columns: Columns, pattern: Pattern) -> int:
    """How many triples match a pattern, or could by the places that an order begins with."""
    _, low, high = max(spans(columns, pattern), key=lambda span: span[0])
    return high - low


def fan_out(columns: Columns, bound: set[str], pattern: Pattern) -> float:
    """How many triples match on average what is bound already and is somewhere in its place."""
    subject, _, value = (isinstance(term, int) or term in bound for term in pattern)
    predicate = pattern[1]
    if not isinstance(predicate, int):
        return columns.triples / max(1, columns.distinct(SPO)) if subject else columns.triples
    alike = size(columns, ("?", predicate, "?"))
    if subject and value:
        return size(columns, pattern) / max(1, alike)
    return alike / max(1, columns.distinct(PSO if subject else POS, predicate))
