"""Lexical forms by XSD, and comparison as SPARQL compares."""

from __future__ import annotations

import pytest
from pyoxigraph import Literal, NamedNode

from kg import vocab
from kg.validate.literals import SAFE_FORMS, compare, is_pattern, matches, well_formed

RIGHT = {
    "integer": "0 -1 +7 007",
    "decimal": "1 1. .5 -1.50",
    "double": "1e3 INF -INF NaN 1.5E-7",
    "boolean": "true false 1 0",
    "date": "2020-02-29 2000-02-29 -0044-03-15 12020-01-01 2020-01-01Z 2020-01-01+14:00",
    "dateTime": "2020-01-01T00:00:00 2020-01-01T24:00:00 2020-01-01T23:59:59.999Z",
    "time": "00:00:00 24:00:00 12:00:00-05:30",
    "gYear": "2020 0000 -0500 20200Z",
    "gYearMonth": "2020-12",
    "gMonthDay": "--02-29",
    "duration": "P1Y P1Y2M3DT4H5M6.7S -P1D PT0S",
    "dayTimeDuration": "P1D PT1H",
    "hexBinary": "0aFF",
    "byte": "-128 127",
    "unsignedInt": "0 4294967295",
    "anyURI": "x http://example.org/",
    "string": "x",
}
WRONG = {
    "integer": "x 1.0 1e3",
    "decimal": "1e3 . INF",
    "double": "abc +NaN",
    "boolean": "yes True",
    "date": "2020-02-30 1900-02-29 2020-13-01 20-01-01 2020-1-1 2020-01-01+15:00",
    "dateTime": "2020-01-01 2020-01-01T25:00:00 2020-01-01T24:00:01",
    "time": "1:00:00 24:00:01",
    "gYear": "19x8 198 01998",
    "gYearMonth": "2020-13",
    "gMonthDay": "--02-30 --04-31",
    "duration": "P PT 1Y P1YT P-1Y",
    "dayTimeDuration": "P1Y",
    "hexBinary": "0aF",
    "byte": "128 -129 x",
    "unsignedInt": "-1 4294967296",
}


def literal(text: str, name: str) -> Literal:
    return Literal(text, datatype=NamedNode(vocab.XSD + name))


@pytest.mark.parametrize("name", RIGHT)
def test_text_of_the_datatype_is_well_formed(name: str) -> None:
    for text in RIGHT[name].split():
        assert well_formed(literal(text, name)), text


@pytest.mark.parametrize("name", WRONG)
def test_other_text_is_not_well_formed(name: str) -> None:
    for text in WRONG[name].split():
        assert not well_formed(literal(text, name)), text


def test_form_that_a_query_takes_for_safe_is_never_wrong() -> None:
    for name, texts in WRONG.items():
        form = SAFE_FORMS.get(vocab.XSD + name)
        for text in texts.split() if form else ():
            assert not matches(text, str(form), ""), f"{text} as xsd:{name}"


@pytest.mark.parametrize(
    ("left", "operator", "right", "holds"),
    [
        (literal("1", "integer"), "<", literal("1.5", "decimal"), True),
        (literal("2", "integer"), "<=", literal("2.0", "double"), True),
        (literal("x", "integer"), "<", literal("2", "integer"), False),
        (literal("2020", "gYear"), "<", literal("2021", "gYear"), True),
        (literal("2020-01-01", "date"), "<", literal("2020-01-02", "date"), True),
        (literal("2020-01-01T00:00:00Z", "dateTime"), "<",
         literal("2020-01-01T00:00:01", "dateTime"), False),  # 14 hours of doubt
        (Literal("a"), "<", Literal("b"), True),
        (Literal("a"), "<", Literal("b", language="en"), False),
        (Literal("a", language="en"), "<", Literal("b", language="en"), False),
        (Literal("a"), "<", literal("1", "integer"), False),
        (Literal(False), "<", Literal(True), True),
        (Literal(True), "<=", Literal(True), True),
        (Literal(True), "<", literal("2", "integer"), False),
    ],
)  # fmt: skip
def test_comparison_is_that_of_sparql(
    left: Literal, operator: str, right: Literal, holds: bool
) -> None:
    assert compare(left, operator, right) is holds


def test_pattern_is_searched_for_as_sparql_does() -> None:
    assert matches("abc", "B", "i")
    assert not matches("a\n", "a$", "")
    assert matches('quo"ted\\', '"', "")
    assert is_pattern("^a+$", "i")
    assert not is_pattern("(?=a)", "")
