"""Writes to a release: who may, what is refused, what is published, what is told of it."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
import rdflib
from serving import serving, until

from kg import vocab
from kg.build import Inputs, build
from kg.errors import InputError, Locked, QueryMemoryExceeded, QueryTimeout
from kg.release import Home
from kg.settings import Settings
from kg.tokens import Tokens
from kg.workers import Step, Update, ondisk

EDITS = vocab.EDITS
BAIDU = f"<{vocab.BASE}organization/baidu>"
NOTE = "http://www.w3.org/2004/02/skos/core#note"
UPDATE = {"Content-Type": "application/sparql-update"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("home"))
    build(home, Settings(), Inputs(), lambda *_: None)
    return home


@pytest.fixture(scope="module")
def token(home: Home) -> str:
    return Tokens(home.path).add("ann", ["edits/ann", "edits/shared"])


@pytest.fixture(scope="module")
def url(home: Home, token: str) -> Iterator[str]:
    with serving(home) as server:
        yield server.url
        assert server.stop() == 0
        said = server.log.read_text().splitlines()
        assert all(line.startswith("serving ") for line in said), said


@pytest.fixture
def client(url: str, token: str) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        yield client


def insert(text: str, graph: str = "ann") -> str:
    return f"INSERT DATA {{ GRAPH <{EDITS}{graph}> {{ {text} }} }}"


def ask(client: httpx.Client, pattern: str) -> bool:
    answer = client.get("/sparql", params={"query": f"ASK {{ {pattern} }}", "format": "json"})
    return bool(answer.json()["boolean"])


def release(client: httpx.Client) -> str:
    return str(client.get("/health").json()["release"])


def test_edit_is_published_merged_and_audited_at_once(home: Home, client: httpx.Client) -> None:
    before = release(client)
    note = f'{BAIDU} <{NOTE}> "checked by hand"'
    assert client.post("/sparql", content=insert(note), headers=UPDATE).status_code == 204
    assert ask(client, note)  # the default graph is the merge
    assert ask(client, f"GRAPH <{EDITS}ann> {{ {note} }}")
    after = release(client)
    assert after != before
    assert home.current().id == after
    home.current().verify()
    who = f"<{vocab.BASE}agent/ann>"
    audit = f"?edit <{vocab.PROV}wasAssociatedWith> {who} ; <{vocab.PROV}endedAtTime> ?when"
    assert ask(client, f"GRAPH <{vocab.AUDIT}> {{ {audit} }}")
    assert not ask(client, audit)
    delete = f"DELETE WHERE {{ GRAPH <{EDITS}ann> {{ ?s <{NOTE}> ?o }} }}"
    assert client.post("/sparql", data={"update": delete}).status_code == 204
    assert not ask(client, note)


def test_lookup_never_answers_from_before_an_update(url: str, client: httpx.Client) -> None:
    def looked_up() -> int:
        lines = httpx.get(f"{url}/metrics").text.splitlines()
        return int(next(line for line in lines if line.startswith("kg_lookups_total ")).split()[1])

    def asked(query: str) -> str:
        return httpx.get(f"{url}/sparql", params={"query": query, "format": "csv"}).text

    for number in range(5):
        text = insert(f'{BAIDU} <{NOTE}> "looked up {number}"@en')
        assert client.post("/sparql", content=text, headers=UPDATE).status_code == 204
        assert f"looked up {number}" in asked(f"SELECT ?o {{ {BAIDU} <{NOTE}> ?o }}")
    before = looked_up()
    numbers = itertools.count()

    def here() -> bool:
        query = f"ASK {{ {BAIDU} ?p_{next(numbers)} ?o }}"
        assert asked(query) == "true"
        return looked_up() > before

    until(here)


def test_graph_is_put_patched_and_deleted(client: httpx.Client) -> None:
    turtle = {"Content-Type": "text/turtle"}
    target = "/graphs/edits/shared"
    for status in (201, 204):
        put = client.put(target, content=f'{BAIDU} <{NOTE}> "a" .', headers=turtle)
        assert put.status_code == status, put.text
    posted = client.post(target, content=f'{BAIDU} <{NOTE}> "b" .', headers=turtle)
    assert posted.status_code == 204
    patch = f'DELETE DATA {{ {BAIDU} <{NOTE}> "a" }}'
    assert client.patch(target, content=patch, headers=UPDATE).status_code == 204
    found = rdflib.Graph().parse(data=client.get(target).text, format="turtle")
    assert [str(value) for value in found.objects()] == ["b"]
    assert client.delete(target).status_code == 204
    assert client.get(target).status_code == 404


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/turtle", "text/plain"])
def test_change_that_violates_a_shape_is_refused_with_the_report(
    client: httpx.Client, accept: str
) -> None:
    before = release(client)
    wrong = insert(f"{BAIDU} a <{vocab.AIC}Empowerment>")
    headers = UPDATE | {"Accept": accept}
    answer = client.post("/sparql", content=wrong, headers=headers)
    assert answer.status_code == 422, answer.text
    if accept == "text/turtle":
        report = rdflib.Graph().parse(data=answer.text, format="turtle")
        assert len(set(report.subjects(rdflib.RDF.type, rdflib.SH.ValidationResult))) >= 1
    elif accept == "text/plain":
        assert "organization/baidu" in answer.text
    else:
        document = answer.json()
        assert document["type"] == "/problems#not-conforming"
        assert document["report"]["conforms"] is False
        assert any(each["severity"] == "Violation" for each in document["report"]["results"])
    assert release(client) == before
    assert not ask(client, f"{BAIDU} a <{vocab.AIC}Empowerment>")


@pytest.mark.parametrize(
    ("update", "status", "message"),
    [
        (insert("<urn:a> <urn:b> <urn:c>", "ben"), 403, "may not write to"),
        ("INSERT DATA { <urn:a> <urn:b> <urn:c> }", 403, "merge of the others"),
        ("CLEAR ALL", 403, "chooses its graphs"),
        ("DELETE { GRAPH ?g { ?s ?p ?o } } WHERE { GRAPH ?g { ?s ?p ?o } }", 403, "line 1"),
        (f"CLEAR GRAPH <{vocab.graph('source/curated')}>", 403, "belongs to its source"),
        (f"MOVE <{vocab.graph('ontology')}> TO <{EDITS}ann>", 403, "belongs to its source"),
        (f"LOAD <file:///etc/passwd> INTO GRAPH <{EDITS}ann>", 403, "LOAD is refused"),
    ],
)
def test_write_beyond_the_scope_of_a_token_is_forbidden(
    client: httpx.Client, update: str, status: int, message: str
) -> None:
    answer = client.post("/sparql", content=update, headers=UPDATE)
    assert answer.status_code == status
    assert message in answer.json()["detail"]


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer nobody", "Basic YTpi", "Bearer \xff"])
def test_write_without_a_known_token_is_unauthorized(url: str, header: str | None) -> None:
    headers = UPDATE | ({"Authorization": header.encode("latin-1")} if header else {})
    answer = httpx.post(f"{url}/sparql", content=insert("<urn:a> <urn:b> 1"), headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    turtle = {"Content-Type": "text/turtle"} | {k: headers[k] for k in headers if k[0] == "A"}
    for method in ("PUT", "POST", "PATCH", "DELETE"):
        for graph in ("source/curated", "edits/nothing", "nothing"):  # nor told what there is
            answer = httpx.request(
                method, f"{url}/graphs/{graph}", content=b"#" * 2**20, headers=turtle
            )
            assert answer.status_code == 401
            assert answer.headers["content-type"] == "application/problem+json"
    answer = httpx.post(f"{url}/sparql", content="not SPARQL", headers=headers)
    assert answer.status_code == 401


def test_token_that_was_revoked_is_unauthorized_at_once(home: Home, url: str) -> None:
    secret = Tokens(home.path).add("gone", ["edits/gone"])
    headers = {"Authorization": f"Bearer {secret}"}
    target = f"{url}/graphs/edits/gone"
    assert httpx.delete(target, headers=headers).status_code == 404
    Tokens(home.path).revoke("gone")
    assert httpx.delete(target, headers=headers).status_code == 401


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE"])
def test_graph_beyond_the_scope_of_a_token_is_forbidden_whether_it_exists_or_not(
    client: httpx.Client, method: str
) -> None:
    for graph in ("source/curated", "edits/ben", "nothing"):
        answer = client.request(method, f"/graphs/{graph}", content="")
        assert answer.status_code == 403, graph


def test_document_of_an_unknown_type_is_refused_to_who_may_write(client: httpx.Client) -> None:
    answer = client.put("/graphs/edits/ann", content="<a> <b> <c> .")
    assert (answer.status_code, answer.json()["type"]) == (415, "/problems#unsupported-media-type")


def test_service_description_says_that_writes_are_taken(client: httpx.Client) -> None:
    assert "SPARQL11Update" in client.get("/sparql").text


# On disk


def test_release_on_disk_takes_writes_as_one_in_memory_does(
    home: Home, token: str, tmp_path: Path
) -> None:
    own = Home(shutil.copytree(home.path, tmp_path / "home", symlinks=True))
    headers = {"Authorization": f"Bearer {token}"}
    with (
        serving(own, memory=1) as server,
        httpx.Client(base_url=server.url, headers=headers, timeout=60) as client,
    ):
        before = release(client)
        note = f'{BAIDU} <{NOTE}> "on disk"'
        assert client.post("/sparql", content=insert(note), headers=UPDATE).status_code == 204
        assert ask(client, note)
        assert ask(client, f"GRAPH <{EDITS}ann> {{ {note} }}")
        assert own.current().id == release(client) != before
        own.current().verify()
        wrong = insert(f"{BAIDU} a <{vocab.AIC}Empowerment>")
        assert client.post("/sparql", content=wrong, headers=UPDATE).status_code == 422
        broken = client.put(
            "/graphs/edits/ann", content="<a> <b", headers={"Content-Type": "text/turtle"}
        )
        assert (broken.status_code, broken.json()["type"]) == (400, "/problems#input-error")
        turtle = {"Content-Type": "text/turtle"}
        put = client.put("/graphs/edits/ann", content=f"{note} .", headers=turtle)
        assert put.status_code == 204  # what there is already is no change
        assert client.delete("/graphs/edits/ann").status_code == 204
        assert not ask(client, note)
        assert not [*(own.path / "candidates").iterdir()]
        assert server.stop() == 0


def test_endless_update_of_a_release_on_disk_is_ended_and_leaves_nothing(
    home: Home, tmp_path: Path
) -> None:
    insert = "INSERT { GRAPH <urn:g> { ?a ?b ?f } } WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
    write = Update((Step(insert),), None, ("urn:g",))
    store = home.current().store_path
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    before = children.read_text()
    with pytest.raises(QueryTimeout, match=r"limit of 1\.5 seconds"):
        asyncio.run(ondisk.change(store, tmp_path, write, 1.5, 2**30))
    assert children.read_text() == before
    doubled = "".join(f"BIND(CONCAT(?x{n}, ?x{n}) AS ?x{n + 1}) " for n in range(30))
    insert = "INSERT { GRAPH <urn:g> { <urn:s> <urn:p> ?x30 } }"
    bomb = f"{insert} WHERE {{ BIND('x' AS ?x0) {doubled} }}"
    with TemporaryDirectory(dir=tmp_path) as folder, pytest.raises(QueryMemoryExceeded):
        write = Update((Step(bomb),), None, ("urn:g",))
        asyncio.run(ondisk.change(store, Path(folder), write, 60, 64 * 2**20))


def test_trial_that_a_build_swept_away_is_said_to_be_so(home: Home) -> None:
    with pytest.raises(Locked, match="a build began"), home.trying() as folder:
        with home.building():
            pass
        (folder / "store").write_text("")


# Tokens


def test_token_is_kept_as_a_digest_that_only_its_owner_reads(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    secret = tokens.add("ann", [])
    file = tmp_path / "tokens.json"
    assert secret not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    known = tokens.known(secret)
    assert known is not None
    assert known.allows(f"{EDITS}anything")
    assert not known.allows(vocab.graph("source/ror"))
    assert tokens.known(secret + "x") is None
    tokens.revoke("ann")
    assert tokens.known(secret) is None


@pytest.mark.parametrize(
    ("name", "graph"),
    [("A b", "edits/x"), ("ben", "source/ror"), ("ben", "edits/"), ("ann", "edits/x")],
)
def test_token_that_cannot_be_is_refused(tmp_path: Path, name: str, graph: str) -> None:
    tokens = Tokens(tmp_path)
    tokens.add("ann", [])
    with pytest.raises(InputError):
        tokens.add(name, [graph])
    with pytest.raises(InputError):
        tokens.revoke("nobody")
    assert list(tokens.all()) == ["ann"]
    (tmp_path / "tokens.json").write_text(json.dumps([{"name": "ann"}]))
    with pytest.raises(InputError, match="damaged"):
        tokens.all()
