"""`geof:distance` as people expect it: without a unit in kilometres, and in more units.

The engine knows metres and kilometres of two points in CRS84 and leaves all else unbound; its
relations of geometries (`geof:sfWithin`, …) are used as they are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from kg import vocab

_GEOF: Final = "http://www.opengis.net/def/function/geosparql/"
_UOM: Final = "http://www.opengis.net/def/uom/OGC/1.0/"
_QUDT: Final = "http://qudt.org/vocab/unit/"
_DOUBLE: Final = NamedNode(vocab.XSD + "double")

#: Mean radius of the earth in metres, as the engine has it.
_RADIUS: Final = 6_371_008.8

#: Unit → how many of it a metre on the ground is.
_UNITS: Final = {
    _UOM + "metre": 1.0,
    _UOM + "meter": 1.0,
    _UOM + "kilometre": 1e-3,
    _UOM + "kilometer": 1e-3,
    _UOM + "mile": 1 / 1609.344,
    _UOM + "radian": 1 / _RADIUS,
    _UOM + "degree": math.degrees(1 / _RADIUS),
    _QUDT + "M": 1.0,
    _QUDT + "KiloM": 1e-3,
    _QUDT + "MI": 1 / 1609.344,
    _QUDT + "RAD": 1 / _RADIUS,
    _QUDT + "DEG": math.degrees(1 / _RADIUS),
}
_POINT: Final = re.compile(
    r"\s*(?:<([^>]*)>)?\s*POINT\s*\(\s*([-+.0-9eE]+)\s+([-+.0-9eE]+)\s*\)\s*", re.IGNORECASE
)
_CRS84: Final = {None, "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}
_EPSG: Final = re.compile(r"https?://www\.opengis\.net/def/crs/EPSG/0/4326")

Term = NamedNode | BlankNode | Literal | Triple


def functions(text: str) -> dict[NamedNode, Callable[..., Any]] | None:
    """The functions that a query may need, None for none."""
    return {NamedNode(_GEOF + "distance"): distance} if "distance" in text else None


def distance(*terms: Term) -> Literal | None:
    """The great-circle distance of two points; None, so unbound, for anything else."""
    if len(terms) not in (2, 3):
        return None
    one, other = _point(terms[0]), _point(terms[1])
    unit = terms[2].value if len(terms) == 3 and isinstance(terms[2], NamedNode | Literal) else None
    factor = _UNITS[_UOM + "kilometre"] if len(terms) == 2 else _UNITS.get(unit or "")
    if one is None or other is None or factor is None:
        return None
    (east, north), (east2, north2) = one, other
    half = (
        math.sin((north2 - north) / 2) ** 2
        + math.cos(north) * math.cos(north2) * math.sin((east2 - east) / 2) ** 2
    )
    metres = 2 * _RADIUS * math.asin(min(1.0, math.sqrt(half)))
    return Literal(repr(metres * factor), datatype=_DOUBLE)


def _point(term: Term) -> tuple[float, float] | None:
    """Longitude and latitude in radians."""
    if not isinstance(term, Literal) or (match := _POINT.fullmatch(term.value)) is None:
        return None
    try:
        first, second = math.radians(float(match[2])), math.radians(float(match[3]))
    except ValueError:
        return None
    if match[1] in _CRS84:
        return first, second
    return (second, first) if _EPSG.fullmatch(match[1]) else None
