"""What the commands share: how they are added, and which release is meant."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from kg.release import Home, Release
from kg.settings import Settings

#: Adds a command to the parser: name, code, help; `parents=` for an action of another command.
Command = Callable[..., argparse.ArgumentParser]


def chosen(settings: Settings, id: str | None) -> Release:
    """The release with this id, the current one where none is given."""
    home = Home(settings.home)
    return home.get(id) if id else home.current()
