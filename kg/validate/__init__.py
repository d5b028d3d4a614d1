"""SHACL validation of a candidate: the gate before every publish.

Shapes are compiled once; `validate` finds by SPARQL what may violate them and judges that
exactly, `validate_delta` judges what a change can touch. A violation is a result, not an
exception; each names focus node, path, value, message, and the table, row and column that
it came from. pySHACL judges what the compiler does not cover, and all with `engine="pyshacl"`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import chain
from typing import Literal, TypeAlias

from pyoxigraph import Store, Triple

from kg.validate import delta
from kg.validate import engine as compiled
from kg.validate.judging import NOTHING, Judge, Superclasses
from kg.validate.paths import Term
from kg.validate.report import NotConforming, Report, trend
from kg.validate.results import SEVERITIES, Result, in_order, merged
from kg.validate.shapes import Shapes
from kg.validate.waivers import Waiving

__all__ = [
    "SEVERITIES",
    "Engine",
    "NotConforming",
    "Report",
    "Result",
    "Shapes",
    "trend",
    "validate",
    "validate_delta",
]

Engine: TypeAlias = Literal["compiled", "pyshacl"]


def validate(
    store: Store,
    shapes: Shapes,
    *,
    engine: Engine = "compiled",
    today: date | None = None,
    inferred: Superclasses = NOTHING,
) -> Report:
    """Validate the store's default graph against the shapes; waivers hold as of today.

    `inferred` maps a class to those that all its instances are stated to be of: what it says is
    not looked up. Rules at whose fixpoint the graph stands have it as their `superclasses`.
    """
    judge = Judge(store, inferred)
    if engine == "pyshacl":
        found = _named(shapes, _by_pyshacl(store, shapes))
    else:
        found = _results(judge, shapes)
    return _report(judge, shapes, found, today)


def validate_delta(
    store: Store,
    shapes: Shapes,
    added: Collection[Triple],
    removed: Collection[Triple],
    before: Report,
    *,
    today: date | None = None,
    inferred: Superclasses = NOTHING,
) -> Report:
    """The whole report of a store that a change has been made to.

    `before` is the report, by the same shapes, of the default graph as it was; `added` and
    `removed` are the triples of it that the change put in and took out; `inferred` is as of
    `validate`. Costs what the change can touch; the whole, where it moves the class hierarchy.
    """
    if delta.moves_hierarchy(added, removed) or shapes.uncovered:
        return validate(store, shapes, today=today, inferred=inferred)
    judge = Judge(store, inferred)
    touched = delta.touched(judge, shapes, added, removed)
    named = {str(focus): concerned for focus, concerned in touched.items()}
    everywhere = delta.watches(shapes).everywhere if added or removed else []
    whole = {str(shape.term) for shape in everywhere}
    kept = (
        result
        for result in before.results
        if result.shape not in whole
        and not any(str(shape.term) == result.shape for shape in named.get(result.focus, ()))
    )
    found = delta.results(judge, shapes, touched)
    whole_results = compiled.results(Judge(store, inferred), shapes, everywhere)
    return _report(judge, shapes, chain(found, whole_results), today, kept)


def _report(
    judge: Judge,
    shapes: Shapes,
    found: Iterable[Result],
    today: date | None,
    kept: Iterable[Result] | None = None,
) -> Report:
    """The report of what was found, put among what is kept, with the waivers in it."""
    waiving = Waiving(shapes.waivers, judge, today or datetime.now(UTC).date())
    found = waiving.apply(found)
    results = in_order(found) if kept is None else merged(waiving.apply(kept), found)
    gaps = {shape.called or str(shape.term): tuple(why) for shape, why in shapes.uncovered.items()}
    return Report(results, gaps, waiving.notices())


def _results(judge: Judge, shapes: Shapes) -> Iterator[Result]:
    """What the compiled shapes find, then what pySHACL finds of the others, and nothing twice."""
    if not shapes.uncovered:
        yield from compiled.results(judge, shapes)
        return
    known = set()
    for result in compiled.results(judge, shapes):
        known.add(result.key)
        yield result
    names = [shape.term for shape in shapes.uncovered]
    for result in _named(shapes, _by_pyshacl(judge.store, shapes, names)):
        if result.key not in known:
            yield result


def _by_pyshacl(
    store: Store, shapes: Shapes, only: Iterable[Term] | None = None
) -> Iterable[Result]:
    from kg.validate import reference  # noqa: PLC0415 - pySHACL and rdflib take half a second

    return reference.results(store, shapes.quads, only)


def _named(shapes: Shapes, found: Iterable[Result]) -> Iterator[Result]:
    """Results of pySHACL, with what the compiler calls a shape without an IRI."""
    for result in found:
        called = shapes.called.get(result.shape)
        yield result if called is None else replace(result, called=called)
