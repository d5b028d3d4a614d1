"""Plain queries answered between the connection and a worker: as the application answers them."""

from __future__ import annotations

import itertools
import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qsl, quote

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from serving import HOSTILE, Server, ask, publish, serving, until

from api import http
from api.problems import BadRequest
from kg.release import Home

ENDLESS = "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
#: Takes long enough to be met while it runs; and it ends.
LONG = (
    "ASK { { SELECT (COUNT(*) AS ?n) { { SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } "
    "LIMIT 2000000 } } } FILTER(?n > 1) }"
)
ROWS = "SELECT ?a ?b ?c { ?a ?b ?c } ORDER BY ?a ?b ?c LIMIT 20"
EVIL = "SELECT ?p ?o { <https://w3id.org/aicluster/id/organization/evil> ?p ?o }"
#: Whoever asks for less patience than there is, is answered by the application.
LONG_WAY = {"Prefer": "wait=30"}
FRESH = (f" # {number}" for number in itertools.count())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("kg"))
    # As much as look-ups have columns for.
    more = "".join(f"<http://example.org/{n}> <http://example.org/p> {n} ." for n in range(26_000))
    publish(home, f"{HOSTILE} GRAPH <https://w3id.org/aicluster/graph/source/more> {{ {more} }}")
    return home


@pytest.fixture(scope="module")
def server(home: Home) -> Iterator[Server]:
    with serving(home, log=home.path / "log.jsonl", workers=2, deadline=30) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


def metric(url: str, name: str) -> float:
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])


def looked_up(url: str) -> bool:
    """Whether a look-up that is asked now needs no worker."""
    before = metric(url, "kg_lookups_total")
    query = f"SELECT ?p {{ <http://example.org/none-{next(FRESH)[3:]}> ?p ?o }}"
    assert httpx.get(f"{url}/sparql", params={"query": query, "format": "csv"}).text == "p\r\n"
    return metric(url, "kg_lookups_total") == before + 1


def request(query: str, more: str = "") -> bytes:
    head = f"GET /sparql?query={quote(query)} HTTP/1.1\r\nHost: x\r\nAccept: text/csv\r\n{more}\r\n"
    return head.encode()


def connected(server: Server) -> closing[socket.socket]:
    url = httpx.URL(server.url)
    return closing(socket.create_connection((url.host, url.port or 80), timeout=60))


@pytest.mark.parametrize("accept", ["text/csv", "application/sparql-results+json", "text/xml"])
@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
@pytest.mark.parametrize("query", [ROWS, EVIL, "ASK {}", "SELECT * {} # NOW"])
def test_answer_and_headers_are_those_of_the_application(
    client: httpx.Client, query: str, accept: str, encoding: str
) -> None:
    headers = {"Accept": accept, "Accept-Encoding": encoding}
    query += next(FRESH)
    direct = ask(client, query, **headers)
    kept = ask(client, query, **headers)
    other = ask(client, query + " # other", **headers, **LONG_WAY)
    for name in ("date", "x-request-id", "server-timing", "etag", "content-length"):
        values = [each.headers.pop(name, None) for each in (direct, kept, other)]
        assert len({value is None for value in values}) == 1, name
        if name == "etag":
            assert values[0] == values[1]
    assert direct.headers == kept.headers == other.headers
    assert direct.content == kept.content
    assert direct.content == other.content or "ORDER" not in query
    assert direct.status_code == other.status_code == 200


def test_graph_is_answered_in_the_format_of_the_url(client: httpx.Client) -> None:
    query = "DESCRIBE <https://w3id.org/aicluster/id/organization/evil>" + next(FRESH)
    answer = client.get("/sparql", params={"query": query, "format": "nt"})
    assert answer.headers["content-type"] == "application/n-triples"
    assert answer.text.count("\n") >= 4


@pytest.mark.parametrize(
    ("query", "status", "kind"),
    [
        ("SELECT * { ?s ?p }", 400, "query-syntax-error"),
        ("SELECT * { ?s ?p ?o FILTER(<http://nope/f>(?s)) }", 400, "query-error"),
        ("SELECT * { SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }", 403, "service-refused"),
        ("DELETE WHERE { ?s ?p ?o }", 400, "query-syntax-error"),
    ],
)
def test_what_is_wrong_is_said_as_by_the_application(
    client: httpx.Client, query: str, status: int, kind: str
) -> None:
    query += next(FRESH)
    found = [ask(client, query), ask(client, query, **LONG_WAY)]
    assert [each.status_code for each in found] == [status] * 2
    assert found[0].json() == found[1].json()
    assert found[0].json()["type"] == f"/problems#{kind}"


