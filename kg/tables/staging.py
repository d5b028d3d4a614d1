"""From a file to a sheet: its sound rows as clean text cells.

Cells are trimmed and brought to Unicode NFC; empty cells and null words become null. What
breaks a rule is rejected under its policy, and corrections of rejects are taken in its place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from kg.tables.model import LINE, NOTE, Account, Reject, Table
from kg.tables.reading import chunks
from kg.tables.rejects import Replay, as_json, cells_in, digest
from kg.tables.relations import Keys
from kg.tables.rules import as_rows, clean, sound
from kg.tables.sheet import Sheet


def stage(
    table: Table, path: Path, into: Path, account: Account, replay: Replay | None = None
) -> Sheet:
    """Read and check a table's file; keep its sound rows under `into`, a folder to be made.

    `replay` has rows to be taken in place of rejected ones. Rejects and counts go to
    `account`. Raises InputError where the file as a whole cannot be read, a rule whose policy
    is to fail is broken, or more is rejected than the table allows.
    """
    into.mkdir(parents=True)
    sheet, keys = Sheet(table, into, account), Keys(table)
    number = 0
    for number, chunk in enumerate(read(table, path, account, replay), start=1):
        keys.add(chunk)
        sheet.write(into / f"{number:05}.parquet", chunk)
        if table.max_rejects and not table.max_rejects.percent:
            account.check_limit(table.max_rejects)
    if not number:
        sheet.write(into / f"{number:05}.parquet", _empty(table))
    keys.reject_repeated(sheet)
    sheet.check()
    account.check_limit(table.max_rejects)
    return sheet


def read(
    table: Table, path: Path, account: Account, replay: Replay | None = None
) -> Iterator[pl.DataFrame]:
    """Yield the sound rows of `path` in chunks, whatever their keys and unsplit.

    Rejects and counts go to `account`. Raises InputError where the file as a whole cannot
    be read, or a rule whose policy is to fail is broken.
    """
    seen = 0
    for raw in chunks(table, path, account):
        yield _judged(table, *clean(table, raw), account, replay, seen)
        seen = len(account.rejects)
    if len(account.rejects) > seen:  # rows that were refused after the last chunk
        yield _judged(table, _empty(table), frozenset(), account, replay, seen)
    # Only now is it known that there is a file.
    if table.is_file:
        account.sha256 = sha256(path)
        if table.original and table.original.sha256 not in ("", account.sha256):
            account.notices.append(
                f"{account.file}: is not the file that the source declares: its SHA-256 is "
                f"{account.sha256}"
            )
    if account.corrected:
        account.notices.append(f"{account.file}: {account.corrected} rows taken as corrected")


def sha256(path: Path) -> str:
    """The digest by which a file is known to be the same."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _empty(table: Table) -> pl.DataFrame:
    names = [column.name for column in table.columns]
    return pl.DataFrame(schema={LINE: pl.Int64} | dict.fromkeys([NOTE, *names], pl.String))


def _judged(
    table: Table, chunk: pl.DataFrame, plain: frozenset[str],
    account: Account, replay: Replay | None, seen: int,
) -> pl.DataFrame:  # fmt: skip
    """The sound rows of a chunk; rejects from `seen` on are those that its reader entered."""
    refused = account.rejects[seen:]
    del account.rejects[seen:]
    if replay is not None:
        chunk, refused = _corrected(table, chunk, account, replay, refused)
        plain = frozenset()  # for what was corrected may be anything
    width = len(table.columns)
    for reject in refused:
        policy = table.policy(reject.rule, reject.column, level=reject.level)
        if policy == "fail":
            account.fail(reject)
        account.rejects.append(reject)
        if reject.level == "row":
            cells = cells_in(reject.row) if reject.row else width
            account.cells_read += cells
            account.cells_of_rejected_rows += cells
    rows = sound(table, chunk, account, plain)
    account.cells_read += chunk.height * (width + account.undeclared)
    account.cells_undeclared += chunk.height * account.undeclared
    account.cells_of_rejected_rows += (chunk.height - rows.height) * width
    return rows


def _corrected(
    table: Table, chunk: pl.DataFrame, account: Account, replay: Replay, refused: list[Reject]
) -> tuple[pl.DataFrame, list[Reject]]:
    """The chunk with its corrected rows, and what the reader refused but for those."""
    wanted = pl.Series(replay.lines(account), dtype=pl.Int64)
    lines = pl.col(LINE).is_in(wanted.implode())
    rows = {line: row.json for line, row in as_rows(table, chunk.filter(lines)).items()}
    rows |= {each.line: each.row for each in refused if each.row}
    put = []
    for line, row in rows.items():
        if taken := replay.take(table, account, line, row):
            texts, place = taken
            put.append(
                {LINE: line, NOTE: as_json({"place": place, "digest": digest(row)}), **texts}
            )
    if not put:
        return chunk, refused
    account.corrected += len(put)
    corrected = pl.DataFrame(put, schema=_empty(table).schema)
    corrected = clean(table, corrected)[0].with_columns(corrected[NOTE])
    lines = pl.col(LINE).is_in(corrected[LINE].implode())
    done = set(corrected[LINE])
    chunk = pl.concat([chunk.filter(~lines), corrected]).sort(LINE)
    return chunk, [each for each in refused if each.line not in done]
