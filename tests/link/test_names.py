"""Names levelled for comparison."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.link.names import country_names, domain, forms, level, sound, unit_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Xi’an Jiaotong University", "XI'AN JIAOTONG UNIVERSITY"),
        ("臺灣大學", "台湾大学"),
        ("中國中鐵", "中国中铁"),
        ("Montréal", "Montreal"),
        ("The University of Tokyo", "University of Tokyo"),
        ("ＺＴＥ", "zte"),
        ("Science & Technology", "Science and Technology"),
        ("华东理工大学X-D Lab", "华东理工大学 x d lab"),
    ],
)
def test_spelling_and_script_are_levelled(one: str, other: str) -> None:
    assert level(one) == level(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ZTE Corporation", "ZTE"),
        ("Databricks Inc.", "Databricks"),
        ("Tencent (China)", "Tencent"),
        ("MiniMax (People's Republic of China)", "MiniMax"),
        ("China Academy of Information (CAICT)", "China Academy of Information"),
        ("腾讯控股有限公司", "腾讯控股"),
        ("Network Optix Inc", "Network Optix"),
    ],
)
def test_legal_form_and_country_are_no_part_of_a_name(one: str, other: str) -> None:
    assert forms(one).core == forms(other).core


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("香港中文大学（深圳）", "香港中文大学"),
        ("The Hong Kong University of Science and Technology (Guangzhou)",
         "Hong Kong University of Science and Technology"),
        ("阿里云", "阿里巴巴集团"),
        ("AT&T", "T"),
        ("医渡科技", "医联科技"),
    ],
)  # fmt: skip
def test_what_tells_two_organizations_apart_stays(one: str, other: str) -> None:
    assert forms(one).core != forms(other).core
    assert forms(one).stem != forms(other).stem


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("Z.ai (Zhipu AI)", "zhipu ai"),
        ("Beijing Academy of Artificial Intelligence / BAAI", "baai"),
        ("Beijing Academy of Artificial Intelligence aka Zhiyuan Institute", "zhiyuan institute"),
        ("Mila - Quebec AI (originally Montreal Institute for Learning Algorithms)",
         "montreal institute for learning algorithms"),
        ("Allen Institute for AI (Ai2)", "ai2"),
    ],
)  # fmt: skip
def test_a_text_may_give_two_names(text: str, other: str) -> None:
    assert other in forms(text).others


def test_a_country_in_brackets_is_noted_not_taken_for_a_name() -> None:
    assert forms("Huawei Technologies (Poland)").countries == {"pl"}
    assert forms("LG (South Korea)").countries == {"kr"}
    assert forms("LG (South Korea)").others == frozenset()
    assert country_names()["中国"] == "cn"


def test_an_acronym_takes_the_words_that_count() -> None:
    assert forms("International Business Machines Corporation").acronym == "ibm"
    assert forms("Beijing Academy of Artificial Intelligence").acronym == "baai"
    assert forms("Neo4j").acronym == ""


def test_a_chinese_name_sounds_like_its_pinyin() -> None:
    assert sound("华为") == sound("huawei") == "huawei"
    assert sound("百度") == "baidu"


@pytest.mark.parametrize(
    ("part", "whole"),
    [
        ("北京大学信息工程学院", "北京大学"),
        ("google brain", "google"),
        ("intel labs", "intel"),
    ],
)
def test_a_unit_is_named_after_its_whole(part: str, whole: str) -> None:
    assert unit_of(part, whole)
    assert not unit_of(whole, part)
    assert not unit_of(whole, whole)


def test_another_word_that_begins_alike_is_no_unit() -> None:
    assert not unit_of("googleplex lab", "google")
    assert not unit_of("理想汽车", "理想")


def test_the_host_of_an_address_stands_for_its_owner() -> None:
    assert domain("https://www.Baidu.com/a?b") == domain("http://baidu.com") == "baidu.com"
    assert domain("no address") == ""


@given(st.text(max_size=40))
def test_levelling_twice_changes_nothing_more(text: str) -> None:
    assert level(level(text)) == level(text)


@given(st.text(alphabet="北京大学院AB (（）)有限公司co.ltd&/", min_size=1, max_size=20))
def test_every_text_has_forms_and_none_loses_its_name(text: str) -> None:
    found = forms(text)
    assert found.core or not level(text)
    assert found.stem or not level(text)
