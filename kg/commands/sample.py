"""`kg sample`: tables of a made-up database of the report's size."""

from __future__ import annotations

import argparse
from decimal import Decimal, InvalidOperation
from pathlib import Path

from kg.commands.common import Command
from kg.errors import InputError
from kg.settings import Settings
from kg.terminal import OK, listing, out, print_json, progress


def add_commands(command: Command) -> None:
    """Add `sample`."""
    each = command("sample", _sample, "Make up a database of the report's size: tables of it.")
    each.add_argument("--scale", default="1", metavar="N", help="times the report's (default: 1)")
    each.add_argument("--seed", type=int, default=1, metavar="N", help="default: 1")
    each.add_argument(
        "--into", type=Path, default=Path("sample"), metavar="DIR", help="default: sample"
    )


def _sample(options: argparse.Namespace, _: Settings) -> int:
    from kg.sample import generate

    try:
        scale = Decimal(options.scale)
    except InvalidOperation:
        raise InputError(f"--scale {options.scale!r}: expected a number such as 0.1 or 2") from None
    with progress() as show:
        made = generate(options.into, scale, options.seed, show)
    if options.json:
        print_json({"folder": str(made.folder), "seed": made.seed, "rows": made.rows})
        return OK
    table = listing("table", "rows", numbers=["rows"])
    for name, rows in made.rows.items():
        table.add_row(name, f"{rows:,}")
    out.print(table)
    out.print(f"all of it made up; to build it: kg build --sample {made.folder}")
    return OK
