"""Real processes: a pool, its parent and its workers over a small release."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import zstandard
from pyoxigraph import RdfFormat, Store

from kg import errors
from kg.workers import (
    GRAPH_FORMATS,
    SOLUTION_FORMATS,
    Answer,
    Change,
    Pool,
    Query,
    evaluate,
)
from kg.workers.queue import Queue

EX = "http://example.org/"
JSON = "application/sparql-results+json"
CSV = "text/csv"
MIB = 1024 * 1024
ENDLESS = "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
BOMB = (
    'SELECT (GROUP_CONCAT(?c; separator="-----------------------------------") AS ?n) '
    "WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
)
COUNT = "SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }"
MANY = "SELECT * WHERE { ?a ?b ?c . ?d ?e ?f } LIMIT 200000"


class Made(NamedTuple):
    store: Path
    dump: Path


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """3,000 triples, stated in the graph a, ten of them in b too, and merged by default."""
    folder = tmp_path_factory.mktemp("release")
    lines = []
    for number in range(3000):
        triple = f'<{EX}s{number}> <{EX}p> "value {number}"'
        lines += [f"{triple} .", f"{triple} <{EX}a> ."]
        lines += [f"{triple} <{EX}b> ."] * (number < 10)
    data = "".join(f"{line}\n" for line in sorted(lines)).encode()
    made = Made(folder / "store", folder / "dump.nq.zst")
    made.dump.write_bytes(zstandard.compress(data))
    store = Store(str(made.store))
    store.bulk_load(data, format=RdfFormat.N_QUADS)
    store.flush()
    del store
    return made


@asynccontextmanager
async def serving(release: Made, **options: Any) -> AsyncIterator[Pool]:
    options = {"workers": 1, "queue": 64, "memory": 128 * MIB} | options
    pool = await Pool.start(release.store, release.dump, **options)
    try:
        yield pool
    finally:
        await pool.close()


async def ask(pool: Pool, text: str, media_type: str = CSV, deadline: float = 20.0) -> bytes:
    return await read(await pool.evaluate(Query(text, media_type), deadline))


async def read(answer: Answer) -> bytes:
    return b"".join([chunk async for chunk in answer.chunks])


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(main())


def children(pid: int) -> set[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except FileNotFoundError:
        return set()
    return {int(child) for child in text.split()}


def parents() -> set[int]:
    """Our child processes that are parents of workers."""
    found = {int(c) for t in Path("/proc/self/task").iterdir() for c in words(t / "children")}
    return {pid for pid in found if b"kg.workers" in command(pid)}


def words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def workers() -> set[int]:
    return {worker for parent in parents() for worker in children(parent)}


def descriptors(pid: int | None = None) -> set[str]:
    return {fd.name for fd in Path(f"/proc/{pid or 'self'}/fd").iterdir() if fd.is_symlink()}


async def until(condition: Callable[[], object]) -> None:
    """Wait for what must come; a test's own deadline would only say that it did not."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 -- of other processes
            await asyncio.sleep(0.01)


def computing(pid: int) -> bool:
    """Whether a worker is in the midst of a long query: small ones take none of these 50 ms."""
    times = words(Path(f"/proc/{pid}/stat"))[13:15]
    return sum(map(int, times)) * 1000 // os.sysconf("SC_CLK_TCK") >= 50


def replaced(pid: int) -> bool:
    """Whether the parent has buried a worker and forked another."""
    return bool(workers()) and pid not in workers()


# Answers


@pytest.fixture(scope="session")
def store(release: Made) -> Store:
    return Store.read_only(str(release.store))


def written(store: Store, text: str, media_type: str, **graphs: tuple[str, ...]) -> bytes:
    output = io.BytesIO()
    assert evaluate(store, Query(text, media_type, **graphs), output).startswith(media_type)
    return output.getvalue()


