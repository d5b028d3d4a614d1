"""Small random ontologies within OWL 2 RL, and data for them, for the property tests."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st
from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat, Store, Triple, parse

from kg import vocab
from kg.infer import Rules

CLASSES = tuple(f"c:{letter}" for letter in "ABCD")
PROPERTIES = tuple(f"p:{letter}" for letter in "pqr")
INDIVIDUALS = tuple(f"i:{number}" for number in range(4))
GRAPHS = (vocab.graph("source/one"), vocab.graph("source/two"))
INFERRED = NamedNode(vocab.graph("inferred"))

PREFIXES = f"""@prefix c: <c:> . @prefix p: <p:> . @prefix i: <i:> .
@prefix rdf: <{vocab.RDF}> . @prefix rdfs: <{vocab.RDFS}> . @prefix owl: <{vocab.OWL}> .
@prefix aic: <{vocab.AIC}> . @prefix xsd: <{vocab.XSD}> .
"""

classes = st.sampled_from(CLASSES)
properties = st.sampled_from(PROPERTIES)
individuals = st.sampled_from(INDIVIDUALS)


def restriction(kind: str, value: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    text = "[ a owl:Restriction ; owl:onProperty {} ; owl:{} {} ]"
    return st.builds(text.format, properties, st.just(kind), value)


def listed(kind: str, parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    members = st.lists(parts, min_size=2, max_size=3, unique=True).map(" ".join)
    return members.map(lambda text: f"[ a owl:Class ; owl:{kind} ( {text} ) ]")


def lower_of(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        restriction("someValuesFrom", st.one_of(parts, st.just("owl:Thing"))),
        listed("intersectionOf", parts),
        listed("unionOf", parts),
    )


def upper_of(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(restriction("allValuesFrom", parts), listed("intersectionOf", parts))


values = restriction("hasValue", individuals)
lower = st.recursive(st.one_of(classes, values), lower_of, max_leaves=3)
upper = st.recursive(st.one_of(classes, values), upper_of, max_leaves=3)
either = st.one_of(classes, values, listed("intersectionOf", classes))
chain = st.lists(properties, min_size=2, max_size=3).map(" ".join)


def axiom(text: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(text.format, *parts)


axioms = st.one_of(
    axiom("{} rdfs:subClassOf {} .", classes, classes),
    axiom("{} rdfs:subClassOf {} .", lower, classes),
    axiom("{} rdfs:subClassOf {} .", classes, upper),
    axiom("{} owl:equivalentClass {} .", classes, either),
    axiom("[ owl:oneOf ( {} {} ) ] rdfs:subClassOf {} .", individuals, individuals, classes),
    axiom("{} rdfs:subPropertyOf {} .", properties, properties),
    axiom("{} owl:equivalentProperty {} .", properties, properties),
    axiom("{} owl:inverseOf {} .", properties, properties),
    axiom("{} a owl:SymmetricProperty .", properties),
    axiom("{} a owl:TransitiveProperty .", properties),
    axiom("{} owl:propertyChainAxiom ( {} ) .", properties, chain),
    axiom("{} rdfs:domain {} ; aic:infersBy rdfs:domain .", properties, classes),
    axiom("{} rdfs:range {} ; aic:infersBy rdfs:range .", properties, classes),
)
# A world is small, so that what one axiom gives often stands there already, or gives more.
# Domains are read only where they are asked for: a second one, not asked for, would be too.
ontologies = st.lists(axioms, min_size=1, max_size=6)

facts = st.one_of(
    st.builds(
        lambda s, p, o: Triple(NamedNode(s), NamedNode(p), NamedNode(o)),
        individuals, properties, individuals,
    ),
    st.builds(
        lambda s, o: Triple(NamedNode(s), NamedNode(vocab.RDF + "type"), NamedNode(o)),
        individuals, classes,
    ),
)  # fmt: skip


def read(axioms: list[str]) -> list[Quad]:
    return list(parse(PREFIXES + "\n".join(axioms), format=RdfFormat.TURTLE))


def compiled(*axioms: str) -> Rules:
    return Rules.compile(read(list(axioms)))


def triples(text: str) -> set[Triple]:
    """The triples of a Turtle text, with the prefixes of this module."""
    return {quad.triple for quad in parse(PREFIXES + text, format=RdfFormat.TURTLE)}


def stored(asserted: dict[str, set[Triple]], make: Callable[[], Store] = Store) -> Store:
    """A store of named graphs and their merge."""
    store = make()
    for graph, those in asserted.items():
        for triple in those:
            store.add(Quad(triple.subject, triple.predicate, triple.object, NamedNode(graph)))
            if graph not in vocab.SIDE_GRAPHS:
                store.add(Quad(triple.subject, triple.predicate, triple.object, DefaultGraph()))
    return store


def default(store: Store) -> set[Triple]:
    return {quad.triple for quad in store.quads_for_pattern(None, None, None, DefaultGraph())}


def inferred(store: Store) -> set[Triple]:
    return {quad.triple for quad in store.quads_for_pattern(None, None, None, INFERRED)}


def by_sparql(rules: Rules, facts: set[Triple]) -> set[Triple]:
    """The fixpoint reached naively, each rule as the SPARQL query it stands for."""
    store = stored({GRAPHS[0]: facts})
    size = -1
    while size != len(store):
        size = len(store)
        for rule in rules:
            for triple in list(store.query(rule.sparql())):  # type: ignore[arg-type]
                store.add(Quad(triple.subject, triple.predicate, triple.object))  # type: ignore[union-attr]
    return default(store)
