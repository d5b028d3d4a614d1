"""Runs mappings over tables with Polars, column by column, and gives checked statements.

The one module that knows which engine runs a plan. Every IRI is legal and every lexical
form is in its datatype's space when it leaves here; what is not is rejected with its row.
What a row gives depends on that row, the context and the tables it joins, on nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

import polars as pl

from kg import tables, vocab
from kg.errors import InputError
from kg.etl import functions, rdf, terms
from kg.etl.context import Context
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
    columns_read,
)
from kg.etl.tally import Tally
from kg.tables import LINE, ROW, Account, Dialect, Replay, Sheet, Table

# What is not unreserved in a template's value is percent-encoded (R2RML §7.3, kept by RML).
_RESERVED: Final = f"[^{vocab.IUNRESERVED}]"
_ASCII_RESERVED: Final = {
    chr(code): quote(chr(code), safe="")
    for code in range(0x80)
    if re.fullmatch(_RESERVED, chr(code))
}
_SUBJECT: Final = "\x1fsubject"
_OBJECT: Final = "\x1fobject"
_LANGUAGE: Final = "\x1flanguage"
_KEY: Final = "\x1fkey"


@dataclass(frozen=True)
class Statements:
    """Statements of one predicate-object map: a frame with line, s and o as N-Quads terms."""

    triples_map: TriplesMap
    predicate_object: PredicateObject
    graph: str
    frame: pl.DataFrame

    def lines(self) -> pl.Series:
        """The statements as lines of N-Quads without line ends, just as the store dumps them."""
        return self.frame.select(self._line(f" <{self.graph}> .")).to_series()

    def triples(self) -> pl.Series:
        """The statements as N-Triples text, but for the dot at the end."""
        return self.frame.select(self._line("")).to_series()

    def _line(self, end: str) -> pl.Expr:
        predicate = pl.lit(f" <{self.predicate_object.predicate}> ")
        return pl.concat_str([pl.col("s"), predicate, pl.col("o"), pl.lit(end)]).alias("line")


def stage(
    source: Source, folder: Path, into: Path, replay: Replay | None = None
) -> dict[str, Sheet]:
    """Read and check every table of a source found under `folder`; keep the sheets under `into`.

    `replay` has corrected rows to be taken in place of rejected ones. Raises InputError where
    a table as a whole cannot be read, or its rules say that the build fails.
    """
    name = source.dataset.name
    sheets = {
        table.name: tables.stage(
            table,
            folder / table.access,
            into / table.name,
            Account(name, table.name, Path(table.access).name),
            replay,
        )
        for table in source.tables.values()
    }
    tables.relate(sheets)
    _tell_repeated(sheets)
    return sheets


def _tell_repeated(sheets: Mapping[str, Sheet]) -> None:
    """Give notice of a file that several tables read: each of them accounts for all its rows."""
    readers: dict[tuple[str, Dialect], list[str]] = {}
    for name, sheet in sheets.items():
        readers.setdefault((sheet.table.access, sheet.table.dialect), []).append(name)
    for names in readers.values():
        if len(names) > 1:
            account = sheets[names[0]].account
            account.notices.append(
                f"{account.file}: tables {', '.join(names)} read it, and each counts its rows"
            )


def run(
    source: Source,
    sheets: Mapping[str, Sheet],
    context: Context,
    sink: Callable[[Statements], None],
    only: Mapping[str, pl.Series] | None = None,
    joined: Mapping[str, Sheet] | None = None,
) -> None:
    """Map the sheets of a source; statements go to `sink`, what becomes of rows to the accounts.

    `only` maps the rows on these lines alone (Int64), table by table; a table it does not
    name is left out. `joined` are sheets of other sources by `source/table`; a join with one
    that is not there gives nothing, and a notice.
    """
    parents = _Parents(source, context, {**(joined or {}), **sheets})
    for table in source.tables.values():
        if only is not None and table.name not in only:
            continue
        sheet = sheets[table.name]
        account = sheet.account
        maps = [each for each in source.maps if each.table == table.name]
        for chunk in sheet.chunks(None if only is None else only[table.name]):
            tally = Tally(table, chunk, account)
            if table.is_rdf:
                columns = frozenset(column.name for column in table.columns)
                for made in rdf.statements(table, chunk, account, context.base):
                    tally.say(columns, made[-1][LINE])
                    sink(Statements(*made[:2], source.dataset.graph, made[-1]))
            else:
                _Chunk(source, table, context, chunk, account, parents, tally).run(maps, sink)
            tally.close()
        sheet.explain(account)


@dataclass
class _Chunk:
    """One chunk of one table on its way through the maps that read it."""

    source: Source
    table: Table
    context: Context
    rows: pl.DataFrame
    account: Account
    parents: _Parents
    tally: Tally
    # Each map's rows with their subjects; a row stands once for each subject it gives.
    subjects: dict[str, pl.DataFrame] = field(default_factory=dict)
    rejected: set[tuple[int, str, str, str]] = field(default_factory=set)

    def run(self, maps: list[TriplesMap], sink: Callable[[Statements], None]) -> None:
        """Run the maps. Where a value may reject its row, nothing is said before all is known."""
        made, rejected = self.made(maps), set[int]()
        if self.table.rejects_rows_by_mapping():
            made, rejected = iter(list(made)), self.tally.rejected()
        for triples_map, po, every in made:
            frame = every.filter(~pl.col(LINE).is_in(list(rejected))) if rejected else every
            if not frame.height:
                continue
            self.tally.say(columns_read(maps, triples_map, po), frame[LINE])
            for graph in self.source.graphs(triples_map, po):
                sink(Statements(triples_map, po, graph, frame))

    def made(
        self, maps: list[TriplesMap]
    ) -> Iterator[tuple[TriplesMap, PredicateObject, pl.DataFrame]]:
        """The statements of each predicate-object map."""
        for triples_map in maps:
            self.subjects[triples_map.name] = self.subject(triples_map)
        for triples_map in maps:
            for po in triples_map.predicate_objects:
                yield triples_map, po, self.statements(triples_map, po)

    def subject(self, triples_map: TriplesMap) -> pl.DataFrame:
        rows = self.where(self.rows, triples_map.condition)
        return self.terms(rows, ObjectMap(triples_map.subject, "iri"), _SUBJECT)

    def statements(self, triples_map: TriplesMap, po: PredicateObject) -> pl.DataFrame:
        rows = self.subjects[triples_map.name].select(
            LINE, ROW, _SUBJECT, *dict.fromkeys(_read_by(po))
        )
        rows = self.where(rows, po.condition)
        if isinstance(po.object.expression, SubjectOf):
            made = self.joined(rows, po.object.expression)
        else:
            made = self.terms(rows, po.object, _OBJECT)
        return made.select(LINE, pl.col(_SUBJECT).alias("s"), pl.col(_OBJECT).alias("o"))

    def joined(self, rows: pl.DataFrame, target: SubjectOf) -> pl.DataFrame:
        """The rows with the subjects that another mapping gives them."""
        if not target.joins:
            subjects = self.subjects[target.mapping].select(ROW, pl.col(_SUBJECT).alias(_OBJECT))
            return rows.join(subjects, on=ROW)
        parents = self.parents.of(target)
        if parents is None:
            notice = f"{self.account.file}: mapping {target.name} is not here to be joined"
            if notice not in self.account.notices:
                self.account.notices.append(notice)
            return rows.clear().with_columns(pl.lit("").alias(_OBJECT))
        rows = _keyed(self, rows, [join.child for join in target.joins])
        found = rows.join(parents, on=_KEY, how="left", maintain_order="left")
        dangling = found.filter(pl.col(_OBJECT).is_null())
        if dangling.height:
            self.reject(
                target,
                dangling[LINE].to_list(),
                dangling[_KEY].str.replace_all("\x1f", " ", literal=True).to_list(),
                "dangling-join",
                f"expected a row of {target.name} with this key",
            )
        return found.drop_nulls(_OBJECT)

    def where(self, rows: pl.DataFrame, condition: Call | None) -> pl.DataFrame:
        return rows if condition is None else rows.filter(self.value(rows, condition))

    def terms(self, rows: pl.DataFrame, made: ObjectMap, name: str) -> pl.DataFrame:
        """The rows with the checked terms that an object map gives them, as column `name`."""
        frame = rows.with_columns(self.value(rows, made.expression, made.kind).alias(name))
        if not isinstance(made.language, str):
            language = self.value(rows, made.language)
            if language.dtype != pl.String:
                raise InputError(f"{self.account.file}: a text has one language, not several")
            frame = frame.with_columns(language.alias(_LANGUAGE))
        if frame.schema[name] == pl.List(pl.String):
            frame = frame.explode(name)
        frame = frame.drop_nulls(name)
        if made.kind == "iri":
            if not self.gives_iris(made.expression):
                sound = frame.select(terms.is_iri(pl.col(name))).to_series()
                expected = "expected an absolute IRI"
                frame = self.check(frame, name, made.expression, sound, "illegal-iri", expected)
            frame = frame.with_columns(terms.iri(pl.col(name)).alias(name))
            return self.short(frame, name, made.expression)
        if datatype := terms.DATATYPES.get(made.datatype):
            expected = f"is not {datatype.called} ({terms.short(made.datatype)})"
            sound = frame.select(terms.is_lexical(pl.col(name), made.datatype)).to_series()
            frame = self.check(frame, name, made.expression, sound, "datatype", expected)
        if isinstance(made.language, str):
            literals = terms.literals(frame[name], made.datatype, made.language)
        else:
            sound = terms.is_language(frame[_LANGUAGE]).fill_null(False)
            expected = "expected a language tag (BCP 47) beside the text"
            frame = self.check(frame, _LANGUAGE, made.language, sound, "language", expected)
            literals = terms.literals(frame[name], made.datatype, frame[_LANGUAGE])
        return self.short(frame.with_columns(literals), name, made.expression)

    def short(self, frame: pl.DataFrame, name: str, made_by: Expression) -> pl.DataFrame:
        """The rows whose term the store's parser can hold."""
        sound = frame[name].str.len_bytes() <= terms.LONGEST
        expected = f"expected at most {terms.LONGEST:,} bytes of N-Quads"
        return self.check(frame, name, made_by, sound, "too-long", expected)

    def gives_iris(self, expression: Expression) -> bool:
        """Whether whatever is put in place of the columns, what comes out is an absolute IRI.

        What a template puts in is unreserved characters, one at least, so one such
        character tells for all; functions that give IRIs give legal ones.
        """
        if isinstance(expression, Call):
            return functions.signature(expression.function).result == "iri"
        if not isinstance(expression, Template) or expression.is_reference:
            return False
        parts = ("z" if n % 2 else part for n, part in enumerate(expression.parts))
        return expression.parts[0] != "" and vocab.is_iri(
            vocab.rebase("".join(parts), self.context.base)
        )

    def check(
        self,
        frame: pl.DataFrame,
        name: str,
        made_by: Expression,
        sound: pl.Series,
        rule: str,
        expected: str,
    ) -> pl.DataFrame:
        """The rows whose value `name` is sound; the others are rejected."""
        if sound.all():
            return frame
        bad = frame.filter(~sound)
        self.reject(made_by, bad[LINE].to_list(), bad[name].fill_null("").to_list(), rule, expected)
        return frame.filter(sound)

    def reject(
        self, expression: Expression, lines: list[int], values: list[str], rule: str, expected: str
    ) -> None:
        columns = list(dict.fromkeys(columns_of(expression)))
        column, policy = " ".join(columns), self.table.policy(rule, *columns)
        for line, value in zip(lines, values, strict=True):
            if (mark := (line, column, rule, value)) not in self.rejected:
                self.rejected.add(mark)
                self.account.reject(policy, line, column, rule, value, expected)
                self.tally.refuse(columns, line)

    # --- expressions --------------------------------------------------------------------------

    def value(self, rows: pl.DataFrame, expression: Expression, kind: str = "literal") -> pl.Series:
        """An expression's value for each row: text, list of text, or truth value."""
        match expression:
            case Template():
                made = rows.select(self.template(expression, kind).alias(_OBJECT)).to_series()
                return made if made.len() == rows.height else made.new_from_index(0, rows.height)
            case Call():
                return self.call(rows, expression)
            case SubjectOf():
                raise InputError("a subject of another mapping can stand only as an object")

    def template(self, template: Template, kind: str) -> pl.Expr:
        parts: list[pl.Expr] = []
        for place, part in enumerate(template.parts):
            if place % 2 == 0:
                constant = vocab.rebase(part, self.context.base) if kind == "iri" else part
                parts += [pl.lit(constant)] if constant or template.constant is not None else []
            else:
                cell = pl.col(part)
                plain = kind == "literal" or template.is_reference
                parts.append(cell if plain else _encoded(cell))
        return parts[0] if len(parts) == 1 else pl.concat_str(parts)

    def call(self, rows: pl.DataFrame, call: Call) -> pl.Series:
        arguments = [
            argument.constant
            if isinstance(argument, Template) and argument.constant is not None
            else self.value(rows, argument)
            for _, argument in call.arguments
        ]
        result, failed = functions.apply(call.function, self.context, arguments, rows.height)
        if failed.any():
            spec = functions.signature(call.function)
            bad = rows.filter(failed)
            cells = [pl.col(name).fill_null("") for name in dict.fromkeys(columns_of(call))]
            shown = bad.select(pl.concat_str(cells, separator=" ") if cells else pl.lit(""))
            values = shown.to_series().to_list() if cells else [""] * bad.height
            self.reject(call, bad[LINE].to_list(), values, spec.rule, spec.expected)
        return result


