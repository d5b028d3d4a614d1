"""Why a triple holds: each step an instance of a rule, the leaves asserted, nothing shallower."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import Triple
from worlds import GRAPHS, by_sparql, compiled, default, facts, ontologies, stored, triples

from kg.errors import InputError
from kg.infer import Derivation, Rules, explain, materialise

data = st.sets(facts, min_size=1, max_size=10)


def depth(derivation: Derivation) -> int:
    if derivation.graphs:
        return 0
    return 1 + max(map(depth, derivation.premises), default=0)


def rounds(rules: Rules, asserted: set[Triple]) -> dict[Triple, int]:
    """The least depth of each triple: the round of a naive evaluation that first gives it."""
    store = stored({GRAPHS[0]: asserted})
    found = dict.fromkeys(asserted, 0)
    number = 0
    while number in found.values():
        number += 1
        made = {
            Triple(each.subject, each.predicate, each.object)  # type: ignore[union-attr]
            for rule in rules
            for each in store.query(rule.sparql())  # type: ignore[union-attr]
        } - found.keys()
        found |= dict.fromkeys(made, number)
        store = stored({GRAPHS[0]: set(found)})
    return found


@given(ontologies, data)
@settings(max_examples=100, deadline=None)
def test_every_derivation_is_sound_and_the_shallowest(
    axioms: list[str], asserted: set[Triple]
) -> None:
    rules = compiled(*axioms)
    store = stored({GRAPHS[0]: asserted})
    materialise(store, rules)
    least = rounds(rules, asserted)
    for triple in default(store):
        found = explain(store, rules, triple)
        assert found.triple == triple
        for _, step in found:
            if step.graphs:
                assert step.triple in asserted
                assert step.graphs == (GRAPHS[0],)
                assert step.premises == ()
            else:
                # What the step names as its premises, alone, gives the step's triple.
                premises = {premise.triple for premise in step.premises}
                assert any(
                    rule.axioms == step.axioms and gives(rule, premises, step) for rule in rules
                )
        assert depth(found) == least[triple]


def gives(rule: object, premises: set[Triple], step: Derivation) -> bool:
    return step.triple in by_sparql(Rules((rule,)), premises)  # type: ignore[arg-type]


CONTAINED = (
    "p:within a owl:TransitiveProperty . p:directly rdfs:subPropertyOf p:within .",
    "p:located owl:propertyChainAxiom ( p:in p:within ) .",
)
CITY = "i:firm p:in i:district . i:district p:directly i:city . i:city p:directly i:province ."


def test_derivation_reads_from_the_conclusion_down_to_what_is_stated() -> None:
    rules = compiled(*CONTAINED)
    store = stored({GRAPHS[0]: triples(CITY)})
    materialise(store, rules)
    (goal,) = triples("i:firm p:located i:province .")
    found = [
        (depth, step.triple.predicate.value, step.axioms)
        for depth, step in explain(store, rules, goal)
    ]
    within = "p:directly ⊑ p:within"
    assert found == [
        (0, "p:located", ("p:in ∘ p:within ⊑ p:located",)),
        (1, "p:in", ()),
        (1, "p:within", ("p:within is transitive",)),
        (2, "p:within", (within,)),
        (3, "p:directly", ()),
        (2, "p:within", (within,)),
        (3, "p:directly", ()),
    ]
    assert set(explain(store, rules, goal).asserted) == triples(CITY)


def test_asserted_triple_is_its_own_reason_even_if_it_also_follows() -> None:
    rules = compiled("c:A rdfs:subClassOf c:B .")
    store = stored({GRAPHS[0]: triples("i:0 a c:A ."), GRAPHS[1]: triples("i:0 a c:B .")})
    materialise(store, rules)
    (goal,) = triples("i:0 a c:B .")
    assert explain(store, rules, goal).graphs == (GRAPHS[1],)


def test_triple_that_does_not_hold_is_said_to_be_neither() -> None:
    (goal,) = triples("i:0 a c:A .")
    with pytest.raises(InputError, match="i:0 rdf:type c:A is neither stated nor inferred"):
        explain(stored({GRAPHS[0]: set()}), compiled(), goal)


def test_inference_that_the_rules_no_longer_give_is_said_so() -> None:
    store = stored({GRAPHS[0]: triples("i:0 p:p i:1 .")})
    materialise(store, compiled("p:p a owl:SymmetricProperty . p:q owl:inverseOf p:p ."))
    (goal,) = triples("i:1 p:p i:0 .")
    with pytest.raises(InputError, match="does not follow by the ontology's rules"):
        explain(store, compiled("p:p owl:inverseOf p:q . p:q owl:inverseOf p:p .",
                                "p:q a owl:TransitiveProperty ."), goal)  # fmt: skip
