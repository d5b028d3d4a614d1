"""Where statements came from, and what they rest on: rows, columns, joined tables, lookups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from kg.etl.context import Context
from kg.etl.engine import Statements, run
from kg.etl.plan import (
    Call,
    PredicateObject,
    Source,
    SubjectOf,
    Template,
    calls_of,
    columns_of,
    expressions_of,
)
from kg.tables import LINE, Account, Origin, Sheet

Triple = tuple[str, str, str]


def origins(
    sources: Iterable[tuple[Source, Mapping[str, Sheet]]],
    context: Context,
    wanted: set[Triple],
) -> dict[Triple, list[Origin]]:
    """Where statements came from, found by mapping the tables again.

    `wanted` and the keys of the answer are (subject, predicate, object) as N-Quads terms.
    Where no row gives that very object, as for a value that is missing, the answer is the
    rows that give the subject, and the columns that should have given the object.
    """
    sources = list(sources)
    subjects = pl.Series(sorted({subject for subject, _, _ in wanted}), dtype=pl.String)
    exact: dict[Triple, set[Origin]] = {}
    about: dict[tuple[str, str], set[Origin]] = {}

    def collect(made: Statements) -> None:
        about_them = made.frame.filter(pl.col("s").is_in(subjects.implode()))
        if not about_them.height:
            return
        table = source.tables[made.triples_map.table]
        of = source.dataset.name, table.name, Path(table.access).name
        predicate = f"<{made.predicate_object.predicate}>"
        column = columns_behind(source, [made.predicate_object])
        by_predicate: dict[str, list[PredicateObject]] = {}
        for po in made.triples_map.predicate_objects:
            by_predicate.setdefault(f"<{po.predicate}>", []).append(po)
        columns = {path: columns_behind(source, pos) for path, pos in by_predicate.items()}
        for line, s, o in about_them.select(LINE, "s", "o").iter_rows():
            exact.setdefault((s, predicate, o), set()).add(Origin(*of, line, column))
            for path, those in columns.items():
                about.setdefault((s, path), set()).add(Origin(*of, line, those))

    everything = {
        f"{source.dataset.name}/{name}": sheet
        for source, sheets in sources
        for name, sheet in sheets.items()
    }
    for source, sheets in sources:
        run(source, unheard(source, sheets), context, collect, joined=everything)
    found = {key: exact.get(key) or about.get(key[:2], set()) for key in wanted}
    return {key: sorted(places, key=lambda origin: origin.place) for key, places in found.items()}


def unheard(source: Source, sheets: Mapping[str, Sheet]) -> dict[str, Sheet]:
    """The sheets with accounts of their own: what a second run rejects has been told before."""
    return {
        name: replace(sheet, account=Account(source.dataset.name, name, sheet.account.file))
        for name, sheet in sheets.items()
    }


def columns_behind(source: Source, pairs: Iterable[PredicateObject]) -> str:
    """The columns of their own table that the objects of these pairs are made of."""
    names: dict[str, None] = {}
    for pair in pairs:
        made = pair.object.expression
        names |= dict.fromkeys(columns_of(made))
        if isinstance(made, SubjectOf) and not made.joins:
            names |= dict.fromkeys(columns_of(source.map(made.mapping).subject))
    return " ".join(names)


# --- what a source rests on ---------------------------------------------------------------------


@dataclass(frozen=True)
class Dependencies:
    """What the statements of a source rest on besides the rows of the table they come from.

    `sheets` are joined tables as `source/table`, `files` the files that functions look
    things up in. Where one of them changes, the whole source has to be mapped again.
    """

    sheets: frozenset[str]
    files: frozenset[Path]


def dependencies(source: Source, context: Context) -> Dependencies:
    """What a source's statements rest on besides their own rows."""
    sheets: set[str] = set()
    files: set[Path] = set()
    for triples_map in source.maps:
        for _, expression in expressions_of(triples_map):
            if isinstance(expression, SubjectOf) and expression.joins:
                sheets.add(_sheet(source, expression))
            for call in calls_of(expression):
                files |= context.files(call.function, _constants(call))
    for parent in source.parents.values():
        for _, expression in expressions_of(parent.triples_map):
            for call in calls_of(expression):
                files |= context.files(call.function, _constants(call))
    return Dependencies(frozenset(sheets), frozenset(files))


def _sheet(source: Source, target: SubjectOf) -> str:
    if target.source:
        return source.parents[target.name].sheet
    return f"{source.dataset.name}/{source.map(target.mapping).table}"


def _constants(call: Call) -> dict[str, str]:
    return {
        name: argument.constant
        for name, argument in call.arguments
        if isinstance(argument, Template) and argument.constant is not None
    }
