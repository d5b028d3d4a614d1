"""The lexer: what it finds, what it refuses, and what it never changes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import DefaultGraph, Literal, NamedNode, Store

from kg import sparql
from kg.errors import ParameterError, QuerySyntaxError, ServiceRefused

PREFIX = "PREFIX ex: <http://example.org/> "


def kinds(text: str) -> list[tuple[str, str]]:
    return [(token.kind, token.text) for token in sparql.tokens(text)]


# --- tokens ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("<http://example.org/Xi'an#a>", "iri"),
        ("<http://example.org/\\u00e9>", "iri"),
        ("ex:baidu", "name"),
        ("ex:", "name"),
        (":", "name"),
        ("ex:a.b-c", "name"),
        ("ex:100%25", "name"),
        ("ex:it\\'s\\,so", "name"),
        ("ex:人工智能", "name"),
        ("?x", "variable"),
        ("$x1", "variable"),
        ("?变量", "variable"),
        ("_:b0.1", "blank"),
        ("''", "string"),
        ("'it\\'s'", "string"),
        ('"a # no comment"', "string"),
        ("'''two\nlines, 'quoted' and ''twice'''", "string"),
        ('"""a"b""\\""""', "string"),
        ("1", "number"),
        (".5", "number"),
        ("1.5e-3", "number"),
        ("@zh-Hans", "language"),
        ("SELECT", "word"),
        ("&&", "sign"),
        ("^^", "sign"),
    ],
)
def test_each_terminal_is_one_token(text: str, kind: str) -> None:
    decoded = text.replace("\\u00e9", "é")
    assert kinds(text) == [(kind, decoded)]


def test_comments_and_white_space_are_gaps() -> None:
    assert kinds("ASK # ?x 'open\r\n{ # }\n}") == [("word", "ASK"), ("sign", "{"), ("sign", "}")]


def test_a_dot_after_a_name_or_number_ends_the_triple() -> None:
    assert [text for _, text in kinds("ex:a. _:b. 1.")] == ["ex:a", ".", "_:b", ".", "1", "."]


def test_a_comparison_inside_brackets_is_no_iri() -> None:
    texts = [text for _, text in kinds("FILTER(?a<?b&&?c>2)")]
    assert texts == ["FILTER", "(", "?a", "<", "?b", "&&", "?c", ">", "2", ")"]


@pytest.mark.parametrize(
    ("text", "iri"),
    [
        ("VALUES (?a ?b) { ('x' <http://example.org/o#x>) }", "<http://example.org/o#x>"),
        ("?s ?p (1 <urn:x:y>)", "<urn:x:y>"),
        ("?s<p>?o", "<p>"),
        ("FILTER(?x IN (<#a>))", "<#a>"),
    ],
)
def test_an_iri_where_none_can_be_compared_is_an_iri(text: str, iri: str) -> None:
    assert ("iri", iri) in kinds(text)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("ASK {\n  ?s ?p 'open }", "line 2, column 9"),
        ("ASK { ?s ?p '''open' }", "line 1, column 13"),
        ("ASK { ?s ?p 'a\nb' }", "line 1, column 13"),
        ("ASK { ?s ?p `x` }", "line 1, column 13"),
        ("ASK\u00a0{}", "line 1, column 4"),
        ("ASK { ?s ?p '\\q' }", "line 1, column 13"),
        ("ASK { FILTER(?a<'>') }", "line 1, column 16"),
    ],
)
def test_an_error_names_line_and_column(text: str, place: str) -> None:
    with pytest.raises(QuerySyntaxError, match=place):
        list(sparql.tokens(text))


def test_codepoint_escapes_are_resolved_before_tokens_are_formed() -> None:
    text = "\\u0053ELECT ?\\u4EBA { ?s ex\\u003Aa ?\\U0001F600 }"
    assert kinds(text)[:2] == [("word", "SELECT"), ("variable", "?人")]
    with pytest.raises(QuerySyntaxError, match=f"column {text.index('?' + chr(92) + 'U') + 1}:"):
        list(sparql.tokens(text.replace("?\\U0001F600", "\\u0022x\\u0022")))


def test_an_escape_never_ends_a_string() -> None:
    assert kinds(r"'\u0027' ASK") == [("string", r"'\u0027'"), ("word", "ASK")]
    assert kinds(r"'\\u0041'") == [("string", r"'\\u0041'")]


TERMINALS = st.sampled_from(
    [
        "SELECT", "?x", "$p", "$other", "ex:a", "ex:SERVICE", "<http://e/$p>", "'$p'", '"?x"',
        "'''a\n$p'''", "1.5", "@en", "_:b", "{", "}", "(", ")", "<", "=", "^^", "a", "\\u0041SK",
    ]
)  # fmt: skip
GAPS = st.sampled_from([" ", "\n", "\t ", " # $p 'open\n", "\r\n"])
QUERIES = st.lists(st.tuples(TERMINALS, GAPS), max_size=30).map(
    lambda parts: "".join(terminal + gap for terminal, gap in parts)
)


def rebuilt(text: str) -> str:
    parts, done = [], 0
    for token in sparql.tokens(text):
        gap = text[done : token.start]
        assert re.fullmatch(r"(?:[ \t\r\n]|#[^\r\n]*)*", gap)
        parts += [gap, text[token.start : token.end]]
        done = token.end
    return "".join([*parts, text[done:]])


@given(st.one_of(QUERIES, st.text(alphabet="?$<>'\"\\#:.@_{}()ex1u0041SERVIC \n", max_size=40)))
def test_tokens_and_gaps_together_are_the_text(text: str) -> None:
    try:
        assert rebuilt(text) == text
    except QuerySyntaxError as error:
        assert "line " in str(error)


@given(QUERIES, st.text(), st.sampled_from(["", "@en", "^^<http://e/#t>"]))
def test_bind_alters_no_other_token(text: str, value: str, suffix: str) -> None:
    term = str(Literal(value.encode("utf-8", "replace").decode())) + suffix
    before = list(sparql.tokens(text))
    expected: list[str] = []
    for token in before:
        is_parameter = token.kind == "variable" and token.text == "$p"
        expected += [each.text for each in sparql.tokens(term)] if is_parameter else [token.text]
    if "p" not in sparql.parameters(text):
        with pytest.raises(ParameterError):
            sparql.bind(text, {"p": term})
        return
    assert [token.text for token in sparql.tokens(sparql.bind(text, {"p": term}))] == expected


# --- form and syntax ------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["SELECT", "ASK", "CONSTRUCT", "DESCRIBE"])
def test_the_form_is_found_behind_the_prologue(form: str) -> None:
    text = f"# SELECT\nBASE <http://e/>\nprefix ask: <http://e/>\n{form.lower()} * {{}}"
    assert sparql.form(text) == form


@pytest.mark.parametrize(
    "text", ["INSERT DATA { <a:b> <a:c> 1 }", "PREFIX ex: <a:b> DELETE WHERE { ?s ?p ?o }"]
)
def test_an_update_is_refused_by_name(text: str) -> None:
    with pytest.raises(QuerySyntaxError, match="starts an update"):
        sparql.check(text)


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        (
            "SELECT * WHERE {\n ?s ?p ?o .\n FILTER( } } } }",
            "line 3, column 17",
            "ends too early",
        ),
        ("SELECT * WHERE { ?s ?p }", "line 1, column 24|line 1, column 25", ""),
        ("", "line 1, column 1", "expected one of SELECT"),
        ("SELECT ?x { ex:a ?p ?x }", "line 1", ""),
        ("ASK { ?\\u0073 ?p }", "line 1, column 1[89]", ""),
        ("ASK { ?s ?p '\ud800' }", "line 1, column 14", "surrogate"),
    ],
)
def test_what_is_not_sparql_is_refused_with_its_place(text: str, place: str, what: str) -> None:
    with pytest.raises(QuerySyntaxError, match=f"({place}).*{what}"):
        sparql.check(text)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * {" + "{" * 100_000 + "}" * 100_000 + "}",
        "ASK { FILTER(" + "!" * 100_000 + "1) }",
        "ASK { ?s " + "<a:b>/" * 100_000 + "<a:b> ?o }",
    ],
)
def test_a_query_too_deep_for_the_parser_is_refused(text: str) -> None:
    with pytest.raises(QuerySyntaxError, match="too deep"):
        sparql.check(text)


def test_check_parses_and_does_not_evaluate() -> None:
    store = Store()
    with pytest.raises(ValueError, match="at the same time"):
        store.query("ASK {}", use_default_graph_as_union=True, default_graph=DefaultGraph())
    rows = " ".join(map(str, range(1000)))
    endless = " ".join(f"VALUES ?v{n} {{ {rows} }}" for n in range(9))
    assert sparql.check(f"ASK {{ {endless} FILTER(?v0 < 0) }}") == "ASK"


# --- SERVICE --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "SERVICE <http://e/> {?s ?p ?o}",
        "sErViCe SILENT <http://e/> {?s ?p ?o}",
        "SERVICE # <x>\n ?endpoint {?s ?p ?o}",
        "SERVICE ex:endpoint {?s ?p ?o}",
        "\\u0053ERVICE <http://e/> {?s ?p ?o}",
        "SERV\\U00000049CE <http://e/> {?s ?p ?o}",
        "FILTER NOT EXISTS { SERVICE <http://e/> {?s ?p ?o} }",
        # Words that the engine reads without a space between them.
        "?s ?p trueSERVICE <http://e/> {?s ?p ?o}",
        "?s ?p 1SERVICE <http://e/> {?s ?p ?o}",
        "SERVICESILENT?x{?s ?p ?o}",
        "SERVICEex:endpoint {?s ?p ?o}",
        "?s ?p trueSERVICESILENTex:endpoint {?s ?p ?o}",
        # Strings and comments that are not what they seem.
        "?s ?p 'a\\\\' SERVICE <http://e/> {?s ?p ?o} #'",
        "?s ?p '\\u0027' SERVICE <http://e/> {?s ?p ?o} BIND('''''' AS ?q)",
        "?s ?p <http://e/'> SERVICE <http://e/> {?s ?p ?o} #'",
        "?s ?p ?o #\r SERVICE <http://e/> {?s ?p ?o}",
    ],
)
def test_service_is_refused_however_it_is_written(body: str) -> None:
    with pytest.raises(ServiceRefused, match=r"line \d+, column \d+: SERVICE"):
        sparql.check(PREFIX + "SELECT * { " + body + "\n}")


@pytest.mark.parametrize(
    "body",
    [
        "?s ?p ?o FILTER(?o<'>')SERVICE<http://e/>{?s ?p ?o} #'",
        "?s ?p ?o FILTER(?o<#>'''\n1)SERVICE<http://e/>{?s ?p ?o} #'''",
        "?s ?p ?o FILTER(EXISTS{}<'>')SERVICE<http://e/>{?s ?p ?o} #'",
        "?s ?p ?o FILTER(true<'>')SERVICE<http://e/>{?s ?p ?o} #'",
    ],
)
def test_service_behind_a_comparison_that_looks_like_an_iri_is_refused(body: str) -> None:
    with pytest.raises((ServiceRefused, QuerySyntaxError), match=r"SERVICE|comparison"):
        sparql.check("SELECT * { " + body + "\n}")


@pytest.mark.parametrize(
    "body",
    [
        "?s ?p 'SERVICE <http://e/> {}'",
        '?s ?p """SERVICE\n<http://e/> {}"""',
        "?s ?p <http://e/SERVICE>",
        "?s ?p ?service . $service ?p 1",
        "?s ex:SERVICE ex:service",
        "?s service:of ?o . GRAPH service:g { ?s ?p ?o }",
        "?s ?p 'a'@service",
        "?s ?p _:service # SERVICE <http://e/>",
    ],
)
def test_service_is_not_found_where_it_is_no_keyword(body: str) -> None:
    assert sparql.check(PREFIX + "PREFIX service: <http://s/> SELECT * { " + body + "\n}")


