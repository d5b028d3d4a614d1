"""Look-ups, answered where they are asked: one pattern that says what it is about, few triples.

Such a question takes less time than it takes to reach a worker, and there is nothing to kill: what
it reads is counted. All others, and whatever is not certainly one, are the workers'.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from json.encoder import encode_basestring as _quoted  # in C, where there is C
from typing import Final, cast

from pyoxigraph import NamedNode, RdfFormat, parse, serialize

from kg import vocab
from kg.workers.columns.memory import POS, SPO, Memory
from kg.workers.engine import GRAPH_FORMATS, WITH_PREFIXES, Query, with_charset

#: Triples that one may read: about a millisecond.
_MOST: Final = 500

_IRI: Final = r'<[^\x00-\x20<>"{}|^`\\]*+>'
_NAME: Final = r"(?:[a-z][\w-]*+)?:[\w][\w-]*+(?!\.?[\w:%\\-])"
_TERM: Final = rf"{_IRI}|[?$]\w++|(?-i:a)(?![\w:.-])|{_NAME}"
_GROUP: Final = rf"\{{\s*({_TERM})\s*({_TERM})\s*({_TERM})\s*\.?\s*\}}"
_PREFIX: Final = rf"PREFIX\s+((?:[a-z][\w-]*+)?:)\s*({_IRI})"
_LOOKUP: Final = re.compile(
    rf"\s*((?:{_PREFIX}\s*)*+)(?:"
    rf"SELECT\s*(\*|(?:[?$]\w++\s*)++)\s*(?:WHERE\s*)?{_GROUP}\s*(?:LIMIT\s+([0-9]{{1,9}})\s*)?"
    rf"|ASK\s*(?:WHERE\s*)?{_GROUP}\s*"
    rf"|DESCRIBE\s*({_IRI}|(?<=\s){_NAME})\s*)\Z",
    re.IGNORECASE | re.ASCII,
)
_NAMES: Final = re.compile(r"[?$](\w+)", re.ASCII)
_PREFIXES: Final = re.compile(_PREFIX, re.IGNORECASE | re.ASCII)

#: An IRI that relates to no base, and in which no segment stands for another.
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!.*/\.)")

_JSON: Final = "application/sparql-results+json"
_CSV: Final = "text/csv"

#: A variable by its name, or an IRI as N-Triples.
_Term = str | bytes
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
        prologue, _, _, names, *pattern, limit = found.group(*range(1, 9))
        prefixes = dict(_PREFIXES.findall(prologue)) if prologue else {}
        try:
            if names:
                return self._solutions(query.format, names, _terms(pattern, prefixes), limit)
            if described := found[12]:
                return self._described(query.format, _terms([described], prefixes))
            return self._asked(query.format, _terms(found.group(9, 10, 11), prefixes))
        except (_Other, KeyError, ValueError):
            return None

    def _triples(self, pattern: list[_Term]) -> list[_Triple]:
        """What matches; raises _Other where that may be much."""
        memory = self._memory
        found = [None if isinstance(term, str) else memory.find(term) for term in pattern]
        if any(
            number is None and isinstance(term, bytes)
            for number, term in zip(found, pattern, strict=True)
        ):
            return []
        subject, predicate, value = found
        if subject is not None:
            low, high = memory.starts[0][subject], memory.starts[0][subject + 1]
            predicates, values = memory.columns[SPO]
            if predicate is not None:
                low, high = _within(predicates, predicate, low, high)
            _few(low, high)
            pairs = zip(predicates[low:high].tolist(), values[low:high].tolist(), strict=True)
            return [(subject, p, o) for p, o in pairs if value in (None, o)]
        if predicate is None or value is None:
            raise _Other
        low, high = memory.starts[1][predicate], memory.starts[1][predicate + 1]
        values, subjects = memory.columns[POS]
        low, high = _within(values, value, low, high)
        _few(low, high)
        return [(s, predicate, value) for s in subjects[low:high].tolist()]

    def _solutions(
        self, format: str, names: str, pattern: list[_Term], limit: str | None
    ) -> tuple[str, bytes]:
        write = _WRITERS.get(format)
        variables = [term for term in pattern if isinstance(term, str)]
        asked = sorted(variables) if names == "*" else _NAMES.findall(names)
        if write is None or _repeat(variables) or _repeat(asked):
            raise _Other
        places = [pattern.index(name) for name in asked]
        triples = self._triples(pattern)
        if limit:
            triples = triples[: int(limit)]
        text = self._memory.text
        rows = ([text(triple[place]).decode() for place in places] for triple in triples)
        return with_charset(format), write(asked, rows).encode()

    def _asked(self, format: str, pattern: list[_Term]) -> tuple[str, bytes]:
        if _repeat([term for term in pattern if isinstance(term, str)]):
            raise _Other
        holds = "true" if self._triples(pattern) else "false"
        if format == _JSON:
            holds = f'{{"head":{{}},"boolean":{holds}}}'
        elif format != _CSV:
            raise _Other
        return with_charset(format), holds.encode()

    def _described(self, media_type: str, subject: list[_Term]) -> tuple[str, bytes]:
        format = GRAPH_FORMATS.get(media_type)
        terms = [[*map(self._memory.text, each)] for each in self._triples([*subject, "p", "o"])]
        # The engine goes on to describe a blank node.
        if format is None or any(value.startswith(b"_:") for _, _, value in terms):
            raise _Other
        lines = b"".join(b"%b %b %b .\n" % (*each,) for each in terms)
        triples = [quad.triple for quad in parse(lines, RdfFormat.N_TRIPLES)]
        prefixes = vocab.PREFIXES if media_type in WITH_PREFIXES else None
        text = cast(bytes, serialize(triples, format=format, prefixes=prefixes))
        return with_charset(media_type), text


def _within(column: memoryview[int], term: int, low: int, high: int) -> tuple[int, int]:
    """Where a term begins and ends in a sorted part of a column."""
    return bisect_left(column, term, low, high), bisect_right(column, term, low, high)


def _few(low: int, high: int) -> None:
    if high - low > _MOST:
        raise _Other


def _repeat(names: list[str]) -> bool:
    return len(names) != len(set(names))


def _terms(texts: Iterable[str], prefixes: dict[str, str]) -> list[_Term]:
    """What terms are in the text; raises KeyError for a prefix that is nowhere declared."""
    found: list[_Term] = []
    for text in texts:
        if text[0] in "?$":
            found.append(text[1:])
            continue
        if text == "a":
            iri = vocab.RDF + "type"
        elif text[0] == "<":
            iri = text[1:-1]
        else:
            prefix, colon, local = text.partition(":")
            iri = prefixes[prefix + colon][1:-1] + local
        if not _PLAIN.match(iri):
            raise _Other
        NamedNode(iri)  # a ValueError, where it is none
        found.append(f"<{iri}>".encode())
    return found


# Solutions, of terms as N-Triples, as the engine writes them (SPARQL 1.1 Query Results JSON, CSV)

_Row = list[str]


def _json(names: list[str], rows: Iterable[_Row]) -> str:
    keys = [f"{_quoted(name)}:" for name in names]
    bindings = ",".join(
        f"{{{','.join([key + _json_term(term) for key, term in zip(keys, row, strict=True)])}}}"
        for row in rows
    )
    head = ",".join(map(_quoted, names))
    return f'{{"head":{{"vars":[{head}]}},"results":{{"bindings":[{bindings}]}}}}'


def _json_term(term: str) -> str:
    if term[0] == '"':
        text, more = _literal(term)
        value = f'{{"type":"literal","value":{_quoted(text)}'
        if more.startswith("@"):
            return f'{value},"xml:lang":{_quoted(more[1:])}}}'
        return f'{value},"datatype":{_quoted(more[3:-1])}}}' if more else value + "}"
    kind, text = ("uri", term[1:-1]) if _is_iri(term) else ("bnode", term[2:])
    return f'{{"type":"{kind}","value":{_quoted(text)}}}'


def _csv(names: list[str], rows: Iterable[_Row]) -> str:
    lines = [",".join(names), *[",".join(map(_csv_term, row)) for row in rows], ""]
    return "\r\n".join(lines)


def _csv_term(term: str) -> str:
    if term[0] == '"':
        text, _ = _literal(term)
    else:
        text = term[1:-1] if _is_iri(term) else term
    return '"' + text.replace('"', '""') + '"' if _SPECIAL.search(text) else text


def _is_iri(term: str) -> bool:
    """Whether it is an IRI, and not a blank node; raises _Other for a triple."""
    if term.startswith("<<"):
        raise _Other
    return term[0] == "<"


def _literal(term: str) -> tuple[str, str]:
    """The text of a literal, and what says its language or its datatype."""
    end = term.rindex('"')
    text, more = term[1:end], term[end + 1 :]
    if "--" in more:  # a direction
        raise _Other
    return _ESCAPE.sub(_unescaped, text) if "\\" in text else text, more


def _unescaped(escape: re.Match[str]) -> str:
    sign = escape[0]
    return _ESCAPED.get(sign) or chr(int(sign[2:], 16))


_ESCAPE: Final = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)")
_ESCAPED: Final = {
    "\\t": "\t", "\\b": "\b", "\\n": "\n", "\\r": "\r", "\\f": "\f",
    '\\"': '"', "\\'": "'", "\\\\": "\\",
}  # fmt: skip
_SPECIAL: Final = re.compile('[",\r\n]')
_WRITERS: Final[dict[str, Callable[[list[str], Iterable[_Row]], str]]] = {_JSON: _json, _CSV: _csv}
