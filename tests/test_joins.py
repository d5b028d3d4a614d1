"""Patterns are put in order by how many triples match, and no answer changes by it."""

from __future__ import annotations

import io
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, QueryResultsFormat, Store

from kg.errors import QuerySyntaxError
from kg.workers import Query, evaluate
from kg.workers.joins import ordered

EX = "http://example.org/"
PREFIX = f"PREFIX : <{EX}>\n"


def node(name: str) -> NamedNode:
    return NamedNode(EX + name)


@pytest.fixture(scope="module")
def store() -> Store:
    """Of 400 events each is in one of 5 fields and by one of 40 people; 4 are rare."""
    store = Store()
    for n in range(400):
        event = node(f"e{n}")
        store.add(Quad(event, node("in"), node(f"f{n % 5}")))
        store.add(Quad(event, node("by"), node(f"p{n % 40}")))
        store.add(Quad(event, node("kind"), node("Common")))
        if n % 100 == 0:
            store.add(Quad(event, node("kind"), node("Rare")))
            store.add(Quad(event, node("rare"), Literal(str(n))))
    return store


@pytest.mark.parametrize(
    ("written", "put"),
    [
        ("{ ?e :in ?f . ?e :rare ?x }", "{ ?e :rare ?x . ?e :in ?f . }"),
        ("{ ?e :in ?f ; :by ?p, ?q ; :rare ?x . }",
         "{ ?e :rare ?x . ?e :in ?f . ?e :by ?p . ?e :by ?q . }"),
        ("{ ?e :kind :Common . ?e :in ?f . ?e :kind :Rare }",
         "{ ?e :kind :Rare . ?e :kind :Common . ?e :in ?f . }"),
        ("{ ?e :in ?f ; :rare ?x FILTER(?x > '1') ?e :by ?p }",
         "{ ?e :rare ?x . ?e :in ?f . FILTER(?x > '1') ?e :by ?p }"),
        ("{ ?p a :Person OPTIONAL { ?e :in ?f . # any\n ?e :rare ?x } }",
         "{ ?p a :Person OPTIONAL { ?e :rare ?x . ?e :in ?f . } }"),
        ("{ { ?e :kind :Common, 1.5, true, 'x'@en, 'y'^^:t ; :in ?f } UNION { ?e :rare ?x } }",
         "{ { ?e :kind 1.5 . ?e :kind true . ?e :kind 'x'@en . ?e :kind 'y'^^:t . "
         "?e :kind :Common . ?e :in ?f . } UNION { ?e :rare ?x } }"),
        ("{ GRAPH ?g { ?e :in ?f . ?e :rare ?x } }",
         "{ GRAPH ?g { ?e :rare ?x . ?e :in ?f . } }"),
        # The engine begins with the pattern that has most terms bound, wherever it stands.
        ("{ ?e :by :p1 ; :in ?f ; :rare ?x }", None),
        ("{ ?e :rare ?x . ?e :in ?f }", None),
        ("{ ?e :in ?f . ?e :by ?p }", None),
        # What is not plain stays as it is, with all that belongs to it.
        ("{ ?e :in ?f ; :by [ :rare ?x ] }", None),
        ("{ ?e :in/:by ?f . ?e :rare ?x }", None),
        ("{ ?e :in ?f . ?e :rare* ?x }", None),
        ("{ ?e :in ?f ; :rare (1 2) }", None),
        ("{ ?e :in ?f {| :by ?p |} . ?e :rare ?x }", None),
        ("{ << ?e :in ?f >> :by ?p . ?e :rare ?x }", None),
        ("{ VALUES ?f { :f1 :f2 :f3 } ?e :in ?f }", None),
    ],
)  # fmt: skip
def test_rarest_of_equal_patterns_comes_first(store: Store, written: str, put: str | None) -> None:
    found = ordered(store, f"{PREFIX}SELECT * {written}")
    assert " ".join(found.split()) == " ".join(f"{PREFIX}SELECT * {put or written}".split())


def test_template_of_a_construct_is_left_as_it_is(store: Store) -> None:
    text = f"{PREFIX}CONSTRUCT {{ ?e :in ?f . ?e :rare ?x }} WHERE {{ ?e :in ?f . ?e :rare ?x }}"
    found = ordered(store, text)
    assert found.startswith(f"{PREFIX}CONSTRUCT {{ ?e :in ?f . ?e :rare ?x }} WHERE {{ ?e :rare")


def test_syntax_error_is_where_its_author_wrote_it(store: Store) -> None:
    text = f"{PREFIX}SELECT * {{\n  ?e :in ?f ;\n     :rare ?x .\n}} LIMIT soon"
    assert ordered(store, text) != text
    with pytest.raises(QuerySyntaxError, match="line 5"):
        evaluate(store, Query(text, "text/csv"), io.BytesIO())


TERM = st.sampled_from(["?a", "?b", "?c", ":e0", ":e1", ":f1", "_:x", "'0'", ":Rare"])
VERB = st.sampled_from([":in", ":by", ":kind", ":rare", "?p", "^:in", ":in|:by", "a"])
OBJECTS = st.lists(TERM, min_size=1, max_size=2).map(", ".join)
SAME = st.lists(st.builds("{} {}".format, VERB, OBJECTS), min_size=1, max_size=3).map("; ".join)
BLOCK = st.lists(
    st.builds("{} {}".format, TERM.filter(lambda term: term != "'0'"), SAME),
    min_size=2, max_size=4,
).map(" . ".join)  # fmt: skip
GROUP = st.recursive(
    BLOCK,
    lambda inner: st.one_of(
        st.builds("{} OPTIONAL {{ {} }}".format, BLOCK, inner),
        st.builds("{{ {} }} UNION {{ {} }}".format, inner, BLOCK),
        st.builds("{} FILTER EXISTS {{ {} }}".format, BLOCK, inner),
        st.builds("{} . FILTER(?a != ?b) ?c :kind ?d . ?c :rare ?x".format, BLOCK),
        st.builds("{} MINUS {{ {} }}".format, BLOCK, inner),
        st.builds("VALUES (?a ?b) {{ (:e0 :e1) (UNDEF :f1) }} {}".format, BLOCK),
    ),
    max_leaves=3,
)


@settings(max_examples=150, deadline=None)
@given(group=GROUP)
def test_order_changes_no_answer(group: str) -> None:
    store = Store()
    for n in range(6):
        store.add(Quad(node(f"e{n}"), node("in"), node(f"f{n % 2}"), DefaultGraph()))
        store.add(Quad(node(f"e{n}"), node("by"), node(f"e{(n + 1) % 6}"), DefaultGraph()))
        store.add(Quad(node(f"e{n}"), node("kind"), node("Rare" if n == 1 else "Common")))
    store.add(Quad(node("e1"), node("rare"), Literal("0")))
    text = f"{PREFIX}SELECT * {{ {{ {group} }} }}"

    def answers(query: str) -> Counter[bytes] | None:
        try:
            found = store.query(query).serialize(format=QueryResultsFormat.TSV)
        except SyntaxError:
            return None
        return Counter((found or b"").splitlines())

    assert answers(ordered(store, text)) == answers(text)
