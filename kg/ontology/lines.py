"""Where a Turtle file says what: every IRI with its line, and the block that describes it.

A small lexer, because no parser keeps positions. It reads what a parser has accepted; of
a broken file it gives what it can.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

from kg import vocab

_TOKEN: Final = re.compile(
    r"""
      (?P<space>\s+|\#[^\n]*)
    | (?P<string>\"\"\"(?:[^"\\]|\\.|"(?!""))*\"\"\"|'''(?:[^'\\]|\\.|'(?!''))*'''
        |"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    | (?P<iri><[^<>"{}|^`\\\x00-\x20]*(?:\\u[0-9A-Fa-f]{4}[^<>"{}|^`\\\x00-\x20]*)*>)
    | (?P<directive>@(?:prefix|base)\b)
    | (?P<language>@[A-Za-z]+(?:-[A-Za-z0-9]+)*)
    | (?P<datatype>\^\^)
    | (?P<blank>_:[\w.\-·]*[\w\-·])
    | (?P<number>[+-]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?(?![\w:]))
    | (?P<name>(?:[^\W\d_](?:[\w.\-·]*[\w\-·])?)?:
        (?:(?:[\w:]|%[0-9A-Fa-f]{2}|\\[_~.\-!$&'()*+,;=/?\#@%])
           (?:(?:[\w.:\-·]|%[0-9A-Fa-f]{2}|\\[_~.\-!$&'()*+,;=/?\#@%])*
              (?:[\w:\-·]|%[0-9A-Fa-f]{2}|\\[_~.\-!$&'()*+,;=/?\#@%]))?)?)
    | (?P<word>[A-Za-z]+)
    | (?P<mark>[.;,\[\]()])
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    """One token of a Turtle file, with its place (both counted from 1)."""

    kind: str
    text: str
    line: int
    column: int


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a Turtle text, without space and comments."""
    line, start = 1, 0
    for match in _TOKEN.finditer(text):
        kind, value = str(match.lastgroup), match.group()
        if kind != "space":
            yield Token(kind, value, line, match.start() - start + 1)
        if "\n" in value:
            line += value.count("\n")
            start = match.start() + value.rindex("\n") + 1


@dataclass(frozen=True)
class Statement:
    """The block of one subject. An IRI of a blank node, a list or a literal stands as ""."""

    subject: str
    line: int
    #: (predicate, object, line) of the outermost level.
    pairs: tuple[tuple[str, str, int], ...]
    #: Every IRI in the block, however deep, with its line.
    mentions: tuple[tuple[str, int], ...]

    def line_of(self, iri: str) -> int:
        """The line of the first mention of `iri`; that of the block where it has none."""
        return next((line for mentioned, line in self.mentions if mentioned == iri), self.line)


class Layout:
    """What one Turtle file says where."""

    def __init__(self, text: str, base: str = "") -> None:
        self.base = base
        #: Prefix → namespace, as declared in the file.
        self.prefixes: dict[str, str] = {}
        #: The blocks in the order of the file.
        self.statements: list[Statement] = []
        #: Prefixed names whose prefix the file does not declare.
        self.undefined: list[Token] = []
        block: list[Token] = []
        depth = 0
        stream = iter(tokens(text))
        for token in stream:
            if not block and (
                token.kind == "directive"
                or (token.kind == "word" and token.text.upper() in {"PREFIX", "BASE"})
            ):
                self._declare(token, stream)
                continue
            if token.kind == "mark":
                depth += (token.text in "[(") - (token.text in "])")
            if depth <= 0 and token.kind == "mark" and token.text == ".":
                if block:
                    self.statements.append(self._statement(block))
                block, depth = [], 0
            else:
                block.append(token)
        if block:
            self.statements.append(self._statement(block))

    def _declare(self, directive: Token, stream: Iterator[Token]) -> None:
        name = next(stream, directive)
        if directive.text.lower().endswith("base"):
            self.base = urljoin(self.base, name.text[1:-1])
        else:
            self.prefixes[name.text.rstrip(":")] = next(stream, name).text[1:-1]
        if directive.kind == "directive":
            next(stream, None)

    def _iri(self, token: Token) -> str:
        if token.kind == "iri":
            return urljoin(self.base, token.text[1:-1]) if self.base else token.text[1:-1]
        if token.kind == "word":
            return vocab.RDF + "type" if token.text == "a" else ""
        if token.kind != "name":
            return ""
        prefix, _, local = token.text.partition(":")
        if prefix not in self.prefixes:
            self.undefined.append(token)
        return self.prefixes.get(prefix, prefix + ":") + re.sub(r"\\(.)", r"\1", local)

    def _statement(self, block: list[Token]) -> Statement:
        mentions: list[tuple[str, int]] = []
        pairs: list[tuple[str, str, int]] = []
        depth, predicate, awaits = 0, "", "subject"
        subject = ""
        for token in block:
            iri = self._iri(token)
            if iri and token.kind != "word":
                mentions.append((iri, token.line))
            opens = token.kind == "mark" and token.text in "[("
            closes = token.kind == "mark" and token.text in "])"
            if depth or closes:
                depth += opens - closes
                continue
            depth += opens
            if token.kind == "mark" and not opens:
                awaits = "object" if token.text == "," else "predicate"
            elif awaits == "subject":
                subject, awaits = iri, "predicate"
            elif awaits == "predicate":
                predicate, awaits = iri, "object"
            elif awaits == "object":
                pairs.append((predicate, iri, token.line))
                awaits = ""
        return Statement(subject, block[0].line, tuple(pairs), tuple(mentions))


def where(folder: Path) -> dict[str, tuple[str, int]]:
    """Every IRI that a Turtle file below `folder` describes → (file, line) of its block.

    The file is relative to the folder's parent (`ontology/place.ttl`). A block with a type
    goes before one that only adds to a term of another module.
    """
    found: dict[str, tuple[str, int]] = {}
    added: dict[str, tuple[str, int]] = {}
    for path in sorted(folder.rglob("*.ttl")):
        if "releases" in path.relative_to(folder).parts:
            continue
        name = path.relative_to(folder.parent).as_posix()
        for statement in Layout(path.read_text(encoding="utf-8", errors="replace")).statements:
            typed = any(pair[0] == vocab.RDF + "type" for pair in statement.pairs)
            (found if typed else added).setdefault(statement.subject, (name, statement.line))
    added.update(found)
    added.pop("", None)
    return added
