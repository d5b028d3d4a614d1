"""The terminals of SPARQL in a text, and where each stands in the text as it was given."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, cast

from kg.errors import QuerySyntaxError

Kind = Literal["iri", "name", "blank", "variable", "string", "language", "number", "word", "sign"]


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


def decoded(text: str) -> tuple[str, list[int] | None]:
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
    return decoded(text)[0]


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
    plain, offsets = decoded(text)
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
