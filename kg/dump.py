"""A release's dump as it is read: N-Quads lines, compressed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

import zstandard

from kg.errors import ReleaseError

_CHUNK: Final = 1 << 20


def open_dump(path: Path) -> BinaryIO:
    """The N-Quads text of a dump, compressed (.zst) or plain."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise ReleaseError(f"{path}: the dump cannot be read: {error.strerror}") from None
    if path.suffix != ".zst":
        return file
    # A frame that was cut short has no checksum to fail: readers look at what they read.
    reader = zstandard.ZstdDecompressor().stream_reader(file, closefd=True)
    return io.BufferedReader(cast(io.RawIOBase, reader), _CHUNK)


def read_dump(path: Path) -> Iterator[bytes]:
    """The lines of a dump in their order; raises ReleaseError where it is missing or damaged."""
    rest = b""
    with open_dump(path) as text:
        try:
            while chunk := text.read(_CHUNK):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from lines
        except zstandard.ZstdError as error:
            raise ReleaseError(f"{path}: the dump is damaged: {error}") from None
    if rest:
        raise ReleaseError(f"{path}: the dump is damaged: it ends inside a line")
