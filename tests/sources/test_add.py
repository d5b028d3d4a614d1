"""Looking at a table, and the first mapping that is written of it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from openpyxl import Workbook

from kg.errors import InputError
from kg.etl import Context, read
from kg.settings import shipped
from kg.sources import add
from kg.sources.draft import Added
from kg.sources.profile import look
from kg.sources.terms import headed, level, likeness, singular
from kg.tables import Dialect


@pytest.fixture(scope="module")
def context() -> Context:
    return Context(shipped("tables"), shipped("ontology") / "vocabularies")


def added(context: Context, path: Path, **options: str | bool) -> Added:
    dialect = Dialect(
        **{
            name: str(options.pop(name))
            for name in ("query", "sheet", "records")
            if name in options
        }
    )
    return add(str(path), None, "", dialect, shipped("ontology"), context, **options)  # type: ignore[arg-type]


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


TABLES = {
    "universities.csv": (
        "School Name,City,Founded,ROR\nExample University,Wuhan,1893,03vs3wt56\n"
        "Sample University,Xi'an,1896,00cmhce21\n",
        "aic:University",
        {"School Name": "skos:prefLabel", "City": "aic:locatedIn", "Founded": "aic:foundedIn",
         "ROR": "aic:rorId"},
    ),
    "policies.csv": (
        "政策名稱,簡介\n新一代人工智能发展规划,国家\n某市人工智能条例,地方\n",
        "aic:Policy",
        {"政策名稱": "skos:prefLabel", "簡介": "dcterms:description"},
    ),
    "企业.csv": (
        "qiyemingcheng,chengli nianfen,所属行业\n甲公司,1999,x\n乙公司,2001,y\n",
        "aic:Enterprise",
        {"chengli nianfen": "aic:foundedIn"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_understood_by_its_names_in_english_and_chinese(
    context: Context, tmp_path: Path, name: str
) -> None:
    text, class_, meanings = TABLES[name]
    found = added(context, written(tmp_path / name, text))
    assert found.class_ == class_
    assert {column: found.meanings.get(column) for column in meanings} == meanings
    assert found.triples >= 2 * len(meanings) or name == "企业.csv"
    assert read(found.file).dataset.name == found.source


def test_headings_of_the_chinese_registry_are_understood(context: Context, tmp_path: Path) -> None:
    head = "统一社会信用代码,企业名称,英文名称,省份,城市,注册地址,成立日期,注册资本,法定代表人,"
    head += "行业代码,所属行业,企业类型,经营状态\n"
    rows = [
        f"9111{n:014},示例{n}公司,Firm {n},广东省,{city},路{n}号,"
        f"2019年{n % 12 + 1}月1日,{n}万元,张{n},"
        f"I65,{'软件和信息技术服务业' if n else '炼金术'},有限责任公司,存续"
        for n, city in enumerate(["深圳", "广州市", "珠海"] * 10)
    ]
    rows[3] = rows[3].replace(",示例3公司,", ",,")
    rows[7] = rows[7].replace("9111" + "0" * 13 + "7", "9111" + "0" * 13 + "6")
    path = written(tmp_path / "企业名录.csv", head + "\n".join(rows), "gb18030")
    found = added(context, path)
    assert found.class_ == "aic:Enterprise"
    assert found.meanings == {
        "统一社会信用代码": "dcterms:identifier",
        "企业名称": "skos:prefLabel",
        "英文名称": "skos:prefLabel",
        "城市": "aic:locatedIn",  # and not the province, which says less
        "成立日期": "aic:foundedIn",
        "行业代码": "aic:operatesInIndustry",
        "企业类型": "aic:registryType",
    }
    assert {each.partition("(")[2].partition(")")[0] for each in found.rejects} == {
        "missing-value",
        "duplicate-key",
    }
    mapping = found.file.read_text(encoding="utf-8")
    assert "title: 企业名录\n" in mapping
    assert "key: [统一社会信用代码]" in mapping
    assert "[name, $(企业名称)]" in mapping


def test_a_class_that_is_in_doubt_is_for_the_person_to_say(
    context: Context, tmp_path: Path
) -> None:
    text = "name,year,place\nAI Meeting,2021,Beijing\nAI Congress,2022,Shanghai\n"
    path = written(tmp_path / "conferences.csv", text)
    found = added(context, path)
    assert found.class_ == "aic:Entity"
    assert "It might also be: aic:Conference" in found.file.read_text(encoding="utf-8")
    found = added(context, path, class_="aic:ConferenceEdition", force=True)
    assert found.class_ == "aic:ConferenceEdition"
    assert found.meanings["year"] == "aic:year"


def test_evidence_and_doubts_stand_beside_what_was_guessed(
    context: Context, tmp_path: Path
) -> None:
    text = "id,name,city,mood\n" + "".join(f"{n},Firm {n},Atlantis,N/A\n" for n in range(9))
    found = added(context, written(tmp_path / "enterprises.csv", text + "9,Firm 9,Wuhan,good\n"))
    mapping = found.file.read_text(encoding="utf-8")
    assert "aic:locatedIn, but only 50% of its values name a place" in mapping
    assert "mood: {unused: true}" in mapping
    assert "key: [id]" in mapping
    assert set(found.unused) == {"city", "mood"}


def test_hostile_names_of_columns_stay_names(context: Context, tmp_path: Path) -> None:
    names = [
        *("name", "a: b", "c #d", "[e]", "{f: g}", "h'i", 'j"k', "l(m)", "$(n)", "o,p", "*q", "&r"),
        *("- s", "true", "1", "\\t", "é\n2"),
    ]
    frame = pl.DataFrame({name: [f"x{n}", f"y{n}"] for n, name in enumerate(names)})
    frame.write_csv(tmp_path / "enterprises.csv", quote_style="always")
    found = added(context, tmp_path / "enterprises.csv")
    (table,) = read(found.file).tables.values()
    assert [column.name for column in table.columns] == names
    assert found.triples > 0


@pytest.mark.parametrize(
    ("encoding", "delimiter"), [("gb18030", ";"), ("utf-16", ","), ("utf-8-sig", "\t")]
)
def test_encoding_and_delimiter_are_found_out(
    context: Context, tmp_path: Path, encoding: str, delimiter: str
) -> None:
    rows = [["企业名称", "城市"], ["甲公司", "上海"], ["乙,公司", "北京"]]
    text = "".join(delimiter.join(f'"{cell}"' for cell in row) + "\n" for row in rows)
    found = added(context, written(tmp_path / "企业.csv", text, encoding))
    table = next(iter(read(found.file).tables.values()))
    assert table.dialect.encoding == {"utf-8-sig": ""}.get(encoding, encoding)
    assert table.dialect.delimiter == delimiter.replace(",", "")
    assert found.meanings["城市"] == "aic:locatedIn"


def test_tables_of_other_formats_are_looked_at(context: Context, tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.create_sheet("企业")
    for row in (["企业名称", "成立时间"], ["甲公司", 1999], ["乙公司", 2001]):
        sheet.append(row)
    book.save(tmp_path / "book.xlsx")
    found = added(context, tmp_path / "book.xlsx", sheet="企业")
    assert (found.class_, found.meanings["成立时间"]) == ("aic:Enterprise", "aic:foundedIn")
    written(tmp_path / "enterprises.json", '{"data": [{"name": "Firm", "at": {"city": "Wuhan"}}]}')
    found = added(context, tmp_path / "enterprises.json", records="/data")
    assert "at.city" in {*found.meanings, *found.unused}
    assert found.triples > 0


def test_what_is_there_is_not_overwritten_unasked(context: Context, tmp_path: Path) -> None:
    path = written(tmp_path / "enterprises.csv", "name\nFirm\n")
    file = added(context, path).file
    file.write_text("mine")
    with pytest.raises(
        InputError, match=r"enterprises\.yml: is there already; --force replaces it"
    ):
        added(context, path)
    assert file.read_text() == "mine"
    assert added(context, path, force=True).triples > 0


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("t.csv", b"", {}, "column"),
        ("t.csv", b"a,b\n", {}, "has no row to look at"),
        ("t.doc", b"x", {}, "format 'doc' is not one of"),
        ("t.sqlite", b"", {}, "a table of sqlite needs a query"),
        ("t.csv", b"a\n1\n", {"class_": "aic:Nosuch"}, "aic:Nosuch is not a class of the ontology"),
        ("t.csv", b"a\n1\n", {"licence": "free"}, "--licence: 'free' is not an IRI"),
        ("t.csv", b'a\n"1\n', {}, "malformed csv"),
    ],
)
def test_a_table_that_cannot_be_looked_at_is_one_clear_error(
    context: Context,
    tmp_path: Path,
    name: str,
    content: bytes,
    options: dict[str, str],
    message: str,
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        added(context, tmp_path / name, **options)
    assert message in str(caught.value)
    assert not list(tmp_path.glob("*.yml"))


def test_a_profile_tells_types_null_words_separators_and_keys(tmp_path: Path) -> None:
    lines = [
        f"{n},00{n},{n}.5,{'—' if n % 2 else 'x;y'},{'' if n == 3 else 'https://example.org/'}"
        for n in range(1, 21)
    ]
    path = written(tmp_path / "t.csv", "\n".join(["n,code,share,tags,url", *lines]))
    found = look("t.csv", path, Dialect(), "t")
    told = {each.name: (each.type, each.nulls, each.separator) for each in found.columns}
    assert told == {
        "n": ("xsd:integer", (), ""),
        "code": ("", (), ""),
        "share": ("xsd:decimal", (), ""),
        "tags": ("", ("—",), ""),
        "url": ("xsd:anyURI", (), ""),
    }
    assert found.key == ("code",)
    assert found.rows == 20


@pytest.mark.parametrize(
    ("name", "label", "like"),
    [
        ("Founded_In", "founded in", True),
        ("成立年份（年）", "成立年份", True),
        ("chengli nianfen", "成立年份", True),
        ("聯盟", "联盟", True),
        ("ｆｏｕｎｄｅｄ ｉｎ", "founded in", True),
        ("found", "founded in", False),
        ("成立", "成立年份", False),
    ],
)
def test_names_are_compared_whatever_their_script(name: str, label: str, like: bool) -> None:
    assert (likeness(level(name), level(label)) >= 95) is like


def test_the_head_of_a_label_names_its_class() -> None:
    assert headed(singular(level("alliances")), level("industry alliance")) > 85
    assert headed("联盟", "产业联盟") >= 90
    assert headed("alliance", "alliance membership") < 80
