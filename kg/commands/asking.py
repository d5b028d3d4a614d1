"""`kg query` and `kg sparql`: ask the current release."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import signal
import sys
from typing import TYPE_CHECKING, Any

from kg import ontology, sparql, vocab
from kg.catalogue import Catalogue, resolved
from kg.commands.common import Command, chosen
from kg.errors import InputError
from kg.settings import Settings, shipped
from kg.terminal import OK, listing, out, print_json
from kg.workers import FORMATS, Query, evaluate

if TYPE_CHECKING:
    from pyoxigraph import Store


def add_commands(command: Command) -> None:
    """Add `query` and `sparql`."""
    each = command(
        "query", _query, "Run a named query on the current release; without a name, list them."
    )
    each.add_argument("name", nargs="?", metavar="TOPIC/NAME")
    text = "a parameter; a resource by its IRI, key or label"
    each.add_argument("--param", action="append", default=[], metavar="K=V", help=text)
    each.add_argument("--format", choices=FORMATS, help="default: a table")
    each = command("sparql", _sparql, "Run a SPARQL query on the current release.")
    each.add_argument("query", help="the query, or - to read it from standard input")
    each.add_argument("--format", choices=FORMATS, help="default: a table")


def _catalogue(base: str) -> Catalogue:
    terms = ontology.terms(shipped("ontology"))
    return Catalogue.load(shipped("queries"), terms=terms, base=base)


def _query(options: argparse.Namespace, settings: Settings) -> int:
    if options.name is None:
        return _list_queries(_catalogue(settings.base), as_json=options.json)
    values: dict[str, list[str]] = {}
    for text in options.param:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--param {text!r}: expected NAME=VALUE")
        values.setdefault(name, []).append(value)
    release = chosen(settings, None)
    query = _catalogue(release.manifest.base)[options.name]
    with release.lease():
        store = release.open()

        async def ask(text: str) -> list[str]:
            found = _found(store, text)["results"]["bindings"]
            return [row["resource"]["value"] for row in found]

        bound = query.bind(asyncio.run(resolved(query, values, ask)))
        return _answer(bound, options, store, query.base)


def _list_queries(catalogue: Catalogue, *, as_json: bool) -> int:
    if as_json:
        print_json({path: query.summary for path, query in catalogue.items()})
        return OK
    table = listing("query", "parameters", "answers")
    for path, query in catalogue.items():
        table.add_row(path, ", ".join(query.parameters), query.summary)
    out.print(table)
    return OK


def _sparql(options: argparse.Namespace, settings: Settings) -> int:
    text = sys.stdin.read() if options.query == "-" else options.query
    release = chosen(settings, None)
    with release.lease():
        return _answer(text, options, release.open(), release.manifest.base)


def _answer(text: str, options: argparse.Namespace, store: Store, base: str) -> int:
    graph = sparql.check(text) in ("CONSTRUCT", "DESCRIBE")
    name = options.format or ("json" if options.json or not graph else "ttl")
    # The engine does not look at signals while it evaluates: let Ctrl-C end the process.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if options.format or options.json or graph:
        evaluate(store, Query(text, FORMATS[name]), sys.stdout.buffer)
        sys.stdout.buffer.flush()
    else:
        _print_table(_found(store, text), base)
    return OK


def _found(store: Store, text: str) -> dict[str, Any]:
    """The answer to a SELECT or ASK, as JSON of SPARQL's."""
    body = io.BytesIO()
    evaluate(store, Query(text, FORMATS["json"]), body)
    answer: dict[str, Any] = json.loads(body.getvalue())
    return answer


def _print_table(found: dict[str, Any], base: str) -> None:
    """Print results for people: resources by their key, terms by their prefixed name."""
    if "boolean" in found:
        out.print("true" if found["boolean"] else "false")
        return
    names = found["head"]["vars"]
    table = listing(*names)
    for row in found["results"]["bindings"]:
        cells = [row.get(name, {"type": "literal", "value": ""}) for name in names]
        texts = (
            vocab.shorten(cell["value"], base) if cell["type"] == "uri" else cell["value"]
            for cell in cells
        )
        table.add_row(*texts)
    out.print(table)
