"""What a query's text says without running it: form, parameters, what it would reach."""

from __future__ import annotations

import bisect
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Final, Literal, cast

from pyoxigraph import DefaultGraph, Store

from kg.errors import ParameterError, QuerySyntaxError, ServiceRefused
from kg.sparql.lexer import Token, decoded, position, tokens

Form = Literal["SELECT", "ASK", "CONSTRUCT", "DESCRIBE"]

_FORMS: Final = ("SELECT", "ASK", "CONSTRUCT", "DESCRIBE")
_UPDATES: Final = frozenset(
    ("INSERT", "DELETE", "LOAD", "CLEAR", "DROP", "CREATE", "ADD", "MOVE", "COPY", "WITH")
)

# The engine's parser recurses at each of these, and takes the process with it when its
# thread's stack ends (seen at 10,000).
MAX_DEPTH: Final = 200
MAX_CHAIN: Final = 1000

# Its optimiser recurses along the patterns and operators of a query, and tries their orders: a
# thousand patterns take it minutes, twenty thousand its stack.
_MAX_REPEATED: Final = 2000
_REPEATED: Final = frozenset(("{", ".", ";", "+", "-", "*", "&&", "||", "|", "=", "<", ">"))


def service_in(found: Sequence[Token]) -> Token | None:
    """The first token that the engine could read as the keyword SERVICE, or as ending in it.

    Its parser needs no space between words, so `SERVICEex:x {` calls `ex:x` where the prefix
    `SERVICEex` would not do. No other word of SPARQL has "service" in it.
    """
    for index, token in enumerate(found):
        if token.kind == "word" and "service" in token.text.lower():
            return token
        if token.kind == "name" and "service" in token.text.partition(":")[0].lower():
            before = found[index - 1].text.upper() if index else ""
            after = found[index + 1].text if index + 1 < len(found) else ""
            if after == "{" and before not in {"GRAPH", "FROM", "NAMED"}:
                return token
    return None


def _refused_service(text: str, found: Sequence[Token], allowed: Collection[str]) -> Token | None:
    """The first SERVICE whose endpoint is not one of those allowed, as a constant."""
    if not allowed:
        return service_in(found)
    known = services(text)
    rest = found
    while service := service_in(rest):
        if service.start not in known or known[service.start][1] not in allowed:
            return service
        rest = rest[rest.index(service) + 1 :]
    return None


def form(text: str) -> Form:
    """Which of the four forms a query has; raises QuerySyntaxError where it has none."""
    return _form(text, list(tokens(text)))


def _form(text: str, found: Sequence[Token]) -> Form:
    rest = iter(found)
    for token in rest:
        word = token.text.upper() if token.kind == "word" else ""
        if word in {"BASE", "VERSION"}:
            next(rest, None)
        elif word == "PREFIX":
            next(rest, None)
            next(rest, None)
        elif word in _FORMS:
            return cast(Form, word)
        else:
            what = (
                f"{word} starts an update, which is not answered here"
                if word in _UPDATES
                else f"{token.text!r} starts no query"
            )
            raise QuerySyntaxError(
                f"{position(text, token.start)}: {what}; expected one of {', '.join(_FORMS)}"
            )
    raise QuerySyntaxError(
        f"{position(text, len(text))}: the query ends here; expected one of {', '.join(_FORMS)}"
    )


_ENGINE_ERROR: Final = re.compile(r"error at (\d+):(\d+): expected (?:one of )?(.*)", re.DOTALL)
# The engine lists the character classes that could go on: only words and signs help a person.
_EXPECTATION: Final = re.compile(r"\[(?:[^\]']|'[^']*')*\]|(\"(?:[^\"\\]|\\.)*\"|[^,\[\]]+)")


#: A text of fewer characters has its tokens remembered.
_SHORT: Final = 4096

#: What nothing is ever evaluated on.
_EMPTY: Final = Store()


def parse(text: str, base: str | None) -> None:
    """Raise QuerySyntaxError unless the engine's parser takes the query."""
    # Store.query evaluates ASK, ORDER BY and aggregates at once, without a deadline. Two
    # arguments that exclude each other stop it after it has parsed and before it evaluates.
    parsed(
        text,
        lambda plain: _EMPTY.query(
            plain, base_iri=base, use_default_graph_as_union=True, default_graph=DefaultGraph()
        ),
    )


