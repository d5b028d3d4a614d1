"""Who may change what: every write goes through here before anything of it is tried."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request

from api.live import Live
from kg.sparql import Operation
from kg.workers import Change, Load, Step, Update


async def update(
    operations: Sequence[Operation], base: str, request: Request, live: Live
) -> Change:
    """Do a SPARQL update, whole or not at all; returns what it changed."""
    steps = tuple(Step(each.text, each.merged) for each in operations)
    anywhere = any(each.anywhere for each in operations)
    graphs = None if anywhere else frozenset[str | None]().union(*(o.writes for o in operations))
    write = Update(steps, base, None if graphs is None else tuple(graphs))
    return await live.write(write, request)


async def load(write: Load, request: Request, live: Live) -> Change:
    """Do what the graph store protocol's PUT or POST asks."""
    return await live.write(write, request)
