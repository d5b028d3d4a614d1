"""The terminals of a query, and the plain triple patterns among them.

A reader for what is certainly a list of plain triples, by the few who do something with them;
whatever else a query has, they leave to the engine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

#: One terminal and the white space and comments before it.
_TERMINAL: Final = re.compile(
    r"""(?: [ \t\r\n]++ | \#[^\r\n]*+ )*+
    (?: (?P<string> (?: '''(?:[^'\\]|\\.|'(?!''))*''' | \"""(?:[^"\\]|\\.|"(?!""))*\"""
        | '(?:[^'\\\r\n]|\\.)*' | "(?:[^"\\\r\n]|\\.)*" )
        (?: @[A-Za-z]+(?:-[A-Za-z0-9]+)*(?:--[a-z]+)? )? )
    | (?P<iri> <[^\s<>"{}|^`\\]*> )
    | (?P<variable> [?$]\w+ )
    | (?P<blank> _:[\w.-]*\w )
    | (?P<name> (?:[^\W\d_](?:[\w.-]*[\w-])?)?:(?:[\w:%](?:[\w:%.-]*[\w:%-])?)? )
    | (?P<number> [+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?(?!\w) )
    | (?P<word> [A-Za-z]+ ) | (?P<sign> \^\^ | << | \{\| | . ) | \Z )""",
    re.VERBOSE | re.DOTALL,
)
_TERMS: Final = frozenset({"string", "iri", "variable", "blank", "name", "number"})
_NAMES: Final = frozenset({"iri", "name"})
_PREDICATES: Final = _NAMES | {"variable"}
_UNBOUND: Final = frozenset({"variable", "blank"})

#: What may follow patterns in a group, when the last of them has no full stop.
_AFTER: Final = frozenset(
    {"FILTER", "OPTIONAL", "BIND", "MINUS", "GRAPH", "VALUES", "SERVICE", "LATERAL"}
)


class NotPlain(Exception):
    """Something other than a plain triple."""


class Terminal(NamedTuple):
    """A piece of the text; a literal with its datatype is one."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def bound(self) -> bool:
        """Whether it is one term, and not what a solution binds."""
        return self.kind not in _UNBOUND


class Pattern(NamedTuple):
    """A plain triple pattern; its predicate may be the word `a`."""

    subject: Terminal
    predicate: Terminal
    object: Terminal

    @property
    def text(self) -> str:
        """It as SPARQL."""
        return f"{self.subject.text} {self.predicate.text} {self.object.text}"


@lru_cache(maxsize=256)
def terminals(text: str) -> tuple[Terminal, ...]:
    """All of a query but white space and comments."""
    return tuple(
        Terminal(kind, found[kind], found.start(kind), found.end())
        for found in _TERMINAL.finditer(text)
        if (kind := found.lastgroup)
    )


def prologue(found: Sequence[Terminal]) -> Sequence[Terminal]:
    """Those of PREFIX and BASE at the beginning."""
    at = 0
    while at < len(found) and (word := found[at].text.upper()) in ("PREFIX", "BASE"):
        at += 3 if word == "PREFIX" else 2
    return found[:at]


def patterns(found: Sequence[Terminal], at: int) -> tuple[list[Pattern], int]:
    """The plain triples from here on, as far as they are, and where they end."""
    read: list[Pattern] = []
    while True:
        try:
            same, after = _same_subject(found, at)
        except (NotPlain, IndexError):
            return read, at
        read += same
        at = after
        if found[at - 1].text != ".":
            return read, at


def _same_subject(found: Sequence[Terminal], at: int) -> tuple[list[Pattern], int]:
    """The triples of one subject, and where they end, full stop included; or raises."""
    read: list[Pattern] = []
    subject = _expect(found[at], _TERMS)
    at += 1
    while found[at].text not in (".", "}") or not read:
        predicate = found[at]
        if predicate.text != "a":
            _expect(predicate, _PREDICATES)
        separator = ","
        while separator == ",":
            value, at = _object(found, at + 1)
            read.append(Pattern(subject, predicate, value))
            separator = found[at].text
        if separator != ";":
            break
        while found[at].text == ";":
            at += 1
    end = found[at].text
    if end not in (".", "{", "}") and end.upper() not in _AFTER:
        raise NotPlain
    return read, at + (end == ".")


def _object(found: Sequence[Terminal], at: int) -> tuple[Terminal, int]:
    """An object, and where it ends."""
    each = found[at]
    if each.text in ("true", "false"):
        return each, at + 1
    _expect(each, _TERMS)
    if each.kind == "string" and found[at + 1].text == "^^":
        datatype = _expect(found[at + 2], _NAMES)
        return Terminal("string", f"{each.text}^^{datatype.text}", each.start, datatype.end), at + 3
    return each, at + 1


def _expect(terminal: Terminal, kinds: frozenset[str]) -> Terminal:
    if terminal.kind not in kinds:
        raise NotPlain
    return terminal
