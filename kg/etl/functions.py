"""The functions that a mapping may call by name (prefix `kgf:`).

A function takes texts and gives a text, a list of texts, or a truth value. `None` means
that the value could not be resolved, and the cell is rejected under the function's rule;
`NOTHING` means that nothing is to be said, which is no fault. A function is called once for
each distinct tuple of arguments, or by column where Polars has the same operation.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from itertools import repeat
from typing import Any, Final, Literal

import polars as pl

from kg import vocab
from kg.errors import InputError
from kg.etl import dates
from kg.etl.context import Context, fold


class _Nothing(Enum):
    NOTHING = "nothing"


NOTHING: Final = _Nothing.NOTHING
Result = str | list[str] | bool | None | Literal[_Nothing.NOTHING]

#: Parameters that hold a regular expression, which is written out and checked on loading.
PATTERNS: Final = frozenset({"pattern", "separator"})


@dataclass(frozen=True)
class Signature:
    """What a function takes and gives, and the rule under which a failed call is rejected."""

    parameters: tuple[str, ...]
    result: Literal["iri", "literal", "boolean"]
    rule: str = ""
    expected: str = ""
    repeated: str = ""
    by_column: bool = False  # the code takes and gives Polars expressions
    gives: str = ""  # the class of the resources that it gives, where one is known

    def fault(self, given: Sequence[str]) -> str | None:
        """What is wrong with these argument names, if anything."""
        for name in self.parameters:
            if name not in given:
                return f"parameter {name} is missing"
        for name in given:
            if name not in self.parameters:
                return f"unknown parameter {name}; expected {', '.join(self.parameters)}"
            if given.count(name) > 1 and name != self.repeated:
                return f"parameter {name} stands twice"
        return None


# --- the functions ----------------------------------------------------------------------------


def _organization(context: Context, name: str, source: str) -> str:
    return context.organization(source, name)


def _organization_of_ror(context: Context, ror: str) -> str | None:
    key = context.organization_key_of_ror(ror.removeprefix("https://ror.org/"))
    return _resource(context, "organization", key)


def _other_organization_of_ror(
    context: Context, ror: str, than: str
) -> str | Literal[_Nothing.NOTHING] | None:
    """As organizationOfRor, but nothing where both mean one: nothing is its own successor."""
    found = _organization_of_ror(context, ror)
    return NOTHING if found == _organization_of_ror(context, than) else found


def _is_new_name(context: Context, name: str, source: str) -> bool:
    return context.organization_key(source, name) == f"{source}-{vocab.digest(name)}"


def _is_new_ror(context: Context, ror: str) -> bool:
    bare = ror.removeprefix("https://ror.org/")
    return context.organization_key_of_ror(bare) == f"ror-{bare}"


def _is_standing(context: Context, status: str) -> bool:
    # Linking reads what a withdrawn record says, to find whose former name it is.
    return status != "withdrawn" or not context.linked


def _place(context: Context, text: str) -> str | None:
    return context.place(context.gazetteer.of_text(text))


def _place_of_geonames(context: Context, geonames: str) -> str | None:
    return context.place(context.gazetteer.of_geonames(geonames))


def _country(context: Context, name: str) -> str | None:
    return context.place(context.gazetteer.of_country(name))


def _key(context: Context, kind: str, source: str, *of: str) -> str:
    kind = _kind(kind)
    key = context.entity_key(kind, f"{source}-{vocab.digest(*of)}")
    return vocab.resource(kind, key, context.base)


def _kind(name: str) -> str:
    """A kind, which may be given as the class whose resources stand under it."""
    return vocab.KINDS.get(vocab.AIC + name, name)


def _resource(context: Context, kind: str, key: str) -> str | None:
    try:
        return vocab.resource(_kind(kind), key, context.base)
    except InputError:
        return None


def _iri(context: Context, text: str) -> str | None:
    try:
        return vocab.expand(text, base=context.base)
    except InputError:
        return None


def _concept(context: Context, kind: str, label: str) -> str | None:
    return context.concepts.get((kind, fold(label)))


def _lookup(context: Context, table: str, match: str, give: str, text: str) -> Result:
    found = context.lookup(table, match, give).get(text)
    return NOTHING if found == "" else found


def _split(_: Context, text: str, separator: str) -> list[str]:
    return [part for piece in re.split(separator, text) if (part := piece.strip())]


def _replace(_: Context, text: str, pattern: str, by: str) -> Result:
    return re.sub(pattern, by, text) or NOTHING


def _upper(_: Context, text: str) -> str:
    return text.upper()


def _lower(_: Context, text: str) -> str:
    return text.lower()


def _normalise(_: Context, text: str) -> Result:
    return " ".join(unicodedata.normalize("NFKC", text).split()) or NOTHING


def _slug(_: Context, text: str) -> str | None:
    from pypinyin import lazy_pinyin  # noqa: PLC0415 - its dictionaries take long to load

    latin = unicodedata.normalize("NFKD", " ".join(lazy_pinyin(text))).casefold()
    plain = "".join(char for char in latin if not unicodedata.combining(char))
    return "-".join(re.findall("[a-z0-9]+", plain)) or None


def _date(_: Context, text: str) -> str | None:
    return dates.iso(text)


_NUMBER: Final = re.compile(r"([+-]?)([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(\.[0-9]+)?([十百千万亿]*)")
_MULTIPLES: Final = {"十": 1, "百": 2, "千": 3, "万": 4, "亿": 8}


def _number(_: Context, text: str) -> str | None:
    found = _NUMBER.fullmatch("".join(unicodedata.normalize("NFKC", text).split()))
    if found is None:
        return None
    sign, whole, fraction, multiples = found.groups()
    power = sum(_MULTIPLES[each] for each in multiples)
    number = Decimal(f"{sign}{whole.replace(',', '')}{fraction or ''}").as_tuple()
    exponent = int(number.exponent) + power
    return f"{Decimal((number.sign, number.digits, exponent)):f}"


def _matches(_: Context, text: pl.Expr, pattern: str) -> pl.Expr:
    return text.str.contains(pattern)


def _not_matches(_: Context, text: pl.Expr, pattern: str) -> pl.Expr:
    return ~text.str.contains(pattern)


def _equal(_: Context, str1: pl.Expr, str2: pl.Expr) -> pl.Expr:
    return str1 == str2


def _not_equal(_: Context, str1: pl.Expr, str2: pl.Expr) -> pl.Expr:
    return str1 != str2


_PLACE = (
    "unknown-place",
    "expected a place of tables/cities.csv or countries.csv, named without doubt",
)

_ORGANIZATION: Final = vocab.AIC + "Organization"
_SPACE: Final = vocab.AIC + "SpatialUnit"
_BOTH: Final = ("str1", "str2")

#: Name → what it takes and gives, and the code.
FUNCTIONS: Final[dict[str, tuple[Signature, Callable[..., Any]]]] = {
    "organization": (Signature(("name", "source"), "iri", gives=_ORGANIZATION), _organization),
    "organizationOfRor": (
        Signature(("ror",), "iri", "illegal-ror", "expected a ROR id", gives=_ORGANIZATION),
        _organization_of_ror,
    ),
    "otherOrganizationOfRor": (
        Signature(("ror", "than"), "iri", "illegal-ror", "expected a ROR id", gives=_ORGANIZATION),
        _other_organization_of_ror,
    ),
    "isNewName": (Signature(("name", "source"), "boolean"), _is_new_name),
    "isNewRor": (Signature(("ror",), "boolean"), _is_new_ror),
    "isStanding": (Signature(("status",), "boolean"), _is_standing),
    "place": (Signature(("text",), "iri", *_PLACE, gives=_SPACE), _place),
    "placeOfGeonames": (Signature(("geonames",), "iri", *_PLACE, gives=_SPACE), _place_of_geonames),
    "country": (Signature(("name",), "iri", *_PLACE, gives=_SPACE), _country),
    "key": (Signature(("kind", "source", "of"), "iri", repeated="of"), _key),
    "resource": (
        Signature(
            ("kind", "key"), "iri", "illegal-key", "expected a key of lower-case words joined by -"
        ),
        _resource,
    ),
    "iri": (
        Signature(
            ("text",), "iri", "illegal-iri", "expected an IRI, a CURIE, or a key like field/energy"
        ),
        _iri,
    ),
    "concept": (
        Signature(
            ("kind", "label"), "iri", "unknown-concept", "expected a label of the vocabulary"
        ),
        _concept,
    ),
    "lookup": (
        Signature(
            ("table", "match", "give", "text"),
            "literal",
            "unknown-value",
            "expected a value of the table",
        ),
        _lookup,
    ),
    "date": (
        Signature(
            ("text",), "literal", "unreadable-date", "expected a date whose order is not in doubt"
        ),
        _date,
    ),
    "number": (
        Signature(
            ("text",), "literal", "unreadable-number", "expected a number like 1,234 or 3.5亿"
        ),
        _number,
    ),
    "slug": (
        Signature(("text",), "literal", "illegal-key", "expected a text with letters or digits"),
        _slug,
    ),
    "normalise": (Signature(("text",), "literal"), _normalise),
    "split": (Signature(("text", "separator"), "literal"), _split),
    "replace": (Signature(("text", "pattern", "by"), "literal"), _replace),
    "upper": (Signature(("text",), "literal"), _upper),
    "lower": (Signature(("text",), "literal"), _lower),
    "matches": (Signature(("text", "pattern"), "boolean", by_column=True), _matches),
    "notMatches": (Signature(("text", "pattern"), "boolean", by_column=True), _not_matches),
    "equal": (Signature(_BOTH, "boolean", by_column=True), _equal),
    "notEqual": (Signature(_BOTH, "boolean", by_column=True), _not_equal),
}

_AT: Final = "\x1fat"
_GIVEN: Final = "\x1fgiven"
_FAILED: Final = "\x1ffailed"


def signature(name: str) -> Signature:
    """The signature of a function that exists."""
    return FUNCTIONS[name][0]


def apply(
    name: str, context: Context, arguments: Sequence[pl.Series | str], height: int
) -> tuple[pl.Series, pl.Series]:
    """Call a function for every row of arguments; an argument that is a text is that of all rows.

    A missing argument gives nothing, and no condition on one holds. Where an argument is a
    list, the function is called for each item; a condition holds where it holds for any.
    Returns the results (text, lists of text or truth values), and which rows did not resolve.
    """
    columns = {f"{n}": each for n, each in enumerate(arguments) if isinstance(each, pl.Series)}
    if not columns:  # all constant: once, for all
        result, failed = apply(name, context, [pl.Series([each]) for each in arguments], 1)
        return result.new_from_index(0, height), failed.new_from_index(0, height)
    frame = pl.DataFrame(columns)
    lists = [column for column, kind in frame.schema.items() if kind == pl.List(pl.String)]
    if not lists:
        return _results(name, context, frame, arguments)
    frame = frame.with_row_index(_AT)
    for column in lists:
        frame = frame.explode(column)
    result, failed = _results(name, context, frame.drop(_AT), arguments)
    made = pl.DataFrame([frame[_AT], result.alias(_GIVEN), failed.alias(_FAILED)])
    if result.dtype == pl.List(pl.String):
        made = made.explode(_GIVEN)
    given = pl.col(_GIVEN).any() if result.dtype == pl.Boolean else pl.col(_GIVEN).drop_nulls()
    made = made.group_by(_AT).agg(given, pl.col(_FAILED).any())
    # A row whose list is empty was exploded away.
    rows = pl.DataFrame({_AT: pl.arange(height, dtype=pl.UInt32, eager=True)})
    made = rows.join(made, on=_AT, how="left", maintain_order="left")
    result = made[_GIVEN]
    return (
        result.fill_null(False) if result.dtype == pl.Boolean else result,
        made[_FAILED].fill_null(False),
    )


def _results(
    name: str, context: Context, frame: pl.DataFrame, arguments: Sequence[pl.Series | str]
) -> tuple[pl.Series, pl.Series]:
    spec, code = FUNCTIONS[name]
    if spec.by_column:
        given = [
            each
            if spec.parameters[n] in PATTERNS
            else pl.lit(each)
            if isinstance(each, str)
            else pl.col(f"{n}")
            for n, each in enumerate(arguments)
        ]
        result = frame.select(code(context, *given).fill_null(False).alias(_GIVEN)).to_series()
        return result, pl.repeat(False, frame.height, eager=True)
    distinct = frame.drop_nulls().unique(maintain_order=True)
    found = _each(name, context, distinct, arguments)
    answers = distinct.with_columns(
        _typed(found, spec).alias(_GIVEN),
        pl.Series(_FAILED, [each is None for each in found], pl.Boolean),
    )
    if distinct.height < frame.height:
        answers = frame.join(answers, on=frame.columns, how="left", maintain_order="left")
    result = answers[_GIVEN]
    return (
        result.fill_null(False) if result.dtype == pl.Boolean else result,
        answers[_FAILED].fill_null(False),
    )


def _each(
    name: str, context: Context, distinct: pl.DataFrame, arguments: Sequence[pl.Series | str]
) -> list[Result]:
    """The result for each distinct tuple of arguments."""
    _, code = FUNCTIONS[name]
    columns = [
        distinct[f"{n}"].to_list() if isinstance(each, pl.Series) else repeat(each)
        for n, each in enumerate(arguments)
    ]
    try:
        return [code(context, *given) for given in zip(*columns, strict=False)]
    except re.error as error:
        raise InputError(f"function {name}: {error}") from None


def _typed(results: list[Result], spec: Signature) -> pl.Series:
    if spec.result == "boolean":
        return pl.Series(results, dtype=pl.Boolean)
    if not any(isinstance(each, list) for each in results):
        texts = [each if isinstance(each, str) else None for each in results]
        return pl.Series(texts, dtype=pl.String)
    many = [
        [each] if isinstance(each, str) else each if isinstance(each, list) else None
        for each in results
    ]
    return pl.Series(many, dtype=pl.List(pl.String))
