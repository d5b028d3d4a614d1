"""Runs mappings over tables with Polars, column by column, and gives checked statements.

The one module that knows which engine runs a plan. Every IRI is legal and every lexical
form is in its datatype's space when it leaves here; what is not is rejected with its row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

import polars as pl

from kg import tables, vocab
from kg.errors import InputError
from kg.etl import functions, terms
from kg.etl.functions import Context
from kg.etl.plan import (
    Call,
    Expression,
    ObjectMap,
    PredicateObject,
    Source,
    SubjectOf,
    Template,
    TriplesMap,
    columns_of,
)
from kg.tables import LINE, ROW, Account, Origin, Reject, Sheet, Table

# What is not unreserved in a template's value is percent-encoded (R2RML §7.3, kept by RML).
_RESERVED = f"[^{vocab.IUNRESERVED}]"
_VALUE = "\x1fvalue"
_SOUND = "\x1fsound"


@dataclass(frozen=True)
class Statements:
    """Statements of one predicate-object map: a frame with line, s and o as N-Quads terms."""

    triples_map: TriplesMap
    predicate_object: PredicateObject
    graph: str
    frame: pl.DataFrame

    def triples(self) -> pl.Series:
        """The statements as N-Triples text, but for the dot at the end."""
        predicate = f" <{self.predicate_object.predicate}> "
        return self.frame.select(pl.concat_str("s", pl.lit(predicate), "o").alias("t"))["t"]


def stage(source: Source, folder: Path, into: Path) -> dict[str, Sheet]:
    """Read and check every table of a source found under `folder`; keep the sheets under `into`.

    Raises InputError where a table as a whole cannot be read.
    """
    name = source.dataset.name
    return {
        table.name: tables.stage(
            table,
            folder / table.access,
            into / table.name,
            Account(name, table.name, Path(table.access).name),
        )
        for table in source.tables.values()
    }


def run(
    source: Source,
    sheets: Mapping[str, Sheet],
    context: Context,
    sink: Callable[[Statements], None],
    only: Mapping[str, pl.Series] | None = None,
) -> None:
    """Map the sheets of a source; statements go to `sink`, what becomes of rows to the accounts.

    `only` maps the rows on these lines alone (Int64), table by table; a table it does not
    name is left out.
    """
    for table in source.tables.values():
        if only is not None and table.name not in only:
            continue
        sheet = sheets[table.name]
        account = sheet.account
        maps = [each for each in source.maps if each.table == table.name]
        for chunk in sheet.chunks(None if only is None else only[table.name]):
            account.mapped += _Chunk(source, table, context, chunk, account).run(maps, sink)
        account.rejects.sort(key=lambda reject: (reject.line, reject.column))


@dataclass
class _Chunk:
    """One chunk of one table on its way through the maps that read it."""

    source: Source
    table: Table
    context: Context
    rows: pl.DataFrame
    account: Account
    subjects: dict[str, pl.DataFrame] = field(default_factory=dict)
    rejected: set[tuple[int, str, str, str]] = field(default_factory=set)

    def run(self, maps: list[TriplesMap], sink: Callable[[Statements], None]) -> int:
        """Run the maps; returns how many rows gave a statement."""
        for triples_map in maps:
            self.subjects[triples_map.name] = self.subject(triples_map)
        mapped: list[pl.Series] = []
        for triples_map in maps:
            for po in triples_map.predicate_objects:
                frame = self.statements(triples_map, po)
                if frame.height:
                    mapped.append(frame[LINE])
                    sink(Statements(triples_map, po, self.source.dataset.graph, frame))
        return pl.concat(mapped).n_unique() if mapped else 0

    def subject(self, triples_map: TriplesMap) -> pl.DataFrame:
        rows = self.where(self.rows, triples_map.condition)
        return self.terms(rows, ObjectMap(triples_map.subject, "iri"), "s")

    def statements(self, triples_map: TriplesMap, po: PredicateObject) -> pl.DataFrame:
        subjects = self.subjects[triples_map.name]
        if isinstance(po.object.expression, SubjectOf):
            target = self.subjects[po.object.expression.mapping].rename({"s": "o"})
            if po.condition:
                target = target.join(self.where(self.rows, po.condition), on=ROW, how="semi")
            return subjects.join(target.drop(LINE), on=ROW)
        rows = self.rows
        if subjects.height < rows.height:
            rows = rows.join(subjects, on=ROW, how="semi")
        objects = self.terms(self.where(rows, po.condition), po.object, "o")
        return subjects.join(objects.drop(LINE), on=ROW)

    def where(self, rows: pl.DataFrame, condition: Call | None) -> pl.DataFrame:
        return rows if condition is None else rows.filter(self.value(rows, condition))

    def terms(self, rows: pl.DataFrame, made: ObjectMap, name: str) -> pl.DataFrame:
        """The checked terms that an object map gives for these rows: line, row and term."""
        frame = rows.select(LINE, ROW).with_columns(
            self.value(rows, made.expression, made.kind).alias(name)
        )
        if frame.schema[name] == pl.List(pl.String):
            frame = frame.explode(name)
        frame = frame.drop_nulls(name)
        cell = pl.col(name)
        if made.kind == "iri":
            sound, rule, expected = terms.is_iri(cell), "illegal-iri", "expected an absolute IRI"
            frame = self.check(frame, made.expression, sound, rule, expected)
            return frame.with_columns(terms.iri(cell).alias(name))
        if datatype := terms.DATATYPES.get(made.datatype):
            expected = f"is not {datatype.called} ({terms.short(made.datatype)})"
            sound = terms.is_lexical(cell, made.datatype)
            frame = self.check(frame, made.expression, sound, "datatype", expected)
        return frame.with_columns(terms.literal(cell, made.datatype, made.language).alias(name))

    def check(
        self, frame: pl.DataFrame, made_by: Expression, sound: pl.Expr, rule: str, expected: str
    ) -> pl.DataFrame:
        """The sound values of a frame of line, row and value; the others are rejected."""
        judged = frame.with_columns(sound.alias(_SOUND))
        bad = judged.filter(~pl.col(_SOUND))
        if not bad.height:
            return frame
        values = bad.to_series(2).to_list()
        self.reject(made_by, bad[LINE].to_list(), values, rule, expected)
        return judged.filter(_SOUND).drop(_SOUND)

    def reject(
        self, expression: Expression, lines: list[int], values: list[str], rule: str, expected: str
    ) -> None:
        source, file = self.account.source, self.account.file
        column = " ".join(dict.fromkeys(columns_of(expression)))
        for line, value in zip(lines, values, strict=True):
            if (mark := (line, column, rule, value)) not in self.rejected:
                self.rejected.add(mark)
                reject = Reject(source, file, line, column, rule, value, expected, "value")
                self.account.rejects.append(reject)

    # --- expressions --------------------------------------------------------------------------

    def value(self, rows: pl.DataFrame, expression: Expression, kind: str = "literal") -> pl.Series:
        """An expression's value for each row: text, list of text, or truth value."""
        match expression:
            case Template():
                return rows.with_columns(self.template(expression, kind).alias(_VALUE))[_VALUE]
            case Call():
                return self.call(rows, expression)
            case SubjectOf():
                raise InputError("a subject of another mapping can stand only as an object")

    def template(self, template: Template, kind: str) -> pl.Expr:
        bare = template.parts[0] == template.parts[-1] == "" and len(template.parts) == 3
        parts: list[pl.Expr] = []
        for place, part in enumerate(template.parts):
            if place % 2 == 0:
                constant = vocab.rebase(part, self.context.base) if kind == "iri" else part
                parts.append(pl.lit(constant))
            else:
                cell = pl.col(part)
                parts.append(cell if kind == "literal" or bare else _encoded(cell))
        return pl.concat_str(parts)

    def call(self, rows: pl.DataFrame, call: Call) -> pl.Series:
        arguments = [self.value(rows, argument) for _, argument in call.arguments]
        lists = [series.to_list() for series in arguments]
        results, failed = functions.apply(
            call.function, self.context, list(zip(*lists, strict=True))
        )
        spec = functions.signature(call.function)
        if failed:
            lines = [rows[LINE][number] for number in failed]
            cells = [self.cells(rows, call, number) for number in failed]
            self.reject(call, lines, cells, spec.rule, spec.expected)
        if spec.result == "boolean":
            return pl.Series(results, dtype=pl.Boolean)
        if any(isinstance(result, list) for result in results):
            many = [
                [r] if isinstance(r, str) else r if isinstance(r, list) else None for r in results
            ]
            return pl.Series(many, dtype=pl.List(pl.String))
        return pl.Series([r if isinstance(r, str) else None for r in results], dtype=pl.String)

    def cells(self, rows: pl.DataFrame, call: Call, number: int) -> str:
        columns = dict.fromkeys(columns_of(call))
        return " ".join(str(rows[column][number] or "") for column in columns)


