"""Every shipped query, asked with the examples of its header, gives its expected answer."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

import pytest
from pyoxigraph import DefaultGraph, Quad, QueryResultsFormat, QuerySolutions, RdfFormat, Store

from kg import ontology, vocab
from kg.catalogue import Catalogue
from kg.infer import Rules, materialise
from kg.settings import shipped

EXPECTED = Path(__file__).parent / "queries"


def ontology_terms() -> frozenset[str]:
    """Every aic: IRI that an ontology module declares."""
    terms = set()
    for module in shipped("ontology").glob("*.ttl"):
        store = Store()
        store.load(path=module, format=RdfFormat.TURTLE)
        terms |= {quad.subject.value for quad in store if not quad.subject.value.startswith("_")}
    return frozenset(term for term in terms if term.startswith(vocab.AIC))


CATALOGUE = Catalogue.load(shipped("queries"), terms=ontology_terms())
NAMES = list(CATALOGUE)
RULES = Rules.compile(ontology.quads(shipped("ontology")))


def loaded(base: str = vocab.BASE) -> Store:
    """The fixture's graphs, their merge without the side graphs, and what follows from it."""
    store = Store()
    text = (EXPECTED / "data.trig").read_text(encoding="utf-8").replace(vocab.BASE, base)
    store.load(input=text, format=RdfFormat.TRIG)
    for quad in list(store):
        if quad.graph_name.value not in vocab.SIDE_GRAPHS:
            store.add(Quad(quad.subject, quad.predicate, quad.object, DefaultGraph()))
    materialise(store, RULES)
    return store


@pytest.fixture(scope="module")
def store() -> Store:
    return loaded()


def answer(store: Store, text: str) -> list[str]:
    solutions = store.query(text)
    assert isinstance(solutions, QuerySolutions)
    written = solutions.serialize(format=QueryResultsFormat.CSV)
    assert written is not None
    return written.decode().splitlines()


def examples(name: str) -> dict[str, str]:
    return {key: each.example for key, each in CATALOGUE[name].parameters.items()}


def test_every_query_has_one_expected_answer_and_every_answer_a_query() -> None:
    found = {
        file.relative_to(EXPECTED).with_suffix("").as_posix() for file in EXPECTED.rglob("*.csv")
    }
    assert found == set(NAMES)
    assert len(NAMES) == 55


@pytest.mark.parametrize("name", NAMES)
def test_the_answer_is_the_expected_one_row_for_row(name: str, store: Store) -> None:
    rows = answer(store, CATALOGUE[name].bind(examples(name)))
    expected = (EXPECTED / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    assert rows == expected, "\n".join(difflib.unified_diff(expected, rows, "expected", "found"))


@pytest.mark.parametrize("name", NAMES)
def test_the_answer_has_rows_and_a_variable_only_once_in_order(name: str, store: Store) -> None:
    rows = answer(store, CATALOGUE[name].bind(examples(name)))
    assert len(rows) > 1, "an expected answer without rows proves nothing"
    assert len(set(rows)) == len(rows)


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_loading_does_not_change_the_answer(name: str, store: Store) -> None:
    reversed_store = Store()
    for quad in sorted(store, key=str, reverse=True):
        reversed_store.add(quad)
    text = CATALOGUE[name].bind(examples(name))
    assert answer(reversed_store, text) == answer(store, text)


def test_the_queries_follow_the_base_of_the_resources() -> None:
    base = "https://example.org/kg/"
    moved = Catalogue.load(shipped("queries"), terms=ontology_terms(), base=base)
    store = loaded(base)
    for name, query in moved.items():
        expected = (EXPECTED / f"{name}.csv").read_text(encoding="utf-8").replace(vocab.BASE, base)
        assert answer(store, query.bind(examples(name))) == expected.splitlines(), name


def test_a_fact_stated_by_two_graphs_is_counted_once(store: Store) -> None:
    text = CATALOGUE["empowerment/fields-of-platform"].bind({"platform": "baidu"})
    row = next(row for row in answer(store, text) if "connected-vehicle" in row)
    assert row.split(",")[2] == "2"


def test_a_year_outside_the_bounds_leaves_facts_out_but_not_those_without_a_year(
    store: Store,
) -> None:
    query = CATALOGUE["empowerment/platforms-of-field"]
    rows = answer(store, query.bind({"field": "finance", "from": "2030"}))
    assert [re.split(r"[/,]", row)[6:8] for row in rows[1:]] == [["baidu", "1"]]


def test_parents_are_listed_all_the_way_up(store: Store) -> None:
    rows = answer(store, CATALOGUE["organizations/identity"].bind({"organization": "apollo-lab"}))
    assert [row for row in rows if row.startswith("parent,")] == [
        "parent,http://www.w3.org/ns/org#subOrganizationOf,"
        "https://w3id.org/aicluster/id/organization/baidu,Baidu"
    ]


def test_members_without_a_place_are_listed_in_the_world(store: Store) -> None:
    query = CATALOGUE["alliances/members"]
    rows = answer(store, query.bind({"alliance": "lfai-data"}))
    assert len(rows) == 5
    assert any("iflytek" in row for row in rows)


def test_a_wider_place_beside_the_city_is_left_out(store: Store) -> None:
    rows = answer(store, CATALOGUE["places/organizations-in"].bind({"place": "place/cn"}))
    sites = [row.split(",")[1].rpartition("/")[2] for row in rows if "organization/ping-an" in row]
    assert sites == ["shenzhen"]


def test_one_relation_of_the_network_counts_alone_and_neighbours_without_a_place_count(
    store: Store,
) -> None:
    rows = answer(store, CATALOGUE["network/degrees"].bind({"relation": "membership"}))
    degrees = {row.split(",")[0].rpartition("/")[2]: row.split(",")[1] for row in rows[1:]}
    assert degrees["lfai-data"] == "4"
    assert degrees["tencent"] == "2"
    assert "tsinghua" not in degrees


def test_concentration_over_cities_is_that_of_the_definition(store: Store) -> None:
    # Five organizations of one field in a city and one in each of three others.
    counts = {"beijing": 5, "shenzhen": 1, "shantou": 1, "tianjin": 1}
    place = vocab.BASE + "place/"
    triples = [f"<{place}tianjin> a aic:City ."]
    for city, count in counts.items():
        for number in range(count):
            one = f"<{vocab.BASE}organization/{city}-{number}>"
            triples.append(
                f"{one} aic:locatedIn <{place}{city}> . [] a aic:Empowerment ;"
                f" aic:empowerer {one} ; aic:inField <{vocab.BASE}field/logistics> ."
            )
    larger = loaded()
    larger.update(f"PREFIX aic: <{vocab.AIC}> INSERT DATA {{ {' '.join(triples)} }}")
    rows = answer(larger, CATALOGUE["empowerment/city-concentration"].bind({}))
    row = next(row for row in rows if "field/logistics" in row)
    # HHI = (25 + 3) / 64; Gini = sum of |x - y| over all pairs / (2 n sum) = 24 / 64.
    assert row.split(",")[1:5] == ["4", "8", "0.438", "0.375"]
