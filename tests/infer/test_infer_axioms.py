"""From axioms to rules: what each becomes, what is left out and why, what is malformed."""

from __future__ import annotations

import pytest
from pyoxigraph import BlankNode, NamedNode, Quad
from worlds import compiled, read

from kg import ontology, vocab
from kg.errors import InputError
from kg.infer import Rules
from kg.settings import shipped

TYPE = f"<{vocab.RDF}type>"


@pytest.mark.parametrize(
    ("axiom", "rules"),
    [
        ("c:A rdfs:subClassOf c:B .", ["?x0 a <c:B> :- ?x0 a <c:A>"]),
        ("c:A owl:equivalentClass c:B .",
         ["?x0 a <c:A> :- ?x0 a <c:B>", "?x0 a <c:B> :- ?x0 a <c:A>"]),
        ("c:A owl:intersectionOf ( c:B c:C ) .",
         ["?x0 a <c:A> :- ?x0 a <c:B>, ?x0 a <c:C>",
          "?x0 a <c:B> :- ?x0 a <c:A>", "?x0 a <c:C> :- ?x0 a <c:A>"]),
        ("p:p rdfs:subPropertyOf [ owl:inverseOf p:q ] .", ["?x1 <p:q> ?x0 :- ?x0 <p:p> ?x1"]),
        ("p:p a owl:TransitiveProperty .", ["?x0 <p:p> ?x2 :- ?x0 <p:p> ?x1, ?x1 <p:p> ?x2"]),
        ("p:p a owl:SymmetricProperty .", ["?x1 <p:p> ?x0 :- ?x0 <p:p> ?x1"]),
        ("p:p owl:inverseOf p:q .",
         ["?x1 <p:p> ?x0 :- ?x0 <p:q> ?x1", "?x1 <p:q> ?x0 :- ?x0 <p:p> ?x1"]),
        ("p:p owl:propertyChainAxiom ( p:q p:r p:p ) .",
         ["?x0 <p:p> ?x3 :- ?x0 <p:q> ?x1, ?x1 <p:r> ?x2, ?x2 <p:p> ?x3"]),
        ("p:p rdfs:domain c:A .", []),
        ("p:p rdfs:domain c:A ; rdfs:range c:B ; aic:infersBy rdfs:domain .",
         ["?x0 a <c:A> :- ?x0 <p:p> ?x1"]),
        ("p:p rdfs:domain c:A ; rdfs:range c:B ; aic:infersBy rdfs:range .",
         ["?x1 a <c:B> :- ?x0 <p:p> ?x1"]),
        ("[ owl:onProperty p:p ; owl:someValuesFrom [ owl:unionOf ( c:A c:B ) ] ] "
         "rdfs:subClassOf [ owl:onProperty p:q ; owl:hasValue 01 ] .",
         [f'?x0 <p:q> "1"^^<{vocab.XSD}integer> :- ?x0 <p:p> ?x1, ?x1 a <c:A>',
          f'?x0 <p:q> "1"^^<{vocab.XSD}integer> :- ?x0 <p:p> ?x1, ?x1 a <c:B>']),
        ("[ owl:onProperty p:p ; owl:someValuesFrom [ owl:oneOf ( i:0 ) ] ] rdfs:subClassOf c:A .",
         ["?x0 a <c:A> :- ?x0 <p:p> <i:0>"]),
        ("[ owl:oneOf ( i:0 ) ] rdfs:subClassOf c:A .", ["<i:0> a <c:A> :- "]),
        ("c:A rdfs:subClassOf [ owl:onProperty p:p ; owl:allValuesFrom c:B ] .",
         ["?x1 a <c:B> :- ?x0 a <c:A>, ?x0 <p:p> ?x1"]),
        ("c:A rdfs:subClassOf c:A . p:p rdfs:subPropertyOf p:p .", []),
    ],
)  # fmt: skip
def test_axiom_becomes_these_rules(axiom: str, rules: list[str]) -> None:
    found = compiled(axiom)
    assert [str(rule).replace(TYPE, "a") for rule in found] == sorted(rules)
    assert found.unused == ()


OUTSIDE, EXCLUDES, EQUATES = "outside OWL 2 RL", "excludes", "entity resolution"


