"""The server's side: a pool of workers of one release, on an asyncio loop.

An answer starts whole or not at all: what is wrong before its first byte is raised by
`evaluate`, what goes wrong later by its chunks, which never end quietly short. A slot is
free again when its answer ends, is closed, or meets its deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn, Protocol

from kg.errors import (
    Busy,
    KnowledgeGraphError,
    QueryError,
    QueryMemoryExceeded,
    QueryTimeout,
    ReleaseError,
    WorkerCrash,
)
from kg.workers import wire
from kg.workers.engine import Query
from kg.workers.queue import Queue
from kg.workers.writing import Change, Write

_LOG: Final = logging.getLogger(__name__)
_MIB: Final = 1024 * 1024

#: Where the parent finds this package, however the server found it.
_ROOT: Final = str(Path(__file__).resolve().parents[2])

#: Longest pause, in seconds, before a parent that keeps ending is started again.
_LONGEST_PAUSE: Final = 5.0

#: Seconds after which a query is a long one.
_SHORT: Final = 0.1

#: Seconds in which a parent must end after the server has hung up.
_PATIENCE: Final = 2.0


@dataclass(frozen=True)
class Answer:
    """The bytes of an answer; whoever does not read them to their end closes it."""

    media_type: str
    chunks: AsyncIterator[bytes]
    release: str  #: the name of the content that answered
    _close: Callable[[], None]

    async def aclose(self) -> None:
        """End the query if it still runs. Safe at any time, more than once."""
        self._close()


class Evaluator(Protocol):
    """What answers queries: forked workers here, any SPARQL 1.1 server elsewhere."""

    async def evaluate(self, asked: Query | Write, deadline: float, client: str = "") -> Answer:
        """Answer within `deadline` seconds from now, waiting included.

        Queries that wait are taken from each `client` in turn. The answer to a write is the
        `Change` that it makes, which is not made yet. Before the first byte raises
        QuerySyntaxError, NotAcceptable or another QueryError of the query's own, and
        QueryTimeout, QueryMemoryExceeded, Busy or WorkerCrash.
        """
        ...


@dataclass(eq=False)
class _Worker:
    number: int
    connection: socket.socket
    parent: _Parent
    ended: asyncio.Future[_End]  # set when the parent has buried it
    buffer: bytearray = field(default_factory=bytearray)
    leased: bool = False
    release: str = ""  # the name of the content that it answers from
    old: bool = False  # that content has changed since

    async def frame(self) -> tuple[bytes, bytes]:
        """The next frame; raises ConnectionError at the end of the stream."""
        loop = asyncio.get_running_loop()
        while (found := self.buffered()) is None:
            # Read only when asked: what the client does not take yet waits in the worker.
            part = await loop.sock_recv(self.connection, wire.CHUNK_SIZE + wire.PREFIX.size)
            if not part:
                raise ConnectionResetError
            self.buffer += part
        return found

    def buffered(self) -> tuple[bytes, bytes] | None:
        """The next frame if all of it has been read already."""
        if len(self.buffer) < wire.PREFIX.size:
            return None
        kind, length = wire.PREFIX.unpack_from(self.buffer)
        end = wire.PREFIX.size + length
        if len(self.buffer) < end:
            return None
        payload = bytes(self.buffer[wire.PREFIX.size : end])
        del self.buffer[:end]
        return kind, payload


@dataclass(frozen=True)
class _End:
    cause: str
    memory: bool = False
    crashed: bool = False


class _Parent:
    """The server's handle of one parent process and of the workers it has reported."""

    def __init__(self, pool: Pool, control: socket.socket, process: asyncio.subprocess.Process):
        self._pool = pool
        self._control = control
        self._workers: dict[int, _Worker] = {}
        self._loop = asyncio.get_running_loop()
        self.process = process
        self.in_memory = True
        self.ready: asyncio.Future[None] = self._loop.create_future()
        self.gone: asyncio.Future[None] = self._loop.create_future()
        self.changed: asyncio.Future[None] | None = None
        control.setblocking(False)
        self._loop.add_reader(control.fileno(), self._listen)

    @classmethod
    async def start(cls, pool: Pool, arguments: list[str]) -> _Parent:
        # Packets, so that a message and the descriptor beside it stay together.
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        path = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))
        with theirs:
            try:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-P", "-m", "kg.workers", str(theirs.fileno()), *arguments),
                    pass_fds=[theirs.fileno()],
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    env={**os.environ, "PYTHONPATH": path},
                    start_new_session=True,  # Ctrl-C is the server's to handle
                )
            except BaseException:
                ours.close()
                raise
        return cls(pool, ours, process)

    def kill(self, number: int) -> None:
        # Where the parent has ended, so have its workers.
        with contextlib.suppress(OSError):
            try:
                self._control.send(str(number).encode())
            except BlockingIOError:
                self.process.kill()  # it does not listen any more; its workers end with it

    async def change(self, change: Change) -> None:
        """Have the release changed in memory; until this returns, old workers may answer."""
        self.changed = self._loop.create_future()
        # A file without a name: a change may be larger than a packet.
        with os.fdopen(os.memfd_create("change"), "wb") as file:
            file.write(change.pack())
            file.seek(0)  # the parent reads on from where this stands
            try:
                socket.send_fds(self._control, [b"change"], [file.fileno()])
            except OSError as error:
                raise WorkerCrash(f"the parent of the workers takes no change: {error}") from None
        await self.changed

    async def end(self) -> None:
        """Hang up, at which the parent ends its workers and itself; wait until it has."""
        self.hang_up()
        try:
            async with asyncio.timeout(_PATIENCE):
                await self.process.wait()
        except TimeoutError:  # it is loading, and does not listen
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()

    def demote(self, number: int) -> None:
        """Let a worker run at a low priority, and another take its place at once."""
        with contextlib.suppress(OSError):
            self._control.send(f"-{number}".encode())

    def federate(self) -> None:
        """Fork one worker that reaches the relay of federated queries, for one query."""
        with contextlib.suppress(OSError):
            self._control.send(b"+")

    def hang_up(self) -> None:
        """Let go of the parent and of all its workers."""
        if self._control.fileno() < 0:
            return
        self._loop.remove_reader(self._control.fileno())
        self._control.close()
        for number in [*self._workers]:
            self._bury(number, _End("its parent process ended"))
        if not self.ready.done():
            self.ready.set_exception(ReleaseError("the process that loads the release ended"))
        # Nobody may be waiting for it.
        self.ready.exception()
        if self.changed and not self.changed.done():
            self.changed.set_exception(WorkerCrash("the parent of the workers ended in a change"))
        self.gone.set_result(None)

    def _listen(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(
                self._control, 1 << 16, 1, socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        if not data:
            self.hang_up()
            return
        message: dict[str, Any] = json.loads(data)
        if "failed" in message:
            if not self.ready.done():
                self.ready.set_exception(ReleaseError(message["failed"]))
        elif "ended" in message:
            self._bury(
                message["ended"], _End(message["cause"], message["memory"], message["crashed"])
            )
        elif "changed" in message:
            self._age()
        elif descriptors:  # none where this process may open no more: the worker ends then
            connection = socket.socket(fileno=descriptors[0])
            connection.setblocking(False)
            worker = _Worker(message["forked"], connection, self, self._loop.create_future())
            worker.release = self._pool.release
            self._workers[worker.number] = worker
            if not self.ready.done():
                self.ready.set_result(None)
            self.in_memory = message["memory"]
            if message["federates"]:
                self._pool.federates(worker)
            else:
                self._pool.hire(worker)

    def _age(self) -> None:
        """Ask no worker again that was forked before the change; those at work finish."""
        assert self.changed is not None  # noqa: S101 - it was asked for
        for worker in self._workers.values():
            worker.old = True
            if not worker.leased:
                self._pool.dismiss(worker)
                self.kill(worker.number)
        self._pool.release = self._pool.next_release
        self.changed.set_result(None)

    def _bury(self, number: int, end: _End) -> None:
        worker = self._workers.pop(number, None)
        if worker is None:
            return
        worker.ended.set_result(end)
        self._pool.out_of_memory += end.memory
        self._pool.crashed += end.crashed
        if not worker.leased:  # else whoever leases it still reads what it has left
            self._pool.dismiss(worker)
            worker.connection.close()


class _Lease:
    """One query on one worker: its chunks, and each way in which it can end."""

    def __init__(self, pool: Pool, worker: _Worker, limit: float, ends: float) -> None:
        self._pool = pool
        self._worker = worker
        self._long = False
        self._open = worker.leased = True
        self._first: bytes | None = None
        self._failure: BaseException | None = None
        loop = asyncio.get_running_loop()
        # Not a timeout of reads: it also ends a query whose client has stopped reading.
        self._timer = loop.call_at(ends, self.close, _timeout(limit))
        self._patience = loop.call_later(_SHORT, self._demote)
        pool.enter()

    async def start(self, asked: Query | Write) -> str:
        """The media type, once the first chunk is here too; WorkerCrash where the worker died."""
        try:
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(self._worker.connection, wire.pack(asked))
            kind, payload = await self._worker.frame()
            if kind == wire.ERROR:
                self._refuse(payload)
            self._first = await self._chunk()
            return payload.decode()
        except BaseException as error:
            raise await self._cause(error) from None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        chunk, self._first = self._first, None
        if chunk is None and self._open:
            try:
                chunk = await self._chunk()
            except BaseException as error:
                raise await self._cause(error) from None
        if chunk is not None:
            return chunk
        raise self._failure or StopAsyncIteration

    def close(self, reason: KnowledgeGraphError | None = None) -> None:
        """End the query, unless it has ended; who still reads is told why."""
        if self._open:
            self._failure = reason or QueryError("the answer was closed before its end")
            self._give_back(reusable=False)

    def _demote(self) -> None:
        """A query that takes long makes way for short ones, as long as there is room for it."""
        if self._pool.make_room():
            self._long = True
            self._worker.parent.demote(self._worker.number)

    def _give_back(self, *, reusable: bool) -> None:
        self._open = False
        self._timer.cancel()
        self._patience.cancel()
        if self._long:
            reusable = False  # another has taken its place
            self._pool.free_room()
        worker = self._worker
        worker.leased = False
        if worker.ended.done():
            worker.connection.close()
        elif reusable and not worker.old:
            self._pool.hire(worker)
        else:
            worker.parent.kill(worker.number)
            # Wakes whoever waits for a chunk; the socket is closed when the worker is buried.
            with contextlib.suppress(OSError):
                worker.connection.shutdown(socket.SHUT_RDWR)
        self._pool.leave()

    async def _chunk(self) -> bytes | None:
        """The next chunk; None at the end."""
        kind, payload = await self._worker.frame()
        if kind == wire.ERROR:
            self._refuse(payload)
        chunk = payload if kind == wire.CHUNK else None
        if kind == wire.CHUNK:
            if self._worker.buffer[:1] != wire.END:
                return chunk
            # All of a small answer is here: a slow client need not hold the worker.
            _, payload = await self._worker.frame()
        self._give_back(reusable=payload != wire.LAST)
        return chunk

    def _refuse(self, payload: bytes) -> NoReturn:
        error, last = wire.unpack_error(payload)
        memory = isinstance(error, QueryMemoryExceeded)
        self._failure = self._pool.memory_exceeded() if memory else error
        self._give_back(reusable=not (memory or last))
        raise self._failure

    async def _cause(self, error: BaseException) -> BaseException:
        """What ended the query: for a broken connection, the worker's death or `close`."""
        try:
            if not isinstance(error, ConnectionError):
                return error
            if self._open:
                end = await asyncio.shield(self._worker.ended)
                self.close(
                    self._pool.memory_exceeded()
                    if end.memory
                    else WorkerCrash(f"the worker that answered ended early ({end.cause})")
                )
            return self._failure or error
        finally:
            self.close()


def _closed() -> Busy:
    return Busy("these workers are closing; ask again")


def _timeout(limit: float) -> QueryTimeout:
    return QueryTimeout(
        f"the query was ended at its limit of {limit:g} seconds; a more selective pattern, "
        "fewer optional parts or a LIMIT may make it shorter"
    )


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
        self._waiting = queue
        self._memory = memory
        self._free: list[_Worker] = []
        self._federating: deque[asyncio.Future[_Worker]] = deque()
        self._running = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._closed = False
        self._parent: _Parent
        self._keeper: asyncio.Task[None]

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
    ) -> Pool:
        """Load the release and fork its workers; `memory` is what a query may take, in bytes.

        `queue` queries may wait, of one client as many as `queue_of_client`. `relay` is the
        port on this machine that federated queries may reach, 0 where there are none.
        Without a dump the release is read from its store on disk. The limit of releases in
        memory is half of the machine's if not given. Raises ReleaseError where neither loads.
        """
        if in_memory_limit is None:
            in_memory_limit = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
        arguments = [str(store), str(dump or ""), str(in_memory_limit), str(workers), str(memory),
                     str(relay)]  # fmt: skip
        pool = cls(arguments, workers, Queue(queue, queue_of_client or queue), memory, release)
        pool._parent = parent = await _Parent.start(pool, arguments)
        try:
            await asyncio.shield(parent.ready)
        except BaseException:
            await parent.end()
            raise
        pool._keeper = asyncio.create_task(pool._keep())
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
        await self._parent.change(change)

    async def evaluate(self, asked: Query | Write, deadline: float, client: str = "") -> Answer:
        """Answer as `Evaluator` says, with one more try where a worker died for no known reason."""
        federates = isinstance(asked, Query) and asked.federates
        ends = asyncio.get_running_loop().time() + deadline
        self.enter()
        try:
            for last in (False, True):
                worker = await (
                    self._federating_worker(ends, deadline)
                    if federates
                    else self._worker(ends, deadline, client, again=last)
                )
                lease = _Lease(self, worker, deadline, ends)
                try:
                    return Answer(await lease.start(asked), lease, worker.release, lease.close)
                except WorkerCrash as error:
                    if last:
                        raise
                    _LOG.warning("%s; the query is tried once more", error)
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
            self._closed = True
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
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

    def hire(self, worker: _Worker) -> None:
        """Give a worker that is free to whoever's turn it is."""
        if (future := self._waiting.next()) is not None:
            future.set_result(worker)
        else:
            self._free.append(worker)

    def federates(self, worker: _Worker) -> None:
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

    def dismiss(self, worker: _Worker) -> None:
        """Forget a worker that died while it was free."""
        if worker in self._free:
            self._free.remove(worker)

    def memory_exceeded(self) -> QueryMemoryExceeded:
        """The error of a query that took more than its share."""
        return QueryMemoryExceeded(
            f"the query was ended at its memory limit of {self._memory / _MIB:g} MiB; "
            "fewer groups, or an ORDER BY or DISTINCT over fewer rows, may make it smaller"
        )

    async def _worker(self, ends: float, limit: float, client: str, *, again: bool) -> _Worker:
        if self._free:
            return self._free.pop()
        if self._closed:
            raise _closed()
        future: asyncio.Future[_Worker] = self._waiting.join(client, again=again)
        try:
            async with asyncio.timeout_at(ends):
                return await future
        except BaseException as error:
            self._waiting.leave(client, future)
            if future.done() and not future.cancelled() and not future.exception():
                self.hire(future.result())  # it came in the same moment
            if isinstance(error, TimeoutError):
                raise _timeout(limit) from None
            raise

    async def _federating_worker(self, ends: float, limit: float) -> _Worker:
        if not self._federations:
            raise Busy("as many federated queries as may run at once are under way")
        future: asyncio.Future[_Worker] = asyncio.get_running_loop().create_future()
        self._federating.append(future)
        self._parent.federate()
        try:
            async with asyncio.timeout_at(ends):
                return await future
        except TimeoutError:
            raise _timeout(limit) from None

    async def _keep(self) -> None:
        """Start the parent again whenever it ends."""
        pause = 0.0
        while True:
            await asyncio.shield(self._parent.gone)
            status = await self._parent.process.wait()
            _LOG.error("the parent of the workers ended (status %s); starting another", status)
            await asyncio.sleep(pause)
            try:
                self._parent = await _Parent.start(self, self._arguments)
                await asyncio.shield(self._parent.ready)
                pause = 0.0
            except (ReleaseError, OSError) as error:
                _LOG.error("the release is not served: %s", error)
                pause = min(_LONGEST_PAUSE, 2 * pause + _LONGEST_PAUSE / 50)
