"""What a literal's text means: well-formedness by XSD 1.1, and comparison as SPARQL compares.

Comparison and regular expressions are the store's own, so that a query over the store and a
judgement of one value never disagree.
"""

from __future__ import annotations

import re
from calendar import monthrange
from functools import lru_cache
from typing import Final

from pyoxigraph import Literal, QuerySolutions, Store

from kg import vocab

_EMPTY: Final = Store()
_ZONE: Final = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))?"
_YEAR: Final = r"-?(?:[1-9][0-9]{3,}|0[0-9]{3})"
_MONTH: Final = "(?:0[1-9]|1[0-2])"
_DAY: Final = "(?:0[1-9]|[12][0-9]|3[01])"
_SAFE_DAY: Final = "(?:0[1-9]|1[0-9]|2[0-8])"
_TIME: Final = r"(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?|24:00:00(?:\.0+)?)"
_INTEGER: Final = "[+-]?[0-9]+"
_DECIMAL: Final = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_FLOAT: Final = rf"(?:{_DECIMAL}(?:[eE][+-]?[0-9]+)?|[+-]?INF|NaN)"
_TIMES: Final = r"(?:T(?=[0-9])(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9]+(?:\.[0-9]+)?S)?)"

#: Bounds of the datatypes derived from xsd:integer, which the store keeps as xsd:integer.
DERIVED: Final[dict[str, tuple[int | None, int | None]]] = {
    vocab.XSD + name: bounds
    for name, bounds in {
        "nonNegativeInteger": (0, None),
        "positiveInteger": (1, None),
        "nonPositiveInteger": (None, 0),
        "negativeInteger": (None, -1),
        "long": (-(2**63), 2**63 - 1),
        "int": (-(2**31), 2**31 - 1),
        "short": (-(2**15), 2**15 - 1),
        "byte": (-128, 127),
        "unsignedLong": (0, 2**64 - 1),
        "unsignedInt": (0, 2**32 - 1),
        "unsignedShort": (0, 2**16 - 1),
        "unsignedByte": (0, 255),
    }.items()
}
FORMS: Final = {
    vocab.XSD + name: re.compile(form)
    for name, form in {
        "integer": _INTEGER,
        "decimal": _DECIMAL,
        "float": _FLOAT,
        "double": _FLOAT,
        "boolean": "true|false|0|1",
        "dateTime": rf"({_YEAR})-({_MONTH})-({_DAY})T{_TIME}{_ZONE}",
        "dateTimeStamp": rf"({_YEAR})-({_MONTH})-({_DAY})T{_TIME}{_ZONE[:-1]}",
        "date": rf"({_YEAR})-({_MONTH})-({_DAY}){_ZONE}",
        "time": _TIME + _ZONE,
        "gYear": _YEAR + _ZONE,
        "gYearMonth": f"{_YEAR}-{_MONTH}{_ZONE}",
        "gMonth": f"--{_MONTH}{_ZONE}",
        "gDay": f"---{_DAY}{_ZONE}",
        "gMonthDay": rf"()--({_MONTH})-({_DAY}){_ZONE}",
        "duration": rf"-?P(?=[0-9T])(?:[0-9]+Y)?(?:[0-9]+M)?(?:[0-9]+D)?{_TIMES}?",
        "yearMonthDuration": r"-?P(?=[0-9])(?:[0-9]+Y)?(?:[0-9]+M)?",
        "dayTimeDuration": rf"-?P(?=[0-9T])(?:[0-9]+D)?{_TIMES}?",
        "hexBinary": "(?:[0-9a-fA-F]{2})*",
        "base64Binary": r"(?:[A-Za-z0-9+/ ]{4})*"
        r"(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
        "language": "[a-zA-Z]{1,8}(?:-[a-zA-Z0-9]{1,8})*",
    }.items()
}
#: Forms that are well-formed for certain, in the syntax that SPARQL shares: what does not
#: match is looked at again.
SAFE_FORMS: Final = {
    vocab.XSD + name: f"^(?:{form})$"
    for name, form in {
        "dateTime": f"{_YEAR}-{_MONTH}-{_SAFE_DAY}T{_TIME}{_ZONE}",
        "date": f"{_YEAR}-{_MONTH}-{_SAFE_DAY}{_ZONE}",
        "time": _TIME + _ZONE,
        "gYear": _YEAR + _ZONE,
        "gYearMonth": f"{_YEAR}-{_MONTH}{_ZONE}",
        "boolean": "true|false",
    }.items()
}
NUMERIC: Final = frozenset(vocab.XSD + n for n in ("integer", "decimal", "float", "double"))
#: Datatypes whose every text is well-formed, as far as SHACL asks.
FREE: Final = frozenset({vocab.XSD + "string", vocab.XSD + "anyURI", vocab.RDF + "langString"})


def well_formed(literal: Literal) -> bool:
    """Whether the text is one of the datatype's; an unknown datatype takes any."""
    datatype, text = literal.datatype.value, literal.value
    if bounds := DERIVED.get(datatype):
        if not re.fullmatch(_INTEGER, text):
            return False
        low, high = bounds
        return (low is None or int(text) >= low) and (high is None or int(text) <= high)
    if not (form := FORMS.get(datatype)):
        return True
    if not (found := form.fullmatch(text)):
        return False
    if form.groups:
        year, month, day = found[1], int(found[2]), int(found[3])
        # The Gregorian calendar repeats every 400 years; a leap year where none is given.
        return day <= monthrange(int(year) % 400 + 2000 if year else 2000, month)[1]
    return True


def of_datatype(literal: Literal, datatype: str) -> bool:
    """Whether a literal is of the datatype (SHACL §4.1.2).

    The store keeps the integer types as xsd:integer, so a value within the bounds is taken.
    """
    own = literal.datatype.value
    if own == datatype:
        return well_formed(literal)
    if own == vocab.XSD + "integer" and datatype in DERIVED:
        return well_formed(Literal(literal.value, datatype=type(literal.datatype)(datatype)))
    return False


@lru_cache(65536)
def compare(left: Literal, operator: str, right: Literal) -> bool:
    """Whether `left operator right` holds in SPARQL; what cannot be compared does not."""
    if left.language or right.language:
        return False
    boolean = vocab.XSD + "boolean"
    if left.datatype.value == right.datatype.value == boolean:
        if not (well_formed(left) and well_formed(right)):
            return False
        a, b = left.value in {"true", "1"}, right.value in {"true", "1"}
        return a < b or (operator == "<=" and a == b)
    return bool(_EMPTY.query(f"ASK {{ FILTER({left} {operator} {right}) }}"))


@lru_cache(65536)
def matches(text: str, pattern: str, flags: str) -> bool:
    """Whether SPARQL's REGEX finds the pattern in the text."""
    call = f"REGEX({Literal(text)}, {Literal(pattern)}, {Literal(flags)})"
    return bool(_EMPTY.query(f"ASK {{ FILTER({call}) }}"))


def is_pattern(pattern: str, flags: str) -> bool:
    """Whether SPARQL's REGEX can read the pattern and the flags."""
    call = f"REGEX({Literal('')}, {Literal(pattern)}, {Literal(flags)})"
    found = _EMPTY.query(f"SELECT ({call} AS ?found) {{}}")
    assert isinstance(found, QuerySolutions)  # noqa: S101 - a SELECT
    return next(found)["found"] is not None
