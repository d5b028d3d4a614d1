"""The server's end of a worker's socket: bytes out at once, frames in as they come."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from kg.workers import wire

#: Bytes that are read ahead of whoever takes them; what is more waits in the worker.
_AHEAD = 4 * wire.CHUNK_SIZE


class Connection:
    """A socket that the loop watches from the first to the last: a small answer is one read."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        #: Told when something has come, or the worker has hung up.
        self.told: Callable[[], None] | None = None
        self.hung_up = False
        self._socket = connection
        self._buffer = bytearray()
        # One for all reads: a fresh one of this size costs as much as the read.
        self._part = bytearray(wire.CHUNK_SIZE + wire.PREFIX.size)
        self._loop = asyncio.get_running_loop()
        self._watched = False
        self._watch()

    def send(self, data: bytes) -> bytes:
        """Send what the socket takes now, and return the rest."""
        try:
            return data[self._socket.send(data) :]
        except BlockingIOError:
            return data
        except OSError:  # its end is read next
            return b""

    async def send_all(self, data: bytes) -> None:
        """Send the rest; raises OSError where the worker has hung up."""
        await self._loop.sock_sendall(self._socket, data)

    def frame(self) -> tuple[bytes, bytes] | None:
        """Kind and payload of the next frame, if all of it is here."""
        buffer = self._buffer
        if len(buffer) < wire.PREFIX.size:
            self._watch()
            return None
        kind, length = wire.PREFIX.unpack_from(buffer)
        end = wire.PREFIX.size + length
        if len(buffer) < end:
            self._watch()
            return None
        payload = bytes(buffer[wire.PREFIX.size : end])
        del buffer[:end]
        return kind, payload

    def next_is(self, kind: bytes) -> bool:
        """Whether a frame of this kind comes next, as far as is known."""
        return self._buffer[:1] == kind

    def pause(self) -> None:
        """Read no more until a frame is wanted that is not here."""
        if self._watched:
            self._loop.remove_reader(self._socket)
            self._watched = False

    def close(self) -> None:
        """Let go of the socket. Safe more than once."""
        self.pause()
        self.hung_up = True
        self._socket.close()

    def _watch(self) -> None:
        if not (self._watched or self.hung_up):
            self._loop.add_reader(self._socket, self._read)
            self._watched = True

    def _read(self) -> None:
        try:
            size = self._socket.recv_into(self._part)
        except BlockingIOError:
            return
        except OSError:
            size = 0
        if size:
            self._buffer += memoryview(self._part)[:size]
            if len(self._buffer) >= _AHEAD:
                self.pause()
        else:
            self.pause()
            self.hung_up = True
        if self.told:
            self.told()