@pytest.mark.parametrize(
    ("media_type", "expected"),
    [
        (JSON, b'{"head":{"vars":["o"]},"results":{"bindings":[{"o":{"type":"literal"'),
        ("application/sparql-results+xml", b"<literal>value 7</literal>"),
        (CSV, b"o\r\nvalue 7\r\n"),
        ("text/tab-separated-values", b'?o\n"value 7"\n'),
    ],
)
def test_solutions_are_written_in_each_format(
    store: Store, media_type: str, expected: bytes
) -> None:
    assert expected in written(store, f"SELECT ?o {{ <{EX}s7> ?p ?o }}", media_type)
    assert b"true" in written(store, "ASK {}", media_type)


@pytest.mark.parametrize("media_type", GRAPH_FORMATS)
def test_graphs_are_written_in_each_format(store: Store, media_type: str) -> None:
    found = written(store, f"CONSTRUCT {{ ?s ?p ?o }} {{ ?s ?p ?o . <{EX}s7> ?p ?o }}", media_type)
    again = Store()
    again.load(found, format=GRAPH_FORMATS[media_type])
    assert [quad.object.value for quad in again] == ["value 7"]


def test_turtle_uses_the_project_s_prefixes(store: Store) -> None:
    text = (
        "CONSTRUCT { ?s <http://www.w3.org/2004/02/skos/core#prefLabel> 'x' } { ?s ?p 'value 1' }"
    )
    assert b"skos:prefLabel" in written(store, text, "text/turtle")


def test_constructed_triple_is_written_once(store: Store) -> None:
    text = f"CONSTRUCT {{ <{EX}x> <{EX}y> 1 }} {{ ?s ?p ?o }}"
    assert written(store, text, "application/n-triples").count(b"\n") == 1


@pytest.mark.parametrize(
    ("text", "media_type", "offered"),
    [
        ("SELECT * {}", "text/turtle", SOLUTION_FORMATS),
        ("ASK {}", "application/ld+json", SOLUTION_FORMATS),
        ("CONSTRUCT {} {}", CSV, GRAPH_FORMATS),
        (f"DESCRIBE <{EX}s1>", JSON, GRAPH_FORMATS),
        ("ASK {}", "image/png", {**SOLUTION_FORMATS, **GRAPH_FORMATS}),
    ],
)
def test_format_that_does_not_fit_names_those_that_do(
    store: Store, text: str, media_type: str, offered: dict[str, object]
) -> None:
    with pytest.raises(errors.NotAcceptable) as caught:
        written(store, text, media_type)
    assert str(caught.value).endswith(f"expected one of {', '.join(offered)}")


def test_syntax_error_names_line_and_column(store: Store) -> None:
    with pytest.raises(errors.QuerySyntaxError, match=r"^line 2, column \d+: expected"):
        written(store, "SELECT *\nWHERE { ?s ?p }", CSV)


def test_error_of_evaluation_is_a_query_error(store: Store) -> None:
    with pytest.raises(errors.QueryError, match="custom function <http://nope/f>"):
        written(store, "SELECT * { ?s ?p ?o FILTER(<http://nope/f>(?s)) }", CSV)


def test_error_of_the_output_is_not_the_query_s(store: Store) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb", buffering=0) as output, pytest.raises(BrokenPipeError):
        evaluate(store, Query(COUNT, CSV), output)


def test_error_may_be_dropped_on_another_thread(store: Store) -> None:
    found = []
    failing = "SELECT * { ?s ?p ?o FILTER(<http://nope/f>(?s)) }"
    for text, media_type in ((COUNT, "text/turtle"), (failing, CSV)):
        try:
            written(store, text, media_type)
        except errors.QueryError as error:
            found.append(error)
            del error
    thread = threading.Thread(target=found.clear)  # the engine complains if it drops results
    thread.start()
    thread.join()


@pytest.mark.parametrize(
    "clauses",
    [
        f"FROM <{EX}a> FROM <{EX}b>",
        f"FROM <{EX}a>from<{EX}a> # FROM <{EX}c>\n",
        "FROM ex:a FROM NAMED ex:b FROM ex:b",
    ],
)
def test_triple_in_two_from_graphs_counts_once(store: Store, clauses: str) -> None:
    text = f"PREFIX ex: <{EX}> SELECT (COUNT(*) AS ?n) {clauses} WHERE {{ ?s ?p ?o }}"
    assert written(store, text, CSV) == b"n\r\n3000\r\n"


