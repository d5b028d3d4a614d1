"""SERVICE to the endpoints on the list, against a second instance, a tar pit and worse."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from serving import Server, publish, scratch, serving

from kg import sparql
from kg.errors import ServiceRefused
from kg.release import Home


@contextmanager
def endpoint(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Something that answers on loopback, well or not."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    try:
                        answer(connection)
                    except OSError:
                        continue

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/sparql"
        server.shutdown(socket.SHUT_RDWR)


over = threading.Event()


def tar_pit(connection: socket.socket) -> None:
    connection.recv(1 << 16)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/sparql-results+xml\r\n\r\n")
    while not over.wait(0.1):
        connection.sendall(b" ")


def flood(connection: socket.socket) -> None:
    connection.recv(1 << 16)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/sparql-results+xml\r\n\r\n")
    for _ in range(64):
        connection.sendall(b" " * (1 << 16))


def redirect(connection: socket.socket) -> None:
    connection.recv(1 << 16)
    connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, str]]]:
    home = Home(tmp_path_factory.mktemp("kg"))
    publish(home)
    with (
        scratch(tmp_path_factory.mktemp("scratch")) as other,
        endpoint(tar_pit) as slow,
        endpoint(flood) as large,
        endpoint(redirect) as moved,
    ):
        insert = "INSERT DATA { <urn:s> <urn:p> 'there' }"
        assert httpx.post(f"{other.url}/sparql", data={"update": insert}).status_code == 204
        named = {"other": f"{other.url}/sparql", "slow": slow, "large": large, "moved": moved}
        listed = ",".join(named.values())
        with serving(
            home, services=listed, service_deadline=1, service_bytes=1 << 20, deadline=20
        ) as server:
            yield server, named
            over.set()
            assert server.stop() == 0


def ask(servers: tuple[Server, dict[str, str]], query: str) -> httpx.Response:
    server, named = servers
    for name, iri in named.items():
        query = query.replace(f"<{name}>", f"<{iri}>")
    return httpx.get(f"{server.url}/sparql", params={"query": query, "format": "csv"}, timeout=60)


def test_second_instance_answers_within_a_query(servers: tuple[Server, dict[str, str]]) -> None:
    for query in (
        "SELECT ?o { SERVICE <other> { ?s <urn:p> ?o } }",
        "SELECT ?o { VALUES ?s { <urn:s> } service silent <other> { ?s <urn:p> ?o } }",
    ):
        answer = ask(servers, query)
        assert answer.text.split() == ["o", "there"], answer.text
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("name", ["slow", "large", "moved"])
def test_endpoint_that_fails_is_an_error_of_the_query(
    servers: tuple[Server, dict[str, str]], name: str
) -> None:
    answer = ask(servers, f"SELECT * {{ SERVICE <{name}> {{ ?s ?p ?o }} }}")
    assert answer.status_code == 400
    assert servers[1][name] in answer.json()["detail"]
    silent = ask(servers, f"SELECT * {{ SERVICE SILENT <{name}> {{ ?s ?p ?o }} }}")
    assert silent.status_code == 200


def test_endpoint_that_is_not_on_the_list_is_refused(
    servers: tuple[Server, dict[str, str]],
) -> None:
    for query in (
        "SELECT * { SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }",
        "SELECT * { SERVICE <other> { ?s ?p ?o } SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }",
        "SELECT * { ?s ?p ?x SERVICE ?x { ?s ?p ?o } }",
        "PREFIX SERVICEex: <urn:a> PREFIX ex: <urn:b> SELECT * { SERVICEex:x { ?s ?p ?o } }",
    ):
        assert ask(servers, query).status_code == 403
    description = httpx.get(f"{servers[0].url}/sparql").text
    assert "BasicFederatedQuery" in description


def test_rewritten_query_names_the_relay_only() -> None:
    routes = {"http://e/x": "http://127.0.0.1:9/secret"}
    text = "PREFIX e: <http://e/> SELECT * { SERVICE e:x { ?s ?p '<http://e/x>' } }"
    assert sparql.check(text, None, tuple(routes)) == "SELECT"
    assert "SERVICE  <http://127.0.0.1:9/secret> " in sparql.rerouted(text, routes)
    assert "'<http://e/x>'" in sparql.rerouted(text, routes)
    with pytest.raises(ServiceRefused, match="expected one of http://e/x"):
        sparql.check("SELECT * { SERVICE <http://e/y> {} }", None, tuple(routes))


GEO = """PREFIX geof: <http://www.opengis.net/def/function/geosparql/>
PREFIX geo: <http://www.opengis.net/ont/geosparql#>
PREFIX uom: <http://www.opengis.net/def/uom/OGC/1.0/>
SELECT ({}) AS ?x) {{}}"""
BEIJING = '"POINT(116.4 39.9)"^^geo:wktLiteral'
SHANGHAI = '"POINT(121.5 31.2)"^^geo:wktLiteral'
NORTH = '"<http://www.opengis.net/def/crs/EPSG/0/4326> POINT(39.9 116.4)"^^geo:wktLiteral'
AREA = '"POLYGON((110 30,120 30,120 40,110 40,110 30))"^^geo:wktLiteral'


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (f"geof:distance({BEIJING}, {SHANGHAI}", 1071.287),
        (f"geof:distance({BEIJING}, {SHANGHAI}, uom:kilometre", 1071.287),
        (f"geof:distance({NORTH}, {SHANGHAI}, uom:metre", 1071287.259),
        (f"geof:distance({BEIJING}, {SHANGHAI}, uom:mile", 665.667),
        (f"geof:distance({BEIJING}, {SHANGHAI}, uom:degree", 9.634),
        (f"geof:distance({BEIJING}, {BEIJING}", 0.0),
        (f"geof:distance({BEIJING}, {AREA}", None),
        (f"geof:distance({BEIJING}, {SHANGHAI}, uom:furlong", None),
        (f"geof:sfWithin({BEIJING}, {AREA}", True),
        (f"geof:sfWithin({SHANGHAI}, {AREA}", False),
        (f"geof:sfContains({AREA}, {BEIJING}", True),
        (f"geof:sfIntersects({AREA}, {BEIJING}", True),
    ],
)
def test_geosparql_functions_that_people_expect(
    servers: tuple[Server, dict[str, str]], call: str, expected: object
) -> None:
    query = GEO.format(call)
    found = httpx.get(f"{servers[0].url}/sparql", params={"query": query, "format": "json"})
    (row,) = found.json()["results"]["bindings"]
    if expected is None:
        assert row == {}
    elif isinstance(expected, bool):
        assert row["x"]["value"] == str(expected).lower()
    else:
        assert float(row["x"]["value"]) == pytest.approx(expected, rel=1e-4)
