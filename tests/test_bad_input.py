"""Whatever a client sends: an answer in bounded time, never a 500, and the server goes on."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyoxigraph import Store
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
from serving import Server, publish, scratch, serving

from kg import sparql
from kg.errors import KnowledgeGraphError
from kg.release import Home

QUICK = settings(
    max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
MIB = 1024 * 1024
ENDLESS = "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = Home(tmp_path_factory.mktemp("kg"))
    publish(home)
    with serving(home, deadline=2, query_memory=128 * MIB, workers=2, max_rows=1000) as server:
        yield server
        assert httpx.get(f"{server.url}/health/ready").status_code == 200
        assert "failed" not in server.log.read_text(), server.log.read_text()
        assert server.stop() == 0


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


def answered(response: httpx.Response) -> None:
    """An answer of ours: right, or a problem that says what was wrong."""
    assert response.status_code < 500 or response.status_code in (503, 507), response.text
    if response.status_code >= 400:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["status"] == response.status_code


# The OpenAPI description


@schemathesis.serializer(
    "application/sparql-query", "application/sparql-update", "text/turtle", "application/n-triples",
    "application/n-quads", "application/trig", "application/ld+json", "application/rdf+xml",
)  # fmt: skip
def as_it_is(_: object, value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode(errors="surrogatepass")


CONFORMS = (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)


def described(server: Server, examples: int, *tags: str) -> list[str]:
    """Ask all operations what their description allows, and more; those that were asked."""
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    schema.validate()
    asked = []

    def check(case: schemathesis.Case) -> None:
        response = case.call(base_url=server.url, timeout=30)
        assert response.status_code < 500 or response.status_code in (503, 507)
        told = case.operation.definition.raw["responses"]
        assert str(response.status_code) in told, (
            case.method, case.path, response.status_code, response.text[:300],
        )  # fmt: skip
        case.validate_response(response, checks=[*CONFORMS])

    for result in schema.get_all_operations():
        operation = result.ok()
        if not tags or operation.definition.raw["tags"][0] in tags:
            one = given(case=operation.as_strategy())(check)
            settings(QUICK, max_examples=examples)(one)()
            asked.append(operation.label)
    return asked


def test_service_keeps_to_its_description(server: Server) -> None:
    asked = described(server, 5)
    assert len(asked) > 80
    assert {"DELETE /graphs", "GET /ontology/{part}", "GET /.well-known/void"} <= {*asked}


def test_service_that_takes_writes_keeps_to_its_description(tmp_path: Path) -> None:
    with scratch(tmp_path, deadline=2) as server:
        assert len(described(server, 6, "graphs", "sparql")) == 20
        assert httpx.get(f"{server.url}/health/ready").status_code == 200
        assert server.stop() == 0
        assert "failed" not in server.log.read_text(), server.log.read_text()


# A grammar of SPARQL, most of it valid

TERM = st.sampled_from(
    ["?a", "?b", "?c", "$d", "<http://example.org/>", "rdfs:label", "a", "'x'@en", "1.5", "true",
     '"""long"""', "[]", "_:b", "()", "<<( ?a ?b ?c )>>", "'2020'^^xsd:gYear", "\\u0041", "é"]
)  # fmt: skip
PATH = st.recursive(
    st.sampled_from(["rdfs:label", "a", "^a", "!a", "<urn:p>"]),
    lambda inner: st.one_of(
        st.builds("({}/{})".format, inner, inner),
        st.builds("({}|{})".format, inner, inner),
        st.builds("({}){}".format, inner, st.sampled_from("*+?")),
    ),
    max_leaves=4,
)
EXPRESSION = st.recursive(
    st.sampled_from(["?a", "?b", "1", "'x'", "true", "<urn:x>", "NOW()", "RAND()"]),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "=", "<", "&&", "||"]), inner),
        st.builds("STR({})".format, inner),
        st.builds("REGEX(STR({}), '(a+)+$')".format, inner),
        st.builds("COALESCE({}, {})".format, inner, inner),
        st.builds("({} IN ({}))".format, inner, inner),
        st.builds("<http://www.opengis.net/def/function/geosparql/distance>({}, {})".format, inner,
                  inner),
    ),
    max_leaves=5,
)  # fmt: skip
TRIPLE = st.builds("{} {} {} .".format, TERM, st.one_of(PATH, TERM), TERM)
PATTERN = st.recursive(
    TRIPLE,
    lambda inner: st.one_of(
        st.builds("{} {}".format, inner, inner),
        st.builds("{{ {} }} UNION {{ {} }}".format, inner, inner),
        st.builds("OPTIONAL {{ {} }}".format, inner),
        st.builds("{} MINUS {{ {} }}".format, inner, inner),
        st.builds("GRAPH ?g {{ {} }}".format, inner),
        st.builds("{} FILTER({})".format, inner, EXPRESSION),
        st.builds("{} BIND({} AS ?x)".format, inner, EXPRESSION),
        st.builds("{{ SELECT * {{ {} }} LIMIT 5 }}".format, inner),
        st.builds("SERVICE <http://127.0.0.1/> {{ {} }}".format, inner),
        st.builds("LATERAL {{ {} }}".format, inner),
        st.builds("{} FILTER EXISTS {{ {} }}".format, inner, inner),
    ),
    max_leaves=6,
)
MODIFIER = st.sampled_from(
    ["", "LIMIT 3", "ORDER BY ?a LIMIT 9", "OFFSET 2", "GROUP BY ?a", "LIMIT 0", "VALUES ?a { 1 }",
     "HAVING (COUNT(*) > 1)", "LIMIT 99999999999999999999"]
)  # fmt: skip
HEAD = st.sampled_from(
    ["SELECT *", "SELECT ?a", "SELECT DISTINCT ?a ?x", "SELECT (COUNT(*) AS ?n)", "ASK",
     "DESCRIBE ?a", "CONSTRUCT { ?a ?b ?c }", "SELECT (GROUP_CONCAT(?a) AS ?n)"]
)  # fmt: skip
PROLOGUE = (
    "PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#> "
    "PREFIX xsd: <http://www.w3.org/2001/XMLSchema#> "
)
QUERY = st.builds("{}{} WHERE {{ {} }} {}".format, st.just(PROLOGUE), HEAD, PATTERN, MODIFIER)
FORMATS = ("json", "xml", "csv", "tsv", "parquet", "arrow", "geojson", "ttl", "nq", "html")


def test_grammar_gives_valid_queries_mostly() -> None:
    found = []

    @settings(QUICK, max_examples=200)
    @given(query=QUERY)
    def check(query: str) -> None:
        try:
            sparql.check(query, None, ("http://127.0.0.1/",))
            Store().query(query.replace("SERVICE <http://127.0.0.1/>", ""))
            found.append(True)
        except (KnowledgeGraphError, SyntaxError):
            found.append(False)

    check()
    assert sum(found) > 40  # a term in a wrong place spoils a query


@QUICK
@given(query=QUERY, format=st.sampled_from(FORMATS))
def test_query_of_any_shape_is_answered(client: httpx.Client, query: str, format: str) -> None:
    response = client.post("/sparql", data={"query": query, "format": format, "timeout": "1"})
    if response.headers["content-type"].startswith("text/html"):
        assert response.status_code < 500 or response.status_code in (503, 507)
    else:
        answered(response)


@QUICK
@given(query=QUERY, at=st.floats(0, 1), junk=st.text(st.characters(codec="utf-8"), max_size=6))
def test_query_with_something_wrong_in_it_is_answered(
    client: httpx.Client, query: str, at: float, junk: str
) -> None:
    place = int(len(query) * at)
    data = {"query": query[:place] + junk + query[place + 1 :], "timeout": "1", "format": "json"}
    answered(client.post("/sparql", data=data))


@QUICK
@given(content=st.binary(max_size=200))
def test_bytes_of_any_kind_are_answered(client: httpx.Client, content: bytes) -> None:
    for kind in ("sparql-query", "sparql-update", "x-www-form-urlencoded"):
        headers = {"Content-Type": f"application/{kind}"}
        answered(client.post("/sparql", content=content, headers=headers))


GROUND = st.sampled_from(
    ["<urn:s>", "<urn:p>", "'x'@en", "1.5", "true", "_:b", "<<( <urn:s> <urn:p> 1 )>>", "?a", "é"]
)
QUADS = st.one_of(
    st.builds("{} {} {} .".format, GROUND, st.sampled_from(["<urn:p>", "a", "?p"]), GROUND),
    st.builds("GRAPH <urn:g> {{ {} <urn:p> {} }}".format, GROUND, GROUND),
)
OPERATION = st.one_of(
    st.builds("INSERT DATA {{ {} }}".format, QUADS),
    st.builds("DELETE DATA {{ {} }}".format, QUADS),
    st.builds("DELETE WHERE {{ {} }}".format, QUADS),
    st.builds("DELETE {{ {} }} INSERT {{ {} }} WHERE {{ {} }}".format, QUADS, QUADS, PATTERN),
    st.builds("WITH <urn:g> INSERT {{ {} }} USING <urn:h> WHERE {{ {} }}".format, QUADS, PATTERN),
    st.builds("{} {}".format, st.sampled_from(["CLEAR", "DROP", "CREATE SILENT", "CREATE"]),
              st.sampled_from(["ALL", "DEFAULT", "NAMED", "GRAPH <urn:g>", "<urn:g>"])),
    st.builds("{} <urn:g> TO {}".format, st.sampled_from(["ADD", "MOVE", "COPY SILENT"]),
              st.sampled_from(["<urn:h>", "DEFAULT", "GRAPH <urn:g>"])),
    st.sampled_from(["LOAD <http://127.0.0.1/>", "LOAD <file:///etc/passwd> INTO GRAPH <urn:g>"]),
)  # fmt: skip


@pytest.fixture(scope="module")
def writable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("scratch")
    with (
        scratch(folder, deadline=2, query_memory=128 * MIB) as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
    ):
        yield client
        assert client.get("/health/ready").status_code == 200
        assert server.stop() == 0
        assert "failed" not in server.log.read_text(), server.log.read_text()


@settings(QUICK, max_examples=60)
@given(operations=st.lists(OPERATION, min_size=1, max_size=3))
def test_update_of_any_shape_is_answered(writable: httpx.Client, operations: list[str]) -> None:
    text = f"{PROLOGUE}{' ; '.join(operations)}"
    answer = writable.post("/sparql", data={"update": text})
    answered(answer)
    if "LOAD" in text:
        assert answer.status_code in (400, 403)


# Bombs


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * { " + "{" * 5000 + "}" * 5000 + " }",
        "SELECT * { ?a " + "/".join(["<urn:p>"] * 5000) + " ?b }",
        "SELECT (" + "(" * 5000 + "1" + ")" * 5000 + " AS ?x) {}",
        "ASK { FILTER(" + "!" * 5000 + "true) }",
        "ASK { ?a ?b '" + "x" * 500_000,
        "SELECT * { " + "?a ?b ?c . " * 20_000 + "}",
        "SELECT * { VALUES ?x { " + "1 " * 100_000 + "} } LIMIT 1",
        "ASK { FILTER(REGEX('" + "a" * 40 + "!', '^(a+)+$')) }",
        "SELECT (REPLACE('" + "a" * 1000 + "', 'a', '" + "b" * 100_000 + "') AS ?x) {}",
    ],
    ids=lambda query: query[:24],
)
def test_bomb_of_a_query_is_answered(client: httpx.Client, query: str) -> None:
    answered(client.post("/sparql", data={"query": query, "format": "json"}))


RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XML = (
    f'<!DOCTYPE r [<!ENTITY a "{"x" * 100}"> %s]><r:RDF xmlns:r="{RDF}">'
    '<r:Description r:about="urn:s"><p xmlns="urn:">&%s;</p></r:Description></r:RDF>'
)
LAUGHS = [f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)]


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        ("rdf+xml", XML % ("".join(LAUGHS), "j")),
        ("rdf+xml", XML % ('<!ENTITY z SYSTEM "file:///etc/passwd">', "z")),
        ("ld+json", '{"@context": "http://127.0.0.1/", "@id": "urn:s", "a": "b"}'),
        ("ld+json", "[" * 100_000 + "]" * 100_000),
        ("n-triples", "<urn:s> <urn:p> <" * 50_000),
        ("trig", "<urn:g> { " * 50_000),
    ],
    ids=["laughs", "entity", "context", "deep", "open", "graphs"],
)
def test_bomb_of_a_document_is_refused(writable: httpx.Client, kind: str, document: str) -> None:
    headers = {"Content-Type": f"application/{kind}"}
    answer = writable.put("/graphs?graph=urn:bomb", content=document, headers=headers)
    answered(answer)
    assert answer.status_code >= 400
    assert "root:" not in answer.text


@pytest.mark.parametrize(
    "update",
    [
        "INSERT DATA { <urn:s> <urn:p> " + "(" * 20_000 + ")" * 20_000 + " }",
        "DELETE { ?a ?b ?c } WHERE { " + "{" * 20_000 + "?a ?b ?c" + "}" * 20_000 + " }",
        "INSERT DATA { " + "<urn:s> <urn:p> 1 . " * 60_000 + "}",
    ],
    ids=["list", "groups", "body"],
)
def test_bomb_of_an_update_is_refused(writable: httpx.Client, update: str) -> None:
    answer = writable.post("/sparql", data={"update": update})
    answered(answer)
    assert answer.status_code in (400, 413)


def raw(server: Server, content: bytes, patience: float = 20) -> bytes:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=patience) as connection:
        with contextlib.suppress(ConnectionError):  # it may refuse before it has read all
            connection.sendall(content)
        with contextlib.suppress(ConnectionError):
            return connection.recv(1 << 16)
    return b""


@pytest.mark.parametrize(
    "content",
    [
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 50_000 + b"\r\n",
        b"GET /sparql?query=%FF%FE HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /%00%FF%C0 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n",
        b"GET /sparql HTTP/1.1\r\nHost: <script>\r\nAccept: text/turtle\r\n\r\n",
        b"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /sparql HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=lambda content: repr(content[:30]),
)
def test_bomb_of_a_request_is_answered_or_cut(server: Server, content: bytes) -> None:
    answer = raw(server, content)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
    assert b" 500 " not in answer.split(b"\r\n")[0]
    assert httpx.get(f"{server.url}/health").status_code == 200


def test_url_as_people_type_it_is_refused_with_how_to_send_it(server: Server) -> None:
    answer = raw(server, "GET /queries?platform=百度 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"percent-encoded" in answer


def test_head_that_never_ends_is_cut_and_not_kept(server: Server) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    sent = 0
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
        with contextlib.suppress(ConnectionError):
            while sent < 64 * MIB:
                connection.sendall(b"a" * MIB)
                sent += MIB
    assert sent < 64 * MIB


def test_body_of_a_hundred_megabytes_is_refused_and_not_kept(server: Server) -> None:
    def resident() -> int:
        with open(f"/proc/{server.process.pid}/statm") as file:  # noqa: PTH123
            return int(file.read().split()[1]) * 4096

    before = resident()

    def parts() -> Iterator[bytes]:
        for _ in range(100):
            yield b"#" * MIB

    with contextlib.suppress(httpx.WriteError):  # it hangs up when it has read enough
        response = httpx.post(
            f"{server.url}/sparql",
            content=parts(),
            headers={"Content-Type": "application/sparql-query"},
            timeout=60,
        )
        assert response.status_code == 413
    assert resident() - before < 64 * MIB
    assert httpx.get(f"{server.url}/health").status_code == 200


def test_slow_clients_hold_no_worker(server: Server) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    slow = [socket.create_connection((host, int(port))) for _ in range(100)]
    try:
        for connection in slow:
            connection.sendall(b"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n")
        begun = time.monotonic()
        assert httpx.get(f"{server.url}/sparql", params={"query": "ASK {}"}).status_code == 200
        assert time.monotonic() - begun < 20
    finally:
        for connection in slow:
            connection.close()


def test_request_that_does_not_come_to_its_end_is_told_so_and_cut(tmp_path: Path) -> None:
    home = Home(tmp_path)
    publish(home)
    with serving(home, patience=0.2) as server:
        body = b"Content-Type: application/sparql-query\r\nContent-Length: 99\r\n\r\nASK"
        for content, told in (
            (b"", True),
            (b"GET /sparql HTTP/1.1\r\nHost", True),
            (b"POST /sparql HTTP/1.1\r\nHost: x\r\n" + body, True),
            (b"PUT /graphs/edits/a HTTP/1.1\r\nHost: x\r\n" + body, False),  # refused at once
        ):
            answer = whole(server, content)
            head, _, document = answer.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 408 " if told else b"HTTP/1.1 401 "), answer
            assert json.loads(document)["status"] == (408 if told else 401)
        # One that drips is no better than one that stops.
        host, port = server.url.removeprefix("http://").split(":")
        with (
            socket.create_connection((host, int(port)), timeout=20) as connection,
            pytest.raises(ConnectionError),
        ):
            connection.sendall(b"GET / HTTP/1.1\r\nX: ")
            while True:
                connection.sendall(b"a")
                time.sleep(0.02)
        assert httpx.get(f"{server.url}/health").status_code == 200
        assert server.stop() == 0


def whole(server: Server, content: bytes) -> bytes:
    """All that the server says until it closes."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(content)
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"FOO / HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (b"get / HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nbroken\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
    ],
    ids=lambda each: repr(each)[:20],
)
def test_what_is_no_request_is_a_problem_too(server: Server, content: bytes, status: int) -> None:
    head, _, body = raw(server, content).partition(b"\r\n\r\n")
    assert int(head.split()[1]) == json.loads(body)["status"] == status
    assert b"content-type: application/problem+json" in head.lower()


def test_problem_is_not_sent_in_place_of_an_answer_still_to_come(server: Server) -> None:
    endless = b"GET /sparql?query=" + quote(ENDLESS).encode() + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = whole(server, endless + b"FOO / HTTP/1.1\r\n\r\n")
    assert b" 501 " not in answer.split(b"\r\n")[0]
