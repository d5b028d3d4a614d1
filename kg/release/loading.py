"""Content into stores: all of it at once, or file by file beside other work."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, Final, Self, cast

import zstandard
from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat, Store, parse

from kg.dump import open_dump
from kg.errors import InputError, ReleaseError
from kg.ground import Ground
from kg.patch import Patch

_DEFAULT: Final = DefaultGraph()


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

    def complete(self, *, merged: bool) -> Future[None]:
        """Finish the store once all is loaded; `merged` as of `_finish`. Raises what a load did."""
        return self._pool.submit(self._complete, [*self._begun], merged)

    def _complete(self, begun: Iterable[Future[None]], merged: bool) -> None:
        for each in begun:
            each.result()
        _finish(self._store, merged=merged)


def _finish(store: Store, *, merged: bool = True) -> None:
    """Leave nothing in memory only, and where it is to be `merged`, one file to each index.

    Every batch of a load leaves a file to each index, which each look-up has to ask. Of two or
    three that costs nothing that can be measured; to merge them takes a fifth of the load, and the
    store does it by itself beside the first changes of it.
    """
    store.flush()
    if merged:
        store.optimize()
