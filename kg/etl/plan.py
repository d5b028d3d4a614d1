"""What a mapping says, as a plan that names no engine: terms, triples maps, the source's facts.

`mapping` reads a plan from YAML, `engine` runs it, `rml` writes it in another language.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from kg import vocab
from kg.errors import InputError
from kg.tables import Table


@dataclass(frozen=True)
class Template:
    """Text with references to columns: constants at even places, column names at odd ones."""

    parts: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns referred to, in order."""
        return self.parts[1::2]

    @property
    def constant(self) -> str | None:
        """The text, where it refers to no column."""
        return self.parts[0] if len(self.parts) == 1 else None

    @property
    def is_reference(self) -> bool:
        """Whether it is one column and nothing else."""
        return len(self.parts) == 3 and self.parts[0] == self.parts[2] == ""


@dataclass(frozen=True)
class Call:
    """A function by name, with its arguments in the order they are written."""

    function: str
    arguments: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True)
class Join:
    """Rows meet where the child's value equals the parent's: the child is the row that asks."""

    child: Expression
    parent: Expression


@dataclass(frozen=True)
class SubjectOf:
    """The subject that another mapping gives.

    Without joins it is that of the same row of the same table; with joins, those of the
    rows that meet all of them, in any table. `source` names the other source, if it is one.
    """

    mapping: str
    joins: tuple[Join, ...] = ()
    source: str = ""

    @property
    def name(self) -> str:
        """The mapping as a file of mappings names it: `mapping` or `source/mapping`."""
        return f"{self.source}/{self.mapping}" if self.source else self.mapping


Expression = Template | Call | SubjectOf


@dataclass(frozen=True)
class ObjectMap:
    """How an object is made: an IRI, or a literal of a datatype or language.

    `language` is a tag, or what gives the tag of each row.
    """

    expression: Expression
    kind: Literal["iri", "literal"]
    datatype: str = vocab.XSD + "string"
    language: str | Template | Call = ""


@dataclass(frozen=True)
class PredicateObject:
    """One predicate and one object, for the rows on which the condition holds.

    `graphs` are named graphs besides those of the triples map.
    """

    predicate: str
    object: ObjectMap
    condition: Call | None
    line: int
    graphs: tuple[str, ...] = ()


@dataclass(frozen=True)
class TriplesMap:
    """How the rows of one table become triples about one kind of subject.

    `graphs` are the named graphs of its triples; none stands for that of the dataset.
    """

    name: str
    table: str
    subject: Expression
    condition: Call | None
    predicate_objects: tuple[PredicateObject, ...]
    line: int
    graphs: tuple[str, ...] = ()


#: Stands where a draft of a definition leaves an IRI to the person: valid, and evidently not meant.
TO_SAY: Final = "urn:to-be-said"


@dataclass(frozen=True)
class Dataset:
    """What a source is, and where it comes from."""

    name: str
    title: str
    original: str
    licence: str
    attribution: str
    graph: str
    shipped: bool
    description: str = ""
    compiled_into: str = ""
    synthetic: bool = False  # made up: never mixed with what is real
    reference: bool = False  # places and the like, which may stand beside either


@dataclass(frozen=True)
class Parent:
    """A triples map of another source, whose subjects a join gives."""

    source: str
    table: Table
    triples_map: TriplesMap

    @property
    def sheet(self) -> str:
        """The name of the sheet it reads: source/table."""
        return f"{self.source}/{self.table.name}"


@dataclass(frozen=True)
class Source:
    """One mapping file: a dataset, its tables and its triples maps.

    `parents` are the triples maps of other sources that it joins, as `source/mapping`.
    """

    file: Path
    dataset: Dataset
    tables: Mapping[str, Table]
    maps: tuple[TriplesMap, ...]
    prefixes: Mapping[str, str] = field(default_factory=dict)
    parents: Mapping[str, Parent] = field(default_factory=dict)

    def graphs(self, triples_map: TriplesMap, po: PredicateObject) -> tuple[str, ...]:
        """The named graphs in which a predicate-object map states its triples."""
        own = triples_map.graphs or (self.dataset.graph,)
        return tuple(dict.fromkeys((*own, *po.graphs)))

    def map(self, name: str) -> TriplesMap:
        """The triples map of this source with this name."""
        return next(each for each in self.maps if each.name == name)

    @property
    def gives_statements(self) -> bool:
        """Whether a build takes it in; else a script reads it."""
        return bool(self.maps) or any(table.is_rdf for table in self.tables.values())

    def missing(self, folder: Path) -> list[str]:
        """The files of its tables that are not in this folder."""
        files = {table.access for table in self.tables.values() if table.is_file}
        return sorted(file for file in files if not (folder / file).is_file())


def is_synthetic(datasets: Iterable[Dataset]) -> bool:
    """Whether a release of these is synthetic.

    Raises InputError where synthetic and real ones are mixed; reference data may stand beside
    either.
    """
    by_kind: dict[bool, list[str]] = {True: [], False: []}
    for dataset in datasets:
        if not dataset.reference:
            by_kind[dataset.synthetic].append(dataset.name)
    made_up, real = (", ".join(names) for names in (by_kind[True], by_kind[False]))
    if made_up and real:
        raise InputError(
            f"synthetic data ({made_up}) is never mixed with real data ({real}) in one release; "
            "`kg build --sample DIR` builds it alone"
        )
    return bool(made_up)


def columns_of(expression: Expression) -> Iterator[str]:
    """The columns of its own table that an expression reads, nested calls included."""
    match expression:
        case Template():
            yield from expression.columns
        case Call():
            for _, argument in expression.arguments:
                yield from columns_of(argument)
        case SubjectOf():
            for join in expression.joins:
                yield from columns_of(join.child)


def expressions_of(triples_map: TriplesMap) -> Iterator[tuple[int, Expression]]:
    """Every expression of a triples map, with the line it stands on."""
    yield triples_map.line, triples_map.subject
    if triples_map.condition:
        yield triples_map.line, triples_map.condition
    for po in triples_map.predicate_objects:
        yield po.line, po.object.expression
        if not isinstance(po.object.language, str):
            yield po.line, po.object.language
        if po.condition:
            yield po.line, po.condition


def calls_of(expression: Expression) -> Iterator[Call]:
    """Every call in an expression, nested ones and those of joins included."""
    if isinstance(expression, SubjectOf):
        for join in expression.joins:
            yield from calls_of(join.child)
            yield from calls_of(join.parent)
    elif isinstance(expression, Call):
        yield expression
        for _, argument in expression.arguments:
            yield from calls_of(argument)


def columns_read(
    maps: Iterable[TriplesMap], triples_map: TriplesMap, po: PredicateObject
) -> frozenset[str]:
    """The columns of its own table that a statement rests on, conditions included."""
    object_ = po.object.expression
    read: list[Expression | None] = [
        triples_map.subject, triples_map.condition, po.condition, object_
    ]  # fmt: skip
    if not isinstance(po.object.language, str):
        read.append(po.object.language)
    if isinstance(object_, SubjectOf) and not object_.joins:
        target = next(each for each in maps if each.name == object_.mapping)
        read += [target.subject, target.condition]
    return frozenset(name for each in read if each for name in columns_of(each))
