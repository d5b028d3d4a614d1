"""What a request for changes is said to write, against what it does write."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import DefaultGraph, NamedNode, Quad, Store

from kg import sparql
from kg.errors import KnowledgeGraphError, QuerySyntaxError, ServiceRefused

BASE = "http://example.org/"


def written(text: str) -> tuple[set[str | None], bool]:
    operations = sparql.update(text, BASE)
    graphs = set().union(*(each.writes for each in operations))
    return graphs, any(each.anywhere for each in operations)


@pytest.mark.parametrize(
    ("text", "graphs", "anywhere"),
    [
        ("", set(), False),
        ("INSERT DATA { <s> <p> 1 }", {None}, False),
        ("INSERT DATA { GRAPH <g> { <s> <p> 1 ; <q> 2 . } }", {BASE + "g"}, False),
        ("PREFIX : <urn:> INSERT DATA { GRAPH :g { :s :p 1 } . :s :p 2 }", {None, "urn:g"}, False),
        ("DELETE WHERE { GRAPH ?g { ?s ?p ?o } }", set(), True),
        ("WITH <g> DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }", {BASE + "g"}, False),
        (
            "WITH <g> INSERT { GRAPH <h> { ?s ?p ?o } } USING <i> WHERE { ?s ?p ?o }",
            {BASE + "h"},
            False,
        ),
        ("INSERT { GRAPH ?g { ?s ?p 1 } } WHERE { GRAPH ?g { ?s ?p ?o } }", set(), True),
        ("COPY <a> TO <b>", {BASE + "b"}, False),
        ("MOVE SILENT DEFAULT TO GRAPH <b>", {None, BASE + "b"}, False),
        ("CLEAR ALL", {None}, True),
        ("DROP GRAPH <a> ; PREFIX : <urn:> CREATE GRAPH :b", {BASE + "a", "urn:b"}, False),
        ("BASE <http://a/> INSERT DATA { GRAPH <g> { <s> <p> 1 } }", {"http://a/g"}, False),
        ("INSERT DATA { <s> <p> <o> {| <q> 1 |} }", {None}, False),
        ("INSERT DATA { GRAPH <g> { <s> <p> <o> {| <q> 1 |} } }", {BASE + "g"}, False),
    ],
)
def test_graphs_that_a_request_writes_to(
    text: str, graphs: set[str | None], anywhere: bool
) -> None:
    assert written(text) == (graphs, anywhere)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CLEAR XYZ", "line 1, column"),
        ("INSERT DATA { <s> <p> 1 } ;\nDELETE { ?s } WHERE {}", "line 2, column"),
        ("PREFIX : <urn:> WITH:g DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }", "'WITH:g'"),
        ("INSERTDATA { <s> <p> 1 }", "'INSERTDATA'"),
        ("INSERT DATA { _:a <p> 1 } ; INSERT DATA { _:a <p> 2 }", "column 43: _:a"),
        ("SELECT * {}", "line 1, column 7"),
        ("CLEAR ALL ; SELECT * {}", "line 1, column 19"),
    ],
)
def test_bad_request_is_refused_by_line_and_column(text: str, message: str) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        sparql.update(text, BASE)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "LOAD <http://127.0.0.1/>",
        "LOAD SILENT <file:///etc/passwd> INTO GRAPH <g>",
        "CLEAR ALL ; load <g>",
        "INSERT { ?s ?p ?o } WHERE { SERVICE <http://127.0.0.1/> { ?s ?p ?o } }",
        "PREFIX SERVICEex: <urn:> PREFIX ex: <urn:> DELETE { ?s ?p 1 } WHERE { SERVICEex:x { } }",
    ],
)
def test_update_reaches_nothing(text: str) -> None:
    with pytest.raises(ServiceRefused, match="line 1, column"):
        sparql.update(text, BASE)


def test_dataset_beside_a_dataset_in_the_text_is_refused() -> None:
    for clause in ("WITH <g> DELETE { ?s ?p ?o }", "DELETE { ?s ?p ?o } USING <g>"):
        with pytest.raises(QuerySyntaxError, match="cannot stand beside using-graph-uri"):
            sparql.update(f"{clause} WHERE {{ ?s ?p ?o }}", BASE, using=["urn:g"])


def test_patch_of_a_graph_names_no_other() -> None:
    (insert,) = sparql.update("INSERT DATA { <s> <p> 1 }", BASE, graph="urn:g")
    (modify,) = sparql.update("DELETE WHERE { ?s <p> 1 }", BASE, graph="urn:g")
    store = Store()
    store.update(insert.text, base_iri=BASE)
    assert {quad.graph_name for quad in store} == {NamedNode("urn:g")}
    store.update(modify.text, base_iri=BASE)
    assert len(store) == 0
    for text in ("CLEAR ALL", "INSERT DATA { GRAPH <h> { <s> <p> 1 } }", "DROP GRAPH <urn:g>"):
        with pytest.raises(QuerySyntaxError, match="patch of"):
            sparql.update(text, BASE, graph="urn:g")


# Whatever an update does, it was said before: the check that tokens rely on.

NAMES = st.sampled_from(["<g>", ":g", "<h>", "e:h"])
TRIPLES = st.sampled_from(["<s> <p> 1", "?s ?p ?o", "?s <p> 'GRAPH <x> {'", ""])
QUADS = st.one_of(
    st.builds("GRAPH {} {{ {} }}".format, NAMES, TRIPLES),
    TRIPLES,
    st.builds("GRAPH {} {{ {} }} {}".format, NAMES, TRIPLES, TRIPLES),
)
WHERE = st.sampled_from(["?s ?p ?o", "GRAPH ?any { ?s ?p ?o }", "GRAPH <g> { ?s ?p ?o }"])
OPERATIONS = st.one_of(
    st.builds("INSERT DATA {{ {} }}".format, QUADS),
    st.builds("DELETE DATA {{ {} }}".format, QUADS),
    st.builds("DELETE WHERE {{ {} }}".format, QUADS),
    st.builds("WITH {} DELETE {{ {} }} WHERE {{ {} }}".format, NAMES, QUADS, WHERE),
    st.builds("DELETE {{ {} }} INSERT {{ {} }} WHERE {{ {} }}".format, QUADS, QUADS, WHERE),
    st.builds("INSERT {{ {} }} USING {} WHERE {{ {} }}".format, QUADS, NAMES, WHERE),
    st.builds("{} SILENT {} TO {}".format, st.sampled_from(["ADD", "MOVE", "COPY"]), NAMES, NAMES),
    st.builds("{} SILENT GRAPH {}".format, st.sampled_from(["CLEAR", "DROP", "CREATE"]), NAMES),
)


@given(st.lists(OPERATIONS, min_size=1, max_size=3))
def test_update_changes_only_the_graphs_it_was_said_to(operations: list[str]) -> None:
    text = "PREFIX : <http://example.org/> PREFIX e: <http://example.org/> " + ";".join(operations)
    try:
        graphs, anywhere = written(text)
    except KnowledgeGraphError:
        return
    store = Store()
    for number, graph in enumerate((DefaultGraph(), *(NamedNode(BASE + n) for n in "ghi"))):
        for subject in ("s", f"t{number}"):
            store.add(Quad(NamedNode(BASE + subject), NamedNode(BASE + "p"), NamedNode(BASE + "o"),
                           graph))  # fmt: skip
    before = set(store)
    for operation in sparql.update(text, BASE):
        with contextlib.suppress(RuntimeError):
            store.update(operation.text, base_iri=BASE)
    changed = {
        None if isinstance(quad.graph_name, DefaultGraph) else quad.graph_name.value
        for quad in before ^ set(store)
    }
    assert anywhere or changed <= graphs
