"""Solutions, of terms as N-Triples, as the engine writes them: SPARQL 1.1 Results JSON, and CSV.

Raises ValueError for a term that only the engine writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from json.encoder import encode_basestring as _quoted  # in C, where there is C
from typing import Final, NamedTuple

from kg.workers.engine import FORMATS

#: Terms as a format writes them.
Row = list[str]


def _json(names: Sequence[str], rows: Iterable[Row]) -> str:
    keys = [f"{_quoted(name)}:" for name in names]
    bindings = ",".join(
        f"{{{','.join([key + term for key, term in zip(keys, row, strict=True)])}}}" for row in rows
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


def _csv(names: Sequence[str], rows: Iterable[Row]) -> str:
    return "\r\n".join([",".join(names), *map(",".join, rows), ""])


def _csv_term(term: str) -> str:
    if term[0] == '"':
        text, _ = _literal(term)
    else:
        text = term[1:-1] if _is_iri(term) else term
    return '"' + text.replace('"', '""') + '"' if _SPECIAL.search(text) else text


def _is_iri(term: str) -> bool:
    """Whether it is an IRI, and not a blank node; raises ValueError for a triple."""
    if term.startswith("<<"):
        raise ValueError
    return term[0] == "<"


def _literal(term: str) -> tuple[str, str]:
    """The text of a literal, and what says its language or its datatype."""
    end = term.rindex('"')
    text, more = term[1:end], term[end + 1 :]
    if "--" in more:  # a direction
        raise ValueError
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


class Writer(NamedTuple):
    """How a format writes a term, given as N-Triples, and solutions of written terms."""

    term: Callable[[str], str]
    solutions: Callable[[Sequence[str], Iterable[Row]], str]


#: By media type.
WRITERS: Final = {
    FORMATS["json"]: Writer(_json_term, _json),
    FORMATS["csv"]: Writer(_csv_term, _csv),
}