def test_triple_in_two_graphs_asked_for_counts_once(store: Store) -> None:
    graphs = (EX + "a", EX + "b", EX + "a")
    assert written(store, COUNT, CSV, default_graphs=graphs) == b"n\r\n3000\r\n"


def test_graphs_asked_for_are_the_whole_dataset(store: Store) -> None:
    text = f"SELECT (COUNT(*) AS ?n) FROM <{EX}a> WHERE {{ GRAPH ?g {{ ?s ?p ?o }} }}"
    assert written(store, text, CSV, default_graphs=(EX + "a",)) == b"n\r\n0\r\n"
    assert written(store, text, CSV, named_graphs=(EX + "b",)) == b"n\r\n10\r\n"
    both = {"default_graphs": (EX + "a", EX + "b"), "named_graphs": (EX + "b",)}
    assert written(store, text, CSV, **both) == b"n\r\n10\r\n"


def test_word_from_elsewhere_is_no_dataset(store: Store) -> None:
    text = f'SELECT ("FROM <{EX}a> FROM <{EX}b>" AS ?from) (COUNT(*) AS ?n) {{ ?s ?p ?o }}'
    assert written(store, text, CSV).endswith(b",3000\r\n")


# The pool


def test_pool_answers_from_memory_and_from_disk(release: Made) -> None:
    async def main() -> None:
        for options in ({}, {"in_memory_limit": MIB}):
            async with serving(release, **options) as pool:
                assert await ask(pool, COUNT) == b"n\r\n3000\r\n"
                await until(lambda: len(workers()) == 1)  # on a busy machine it took long
                (worker,) = workers()
                on_disk = bool(options)
                assert (len(descriptors(worker)) > 8) is on_disk
                answer = await pool.evaluate(Query("ASK {}", CSV), 10)
                assert answer.media_type == "text/csv; charset=utf-8"
                assert await read(answer) == b"true"
                empty = "CONSTRUCT WHERE { <http://example.org/none> ?p ?o }"
                assert await ask(pool, empty, "application/n-triples") == b""
        pool = await Pool.start(release.store, None, workers=1, queue=1, memory=128 * MIB)
        assert await ask(pool, COUNT) == b"n\r\n3000\r\n"
        await pool.close()

    run(main)


def test_blank_nodes_have_the_dump_s_labels_in_memory(tmp_path: Path) -> None:
    """A change of them says by these what it takes away."""
    lines = [f'_:x <{EX}p> "1" .', f'_:y <{EX}p> "_:x" .', f'<{EX}s> <{EX}p> "2" .']
    dump = tmp_path / "dump.nq.zst"
    dump.write_bytes(zstandard.compress("".join(f"{line}\n" for line in lines).encode()))

    async def main() -> None:
        async with serving(Made(tmp_path / "store", dump)) as pool:
            assert await ask(pool, COUNT) == b"n\r\n3\r\n"
            await pool.change(Change(removed=f"{lines[0]}\n"), "changed")
            assert await ask(pool, COUNT) == b"n\r\n2\r\n"
            link = f"SELECT ?o {{ ?s <{EX}p> ?o }} ORDER BY ?o"
            assert await ask(pool, link) == b"o\r\n2\r\n_:x\r\n"

    run(main)


def test_release_that_cannot_be_loaded_is_an_error(release: Made, tmp_path: Path) -> None:
    broken = tmp_path / "dump.nq.zst"
    broken.write_bytes(zstandard.compress(b"<a> <b>"))

    async def main() -> None:
        before = descriptors()
        for dump in (broken, tmp_path / "none.nq.zst", release.store / "CURRENT"):
            with pytest.raises(errors.ReleaseError):
                await Pool.start(release.store, dump, workers=1, queue=1, memory=MIB)
        with pytest.raises(errors.ReleaseError):
            await Pool.start(tmp_path / "none", None, workers=1, queue=1, memory=MIB)
        assert descriptors() == before

    run(main)


