"""What rules read, as columns of terms: the triples of a default graph, predicate by predicate.

They come out of a store, or out of lines as the store would dump them, which costs a third.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final

import polars as pl
from pyoxigraph import QueryResultsFormat, QuerySolutions, QueryTriples, RdfFormat, Store

from kg.nquads import lines_of

PAIR: Final = ["s", "o"]


def of_store(store: Store, predicates: Collection[str]) -> Iterator[tuple[str, pl.DataFrame]]:
    """Each predicate with the subject and object of its triples, as the store would dump them."""
    for predicate in predicates:
        yield predicate, _pairs(store, predicate)


def of_lines(
    texts: Iterable[bytes], predicates: Collection[str]
) -> Iterator[tuple[str, pl.DataFrame]]:
    """The same from texts of whole lines of the default graph; a predicate may come repeatedly."""
    terms = pl.col("line").str.strip_suffix(" .").str.splitn(" ", 3)
    triple = terms.struct.rename_fields(["s", "p", "o"]).alias("triple")
    wanted = pl.col("p").is_in(list(predicates))
    for text in texts:
        found = lines_of(text).to_frame().select(triple).unnest("triple").filter(wanted)
        for (predicate,), part in found.partition_by("p", as_dict=True, include_key=False).items():
            yield str(predicate), part


def _pairs(store: Store, predicate: str) -> pl.DataFrame:
    where = f"{{ ?s {predicate} ?o }}"
    found = store.query(f"SELECT ?s ?o WHERE {where}")
    assert isinstance(found, QuerySolutions)  # noqa: S101 - a SELECT
    text = found.serialize(format=QueryResultsFormat.TSV)
    assert text is not None  # noqa: S101 - no output was given
    columns = {"?s": pl.String, "?o": pl.String}
    frame = pl.read_csv(text, separator="\t", quote_char=None, schema=columns)
    frame.columns = PAIR
    if frame["o"].str.contains("^(<[^<]|_:)").all():
        return frame
    # TSV writes numbers bare: literals are read as N-Triples.
    made = store.query(f"CONSTRUCT {where} WHERE {where}")
    assert isinstance(made, QueryTriples)  # noqa: S101 - a CONSTRUCT
    text = made.serialize(format=RdfFormat.N_TRIPLES)
    assert text is not None  # noqa: S101 - no output was given
    return pl.concat([part for _, part in of_lines([text], [predicate])])
