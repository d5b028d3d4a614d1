"""What a release says, as canonical N-Quads lines: its identity, and how its dump is written.

A line is `<s> <p> <o> <g> .` as Oxigraph writes it, without its line end. A dump holds
each line once, in byte order, so equal content is an equal sequence of lines.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from itertools import islice
from operator import ge
from pathlib import Path
from typing import Final

import numpy as np
import zstandard

from kg.errors import ReleaseError

_WIDTH: Final = 64  # bytes of a line's hash, and of the sum
_MODULUS: Final = 1 << (8 * _WIDTH)
_BATCH: Final = 1024  # lines, which the processor's caches hold from one look to the next
_LIMB: Final = np.dtype("<u4")


class ContentHash:
    """A hash of a set of lines that does not depend on order and follows every change.

    It is the sum of the lines' BLAKE2b hashes modulo 2^512. A sum, unlike an exclusive or,
    is not linear over bits, so no few lines cancel each other; 512 bits are one native digest
    and leave nothing to chance, where 64 or 128 would weaken the 80 bits of the id.
    It names content and is not a commitment against a forger: whoever may choose many lines
    finds two sets of one id with about 2^40 work. The caller adds no line twice.
    """

    __slots__ = ("_total", "quads")

    def __init__(self, lines: Iterable[bytes] = ()) -> None:
        self._total = 0
        self.quads = 0
        self.update(lines)

    @classmethod
    def resume(cls, hexdigest: str, quads: int) -> ContentHash:
        """Continue from the `hexdigest()` and `quads` that a manifest keeps."""
        content = cls()
        content._total = int(hexdigest, 16)
        content.quads = quads
        return content

    def add(self, line: bytes) -> None:
        """Put a line that is not in the set into it."""
        self._total = (self._total + _number(line)) % _MODULUS
        self.quads += 1

    def update(self, lines: Iterable[bytes]) -> None:
        """Put lines that are not in the set into it."""
        remaining = iter(lines)
        while digests := [blake2b(line).digest() for line in islice(remaining, _BATCH)]:
            # Added up limb by limb: integers of this size cost as much as the hash.
            limbs = np.frombuffer(b"".join(digests), _LIMB).reshape(len(digests), -1)
            sums = limbs.sum(axis=0, dtype=np.uint64).tolist()
            self._total += sum(each << (32 * place) for place, each in enumerate(sums))
            self.quads += len(digests)
        self._total %= _MODULUS

    def remove(self, line: bytes) -> None:
        """Take a line that is in the set out of it."""
        self._total = (self._total - _number(line)) % _MODULUS
        self.quads -= 1

    def hexdigest(self) -> str:
        """The whole sum: what `resume` needs."""
        return f"{self._total:0{2 * _WIDTH}x}"

    @property
    def id(self) -> str:
        """The release id of this content: 20 hexadecimal digits."""
        total = self._total.to_bytes(_WIDTH, "little")
        return blake2b(total, digest_size=10, person=b"kg release").hexdigest()


def _number(line: bytes) -> int:
    return int.from_bytes(blake2b(line).digest(), "little")


def identity(quads: Iterable[bytes]) -> str:
    """The release id of a set of lines, the same in every order and on every machine."""
    return ContentHash(quads).id


def write_dump(lines: Iterable[bytes], path: Path) -> ContentHash:
    """Write sorted lines, each once, as a compressed dump and return their hash.

    Raises ReleaseError where they are not in byte order, or a line repeats or holds a line end.
    """
    content = ContentHash()
    remaining, last = iter(lines), b""
    # The checksum makes a flipped bit an error of the reader, not other content.
    compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
    with path.open("wb") as file, compressor.stream_writer(file, closefd=False) as out:
        while batch := list(islice(remaining, _BATCH)):
            chunk = b"\n".join(batch) + b"\n"
            if any(map(ge, (last, *batch), batch)) or chunk.count(b"\n") != len(batch):
                raise ReleaseError(
                    f"{path}: after line {content.quads}: expected N-Quads lines in byte order, "
                    "each once and without its line end"
                )
            content.update(batch)
            last = batch[-1]
            out.write(chunk)
    return content
