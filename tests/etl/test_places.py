"""Places by name: real strings, homonyms, and the strings of the data that stay unresolved."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from pyoxigraph import parse

from kg import vocab
from kg.errors import InputError
from kg.etl.places import Gazetteer, Place
from kg.settings import shipped

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
needs_data = pytest.mark.skipif(
    not DATA.is_dir() and os.environ.get("CI") != "true",
    reason=f"the third-party tables are not at {DATA}",
)
VOCABULARIES = shipped("ontology") / "vocabularies"


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return Gazetteer.load(shipped("tables"), VOCABULARIES)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Chengdu, China", "chengdu"),
        ("Hangzhou, Zhejiang, P.R. China", "hangzhou"),
        ("Nanjing， China", "nanjing"),
        ("Guangzhou, China (and hybrid)", "guangzhou"),
        ("Nankai University, Tianjin, China", "tianjin"),
        ("Beijing 100084, China", "beijing"),
        ("Beijng, China", "beijing"),
        ("Hainan Island, China", "hainan"),
        ("Xi'an, China", "xian"),
        ("Xi’an", "xian"),
        ("Urumchi, China", "urumqi"),
        ("Ürümqi", "urumqi"),
        ("Hengqin, Zhuhai, China", "zhuhai"),
        ("Hengqin, China", "zhuhai"),
        ("Haining, Zhejiang, China", "zhejiang"),
        ("浙江杭州", "hangzhou"),
        ("浙江省杭州市", "hangzhou"),
        ("内蒙古呼和浩特", "hohhot"),
        ("太原", "taiyuan"),
        ("瀋陽", "shenyang"),
        ("浙江德清", "gb-330521"),
        ("Deqing County", "gb-330521"),
        ("China", "cn"),
    ],
)
def test_a_chinese_place_is_found_in_either_language(
    gazetteer: Gazetteer, text: str, key: str
) -> None:
    assert gazetteer.of_text(text) == key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Hong Kong SAR, China", "hong-kong"),
        ("Hong Kong SAR, Hong Kong", "hong-kong"),
        ("HKUST, Hong Kong", "hong-kong"),
        ("香港", "hong-kong"),
        ("Macau, China", "macao"),
        ("澳门", "macao"),
        ("台湾", "tw"),
        ("Taipei, China", "tw"),
        ("Hsinchu, Taiwan， China", "tw"),
    ],
)
def test_hong_kong_macao_and_taiwan_are_found_with_and_without_china(
    gazetteer: Gazetteer, text: str, key: str
) -> None:
    assert gazetteer.of_text(text) == key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("London, UK", "gb"),
        ("Belfast, Northern Ireland, United Kingdom", "gb"),
        ("SAN FRANCISCO, CA", "us"),
        ("Atlanta (GA), USA", "us"),
        ("Baltimore, Maryland USA", "us"),
        ("New Jersey, USA", "us"),
        ("Santa Fe, New Mexico, USA", "us"),
        ("Washington, DC and Online", "us"),
        ("Westin Philadelphia", "us"),
        ("Lotte Hotel World, Seoul, Republic of Korea", "kr"),
        ("Korea (Democratic People's Republic of)", "kp"),
        ("Bosnia and Herzegovina", "ba"),
        ("Sarajevo, Bosnia and Herzegovina", "ba"),
        ("Amalfi, Italy / Virtual venue", "it"),
        ("İstanbul, Turkey", "tr"),
        ("Montréal, Québec, Canada", "ca"),
        ("Moscow, Idaho, USA", "us"),
        ("Paris, Texas, USA", "us"),
        ("Atlanta, Georgia", "us"),
        ("Singapore, Singapore", "sg"),
    ],
)
def test_a_foreign_place_resolves_to_its_country(gazetteer: Gazetteer, text: str, key: str) -> None:
    assert gazetteer.of_text(text) == key


@pytest.mark.parametrize(
    ("text", "candidates"),
    [
        ("Suzhou", ["suzhou-anhui", "suzhou-jiangsu"]),
        ("Suzhou, China", ["suzhou-anhui", "suzhou-jiangsu"]),
        ("Fuzhou, China", ["fuzhou-fujian", "fuzhou-jiangxi"]),
        ("Georgia", ["ge", "us"]),
    ],
)
def test_homonyms_are_in_doubt_until_a_province_or_town_is_named(
    gazetteer: Gazetteer, text: str, candidates: list[str]
) -> None:
    assert gazetteer.of_text(text) is None
    assert gazetteer.candidates(text) == candidates


def test_a_province_or_the_chinese_name_tells_homonyms_apart(gazetteer: Gazetteer) -> None:
    texts = ["Suzhou, Jiangsu", "苏州", "宿州", "Suzhou, Anhui, China", "陕西榆林", "广西玉林"]
    assert [gazetteer.of_text(text) for text in texts] == [
        "suzhou-jiangsu", "suzhou-jiangsu", "suzhou-anhui", "suzhou-anhui",
        "yulin-shaanxi", "yulin-guangxi",
    ]  # fmt: skip


def test_a_bare_name_means_the_higher_level(gazetteer: Gazetteer) -> None:
    assert gazetteer.of_text("Jilin") == gazetteer.of_text("吉林") == "jilin"
    assert gazetteer.of_text("吉林市") == gazetteer.of_text("Jilin, Jilin, China") == "jilin-city"
    assert gazetteer.of_text("海南") == "hainan"
    assert gazetteer.candidates("Kashgar") == ["kashgar", "gb-653101"]


@pytest.mark.parametrize(
    "text",
    ["", "，", "TBD", "Virtual", "Athens, Georgia", "Suzhou, Sichuan", "Beijing, France", "南京县",
     "浙江大学", "Wuhan University", "Bank of China", "Hangzhow", "中国" * 5000, "a " * 5000 + "b"],
)  # fmt: skip
def test_what_is_unknown_or_contradicts_itself_is_not_guessed(
    gazetteer: Gazetteer, text: str
) -> None:
    assert gazetteer.of_text(text) is None


def test_country_names_resolve_only_to_areas_of_iso_3166_1(gazetteer: Gazetteer) -> None:
    names = ["Korea (Republic of)", "Hong Kong", "Georgia", "Türkiye", "Jilin", "California"]
    found = [gazetteer.of_country(name) for name in names]
    assert found == ["kr", "hong-kong", "ge", "tr", None, None]


def test_geonames_features_resolve_to_the_unit_they_stand_for_or_lie_in(
    gazetteer: Gazetteer,
) -> None:
    ids = ["1795565", "1812981", "1790638", "6895574", "1809935", "7076747"]
    found = [gazetteer.of_geonames(identifier) for identifier in ids]
    assert found == ["shenzhen", "gb-330521", "xiamen", "zhuhai", "guangdong", None]


def test_an_unknown_parent_is_an_error() -> None:
    with pytest.raises(InputError, match="place a: its parent 'b' is in no table"):
        Gazetteer({"a": Place("a", "City", parents={"b"})})


def test_a_geonames_id_of_two_places_is_an_error() -> None:
    places = {key: Place(key, "City", geonames={"1"}) for key in ("a", "b")}
    with pytest.raises(InputError, match="GeoNames id 1 stands for both a and b"):
        Gazetteer(places)


def test_the_tables_name_each_place_once_and_know_every_parent() -> None:
    cities, countries = (rows(shipped("tables") / f"{n}.csv") for n in ("cities", "countries"))
    turtle = {
        triple.subject.value.removeprefix(vocab.BASE + "place/")
        for name in ("provinces", "regions")
        for triple in parse(path=VOCABULARIES / f"{name}.ttl")
    }
    keys = Counter([row["slug"] for row in cities] + [row["iso"] for row in countries])
    assert keys.most_common(1)[0][1] == 1
    assert {parent for row in cities for parent in row["parents"].split("|")} <= turtle | set(keys)
    # Regions state their members, provinces their country: none of them may be misspelt.
    levels = {"bth", "yrd", "prd", "sc-cq", "west", "central", "northeast", "world"}
    provinces = {row["parents"] for row in cities if row["level"] == "City"} - {"cn"}
    assert turtle - set(keys) == levels | provinces
    assert {"hk", "mo"}.isdisjoint(keys)
    for column in ("gb_code", "geonames", "wikidata"):
        values = Counter(row[column] for row in cities if row[column])
        assert values.most_common(1)[0][1] == 1, column


@needs_data
def test_the_places_of_the_data_resolve_but_for_these(gazetteer: Gazetteer) -> None:
    texts = {row["place"] for row in rows(DATA / "ccf_conferences" / "conference_editions.csv")}
    texts |= {row["place"] for row in rows(DATA / "llms_in_china" / "llms_in_china.csv")}
    assert {text for text in texts - {""} if gazetteer.of_text(text) is None} == {
        "Birmingham", "Co-located withUSENIX Security '21", "Fuzhou, China", "Online",
        "Online and Physical (Location TBC)", "Suzhou, China", "TBD", "Virtual", "Virtual Event",
        "Virtual conference", "virtual",
    }  # fmt: skip
    models = rows(DATA / "epoch_ai_models" / "notable_ai_models.csv")
    cells = {name for row in models for name in row["Country (of organization)"].split(",")}
    assert {name for name in cells - {""} if gazetteer.of_country(name) is None} == {
        "Multinational"
    }


@needs_data
def test_the_geonames_ids_of_ror_resolve_but_for_villages_that_share_a_name(
    gazetteer: Gazetteer,
) -> None:
    ids = {row["geonames"] for row in rows(DATA / "ror_cn" / "ror_cn_organizations.csv")}
    assert {identifier for identifier in ids if gazetteer.of_geonames(identifier) is None} == {
        "1281674", "1784337", "1786462", "1787352", "1788468", "1790442", "1796238", "1808274",
        "1810637", "1887719", "1915223", "1917487", "1921758", "1927942", "2037106", "2038118",
        "7076747", "7338253", "8262129", "8403878", "8518767", "8544438", "11503508",
    }  # fmt: skip


@needs_data
def test_the_table_of_cities_is_what_its_script_compiles(tmp_path: Path) -> None:
    output = tmp_path / "cities.csv"
    script = ROOT / "scripts" / "compile_places.py"
    subprocess.run([sys.executable, script, DATA, "--output", output], check=True)
    assert output.read_bytes() == (shipped("tables") / "cities.csv").read_bytes()