def _encoded(cell: pl.Expr) -> pl.Expr:
    """Text made safe for a place inside an IRI."""

    def encode(cells: pl.Series) -> pl.Series:
        unsafe = cells.filter(cells.str.contains(_RESERVED)).unique().to_list()
        safe = [re.sub(_RESERVED, lambda char: quote(char[0], safe=""), text) for text in unsafe]
        return cells.replace(unsafe, safe) if unsafe else cells

    return cell.map_batches(encode, pl.String)


def origins(
    sources: Iterable[tuple[Source, Mapping[str, Sheet]]],
    context: Context,
    wanted: set[tuple[str, str, str]],
) -> dict[tuple[str, str, str], list[Origin]]:
    """Where statements came from, found by mapping the tables again.

    `wanted` and the keys of the answer are (subject, predicate, object) as N-Quads terms.
    Where no row gives that very object, as for a value that is missing, the answer is the
    rows that give the subject, and the columns that should have given the object.
    """
    subjects = {subject for subject, _, _ in wanted}
    exact: dict[tuple[str, str, str], set[Origin]] = {}
    about: dict[tuple[str, str], set[Origin]] = {}

    def collect(made: Statements) -> None:
        file = Path(source.tables[made.triples_map.table].access).name
        predicate = f"<{made.predicate_object.predicate}>"
        column = _columns(source, [made.predicate_object])
        by_predicate: dict[str, list[PredicateObject]] = {}
        for po in made.triples_map.predicate_objects:
            by_predicate.setdefault(f"<{po.predicate}>", []).append(po)
        columns = {path: _columns(source, pos) for path, pos in by_predicate.items()}
        about_them = made.frame.filter(pl.col("s").is_in(subjects)).select(LINE, "s", "o")
        for line, s, o in about_them.iter_rows():
            exact.setdefault((s, predicate, o), set()).add(Origin(file, line, column))
            for path, those in columns.items():
                about.setdefault((s, path), set()).add(Origin(file, line, those))

    for source, sheets in sources:
        # What this run counts and rejects has been told before.
        copies = {
            name: replace(sheet, account=Account(source.dataset.name, name, sheet.account.file))
            for name, sheet in sheets.items()
        }
        run(source, copies, context, collect)
    found = {key: exact.get(key) or about.get(key[:2], set()) for key in wanted}
    return {
        key: sorted(places, key=lambda place: (place.file, place.line, place.column))
        for key, places in found.items()
    }


def _columns(source: Source, pairs: list[PredicateObject]) -> str:
    """The columns that the objects of these pairs are made of."""
    subject_of = {each.name: each.subject for each in source.maps}
    made = [
        subject_of[made_by.mapping] if isinstance(made_by, SubjectOf) else made_by
        for made_by in (pair.object.expression for pair in pairs)
    ]
    return " ".join(dict.fromkeys(name for each in made for name in columns_of(each)))
