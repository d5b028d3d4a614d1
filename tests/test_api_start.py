"""A large release: answered from disk at once, then from memory, and writes wait for that."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Any, cast

import pytest
from starlette.requests import Request

from api import answers, live
from api.live import Generation, Live
from kg import vocab
from kg.build import Inputs, build
from kg.release import Home
from kg.settings import Settings
from kg.workers import Query, Step, Update

GRAPH = vocab.EDITS + "ann"
NOTE = f'<http://example.org/s> <{vocab.SKOS}note> "noted"'


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("home"))
    build(home, Settings(), Inputs(), lambda *_: None)
    return home


@pytest.fixture(autouse=True)
def _much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_MUCH", 0)


async def read(generation: Generation, text: str) -> bytes:
    answer = await generation.evaluate(Query(text, "text/csv"))
    return b"".join([chunk async for chunk in answer.chunks])


async def until_in_memory(served: Live) -> None:
    async with asyncio.timeout(60):
        while not served.generation.pool.in_memory:  # noqa: ASYNC110 -- of another process
            await asyncio.sleep(0.02)


def parents() -> int:
    found = set()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread or a process that ends
            for pid in (task / "children").read_text().split():
                if b"kg.workers\0" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.add(pid)
    return len(found)


def test_first_answers_come_from_disk_and_the_later_ones_from_memory(home: Home) -> None:
    text = "SELECT ?s ?o { ?s a ?o FILTER(ISIRI(?s)) } ORDER BY ?s ?o LIMIT 50"

    async def main() -> None:
        served = Live(home, Settings(workers=1))
        served.warm = answers.warm
        async with served.running():
            first = served.generation
            assert not first.pool.in_memory
            assert first.gauges()["release_in_memory"] == 0
            assert first.results.size == 0
            early = await read(first, text)
            await until_in_memory(served)
            assert served.generation.release.id == first.release.id
            assert served.generation.results.size > 0  # warm
            assert await read(served.generation, text) == early
            async with asyncio.timeout(60):
                while parents() > 1:  # noqa: ASYNC110 -- of another process
                    await asyncio.sleep(0.02)
        assert parents() == 0

    asyncio.run(main())


def test_write_waits_until_the_release_is_in_memory(home: Home) -> None:
    async def main() -> None:
        served = Live(home, Settings(workers=1))
        async with served.running():
            assert not served.generation.pool.in_memory
            update = Update(
                (Step(f"INSERT DATA {{ GRAPH <{GRAPH}> {{ {NOTE} }} }}"),), None, (GRAPH,)
            )
            await served.write(update, cast(Request, None), "ann")
            assert served.generation.pool.in_memory
            assert await read(served.generation, f"ASK {{ {NOTE} }}") == b"true"

    asyncio.run(main())


def test_release_that_does_not_fit_stays_on_disk(home: Home) -> None:
    async def main() -> None:
        served = Live(home, Settings(workers=1, memory=1))
        async with served.running():
            served.warm = answers.warm
            await cast("asyncio.Task[None]", vars(served)["_entering"])
            assert not served.generation.pool.in_memory
            assert served.generation.results.size > 0
            assert await read(served.generation, "ASK {}") == b"true"
            async with asyncio.timeout(60):
                while parents() > 1:  # noqa: ASYNC110 -- of another process
                    await asyncio.sleep(0.02)

    asyncio.run(main())


def test_dump_that_is_damaged_is_said_and_the_store_is_served(
    home: Home, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "dump.nq.zst"
    broken.write_bytes(b"damaged")
    monkeypatch.setattr("kg.release.home.Release.dump_path", broken)

    async def main() -> None:
        served = Live(home, Settings(workers=1))
        async with served.running():
            await cast("asyncio.Task[Any]", vars(served)["_entering"])
            assert await read(served.generation, "ASK {}") == b"true"

    with caplog.at_level(logging.ERROR):
        asyncio.run(main())
    assert "still serving" in caplog.text
