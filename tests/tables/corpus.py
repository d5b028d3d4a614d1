"""A generated corpus of broken tables, each with what must come of it: exact rejects, or one
clear error; and of tables that only look broken, whose values must come through unchanged.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import polars as pl
from openpyxl import Workbook

#: Line, column and rule of a reject.
Expected = tuple[int, str, str]


@dataclass(frozen=True)
class Case:
    """One table, or several, under a source definition.

    `rows` is how many rows the first file has, counted by hand or by what made it; `says` are
    literals by row id and column that statements must hold; `error` is a regular expression.
    """

    name: str
    files: Mapping[str, bytes]
    tables: Mapping[str, str]  # name → YAML of its definition but for `access`
    rows: int = 0
    rejects: tuple[Expected, ...] = ()
    error: str | None = None
    says: Mapping[tuple[str, str], str] = field(default_factory=dict)


ID_NAME = "columns: {id: {required: true}, name: }"


def cases() -> list[Case]:
    """All cases, names unique."""
    made = [case for family in FAMILIES for case in family()]
    names = [case.name for case in made]
    assert len(names) == len(set(names)), sorted(n for n in names if names.count(n) > 1)
    return made


def case(
    name: str,
    body: str | bytes,
    definition: str = ID_NAME,
    *,
    file: str = "t.csv",
    **expected: object,
) -> Case:
    data = body if isinstance(body, bytes) else body.encode()
    return Case(name, {file: data}, {"t": definition}, **expected)  # type: ignore[arg-type]


def error(
    name: str, body: str | bytes, pattern: str, definition: str = ID_NAME, **more: str
) -> Case:
    return case(name, body, definition, error=pattern, **more)


def fine(name: str, cell: str, said: str | None = None, raw: str | None = None) -> Case:
    """A cell that looks like trouble and is none: it comes through as it stands."""
    quoted = '"' + cell.replace('"', '""') + '"'
    body = f"id,name\n1,{raw or quoted}\n2,z\n"
    says = {("1", "name"): cell if said is None else said, ("2", "name"): "z"}
    return case(name, body, rows=2, says=says)


def number(name: str, type_: str, cell: str, good: bool, said: str | None = None) -> Case:
    """A cell of a typed column, and a sound row after it."""
    definition = f"columns: {{id: {{required: true}}, name: , typed: {{type: {type_}}}}}"
    quoted = '"' + cell.replace('"', '""') + '"'
    body = f"id,name,typed\n1,a,{quoted}\n2,b,\n"
    rejects = () if good else ((2, "typed", "type"),)
    says = {("1", "name"): "a", ("2", "name"): "b"}
    if good:
        says["1", "typed"] = cell if said is None else said
    return case(f"{type_} {name}", body, definition, rows=2, rejects=rejects, says=says)


# --- the file as a whole --------------------------------------------------------------------------


def encodings() -> Iterator[Case]:
    text = "id,name\n1,中文\n2,x\n"
    for encoding in (
        "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030", "gbk", "big5", "euc_jp",
        "shift_jis", "euc_kr",
    ):  # fmt: skip
        words = "한글" if encoding == "euc_kr" else "中文"
        data = text.replace("中文", words).encode(encoding)
        first = 1 if encoding in ("utf-16", "utf-32") else 2
        if encoding in ("utf-16-le", "utf-16-be"):
            yield error(f"encoding {encoding} without a mark", data, r"t\.csv:\d: ")
        else:
            yield error(f"encoding {encoding}", data, rf"t\.csv:{first}: byte 0x.. is not UTF-8")
    for encoding, word in (("latin-1", "Zürich"), ("cp1252", "“x” – €"), ("cp1251", "Москва")):
        data = f"id,name\n1,a\n2,{word}\n".encode(encoding)
        yield error(f"encoding {encoding}", data, r"t\.csv:3: byte 0x.. is not UTF-8")
    for name, bad in (
        ("a lone continuation byte", b"\x80"), ("a truncated sequence", b"\xe4\xb8"),
        ("an overlong slash", b"\xc0\xaf"), ("a surrogate half", b"\xed\xa0\x80"),
        ("a surrogate pair (CESU-8)", b"\xed\xa0\xbd\xed\xb8\x80"),
        ("a byte that UTF-8 never has", b"\xff"), ("a character beyond Unicode",
        b"\xf5\x80\x80\x80"),
        ("one cell of GB18030 in a file of UTF-8", "北京".encode("gb18030")),
    ):  # fmt: skip
        data = "id,name\n1,中\n".encode() + b"2," + bad + b"\n3,x\n"
        yield error(f"encoding: {name}", data, r"t\.csv:3: byte 0x.. is not UTF-8")
    yield error("encoding: cut in the last character", "id,name\n1,中".encode()[:-1],
                r"t\.csv:2: byte 0xe4 is not UTF-8")  # fmt: skip
    yield case("encoding: byte order mark", "\ufeffid,name\n1,x\n", rows=1,
               says={("1", "name"): "x"})  # fmt: skip
    yield error("encoding: two byte order marks", "\ufeff\ufeffid,name\n1,x\n",
                r"t\.csv:1: column id is missing")  # fmt: skip
    yield fine("encoding: byte order mark in a cell", "\ufeffx")


def headers() -> Iterator[Case]:
    missing = r"t\.csv:1: column {} is missing; expected id, name; found {}"
    nothing = missing.format("id, name", "nothing")
    yield error("header: empty file", "", nothing)
    yield error("header: nothing but a byte order mark", "\ufeff", nothing)
    yield error("header: nothing but line ends", "\n\n\n", nothing)
    yield error("header: a blank line before it", "\nid,name\n1,x\n", nothing)
    yield error("header: a title line before it", "Table 1\nid,name\n1,x\n",
                missing.format("id, name", "Table 1"))  # fmt: skip
    yield case("header: alone", "id,name\n", rows=0)
    yield case("header: alone without a line end", "id,name", rows=0)
    yield error("header: none, data at once", "1,x\n2,y\n", missing.format("id, name", "1, x"))
    for name, header in (
        ("semicolons", "id;name"), ("tabs", "id\tname"), ("bars", "id|name"),
        ("full-width commas", "id，name"), ("spaces", "id name"), ("carets", "id^name"),
    ):  # fmt: skip
        yield error(
            f"header: {name} between cells", f"{header}\n1;x\n", missing.format("id, name", ".*")
        )
    yield error("header: commas in a file of tabs", "id,name\n1,x\n", r"t\.tsv:1: column id, name",
                file="t.tsv")  # fmt: skip
    yield error(
        "header: a name twice", "id,name,name\n1,x,y\n", r"t\.csv:1: the header names name twice"
    )
    yield error("header: a name twice after trimming", "id,name, name\n1,x,y\n",
                r"the header names name twice")  # fmt: skip
    yield error("header: an empty name twice", "id,name,,\n1,x,,\n", r"the header names  twice")
    for name, header, absent in (
        ("a name missing", "id", "name"), ("other case", "ID,Name", "id, name"),
        ("a zero-width space in a name", "id,na\u200bme", "name"),
        ("a full-width name", "ｉｄ,name", "id"), ("Chinese names", "编号,名称", "id, name"),
        ("a look-alike letter", "id,nаme", "name"), ("single quotes", "'id','name'", "id, name"),
    ):  # fmt: skip
        yield error(f"header: {name}", f"{header}\n1,x\n", missing.format(absent, ".*"))
    for name, header, row in (
        ("names in another order", "name,id", "x,1"), ("spaces around names", " id , name ", "1,x"),
        ("quoted names", '"id","name"', "1,x"), ("a name between no-break spaces",
        "id,\xa0name\xa0", "1,x"),
        ("columns that are not declared", "extra,id,name,more", "e,1,x,m"),
        ("a column without a name", "id,name,", "1,x,"),
    ):  # fmt: skip
        yield case(f"header: {name}", f"{header}\n{row}\n", rows=1, says={("1", "name"): "x"})


def quotes() -> Iterator[Case]:
    malformed = r"t\.csv:{}: the row that starts here is malformed csv"
    yield error("quotes: unclosed in the first row", 'id,name\n1,"x\n2,y\n', malformed.format(2))
    yield error("quotes: unclosed in the last row", 'id,name\n1,x\n2,"y\n', malformed.format(3))
    yield error("quotes: unclosed in the header", 'id,"name\n1,x\n', malformed.format(1))
    yield error("quotes: text after a closing one", 'id,name\n1,"x"y\n', malformed.format(2))
    yield error("quotes: a space after a closing one", 'id,name\n1,"x" \n', malformed.format(2))
    yield error("quotes: escaped by a backslash", 'id,name\n1,"a\\"b"\n', malformed.format(2))
    yield error("quotes: three that open", 'id,name\n1,"""x\n2,y\n', malformed.format(2))
    yield fine("quotes: doubled inside", 'a "b" c')
    yield fine("quotes: nothing but one", '"')
    yield fine("quotes: in an unquoted cell", '5" disk', raw='5" disk')
    yield fine("quotes: after a leading space", '"x"', raw=' "x"')
    yield fine("quotes: single", "'x'", raw="'x'")
    yield fine("quotes: typographic", "“x”", raw="“x”")
    yield fine("quotes: a comma inside", "a,b")
    yield fine("quotes: a line break inside", "a\nb")
    yield fine("quotes: a carriage return inside", "a\rb")
    yield fine("quotes: blank lines inside", "a\n\n\nb")
    yield fine("quotes: a whole table inside", 'id,name\n1,"x"')
    yield fine("quotes: a backslash", "C:\\new\\table")
    yield fine("quotes: a backslash at the end", "x\\")


