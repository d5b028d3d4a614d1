"""Terms: what is accepted the store reads as it is meant; what is not, is refused."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, Store, parse

from kg import vocab
from kg.etl import terms

XSD = vocab.XSD


def accepted(texts: list[str], datatype: str) -> list[bool]:
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    return frame.select(terms.is_lexical(pl.col("text"), XSD + datatype)).to_series().to_list()


def quads(lines: list[str]) -> list[Quad]:
    return list(parse("".join(lines).encode(), format=RdfFormat.N_QUADS))


def is_well_typed(text: str, datatype: str) -> bool:
    """Whether SPARQL can cast the literal to its own datatype: it fails where it is ill-typed."""
    literal = Literal(text, datatype=NamedNode(XSD + datatype))
    store = Store()
    store.add(Quad(NamedNode("a:s"), NamedNode("a:p"), literal))
    query = (
        f"PREFIX xsd: <{XSD}> ASK {{ ?s ?p ?x BIND(xsd:{datatype}(?x) AS ?y) FILTER(BOUND(?y)) }}"
    )
    return bool(store.query(query))


GOOD = {
    "boolean": ["true", "false", "0", "1"],
    "integer": ["0", "+5", "-5", "007", "9007199254740993", "9223372036854775807"],
    "decimal": ["1", "+1.5", "-.5", "5.", "0.000000000000000001", "007.10"],
    "double": ["1", "1e3", "-1.5E-3", ".5", "5.e+2", "INF", "-INF", "+INF", "NaN"],
    "gYear": ["2024", "0001", "0000", "-0044", "12024", "2024Z", "2024+08:00", "2024-14:00"],
    "gYearMonth": ["2024-02", "2024-12Z", "-0044-03"],
    "date": ["2024-02-29", "2000-02-29", "2024-12-31Z", "2024-01-01+08:00", "-0004-02-29",
             "0000-02-29", "12024-02-29", "12023-02-28"],
    "dateTime": ["2024-02-29T00:00:00", "2024-02-29T23:59:59.5Z", "2024-02-29T24:00:00",
                 "2024-02-28T24:00:00.00+08:00"],
}  # fmt: skip
BAD = {
    "boolean": ["", "True", "yes", "2", "true\n", " true", "真"],
    "integer": ["", "1.0", "1e3", "1,000", "+", "--1", "1 000", "٣", "１", "12\n", "\n12", "0x1F"],
    "decimal": ["", ".", "1e3", "INF", "NaN", "nan", "1,5", "1.2.3", "١.٥", "1.5\n", "+-1", "5%"],
    "double": ["", "e3", "1e", "inf", "nan", "Infinity", "1e3.5", ".e1", "-NaN", "1e3\n", "१"],
    "gYear": ["", "19x8", "976", "24", "2024.0", "2024\n", "02024", "２０２４", "2024-01", "+2024",
              "2024+15:00", "2024-14:30", "c. 2024"],
    "gYearMonth": ["", "2024-13", "2024-00", "2024-1", "2024-02-01", "2024-02\n", "2024/02"],
    "date": ["", "2023-02-30", "2023-02-29", "1900-02-29", "2024-04-31", "2024-1-1", "2024/01/01",
             "2024-00-10", "2024-10-00", "2024-02-29\n", "0000-02-30", "-0001-02-29",
             "12023-02-29", "2024-02-29T00:00:00", "٢٠٢٤-٠١-٠١", "24-01-01"],
    "dateTime": ["", "2024-02-29", "2023-02-29T00:00:00", "2024-02-29 00:00:00",
                 "2024-02-29T24:00:01", "2024-02-29T25:00:00", "2024-02-29T00:60:00",
                 "2024-02-29T00:00", "2024-02-29T00:00:00.", "2024-02-29T00:00:00\n"],
    "anyURI": ["", "a b", "a\n"],
}  # fmt: skip


@pytest.mark.parametrize("datatype", GOOD)
def test_a_sound_form_is_accepted_and_the_store_reads_it(datatype: str) -> None:
    texts = GOOD[datatype]
    assert dict(zip(texts, accepted(texts, datatype), strict=True)) == dict.fromkeys(texts, True)
    assert {text: is_well_typed(text, datatype) for text in texts} == dict.fromkeys(texts, True)


@pytest.mark.parametrize("datatype", BAD)
def test_a_form_outside_the_lexical_space_is_refused(datatype: str) -> None:
    texts = BAD[datatype]
    assert dict(zip(texts, accepted(texts, datatype), strict=True)) == dict.fromkeys(texts, False)


def test_the_store_tells_an_ill_typed_form() -> None:
    pairs = [("19x8", "gYear"), ("2023-02-30", "date"), ("1e3", "decimal"), ("", "integer")]
    assert not any(is_well_typed(text, datatype) for text, datatype in pairs)


def test_every_datatype_has_sound_and_bad_examples() -> None:
    assert {XSD + name for name in GOOD} | {XSD + "anyURI"} == set(terms.DATATYPES)
    assert {XSD + name for name in BAD} == set(terms.DATATYPES)


NUMERAL = st.text("0123456789+-.eINFEa", min_size=1, max_size=8)
DATE = st.text("0123-:TZ+.", min_size=4, max_size=20) | st.builds(
    "{:04}-{:02}-{:02}{}".format,
    st.integers(-300, 10100), st.integers(0, 13), st.integers(0, 32),
    st.sampled_from(["", "Z", "+14:00", "-14:01", "T00:00:00", "T24:00:00Z"]),
)  # fmt: skip


@given(st.lists(NUMERAL | DATE, min_size=20, max_size=60))
@settings(max_examples=60, deadline=None)
def test_the_store_finds_no_form_ill_typed_that_is_accepted(texts: list[str]) -> None:
    for datatype in GOOD:
        sound = [t for t, ok in zip(texts, accepted(texts, datatype), strict=True) if ok]
        assert [text for text in sound if not is_well_typed(text, datatype)] == []


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=20))
@settings(max_examples=100, deadline=None)
@example(
    ["nan", "NaN", "", 'say "x"', "\\", "\\n", "\n", "\r\n", "\t", "😀", "$0 ${1}", "\x00\x7f"]
)
def test_any_text_survives_as_a_literal(texts: list[str]) -> None:
    column = pl.Series(texts, dtype=pl.String)
    plain = terms.literals(column, XSD + "string")
    chinese = terms.literals(column, XSD + "string", "zh-Hans")
    for made, language in ((plain, None), (chinese, "zh-hans")):
        lines = [f"<a:s> <a:p> {each} .\n" for each in made]
        assert [quad.object for quad in quads(lines)] == [
            Literal(text, language=language) for text in texts
        ]
        assert [dumped(line) for line in lines] == lines


def dumped(line: str) -> str:
    """A line as the store writes it."""
    store = Store()
    store.load(line.encode(), format=RdfFormat.N_QUADS)
    return bytes(store.dump(format=RdfFormat.N_QUADS)).decode()


def test_a_literal_carries_its_datatype() -> None:
    made = terms.literals(pl.Series(["2024", None]), XSD + "gYear")
    assert made.to_list() == [f'"2024"^^<{XSD}gYear>', None]


def test_a_literal_may_have_a_language_of_its_own() -> None:
    tags = pl.Series(["zh-Hans", "en", None, "english language", "e"])
    assert terms.is_language(tags).to_list() == [True, True, None, False, False]
    made = terms.literals(pl.Series(["a", "b", "c"]), XSD + "string", tags.head(3))
    assert made.to_list() == ['"a"@zh-hans', '"b"@en', None]


@pytest.mark.parametrize(
    ("datatype", "text", "canonical"),
    [
        ("boolean", "1", "true"), ("integer", "+007", "7"), ("integer", "-0", "0"),
        ("integer", "09223372036854775808", "09223372036854775808"),
        ("decimal", "01.50", "1.5"), ("decimal", "-0.0", "0"), ("decimal", ".5", "0.5"),
        ("decimal", "5.", "5"), ("decimal", "0.0000000000000000001", "0.0000000000000000001"),
        ("double", "1e3", "1000"), ("double", "-0", "-0"), ("double", "+INF", "INF"),
        ("date", "2024-01-01-00:00", "2024-01-01Z"), ("gYear", "2024+00:00", "2024Z"),
        ("dateTime", "2024-02-29T24:00:00", "2024-03-01T00:00:00"), ("anyURI", "a%20b", "a%20b"),
    ],
)  # fmt: skip
def test_a_lexical_form_becomes_the_one_that_the_store_writes(
    datatype: str, text: str, canonical: str
) -> None:
    assert terms.canonical(pl.Series([text]), XSD + datatype).to_list() == [canonical]


NUMBER = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "-", "+", "-0", "00"]),
    st.decimals(allow_nan=False, allow_infinity=False) | st.integers() | st.floats(),
    st.sampled_from(["", ".", ".0", "00", "0" * 20]),
)


@given(st.lists(NUMBER, min_size=20, max_size=40))
@settings(max_examples=30, deadline=None)
@example(["170141183460469231731.687303715884105727", "170141183460469231731.687303715884105728"])
@example([form for forms in GOOD.values() for form in forms])
def test_every_accepted_form_is_written_as_the_store_dumps_it(texts: list[str]) -> None:
    for datatype in GOOD:
        sound = [t for t, ok in zip(texts, accepted(texts, datatype), strict=True) if ok]
        made = terms.literals(pl.Series(sound, dtype=pl.String), XSD + datatype)
        lines = {f"<a:s{n}> <a:p> {each} ." for n, each in enumerate(made)}
        raw = [f'<a:s{n}> <a:p> "{text}"^^<{XSD}{datatype}> .' for n, text in enumerate(sound)]
        assert set(dumped("\n".join(raw)).splitlines()) == lines
        assert set(dumped("\n".join(lines)).splitlines()) == lines


NEARLY_IRI = st.text('ab:/?#[]@%41.-~é中<> "{}|^`\\\n\ue000\ufffe\U0001f600\x85', max_size=12)


@given(st.lists(st.one_of(NEARLY_IRI, NEARLY_IRI.map("http://a".__add__)), min_size=1))
@settings(max_examples=100, deadline=None)
@example(["http://a b", "http://a/<b>", "http://a/%zz", "http://a/%", "http://a/b\n", "a", ""])
@example(["http://a/b", "urn:a:b", "http://a/%E4", "http://百度.中国/", "http://a/b?c#d"])
def test_an_iri_is_what_vocab_says_and_the_store_reads_it(texts: list[str]) -> None:
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    sound = frame.select(terms.is_iri(pl.col("text"))).to_series().to_list()
    assert sound == [vocab.is_iri(text) for text in texts]
    made = frame.filter(pl.Series(sound, dtype=pl.Boolean)).select(terms.iri(pl.col("text")))
    found = quads([f"<a:s> <a:p> {each} .\n" for each in made.to_series()])
    assert [quad.object for quad in found] == [NamedNode(t) for t in filter(vocab.is_iri, texts)]


def test_datatypes_are_named_as_people_write_them() -> None:
    assert "xsd:gYear" in terms.names()
    assert len(terms.names()) == len(terms.DATATYPES) == 9
