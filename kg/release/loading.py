"""Content into stores: all of it at once, or file by file beside other work."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import takewhile
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO, Final, Self, TypeAlias, cast

import zstandard
from pyoxigraph import Quad, RdfFormat, Store, parse

from kg.dump import open_dump
from kg.errors import InputError, ReleaseError
from kg.ground import Ground
from kg.patch import Patch

#: That one loading may use: one to a feed, and what sends, loads or finishes besides.
_THREADS: Final = 16


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
        with open_dump(source) as text, Ground(text) as named:
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


def fill(store: Store, source: Path, name: str = "", *, lenient: bool = False) -> None:
    """Load plain N-Quads without blank nodes, which a load would rename, into a store.

    The store reads the file by itself, so that other threads go on. `lenient` does not look into
    IRIs that have been checked elsewhere. Raises InputError that names the file, or calls it
    `name`, and the line which is not N-Quads.
    """
    try:
        store.bulk_load(path=str(source), format=RdfFormat.N_QUADS, lenient=lenient)
    except SyntaxError as error:
        raise InputError(f"{name or source}: {error.msg}") from None


class Loading:
    """A new store on disk, loaded beside other work by feeds, and complete all at once.

    What is fed is sent in the order in which it was added: of a feed that waits for its turn, no
    more is in memory than its last batch. It closes at the end of a `with` block, which waits for
    what has begun.
    """

    def __init__(self, path: Path) -> None:
        self.store = Store(path)
        self._feeds: list[Feed] = []
        self._waiting: _Waiting = SimpleQueue()
        self._abandoned = False
        self._pool = ThreadPoolExecutor(_THREADS)
        self._begun: list[Future[None]] = [self._pool.submit(self._send)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._abandoned = True
        self._waiting.put(None)
        self._pool.shutdown()
        del self.store

    def feed(self, name: str, *, lenient: bool = False) -> Feed:
        """Another way into the store, `lenient` as in `fill`; `name` is what messages call it."""
        feed = Feed(name, self._waiting)
        self._feeds.append(feed)
        self._begun.append(self._pool.submit(feed.load, self.store, lenient=lenient))
        return feed

    def extend(self, quads: Iterable[Quad]) -> None:
        """Load a few quads."""
        self._begun.append(self._pool.submit(self.store.bulk_extend, quads))

    def complete(self, *, merged: bool) -> Future[None]:
        """Close every feed, and finish the store, `merged` as of `_finish`.

        What went wrong with a feed, the result raises.
        """
        self._waiting.put(None)
        return self._pool.submit(self._complete, merged)

    def count(self) -> Future[int]:
        """Count the quads of the store."""
        return self._pool.submit(len, self.store)

    def _complete(self, merged: bool) -> None:
        for each in self._begun:
            each.result()
        _finish(self.store, merged=merged)

    def _send(self) -> None:
        """Send what is added until no more comes."""
        try:
            while (added := self._waiting.get()) is not None:
                feed, texts = added
                if texts is None:
                    feed.end()
                else:
                    feed.send(takewhile(lambda _: not self._abandoned, texts))
        finally:
            for feed in self._feeds:
                feed.end()


class Feed:
    """Ground N-Quads on their way into a store, which reads them as they come.

    They go through a pipe, so that no thread of ours takes part in reading them. What is loaded
    shows in the store when the feed ends, and is merged with the rest only then: a feed that
    stays open to the end spares the store to merge what it merges again at the end.
    """

    def __init__(self, name: str, waiting: _Waiting) -> None:
        self._name = name
        self._waiting = waiting
        self._out, into = os.pipe()
        self._pipe = io.FileIO(into, "w")

    def add(self, texts: Iterable[bytes]) -> None:
        """Load texts of whole lines, without blank nodes, after what was added before.

        They are asked for in another thread, each when the one before is being loaded.
        """
        self._waiting.put((self, texts))

    def close(self) -> None:
        """Say that nothing more comes."""
        self._waiting.put((self, None))

    def send(self, texts: Iterable[bytes]) -> None:
        """Write texts into the pipe; none any more where nobody reads it: `load` says why."""
        for text in texts:
            rest = memoryview(text)
            try:
                while rest and not self._pipe.closed:
                    rest = rest[self._pipe.write(rest) :]
            except BrokenPipeError:
                self.end()

    def end(self) -> None:
        """Let the load end with what was sent."""
        self._pipe.close()

    def load(self, store: Store, *, lenient: bool) -> None:
        """Load what is sent. Raises InputError that names the line which is not N-Quads."""
        try:
            fill(store, Path(f"/dev/fd/{self._out}"), self._name, lenient=lenient)
        finally:
            os.close(self._out)


#: Each feed with texts to be sent, or without where it ends; nothing where no more comes.
_Waiting: TypeAlias = SimpleQueue[tuple[Feed, Iterable[bytes] | None] | None]


def _finish(store: Store, *, merged: bool = True) -> None:
    """Leave nothing in memory only, and where it is to be `merged`, one file to each index.

    Every batch of a load leaves a file to each index, which each look-up has to ask. Of two or
    three that costs nothing that can be measured; to merge them takes a fifth of the load, and the
    store does it by itself beside the first changes of it.
    """
    store.flush()
    if merged:
        store.optimize()
