"""`kg serve --scratch`: writes of every kind, read back, refused, ended."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from serving import Server, scratch

GRAPH = {"graph": "http://example.org/g"}
TURTLE = {"Content-Type": "text/turtle"}
ENDLESS = "INSERT { ?a ?b ?z } WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n ?z }"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with scratch(tmp_path_factory.mktemp("scratch"), deadline=2) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        update(client, "DROP ALL")
        yield client


def update(client: httpx.Client, text: str, **parameters: object) -> None:
    response = client.post("/sparql", data={"update": text, **parameters})
    assert response.status_code == 204, response.text


def rows(client: httpx.Client, query: str) -> list[str]:
    answer = client.get("/sparql", params={"query": query, "format": "csv"})
    assert answer.status_code == 200, answer.text
    return answer.text.split()[1:]


COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"


def test_default_graph_is_a_graph_of_its_own(client: httpx.Client) -> None:
    update(client, "INSERT DATA { GRAPH <g> { <s> <p> 1 } }")
    assert rows(client, COUNT) == ["0"]
    update(client, "INSERT DATA { <s> <p> 1, 2 }")
    assert rows(client, COUNT) == ["2"]


def test_every_answer_after_a_write_knows_of_it(client: httpx.Client) -> None:
    for number in range(1, 21):
        update(client, f"INSERT DATA {{ <s> <p> {number} }}")
        assert rows(client, COUNT) == [str(number)]


def test_triple_in_two_graphs_of_using_is_one(client: httpx.Client) -> None:
    update(client, "INSERT DATA { GRAPH <urn:a> { <s> <p> 1 } GRAPH <urn:b> { <s> <p> 1 } }")
    count = f"INSERT {{ GRAPH <urn:n> {{ <n> <is> ?n }} }} WHERE {{ {{ {COUNT} }} }}"
    update(client, count, **{"using-graph-uri": ["urn:a", "urn:b"]})
    assert rows(client, "SELECT ?n { GRAPH <urn:n> { ?s ?p ?n } }") == ["1"]
    assert rows(client, "SELECT DISTINCT ?g { GRAPH ?g {} } ORDER BY ?g") == [
        "urn:a", "urn:b", "urn:n",
    ]  # fmt: skip


def test_request_is_done_whole_or_not_at_all(client: httpx.Client) -> None:
    failing = "INSERT DATA { <s> <p> 1 } ; CREATE GRAPH <urn:g> ; CREATE GRAPH <urn:g>"
    response = client.post("/sparql", data={"update": failing})
    assert response.status_code == 400
    assert "operation 3 of 3" in response.json()["detail"]
    assert rows(client, COUNT) == ["0"]


def test_endless_update_is_ended_and_readers_do_not_wait(client: httpx.Client) -> None:
    update(client, f"INSERT DATA {{ <s> <p> {', '.join(map(str, range(300)))} }}")
    with ThreadPoolExecutor() as threads:
        endless = threads.submit(client.post, "/sparql", data={"update": ENDLESS})
        answered = 0
        while not endless.done():
            assert rows(client, "SELECT (1 AS ?n) {}") == ["1"]
            answered += 1
    assert endless.result().status_code == 503
    assert answered > 5
    assert rows(client, COUNT) == ["300"]


def test_relative_iri_is_relative_to_the_endpoint(client: httpx.Client) -> None:
    update(client, "INSERT DATA { <s> <p> <o> }")
    assert rows(client, "SELECT ?s { ?s <p> <o> }") == [f"{client.base_url}/s"]
    turtle = client.get("/sparql", params={"query": "CONSTRUCT WHERE { ?s ?p ?o }"}).text
    assert f"{client.base_url}/s" in turtle


def test_put_says_whether_the_graph_is_new(client: httpx.Client) -> None:
    for status in (201, 204):
        put = client.put("/graphs", params=GRAPH, content="<a> <b> <c> .", headers=TURTLE)
        assert put.status_code == status
    assert client.get("/graphs", params=GRAPH | {"format": "nt"}).text.count("<") == 3
    assert client.put("/graphs", params=GRAPH, content="", headers=TURTLE).status_code == 204
    assert client.get("/graphs", params=GRAPH).status_code == 200
    assert client.delete("/graphs", params=GRAPH).status_code == 204
    assert client.get("/graphs", params=GRAPH).status_code == 404


def test_patch_changes_one_graph(client: httpx.Client) -> None:
    patch = {"Content-Type": "application/sparql-update"}
    text = "DELETE { ?s <urn:p> ?o } INSERT { ?s <urn:p> 2 } WHERE { ?s <urn:p> ?o }"
    assert client.patch("/graphs", params=GRAPH, content=text, headers=patch).status_code == 404
    for graph in (GRAPH["graph"], "urn:other"):
        update(client, f"INSERT DATA {{ GRAPH <{graph}> {{ <urn:s> <urn:p> 1 }} }}")
    done = client.patch("/graphs", params=GRAPH, content=text, headers=patch)
    assert done.status_code == 204, done.text
    found = rows(client, "SELECT ?g ?o { GRAPH ?g { ?s ?p ?o } } ORDER BY ?g")
    assert found == ["http://example.org/g,2", "urn:other,1"]
    text = "INSERT DATA { GRAPH <urn:other> { <a> <b> <c> } }"
    assert client.patch("/graphs", params=GRAPH, content=text, headers=patch).status_code == 400


def test_parts_of_a_form_are_told_by_their_names(client: httpx.Client) -> None:
    files = [
        ("a", ("a.nt", '_:x <urn:p> "1" .', None)),
        ("b", ("b.jsonld", '[{"@id": "_:x", "urn:p": "2"}]', None)),
    ]
    assert client.post("/graphs", params=GRAPH, files=files).status_code == 201
    # A label of a blank node belongs to its document.
    assert rows(client, "SELECT (COUNT(DISTINCT ?s) AS ?n) { GRAPH ?g { ?s ?p ?o } }") == ["2"]


@pytest.mark.parametrize(
    ("kind", "content", "status", "message"),
    [
        ("text/turtle", b"<a> <b>", 400, "document 1"),
        ("text/turtle", b"<a> <b> '\xff' .", 400, "byte 9"),
        ("application/trig", b"<g> { <a> <b> <c> }", 400, "named graph"),
        ("text/turtle; charset=latin-1", b"", 415, "UTF-8"),
        ("text/csv", b"a,b", 415, "text/turtle"),
        ("multipart/form-data", b"", 415, "boundary"),
        ("multipart/form-data; boundary=x", b"nothing of that kind", 400, "multipart"),
    ],
)
def test_document_that_cannot_be_read_changes_nothing(
    client: httpx.Client, kind: str, content: bytes, status: int, message: str
) -> None:
    put = client.put("/graphs", params=GRAPH, content=content, headers={"Content-Type": kind})
    assert put.status_code == status, put.text
    assert message in put.json()["detail"]
    assert client.get("/graphs", params=GRAPH).status_code == 404


def test_page_of_another_origin_may_read_and_not_write(client: httpx.Client) -> None:
    headers = {"Origin": "https://example.org"}
    write = client.post("/sparql", data={"update": "CLEAR ALL"}, headers=headers)
    assert write.status_code == 403
    assert client.get("/sparql", params={"query": "ASK {}"}, headers=headers).status_code == 200


def test_sparql_1_2_and_rdf_1_2_are_understood(client: httpx.Client) -> None:
    update(client, "INSERT DATA { <s> <p> <o> {| <since> 2020 |} }")
    assert rows(client, "SELECT ?y { <s> <p> <o> {| <since> ?y |} }") == ["2020"]
    query = 'SELECT (TRIPLE(<s>, <p>, <o>) AS ?t) (STRLANGDIR("x", "ar", "rtl") AS ?d) {}'
    (row,) = client.get("/sparql", params={"query": query}).json()["results"]["bindings"]
    assert row["t"]["type"] == "triple"
    assert row["d"]["its:dir"] == "rtl"
    turtle = client.get("/graphs?default").text
    assert "<<" in turtle or "{|" in turtle


def test_scratch_is_refused_on_an_address_that_others_reach() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kg", "serve", "--scratch", "--host", "0.0.0.0", "--port", "0"],
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert done.returncode == 2
    assert "anyone may write here" in done.stderr
