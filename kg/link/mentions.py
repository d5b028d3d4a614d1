"""Mentions: every name that a row gives to an organization, a model or a place.

They are read off what the mappings say, run without any decision: each source keeps its own
keys, and a name is a label that a row gives to such a key. So any source that has a mapping
is linked, and what is known of a key (place, identifiers, homepage, relations) is what its
source states. Rows that a build rejects (a withdrawn record) are read too.
"""

from __future__ import annotations

import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import polars as pl

from kg import etl, vocab
from kg.etl import Context, Source, Statements
from kg.etl.plan import Call, Expression, columns_of
from kg.link.names import domain
from kg.tables import LINE, Column, Sheet, Table

#: Kinds of entities that are linked, as they stand in IRIs.
KINDS: Final = ("organization", "model", "place")

_LABELS: Final = {vocab.SKOS + "prefLabel", vocab.SKOS + "altLabel"}
_IDENTIFIERS: Final = {
    vocab.AIC + "rorId": "ror",
    vocab.AIC + "wikidataId": "wikidata",
    vocab.AIC + "lei": "lei",
    vocab.AIC + "geonamesId": "geonames",
}
_RELATIONS: Final = {
    vocab.ORG + "subOrganizationOf": "parent",
    vocab.ORG + "hasSubOrganization": "child",
    vocab.AIC + "relatedOrganization": "related",
    vocab.AIC + "successor": "successor",
    vocab.AIC + "predecessor": "predecessor",
    vocab.AIC + "developedBy": "developer",
}
_PLACE_FUNCTIONS: Final = {"place", "placeOfGeonames", "country"}
_ESCAPE: Final = re.compile(r"\\(?:u([0-9A-F]{4})|U([0-9A-F]{8})|(.))")
_SIGNS: Final = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f"}


@dataclass(frozen=True)
class Mention:
    """One text in one row: `entity` is the key of its source's own, like `organization/ror-…`.

    For places it is what the gazetteer reads; None where it knows no such place.
    """

    source: str
    key: str
    text: str
    kind: str
    entity: str | None


@dataclass
class Entity:
    """What a source states of one of its own keys."""

    key: str
    source: str
    labels: dict[str, None] = field(default_factory=dict)  # in the order they were met
    identifiers: set[tuple[str, str]] = field(default_factory=set)
    places: set[str] = field(default_factory=set)
    domains: set[str] = field(default_factory=set)
    pages: set[str] = field(default_factory=set)  # hosts of pages about it, or about its models
    classes: set[str] = field(default_factory=set)
    related: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    status: str = ""

    @property
    def kind(self) -> str:
        """Organization or model."""
        return self.key.partition("/")[0]

    @property
    def countries(self) -> set[str]:
        """Countries of its places; a place of the gazetteer that is no country lies in China."""
        return {place if len(place) == 2 else "cn" for place in self.places}


@dataclass
class Corpus:
    """All mentions of some sources, and the entities they are mentions of."""

    mentions: list[Mention] = field(default_factory=list)
    entities: dict[str, Entity] = field(default_factory=dict)


def read(
    sources: Iterable[tuple[Source, Path]],
    context: Context,
    progress: Callable[[str, float], None] = lambda *_: None,
) -> Corpus:
    """Run the mappings of the sources, each with the folder of its tables, and note the names.

    Raises InputError where a table as a whole cannot be read.
    """
    corpus = Corpus()
    found = list(sources)
    with tempfile.TemporaryDirectory() as folder:
        for number, (source, tables) in enumerate(found):
            progress(f"read {source.dataset.name}", number / max(1, len(found)))
            _Reader(corpus, source, context).run(tables, Path(folder) / source.dataset.name)
    corpus.mentions = list(dict.fromkeys(corpus.mentions))
    for model in [each for each in corpus.entities.values() if each.kind == "model"]:
        developers = model.related["developer"]
        if len(developers) == 1:  # of several, a page may be that of another
            corpus.entities[next(iter(developers))].pages |= model.pages
    return corpus


def _relaxed(table: Table) -> Table:
    """The table without the rules that reject a row, or a value, for what it says."""
    columns = tuple(
        Column(each.name, nulls=each.nulls, split=each.split, unused=each.unused)
        for each in table.columns
    )
    return replace(table, columns=columns, key=(), max_rejects=None, on=())


def _key_column(subject: Expression) -> str | None:
    """The column whose registry id makes the subject: the id is then the mention's key."""
    if isinstance(subject, Call) and subject.function == "organizationOfRor":
        columns = set(columns_of(subject))
        return columns.pop() if len(columns) == 1 else None
    return None


def _is_place(expression: Expression) -> bool:
    return isinstance(expression, Call) and expression.function in _PLACE_FUNCTIONS


