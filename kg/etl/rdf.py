"""Documents of RDF on their way into a release: taken in as they are, into the source's graph.

A document is staged as a table of statements, so its rows are checked, counted, compared and
traced like those of any other table; here they become statements again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl

from kg import vocab
from kg.etl import terms
from kg.etl.plan import ObjectMap, PredicateObject, Template, TriplesMap
from kg.tables import LINE, ROW, Account, Reject, Table

_SUBJECT: Final = Template(("", "subject", ""))
_OBJECT: Final = ObjectMap(Template(("", "object", "")), "iri")
_TYPED: Final = r'(?s)^"(?<lexical>.*)"\^\^<(?<datatype>[^>]*)>$'


def statements(
    table: Table, chunk: pl.DataFrame, account: Account, base: str
) -> Iterator[tuple[TriplesMap, PredicateObject, pl.DataFrame]]:
    """The statements of a chunk, predicate by predicate: frames of line, row, s and o.

    Resources stand under `base`. A literal that is not in its datatype's lexical space rejects
    its row.
    """
    triples_map = TriplesMap(table.name, table.name, _SUBJECT, None, (), 1)
    columns = _based("subject", base).alias("s"), "predicate", _based("object", base).alias("o")
    frame = _sound(chunk, account).select(LINE, ROW, *columns)
    for part in frame.partition_by("predicate", maintain_order=True):
        predicate = str(part["predicate"][0])[1:-1]
        yield triples_map, PredicateObject(predicate, _OBJECT, None, 1), part.drop("predicate")


def _based(column: str, base: str) -> pl.Expr:
    terms = pl.col(column)
    if base == vocab.BASE:
        return terms
    moved = pl.concat_str(pl.lit(f"<{base}"), terms.str.slice(len(vocab.BASE) + 1))
    return pl.when(terms.str.starts_with(f"<{vocab.BASE}")).then(moved).otherwise(terms)


def _sound(chunk: pl.DataFrame, account: Account) -> pl.DataFrame:
    literals = chunk.select(ROW, LINE, pl.col("object").str.extract_groups(_TYPED).alias("t"))
    literals = literals.unnest("t").drop_nulls("datatype")
    bad: list[int] = []
    for (iri,), those in literals.partition_by("datatype", as_dict=True).items():
        if (datatype := terms.DATATYPES.get(str(iri))) is None:
            continue
        wrong = those.filter(~terms.is_lexical(pl.col("lexical"), str(iri)))
        expected = f"is not {datatype.called} ({terms.short(str(iri))})"
        for row, line, value in wrong.select(ROW, LINE, "lexical").iter_rows():
            bad.append(row)
            account.rejects.append(
                Reject(
                    account.source, account.file, line, "object", "datatype", value, expected, "row"
                )
            )
    return chunk.filter(~pl.col(ROW).is_in(bad)) if bad else chunk
