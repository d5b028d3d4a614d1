"""`kg serve --scratch`: an empty dataset that anyone on this machine may write to.

For conformance suites and for trying things out: no release, no token, no shapes, a default
graph of its own. What was written is gone when the server ends.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request

from api.cache import Results
from api.live import Generation, Live
from api.problems import Forbidden
from kg.release import Home, Manifest, Release
from kg.settings import Settings
from kg.workers import Pool, Write

_NOTHING: Final = Path("/dev/null")
_LOCAL: Final = {"localhost", "127.0.0.1", "::1"}


class Scratch(Live):
    """The dataset, in memory; each write makes a release of a name only."""

    direct_graphs = True

    def __init__(self, settings: Settings) -> None:
        super().__init__(Home(_NOTHING), settings)
        self.tokens = None
        self._count = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve an empty dataset until the context ends."""
        settings = self.settings
        pool = await Pool.start(
            _NOTHING,
            _NOTHING,
            workers=settings.workers,
            queue=settings.queue,
            memory=settings.query_memory,
            queue_of_client=settings.queue_of_client,
            release=self._release().id,
        )
        self._generation = Generation(
            self._release(),
            _manifest(settings.base),
            await self._catalogue(settings.base),
            settings,
            pool,
            contextlib.ExitStack(),
            Results(settings.cache),
            empty_graphs=True,
        )
        try:
            yield
        finally:
            await self._end()

    async def write(self, write: Write, request: Request, who: str) -> None:  # noqa: ARG002
        """Do a write; the next ones wait for it, readers do not."""
        origin = request.headers.get("origin")
        if origin and urlsplit(origin).hostname not in _LOCAL:
            raise Forbidden(f"a page of {origin} may not write here; expected one of this machine")
        async with self._writer:
            generation = self.generation
            change = await generation.changes(write, self._home)
            if change:
                self._count += 1
                await generation.pool.change(change, self._release().id)
                self._generation = dataclasses.replace(
                    generation,
                    release=self._release(),
                    results=Results(self.settings.cache),
                    heads={},
                )

    def reload(self) -> None:
        """Do nothing: there is no release to load."""

    def _release(self) -> Release:
        return Release(Path(f"scratch-{self._count}"))


def _manifest(base: str) -> Manifest:
    return Manifest(
        release="scratch",
        content="",
        quads=0,
        created="1970-01-01T00:00:00+00:00",
        base=base,
        ontology="",
        synthetic=False,
        sources=(),
        classes={},
        graphs={},
        seconds={},
        peak_memory=0,
        tools={},
    )
