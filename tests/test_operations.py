"""The server as its operator meets it: health, metrics, log, prefix, proxies, reload."""

from __future__ import annotations

import json
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from serving import publish, serving, until

from api import telemetry
from kg.errors import InputError
from kg.release import Home
from kg.settings import Settings

BROWSER = {"Accept": "text/html"}
QUERY = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f }"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "kg")
    publish(home)
    return home


def metrics(url: str) -> dict[str, float]:
    text = httpx.get(f"{url}/metrics").text
    assert text.endswith("\n")
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            assert re.fullmatch(r"# TYPE kg_\w+ (counter|gauge|histogram)", line)
            continue
        name, _, value = line.rpartition(" ")
        assert re.fullmatch(r'kg_\w+(\{(\w+="[^"]*",?)+\})?', name)
        found[name] = float(value)
    return found


def test_health_metrics_and_log(home: Home) -> None:
    log = home.path / "log.jsonl"
    with serving(home, log=log, slow=0.000001) as server:
        url = server.url
        assert httpx.get(f"{url}/health/live").json() == {"status": "ok"}
        ready = httpx.get(f"{url}/health/ready").json()
        assert ready == {"status": "ok", "release": home.current().id}
        secret = {"Authorization": "Bearer secret", "X-Request-ID": "mine-1"}
        answer = httpx.get(f"{url}/sparql", params={"query": QUERY, "a": "secret"}, headers=secret)
        assert answer.headers["x-request-id"] == "mine-1"
        hostile = {"X-Request-ID": "x" * 65}
        httpx.get(f"{url}/sparql", params={"query": "SELECT"}, headers=hostile)
        found = metrics(url)
        of_sparql = 'kg_requests_total{route="sparql",method="GET",status='
        assert (found[of_sparql + '"200"}'], found[of_sparql + '"400"}']) == (1, 1)
        assert found['kg_request_seconds_count{route="sparql"}'] == 2
        assert found['kg_request_seconds_bucket{route="sparql",le="+Inf"}'] == 2
        assert found[f'kg_release_info{{release="{home.current().id}"}}'] == 1
        assert found["kg_cache_bytes"] >= len(answer.content)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        (ours,) = (line for line in lines if line["id"] == "mine-1")
        assert (ours["path"], ours["status"], ours["bytes"]) == (
            "/sparql",
            200,
            len(answer.content),
        )
        assert len(ours["query"]) == 16
        assert QUERY in ours["slow"]
        assert "secret" not in log.read_text()
        assert "x" * 65 not in log.read_text()
        assert server.stop() == 0


def taken(url: str) -> tuple[float, ...]:
    """Queries that made way, workers that are free, queries that wait."""
    found = metrics(url)
    names = ("queries_long", "workers_free", "queries_waiting")
    return tuple(found[f"kg_{name}"] for name in names)


def test_server_whose_workers_are_all_taken_says_that_it_is_not_ready(home: Home) -> None:
    endless = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
    with (
        serving(home, workers=1, queue=1, deadline=30) as server,
        ThreadPoolExecutor() as threads,
    ):
        # A long query makes way for a short one, once; the third one waits, and none may after it.
        for state in ((1, 1, 0), (1, 0, 0), (1, 0, 1)):
            threads.submit(httpx.get, f"{server.url}/sparql", params={"query": endless}, timeout=60)
            until(lambda: taken(server.url) == state)  # noqa: B023
        answer = httpx.get(f"{server.url}/health/ready")
        assert (answer.status_code, answer.json()["type"]) == (429, "/problems#busy")
        assert answer.headers["content-type"] == "application/problem+json"
        assert httpx.get(f"{server.url}/health/live").status_code == 200
        server.process.kill()  # nobody waits for the endless ones to end


def test_service_below_a_prefix_links_to_itself(home: Home) -> None:
    with serving(home, prefix="/kg", proxies="127.0.0.1") as server:
        forwarded = {"Host": "example.org", "X-Forwarded-Proto": "https"}
        client = httpx.Client(base_url=server.url, headers=forwarded, timeout=30)
        pages = ["/kg/", "/kg/queries", "/kg/sparql", "/kg/id/organization/baidu", "/kg/nowhere"]
        pages.append("/kg/queries/empowerment/fields-of-platform.html?platform=baidu")
        for path in pages:
            page = client.get(path, headers=BROWSER).text
            inside = re.findall(r'(?:href|action|src)="(/[^"]*)"', page)
            assert inside
            assert all(each.startswith("/kg/") for each in inside), path
            for each in {each for each in inside if "/static/" in each}:
                assert client.get(each).status_code == 200
        described = client.get("/kg/sparql", headers={"Accept": "application/n-triples"}).text
        assert "<https://example.org/kg/sparql>" in described
        # A proxy may take the prefix off itself.
        assert client.get("/health").json() == client.get("/kg/health").json()
        assert client.get("/kg/nowhere").json()["type"] == "/kg/problems#not-found"
        client.close()


def test_who_asks_through_a_proxy_is_in_the_log_however_it_is_answered(home: Home) -> None:
    log = home.path / "proxied.jsonl"
    query = {"query": "SELECT ?p { <https://w3id.org/aicluster/id/organization/baidu> ?p ?o }"}
    with serving(home, proxies="127.0.0.1, 10.0.0.0/8", log=log) as server:
        for path in ("/sparql", "/sparql", "/health"):
            headers = {"X-Forwarded-For": "192.0.2.9, 198.51.100.7, 10.1.2.3"}
            assert httpx.get(server.url + path, params=query, headers=headers).status_code == 200
        headers = {"X-Forwarded-Proto": "https", "Host": "example.org"}
        relative = {"query": "SELECT (STR(<a>) AS ?a) {}", "format": "csv"}
        answer = httpx.get(f"{server.url}/sparql", params=relative, headers=headers)
        assert answer.text == "a\r\nhttps://example.org/a\r\n"
        until(lambda: log.read_text().count("\n") == 4)
    clients = [json.loads(line)["client"] for line in log.read_text().splitlines()]
    assert clients == ["198.51.100.7"] * 3 + ["127.0.0.1"]


def test_headers_of_a_stranger_are_not_believed(home: Home) -> None:
    with serving(home) as server:
        headers = {"X-Forwarded-Proto": "https", "Accept": "application/n-triples"}
        described = httpx.get(f"{server.url}/sparql", headers=headers).text
        assert f"<{server.url}/sparql>" in described


def test_reload_opens_the_release_anew_without_a_failed_request(home: Home) -> None:
    with serving(home) as server:
        before = set(server.descendants())
        server.process.send_signal(signal.SIGHUP)
        until(lambda: "loaded anew" in server.log.read_text())
        assert httpx.get(f"{server.url}/sparql", params={"query": "ASK {}"}).status_code == 200
        until(lambda: not before & set(server.descendants()))
        assert len(server.descendants()) == len(before)


def test_log_that_cannot_be_written_is_said_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="KG_LOG"):
        telemetry.Telemetry(Settings(log=str(tmp_path / "no" / "log")))