class _Reader:
    """One source on its way into a corpus."""

    def __init__(self, corpus: Corpus, source: Source, context: Context) -> None:
        self.corpus, self.source = corpus, source
        self.context = replace(context, linked=False)
        self.name = source.dataset.name
        self.rows: dict[str, dict[int, tuple[str, dict[str, str]]]] = {}

    def run(self, tables: Path, into: Path) -> None:
        relaxed = {name: _relaxed(table) for name, table in self.source.tables.items()}
        source = replace(self.source, tables=relaxed)
        sheets = etl.stage(source, tables, into)
        for name, table in self.source.tables.items():
            self.rows[name] = self.keyed(table, sheets[name])
        etl.run(source, sheets, self.context, self.take)
        for sheet in sheets.values():
            self.unknown_places(sheet)

    def keyed(self, table: Table, sheet: Sheet) -> dict[int, tuple[str, dict[str, str]]]:
        """Line → the row's key and its cells; a table without a key borrows its twin's."""
        twins = (t.key for t in self.source.tables.values() if t.access == table.access)
        key = table.key or next((key for key in twins if key), ())
        wanted = [LINE, *dict.fromkeys((*key, *self.columns(table)))]
        rows = sheet.scan().select(wanted).collect().iter_rows(named=True)
        return {
            row[LINE]: ("|".join(row[name] or "" for name in key) or f"row {row[LINE]}", row)
            for row in rows
        }

    def columns(self, table: Table) -> set[str]:
        """The columns of a table that names and places are made of, or keys."""
        found: set[str] = set()
        for triples_map in self.source.maps:
            if triples_map.table == table.name:
                named_by = _key_column(triples_map.subject)
                found |= {named_by} if named_by else set()
                for pair in triples_map.predicate_objects:
                    made_by = pair.object.expression
                    if pair.predicate in _LABELS or _is_place(made_by):
                        found |= set(columns_of(made_by))
        return found

    def take(self, made: Statements) -> None:
        """What one predicate-object map says, as far as linking cares."""
        pair = made.predicate_object
        frame = made.frame.select(LINE, "s", "o")
        if pair.predicate in _LABELS:
            self.labels(made, frame)
        elif _is_place(pair.object.expression):
            self.places(made, frame)
        self.context_of(pair.predicate, frame)

    def kind(self, term: str) -> str:
        """The kind of a resource of ours that an N-Quads term names; empty for other terms."""
        iri, base = term[1:-1], self.context.base
        return iri[len(base) :].partition("/")[0] if iri.startswith(base) else ""

    def own(self, term: str) -> Entity | None:
        """The entity that an N-Quads term names, if it is one that is resolved by decisions."""
        if self.kind(term) not in ("organization", "model"):
            return None
        key = term[1:-1].removeprefix(self.context.base)
        entity = self.corpus.entities.get(key)
        if entity is None:
            entity = self.corpus.entities[key] = Entity(key, self.name)
        return entity

    def labels(self, made: Statements, frame: pl.DataFrame) -> None:
        columns = list(dict.fromkeys(columns_of(made.predicate_object.object.expression)))
        rows = self.rows[made.triples_map.table]
        table = self.source.tables[made.triples_map.table]
        split = {column.name for column in table.columns if column.split is not None}
        named_by = _key_column(made.triples_map.subject)
        for line, subject, value in frame.iter_rows():
            label = literal(value)
            key, cells = rows[line]
            key = cells[named_by] or key if named_by else key
            kind, entity = self.kind(subject), self.own(subject)
            if entity is not None:
                entity.labels.setdefault(label)
            elif kind != "place":
                continue
            # The text as it stands in the table, unless the cell was split.
            whole = len(columns) == 1 and columns[0] not in split
            text = (cells[columns[0]] or label) if whole else label
            named = subject[1:-1].removeprefix(self.context.base)
            self.corpus.mentions.append(Mention(self.name, key, text, kind, named))

    def places(self, made: Statements, frame: pl.DataFrame) -> None:
        columns = list(dict.fromkeys(columns_of(made.predicate_object.object.expression)))
        rows = self.rows[made.triples_map.table]
        for line, _, value in frame.iter_rows():
            key, cells = rows[line]
            text = " ".join(cells[name] or "" for name in columns)
            place = value[1:-1].removeprefix(self.context.base)
            self.corpus.mentions.append(Mention(self.name, key, text, "place", place))

    def unknown_places(self, sheet: Sheet) -> None:
        for reject in sheet.account.rejects:
            if reject.rule == "unknown-place":
                key, _ = self.rows[sheet.table.name][reject.line]
                self.corpus.mentions.append(Mention(self.name, key, reject.value, "place", None))

    def context_of(self, predicate: str, frame: pl.DataFrame) -> None:
        for _, subject, value in frame.iter_rows():
            entity = self.own(subject)
            if entity is None:
                continue
            if predicate in _IDENTIFIERS:
                entity.identifiers.add((_IDENTIFIERS[predicate], literal(value)))
            elif predicate == vocab.AIC + "locatedIn":
                entity.places.add(value[1:-1].rpartition("/")[2])
            elif predicate == vocab.FOAF + "homepage":
                entity.domains |= {domain(value[1:-1])} - {""}
            elif predicate == vocab.FOAF + "page":
                entity.pages |= {domain(value[1:-1])} - {""}
            elif predicate == vocab.RDF + "type":
                entity.classes.add(value[1:-1].removeprefix(vocab.AIC))
            elif predicate == vocab.AIC + "registryStatus":
                entity.status = literal(value)
            elif predicate in _RELATIONS and (other := self.own(value)) is not None:
                entity.related[_RELATIONS[predicate]].add(other.key)


def literal(term: str) -> str:
    """The text of a literal in N-Quads."""
    text = term[1 : term.rindex('"')]
    if "\\" not in text:
        return text

    def sign(found: re.Match[str]) -> str:
        code = found[1] or found[2]
        return chr(int(code, 16)) if code else _SIGNS.get(found[3], found[3])

    return _ESCAPE.sub(sign, text)
