"""What every command shares: the two consoles, tables, exit codes, progress, JSON."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

OK: Final = 0
DOES_NOT_CONFORM: Final = 1
BAD_INPUT: Final = 2

#: What a terminal obeys or hides instead of showing it: controls, but for tab and line feed, and
#: what turns the direction of writing.
_ILLEGIBLE: Final = re.compile(
    r"[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


def legible(text: str) -> str:
    r"""The text with what a terminal would obey written out: ESC is `\x1b`."""
    return _ILLEGIBLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class _Console(Console):
    """A console that prints what data says as it is: legible, no markup, no emoji codes."""

    def render_str(self, text: str, **options: Any) -> Text:
        """The text of a line or a cell."""
        return super().render_str(legible(text), **options)

    def on_broken_pipe(self) -> None:
        """Let the reader that has seen enough end the command, not Rich."""
        raise  # noqa: PLE0704 - it is called where BrokenPipeError is handled


# Whole, where no person reads.
_WIDTH: Final = None if sys.stdout.isatty() else 10_000
out: Final = _Console(highlight=False, soft_wrap=True, emoji=False, markup=False, width=_WIDTH)
err: Final = _Console(stderr=True, highlight=False, soft_wrap=True, emoji=False, markup=False)


def listing(*columns: str, numbers: Iterable[str] = ()) -> Table:
    """A table for `out`; a narrow terminal folds its cells and cuts none. `numbers` stand right."""
    table = Table(box=None, pad_edge=False)
    right = frozenset(numbers)
    for name in columns:
        table.add_column(name, overflow="fold", justify="right" if name in right else "left")
    return table


def print_json(data: Any) -> None:
    """Print one JSON document."""
    text = json.dumps(data, ensure_ascii=False, indent=2, default=str)
    # What JSON lets stand is escaped as JSON does it, so programs read the same.
    sys.stdout.write(_ILLEGIBLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


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
