"""The server's handle of a parent process, and of the workers that it has reported."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kg.errors import ReleaseError, WorkerCrash
from kg.workers.connection import Connection
from kg.workers.writing import Change

if TYPE_CHECKING:
    from kg.workers.pool import Pool

#: Where the parent finds this package, however the server found it.
_ROOT: Final = str(Path(__file__).resolve().parents[2])

#: Seconds in which a parent must end after the server has hung up.
_PATIENCE: Final = 2.0

_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class End:
    """How a worker ended."""

    cause: str
    memory: bool = False
    crashed: bool = False


@dataclass(eq=False)
class Worker:
    """One worker, as long as its parent has not buried it."""

    number: int
    pid: int
    connection: Connection
    parent: Parent
    ended: asyncio.Future[End]  # set when the parent has buried it
    release: str  # the name of the content that it answers from
    leased: bool = False
    old: bool = False  # that content has changed since

    def used(self) -> float:
        """Seconds of CPU that it has taken, to the tick; zero where it has ended."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / _TICKS  # utime and stime of proc(5)


class Parent:
    """One of them; a pool starts the next when it has `gone`."""

    def __init__(self, pool: Pool, control: socket.socket, process: asyncio.subprocess.Process):
        self._pool = pool
        self._control = control
        self._workers: dict[int, Worker] = {}
        self._loop = asyncio.get_running_loop()
        self.process = process
        self.in_memory = True
        self.columns = False
        self.ready: asyncio.Future[None] = self._loop.create_future()
        self.gone: asyncio.Future[None] = self._loop.create_future()
        self.changed: asyncio.Future[None] | None = None
        control.setblocking(False)
        self._loop.add_reader(control.fileno(), self._listen)

    @classmethod
    async def start(cls, pool: Pool, arguments: list[str]) -> Parent:
        """Start the process; it is `ready` when the release is loaded."""
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
        """End a worker; another takes its place."""
        # Where the parent has ended, so have its workers.
        with contextlib.suppress(OSError):
            try:
                self._control.send(str(number).encode())
            except BlockingIOError:
                self.process.kill()  # it does not listen any more; its workers end with it

    async def change(self, change: Change) -> None:
        """Have the release changed in memory; until this returns, old workers may answer."""
        self.changed = self._loop.create_future()
        self.columns = False
        # A file without a name: a change may be larger than a packet.
        with os.fdopen(os.memfd_create("change"), "wb") as file:
            file.write(change.pack())
            file.seek(0)  # the parent reads on from where this stands
            try:
                socket.send_fds(self._control, [b"change"], [file.fileno()])
            except OSError as error:
                raise WorkerCrash(f"the parent of the workers takes no change: {error}") from None
        await self.changed

    def count_by(self, descriptor: int) -> None:
        """Have new workers count by columns of the release as it is; the old ones make way."""
        with contextlib.suppress(OSError):  # where it has ended, so have they
            socket.send_fds(self._control, [b"columns"], [descriptor])

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
            self._bury(number, End("its parent process ended"))
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
                message["ended"], End(message["cause"], message["memory"], message["crashed"])
            )
        elif "changed" in message:
            self._age()
            self._pool.release = self._pool.next_release
            assert self.changed is not None  # noqa: S101 - it was asked for
            self.changed.set_result(None)
        elif "columns" in message:
            self._age()
            self.columns = not (self.changed and not self.changed.done())
        elif descriptors:  # none where this process may open no more: the worker ends then
            worker = Worker(
                message["forked"],
                message["pid"],
                Connection(socket.socket(fileno=descriptors[0])),
                self,
                self._loop.create_future(),
                self._pool.release,
            )
            self._workers[worker.number] = worker
            if not self.ready.done():
                self.ready.set_result(None)
            self.in_memory = message["memory"]
            if message["federates"]:
                self._pool.federates(worker)
            else:
                self._pool.hire(worker)

    def _age(self) -> None:
        """Ask no worker again that was forked before now; those at work finish."""
        for worker in self._workers.values():
            worker.old = True
            if not worker.leased:
                self._pool.dismiss(worker)
                self.kill(worker.number)

    def _bury(self, number: int, end: End) -> None:
        worker = self._workers.pop(number, None)
        if worker is None:
            return
        worker.ended.set_result(end)
        self._pool.out_of_memory += end.memory
        self._pool.crashed += end.crashed
        if not worker.leased:  # else whoever leases it still reads what it has left
            self._pool.dismiss(worker)
            worker.connection.close()
