"""The path below which a reverse proxy shows the service: part of every link that it writes."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

#: For the request at hand; empty where the service stands at the root of its host.
PREFIX: Final = ContextVar("prefix", default="")


def below(path: str) -> str:
    """A path of the service as clients reach it."""
    return PREFIX.get() + path
