"""Where a file names a term, whatever its language: Turtle, SPARQL, YAML, tables, code.

A mention is a token that is the term: not a longer name, not a word in a string or comment.
Two kinds of text are read where they are the language of what stands inside them: the SPARQL
of a shape, and the `#+` header of a query. So what is found can be replaced.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import yaml

from kg import sparql, vocab
from kg.errors import QuerySyntaxError
from kg.ontology import lines


class Mention(NamedTuple):
    """One place that names a term: its characters `start` to `end`, and its line from 1."""

    iri: str
    start: int
    end: int
    line: int


#: How a file's name ends → how its text is read.
LANGUAGES: Final[Mapping[str, str]] = {
    ".ttl": "turtle", ".trig": "turtle", ".rq": "sparql", ".yml": "yaml", ".yaml": "yaml",
    ".csv": "plain", ".tsv": "plain", ".md": "plain", ".py": "code",
}  # fmt: skip

_LOCAL: Final = r"[^\W\d](?:[\w.-]*[\w-])?"
_PLAIN: Final = re.compile(
    rf"<(?P<iri>[a-z]+://[^\s<>\"]+)>"
    rf"|(?<![\w:/#.@$?-])(?P<bare>https?://[^\s<>\"|,;`'()\[\]]*[\w/#])"
    rf"|(?<![\w:/#.@$?-])(?P<prefix>[A-Za-z][\w-]*):(?P<local>{_LOCAL})(?![\w:/-])"
)
_CODE: Final = re.compile(rf'\bAIC \+ "(?P<local>{_LOCAL})"')
_QUERIES: Final = frozenset(vocab.SH + name for name in ("select", "ask", "construct", "update"))


def mentions(text: str, language: str) -> list[Mention]:
    """Every term that the text names, in order; of broken text, what can be found."""
    read = {"turtle": _turtle, "sparql": _sparql, "yaml": _yaml, "plain": _plain, "code": _code}
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    found = []
    line = 0
    for iri, start, end in sorted(read[language](text), key=lambda each: each[1]):
        while line + 1 < len(starts) and starts[line + 1] <= start:
            line += 1
        found.append(Mention(iri, start, end, line + 1))
    return found


def in_file(path: Path) -> list[Mention]:
    """The mentions of one file; none where its kind of file names no terms."""
    language = LANGUAGES.get(path.suffix)
    if language is None:
        return []
    return mentions(path.read_text(encoding="utf-8", errors="replace"), language)


def replaced(text: str, language: str, names: Mapping[str, str], keep: Collection[int] = ()) -> str:
    """The text with each mention of a key of `names` replaced by its value; nothing else moves.

    A prefixed name stays one where old and new stand in one namespace, else becomes an IRI.
    Mentions that start at a place of `keep` stay.
    """
    parts: list[str] = []
    done = 0
    for mention in mentions(text, language):
        if mention.iri in names and mention.start not in keep:
            old = text[mention.start : mention.end]
            parts += text[done : mention.start], _written(old, mention.iri, names[mention.iri])
            done = mention.end
    return "".join([*parts, text[done:]])


def _written(old: str, iri: str, new: str) -> str:
    """`new` as the token `old` writes `iri`: as an IRI, a prefixed name or a bare local name."""
    if new == iri:
        return old
    if iri in old:
        return old.replace(iri, new)
    prefix, colon, local = old.rpartition(":")
    local = re.sub(r"\\(.)", r"\1", local)
    namespace = iri.removesuffix(local)
    if not new.startswith(namespace):
        return f"<{new}>"
    return f"{prefix}{colon}{new[len(namespace) :]}"


Place = tuple[str, int, int]


def _turtle(text: str) -> Iterator[Place]:
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    prefixes = dict[str, str]()
    before = ""
    stream = lines.tokens(text)
    for token in stream:
        start = starts[token.line - 1] + token.column - 1
        end = start + len(token.text)
        if token.kind == "directive" or (
            token.kind == "word" and token.text.upper() in {"PREFIX", "BASE"}
        ):
            name = next(stream, token)
            if name.kind == "name":
                prefixes[name.text.rstrip(":")] = next(stream, name).text[1:-1]
            continue
        if token.kind == "iri":
            before = token.text[1:-1]
            yield before, start, end
        elif token.kind == "name":
            prefix, _, local = token.text.partition(":")
            before = prefixes.get(prefix, prefix + ":") + re.sub(r"\\(.)", r"\1", local)
            yield before, start, end
        elif token.kind == "string" and before in _QUERIES:
            width = 3 if token.text[:3] in ('"""', "'''") else 1
            inside = token.text[width:-width]
            for iri, low, high in _sparql(inside, vocab.PREFIXES | prefixes):
                yield iri, start + width + low, start + width + high


