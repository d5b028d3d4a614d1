"""RDF terms column by column: lexical forms checked, IRIs checked, N-Quads written.

Each function takes and gives Polars expressions over text, so that a column costs the
same few passes however long it is. Lexical forms follow XSD 1.1 part 2; the store makes
them canonical.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from kg import vocab

_YEAR = r"-?(?:[1-9][0-9]{3,}|0[0-9]{3})"
_MONTH = r"(?:0[1-9]|1[0-2])"
_DAY = r"(?:0[1-9]|[12][0-9]|3[01])"
_TIME = r"(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?|24:00:00(?:\.0+)?)"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))?"


@dataclass(frozen=True)
class Datatype:
    """The lexical space of a datatype as a regular expression, and its name in a message."""

    pattern: str
    called: str


#: The datatypes that a mapping may name. xsd:string is what it gets when it names none.
DATATYPES: Final[dict[str, Datatype]] = {
    vocab.XSD + "boolean": Datatype("true|false|1|0", "a truth value"),
    vocab.XSD + "integer": Datatype("[+-]?[0-9]+", "a whole number"),
    vocab.XSD + "decimal": Datatype(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)", "a decimal number"),
    vocab.XSD + "double": Datatype(
        r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?INF|NaN", "a number"
    ),
    vocab.XSD + "gYear": Datatype(_YEAR + _ZONE, "a year"),
    vocab.XSD + "gYearMonth": Datatype(f"{_YEAR}-{_MONTH}{_ZONE}", "a year and month"),
    vocab.XSD + "date": Datatype(f"{_YEAR}-{_MONTH}-{_DAY}{_ZONE}", "a date"),
    vocab.XSD + "dateTime": Datatype(f"{_YEAR}-{_MONTH}-{_DAY}T{_TIME}{_ZONE}", "a date and time"),
    vocab.XSD + "anyURI": Datatype(r"\S+", "a URI"),
}

_CALENDAR: Final = frozenset({vocab.XSD + "date", vocab.XSD + "dateTime"})


def short(datatype: str) -> str:
    """The datatype as people write it: xsd:gYear."""
    return "xsd:" + datatype.removeprefix(vocab.XSD)


def names() -> list[str]:
    """The datatypes that a mapping may use, as people write them."""
    return [short(datatype) for datatype in DATATYPES]


def is_lexical(text: pl.Expr, datatype: str) -> pl.Expr:
    """Whether each text is in the lexical space of the datatype (dates: in the calendar)."""
    sound = text.str.contains(f"^(?:{DATATYPES[datatype].pattern})$")
    if datatype in _CALENDAR:
        # Leap years repeat every 400, so a year's last four digits tell how long its months
        # are, whichever years the engine's own calendar reaches.
        day = text.str.extract(r"([0-9]{4}-[0-9]{2}-[0-9]{2})").str.replace("^0000", "2000")
        sound &= day.str.to_date("%Y-%m-%d", strict=False).is_not_null()
    return sound


def is_iri(text: pl.Expr) -> pl.Expr:
    """Whether each text is an absolute IRI; the same rule as `vocab.is_iri`."""
    return text.str.contains(f"^(?:{vocab.IRI_PATTERN})$")


def literal(text: pl.Expr, datatype: str, language: str) -> pl.Expr:
    """Each text as a literal of N-Quads."""
    escaped = (
        text.str.replace_all("\\", "\\\\", literal=True)
        .str.replace_all('"', '\\"', literal=True)
        .str.replace_all("\n", "\\n", literal=True)
        .str.replace_all("\r", "\\r", literal=True)
    )
    if language:
        tail = f"@{language}"
    elif datatype == vocab.XSD + "string":
        tail = ""
    else:
        tail = f"^^<{datatype}>"
    return pl.concat_str(pl.lit('"'), escaped, pl.lit(f'"{tail}'))


def iri(text: pl.Expr) -> pl.Expr:
    """Each text as an IRI of N-Quads."""
    return pl.concat_str(pl.lit("<"), text, pl.lit(">"))
