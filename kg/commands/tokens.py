"""`kg token`: who may write, and to which graphs."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from kg.commands.common import Command
from kg.settings import Settings
from kg.terminal import OK, listing, out, print_json
from kg.tokens import Tokens


def add_commands(command: Command) -> None:
    """Add `token` with its actions."""
    each = command("token", _list, "List the tokens that may write.")
    actions = each.add_subparsers(metavar="ACTION")
    add = command("add", _add, "Make a token; it is shown this once.", parents=actions)
    add.add_argument("token", metavar="NAME")
    add.add_argument(
        "--graph",
        action="append",
        default=[],
        metavar="edits/NAME",
        help="a graph it may write to; default: edits/*, all of them",
    )
    command("list", _list, "List the tokens that may write.", parents=actions)
    revoke = command("revoke", _revoke, "Forget a token, at once.", parents=actions)
    revoke.add_argument("token", metavar="NAME")


def _list(options: argparse.Namespace, settings: Settings) -> int:
    tokens = Tokens(settings.home).all().values()
    if options.json:
        print_json([asdict(each) | {"sha256": each.sha256[:12]} for each in tokens])
        return OK
    table = listing("token", "graphs", "since")
    for each in tokens:
        table.add_row(each.name, ", ".join(each.graphs), each.created)
    out.print(table)
    return OK


def _add(options: argparse.Namespace, settings: Settings) -> int:
    token = Tokens(settings.home).add(options.token, options.graph)
    if options.json:
        print_json({"name": options.token, "token": token})
    else:
        print(token)  # alone on its line, as scripts want it
    return OK


def _revoke(options: argparse.Namespace, settings: Settings) -> int:
    Tokens(settings.home).revoke(options.token)
    return OK
