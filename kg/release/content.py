"""What a release says, as canonical N-Quads lines: its identity, its dump, its store.

A line is `<s> <p> <o> <g> .` as Oxigraph writes it, without its line end. A dump holds
each line once, in byte order, so equal content is an equal sequence of lines.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import islice
from operator import ge
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

import zstandard
from pyoxigraph import RdfFormat, Store, parse

from kg.errors import InputError, ReleaseError
from kg.patch import Patch

if TYPE_CHECKING:
    from typing_extensions import Buffer

_WIDTH: Final = 64  # bytes of a line's hash, and of the sum
_MODULUS: Final = 1 << (8 * _WIDTH)
_CHUNK: Final = 1 << 20
_BATCH: Final = 4096


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
        self.update((line,))

    def update(self, lines: Iterable[bytes]) -> None:
        """Put lines that are not in the set into it."""
        total, quads, number, wide = self._total, self.quads, int.from_bytes, blake2b
        for line in lines:
            total += number(wide(line).digest(), "little")
            quads += 1
        self._total, self.quads = total % _MODULUS, quads

    def remove(self, line: bytes) -> None:
        """Take a line that is in the set out of it."""
        hashed = int.from_bytes(blake2b(line).digest(), "little")
        self._total = (self._total - hashed) % _MODULUS
        self.quads -= 1

    def hexdigest(self) -> str:
        """The whole sum: what `resume` needs."""
        return f"{self._total:0{2 * _WIDTH}x}"

    @property
    def id(self) -> str:
        """The release id of this content: 20 hexadecimal digits."""
        total = self._total.to_bytes(_WIDTH, "little")
        return blake2b(total, digest_size=10, person=b"kg release").hexdigest()


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


def _open_dump(path: Path) -> BinaryIO:
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
    with _open_dump(path) as text:
        try:
            while chunk := text.read(_CHUNK):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from lines
        except zstandard.ZstdError as error:
            raise ReleaseError(f"{path}: the dump is damaged: {error}") from None
    if rest:
        raise ReleaseError(f"{path}: the dump is damaged: it ends inside a line")


class _WithoutBlankNodes(io.RawIOBase):
    """A reader of N-Quads that keeps the lines with blank nodes back.

    `bulk_load` gives blank nodes random labels, and the dump and the store of a release must
    name them alike. An empty line takes the place of one kept back, so line numbers stay.
    """

    def __init__(self, text: BinaryIO) -> None:
        self._text = text
        self._ready = memoryview(b"")
        self.kept: list[bytes] = []

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
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


def load_store(
    path: Path,
    source: Path,
    patch: Patch | None = None,
    *,
    ground: bool = False,
    compact: bool = True,
) -> int:
    """Load a dump, or a plain .nq file, and its patch into a new store; return its quads.

    All or nothing: on an error no store stays behind. Blank nodes keep their labels. A load
    leaves many files that a look-up has to ask each; without `compact` they stay, for whoever
    loads more.
    Raises InputError that names the line which is not N-Quads.
    """
    if path.exists():
        raise ReleaseError(f"{path}: expected no file or folder where a store is to be loaded")
    try:
        return _load(path, source, patch or Patch(), ground=ground, compact=compact)
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise


def _load(path: Path, source: Path, patch: Patch, *, ground: bool, compact: bool) -> int:
    store = Store(path)
    try:
        fill(store, source, ground=ground)
        patch.apply_to(store)
        store.flush()
        if compact:
            store.optimize()
        return len(store)
    finally:
        del store  # closes it, also where a traceback still holds this frame


def fill(store: Store, source: Path, *, ground: bool = False) -> None:
    """Load a dump, or plain N-Quads, into a store. Blank nodes keep their labels.

    `ground` promises plain N-Quads without any, which the store may read by itself.
    Raises InputError that names the line which is not N-Quads.
    """
    place = str(source)
    if ground:
        try:
            store.bulk_load(path=place, format=RdfFormat.N_QUADS)
        except SyntaxError as error:
            raise InputError(f"{place}: {error.msg}") from None
        return
    with _open_dump(source) as text, _WithoutBlankNodes(text) as named:
        try:
            store.bulk_load(cast(BinaryIO, named), RdfFormat.N_QUADS)
            place = f"{source}, among its lines with blank nodes"
            store.bulk_extend(parse(b"".join(named.kept), RdfFormat.N_QUADS))
        except SyntaxError as error:
            raise InputError(f"{place}: {error.msg}") from None
        except zstandard.ZstdError as error:
            raise ReleaseError(f"{source}: the dump is damaged: {error}") from None
