"""Who uses which term: mappings, shapes, queries, rules, alignments and vocabularies, by line.

A scan of the texts, so it also reads files that do not load, which is when it is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from kg import vocab
from kg.ontology.lines import Layout

#: (file, line, kind): file relative to the project.
Use = tuple[str, int, str]

#: Kind → files, by pattern below the project.
PLACES: Final = {
    "mapping": "mappings/**/*.yml",
    "shape": "ontology/shapes/*.ttl",
    "query": "queries/**/*.rq",
    "check": "ontology/checks/*.rq",
    "alignment": "ontology/alignments/*.sssom.tsv",
    "competency": "ontology/competency-questions.csv",
    "vocabulary": "ontology/vocabularies/*.ttl",
}

# `#+` opens a line of a query's header, which names classes; other comments are prose.
_COMMENT: Final = re.compile(r"(?:^|(?<=\s))#(?!\+).*")
_PREFIX: Final = re.compile(r"(?:@prefix|PREFIX)\s+([\w.-]*):\s*<([^>]*)>", re.IGNORECASE)
_NAME: Final = re.compile(
    r"<([^<>\s\"{}|\\^`]+)>|(?<![\w:#.-])([A-Za-z][\w.-]*):([A-Za-z_](?:[\w.-]*[\w-])?)"
)


def mentions(text: str, *, comments: bool = True) -> Iterator[tuple[str, int]]:
    """Every IRI that a text writes in full or by a prefix that it or the project declares."""
    prefixes = {**vocab.PREFIXES, **dict(_PREFIX.findall(text))}
    for number, line in enumerate(text.splitlines(), start=1):
        if _PREFIX.match(line.lstrip()):
            continue
        for full, prefix, local in _NAME.findall(_COMMENT.sub("", line) if comments else line):
            if full and ":" in full:
                yield full, number
            elif prefix in prefixes:
                yield prefixes[prefix] + local, number


def uses(root: Path) -> dict[str, list[Use]]:
    """IRI of a term or resource → the places that use it, below the project folder `root`."""
    found: dict[str, list[Use]] = {}
    for kind, pattern in PLACES.items():
        for path in sorted(root.glob(pattern)):
            name = path.relative_to(root).as_posix()
            for iri, line in _used(path, path.stat().st_mtime_ns, kind):
                found.setdefault(iri, []).append((name, line, kind))
    return found


@cache
def _used(path: Path, _stamp: int, kind: str) -> tuple[tuple[str, int], ...]:
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix != ".ttl":
        return tuple(dict.fromkeys(mentions(text, comments=path.suffix != ".tsv")))
    layout = Layout(text)
    used = [pair for block in layout.statements for pair in block.mentions]
    # SHACL-SPARQL stands in strings, with the prefixes of its file.
    used += _in_strings(text, layout.prefixes) if kind == "shape" else []
    return tuple(dict.fromkeys(used))


def _in_strings(text: str, prefixes: dict[str, str]) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for match in re.finditer(r'"""(.*?)"""', text, re.DOTALL):
        first = text.count("\n", 0, match.start())
        body = "".join(f"PREFIX {name}: <{iri}>\n" for name, iri in prefixes.items()) + match[1]
        found += [(iri, line - len(prefixes) + first) for iri, line in mentions(body)]
    return found
