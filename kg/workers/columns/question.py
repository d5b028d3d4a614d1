"""What a query counts, where it is of the one kind that columns answer.

    SELECT ?key (COUNT(*) AS ?n) (COUNT(DISTINCT ?v) AS ?m) { plain patterns of IRIs and variables }
    GROUP BY ?key ORDER BY DESC(?n) ?key LIMIT 10 OFFSET 5

Of the clauses behind the group any may be missing. `SELECT DISTINCT ?key` is one that counts
nothing. Whatever a text has besides is the engine's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from kg.vocab import RDF
from kg.workers.patterns import NotPlain, Pattern, Terminal, patterns, prologue, terminals

_COUNTS: Final = re.compile(r"\bCOUNT\s*\(|\bSELECT\s+DISTINCT\b", re.IGNORECASE)
_LONGEST: Final = 20_000
_DIGITS: Final = 15
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")

#: A variable, by `?` and its name, or an IRI in angle brackets.
Place = str


@dataclass(frozen=True)
class Count:
    """How many solutions there are, or with `distinct` how many values of a variable.

    Plain patterns bind all their variables: to count one is to count the solutions.
    """

    name: str
    variable: str | None = None
    distinct: bool = False


@dataclass(frozen=True)
class Question:
    """What to count, in which groups; variables are written with `?`."""

    prologue: str
    patterns: tuple[tuple[Place, Place, Place], ...]
    projected: tuple[str, ...]
    counts: tuple[Count, ...]
    keys: tuple[str, ...]  #: none: all solutions are one group, also where there are none
    order: tuple[tuple[str, bool], ...] = ()  #: variable, whether it descends
    limit: int | None = None
    offset: int = 0

    @property
    def tail(self) -> str:
        """The clauses behind the group, but for GROUP BY, as SPARQL."""
        parts = [f"{'DESC' if descends else 'ASC'}({name})" for name, descends in self.order]
        if parts:
            parts.insert(0, "ORDER BY")
        if self.limit is not None:
            parts.append(f"LIMIT {self.limit}")
        if self.offset:
            parts.append(f"OFFSET {self.offset}")
        return " ".join(parts)


def is_variable(place: Place) -> bool:
    """Whether it is a variable, and not an IRI."""
    return place.startswith("?")


@lru_cache(maxsize=256)
def read(text: str) -> Question | None:
    """What a query counts; None where it is certainly or possibly of another kind."""
    if len(text) > _LONGEST or not _COUNTS.search(text) or "\\" in text:
        return None  # an escape may be any character, also outside of strings
    try:
        return _Reader(terminals(text)).question()
    except (NotPlain, IndexError):
        return None


class _Reader:
    """Reads from one terminal to the next; raises NotPlain, or IndexError at the end."""

    def __init__(self, found: Sequence[Terminal]) -> None:
        self._found = found
        self._head = prologue(found)
        self._prefixes = _prefixes(self._head)
        self._at = len(self._head)

    def question(self) -> Question:
        self._expect("SELECT")
        distinct = self._takes("DISTINCT")
        projected, counts = self._projection()
        self._takes("WHERE")
        self._expect("{")
        read, self._at = patterns(self._found, self._at)
        self._expect("}")
        keys = self._keys()
        if distinct:
            if keys or counts:
                raise NotPlain
            keys = projected
        order = self._order()
        limit, offset = self._slice()
        if self._at != len(self._found):
            raise NotPlain
        head = " ".join(each.text for each in self._head)
        found = tuple(self._places(each) for each in read)
        asked = Question(head, found, projected, counts, keys, order, limit, offset)
        _check(asked)
        return asked

    def _projection(self) -> tuple[tuple[str, ...], tuple[Count, ...]]:
        projected: list[str] = []
        counts: list[Count] = []
        while self._found[self._at].text == "(" or self._is_variable():
            if self._takes("("):
                counts.append(self._count())
                projected.append(counts[-1].name)
            else:
                projected.append(self._variable())
        return tuple(projected), tuple(counts)

    def _count(self) -> Count:
        self._expect("COUNT")
        self._expect("(")
        distinct = self._takes("DISTINCT")
        variable = None if not distinct and self._takes("*") else self._variable()
        self._expect(")")
        self._expect("AS")
        name = self._variable()
        self._expect(")")
        return Count(name, variable, distinct)

    def _keys(self) -> tuple[str, ...]:
        if not self._takes("GROUP"):
            return ()
        self._expect("BY")
        keys = [self._variable()]
        while self._is_variable():
            keys.append(self._variable())
        return tuple(keys)

    def _order(self) -> tuple[tuple[str, bool], ...]:
        if not self._takes("ORDER"):
            return ()
        self._expect("BY")
        order: list[tuple[str, bool]] = []
        while self._at < len(self._found):
            if self._is_variable():
                order.append((self._variable(), False))
            elif (descends := self._takes("DESC")) or self._takes("ASC"):
                self._expect("(")
                order.append((self._variable(), descends))
                self._expect(")")
            else:
                break
        if not order:
            raise NotPlain
        return tuple(order)

    def _slice(self) -> tuple[int | None, int]:
        found: dict[str, int] = {}
        for _ in range(2):
            for word in ("LIMIT", "OFFSET"):
                if word not in found and self._takes(word):
                    found[word] = self._number()
        return found.get("LIMIT"), found.get("OFFSET", 0)

    def _places(self, pattern: Pattern) -> tuple[Place, Place, Place]:
        subject, predicate, value = pattern
        verb = f"<{RDF}type>" if predicate.text == "a" else self._place(predicate)
        return self._place(subject), verb, self._place(value)

    def _place(self, terminal: Terminal) -> Place:
        if terminal.kind == "variable":
            return f"?{terminal.text[1:]}"
        if terminal.kind == "name":
            prefix, _, local = terminal.text.partition(":")
            if prefix in self._prefixes:
                return f"<{self._prefixes[prefix]}{local}>"
        elif terminal.kind == "iri" and _ABSOLUTE.match(terminal.text, 1):
            return terminal.text
        raise NotPlain

    def _next(self) -> Terminal:
        found = self._found[self._at]
        self._at += 1
        return found

    def _takes(self, word: str) -> bool:
        """Go past a word or sign, if it is the next."""
        taken = self._at < len(self._found) and self._found[self._at].text.upper() == word
        self._at += taken
        return taken

    def _expect(self, word: str) -> None:
        if not self._takes(word):
            raise NotPlain

    def _is_variable(self) -> bool:
        return self._at < len(self._found) and self._found[self._at].kind == "variable"

    def _number(self) -> int:
        found = self._next()
        if not found.text.isdecimal() or len(found.text) > _DIGITS:
            raise NotPlain
        return int(found.text)

    def _variable(self) -> str:
        found = self._next()
        if found.kind != "variable":
            raise NotPlain
        return f"?{found.text[1:]}"


def _prefixes(head: Sequence[Terminal]) -> Mapping[str, str]:
    """The IRIs of prefixes; raises NotPlain for one that is relative, or given twice."""
    found: dict[str, str] = {}
    at = 0
    while at < len(head):
        if head[at].text.upper() == "PREFIX":
            _, name, iri = head[at : at + 3]
            prefix = name.text.removesuffix(":")
            if prefix in found or not _ABSOLUTE.match(iri.text, 1):
                raise NotPlain
            found[prefix] = iri.text[1:-1]
            at += 3
        else:
            at += 2
    return found


def _check(asked: Question) -> None:
    """Raise NotPlain where a name stands for two things, or for none."""
    bound = {place for pattern in asked.patterns for place in pattern if is_variable(place)}
    names = [count.name for count in asked.counts]
    counted = {count.variable for count in asked.counts if count.variable}
    known = {*asked.keys, *names}
    if not (
        asked.patterns
        and asked.projected
        and bound.issuperset(asked.keys)
        and bound.issuperset(counted)
        and bound.isdisjoint(names)
        and len(known) == len(asked.keys) + len(names)
        and len({*asked.projected}) == len(asked.projected)
        and known.issuperset(asked.projected)
        and known.issuperset(name for name, _ in asked.order)
    ):
        raise NotPlain
