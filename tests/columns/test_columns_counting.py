"""What columns count is what the engine counts, on any graph and for any query that they take."""

from __future__ import annotations

import json
import os
from collections import Counter as Bag
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyoxigraph import (
    BlankNode,
    DefaultGraph,
    Literal,
    NamedNode,
    Quad,
    QueryResultsFormat,
    QuerySolutions,
    RdfFormat,
    Store,
    Triple,
)

from kg.vocab import XSD
from kg.workers.columns import counting, joining, making
from kg.workers.columns.counting import Counter

EX = "http://example.org/"
PREFIX = f"PREFIX : <{EX}>\n"


def counter(store: Store, memory: int = 1 << 30) -> Counter:
    """Columns of what a store has, made as those of a release are."""
    lines = (store.dump(format=RdfFormat.N_QUADS) or b"").splitlines()
    descriptor = os.memfd_create("columns")
    with os.fdopen(descriptor, "wb") as file:
        making.write(sorted(lines), file)
        file.flush()
        return Counter(descriptor, memory)


def bindings(store: Store, text: str) -> tuple[list[str], list[str]]:
    found = store.query(text)
    assert isinstance(found, QuerySolutions)
    answer = json.loads(found.serialize(format=QueryResultsFormat.JSON) or b"")
    rows: list[dict[str, Any]] = answer["results"]["bindings"]
    return answer["head"]["vars"], [json.dumps(row, sort_keys=True) for row in rows]


