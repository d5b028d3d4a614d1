"""The server's side: columns are made beside it, in a process of their own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path
from typing import Final

from kg.errors import ReleaseError

_ROOT: Final = str(Path(__file__).resolve().parents[3])


async def made(dump: Path) -> int:
    """The descriptor of columns that nobody can change: of a release's dump and its patch.

    Raises ReleaseError where they cannot be made. Where this is cancelled, so is the making.
    """
    descriptor = os.memfd_create("columns", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    try:
        await _make(dump, descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


async def _make(dump: Path, descriptor: int) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "kg.workers.columns", str(dump), str(descriptor)),
        pass_fds=[descriptor],
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": _ROOT, "OPENBLAS_NUM_THREADS": "1"},
        start_new_session=True,  # Ctrl-C is the server's to handle
    )
    try:
        _, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        last = complaint.decode(errors="replace").strip().rpartition("\n")[2][:300]
        raise ReleaseError(f"{dump}: {last or f'status {process.returncode}'}")
