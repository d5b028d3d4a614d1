"""A release's dump and patch, loaded into memory as far as that may take."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

import zstandard
from pyoxigraph import RdfFormat, Store, parse

from kg.ground import Ground
from kg.patch import Patch
from kg.workers import walls

if TYPE_CHECKING:
    from typing_extensions import Buffer

_CHUNK: Final = 1 << 20


class TooLarge(Exception):
    """The release does not fit the memory it may take."""


class _Bounded(io.RawIOBase):
    """A reader of the dump that stops the load when the process has outgrown its limit."""

    def __init__(self, source: zstandard.ZstdDecompressionReader, limit: int) -> None:
        self._source = source
        self._size = walls.Size()
        self._limit = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        if self._size() > self._limit:
            raise TooLarge
        return self._source.readinto(buffer)

    def close(self) -> None:
        self._size.close()
        super().close()


def load(dump: str, limit: int) -> Store:
    """The content of a dump and its patch; raises TooLarge above a limit of bytes.

    Raises SyntaxError or ZstdError where it is damaged.
    """
    store = Store()
    with (
        Path(dump).open("rb") as file,
        zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as source,
        contextlib.closing(io.BufferedReader(_Bounded(source, limit), _CHUNK)) as text,
        Ground(cast(BinaryIO, text)) as ground,
    ):
        # Lines of three terms are the default graph's.
        store.bulk_load(cast(BinaryIO, ground), format=RdfFormat.N_QUADS)
        store.bulk_extend(parse(b"".join(ground.kept), RdfFormat.N_QUADS))
    Patch.beside(Path(dump)).apply_to(store)
    return store