def line_ends() -> Iterator[Case]:
    for name, end in (("CR", "\r"), ("CR LF", "\r\n"), ("LF", "\n")):
        yield case(f"line ends: {name}", end.join(["id,name", "1,x", "2,y", ""]), rows=2,
                   says={("1", "name"): "x", ("2", "name"): "y"})  # fmt: skip
        yield case(f"line ends: {name}, a ragged row", end.join(["id,name", "1,x", "2", "3,z", ""]),
                   rows=3, rejects=((3, "", "ragged-row"),), says={("3", "name"): "z"})  # fmt: skip
    yield case("line ends: mixed", "id,name\r\n1,x\n2,y\r3,z\r\n", rows=3,
               says={(n, "name"): v for n, v in zip("123", "xyz", strict=True)})  # fmt: skip
    yield case("line ends: none at the last row", "id,name\n1,x", rows=1, says={("1", "name"): "x"})
    yield case("line ends: many at the end", "id,name\n1,x\n\n\n\n", rows=1)
    yield case("line ends: CR CR LF", "id,name\r\r\n1,x\r\r\n", rows=1, says={("1", "name"): "x"})
    for name, mark in (("line separator", "\u2028"), ("paragraph separator", "\u2029"),
                       ("next line", "\x85")):  # fmt: skip
        yield fine(f"line ends: a Unicode {name} in a cell", f"a{mark}b", raw=f"a{mark}b")


