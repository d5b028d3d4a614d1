"""Look-ups, answered where they are asked: one pattern that says what it is about, few triples.

Such a question takes less time than it takes to reach a worker, and there is nothing to kill: what
it reads is counted. All others, and whatever is not certainly one, are the workers'.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import islice
from json.encoder import encode_basestring as _quoted  # in C, where there is C
from operator import attrgetter
from pathlib import Path
from typing import Final, cast

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, Store, serialize

from kg import vocab
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
_PLACES: Final = ("subject", "predicate", "object")
_DEFAULT: Final = DefaultGraph()

#: A variable is its name.
_Term = NamedNode | str


class _Other(Exception):
    """It is for a worker to answer, or to refuse."""


class Lookups:
    """The look-ups of one release, read from its store on disk."""

    def __init__(self, store: Path, release: str) -> None:
        """Open it; raises OSError where that fails."""
        self.release = release  #: the name of the content that answers
        self._store = Store.read_only(str(store))

    def answer(self, query: Query) -> tuple[str, bytes] | None:
        """Media type and bytes of what a worker would answer; None where one has to."""
        found = _LOOKUP.match(query.text)
        if not found or query.default_graphs or query.named_graphs:
            return None
        prologue, _, _, names, *pattern, limit = found.group(*range(1, 9))
        try:
            prefixes = {name: iri for name, iri in _PREFIXES.findall(prologue)} if prologue else {}
            if names:
                return self._solutions(query.format, names, _terms(pattern, prefixes), limit)
            if described := found[12]:
                (subject,) = _terms([described], prefixes)
                return self._described(query.format, cast(NamedNode, subject))
            return self._asked(query.format, _terms(found.group(9, 10, 11), prefixes))
        except (_Other, KeyError, ValueError, OSError):
            return None

    def _quads(self, pattern: list[_Term], limit: int = _MOST + 1) -> list[Quad]:
        """What matches; raises _Other where that may be much."""
        bound = [None if isinstance(term, str) else term for term in pattern]
        if not (bound[0] or bound[2]):
            raise _Other
        matching = self._store.quads_for_pattern(bound[0], bound[1], bound[2], _DEFAULT)
        found = [*islice(matching, limit)]
        if len(found) > _MOST:
            raise _Other
        return found

    def _solutions(
        self, format: str, names: str, pattern: list[_Term], limit: str | None
    ) -> tuple[str, bytes]:
        write = _WRITERS.get(format)
        variables = [term for term in pattern if isinstance(term, str)]
        asked = sorted(variables) if names == "*" else _NAMES.findall(names)
        if write is None or _repeat(variables) or _repeat(asked):
            raise _Other
        values = attrgetter(*[_PLACES[pattern.index(name)] for name in asked])
        quads = self._quads(pattern, min(_MOST + 1, int(limit or _MOST + 1)))
        rows = map(values, quads) if len(asked) > 1 else ((values(quad),) for quad in quads)
        return with_charset(format), write(asked, rows).encode()

    def _asked(self, format: str, pattern: list[_Term]) -> tuple[str, bytes]:
        if _repeat([term for term in pattern if isinstance(term, str)]):
            raise _Other
        holds = "true" if self._quads(pattern, 1) else "false"
        if format == _JSON:
            holds = f'{{"head":{{}},"boolean":{holds}}}'
        elif format != _CSV:
            raise _Other
        return with_charset(format), holds.encode()

    def _described(self, media_type: str, subject: NamedNode) -> tuple[str, bytes]:
        triples = [quad.triple for quad in self._quads([subject, "p", "o"])]
        format = GRAPH_FORMATS.get(media_type)
        # The engine goes on to describe a blank node.
        if format is None or any(isinstance(triple.object, BlankNode) for triple in triples):
            raise _Other
        prefixes = vocab.PREFIXES if media_type in WITH_PREFIXES else None
        text = cast(bytes, serialize(triples, format=format, prefixes=prefixes))
        return with_charset(media_type), text


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
        found.append(NamedNode(iri))
    return found


# Solutions as the engine writes them (SPARQL 1.1 Query Results JSON, and CSV)

_Row = tuple[object, ...]


def _json(names: list[str], rows: Iterable[_Row]) -> str:
    keys = [f"{_quoted(name)}:" for name in names]
    bindings = ",".join(
        f"{{{','.join([key + _json_term(term) for key, term in zip(keys, row, strict=True)])}}}"
        for row in rows
    )
    head = ",".join(map(_quoted, names))
    return f'{{"head":{{"vars":[{head}]}},"results":{{"bindings":[{bindings}]}}}}'


def _json_term(term: object) -> str:
    if isinstance(term, NamedNode):
        return f'{{"type":"uri","value":{_quoted(term.value)}}}'
    if isinstance(term, Literal):
        value = f'{{"type":"literal","value":{_quoted(term.value)}'
        if term.direction is not None:
            raise _Other
        if term.language is not None:
            return f'{value},"xml:lang":{_quoted(term.language)}}}'
        if (datatype := term.datatype.value) != _STRING:
            return f'{value},"datatype":{_quoted(datatype)}}}'
        return value + "}"
    if isinstance(term, BlankNode):
        return f'{{"type":"bnode","value":{_quoted(term.value)}}}'
    raise _Other


def _csv(names: list[str], rows: Iterable[_Row]) -> str:
    lines = [",".join(names), *[",".join(map(_csv_term, row)) for row in rows], ""]
    return "\r\n".join(lines)


def _csv_term(term: object) -> str:
    if isinstance(term, NamedNode | Literal):
        value = term.value
        if _SPECIAL.search(value):
            return '"' + value.replace('"', '""') + '"'
        return value
    if isinstance(term, BlankNode):
        return f"_:{term.value}"
    raise _Other


_STRING: Final = vocab.XSD + "string"
_SPECIAL: Final = re.compile('[",\r\n]')
_WRITERS: Final[dict[str, Callable[[list[str], Iterable[_Row]], str]]] = {_JSON: _json, _CSV: _csv}
