"""What can be said of a SPARQL query from its text alone: tokens, form, parameters.

`check` promises that a text which passes is one SPARQL query that reaches nothing outside
its dataset, also where the engine reads `SERVICEex:x` or `trueSERVICE` as two words. It
parses and never evaluates. Positions are those of the text as it was given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple, cast

from pyoxigraph import DefaultGraph, Store

from kg.errors import ParameterError, QuerySyntaxError, ServiceRefused

Form = Literal["SELECT", "ASK", "CONSTRUCT", "DESCRIBE"]
Kind = Literal["iri", "name", "blank", "variable", "string", "language", "number", "word", "sign"]

_FORMS: Final = ("SELECT", "ASK", "CONSTRUCT", "DESCRIBE")
_UPDATES: Final = frozenset(
    ("INSERT", "DELETE", "LOAD", "CLEAR", "DROP", "CREATE", "ADD", "MOVE", "COPY", "WITH")
)

# The engine's parser recurses at each of these, and takes the process with it when its
# thread's stack ends (seen at 10,000).
_MAX_DEPTH: Final = 200
_MAX_CHAIN: Final = 1000


class Token(NamedTuple):
    """One terminal: its text with codepoint escapes resolved, and its place in the given text."""

    kind: Kind
    text: str
    start: int
    end: int


_BASE_CHAR = (
    "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d"
    "\u2070-\u218f\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_FIRST = f"{_BASE_CHAR}_0-9"
_NAME_CHAR = f"{_FIRST}\u00b7\u0300-\u036f\u203f-\u2040"
_ESCAPED = r"%[0-9A-Fa-f]{2}|\\[_~.\-!$&'()*+,;=/?#@%]"
_CODEPOINT = r"\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}"
_ECHAR = r"\\[tbnrf\\\"']|" + _CODEPOINT

_GAP: Final = re.compile(r"(?:[ \t\r\n]|#[^\r\n]*)+")
_IRI: Final = re.compile(rf'<(?:[^\x00-\x20<>"{{}}|^`\\]|{_CODEPOINT})*+>')
# A prefix is bounded, so that a text of words and dots is not read anew from each word to its end.
_TERMINAL: Final = re.compile(
    rf"""
      (?P<string> '''(?:'{{0,2}}(?:[^'\\]|{_ECHAR}))*+'''
                | \"""(?:"{{0,2}}(?:[^"\\]|{_ECHAR}))*+\"""
                | '(?!'')(?:[^'\\\r\n]|{_ECHAR})*+' | "(?!"")(?:[^"\\\r\n]|{_ECHAR})*+" )
    | (?P<variable> [?$][{_FIRST}][{_NAME_CHAR}]*+ )
    | (?P<blank> _:[{_FIRST}](?:\.*[{_NAME_CHAR}-])*+ )
    | (?P<name> (?:[{_BASE_CHAR}](?:\.{{0,9}}[{_NAME_CHAR}-]){{0,250}}+)?
                :(?:(?:[{_FIRST}:]|{_ESCAPED})(?:\.*(?:[{_NAME_CHAR}:-]|{_ESCAPED}))*+)?+ )
    | (?P<number> (?:[0-9]+\.[0-9]*|\.?[0-9]+)[eE][+-]?[0-9]+ | [0-9]*\.[0-9]+ | [0-9]+ )
    | (?P<word> [A-Za-z_][A-Za-z0-9_]*+ )
    | (?P<language> @[a-zA-Z]+(?:-[a-zA-Z0-9]+)*+(?:--[a-z]+)? )
    | (?P<sign> \^\^ | && | \|\| | != | <= | >= | >> | [{{}}()\[\],;.=<>!+\-*/|^?~] )
    """,
    re.VERBOSE,
)

# Section 19.2: an escape stands for a character "that would be legal at that point", so one
# that would open, close or part a token stays as it is: legal inside a string, or an error.
_ESCAPE: Final = re.compile(rf"\\\\|{_CODEPOINT}")
_DELIMITERS: Final = frozenset("\"'\\<>{}|^`#") | {chr(code) for code in range(0x21)}


def _decoded(text: str) -> tuple[str, list[int] | None]:
    """The text with codepoint escapes resolved, and for each of its offsets the given one."""
    if "\\u" not in text and "\\U" not in text:
        return text, None
    parts: list[str] = []
    offsets: list[int] = []
    done = 0
    for match in _ESCAPE.finditer(text):
        code = -1 if match[0] == "\\\\" else int(match[0][2:], 16)
        legal = 0 <= code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF
        if not legal or chr(code) in _DELIMITERS:
            continue
        parts += text[done : match.start()], chr(code)
        offsets += range(done, match.start() + 1)
        done = match.end()
    parts.append(text[done:])
    offsets += range(done, len(text) + 1)
    return "".join(parts), offsets


def decode(text: str) -> str:
    r"""The same query with its `\u` and `\U` escapes resolved, those of delimiters excepted.

    The engine knows these escapes in strings and IRIs only, so this is the text to give it.
    """
    return _decoded(text)[0]


def position(text: str, offset: int) -> str:
    """Where an offset stands, for a message: `line 3, column 14`."""
    line = text.count("\n", 0, offset) + 1
    return f"line {line}, column {offset - text.rfind(chr(10), 0, offset)}"


def _is_operand(token: Token) -> bool:
    """Whether, inside an expression, an operator and no operand may follow this token."""
    if token.kind == "sign":
        return token.text in {")", "]", "}", ">>"}
    return token.kind != "word" or token.text.lower().endswith(("true", "false"))


