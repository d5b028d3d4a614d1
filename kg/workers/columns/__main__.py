"""Write the columns of a release into a file that has no name: `dump descriptor`.

Runs beside the server, at the lowest priority; ends with it. Exit status 1 says why on standard
error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kg.dump import read_dump
from kg.errors import KnowledgeGraphError
from kg.patch import Patch
from kg.workers import walls
from kg.workers.columns import making, memory

_LOWEST: Final = 19


def _lines(dump: Path) -> Iterator[bytes]:
    """The lines of a dump as its patch changes them."""
    # The patch first: a dump that it has been applied to meanwhile is not changed by it.
    patch = Patch.beside(dump)
    return patch.apply(read_dump(dump)) if patch else read_dump(dump)


def main() -> None:
    """Make them, and let nobody change them any more."""
    walls.end_with_the_parent()
    os.nice(_LOWEST)
    dump, descriptor = Path(sys.argv[1]), int(sys.argv[2])
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            making.write(_lines(dump), file)
        memory.seal(descriptor)
    except (OSError, making.TooMany, KnowledgeGraphError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
