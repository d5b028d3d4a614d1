"""The sound rows of a table, kept as Parquet: what mappings read and builds compare."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from kg.errors import Imbalance
from kg.tables import reading
from kg.tables.model import LINE, NOTE, ROW, Account, Table
from kg.tables.rules import as_rows

#: The column of a sheet that holds the digest of a row's cells, the same for equal rows: 128
#: bits, two differently seeded hashes of Polars. They hold within one version of Polars.
DIGEST: Final = "\x1fdigest"
_SEEDS: Final = (1, 2)


@dataclass(frozen=True)
class Sheet:
    """The sound rows of one table: a folder of Parquet files, each one chunk of rows.

    Columns: LINE (Int64, rising), DIGEST (Int128), NOTE (JSON or null), then the declared
    columns as text.
    """

    table: Table
    path: Path
    account: Account

    def scan(self) -> pl.LazyFrame:
        """All rows, lazily, cells of several values unsplit."""
        return pl.scan_parquet(self.files())

    def chunks(self, only: pl.Series | None = None) -> Iterator[pl.DataFrame]:
        """The rows as mappings read them: ROW, LINE, NOTE, the columns; a row for each split value.

        `only` are the lines wanted; None means all. What they leave of the chunks comes together.
        """
        columns = [LINE, NOTE, *self.names]
        waiting: list[pl.DataFrame] = []
        for file in self.files():
            if only is None:
                waiting.append(pl.read_parquet(file, columns=columns))
            else:
                wanted = pl.scan_parquet(file).filter(pl.col(LINE).is_in(only.implode()))
                waiting.append(wanted.select(columns).collect())
            if only is None or sum(map(len, waiting)) >= reading.CHUNK_ROWS:
                yield self._mapped(waiting)
                waiting = []
        if any(map(len, waiting)):
            yield self._mapped(waiting)

    def _mapped(self, parts: list[pl.DataFrame]) -> pl.DataFrame:
        return _split(self.table, pl.concat(parts)).with_row_index(ROW)

    @property
    def names(self) -> list[str]:
        """The declared columns."""
        return [column.name for column in self.table.columns]

    def files(self) -> list[Path]:
        """The chunks, in the order of their rows."""
        return sorted(self.path.glob("*.parquet"))

    def write(self, file: Path, chunk: pl.DataFrame) -> None:
        """Write the rows of one chunk: LINE, NOTE and the columns; their digests are added."""
        cells = pl.struct(NOTE, *self.names)
        high, low = (cells.hash(seed).cast(pl.Int128) for seed in _SEEDS)
        digest = (high * 2**64 + low).alias(DIGEST)
        rows = chunk.select(LINE, digest, NOTE, *self.names)
        # Rows are read once or twice, so what they cost to write counts more than their size.
        rows.write_parquet(file, compression="zstd", compression_level=1, statistics=False)

    def check(self) -> None:
        """Raise Imbalance where a row was neither kept nor rejected: a defect of ours."""
        account, kept = self.account, self.scan().select(pl.len()).collect().item()
        if kept + account.rejected != account.read:
            raise Imbalance(
                f"{account.file}: {account.read} rows were read, but {kept} kept and "
                f"{account.rejected} rejected"
            )

    def explain(self, account: Account) -> None:
        """Complete the rejects that the mapping entered: each with its row, all in order."""
        bare = {reject.line for reject in account.rejects if not reject.row}
        if bare:
            lines = pl.Series(sorted(bare), dtype=pl.Int64)
            found = self.scan().filter(pl.col(LINE).is_in(lines.implode())).collect()
            rows = as_rows(self.table, found)
            account.rejects = [
                each
                if each.row or not (row := rows.get(each.line))
                else replace(
                    each, row=row.json, digest=row.digest, expected=row.said(each.expected)
                )
                for each in account.rejects
            ]
        account.rejects.sort(key=lambda reject: (reject.line, reject.column))


def _split(table: Table, chunk: pl.DataFrame) -> pl.DataFrame:
    for column in table.columns:
        if column.split is not None:
            chunk = chunk.with_columns(parts(column.name, column.split)).explode(column.name)
    return chunk


def parts(column: str, separator: str) -> pl.Expr:
    """The values of a cell, trimmed, empty ones left out; null where there is none."""
    pieces = pl.col(column).str.replace_all(separator, "\x1f").str.split("\x1f")
    piece = pl.element().str.strip_chars()
    cells = pieces.list.eval(piece.filter(piece != ""))
    # Exploding an empty list would drop its row.
    return pl.when(cells.list.len() > 0).then(cells).alias(column)
