"""`kg mapping …` and `kg why`: the sources, their mappings, and what a row or a triple rests on."""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kg import vocab
from kg.commands.common import Command, chosen, sources
from kg.errors import InputError
from kg.settings import Settings, shipped
from kg.terminal import DOES_NOT_CONFORM, OK, listing, out, print_json

if TYPE_CHECKING:
    from kg.etl import Context, Source
    from kg.etl.explain import Stated
    from kg.release import Release
    from kg.tables import Reject, Sheet

#: The folder of a release that keeps its sheets: rows/<source>/<table>.
_ROWS = "rows"


def add_commands(command: Command) -> None:
    """Add `mapping` with its actions, and `why`."""
    each = command("mapping", _mapping_list, "List the sources and their mappings.")
    actions = each.add_subparsers(metavar="ACTION")
    command("list", _mapping_list, "List the sources and their mappings.", parents=actions)
    check = command("check", _mapping_check, "Name every fault of mapping files.", parents=actions)
    check.add_argument("files", nargs="*", type=Path, metavar="FILE", help="default: all shipped")
    check.add_argument("--data", type=Path, metavar="DIR", help="folder of the tables")
    explain = command(
        "explain", _mapping_explain, "Show what a row of a source gives.", parents=actions
    )
    explain.add_argument("source", metavar="SOURCE", help="a source's name, or a mapping file")
    explain.add_argument(
        "--row", type=int, required=True, metavar="N", help="its line (Parquet: its number)"
    )
    explain.add_argument("--table", metavar="NAME", help="one table; default: all of the source")
    explain.add_argument(
        "--data", type=Path, metavar="DIR", help="folder of the tables; default: those of a release"
    )
    explain.add_argument("--release", metavar="ID", help="default: the current one")
    export = command("export", _mapping_export, "Export a mapping.", parents=actions)
    export.add_argument("source", metavar="SOURCE", help="a source's name, or a mapping file")
    export.add_argument("--rml", action="store_true", required=True, help="as RML in Turtle")
    imported = command("import", _mapping_import, "Import a mapping from RML.", parents=actions)
    imported.add_argument("file", type=Path, metavar="FILE.ttl", help="RML in Turtle")
    for name, what in (("title", "TEXT"), ("original", "IRI"), ("licence", "IRI")):
        text = f"of the dataset, where the file does not say its {name}"
        imported.add_argument(f"--{name}", default="", metavar=what, help=text)
    why = command("why", _why, "Show which rows and mappings gave a triple of a release.")
    why.add_argument(
        "triple",
        nargs="+",
        metavar="TERM",
        help="subject, predicate and, if wanted, object: IRIs in <>, CURIEs, keys or literals",
    )
    why.add_argument("--release", metavar="ID", help="default: the current one")


def _source(name: str, settings: Settings) -> Source:
    """A source by name, or the one of a mapping file."""
    from kg import etl

    if name.endswith(".yml"):
        return etl.read(Path(name))
    found = {source.dataset.name: source for source in sources(settings)}
    if name not in found:
        known = ", ".join(sorted(found))
        raise InputError(f"no source is called {name!r}; expected one of {known}")
    return found[name]


def _context(base: str) -> Context:
    from kg import etl

    return etl.Context(shipped("tables"), shipped("ontology") / "vocabularies", base)


def _mapping_list(options: argparse.Namespace, settings: Settings) -> int:
    every = sources(settings)
    if options.json:
        print_json([asdict(each.dataset) | {"tables": _tables(each)} for each in every])
        return OK
    table = listing("source", "title", "tables", "licence")
    for each in every:
        dataset, tables = each.dataset, ", ".join(_tables(each).values())
        table.add_row(dataset.name, dataset.title, tables, dataset.licence)
    out.print(table)
    return OK


def _tables(source: Source) -> dict[str, str]:
    return {name: table.access for name, table in source.tables.items()}


def _mapping_check(options: argparse.Namespace, settings: Settings) -> int:
    from kg.etl.check import check
    from kg.etl.schema import Schema

    schema, context = Schema.load(shipped("ontology")), _context(settings.base)
    files = options.files or sorted(shipped("mappings").glob("*.yml"))
    if missing := [file for file in files if not file.is_file()]:
        raise InputError(f"{missing[0]}: no such file")
    found = [each for file in files for each in check(file, schema, context, options.data)]
    errors = sum(each.level == "error" for each in found)
    if options.json:
        print_json([asdict(each) for each in found])
    else:
        for each in found:
            out.print(str(each))
        warnings = len(found) - errors
        out.print(f"{len(files)} files: {errors} errors, {warnings} warnings")
    return DOES_NOT_CONFORM if errors else OK


def _mapping_export(options: argparse.Namespace, settings: Settings) -> int:
    from kg.etl import rml

    sys.stdout.write(rml.export(_source(options.source, settings)))
    return OK


def _mapping_import(options: argparse.Namespace, _: Settings) -> int:
    from kg.etl import rml

    given = rml.Given(options.title, options.original, options.licence)
    sys.stdout.write(rml.read(options.file, given))
    return OK


# --- rows and triples -----------------------------------------------------------------------------


