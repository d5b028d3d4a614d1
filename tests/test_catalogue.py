"""The catalogue refuses a file that breaks a rule, and a value that is not of its type."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal, QuerySolutions, Store

from kg import sparql, vocab
from kg.catalogue import Catalogue, NamedQuery, Parameter
from kg.errors import InputError, ParameterError, UnknownParameter, UnknownQuery

TERMS = frozenset(
    vocab.AIC + name for name in ("Organization", "University", "locatedIn", "MegaPlatform")
)
GOOD = """\
#+ summary: Where is this organization?
#+ parameters:
#+   organization: {type: iri, class: aic:Organization, label: Organization, example: baidu}
#+ view: map
PREFIX aic: <https://w3id.org/aicluster/ontology#>
SELECT ?place WHERE { $organization aic:locatedIn ?place } ORDER BY ?place
"""


def load(folder: Path, text: str | bytes, base: str = vocab.BASE) -> NamedQuery:
    file = folder / "queries" / "topic" / "name.rq"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return Catalogue.load(folder / "queries", terms=TERMS, base=base)["topic/name"]


def parameter(**keys: object) -> Parameter:
    known: dict[str, object] = {"name": "p", "type": "text", "label": "P", "example": "x"}
    return Parameter(**(known | keys))  # type: ignore[arg-type]


# --- files ----------------------------------------------------------------------------------


def test_a_file_is_a_query_with_what_its_header_says(tmp_path: Path) -> None:
    query = load(tmp_path, GOOD)
    assert (query.path, query.summary) == ("topic/name", "Where is this organization?")
    assert (query.view, query.form, query.description) == ("map", "SELECT", "")
    assert list(query.parameters) == ["organization"]
    assert query.text == GOOD


def test_the_view_is_a_table_if_none_is_named(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD.replace("#+ view: map\n", "")).view == "table"


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("#+ view: map", "#+ vieuw: map", 4, "key 'vieuw': expected description, parameters"),
        ("#+ view: map", "#+ view: pie", 4, "view 'pie': expected table, sankey"),
        ("#+ view: map", "#+view: map", 4, "a space after"),
        ("#+ view: map", "#+ view: [map", 4, "not YAML"),
        ("#+ view: map\n", "\n#+ view: map\n", 5, "stand together"),
        ("#+ summary: Where is this organization?\n", "", 1, "summary: expected"),
        ("#+ view: map", "#+ description: [1]", 4, "description: expected text"),
        ("#+ view: map", "#+   other: {type: text, label: O, example: x}", 4, "not used"),
        ("#+ view: map", "#+   other: text", 4, "expected 'name: value' pairs"),
        ("#+ view: map", "#+   a-b: {type: text, label: O, example: x}", 4, "letters, digits"),
        ("ORDER BY ?place", "", 6, "ORDER BY is missing"),
        ("aic:locatedIn ?place", "aic:livesIn ?place", 6, "ontology#livesIn> is no term"),
        ("aic:locatedIn", "<https://w3id.org/aicluster/ontology#is-in>", 6, "is no term"),
        ("?place }", "?place . ?place ?p $other }", 6, "$other is not declared"),
        ("?place }", "?place . ?organization ?p 1 }", 6, "also written $organization"),
        ("?place }", "?place SERVICE <http://e/> {} }", 6, "column 58: SERVICE is refused"),
        ("?place }", "?place } }", 6, "cannot stand here"),
        ("?place }", "?place FILTER(?place = 'x) }", 6, "starts no SPARQL token"),
        ("SELECT ?place", "SELECT ?place $organization", 6, "cannot stand here"),
        ("type: iri", "type: uri", 3, "type 'uri': expected iri, text, integer, year, class"),
        ("type: iri, ", "", 3, "type is missing"),
        ("label: Organization, ", "", 3, "label is missing"),
        (", example: baidu", "", 3, "example is missing"),
        ("example: baidu", "example: Bai Du", 3, "'Bai Du' is not a full IRI"),
        ("example: baidu", "example: [baidu]", 3, "example: expected a single value"),
        ("example: baidu", "example: baidu, default: 'B D'", 3, "'B D' is not a full IRI"),
        ("example: baidu", "example: baidu, sample: x", 3, "key 'sample'"),
        ("example: baidu", "example: baidu, minimum: 3", 3, "minimum: expected an integer"),
        ("type: iri", "type: text", 3, "class: belongs to type iri"),
        ("aic:Organization,", "aic:Organisation,", 3, "ontology#Organisation> is no term"),
        ("aic:Organization,", "Organization of people,", 3, "'Organization of people' is not"),
        (
            "type: iri, class: aic:Organization, label: Organization, example: baidu",
            "type: class, label: Kind, example: Universitas",
            3,
            "ontology#Universitas> is no term",
        ),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, message: str
) -> None:
    assert old in GOOD
    with pytest.raises(InputError, match=re.escape(message)) as error:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert str(error.value).startswith(f"queries/topic/name.rq:{line}: ")


def test_an_update_is_no_query(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"name\.rq:2: column 1: DELETE starts an update"):
        load(tmp_path, "#+ summary: Gone?\nDELETE WHERE { ?s ?p ?o }\n")


def test_an_order_inside_a_subquery_does_not_order_the_answer(tmp_path: Path) -> None:
    text = "#+ summary: All?\nSELECT * { { SELECT ?s { ?s ?p ?o } ORDER BY ?s } }\n"
    with pytest.raises(InputError, match="ORDER BY is missing"):
        load(tmp_path, text)


def test_a_construct_needs_no_order(tmp_path: Path) -> None:
    text = "#+ summary: All?\nCONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }\n"
    assert load(tmp_path, text).form == "CONSTRUCT"


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"name\.rq: byte 12 is not UTF-8"):
        load(tmp_path, b"#+ summary: \xff\n")


def test_a_file_stands_in_a_topic(tmp_path: Path) -> None:
    (tmp_path / "Name.rq").write_text(GOOD)
    with pytest.raises(InputError, match=r"expected <topic>/<name>\.rq"):
        Catalogue.load(tmp_path, terms=TERMS)


def test_an_unknown_query_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownQuery, match="'topic/nothing'"):
        Catalogue.load(tmp_path, terms=TERMS)["topic/nothing"]


# --- values ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    ["https://w3id.org/aicluster/id/organization/baidu", "id:organization/baidu",
     "organization/baidu", "baidu"],
)  # fmt: skip
def test_an_iri_is_given_in_full_as_a_curie_or_by_its_key(tmp_path: Path, value: str) -> None:
    bound = load(tmp_path, GOOD).bind({"organization": value})
    assert "{ <https://w3id.org/aicluster/id/organization/baidu> aic:locatedIn" in bound
    assert sparql.check(bound) == "SELECT"


def test_a_bare_key_needs_a_class_that_has_a_kind() -> None:
    assert (
        parameter(type="iri", klass=vocab.AIC + "SpatialUnit")
        .term("beijing")
        .endswith("/place/beijing>")
    )
    with pytest.raises(ParameterError, match="'beijing' is not a full IRI, a CURIE, a key or"):
        parameter(type="iri").term("beijing")


def test_keys_and_iris_follow_the_base(tmp_path: Path) -> None:
    text = GOOD.replace("?place }", "?place FILTER(?place != <https://w3id.org/aicluster/id/a>) }")
    query = load(tmp_path, text, base="https://example.org/")
    bound = query.bind({"organization": "id:organization/baidu"})
    assert "<https://example.org/organization/baidu> aic:locatedIn" in bound
    assert "<https://example.org/a>" in bound
    assert "<https://w3id.org/aicluster/ontology#>" in bound


@pytest.mark.parametrize(
    ("keys", "value", "term"),
    [
        ({"type": "class"}, "University", f"<{vocab.AIC}University>"),
        ({"type": "class"}, "aic:University", f"<{vocab.AIC}University>"),
        ({"type": "class"}, "org:Organization", f"<{vocab.ORG}Organization>"),
        ({"type": "integer"}, "-07", f'"-7"^^<{vocab.XSD}integer>'),
        ({"type": "integer", "minimum": 1, "maximum": 9}, "9", f'"9"^^<{vocab.XSD}integer>'),
        ({"type": "year"}, "2023", f'"2023"^^<{vocab.XSD}gYear>'),
        ({"type": "text"}, 'say "hi"\\\n', '"say \\"hi\\"\\\\\\n"'),
        ({"type": "text"}, "$p } SERVICE", '"$p } SERVICE"'),
    ],
)
def test_a_value_becomes_a_term_of_its_type(keys: dict[str, object], value: str, term: str) -> None:
    assert parameter(**keys).term(value) == term


@pytest.mark.parametrize(
    ("keys", "value", "expected"),
    [
        ({"type": "year", "example": "2023"}, "19x8", "a year of four digits, such as 2023"),
        ({"type": "year", "minimum": 2000}, "1999", "a year of four digits at least 2000"),
        ({"type": "year"}, "２０２３", "a year"),
        ({"type": "integer", "example": "5"}, "1.5", "an integer, such as 5"),
        ({"type": "integer", "minimum": 1, "maximum": 9}, "10", "an integer at least 1 at most 9"),
        ({"type": "integer"}, "", "an integer"),
        ({"type": "text"}, "", "text"),
        ({"type": "text"}, "\ud800", "text"),
        ({"type": "class", "example": "University"}, "a b", "a class of the ontology"),
        ({"type": "iri"}, "http://e/> } #", "a full IRI"),
        ({"type": "iri"}, "nope:x y", "a full IRI"),
    ],
)
def test_a_value_of_a_wrong_type_is_refused_with_what_was_expected(
    keys: dict[str, object], value: str, expected: str
) -> None:
    with pytest.raises(ParameterError) as error:
        parameter(**keys).term(value)
    assert str(error.value).startswith(f"parameter p: {value!r} is not {expected}")
    assert ", such as " in str(error.value)


def test_a_missing_value_is_refused_unless_there_is_a_default(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="organization of topic/name is missing; expected"):
        load(tmp_path, GOOD).bind({})
    query = load(tmp_path, GOOD.replace("example: baidu", "example: baidu, default: tencent"))
    assert "/organization/tencent>" in query.bind({})


def test_an_unknown_parameter_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(UnknownParameter, match="no parameter organisation; it has: organization"):
        load(tmp_path, GOOD).bind({"organisation": "baidu"})


@given(st.text(min_size=1).filter(lambda text: "\x00" not in text))
def test_any_text_arrives_in_the_engine_as_it_was_given(text: str) -> None:
    term = parameter(type="text").term(text)
    bound = sparql.bind("SELECT ?x { VALUES ?x { $p } }", {"p": term})
    solutions = Store().query(sparql.decode(bound))
    assert isinstance(solutions, QuerySolutions)
    assert [solution["x"] for solution in solutions] == [Literal(text)]


@given(st.text(), st.sampled_from(["iri", "class", "integer", "year"]))
def test_a_value_is_refused_or_becomes_exactly_one_term(text: str, kind: str) -> None:
    try:
        term = parameter(type=kind).term(text)
    except ParameterError:
        return
    assert sparql.bind("ASK { ?x ?y $p }", {"p": term}) == f"ASK {{ ?x ?y {term} }}"


LISTED = """\
#+ summary: What is there?
#+ parameters:
#+   kind: {type: text, label: Kind, example: big, values: [big, small], several: true}
SELECT ?s WHERE { ?s ?p ?o FILTER(?o IN ($kind)) } ORDER BY ?s
"""


def listed(tmp_path: Path, text: str) -> Catalogue:
    (tmp_path / "topic").mkdir()
    (tmp_path / "topic" / "name.rq").write_text(text, encoding="utf-8")
    return Catalogue.load(tmp_path, terms=())


def test_parameter_of_several_values_takes_those_listed(tmp_path: Path) -> None:
    query = listed(tmp_path, LISTED)["topic/name"]
    assert 'IN ( "big", "small" )' in query.bind({"kind": ["big", "small"]})
    assert 'IN ( "small" )' in query.bind({"kind": "small"})
    with pytest.raises(ParameterError, match="one of big, small"):
        query.bind({"kind": ["big", "medium"]})


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("IN ($kind)", "IN ('a', $kind)", r"name.rq:3: \$kind takes several values"),
        ("several: true", "several: no", "several: expected true"),
        ("[big, small]", "[]", "values: expected a list"),
        ("[big, small]", "[small]", "'big' is not one of small"),
        ("kind", "limit", "none of explain, format, limit"),
    ],
)
def test_list_that_cannot_be_is_refused(
    tmp_path: Path, before: str, after: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        listed(tmp_path, LISTED.replace(before, after))
