"""What there is of each source: shipped, present, fetched or missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kg.etl import Source
from kg.sources.originals import recorded
from kg.tables import Table

Word = Literal["shipped", "present", "fetched", "missing", "by hand", "database"]


@dataclass(frozen=True)
class State:
    """One table of one source: whether it is there, and what is known of it.

    `by hand` means that it is missing, and that no URL is declared to fetch it from; `rows` is
    how many the current release read, None where it has not read it.
    """

    source: str
    title: str
    table: str
    access: str
    path: str
    state: Word
    fetched: str
    rows: int | None
    licence: str
    attribution: str
    original: str
    url: str


def states(
    sources: Iterable[tuple[Source, list[Path]]], rows: Mapping[tuple[str, str], int]
) -> list[State]:
    """The state of each table of these sources, which are looked for in their folders in turn.

    `rows` are the rows read of each (title of a source, name of a table). Raises InputError on
    a damaged lock file.
    """
    return [
        _state(source, table, folders, rows)
        for source, folders in sources
        for table in source.tables.values()
        # What is made up is not to be had anywhere: where it is not made, there is no more to say.
        if not source.dataset.synthetic or _there(table, folders)
    ]


def _there(table: Table, folders: list[Path]) -> list[Path]:
    return [folder for folder in folders if (folder / table.access).is_file()]


def _state(
    source: Source, table: Table, folders: list[Path], rows: Mapping[tuple[str, str], int]
) -> State:
    dataset, word, fetched, path = source.dataset, "missing", "", ""
    there = _there(table, folders)
    if not table.is_file:
        word = "database"
    elif there:
        path = str(there[0] / table.access)
        entry = recorded(there[0]).get(table.access)
        word = "shipped" if dataset.shipped else "fetched" if entry else "present"
        fetched = entry.fetched if entry else ""
    elif table.original is None:
        word = "by hand"
    return State(
        source=dataset.name,
        title=dataset.title,
        table=table.name,
        access=table.access,
        path=path,
        state=word,  # type: ignore[arg-type]
        fetched=fetched,
        rows=rows.get((dataset.title, table.name)),
        licence=dataset.licence,
        attribution=dataset.attribution,
        original=dataset.original,
        url=table.original.url if table.original else "",
    )