def test_bad_query_is_a_clean_error_and_keeps_its_worker(release: Made) -> None:
    async def main() -> None:
        async with serving(release) as pool:
            await ask(pool, COUNT)
            before = workers()
            with pytest.raises(errors.QuerySyntaxError, match="line 1, column"):
                await ask(pool, "SELECT {")
            with pytest.raises(errors.NotAcceptable):
                await ask(pool, COUNT, "text/turtle")
            with pytest.raises(errors.QueryError):
                await ask(pool, "SELECT * { ?s ?p '\ud800' }")
            assert await ask(pool, COUNT) == b"n\r\n3000\r\n"
            assert workers() == before

    run(main)


def test_endless_query_is_ended_and_the_next_answered_by_a_fresh_worker(release: Made) -> None:
    async def main() -> None:
        async with serving(release) as pool:
            before = workers()
            with pytest.raises(errors.QueryTimeout, match=r"limit of 0\.3 seconds"):
                await ask(pool, ENDLESS, deadline=0.3)
            assert await ask(pool, COUNT) == b"n\r\n3000\r\n"
            await until(lambda: not workers() & before)

    run(main)


@pytest.mark.parametrize("text", [BOMB, MANY.replace("LIMIT 200000", "ORDER BY ?a ?d ?f")])
@pytest.mark.parametrize("options", [{}, {"in_memory_limit": MIB}], ids=["memory", "disk"])
def test_memory_bomb_is_ended_once_and_named(
    release: Made, text: str, options: dict[str, int]
) -> None:
    async def main() -> None:
        async with serving(release, memory=64 * MIB, **options) as pool:
            with pytest.raises(errors.QueryMemoryExceeded, match="memory limit of 64 MiB"):
                await ask(pool, text)
            assert await ask(pool, COUNT) == b"n\r\n3000\r\n"

    run(main)


def test_query_whose_worker_is_killed_is_answered_by_another(release: Made) -> None:
    async def main() -> None:
        async with serving(release) as pool:
            (before,) = workers()
            # Long enough to be met while it runs; and it ends.
            text = "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f } "
            task = asyncio.create_task(ask(pool, text))
            await until(lambda: computing(before))
            os.kill(before, signal.SIGKILL)
            assert await task == b"n\r\n9000000\r\n"
            assert before not in workers()

    run(main)


def test_query_that_kills_two_workers_is_a_worker_crash(release: Made) -> None:
    async def main() -> None:
        async with serving(release) as pool:
            task = asyncio.create_task(ask(pool, ENDLESS))
            for _ in range(2):
                await until(lambda: any(computing(pid) for pid in workers()))
                (victim,) = {pid for pid in workers() if computing(pid)}
                os.kill(victim, signal.SIGKILL)
                await until(partial(replaced, victim))
            with pytest.raises(errors.WorkerCrash, match="signal 9"):
                await task
            assert await ask(pool, COUNT) == b"n\r\n3000\r\n"

    run(main)


def test_pool_recovers_when_its_parent_is_killed(release: Made) -> None:
    async def main() -> None:
        async with serving(release, workers=2) as pool:
            (parent,) = parents()
            idle = workers()
            text = "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f } "
            task = asyncio.create_task(ask(pool, text))
            await until(lambda: any(computing(pid) for pid in idle))
            os.kill(parent, signal.SIGKILL)
            assert await task == b"n\r\n9000000\r\n"
            assert await ask(pool, COUNT) == b"n\r\n3000\r\n"
            assert parents() != {parent}
            await until(lambda: not any(command(pid) for pid in idle))

    run(main)


def test_full_queue_is_busy_and_waiting_counts_toward_the_deadline(release: Made) -> None:
    async def main() -> None:
        async with serving(release, queue=1) as pool:
            # A long query makes way for short ones, as many times as there are workers.
            running = [asyncio.create_task(ask(pool, ENDLESS, deadline=2))]
            await until(lambda: pool.gauges()["queries_long"] == pool.gauges()["workers_free"] == 1)
            running.append(asyncio.create_task(ask(pool, ENDLESS, deadline=2)))
            await until(lambda: pool.gauges()["workers_free"] == 0)
            waiting = asyncio.create_task(ask(pool, COUNT, deadline=0.2))
            await asyncio.sleep(0.01)
            with pytest.raises(errors.Busy, match="1 queries wait already"):
                await ask(pool, COUNT)
            with pytest.raises(errors.QueryTimeout, match=r"limit of 0\.2 seconds"):
                await waiting
            for each in running:
                with pytest.raises(errors.QueryTimeout, match=r"limit of 2 seconds"):
                    await each
            assert await ask(pool, COUNT) == b"n\r\n3000\r\n"
            await until(lambda: len(workers()) == 1)

    run(main)


