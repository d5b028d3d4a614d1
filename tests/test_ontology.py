"""The ontology and its vocabularies, as files: complete, consistent with each other, offline."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from rdflib import DCTERMS, OWL, RDF, RDFS, SKOS, XSD, Graph, Literal, Namespace, URIRef
from rdflib.term import Node

from kg import ontology, vocab
from kg.errors import InputError
from kg.settings import shipped

AIC = Namespace(vocab.AIC)
ID = Namespace(vocab.BASE)
MODULE = Namespace("https://w3id.org/aicluster/ontology/")
ROOT = URIRef("https://w3id.org/aicluster/ontology")

ONTOLOGY = shipped("ontology")
MODULES = ontology.modules(ONTOLOGY, "")
VOCABULARIES = sorted((ONTOLOGY / "vocabularies").glob("*.ttl"))
SHAPES = sorted((ONTOLOGY / "shapes").glob("*.ttl"))

TERM_KINDS = (OWL.Class, OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty)
#: Languages that define RDF, OWL and SHACL themselves: their terms need no declaration.
LANGUAGES = (vocab.RDF, vocab.RDFS, vocab.OWL, vocab.XSD, vocab.SH)


@cache
def parsed(path: Path) -> Graph:
    return Graph().parse(path, format="turtle")


@cache
def merged(paths: tuple[Path, ...]) -> Graph:
    graph = Graph()
    for path in paths:
        for triple in parsed(path):
            graph.add(triple)
    return graph


def schema() -> Graph:
    return merged(tuple(MODULES))


def vocabularies() -> Graph:
    return merged(tuple(VOCABULARIES))


def terms(graph: Graph) -> dict[URIRef, Node]:
    """The declared terms of any namespace, with the kind that each is declared as."""
    return {
        term: kind
        for kind in TERM_KINDS
        for term in graph.subjects(RDF.type, kind)
        if isinstance(term, URIRef)
    }


def own_terms() -> dict[URIRef, Node]:
    return {term: kind for term, kind in terms(schema()).items() if term in AIC}


def languages(node: URIRef, path: URIRef, graph: Graph) -> list[str]:
    return sorted(o.language or "" for o in graph.objects(node, path) if isinstance(o, Literal))


def concepts(scheme: str) -> set[Node]:
    return set(vocabularies().subjects(SKOS.inScheme, ID["scheme/" + scheme]))


def labels() -> Iterator[tuple[Node, Node, str]]:
    """Every label of every concept as (scheme, concept, case-folded label)."""
    graph = vocabularies()
    for concept, scheme in graph.subject_objects(SKOS.inScheme):
        for path in (SKOS.prefLabel, SKOS.altLabel):
            for label in graph.objects(concept, path):
                yield scheme, concept, str(label).casefold()


def one_notation(code: str) -> Node:
    (concept,) = vocabularies().subjects(SKOS.notation, Literal(code))
    return concept


def test_every_file_was_collected() -> None:
    assert [path.stem for path in MODULES] == [
        "aicluster",
        "cluster",
        "core",
        "education",
        "empowerment",
        "event",
        "external",
        "knowledge",
        "organization",
        "place",
        "policy",
        "relation",
        "report",
        "statistics",
    ]
    assert [path.stem for path in SHAPES] == [
        "cluster",
        "core",
        "education",
        "empowerment",
        "event",
        "knowledge",
        "organization",
        "place",
        "policy",
        "relation",
        "report",
        "statistics",
    ]
    assert [path.stem for path in VOCABULARIES] == [
        "areas",
        "concepts",
        "education",
        "fields",
        "industries",
        "provinces",
        "regions",
        "report",
        "roles",
        "statistics",
        "technologies",
    ]


# Modules


@pytest.mark.parametrize("path", MODULES + VOCABULARIES + SHAPES, ids=lambda path: path.stem)
def test_file_parses_and_holds_only_absolute_iris_that_n_quads_can_carry(path: Path) -> None:
    graph = parsed(path)
    assert len(graph) > 0
    wrong = {n for t in graph for n in t if isinstance(n, URIRef) and not vocab.is_iri(str(n))}
    assert not wrong


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_module_declares_its_own_ontology_iri_with_titles_in_both_languages(path: Path) -> None:
    expected = ROOT if path.stem == "aicluster" else MODULE[path.stem]
    assert list(parsed(path).subjects(RDF.type, OWL.Ontology)) == [expected]
    assert languages(expected, DCTERMS.title, parsed(path)) == ["en", "zh"]


def test_version_stands_in_the_front_door_only() -> None:
    graph = schema()
    assert set(graph.subject_objects(OWL.versionIRI)) == {(ROOT, MODULE["0.3.0"])}
    assert set(graph.subject_objects(OWL.versionInfo)) == {(ROOT, Literal("0.3.0"))}


def imports(path: Path) -> set[Path]:
    """The files that a module imports, itself and imports of imports included."""
    found, waiting = set(), [path]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            targets = parsed(module).objects(None, OWL.imports)
            waiting += [ONTOLOGY / f"{str(iri).removeprefix(str(MODULE))}.ttl" for iri in targets]
    return found


def test_front_door_imports_every_module_and_nothing_else() -> None:
    assert imports(ONTOLOGY / "aicluster.ttl") == set(MODULES)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_module_uses_only_terms_of_itself_and_of_what_it_imports(path: Path) -> None:
    visible = terms(merged(tuple(sorted(imports(path)))))
    assert used(parsed(path)) <= visible.keys()


def test_no_module_imports_itself_through_others() -> None:
    for path in MODULES:
        for target in imports(path) - {path}:
            assert path not in imports(target), f"{path.stem} and {target.stem} import each other"


# Terms


def test_every_own_term_has_both_labels_a_definition_and_its_home_module() -> None:
    graph = schema()
    wrong = []
    for term in own_terms():
        (home,) = graph.objects(term, RDFS.isDefinedBy)
        declared_in = [p for p in MODULES if (term, RDFS.isDefinedBy, home) in parsed(p)]
        if (
            languages(term, RDFS.label, graph) != ["en", "zh"]
            or languages(term, SKOS.definition, graph) != ["en", "zh"]
            or [MODULE[p.stem] for p in declared_in] != [home]
        ):
            wrong.append(term)
    assert not wrong


def test_definition_ends_with_a_full_stop_and_is_no_copy_of_the_label() -> None:
    graph = schema()
    for term in own_terms():
        names = {str(label).casefold() for label in graph.objects(term, RDFS.label)}
        for definition in graph.objects(term, SKOS.definition):
            assert str(definition)[-1] in ".。", term
            assert str(definition).casefold().rstrip(".。") not in names, term


def test_classes_are_in_camel_case_with_a_capital_and_properties_without() -> None:
    for term, kind in own_terms().items():
        pattern = r"[A-Z][A-Za-z0-9]*" if kind == OWL.Class else r"[a-z][A-Za-z0-9]*"
        assert re.fullmatch(pattern, str(term).removeprefix(vocab.AIC)), term


def test_no_term_is_of_two_kinds() -> None:
    for term in terms(schema()):
        assert len(set(schema().objects(term, RDF.type)) & set(TERM_KINDS)) == 1, term


def test_no_two_terms_of_a_kind_share_an_english_or_chinese_label() -> None:
    seen: dict[tuple[bool, str], URIRef] = {}
    for term, kind in own_terms().items():
        for label in schema().objects(term, RDFS.label):
            other = seen.setdefault((kind == OWL.Class, str(label).casefold()), term)
            assert other == term, f"{term} and {other} share the label {label}"


def test_every_own_class_stands_under_entity() -> None:
    for term, kind in own_terms().items():
        if kind == OWL.Class:
            assert AIC.Entity in schema().transitive_objects(term, RDFS.subClassOf), term


def test_domains_are_classes_and_ranges_fit_the_kind_of_property() -> None:
    graph = schema()
    classes = {term for term, kind in terms(graph).items() if kind == OWL.Class}
    for term, kind in own_terms().items():
        domains, ranges = (
            set(graph.objects(term, RDFS.domain)),
            set(graph.objects(term, RDFS.range)),
        )
        assert len(domains) <= 1, f"{term}: several domains are read as their intersection"
        assert len(ranges) <= 1, f"{term}: several ranges are read as their intersection"
        assert domains <= classes
        if kind == OWL.DatatypeProperty:
            assert all(str(r).startswith(str(XSD)) for r in ranges), term
        else:
            assert ranges <= classes


def test_sub_property_is_of_the_same_kind_as_its_super_property() -> None:
    kinds = terms(schema())
    for lower, upper in schema().subject_objects(RDFS.subPropertyOf):
        assert isinstance(lower, URIRef)
        assert isinstance(upper, URIRef)
        assert kinds[lower] == kinds[upper], lower


def disjoint_pairs() -> set[frozenset[Node]]:
    graph = schema()
    pairs = {frozenset(pair) for pair in graph.subject_objects(OWL.disjointWith)}
    for axiom in graph.subjects(RDF.type, OWL.AllDisjointClasses):
        members = list(graph.items(graph.value(axiom, OWL.members)))  # type: ignore[arg-type]
        pairs |= {frozenset((a, b)) for a in members for b in members if a != b}
    return pairs


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("NewInnovationZone", "IndustrialPark"),
        ("AIIndustrialInnovationCluster", "IndustrialIntelligentInnovationCluster"),
        ("Technology", "ApplicationField"),
        ("ApplicationField", "Industry"),
        ("Organization", "SpatialUnit"),
        ("Organization", "Artefact"),
        ("Assertion", "Evidence"),
        ("County", "City"),
        ("NewInnovationZone", "HighTechPark"),
        ("InvestmentInstitution", "NonInvestmentInvestor"),
        ("ActivityArea", "LayoutArea"),
        ("ActivityArea", "Technology"),
        ("Claim", "StatisticalObservation"),
        ("TechnologyInput", "Empowerment"),
    ],
)
def test_kinds_that_the_domain_keeps_apart_are_disjoint(a: str, b: str) -> None:
    assert frozenset((AIC[a], AIC[b])) in disjoint_pairs()


def test_municipality_may_be_city_and_province() -> None:
    assert frozenset((AIC.City, AIC.Province)) not in disjoint_pairs()


def test_no_class_is_disjoint_with_its_own_superclass() -> None:
    graph = schema()
    for pair in disjoint_pairs():
        a, b = pair
        assert b not in graph.transitive_objects(a, RDFS.subClassOf)
        assert a not in graph.transitive_objects(b, RDFS.subClassOf)


def test_within_is_transitive_and_the_asserted_step_is_not() -> None:
    graph = schema()
    assert (AIC.within, RDF.type, OWL.TransitiveProperty) in graph
    assert (AIC.directlyWithin, RDF.type, OWL.TransitiveProperty) not in graph
    assert (AIC.directlyWithin, RDFS.subPropertyOf, AIC.within) in graph


def used(graph: Graph) -> set[URIRef]:
    """Terms used in a graph: predicates, types, super-terms, and own terms in any position."""
    vocabulary = {p for p in graph.predicates() if isinstance(p, URIRef)}
    for naming in (RDF.type, RDFS.subClassOf, RDFS.subPropertyOf, OWL.inverseOf):
        vocabulary |= {o for o in graph.objects(None, naming) if isinstance(o, URIRef)}
    vocabulary |= {n for triple in graph for n in triple if isinstance(n, URIRef) and n in AIC}
    return {term for term in vocabulary if not str(term).startswith(LANGUAGES)}


def test_every_term_used_in_any_file_is_declared() -> None:
    declared = terms(schema()).keys()
    for path in MODULES + VOCABULARIES + SHAPES:
        assert used(parsed(path)) <= declared, path.stem


def test_every_external_term_names_the_vocabulary_that_defines_it() -> None:
    for term in terms(parsed(ONTOLOGY / "external.ttl")):
        (home,) = schema().objects(term, RDFS.isDefinedBy)
        assert not str(home).startswith(str(ROOT)), term
        assert languages(term, RDFS.label, schema()) == ["en"], term


# Vocabularies


def test_vocabularies_have_the_counts_of_the_report_and_of_the_standard() -> None:
    graph = vocabularies()
    industries = concepts("industries-gbt4754-2017")
    sections = {c for c in industries if graph.value(c, SKOS.broader) is None}
    assert len(concepts("fields-2023")) == 19
    assert len(concepts("technologies-2023")) == 17
    assert (len(sections), len(industries - sections)) == (20, 97)
    assert len(concepts("spatial-levels")) == 5
    assert len(concepts("statuses")) == 6
    assert len(concepts("activity-areas-2023")) == 9
    assert len(concepts("layout-areas-2023")) == 6
    assert len(concepts("strategic-measures-2023")) == 4
    assert len(set(graph.subjects(RDF.type, AIC.Programme))) == 3


def test_every_concept_has_labels_in_both_languages_a_notation_a_scheme_and_a_source() -> None:
    graph = vocabularies()
    for concept in set(graph.subjects(RDF.type, SKOS.Concept)):
        assert isinstance(concept, URIRef)
        assert languages(concept, SKOS.prefLabel, graph) == ["en", "zh"], concept
        assert len(list(graph.objects(concept, SKOS.notation))) == 1, concept
        assert len(list(graph.objects(concept, SKOS.inScheme))) == 1, concept
        assert graph.value(concept, DCTERMS.source) is not None, concept


def test_every_concept_is_also_of_one_of_our_concept_classes() -> None:
    graph = vocabularies()
    kinds = set(schema().subjects(RDFS.subClassOf, AIC.Concept))
    for concept in set(graph.subjects(SKOS.inScheme)):
        types = set(graph.objects(concept, RDF.type))
        assert SKOS.Concept in types
        assert len(types & kinds) == 1, concept


def test_concepts_of_one_scheme_are_of_one_class() -> None:
    graph = vocabularies()
    for scheme in set(graph.objects(None, SKOS.inScheme)):
        kinds = {
            frozenset(graph.objects(c, RDF.type)) for c in concepts(str(scheme)[len(ID) + 7 :])
        }
        assert len(kinds) == 1, scheme


def test_key_of_a_field_technology_and_industry_is_its_notation() -> None:
    graph = vocabularies()
    for kind in (AIC.ApplicationField, AIC.Technology, AIC.Industry):
        for concept in graph.subjects(RDF.type, kind):
            (notation,) = graph.objects(concept, SKOS.notation)
            assert str(concept).rpartition("/")[2] == str(notation).lower()


def test_top_concepts_are_exactly_those_with_nothing_broader() -> None:
    graph = vocabularies()
    for concept, scheme in graph.subject_objects(SKOS.inScheme):
        is_top = (concept, SKOS.topConceptOf, scheme) in graph
        assert is_top == (graph.value(concept, SKOS.broader) is None), concept


def test_broader_and_narrower_mirror_each_other() -> None:
    graph = vocabularies()
    broader = set(graph.subject_objects(SKOS.broader))
    assert broader == {(low, high) for high, low in graph.subject_objects(SKOS.narrower)}
    assert len(broader) == 97


def test_no_label_is_shared_by_two_concepts_of_a_scheme() -> None:
    # The standard itself gives a section and its only division one name: K70, P83, T97.
    graph = vocabularies()
    owners = defaultdict(set)
    for scheme, concept, label in labels():
        owners[scheme, label].add(concept)
    shared = []
    for found in owners.values():
        if len(found) > 1:
            divisions = [c for c in found if graph.value(c, SKOS.broader) in found]
            assert len(divisions) == len(found) - 1, found
            shared += [str(graph.value(c, SKOS.notation)) for c in divisions]
    assert set(shared) == {"K70", "P83", "T97"}


def test_no_field_shares_a_label_with_a_technology() -> None:
    by_scheme = defaultdict(set)
    for scheme, _, label in labels():
        by_scheme[scheme].add(label)
    assert not by_scheme[ID["scheme/fields-2023"]] & by_scheme[ID["scheme/technologies-2023"]]


@pytest.mark.parametrize(
    "names",
    [
        (
            "automated driving",
            "intelligent connected vehicle",
            "manufacture of automobiles",
            "intelligent transportation",
        ),
        ("cybersecurity", "intelligent security"),
        ("smart home", "intelligent hardware", "intelligent terminals"),
        ("intelligent manufacturing", "manufacturing"),
    ],
)
def test_near_homonyms_are_different_concepts(names: tuple[str, ...]) -> None:
    found = {name: {c for _, c, label in labels() if label == name} for name in names}
    assert all(len(owners) == 1 for owners in found.values()), found
    assert len(set().union(*found.values())) == len(names)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("smart city", "field/smart-city"),
        ("smart cities", "field/smart-city"),
        ("enterprise intelligent management", "field/enterprise-management"),
        ("intelligent enterprise management", "field/enterprise-management"),
        ("intelligent chips", "technology/smart-chips"),
        ("smart chips", "technology/smart-chips"),
        ("knowledge mapping", "technology/knowledge-graph"),
        ("knowledge graph", "technology/knowledge-graph"),
        ("智慧医疗", "field/healthcare"),
    ],
)
def test_synonyms_of_the_report_name_one_field_or_technology(name: str, key: str) -> None:
    found = {c for _, c, label in labels() if label == name}
    assert {c for c in found if str(c).startswith((ID["field/"], ID["technology/"]))} == {ID[key]}


def test_large_models_are_not_among_the_technologies() -> None:
    named = {c for _, c, label in labels() if "large model" in label}
    assert named == {ID["activity-area/large-models"], ID["layout-area/large-models"]}


@pytest.mark.parametrize(
    ("code", "section", "sector"),
    [
        ("A05", "primary", "tertiary"),
        ("B11", "secondary", "tertiary"),
        ("C43", "secondary", "tertiary"),
    ],
)
def test_division_may_leave_the_sector_of_its_section(code: str, section: str, sector: str) -> None:
    graph = vocabularies()
    division = one_notation(code)
    above = graph.value(division, SKOS.broader)
    assert graph.value(division, AIC.sectorOfThree) == Literal(sector)
    assert graph.value(above, AIC.sectorOfThree) == Literal(section)


def test_only_three_divisions_leave_the_sector_of_their_section() -> None:
    graph = vocabularies()
    leaving = {
        str(graph.value(division, SKOS.notation))
        for division, section in graph.subject_objects(SKOS.broader)
        if graph.value(division, AIC.sectorOfThree) != graph.value(section, AIC.sectorOfThree)
    }
    assert leaving == {"A05", "B11", "C43"}


def test_only_verified_wikidata_items_are_stated_of_technologies() -> None:
    graph = vocabularies()
    stated = {
        str(qid)
        for concept in concepts("technologies-2023") | concepts("fields-2023")
        for qid in graph.objects(concept, AIC.wikidataId)
    }
    assert stated == {
        "Q844240",
        "Q30642",
        "Q207434",
        "Q20514253",
        "Q33002955",
        "Q554950",
        "Q177765",
    }


def test_half_of_a_compound_technology_is_a_narrow_match_and_no_identifier() -> None:
    graph = vocabularies()
    compound = ID["technology/big-data-cloud"]
    assert graph.value(compound, AIC.wikidataId) is None
    (match,) = graph.objects(compound, SKOS.narrowMatch)
    assert str(match).endswith("/Q483639")


def test_report_edition_is_dated_and_published() -> None:
    graph = vocabularies()
    edition = ID["report-edition/2023"]
    assert graph.value(edition, DCTERMS.issued) == Literal("2023-05-19", datatype=XSD.date)
    publisher = graph.value(edition, DCTERMS.publisher)
    assert graph.value(publisher, SKOS.prefLabel) is not None


# What kg.ontology makes of the files.


def test_modules_give_the_same_quads_whenever_they_are_read() -> None:
    folder = shipped("ontology")
    first, second = ({str(quad) for quad in ontology.quads(folder)} for _ in range(2))
    assert first == second


def test_blank_nodes_of_two_modules_never_meet(tmp_path: Path) -> None:
    text = "[] <http://example.org/p> 'x' ."
    labels = set()
    for name in ("one", "two"):
        path = tmp_path / f"{name}.ttl"
        path.write_text(text, encoding="utf-8")
        (quad,) = ontology.read(path, "http://example.org/g")
        labels.add(str(quad.subject))
    assert labels == {"_:g-one-c14n0", "_:g-two-c14n0"}


def test_resources_move_with_the_base_and_terms_stay(tmp_path: Path) -> None:
    path = tmp_path / "m.ttl"
    path.write_text(
        f"<{vocab.BASE}field/a> <{vocab.AIC}p> <{vocab.BASE}field/b> .", encoding="utf-8"
    )
    (quad,) = ontology.read(path, "http://example.org/g", "https://example.org/")
    assert str(quad.subject) == "<https://example.org/field/a>"
    assert str(quad.predicate) == f"<{vocab.AIC}p>"
    assert str(quad.object) == "<https://example.org/field/b>"


def test_syntax_error_is_named_with_file_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "broken.ttl"
    path.write_text("<a:b> <a:c> <a:d> .\n<a:b> <a:c> ;; .\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"broken\.ttl:2:\d+: not Turtle"):
        ontology.read(path, "http://example.org/g")


def test_folder_without_modules_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected Turtle files"):
        ontology.modules(tmp_path, "")


def test_version_is_the_one_of_the_version_iri() -> None:
    (iri,) = parsed(ONTOLOGY / "aicluster.ttl").objects(ROOT, OWL.versionIRI)
    assert str(iri) == f"{ROOT}/{ontology.version(ONTOLOGY)}"


def test_terms_are_those_that_the_modules_declare() -> None:
    found = ontology.terms(shipped("ontology"))
    assert vocab.AIC + "Empowerment" in found
    assert vocab.AIC + "viaTechnology" in found
    assert all(term.startswith(vocab.AIC) for term in found)
