"""The functions of a mapping, on small tables and on the shipped ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kg import vocab
from kg.errors import InputError
from kg.etl import functions
from kg.etl.functions import FUNCTIONS, NOTHING, Context, Register, Result
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


def call(context: Context, name: str, *arguments: str | list[str] | None) -> Result:
    (result,), _ = functions.apply(name, context, [arguments])
    return result


def failed(context: Context, name: str, *arguments: str) -> bool:
    return functions.apply(name, context, [arguments])[1] == [0]


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
        ("a,A\n", "", "organizations.csv:2, column : 'a|A' (ragged-row): expected 4 cells"),
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
    assert call(context, "isNewName", "No Such 公司") is True
    assert call(context, "isNewName", "华为") is False
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
    assert call(small, "lookup", "t", "word", "means", "通用") is NOTHING
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
    assert call(context, "replace", "abc", ".*", "") is NOTHING
    assert call(context, "upper", "cn") == "CN"
    assert call(context, "matches", "北京大学", "大学$") is True
    assert call(context, "notMatches", "北京大学", "大学$") is False


def test_a_replacement_that_names_no_group_is_an_input_error(context: Context) -> None:
    with pytest.raises(InputError, match=r"function replace of .*invalid group reference"):
        call(context, "replace", "a", "a", r"\1")


def test_an_empty_argument_gives_nothing_and_no_condition_holds(context: Context) -> None:
    assert call(context, "upper", None) is NOTHING
    assert call(context, "matches", None, "x") is False
    assert call(context, "notMatches", None, "x") is False


def test_a_list_is_taken_item_by_item(context: Context) -> None:
    results, bad = functions.apply(
        "resource", context, [("place", ["beijing", "X Y", "tianjin"]), ("place", [])]
    )
    assert results == [[ID + "place/beijing", ID + "place/tianjin"], []]
    assert bad == [0]
    assert call(context, "matches", ["a", "b"], "b") is True
    assert call(context, "matches", [], "b") is False


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