@pytest.mark.parametrize(
    ("axiom", "named", "reason"),
    [
        ("c:A rdfs:subClassOf [ owl:onProperty p:p ; owl:someValuesFrom c:B ] .",
         "c:A ⊑ (p:p some c:B)", "individuals that have no name"),
        ("c:A rdfs:subClassOf [ owl:onProperty p:p ; owl:minCardinality 1 ] .",
         "c:A ⊑ (p:p min", "individuals that have no name"),
        ("c:A rdfs:subClassOf [ owl:unionOf ( c:B c:C ) ] .", "c:A ⊑ (c:B or c:C)", OUTSIDE),
        ("[ owl:onProperty p:p ; owl:allValuesFrom c:B ] rdfs:subClassOf c:A .",
         "(p:p only c:B) ⊑ c:A", OUTSIDE),
        ("owl:Thing rdfs:subClassOf c:A .", "owl:Thing ⊑ c:A", OUTSIDE),
        ("[ owl:intersectionOf ( owl:Thing owl:Thing ) ] rdfs:subClassOf c:A .",
         "(owl:Thing and owl:Thing) ⊑ c:A", "hold of everything"),
        ("[ owl:onProperty p:p ; owl:someValuesFrom xsd:integer ] rdfs:subClassOf c:A .",
         "(p:p some xsd:integer) ⊑ c:A", "datatype"),
        ("c:A rdfs:subClassOf [ owl:onProperty p:p ; owl:maxCardinality 1 ] .",
         "c:A ⊑ (p:p max", EQUATES),
        ("c:A rdfs:subClassOf [ owl:onProperty p:p ; owl:maxCardinality 0 ] .",
         "c:A ⊑ (p:p max", EXCLUDES),
        ("c:A rdfs:subClassOf [ owl:onProperty p:p ; owl:maxCardinality 2 ] .",
         "c:A ⊑ (p:p max", OUTSIDE),
        ("c:A rdfs:subClassOf [ owl:onProperty p:p ; owl:hasSelf true ] .",
         "c:A ⊑ (p:p Self", OUTSIDE),
        ("c:A rdfs:subClassOf [ owl:complementOf c:B ] .", "c:A ⊑ not c:B", EXCLUDES),
        ("c:A rdfs:subClassOf owl:Nothing .", "c:A ⊑ owl:Nothing", EXCLUDES),
        ("c:A rdfs:subClassOf [ owl:onProperty p:p ; owl:hasValue _:b ] .",
         "c:A ⊑ (p:p value", "blank node"),
        ("p:p rdfs:range xsd:string ; aic:infersBy rdfs:range .",
         "range of p:p: xsd:string", "datatype"),
        ("c:A owl:disjointWith c:B .", "c:A is disjoint with c:B", EXCLUDES),
        ("[] a owl:AllDisjointClasses ; owl:members ( c:A c:B ) .",
         "disjoint classes: c:A, c:B", EXCLUDES),
        ("c:A owl:disjointUnionOf ( c:B c:C ) .", "c:A is a disjoint union", OUTSIDE),
        ("c:A owl:hasKey ( p:p ) .", "c:A has a key", EQUATES),
        ("p:p a owl:FunctionalProperty .", "p:p is functional", EQUATES),
        ("p:p a owl:InverseFunctionalProperty .", "p:p is inverse functional", EQUATES),
        ("p:p a owl:AsymmetricProperty .", "p:p is asymmetric", EXCLUDES),
        ("p:p a owl:ReflexiveProperty .", "p:p is reflexive", OUTSIDE),
        ("i:0 owl:sameAs i:1 .", "i:0 = i:1", EQUATES),
    ],
)  # fmt: skip
def test_axiom_that_derives_nothing_is_named_with_the_reason(
    axiom: str, named: str, reason: str
) -> None:
    found = compiled(axiom)
    assert len(found) == 0
    (unused,) = found.unused
    assert unused.axiom.startswith(named)
    assert reason in unused.reason