def ragged() -> Iterator[Case]:
    for name, row in (
        ("one cell short", "2"), ("one cell more", "2,y,z"), ("many cells more", "2" + ",y" * 99),
        ("an unquoted comma", "2,Beijing, China"), ("nothing but a space", " "),
        ("nothing but commas", ",,,,"), ("a comma at the end", "2,y,"),
        ("a comment", "# a comment"),
        ("another delimiter", "2;y"), ("a total", "total: 3 rows"),
    ):  # fmt: skip
        yield case(f"ragged: {name}", f"id,name\n1,x\n{row}\n3,z\n", rows=3,
                   rejects=((3, "", "ragged-row"),), says={("1", "name"): "x", ("3",
                   "name"): "z"})  # fmt: skip
    yield case("ragged: every row", "id,name\n1\n2\n3\n", rows=3,
               rejects=tuple((line, "", "ragged-row") for line in (2, 3, 4)))  # fmt: skip
    yield case("ragged: the last row", "id,name\n1,x\n2", rows=2, rejects=((3, "", "ragged-row"),))
    yield case("ragged: after a cell of several lines", 'id,name\n1,"a\nb\nc"\n2\n', rows=2,
               rejects=((5, "", "ragged-row"),), says={("1", "name"): "a\nb\nc"})  # fmt: skip
    yield case("ragged: a second header in the middle", "id,name\n1,x\nid,name,note\n3,z\n", rows=3,
               rejects=((3, "", "ragged-row"),))  # fmt: skip
    yield case("ragged: a row that lacks what is not declared", "id,name,extra\n1,x\n2,y,e\n",
               rows=2,
               rejects=((2, "", "ragged-row"),), says={("2", "name"): "y"})  # fmt: skip


# --- cells ----------------------------------------------------------------------------------------


def controls() -> Iterator[Case]:
    for code in (0, 1, 7, 8, 0x0B, 0x0C, 0x0E, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F, 0x7F):
        char = chr(code)
        yield case(f"control character {code:02X} in a name", f"id,name\n1,a{char}b\n2,y\n", rows=2,
                   rejects=((2, "name", "control-character"),), says={("2",
                   "name"): "y"})  # fmt: skip
    yield case("control character: NUL in a key", "id,name\n\x00,x\n2,y\n", rows=2,
               rejects=((2, "id", "control-character"),), says={("2", "name"): "y"})  # fmt: skip
    yield case("control character: a block of NULs", "id,name\n1,x\n" + "\x00" * 4096 + "\n2,y\n",
               rows=3, rejects=((3, "", "ragged-row"),), says={("2", "name"): "y"})  # fmt: skip
    yield case(
        "control character: only the value, as the source asks", "id,name\n1,a\x07b\n2,y\n",
        "columns: {id: {required: true}, name: {on: {control-character: reject value}}}", rows=2,
        rejects=((2, "name", "control-character"),), says={("2", "name"): "y"},
    )  # fmt: skip
    yield fine("control characters that are none: tab, C1, delete-like", "a\tb\x80\x9fc")


def words() -> Iterator[Case]:
    for word in (
        "nan", "NaN", "NA", "N/A", "n/a", "null", "NULL", "None", "nil", "\\N", "-", "—", "?", "0",
        "undefined", "#N/A", "#REF!", "TBD", "true", "无", "暂无", "不详", "inf", "()", "[]", "{}",
    ):  # fmt: skip
        yield fine(f"word {word} as a name", word)
        definition = (
            f"columns: {{id: {{required: true}}, name: {{required: true, nulls: ['{word}']}}}}"
        )
        if word in ("nan", "NULL", "None", "-", "无", "#N/A"):
            yield case(f"null word {word} in a required column", f"id,name\n1,{word}\n2,y\n",
                       definition,
                       rows=2, rejects=((2, "name", "missing-value"),), says={("2",
                       "name"): "y"})  # fmt: skip
    for name, cell in (("nothing", ""), ("a space", " "), ("a no-break space", "\xa0"),
                       ("ideographic spaces", "\u3000\u3000"),
                       ("a quoted line break", '"\n"')):  # fmt: skip
        yield case(f"required cell of {name}", f"id,name\n{cell},x\n2,y\n", rows=2,
                   rejects=((2, "id", "missing-value"),), says={("2", "name"): "y"})  # fmt: skip
    yield case("required cell that is missing, as a warning", "id,name\n1,\n2,y\n",
               "columns: {id: {required: true}, name: {required: true, on: warn}}", rows=2,
               rejects=((2, "name", "missing-value"),), says={("2", "name"): "y"})  # fmt: skip
    yield case("null word in another case is a name", "id,name\n1,Null\n",
               "columns: {id: , name: {nulls: [null]}}", rows=1, says={("1",
               "name"): "Null"})  # fmt: skip
    yield case("a cell of nothing but separators is empty", "id,name\n1,|;|\n",
               r"columns: {id: , name: {split: '[|;]', required: true}}", rows=1,
               rejects=((2, "name", "missing-value"),))  # fmt: skip


