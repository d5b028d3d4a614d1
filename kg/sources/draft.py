"""Writes the first definition and mapping of a table, for a person to edit.

What was guessed stands in comments beside it, with the evidence. The file passes the loader,
and is tried on the table before it is kept.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import yaml

from kg import etl, vocab
from kg.errors import InputError
from kg.etl import TO_SAY, Context
from kg.sources.guess import MEMBER, Guess, Made, Meaning, article, guess, kebab
from kg.sources.profile import Looked, Profile, look
from kg.sources.terms import Terms
from kg.tables import RDF, Dialect, format_of

_PLAIN: Final = re.compile(r"[\w$()/.\u3400-\u9fff][\w$()/.~^ \u3400-\u9fff-]*")
#: The share of rows that have the name by which rows are told apart.
_MOSTLY: Final = 0.9
#: The types of columns, by the datatypes whose lexical forms they have.
_TYPES: Final = {
    "xsd:gYear": "year",
    "xsd:integer": "integer",
    "xsd:decimal": "decimal",
    "xsd:boolean": "boolean",
    "xsd:date": "date",
    "xsd:dateTime": "datetime",
    "xsd:anyURI": "uri",
}


@dataclass(frozen=True)
class Added:
    """What `add` wrote, and what the mapping gives as it stands."""

    file: Path
    source: str
    rows: int
    class_: str
    meanings: dict[str, str]  # column → property
    unused: tuple[str, ...]
    triples: int
    rejects: tuple[str, ...]


def add(
    given: str,
    into: Path | None,
    name: str,
    dialect: Dialect,
    ontology: Path,
    context: Context,
    *,
    taken: frozenset[str] = frozenset(),
    class_: str | None = None,
    title: str = "",
    licence: str = "",
    original: str = "",
    force: bool = False,
) -> Added:
    """Look at a table, write `<into>/<name>.yml`, and say what that gives.

    `given` is a path or the URL of a database; `into` is the folder of the person's own
    mappings, else that of the table; `taken` are names of other sources. Raises InputError where
    the table cannot be read, the file is there already (unless `force`) or the name is taken.
    """
    is_url = "://" in given
    path = Path(given)
    name = name or _slug(urlsplit(given).path if is_url else path.stem, context)
    into = into or (Path() if is_url else path.parent)
    file = into / f"{name}.yml"
    if name in taken:
        raise InputError(f"a source is called {name} already: give another --name")
    if file.exists() and not force:
        raise InputError(f"{file}: is there already; --force replaces it")
    for option, value in (("--licence", licence), ("--original", original)):
        if value and not vocab.is_iri(value):
            raise InputError(f"{option}: {value!r} is not an IRI")
    if not is_url and not path.is_file():
        raise InputError(f"{path}: no such file")
    access = given if is_url else os.path.relpath(path, into)
    kind = dialect.format or ("postgresql" if is_url else format_of(access))
    if fault := Dialect(
        **{each.name: getattr(dialect, each.name) for each in fields(Dialect)}
    ).fault("csv" if kind == "txt" else kind):
        raise InputError(f"{given}: {fault}")
    head = _Head(
        name,
        title or _title(name if is_url else path.stem),
        original or TO_SAY,
        licence or TO_SAY,
    )
    if kind in RDF:
        text = "".join(f"{line}\n" for line in _document(head, access, dialect))
        meant, looked = None, None
    else:
        looked = look(access, path, dialect, name)
        terms = Terms.read(ontology)
        if class_ is not None and (class_ := vocab.expand(class_)) not in terms.classes:
            raise InputError(f"--class: {vocab.shorten(class_)} is not a class of the ontology")
        meant = guess(looked, name, terms, context, class_)
        text = "".join(f"{line}\n" for line in _Draft(head, looked, meant, terms).lines())
    into.mkdir(parents=True, exist_ok=True)
    triples, rejects = _tried(text, name, into, context)
    made = file.with_name(file.name + ".new")
    made.write_text(text, encoding="utf-8")
    made.replace(file)
    return Added(
        file,
        name,
        looked.rows if looked else 0,
        vocab.shorten(meant.class_) if meant else "",
        {each.column.name: each.property for each in meant.meanings} if meant else {},
        tuple(meant.remarks) if meant else (),
        triples,
        rejects,
    )


def _tried(text: str, name: str, folder: Path, context: Context) -> tuple[int, tuple[str, ...]]:
    """How many triples the mapping gives of the table as it is, and what it rejects."""
    with tempfile.TemporaryDirectory() as work:
        file = Path(work) / f"{name}.yml"
        file.write_text(text, encoding="utf-8")
        source = etl.read(file)
        sheets = etl.stage(source, folder, Path(work) / "rows")
        found: set[str] = set()
        etl.run(source, sheets, context, lambda made: found.update(made.triples()))
        rejects = [str(each) for sheet in sheets.values() for each in sheet.account.rejects]
    return len(found), tuple(rejects)


def _slug(text: str, context: Context) -> str:
    from kg.etl import functions  # noqa: PLC0415

    slug = functions.FUNCTIONS["slug"][1](context, text)
    if not slug:
        raise InputError(f"no name can be made of {text!r}: give --name")
    return str(slug)


def _title(name: str) -> str:
    """A file's name as a title."""
    words = re.sub(r"[-_ ]+", " ", name).strip()
    return words[:1].upper() + words[1:]


