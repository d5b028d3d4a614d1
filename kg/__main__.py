"""The command line: `kg build · validate · query · sparql · serve · releases · rollback · …`.

For people by default, `--json` for programs. Exit codes: 0 ok, 1 does not conform, 2 bad input.
What a command alone needs is imported by it, so that asking does not wait for what builds.
"""

from __future__ import annotations

import argparse
import io
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from kg import maintainer, ontology, sparql, vocab
from kg.catalogue import Catalogue
from kg.errors import InputError, KnowledgeGraphError, UnknownParameter
from kg.release import Home, Release
from kg.settings import Settings, shipped
from kg.terminal import BAD_INPUT, DOES_NOT_CONFORM, OK, err, out, print_json, progress
from kg.workers import FORMATS, Query, evaluate

if TYPE_CHECKING:
    from kg.build import Outcome
    from kg.etl import Source


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    options = parser().parse_args(arguments)
    try:
        code: int = options.run(options, Settings.from_environment())
    except KnowledgeGraphError as error:
        err.print(f"kg: {error}", markup=False, style="red")
        return BAD_INPUT
    except BrokenPipeError:
        # The reader has seen enough; closing stdout again at exit must not fail.
        sys.stdout = io.StringIO()
        return OK
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

    each = command("build", _build, "Build a release from tables and publish it.")
    each.add_argument("--data", type=Path, metavar="DIR", help="folder of third-party tables")
    each = command("validate", _validate, "Validate a release against the shapes as they are now.")
    each.add_argument("--release", metavar="ID", help="default: the current one")
    each = command(
        "query", _query, "Run a named query on the current release; without a name, list them."
    )
    each.add_argument("name", nargs="?", metavar="TOPIC/NAME")
    each.add_argument("--param", action="append", default=[], metavar="K=V", help="a parameter")
    each.add_argument("--format", choices=FORMATS, help="default: a table")
    each = command("sparql", _sparql, "Run a SPARQL query on the current release.")
    each.add_argument("query", help="the query, or - to read it from standard input")
    each.add_argument("--format", choices=FORMATS, help="default: a table")
    each = command("serve", _serve, "Serve the current release over HTTP.")
    each.add_argument("--host", default="127.0.0.1", help="default: 127.0.0.1")
    each.add_argument("--port", type=int, default=8000, help="default: 8000")
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
    each = command("ontology", _help, "Check, compare, migrate, format and freeze the ontology.")
    each.set_defaults(parser=each)
    maintainer.add_commands(command, each.add_subparsers(metavar="ACTION"))
    each = command("mapping", _mapping_list, "List the sources and their mappings.")
    actions = each.add_subparsers(metavar="ACTION")
    command("list", _mapping_list, "List the sources and their mappings.", parents=actions)
    export = command("export", _mapping_export, "Export a mapping.", parents=actions)
    export.add_argument("source", metavar="SOURCE", help="a source's name")
    export.add_argument("--rml", action="store_true", required=True, help="as RML in Turtle")
    return top


def _help(options: argparse.Namespace, _: Settings) -> int:
    options.parser.print_help()
    return OK


# --- building ---------------------------------------------------------------------------------


def _build(options: argparse.Namespace, settings: Settings) -> int:
    from kg.build import Inputs, build
    from kg.validate import NotConforming

    try:
        with progress() as show:
            outcome = build(Home(settings.home), settings, Inputs(data=options.data), show)
    except NotConforming as error:
        if options.json:
            print_json(error.report.data())
        else:
            err.print(str(error), markup=False)
            err.print("nothing was published: what was served stays as it was", style="red")
        return DOES_NOT_CONFORM
    if options.json:
        print_json(_outcome(outcome))
    else:
        _print_outcome(outcome)
    return OK