def _read_by(po: PredicateObject) -> Iterator[str]:
    """The columns that a predicate-object map reads."""
    for expression in (po.object.expression, po.object.language, po.condition):
        if expression and not isinstance(expression, str):
            yield from columns_of(expression)


def _keyed(chunk: _Chunk, rows: pl.DataFrame, expressions: Iterable[Expression]) -> pl.DataFrame:
    """The rows with a join key made of these values; without those where one is missing."""
    names = []
    for place, expression in enumerate(expressions):
        name = f"{_KEY}{place}"
        rows = rows.with_columns(chunk.value(rows, expression).alias(name))
        if rows.schema[name] == pl.List(pl.String):
            rows = rows.explode(name)
        names.append(name)
    key = pl.concat_str(names, separator="\x1f").alias(_KEY)
    return rows.with_columns(key).drop(names).drop_nulls(_KEY)


@dataclass
class _Parents:
    """The subjects that joins ask for, by key; each triples map and key is read once a run."""

    source: Source
    context: Context
    sheets: Mapping[str, Sheet]
    known: dict[SubjectOf, pl.DataFrame] = field(default_factory=dict)

    def of(self, target: SubjectOf) -> pl.DataFrame | None:
        """Key and subject of every row of a target; None where its sheet is not there."""
        if target not in self.known:
            if target.source:
                parent = self.source.parents[target.name]
                name, triples_map = parent.sheet, parent.triples_map
            else:
                triples_map = self.source.map(target.mapping)
                name = triples_map.table
            if name not in self.sheets:
                return None
            self.known[target] = self.read(self.sheets[name], triples_map, target)
        return self.known[target]

    def read(self, sheet: Sheet, triples_map: TriplesMap, target: SubjectOf) -> pl.DataFrame:
        made = []
        for rows in sheet.chunks():
            # What is wrong with these rows is told where their own table is mapped.
            unheard = Account("", sheet.table.name, "")
            tally = Tally(sheet.table, rows, unheard)
            chunk = _Chunk(self.source, sheet.table, self.context, rows, unheard, self, tally)
            subjects = chunk.subject(triples_map)
            keyed = _keyed(chunk, subjects, (join.parent for join in target.joins))
            made.append(keyed.select(_KEY, pl.col(_SUBJECT).alias(_OBJECT)))
        empty = {_KEY: pl.String, _OBJECT: pl.String}
        return pl.concat(made).unique() if made else pl.DataFrame(schema=empty)


def _encoded(cell: pl.Expr) -> pl.Expr:
    """Text made safe for a place inside an IRI."""

    def encode(cells: pl.Series) -> pl.Series:
        if not cells.str.contains(_RESERVED).any():
            return cells
        # All of ASCII in one pass; what else is reserved is rare.
        cells = cells.str.replace_many(_ASCII_RESERVED)
        unsafe = cells.filter(cells.str.contains(_RESERVED_STILL)).unique().to_list()
        safe = [
            re.sub(_RESERVED_STILL, lambda char: quote(char[0], safe=""), text) for text in unsafe
        ]
        return cells.replace(unsafe, safe) if unsafe else cells

    return cell.map_batches(encode, pl.String)


_RESERVED_STILL: Final = f"[^%{vocab.IUNRESERVED}]"