GLUED = st.lists(
    st.sampled_from(
        ["SERVICE", "SILENT", "<http://e.invalid/>", "ex:x", "?s", "{?a ?b ?c}", "true", "1", ".",
         "'", "'''", '"', "\\u0027", "<", ">", "(", ")", "FILTER", "#", "\n", " ", "{", "}", "=",
         "&&", "a", "VALUES ?x", "BIND(1 AS ?y)", "OPTIONAL", "EXISTS", "PREFIX", "\\"]
    ),
    max_size=14,
).map("".join)  # fmt: skip


@given(GLUED)
def test_whatever_passes_the_check_calls_no_service(body: str) -> None:
    text = PREFIX + "SELECT * {" + body + "}"
    try:
        sparql.check(text)
    except (QuerySyntaxError, ServiceRefused):
        return
    list(Store().query(sparql.decode(text)))  # type: ignore[arg-type]
    if re.search("service", text, re.IGNORECASE):
        hidden = re.sub(r"(?i)service", "zzzzzzz", text)
        assert sparql.check(hidden) == "SELECT", "the word was not part of a string, name or IRI"


# --- parameters -----------------------------------------------------------------------------


def test_parameters_are_the_dollar_names_outside_strings_comments_and_iris() -> None:
    text = "SELECT ?x { ?x $p '$a' ; <http://e/$b> $q . # $c\n }"
    assert sparql.parameters(text) == {"p", "q"}