def formulas() -> Iterator[Case]:
    cells = (
        "=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1:A9)", '=HYPERLINK("http://x/","y")',
        "=cmd|'/c calc'!A1", "'=1+1", "＝1+1", "=1+1\n=2+2",
    )  # fmt: skip
    for cell in cells:
        yield fine(f"formula {cell!r} as a name", cell)
    for cell in cells[:5]:
        yield number(f"formula {cell!r}", "integer", cell, good=False)


def texts() -> Iterator[Case]:
    for name, cell in (
        ("a zero-width space", "a\u200bb"), ("a zero-width joiner", "\U0001f468\u200d\U0001f469"),
        ("a right-to-left override", "a\u202eb"), ("an astral character", "𠮷野家"),
        ("an emoji", "🤖"), ("a replacement character", "a\ufffdb"),
        ("a noncharacter", "a\ufffeb\uffff"),
        ("a private-use character", "a\ue000b"), ("full-width digits", "１２３"),
        ("a ligature, which NFC keeps", "ﬁn"), ("a soft hyphen", "a\xadb"), ("Arabic", "محمد"),
        ("a variation selector", "葛\U000e0100"), ("markup", "<b>&amp;</b>"),
        ("Turtle", '"x"@en . <a>'),
        ("a script", "<script>alert(1)</script>"), ("SQL", "'; DROP TABLE t; --"),
        ("a SPARQL end", "} # x"),
        ("a template", "$(id)"), ("a percent escape", "%3Cx%3E"), ("a \\u escape", "\\u4e2d"),
        ("only a zero-width space", "\u200b"), ("inner spaces", "a   b"),
    ):  # fmt: skip
        yield fine(f"text: {name}", cell)
    for name, cell, said in (
        ("decomposed", "Zu\u0308rich", "Zürich"), ("Hangul in jamo", "\u1112\u1161\u11ab", "한"),
        ("a compatibility ideograph", "\uf900", "\u8c48"), ("the Ångström sign", "\u212b", "Å"),
        ("between ideographic spaces", "\u3000x\u3000", "x"),
        ("between tabs and line ends", "\t\r\nx\n", "x"),
    ):  # fmt: skip
        yield fine(f"text: {name}", cell, said)
    for name, cell in (
        ("a space", "a b"), ("a slash", "a/b"), ("quotes and brackets", '<"{}|\\^`>'),
        ("a line break", "a\nb"),
        ("dots alone", ".."), ("a hash and a question mark", "#?"), ("Chinese", "中文"),
        ("a percent", "100%"),
        ("a noncharacter", "\ufffe"), ("a private-use character", "\ue000"),
        ("a long key", "k" * 5000),
    ):  # fmt: skip
        quoted = '"' + cell.replace('"', '""') + '"'
        yield case(f"key with {name} in an IRI", f"id,name\n{quoted},x\n", rows=1)


def big() -> Iterator[Case]:
    ten = "x" * 10_000_000
    yield case("big: a cell of 10 MB", f"id,name\n1,{ten}\n2,y\n", rows=2,
               says={("1", "name"): ten, ("2", "name"): "y"})  # fmt: skip
    yield case("big: a cell of 10 MB that breaks a rule", f"id,name\n1,{ten}\n2,y\n",
               "columns: {id: {required: true}, name: {pattern: '.{0,100}'}}", rows=2,
               rejects=((2, "name", "pattern"),), says={("2", "name"): "y"})  # fmt: skip
    yield case("big: a cell of 17 MB", f"id,name\n1,{'x' * 17_000_000}\n2,y\n", rows=2,
               rejects=((2, "name", "too-long"),), says={("2", "name"): "y"})  # fmt: skip
    yield error("big: an unclosed quote before 17 MB", 'id,name\n1,"' + f"{'x' * 99_998}\n" * 180,
                r"t\.csv:2: .*field limit")  # fmt: skip
    yield case("big: a row of 20,000 cells", "id,name\n" + "1," * 20_000 + "\n2,y\n", rows=2,
               rejects=((2, "", "ragged-row"),))  # fmt: skip
    yield case("big: 2,000 columns that are not declared",
               "id,name," + ",".join(f"c{n}" for n in range(2_000)) + "\n1,x" + ",v" * 2_000 + "\n",
               rows=1, says={("1", "name"): "x"})  # fmt: skip
    yield number("of 5,000 digits", "integer", "9" * 5_000, good=True)


