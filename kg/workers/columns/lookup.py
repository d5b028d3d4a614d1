"""Look-ups, answered where they are asked: plain patterns, reached from what is known, few triples.

Such a question takes less time than it takes to reach a worker, and there is nothing to kill: what
it reads is counted. All others, and whatever is not certainly one, are the workers'.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import Final, cast

from pyoxigraph import NamedNode, RdfFormat, parse, serialize

from kg import vocab
from kg.workers.columns.memory import POS, SPO, Memory
from kg.workers.columns.solutions import WRITERS
from kg.workers.engine import FORMATS, GRAPH_FORMATS, WITH_PREFIXES, Query, with_charset

#: Triples that one may read, and patterns that it may have: about a millisecond.
_MOST: Final = 500
_MOST_PATTERNS: Final = 8

_IRI: Final = r'<[^\x00-\x20<>"{}|^`\\]*+>'
_NAME: Final = r"(?:[a-z][\w-]*+)?:[\w][\w-]*+(?!\.?[\w:%\\-])"
_TERM: Final = rf"{_IRI}|[?$]\w++|(?-i:a)(?![\w:.-])|{_NAME}"
_GROUP: Final = rf"\{{\s*((?:(?:{_TERM}|[;,.])\s*)++)\}}"
_PREFIX: Final = rf"PREFIX\s+((?:[a-z][\w-]*+)?:)\s*({_IRI})"
_LOOKUP: Final = re.compile(
    rf"\s*((?:{_PREFIX}\s*)*+)(?:"
    rf"SELECT\s*(\*|(?:[?$]\w++\s*)++)\s*(?:WHERE\s*)?{_GROUP}\s*(?:LIMIT\s+([0-9]{{1,9}})\s*)?"
    rf"|ASK\s*(?:WHERE\s*)?{_GROUP}\s*"
    rf"|DESCRIBE\s*({_IRI}|(?<=\s){_NAME})\s*)\Z",
    re.IGNORECASE | re.ASCII,
)
_TERMINALS: Final = re.compile(rf"{_TERM}|[;,.]", re.IGNORECASE | re.ASCII)
_NAMES: Final = re.compile(r"[?$](\w+)", re.ASCII)
_PREFIXES: Final = re.compile(_PREFIX, re.IGNORECASE | re.ASCII)

#: An IRI that relates to no base, and in which no segment stands for another.
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!.*/\.)")

#: A variable by its name, or an IRI as N-Triples, or the number of one.
_Term = str | bytes
_Number = str | int | None
_Terms = tuple[_Term, _Term, _Term]
_Pattern = tuple[_Number, _Number, _Number]
_Triple = tuple[int, int, int]


class _Other(Exception):
    """It is for a worker to answer, or to refuse."""


class Lookups:
    """The look-ups of one release, read from its columns."""

    def __init__(self, descriptor: int, release: str) -> None:
        self.release = release  #: the name of the content that answers
        self._memory = Memory(descriptor)

    def answer(self, query: Query) -> tuple[str, bytes] | None:
        """Media type and bytes of what a worker would answer; None where one has to."""
        found = _LOOKUP.match(query.text)
        if not found or query.default_graphs or query.named_graphs:
            return None
        prologue, _, _, names, group, limit, asked, described = found.groups()
        prefixes = dict(_PREFIXES.findall(prologue)) if prologue else {}
        try:
            if names:
                return self._solutions(query.format, names, _patterns(group, prefixes), limit)
            if asked:
                return self._asked(query.format, _patterns(asked, prefixes))
            return self._described(query.format, _iri(described, prefixes))
        except (_Other, KeyError, ValueError):
            return None

    def _rows(self, patterns: list[_Terms]) -> list[dict[str, int]]:
        """All solutions; raises _Other where much might have to be read for them."""
        remaining = [self._numbered(each) for each in patterns]
        if any(None in each for each in remaining):
            return []
        rows: list[dict[str, int]] = [{}]
        bound: set[_Number] = set()
        left = _MOST
        while remaining:
            pattern = max(remaining, key=lambda each: sum(_is_known(term, bound) for term in each))
            remaining.remove(pattern)
            found = []
            for row in rows:
                triples = self._triples(*_bound(pattern, row), left)
                left -= 1 + len(triples)
                if left < 0:
                    raise _Other
                for triple in triples:
                    one = {**row}
                    for term, number in zip(pattern, triple, strict=True):
                        if number != (
                            one.setdefault(term, number) if isinstance(term, str) else term
                        ):
                            break
                    else:
                        found.append(one)
            rows = found
            bound |= {*pattern}
        return rows

    def _numbered(self, terms: _Terms) -> _Pattern:
        """A pattern with the numbers of its IRIs; None in place of one that no triple has."""
        find = self._memory.find
        subject, predicate, value = (t if isinstance(t, str) else find(t) for t in terms)
        return subject, predicate, value

    def _triples(
        self, subject: _Number, predicate: _Number, value: _Number, most: int
    ) -> list[_Triple]:
        """What may match; raises _Other where that is not reached from what is known, or is more.

        Where only the predicate is left open, it is all of the subject's: who reads it counts it.
        """
        memory = self._memory
        if isinstance(subject, int):
            low, high = memory.starts[0][subject], memory.starts[0][subject + 1]
            predicates, values = memory.columns[SPO]
            if isinstance(predicate, int):
                low, high = _within(predicates, predicate, low, high)
            if high - low > most:
                raise _Other
            pairs = zip(predicates[low:high].tolist(), values[low:high].tolist(), strict=True)
            return [(subject, p, o) for p, o in pairs]
        if not (isinstance(predicate, int) and isinstance(value, int)):
            raise _Other
        low, high = memory.starts[1][predicate], memory.starts[1][predicate + 1]
        values, subjects = memory.columns[POS]
        low, high = _within(values, value, low, high)
        if high - low > most:
            raise _Other
        return [(s, predicate, value) for s in subjects[low:high].tolist()]

    def _solutions(
        self, format: str, names: str, patterns: list[_Terms], limit: str | None
    ) -> tuple[str, bytes]:
        write = WRITERS.get(format)
        variables = {term for each in patterns for term in each if isinstance(term, str)}
        asked = sorted(variables) if names == "*" else _NAMES.findall(names)
        if write is None or not variables.issuperset(asked) or len(asked) != len({*asked}):
            raise _Other
        solutions = self._rows(patterns)
        if limit:
            solutions = solutions[: int(limit)]
        text = self._memory.text
        rows = ([text(solution[name]).decode() for name in asked] for solution in solutions)
        return with_charset(format), write(asked, rows).encode()

    def _asked(self, format: str, patterns: list[_Terms]) -> tuple[str, bytes]:
        holds = "true" if self._rows(patterns) else "false"
        if format == FORMATS["json"]:
            holds = f'{{"head":{{}},"boolean":{holds}}}'
        elif format != FORMATS["csv"]:
            raise _Other
        return with_charset(format), holds.encode()

    def _described(self, media_type: str, subject: bytes) -> tuple[str, bytes]:
        format, text = GRAPH_FORMATS.get(media_type), self._memory.text
        found = [(row["p"], row["o"]) for row in self._rows([(subject, "p", "o")])]
        values = [text(value) for _, value in found]
        # The engine goes on to describe a blank node.
        if format is None or any(value.startswith(b"_:") for value in values):
            raise _Other
        lines = b"".join(
            b"%b %b %b .\n" % (subject, text(predicate), value)
            for (predicate, _), value in zip(found, values, strict=True)
        )
        triples = [quad.triple for quad in parse(lines, RdfFormat.N_TRIPLES)]
        prefixes = vocab.PREFIXES if media_type in WITH_PREFIXES else None
        content = cast(bytes, serialize(triples, format=format, prefixes=prefixes))
        return with_charset(media_type), content


def _bound(pattern: _Pattern, row: dict[str, int]) -> _Pattern:
    """A pattern with what a solution binds in it."""
    subject, predicate, value = (
        row.get(each, each) if isinstance(each, str) else each for each in pattern
    )
    return subject, predicate, value


def _is_known(term: _Number, bound: set[_Number]) -> bool:
    return isinstance(term, int) or term in bound


def _within(column: memoryview[int], term: int, low: int, high: int) -> tuple[int, int]:
    """Where a term begins and ends in a sorted part of a column."""
    return bisect_left(column, term, low, high), bisect_right(column, term, low, high)


def _patterns(group: str, prefixes: dict[str, str]) -> list[_Terms]:
    """The triple patterns of a group; raises as `_term` does, and _Other where it has no such."""
    found: list[_Terms] = []
    place: list[_Term] = []  # of the next pattern, what is here already
    ends = False  # whether there need not be one
    for text in _TERMINALS.findall(group):
        if (kept := _SEPARATORS.get(text)) is not None:
            if not ends or (text == "," and len(place) < 3):
                raise _Other
            del place[kept:]
            ends = text == ";"
        elif len(place) == 3:
            raise _Other
        else:
            place.append(_term(text, prefixes))
            if ends := len(place) == 3:
                found.append((place[0], place[1], place[2]))
    if (place and not ends) or not 0 < len(found) <= _MOST_PATTERNS:
        raise _Other
    return found


#: What of a pattern the next one has too.
_SEPARATORS: Final = {".": 0, ";": 1, ",": 2}


def _term(text: str, prefixes: dict[str, str]) -> _Term:
    """What a term in the text is; raises as `_iri` does."""
    return text[1:] if text[0] in "?$" else _iri(text, prefixes)


def _iri(text: str, prefixes: dict[str, str]) -> bytes:
    """An IRI as N-Triples.

    Raises KeyError for a prefix that is nowhere declared, ValueError for what is none, and _Other
    for what depends on more than the text.
    """
    if text == "a":
        iri = vocab.RDF + "type"
    elif text[0] == "<":
        iri = text[1:-1]
    else:
        prefix, colon, local = text.partition(":")
        iri = prefixes[prefix + colon][1:-1] + local
    if not _PLAIN.match(iri):
        raise _Other
    NamedNode(iri)
    return f"<{iri}>".encode()
