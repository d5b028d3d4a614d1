"""What every command shares: the two consoles, exit codes, progress, JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from rich.console import Console

OK: Final = 0
DOES_NOT_CONFORM: Final = 1
BAD_INPUT: Final = 2

# What data says is printed as it is: no markup, no emoji codes; and whole, where no person reads.
_WIDTH: Final = None if sys.stdout.isatty() else 10_000
out: Final = Console(highlight=False, soft_wrap=True, emoji=False, width=_WIDTH)
err: Final = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def print_json(data: Any) -> None:
    """Print one JSON document."""
    json.dump(data, sys.stdout, ensure_ascii=False, indent=2, default=str)
    sys.stdout.write("\n")


@contextmanager
def progress() -> Iterator[Callable[[str, float], None]]:
    """Show stages and how far they are: a bar on a terminal, plain lines elsewhere."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = TextColumn("{task.description:24}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("read", total=1.0)

        def show(stage: str, done: float) -> None:
            if err.is_terminal:
                bar.update(task, description=stage, completed=done)
            else:
                err.print(stage)

        yield show