def numbers() -> Iterator[Case]:
    for cell in (
        "1.0", "1e5", "1,000", "1 000", "1_000", "１２３", "٣", "０", "0x1F", "--5", "+", "NaN",
        "∞",
        "½", "Ⅷ", "九", "−5", "5%", "$5", "1.", "1\u200b", "5 (est.)", "~5", ">5", "5-6", "nan",
        "O5",
    ):  # fmt: skip
        yield number(f"{cell!r}", "integer", cell, good=False)
    for cell, said in (("007", "7"), ("+5", "5"), ("-0", "0"), ("9007199254740993", None),
                       ("-9223372036854775809", None), ("9" * 40, None)):  # fmt: skip
        yield number(f"{cell!r}", "integer", cell, True, said)
    for cell in (
        "1,5",
        "1e5",
        "1.2.3",
        "NaN",
        "INF",
        ".",
        "1,000.00",
        "１．５",
        "1/3",
        "1.5 m",
        "1·5",
    ):
        yield number(f"{cell!r}", "decimal", cell, good=False)
    for cell, said in (("1.50", "1.5"), (".5", "0.5"), ("5.", "5"), ("0.1", None),
                       ("123456789012345678901234567890.5", None),
                       ("0.1234567890123456789012345", None)):  # fmt: skip
        yield number(f"{cell!r}", "decimal", cell, True, said)
    for cell in ("1e400", "-1e400", "1e-400", "Infinity", "nan", "1e", "0x1p3", "1,0", "1e5.5"):
        yield number(f"{cell!r}", "double", cell, good=False)
    for cell in ("yes", "TRUE", "True", "Y", "是", "√", "t", "2", "on"):
        yield number(f"{cell!r}", "boolean", cell, good=False)
    for cell in (
        "www.x.cn", "x.cn/a", "http://x y", "http://x/[b]", "http://x/%zz", "//x.cn", "C:\\temp",
        "http://x/<y>", "http://x/\ue000", "关于", "http:// x", "<http://x/>",
    ):  # fmt: skip
        yield number(f"{cell!r}", "iri", cell, good=False)
    for cell in ("http://x/é", "mailto:a@b.cn", "urn:x:y", "http://x/?q=a&b#c", "http://例子.cn/"):
        yield number(f"{cell!r}", "iri", cell, good=True)


def dates() -> Iterator[Case]:
    for name, cell in (
        # Minguo, lunar, Japanese, Persian, Hijri and Thai years where ISO dates are expected.
        ("Minguo", "民國110年5月4日"), ("Minguo in digits", "110-05-04"),
        ("Minguo with slashes", "110/5/4"),
        ("of the lunar calendar", "农历二〇二一年三月廿三"), ("of the sexagenary cycle",
        "辛丑年三月廿三"),
        ("of a Qing reign", "光绪三十四年"), ("of a Japanese era", "令和3年5月4日"),
        ("of an era, short", "R3.5.4"),
        ("Persian in words", "۱۴ اردیبهشت ۱۴۰۰"), ("Persian in its digits", "۱۴۰۰-۰۲-۱۴"),
        ("Persian with slashes", "1400/02/14"), ("Hijri", "1442-09-22 AH"), ("Thai", "4 พ.ค. 2564"),
        # The Gregorian calendar, not in ISO 8601.
        ("American", "05/04/2021"), ("German", "4.5.2021"), ("Chinese", "2021年5月4日"),
        ("slashed", "2021/05/04"),
        ("compact", "20210504"), ("unpadded", "2021-5-4"), ("in words", "May 4, 2021"),
        ("of two digits", "21-05-04"),
        ("in full-width digits", "２０２１-０５-０４"), ("of a week", "2021-W18-2"),
        ("ordinal", "2021-124"),
        ("as a serial of Excel", "44320"), ("with a time", "2021-05-04 00:00"),
        ("approximate", "c. 2021-05-04"),
        ("with another dash", "2021–05–04"), ("a month", "2021-05"), ("a year", "2021"),
        ("a span", "2021-05-04/06"),
        # Days that no calendar has.
        ("of no leap year", "2021-02-29"), ("of Excel's leap year", "1900-02-29"),
        ("of month 13", "2021-13-01"),
        ("of day 31", "2021-04-31"), ("of month 0", "2021-00-10"), ("of zeros", "0000-00-00"),
        ("of a zone beyond the world", "2021-05-04+15:00"),
    ):  # fmt: skip
        yield number(name, "date", cell, good=False)
    for name, cell in (("of a leap year", "2020-02-29"), ("with a zone", "2021-05-04+08:00"),
                       ("before the era", "-0221-01-01")):  # fmt: skip
        yield number(name, "date", cell, good=True)
    definition = r"columns: {id: , name: {type: date, pattern: '(19|20)\d\d-.*'}}"
    for name, cell in (("Persian", "1400-02-14"), ("Thai", "2564-05-04"), ("Minguo", "0110-05-04")):
        # In the lexical space of a date: only a pattern can know that it is none of ours.
        yield case(f"date of another calendar, {name}, by pattern",
                   f"id,name\n1,{cell}\n2,2021-05-04\n",
                   definition, rows=2, rejects=((2, "name", "pattern"),), says={("2",
                   "name"): "2021-05-04"})  # fmt: skip
    for cell in ("19x8", "99", "2021年", "２０２１", "MMXXI", "2021.0", "0", "circa 1990",
                 "1990-1995", "民国110年",
                 "令和3", "02021", "2021/22"):  # fmt: skip
        yield number(f"{cell!r}", "year", cell, good=False)
    for cell in ("2021-13", "2021-5", "202105", "2021年5月", "05-2021"):
        yield number(f"{cell!r}", "month", cell, good=False)
    for cell in (
        "2021-05-04",
        "2021-05-04 10:00:00",
        "2021-05-04T25:00:00",
        "2021-05-04T10:00",
        "2021-02-30T10:00:00",
    ):
        yield number(f"{cell!r}", "datetime", cell, good=False)


