"""What a mapping says, as a plan that names no engine: terms, triples maps, the source's facts.

`mapping` reads a plan from YAML, `engine` runs it, `rml` writes it in another language.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from kg import vocab
from kg.tables import Table


@dataclass(frozen=True)
class Template:
    """Text with references to columns: constants at even places, column names at odd ones."""

    parts: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns referred to, in order."""
        return self.parts[1::2]


@dataclass(frozen=True)
class Call:
    """A function by name, with its arguments in the order they are written."""

    function: str
    arguments: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True)
class SubjectOf:
    """The subject that another mapping of the same table gives for the same row."""

    mapping: str


Expression = Template | Call | SubjectOf


@dataclass(frozen=True)
class ObjectMap:
    """How an object is made: an IRI, or a literal of a datatype or language."""

    expression: Expression
    kind: Literal["iri", "literal"]
    datatype: str = vocab.XSD + "string"
    language: str = ""


@dataclass(frozen=True)
class PredicateObject:
    """One predicate and one object, for the rows on which the condition holds."""

    predicate: str
    object: ObjectMap
    condition: Call | None
    line: int


@dataclass(frozen=True)
class TriplesMap:
    """How the rows of one table become triples about one kind of subject."""

    name: str
    table: str
    subject: Expression
    condition: Call | None
    predicate_objects: tuple[PredicateObject, ...]
    line: int


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
class Source:
    """One mapping file: a dataset, its tables and its triples maps."""

    file: Path
    dataset: Dataset
    tables: Mapping[str, Table]
    maps: tuple[TriplesMap, ...]
    prefixes: Mapping[str, str] = field(default_factory=dict)


def columns_of(expression: Expression) -> Iterator[str]:
    """The columns that an expression reads, nested calls included."""
    match expression:
        case Template():
            yield from expression.columns
        case Call():
            for _, argument in expression.arguments:
                yield from columns_of(argument)