@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
@pytest.mark.parametrize(
    ("query", "accept"),
    [
        (EVIL, "text/csv"),
        (EVIL, "application/sparql-results+json"),
        ("DESCRIBE <https://w3id.org/aicluster/id/organization/evil>", "application/n-triples"),
    ],
)
def test_lookup_needs_no_worker_and_is_answered_as_by_the_application(
    server: Server, client: httpx.Client, query: str, accept: str, encoding: str
) -> None:
    until(lambda: looked_up(server.url))
    headers = {"Accept": accept, "Accept-Encoding": encoding}
    before = metric(server.url, "kg_lookups_total")
    direct, kept = ask(client, query, **headers), ask(client, query, **headers)
    assert metric(server.url, "kg_lookups_total") == before + 1
    other = ask(client, query + next(FRESH), **headers, **LONG_WAY)
    assert metric(server.url, "kg_lookups_total") == before + 1
    for name in ("date", "x-request-id", "server-timing", "etag"):
        values = [each.headers.pop(name) for each in (direct, kept, other)]
        assert name != "etag" or values[0] == values[1]
    assert direct.headers == kept.headers == other.headers
    assert direct.content == kept.content
    assert sorted(direct.content) == sorted(other.content)


def test_answer_of_many_chunks_is_handed_over_whole(client: httpx.Client) -> None:
    query = "SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 20000" + "\n"
    answer = ask(client, query, Accept="text/csv")
    assert answer.headers["transfer-encoding"] == "chunked"
    assert answer.text.count("\n") == 20_001


def test_requests_in_a_row_are_answered_in_turn(server: Server) -> None:
    numbers = range(5)
    rows = [request(f"SELECT ({number} AS ?n) {{}}" + next(FRESH)) for number in numbers]
    last = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with connected(server) as connection:
        connection.sendall(b"".join((*rows, last)))
        answers = b""
        while part := connection.recv(1 << 16):
            answers += part
    places = [answers.index(b"\r\n\r\nn\r\n%d\r\n" % number) for number in numbers]
    assert places == sorted(places)
    assert answers.endswith(b'{"status":"ok"}')


def test_client_that_leaves_ends_its_query_and_is_counted(server: Server, home: Home) -> None:
    before = metric(server.url, "kg_answers_cut_total")
    for number in range(4):
        with connected(server) as connection:
            connection.sendall(request(ENDLESS + next(FRESH), f"X-Request-ID: left-{number}\r\n"))
            until(lambda: metric(server.url, "kg_queries_running") > 0)
        until(lambda: metric(server.url, "kg_queries_running") == 0)
    assert metric(server.url, "kg_answers_cut_total") - before == 4
    assert (home.path / "log.jsonl").read_text().count('"left-') == 4


def test_query_whose_worker_dies_is_answered_by_another(home: Home) -> None:
    with serving(home, workers=1, deadline=60) as server, ThreadPoolExecutor() as threads:
        parent, worker = server.descendants()
        query = {"query": LONG}
        answer = threads.submit(httpx.get, f"{server.url}/sparql", params=query, timeout=60)
        until(lambda: metric(server.url, "kg_queries_running") > 0)
        os.kill(worker, signal.SIGKILL)
        assert answer.result().json()["boolean"] is True
        assert metric(server.url, "kg_workers_crashed_total") == 1
        assert "the query is tried once more" in server.log.read_text()
        assert parent in server.descendants()


def test_deadline_is_kept_and_waiting_clients_are_answered_in_turn(home: Home) -> None:
    with serving(home, workers=1, deadline=2) as server, ThreadPoolExecutor(8) as threads:
        url = f"{server.url}/sparql?query={quote(ENDLESS)}"
        asked = [threads.submit(httpx.get, url + quote(next(FRESH)), timeout=60) for _ in range(3)]
        found = [each.result() for each in asked]
        assert {each.status_code for each in found} == {503}
        assert {each.json()["type"] for each in found} == {"/problems#query-timeout"}
        assert server.log.read_text() == ""


def test_server_that_ends_waits_for_what_is_under_way(home: Home) -> None:
    with serving(home, workers=1, deadline=60) as server, connected(server) as connection:
        connection.sendall(request(LONG))
        until(lambda: metric(server.url, "kg_queries_running") > 0)
        started = server.descendants()
        assert server.stop() == 0
        answer = b""
        while part := connection.recv(1 << 16):
            answer += part
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in answer
        assert not any(Path(f"/proc/{pid}").exists() for pid in started)


@given(st.binary(max_size=40).map(lambda data: data.replace(b";", b"")))
@example(b"a=%zz&b=%4&c=%&d=\\x41%5C&+=%2B")
@example(b"a=%ff")
@example("é=é%C3%A9".encode())
def test_parameters_are_those_of_the_standard_library(encoded: bytes) -> None:
    try:
        expected = parse_qsl(encoded.decode(), keep_blank_values=True, errors="strict")
    except ValueError:
        with pytest.raises(BadRequest):
            http.pairs(encoded)
    else:
        assert http.pairs(encoded) == expected
