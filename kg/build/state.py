"""What a release keeps so that the next build can map only what changed.

`state.json` says from what each source was made and what became of its rows; `repeated/`
holds the lines that more than one row gave, with their counts: a triple goes when the last
row that gives it does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, Self

import polars as pl

from kg.etl import Source
from kg.release import STATE
from kg.tables import Account, Reject, Sheet

ROWS: Final = "rows"
REPEATED: Final = "repeated"
_OVERLAY: Final = "overlay.parquet"
_BATCH: Final = 100_000
_REPEATED: Final = pl.Schema({"line": pl.Binary, "count": pl.Int64})


@dataclass(frozen=True)
class Accounts:
    """What became of a table's rows while it was staged, and while it was mapped."""

    staged: Account
    mapped: Account

    def total(self) -> Account:
        """Both as one, rejects in the order of their rows."""
        whole = plus(self.staged, self.mapped)
        whole.rejects.sort(key=lambda reject: (reject.line, reject.column))
        return whole


@dataclass(frozen=True)
class Basis:
    """What decides what a source's rows give, besides them; where that changes, all are mapped."""

    definition: str = ""  # digest of its mapping
    context: str = ""  # digest of what that looks things up in, and of the tables it joins
    graphs: tuple[str, ...] = ()  # the named graphs that it writes to


@dataclass(frozen=True)
class Made:
    """From what a source's statements were made, and its tables' accounts."""

    basis: Basis
    tables: dict[str, Accounts]


@dataclass(frozen=True)
class State:
    """From what a release was made: digests of all but the tables, and the sources."""

    software: str
    schema: str
    base: str
    sources: dict[str, Made] = field(default_factory=dict)

    def accounts(self) -> tuple[Account, ...]:
        """What became of the rows of every table."""
        return tuple(
            each.total() for made in self.sources.values() for each in made.tables.values()
        )

    def settle(self, sources: Iterable[Source]) -> None:
        """See that every row and cell is accounted for, and that no table lost too many.

        Raises Imbalance, which is a defect of ours, and InputError.
        """
        for source in sources:
            for table in source.tables.values():
                account = self.sources[source.dataset.name].tables[table.name].total()
                account.check()
                account.check_limit(table.max_rejects)

    def write(self, folder: Path) -> None:
        """Write it into a candidate."""
        text = json.dumps(asdict(self), ensure_ascii=False)
        (folder / STATE).write_text(text, encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The state of a release; None where it has none that this version can use."""
        try:
            data = json.loads((folder / STATE).read_text(encoding="utf-8"))
            sources = {name: _made(made) for name, made in data.pop("sources").items()}
            return cls(**data, sources=sources)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None  # of another version, or damaged: a full build needs none


def _made(data: dict[str, Any]) -> Made:
    tables = {
        name: Accounts(**{part: _account(account) for part, account in parts.items()})
        for name, parts in data["tables"].items()
    }
    basis = Basis(**data["basis"] | {"graphs": tuple(data["basis"]["graphs"])})
    return Made(basis, tables)


def _account(data: dict[str, Any]) -> Account:
    return Account(**data | {"rejects": [Reject(**reject) for reject in data["rejects"]]})


def empty(sheet: Sheet) -> Account:
    """An account of the sheet's table that nothing has come to yet."""
    return Account(sheet.account.source, sheet.account.table, sheet.account.file)


def plus(one: Account, other: Account) -> Account:
    """The sum of two accounts of the same table."""
    return _combined(one, other, 1)


def minus(one: Account, other: Account, lines: frozenset[int]) -> Account:
    """What is left of an account without the rows on these lines, of which `other` tells."""
    left = _combined(one, replace(other, rejects=[], notices=[]), -1)
    return replace(left, rejects=[each for each in one.rejects if each.line not in lines])


def _combined(one: Account, other: Account, sign: int) -> Account:
    values: dict[str, Any] = {}
    for each in fields(Account):
        mine, others = getattr(one, each.name), getattr(other, each.name)
        if isinstance(mine, int):
            values[each.name] = mine + sign * others
        elif isinstance(mine, list):
            values[each.name] = [*mine, *others]
    return replace(one, **values)


class Repeated:
    """Lines that several rows gave, with how many; what is not here was given once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held = pl.DataFrame(schema=_REPEATED)
        self._files = 0

    def add(self, found: pl.DataFrame) -> None:
        """Keep lines (`line`, `count`) of a full build, in the order in which they come."""
        self._held = self._held.vstack(found.cast(_REPEATED))
        if len(self._held) >= _BATCH:
            self.close()

    def close(self) -> None:
        """Write what is still held."""
        if len(self._held):
            self._folder.mkdir(exist_ok=True)
            self._held.write_parquet(self._folder / f"{self._files:05}.parquet")
            self._held = self._held.clear()
            self._files += 1

    def counts(self, lines: Iterable[bytes]) -> dict[bytes, int]:
        """How often each of these lines was given, where that is more than once or was changed."""
        wanted = pl.Series(list(lines), dtype=pl.Binary)
        found: dict[bytes, int] = {}
        files = sorted(self._folder.glob("[0-9]*.parquet"))
        if files:
            frame = pl.scan_parquet(files).filter(pl.col("line").is_in(wanted.implode()))
            found |= dict(frame.collect().iter_rows())
        overlay = self.overlay()
        return found | {line: overlay[line] for line in wanted if line in overlay}

    def overlay(self) -> dict[bytes, int]:
        """The counts that small changes left over those of the full build."""
        path = self._folder / _OVERLAY
        return dict(pl.read_parquet(path).iter_rows()) if path.exists() else {}

    def change(self, counts: dict[bytes, int]) -> None:
        """Keep new counts over the old ones; the files of a full build are never changed."""
        self._folder.mkdir(exist_ok=True)
        path = self._folder / _OVERLAY
        changed = list((self.overlay() | counts).items())
        frame = pl.DataFrame(changed, schema=_REPEATED, orient="row")
        path.unlink(missing_ok=True)  # it may be a hard link to that of the release before
        frame.write_parquet(path)
