"""Content into stores: all of it at once, or file by file beside other work."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Self, cast

import zstandard
from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat, Store, parse

from kg.errors import InputError, ReleaseError
from kg.patch import Patch
from kg.release.content import open_dump

if TYPE_CHECKING:
    from typing_extensions import Buffer

_CHUNK: Final = 1 << 20
_DEFAULT: Final = DefaultGraph()


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


def load_store(path: Path, source: Path, patch: Patch | None = None) -> int:
    """Load a dump, or a plain .nq file, and its patch into a new store; return its quads.

    All or nothing: on an error no store stays behind. Blank nodes keep their labels.
    Raises InputError that names the line which is not N-Quads.
    """
    if path.exists():
        raise ReleaseError(f"{path}: expected no file or folder where a store is to be loaded")
    try:
        return _load(path, source, patch or Patch())
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise


def _load(path: Path, source: Path, patch: Patch) -> int:
    store = Store(path)
    try:
        place = str(source)
        with open_dump(source) as text, _WithoutBlankNodes(text) as named:
            try:
                store.bulk_load(cast(BinaryIO, named), RdfFormat.N_QUADS)
                place = f"{source}, among its lines with blank nodes"
                store.bulk_extend(parse(b"".join(named.kept), RdfFormat.N_QUADS))
            except SyntaxError as error:
                raise InputError(f"{place}: {error.msg}") from None
            except zstandard.ZstdError as error:
                raise ReleaseError(f"{source}: the dump is damaged: {error}") from None
        patch.apply_to(store)
        _finish(store)
        return len(store)
    finally:
        del store  # closes it, also where a traceback still holds this frame


def fill(
    store: Store,
    source: Path,
    graph: NamedNode | DefaultGraph = _DEFAULT,
    *,
    lenient: bool = False,
) -> None:
    """Load plain N-Quads without blank nodes, which a load would rename, into a store.

    `graph` takes the place of the default graph. The store reads the file by itself, so that
    other threads go on. `lenient` does not look into IRIs that have been checked elsewhere.
    Raises InputError that names the line which is not N-Quads.
    """
    try:
        store.bulk_load(path=str(source), format=RdfFormat.N_QUADS, to_graph=graph, lenient=lenient)
    except SyntaxError as error:
        raise InputError(f"{source}: {error.msg}") from None


class Loading:
    """A new store on disk that is loaded file by file, `at_once` of them, beside other work.

    It closes at the end of a `with` block, which waits for what has begun.
    """

    def __init__(self, path: Path, at_once: int) -> None:
        self._store = Store(path)
        self._pool = ThreadPoolExecutor(at_once)
        self._begun: list[Future[None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        del self._store

    def add(
        self,
        source: Path,
        graph: NamedNode | DefaultGraph = _DEFAULT,
        *,
        lenient: bool = False,
    ) -> None:
        """Load a file as `fill` does, after those before it have begun."""
        self._begun.append(self._pool.submit(fill, self._store, source, graph, lenient=lenient))

    def extend(self, quads: Iterable[Quad]) -> None:
        """Load a few quads."""
        self._begun.append(self._pool.submit(self._store.bulk_extend, quads))

    def complete(self) -> Future[None]:
        """Merge the files, once all is loaded. The future raises what a load did."""
        return self._pool.submit(_complete, self._store, [*self._begun])


def _complete(store: Store, begun: Iterable[Future[None]]) -> None:
    for each in begun:
        each.result()
    _finish(store)


def _finish(store: Store) -> None:
    """A load leaves many files that each look-up has to ask: make them one of each index."""
    store.flush()
    store.optimize()