def places() -> Iterator[Case]:
    definition = "columns: {id: {required: true}, place: }"
    for name in ("Suzhou", "Suzhou, China", "Fuzhou, China", "Taizhou", "Yulin", "Yichun",
                 "Atlantis",
                 "Beijing; Shanghai", "Georgia"):  # fmt: skip
        yield case(f"place {name}", f'id,place\n1,"{name}"\n2,上海\n', definition, rows=2,
                   rejects=((2, "place", "unknown-place"),), says={("2",
                   "place"): "shanghai"})  # fmt: skip
    for name, key in (("苏州", "suzhou-jiangsu"), ("宿州市", "suzhou-anhui"),
                      ("Suzhou, Anhui, China", "suzhou-anhui"),
                      ("抚州", "fuzhou-jiangxi"), ("台州", "taizhou-zhejiang")):  # fmt: skip
        yield case(
            f"place {name}",
            f'id,place\n1,"{name}"\n',
            definition,
            rows=1,
            says={("1", "place"): key},
        )


# --- keys and references --------------------------------------------------------------------------


def keys() -> Iterator[Case]:
    one = ID_NAME + "\n    key: id"
    for name, first, again in (
        ("exact", "a", "a"), ("after trimming", "a", " a "), ("after NFC", "ü", "u\u0308"),
        ("in quotes", "a", '"a"'), ("between no-break spaces", "a", "\xa0a\xa0"),
    ):  # fmt: skip
        yield case(f"duplicate key {name}", f"id,name\n{first},x\n{again},y\nb,z\n", one, rows=3,
                   rejects=((3, "id", "duplicate-key"),), says={("b", "name"): "z"})  # fmt: skip
    for name, first, again in (
        ("in other case", "a", "A"), ("in full width", "a", "ａ"),
        ("with a leading zero", "1", "01"),
        ("with a zero-width space", "a", "a\u200b"), ("in a look-alike letter", "a", "а"),
    ):  # fmt: skip
        yield case(f"another key {name}", f"id,name\n{first},x\n{again},y\n", one, rows=2,
                   says={(first, "name"): "x"})  # fmt: skip
    yield case("duplicate key three times", "id,name\na,x\na,y\na,z\n", one, rows=3,
               rejects=((3, "id", "duplicate-key"), (4, "id", "duplicate-key")))  # fmt: skip
    both = ID_NAME + "\n    key: [id, name]"
    yield case("duplicate key of two columns", "id,name\na,x\na,y\na,x\n", both, rows=3,
               rejects=((4, "id", "duplicate-key"),))  # fmt: skip
    yield case("duplicate key with an empty part", "id,name\na,\na,\na,y\n", both, rows=3,
               rejects=((3, "id", "duplicate-key"),))  # fmt: skip
    yield case("duplicate key of a rejected row", "id,name\na,\na,y\n",
               "columns: {id: , name: {required: true}}\n    key: id", rows=2,
               rejects=((2, "name", "missing-value"),), says={("a", "name"): "y"})  # fmt: skip
    yield case("duplicate key as a warning", "id,name\na,x\na,x\n",
               one + "\n    on: {duplicate-key: warn}",
               rows=2, rejects=((3, "id", "duplicate-key"),), says={("a",
               "name"): "x"})  # fmt: skip
    yield case(
        "duplicate row, without a key", "id,name\na,x\na,x\n", rows=2, says={("a", "name"): "x"}
    )
    yield case("key column of the wrong type", "id,name\nx1,x\n2,y\n",
               "columns: {id: {type: integer}, name: }\n    key: id", rows=2,
               rejects=((2, "id", "type"),), says={("2", "name"): "y"})  # fmt: skip


def references() -> Iterator[Case]:
    def two(name: str, rows: str, column: str, *rejects: Expected, u: str = "k,name\na,A\nb,B\n",
            extra: str = "", error: str | None = None,
            columns: str = "k: {required: true}, name: ") -> Case:  # fmt: skip
        return Case(
            f"reference {name}", {"t.csv": f"id,ref\n{rows}".encode(), "u.csv": u.encode()},
            {"t": f"columns: {{id: {{required: true}}, ref: {column}}}{extra}",
            "u": f"columns: {{{columns}}}"},
            rows=rows.count("\n"), rejects=rejects, error=error,
        )  # fmt: skip

    to = "{references: {table: u, column: k}}"
    dangling = (3, "ref", "dangling-reference")
    yield two("dangling", "1,a\n2,z\n3,b\n", to, dangling)
    yield two("in other case", "1,a\n2,A\n", to, dangling)
    yield two("with a leading zero", "1,1\n2,01\n", to, dangling, u="k,name\n1,A\n")
    yield two("to an empty table", "1,\n2,a\n", to, dangling, u="k,name\n")
    yield two("empty", "1,\n2,b\n", to)
    yield two("with spaces", "1, a \n2,\u3000b\n", to)
    yield two("decomposed", "1,u\u0308\n", to, u="k,name\nü,A\n")
    yield two("to a rejected row", "1,a\n2,b\n", to, dangling, u="k,name\na,A\nb,\n",
              columns="k: {required: true}, name: {required: true, on: reject row}")  # fmt: skip
    yield two("as a warning", "1,a\n2,z\n", to[:-1] + ", on: warn}", dangling)
    yield two("that takes its row", "1,a\n2,z\n", to[:-1] + ", on: reject row}", dangling)
    yield two("that a row must have", "1,a\n2,z\n", to[:-1] + ", required: true}", dangling)
    yield two("that stops the build", "1,a\n2,z\n", to[:-1] + ", on: fail}",
              error=r"t\.csv:3, column ref: 'z' \(dangling-reference\): expected a k")  # fmt: skip
    split = r"{references: {table: u, column: k, separator: '\|'}}"
    yield two("one of several dangling", "1,a|b\n2,a|z|b\n", split, dangling)
    yield two("several, all there", "1,a| b |\n2,b\n", split)
    yield two("too many dangling", "1,y\n2,z\n3,a\n", to, extra="\n    max_rejects: 1",
              error=r"t\.csv: 2 of 3 rows .*\(1\) .*; the first: t\.csv:2, ")  # fmt: skip


