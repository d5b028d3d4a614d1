"""What the commands share: how they are added, and which release is meant."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kg.release import Home, Release
from kg.settings import Settings, shipped

if TYPE_CHECKING:
    from kg.etl import Source
    from kg.tables import Sheet

#: Adds a command to the parser: name, code, help; `parents=` for an action of another command.
Command = Callable[..., argparse.ArgumentParser]


def sources(settings: Settings) -> list[Source]:
    """The sources that ship, then a person's own (`KG_MAPPINGS`)."""
    from kg import etl

    own = settings.mappings
    return etl.load(shipped("mappings")) + (etl.load(own) if own is not None else [])


def chosen(settings: Settings, id: str | None) -> Release:
    """The release with this id, the current one where none is given."""
    home = Home(settings.home)
    return home.current() if id is None else home.get(id)


def kept(release: Release, settings: Settings) -> list[tuple[Source, dict[str, Sheet]]]:
    """The sources whose rows a release keeps, as their mappings are now, with these rows."""
    from kg.build import ROWS
    from kg.tables import Account, Sheet

    found = []
    for source in sources(settings):
        name = source.dataset.name
        sheets = {
            table.name: Sheet(table, path, Account(name, table.name, Path(table.access).name))
            for table in source.tables.values()
            if (path := release.path / ROWS / name / table.name).is_dir()
        }
        if sheets.keys() == source.tables.keys():
            found.append((source, sheets))
    return found