def test_superclasses_are_those_that_rules_give_all_instances_of_a_class() -> None:
    rules = compiled(
        "c:A rdfs:subClassOf c:B . c:B owl:equivalentClass c:C . c:C rdfs:subClassOf c:D . "
        "c:E owl:intersectionOf ( c:F c:G ) . p:p rdfs:domain c:H ; aic:infersBy rdfs:domain ."
    )
    a, b, c, d, e, f, g = (NamedNode(f"c:{name}") for name in "ABCDEFG")
    assert rules.superclasses == {
        a: {b, c, d},
        b: {b, c, d},
        c: {b, c, d},
        e: {f, g},
    }


def test_only_the_direction_outside_the_profile_is_left_out() -> None:
    found = compiled("c:A owl:equivalentClass [ owl:onProperty p:p ; owl:someValuesFrom c:B ] .")
    assert [rule.axioms for rule in found] == [("c:A ≡ (p:p some c:B)",)]
    assert [unused.axiom for unused in found.unused] == ["c:A ≡ (p:p some c:B)"]


@pytest.mark.parametrize(
    ("axiom", "message"),
    [
        ("p:p owl:propertyChainAxiom () .", "owl:propertyChainAxiom is an empty list"),
        ("p:p owl:propertyChainAxiom _:l . _:l rdf:first p:q ; rdf:rest _:l .", "not an RDF list"),
        ("p:p owl:propertyChainAxiom ( p:q [] ) .", "expected one owl:inverseOf, found 0"),
        ("p:p rdfs:subPropertyOf 1 .", "is no property"),
        ("[ owl:unionOf _:l ] rdfs:subClassOf c:A . _:l rdf:first c:B .", "not an RDF list"),
        ("[ owl:someValuesFrom c:B ] rdfs:subClassOf c:A .",
         "expected one owl:onProperty, found 0"),
        ("[ owl:onProperty p:p , p:q ; owl:hasValue i:0 ] rdfs:subClassOf c:A .",
         "expected one owl:onProperty, found 2"),
        ("_:a owl:intersectionOf ( _:a c:A ) ; rdfs:subClassOf c:A .", "contains itself"),
        ("p:p owl:inverseOf _:a . _:a owl:inverseOf _:a .", "contains itself"),
    ],
)  # fmt: skip
def test_malformed_axiom_is_refused_with_what_was_expected(axiom: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        compiled(axiom)


def test_digest_follows_the_rules_not_their_spelling() -> None:
    first = compiled("p:p a owl:SymmetricProperty . c:A rdfs:subClassOf c:B .")
    again = compiled("c:A rdfs:subClassOf c:B .", "p:p owl:inverseOf p:p .")
    assert first.digest == again.digest
    assert first.digest != compiled("c:B rdfs:subClassOf c:A .").digest


def test_names_of_blank_nodes_change_nothing() -> None:
    quads = read(
        ["[ owl:intersectionOf ( c:B [ owl:unionOf ( c:C c:D ) ] ) ] rdfs:subClassOf c:A ."]
    )
    renamed = []
    names: dict[BlankNode, BlankNode] = {}
    for quad in quads:
        ends = [
            names.setdefault(term, BlankNode(f"z{99 - len(names)}"))
            if isinstance(term, BlankNode)
            else term
            for term in (quad.subject, quad.object)
        ]
        renamed.append(Quad(ends[0], quad.predicate, ends[1]))  # type: ignore[arg-type]
    assert Rules.compile(renamed) == Rules.compile(quads)


def test_same_rule_of_two_axioms_is_run_once_and_names_both() -> None:
    (rule,) = compiled("p:p a owl:SymmetricProperty ; owl:inverseOf p:p .")
    assert rule.axioms == ("p:p is the inverse of p:p", "p:p is symmetric")


def test_shipped_ontology_uses_every_axiom_but_those_that_exclude() -> None:
    rules = Rules.compile(ontology.quads(shipped("ontology")))
    assert len(rules) > 150
    assert [str(unused) for unused in rules.unused if EXCLUDES not in unused.reason] == []
    heads = {rule.head.predicate for rule in rules}
    for name in (
        "within",
        "locatedWithin",
        "presentIn",
        "empowers",
        "investsIn",
        "suppliesCapitalTo",
    ):
        assert NamedNode(vocab.AIC + name) in heads, name
