"""`kg source …`: what there is of each source, their originals, a first definition of a new one."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from kg.commands.common import Command
from kg.errors import InputError, NoRelease
from kg.settings import Settings, shipped
from kg.terminal import OK, err, listing, out, print_json, progress

if TYPE_CHECKING:
    from kg.etl import Source

_MIB = 1024 * 1024
#: Rejects that a terminal is told of.
_SHOWN = 10


def add_commands(command: Command) -> None:
    """Add `source` with `list`, `fetch` and `add`."""
    text = "List the sources: what there is of each, and under which licence."
    each = command("source", _list, text)
    _folders(each)
    actions = each.add_subparsers(metavar="ACTION")
    _folders(command("list", _list, text, parents=actions))
    fetch = command("fetch", _fetch, "Download the originals of sources.", parents=actions)
    fetch.add_argument("sources", metavar="SOURCE", nargs="*", help="a source's name; none: all")
    fetch.add_argument("--again", action="store_true", help="also what is there, changed or not")
    fetch.add_argument(
        "--limit", type=int, default=2048, metavar="MIB", help="most of one file, 2048 if not said"
    )
    _folders(fetch)
    text = "Look at a table and write a first definition and mapping of it."
    add = command("add", _add, text, parents=actions)
    add.add_argument(
        "table", metavar="TABLE", help="a file of any format, or the URL of a database"
    )
    add.add_argument("--mappings", type=Path, metavar="DIR", help="folder of your own mappings")
    add.add_argument("--name", dest="called", help="the source's name; else that of the file")
    add.add_argument("--class", dest="class_", metavar="CLASS", help="what a row is, as aic:Policy")
    add.add_argument("--title", help="the source's title")
    add.add_argument("--licence", metavar="IRI", help="the licence of the table")
    add.add_argument("--original", metavar="IRI", help="where the table is published")
    for option, text in (
        ("format", "if the file's ending does not say it"),
        ("encoding", "such as gb18030; else guessed"),
        ("delimiter", "between cells of CSV; else guessed"),
        ("sheet", "of a workbook"),
        ("records", "JSON Pointer to the array of objects"),
        ("query", "for a database"),
    ):
        add.add_argument(f"--{option}", default="", help=text)
    add.add_argument("--force", action="store_true", help="replace a mapping that is there")


def _folders(each: argparse.ArgumentParser) -> None:
    each.add_argument("--data", type=Path, metavar="DIR", help="folder of third-party tables")
    each.add_argument("--mappings", type=Path, metavar="DIR", help="folder of your own mappings")


def _sources(options: argparse.Namespace, settings: Settings) -> list[tuple[Source, list[Path]]]:
    """Every source with the folders that may have its tables; fetched ones go into the first."""
    from kg import etl

    outside = [options.data] if options.data else [settings.fetched]
    found = [
        (source, [shipped("tables")] if source.dataset.shipped else outside)
        for source in etl.load(shipped("mappings"))
    ]
    own = options.mappings or settings.mappings
    if own is not None:
        found += [(source, [own]) for source in etl.load(own)]
    return found


def _list(options: argparse.Namespace, settings: Settings) -> int:
    from kg.release import Home
    from kg.sources import states

    try:
        read = Home(settings.home).current().manifest.sources
    except NoRelease:
        read = ()
    rows = {(each.title, each.name): each.rows for each in read}
    found = states(_sources(options, settings), rows)
    if options.json:
        print_json([asdict(each) for each in found])
        return OK
    table = listing("source", "state", "rows", "licence", "file", numbers=["rows"])
    files = {(each.source, each.access): each for each in reversed(found)}
    for each in reversed(files.values()):
        read_ = "" if each.rows is None else f"{each.rows:,}"
        state = f"{each.state} {each.fetched[:10]}".rstrip()
        table.add_row(each.source, state, read_, each.licence, each.path or each.access)
    out.print(table)
    credited = {each.source: each.attribution for each in found if each.attribution}
    for name, attribution in credited.items():
        out.print(f"{name}: {attribution}")
    return OK


def _fetch(options: argparse.Namespace, settings: Settings) -> int:
    from kg.sources import fetch_all

    if options.limit <= 0:
        raise InputError(f"--limit: {options.limit} is not a number of MiB above zero")
    every = _sources(options, settings)
    found = {source.dataset.name: (source, folders[0]) for source, folders in every}
    if unknown := [name for name in options.sources if name not in found]:
        raise InputError(
            f"no source is called {unknown[0]!r}; expected one of {', '.join(sorted(found))}"
        )
    chosen = [found[name] for name in dict.fromkeys(options.sources)] or list(found.values())
    by_hand = [
        source.dataset
        for source, folder in chosen
        if not (source.dataset.shipped or source.dataset.synthetic)
        and source.missing(folder)
        and not any(table.original for table in source.tables.values())
    ]
    done = []
    with progress() as show:
        begun: set[str] = set()

        def told(name: str, came: int, total: int) -> None:
            if err.is_terminal or name not in begun:  # no line for each block
                begun.add(name)
                show(f"{name}, {came / _MIB:.1f} MiB", came / total if total else 0.0)

        for path, fetched, now in fetch_all(chosen, options.limit * _MIB, options.again, told):
            done.append({"path": path, "new": now} | asdict(fetched))
            if not options.json:
                of = f"{path}, {fetched.bytes:,} bytes, SHA-256 {fetched.sha256}"
                out.print(f"{'fetched' if now else 'there'}: {of}")
    if options.json:
        print_json({"files": done, "by_hand": {each.name: each.original for each in by_hand}})
    for dataset in by_hand:
        err.print(f"to be fetched by hand: {dataset.name}, from {dataset.original}")
    return OK


def _add(options: argparse.Namespace, settings: Settings) -> int:
    from kg import etl
    from kg.sources import add
    from kg.tables import Dialect

    names = ("format", "encoding", "delimiter", "sheet", "records", "query")
    added = add(
        options.table,
        options.mappings or settings.mappings,
        options.called or "",
        Dialect(**{name: getattr(options, name) for name in names}),
        shipped("ontology"),
        etl.Context(shipped("tables"), shipped("ontology") / "vocabularies", settings.base),
        taken=frozenset(each.dataset.name for each in etl.load(shipped("mappings"))),
        class_=options.class_,
        title=options.title or "",
        licence=options.licence or "",
        original=options.original or "",
        force=options.force,
    )
    if options.json:
        print_json(asdict(added))
        return OK
    out.print(f"wrote {added.file}: edit it, then build with it")
    if added.class_:
        out.print(f"a row is taken for {added.class_}")
    for column, property in added.meanings.items():
        out.print(f"  {column}: {property}")
    if added.unused:
        out.print(f"not used: {', '.join(added.unused)}")
    out.print(f"as it stands it gives {added.triples:,} triples and {len(added.rejects)} rejects")
    for reject in added.rejects[:_SHOWN]:
        out.print(f"  {reject}")
    if (more := len(added.rejects) - _SHOWN) > 0:
        out.print(f"  and {more:,} more: the rejects.csv of a build has them all")
    return OK