def test_long_queries_make_way_for_short_ones(release: Made) -> None:
    async def main() -> None:
        async with serving(release, workers=2) as pool:
            running = []
            for count in (3, 4):
                running.append(asyncio.create_task(ask(pool, ENDLESS, deadline=60)))
                await until(lambda count=count: len(workers()) == count)
            assert await ask(pool, COUNT) == b"n\r\n3000\r\n"
            nice = sorted(os.getpriority(os.PRIO_PROCESS, pid) for pid in workers())
            assert nice[2:] == [min(nice[0] + 10, 19)] * 2
            for each in running:
                each.cancel()

    run(main)


def test_clients_are_served_in_turn_and_none_has_more_than_its_share() -> None:
    async def main() -> None:
        queue = Queue(limit=4, share=3)
        many = [queue.join("many") for _ in range(3)]
        with pytest.raises(errors.Busy, match="3 queries of yours"):
            queue.join("many")
        one = queue.join("one")
        with pytest.raises(errors.Busy, match="4 queries wait already"):
            queue.join("two")
        assert [queue.next() for _ in range(2)] == [many[0], one]
        again = queue.join("one", again=True)
        queue.leave("many", many[1])
        assert [queue.next() for _ in range(3)] == [again, many[2], None]
        assert len(queue) == 0

    run(main)


def test_client_that_leaves_frees_its_worker(release: Made) -> None:
    async def main() -> None:
        async with serving(release) as pool:
            for text, first in ((ENDLESS, False), (MANY, True)):
                (before,) = workers()
                if first:
                    answer = await pool.evaluate(Query(text, CSV), 60)
                    assert len(await anext(answer.chunks)) == 64 * 1024
                    await answer.aclose()
                    await answer.aclose()
                else:
                    task = asyncio.create_task(ask(pool, text, deadline=60))
                    await until(partial(computing, before))
                    task.cancel()
                assert await ask(pool, COUNT, deadline=10) == b"n\r\n3000\r\n"
                await until(lambda before=before: before not in workers())

    run(main)


def test_answer_cut_after_its_first_byte_never_ends_quietly(release: Made) -> None:
    async def main() -> None:
        async with serving(release) as pool:
            for deadline, error in ((60.0, errors.WorkerCrash), (0.5, errors.QueryTimeout)):
                answer = await pool.evaluate(Query(MANY, CSV), deadline)
                assert await anext(answer.chunks)
                (worker,) = workers()
                if error is errors.WorkerCrash:
                    os.kill(worker, signal.SIGKILL)
                # A client that does not read is no reason to keep a worker.
                await until(partial(replaced, worker))
                with pytest.raises(error):
                    await read(answer)
            assert await ask(pool, COUNT) == b"n\r\n3000\r\n"

    run(main)


def test_small_answer_that_nobody_reads_holds_no_worker(release: Made) -> None:
    async def main() -> None:
        async with serving(release) as pool:
            answers = [await pool.evaluate(Query(COUNT, CSV), 10) for _ in range(3)]
            assert [await read(answer) for answer in answers] == [b"n\r\n3000\r\n"] * 3

    run(main)