@dataclass(frozen=True)
class _Head:
    name: str
    title: str
    original: str
    licence: str

    def lines(self, what: str) -> Iterator[str]:
        yield f"# {what} Written by `kg source add` on {datetime.now(UTC):%Y-%m-%d}: edit it."
        yield "# Comments say what was guessed, and on what evidence; docs/mapping.md has the rest."
        yield "dataset:"
        yield f"  title: {_scalar(self.title)}"
        for key, value in (("original", self.original), ("licence", self.licence)):
            told = "  # say it: an IRI" if value == TO_SAY else ""
            yield f"  {key}: {value}{told}"
        yield ""


def _document(head: _Head, access: str, dialect: Dialect) -> Iterator[str]:
    yield from head.lines("A document of RDF, taken in as it is.")
    yield "sources:"
    yield f"  {head.name}:"
    yield f"    access: {_access(access, dialect)}"


def _access(access: str, dialect: Dialect) -> str:
    spec = {each.name: value for each in fields(Dialect) if (value := getattr(dialect, each.name))}
    if not spec and "://" not in access:
        return _scalar(access)
    spec = {"url" if "://" in access else "path": access} | spec
    if "://" in access:
        spec.pop("format", None)
    return "{" + ", ".join(f"{key}: {_scalar(value)}" for key, value in spec.items()) + "}"


