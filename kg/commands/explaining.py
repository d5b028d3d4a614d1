"""`kg explain`: why a statement of a release holds, down to stated facts and their rows."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from kg import ontology, vocab
from kg.commands.common import Command, chosen, kept
from kg.errors import InputError
from kg.settings import Settings, shipped
from kg.terminal import OK, out, print_json

if TYPE_CHECKING:
    from pyoxigraph import Triple

    from kg.infer import Derivation
    from kg.infer.rules import Term
    from kg.release import Release
    from kg.tables import Origin

    Rows = Mapping[Triple, list[Origin]]


def add_commands(command: Command) -> None:
    """Add `explain`."""
    each = command("explain", _explain, "Say why a statement of a release holds.")
    each.add_argument(
        "statement",
        nargs="+",
        metavar="TERM",
        help="subject, predicate and object: IRIs, CURIEs, keys such as organization/baidu, "
        "or a literal in Turtle",
    )
    each.add_argument("--release", metavar="ID", help="default: the current one")


def _explain(options: argparse.Namespace, settings: Settings) -> int:
    from pyoxigraph import NamedNode

    from kg.infer import Rules, explain

    release = chosen(settings, options.release)
    base = release.manifest.base
    triple = _read(" ".join(options.statement), base)
    with release.lease():
        store = release.open()
        graph = NamedNode(ontology.GRAPHS[""])
        rules = Rules.compile(store.quads_for_pattern(None, None, None, graph))
        found = explain(store, rules, triple)
        rows = _rows(release, found, settings)
    if options.json:
        print_json(_data(found, rows))
    else:
        out.print("\n".join(_text(found, rows, base)))
    return OK


def _read(text: str, base: str) -> Triple:
    """The triple that a person means."""
    from pyoxigraph import RdfFormat, parse

    from kg.etl import explain

    terms = explain.triple(text, base)
    if terms[2] is None:
        raise InputError(f"{text!r}: expected a subject, a predicate and an object")
    (quad,) = parse(f"{' '.join(map(str, terms))} .", RdfFormat.N_TRIPLES)
    triple: Triple = quad.triple
    return triple


def _rows(release: Release, found: Derivation, settings: Settings) -> Rows:
    """The rows that the asserted statements of a derivation came from."""
    from kg import etl

    keys = {triple: tuple(map(str, triple)) for triple in found.asserted}
    context = etl.Context(
        shipped("tables"), shipped("ontology") / "vocabularies", release.manifest.base
    )
    places = etl.origins(kept(release, settings), context, set(keys.values()))  # type: ignore[arg-type]
    return {triple: places[key] for triple, key in keys.items()}  # type: ignore[index]


def _text(found: Derivation, rows: Rows, base: str) -> Iterator[str]:
    for depth, step in found:
        yield "    " * depth + " ".join(_shown(term, base) for term in step.triple)
        margin = "    " * depth + "  "
        if step.graphs:
            names = (name.removeprefix(vocab.GRAPH) for name in step.graphs)
            yield f"{margin}stated in graph {', '.join(names)}"
            yield from (f"{margin}from {place}" for place in rows.get(step.triple, ()))
        else:
            yield from (f"{margin}by {axiom}" for axiom in step.axioms)


def _shown(term: Term, base: str) -> str:
    from pyoxigraph import NamedNode

    return vocab.shorten(term.value, base) if isinstance(term, NamedNode) else str(term)


def _data(found: Derivation, rows: Rows) -> dict[str, Any]:
    return {
        "triple": [str(term) for term in found.triple],
        "graphs": list(found.graphs),
        "rows": [asdict(place) for place in rows.get(found.triple, ())],
        "axioms": list(found.axioms),
        "premises": [_data(premise, rows) for premise in found.premises],
    }
