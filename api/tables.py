"""Solutions as Parquet, Arrow, GeoJSON and plain objects, made of an answer in SPARQL JSON.

A column whose values are all of one datatype has its type: integer → Int64, double → Float64,
float → Float32, decimal → Decimal(38, the digits there are), boolean → Boolean, date → Date,
dateTime with a zone → Datetime in UTC, microseconds. Any other column, and one with a value
that its type cannot hold exactly, has the text of its terms. Unbound is null.
"""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import polars

from kg import vocab
from kg.errors import AnswerTooLarge, NotAcceptable
from kg.workers import Answer

#: Bytes of SPARQL JSON that are read to make a table.
_MOST: Final = 64 * 1024 * 1024
_PIECE: Final = 64 * 1024

Term = Mapping[str, Any]


async def converted(name: str, answer: Answer) -> Answer:
    """The same answer as parquet, arrow or geojson."""
    content = await read(answer)
    made = await asyncio.to_thread(_MAKERS[name], json.loads(content))

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(made), _PIECE):
            yield made[start : start + _PIECE]

    return Answer("", chunks(), answer.release, lambda: None)


async def read(answer: Answer) -> bytes:
    """All of an answer; raises AnswerTooLarge where it is too large to be made into a table."""
    parts: list[bytes] = []
    size = 0
    try:
        async for chunk in answer.chunks:
            size += len(chunk)
            if size > _MOST:
                raise AnswerTooLarge(
                    f"the answer has more than {_MOST} bytes of JSON, which is as many as are made "
                    "into another form; csv, tsv, json and xml are streamed without this limit"
                )
            parts.append(chunk)
    finally:
        await answer.aclose()
    return b"".join(parts)


def value(term: Term) -> object:
    """A term as a plain value: number, boolean or text."""
    read = _READERS.get(str(term.get("datatype", "")))
    if read is None or term["type"] != "literal":
        return lexical(term)
    try:
        return read[1](str(term["value"]))
    except (ValueError, ArithmeticError):
        return lexical(term)


def lexical(term: Term) -> str:
    """The text of a term: an IRI, a literal's lexical form, a blank node's label."""
    if term["type"] == "bnode":
        return f"_:{term['value']}"
    if term["type"] == "triple":
        parts = (term["value"][each] for each in ("subject", "predicate", "object"))
        return f"<<( {' '.join(lexical(part) for part in parts)} )>>"
    return str(term["value"])


def _rows(found: Mapping[str, Any]) -> tuple[list[str], list[Mapping[str, Term]]]:
    return found["head"]["vars"], found["results"]["bindings"]


# Arrow and Parquet


def _integer(text: str) -> int:
    number = int(text)
    if not -(2**63) <= number < 2**63:
        raise ValueError(text)
    return number


def _boolean(text: str) -> bool:
    return {"true": True, "1": True, "false": False, "0": False}[text]


def _decimal(text: str) -> Decimal:
    if not re.fullmatch(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)", text):
        raise ValueError(text)
    return Decimal(text)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or len(text.partition(".")[2].rstrip("Z+-:0123456789")) > 0:
        raise ValueError(text)
    return moment.astimezone(UTC)


_READERS: Final[dict[str, tuple[Any, Callable[[str], object]]]] = {
    vocab.XSD + "integer": (polars.Int64(), _integer),
    vocab.XSD + "double": (polars.Float64(), float),
    vocab.XSD + "float": (polars.Float32(), float),
    vocab.XSD + "decimal": (polars.Decimal, _decimal),
    vocab.XSD + "boolean": (polars.Boolean(), _boolean),
    vocab.XSD + "date": (polars.Date(), date.fromisoformat),
    vocab.XSD + "dateTime": (polars.Datetime("us", "UTC"), _moment),
}


def _column(terms: Sequence[Term | None]) -> polars.Series:
    kinds = {
        str(term.get("datatype", "")) if term["type"] == "literal" else "" for term in terms if term
    }
    if len(kinds) == 1 and (typed := _READERS.get(next(iter(kinds)))):
        kind, read = typed
        try:
            values = [read(str(term["value"])) if term else None for term in terms]
            if kind is polars.Decimal:
                kind = _scale([each for each in values if isinstance(each, Decimal)])
            return polars.Series(values=values, dtype=kind, strict=True)
        except (ValueError, KeyError, ArithmeticError, polars.exceptions.PolarsError):
            pass  # a value that the type cannot hold: the column is text
    return polars.Series(
        values=[lexical(term) if term else None for term in terms], dtype=polars.String()
    )


def _scale(numbers: Sequence[Decimal]) -> polars.Decimal:
    after = max((-int(each.as_tuple().exponent) for each in numbers), default=0)
    before = max((each.adjusted() + 1 for each in numbers), default=1)
    if max(after, 0) + max(before, 1) > 38:
        raise ValueError("more digits than a decimal column holds")
    return polars.Decimal(38, max(after, 0))


def _frame(found: Mapping[str, Any]) -> polars.DataFrame:
    names, rows = _rows(found)
    return polars.DataFrame({name: _column([row.get(name) for row in rows]) for name in names})


def _parquet(found: Mapping[str, Any]) -> bytes:
    output = io.BytesIO()
    _frame(found).write_parquet(output, compression="zstd")
    return output.getvalue()


def _arrow(found: Mapping[str, Any]) -> bytes:
    output = io.BytesIO()
    _frame(found).write_ipc_stream(output)
    return output.getvalue()


# GeoJSON

