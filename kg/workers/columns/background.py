"""The server's side: columns are made beside it, in a process of their own."""

from __future__ import annotations

import os
from pathlib import Path

from kg.errors import ReleaseError
from kg.workers import beside


async def made(dump: Path) -> int:
    """The descriptor of columns that nobody can change: of a release's dump and its patch.

    Raises ReleaseError where they cannot be made. Where this is cancelled, so is the making.
    """
    descriptor = os.memfd_create("columns", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    try:
        ended = await beside.run(
            "kg.workers.columns",
            dump,
            descriptor,
            descriptors=[descriptor],
            OPENBLAS_NUM_THREADS="1",
        )
    except BaseException:
        os.close(descriptor)
        raise
    if ended.status:
        os.close(descriptor)
        raise ReleaseError(f"{dump}: {ended.reason or f'status {ended.status}'}")
    return descriptor
