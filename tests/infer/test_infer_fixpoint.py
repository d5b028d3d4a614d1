"""Whole runs: equal to owlrl and to the rules as SPARQL, in both directions; what they write."""

from __future__ import annotations

from pathlib import Path

import owlrl
import rdflib
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyoxigraph import DefaultGraph, RdfFormat, Store, Triple, parse
from worlds import (
    CLASSES,
    GRAPHS,
    INFERRED,
    PREFIXES,
    PROPERTIES,
    by_sparql,
    compiled,
    default,
    facts,
    inferred,
    ontologies,
    stored,
    triples,
)

from kg import vocab
from kg.infer import infer, materialise

data = st.sets(facts, min_size=1, max_size=12)


def closure(axioms: list[str], facts: set[Triple]) -> set[Triple]:
    """What owlrl makes of them, about named individuals, classes and properties."""
    graph = rdflib.Graph()
    graph.parse(data=PREFIXES + "\n".join(axioms), format="turtle")
    text = "".join(f"{triple} .\n" for triple in facts)
    graph.parse(data=text, format="nt")
    owlrl.DeductiveClosure(owlrl.OWLRL_Semantics).expand(graph)
    kept = "".join(
        f"{s.n3()} {p.n3()} {o.n3()} .\n"
        for s, p, o in graph
        if str(s).startswith("i:")
        and (str(p) in PROPERTIES or (p == rdflib.RDF.type and str(o) in CLASSES))
    )
    return {quad.triple for quad in parse(kept, format=RdfFormat.N_TRIPLES)}


@given(ontologies, data)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_inferences_are_those_of_owlrl(axioms: list[str], facts: set[Triple]) -> None:
    store = stored({GRAPHS[0]: facts})
    materialise(store, compiled(*axioms))
    assert default(store) == closure(axioms, facts)


@given(ontologies, data)
@settings(max_examples=200, deadline=None)
def test_columns_and_sparql_reach_the_same_fixpoint(axioms: list[str], facts: set[Triple]) -> None:
    rules = compiled(*axioms)
    store = stored({GRAPHS[0]: facts})
    materialise(store, rules)
    assert default(store) == by_sparql(rules, facts) | {
        triple for rule in rules if not rule.body if (triple := rule.head.triple({}))
    }


@given(ontologies, data)
@settings(max_examples=80, deadline=None)
def test_store_and_its_lines_infer_the_same(axioms: list[str], facts: set[Triple]) -> None:
    rules = compiled(*axioms)
    lines = [f"{triple} .\n".encode() for triple in facts]
    whole = b"".join(infer(stored({GRAPHS[0]: facts}), rules).lines(DefaultGraph()))
    # However the lines are cut into texts, and where a text is empty.
    for texts in ([b"".join(lines), b""], lines):
        assert b"".join(infer(texts, rules).lines(DefaultGraph())) == whole


@given(ontologies, data)
@settings(max_examples=80, deadline=None)
def test_inferred_lines_of_a_graph_are_sorted(axioms: list[str], facts: set[Triple]) -> None:
    found = infer(stored({GRAPHS[0]: facts}), compiled(*axioms))
    lines = b"".join(found.lines(INFERRED)).split(b"\n")[:-1]
    assert lines == sorted(set(lines))
    assert len(lines) == len(found)


def test_inferred_literals_and_blank_nodes_are_sorted_as_their_lines_are() -> None:
    values = ["a", "a b", "a!", "a\u4e2d", r"a\n", "A", ""]
    kinds = ["", "@en", "@en-GB", "^^<x:y>"]
    nodes = ["_:a", "_:ab", "_:b", "<i:a>", "<i:a!>", "<i:ab>"]
    terms = [*nodes, *(f'"{value}"{kind}' for value in values for kind in kinds)]
    text = "".join(f"{node} <p:p> {term} .\n" for node in nodes for term in terms).encode()
    found = infer([text], compiled("p:p rdfs:subPropertyOf p:q ."))
    lines = b"".join(found.lines(DefaultGraph())).split(b"\n")[:-1]
    assert lines == sorted(text.replace(b"<p:p>", b"<p:q>").split(b"\n")[:-1])


def run(axioms: str, facts: str) -> set[Triple]:
    """What is inferred from facts."""
    store = stored({GRAPHS[0]: triples(facts)})
    materialise(store, compiled(axioms))
    return inferred(store)


def test_cycle_of_subclasses_makes_all_of_them_equal() -> None:
    axioms = "c:A rdfs:subClassOf c:B . c:B rdfs:subClassOf c:C . c:C rdfs:subClassOf c:A ."
    assert run(axioms, "i:0 a c:B .") == triples("i:0 a c:A , c:C .")


def test_cycle_of_subproperties_ends() -> None:
    axioms = "p:p rdfs:subPropertyOf p:q . p:q rdfs:subPropertyOf p:p ."
    assert run(axioms, "i:0 p:q i:1 .") == triples("i:0 p:p i:1 .")


def test_transitive_property_over_a_ring_relates_all_to_all() -> None:
    ring = " ".join(f"i:{n} p:p i:{(n + 1) % 5} ." for n in range(5))
    everything = triples(" ".join(f"i:{a} p:p i:{b} ." for a in range(5) for b in range(5)))
    assert run("p:p a owl:TransitiveProperty .", ring) == everything - triples(ring)


