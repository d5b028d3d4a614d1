"""Explains a mapping by its rows: what a row gives, and which rows give a triple.

To find the rows of a triple, templates are read backwards: only rows whose cells can give it
are mapped again, by the maps that can.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import polars as pl
from pyoxigraph import Literal, NamedNode, RdfFormat, Store, parse

from kg import vocab
from kg.errors import InputError
from kg.etl.context import Context
from kg.etl.engine import Statements, run
from kg.etl.origins import columns_behind, unheard
from kg.etl.plan import Call, Expression, PredicateObject, Source, SubjectOf, Template, TriplesMap
from kg.tables import LINE, Origin, Reject, Sheet, Table

_ENCODED: Final = rf"(?:[{vocab.IUNRESERVED}]|%[0-9A-Fa-f]{{2}})+"
#: Datatypes whose lexical forms are the cells themselves.
_TEXTS: Final = (vocab.XSD + "string", vocab.RDF + "langString")
_STATEMENT: Final = re.compile(r"\s*(\S+)\s+(\S+)(?:\s+(\S.*?))?\s*\.?\s*", re.DOTALL)
_LITERAL: Final = re.compile(r"[\"'+\-.\d]|(?:true|false)$")
#: Where a parser says that an error is.
_PLACE: Final = re.compile(r"^Parser error [^:]*: ")


@dataclass(frozen=True)
class Stated:
    """One statement, as terms of N-Quads, with the row and the line of the mapping it is by."""

    subject: str
    predicate: str
    object: str
    graph: str
    source: str
    mapping: str
    at: str  # file:line of the mapping
    origin: Origin


def explain(
    source: Source,
    sheets: Mapping[str, Sheet],
    context: Context,
    table: str,
    line: int,
    joined: Mapping[str, Sheet] | None = None,
) -> tuple[list[Stated], list[Reject]]:
    """The statements that one row gives, and what the mapping rejects of it."""
    made: list[Stated] = []
    quiet = unheard(source, sheets)
    only = {table: pl.Series([line], dtype=pl.Int64)}
    run(source, quiet, context, lambda each: made.extend(_stated(source, each)), only, joined)
    return made, list(quiet[table].account.rejects)


def why(
    sources: Iterable[tuple[Source, Mapping[str, Sheet]]],
    context: Context,
    subject: str,
    predicate: str,
    object_: str | None,
) -> list[Stated]:
    """The rows that give a triple of N-Quads terms, and their maps; None means any object."""
    sources = list(sources)
    joined = {
        f"{source.dataset.name}/{name}": sheet
        for source, sheets in sources
        for name, sheet in sheets.items()
    }
    found: list[Stated] = []
    for source, sheets in sources:

        def keep(made: Statements, source: Source = source) -> None:
            if f"<{made.predicate_object.predicate}>" != predicate:
                return
            wanted = pl.col("s") == subject
            if object_ is not None:
                wanted &= pl.col("o") == object_
            if (frame := made.frame.filter(wanted)).height:
                found.extend(_stated(source, replace(made, frame=frame)))

        for name, table in source.tables.items():
            if table.is_rdf:
                only = {name: _documented(sheets[name], context.base, subject, predicate, object_)}
                run(source, unheard(source, sheets), context, keep, only)
        for triples_map in source.maps:
            pairs = [po for po in triples_map.predicate_objects if f"<{po.predicate}>" == predicate]
            for po in pairs:
                sheet = sheets[triples_map.table]
                lines = _lines(sheet, triples_map, po, context.base, subject, object_)
                if lines is not None and not lines.len():
                    continue
                part = _only(source, triples_map, po)
                only = {triples_map.table: lines if lines is not None else _all(sheet)}
                run(part, unheard(source, sheets), context, keep, only, joined)
        for name in [table.name for table in source.tables.values() if table.is_rdf]:
            stating = sheets[name].scan().filter(predicate=predicate).select(LINE).collect()
            run(source, unheard(source, sheets), context, keep, {name: stating[LINE]}, joined)
    return sorted(set(found), key=lambda each: (each.source, each.origin.place))


def _documented(
    sheet: Sheet, base: str, subject: str, predicate: str, object_: str | None
) -> pl.Series:
    """The lines of a document's statements that may be this one, once moved under the base."""

    def written(term: str) -> list[str]:
        under = term.startswith(f"<{base}")
        return [term, f"<{vocab.BASE}{term[len(base) + 1 :]}"] if under else [term]

    tests = [pl.col("subject").is_in(written(subject)), pl.col("predicate") == predicate]
    if object_ is not None and object_.startswith("<"):
        tests.append(pl.col("object").is_in(written(object_)))
    return sheet.scan().filter(tests).select(LINE).collect()[LINE]


def triple(text: str, base: str = vocab.BASE) -> tuple[str, str, str | None]:
    """The terms of a triple as a person writes it, in N-Quads; None for an object left out.

    Each is an IRI, in <> or not, a CURIE or a key; an object may be a literal as in Turtle.
    Raises InputError where it is neither.
    """
    fields = _STATEMENT.fullmatch(text)
    if fields is None:
        raise InputError(f"{text!r}: expected subject, predicate and object")
    subject, predicate = (_iri(term, base) for term in fields.group(1, 2))
    if fields[3] is None:
        return subject, predicate, None
    return subject, predicate, (_literal if _LITERAL.match(fields[3]) else _iri)(fields[3], base)


def _iri(term: str, base: str) -> str:
    if term == "a":
        return f"<{vocab.RDF}type>"
    return f"<{vocab.expand(term.removeprefix('<').removesuffix('>'), base=base)}>"


