"""What the commands share: how they are added, and which release is meant."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from kg.release import Home, Release
from kg.settings import Settings, shipped

if TYPE_CHECKING:
    from kg.etl import Source

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
    return home.get(id) if id else home.current()
