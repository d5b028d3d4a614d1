"""The ontology's Turtle files as a check needs them: parsed, with positions, faults as findings.

Files that did not change since the last reading are not parsed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat, Store, Triple, parse

from kg import vocab
from kg.errors import reason
from kg.ontology.findings import Finding
from kg.ontology.lines import Layout, Statement
from kg.ontology.modules import GRAPHS, files

#: The ontology IRI of aicluster.ttl; that of a module is `<ROOT>/<stem>`.
ROOT: Final = vocab.AIC.rstrip("#")


def iri_of(path: Path) -> str:
    """The ontology IRI that a module of this name declares."""
    return ROOT if path.stem == "aicluster" else f"{ROOT}/{path.stem}"


@dataclass(frozen=True)
class Source:
    """One Turtle file: what it says, or why it cannot be read."""

    path: Path
    #: Relative to the project, as findings name it.
    name: str
    #: The folder below ontology/: "", "vocabularies" or "shapes".
    part: str
    text: str
    triples: tuple[Triple, ...]
    fault: Finding | None

    @cached_property
    def layout(self) -> Layout:
        """Where the file says what."""
        return Layout(self.text)


def _fault(name: str, text: str, error: SyntaxError) -> Finding:
    line, message = error.lineno or 0, error.msg
    column = error.offset or 0
    undefined = Layout(text).undefined
    if undefined and ("prefix" in message.lower() or undefined[0].line <= line):
        prefix = undefined[0].text.partition(":")[0]
        return Finding(
            "undefined-prefix",
            "error",
            name,
            undefined[0].line,
            undefined[0].text,
            f"column {undefined[0].column}: the prefix {prefix}: of {undefined[0].text} "
            "is not declared in this file",
            f"add @prefix {prefix}: <…> .",
        )
    return Finding(
        "syntax", "error", name, line, "", f"column {column}: not Turtle: {message}", "correct it"
    )


class Sources:
    """Every Turtle file of an ontology folder, as of the last `refresh`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[Path, tuple[tuple[int, int], Source]] = {}

    def __iter__(self) -> Iterator[Source]:
        return (source for _, source in self._files.values())

    def refresh(self) -> Sources:
        """Read the files that are new or changed, and forget those that went."""
        known, self._files = self._files, {}
        for part in GRAPHS:
            for path in files(self.folder, part):
                state = path.stat()
                stamp = (state.st_mtime_ns, state.st_size)
                if path in known and known[path][0] == stamp:
                    self._files[path] = known[path]
                else:
                    self._files[path] = stamp, self._read(path, part)
        self._index()
        return self

    def _read(self, path: Path, part: str) -> Source:
        name = path.relative_to(self.folder.parent).as_posix()
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            fault = Finding("syntax", "error", name, 0, "", f"cannot be read: {reason(error)}")
            return Source(path, name, part, "", (), fault)
        try:
            triples = tuple(quad.triple for quad in parse(text, format=RdfFormat.TURTLE))
        except SyntaxError as error:
            return Source(path, name, part, text, (), _fault(name, text, error))
        return Source(path, name, part, text, triples, None)

    def _index(self) -> None:
        self._blocks: dict[str, list[tuple[Source, Statement]]] = {}
        for source in self:
            for block in source.layout.statements:
                self._blocks.setdefault(block.subject, []).append((source, block))

    def faults(self) -> list[Finding]:
        """Why files cannot be read."""
        return [source.fault for source in self if source.fault]

    def place(self, term: str, at: str = "") -> tuple[str, int]:
        """File and line of a term's block, and in it of the first mention of `at`."""
        blocks = self._blocks.get(term, [])
        if at:
            for source, block in blocks:
                line = next((n for iri, n in block.mentions if iri == at), 0)
                if line:
                    return source.name, line
        for typed in (True, False):
            for source, block in blocks:
                if not typed or any(pair[0] == vocab.RDF + "type" for pair in block.pairs):
                    return source.name, block.line
        return self.folder.name, 0

    def place_of_pair(self, term: str, predicate: str, within: set[str]) -> tuple[str, int]:
        """File and line of a nameless value of a predicate that mentions these IRIs."""
        for source, block in self._blocks.get(term, []):
            starts = [line for name, value, line in block.pairs if (name, value) == (predicate, "")]
            for start in reversed(starts):
                if within <= {iri for iri, line in block.mentions if line >= start}:
                    return source.name, start
        return self.place(term, predicate)

    def place_of_all(self, terms: Iterable[str]) -> tuple[str, int]:
        """File and line of the first nameless block that mentions all these terms."""
        wanted = set(terms)
        for source, block in self._blocks.get("", []):
            if wanted <= {iri for iri, _ in block.mentions}:
                return source.name, block.line
        return self.folder.name, 0

    def store(self) -> Store:
        """What the rules ask: modules merged in the default graph and each under its own IRI.

        Vocabularies and shapes stand in their graphs.
        """
        store = Store()
        for source in self:
            own = NamedNode(GRAPHS[source.part] if source.part else iri_of(source.path))
            for graph in (own,) if source.part else (own, DefaultGraph()):
                store.extend(
                    Quad(triple.subject, triple.predicate, triple.object, graph)
                    for triple in source.triples
                )
        return store
