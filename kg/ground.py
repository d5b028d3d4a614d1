"""N-Quads for a bulk load, which would give their blank nodes other names."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from typing_extensions import Buffer

_CHUNK: Final = 1 << 20


class Ground(io.RawIOBase):
    """A reader of N-Quads that keeps the lines with blank nodes back.

    `bulk_load` gives blank nodes random labels, and a release's dump, its store and what workers
    have in memory must name them alike. An empty line takes the place of one kept back, so line
    numbers stay.
    """

    def __init__(self, text: BinaryIO) -> None:
        self._text = text
        self._ready = memoryview(b"")
        self.kept: list[bytes] = []  #: the lines that were kept back

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        """Read some bytes, none at the end."""
        if not self._ready:
            chunk = self._text.read(_CHUNK) + self._text.readline()
            if b"_:" in chunk:
                chunk = b"".join(map(self._keep_back, chunk.splitlines(keepends=True)))
            self._ready = memoryview(chunk)
        target = memoryview(buffer)
        size = min(len(target), len(self._ready))
        target[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def _keep_back(self, line: bytes) -> bytes:
        if b"_:" not in line:  # a literal may hold these bytes: it only loads more slowly
            return line
        self.kept.append(line)
        return b"\n"
