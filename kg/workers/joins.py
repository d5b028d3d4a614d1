"""The order in which a query's triple patterns are written, by how many triples match them.

The engine's planner knows no statistics: it begins with a pattern that has the most terms bound,
and of several such takes the one that is written first. A join of commuting patterns has the same
solutions in any order, so the one with the fewest triples is put there. What is not certainly a
list of plain triples is left as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from pyoxigraph import Store

#: Triples up to which those that match a pattern are counted; more are too many all the same.
_MOST: Final = 10_000

#: So many times fewer triples are worth another order.
_WORTH: Final = 2

#: A text with one pattern has no order; this tells most of those apart, at once.
_SEVERAL: Final = re.compile(r";|\.\s")

_LONGEST: Final = 20_000

_TERMINAL: Final = re.compile(
    r"""(?P<skip> \s+ | \#[^\r\n]* )
    | (?P<string> (?: '''(?:[^'\\]|\\.|'(?!''))*''' | \"""(?:[^"\\]|\\.|"(?!""))*\"""
        | '(?:[^'\\\r\n]|\\.)*' | "(?:[^"\\\r\n]|\\.)*" )
        (?: @[A-Za-z]+(?:-[A-Za-z0-9]+)*(?:--[a-z]+)? )? )
    | (?P<iri> <[^\s<>"{}|^`\\]*> )
    | (?P<variable> [?$]\w+ )
    | (?P<blank> _:[\w.-]*\w )
    | (?P<name> (?:[^\W\d_](?:[\w.-]*[\w-])?)?:(?:[\w:%](?:[\w:%.-]*[\w:%-])?)? )
    | (?P<number> [+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?(?!\w) )
    | (?P<word> [A-Za-z]+ ) | (?P<sign> \^\^ | << | \{\| | . )""",
    re.VERBOSE | re.DOTALL,
)
_TERMS: Final = frozenset({"string", "iri", "variable", "blank", "name", "number"})
_NAMES: Final = frozenset({"iri", "name"})
_PREDICATES: Final = _NAMES | {"variable"}
_BOUND: Final = _TERMS - {"variable", "blank"}

#: What may follow patterns in a group, when the last of them has no full stop.
_AFTER: Final = frozenset(
    {"FILTER", "OPTIONAL", "BIND", "MINUS", "GRAPH", "VALUES", "SERVICE", "LATERAL"}
)


class _Terminal(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


class _Pattern(NamedTuple):
    subject: _Terminal
    predicate: _Terminal
    object: str  #: its text, as a literal may have several terminals
    object_bound: bool

    @property
    def rank(self) -> int:
        """Where the engine's planner puts it: less is sooner."""
        subject, predicate = (each.kind in _BOUND for each in (self.subject, self.predicate))
        return _RANKS[subject, predicate or self.predicate.text == "a", self.object_bound]

    @property
    def text(self) -> str:
        return f"{self.subject.text} {self.predicate.text} {self.object}"


_RANKS: Final = {
    (True, True, True): 0, (True, False, True): 1, (True, True, False): 2, (True, False, False): 3,
    (False, True, True): 4, (False, False, True): 5, (False, True, False): 6,
    (False, False, False): 7,
}  # fmt: skip

#: Triples that match, by store and text. That a later store may have the address of an earlier
#: one costs time at most, never an answer.
_COUNTS: Final[dict[tuple[int, str], int]] = {}
_KEPT: Final = 1000


def ordered(store: Store, text: str) -> str:
    """The query with the rarest of equal patterns first, or the text as it is."""
    if len(text) > _LONGEST or not _SEVERAL.search(text):
        return text
    prologue, runs = _read(text)
    for start, end, patterns in reversed(runs):
        least = min(each.rank for each in patterns)
        tied = [each for each in patterns if each.rank == least]
        if len(tied) < 2:
            continue
        counts = {each: _count(store, prologue, each) for each in tied}
        if min(counts.values()) * _WORTH >= counts[tied[0]]:
            continue
        tied.sort(key=counts.__getitem__)
        rest = [each for each in patterns if each.rank != least]
        text = text[:start] + " . ".join(each.text for each in (*tied, *rest)) + " . " + text[end:]
    return text


def _count(store: Store, prologue: str, pattern: _Pattern) -> int:
    text = f"{prologue} SELECT (COUNT(*) AS ?n) {{ SELECT * {{ {pattern.text} }} LIMIT {_MOST} }}"
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
def _read(text: str) -> tuple[str, list[tuple[int, int, list[_Pattern]]]]:
    """The prologue, and each list of patterns with its place in the text."""
    terminals = [
        _Terminal(kind, found[0], found.start(), found.end())
        for found in _TERMINAL.finditer(text)
        if (kind := found.lastgroup or "") != "skip"
    ]
    prologue = " ".join(_prologue(terminals))
    runs, at = [], 0
    while at < len(terminals):
        each = terminals[at]
        at += 1
        if each.text in ("{", "}") or (each.text == "." and terminals[at - 2].text == "}"):
            opens = each.text == "{" and at > 1
            if opens and terminals[at - 2].text.upper() in (
                "CONSTRUCT",
                "DATA",
                "INSERT",
                "DELETE",
            ):
                continue
            patterns, after = _patterns(terminals, at)
            if len(patterns) > 1:
                runs.append((terminals[at].start, terminals[after - 1].end, patterns))
                at = after
    return prologue, runs


def _prologue(terminals: list[_Terminal]) -> Iterator[str]:
    at = 0
    while at < len(terminals) and terminals[at].text.upper() in ("PREFIX", "BASE"):
        size = 3 if terminals[at].text.upper() == "PREFIX" else 2
        yield from (each.text for each in terminals[at : at + size])
        at += size


def _patterns(terminals: list[_Terminal], at: int) -> tuple[list[_Pattern], int]:
    """The plain triples from here on, as far as they are, and where they end."""
    found: list[_Pattern] = []
    while True:
        try:
            same, after = _same_subject(terminals, at)
        except (_NotPlain, IndexError):
            return found, at
        found += same
        at = after
        if terminals[at - 1].text != ".":
            return found, at


class _NotPlain(Exception):
    """Something other than a plain triple."""


def _same_subject(terminals: list[_Terminal], at: int) -> tuple[list[_Pattern], int]:
    """The triples of one subject, and where they end, full stop included; or raises."""
    found: list[_Pattern] = []
    subject = _expect(terminals[at], _TERMS)
    at += 1
    while terminals[at].text not in (".", "}") or not found:
        predicate = terminals[at]
        if predicate.text != "a":
            _expect(predicate, _PREDICATES)
        separator = ","
        while separator == ",":
            value, bound, at = _object(terminals, at + 1)
            found.append(_Pattern(subject, predicate, value, bound))
            separator = terminals[at].text
        if separator != ";":
            break
        while terminals[at].text == ";":
            at += 1
    end = terminals[at].text
    if end not in (".", "{", "}") and end.upper() not in _AFTER:
        raise _NotPlain
    return found, at + (end == ".")


def _object(terminals: list[_Terminal], at: int) -> tuple[str, bool, int]:
    """The text of an object, whether it is bound, and where it ends."""
    each = terminals[at]
    if each.text in ("true", "false"):
        return each.text, True, at + 1
    _expect(each, _TERMS)
    if each.kind == "string" and terminals[at + 1].text == "^^":
        datatype = _expect(terminals[at + 2], _NAMES)
        return f"{each.text}^^{datatype.text}", True, at + 3
    return each.text, each.kind in _BOUND, at + 1


def _expect(terminal: _Terminal, kinds: frozenset[str]) -> _Terminal:
    if terminal.kind not in kinds:
        raise _NotPlain
    return terminal
