"""A server under load, at its limits, and while releases change under it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from serving import HOSTILE, SCRIPT, Server, publish, serving, until

from api.server import serve
from kg.errors import InputError, NoRelease
from kg.release import Home
from kg.settings import Settings

ENDLESS = "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
ENDLESS_ROWS = "SELECT * WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
BOMB = (
    'SELECT (GROUP_CONCAT(STR(?c); separator="-----------------------------------") AS ?n) '
    "WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
)
MIB = 1024 * 1024


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "kg")
    publish(home)
    return home


def ask(server: Server, query: str, **more: str) -> httpx.Response:
    return httpx.get(f"{server.url}/sparql", params={"query": query, **more}, timeout=60)


def problem(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, str(response.json()["type"])


# Limits


def test_endless_query_ends_at_its_deadline_while_others_are_answered(home: Home) -> None:
    with serving(home, deadline=3) as server, ThreadPoolExecutor() as threads:
        endless = threads.submit(ask, server, ENDLESS)
        answered = 0
        while not endless.done():
            assert ask(server, "ASK {}").json()["boolean"] is True
            answered += 1
        assert answered > 10
        response = endless.result()
        assert problem(response) == (503, "/problems#query-timeout")
        assert "3 seconds" in response.json()["detail"]
        assert ask(server, "ASK {}").status_code == 200


def test_query_over_its_memory_is_refused(home: Home) -> None:
    with serving(home, deadline=60, query_memory=128 * MIB) as server:
        assert problem(ask(server, BOMB)) == (507, "/problems#query-memory-exceeded")
        assert ask(server, "ASK {}").status_code == 200


def test_full_queue_says_when_to_come_again(home: Home) -> None:
    with serving(home, deadline=4, workers=1, queue=1) as server, ThreadPoolExecutor() as threads:
        asked = [threads.submit(ask, server, ENDLESS) for _ in range(4)]
        answers = [each.result() for each in asked]
        busy = [answer for answer in answers if answer.status_code == 429]
        assert len(busy) >= 1  # a long query makes way, so two may run
        assert problem(busy[0]) == (429, "/problems#busy")
        assert int(busy[0].headers["retry-after"]) > 0
        assert {answer.status_code for answer in answers} == {429, 503}


def test_worker_that_dies_again_and_again_is_a_bad_gateway(home: Home) -> None:
    with serving(home, deadline=60) as server, ThreadPoolExecutor() as threads:
        parent = server.descendants()[0]
        endless = threads.submit(ask, server, ENDLESS)
        while not endless.done():
            time.sleep(0.3)
            for worker in server.descendants():
                if worker != parent:
                    with suppress(ProcessLookupError):
                        os.kill(worker, signal.SIGKILL)
        assert problem(endless.result()) == (502, "/problems#worker-crash")
        assert ask(server, "ASK {}").status_code == 200


def test_answer_that_breaks_off_is_cut_and_never_a_whole_one(home: Home) -> None:
    with serving(home, deadline=1) as server:
        with (
            pytest.raises(httpx.RemoteProtocolError),
            httpx.stream("GET", f"{server.url}/sparql", params={"query": ENDLESS_ROWS}) as answer,
        ):
            assert answer.status_code == 200
            for _ in answer.iter_bytes():
                pass
        assert "was cut short" in server.log.read_text()
        assert ask(server, "ASK {}").status_code == 200


def test_client_that_leaves_frees_its_worker(home: Home) -> None:
    with serving(home, deadline=60, workers=1, queue=1) as server:
        for _ in range(3):
            with pytest.raises(httpx.ReadTimeout):
                httpx.get(f"{server.url}/sparql", params={"query": ENDLESS}, timeout=0.5)
        assert ask(server, "ASK {}").status_code == 200
        with httpx.stream("GET", f"{server.url}/sparql", params={"query": ENDLESS_ROWS}) as answer:
            next(answer.iter_bytes())
        assert ask(server, "ASK {}").status_code == 200


def test_client_that_leaves_in_the_middle_of_its_query_is_no_error(home: Home) -> None:
    with serving(home) as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(
                b"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
                b"Content-Type: application/sparql-query\r\n\r\nASK"
            )
        assert ask(server, "ASK {}").status_code == 200
        assert server.stop() == 0
        assert server.log.read_text() == ""


def test_many_ask_at_once(home: Home) -> None:
    with serving(home) as server, ThreadPoolExecutor(16) as threads:
        path = f"{server.url}/queries/empowerment/fields-of-platform.csv?platform=baidu"
        answers = list(threads.map(lambda _: httpx.get(path, timeout=60), range(200)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.text for answer in answers}) == 1


def test_malformed_http_gets_an_answer(home: Home) -> None:
    with serving(home) as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nbroken\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 400")
        assert ask(server, "ASK {}").status_code == 200


# Releases


def variant(number: int) -> str:
    return HOSTILE + f'GRAPH <https://example.org/g> {{ <https://example.org/n> a "{number}" }}'


class Stream:
    """Clients that never stop asking, and what they were answered."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.releases: list[str] = []
        self.failures: list[object] = []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.ask, args=(path,)) for path in self.paths()]

    def paths(self) -> Iterator[str]:
        yield "/queries/empowerment/fields-of-platform.csv?platform=baidu"
        yield "/id/organization/baidu?format=html"
        yield "/sparql?query=SELECT%20*%20%7B?a%20?b%20?c%20.%20?d%20?e%20?f%7D%20LIMIT%2020000"
        yield "/"

    def ask(self, path: str) -> None:
        with httpx.Client(base_url=self.server.url, timeout=60) as client:
            while not self.over.is_set():
                try:
                    answer = client.get(path)
                    if answer.status_code != 200:
                        self.failures.append((path, answer.status_code, answer.text))
                    self.releases.append(answer.headers["x-kg-release"])
                except httpx.HTTPError as error:
                    self.failures.append((path, repr(error)))

    def __enter__(self) -> Stream:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()