def _sparql(text: str, known: Mapping[str, str] = vocab.PREFIXES) -> Iterator[Place]:
    prefixes = dict(known)
    try:
        stream = iter(list(sparql.tokens(text)))
    except QuerySyntaxError:
        yield from _plain(text)
        return
    for token in stream:
        if token.kind == "word" and token.text.upper() == "PREFIX":
            name, target = next(stream, token), next(stream, token)
            prefixes[name.text.rstrip(":")] = target.text[1:-1]
        elif token.kind == "iri":
            yield token.text[1:-1], token.start, token.end
        elif token.kind == "name":
            prefix, _, local = token.text.partition(":")
            iri = prefixes.get(prefix, prefix + ":") + re.sub(r"\\(.)", r"\1", local)
            yield iri, token.start, token.end
    # The header: CURIEs, and the bare names of classes that a `class` parameter takes.
    for header in re.finditer(r"^#\+.*$", text, re.MULTILINE):
        at, line = header.start(), header[0]
        for iri, start, end in _plain(line):
            yield iri, at + start, at + end
        if re.search(r"\btype:\s*class\b", line):
            for bare in re.finditer(rf"\b(?:example|default):\s*({_LOCAL})(?![\w:/-])", line):
                yield vocab.AIC + bare[1], at + bare.start(1), at + bare.end(1)


def _yaml(text: str) -> Iterator[Place]:
    prefixes = dict(vocab.PREFIXES)
    scalars: list[tuple[str, int, int]] = []
    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.ScalarToken):
                # A scalar over several lines, or with escapes, names no term.
                raw = text[token.start_mark.index : token.end_mark.index]
                shift = 0 if token.plain else 1
                if raw[shift : len(raw) - shift] == token.value:
                    scalars.append((token.value, token.start_mark.index + shift, 0))
    except yaml.YAMLError:
        pass
    for (name, _, _), (target, _, _) in pairwise(scalars):
        if re.fullmatch(r"[A-Za-z][\w-]*", name) and vocab.is_written_out(target):
            prefixes.setdefault(name, target)
    for value, start, _ in scalars:
        word = value.removesuffix("~iri")
        prefix, colon, local = word.partition(":")
        if vocab.is_written_out(word):
            yield word, start, start + len(word)
        elif colon and prefix in prefixes and re.fullmatch(_LOCAL, local):
            yield prefixes[prefix] + local, start, start + len(word)


def _plain(text: str) -> Iterator[Place]:
    for match in _PLAIN.finditer(text):
        if match["iri"]:
            yield match["iri"], match.start("iri"), match.end("iri")
        elif match["bare"]:
            yield match["bare"], match.start(), match.end()
        elif match["prefix"] in vocab.PREFIXES:
            yield vocab.PREFIXES[match["prefix"]] + match["local"], match.start(), match.end()


def _code(text: str) -> Iterator[Place]:
    yield from _plain(text)
    for match in _CODE.finditer(text):
        yield vocab.AIC + match["local"], match.start("local"), match.end("local")
