"""From a file to a sheet: its sound rows as clean text cells, kept as Parquet.

A sheet is what mappings read, what a release keeps of its tables, and what the next build
compares its own with. Cells are trimmed and brought to Unicode NFC; empty cells and null
words become null.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from kg.tables.model import LINE, ROW, Account, Reject, Table
from kg.tables.reading import chunks

#: The column of a sheet that holds the digest of a row's cells, the same for equal rows.
DIGEST: Final = "\x1fdigest"

_KEY: Final = "\x1fkey"
# What no RDF syntax of ours can carry as plain text; tab, LF and CR are fine.
_CONTROL: Final = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"


@dataclass(frozen=True)
class Sheet:
    """The sound rows of one table: a folder of Parquet files, each one chunk of rows.

    Columns: LINE (Int64, rising), DIGEST (16 bytes), then the declared columns as text.
    """

    table: Table
    path: Path
    account: Account

    def scan(self) -> pl.LazyFrame:
        """All rows, lazily, cells of several values unsplit."""
        return pl.scan_parquet(self._files())

    def chunks(self, only: pl.Series | None = None) -> Iterator[pl.DataFrame]:
        """The rows as mappings read them: LINE, ROW and the columns, a row for each split value.

        `only` are the lines wanted; None means all.
        """
        for file in self._files():
            chunk = pl.read_parquet(file).drop(DIGEST)
            if only is not None:
                chunk = chunk.filter(pl.col(LINE).is_in(only.implode()))
                if not chunk.height:
                    continue
            yield _split(self.table, chunk).with_row_index(ROW)

    def _files(self) -> list[Path]:
        return sorted(self.path.glob("*.parquet"))


def stage(table: Table, path: Path, into: Path, account: Account) -> Sheet:
    """Read and check a table's file; keep its sound rows under `into`, a folder to be made.

    Rejects and counts go to `account`. Raises InputError where the file as a whole cannot
    be read.
    """
    into.mkdir(parents=True)
    keys: list[pl.Series] = []
    sheet = Sheet(table, into, account)
    for number, chunk in enumerate(read(table, path, account)):
        if table.key:
            keys.append(chunk.select(_key(table).hash())[_KEY])
        cells = pl.concat_str(
            (pl.col(column.name).fill_null("\x00") for column in table.columns), separator="\x1f"
        )
        texts = chunk.select(cells.alias(DIGEST))[DIGEST].to_list()
        digests = [hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts]
        digest = pl.Series(DIGEST, digests, pl.Binary)
        chunk.insert_column(1, digest).write_parquet(into / f"{number:05}.parquet")
    if table.key:
        _reject_repeated_keys(sheet, keys)
    return sheet


def read(table: Table, path: Path, account: Account) -> Iterator[pl.DataFrame]:
    """Yield the sound rows of `path` in chunks, whatever their keys and unsplit.

    Rejects and counts go to `account`. Raises InputError where the file as a whole cannot
    be read.
    """
    for chunk in chunks(table, path, account):
        yield _sound(table, _clean(table, chunk), account)
    if table.is_file:
        account.sha256 = sha256(path)
        if table.original and table.original.sha256 not in ("", account.sha256):
            account.notices.append(
                f"{account.file}: is not the file that the source declares: its SHA-256 is "
                f"{account.sha256}"
            )


def sha256(path: Path) -> str:
    """The digest by which a file is known to be the same."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _clean(table: Table, chunk: pl.DataFrame) -> pl.DataFrame:
    cells = []
    for column in table.columns:
        cell = pl.col(column.name).str.strip_chars().str.normalize("NFC")
        nulls = ["", *sorted(column.nulls)]
        cells.append(pl.when(cell.is_in(nulls)).then(None).otherwise(cell).alias(column.name))
    return chunk.select(LINE, *cells)


def _sound(table: Table, chunk: pl.DataFrame, account: Account) -> pl.DataFrame:
    """The rows of a chunk that pass the rules of their own cells; the rest are rejected."""
    for column in table.columns:
        cell = pl.col(column.name)
        control = chunk.filter(cell.str.contains(_CONTROL))
        chunk = _reject(
            account, chunk, control, column.name,
            "control-character", "expected text without control characters",
        )  # fmt: skip
        if column.required:
            empty = chunk.filter(cell.is_null())
            chunk = _reject(account, chunk, empty, column.name, "missing-value", "expected a value")
        if column.pattern:
            wrong = chunk.filter(~cell.str.contains(f"^(?:{column.pattern})$"))
            expected = f"expected {column.pattern}"
            chunk = _reject(account, chunk, wrong, column.name, "pattern", expected)
    return chunk


def _reject(
    account: Account, chunk: pl.DataFrame, bad: pl.DataFrame, column: str, rule: str, expected: str
) -> pl.DataFrame:
    """The chunk without its bad rows, each of which is rejected."""
    if not bad.height:
        return chunk
    for line, value in bad.select(LINE, pl.col(column).fill_null("")).iter_rows():
        account.rejects.append(
            Reject(account.source, account.file, line, column, rule, value, expected, "row")
        )
    return chunk.filter(~pl.col(LINE).is_in(bad[LINE].implode()))


def _key(table: Table) -> pl.Expr:
    cells = (pl.col(name).fill_null("") for name in table.key)
    return pl.concat_str(cells, separator="\x1f").alias(_KEY)


def _reject_repeated_keys(sheet: Sheet, keys: list[pl.Series]) -> None:
    """Reject the second row of a key and all later ones.

    `keys` are the hashes of the keys, chunk by chunk: eight bytes a row are all that is held
    of a table, and only rows whose hash repeats are looked at again.
    """
    hashes = pl.concat(keys) if keys else pl.Series(dtype=pl.UInt64)
    repeated = hashes.filter(hashes.is_duplicated()).unique()
    if not repeated.len():
        return
    seen: set[str] = set()
    table, account = sheet.table, sheet.account
    expected = f"expected a key ({', '.join(table.key)}) not used before"
    for file, hashed in zip(sorted(sheet.path.glob("*.parquet")), keys, strict=True):
        suspect = hashed.is_in(repeated.implode())
        if not suspect.any():
            continue
        chunk = pl.read_parquet(file)
        again = []
        for line, key in chunk.filter(suspect).select(LINE, _key(table)).iter_rows():
            if key in seen:
                again.append(line)
            seen.add(key)
        bad = chunk.filter(pl.col(LINE).is_in(again))
        _reject(account, chunk, bad, table.key[0], "duplicate-key", expected).write_parquet(file)


def _split(table: Table, chunk: pl.DataFrame) -> pl.DataFrame:
    for column in table.columns:
        if column.split is not None:
            parts = pl.col(column.name).str.replace_all(column.split, "\x1f").str.split("\x1f")
            part = pl.element().str.strip_chars()
            cells = parts.list.eval(part.filter(part != ""))
            # A cell of nothing but separators is an empty one; exploding [] would drop its row.
            chunk = chunk.with_columns(pl.when(cells.list.len() > 0).then(cells))
            chunk = chunk.explode(column.name)
    return chunk
