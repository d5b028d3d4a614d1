"""Turtle as a tree for the formatter: blocks with ordered predicates, and the comments of each.

It reads what a parser has accepted, in RDF 1.1; what it does not know it refuses with its place.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final, Literal, NoReturn

from kg import vocab
from kg.errors import InputError

#: The order of predicates; one that is not named stands where `…` is, in the author's order.
ORDER: Final = (
    f"{vocab.RDF}type",
    f"{vocab.SH}path",
    f"{vocab.OWL}equivalentClass",
    f"{vocab.RDFS}subClassOf",
    f"{vocab.OWL}disjointWith",
    f"{vocab.OWL}equivalentProperty",
    f"{vocab.RDFS}subPropertyOf",
    f"{vocab.OWL}inverseOf",
    f"{vocab.OWL}propertyChainAxiom",
    f"{vocab.RDFS}domain",
    f"{vocab.RDFS}range",
    f"{vocab.RDFS}label",
    f"{vocab.SKOS}prefLabel",
    f"{vocab.SKOS}altLabel",
    f"{vocab.SKOS}definition",
    "…",
    f"{vocab.RDFS}isDefinedBy",
)
_RANK: Final = {iri: rank for rank, iri in enumerate(ORDER)}

_LANGUAGES: Final = {"en": 0, "zh": 1}
#: Datatype → what its plain form must look like; xsd:string needs no suffix at all.
_PLAIN: Final = {
    f"{vocab.XSD}integer": re.compile(r"[+-]?[0-9]+"),
    f"{vocab.XSD}decimal": re.compile(r"[+-]?[0-9]*\.[0-9]+"),
    f"{vocab.XSD}double": re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][+-]?[0-9]+"),
    f"{vocab.XSD}boolean": re.compile(r"true|false"),
}

# The grammar of RDF 1.1 Turtle, section 6.5.
_BASE: Final = (
    "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d"
    "\u2070-\u218f\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_CHARS: Final = _BASE + r"_0-9\-" + "\u00b7\u0300-\u036f\u203f-\u2040"
_ESCAPED: Final = r"%[0-9A-Fa-f]{2}|\\[_~.\-!$&'()*+,;=/?#@%]"
_TOKEN: Final = re.compile(
    rf"""
      (?P<comment>\#[^\n\r]*)
    | (?P<long>\"\"\"(?:\"{{0,2}}(?:[^"\\]|\\.))*\"\"\"|'''(?:'{{0,2}}(?:[^'\\]|\\.))*''')
    | (?P<string>"(?:[^"\\\n\r]|\\.)*"|'(?:[^'\\\n\r]|\\.)*')
    | (?P<iri><(?:[^\x00-\x20<>"{{}}|^`\\]|\\u[0-9A-Fa-f]{{4}}|\\U[0-9A-Fa-f]{{8}})*>)
    | (?P<directive>@(?:prefix|base)\b)
    | (?P<language>@[A-Za-z]+(?:-[A-Za-z0-9]+)*)
    | (?P<datatype>\^\^)
    | (?P<blank>_:[{_BASE}_0-9](?:[{_CHARS}.]*[{_CHARS}])?)
    | (?P<number>[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][+-]?[0-9]+|[0-9]*\.[0-9]+|[0-9]+))
    | (?P<name>(?:[{_BASE}](?:[{_CHARS}.]*[{_CHARS}])?)?:
        (?:(?:[{_BASE}_:0-9]|{_ESCAPED})
           (?:(?:[{_CHARS}.:]|{_ESCAPED})*(?:[{_CHARS}:]|{_ESCAPED}))?)?)
    | (?P<word>[A-Za-z]+)
    | (?P<mark>[.;,\[\]()])
    """,
    re.VERBOSE | re.DOTALL,
)
LOCAL: Final = re.compile(rf"[{_BASE}_0-9](?:[{_CHARS}.]*[{_CHARS}])?")
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_UNESCAPE: Final = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_CONTROL: Final = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f"}
_SHOWN: Final = {"\\": "\\\\", "\t": "\\t", "\b": "\\b", "\n": "\\n", "\r": "\\r", "\f": "\\f"}


@dataclass
class Comment:
    """A comment on a line of its own."""

    text: str
    blank: int  #: empty lines above it


@dataclass
class Token:
    """A token with its place, and the comments around it."""

    kind: str
    text: str
    line: int
    last: int  #: the line on which it ends
    blank: int  #: empty lines above it
    before: list[Comment]
    after: str = ""


@dataclass
class Node:
    """A term, `[ … ]` or `( … )`, with the comments that belong to it."""

    kind: Literal["term", "blank", "list"]
    text: str = ""
    pairs: list[Pair] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)
    language: str = ""
    named: bool = False
    line: int = 0
    last: int = 0
    lead: list[str] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)  #: before its closing bracket
    trail: str = ""  #: at the end of its line


@dataclass
class Pair:
    """A predicate and its objects, with the comments that belong to it."""

    verb: str
    iri: str
    objects: list[Node]
    lead: list[str] = field(default_factory=list)
    trail: str = ""


@dataclass
class Prefix:
    """A declaration of a prefix or a base."""

    name: str  #: "" with `base`
    iri: str
    lead: list[Comment]
    blank: int
    trail: str = ""
    base: bool = False


@dataclass
class Statement:
    """One block: a subject and its predicates, in their order."""

    subject: Node
    pairs: list[Pair]
    lead: list[Comment]
    blank: int
    row: bool = False


class Parser:
    """Reads what the store's parser has accepted into statements with their comments."""

    def __init__(self, text: str, name: str) -> None:
        self._name = name
        self._prefixes: dict[str, str] = {}
        self._tokens, self._rest = self._lex(text)
        self._at = 0
        #: Comments met where they cannot stand: they go to what comes next.
        self._carried: list[Comment] = []

    def _refuse(self, line: int, column: int, what: str) -> NoReturn:
        raise InputError(f"{self._name}:{line}:{column}: {what} cannot be formatted")

    def _lex(self, text: str) -> tuple[list[Token], list[Comment]]:
        found: list[Token] = []
        comments: list[Comment] = []
        at, line, start, fresh = 0, 1, 0, True
        blank = 0
        text = text.removeprefix("\ufeff")
        while True:
            space = _SPACE.match(text, at)
            assert space is not None  # noqa: S101 - the pattern matches the empty string
            breaks = len(re.findall(r"\r\n|\r|\n", space.group()))
            if breaks:
                fresh, blank = True, max(0, breaks - (1 if found or comments else 0))
                line += breaks
                start = at + max(space.group().rfind("\n"), space.group().rfind("\r")) + 1
            at = space.end()
            if at == len(text):
                return found, comments
            match = _TOKEN.match(text, at)
            if match is None:
                self._refuse(line, at - start + 1, repr(text[at]))
            kind, value = str(match.lastgroup), match.group()
            if kind == "comment":
                if fresh or not found:
                    comments.append(Comment(value.rstrip(), blank))
                else:
                    found[-1].after = value.rstrip()
            else:
                breaks = len(re.findall(r"\r\n|\r|\n", value))
                found.append(Token(kind, value, line, line + breaks, blank, comments))
                line, comments, fresh = line + breaks, [], False
            at, blank = match.end(), 0

    def document(self) -> tuple[list[Prefix | Statement], list[Comment]]:
        """The statements in the order of the text, and the comments after the last."""
        parts: list[Prefix | Statement] = []
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.kind == "directive" or (
                token.kind == "word" and token.text.upper() in {"PREFIX", "BASE"}
            ):
                parts.append(self._directive())
            else:
                parts.append(self._statement())
        return parts, self._carried + self._rest

    def _take(self) -> Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _peek(self) -> str:
        return self._tokens[self._at].text if self._tokens[self._at].kind == "mark" else ""

    def _comments(self, token: Token) -> list[Comment]:
        """The comments above a token, with those carried to it."""
        found, self._carried = self._carried + token.before, []
        return found

    def _carry(self, token: Token) -> None:
        """Let the comment at a token's end go to what comes next."""
        if token.after:
            self._carried.append(Comment(token.after, 0))

    def _directive(self) -> Prefix:
        first = self._take()
        blank = first.blank
        used = [first]
        base = first.text.lower().endswith("base")
        if not base:
            used.append(self._take())
        used.append(self._take())
        prefix = Prefix("" if base else used[1].text, used[-1].text, [], blank, base=base)
        if first.kind == "directive":
            used.append(self._take())
        if not base:
            self._prefixes[prefix.name[:-1]] = prefix.iri[1:-1]
        prefix.lead = self._carried + [comment for token in used for comment in token.before]
        self._carried = []
        prefix.trail = " ".join(token.after for token in used if token.after)
        return prefix

    def _statement(self) -> Statement:
        first = self._tokens[self._at]
        lead = self._comments(first)
        first.before = []
        subject = self._node()
        if subject.trail:
            self._carried.append(Comment(subject.trail, 0))
            subject.trail = ""
        pairs = self._pairs(".")
        statement = Statement(subject, pairs, lead, first.blank)
        dot = self._take()
        statement.row = first.line == dot.last
        rest = [comment.text for comment in self._comments(dot)]
        if pairs:
            pairs[-1].trail = joined(pairs[-1].trail, dot.after)
        elif dot.after:
            rest.append(dot.after)
        self._carried += [Comment(text, 0) for text in rest]
        statement.pairs = _ordered(pairs)
        if pairs:
            statement.lead += [Comment(text, 0) for text in statement.pairs[0].lead]
            statement.pairs[0].lead = []
        return statement

    def _pairs(self, end: str) -> list[Pair]:
        """Predicates with their objects, up to the closing mark, which stays."""
        pairs: list[Pair] = []
        while self._peek() != end:
            token = self._tokens[self._at]
            if self._peek() == ";":
                self._at += 1
                self._carried += token.before
                if pairs and not self._carried:
                    pairs[-1].trail = joined(pairs[-1].trail, token.after)
                else:
                    self._carry(token)
                continue
            lead = [comment.text for comment in self._comments(token)]
            self._at += 1
            self._carry(token)
            iri = self._iri(token)
            verb = "a" if iri == f"{vocab.RDF}type" else token.text
            objects = _sorted(self._objects())
            pairs.append(Pair(verb, iri, objects, lead, objects[-1].trail))
            objects[-1].trail = ""  # it stands at the end of the predicate
        return pairs

    def _objects(self) -> list[Node]:
        found = [self._node()]
        while self._peek() == ",":
            comma = self._take()
            if comma.before:
                self._carried += comma.before
                self._carry(comma)
            else:
                found[-1].trail = joined(found[-1].trail, comma.after)
            found.append(self._node())
        return found

    def _iri(self, token: Token) -> str:
        if token.text == "a":
            return f"{vocab.RDF}type"
        if token.kind == "iri":
            return token.text[1:-1]
        prefix, _, local = token.text.partition(":")
        return self._prefixes.get(prefix, "") + local

    def _node(self) -> Node:
        token = self._take()
        lead = [comment.text for comment in self._comments(token)]
        node = Node("term", token.text, line=token.line, last=token.last, lead=lead)
        ends = token
        if token.kind in {"string", "long"}:
            node.text, ends = self._literal(token, node)
        elif token.text == "[" and token.kind == "mark":
            node.kind = "blank"
            self._carry(token)
            node.pairs = _ordered(self._pairs("]"))
            ends = self._close(node)
        elif token.text == "(" and token.kind == "mark":
            node.kind = "list"
            self._carry(token)
            while self._peek() != ")":
                node.items.append(self._node())
            ends = self._close(node)
        node.named = token.kind in {"iri", "name"}
        node.last = ends.last
        node.trail = joined(node.trail, ends.after)
        return node

    def _close(self, node: Node) -> Token:
        token = self._take()
        node.tail = [comment.text for comment in self._comments(token)]
        return token

    def _literal(self, token: Token, node: Node) -> tuple[str, Token]:
        """A string with its language or datatype, in its shortest form."""
        value = _unescaped(token.text[3:-3] if token.kind == "long" else token.text[1:-1])
        long = token.kind == "long" and ("\n" in value or '"' in value)
        text = quoted(value, long=long)
        following = self._tokens[self._at]
        if following.kind not in {"language", "datatype"}:
            return text, token
        self._at += 1
        node.lead += [comment.text for comment in following.before]
        if following.kind == "language":
            node.language = following.text[1:].lower()
            node.trail = token.after
            return text + following.text, following
        datatype = self._take()
        node.lead += [comment.text for comment in datatype.before]
        node.trail = joined(token.after, following.after)
        iri = self._iri(datatype)
        if iri == f"{vocab.XSD}string":
            return text, datatype
        if iri in _PLAIN and _PLAIN[iri].fullmatch(value):
            return value, datatype
        return f"{text}^^{datatype.text}", datatype


def joined(*comments: str) -> str:
    """What is not empty, on one line."""
    return " ".join(comment for comment in comments if comment)


def _unescaped(text: str) -> str:
    def plain(match: re.Match[str]) -> str:
        code = match[1] or match[2]
        return chr(int(code, 16)) if code else _CONTROL.get(match[3], match[3])

    return _UNESCAPE.sub(plain, text)


def quoted(value: str, *, long: bool) -> str:
    """A string in double quotes; what cannot be seen is escaped."""
    shown = []
    for at, sign in enumerate(value):
        if sign == '"':
            apart = long and at + 1 < len(value) and value[at + 1] != '"'
            shown.append(sign if apart else '\\"')
        elif long and sign in "\n\t":
            shown.append(sign)
        elif sign in _SHOWN:
            shown.append(_SHOWN[sign])
        elif sign.isprintable() or unicodedata.category(sign) in {"Co", "Cn"}:
            shown.append(sign)
        else:
            shown.append(f"\\u{ord(sign):04X}" if ord(sign) < 0x10000 else f"\\U{ord(sign):08X}")
    quote = '"""' if long else '"'
    return f"{quote}{''.join(shown)}{quote}"


def _ordered(pairs: list[Pair]) -> list[Pair]:
    return sorted(pairs, key=lambda pair: _RANK.get(pair.iri, _RANK["…"]))


def _sorted(objects: list[Node]) -> list[Node]:
    """Labels by language, English and Chinese first; other objects in the author's order."""
    if not all(item.language for item in objects):
        return objects
    return sorted(
        objects,
        key=lambda item: (_LANGUAGES.get(item.language, 2), item.language),
    )
