"""The folders that name the ontology's terms, and every place in them that does."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from pyoxigraph import DefaultGraph, NamedNode, Store

from kg import etl, vocab
from kg.build import Inputs
from kg.errors import InputError
from kg.etl.plan import Call, Source, Template
from kg.ontology.editions import TYPE, Version
from kg.ontology.mentions import LANGUAGES, Mention, mentions
from kg.settings import shipped


@dataclass(frozen=True)
class Project:
    """The folders that name the ontology's terms; `answers` are the queries' tests, if at hand."""

    inputs: Inputs = field(default_factory=Inputs)
    queries: Path = field(default_factory=lambda: shipped("queries"))
    answers: Path | None = None
    code: Path | None = None

    @classmethod
    def here(cls, data: Path | None = None) -> Project:
        """The project's own folders, with the tests and code of a checkout."""
        package = Path(__file__).resolve().parents[1]
        answers = package.parent / "tests" / "queries"
        return cls(Inputs(data=data), answers=answers if answers.is_dir() else None, code=package)

    @property
    def folders(self) -> dict[str, Path]:
        """Name → folder, of those whose files a migration edits."""
        inputs = self.inputs
        found = {
            "ontology": inputs.ontology,
            "mappings": inputs.mappings,
            "tables": inputs.tables,
            "queries": self.queries,
        }
        return found | ({"tests/queries": self.answers} if self.answers else {})

    def files(self) -> Iterator[tuple[str, str, Path]]:
        """(area, name for people, path) of every file that can name a term, tables excepted."""
        for name, folder in (self.folders | ({"kg": self.code} if self.code else {})).items():
            for path in sorted(folder.rglob("*")):
                inside = path.relative_to(folder)
                if path.suffix not in LANGUAGES or name == "tables" or not path.is_file():
                    continue
                history = inside.parts[0] in {"releases", "shipped"} or path.stem == "CHANGELOG"
                if not history:
                    yield _area(name, inside), f"{name}/{inside.as_posix()}", path

    def copied(self, target: Path, version: Version | None = None) -> Project:
        """The folders that a migration edits, copied below `target`; or with another ontology."""
        folders = {}
        for name, folder in self.folders.items():
            folders[name] = target / name
            if name == "ontology" and version:
                version.write(target / name)
            else:
                ignored = shutil.ignore_patterns("releases")
                shutil.copytree(folder, target / name, ignore=ignored)
        inputs = replace(
            self.inputs,
            ontology=folders["ontology"],
            mappings=folders["mappings"],
            tables=folders["tables"],
        )
        answers = folders.get("tests/queries")
        return replace(self, inputs=inputs, queries=folders["queries"], answers=answers)


def _area(name: str, inside: Path) -> str:
    """What kind of use a file is."""
    if inside.suffix == ".md":
        return "note"
    if inside.name == "competency-questions.csv":
        return "competency question"
    if name == "ontology":
        return _AREAS.get(inside.parts[0], "module")
    return {"mappings": "mapping", "queries": "query", "tests/queries": "test"}.get(name, "code")


_AREAS: Final = {
    "vocabularies": "vocabulary",
    "shapes": "shape",
    "checks": "check",
    "alignments": "alignment",
}


@dataclass(frozen=True)
class Use:
    """One line that names a term."""

    area: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Triples:
    """How many triples of a release use a term, by its position; the schema's own left out."""

    predicate: int = 0
    type: int = 0
    object: int = 0

    def __str__(self) -> str:
        counts = {"as predicate": self.predicate, "as type": self.type, "as object": self.object}
        return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none"


def uses(project: Project, terms: Collection[str]) -> dict[str, list[Use]]:
    """Term → every line of the project that names it; cells of shipped tables included."""
    found: dict[str, dict[Use, None]] = {term: {} for term in terms}
    for area, name, path in project.files():
        for mention in _read(path):
            if mention.iri in found:
                found[mention.iri][Use(area, name, mention.line)] = None
    for column in class_columns(project.inputs):
        for cell in column.cells():
            if (term := vocab.AIC + cell.text) in found:
                found[term][Use("table", f"tables/{column.path.name}", cell.line)] = None
    return {term: list(each) for term, each in found.items()}


def _read(path: Path) -> list[Mention]:
    return mentions(path.read_text(encoding="utf-8"), LANGUAGES[path.suffix])


def triples(store: Store, term: str) -> Triples:
    """Count the uses of a term in a release's data."""
    node = NamedNode(term)
    kind = NamedNode(TYPE)

    def count(predicate: NamedNode | None, object: NamedNode | None) -> int:
        in_all, in_schema = (
            sum(1 for _ in store.quads_for_pattern(None, predicate, object, graph))
            for graph in (DefaultGraph(), NamedNode(vocab.graph("ontology")))
        )
        return in_all - in_schema

    typed = count(kind, node)
    return Triples(count(node, None), typed, count(None, node) - typed)


@dataclass(frozen=True)
class _Cell:
    text: str
    start: int
    end: int
    line: int


@dataclass(frozen=True)
class ClassColumn:
    """A column of a shipped table whose cells are names of classes: a mapping's `aic:$(kind)`."""

    path: Path
    column: str

    def cells(self) -> Iterator[_Cell]:
        """The column's values with their places, one for each value of a cell with several."""
        text = self.path.read_text(encoding="utf-8")
        position: int | None = None
        for number, (line, fields) in enumerate(_fields(text)):
            if number == 0:
                header = [text[start:end].strip('"\ufeff') for start, end in fields]
                position = header.index(self.column) if self.column in header else None
            elif position is not None and position < len(fields):
                start, end = fields[position]
                for match in re.finditer(r"[^\s|\"]+", text[start:end]):
                    yield _Cell(match[0], start + match.start(), start + match.end(), line)


def _fields(text: str) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """The rows of a CSV text: the line each starts on, and the characters of its fields."""
    field_at = re.compile(r'"(?:[^"]|"")*"|[^,\r\n]*')
    at, line = 0, 1
    while at < len(text):
        first, fields = line, []
        while True:
            match = field_at.match(text, at)
            assert match is not None  # noqa: S101 - the pattern also matches nothing
            fields.append(match.span())
            line += match[0].count("\n")
            at = match.end()
            if text[at : at + 1] != ",":
                break
            at += 1
        rest = re.compile(r"[^\n]*\n?").match(text, at)
        at, line = (rest.end() if rest else len(text)), line + 1
        yield first, fields


def class_columns(inputs: Inputs) -> list[ClassColumn]:
    """Every column of a shipped table that gives the end of a term's IRI."""
    try:
        sources = etl.load(inputs.mappings)
    except InputError:
        return []
    found: dict[ClassColumn, None] = {}
    for source in sources:
        if source.dataset.shipped:
            for name, column in _templates(source):
                path = inputs.tables / source.tables[name].access
                if path.suffix == ".csv" and path.is_file():
                    found[ClassColumn(path, column)] = None
    return list(found)


def _templates(source: Source) -> Iterator[tuple[str, str]]:
    """(table, column) of each template `aic:$(column)`."""

    def of(expression: object) -> Iterator[str]:
        if isinstance(expression, Template) and expression.parts[0] == vocab.AIC:
            yield from expression.columns[:1]
        elif isinstance(expression, Call):
            for _, argument in expression.arguments:
                yield from of(argument)

    for each in source.maps:
        for pair in each.predicate_objects:
            yield from ((each.table, column) for column in of(pair.object.expression))
