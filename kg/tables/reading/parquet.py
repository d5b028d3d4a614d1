"""Parquet: typed columns as exact text; structs as dotted columns, lists as lines of a cell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl
from polars.exceptions import PolarsError

from kg.errors import InputError
from kg.tables.model import LINE, Account, Table
from kg.tables.reading.rows import check_header, refuse

_BROKEN: Final = "\x1fbroken"


def read(table: Table, path: Path, account: Account, size: int) -> Iterator[pl.DataFrame]:
    """The rows of a Parquet file; LINE is the row's number."""
    try:
        scan = pl.scan_parquet(path)
        leaves = dict(_leaves("", scan.collect_schema().items(), None))
        check_header(table, path.name, list(leaves), account)
        columns = [column.name for column in table.columns] or list(leaves)
        cells = [_text(path, name, *leaves[name]).alias(name) for name in columns]
        broken = [
            leaves[name][0].list.eval(pl.element().cast(pl.String).str.contains("\n")).list.any()
            for name in columns
            if isinstance(leaves[name][1], pl.List)
        ]
        several = pl.any_horizontal(broken) if broken else pl.lit(False)
        scan = scan.select(*cells, several.fill_null(False).alias(_BROKEN))
        total = pl.scan_parquet(path).select(pl.len()).collect().item()
        for start in range(0, total, size):
            frame = scan.slice(start, size).collect()
            lines = pl.Series(LINE, range(start + 1, start + 1 + frame.height), pl.Int64)
            frame = frame.insert_column(0, lines)
            for line in frame.filter(_BROKEN)[LINE]:
                refuse(account, line, "several-values", "", "expected a list without line breaks")
            frame = frame.filter(~pl.col(_BROKEN)).drop(_BROKEN)
            account.read += frame.height
            yield frame
    except PolarsError as error:
        raise InputError(f"{path}: not a readable Parquet table: {error}") from None


def _leaves(
    above: str, fields: object, parent: pl.Expr | None
) -> Iterator[tuple[str, tuple[pl.Expr, pl.DataType]]]:
    """Each column that is no struct, by its dotted name, with how to get it and its type."""
    for name, dtype in fields:  # type: ignore[attr-defined]
        column = pl.col(name) if parent is None else parent.struct.field(name)
        if isinstance(dtype, pl.Struct):
            inner = [(field.name, field.dtype) for field in dtype.fields]
            yield from _leaves(f"{above}{name}.", inner, column)
        else:
            yield above + name, (column, dtype)


def _text(path: Path, name: str, column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.List):
        inner = _text(path, name, pl.element(), dtype.inner)  # type: ignore[arg-type]
        return column.list.eval(inner).list.drop_nulls().list.join("\n")
    if dtype.is_float():
        words = {"inf": "INF", "-inf": "-INF"}
        return column.cast(pl.String).replace(words)
    if isinstance(dtype, pl.Datetime):
        zone = "Z" if dtype.time_zone else ""
        utc = column.dt.convert_time_zone("UTC") if zone else column
        return _short(utc.dt.strftime("%Y-%m-%dT%H:%M:%S%.9f")) + zone
    if dtype == pl.Time:
        return _short(column.dt.strftime("%H:%M:%S%.9f"))
    if dtype.is_nested() or dtype in (pl.Binary, pl.Duration, pl.Object):
        raise InputError(f"{path}: column {name} is of type {dtype}, which has no text")
    return column.cast(pl.String)


def _short(time: pl.Expr) -> pl.Expr:
    """A time without the noughts that end its fraction of a second."""
    return time.str.strip_chars_end("0").str.strip_suffix(".")
