"""Rejects out as a table, and corrected rejects back in: `kg build --replay rejects.csv`.

Each line of `rejects.csv` has the cells of its row as JSON (`row`), a digest of them, and an
empty cell `correction`. A person changes cells in `row`, or writes into `correction` what the
named column should hold; the corrected row then takes the place of the one in the table's
file that has this line and digest, under the same checks. Lines left as they are do nothing.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from kg.errors import InputError, reason
from kg.tables.model import Account, Reject, Table

#: What a ragged row's JSON calls the cells for which the header has no name.
SURPLUS: Final = "(more)"

_NAMES: Final = (
    "source", "table", "file", "line", "column", "rule", "value", "expected", "level",
    "correction", "row", "digest",
)  # fmt: skip
_FIELD_LIMIT: Final = 2**30


def write_rejects(rejects: Iterable[Reject], path: Path) -> None:
    """Write the rejects report: one line a reject, in the order they were found."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_NAMES)
        writer.writerows([getattr(each, name, "") for name in _NAMES] for each in rejects)


def as_json(cells: Mapping[str, Any]) -> str:
    """A row's cells as the JSON that stands in `rejects.csv`."""
    return json.dumps(cells, ensure_ascii=False)


def digest(row: str) -> str:
    """Names a row by its JSON. Starts with a letter: spreadsheets leave it as it is."""
    return "r" + hashlib.blake2b(row.encode(), digest_size=8).hexdigest()


def ragged(header: Sequence[str], row: Sequence[str | None]) -> str:
    """The JSON of a row that has more or fewer cells than the header; what is missing is null."""
    cells: dict[str, Any] = {
        name: row[place] if place < len(row) else None for place, name in enumerate(header)
    }
    return as_json(cells | ({SURPLUS: [*row[len(header) :]]} if len(row) > len(header) else {}))


def cells_in(row: str) -> int:
    """How many cells the JSON of a ragged row holds."""
    cells = json.loads(row)
    more = cells.pop(SURPLUS, [])
    return sum(cell is not None for cell in cells.values()) + len(more)


@dataclass(frozen=True)
class Edit:
    """One line of a rejects report that a person changed: the whole row as it should be."""

    place: str
    digest: str  # of the row as it stands in the table's file
    cells: Mapping[str, Any]


@dataclass
class Replay:
    """Corrections of rejected rows: (source, table) → line → edits, in the order given."""

    edits: dict[tuple[str, str], dict[int, list[Edit]]] = field(default_factory=dict)

    @classmethod
    def read(cls, paths: Iterable[Path]) -> Replay:
        """Read corrected rejects; where two files correct a row, the later file's row holds.

        Raises InputError naming file and line where a correction cannot be understood.
        """
        replay = cls()
        for path in paths:
            found: dict[tuple[str, str], dict[int, list[Edit]]] = {}
            for number, record in _records(path):
                if edit := _edit(f"{path.name}:{number}", record):
                    lines = found.setdefault((record["source"], record["table"]), {})
                    lines.setdefault(int(record["line"]), []).append(edit)
            for table, lines in found.items():
                replay.edits.setdefault(table, {}).update(lines)
        return replay

    def take(
        self, table: Table, account: Account, line: int, row: str
    ) -> tuple[dict[str, str], str] | None:
        """The corrected cells of the row at this line, which is `row` in the file, and where from.

        Each correction is taken once. Raises InputError where edits contradict each other or
        leave the row without a cell that the table declares.
        """
        lines = self.edits.get((account.source, account.table), {})
        edits = lines.get(line, [])
        if not edits or any(edit.digest != digest(row) for edit in edits):
            return None
        del lines[line]
        before = json.loads(row)
        cells, changed = dict(before), dict[str, str]()
        for edit in edits:
            for name in before.keys() - edit.cells.keys():
                cells.pop(name, None)
            for name, cell in edit.cells.items():
                if before.get(name) == cell:
                    continue
                if changed.setdefault(name, edit.place) != edit.place and cells[name] != cell:
                    raise InputError(
                        f"{edit.place}: corrects {name!r} otherwise than {changed[name]}"
                    )
                cells[name] = cell
        return _texts(table, cells, edits[-1].place), edits[-1].place

    def touches(self, source: str) -> bool:
        """Whether corrections of any table of a source wait."""
        return any(name == source and lines for (name, _), lines in self.edits.items())

    def lines(self, account: Account) -> list[int]:
        """The lines of a table for which corrections wait."""
        return list(self.edits.get((account.source, account.table), {}))

    def check(self) -> None:
        """Raise InputError for a correction that was not taken: its row is not there."""
        for (source, table), lines in self.edits.items():
            for line, edits in lines.items():
                raise InputError(
                    f"{edits[0].place}: line {line} of table {table} (source {source}) does not "
                    "hold the row that was rejected: its file has changed, or is not built; "
                    "correct the rejects of the latest build"
                )


def _edit(place: str, record: Mapping[str, str]) -> Edit | None:
    correction, row = record["correction"], record["row"]
    if not correction and (not row or digest(row) == record["digest"]):
        return None
    if not row:
        raise InputError(f"{place}: this reject has no row to correct; correct the table itself")
    try:
        cells = json.loads(row)
        int(record["line"])
    except ValueError as error:
        raise InputError(f"{place}: expected a line and the row as JSON: {error}") from None
    if not isinstance(cells, dict):
        raise InputError(f"{place}: expected the row as a JSON object of its cells")
    if correction:
        if record["column"] not in cells:
            raise InputError(
                f"{place}: {record['column']!r} is not one column; correct the cells in `row`"
            )
        cells[record["column"]] = correction
    return Edit(place, record["digest"], cells)


def _texts(table: Table, cells: Mapping[str, Any], place: str) -> dict[str, str]:
    """The cells of the declared columns."""
    if SURPLUS in cells:
        raise InputError(f"{place}: the row still has cells under {SURPLUS!r}")
    texts = {}
    for column in table.columns:
        cell = cells.get(column.name)
        if not isinstance(cell, str):
            found = json.dumps(cell) if column.name in cells else "no such cell"
            raise InputError(
                f"{place}: cell {column.name!r} of the row: expected text in quotes, found {found}"
            )
        texts[column.name] = cell
    return texts


def _records(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    csv.field_size_limit(_FIELD_LIMIT)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if missing := [name for name in _NAMES if name not in (reader.fieldnames or ())]:
                raise InputError(
                    f"{path.name}:1: column {', '.join(missing)} is missing; expected a "
                    "rejects.csv as `kg build` writes it"
                )
            line = reader.line_num
            for record in reader:
                if None in record or None in record.values():
                    raise InputError(f"{path.name}:{line + 1}: expected {len(_NAMES)} cells")
                yield line + 1, record
                line = reader.line_num
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read: {reason(error)}") from None