_WKT: Final = vocab.GEO + "wktLiteral"
_CRS: Final = re.compile(r"\s*<([^>]*)>\s*(.*)", re.DOTALL)
_LONGITUDE_FIRST: Final = {"", "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}
_LATITUDE_FIRST: Final = {
    "http://www.opengis.net/def/crs/EPSG/0/4326", "https://www.opengis.net/def/crs/EPSG/0/4326",
}  # fmt: skip
_NAMES: Final = {
    "POINT": "Point",
    "LINESTRING": "LineString",
    "POLYGON": "Polygon",
    "MULTIPOINT": "MultiPoint",
    "MULTILINESTRING": "MultiLineString",
    "MULTIPOLYGON": "MultiPolygon",
}


def geometry(text: str) -> dict[str, Any]:
    """A WKT literal in GeoJSON's longitude and latitude; raises ValueError where it is none."""
    crs, rest = "", text
    if match := _CRS.fullmatch(text):
        crs, rest = match[1], match[2]
    if crs not in _LONGITUDE_FIRST | _LATITUDE_FIRST:
        raise ValueError(f"coordinate reference system {crs}")
    tokens = re.findall(r"[A-Za-z]+|[(),]|[-+]?(?:[0-9]*\.)?[0-9]+(?:[eE][-+]?[0-9]+)?\.?", rest)
    if "".join(tokens) != re.sub(r"\s+", "", rest):
        raise ValueError(f"not WKT: {text[:60]!r}")
    parser = _Wkt(tokens, swapped=crs in _LATITUDE_FIRST)
    found = parser.geometry()
    if parser.tokens:
        raise ValueError(f"not WKT: {text[:60]!r}")
    return found


class _Wkt:
    """The tokens of a geometry that are not read yet, last one first."""

    def __init__(self, tokens: list[str], *, swapped: bool) -> None:
        self.tokens = tokens[::-1]
        self._swapped = swapped

    def geometry(self) -> dict[str, Any]:
        name = self._next().upper()
        if self.tokens and self.tokens[-1].upper() in ("Z", "M", "ZM"):
            self._next()
        if name == "GEOMETRYCOLLECTION":
            return {"type": "GeometryCollection", "geometries": self._list(self.geometry)}
        if name not in _NAMES:
            raise ValueError(f"geometry {name}")
        coordinates: Any
        match name:
            case "POINT":
                coordinates = self._list(self._position)
                coordinates = coordinates[0] if coordinates else []
            case "LINESTRING":
                coordinates = self._list(self._position)
            case "MULTIPOINT":
                coordinates = self._list(self._point)
            case "POLYGON" | "MULTILINESTRING":
                coordinates = self._list(lambda: self._list(self._position))
            case _:
                coordinates = self._list(lambda: self._list(lambda: self._list(self._position)))
        return {"type": _NAMES[name], "coordinates": coordinates}

    def _next(self) -> str:
        if not self.tokens:
            raise ValueError("a geometry that ends too early")
        return self.tokens.pop()

    def _list(self, read: Callable[[], Any]) -> list[Any]:
        first = self._next()
        if first.upper() == "EMPTY":
            return []
        found = []
        sign = "," if first == "(" else first
        while sign == ",":
            found.append(read())
            sign = self._next()
        if first != "(" or sign != ")":
            raise ValueError(f"{sign!r} in a geometry")
        return found

    def _point(self) -> list[float]:
        if self.tokens and self.tokens[-1] == "(":
            found: list[list[float]] = self._list(self._position)
            return found[0]
        return self._position()

    def _position(self) -> list[float]:
        numbers = []
        while self.tokens and self.tokens[-1] not in ",()":
            numbers.append(float(self._next()))
        if not 2 <= len(numbers) <= 4:
            raise ValueError("a position of two or three numbers is expected")
        x, y = numbers[:2]
        return [y, x, *numbers[2:3]] if self._swapped else [x, y, *numbers[2:3]]


def _geojson(found: Mapping[str, Any]) -> bytes:
    names, rows = _rows(found)

    def is_geometry(term: Term | None) -> bool:
        return term is not None and term.get("datatype") == _WKT

    geometries = [name for name in names if any(is_geometry(row.get(name)) for row in rows)]
    if rows and not geometries:
        raise NotAcceptable("no variable of the answer is a geometry (geo:wktLiteral): no GeoJSON")
    return json.dumps(
        {
            "type": "FeatureCollection",
            "features": [_feature(row, names, geometries) for row in rows],
        },
        ensure_ascii=False,
    ).encode()


def _feature(
    row: Mapping[str, Term], names: Sequence[str], geometries: Sequence[str]
) -> dict[str, Any]:
    placed = next((name for name in geometries if name in row), None)
    shape = None
    if placed:
        try:
            shape = geometry(str(row[placed]["value"]))
        except (ValueError, IndexError):
            placed = None  # its text stays among the properties
    properties = {
        name: _plain(value(row[name])) if name in row else None for name in names if name != placed
    }
    return {"type": "Feature", "geometry": shape, "properties": properties}


def _plain(found: object) -> object:
    """What JSON can hold of a value, exactly."""
    if isinstance(found, bool | int | str):
        return found if not isinstance(found, int) or abs(found) < 2**53 else str(found)
    if isinstance(found, float) and found - found == 0:
        return found
    return found.isoformat() if isinstance(found, date) else str(found)


def _objects(found: Mapping[str, Any]) -> bytes:
    if "boolean" in found:
        return json.dumps(found["boolean"]).encode()
    names, rows = _rows(found)
    objects = [
        {name: _plain(value(row[name])) if name in row else None for name in names} for row in rows
    ]
    return json.dumps(objects, ensure_ascii=False).encode()


_MAKERS: Final[dict[str, Callable[[Mapping[str, Any]], bytes]]] = {
    "parquet": _parquet,
    "arrow": _arrow,
    "geojson": _geojson,
    "objects": _objects,
}
