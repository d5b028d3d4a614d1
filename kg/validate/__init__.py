"""SHACL validation of a candidate: the gate before every publish.

Shapes are compiled once; `validate` finds by SPARQL what may violate them and judges that
exactly, `validate_delta` judges what a change can touch. A violation is a result, not an
exception; each names focus node, path, value, message, and the table, row and column that
it came from. pySHACL judges what the compiler does not cover, and all with `engine="pyshacl"`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, TypeAlias

from pyoxigraph import Store, Triple

from kg.validate import delta, reference
from kg.validate import engine as compiled
from kg.validate.judging import Judge
from kg.validate.report import SEVERITIES, NotConforming, Report, Result, in_order, merged
from kg.validate.shapes import Shapes

__all__ = [
    "SEVERITIES",
    "Engine",
    "NotConforming",
    "Report",
    "Result",
    "Shapes",
    "validate",
    "validate_delta",
]

Engine: TypeAlias = Literal["compiled", "pyshacl"]


def validate(store: Store, shapes: Shapes, *, engine: Engine = "compiled") -> Report:
    """Validate the store's default graph against the shapes."""
    if engine == "pyshacl":
        return Report(in_order(reference.results(store, shapes.quads)))
    found = list(compiled.results(store, shapes))
    found += _uncovered(store, shapes, found)
    gaps = {str(shape.term): tuple(why) for shape, why in shapes.uncovered.items()}
    return Report(in_order(found), gaps)


def validate_delta(
    store: Store,
    shapes: Shapes,
    added: Collection[Triple],
    removed: Collection[Triple],
    before: Report,
) -> Report:
    """The whole report of a store that a change has been made to.

    `before` is the report, by the same shapes, of the default graph as it was; `added` and
    `removed` are the triples of it that the change put in and took out. Costs what the change
    can touch; the whole, where it moves the class hierarchy.
    """
    if delta.moves_hierarchy(added, removed) or shapes.uncovered:
        return validate(store, shapes)
    judge = Judge(store)
    touched = delta.touched(judge, shapes, added, removed)
    gone = {(str(shape.term), str(focus)) for shape, nodes in touched.items() for focus in nodes}
    everywhere = delta.watches(shapes).everywhere if added or removed else []
    whole = {str(shape.term) for shape in everywhere}
    kept = [
        result
        for result in before.results
        if (result.shape, result.focus) not in gone and result.shape not in whole
    ]
    found = [
        result
        for shape, nodes in touched.items()
        for focus in nodes
        if judge.reached(shapes.contexts[shape], focus)
        for result in judge.results(shape, focus)
    ]
    found += compiled.results(store, shapes, everywhere)
    return Report(merged(kept, found))


def _uncovered(store: Store, shapes: Shapes, found: list[Result]) -> list[Result]:
    """What pySHACL finds of the shapes that the compiler does not cover, and nothing twice."""
    if not shapes.uncovered:
        return []
    known = {_fields(result) for result in found}
    names = [shape.term for shape in shapes.uncovered]
    theirs = reference.results(store, shapes.quads, names)
    return [result for result in theirs if _fields(result) not in known]


def _fields(result: Result) -> tuple[str, ...]:
    return (result.focus, result.path, result.value, result.component, result.shape)
