"""`kg build`: from tables to a published release."""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kg.commands.common import Command
from kg.commands.validation import print_trend
from kg.errors import NoRelease
from kg.release import Home, Release
from kg.settings import Settings
from kg.terminal import DOES_NOT_CONFORM, OK, err, listing, out, print_json, progress

if TYPE_CHECKING:
    from kg.build import Outcome


def add_commands(command: Command) -> None:
    """Add `build`."""
    each = command("build", _build, "Build a release from tables and publish it.")
    data = each.add_mutually_exclusive_group()
    data.add_argument("--data", type=Path, metavar="DIR", help="folder of third-party tables")
    data.add_argument(
        "--sample", type=Path, metavar="DIR", help="folder of made-up tables, and no real ones"
    )
    each.add_argument(
        "--force", action="store_true", help="let a synthetic release take a real one's place"
    )
    each.add_argument("--full", action="store_true", help="map everything, not only what changed")
    each.add_argument(
        "--mappings", type=Path, metavar="DIR", help="folder of your own mappings and their tables"
    )
    each.add_argument(
        "--replay",
        type=Path,
        metavar="REJECTS",
        action="append",
        default=[],
        help="corrected rejects.csv of an earlier build; may be given again",
    )


def _build(options: argparse.Namespace, settings: Settings) -> int:
    from kg.build import Inputs, build
    from kg.validate import NotConforming

    inputs = Inputs(
        data=options.sample or options.data,
        synthetic=options.sample is not None,
        force=options.force,
        fetched=settings.fetched,
        own=options.mappings or settings.mappings,
        replay=tuple(options.replay),
    )
    home = Home(settings.home)
    before = _served(home)
    try:
        with progress() as show:
            outcome = build(home, settings, inputs, show, full=options.full)
    except NotConforming as error:
        if options.json:
            print_json(error.report.data() | {"path": str(home.refused)})
        else:
            err.print(str(error))
            err.print("nothing was published: what was served stays as it was", style="red")
            err.print(f"the whole report and the rejects: {home.refused}")
        return DOES_NOT_CONFORM
    if options.json:
        print_json(_outcome(outcome))
    else:
        _print_outcome(outcome)
        if before and outcome.release.id != before.id:
            print_trend(before, outcome.report)
    return OK


def _served(home: Home) -> Release | None:
    """The release that the build is to follow, if it has a report to compare with."""
    try:
        found = home.current()
    except NoRelease:
        return None
    return found if (found.path / "report.json").is_file() else None


def _outcome(outcome: Outcome) -> dict[str, Any]:
    tables = [
        {
            "source": account.source,
            "table": account.table,
            "rows": account.read,
            "mapped": account.mapped,
            "rejected": account.rejected,
            "unmapped": account.unmapped,
            "corrected": account.corrected,
            "cells": {"read": account.cells_read} | account.cells,
            "rejects": account.by_rule(),
        }
        for account in outcome.accounts
    ]
    return {
        "release": outcome.release.id,
        "path": str(outcome.release.path),
        "new": outcome.fresh,
        "tables": tables,
        "notices": list(outcome.notices),
        "validation": outcome.report.counts(),
        "manifest": asdict(outcome.release.manifest),
    }


def _print_outcome(outcome: Outcome) -> None:
    manifest = outcome.release.manifest
    numbers = ("rows", "mapped", "unmapped", "rejected", "cells", "refused")
    table = listing("source/table", *numbers, "rejects by rule", numbers=numbers)
    for account in outcome.accounts:
        cells = account.cells
        rules = ", ".join(f"{rule} {count}" for rule, count in account.by_rule().items())
        counts = (
            account.read, account.mapped, account.unmapped, account.rejected,
            account.cells_read, cells["rejected"] + cells["of_rejected_rows"],
        )  # fmt: skip
        table.add_row(
            f"{account.source}/{account.table}", *(f"{count:,}" for count in counts), rules
        )
    out.print(table)
    total = Counter[str]()
    for account in outcome.accounts:
        total.update(account.cells)
    parts = (f"{count:,} {name.replace('_', ' ')}" for name, count in total.items())
    out.print(f"cells: {total.total():,} = {' + '.join(parts)}")
    for notice in (*outcome.notices, *(n for account in outcome.accounts for n in account.notices)):
        out.print(f"notice: {notice}")
    found = outcome.report.counts()
    out.print(f"validation: conforms; {found['Warning']} warnings, {found['Info']} remarks")
    seconds = sum(manifest.seconds.values())
    word = "published" if outcome.fresh else "unchanged, already there:"
    kind = "synthetic release" if manifest.synthetic else "release"
    out.print(
        f"{word} {kind} [bold]{manifest.release}[/bold]: {manifest.quads:,} quads "
        f"in {seconds:.1f} s, peak {manifest.peak_memory / 2**20:,.0f} MiB",
        markup=True,
    )
    out.print(f"reports: {outcome.release.path}")