def test_publish_while_serving_is_picked_up_without_a_failed_request(home: Home) -> None:
    with serving(home) as server, Stream(server) as stream:
        published = [home.current().id]
        for number in range(3):
            new = publish(home, variant(number), f"2026-01-0{number + 2}T00:00:00+00:00").id
            published.append(new)
            until(lambda new=new: new in stream.releases)
        until(lambda: len(set(stream.releases[-8:])) == 1)
        answer = ask(server, "SELECT ?n { <https://example.org/n> a ?n }", format="csv")
        assert answer.text.split() == ["n", "2"]
        home.rollback()
        until(lambda: stream.releases[-1] == published[-2])
    assert stream.failures == []
    assert set(stream.releases) == set(published)


def test_only_the_release_being_served_is_kept_from_prune(home: Home) -> None:
    with serving(home) as server:
        first = home.current().id
        # One more than it is current: the server still holds the first while it loads.
        second = publish(home, variant(1), "2026-01-02T00:00:00+00:00").id
        until(lambda: httpx.get(f"{server.url}/health").json()["release"] == second)
        until(lambda: home.prune(0) == [first])
        assert ask(server, "ASK {}").status_code == 200


def test_old_release_answers_until_its_last_answer_ends(home: Home) -> None:
    with serving(home, deadline=60) as server:
        first = home.current().id
        rows = {"query": "SELECT * WHERE { ?a ?b ?c . ?d ?e ?f } LIMIT 150000", "format": "csv"}
        # Compressed, all of it would be on its way before it is read.
        plain = {"Accept-Encoding": "identity"}
        with httpx.stream(
            "GET", f"{server.url}/sparql", params=rows, headers=plain, timeout=60
        ) as answer:
            parts = answer.iter_bytes()
            next(parts)
            second = publish(home, variant(1), "2026-01-02T00:00:00+00:00").id
            until(lambda: httpx.get(f"{server.url}/health").json()["release"] == second)
            assert home.prune(0) == []
            size = sum(part.count(b"\n") for part in parts)
            assert answer.headers["x-kg-release"] == first
            assert size > 100_000
        until(lambda: home.prune(0) == [first])


def test_release_that_cannot_be_opened_is_logged_and_the_old_one_stays(home: Home) -> None:
    with serving(home) as server:
        first = home.current().id
        broken = publish(home, variant(1), "2026-01-02T00:00:00+00:00")
        for damaged in (broken.dump_path, broken.path / "manifest.json"):
            damaged.write_bytes(b"damaged")
        with httpx.Client(base_url=server.url) as client:
            until(lambda: "still serving" in server.log.read_text())
            assert client.get("/health").json()["release"] == first
        assert ask(server, "ASK {}").status_code == 200


# Start and end


def test_server_that_is_told_to_end_finishes_its_answers_and_leaves_no_process(home: Home) -> None:
    with serving(home) as server, ThreadPoolExecutor() as threads:
        rows = "SELECT * WHERE { ?a ?b ?c . ?d ?e ?f } LIMIT 100000"
        answer = threads.submit(ask, server, rows, format="csv")
        until(lambda: not answer.running() or answer.done() or bool(server.descendants()))
        time.sleep(0.2)
        started = server.descendants()
        assert len(started) >= 3
        assert server.stop() == 0
        assert len(answer.result().text.splitlines()) == 100_001
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started))
        assert server.log.read_text() == ""


def test_second_signal_ends_it_at_once(home: Home) -> None:
    with serving(home, deadline=300) as server, ThreadPoolExecutor() as threads:
        endless = threads.submit(ask, server, ENDLESS)
        time.sleep(0.5)
        started = server.descendants()
        server.process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(30) == 0
        # Its client is told, or finds the connection closed.
        with suppress(httpx.HTTPError):
            assert endless.result().status_code != 200
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started))


def test_nothing_published_is_said_before_a_port_is_taken(tmp_path: Path) -> None:
    with pytest.raises(NoRelease, match="kg build"):
        serve(Home(tmp_path), Settings(home=tmp_path), port=0)


def test_address_in_use_is_an_input_error(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"127.0.0.1:{port}"):
            serve(home, Settings(home=home.path), port=port)


def test_damaged_release_is_one_error_at_the_start(home: Home) -> None:
    (home.current().path / "manifest.json").write_text("{}")
    environment = os.environ | {"KG_HOME": str(home.path)}
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environment,
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert ended.stderr.strip().splitlines()[-1].startswith("kg.errors.ReleaseError: ")
    assert ended.stdout == ""
