"""The mapping language: a documented subset of YARRRML, read into a plan that names no engine.

One file a source: what it is (`dataset`), its tables (`sources`), and how their columns
become triples (`mappings`). docs/mapping.md is the reference. A file is read to its end
whatever is wrong with it: all its faults are told at once, each with file and line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kg import vocab
from kg.errors import InputError
from kg.etl import definition
from kg.etl.access import access
from kg.etl.document import Fault, List, Map, Text
from kg.etl.language import Language, unknown_parent_column
from kg.etl.plan import Dataset, Parent, Source, SubjectOf, expressions_of
from kg.tables import RDF, RULES, STATEMENT, Table, format_of


def load(folder: Path) -> list[Source]:
    """Read every mapping of a folder, shipped datasets first, then by name.

    Raises InputError naming file and line of every fault.
    """
    paths = sorted(folder.glob("*.yml"))
    if not paths:
        raise InputError(f"{folder}: expected at least one mapping (*.yml)")
    read_ = [parse(path) for path in paths]
    by_name = {path.stem: source for path, (source, _) in zip(paths, read_, strict=True) if source}
    linked = [_linked(source, by_name) for source, _ in read_ if source]
    faults = [fault for _, found in (*read_, *linked) for fault in found]
    if faults:
        raise InputError("\n".join(map(str, faults)))
    sources = [source for source, _ in linked]
    return sorted(sources, key=lambda source: (not source.dataset.shipped, source.dataset.name))


def read(path: Path) -> Source:
    """Read one mapping file, and those beside it whose tables it joins.

    Raises InputError naming file and line of every fault.
    """
    source, faults = parse_joined(path)
    if source is None or faults:
        raise InputError("\n".join(map(str, faults)))
    return source


def parse_joined(path: Path) -> tuple[Source | None, list[Fault]]:
    """What can be read of a file with the parents of its joins, and all faults found."""
    source, faults = parse(path)
    if source is None:
        return None, faults
    beside = {
        name: other
        for name in sorted({target.source for _, target in _targets(source)} - {""})
        if (file := path.with_name(f"{name}.yml")).is_file() and (other := parse(file)[0])
    }
    source, more = _linked(source, beside)
    return source, faults + more


def parse(path: Path) -> tuple[Source | None, list[Fault]]:
    """What can be read of one file, and all faults found; joins with other sources unresolved."""
    reader = _Reader(path)
    source = reader.attempt(reader.source)
    # What an anchor repeats is wrong once.
    return source, list({str(fault): fault for fault in reader.faults}.values())


def _targets(source: Source) -> Iterator[tuple[int, SubjectOf]]:
    for triples_map in source.maps:
        for line, expression in expressions_of(triples_map):
            if isinstance(expression, SubjectOf):
                yield line, expression


def _linked(source: Source, sources: Mapping[str, Source]) -> tuple[Source, list[Fault]]:
    """The source with the parents of its joins with other sources; what is wrong with them."""
    parents: dict[str, Parent] = {}
    faults = []
    for line, target in _targets(source):
        if not target.source:
            continue
        other = sources.get(target.source)
        maps = {each.name: each for each in other.maps} if other else {}
        if other is None:
            message = f"source {target.source!r} is not among the mappings that can be read here"
        elif target.mapping not in maps:
            message = f"mapping {target.mapping!r} does not exist in source {target.source}"
        else:
            triples_map = maps[target.mapping]
            table = other.tables[triples_map.table]
            parents[target.name] = Parent(other.dataset.name, table, triples_map)
            message = unknown_parent_column(target, table)
        if message:
            faults.append(Fault(source.file, line, message))
    return replace(source, parents=parents), faults


class _Reader(Language):
    """Turns the YAML of one file into a Source."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.column_lines: dict[tuple[str, str], int] = {}  # (table, column) → line

    def source(self) -> Source | None:
        top = self.mapping(self.top(), "prefixes", "dataset", "sources", "mappings")
        own = self.mapping(top.get("prefixes", self.empty(top)))
        self.prefixes |= {name: str(self.text(iri)) for name, iri in own.items()}
        dataset = self.attempt(self.dataset, top)
        bodies = self.mapping(top.get("sources", self.empty(top)))
        read_ = {name: self.attempt(self.table, name, body) for name, body in bodies.items()}
        tables = {name: table for name, table in read_.items() if table}
        if not bodies:
            raise self.fail(top, "expected at least one table under sources")
        mappings = self.mapping(top.get("mappings", self.empty(top)))
        self.unread = frozenset(read_) - frozenset(tables)
        made = {
            name: self.attempt(self.triples_map, name, body, tables)
            for name, body in mappings.items()
        }
        maps = tuple(each for each in made.values() if each)
        self.check_references(maps, tables, frozenset(mappings))
        documents = {name for name, table in tables.items() if table.is_rdf}
        if maps and not self.faults:
            plain = {name: table for name, table in tables.items() if name not in documents}
            whole = definition.faults(plain, maps, self.column_lines)
            self.faults += [self.fail(line, message) for line, message in whole]
        used = documents | {name for body in mappings.values() for name in self.tables_named(body)}
        if mappings and (unused := [name for name in bodies if name not in used]):
            message = f"table {', '.join(unused)} is declared, but no mapping reads it"
            self.faults.append(self.fail(1, message))
        if dataset is None:
            return None
        if not (mappings or documents or dataset.compiled_into):
            raise self.fail(top, "expected mappings, or dataset.compiled_into where there are none")
        return Source(self.path, dataset, tables, maps, self.prefixes)

    def tables_named(self, body: Any) -> list[str]:
        """The tables that the body of a mapping names, whatever else is wrong with it."""
        named = self.items(body.get("sources", List())) if isinstance(body, Map) else ()
        return [str(name) for name in named if isinstance(name, Text)]

    # --- what the source is -----------------------------------------------------------------

    def dataset(self, top: Map) -> Dataset:
        names = (
            "title",
            "original",
            "licence",
            "attribution",
            "graph",
            "shipped",
            "description",
            "compiled_into",
            "synthetic",
            "reference",
        )
        body = self.mapping(top.get("dataset", self.empty(top)), *names)
        for name in body:
            self.text(body[name])
        for name in ("title", "original", "licence"):
            if not body.get(name):
                raise self.fail(body, f"dataset.{name} is missing")
        for name in ("original", "licence"):
            if not vocab.is_iri(body[name]):
                raise self.fail(body[name], f"dataset.{name}: {body[name]!r} is not an IRI")
        name = self.path.stem
        graph = vocab.graph(str(body.get("graph", f"source/{name}")))
        if not vocab.is_iri(graph):
            raise self.fail(body.get("graph"), f"the named graph {graph!r} is not an IRI")
        return Dataset(
            name=name,
            title=str(body["title"]),
            original=str(body["original"]),
            licence=str(body["licence"]),
            attribution=str(body.get("attribution", "")),
            graph=graph,
            shipped=self.boolean(body.get("shipped")),
            description=str(body.get("description", "")),
            compiled_into=str(body.get("compiled_into", "")),
            synthetic=self.boolean(body.get("synthetic")),
            reference=self.boolean(body.get("reference")),
        )

    def table(self, name: str, body: Any) -> Table:
        body = self.mapping(body, "access", "key", "columns", "max_rejects", "on")
        path, dialect, original = access(self, self.need(body, "access"))
        if (dialect.format or format_of(path)) in RDF:
            if extra := [key for key in body if key != "access"]:
                raise self.fail(body, f"a document of RDF is taken in as it is: no {extra[0]}")
            return Table(name, path, STATEMENT, dialect=dialect, original=original)
        bodies = self.mapping(self.need(body, "columns"))
        columns = tuple(definition.column(self, each, spec) for each, spec in bodies.items())
        self.column_lines |= {(name, str(each)): getattr(each, "line", 1) for each in bodies}
        key = tuple(str(self.text(column)) for column in self.items(body.get("key", List())))
        if missing := [column for column in key if column not in bodies]:
            raise self.fail(body, f"the key names {', '.join(missing)}, which is no column")
        rules = RULES.keys() | definition.rules_of_mappings()
        return Table(
            name,
            path,
            columns,
            key,
            dialect,
            original,
            definition.limit(self, body.get("max_rejects")),
            definition.policies(self, body.get("on"), rules),
        )
