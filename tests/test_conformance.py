"""The W3C's suites for SPARQL 1.1's protocols, against a live server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import rdflib
from rdflib.collection import Collection
from rdflib.compare import isomorphic
from rdflib.namespace import RDF, RDFS
from serving import scratch

SUITE = Path(__file__).parents[2] / "shared" / "conformance" / "sparql11"
CNT = rdflib.Namespace("http://www.w3.org/2011/content#")
HT = rdflib.Namespace("http://www.w3.org/2011/http#")
HTS = rdflib.Namespace("http://www.w3.org/2011/http-statusCodes#")
MF = rdflib.Namespace("http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#")
SD = rdflib.Namespace("http://www.w3.org/ns/sparql-service-description#")
UT = rdflib.Namespace("http://www.w3.org/2009/sparql/tests/test-update#")

pytestmark = pytest.mark.skipif(
    not SUITE.is_dir() and os.environ.get("CI") != "true",
    reason=f"the W3C's suites are not at hand: expected {SUITE.name} beside the checkout",
)

#: Where the suites believe to be, and where they are: the manifests leave this to the runner.
PATHS = {"/sparql/": "/sparql", "/gsp": "/graphs"}

GROUPS = {
    "OK": {200},
    "Created": {201},
    "NoContent": {204},
    "NotFound": {404},
    "StatusCode2xx": set(range(200, 300)),
    "StatusCode3xx": set(range(300, 400)),
    "StatusCode4xx": set(range(400, 500)),
}


def manifest(*parts: str) -> rdflib.Graph:
    return rdflib.Graph().parse(SUITE.joinpath(*parts))


def entries(*parts: str) -> list[Any]:
    """The entries of a manifest, each with its graph."""
    if not SUITE.is_dir():
        return []
    graph = manifest(*parts)
    (found,) = graph.objects(None, MF.entries)
    return [
        pytest.param(graph, entry, id=str(entry).rpartition("#")[2])
        for entry in Collection(graph, found)
    ]


PROTOCOL = entries("protocol", "manifest.ttl")
STORE = [
    *entries("graph-store-protocol", "manifest-direct.ttl"),
    *entries("graph-store-protocol", "manifest-indirect.ttl"),
]
DESCRIPTION = entries("service-description", "manifest.ttl")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with scratch(tmp_path_factory.mktemp("scratch")) as server:
        yield server.url
        assert server.stop() == 0
        assert server.log.read_text() == ""


@pytest.fixture
def client(server: str) -> Iterator[httpx.Client]:
    """A client of an empty dataset."""
    with httpx.Client(base_url=server, timeout=30) as client:
        assert client.post("/sparql", data={"update": "DROP ALL"}).status_code == 204
        yield client


def test_suites_are_whole() -> None:
    assert (len(PROTOCOL), len(STORE), len(DESCRIPTION)) == (34, 13, 3)


@pytest.mark.parametrize(("graph", "entry"), [*PROTOCOL, *STORE])
def test_protocol(client: httpx.Client, graph: rdflib.Graph, entry: rdflib.URIRef) -> None:
    for data in graph.objects(entry, UT.graphData):
        source, name = graph.value(data, UT.graph), graph.value(data, RDFS.label)
        content = (SUITE / "protocol" / str(source).rpartition("/")[2]).read_bytes()
        headers = {"Content-Type": "application/n-triples"}
        put = client.put("/graphs", params={"graph": str(name)}, content=content, headers=headers)
        assert put.status_code == 201
    location = ""
    (requests,) = graph.objects(graph.value(entry, MF.action), HT.requests)
    steps = [*Collection(graph, requests)]
    assert steps
    for step in steps:
        response = sent(client, graph, step, location)
        location = response.headers.get("location", location)
        answered(graph, graph.value(step, HT.resp), response)


def headers_of(graph: rdflib.Graph, node: Any) -> dict[str, str]:
    found = graph.value(node, HT.headers)
    return {
        str(graph.value(each, HT.fieldName)): str(graph.value(each, HT.fieldValue))
        for each in (Collection(graph, found) if found else ())
    }


def sent(client: httpx.Client, graph: rdflib.Graph, step: Any, location: str) -> httpx.Response:
    path = str(graph.value(step, HT.absolutePath)).replace("$LOCATION$", quote(location, safe=""))
    for theirs, ours in PATHS.items():
        if path.startswith(theirs):
            path = ours + path.removeprefix(theirs)
    body = graph.value(step, HT.body)
    content = None
    if body is not None:
        encoding = str(graph.value(body, CNT.characterEncoding))
        content = str(graph.value(body, CNT.chars)).encode(encoding)
    method = str(graph.value(step, HT.methodName))
    return client.request(method, path, content=content, headers=headers_of(graph, step))


def answered(graph: rdflib.Graph, expected: Any, response: httpx.Response) -> None:
    """Assert all that a response is expected to be."""
    wanted = [str(each).rpartition("#")[2] for each in graph.objects(expected, MF.expectedStatus)]
    assert wanted
    assert response.status_code in set().union(*(GROUPS[each] for each in wanted)), response.text
    kind = response.headers.get("content-type", "")
    for name, value in headers_of(graph, expected).items():
        assert response.headers[name] == value
    boolean = graph.value(expected, MF.expectedBoolean)
    if boolean is not None:
        assert response.json()["boolean"] is boolean.toPython()
    form = graph.value(expected, MF.expectedFormat)
    if form is not None:
        if str(form) == "RDF":
            assert kind == "text/turtle; charset=utf-8"
            read_turtle(response.text)
        else:
            assert kind == "application/sparql-results+json"
            assert {"boolean": "boolean", "tabular": "results"}[str(form)] in response.json()
    body = graph.value(expected, HT.body)
    if body is not None:
        assert isomorphic(read_turtle(response.text), read_turtle(graph.value(body, CNT.chars)))


def read_turtle(text: str) -> rdflib.Graph:
    return rdflib.Graph().parse(data=text, format="turtle")


# Service description: what a schema checker would infer from domains and ranges

DOMAINS = {
    SD.endpoint: (SD.Service, None),
    SD.supportedLanguage: (SD.Service, SD.Language),
    SD.feature: (SD.Service, SD.Feature),
    SD.resultFormat: (SD.Service, None),
    SD.inputFormat: (SD.Service, None),
    SD.extensionFunction: (SD.Service, SD.Function),
    SD.defaultDataset: (SD.Service, SD.Dataset),
    SD.defaultGraph: (SD.Dataset, SD.Graph),
    SD.namedGraph: (SD.Dataset, SD.NamedGraph),
    SD.name: (SD.NamedGraph, None),
    SD.graph: (SD.NamedGraph, SD.Graph),
}
LANGUAGES = {SD.SPARQL10Query, SD.SPARQL11Query, SD.SPARQL11Update}
FEATURES = {
    SD.DereferencesURIs, SD.UnionDefaultGraph, SD.RequiresDataset, SD.EmptyGraphs,
    SD.BasicFederatedQuery,
}  # fmt: skip


@pytest.mark.parametrize(("graph", "entry"), DESCRIPTION)
def test_service_description(
    client: httpx.Client, graph: rdflib.Graph, entry: rdflib.URIRef
) -> None:
    response = client.get("/sparql")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/turtle; charset=utf-8"
    described = read_turtle(response.text)
    services = [*described.subjects(RDF.type, SD.Service)]
    match str(entry).rpartition("#")[2]:
        case "returns-rdf":
            assert len(described) > 10
        case "has-endpoint-triple":
            endpoint = rdflib.URIRef(f"{str(client.base_url).rstrip('/')}/sparql")
            assert [*described.subjects(SD.endpoint, endpoint)] == services
        case "conforms-to-schema":
            conforms(described)
        case other:
            pytest.fail(f"no such test is known: {other}")


def conforms(described: rdflib.Graph) -> None:
    for subject, predicate, object_ in described:
        if predicate not in SD:
            continue
        domain, range_ = DOMAINS[predicate]
        assert (subject, RDF.type, domain) in described
        if range_ == SD.Language:
            assert object_ in LANGUAGES
        elif range_ == SD.Feature:
            assert object_ in FEATURES
        elif range_ is not None:
            assert (object_, RDF.type, range_) in described
        else:
            assert isinstance(object_, rdflib.URIRef)
    for service in described.subjects(RDF.type, SD.Service):
        assert len([*described.objects(service, SD.endpoint)]) == 1
        assert len([*described.objects(service, SD.defaultDataset)]) == 1
    for dataset in described.subjects(RDF.type, SD.Dataset):
        assert len([*described.objects(dataset, SD.defaultGraph)]) == 1
