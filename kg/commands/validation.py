"""`kg validate`: a release against the shapes as they are now."""

from __future__ import annotations

import argparse

from kg import ontology
from kg.commands.common import Command, chosen
from kg.settings import Settings, shipped
from kg.terminal import DOES_NOT_CONFORM, OK, out, print_json


def add_commands(command: Command) -> None:
    """Add `validate`."""
    each = command("validate", _validate, "Validate a release against the shapes as they are now.")
    each.add_argument("--release", metavar="ID", help="default: the current one")


def _validate(options: argparse.Namespace, settings: Settings) -> int:
    from kg.validate import Shapes, validate

    release = chosen(settings, options.release)
    with release.lease():
        graph, base = ontology.GRAPHS["shapes"], release.manifest.base
        paths = ontology.modules(shipped("ontology"), "shapes")
        shapes = Shapes.compile(q for path in paths for q in ontology.read(path, graph, base))
        report = validate(release.open(), shapes)
    if options.json:
        print_json(report.data())
    else:
        out.print(report.text(limit=50), markup=False, end="")
    return OK if report.conforms else DOES_NOT_CONFORM
