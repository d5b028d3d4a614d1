"""The parent of a pool's workers: loads one release, forks them, buries and replaces them.

It stays single-threaded, so that forking is safe, and ends when its control socket does: no
worker outlives the server, however that ended. Workers of a release in memory can open no
file or socket (RLIMIT_NOFILE 0). All but those that federate are in a network namespace of their
own where the system lets this user make one, and on disk see no file but the release's (`walls`).
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, Final, NoReturn, cast

import zstandard
from pyoxigraph import Store

from kg.errors import KnowledgeGraphError, QueryError, QueryMemoryExceeded
from kg.workers import walls, wire, writing
from kg.workers.engine import Counter, Evaluation, Query
from kg.workers.loading import TooLarge, load

_LIBC: Final = ctypes.CDLL(None)

#: A worker that still holds one part in so many of its budget after a query is replaced:
#: memory that fragmented is not charged to a later query.
_KEPT: Final = 4

#: A worker that lived for fewer seconds is replaced after a pause, so that one that cannot
#: live does not become a storm of forks.
_SHORT_LIFE: Final = 0.1

#: How much nicer a long query is than short ones.
_LOW: Final = 10

#: Bytes that are read at once.
_READ: Final = 32 * 1024


class _Output:
    """Where an evaluation writes: chunks go to the server, the header with the first."""

    def __init__(self, connection: socket.socket, media_type: str) -> None:
        self._connection = connection
        self._frames = bytearray(wire.frame(wire.HEADER, media_type.encode()))
        self._chunk = bytearray()

    def write(self, data: bytes) -> int:
        self._chunk += data
        while len(self._chunk) >= wire.CHUNK_SIZE:
            self._frames += wire.frame(wire.CHUNK, self._chunk[: wire.CHUNK_SIZE])
            del self._chunk[: wire.CHUNK_SIZE]
            _send(self._connection, self._frames)
            self._frames.clear()
        return len(data)

    def flush(self) -> None:
        """Do nothing: a chunk goes when it is full."""

    def end(self, payload: bytes) -> None:
        if self._chunk:
            self._frames += wire.frame(wire.CHUNK, self._chunk)
        _send(self._connection, self._frames + wire.frame(wire.END, payload))


def _send(connection: socket.socket, data: bytes | bytearray) -> None:
    try:
        connection.sendall(data)
    except OSError:
        os._exit(0)  # the server has hung up: nobody is left to tell


def _receive(connection: socket.socket, part: bytearray) -> Query | writing.Write:
    """What the server asks next, mostly in one read; the process ends when it hangs up."""
    data = bytearray()
    size = wire.PREFIX.size
    while len(data) < size:
        read = connection.recv_into(part)
        if not read:
            os._exit(0)
        data += memoryview(part)[:read]
        if len(data) >= wire.PREFIX.size:
            size = wire.PREFIX.size + wire.PREFIX.unpack_from(data)[1]
    return wire.unpack(bytes(data[:1]), bytes(data[wire.PREFIX.size :]))


@dataclass(frozen=True)
class _Place:
    """What a worker works on, how much it may take, and what it may reach."""

    source: Store | str
    budget: int
    relay: int  # port
    counter: Counter | None = None  # of what the source is now
    federates: bool = False


def _work(connection: socket.socket, place: _Place) -> None:
    """Answer queries until the server hangs up or memory has piled up."""
    size = walls.Size()
    source, budget = place.source, place.budget
    store = Store.read_only(source) if isinstance(source, str) else source
    born = size()
    walls.grow_by(budget, born)
    if place.federates:
        walls.confine(source if isinstance(source, str) else None, place.relay)
    elif isinstance(source, str):
        if place.relay:
            walls.leave_the_network()
        walls.confine(source, None)
    else:
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    part = bytearray(_READ)
    while True:
        asked = _receive(connection, part)
        writes = not isinstance(asked, Query)
        try:
            if isinstance(asked, Query):
                output = _answer(connection, store, asked, place.counter)
            else:
                output = _try(connection, source, asked)
            last = writes or place.federates or size() - born > budget // _KEPT
            output.end(wire.LAST if last else b"")
            if last:
                return
        except KnowledgeGraphError as error:
            _send(connection, wire.pack_error(type(error), str(error), last=writes))
            if writes:
                return
        except MemoryError:
            _send(connection, wire.pack_error(QueryMemoryExceeded, ""))
            return


def _answer(
    connection: socket.socket, store: Store, query: Query, counter: Counter | None
) -> _Output:
    """Send all of the answer but its end; what the evaluation held is free again."""
    evaluation = Evaluation(store, query, counter)
    output = _Output(connection, evaluation.media_type)
    evaluation.write(cast(BinaryIO, output))
    return output


def _try(connection: socket.socket, source: Store | str, write: writing.Write) -> _Output:
    """Do a write to this worker's own copy of the release, and send what it changed."""
    if isinstance(source, str):
        raise QueryError("a release on disk is not written to by its workers: `ondisk` is")
    output = _Output(connection, "application/json")
    output.write(writing.change(source, write).pack())
    return output