def test_one_name_with_both_signs_is_refused() -> None:
    with pytest.raises(QuerySyntaxError, match=r"line 1, column 23: \?p is also written \$p"):
        sparql.parameters("SELECT ?x { ?x $p 1 . ?p ?x 1 }")


def test_bind_puts_the_term_in_place_and_leaves_the_rest() -> None:
    text = "ASK { ?x $p '$p' . # $p\n ?x <http://e/$p> $q }"
    bound = sparql.bind(text, {"p": "<http://e/p>", "q": '"a"@en'})
    assert bound == "ASK { ?x <http://e/p> '$p' . # $p\n ?x <http://e/$p> \"a\"@en }"


def test_bind_keeps_neighbours_apart() -> None:
    assert sparql.bind("ASK {FILTER(1<$x)}", {"x": "<a:b>"}) == "ASK {FILTER(1< <a:b> )}"


@pytest.mark.parametrize(
    "term", ["", "?x", "<a:b> <a:c>", '"a', '"a" . ?s ?p ?o', "ex:a", "1", "<a b>", '"a" #']
)
def test_bind_takes_nothing_but_one_term(term: str) -> None:
    with pytest.raises(ParameterError, match="N-Triples"):
        sparql.bind("ASK { ?s ?p $x }", {"x": term})


def test_bind_refuses_a_name_that_the_query_lacks() -> None:
    with pytest.raises(ParameterError, match=r"\$y"):
        sparql.bind("ASK { ?s ?p $x }", {"y": str(NamedNode("http://e/"))})