def tokens(text: str) -> Iterator[Token]:
    """The terminals of a query in order; white space and comments lie between them.

    Raises QuerySyntaxError at the first character that no terminal can start with.
    """
    plain, offsets = _decoded(text)
    at, end = 0, len(plain)
    brackets: list[str] = []
    previous: Token | None = None
    while True:
        if gap := _GAP.match(plain, at):
            at = gap.end()
        if at == end:
            return
        start = offsets[at] if offsets else at
        match = _IRI.match(plain, at)
        if match and previous and brackets[-1:] == ["("] and _is_operand(previous):
            # `(?a<?b&&?c>2)` compares and `(?a <b>)` lists; no comparison goes on with `x://`.
            scheme = re.match(r"<[A-Za-z][A-Za-z0-9+.-]*:(//)?", match[0])
            if not (scheme and scheme[1]) and ("'" in match[0] or "#" in match[0]):
                raise QuerySyntaxError(
                    f"{position(text, start)}: {match[0]} may be an IRI or a comparison; "
                    "put a space after '<', or write the IRI with a prefix"
                )
            match = match if scheme else None
        kind: Kind = "iri"
        if match is None:
            match = _TERMINAL.match(plain, at)
            if match is None:
                raise QuerySyntaxError(
                    f"{position(text, start)}: {plain[at : at + 12]!r} starts no SPARQL token"
                    + (" (a string that is not closed?)" if plain[at] in "\"'" else "")
                )
            kind = cast(Kind, match.lastgroup)
            if kind == "sign" and match[0] in "([{":
                brackets.append(match[0])
            elif kind == "sign" and match[0] in ")]}" and brackets:
                brackets.pop()
        at = match.end()
        previous = Token(kind, match[0], start, offsets[at] if offsets else at)
        yield previous


def _service(found: list[Token]) -> Token | None:
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


def form(text: str) -> Form:
    """Which of the four forms a query has; raises QuerySyntaxError where it has none."""
    return _form(text, list(tokens(text)))


def _form(text: str, found: list[Token]) -> Form:
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


def _parse(text: str) -> None:
    plain, offsets = _decoded(text)
    try:
        # Store.query evaluates ASK, ORDER BY and aggregates at once, without a deadline. Two
        # arguments that exclude each other stop it after it has parsed and before it evaluates.
        Store().query(plain, use_default_graph_as_union=True, default_graph=DefaultGraph())
    except SyntaxError as error:
        match = _ENGINE_ERROR.match(str(error))
        if match is None:
            raise QuerySyntaxError(f"not a SPARQL 1.1 query: {error}") from None
        lines = plain.split("\n")
        at = sum(len(line) + 1 for line in lines[: int(match[1]) - 1]) + int(match[2]) - 1
        at = min(at, len(plain))
        wanted = [item.strip() for item in _EXPECTATION.findall(match[3]) if item.strip()]
        reasons = [item for item in wanted if re.search(r"[a-z] [a-z]", item)]
        near = plain[at:].strip().split("\n")[0][:20]
        raise QuerySyntaxError(
            f"{position(text, offsets[at] if offsets else at)}: "
            + (f"{near!r} cannot stand here" if near else "the query ends too early")
            + (f": {reasons[0]}" if reasons else "")
            + (f"; expected {' or '.join(wanted)}" if not reasons and 0 < len(wanted) < 4 else "")
        ) from None
    except ValueError as error:
        if isinstance(error, UnicodeEncodeError):
            where = position(plain, error.start)
            raise QuerySyntaxError(f"{where}: a surrogate is not a character") from None


def _bounded(text: str, found: list[Token]) -> None:
    depth = chain = 0
    for token in found:
        if token.kind == "sign":
            depth += (token.text in "([{") - (token.text in ")]}")
            chain += token.text in "!/"
        if depth > _MAX_DEPTH or chain > _MAX_CHAIN:
            raise QuerySyntaxError(
                f"{position(text, token.start)}: too deep for the parser; expected at most "
                f"{_MAX_DEPTH} open brackets and {_MAX_CHAIN} of the signs '!' and '/'"
            )


def check(text: str) -> Form:
    """The form of a query that is SPARQL 1.1 and names no SERVICE.

    Raises QuerySyntaxError (an update too) or ServiceRefused, each with line and column.
    """
    found = list(tokens(text))
    if service := _service(found):
        raise ServiceRefused(
            f"{position(text, service.start)}: SERVICE is refused, a query reaches no network"
        )
    result = _form(text, found)
    _bounded(text, found)
    _parse(text)
    return result


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


def bind(text: str, terms: Mapping[str, str]) -> str:
    """The query with the N-Triples form of a term in place of each `$name`.

    Nothing else changes: not strings, comments, IRIs, nor parameters without a term here.
    Raises ParameterError for a name that the query does not use, or a text that is no term.
    """
    found, names = _signed(text)
    for name, term in terms.items():
        if name not in names:
            raise ParameterError(f"the query has no parameter ${name}")
        if not _is_term(term):
            raise ParameterError(f"${name}: {term!r} is not one IRI or literal in N-Triples form")
    parts: list[str] = []
    done = 0
    for token in found:
        if token.kind == "variable" and token.text[0] == "$" and token.text[1:] in terms:
            # A space on either side: `<$x` must not become `<<`, nor `"a"$x` a longer string.
            before = "" if text[token.start - 1 : token.start].strip() == "" else " "
            after = "" if text[token.end : token.end + 1].strip() == "" else " "
            parts += text[done : token.start], before, terms[token.text[1:]], after
            done = token.end
    parts.append(text[done:])
    return "".join(parts)