def test_query_begun_at_once_is_told_of_and_had_whole_or_gone_on_with(release: Made) -> None:
    async def main() -> None:
        async with serving(release) as pool:
            told = asyncio.Event()
            lease = pool.begin(Query(COUNT, CSV), 20, told.set)
            assert lease is not None
            assert pool.begin(Query(COUNT, CSV), 20, told.set) is None  # its worker is the only one
            await told.wait()
            assert lease.whole == ("text/csv; charset=utf-8", b"n\r\n3000\r\n")
            # What did not come whole, or failed, is gone on with.
            for text in (MANY, "SELECT {", ENDLESS):
                told.clear()
                await until(lambda: pool.gauges()["workers_free"] == 1)
                query = Query(text, CSV)
                lease = pool.begin(query, 0.5 if text == ENDLESS else 20, told.set)
                assert lease is not None
                await told.wait()
                assert lease.whole is None
                if text == MANY:
                    answer = await pool.evaluate(query, 20, begun=lease)
                    assert (await read(answer)).count(b"\n") == 200_001
                else:
                    with pytest.raises((errors.QuerySyntaxError, errors.QueryTimeout)):
                        await pool.evaluate(query, 20, begun=lease)
            assert await ask(pool, COUNT) == b"n\r\n3000\r\n"
            await pool.drain()

    run(main)


def test_query_begun_whose_worker_dies_is_told_of_and_tried_once_more(release: Made) -> None:
    async def main() -> None:
        async with serving(release) as pool:
            (before,) = workers()
            told = asyncio.Event()
            query = Query("SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f } ", CSV)
            lease = pool.begin(query, 20, told.set)
            await until(lambda: computing(before))
            os.kill(before, signal.SIGKILL)
            await told.wait()
            answer = await pool.evaluate(query, 20, begun=lease)
            assert await read(answer) == b"n\r\n9000000\r\n"
            again = pool.begin(Query(ENDLESS, CSV), 20, told.set)
            assert again is not None
            again.close()
            assert await ask(pool, COUNT) == b"n\r\n3000\r\n"

    run(main)


def test_answer_that_was_closed_does_not_end_as_if_it_were_whole(release: Made) -> None:
    async def main() -> None:
        async with serving(release) as pool:
            answer = await pool.evaluate(Query(MANY, CSV), 60)
            await answer.aclose()
            with pytest.raises(errors.QueryError, match="closed before its end"):
                await read(answer)

    run(main)


def test_forgotten_answer_frees_its_worker_at_the_deadline(release: Made) -> None:
    async def main() -> None:
        async with serving(release) as pool:
            await pool.evaluate(Query(MANY, CSV), 0.3)
            assert await ask(pool, COUNT) == b"n\r\n3000\r\n"
            await pool.drain()

    run(main)


def test_large_answer_streams_and_the_server_stays_small(release: Made) -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    async def main() -> None:
        async with serving(release) as pool:
            await ask(pool, COUNT)
            before = resident()
            size = rows = peak = 0
            answer = await pool.evaluate(Query(MANY, JSON), 60)
            async for chunk in answer.chunks:
                size += len(chunk)
                rows += chunk.count(b'"a":{')
                peak = max(peak, resident())
            assert size > 50 * MIB
            assert rows > 199_000  # but for those a chunk's end falls into
            assert peak - before < 8 * MIB

    run(main)


def test_nothing_leaks_after_300_mixed_requests(release: Made) -> None:
    async def main() -> None:
        before = descriptors()
        async with serving(release, workers=2, queue=300) as pool:
            await ask(pool, COUNT)
            (parent,) = parents()

            def at_rest() -> bool:
                # Theirs: the control socket, three standard ones, and for each worker a pidfd
                # and its stderr.
                return len(workers()) == 2 and len(descriptors(parent)) == 8

            await until(at_rest)
            ours = len(descriptors())

            async def one(number: int) -> None:
                if number % 50 == 0:
                    with pytest.raises(errors.QueryTimeout):
                        await ask(pool, ENDLESS, deadline=0.1)
                elif number % 10 == 1:
                    with pytest.raises(errors.QuerySyntaxError):
                        await ask(pool, "SELECT")
                elif number % 30 == 2:
                    answer = await pool.evaluate(Query(MANY, CSV), 60)
                    await anext(answer.chunks)
                    await answer.aclose()
                else:
                    assert await ask(pool, COUNT, deadline=60) == b"n\r\n3000\r\n"

            # Those with a short deadline wait for nobody.
            await asyncio.gather(*(one(number) for number in range(300) if number % 50))
            for number in range(0, 300, 50):
                await one(number)
            await until(lambda: at_rest() and len(descriptors()) == ours)
            assert parents() == {parent}
        assert parents() == set()
        assert descriptors() == before

    run(main)