def parsed(
    text: str,
    run: Callable[[str], object],
    *,
    span: tuple[int, int | None] = (0, None),
    inserted: Sequence[tuple[int, str]] = (),
) -> None:
    """Let the engine read a part of a text, and say what is wrong by its place in the whole.

    `run` parses and does not evaluate. What is inserted into the part, by ascending offset,
    has no line break and counts in no position.
    """
    plain, offsets = decoded(text[slice(*span)])
    sent, done = "", 0
    for place, more in inserted:
        offset = bisect.bisect_left(offsets, place) if offsets else place
        sent += plain[done:offset] + more
        done = offset
    sent += plain[done:]
    try:
        run(sent)
    except SyntaxError as error:
        match = _ENGINE_ERROR.match(str(error))
        if match is None:
            raise QuerySyntaxError(f"not SPARQL 1.1: {error}") from None
        lines = sent.split("\n")
        at = sum(len(line) + 1 for line in lines[: int(match[1]) - 1]) + int(match[2]) - 1
        for offset, more in inserted:
            at = max(min(at, offset), at - len(more))
        at = min(at, len(plain))
        wanted = [item.strip() for item in _EXPECTATION.findall(match[3]) if item.strip()]
        reasons = [item for item in wanted if re.search(r"[a-z] [a-z]", item)]
        near = plain[at:].strip().split("\n")[0][:20]
        raise QuerySyntaxError(
            f"{position(text, span[0] + (offsets[at] if offsets else at))}: "
            + (f"{near!r} cannot stand here" if near else "the query ends too early")
            + (f": {reasons[0]}" if reasons else "")
            + (f"; expected {' or '.join(wanted)}" if not reasons and 0 < len(wanted) < 4 else "")
        ) from None
    except ValueError as error:
        if isinstance(error, UnicodeEncodeError):
            where = position(sent, error.start)
            raise QuerySyntaxError(f"{where}: a surrogate is not a character") from None


def bounded(text: str, found: Sequence[Token]) -> None:
    """Raise QuerySyntaxError for a text whose depth the engine's parser may not survive."""
    depth = chain = 0
    for token in found:
        if token.kind == "sign":
            depth += (token.text in "([{") - (token.text in ")]}")
            chain += token.text in "!/"
        if depth > MAX_DEPTH or chain > MAX_CHAIN:
            raise QuerySyntaxError(
                f"{position(text, token.start)}: too deep for the parser; expected at most "
                f"{MAX_DEPTH} open brackets and {MAX_CHAIN} of the signs '!' and '/'"
            )


def services(text: str) -> dict[int, tuple[Token, str | None]]:
    """Place of each SERVICE → the token of its endpoint, and the IRI, None where it is no constant.

    Prefixes are read as the text has them; whoever uses the IRI writes it in place of the token.
    """
    found = list(tokens(text))
    prefixes: dict[str, str] = {}
    named: dict[int, tuple[Token, str | None]] = {}
    for index, token in enumerate(found):
        word = token.text.upper() if token.kind == "word" else ""
        if word == "PREFIX" and index + 2 < len(found):
            prefixes[found[index + 1].text.rstrip(":")] = found[index + 2].text[1:-1]
        elif word == "SERVICE" and index + 2 < len(found):
            after = found[index + 1]
            if after.kind == "word" and after.text.upper() == "SILENT":
                after = found[index + 2]
            iri = after.text[1:-1] if after.kind == "iri" else None
            if after.kind == "name":
                prefix, _, local = after.text.partition(":")
                iri = prefixes.get(prefix, "") + re.sub(r"\\(.)", r"\1", local)
            named[token.start] = after, iri
    return named


def rerouted(text: str, routes: Mapping[str, str]) -> str:
    """The query with the URL that `routes` gives in place of each SERVICE's endpoint."""
    parts: list[str] = []
    done = 0
    for token, iri in services(text).values():
        if iri is not None and iri in routes:
            parts += text[done : token.start], f" <{routes[iri]}> "
            done = token.end
    return "".join([*parts, text[done:]])


def _read(text: str) -> Sequence[Token]:
    """All tokens; those of a short text are remembered for the next that asks."""
    return _remembered(text) if len(text) < _SHORT else tuple(tokens(text))


@lru_cache(maxsize=16)
def _remembered(text: str) -> Sequence[Token]:
    return tuple(tokens(text))