def _outcome(outcome: Outcome) -> dict[str, Any]:
    tables = [
        {
            "table": account.table,
            "rows": account.read,
            "mapped": account.mapped,
            "rejected": account.rejected,
            "unmapped": account.unmapped,
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
    table = Table("table", box=None, pad_edge=False)
    for name in ("rows", "mapped", "unmapped", "rejected", "values rejected"):
        table.add_column(name, justify="right")
    table.add_column("rejects by rule")
    for account in outcome.accounts:
        values = sum(reject.level == "value" for reject in account.rejects)
        rules = ", ".join(f"{rule} {count}" for rule, count in account.by_rule().items())
        counts = (account.read, account.mapped, account.unmapped, account.rejected, values)
        table.add_row(account.table, *(f"{count:,}" for count in counts), rules)
    out.print(table)
    for notice in (*outcome.notices, *(n for account in outcome.accounts for n in account.notices)):
        out.print(f"notice: {notice}", markup=False)
    found = outcome.report.counts()
    out.print(f"validation: conforms; {found['Warning']} warnings, {found['Info']} remarks")
    seconds = sum(manifest.seconds.values())
    word = "published" if outcome.fresh else "unchanged, already there: "
    out.print(
        f"{word} release [bold]{manifest.release}[/bold]: {manifest.quads:,} quads "
        f"in {seconds:.1f} s, peak {manifest.peak_memory / 2**20:,.0f} MiB"
    )
    out.print(f"reports: {outcome.release.path}", markup=False)


def _validate(options: argparse.Namespace, settings: Settings) -> int:
    from pyoxigraph import DefaultGraph

    from kg.validate import validate

    release = _release(settings, options.release)
    with release.lease():
        graph, base = ontology.GRAPHS["shapes"], release.manifest.base
        paths = ontology.modules(shipped("ontology"), "shapes")
        shapes = [quad for path in paths for quad in ontology.read(path, graph, base)]
        data = release.open().quads_for_pattern(None, None, None, DefaultGraph())
        report = validate(data, shapes)
    if options.json:
        print_json(report.data())
    else:
        out.print(report.text(limit=50), markup=False, end="")
    return OK if report.conforms else DOES_NOT_CONFORM


# --- asking -----------------------------------------------------------------------------------


def _catalogue(base: str) -> Catalogue:
    terms = ontology.terms(shipped("ontology"))
    return Catalogue.load(shipped("queries"), terms=terms, base=base)


def _query(options: argparse.Namespace, settings: Settings) -> int:
    catalogue = _catalogue(settings.base)
    if options.name is None:
        return _list_queries(catalogue, as_json=options.json)
    values: dict[str, str] = {}
    for text in options.param:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--param {text!r}: expected NAME=VALUE")
        if name in values:
            raise UnknownParameter(f"--param {name}: given twice")
        values[name] = value
    return _answer(catalogue[options.name].bind(values), options, settings)


def _list_queries(catalogue: Catalogue, *, as_json: bool) -> int:
    if as_json:
        print_json({path: query.summary for path, query in catalogue.items()})
        return OK
    table = Table("query", "parameters", "answers", box=None, pad_edge=False)
    for path, query in catalogue.items():
        table.add_row(path, ", ".join(query.parameters), query.summary)
    out.print(table)
    return OK


def _sparql(options: argparse.Namespace, settings: Settings) -> int:
    return _answer(sys.stdin.read() if options.query == "-" else options.query, options, settings)


def _answer(text: str, options: argparse.Namespace, settings: Settings) -> int:
    graph = sparql.check(text) in ("CONSTRUCT", "DESCRIBE")
    name = options.format or ("json" if options.json or not graph else "ttl")
    # The engine does not look at signals while it evaluates: let Ctrl-C end the process.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    release = _release(settings, None)
    with release.lease():
        query = Query(text, FORMATS[name])
        if options.format or options.json or graph:
            evaluate(release.open(), query, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            found = io.BytesIO()
            evaluate(release.open(), query, found)
            _print_table(json.loads(found.getvalue()), release.manifest.base)
    return OK


def _print_table(found: dict[str, Any], base: str) -> None:
    """Print results for people: resources by their key, terms by their prefixed name."""
    if "boolean" in found:
        out.print("true" if found["boolean"] else "false")
        return
    names = found["head"]["vars"]
    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")  # a narrow terminal must not cut a value
    for row in found["results"]["bindings"]:
        cells = [row.get(name, {"type": "literal", "value": ""}) for name in names]
        texts = (
            vocab.shorten(cell["value"], base) if cell["type"] == "uri" else cell["value"]
            for cell in cells
        )
        table.add_row(*map(Text, texts))  # as Text: what data says is never markup
    out.print(table)


# --- serving and releases ---------------------------------------------------------------------


def _serve(options: argparse.Namespace, settings: Settings) -> int:
    # The one place where the command line reaches up to the API.
    from api.server import serve

    serve(Home(settings.home), settings, options.host, options.port)
    return OK


def _release(settings: Settings, id: str | None) -> Release:
    home = Home(settings.home)
    return home.get(id) if id else home.current()


def _releases(options: argparse.Namespace, settings: Settings) -> int:
    home = Home(settings.home)
    releases = home.releases()
    current = home.current().id if releases else None
    if options.json:
        print_json([{"current": r.id == current, **asdict(r.manifest)} for r in releases])
        return OK
    table = Table("", "release", "built", "quads", "ontology", "sources", box=None, pad_edge=False)
    for each in releases:
        manifest = each.manifest
        mark = "*" if each.id == current else ""
        sources = ", ".join(sorted({source.name for source in manifest.sources}))
        table.add_row(
            mark, each.id, manifest.created, f"{manifest.quads:,}", manifest.ontology, sources
        )
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
    release = _release(settings, options.id)
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
        out.print(f"release {release.id} {what}")


# --- mappings ---------------------------------------------------------------------------------


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


if __name__ == "__main__":
    sys.exit(main())