def _literal(text: str, base: str) -> str:
    """A literal that Turtle may write, as the store does."""
    names = vocab.PREFIXES | {"id": base}
    prefixes = " ".join(f"PREFIX {name}: <{iri}>" for name, iri in names.items())
    store = Store()
    try:
        store.load(f"{prefixes} <a:a> <a:a> {text} .".encode(), format=RdfFormat.TURTLE)
    except SyntaxError as error:
        what = _PLACE.sub("", error.msg)  # a place in what was put around it tells nobody anything
        raise InputError(f"{text}: not a literal as Turtle writes it: {what}") from None
    found = [quad.object for quad in store]
    if len(found) != 1 or not isinstance(found[0], Literal):
        raise InputError(f"{text}: expected one literal as Turtle writes it")
    return str(found[0])


def _stated(source: Source, made: Statements) -> list[Stated]:
    table = source.tables[made.triples_map.table]
    column = columns_behind(source, [made.predicate_object])
    at = f"{source.file.name}:{made.predicate_object.line}"
    predicate, graph = f"<{made.predicate_object.predicate}>", made.graph
    name, triples_map = source.dataset.name, made.triples_map.name
    of = name, table.name, Path(table.access).name
    return [
        Stated(s, predicate, o, graph, name, triples_map, at, Origin(*of, line, column))
        for line, s, o in made.frame.select(LINE, "s", "o").iter_rows()
    ]


def _only(source: Source, triples_map: TriplesMap, po: PredicateObject) -> Source:
    """A source of one predicate-object map, and the map whose subjects it takes."""
    maps = [replace(triples_map, predicate_objects=(po,))]
    target = po.object.expression
    if isinstance(target, SubjectOf) and not target.source and target.mapping != triples_map.name:
        maps.append(replace(source.map(target.mapping), predicate_objects=()))
    return replace(source, maps=tuple(maps))


def _all(sheet: Sheet) -> pl.Series:
    return sheet.scan().select(LINE).collect()[LINE]


def _lines(
    sheet: Sheet,
    triples_map: TriplesMap,
    po: PredicateObject,
    base: str,
    subject: str,
    object_: str | None,
) -> pl.Series | None:
    """The lines whose cells can give a subject and object; None where none can be ruled out."""
    made = po.object
    wanted = [_given(triples_map.subject, subject[1:-1], base, iri=True)]
    if object_ is not None and object_.startswith("<") != (made.kind == "iri"):
        return pl.Series(dtype=pl.Int64)
    if object_ is not None and made.kind == "iri":
        wanted.append(_given(made.expression, object_[1:-1], base, iri=True))
    elif object_ is not None and made.datatype in _TEXTS:
        wanted.append(_given(made.expression, _text(object_), base, iri=False))
    cells: dict[str, str] = {}
    for each in wanted:
        if each is None:
            return pl.Series(dtype=pl.Int64)
        cells |= each
    if not cells:
        return None
    tests = [_holds(sheet.table, column, value) for column, value in cells.items()]
    return sheet.scan().filter(tests).select(LINE).collect()[LINE]


def _holds(table: Table, column: str, value: str) -> pl.Expr:
    (declared,) = (each for each in table.columns if each.name == column)
    cell = pl.col(column)
    return cell == value if declared.split is None else cell.str.contains(value, literal=True)


def _given(expression: Expression, value: str, base: str, *, iri: bool) -> dict[str, str] | None:
    """Cells without which a value is not given; None where no cells can give it."""
    if isinstance(expression, Call) and expression.function == "resource":
        arguments = dict(expression.arguments)
        kind = arguments["kind"].constant if isinstance(arguments["kind"], Template) else None
        start = "" if kind is None else base + vocab.KINDS.get(vocab.AIC + kind, kind) + "/"
        if not value.startswith(start):
            return None
        return _given(arguments["key"], value.removeprefix(start), base, iri=False) if start else {}
    return _cells(expression, value, base, iri=iri) if isinstance(expression, Template) else {}


def _cells(template: Template, value: str, base: str, *, iri: bool) -> dict[str, str] | None:
    """The same, of a template."""
    if template.is_reference:
        return {template.columns[0]: value}
    pattern = ""
    for place, part in enumerate(template.parts):
        if place % 2:
            pattern += f"({_ENCODED})" if iri else "(.+)"
        else:
            pattern += re.escape(vocab.rebase(part, base) if iri and place == 0 else part)
    if (found := re.fullmatch(pattern, value, re.DOTALL)) is None:
        return None
    # With two columns, where one ends and the next begins is not always to be told.
    if len(template.columns) != 1:
        return {}
    return {template.columns[0]: unquote(found[1]) if iri else found[1]}


def _text(literal: str) -> str:
    (quad,) = parse(f"<a:a> <a:a> {literal} .".encode(), format=RdfFormat.N_TRIPLES)
    assert isinstance(quad.object, Literal)  # noqa: S101 - it begins with a quotation mark
    return quad.object.value


def graphs_of(store: Store, subject: str, predicate: str, object_: str | None) -> list[str]:
    """The named graphs of a store that hold a triple."""
    given = f"{subject} {predicate} {object_ or '<a:a>'} ."
    (quad,) = parse(given.encode(), format=RdfFormat.N_TRIPLES)
    held = store.quads_for_pattern(
        quad.subject, quad.predicate, None if object_ is None else quad.object, None
    )
    return sorted(
        {each.graph_name.value for each in held if isinstance(each.graph_name, NamedNode)}
    )