def part_of() -> Iterator[Case]:
    def tree(
        name: str, rows: list[tuple[str, str]], *lines: int, on: str = "", **more: object
    ) -> Case:
        definition = (
            "columns: {id: {required: true}, "
            "up: {references: {table: t, column: id, separator: '\\|'}, "
            f"acyclic: true{on}}}}}"
        )
        body = "id,up\n" + "".join(f"{own},{up}\n" for own, up in rows)
        return case(f"part-of {name}", body, definition, rows=len(rows),
                    rejects=tuple((line, "up", "cycle") for line in lines), **more)  # fmt: skip

    yield tree("itself", [("a", "a"), ("b", "a")], 2)
    yield tree("of two", [("a", "b"), ("b", "a"), ("c", "a")], 2, 3)
    yield tree("of three", [("a", "b"), ("b", "c"), ("c", "a")], 2, 3, 4)
    ring = [(f"n{n}", f"n{(n + 1) % 40}") for n in range(40)]
    yield tree("of forty", ring, *range(2, 42))
    yield tree("in two rings", [("a", "b"), ("b", "a"), ("c", "d"), ("d", "c")], 2, 3, 4, 5)
    yield tree("with a tail", [("a", "b"), ("b", "c"), ("c", "b"), ("d", "")], 3, 4)
    yield tree("through one of several", [("a", "b|c"), ("b", ""), ("c", "a")], 2, 4)
    yield tree("that is a diamond", [("a", "b|c"), ("b", "d"), ("c", "d"), ("d", "")])
    yield tree(
        "that is a long chain", [(f"n{n}", f"n{n + 1}" if n < 2000 else "") for n in range(2001)]
    )
    yield tree("that takes its rows, and what hangs on them", [("a", "b"), ("b", "a"),
               ("c", "")], 2, 3,
               on=", on: {cycle: reject row}")  # fmt: skip
    yield tree("that stops the build", [("a", "b"), ("b", "a")], on=", on: fail",
               error=r"t\.csv:2, column up: 'b' \(cycle\): .*no cycle: a → b → a")  # fmt: skip
    yield tree("as a warning", [("a", "b"), ("b", "a")], 2, 3, on=", on: warn")


def policies() -> Iterator[Case]:
    def typed(
        name: str, on: str, rows: str = "1,x\n2,2\n", extra: str = "", **more: object
    ) -> Case:
        definition = f"columns: {{id: {{required: true}}, typed: {{type: integer{on}}}}}{extra}"
        return case(
            f"policy: {name}", f"id,typed\n{rows}", definition, rows=rows.count("\n"), **more
        )

    bad = (2, "typed", "type")
    yield typed(
        "the value is lost unless asked otherwise", "", rejects=(bad,), says={("2", "typed"): "2"}
    )
    yield typed("the row is lost", ", on: reject row", rejects=(bad,), says={("2", "typed"): "2"})
    yield typed(
        "the row is lost by the table's word",
        "",
        extra="\n    on: {type: reject row}",
        rejects=(bad,),
    )
    yield typed("a column's word goes before the table's", ", on: {type: warn}",
                extra="\n    on: {type: fail}",
                rejects=(bad,))  # fmt: skip
    yield typed("the row, as the column is required", ", required: true", rejects=(bad,))
    yield typed(
        "the build fails",
        ", on: fail",
        error=r"t\.csv:2, column typed: 'x' \(type\): is not a whole number",
    )
    many = "".join(f"{n},{'x' if n < 5 else n}\n" for n in range(1, 11))
    lost = tuple((line, "typed", "type") for line in range(2, 6))
    yield typed("as many rejects as allowed", "", many, "\n    max_rejects: 4", rejects=lost)
    yield typed("as large a share as allowed", "", many, "\n    max_rejects: 40%", rejects=lost)
    yield typed("one reject too many", "", many, "\n    max_rejects: 3",
                error=r"4 of 10 rows .*csv:2, .*; t\.csv:3, .*; t\.csv:4, [^;]*$")  # fmt: skip
    yield typed(
        "too large a share",
        "",
        many,
        "\n    max_rejects: 39.9%",
        error=r"4 of 10 rows .*\(39\.9%\)",
    )
    yield typed("none allowed", "", extra="\n    max_rejects: 0", error=r"1 of 2 rows")
    yield typed(
        "warnings are no rejects", ", on: warn", extra="\n    max_rejects: 0", rejects=(bad,)
    )
    yield case("policy: no ragged row", "id,name\n1\n", ID_NAME + "\n    on: {ragged-row: fail}",
               error=r"t\.csv:2: '1' \(ragged-row\): expected 2 cells, found 1;")  # fmt: skip
    yield case("policy: no duplicate key", "id,name\n1,x\n1,y\n",
               ID_NAME + "\n    key: id\n    on: {duplicate-key: fail}",
               error=r"t\.csv:3, column id: '1' \(duplicate-key\)")  # fmt: skip
    place = "columns: {id: {required: true}, place: {on: %s}}"
    yield case("policy: an unknown place takes its row", "id,place\n1,Atlantis\n2,上海\n",
               place % "reject row",
               rows=2, rejects=((2, "place", "unknown-place"),), says={("2",
               "place"): "shanghai"})  # fmt: skip
    yield case("policy: an unknown place stops the build", "id,place\n1,Atlantis\n", place % "fail",
               error=r"t\.csv:2, column place: 'Atlantis' \(unknown-place\)")  # fmt: skip
    yield case("policy: a row that only its faults speak of is rejected",
               "id,place\n,x\n2,Atlantis\n",
               "columns: {id: , place: }", rows=2, rejects=((3, "place", "unknown-place"),
               ))  # fmt: skip