@dataclass(frozen=True)
class _Draft:
    """The text of one mapping."""

    head: _Head
    looked: Looked
    meant: Guess
    terms: Terms

    def lines(self) -> Iterator[str]:
        looked = self.looked
        share = "" if looked.whole else f" (the first {looked.rows:,} were looked at)"
        yield from self.head.lines(f"{looked.table.access}: {len(looked.columns)} columns{share}.")
        yield "sources:"
        for note in looked.notes:
            yield f"  # {note}"
        if looked.rejected:
            yield f"  # {looked.rejected} rows cannot be read as they are: see the rejects"
        yield from self.table(self.head.name, None)
        for meaning in self.organizations():
            yield ""
            yield f"  # A row for each organization that a cell of {meaning.column.name} names."
            yield from self.table(self.part(meaning), meaning)
        yield ""
        yield "mappings:"
        yield from self.rows()
        for meaning in self.organizations():
            yield ""
            yield from self.named(meaning)

    # --- tables -----------------------------------------------------------------------------------

    def table(self, name: str, parted: Meaning | None) -> Iterator[str]:
        looked = self.looked
        yield f"  {name}:"
        yield f"    access: {_access(looked.table.access, looked.table.dialect)}"
        if parted is None:
            if looked.key:
                listed = ", ".join(map(_scalar, looked.key))
                same = f"no two of the {looked.rows:,} rows have the same"
                most = f"{looked.unkeyed:,} rows lack it or repeat another's: they are rejected"
                yield f"    # {most if looked.unkeyed else same}"
                yield f"    key: [{listed}]"
            else:
                yield "    # no key: no column, and no two, tell all rows apart"
        yield "    columns:"
        used = self.columns_of(parted)
        for column in looked.columns:
            spec = list(self.spec(column, column.name in used, parted))
            body = " {" + ", ".join(spec) + "}" if spec else ""
            yield f"      {_scalar(column.name)}:{body}{self.told(column, parted)}"

    def columns_of(self, parted: Meaning | None) -> set[str]:
        """The columns that the mappings of a table read."""
        if parted is not None:
            return {parted.column.name, *self.subject_columns()}
        read = {each.column.name for each in self.meant.meanings if not each.organizations}
        return read | set(self.subject_columns())

    def spec(self, column: Profile, used: bool, parted: Meaning | None) -> Iterator[str]:
        if not used:
            yield "unused: true"
            return
        needed = column.name in (*self.looked.key, *self.subject_columns())
        named = column.name == self.name_column() and column.filled == self.looked.rows
        if parted is None and (needed or named):
            yield "required: true"
        if column.nulls:
            yield f"nulls: [{', '.join(map(_scalar, column.nulls))}]"
        if column.type and parted is None:
            yield f"type: {_TYPES[column.type]}"
        if parted is not None and column.name == parted.column.name and column.separator:
            yield f"split: {_scalar(column.separator)}"

    def told(self, column: Profile, parted: Meaning | None) -> str:
        """The comment beside a column: what its cells are like, and what it may mean."""
        if parted is not None:
            return ""
        facts = [f"{column.filled:,} filled, {column.distinct:,} different"]
        if column.odd:
            facts.append(f"{column.odd} not {column.type}")
        if column.separator:
            facts.append(f"several in a cell, parted by {column.separator!r}")
        if column.name in self.meant.remarks:
            facts.append(self.meant.remarks[column.name])
        return f"  # {'; '.join(facts)}".replace("\n", " ")

    # --- mappings ---------------------------------------------------------------------------------

    def name_column(self) -> str:
        """The column that names a row; empty where none does."""
        names = [each for each in self.meant.meanings if each.property == "skos:prefLabel"]
        most = max((each.column.filled for each in names), default=0)
        # A name in Chinese is the one that other sources have; a few rows may lack it.
        usual = [each for each in names if each.column.filled >= _MOSTLY * most]
        usual.sort(key=lambda each: (each.language != "zh", -each.column.filled))
        return usual[0].column.name if usual else ""

    def is_organization(self) -> bool:
        return vocab.AIC + "Organization" in self.terms.kinds_of(self.meant.class_)

    def subject_columns(self) -> tuple[str, ...]:
        """What the subject of a row is made of."""
        if self.is_organization() and (name := self.name_column()):
            return (name,)
        return self.looked.key or tuple(each.name for each in self.looked.columns if each.filled)

    def subject(self) -> str:
        columns = self.subject_columns()
        if self.is_organization() and self.name_column():
            made = Made(
                "organization", (("name", Made(column=columns[0])), ("source", self.head.name))
            )
            return _call(made)
        kinds = [
            vocab.KINDS[each]
            for each in self.terms.kinds_of(self.meant.class_)
            if each in vocab.KINDS
        ]
        kind = sorted(kinds)[0] if kinds else kebab(self.meant.class_)
        of = _of(columns)
        return _call(Made("key", (("kind", kind), ("source", self.head.name), *of)))

    def is_new(self, name: Made) -> Made:
        """The condition that nothing else names an organization so."""
        return Made("isNewName", (("name", name), ("source", self.head.name)))

    def rows(self) -> Iterator[str]:
        class_ = vocab.shorten(self.meant.class_)
        yield f"  # A row is {article(class_)}: {self.meant.why}."
        if self.meant.others:
            others = ", ".join(
                f"{vocab.shorten(iri)} ({score:.0f})" for score, iri in self.meant.others
            )
            yield f"  # It might also be: {others}."
        yield f"  {self.head.name}:"
        yield f"    sources: {self.head.name}"
        yield f"    subjects: {self.subject()}"
        yield "    predicateobjects:"
        yield f"      - [a, {class_}]"
        for meaning in self.meant.meanings:
            if not meaning.organizations:
                yield from self.pair(meaning)
        if not self.name_column():
            key = ", ".join(f"$({_escaped(each)})" for each in self.subject_columns())
            yield "      # Nothing names the row, so its key does."
            yield f"      - [skos:altLabel, {_scalar(key)}]"

    def pair(self, meaning: Meaning) -> Iterator[str]:
        yield f"      # {meaning.column.name}: {meaning.why}".replace("\n", " ")
        third = f"{meaning.language}~lang" if meaning.language else meaning.datatype
        if self.is_organization() and meaning.property == "skos:prefLabel":
            # One that a curated table names keeps the name it has there.
            name = Made(column=self.name_column())
            yield "      - predicates: skos:prefLabel"
            value = f"value: {_quoted(meaning.object)}, language: {meaning.language}"
            yield f"        objects: {{{value}}}"
            yield f"        condition: {_call(self.is_new(name))}"
            return
        if meaning.object.column:
            text = _quoted(meaning.object, "~iri" if meaning.iri else "")
            last = f", {third}" if third else ""
            yield f"      - [{meaning.property}, {text}{last}]"
            return
        extra = f", language: {meaning.language}" if meaning.language else ""
        extra = extra or (f", datatype: {meaning.datatype}" if meaning.datatype else "")
        yield f"      - predicates: {meaning.property}"
        yield f"        objects: {_call(meaning.object, extra)}"

    # --- columns that name organizations ----------------------------------------------------------

    def organizations(self) -> list[Meaning]:
        return [each for each in self.meant.meanings if each.organizations]

    def part(self, meaning: Meaning) -> str:
        place = [each.name for each in self.looked.columns].index(meaning.column.name) + 1
        return f"{self.head.name}_{place}"

    def named(self, meaning: Meaning) -> Iterator[str]:
        """Mappings of the organizations that a column names, and how the row relates to them."""
        table, column = self.part(meaning), Made(column=meaning.column.name)
        called = Made("organization", (("name", column), ("source", self.head.name)))
        yield f"  # {meaning.column.name}: {meaning.why}; organizations, by their names".replace(
            "\n", " "
        )
        yield f"  {table}_named:"
        yield f"    sources: {table}"
        yield f"    subjects: {_call(called)}"
        yield "    predicateobjects:"
        yield "      - [a, aic:Organization]"
        tongue = "zh" if meaning.column.is_chinese else "en"
        yield "      - predicates: skos:prefLabel"
        yield f"        objects: {{value: {_quoted(column)}, language: {tongue}}}"
        yield f"        condition: {_call(self.is_new(column))}"
        yield f"      - [skos:altLabel, {_quoted(column)}]"
        if meaning.property != MEMBER:
            yield ""
            yield f"  {table}_row:"
            yield f"    sources: {table}"
            yield f"    subjects: {self.subject()}"
            yield "    predicateobjects:"
            yield f"      - [{meaning.property}, {{mapping: {table}_named}}]"
            return
        yield from self.memberships(table, meaning)

    def memberships(self, table: str, meaning: Meaning) -> Iterator[str]:
        """Members of what a row is: each an assertion with its evidence, as the shapes ask."""
        columns = (*self.subject_columns(), meaning.column.name)
        of = _of(columns)
        source = (("source", self.head.name), *of)
        names = ", ".join(f"$({_escaped(each)})" for each in columns)
        row = f"{Path(self.looked.table.access).name}, {names}"
        origin = (
            self.head.original if self.head.original != TO_SAY else f"graph:source/{self.head.name}"
        )
        yield ""
        yield f"  {table}_row:"
        yield f"    sources: {table}"
        yield f"    subjects: {self.subject()}"
        yield "    predicateobjects:"
        yield f"      - [a, {vocab.shorten(self.meant.class_)}]"
        yield ""
        yield f"  {table}_evidence:"
        yield f"    sources: {table}"
        yield f"    subjects: {_call(Made('key', (('kind', 'Evidence'), *source)))}"
        yield "    predicateobjects:"
        yield "      - [a, aic:Evidence]"
        yield f"      - [dcterms:title, {_scalar(self.head.title)}]"
        yield f"      - [dcterms:source, {_scalar(origin + '~iri')}]"
        yield f"      - [aic:row, {_scalar(row)}]"
        yield ""
        yield f"  {table}_membership:"
        yield f"    sources: {table}"
        yield f"    subjects: {_call(Made('key', (('kind', 'AllianceMembership'), *source)))}"
        yield "    predicateobjects:"
        yield "      - [a, aic:AllianceMembership]"
        yield f"      - [org:member, {{mapping: {table}_named}}]"
        yield f"      - [org:organization, {{mapping: {table}_row}}]"
        yield "      - [aic:status, id:status/sourced~iri]"
        yield f"      - [aic:evidencedBy, {{mapping: {table}_evidence}}]"


def _of(columns: Iterable[str]) -> tuple[tuple[str, str | Made], ...]:
    return tuple(("of", Made(column=each)) for each in columns)


def _escaped(column: str) -> str:
    return re.sub(r"[()\\]", r"\\\g<0>", column)


def _quoted(made: Made, kind: str = "") -> str:
    return _scalar(f"$({_escaped(made.column)}){kind}")


def _call(made: Made, extra: str = "") -> str:
    """A call as YAML in one line."""
    if made.column:
        return _quoted(made)
    parts = []
    for name, value in made.parameters:
        text = _call(value) if isinstance(value, Made) else _scalar(value)
        parts.append(f"[{name}, {text}]")
    return f"{{function: kgf:{made.function}, parameters: [{', '.join(parts)}]{extra}}}"


def _scalar(text: str) -> str:
    """Text as a YAML scalar that means just that, within brackets too."""
    if _PLAIN.fullmatch(text) and not text.endswith(" "):
        loaded = yaml.safe_load(text)
        if loaded == text:
            return text
    if "\n" in text or not text.isprintable():
        return json.dumps(text, ensure_ascii=False)
    return "'" + text.replace("'", "''") + "'"
