"""The command line: `kg …`.

Exit codes: 0 ok, 1 does not conform, 2 bad input. `--json` gives every command a machine's output.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, Final

from kg.commands import (
    asking,
    building,
    explaining,
    link,
    mapping,
    ontology,
    releases,
    sample,
    serving,
    source,
    tokens,
    validation,
)
from kg.errors import KnowledgeGraphError
from kg.settings import Settings
from kg.terminal import BAD_INPUT, OK, err

#: In the order in which `kg --help` lists them.
AREAS = (
    building,
    validation,
    asking,
    explaining,
    serving,
    releases,
    ontology,
    mapping,
    link,
    source,
    sample,
    tokens,
)


#: As shells tell that a signal ended a command.
INTERRUPTED: Final = 128 + signal.SIGINT


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    options = parser().parse_args(arguments)
    try:
        code: int = options.run(options, Settings.from_environment())
        sys.stdout.flush()
    except KnowledgeGraphError as error:
        err.print(f"kg: {error}", style="red")
        return BAD_INPUT
    except BrokenPipeError:
        # The reader has seen enough; what is still to be written at exit must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except KeyboardInterrupt:
        err.print("kg: interrupted", style="red")
        return INTERRUPTED
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        err.print(f"kg: {where}{error.strerror or error}", style="red")
        return BAD_INPUT
    return code


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(
        prog="kg", description="A knowledge graph of AI industrial clusters."
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, run: Any, text: str, *, parents: Any = commands
    ) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = parents.add_parser(name, help=text, description=text)
        made.set_defaults(run=run)
        made.add_argument("--json", action="store_true", help="print JSON for programs")
        return made

    for area in AREAS:
        area.add_commands(command)
    return top


if __name__ == "__main__":
    sys.exit(main())