# --- Parquet and TSV ------------------------------------------------------------------------------


def parquet() -> Iterator[Case]:
    def frame(**columns: object) -> bytes:
        out = io.BytesIO()
        pl.DataFrame(columns).write_parquet(out)
        return out.getvalue()

    for name, cell, said in (
        ("beyond the doubles", 2**53 + 1, "9007199254740993"),
        ("of a date", dt.date(2021, 5, 4), "2021-05-04"),
        ("of a decimal", Decimal("1.50"), "1.50"), ("of truth", True, "true"),
        ("of a double", 0.1, "0.1"),
        ("of not a number", float("nan"), "NaN"), ("of text", "nan", "nan"),
    ):  # fmt: skip
        yield case(f"parquet value {name}", frame(id=["1"], name=[cell]), file="t.parquet", rows=1,
                   says={("1", "name"): said})  # fmt: skip
    yield case("parquet without rows", frame(id=[], name=[]), file="t.parquet", rows=0)
    yield case("parquet with a control character", frame(id=["1", "2"], name=["a\x00b", "y"]),
               rows=2,
               file="t.parquet", rejects=((1, "name", "control-character"),))  # fmt: skip
    yield case("parquet with nulls in a required column", frame(id=["1", None], name=["x", "y"]),
               rows=2,
               file="t.parquet", rejects=((2, "id", "missing-value"),))  # fmt: skip
    yield error(
        "parquet without a column",
        frame(id=["1"]),
        r"t\.parquet: column name is missing",
        file="t.parquet",
    )
    whole = frame(id=["1"], name=["x"])
    for name, data in (
        ("cut short", whole[:-9]),
        ("empty", b""),
        ("that is CSV", b"id,name\n1,x\n"),
    ):
        yield error(
            f"parquet {name}", data, r"t\.parquet: not a readable Parquet table", file="t.parquet"
        )
    yield error("parquet in a file of CSV", whole, r"t\.csv:\d+: ")
    yield case("tsv with commas and a ragged row", "id\tname\n1\ta,b\n2,y\n", file="t.tsv", rows=2,
               rejects=((3, "", "ragged-row"),), says={("1", "name"): "a,b"})  # fmt: skip
    yield error(
        "tsv with an unclosed quote",
        'id\tname\n1\t"x\n',
        r"t\.tsv:2: .* malformed tsv",
        file="t.tsv",
    )


def workbooks() -> Iterator[Case]:
    def book(*cells: object) -> bytes:
        out = io.BytesIO()
        made = Workbook()
        for row in (("id", "name"), ("1", cells[0]), ("2", "y")):
            made.active.append(row)  # type: ignore[union-attr]
        made.save(out)
        return out.getvalue()

    for formula in ("=1+1", "=cmd|'/c calc'!A1", '=HYPERLINK("http://x/","y")', "=A99/0"):
        yield case(f"workbook with the formula {formula}", book(formula), file="t.xlsx", rows=2,
                   rejects=((2, "name", "no-value"),), says={("2", "name"): "y"})  # fmt: skip
    for name, cell, said in (("text", "nan", "nan"), ("a number", 2**53 - 1, "9007199254740991"),
                             ("truth", True, "true"),
                             ("text like a number", "007", "007")):  # fmt: skip
        yield case(f"workbook with {name}", book(cell), file="t.xlsx", rows=2,
                   says={("1", "name"): said})  # fmt: skip
    yield error("workbook that is CSV", "id,name\n1,x\n", r"t\.xlsx: ", file="t.xlsx")
    yield error("workbook cut short", book("x")[:-50], r"t\.xlsx: ", file="t.xlsx")


def objects() -> Iterator[Case]:
    line = '{"id":"1","name":"x"}\n'
    yield case("JSON Lines with a line that is none", line + '{"id":\n', rows=2,
               file="t.jsonl", rejects=((2, "", "malformed-json"),),
               says={("1", "name"): "x"})  # fmt: skip
    yield case("JSON Lines with a list", '{"id":"1","name":"x"}\n[1]\n', rows=2, file="t.jsonl",
               rejects=((2, "", "no-object"),))  # fmt: skip
    yield case("JSON with a big integer", '[{"id":"1","name":9007199254740993}]', rows=1,
               file="t.json", says={("1", "name"): "9007199254740993"})  # fmt: skip
    yield error("JSON cut short", '[{"id":"1","name":"x"}', r"t\.json", file="t.json")


FAMILIES = (
    encodings, headers, quotes, line_ends, ragged, controls, words, formulas, texts, big, numbers,
    dates, places, keys, references, part_of, policies, parquet, workbooks, objects,
)  # fmt: skip