@dataclass
class _Child:
    number: int
    pid: int
    pidfd: int
    stderr: int
    born: float
    ended: bool = False  # at the server's word
    old: bool = False  # nobody takes its place


class _Parent:
    """The control loop: fork, report, bury, replace."""

    def __init__(self, control: socket.socket, place: _Place) -> None:
        self._control = control
        self._place = place
        self._children: dict[int, _Child] = {}
        self._count = 0
        self._pid = os.getpid()
        self._workers = 0

    def run(self, workers: int) -> None:
        self._workers = workers
        for _ in range(workers):
            self._fork()
        while True:
            poll = select.poll()  # unlike epoll, no descriptor that children would inherit
            poll.register(self._control, select.POLLIN)
            for child in self._children.values():
                poll.register(child.pidfd, select.POLLIN)
            ready = {fd for fd, _ in poll.poll()}
            if self._control.fileno() in ready and not self._obey():
                return
            for child in [child for child in self._children.values() if child.pidfd in ready]:
                self._bury(child)
                if not child.old:
                    self._fork()

    def end(self) -> None:
        """Leave no child behind."""
        for child in self._children.values():
            os.kill(child.pid, signal.SIGKILL)
            os.waitpid(child.pid, 0)

    def _tell(self, message: dict[str, Any], *descriptors: int) -> None:
        # Where the server has gone, the end of its socket is read next.
        with contextlib.suppress(ConnectionError):
            socket.send_fds(self._control, [json.dumps(message).encode()], descriptors)

    def _obey(self) -> bool:
        """Do what the server says; False where it has gone.

        A number is that of a worker to kill, a negative one of a worker to make way; `+` wants
        one that federates; a descriptor comes with a change, or with columns.
        """
        try:
            message, descriptors, _, _ = socket.recv_fds(
                self._control, 4096, 1, socket.MSG_CMSG_CLOEXEC
            )
        except ConnectionError:
            return False
        if descriptors:
            with os.fdopen(descriptors[0], "rb") as file:
                if message == b"columns":
                    self._count_by(file.fileno())
                else:
                    self._change(file.read())
        elif message == b"+":
            self._fork(federates=True)
        elif message and (child := self._children.get(abs(int(message)))):
            # It has not been waited for, so its pid is still its own.
            if message.startswith(b"-"):
                own = os.getpriority(os.PRIO_PROCESS, 0)
                os.setpriority(os.PRIO_PROCESS, child.pid, own + _LOW)
                if not child.old:
                    child.old = True
                    self._fork()
            else:
                child.ended = True
                os.kill(child.pid, signal.SIGKILL)
        return bool(message)

    def _change(self, data: bytes) -> None:
        """Change the release in memory; workers forked from now on answer from what it is then."""
        source = self._place.source
        assert isinstance(source, Store)  # noqa: S101 - the server keeps to it
        writing.Change.unpack(data).apply(source)
        self._place = replace(self._place, counter=None)
        self._renew({"changed": True})

    def _count_by(self, descriptor: int) -> None:
        """Give columns of the release as it is now to workers forked from now on."""
        # Imported when they are wanted, as it takes a part of the time to the first answer. Its
        # threads would not be there in a fork.
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        from kg.workers.columns.counting import Counter  # noqa: PLC0415

        self._place = replace(self._place, counter=Counter(descriptor, self._place.budget))
        gc.collect()
        gc.freeze()
        self._renew({"columns": True})

    def _renew(self, message: dict[str, Any]) -> None:
        """Say what is new, and fork workers that have it in place of all there are."""
        for child in self._children.values():
            child.old = True
        self._tell(message)
        for _ in range(self._workers):
            self._fork()

    def _fork(self, *, federates: bool = False) -> None:
        theirs, ours = socket.socketpair()
        errors, stderr = os.pipe()
        os.set_blocking(stderr, False)  # a child that complains at length must not stop
        pid = os.fork()
        if not pid:
            self._become_worker(ours.fileno(), stderr, federates=federates)
        ours.close()
        os.close(stderr)
        self._count += 1
        self._children[self._count] = _Child(
            self._count, pid, os.pidfd_open(pid), errors, time.monotonic(), old=federates
        )
        with theirs:
            memory = not isinstance(self._place.source, str)
            told = {"forked": self._count, "pid": pid, "federates": federates, "memory": memory}
            self._tell(told, theirs.fileno())

    def _become_worker(self, connection: int, stderr: int, *, federates: bool) -> NoReturn:
        status = 1
        try:
            walls.end_with_the_parent()
            os.dup2(stderr, 2)
            os.dup2(connection, 3)
            os.closerange(4, os.sysconf("SC_OPEN_MAX"))
            if os.getppid() == self._pid:  # else it died before that call
                _work(socket.socket(fileno=3), replace(self._place, federates=federates))
            status = 0
        except BaseException as error:  # a panic of the engine is no Exception
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(status)

    def _bury(self, child: _Child) -> None:
        _, status = os.waitpid(child.pid, 0)
        stderr = os.read(child.stderr, 1 << 16)
        os.close(child.stderr)
        os.close(child.pidfd)
        del self._children[child.number]
        memory = wire.OUT_OF_MEMORY in stderr
        code = os.waitstatus_to_exitcode(status)
        last = stderr.decode(errors="replace").strip().rpartition("\n")[2]
        cause = f"signal {-code}" if code < 0 else f"exit status {code}"
        self._tell(
            {
                "ended": child.number,
                "memory": memory,
                "crashed": bool(code) and not (memory or child.ended),
                "cause": f"{cause}: {last[:300]}" if last else cause,
            }
        )
        if code and not (memory or child.ended):
            time.sleep(max(0.0, child.born + _SHORT_LIFE - time.monotonic()))


