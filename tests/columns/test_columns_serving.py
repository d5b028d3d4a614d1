"""A pool, and a server, whose counting queries columns answer: made, stale, lost, within walls."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard
from pyoxigraph import RdfFormat, Store
from serving import ask as get
from serving import publish, serving, until

from kg import errors
from kg.patch import NAME, Patch
from kg.release import Home
from kg.workers import Change, Pool, Query, pool
from kg.workers.columns import background, making

EX = "http://example.org/"
CSV = "text/csv"
MIB = 1024 * 1024
BY_FIELD = f"SELECT ?f (COUNT(*) AS ?n) {{ ?e <{EX}in> ?f }} GROUP BY ?f ORDER BY ?f"
COUNTED = b"f,n\r\n" + b"".join(f"{EX}f{at},1000\r\n".encode() for at in range(3))
ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
BOMB = (
    'SELECT (GROUP_CONCAT(STR(?c); separator="-----------------------------------") AS ?n) '
    "{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
)


def lines(number: int = 3000) -> list[bytes]:
    """Events in turn in one of three fields, in the default graph and in one of their own."""
    found = []
    for at in range(number):
        triple = f"<{EX}e{at}> <{EX}in> <{EX}f{at % 3}>"
        found += [f"{triple} .".encode(), f"{triple} <{EX}g> .".encode()]
    return sorted(found)


def dumped(folder: Path, content: list[bytes]) -> Path:
    dump = folder / "dump.nq.zst"
    dump.write_bytes(zstandard.compress(b"".join(line + b"\n" for line in content)))
    return dump


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dumped(tmp_path_factory.mktemp("release"), lines())


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_QUIET", 0.0)
    monkeypatch.setattr(pool, "_REST", 0)


@asynccontextmanager
async def counting(dump: Path, **options: Any) -> AsyncIterator[Pool]:
    """A pool over a dump; the columns may still be in the making."""
    options = {"workers": 1, "queue": 8, "memory": 128 * MIB, "columns": True} | options
    opened = await Pool.start(dump.parent / "store", dump, **options)
    try:
        yield opened
    finally:
        await opened.close()


async def ask(opened: Pool, text: str, deadline: float = 20.0) -> bytes:
    answer = await opened.evaluate(Query(text, CSV), deadline)
    return b"".join([chunk async for chunk in answer.chunks])


async def there(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 -- of other processes
            await asyncio.sleep(0.01)


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(main())


def family(*names: str) -> Iterator[int]:
    """Our child processes that run one of these modules."""
    for task in Path("/proc/self/task").iterdir():
        for pid in (task / "children").read_text().split():
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if {*command} & {name.encode() for name in names}:
                yield int(pid)


def parent() -> int:
    (found,) = family("kg.workers")
    return found


def workers() -> list[int]:
    pid = parent()
    return [*map(int, told(pid, f"task/{pid}/children").split())]


async def worker() -> int:
    """The one there is, when those whose place it takes have gone."""
    await there(lambda: len(workers()) == 1)
    return workers()[0]


def told(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text()


def descriptors() -> set[str]:
    return {each.name for each in Path("/proc/self/fd").iterdir() if each.is_symlink()}


async def other(dump: Path, folder: Path) -> int:
    """Columns of a release that is not the one served: what is counted by them is told apart."""
    return await background.made(dumped(folder, lines(1500)))


def test_counting_queries_are_answered_by_columns_once_they_are_there(
    dump: Path, tmp_path: Path
) -> None:
    async def main() -> None:
        async with counting(dump, columns=False) as opened:
            assert not opened.columns
            assert await ask(opened, BY_FIELD) == COUNTED
            before = await worker()
            descriptor = await other(dump, tmp_path)
            opened._parent.count_by(descriptor)
            os.close(descriptor)
            await there(lambda: opened.columns)
            assert await ask(opened, BY_FIELD) == COUNTED.replace(b",1000", b",500")
            # All that is not counted so is asked of the release, and so is any other dataset.
            assert await ask(opened, f"SELECT * {{ ?e <{EX}in> ?f }}") != b""
            assert await ask(opened, BY_FIELD.replace("?e <", "?e a|<")) == COUNTED
            query = Query(BY_FIELD, CSV, default_graphs=(f"{EX}g",))
            answer = await opened.evaluate(query, 20)
            assert b"".join([chunk async for chunk in answer.chunks]) == COUNTED
            assert await worker() != before
            assert "\nThreads:\t1\n" in told(parent(), "status")  # so that it may go on forking

    run(main)


def test_change_makes_columns_stale_and_new_ones_follow(dump: Path, tmp_path: Path) -> None:
    changed = dumped(tmp_path, lines())
    gone = f"<{EX}e0> <{EX}in> <{EX}f0> ."
    come = [f"<{EX}new{at}> <{EX}in> <{EX}f3> ." for at in range(4)]

    def write(added: list[str]) -> None:
        patch = Patch(frozenset(line.encode() for line in added), frozenset([gone.encode()]))
        patch.write(changed.with_name(NAME), "a", "b")

    def expected(number: int) -> bytes:
        return COUNTED.replace(b"f0,1000", b"f0,999") + f"{EX}f3,{number}\r\n".encode()

    async def main() -> None:
        async with counting(dump) as opened:
            await there(lambda: opened.columns)
            assert await ask(opened, BY_FIELD) == COUNTED
            assert "memfd:columns" in told(parent(), "maps")
            write(come[:1])
            await opened.change(Change(gone, come[0]), "b", tmp_path / "store", changed)
            assert not opened.columns
            assert "memfd:columns" not in told(parent(), "maps")
            assert await ask(opened, BY_FIELD) == expected(1)
            await there(lambda: opened.columns)
            assert await ask(opened, BY_FIELD) == expected(1)
            # Nor is one lost that comes in the midst of the making.
            for number in range(2, 5):
                write(come[:number])
                await opened.change(Change("", come[number - 1]), str(number))
                assert await ask(opened, BY_FIELD) == expected(number)
                await there(lambda: [*family("kg.workers.columns")] or opened.columns)
            await there(lambda: opened.columns)
            assert await ask(opened, BY_FIELD) == expected(4)

    run(main)


def test_columns_outlive_a_worker_and_are_made_anew_for_a_new_parent(dump: Path) -> None:
    async def main() -> None:
        async with counting(dump) as opened:
            await there(lambda: opened.columns)
            os.kill(await worker(), signal.SIGKILL)
            assert await ask(opened, BY_FIELD) == COUNTED
            assert opened.columns
            os.kill(parent(), signal.SIGKILL)
            assert await ask(opened, BY_FIELD) == COUNTED
            await there(lambda: not opened.columns)
            await there(lambda: opened.columns)
            assert await ask(opened, BY_FIELD) == COUNTED

    run(main)


def test_walls_hold_for_workers_that_have_columns(dump: Path) -> None:
    async def main() -> None:
        async with counting(dump, memory=64 * MIB) as opened:
            await there(lambda: opened.columns)
            with pytest.raises(errors.QueryMemoryExceeded, match="64 MiB"):
                await ask(opened, BOMB)
            with pytest.raises(errors.QueryTimeout):
                await ask(opened, ENDLESS, deadline=0.3)
            with pytest.raises(errors.QueryError):
                await ask(opened, "SELECT * { SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }")
            with pytest.raises(errors.QuerySyntaxError, match="line 1, column"):
                await ask(opened, BY_FIELD.replace("(COUNT", "?e (COUNT"))
            assert await ask(opened, BY_FIELD) == COUNTED
            limits = told(await worker(), "limits")
            assert limits.split("Max open files")[1].split()[:2] == ["0", "0"]

    run(main)


def test_nothing_is_left_of_a_pool_that_is_closed_in_the_midst_of_the_making(dump: Path) -> None:
    async def main() -> None:
        before = descriptors()
        async with counting(dump) as opened:
            await there(lambda: [*family("kg.workers.columns")] or opened.columns)
        assert not [*family("kg.workers", "kg.workers.columns")]
        assert descriptors() == before

    run(main)


def test_release_that_is_read_from_disk_has_no_columns(dump: Path) -> None:
    store = Store(str(dump.parent / "store"))
    store.bulk_load(b"\n".join(lines()), format=RdfFormat.N_QUADS)
    store.flush()
    del store

    async def main() -> None:
        async with counting(dump, in_memory_limit=MIB) as opened:
            assert await ask(opened, BY_FIELD) == COUNTED
            assert not opened.in_memory
            await asyncio.sleep(0)
            assert not [*family("kg.workers.columns")]

    run(main)


def test_making_that_fails_is_said_and_the_engine_counts(
    dump: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with counting(dumped(tmp_path, lines())) as opened:
            (tmp_path / "dump.nq.zst").write_bytes(b"damaged")
            await there(lambda: "counting without columns" in caplog.text)
            assert await ask(opened, BY_FIELD) == COUNTED
            assert not opened.columns

    run(main)


def test_columns_cannot_be_written_to(dump: Path) -> None:
    async def main() -> None:
        descriptor = await background.made(dump)
        with pytest.raises(PermissionError):
            os.pwrite(descriptor, b"x", 0)
        os.close(descriptor)

    run(main)


def test_more_triples_than_columns_are_made_of_are_refused(tmp_path: Path) -> None:
    with (tmp_path / "columns").open("wb") as file, pytest.raises(making.TooMany, match="than 10"):
        making.write(lines(), file, most=10)


def test_server_counts_by_columns_and_says_so(tmp_path: Path) -> None:
    home = Home(tmp_path)
    triples = "".join(f"<{EX}e{at}> <{EX}in> <{EX}f{at % 3}> . " for at in range(25_000))
    publish(home, f"GRAPH <{EX}g> {{ {triples} }}")
    with serving(home) as server, httpx.Client(base_url=server.url, timeout=30) as client:

        def counts() -> bool:
            return bool(client.get("/health").json()["columns"])

        text = f"SELECT ?f (COUNT(?e) AS ?n) {{ ?e <{EX}in> ?f }} GROUP BY ?f"
        before = get(client, text).json()
        until(counts)
        assert "kg_release_columns 1" in client.get("/metrics").text
        again = get(client, f"{text} # asked anew").json()
        assert again["head"] == before["head"]
        rows, expected = (answer["results"]["bindings"] for answer in (again, before))
        assert sorted(map(str, rows)) == sorted(map(str, expected))
        assert sum(int(row["n"]["value"]) for row in rows) == 25_000
        assert server.stop() == 0
