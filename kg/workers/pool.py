"""The server's side: a pool of workers of one release, on an asyncio loop.

An answer starts whole or not at all: what is wrong before its first byte is raised by
`evaluate`, what goes wrong later by its chunks, which never end quietly short. A slot is
free again when its answer ends, is closed, or meets its deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from kg.errors import Busy, QueryMemoryExceeded, ReleaseError, WorkerCrash
from kg.workers.answer import Answer
from kg.workers.columns import background
from kg.workers.columns.lookup import Lookups
from kg.workers.engine import Query
from kg.workers.lease import Lease, timeout
from kg.workers.parent import Parent, Worker
from kg.workers.queue import Queue
from kg.workers.writing import Change, Write

_LOG: Final = logging.getLogger(__name__)
_MIB: Final = 1024 * 1024

#: Seconds without a change after which columns are made, and so many times what it took last:
#: they take no more than a fifth of a core.
_QUIET: Final = 1.0
_REST: Final = 4

#: Longest pause, in seconds, before a parent that keeps ending is started again.
_LONGEST_PAUSE: Final = 5.0


def _closed() -> Busy:
    return Busy("these workers are closing; ask again")


class Pool:
    """An `Evaluator`: `workers` processes over one release, and a queue before them.

    A release is held in memory while that takes at most `in_memory_limit` bytes, else it is
    read from disk. Lives on the loop that started it.
    """

    def __init__(
        self, arguments: list[str], workers: int, queue: Queue, memory: int, release: str
    ) -> None:
        self.release = self.next_release = release
        self._arguments = arguments
        self._workers = self._rooms = self._federations = workers
        self.crashed = self.out_of_memory = 0
        #: What answers look-ups without a worker, while there are columns.
        self.lookups: Lookups | None = None
        self._waiting = queue
        self._memory = memory
        self._free: list[Worker] = []
        self._federating: deque[asyncio.Future[Worker]] = deque()
        self._running = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._closed = False
        self._parent: Parent
        self._keeper: asyncio.Task[None]
        self._columns = False
        self._making: asyncio.Task[None] | None = None
        self._took = 0.0

    @classmethod
    async def start(
        cls,
        store: Path,
        dump: Path | None,
        *,
        workers: int,
        queue: int,
        memory: int,
        in_memory_limit: int | None = None,
        release: str = "",
        queue_of_client: int | None = None,
        relay: int = 0,
        columns: bool = False,
    ) -> Pool:
        """Load the release and fork its workers; `memory` is what a query may take, in bytes.

        `queue` queries may wait, of one client as many as `queue_of_client`. `relay` is the
        port on this machine that federated queries may reach, 0 where there are none.
        Without a dump the release is read from its store on disk. With `columns`, counting queries
        on a release in memory are answered by them, once they are made. The limit of releases in
        memory is half of the machine's if not given. Raises ReleaseError where neither loads.
        """
        if in_memory_limit is None:
            in_memory_limit = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
        arguments = [str(store), str(dump or ""), str(in_memory_limit), str(workers), str(memory),
                     str(relay)]  # fmt: skip
        pool = cls(arguments, workers, Queue(queue, queue_of_client or queue), memory, release)
        pool._parent = parent = await Parent.start(pool, arguments)
        try:
            await asyncio.shield(parent.ready)
        except BaseException:
            await parent.end()
            raise
        pool._keeper = asyncio.create_task(pool._keep())
        pool._columns = columns
        pool._make_columns()
        return pool

    async def change(
        self, change: Change, release: str, store: Path | None = None, dump: Path | None = None
    ) -> None:
        """Change what is served from memory, without a new load; answers under way go on.

        After it, every query is answered from the changed content, which is called `release`,
        and which `store` and `dump` hold where there is need to load it again. Raises
        WorkerCrash where the parent ends meanwhile.
        """
        self.next_release = release
        if store and dump:
            self._arguments[:2] = [str(store), str(dump)]
        self.lookups = None
        if self._making:
            self._making.cancel()
        await self._parent.change(change)
        self._make_columns()

    def begin(self, asked: Query, deadline: float, told: Callable[[], None]) -> Lease | None:
        """Begin a query at once where a worker is free; None where it has to wait its turn.

        `told` is called when the answer has begun or failed; then it is had from the lease, or
        by `evaluate`. Whoever does not want it any more closes the lease.
        """
        if self._closed or asked.federates or not self._free:
            return None
        ends = asyncio.get_running_loop().time() + deadline
        return Lease(self, self._free.pop(), asked, deadline, ends, told)

    async def evaluate(
        self, asked: Query | Write, deadline: float, client: str = "", begun: Lease | None = None
    ) -> Answer:
        """Answer as `Evaluator` says, with one more try where a worker died for no known reason.

        `begun` is this query where `begin` has begun it.
        """
        federates = isinstance(asked, Query) and asked.federates
        ends = begun.ends if begun else asyncio.get_running_loop().time() + deadline
        lease = begun
        self.enter()
        try:
            for last in (False, True):
                if lease is None:
                    worker = await (
                        self._federating_worker(ends, deadline)
                        if federates
                        else self._worker(ends, deadline, client, again=last)
                    )
                    lease = Lease(self, worker, asked, deadline, ends)
                try:
                    return Answer(await lease.start(), lease, lease.release, lease.close)
                except WorkerCrash as error:
                    if last:
                        raise
                    _LOG.warning("%s; the query is tried once more", error)
                    lease = None
            raise AssertionError("unreachable")
        finally:
            self.leave()

    def gauges(self) -> dict[str, float]:
        """What is under way: counts by name."""
        return {
            "workers_free": len(self._free),
            "queries_running": self._running,
            "queries_waiting": len(self._waiting),
            "queries_long": self._workers - self._rooms,
            "workers_crashed_total": self.crashed,
            "workers_out_of_memory_total": self.out_of_memory,
        }

    async def drain(self) -> None:
        """Wait until no query runs or waits. Whoever swaps pools stops asking this one first."""
        await self._quiet.wait()

    async def close(self) -> None:
        """Drain, then end every process; answers still open when this is cancelled are cut."""
        try:
            await self.drain()
        finally:
            self._closed, self.lookups = True, None
            for task in filter(None, (self._keeper, self._making)):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            await self._parent.end()
            for future in (*self._waiting, *self._federating):
                if not future.done():
                    future.set_exception(_closed())

    def enter(self) -> None:
        """Count one more query or answer that is under way."""
        if self._closed:
            raise _closed()
        self._running += 1
        self._quiet.clear()

    def leave(self) -> None:
        """Count one less."""
        self._running -= 1
        if not self._running:
            self._quiet.set()

    @property
    def in_memory(self) -> bool:
        """Whether the release is held in memory, where it can be changed."""
        return self._parent.in_memory

    @property
    def columns(self) -> bool:
        """Whether counting queries are answered by columns."""
        return self._parent.columns

    def hire(self, worker: Worker) -> None:
        """Give a worker that is free to whoever's turn it is."""
        if (future := self._waiting.next()) is not None:
            future.set_result(worker)
        else:
            self._free.append(worker)

    def federates(self, worker: Worker) -> None:
        """Give a worker that was forked for a federated query to the one that asked first."""
        while self._federating:
            future = self._federating.popleft()
            if not future.done():
                future.set_result(worker)
                return
        worker.parent.kill(worker.number)

    def make_room(self) -> bool:
        """Whether one more long query may run beside the workers for short ones."""
        if self._closed or not self._rooms:
            return False
        self._rooms -= 1
        return True

    def free_room(self) -> None:
        """A long query has ended."""
        self._rooms += 1

    def dismiss(self, worker: Worker) -> None:
        """Forget a worker that died while it was free."""
        if worker in self._free:
            self._free.remove(worker)

    def memory_exceeded(self) -> QueryMemoryExceeded:
        """The error of a query that took more than its share."""
        return QueryMemoryExceeded(
            f"the query was ended at its memory limit of {self._memory / _MIB:g} MiB; "
            "fewer groups, or an ORDER BY or DISTINCT over fewer rows, may make it smaller"
        )

    async def _worker(self, ends: float, limit: float, client: str, *, again: bool) -> Worker:
        if self._free:
            return self._free.pop()
        if self._closed:
            raise _closed()
        future: asyncio.Future[Worker] = self._waiting.join(client, again=again)
        try:
            async with asyncio.timeout_at(ends):
                return await future
        except BaseException as error:
            self._waiting.leave(client, future)
            if future.done() and not future.cancelled() and not future.exception():
                self.hire(future.result())  # it came in the same moment
            if isinstance(error, TimeoutError):
                raise timeout(limit) from None
            raise

    async def _federating_worker(self, ends: float, limit: float) -> Worker:
        if not self._federations:
            raise Busy("as many federated queries as may run at once are under way")
        future: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
        self._federating.append(future)
        self._parent.federate()
        try:
            async with asyncio.timeout_at(ends):
                return await future
        except TimeoutError:
            raise timeout(limit) from None

    async def _keep(self) -> None:
        """Start the parent again whenever it ends."""
        pause = 0.0
        while True:
            await asyncio.shield(self._parent.gone)
            status = await self._parent.process.wait()
            _LOG.error("the parent of the workers ended (status %s); starting another", status)
            await asyncio.sleep(pause)
            try:
                self._parent = await Parent.start(self, self._arguments)
                await asyncio.shield(self._parent.ready)
                self._make_columns()
                pause = 0.0
            except (ReleaseError, OSError) as error:
                _LOG.error("the release is not served: %s", error)
                pause = min(_LONGEST_PAUSE, 2 * pause + _LONGEST_PAUSE / 50)

    def _make_columns(self) -> None:
        """Have columns made of what is served now, where they are wanted."""
        if self._columns and self.in_memory and not self._closed:
            self._making = asyncio.create_task(self._made(self._making))

    async def _made(self, before: asyncio.Task[None] | None) -> None:
        if before:
            before.cancel()
            await asyncio.wait([before])
        await asyncio.sleep(_QUIET + _REST * self._took)
        begun = asyncio.get_running_loop().time()
        try:
            descriptor = await background.made(Path(self._arguments[1]))
        except (ReleaseError, OSError) as error:
            _LOG.warning("counting without columns: %s", error)
            return
        self._took = asyncio.get_running_loop().time() - begun
        self._parent.count_by(descriptor)
        self.lookups = Lookups(descriptor, self.release)
        os.close(descriptor)
