"""SHACL validation of a candidate: the gate before every publish.

Shapes are compiled once; `validate` finds by SPARQL what may violate them and judges that
exactly. A violation is a result, not an exception; each names focus node, path, value,
message, and the table, row and column that it came from. pySHACL judges what the compiler
does not cover, and everything with `engine="pyshacl"`.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from pyoxigraph import Store

from kg.validate import engine as compiled
from kg.validate import reference
from kg.validate.report import SEVERITIES, NotConforming, Report, Result, in_order
from kg.validate.shapes import Shapes

__all__ = ["SEVERITIES", "Engine", "NotConforming", "Report", "Result", "Shapes", "validate"]

Engine: TypeAlias = Literal["compiled", "pyshacl"]


def validate(store: Store, shapes: Shapes, *, engine: Engine = "compiled") -> Report:
    """Validate the store's default graph against the shapes."""
    if engine == "pyshacl":
        return Report(in_order(reference.results(store, shapes.quads)))
    found = list(compiled.results(store, shapes))
    if shapes.uncovered:
        names = [shape.term for shape in shapes.uncovered]
        found += reference.results(store, shapes.quads, names)
    gaps = {str(shape.term): tuple(why) for shape, why in shapes.uncovered.items()}
    return Report(in_order(found), gaps)
