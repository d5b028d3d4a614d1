"""One query on one worker: its chunks, and each way in which it can end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Final

from kg.errors import (
    KnowledgeGraphError,
    QueryError,
    QueryMemoryExceeded,
    QueryTimeout,
    WorkerCrash,
)
from kg.workers import wire
from kg.workers.engine import Query
from kg.workers.writing import Write

if TYPE_CHECKING:
    from kg.workers.parent import Worker
    from kg.workers.pool import Pool

#: Seconds between two looks at how long a query takes.
_LOOK: Final = 0.1
#: Seconds of CPU after which a query is a long one. Not of time: that others take the machine
#: is no reason to give up a worker, and another is slow until it has touched what it reads.
_SHORT: Final = 0.1
#: Seconds after which even one is that takes none, since its client reads slowly.
_SLOW: Final = 1.0


class Lease:
    """The query under way. A slot is free again when it ends, is closed, or meets its deadline.

    `told` is called once, from the loop, when the answer has begun or failed; `start` then
    does not wait. Without it, whoever awaits `start` is woken.
    """

    def __init__(
        self,
        pool: Pool,
        worker: Worker,
        asked: Query | Write,
        limit: float,
        ends: float,
        told: Callable[[], None] | None = None,
    ) -> None:
        pool.enter()
        self._pool = pool
        self._worker = worker
        self._connection = worker.connection
        self._limit = limit
        self.ends = ends  #: of the loop's time
        self._told = told
        self._long = False
        self._used: float | None = None  #: by the worker, when it was looked at first
        self._open = worker.leased = True
        self._media_type = ""
        self._chunk: bytes | None = None
        self._failure: BaseException | None = None
        self._woken: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._timer = self._look_again()
        self._connection.told = self._come
        self._unsent = self._connection.send(wire.pack(asked))

    @property
    def release(self) -> str:
        """The name of the content that answers."""
        return self._worker.release

    @property
    def whole(self) -> tuple[str, bytes] | None:
        """Media type and all bytes of an answer that came at once; None for any other."""
        if self._open or self._failure or not self._media_type:
            return None
        return self._media_type, self._chunk or b""

    async def start(self) -> str:
        """The media type, once the first chunk is here too; WorkerCrash where the worker died."""
        try:
            if self._unsent:
                await self._connection.send_all(self._unsent)
            if not (self._chunk or self._failure) and self._open:
                await self._advanced()
        except BaseException as error:
            raise await self._cause(error) from None
        if self._failure:
            raise self._failure
        return self._media_type

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._chunk is None and self._open:
            try:
                await self._advanced()
            except BaseException as error:
                raise await self._cause(error) from None
        chunk, self._chunk = self._chunk, None
        if chunk is not None:
            return chunk
        raise self._failure or StopAsyncIteration

    def close(self, reason: KnowledgeGraphError | None = None) -> None:
        """End the query, unless it has ended; who still reads is told why."""
        if self._open:
            self._failure = reason or QueryError("the answer was closed before its end")
            self._give_back(reusable=False)
            self._wake()

    def _come(self) -> None:
        """Something has come from the worker."""
        if self._woken or (self._told and (self._advance() or self._connection.hung_up)):
            self._wake()

    def _wake(self) -> None:
        told, self._told = self._told, None
        if told:
            told()
        if self._woken and not self._woken.done():
            self._woken.set_result(None)

    async def _advanced(self) -> None:
        """Wait for the next chunk, the end, or the failure; ConnectionError at a broken stream."""
        while self._open and not self._advance():
            if self._connection.hung_up:
                raise ConnectionResetError
            self._woken = self._loop.create_future()
            try:
                await self._woken
            finally:
                self._woken = None

    def _advance(self) -> bool:
        """Take what is here, up to the next chunk or the end; whether there was one."""
        while (found := self._connection.frame()) is not None:
            kind, payload = found
            if kind == wire.HEADER:
                self._media_type = payload.decode()
                continue
            if kind == wire.CHUNK:
                self._chunk = payload
                # All of a small answer is here: a slow client need not hold the worker.
                if self._connection.next_is(wire.END) and (found := self._connection.frame()):
                    self._give_back(reusable=found[1] != wire.LAST)
            elif kind == wire.END:
                self._give_back(reusable=payload != wire.LAST)
            else:
                self._refuse(payload)
            return True
        return False

    def _refuse(self, payload: bytes) -> None:
        error, last = wire.unpack_error(payload)
        memory = isinstance(error, QueryMemoryExceeded)
        self._failure = self._pool.memory_exceeded() if memory else error
        self._give_back(reusable=not (memory or last))

    def _look_again(self) -> asyncio.TimerHandle:
        # Not a timeout of reads: it also ends a query whose client has stopped reading.
        later = self._loop.time() + _LOOK
        if later < self.ends:
            return self._loop.call_at(later, self._look)
        return self._loop.call_at(self.ends, self._expire)

    def _look(self) -> None:
        """See whether this is a long query."""
        used = self._worker.used()
        if self._used is None:
            self._used = used
        if used - self._used >= _SHORT or self._loop.time() - self._began >= _SLOW:
            self._demote()
        else:
            self._timer = self._look_again()

    def _demote(self) -> None:
        """A query that takes long makes way for short ones, as long as there is room for it."""
        if self._pool.make_room():
            self._long = True
            self._worker.parent.demote(self._worker.number)
        self._timer = self._loop.call_at(self.ends, self._expire)

    def _expire(self) -> None:
        self.close(timeout(self._limit))

    def _give_back(self, *, reusable: bool) -> None:
        self._open = False
        self._timer.cancel()
        self._connection.told = None
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
            self._connection.pause()
            worker.parent.kill(worker.number)
        self._pool.leave()

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


def timeout(limit: float) -> QueryTimeout:
    """The error of a query that has met its deadline."""
    return QueryTimeout(
        f"the query was ended at its limit of {limit:g} seconds; a more selective pattern, "
        "fewer optional parts or a LIMIT may make it shorter"
    )
