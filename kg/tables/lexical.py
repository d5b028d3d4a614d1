"""The types that a column may declare, by their exact lexical forms: XSD 1.1 part 2.

Nothing is converted: a cell is in the lexical space of its type or it is not. Forms whose
value the store would not keep (a double that overflows to INF or underflows to 0) are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from kg import vocab

_YEAR = r"-?(?:[1-9][0-9]{3,}|0[0-9]{3})"
MONTH: Final = r"(?:0[1-9]|1[0-2])"
DAY: Final = r"(?:0[1-9]|[12][0-9]|3[01])"
_TIME = r"(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?|24:00:00(?:\.0+)?)"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))?"


@dataclass(frozen=True)
class Type:
    """A lexical space as a regular expression, its name in a message, and its IRI."""

    pattern: str
    called: str
    iri: str


#: The types by the name that a source definition gives them.
TYPES: Final[Mapping[str, Type]] = {
    "boolean": Type("true|false|1|0", "a truth value", vocab.XSD + "boolean"),
    "integer": Type("[+-]?[0-9]+", "a whole number", vocab.XSD + "integer"),
    "decimal": Type(
        r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)", "a decimal number", vocab.XSD + "decimal"
    ),
    "double": Type(
        r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?INF|NaN",
        "a number",
        vocab.XSD + "double",
    ),
    "year": Type(_YEAR + _ZONE, "a year", vocab.XSD + "gYear"),
    "month": Type(f"{_YEAR}-{MONTH}{_ZONE}", "a year and month", vocab.XSD + "gYearMonth"),
    "date": Type(f"{_YEAR}-{MONTH}-{DAY}{_ZONE}", "a date", vocab.XSD + "date"),
    "datetime": Type(
        f"{_YEAR}-{MONTH}-{DAY}T{_TIME}{_ZONE}", "a date and time", vocab.XSD + "dateTime"
    ),
    "uri": Type(r"\S+", "a URI", vocab.XSD + "anyURI"),
    "iri": Type(vocab.IRI_PATTERN, "an absolute IRI", ""),
}

_CALENDAR: Final = frozenset({"date", "datetime"})


def is_of(text: pl.Expr, name: str) -> pl.Expr:
    """Whether each text is in the lexical space of the type (dates: in the calendar).

    Null where there is no text.
    """
    sound = text.str.contains(f"^(?:{TYPES[name].pattern})$")
    if name in _CALENDAR:
        # Leap years repeat every 400, so a year's last four digits tell how long its months
        # are, whichever years the engine's own calendar reaches.
        day = text.str.extract(r"([0-9]{4}-[0-9]{2}-[0-9]{2})").str.replace("^0000", "2000")
        sound &= day.str.to_date("%Y-%m-%d", strict=False).is_not_null()
    if name == "double":
        value = text.cast(pl.Float64, strict=False)
        kept = value.is_finite() & ((value != 0) | ~text.str.contains("^[^eE]*[1-9]"))
        sound &= kept | text.str.contains("^(?:[+-]?INF|NaN)$")
    return pl.when(text.is_not_null()).then(sound)


def expected(name: str) -> str:
    """What a message says was expected."""
    type_ = TYPES[name]
    short = "xsd:" + type_.iri.removeprefix(vocab.XSD) if type_.iri else "type iri"
    return f"is not {type_.called} ({short})"