def check(text: str, base: str | None = None, allowed: Collection[str] = ()) -> Form:
    """The form of a query that is SPARQL 1.1 and names no SERVICE but those allowed.

    Relative IRIs need a base.
    Raises QuerySyntaxError (an update too) or ServiceRefused, each with line and column.
    """
    found = _read(text)
    if service := _refused_service(text, found, allowed):
        expected = f"; expected one of {', '.join(allowed)}" if allowed else ""
        raise ServiceRefused(
            f"{position(text, service.start)}: SERVICE is refused, a query reaches no network"
            + expected
        )
    result = _form(text, found)
    bounded(text, found)
    repeated = Counter(token.text for token in found if token.kind == "sign")
    for sign in _REPEATED:
        if repeated[sign] > _MAX_REPEATED:
            raise QuerySyntaxError(
                f"the query has {repeated[sign]} times {sign!r}: too long for the engine; "
                f"expected at most {_MAX_REPEATED} of a sign"
            )
    parse(text, base)
    return result


def counted(text: str) -> str:
    """A query for the number `?n` of solutions of a SELECT."""
    start = next(
        token.start
        for token in tokens(text)
        if token.kind == "word" and token.text.upper() == "SELECT"
    )
    return f"{text[:start]}SELECT (COUNT(*) AS ?n) {{ {{ {text[start:]}\n}} }}"


def limited(text: str, rows: int) -> tuple[str, bool]:
    """A SELECT that answers at most so many rows, and whether that is not its own LIMIT."""
    if not rows:
        return text, False
    depth = 0
    last = None
    found = _read(text)
    for index, token in enumerate(found):
        if token.kind == "sign":
            depth += (token.text in "([{") - (token.text in ")]}")
        word = token.text.upper() if token.kind == "word" and depth == 0 else ""
        if word.startswith("LIMIT"):
            digits = word[5:] or (found[index + 1].text if index + 1 < len(found) else "")
            if digits.isdecimal() and int(digits) <= rows:
                return text, False
            stop = token.end if word[5:] else found[index + 1].end
            return f"{text[: token.start]} LIMIT {rows} {text[stop:]}", True
        if word == "VALUES" and last is None:
            last = token
    if last is None:
        return f"{text}\nLIMIT {rows}", True  # a comment may be what it ends with
    return f"{text[: last.start]} LIMIT {rows} {text[last.start :]}", True


def _signed(text: str) -> tuple[list[Token], frozenset[str]]:
    """All tokens, and the names of those that are parameters."""
    found = list(tokens(text))
    names = {token.text[1:] for token in found if token.text[0] == "$" and token.kind == "variable"}
    for token in found:
        if token.kind == "variable" and token.text[0] == "?" and token.text[1:] in names:
            raise QuerySyntaxError(
                f"{position(text, token.start)}: {token.text} is also written ${token.text[1:]}; "
                "'$' marks a parameter and '?' a variable"
            )
    return found, frozenset(names)


def parameters(text: str) -> frozenset[str]:
    """The names written with `$`; raises QuerySyntaxError where one is written with `?` too."""
    return _signed(text)[1]


def _is_term(term: str) -> bool:
    """Whether a text is one IRI or one literal in N-Triples form."""
    try:
        found = list(tokens(term))
    except QuerySyntaxError:
        return False
    kinds = [token.text if token.kind == "sign" else token.kind for token in found]
    tight = sum(token.end - token.start for token in found) == len(term)
    return tight and kinds in (["iri"], ["string"], ["string", "language"], ["string", "^^", "iri"])


def bind(text: str, terms: Mapping[str, str | Sequence[str]]) -> str:
    """The query with the N-Triples form of a term, or of several, in place of each `$name`.

    Nothing else changes: not strings, comments, IRIs, nor parameters without a term here.
    Raises ParameterError for a name that the query does not use, or a text that is no term.
    """
    found, names = _signed(text)
    written: dict[str, str] = {}
    for name, value in terms.items():
        if name not in names:
            raise ParameterError(f"the query has no parameter ${name}")
        each = [value] if isinstance(value, str) else value
        for term in each:
            if not _is_term(term):
                raise ParameterError(
                    f"${name}: {term!r} is not one IRI or literal in N-Triples form"
                )
        written[name] = ", ".join(each)
    parts: list[str] = []
    done = 0
    for token in found:
        if token.kind == "variable" and token.text[0] == "$" and token.text[1:] in written:
            # A space on either side: `<$x` must not become `<<`, nor `"a"$x` a longer string.
            before = "" if text[token.start - 1 : token.start].strip() == "" else " "
            after = "" if text[token.end : token.end + 1].strip() == "" else " "
            parts += text[done : token.start], before, written[token.text[1:]], after
            done = token.end
    parts.append(text[done:])
    return "".join(parts)
