"""`/ontology` as people and programs meet it: pages, formats, modules, versions."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator

import httpx
import pytest
import rdflib
from pyoxigraph import NamedNode, RdfFormat, parse
from serving import publish, serving

from kg import ontology
from kg.ontology.versions import versions
from kg.release import Home
from kg.settings import shipped

HTML = {"Accept": "text/html"}
FORMATS = {
    "ttl": ("text/turtle", RdfFormat.TURTLE),
    "rdf": ("application/rdf+xml", RdfFormat.RDF_XML),
    "jsonld": ("application/ld+json", RdfFormat.JSON_LD),
    "nt": ("application/n-triples", RdfFormat.N_TRIPLES),
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    home = Home(tmp_path_factory.mktemp("kg"))
    publish(home)
    with serving(home) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


def kind(response: httpx.Response) -> str:
    return response.headers["content-type"].partition(";")[0]


@pytest.mark.parametrize("name", FORMATS)
def test_whole_ontology_comes_in_each_format_with_the_same_statements(
    client: httpx.Client, name: str
) -> None:
    media_type, parser = FORMATS[name]
    by_name = client.get("/ontology", params={"format": name})
    by_accept = client.get("/ontology", headers={"Accept": media_type})
    assert by_name.status_code == by_accept.status_code == 200
    assert kind(by_name) == kind(by_accept) == media_type
    assert by_name.content == by_accept.content
    subjects = {quad.subject for quad in parse(by_name.content, format=parser)}
    terms = {subject.value for subject in subjects if isinstance(subject, NamedNode)}
    assert terms >= ontology.terms(shipped("ontology"))


@pytest.mark.parametrize(
    "path", ["place", "vocabularies/fields", "shapes/place", "shapes", "vocabularies"]
)
def test_part_of_the_ontology_has_an_address(client: httpx.Client, path: str) -> None:
    answer = client.get(f"/ontology/{path}")
    assert (answer.status_code, kind(answer)) == (200, "text/turtle")
    assert len(rdflib.Graph().parse(data=answer.text, format="turtle")) > 10


def test_frozen_version_is_served_and_may_be_kept(client: httpx.Client) -> None:
    number = versions(shipped("ontology"))[0]
    answer = client.get(f"/ontology/{number}/place")
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    frozen = shipped("ontology") / "releases" / number / "place.ttl"
    assert answer.content == frozen.read_bytes()


def test_browser_gets_pages_that_link_to_each_other(client: httpx.Client) -> None:
    index = client.get("/ontology", headers=HTML)
    assert (index.status_code, kind(index)) == (200, "text/html")
    links = set(re.findall(r'href="(/ontology/[a-z/-]+)[#"]', index.text))
    assert {"/ontology/place", "/ontology/empowerment", "/ontology/vocabularies/fields"} <= links
    for link in sorted(links):
        page = client.get(link, headers=HTML)
        assert (page.status_code, kind(page)) == (200, "text/html"), link


def test_page_shows_examples_of_the_release_and_queries(client: httpx.Client) -> None:
    page = client.get("/ontology/organization", headers=HTML).text
    assert 'href="https://w3id.org/aicluster/id/organization/' in page
    assert 'href="/queries/' in page


def test_style_of_a_page_is_allowed_by_its_digest_and_no_script_is(client: httpx.Client) -> None:
    page = client.get("/ontology/place", headers=HTML)
    (style,) = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = page.headers["content-security-policy"]
    assert f"'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "<script" not in page.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/ontology/nowhere", 404),
        ("/ontology/9.9.9", 404),
        ("/ontology/../place", 404),
        ("/ontology/%2e%2e/tables", 404),
        ("/ontology?format=csv", 406),
    ],
)
def test_what_is_not_there_is_a_problem(client: httpx.Client, path: str, status: int) -> None:
    answer = client.get(path)
    assert (answer.status_code, kind(answer)) == (status, "application/problem+json")


def test_nothing_is_written_there(client: httpx.Client) -> None:
    assert client.post("/ontology", content=b"x").status_code == 405
