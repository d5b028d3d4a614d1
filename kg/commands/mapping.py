"""`kg mapping …`: the sources and their mappings."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.table import Table

from kg.commands.common import Command
from kg.errors import InputError
from kg.settings import Settings, shipped
from kg.terminal import OK, out, print_json

if TYPE_CHECKING:
    from kg.etl import Source


def add_commands(command: Command) -> None:
    """Add `mapping` with `list` and `export`."""
    each = command("mapping", _mapping_list, "List the sources and their mappings.")
    actions = each.add_subparsers(metavar="ACTION")
    command("list", _mapping_list, "List the sources and their mappings.", parents=actions)
    export = command("export", _mapping_export, "Export a mapping.", parents=actions)
    export.add_argument("source", metavar="SOURCE", help="a source's name")
    export.add_argument("--rml", action="store_true", required=True, help="as RML in Turtle")


def _sources() -> list[Source]:
    from kg import etl

    return etl.load(shipped("mappings"))


def _mapping_list(options: argparse.Namespace, _: Settings) -> int:
    sources = _sources()
    if options.json:
        print_json([asdict(each.dataset) | {"tables": _tables(each)} for each in sources])
        return OK
    table = Table("source", "title", "tables", "licence", box=None, pad_edge=False)
    for each in sources:
        dataset, tables = each.dataset, ", ".join(_tables(each).values())
        table.add_row(dataset.name, dataset.title, tables, dataset.licence)
    out.print(table)
    return OK


def _tables(source: Source) -> dict[str, str]:
    return {name: table.access for name, table in source.tables.items()}


def _mapping_export(options: argparse.Namespace, _: Settings) -> int:
    from kg.etl import rml

    sources = {source.dataset.name: source for source in _sources()}
    if options.source not in sources:
        known = ", ".join(sorted(sources))
        raise InputError(f"no source is called {options.source!r}; expected one of {known}")
    out.print(rml.export(sources[options.source]), markup=False, end="")
    return OK
