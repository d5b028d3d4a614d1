"""What the report states, as loaded: all claims, and every trap of reading it wrongly."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, QuerySolutions, Store

from kg import vocab
from kg.build import Inputs, build
from kg.release import Home
from kg.settings import Settings, shipped

PREFIXES = "".join(f"PREFIX {name}: <{iri}>\n" for name, iri in vocab.PREFIXES.items())
REPORT = f"FROM <{vocab.graph('report')}>"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    home = Home(tmp_path_factory.mktemp("home"))
    return build(home, Settings(), Inputs(), lambda _, __: None).release.open()


def rows(store: Store, where: str, what: str = "*", graph: str = "") -> list[tuple[str, ...]]:
    """The solutions as tuples of short texts: keys of resources, prefixed names, lexical forms."""
    found = store.query(f"{PREFIXES} SELECT DISTINCT {what} {graph} WHERE {{ {where} }}")
    assert isinstance(found, QuerySolutions)
    names = found.variables
    return sorted(tuple(short(row[name]) for name in names) for row in found)


def short(term: object) -> str:
    if isinstance(term, NamedNode):
        return vocab.shorten(term.value)
    return term.value if isinstance(term, Literal) else ""


def table(name: str) -> list[dict[str, str]]:
    with (shipped("tables") / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


CLAIMS = table("report_claims.csv")
FIGURES = [row for row in CLAIMS if row["kind"] in {"count", "rank", "amount", "share"}]


# All of it


def test_all_claims_are_loaded_into_the_graph_of_the_report(store: Store) -> None:
    found = rows(store, "?c a aic:Claim", "?c", REPORT)
    assert len(found) == len(CLAIMS) == 173
    assert ("claim/c001",) in found


def test_every_claim_keeps_its_words_its_quote_and_its_row(store: Store) -> None:
    found = rows(
        store,
        "?c a aic:Claim ; aic:claim ?n ; aic:subjectText ?s ; aic:measureText ?m ; "
        "aic:valueText ?v ; aic:unitText ?u ; aic:evidencedBy ?e . ?e aic:quote ?q ; aic:row ?r",
        "?n ?s ?m ?v ?u ?q ?r",
        REPORT,
    )
    assert found == sorted(
        (
            row["id"],
            row["subject"],
            row["measure"],
            row["value"],
            row["unit"],
            row["sentence"],
            f"report_claims.csv, {row['id']}",
        )
        for row in CLAIMS
    )


def test_every_claim_has_a_kind_of_the_vocabulary(store: Store) -> None:
    found = rows(store, "?c aic:claimKind ?k . ?k a aic:ClaimKind ; skos:notation ?n", "?c ?n")
    assert Counter(kind for _, kind in found) == Counter(row["kind"] for row in CLAIMS)


def test_every_claim_states_something_that_has_a_name_or_is_a_figure(store: Store) -> None:
    found = rows(
        store,
        "?c aic:states ?x FILTER(EXISTS { ?x skos:prefLabel ?l } || "
        "EXISTS { ?x a aic:StatisticalObservation })",
        "?c",
    )
    assert len(found) == 173
    assert not rows(store, "?c a aic:Claim ; aic:states ?x FILTER NOT EXISTS { ?x a ?t }", "?c")


def test_every_claim_has_a_subject_that_is_described(store: Store) -> None:
    assert len(rows(store, "?c aic:statedSubject ?x . ?x skos:prefLabel ?l", "?c")) == 173


def test_a_claim_states_a_figure_or_uses_a_property_of_the_ontology(store: Store) -> None:
    with_property = rows(store, "?c aic:statedProperty ?p . ?p a owl:ObjectProperty", "?c")
    with_figure = rows(store, "?c aic:states ?x . ?x a aic:StatisticalObservation", "?c")
    assert len(with_property) + len(with_figure) == 173
    assert not set(with_property) & set(with_figure)


def test_what_a_claim_states_is_also_a_plain_statement(store: Store) -> None:
    missing = rows(
        store,
        "?c aic:statedSubject ?s ; aic:statedProperty ?p ; aic:states ?o "
        "FILTER(?p != aic:during) FILTER NOT EXISTS { ?s ?p ?o }",
        "?c",
        REPORT,
    )
    assert not missing


def test_every_figure_is_loaded_once_with_all_dimensions_of_the_cube(store: Store) -> None:
    found = rows(
        store,
        "?o a aic:StatisticalObservation ; aic:claim ?n ; aic:measure ?m ; aic:about ?a ; "
        "aic:base ?b ; aic:edition ?e ; aic:value ?v ; aic:unit ?u ; aic:bound ?k ; qb:dataSet ?d",
        "?n ?m ?a ?b ?e",
        REPORT,
    )
    assert [row[0] for row in found] == sorted(row["id"] for row in FIGURES)
    assert len(FIGURES) == 36
    assert len({row[1:] for row in found}) == 36


def test_data_sets_have_a_structure_that_names_their_dimensions(store: Store) -> None:
    found = rows(store, "?d a qb:DataSet ; qb:structure/qb:component/qb:dimension ?p", "?d ?p")
    dimensions = {"aic:measure", "aic:about", "aic:base", "aic:edition"}
    for name in ("dataset/report-2023-shares", "dataset/report-2023-counts"):
        assert {p for d, p in found if d == name} == dimensions


def test_values_are_those_of_the_table_without_their_sign(store: Store) -> None:
    found = dict(rows(store, "?o aic:claim ?n ; aic:value ?v", "?n ?v", REPORT))
    assert {n: float(v) for n, v in found.items()} == {
        row["id"]: float(row["value"].lstrip("<>")) for row in FIGURES
    }


# 1. Four sets of universities and schools


FOUR = {"C046": "438", "C097": "440", "C098": "248", "C099": "387"}


def test_438_440_248_and_387_are_four_measures_with_four_definitions(store: Store) -> None:
    found = rows(
        store,
        "?o aic:claim ?n ; aic:value ?v ; aic:measure ?m . ?m skos:definition ?d "
        'FILTER(LANG(?d) = "en") FILTER(?n IN ("C046", "C097", "C098", "C099"))',
        "?n ?v ?m ?d",
    )
    assert {row[0]: row[1] for row in found} == FOUR
    assert len({row[2] for row in found}) == len({row[3] for row in found}) == 4


def test_the_four_are_about_different_things_in_different_populations(store: Store) -> None:
    found = rows(store, "?o aic:claim ?n ; aic:about ?a ; aic:base ?b", "?n ?a ?b", REPORT)
    of = {n: (a, b) for n, a, b in found if n in FOUR}
    assert len({a for a, _ in of.values()}) == 4
    assert of["C046"][1] == "base/sample-database"
    assert of["C097"][1] == "base/institutions-of-china"


def test_nothing_in_the_graph_is_the_sum_of_the_four(store: Store) -> None:
    assert not rows(store, "?s ?p ?v FILTER(isNumeric(?v) && ?v IN (1513, 878, 688, 1075))")


# 2. Shares have bases


def test_shares_are_stated_of_five_bases(store: Store) -> None:
    found = rows(store, '?o aic:unit "%" ; aic:base ?b ; aic:claim ?n', "?b ?n")
    assert Counter(base for base, _ in found) == {
        "base/unstated": 5,
        "base/all-collaboration": 2,
        "sector/tertiary": 5,
        "sector/secondary": 1,
        "industry/c": 3,
    }


@pytest.mark.parametrize(
    ("base", "total"),
    [
        ("base/unstated", 49.63),
        ("base/all-collaboration", 99.31),
        ("sector/tertiary", 80.68),
        ("industry/c", 62.87),
    ],
)
def test_shares_of_one_base_sum_to_no_more_than_all(store: Store, base: str, total: float) -> None:
    found = rows(store, f'?o aic:unit "%" ; aic:base <{vocab.BASE}{base}> ; aic:value ?v', "?o ?v")
    assert sum(float(v) for _, v in found) == pytest.approx(total)


def test_the_tertiary_base_is_marked_as_our_reading(store: Store) -> None:
    found = rows(store, "?o aic:base ?b ; aic:status ?s ; aic:claim ?n", "?b ?n ?s", REPORT)
    assumed = {n for _, n, s in found if s == "status/assumed"}
    assert assumed == {"C138", "C139", "C140", "C141", "C142"}
    assert {b for b, n, _ in found if n in assumed} == {"sector/tertiary"}


def test_the_primary_share_is_derived_and_not_stated(store: Store) -> None:
    about = f"<{vocab.BASE}sector/primary>"
    assert not rows(store, f"?o aic:about {about}")
    assert not rows(store, "?o aic:value 0.69")


# 3. Editions


def test_every_figure_is_of_the_edition_that_states_it(store: Store) -> None:
    found = rows(store, "?o a aic:StatisticalObservation ; aic:edition ?e", "?e")
    assert found == [("report-edition/2023",)]


def test_fields_stand_in_the_scheme_of_their_edition_and_robots_are_a_technology(
    store: Store,
) -> None:
    assert rows(store, "?f a aic:ApplicationField ; skos:inScheme ?s", "?s") == [
        ("scheme/fields-2023",)
    ]
    robots = rows(store, '?c skos:prefLabel "intelligent robots"@en ; a ?t', "?t")
    assert ("aic:Technology",) in robots
    assert ("aic:ApplicationField",) not in robots


# 4. Four lists


def test_the_number_of_fields_is_the_number_listed(store: Store) -> None:
    listed = rows(store, "?s aic:coversField ?f", "?f", REPORT)
    ((value,),) = (rows(store, '?o aic:claim "C111" ; aic:value ?v', "?v"),)
    assert len(listed) == 19 == int(value[0])


def test_activity_and_layout_areas_are_lists_of_their_own(store: Store) -> None:
    technologies = set(rows(store, "?s aic:coversTechnology ?t", "?t", REPORT))
    activity = set(rows(store, "?s aic:activeIn ?t", "?t", REPORT))
    layout = set(rows(store, "?s aic:laysOutIn ?t", "?t", REPORT))
    assert (len(technologies), len(activity), len(layout)) == (17, 9, 6)
    assert not technologies & activity
    assert not activity & layout


def test_large_models_are_in_both_lists_of_areas_and_no_technology(store: Store) -> None:
    found = rows(store, '?c skos:prefLabel "large models"@en ; a ?t', "?t")
    assert {("aic:ActivityArea",), ("aic:LayoutArea",), ("skos:Concept",)} <= set(found)
    assert ("aic:Technology",) not in found


def test_deep_and_machine_learning_platforms_are_two_areas(store: Store) -> None:
    found = rows(
        store,
        '{ ?c skos:prefLabel "deep learning platforms"@en } UNION '
        '{ ?c skos:prefLabel "machine learning platforms"@en }',
        "?c",
    )
    assert found == [
        ("activity-area/deep-learning-platforms",),
        ("layout-area/machine-learning-platforms",),
    ]


# 5. One thing under two names


@pytest.mark.parametrize(
    ("claim", "thing"),
    [
        ("C131", "field/smart-city"),
        ("C115", "field/smart-city"),
        ("C132", "field/enterprise-management"),
        ("C163", "technology/knowledge-graph"),
        ("C155", "technology/smart-chips"),
        ("C104", "organization/peng-cheng-laboratory"),
        ("C105", "organization/zhejiang-lab"),
    ],
)
def test_two_names_of_one_thing_lead_to_one_thing(store: Store, claim: str, thing: str) -> None:
    iri = f"<{vocab.BASE}{thing}>"
    assert rows(
        store,
        f'?c a aic:Claim ; aic:claim "{claim}" {{ ?c aic:statedSubject {iri} }} UNION '
        f"{{ ?c aic:states {iri} }}",
        "?c",
    )


def test_pillar_enterprises_are_the_sample_under_another_name(store: Store) -> None:
    found = rows(
        store,
        "?o a aic:StatisticalObservation ; aic:claim ?n ; aic:value ?v ; aic:measure ?m "
        'FILTER(?n IN ("C044", "C110"))',
        "?n ?v ?m",
    )
    assert [row[1] for row in found] == ["2200", "2200"]
    assert found[0][2] != found[1][2]


# 6. Near-homonyms


def test_the_three_cluster_names_are_three_topics_of_three_classes(store: Store) -> None:
    found = rows(
        store,
        f"<{vocab.BASE}topic/ai-industrial-cluster> aic:hasKind ?k . ?k aic:denotesClass ?c",
        "?k ?c",
    )
    assert [c for _, c in found] == [
        "aic:AIIndustrialInnovationCluster",
        "aic:IndustrialIntelligentInnovationCluster",
    ]


def test_the_core_relation_is_loaded(store: Store) -> None:
    topic = f"{vocab.BASE}topic/"
    assert rows(
        store,
        f"<{topic}ai-industrial-cluster> aic:empowers "
        f"<{topic}industrial-intelligent-innovation-cluster> ; ?p ?o",
    )


# 7. OCR


def test_no_text_of_the_report_has_a_lower_case_l_for_an_i(store: Store) -> None:
    texts = [value for row in CLAIMS for value in row.values()]
    assert not [text for text in texts if re.search(r"\bAl\b|abudant", text)]


# 8. Bounds and dates


def test_a_bound_is_no_equality(store: Store) -> None:
    found = rows(store, "?o aic:claim ?n ; aic:value ?v ; aic:bound ?b", "?n ?v ?b", REPORT)
    lower = {(n, v) for n, v, b in found if b == "bound/lower"}
    assert lower == {("C011", "3000"), ("C014", "400")}
    assert {b for n, _, b in found if n not in {"C011", "C014"}} == {"bound/exact"}


def test_a_date_that_the_report_gives_is_told_from_one_that_stands_in(store: Store) -> None:
    found = rows(
        store, "?c a aic:Claim ; aic:claim ?n ; aic:asOf ?d ; aic:asOfBasis ?b", "?n ?d ?b"
    )
    dates = {n: (d, b) for n, d, b in found}
    stated = {n: d for n, (d, b) in dates.items() if b == "as-of/stated"}
    assert stated == {
        row["id"]: row["as_of"] for row in CLAIMS if re.fullmatch(r"\d{4}-\d{2}", row["as_of"])
    }
    assert set(stated) == {"C011", "C012", "C013", "C014", "C097", "C098", "C099"}
    assert dates["C068"] == ("2023-05-19", "as-of/edition-date")


def test_the_years_of_the_indicators_are_a_period(store: Store) -> None:
    found = rows(store, "?c aic:during ?p . ?p aic:since ?s ; aic:until ?u", "?c ?s ?u")
    assert found == [("claim/c082", "2014", "2022"), ("claim/c083", "2014", "2022")]


# 9. Rank 1


def test_rank_one_is_implied_and_carries_no_number_of_enterprises(store: Store) -> None:
    found = rows(
        store, "?o aic:status ?s ; aic:claim ?n ; aic:value ?v ; aic:about ?a", "?n ?s ?v ?a"
    )
    of = {n: rest for n, *rest in found}
    assert of["C012"] == ["status/sourced", "2", "place/cn"]
    assert of["C013"] == ["status/implied", "1", "place/us"]
    measure = f"<{vocab.BASE}measure/number-of-ai-enterprises>"
    assert rows(store, f"?o aic:measure {measure} ; aic:about ?a", "?a") == [("place/cn",)]
    assert rows(store, '?c a aic:Claim ; aic:claim "C013" ; aic:status ?s', "?s") == [
        ("status/implied",)
    ]


# 10. Regions and places


def test_clusters_are_distributed_in_regions_and_emerge_in_cities(store: Store) -> None:
    topic = f"<{vocab.BASE}topic/ai-industrial-cluster>"
    assert rows(store, f"{topic} aic:distributedIn ?r . ?r a aic:Region", "?r") == [
        ("place/bth",), ("place/prd",), ("place/sc-cq",), ("place/yrd",)
    ]  # fmt: skip
    assert len(rows(store, f"{topic} aic:emergingIn ?c . ?c a aic:City", "?c")) == 6


def test_the_pearl_river_delta_lies_inside_one_province_and_the_others_hold_provinces(
    store: Store,
) -> None:
    prd, bth = f"<{vocab.BASE}place/prd>", f"<{vocab.BASE}place/bth>"
    assert not rows(store, f"?p aic:directlyWithin {prd} ; a aic:Province")
    assert len(rows(store, f"?p aic:directlyWithin {prd} ; a aic:City", "?p")) == 9
    assert len(rows(store, f"?p aic:directlyWithin {bth} ; a aic:Province", "?p")) == 3


def test_an_unclear_region_says_so(store: Store) -> None:
    ((note,),) = (rows(store, '?c aic:claim "C071" ; skos:editorialNote ?n', "?n"),)
    assert "smaller economic circle" in note[0]


# 11. Parties


def test_collaboration_has_four_parties_in_one_place_and_five_in_the_other(store: Store) -> None:
    def parties(claim: str) -> set[tuple[str, ...]]:
        return set(rows(store, f'?c aic:claim "{claim}" ; aic:states ?x', "?x"))

    assert (len(parties("C042")), len(parties("C108"))) == (4, 5)
    assert parties("C108") - parties("C042") == {("actor-type/application",)}


# 12. New innovation zones


def test_no_new_innovation_zone_is_invented_and_parks_are_another_thing(store: Store) -> None:
    assert not rows(store, "?z a aic:NewInnovationZone")
    zone = f"<{vocab.BASE}topic/new-innovation-zone>"
    assert rows(store, f"{zone} aic:differsFrom ?x . ?x aic:denotesClass ?c", "?c") == [
        ("aic:HighTechPark",), ("aic:IndustrialPark",)
    ]  # fmt: skip
    assert rows(store, '?o aic:claim "C052" ; aic:value ?v ; aic:measure ?m', "?v ?m") == [
        ("3507", "measure/sampled-ai-industrial-parks")
    ]


# 13. Industries


def test_industries_named_by_the_report_are_those_of_one_edition_of_the_standard(
    store: Store,
) -> None:
    found = rows(store, "?o aic:about ?i . ?i a aic:Industry ; skos:inScheme ?s", "?i ?s")
    assert {i for i, _ in found} == {
        f"industry/{code}" for code in ("i", "m", "l", "j", "f", "c", "c36", "c38", "c39")
    }
    assert {s for _, s in found} == {"scheme/industries-gbt4754-2017"}


# Roles


def test_mega_platforms_and_laboratories_have_dated_roles_with_evidence(store: Store) -> None:
    found = rows(
        store,
        "?h a aic:RoleHolding ; aic:roleHolder ?o ; aic:role ?r ; aic:asOf ?d ; aic:evidencedBy ?e",
        "?r ?o",
    )
    assert Counter(role for role, _ in found) == {
        "organization-role/mega-platform": 4,
        "organization-role/ai-laboratory": 3,
    }


# The tables


def statements() -> Iterator[dict[str, str]]:
    yield from table("report_statements.csv")


def test_the_companion_table_has_one_row_a_claim_in_their_order() -> None:
    assert [row["claim"] for row in statements()] == [row["id"] for row in CLAIMS]


def test_the_companion_table_repeats_no_number_of_the_claims() -> None:
    with_figure = {row["id"] for row in FIGURES}
    for row in statements():
        assert bool(row["measure"]) == bool(row["base"]) == (row["claim"] in with_figure)
        assert bool(row["property"]) == bool(row["objects"]) == (row["claim"] not in with_figure)


def test_the_claims_are_as_they_were_compiled() -> None:
    original = Path(__file__).parents[2] / "shared" / "data" / "curated" / "report_claims.csv"
    if not original.is_file():
        pytest.skip("the compilation is not beside the checkout")
    with original.open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == CLAIMS
