"""Checks a mapping file against the language, the ontology and its tables: every fault at once.

What cannot be built is an error. Where a mapping and the ontology's domains and ranges
disagree, inference would conclude what nobody meant: that is a warning, as is all that may be
meant so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from kg import tables, vocab
from kg.errors import InputError
from kg.etl import functions, mapping
from kg.etl.context import Context
from kg.etl.document import Document, Fault, Map
from kg.etl.plan import (
    TO_SAY,
    Call,
    Expression,
    ObjectMap,
    PredicateObject,
    Source,
    SubjectOf,
    Template,
    TriplesMap,
    calls_of,
    expressions_of,
)
from kg.etl.schema import Schema
from kg.tables import Account

_TYPE: Final = vocab.RDF + "type"
#: Vocabularies of the W3C that nobody declares again.
_BUILT_IN: Final = (vocab.RDF, vocab.RDFS, vocab.OWL)
_CLASS_OF_KIND: Final = {kind: name for name, kind in vocab.KINDS.items()}
_TEXT: Final = {vocab.XSD + "string", vocab.RDF + "langString", vocab.RDFS + "Literal"}


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong, or may be, and where it stands."""

    file: str
    line: int
    level: Literal["error", "warning"]
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.level}: {self.message} ({self.rule})"


def check(path: Path, schema: Schema, context: Context, data: Path | None = None) -> list[Finding]:
    """Every finding on a mapping file, in the order of its lines.

    `data` is the folder of its tables, which are looked at as far as their first rows; shipped
    tables are found without it.
    """
    source, faults = mapping.parse_joined(path)
    found = {Finding(str(path), each.line, "error", "language", each.message) for each in faults}
    if source is not None:
        checker = _Check(source, schema, context)
        found |= set(checker.unsaid())
        found |= set(checker.terms())
        found |= set(checker.lookups())
        folder = context.tables if source.dataset.shipped else data
        if folder is not None:
            found |= set(checker.files(folder))
    return sorted(found)