def _open(store: str, dump: str, limit: int) -> Store | str:
    """The release in memory; or its directory, which workers open, as that cannot be forked."""
    if dump:
        return load(dump, limit)
    pid = os.fork()
    if not pid:
        try:
            Store.read_only(store)
        except OSError as error:
            os.write(2, f"{error}\n".encode())
            os._exit(1)
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        raise OSError(f"the store {store} cannot be opened")
    return store


def main() -> None:
    """Serve `control store dump limit workers budget relay`; an empty dump means from disk."""
    descriptor, store, dump, limit, workers, budget, relay = sys.argv[1:]
    control = socket.socket(fileno=int(descriptor))
    if relay == "0":
        walls.leave_the_network()
    try:
        source = _open(store, dump, int(limit))
    except TooLarge:
        # A fresh interpreter: this one's size would count in every worker's limit.
        sys.argv[3] = ""
        control.set_inheritable(True)
        os.execv(  # noqa: S606
            sys.executable, [sys.executable, "-P", "-m", "kg.workers", *sys.argv[1:]]
        )
    except (OSError, SyntaxError, zstandard.ZstdError) as error:
        with contextlib.suppress(OSError):
            control.send(json.dumps({"failed": str(error)[:1000]}).encode())
        sys.exit(1)
    if not isinstance(source, str):
        # What the load has freed lies between what it has kept: each allocation would search it.
        _LIBC.malloc_trim(0)
    gc.collect()
    gc.freeze()  # so that a collection in a worker does not copy the parent's pages
    parent = _Parent(control, _Place(source, int(budget), int(relay)))
    try:
        parent.run(int(workers))
    finally:
        parent.end()


if __name__ == "__main__":
    main()
