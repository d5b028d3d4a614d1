"""A request that was answered before: the same answer, without the request being read."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import Server, ask, publish, serving

from api import again
from kg.release import Home

QUERY = "SELECT ?a ?b { ?a ?b ?c } ORDER BY ?a ?b ?c LIMIT 20"
KNOWN = 'kg_requests_total{route="sparql",method="GET",status="200"}'
HEADERS = st.lists(
    st.tuples(
        st.sampled_from([b"accept", b"host", b"user-agent", b"x-request-id", b"if-none-match"]),
        st.binary(max_size=4),
    )
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("kg"))
    publish(home)
    return home


@pytest.fixture(scope="module")
def server(home: Home) -> Iterator[Server]:
    with serving(home, log=home.path / "log.jsonl") as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


def count(url: str) -> int:
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    return sum(int(line.removeprefix(KNOWN)) for line in lines if line.startswith(KNOWN))


def test_later_answers_are_the_second_but_for_date_and_id(client: httpx.Client) -> None:
    found = [ask(client, QUERY) for _ in range(5)]
    ids = {each.headers.pop("x-request-id") for each in found}
    assert len(ids) == 5
    for each in found:
        del each.headers["date"]
    assert all(each.headers == found[1].headers for each in found[2:])
    assert all(each.content == found[0].content for each in found)


def test_another_header_that_decides_is_another_answer(client: httpx.Client) -> None:
    for _ in range(3):
        assert ask(client, QUERY, Accept="text/csv").headers["content-type"].startswith("text/csv")
        assert ask(client, QUERY, Accept="application/json").json()["results"]["bindings"]
        assert (
            "content-encoding" not in ask(client, QUERY, **{"Accept-Encoding": "identity"}).headers
        )
        limits = ask(client, QUERY, Prefer="wait=2").headers["x-kg-limits"]
        assert "seconds=2," in limits
    assert client.head("/sparql", params={"query": QUERY}).content == b""


def test_entity_tag_that_matches_is_answered_304_and_any_other_whole(client: httpx.Client) -> None:
    (tag,) = {ask(client, QUERY + " # tag").headers["etag"] for _ in range(3)}
    for unless, status in ((tag, 304), (f'W/{tag}, "x"', 304), ("*", 304), ('"x"', 200)):
        answer = ask(client, QUERY + " # tag", **{"If-None-Match": unless})
        assert (answer.status_code, answer.headers["etag"]) == (status, tag)
        assert bool(answer.content) == (status == 200)


def test_it_is_counted_and_logged_as_any_other(server: Server, home: Home) -> None:
    with httpx.Client(base_url=server.url) as client:
        before = count(server.url)
        given = {"X-Request-ID": "again-4"}
        for number in range(4):
            answer = ask(client, QUERY + " # log", **given)
            assert answer.headers["x-request-id"] == "again-4", number
        assert count(server.url) - before == 4
    lines = (home.path / "log.jsonl").read_text().splitlines()
    lines = [line for line in lines if '"again-4"' in line]
    assert len(lines) == 4
    parts = {line.partition('"bytes"')[2] for line in lines}
    assert len(parts) == 1  # bytes, release, digest of the query


def test_requests_in_a_row_are_answered_in_turn(server: Server, client: httpx.Client) -> None:
    for _ in range(2):
        ask(client, QUERY, Host="row", Accept="text/csv", **{"Accept-Encoding": "identity"})
    known = f"GET /sparql?query={quote(QUERY)} HTTP/1.1\r\nHost: row\r\nAccept: text/csv\r\n\r\n"
    fresh = known.replace("LIMIT", "OFFSET%203%20LIMIT")
    last = "GET /health/live HTTP/1.1\r\nHost: row\r\nConnection: close\r\n\r\n"
    url = httpx.URL(server.url)
    with closing(socket.create_connection((url.host, url.port or 80), timeout=30)) as connection:
        connection.sendall((known + fresh + known + last).encode())
        answers = b""
        while part := connection.recv(1 << 16):
            answers += part
    tags = [line for line in answers.split(b"\r\n") if line.lower().startswith(b"etag")]
    assert answers.count(b"HTTP/1.1 200 OK") == 4
    assert tags[0] == tags[2] != tags[1]
    assert answers.endswith(b'{"status":"ok"}')


def test_next_release_answers_for_itself(home: Home) -> None:
    with serving(home) as server, httpx.Client(base_url=server.url) as client:
        count = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
        before = [ask(client, count) for _ in range(3)][-1]
        first = home.current().id
        publish(home, "<http://e/g> { <http://e/again> <http://e/p> <http://e/o> }")
        ends = time.monotonic() + 30
        while client.get("/health/ready").json()["release"] == first:
            assert time.monotonic() < ends, "the release did not go live"
            time.sleep(0.05)
        after = [ask(client, count) for _ in range(3)]
        assert first != home.current().id
        assert {each.headers["x-kg-release"] for each in after} == {home.current().id}
        assert {each.headers["etag"] for each in after}.isdisjoint({before.headers["etag"]})


@given(HEADERS)
def test_what_decides_is_in_the_key_and_is_there_once(headers: list[tuple[bytes, bytes]]) -> None:
    asked = again.asked("http", b"/x", headers)
    names = [name for name, _ in headers]
    twice = any(names.count(name) > 1 for name in (b"accept", b"host"))
    if asked is None:
        assert twice or names.count(b"if-none-match") > 1
    else:
        assert not twice
        given = dict(headers)
        assert asked.key == ("http", b"/x", given.get(b"host", b""), given.get(b"accept", b""), b"")


@pytest.mark.parametrize("name", [b"authorization", b"prefer", b"content-length", b"expect"])
def test_request_that_may_ask_for_more_is_read(name: bytes) -> None:
    assert again.asked("http", b"/x", [(b"host", b"h"), (name, b"1")]) is None
