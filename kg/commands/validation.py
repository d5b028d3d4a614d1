"""`kg validate`: a release against the shapes as they are now, with the rows of what is wrong."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kg import ontology
from kg.commands.common import Command, chosen, kept
from kg.errors import InputError, ReleaseError
from kg.release import Home, Release
from kg.settings import Settings, shipped
from kg.terminal import DOES_NOT_CONFORM, OK, err, out, print_json, progress

if TYPE_CHECKING:
    from kg.validate import Report, Shapes

_FORMATS = ("text", "html", "ttl", "json", "csv", "junit")
#: Results that a terminal is told of; a file has them all.
_SHOWN = 50


def add_commands(command: Command) -> None:
    """Add `validate`."""
    each = command("validate", _validate, "Validate a release against the shapes as they are now.")
    each.add_argument("--release", metavar="ID", help="default: the current one")
    each.add_argument(
        "--since", metavar="ID", help="compare with its report; default: the release before"
    )
    each.add_argument(
        "--engine", choices=("compiled", "pyshacl"), default="compiled",
        help="pyshacl: the reference, some hundred times slower",
    )  # fmt: skip
    each.add_argument("--format", choices=_FORMATS, default="text", help="default: text")
    each.add_argument("--lang", choices=("en", "zh"), default="en", help="language of messages")
    each.add_argument("--out", type=Path, metavar="FILE", help="write the whole report there")


def _validate(options: argparse.Namespace, settings: Settings) -> int:
    from kg.validate import validate

    release = chosen(settings, options.release)
    with release.lease(), progress() as show:
        show("shapes", 0.0)
        shapes = _shapes(release.manifest.base)
        show("validate", 0.1)
        report = validate(release.open(), shapes, engine=options.engine)
        if report.results:
            show("trace", 0.7)
            report = _traced(report, release, settings)
    kind = "json" if options.json else options.format
    if options.out:
        _write(report, options.out, kind, options.lang)
    elif options.json:
        print_json(report.data())
    elif kind == "text":
        out.print(report.text(_SHOWN, options.lang), end="")
    else:
        sys.stdout.writelines(report.parts(kind, options.lang))
    if kind == "text" and (before := _before(release, settings, options.since)):
        print_trend(before, report)
    return OK if report.conforms else DOES_NOT_CONFORM


def _shapes(base: str) -> Shapes:
    from kg.ontology.sources import Sources
    from kg.validate import Shapes

    def place(shape: str) -> str:
        file, line = Sources(shipped("ontology")).refresh().place(shape)
        return f"{file}:{line}" if line else ""

    paths = ontology.modules(shipped("ontology"), "shapes")
    quads = (q for path in paths for q in ontology.read(path, ontology.GRAPHS["shapes"], base))
    return Shapes.compile(quads, place)


def _traced(report: Report, release: Release, settings: Settings) -> Report:
    """The report with the rows, in the tables that the release kept, of each result."""
    from kg import etl
    from kg.build.verdict import traced

    base = release.manifest.base
    context = etl.Context(shipped("tables"), shipped("ontology") / "vocabularies", base)
    return traced(report, kept(release, settings), context)


def _write(report: Report, path: Path, kind: str, language: str) -> None:
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            file.writelines(report.parts(kind, language))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    counts = ", ".join(f"{count:,} {name}" for name, count in report.counts().items())
    err.print(f"{path}: {counts}")


def _before(release: Release, settings: Settings, id: str | None) -> Release | None:
    """The release to compare with: the one named, or the one built before."""
    if id:
        return chosen(settings, id)
    created = release.manifest.created
    older = [
        each
        for each in Home(settings.home).releases()
        if each.manifest.created < created and (each.path / "report.json").is_file()
    ]
    return max(older, key=lambda each: each.manifest.created, default=None)


def print_trend(before: Release, now: Report) -> None:
    """Tell the numbers of results that differ from those of a release before."""
    from kg.validate import Report, trend

    try:
        changes = trend(Report.read(before.path), now)
    except ReleaseError as error:
        err.print(f"not compared with release {before.id}: {error}")
        return
    out.print(f"since release {before.id}: " + ("" if changes else "as many of each shape"))
    for shape, severity, old, new in changes:
        out.print(f"  {old:>7,} → {new:>7,} {severity:<9} {shape}")
