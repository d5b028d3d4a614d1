"""The endpoint as the field's usual clients meet it."""

from __future__ import annotations

import os
import shutil
import subprocess
import warnings
from collections.abc import Iterator

import pandas
import pytest
import rdflib
from rdflib.namespace import FOAF, RDF
from rdflib.plugins.stores.sparqlstore import SPARQLStore, SPARQLUpdateStore
from serving import publish, scratch, serving
from SPARQLWrapper import CSV, JSON, JSONLD, N3, POST, RDFXML, TSV, TURTLE, XML, SPARQLWrapper

from kg.release import Home

ALICE = rdflib.URIRef("http://example.org/alice")
PEOPLE = rdflib.URIRef("http://example.org/people")
CLUSTER = "https://w3id.org/aicluster/ontology#"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = Home(tmp_path_factory.mktemp("kg"))
    publish(home)
    with serving(home) as server:
        yield server.url


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with scratch(tmp_path_factory.mktemp("scratch")) as server:
        yield server.url


@pytest.mark.parametrize("method", ["GET", POST])
@pytest.mark.parametrize("format", [JSON, XML, CSV, TSV])
def test_sparqlwrapper_reads_solutions(url: str, method: str, format: str) -> None:
    client = SPARQLWrapper(f"{url}/sparql", returnFormat=format)
    client.setMethod(method)
    client.setQuery(f"SELECT ?t {{ ?t a <{CLUSTER}Technology> }} ORDER BY ?t")
    found = client.queryAndConvert()
    if format == JSON:
        assert len(found["results"]["bindings"]) == 2
    elif format == XML:
        assert len(found.getElementsByTagName("result")) == 2
    else:
        assert len(found.decode().splitlines()) == 3


@pytest.mark.parametrize("format", [TURTLE, N3, RDFXML, XML, JSONLD])
def test_sparqlwrapper_reads_graphs(url: str, format: str) -> None:
    client = SPARQLWrapper(f"{url}/sparql", returnFormat=format)
    client.setQuery(f"CONSTRUCT WHERE {{ ?t a <{CLUSTER}Technology> }}")
    with warnings.catch_warnings():  # it asks rdflib for a class that is no longer the newest
        warnings.simplefilter("ignore", DeprecationWarning)
        found = client.queryAndConvert()
    graph = found if isinstance(found, rdflib.Graph) else rdflib.Graph().parse(data=found)
    assert len(graph) == 2


def test_sparqlwrapper_asks_the_graphs_it_names(url: str) -> None:
    client = SPARQLWrapper(
        f"{url}/sparql", returnFormat=JSON,
        defaultGraph="https://w3id.org/aicluster/graph/source/hostile",
    )  # fmt: skip
    client.setQuery("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }")
    assert client.queryAndConvert()["results"]["bindings"][0]["n"]["value"] == "4"


def test_sparqlwrapper_updates(empty: str) -> None:
    client = SPARQLWrapper(f"{empty}/sparql")
    client.setMethod(POST)
    client.setQuery(f"INSERT DATA {{ GRAPH <{PEOPLE}1> {{ <{ALICE}> a <{FOAF.Person}> }} }}")
    client.query()
    graph = rdflib.Graph().parse(f"{empty}/graphs?graph={PEOPLE}1")
    assert set(graph) == {(ALICE, RDF.type, FOAF.Person)}


def test_rdflib_store_reads(url: str) -> None:
    graph = rdflib.Graph(SPARQLStore(f"{url}/sparql"))
    technology = rdflib.URIRef(f"{CLUSTER}Technology")
    found = set(graph.subjects(RDF.type, technology))
    assert len(found) == 2
    rows = graph.query("SELECT ?t { ?t a ?c } ORDER BY ?t", initBindings={"c": technology})
    assert [row[0] for row in rows] == sorted(found)
    assert (next(iter(found)), RDF.type, technology) in graph


def test_rdflib_store_writes(empty: str) -> None:
    store = SPARQLUpdateStore(f"{empty}/sparql", f"{empty}/sparql")
    graph = rdflib.Dataset(store).graph(PEOPLE)
    graph.add((ALICE, FOAF.name, rdflib.Literal("爱丽丝", lang="zh")))
    graph.add((ALICE, RDF.type, FOAF.Person))
    assert len(graph) == 2
    graph.remove((ALICE, RDF.type, FOAF.Person))
    assert set(graph) == {(ALICE, FOAF.name, rdflib.Literal("爱丽丝", lang="zh"))}


def test_pandas_reads_a_url_that_ends_in_csv(url: str) -> None:
    path = "/queries/empowerment/fields-of-platform.csv?platform=organization/baidu"
    table = pandas.read_csv(url + path)
    assert {"field", "technology", "evidence"} <= set(table.columns)
    assert table["evidence"].dtype == "int64"
    assert "智能网联汽车" in set(table["fieldZh"])


@pytest.mark.skipif(
    shutil.which("curl") is None and os.environ.get("CI") != "true", reason="curl is not installed"
)
def test_curl_puts_a_file_and_reads_it_back(empty: str) -> None:
    def curl(*arguments: str, stdin: str = "") -> str:
        command = ["curl", "-sS", "--fail", "--compressed", *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=True)
        return done.stdout

    target = f"{empty}/graphs?graph=http://example.org/c"
    turtle = "@prefix : <http://example.org/> . :a :b :c , 'é' ."
    curl("-T", "-", "-H", "Content-Type: text/turtle", target, stdin=turtle)
    assert len(rdflib.Graph().parse(data=curl(target), format="turtle")) == 2
    counted = curl(
        f"{empty}/sparql", "-H", "Accept: text/csv", "--data-urlencode",
        "query=SELECT (COUNT(*) AS ?n) { GRAPH <http://example.org/c> { ?s ?p ?o } }",
    )  # fmt: skip
    assert counted.split() == ["n", "2"]
