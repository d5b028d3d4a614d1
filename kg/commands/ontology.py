"""The commands of those who edit the ontology: `kg ontology …`.

Each prints a result for people, as JSON for programs, or in a format of its own; exit code 1
where something does not conform. What a command alone needs is imported by it.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from kg import ontology
from kg.catalogue import Catalogue
from kg.commands.common import Command
from kg.errors import NoRelease
from kg.release import Home
from kg.settings import Settings, shipped
from kg.terminal import DOES_NOT_CONFORM, OK, err, out, print_json, progress
from kg.workers import FORMATS, Query, evaluate


class Result(Protocol):
    """What the commands print."""

    @property
    def ok(self) -> bool:
        """Whether the exit code is 0."""
        ...

    def text(self) -> str:
        """For people."""
        ...

    def data(self) -> dict[str, Any]:
        """For programs."""
        ...


def add_commands(command: Command) -> None:
    """Add `ontology` with its actions."""
    each = command("ontology", _help, "Check, compare, migrate, format and freeze the ontology.")
    each.set_defaults(parser=each)
    actions = each.add_subparsers(metavar="ACTION")
    each = command("check", _check, "Say what is wrong with the ontology.", parents=actions)
    each.add_argument("--watch", action="store_true", help="check again after every save")
    each.add_argument("--all", action="store_true", help="show remarks too, not only count them")
    each.add_argument("--no-reasoner", action="store_true", help="leave HermiT out")
    each.add_argument("--format", choices=("text", "json", "sarif", "github"), default="text")
    version = "a folder, a file, git:REV, a frozen version or a release id"
    for name, run, text in (
        ("diff", _diff, "Compare two versions of the ontology, term by term."),
        ("impact", _impact, "Say who uses what changed from A to B, and what then fails."),
    ):
        each = command(name, run, text, parents=actions)
        each.add_argument("a", metavar="A", help=version)
        each.add_argument("b", metavar="B", help=version)
        each.add_argument("--format", choices=("text", "md", "json"), default="text")
    _add_data(each)
    each = command("migrate", _migrate, "Carry out a migration file everywhere.", parents=actions)
    each.add_argument("file", type=Path, metavar="FILE", help="renames, merges, deprecations")
    each.add_argument(
        "--dry-run", action="store_true", help="try it on copies and say what it does"
    )
    _add_data(each)
    each = command("format", _format, "Give Turtle files their stable form.", parents=actions)
    each.add_argument(
        "file", type=Path, nargs="?", metavar="FILE", help="print this file as Turtle"
    )
    each.add_argument("--check", action="store_true", help="change nothing, say which would change")
    each = command("docs", _docs, "Write the ontology's documentation as HTML.", parents=actions)
    each.add_argument("target", type=Path, metavar="DIR", help="the folder to write into")
    command("release", _release, "Freeze the present version.", parents=actions)


def _help(options: argparse.Namespace, _: Settings) -> int:
    options.parser.print_help()
    return OK


def _add_data(each: argparse.ArgumentParser) -> None:
    each.add_argument("--data", type=Path, metavar="DIR", help="folder of third-party tables")


def _check(options: argparse.Namespace, _: Settings) -> int:
    from kg.ontology import check

    root = shipped("ontology").parent
    form = "json" if options.json else options.format

    def show(result: check.Result) -> None:
        printed = {
            "text": lambda: result.text(infos=options.all),
            "json": result.json,
            "sarif": lambda: json.dumps(result.sarif(), ensure_ascii=False, indent=2),
            "github": result.github,
        }[form]()
        out.print(printed.rstrip("\n"))

    if options.watch:
        try:
            check.watch(root, show, reason=not options.no_reasoner)
        except KeyboardInterrupt:
            return OK
    result = check.check(root, reason=not options.no_reasoner)
    show(result)
    return OK if result.ok else DOES_NOT_CONFORM


def _diff(options: argparse.Namespace, settings: Settings) -> int:
    from kg.ontology.diff import diff
    from kg.ontology.editions import Version

    folder, home = shipped("ontology"), Home(settings.home)
    found = diff(*(Version.load(text, folder, home) for text in (options.a, options.b)))
    _show(found, options, {"md": found.markdown})
    return OK


def _impact(options: argparse.Namespace, settings: Settings) -> int:
    from kg.migration import Project, impact

    project, home = Project.here(options.data), Home(settings.home)
    with progress() as show:
        found = impact(options.a, options.b, project, home, settings, show)
    return _show(found, options, {"md": found.markdown})


def _migrate(options: argparse.Namespace, settings: Settings) -> int:
    from kg.migration import Project, migrate

    project, home = Project.here(options.data), Home(settings.home)
    with progress() as show:
        done = migrate(
            options.file, project, home, settings, dry_run=options.dry_run, progress=show
        )
    return _show(done, options, {})


def _show(result: Result, options: argparse.Namespace, others: dict[str, Callable[[], str]]) -> int:
    form = "json" if options.json else getattr(options, "format", "text")
    if form == "json":
        print_json(result.data())
    else:
        out.print(others.get(form, result.text)(), end="")
    return OK if result.ok else DOES_NOT_CONFORM


def _format(options: argparse.Namespace, _: Settings) -> int:
    from kg.ontology.format import convert, format_files

    if options.file is not None:
        sys.stdout.write(convert(options.file))
        return OK
    changed = [str(path) for path in format_files(shipped("ontology"), check=options.check)]
    if options.json:
        print_json(changed)
    else:
        for path in changed:
            out.print(f"{'would change' if options.check else 'changed'} {path}")
    return DOES_NOT_CONFORM if options.check and changed else OK


def _docs(options: argparse.Namespace, settings: Settings) -> int:
    from kg.ontology.pages import EXAMPLES, examples, write_pages

    folder = shipped("ontology")
    catalogue = Catalogue.load(shipped("queries"), terms=ontology.terms(folder), base=settings.base)
    shown: dict[str, list[tuple[str, str]]] = {}
    synthetic = False
    try:
        release = Home(settings.home).current()
    except NoRelease as error:
        err.print(f"without examples: {error}")
    else:
        found = io.BytesIO()
        with release.lease():
            text = catalogue[EXAMPLES].bind({})
            evaluate(release.open(), Query(text, FORMATS["json"]), found)
        synthetic = release.manifest.synthetic
        shown = examples(json.loads(found.getvalue()), release.manifest.base)
    queries = catalogue.by_term()
    written = write_pages(
        folder, options.target, examples=shown, queries=queries, synthetic=synthetic
    )
    if options.json:
        print_json([str(path) for path in written])
    else:
        out.print(f"wrote {len(written)} files to {options.target}")
    return OK


def _release(options: argparse.Namespace, _: Settings) -> int:
    from kg.ontology.versions import freeze

    path = freeze(shipped("ontology"))
    if options.json:
        print_json({"version": path.name, "path": str(path)})
    else:
        out.print(f"version {path.name} is frozen in {path}")
    return OK
