"""The functions of a mapping, on small tables and on the shipped ones."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg import vocab
from kg.errors import InputError
from kg.etl import dates, functions
from kg.etl.context import Context, Register
from kg.etl.functions import FUNCTIONS
from kg.settings import shipped

ROR = "00cmhce21"
ID = vocab.BASE


def register(folder: Path, organizations: str, aliases: str = "") -> Register:
    (folder / "organizations.csv").write_text(
        "slug,name_en,name_zh,ror\n" + organizations, encoding="utf-8-sig"
    )
    (folder / "organization_aliases.csv").write_text(
        "alias,organization,source\n" + aliases, encoding="utf-8"
    )
    return Register(folder)


@pytest.fixture(scope="module")
def context() -> Context:
    return Context(shipped("tables"), shipped("ontology") / "vocabularies")


Argument = str | list[str] | None


def applied(context: Context, name: str, *arguments: Argument) -> tuple[pl.Series, pl.Series]:
    """A function called for one row: the arguments as columns."""
    columns = [
        pl.Series([each], dtype=pl.List(pl.String) if isinstance(each, list) else pl.String)
        if functions.signature(name).parameters[min(n, spec_length(name) - 1)]
        not in functions.PATTERNS
        else str(each)
        for n, each in enumerate(arguments)
    ]
    return functions.apply(name, context, columns, 1)


def spec_length(name: str) -> int:
    return len(functions.signature(name).parameters)


def call(context: Context, name: str, *arguments: Argument) -> Any:
    result, failed = applied(context, name, *arguments)
    assert not failed.any()
    (found,) = result.to_list()
    return found


def failed(context: Context, name: str, *arguments: Argument) -> bool:
    result, failed = applied(context, name, *arguments)
    return failed.to_list() == [True] and result.to_list() == [None]


# --- the register -------------------------------------------------------------------------------


def test_an_organization_is_known_by_name_alias_and_ror(tmp_path: Path) -> None:
    known = register(
        tmp_path, f"huawei,Huawei,华为,{ROR}\nbaidu,Baidu,,\n",
        f"Huawei Inc,huawei,x\n华为公司,ror-{ROR},x\nSomeone,ror-012345678,x\n",
    )  # fmt: skip
    names = ["Huawei", "华为", "Huawei Inc", "华为公司", "Baidu", "Someone", "Nobody", ""]
    assert [known.of_name(name) for name in names] == [
        "huawei", "huawei", "huawei", "huawei", "baidu", "ror-012345678", None, None,
    ]  # fmt: skip
    assert (known.of_ror(ROR), known.of_ror("012345678")) == ("huawei", "ror-012345678")


@pytest.mark.parametrize(
    ("organizations", "aliases", "message"),
    [
        ("a,X,,\nb,X,,\n", "", "organizations.csv:3: 'X' already stands for a, not b"),
        ("a,A,,1\nb,B,,1\n", "", "organizations.csv:3: '1' already stands for a, not b"),
        ("a,A,,\nb,B,,\n", "z,a,\nA,b,\n",
         "organization_aliases.csv:3: 'A' already stands for a, not b"),
        ("a,A,,\n", "z,c,\n", "organization_aliases.csv:2: 'c' is not in organizations.csv"),
        ("a,A\n", "", "organizations.csv:2: 'a|A' (ragged-row): expected 4 cells"),
        ('a,"A,,\n', "", "organizations.csv:2: the row that starts here is malformed csv"),
    ],
)  # fmt: skip
def test_tables_that_contradict_each_other_are_named_with_their_line(
    tmp_path: Path, organizations: str, aliases: str, message: str
) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        register(tmp_path, organizations, aliases)


def test_a_table_without_a_column_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "organizations.csv").write_text("slug,name_en\n")
    with pytest.raises(InputError, match=r"organizations\.csv:1: column ror, name_zh is missing"):
        Register(tmp_path)


# --- organizations, keys and IRIs ---------------------------------------------------------------


def test_an_organization_has_its_curated_key_or_a_digest_of_its_name(context: Context) -> None:
    assert call(context, "organization", "华为", "x") == ID + "organization/huawei"
    assert call(context, "organization", "No Such 公司", "llms") == (
        ID + "organization/llms-" + vocab.digest("No Such 公司")
    )


def test_a_ror_id_gives_the_curated_key_or_its_own(context: Context) -> None:
    for ror in (ROR, "https://ror.org/" + ROR):
        assert call(context, "organizationOfRor", ror) == ID + "organization/huawei"
    assert call(context, "organizationOfRor", "000000000") == ID + "organization/ror-000000000"
    assert failed(context, "organizationOfRor", "No Id")


def test_a_name_or_ror_id_is_new_where_no_curated_table_has_it(context: Context) -> None:
    assert call(context, "isNewName", "No Such 公司", "llms") is True
    assert call(context, "isNewName", "华为", "llms") is False
    assert call(context, "isNewRor", "000000000") is True
    assert call(context, "isNewRor", "https://ror.org/" + ROR) is False


def test_a_key_is_made_of_kind_source_and_the_parts_in_order(context: Context) -> None:
    made = call(context, "key", "ConferenceSeries", "ccf", "AAAI", "AI")
    assert made == f"{ID}conference-series/ccf-{vocab.digest('AAAI', 'AI')}"
    assert made != call(context, "key", "ConferenceSeries", "ccf", "AI", "AAAI")
    assert call(context, "key", "tier", "x", "y") == f"{ID}tier/x-{vocab.digest('y')}"


def test_a_resource_has_a_legal_key(context: Context) -> None:
    assert call(context, "resource", "ApplicationField", "energy") == ID + "field/energy"
    assert call(context, "resource", "place", "beijing") == ID + "place/beijing"
    assert failed(context, "resource", "place", "Bei jing")


def test_an_iri_is_a_full_one_a_curie_or_a_key(context: Context) -> None:
    for text in ("field/energy", "id:field/energy", ID + "field/energy"):
        assert call(context, "iri", text) == ID + "field/energy"
    assert failed(context, "iri", "energy")
    assert failed(context, "iri", "foo:energy")


# --- looking up ---------------------------------------------------------------------------------


def test_places_are_found_by_text_geonames_and_country(context: Context) -> None:
    assert call(context, "place", "Shenzhen, China") == ID + "place/shenzhen"
    assert call(context, "placeOfGeonames", "1816670") == ID + "place/beijing"
    assert call(context, "country", "United Arab Emirates") == ID + "place/ae"
    for name in ("place", "placeOfGeonames", "country"):
        assert failed(context, name, "Atlantis")
        assert functions.signature(name).rule == "unknown-place"


def test_a_concept_is_found_by_label_in_either_language_and_by_key(context: Context) -> None:
    found = {call(context, "concept", "tier", text) for text in ("Premier", " PREMIER ", "premier")}
    assert found == {ID + "tier/premier"}
    in_english = call(context, "concept", "technology", "computer vision")
    assert in_english == call(context, "concept", "technology", "计算机视觉")
    assert in_english == ID + "technology/computer-vision"
    assert failed(context, "concept", "tier", "computer vision")


def test_a_lookup_gives_a_cell_nothing_or_a_fault(tmp_path: Path, context: Context) -> None:
    (tmp_path / "t.csv").write_text("word,means\n通用,\n金融,finance\n", encoding="utf-8")
    small = Context(tmp_path, tmp_path)
    assert call(small, "lookup", "t", "word", "means", "金融") == "finance"
    assert call(small, "lookup", "t", "word", "means", "通用") is None
    assert failed(small, "lookup", "t", "word", "means", "教育")
    with pytest.raises(InputError, match=r"t\.csv:1: column meaning is missing"):
        call(small, "lookup", "t", "word", "meaning", "金融")
    with pytest.raises(InputError, match=r"u\.csv: no such file"):
        call(small, "lookup", "u", "word", "means", "金融")


# --- texts --------------------------------------------------------------------------------------


def test_texts_are_split_replaced_raised_and_matched(context: Context) -> None:
    assert call(context, "split", " a & b＆c&& ", "[&＆]") == ["a", "b", "c"]
    assert call(context, "replace", "https://ror.org/x", "^https://ror.org/", "") == "x"
    assert call(context, "replace", "ab", "(a)(b)", r"\2\1") == "ba"
    assert call(context, "replace", "abc", ".*", "") is None
    assert call(context, "upper", "cn") == "CN"
    assert call(context, "matches", "北京大学", "大学$") is True
    assert call(context, "notMatches", "北京大学", "大学$") is False


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2023-05-19", "2023-05-19"), ("2023年5月19日", "2023-05-19"), ("2023 年", "2023"),
        ("２０２３年５月", "2023-05"), ("二〇二三年五月十九日", "2023-05-19"),
        ("二零二三年十二月廿一日", "2023-12-21"), ("民国元年", "1912"),
        ("2023/5/19", "2023-05-19"), ("2023.5.19", "2023-05-19"), ("20230519", "2023-05-19"),
        ("19 May 2023", "2023-05-19"), ("May 19, 2023", "2023-05-19"), ("Sept. 2023", "2023-09"),
        ("民国112年5月19日", "2023-05-19"), ("公元2024年2月29日", "2024-02-29"),
    ],
)  # fmt: skip
def test_a_date_is_read_in_chinese_and_english_at_its_own_precision(
    context: Context, text: str, written: str
) -> None:
    assert call(context, "date", text) == written


@pytest.mark.parametrize(
    "text",
    ["05/06/2023", "2023-02-30", "2023年13月", "农历二〇二三年四月初一", "十年", "23年5月",
     "2023-5/19", "2023年十十月", "19 maybe 2023", "٢٠٢٣-٠٥-١٩", "soon", "-", "2023-05-19T10:00"],
)  # fmt: skip
def test_a_date_in_doubt_is_no_date(context: Context, text: str) -> None:
    assert failed(context, "date", text)


@given(st.dates(min_value=dt.date(1000, 1, 1)))
def test_every_date_is_read_back_in_every_form(date: dt.date) -> None:
    forms = ["%Y-%m-%d", "%Y年%m月%d日", "%Y/%m/%d", "%d %B %Y", "%B %d, %Y", "%Y%m%d", "%Y.%m.%d"]
    assert {dates.iso(date.strftime(form)) for form in forms} == {date.isoformat()}
    assert dates.iso(f"{date.year}年{date.month}月{date.day}日") == date.isoformat()


def test_a_number_is_read_exactly(context: Context) -> None:
    texts = ["1,234,567", "3.5亿", "1.2万", "+7", "-0.10", "９９９", "2万亿", "9007199254740993"]
    assert [call(context, "number", text) for text in texts] == [
        "1234567", "350000000", "12000", "7", "-0.10", "999", "2000000000000", "9007199254740993",
    ]  # fmt: skip
    for text in ("1,23", "12%", "about 5", "1e3", "万", "1.2.3"):
        assert failed(context, "number", text)


def test_a_slug_is_a_key_in_latin_letters(context: Context) -> None:
    assert call(context, "slug", "北京 AI 联盟（2023）") == "bei-jing-ai-lian-meng-2023"
    assert call(context, "slug", "Électronique & Cie.") == "electronique-cie"
    assert failed(context, "slug", "—")


def test_texts_are_normalised_and_compared(context: Context) -> None:
    assert call(context, "normalise", " ＡＩ\u3000 联盟 ") == "AI 联盟"
    assert call(context, "lower", "AI") == "ai"
    assert call(context, "equal", "a", "a") is True
    assert call(context, "notEqual", "a", "a") is False
    assert call(context, "equal", "a", None) is False
    assert call(context, "notEqual", "a", None) is False


def test_a_replacement_that_names_no_group_is_an_input_error(context: Context) -> None:
    with pytest.raises(InputError, match=r"function replace: invalid group reference"):
        call(context, "replace", "a", "a", r"\1")


def test_an_empty_argument_gives_nothing_and_no_condition_holds(context: Context) -> None:
    assert call(context, "upper", None) is None
    assert call(context, "matches", None, "x") is False
    assert call(context, "notMatches", None, "x") is False


def test_a_list_is_taken_item_by_item(context: Context) -> None:
    keys = pl.Series([["beijing", "X Y", "tianjin"], [], None, ["a"]], dtype=pl.List(pl.String))
    results, bad = functions.apply("resource", context, ["place", keys], 4)
    assert results.to_list() == [
        [ID + "place/beijing", ID + "place/tianjin"], None, [], [ID + "place/a"],
    ]  # fmt: skip
    assert bad.to_list() == [True, False, False, False]
    assert call(context, "matches", ["a", "b"], "b") is True
    assert call(context, "matches", [], "b") is False


def test_each_distinct_tuple_of_arguments_is_called_once(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, ...]] = []
    spec, code = FUNCTIONS["resource"]

    def counted(context: Context, *arguments: str) -> object:
        calls.append(arguments)
        return code(context, *arguments)

    monkeypatch.setitem(FUNCTIONS, "resource", (spec, counted))
    kinds = pl.Series(["a", "b", "a", None, "a"])
    keys = pl.Series(["x", "x", "x", "x", "X"])
    results, bad = functions.apply("resource", context, [kinds, keys], 5)
    assert results.to_list() == [ID + "a/x", ID + "b/x", ID + "a/x", None, None]
    assert bad.to_list() == [False, False, False, False, True]
    assert calls == [("a", "x"), ("b", "x"), ("a", "X")]
    constant, _ = functions.apply("resource", context, ["a", "x"], 3)
    assert constant.to_list() == [ID + "a/x"] * 3
    assert len(calls) == 4


def test_every_function_that_can_fail_has_a_rule() -> None:
    for spec, code in FUNCTIONS.values():
        can_fail = "None" in str(code.__annotations__["return"]) or code.__name__ == "_lookup"
        assert bool(spec.rule) is bool(spec.expected) is can_fail


def test_the_reference_names_every_function_with_its_parameters() -> None:
    text = (Path(__file__).parents[2] / "docs" / "mapping.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `kgf:(\w+)` \| ([^|]*) \| ([^|]*) \| ([^|]*) \|", text, re.MULTILINE)
    assert [row[0] for row in rows] == list(FUNCTIONS)
    for name, parameters, result, rule in rows:
        spec = functions.signature(name)
        assert tuple(re.findall(r"`(\w+)`", parameters)) == spec.parameters
        kind = {"iri": "IRI", "boolean": "condition", "literal": "text"}[spec.result]
        assert kind in result
        assert re.findall(r"`([a-z-]+)`", rule) == [spec.rule] * bool(spec.rule)