def test_close_waits_for_answers_under_way(release: Made) -> None:
    async def main() -> None:
        pool = await Pool.start(release.store, release.dump, workers=1, queue=2, memory=128 * MIB)
        answer = await pool.evaluate(Query(MANY, CSV), 60)
        waiting = asyncio.create_task(ask(pool, COUNT))
        await asyncio.sleep(0)
        closing = asyncio.create_task(pool.close())
        await asyncio.sleep(0)
        assert (await read(answer)).count(b"\n") == 200_001
        assert await waiting == b"n\r\n3000\r\n"
        await closing
        assert parents() == set()
        with pytest.raises(errors.Busy):
            await ask(pool, COUNT)

    run(main)


def test_close_that_is_cancelled_cuts_what_runs(release: Made) -> None:
    async def main() -> None:
        pool = await Pool.start(release.store, release.dump, workers=1, queue=2, memory=128 * MIB)
        endless = asyncio.create_task(ask(pool, ENDLESS, deadline=60))
        waiting = asyncio.create_task(ask(pool, COUNT, deadline=60))
        await asyncio.sleep(0)
        closing = asyncio.create_task(pool.close())
        await asyncio.sleep(0)
        closing.cancel()
        found = await asyncio.gather(endless, waiting, closing, return_exceptions=True)
        assert [type(error) for error in found] == [
            errors.Busy,
            errors.Busy,
            asyncio.CancelledError,
        ]
        assert parents() == set()

    run(main)


SERVER = """
    import asyncio, sys
    from pathlib import Path
    from kg.workers import Pool, Query

    async def main():
        pool = await Pool.start(
            Path(sys.argv[1]), Path(sys.argv[2]), workers=2, queue=4, memory=1 << 27
        )
        asyncio.create_task(pool.evaluate(Query(sys.argv[3], "text/csv"), 600))
        await asyncio.sleep(0.2)
        print("ready", flush=True)
        await asyncio.sleep(600)

    asyncio.run(main())
"""


def test_pool_dies_with_its_server(release: Made) -> None:
    server = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SERVER), *map(str, release), ENDLESS],
        stdout=subprocess.PIPE,
    )
    with server:
        assert server.stdout
        assert server.stdout.readline() == b"ready\n"
        family = {
            c for t in Path(f"/proc/{server.pid}/task").iterdir() for c in words(t / "children")
        }
        pids = {int(pid) for pid in family}
        pids |= {worker for pid in pids for worker in children(pid)}
        assert len(pids) in (3, 4)  # with or without one that takes the place of the endless one
        server.kill()
    asyncio.run(until(lambda: not any(command(pid) for pid in pids)))


@contextmanager
def listening() -> Iterator[tuple[int, list[object]]]:
    """A loopback server that counts who connects."""
    met: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, peer = server.accept()
                except OSError:
                    return
                met.append(peer)
                connection.close()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()[1], met
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def has_network_namespaces() -> bool:
    for options in (("--net",), ("--user", "--net")):
        if not subprocess.run(
            ["unshare", *options, "true"], check=False, capture_output=True
        ).returncode:
            return True
    return False


@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_worker_reaches_no_network(release: Made, store: Store, kind: str) -> None:
    if kind == "disk" and not has_network_namespaces():
        pytest.skip("this system lets this user make no network namespace")

    async def main() -> None:
        options = {"in_memory_limit": MIB} if kind == "disk" else {}
        with listening() as (port, met):
            text = f"SELECT * {{ SERVICE <http://127.0.0.1:{port}/> {{ ?s ?p ?o }} }}"
            with pytest.raises(errors.QueryError):
                written(store, text, CSV)
            assert len(met) == 1, "the engine alone would connect: the wall is not tested"
            async with serving(release, **options) as pool:
                with pytest.raises(errors.QueryError):
                    await ask(pool, text)
                assert await ask(pool, text.replace("SERVICE", "SERVICE SILENT"))
                assert await ask(pool, COUNT) == b"n\r\n3000\r\n"
            assert len(met) == 1

    run(main)
