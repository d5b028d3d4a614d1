"""A write tried on a release on disk: on a copy by hard links, in a process for this write alone.

RocksDB never changes a file that two stores name, so the release stays as it is, and the copy is
made in milliseconds. The process sees the copy and nothing else (`walls`), and is killed at its
deadline like any worker.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import Final

from pyoxigraph import Store

from kg.errors import (
    KnowledgeGraphError,
    QueryError,
    QueryMemoryExceeded,
    QueryTimeout,
    WorkerCrash,
)
from kg.workers import beside, walls, wire, writing
from kg.workers.writing import Change, Write

_LOG: Final = logging.getLogger(__name__)


async def change(store: Path, folder: Path, write: Write, deadline: float, memory: int) -> Change:
    """What a write would change in the release whose store this is.

    `folder` is an empty one on the same file system, for the copy; whoever gives it removes it.
    `memory` is what the write may take, in bytes. Raises as `writing.change` does, and
    QueryTimeout, QueryMemoryExceeded, or WorkerCrash where a second try ended early too.
    """
    try:
        async with asyncio.timeout(deadline):
            try:
                return await _tried(store, folder / "first", write, memory)
            except WorkerCrash as error:
                _LOG.warning("%s; the update is tried once more", error)
                return await _tried(store, folder / "second", write, memory)
    except TimeoutError:
        raise QueryTimeout(
            f"the update was ended at its limit of {deadline:g} seconds; a more selective "
            "pattern or several smaller updates may be shorter"
        ) from None


async def _tried(store: Path, copy: Path, write: Write, memory: int) -> Change:
    ended = await beside.run("kg.workers.ondisk", store, copy, memory, given=writing.pack(write))
    kind, payload = ended.said[:1], ended.said[wire.PREFIX.size :]
    if kind == wire.CHUNK:
        return Change.unpack(payload)
    if kind == wire.ERROR:
        raise wire.unpack_error(payload)[0]
    if wire.OUT_OF_MEMORY in ended.complaint:
        raise _memory_exceeded(memory)
    raise WorkerCrash(f"what tried the update ended early (status {ended.status}: {ended.reason})")


def _memory_exceeded(memory: int) -> QueryMemoryExceeded:
    return QueryMemoryExceeded(
        f"the update was ended at its memory limit of {memory // 1024**2} MiB; several smaller "
        "ones may do the same"
    )


def _change(source: str, copy: str, write: Write, memory: int) -> Change:
    """Do the write to a copy, within the walls."""
    Store.read_only(source).backup(copy)
    walls.leave_the_network()
    size = walls.Size()
    walls.confine(copy, None, writes=True)
    store = Store(copy)
    walls.grow_by(memory, size())
    return writing.change(store, write)


def main() -> None:
    """Try the write that standard input has: `store copy memory`; say what comes of it."""
    walls.end_with_the_parent()
    source, copy, memory = sys.argv[1], sys.argv[2], int(sys.argv[3])
    write = writing.unpack(sys.stdin.buffer.read())
    try:
        said = wire.frame(wire.CHUNK, _change(source, copy, write, memory).pack())
    except MemoryError:
        said = wire.pack_error(QueryMemoryExceeded, str(_memory_exceeded(memory)))
    except KnowledgeGraphError as error:
        said = wire.pack_error(type(error), str(error))
    except OSError as error:
        said = wire.pack_error(QueryError, str(error))
    sys.stdout.buffer.write(said)
    sys.stdout.buffer.flush()
    os._exit(0)  # the copy is thrown away: it need not be closed


if __name__ == "__main__":
    main()
