"""A release's dump and patch, loaded into memory as far as that may take."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import BinaryIO, Final, cast

import zstandard
from pyoxigraph import RdfFormat, Store, parse

from kg.patch import Patch
from kg.workers import walls

_CHUNK: Final = 1 << 20


class TooLarge(Exception):
    """The release does not fit the memory it may take."""


class _Ground:
    """A reader of the dump that keeps lines with blank nodes back, and stops at the limit.

    A bulk load gives blank nodes labels of its own, and a later change names them as the dump does.
    """

    def __init__(
        self, source: zstandard.ZstdDecompressionReader, size: walls.Size, limit: int
    ) -> None:
        self._source = source
        self._size = size
        self._limit = limit
        self._rest = b""
        self._text = b""
        self._at = 0
        self.kept: list[bytes] = []

    def read(self, size: int) -> bytes:
        """What comes next; nothing at the end."""
        if self._at == len(self._text):
            self._text, self._at = self._next(), 0
            if b"_:" in self._text:
                lines = self._text.splitlines(keepends=True)
                self._text = b"".join(map(self._keep_back, lines))
        part = self._text[self._at : self._at + size]
        self._at += len(part)
        return part

    def _next(self) -> bytes:
        """Some whole lines."""
        if self._size() > self._limit:
            raise TooLarge
        while chunk := self._source.read(_CHUNK):
            text = self._rest + chunk
            end = text.rfind(b"\n") + 1
            self._rest = text[end:]
            if end:
                return text[:end]
        text, self._rest = self._rest, b""
        return text

    def _keep_back(self, line: bytes) -> bytes:
        if b"_:" not in line:  # a literal may hold these bytes: it only loads more slowly
            return line
        self.kept.append(line)
        return b"\n"  # so that the next line has its number


def load(dump: str, limit: int) -> Store:
    """The content of a dump and its patch; raises TooLarge above a limit of bytes.

    Raises SyntaxError or ZstdError where it is damaged.
    """
    store = Store()
    with (
        contextlib.closing(walls.Size()) as size,
        Path(dump).open("rb") as file,
        zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as source,
    ):
        ground = _Ground(source, size, limit)
        # Lines of three terms are the default graph's.
        store.bulk_load(cast(BinaryIO, ground), format=RdfFormat.N_QUADS)
        store.bulk_extend(parse(b"".join(ground.kept), RdfFormat.N_QUADS))
    Patch.beside(Path(dump)).apply_to(store)
    return store
