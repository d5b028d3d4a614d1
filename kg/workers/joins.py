"""The order in which a query's triple patterns are written, by how many triples match them.

The engine's planner knows no statistics: it begins with a pattern that has the most terms bound,
and of several such takes the one that is written first. A join of commuting patterns has the same
solutions in any order, so the one with the fewest triples is put there. What is not certainly a
list of plain triples is left as it is written.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from pyoxigraph import Store

from kg.workers.patterns import Pattern, patterns, prologue, terminals

#: Triples up to which those that match a pattern are counted; more are too many all the same.
_MOST: Final = 10_000

#: So many times fewer triples are worth another order.
_WORTH: Final = 2

#: A text with one pattern has no order; this tells most of those apart, at once.
_SEVERAL: Final = re.compile(r";|\.\s")

_LONGEST: Final = 20_000

_RANKS: Final = {
    (True, True, True): 0, (True, False, True): 1, (True, True, False): 2, (True, False, False): 3,
    (False, True, True): 4, (False, False, True): 5, (False, True, False): 6,
    (False, False, False): 7,
}  # fmt: skip


def _rank(pattern: Pattern) -> int:
    """Where the engine's planner puts it: less is sooner."""
    return _RANKS[pattern.subject.bound, pattern.predicate.bound, pattern.object.bound]


#: Triples that match, by store and text. That a later store may have the address of an earlier
#: one costs time at most, never an answer.
_COUNTS: Final[dict[tuple[int, str], int]] = {}
_KEPT: Final = 1000


def ordered(store: Store, text: str) -> str:
    """The query with the rarest of equal patterns first, or the text as it is."""
    if len(text) > _LONGEST or not _SEVERAL.search(text):
        return text
    head, runs = _read(text)
    for start, end, read in reversed(runs):
        least = min(map(_rank, read))
        tied = [each for each in read if _rank(each) == least]
        if len(tied) < 2:
            continue
        counts = {each: _count(store, head, each) for each in tied}
        if min(counts.values()) * _WORTH >= counts[tied[0]]:
            continue
        tied.sort(key=counts.__getitem__)
        rest = [each for each in read if _rank(each) != least]
        text = text[:start] + " . ".join(each.text for each in (*tied, *rest)) + " . " + text[end:]
    return text


def _count(store: Store, head: str, pattern: Pattern) -> int:
    text = f"{head} SELECT (COUNT(*) AS ?n) {{ SELECT * {{ {pattern.text} }} LIMIT {_MOST} }}"
    key = id(store), text
    if key not in _COUNTS:
        if len(_COUNTS) >= _KEPT:
            _COUNTS.clear()
        try:
            ((count,),) = store.query(text)  # type: ignore[misc]
            _COUNTS[key] = int(count.value)
        except (SyntaxError, ValueError, RuntimeError, OSError):
            _COUNTS[key] = _MOST
    return _COUNTS[key]


@lru_cache(maxsize=256)
def _read(text: str) -> tuple[str, list[tuple[int, int, list[Pattern]]]]:
    """The prologue, and each list of patterns with its place in the text."""
    found = terminals(text)
    runs, at = [], 0
    while at < len(found):
        each = found[at]
        at += 1
        if each.text in ("{", "}") or (each.text == "." and found[at - 2].text == "}"):
            opens = each.text == "{" and at > 1
            if opens and found[at - 2].text.upper() in ("CONSTRUCT", "DATA", "INSERT", "DELETE"):
                continue
            read, after = patterns(found, at)
            if len(read) > 1:
                runs.append((found[at].start, found[after - 1].end, read))
                at = after
    return " ".join(each.text for each in prologue(found)), runs