@pytest.fixture(autouse=True, scope="module")
def _any_size() -> Iterator[None]:
    """Let columns answer what the engine would have answered sooner."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "_FEWEST", 0)
        patch.setattr(counting, "_READ", 0)
        yield


def node(name: str) -> NamedNode:
    return NamedNode(EX + name)


def integer(text: str) -> Literal:
    return Literal(text, datatype=NamedNode(XSD + "integer"))


IRIS = [node(name) for name in ("a", "b", "c", "北京", "x/../y", "p", "q", "r")]
SUBJECTS = st.sampled_from([*IRIS[:3], *IRIS[:5], BlankNode("x")])
PREDICATES = st.sampled_from(IRIS[5:])
OBJECTS = st.sampled_from(
    [
        *(IRIS * 2),
        *(BlankNode("x"), BlankNode("y")),
        *(Literal(text) for text in ('"', "\\u0041", "line\n\ttab\r", "a\\", "", "中文 #", "\x01")),
        *(Literal("a", language="en"), Literal("a", language="zh-Hant"), Literal("a")),
        # None equals another: which of such comes first in an order is not said.
        *(integer("1"), integer("01"), integer("-0"), Literal(2.5), Literal(float("nan"))),
        Literal("3.0", datatype=NamedNode(XSD + "decimal")),
        Literal("2020", datatype=NamedNode(XSD + "gYear")),
    ]
)
QUADS = st.builds(
    Quad, SUBJECTS, PREDICATES, OBJECTS, st.sampled_from([DefaultGraph()] * 3 + [node("g")])
)
#: What any graph has, as a term that it has not is left to the engine.
KNOWN = [Quad(each, PREDICATE, node("a")) for each in IRIS for PREDICATE in IRIS[5:]]
VARIABLES = ("?a", "?b", "$c", "?d")
PLACES = st.sampled_from([*("?a", "?b") * 3, *VARIABLES, ":a", ":b", f"<{EX}北京>"])
VERBS = st.sampled_from([*(":p", ":q") * 3, f"<{EX}r>", "?d", ":none"])
SAME = st.lists(
    st.builds("{} {}".format, VERBS, st.lists(PLACES, min_size=1, max_size=2).map(", ".join)),
    min_size=1, max_size=2,
).map(" ; ".join)  # fmt: skip
GROUPS = st.lists(st.builds("{} {}".format, PLACES, SAME), min_size=1, max_size=3).map(" . ".join)
COUNTS = st.lists(
    st.sampled_from(["*", *VARIABLES, *(f"DISTINCT {name}" for name in VARIABLES)]),
    min_size=1, max_size=2,
)  # fmt: skip


LIMITS = st.sampled_from(["", "", " LIMIT 2", " OFFSET 1", " OFFSET 1 LIMIT 1", " LIMIT 0"])

#: By which of its ways something is found makes a difference to time alone.
WAYS = st.tuples(st.sampled_from([0, 1000]), st.sampled_from([0, 1000]), st.sampled_from([0, 8]))


@st.composite
def queries(draw: st.DrawFn) -> tuple[str, str]:
    """A counting query, and its LIMIT and OFFSET."""
    group = draw(GROUPS)
    keys = [name for name in VARIABLES if name in group and draw(st.booleans())]
    counts = [each for each in draw(COUNTS) if each.split()[-1] in f"{group} *"]
    counts = counts or ["*"]
    named = [f"(COUNT({count}) AS ?n{at})" for at, count in enumerate(counts)]
    if keys and not draw(st.integers(0, 4)):
        order = draw(st.sampled_from(["", f" ORDER BY {' '.join(keys)}"]))
        return f"{PREFIX}SELECT DISTINCT {' '.join(keys)} {{ {group} }}{order}", draw(LIMITS)
    shown = [key for key in keys if draw(st.booleans())]
    text = f"{PREFIX}SELECT {' '.join(draw(st.permutations([*shown, *named])))} {{ {group} }}"
    if keys:
        text += f" GROUP BY {' '.join(keys)}"
    if draw(st.booleans()):
        text += f" ORDER BY {draw(st.sampled_from(['?n0', 'DESC(?n0)', 'ASC(?n0)']))}"
        text += "".join(f" {key}" for key in keys)
    return text, draw(LIMITS)


@settings(max_examples=400, deadline=None)
@given(quads=st.lists(QUADS, max_size=25), query=queries(), ways=WAYS)
@example(
    quads=[Quad(node("a"), node("p"), node("b"))],
    query=(f"{PREFIX}SELECT (COUNT(*) AS ?n0) {{ ?a :p ?b ; ?d ?b }}", ""),
    ways=(16, 128, 8),
)
def test_columns_count_what_the_engine_counts(
    quads: list[Quad], query: tuple[str, str], ways: tuple[int, int, int]
) -> None:
    store = Store()
    store.extend([*KNOWN, *quads])
    text, limits = query
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joining, "_SEARCH", ways[0])
        patch.setattr(joining, "_SEARCH_KEPT", ways[1])
        patch.setattr(counting, "_SPARSE", ways[2])
        solutions = counter(store).solutions(text + limits, None)
    if solutions is None:
        return
    names, rows = bindings(store, solutions)
    expected_names, expected = bindings(store, text + limits)
    assert names == expected_names
    if "ORDER" in text and "?n1" not in text:
        assert rows == expected
    elif not limits:
        assert Bag(rows) == Bag(expected)
    else:
        assert len(rows) == len(expected)
        assert not Bag(rows) - Bag(bindings(store, text)[1])


@pytest.fixture(scope="module")
def store() -> Store:
    """Of 60 events each is in one of 3 fields and by one of 7 people, who know each other."""
    store = Store()
    for number in range(60):
        event = node(f"e{number}")
        store.add(Quad(event, node("in"), node(f"f{number % 3}")))
        store.add(Quad(event, node("by"), node(f"p{number % 7}")))
    for number in range(7):
        store.add(Quad(node(f"p{number}"), node("knows"), node(f"p{(number * 2) % 7}")))
        store.add(Quad(node(f"p{number}"), node("name"), Literal(f'"{number}"\n', language="en")))
    store.add(Quad(node("p1"), node("name"), BlankNode()))
    store.add(Quad(node("s"), node("states"), Triple(node("a"), node("says"), Literal(")>> ."))))
    store.add(Quad(node("s"), node("states"), node("t"), node("g")))
    return store


ANSWERED = [
    "SELECT (COUNT(*) AS ?n) { ?e :in :f1 ; :by ?p . ?p :knows ?q }",
    "SELECT ?f (COUNT(?e) AS ?n) WHERE { ?e :in ?f } GROUP BY ?f",
    "SELECT ?p (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?p ORDER BY DESC(?n) ASC(?p) LIMIT 3",
    "SELECT ?p (COUNT(DISTINCT ?s) AS ?n) (COUNT(DISTINCT ?o) AS ?m) { ?s ?p ?o } GROUP BY ?p",
    "SELECT ?f ?p (COUNT(*) AS ?n) { ?e :in ?f ; :by ?p } GROUP BY ?f ?p ORDER BY ?f ?p OFFSET 2",
    "SELECT (COUNT(DISTINCT ?q) AS ?n) { ?e :in :f1, ?f ; :by ?p . ?p :knows ?q . }",
    "SELECT ?p (COUNT(*) AS ?n) { :s ?p ?o } GROUP BY ?p",
    "SELECT ?p (COUNT(*) AS ?n) { ?s ?p :p1 } GROUP BY ?p",
    "SELECT (COUNT(*) AS ?n) { ?a :knows ?a }",
    "SELECT DISTINCT ?p { ?s ?p ?o } ORDER BY ?p",
    "SELECT DISTINCT ?f ?q { ?e :in ?f ; :by ?p . ?p :knows ?q }",
    "SELECT (COUNT(*) AS ?n) { ?a :knows ?b . ?b :knows ?a . ?a :knows ?c . ?c :knows ?a }",
    "SELECT (COUNT(*) AS ?n) { :p1 :knows ?b . ?b :knows :p4 }",
    "SELECT ?p (COUNT(*) AS ?n) { ?e :by ?x ; ?p ?y } GROUP BY ?p",
    "SELECT (COUNT(*) AS ?n) (COUNT(?a) AS ?m) { ?a :knows :s }",
    "select $f (count(distinct $e) as $n) where { $e :in $f } group by $f order by desc($n)",
]


@pytest.mark.parametrize("text", ANSWERED)
def test_query_is_counted_by_columns(store: Store, text: str) -> None:
    text = PREFIX + text
    solutions = counter(store).solutions(text, f"{EX}base")
    assert solutions is not None
    assert "VALUES" in solutions
    names, rows = bindings(store, solutions)
    expected_names, expected = bindings(store, text)
    assert (names, Bag(rows)) == (expected_names, Bag(expected))


LEFT = [
    "SELECT (COUNT(*) AS ?n) { ?a :knows ?b . ?c :in ?d }",  # a product
    "SELECT (COUNT(*) AS ?n) { ?s ?p ?o . ?a :by ?o . ?x ?y ?a }",  # nothing begins with objects
    "SELECT (COUNT(*) AS ?n) { ?a :unknown ?b }",
    "SELECT ?l (COUNT(*) AS ?n) { ?a :name ?l } GROUP BY ?l",  # one is a blank node
    "SELECT ?o (COUNT(*) AS ?n) { ?s :states ?o } GROUP BY ?o",  # one is a triple term
    "SELECT (COUNT(*) AS ?n) { ?a :knows ?b } LIMIT",
    "SELECT (COUNT(*) AS ?n) { ?ª :knows ?b }",
    "PREFIX bad: <http://[/> SELECT (COUNT(*) AS ?n) { ?a :knows ?b }",
]


@pytest.mark.parametrize("text", LEFT)
def test_query_is_left_to_the_engine(store: Store, text: str) -> None:
    assert counter(store).solutions(PREFIX + text, None) is None


def test_values_that_are_equal_and_not_the_same_are_told_apart() -> None:
    store = Store()
    one = Literal("1.0", datatype=NamedNode(XSD + "decimal"))
    for at, value in enumerate([integer("1"), integer("01"), one, Literal(1.0), Literal("1")]):
        store.add(Quad(node(f"s{at}"), node("p"), value))
    for text in (
        "SELECT ?o (COUNT(*) AS ?n) { ?s :p ?o } GROUP BY ?o",
        "SELECT (COUNT(DISTINCT ?o) AS ?n) { ?s :p ?o }",
    ):
        solutions = counter(store).solutions(PREFIX + text, None)
        assert solutions is not None
        assert Bag(bindings(store, solutions)[1]) == Bag(bindings(store, PREFIX + text)[1])


def test_only_names_that_columns_have_are_written_as_terms(store: Store) -> None:
    text = f"{PREFIX}SELECT ?l (COUNT(*) AS ?n) {{ :p2 :name ?l }} GROUP BY ?l"
    assert counter(store).solutions(text, None) == (
        'SELECT ?l ?n { VALUES (?l ?n) { ("\\"2\\"\\n"@en 1) } } '
    )


def test_more_rows_than_memory_has_room_for_are_the_engine_s(store: Store) -> None:
    text = f"{PREFIX}SELECT ?a ?b (COUNT(*) AS ?n) {{ ?a :in ?f . ?b :in ?f }} GROUP BY ?a ?b"
    assert counter(store).solutions(text, None) is not None
    assert counter(store, memory=256 * 1000).solutions(text, None) is None


def test_what_there_is_no_memory_for_is_the_engine_s(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = counter(store)
    text = f"{PREFIX}SELECT (COUNT(*) AS ?n) {{ ?a :in ?f . ?b :in ?f }}"
    assert found.solutions(text, None) is not None

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(counting, "joined", fail)
    assert found.solutions(text, None) is None


def test_few_rows_and_many_groups_are_the_engine_s(store: Store) -> None:
    found = counter(store)
    text = f"{PREFIX}SELECT ?e (COUNT(*) AS ?n) {{ ?e :in ?f }} GROUP BY ?e"
    assert found.solutions(text, None) is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "_READ", 8)
        assert found.solutions(text, None) is None
        assert found.solutions(f"{text} ORDER BY DESC(?n) LIMIT 5", None) is None  # they all tie
        assert found.solutions(f"{text} LIMIT 5", None) is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "_FEWEST", 61)
        assert found.solutions(text, None) is None


def test_groups_that_tie_with_the_last_of_a_limit_are_told_apart(store: Store) -> None:
    text = f"{PREFIX}SELECT ?p (COUNT(*) AS ?n) {{ ?e :by ?p }} GROUP BY ?p ORDER BY DESC(?n) ?p"
    solutions = counter(store).solutions(f"{text} LIMIT 2", None)
    assert solutions is not None
    assert solutions.count("(<") == 4  # 60 events of 7 people: four have nine
    assert bindings(store, solutions) == bindings(store, f"{text} LIMIT 2")
