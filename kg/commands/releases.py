"""`kg releases` and `kg rollback`: what there is, and what is current."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from rich.table import Table

from kg.commands.common import Command, chosen
from kg.release import Home, Release
from kg.settings import Settings
from kg.terminal import OK, out, print_json


def add_commands(command: Command) -> None:
    """Add `releases` with its actions, and `rollback`."""
    each = command("releases", _releases, "List the releases.")
    actions = each.add_subparsers(metavar="ACTION")
    prune = command(
        "prune", _prune, "Remove old releases, never one that is served.", parents=actions
    )
    prune.add_argument(
        "--keep", type=int, required=True, metavar="N", help="how many of the newest stay"
    )
    verify = command(
        "verify", _verify, "Check that a release holds what its id names.", parents=actions
    )
    verify.add_argument("id", nargs="?", metavar="ID", help="default: the current one")
    each = command("rollback", _rollback, "Make the release before the current one current again.")
    each.add_argument("id", nargs="?", metavar="ID", help="or this one")


def _releases(options: argparse.Namespace, settings: Settings) -> int:
    home = Home(settings.home)
    releases = home.releases()
    current = home.current().id if releases else None
    if options.json:
        print_json([{"current": r.id == current, **asdict(r.manifest)} for r in releases])
        return OK
    names = ("", "release", "data", "built", "quads", "ontology", "sources")
    table = Table(*names, box=None, pad_edge=False)
    for each in releases:
        manifest = each.manifest
        mark = "*" if each.id == current else ""
        data = "synthetic" if manifest.synthetic else "real"
        sources = ", ".join(sorted({source.name for source in manifest.sources}))
        quads = f"{manifest.quads:,}"
        table.add_row(mark, each.id, data, manifest.created, quads, manifest.ontology, sources)
    out.print(table)
    return OK


def _prune(options: argparse.Namespace, settings: Settings) -> int:
    removed = Home(settings.home).prune(options.keep)
    if options.json:
        print_json(removed)
    else:
        out.print(f"removed {', '.join(removed) or 'nothing'}")
    return OK


def _verify(options: argparse.Namespace, settings: Settings) -> int:
    release = chosen(settings, options.id)
    with release.lease():
        release.verify()
    _print_done(options, release, "holds what its id names")
    return OK


def _rollback(options: argparse.Namespace, settings: Settings) -> int:
    release = Home(settings.home).rollback(options.id)
    _print_done(options, release, "is current again")
    return OK


def _print_done(options: argparse.Namespace, release: Release, what: str) -> None:
    if options.json:
        print_json({"release": release.id})
    else:
        kind = "synthetic release" if release.manifest.synthetic else "release"
        out.print(f"{kind} {release.id} {what}")