def test_chain_that_uses_the_property_it_defines_ends() -> None:
    axioms = "p:p owl:propertyChainAxiom ( p:p p:p p:q ) , ( p:q p:p ) , ( p:p ) ."
    ring = "i:0 p:p i:1 . i:1 p:p i:0 . i:0 p:q i:0 . i:1 p:q i:0 ."
    assert run(axioms, ring) == triples("i:0 p:p i:0 . i:1 p:p i:1 .")


def test_chain_may_step_over_an_inverse_without_a_name() -> None:
    axioms = "p:r owl:propertyChainAxiom ( [ owl:inverseOf p:p ] p:q p:p ) ."
    found = run(axioms, "i:0 p:p i:1 . i:0 p:q i:2 . i:2 p:p i:3 .")
    assert found == triples("i:1 p:r i:3 .")


def test_literal_is_carried_as_an_object_and_never_becomes_a_subject() -> None:
    axioms = """p:p rdfs:subPropertyOf p:q ; owl:inverseOf p:r ; rdfs:range c:A ;
        aic:infersBy rdfs:range .
        [ owl:onProperty p:q ; owl:hasValue 1.50 ] rdfs:subClassOf c:B ."""
    facts = 'i:0 p:p 1.5 , "a \\"b\\" \\n\\t <c> ."@en-GB , true , "x y" . i:1 p:p i:2 .'
    assert run(axioms, facts) == triples(
        facts.replace("p:p", "p:q") + "i:0 a c:B . i:2 a c:A ; p:r i:1 ."
    )


def test_blank_nodes_keep_their_names() -> None:
    store = stored({GRAPHS[0]: triples("_:a p:p [ p:p i:1 ] . i:0 p:p _:a .")})
    materialise(store, compiled("p:p a owl:TransitiveProperty ; owl:inverseOf p:q ."))
    known = {quad.object for quad in store.quads_for_pattern(None, None, None, None)} | {
        quad.subject for quad in store.quads_for_pattern(None, None, None, None)
    }
    assert len(known) == 4
    assert len(inferred(store)) == 3 + 6


def test_rule_over_all_types_at_once_is_run() -> None:
    axioms = "p:p rdfs:subPropertyOf rdf:type . c:A rdfs:subClassOf c:B ."
    assert run(axioms, "i:0 p:p c:A .") == triples("i:0 a c:A , c:B .")


def test_deep_hierarchy_is_followed_to_its_top() -> None:
    depth = 300
    axioms = " ".join(f"c:{n} rdfs:subClassOf c:{n + 1} ." for n in range(depth))
    assert len(run(axioms, "i:0 a c:0 .")) == depth


def test_side_graphs_and_axioms_in_data_infer_nothing() -> None:
    shapes = vocab.graph("shapes")
    store = stored({GRAPHS[0]: triples("c:A rdfs:subClassOf c:B . i:0 a c:A ."),
                    shapes: triples("i:1 a c:C .")})  # fmt: skip
    assert materialise(store, compiled("c:C rdfs:subClassOf c:D .")) == 0


def test_asserted_triple_is_never_among_the_inferred() -> None:
    asserted = {GRAPHS[0]: triples("i:0 a c:A ."), GRAPHS[1]: triples("i:0 a c:B , c:A .")}
    store = stored(asserted)
    assert materialise(store, compiled("c:A rdfs:subClassOf c:B . c:B rdfs:subClassOf c:C .")) == 1
    assert inferred(store) == triples("i:0 a c:C .")


def test_second_run_forgets_what_the_first_inferred() -> None:
    store = stored({GRAPHS[0]: triples("i:0 a c:A .")})
    materialise(store, compiled("c:A rdfs:subClassOf c:B ."))
    assert materialise(store, compiled("c:A rdfs:subClassOf c:C .")) == 1
    assert default(store) == triples("i:0 a c:A , c:C .")
    assert inferred(store) == triples("i:0 a c:C .")


def test_store_on_disk_is_materialised_like_one_in_memory(tmp_path: Path) -> None:
    rules = compiled(
        "p:p a owl:TransitiveProperty . p:p rdfs:domain c:A ; aic:infersBy rdfs:domain ."
    )
    asserted = {GRAPHS[0]: triples("i:0 p:p i:1 . i:1 p:p i:2 . _:a p:p i:0 .")}
    found = []
    for store in (stored(asserted), stored(asserted, lambda: Store(str(tmp_path)))):
        materialise(store, rules)
        found.append({str(quad) for quad in store})
    assert found[0] == found[1]


def test_lines_are_the_dump_of_what_is_inferred() -> None:
    rules = compiled(
        "p:p rdfs:subPropertyOf p:q . p:q rdfs:domain c:A ; aic:infersBy rdfs:domain ."
    )
    store = stored(
        {GRAPHS[0]: triples('i:0 p:p i:1 , "\\u0008 \\u007F 中"@zh , 1e3 . _:a p:p _:b .')}
    )
    found = infer(store, rules)
    lines = b"".join(found.lines(DefaultGraph(), INFERRED)).splitlines()
    assert len(lines) == 2 * len(found) == 12
    materialise(store, rules)
    dumped = set(store.dump(format=RdfFormat.N_QUADS).splitlines())  # type: ignore[union-attr]
    assert {line for line in dumped if b"<p:p>" not in line} == set(lines)


def test_nothing_to_infer_is_no_lines() -> None:
    store = stored({GRAPHS[0]: triples("i:0 p:p i:1 .")})
    found = infer(store, compiled("c:A rdfs:subClassOf c:B ."))
    assert (len(found), list(found.lines(INFERRED))) == (0, [])
    assert materialise(store, compiled("p:p rdfs:domain c:A .")) == 0
