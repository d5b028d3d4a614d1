"""A module of this package run in a process of its own, for one piece of work."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final, NamedTuple

#: Where the process finds this package, and nothing else.
_ROOT: Final = str(Path(__file__).resolve().parents[2])


class Ended(NamedTuple):
    """How it ended: what it said on standard output and on standard error."""

    status: int
    said: bytes
    complaint: bytes

    @property
    def reason(self) -> str:
        """The last line of its complaint."""
        return self.complaint.decode(errors="replace").strip().rpartition("\n")[2][:300]


async def run(
    module: str,
    *arguments: object,
    given: bytes = b"",
    descriptors: Collection[int] = (),
    **environment: str,
) -> Ended:
    """Run a module to its end, with `given` on standard input and these descriptors open.

    Where this is cancelled, it is killed.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", module, *map(str, arguments)),
        pass_fds=descriptors,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": _ROOT, **environment},
        start_new_session=True,  # Ctrl-C is the server's to handle
    )
    try:
        said, complaint = await process.communicate(given)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return Ended(process.returncode or 0, said, complaint)