class _Check:
    def __init__(self, source: Source, schema: Schema, context: Context) -> None:
        self.source, self.schema, self.context = source, schema, context
        self.kinds = schema.kinds()

    def finding(
        self, line: int, level: Literal["error", "warning"], rule: str, message: str
    ) -> Finding:
        return Finding(str(self.source.file), line, level, rule, message)

    def unsaid(self) -> Iterator[Finding]:
        """What a draft left to the person, and a release would tell as it stands."""
        dataset = self.source.dataset
        for name, value in (("original", dataset.original), ("licence", dataset.licence)):
            if value == TO_SAY:
                message = f"the {name} is still to be said: an IRI"
                yield self.finding(1, "warning", "unsaid", message)

    # --- terms of the ontology -------------------------------------------------------------------

    def terms(self) -> Iterator[Finding]:
        for triples_map in self.source.maps:
            subject = self.classes(triples_map)
            for po in triples_map.predicate_objects:
                if po.predicate == _TYPE:
                    yield from self.type(po)
                elif po.predicate not in self.schema.properties:
                    yield from self.unknown(po.line, po.predicate, "property")
                else:
                    yield from self.domain(po, subject)
                    yield from self.range(po)
                yield from self.concept(po)

    def type(self, po: PredicateObject) -> Iterator[Finding]:
        name = _constant(po.object.expression)
        if name is not None and name not in self.schema.above:
            yield from self.unknown(po.line, name, "class")

    def unknown(self, line: int, name: str, kind: str) -> Iterator[Finding]:
        if name.startswith(_BUILT_IN):
            return
        known = name in self.schema.properties or name in self.schema.above
        lacks = f"is no {kind}" if known else f"is no {kind} that the ontology declares"
        # Another vocabulary's term may be used undeclared; ours must be there.
        level: Literal["error", "warning"] = (
            "error" if known or name.startswith(vocab.AIC) else "warning"
        )
        yield self.finding(line, level, "unknown-term", f"{vocab.shorten(name)} {lacks}")

    def domain(self, po: PredicateObject, subject: frozenset[str]) -> Iterator[Finding]:
        wanted = self.schema.domains.get(po.predicate)
        if wanted and subject and not self.schema.may_be(subject, wanted):
            yield self.finding(
                po.line, "warning", "domain",
                f"{vocab.shorten(po.predicate)} is said of {_names(wanted)}, "
                f"not of {_names(subject)}",
            )  # fmt: skip

    def range(self, po: PredicateObject) -> Iterator[Finding]:
        name = vocab.shorten(po.predicate)
        made, wanted = po.object, self.schema.ranges.get(po.predicate, frozenset())
        if made.kind == "literal" and po.predicate in self.schema.of_objects:
            yield self.finding(po.line, "warning", "range", f"{name} takes a resource, not a text")
        elif made.kind == "iri" and po.predicate in self.schema.of_data:
            yield self.finding(po.line, "warning", "range", f"{name} takes a text, not a resource")
        elif made.kind == "literal":
            datatypes = {each for each in wanted if each.startswith(vocab.XSD) or each in _TEXT}
            same = {made.datatype} | ({vocab.RDFS + "Literal"} if datatypes else set())
            if datatypes and not datatypes & same:
                found = vocab.shorten(made.datatype)
                yield self.finding(
                    po.line, "warning", "range", f"{name} takes {_names(datatypes)}, not {found}"
                )
        else:
            classes = self.classes_of_object(po.object)
            if wanted and classes and not self.schema.may_be(classes, wanted):
                yield self.finding(
                    po.line, "warning", "range",
                    f"{name} takes {_names(wanted)}, not {_names(classes)}",
                )  # fmt: skip

    def concept(self, po: PredicateObject) -> Iterator[Finding]:
        """A constant resource of a kind that the vocabularies list must be among them."""
        iri = _constant(po.object.expression) if po.object.kind == "iri" else None
        if iri and iri.startswith(vocab.BASE) and iri not in self.schema.types:
            key = iri.removeprefix(vocab.BASE)
            if key.partition("/")[0] in self.kinds:
                message = f"id:{key} is in no vocabulary"
                yield self.finding(po.line, "error", "unknown-concept", message)

    def classes(self, triples_map: TriplesMap) -> frozenset[str]:
        """The classes of a map's subjects: all that maps with the same subjects state."""
        found: set[str] = set()
        for each in self.source.maps:
            if each.table == triples_map.table and each.subject == triples_map.subject:
                for po in each.predicate_objects:
                    if po.predicate == _TYPE:
                        name = _constant(po.object.expression)
                        if name is None or name not in self.schema.above:
                            return frozenset()  # it varies by row, or nothing is known of it
                        found.add(name)
        return frozenset(found) or self.classes_of(triples_map.subject)

    def classes_of_object(self, made: ObjectMap) -> frozenset[str]:
        target = made.expression
        if isinstance(target, SubjectOf):
            if target.source:
                return frozenset()
            found = [each for each in self.source.maps if each.name == target.mapping]
            return self.classes(found[0]) if found else frozenset()
        return self.classes_of(target)

    def classes_of(self, expression: Expression) -> frozenset[str]:
        """The classes that the form of an IRI tells."""
        if isinstance(expression, Call):
            spec = functions.signature(expression.function)
            if spec.gives:
                return frozenset({spec.gives})
            kind = _constant(dict(expression.arguments).get("kind"))
            name = "" if kind is None else _CLASS_OF_KIND.get(kind, vocab.AIC + kind)
            return frozenset({name}) if name in self.schema.above else frozenset()
        if not isinstance(expression, Template):
            return frozenset()
        if (iri := expression.constant) is not None and iri in self.schema.types:
            return self.schema.types[iri] & frozenset(self.schema.above)
        start = expression.parts[0]
        if start.startswith(vocab.BASE):
            kind, slash, _ = start.removeprefix(vocab.BASE).partition("/")
            if slash and kind in _CLASS_OF_KIND:
                return frozenset({_CLASS_OF_KIND[kind]})
        return frozenset()

    # --- what functions look things up in --------------------------------------------------------

    def lookups(self) -> Iterator[Finding]:
        for triples_map in self.source.maps:
            for line, expression in expressions_of(triples_map):
                for call in calls_of(expression):
                    if message := self.lookup(call):
                        yield self.finding(line, "error", "lookup", message)

    def lookup(self, call: Call) -> str:
        given = {name: _constant(value) for name, value in call.arguments}
        if call.function == "lookup":
            names = [given[name] for name in ("table", "match", "give")]
            if None not in names:
                try:
                    self.context.lookup(*(str(name) for name in names))
                except InputError as error:
                    return f"kgf:lookup: {error}"
        kind = given.get("kind")
        if call.function == "concept" and kind is not None:
            kinds = {each for each, _ in self.context.concepts}
            if kind not in kinds:
                known = ", ".join(sorted(kinds))
                return f"kgf:concept: no vocabulary has the kind {kind!r}; there are {known}"
        return ""

    # --- tables ----------------------------------------------------------------------------------

    def files(self, folder: Path) -> Iterator[Finding]:
        lines = _lines_of_tables(self.source.file)
        for table in self.source.tables.values():
            path, line = folder / table.access, lines.get(table.name, 1)
            if not path.is_file():
                message = f"there is no {table.access} in {folder}"
                yield self.finding(line, "warning", "file", message)
                continue
            account = Account(self.source.dataset.name, table.name, path.name)
            try:
                next(tables.read(table, path, account), None)
            except InputError as error:
                yield self.finding(line, "error", "file", str(error))
            for notice in account.notices:
                yield self.finding(line, "warning", "file", notice)


def _constant(expression: Expression | None) -> str | None:
    return expression.constant if isinstance(expression, Template) else None


def _names(iris: frozenset[str] | set[str]) -> str:
    return " or ".join(sorted(map(vocab.shorten, iris)))


def _lines_of_tables(path: Path) -> dict[str, int]:
    try:
        sources = Document(path).top().get("sources")
    except Fault:
        return {}
    return (
        {str(name): getattr(name, "line", 1) for name in sources}
        if isinstance(sources, Map)
        else {}
    )
