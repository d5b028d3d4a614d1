"""`kg releases` and `kg rollback`: what there is, and what is current."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from kg import vocab
from kg.commands.common import Command, chosen
from kg.release import Home, Release, compare
from kg.settings import Settings
from kg.terminal import BAD_INPUT, OK, err, listing, out, print_json


def add_commands(command: Command) -> None:
    """Add `releases` with its actions, and `rollback`."""
    each = command("releases", _releases, "List the releases.")
    actions = each.add_subparsers(metavar="ACTION")
    command("list", _releases, "List the releases.", parents=actions)
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
    diff = command("diff", _diff, "Say what distinguishes two releases.", parents=actions)
    diff.add_argument("a", metavar="A", help="the earlier release")
    diff.add_argument("b", nargs="?", metavar="B", help="default: the current one")
    diff.add_argument(
        "--patch", type=Path, metavar="FILE", help="write an RDF Patch; - for standard output"
    )
    fold = command(
        "fold", _fold, "Write the whole dump of a release that has a patch.", parents=actions
    )
    fold.add_argument("id", nargs="?", metavar="ID", help="default: the current one")
    each = command("rollback", _rollback, "Make the release before the current one current again.")
    each.add_argument("id", nargs="?", metavar="ID", help="or this one")


def _releases(options: argparse.Namespace, settings: Settings) -> int:
    home = Home(settings.home)
    releases, damaged = home.releases(), home.damaged()
    current = home.current().id if releases or damaged else None
    if options.json:
        told = [{"current": r.id == current, **asdict(r.manifest)} for r in releases]
        told += [
            {"current": id == current, "release": id, "damaged": fault}
            for id, fault in damaged.items()
        ]
        print_json(told)
        return _tell(damaged)
    names = ("", "release", "data", "built", "quads", "ontology", "sources")
    table = listing(*names, numbers=["quads"])
    for each in releases:
        manifest = each.manifest
        mark = "*" if each.id == current else ""
        data = "synthetic" if manifest.synthetic else "real"
        sources = ", ".join(sorted({source.name for source in manifest.sources}))
        quads = f"{manifest.quads:,}"
        table.add_row(mark, each.id, data, manifest.created, quads, manifest.ontology, sources)
    out.print(table)
    return _tell(damaged)


def _tell(damaged: Mapping[str, str]) -> int:
    """Say which releases are damaged; the exit code that this means."""
    for fault in damaged.values():
        err.print(f"kg: {fault}", style="red")
    return BAD_INPUT if damaged else OK


def _prune(options: argparse.Namespace, settings: Settings) -> int:
    home = Home(settings.home)
    removed = home.prune(options.keep)
    if options.json:
        print_json(removed)
    else:
        out.print(f"removed {', '.join(removed) or 'nothing'}")
    return _tell(home.damaged())


def _verify(options: argparse.Namespace, settings: Settings) -> int:
    release = chosen(settings, options.id)
    with release.lease():
        release.verify()
    _print_done(options, release, "holds what its id names")
    return OK


def _diff(options: argparse.Namespace, settings: Settings) -> int:
    before, after = chosen(settings, options.a), chosen(settings, options.b)
    with before.lease(), after.lease():
        found = compare(before, after)
    if options.patch is not None:
        text = b"".join(line + b"\n" for line in found.rdf_patch())
        if str(options.patch) == "-":
            sys.stdout.buffer.write(text)
            sys.stdout.buffer.flush()
            return OK
        options.patch.write_bytes(text)
    if options.json:
        added, removed = len(found.patch.added), len(found.patch.removed)
        classes = [asdict(each) for each in found.classes]
        ids = {"before": before.id, "after": after.id}
        graphs = [asdict(each) for each in found.graphs]
        told = {"added": added, "removed": removed, "classes": classes, "graphs": graphs}
        print_json(ids | told)
        return OK
    names = ("class", "new", "gone", "changed", "statements added", "removed")
    table = listing(*names, numbers=names[1:])
    for each in found.classes:
        counts = (each.new, each.gone, each.changed, each.added, each.removed)
        name = vocab.shorten(each.name, after.manifest.base) if each.name else "(no class)"
        table.add_row(name, *(f"{count:,}" for count in counts))
    if found.classes:
        out.print(table)
        out.print()
    table = listing("graph", "quads added", "removed", numbers=["quads added", "removed"])
    for graph in found.graphs:
        name = f"graph:{graph.name.removeprefix(vocab.GRAPH)}" if graph.name else "(default)"
        table.add_row(name, f"{graph.added:,}", f"{graph.removed:,}")
    if found.graphs:
        out.print(table)
    added, removed = len(found.patch.added), len(found.patch.removed)
    out.print(f"{before.id} → {after.id}: {added:,} quads added, {removed:,} removed")
    return OK


def _fold(options: argparse.Namespace, settings: Settings) -> int:
    release = chosen(settings, options.id)
    Home(settings.home).fold(release)
    _print_done(options, release, "has its whole dump")
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