def _mapping_explain(options: argparse.Namespace, settings: Settings) -> int:
    from kg import etl
    from kg.etl import explain

    source = _source(options.source, settings)
    if options.table is not None and options.table not in source.tables:
        known = ", ".join(source.tables)
        raise InputError(f"{options.source} has no table {options.table!r}; it has {known}")
    made: list[Stated] = []
    rejects: list[Reject] = []
    with tempfile.TemporaryDirectory(prefix="kg-") as folder:
        if options.data is not None or options.source.endswith(".yml"):
            place = shipped("tables") if source.dataset.shipped else options.data or Path()
            context = _context(settings.base)
            sheets, joined = etl.stage(source, place, Path(folder) / "rows"), {}
            rejects = [each for sheet in sheets.values() for each in sheet.account.rejects]
        else:
            release = chosen(settings, options.release)
            context = _context(release.manifest.base)
            sheets, joined = _kept(release, source), _all_kept(release, settings)
            rejects = _kept_rejects(release, source)
        asked = [options.table] if options.table else list(sheets)
        for name in asked:
            stated, refused = explain.explain(source, sheets, context, name, options.row, joined)
            made += stated
            rejects += refused
    rejects = list(dict.fromkeys(r for r in rejects if r.line == options.row and r.table in asked))
    if not (made or rejects):
        names = sorted({Path(source.tables[name].access).name for name in asked})
        raise InputError(f"{', '.join(names)}: row {options.row} gives nothing, or is not there")
    if options.json:
        print_json({"statements": _data(made), "rejects": [asdict(each) for each in rejects]})
        return OK
    _print(made, context.base)
    for reject in rejects:
        out.print(f"rejected: {reject}")
    return OK


def _why(options: argparse.Namespace, settings: Settings) -> int:
    from kg.etl import explain

    release = chosen(settings, options.release)
    base = release.manifest.base
    terms = explain.triple(" ".join(options.triple), base)
    graphs = explain.graphs_of(release.open(), *terms)
    if not graphs:
        shown = " ".join(_short(term, base) for term in terms if term)
        raise InputError(f"release {release.id} does not state {shown}")
    kept = [
        (source, _kept(release, source)) for source in sources(settings) if _has(release, source)
    ]
    made = explain.why(kept, _context(base), *terms)
    if options.json:
        print_json({"release": release.id, "graphs": graphs, "statements": _data(made)})
        return OK
    _print(made, base)
    told = {each.graph for each in made}
    for graph in graphs:
        if graph not in told:
            out.print(f"{_graph(graph)}: no row of a table gives it, as it stands today")
    return OK


def _has(release: Release, source: Source) -> bool:
    folder = release.path / _ROWS / source.dataset.name
    return source.gives_statements and all((folder / name).is_dir() for name in source.tables)


def _kept(release: Release, source: Source) -> dict[str, Sheet]:
    """The sheets of a source that a release keeps."""
    from kg.tables import Account, Sheet

    if not _has(release, source):
        raise InputError(f"release {release.id} keeps no rows of {source.dataset.name}")
    name, folder = source.dataset.name, release.path / _ROWS / source.dataset.name
    sheets = {
        table.name: Sheet(
            table, folder / table.name, Account(name, table.name, Path(table.access).name)
        )
        for table in source.tables.values()
    }
    for sheet in sheets.values():
        kept = sheet.scan().collect_schema().names()
        if missing := [each.name for each in sheet.table.columns if each.name not in kept]:
            raise InputError(
                f"release {release.id} was built before {source.file.name} named the column "
                f"{missing[0]}: build again"
            )
    return sheets


def _all_kept(release: Release, settings: Settings) -> dict[str, Sheet]:
    return {
        f"{source.dataset.name}/{name}": sheet
        for source in sources(settings)
        if _has(release, source)
        for name, sheet in _kept(release, source).items()
    }


def _kept_rejects(release: Release, source: Source) -> list[Reject]:
    """The rejects of whole rows of a source, as the release tells them."""
    import csv

    from kg.tables import Reject

    names = [each.name for each in fields(Reject)]
    path = release.path / "rejects.csv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Reject(**{name: row[name] for name in names} | {"line": int(row["line"])})  # type: ignore[arg-type]
            for row in csv.DictReader(file)
            if row["source"] == source.dataset.name and row["level"] == "row"
        ]


def _data(made: list[Stated]) -> list[dict[str, Any]]:
    return [asdict(each) for each in made]


def _print(made: list[Stated], base: str) -> None:
    """Statements under the lines of the mapping that made them."""
    before = ("", "", "", 0)
    for each in made:
        at = each.origin
        here = (each.source, at.table, each.mapping, at.line)
        if here != before:
            of = f"mapping {each.mapping} ({at.source}/{at.table})"
            out.print(f"{at.file}:{at.line}, {of}")
        before = here
        text = " ".join(_short(term, base) for term in (each.subject, each.predicate, each.object))
        behind = f", column {each.origin.column}" if each.origin.column else ""
        graph = _graph(each.graph)
        out.print(f"  {text}  ({each.at}{behind}; {graph})")


def _graph(iri: str) -> str:
    return f"graph:{iri.removeprefix(vocab.GRAPH)}" if iri.startswith(vocab.GRAPH) else iri


def _short(term: str, base: str) -> str:
    """A term of N-Quads as people write it."""
    if term == f"<{vocab.RDF}type>":
        return "a"
    if term.startswith("<"):
        short = vocab.shorten(term[1:-1], base)
        return term if short == term[1:-1] else short
    text, marks, datatype = term.rpartition("^^")
    return f"{text}^^{_short(datatype, base)}" if marks and datatype[:1] == "<" else term
