"""The service as its clients meet it: a real server, a real release, HTTP."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pyoxigraph import (
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    RdfFormat,
    parse,
    parse_query_results,
)
from serving import HOSTILE, publish, serving

from api import openapi, problems
from api.prefix import PREFIX
from kg import errors, ontology
from kg.catalogue import Catalogue
from kg.errors import KnowledgeGraphError
from kg.release import Home
from kg.settings import shipped

SELECT = "SELECT ?s WHERE { ?s a <https://w3id.org/aicluster/ontology#Technology> } ORDER BY ?s"
GRAPH = "CONSTRUCT { ?s a ?c } WHERE { ?s a ?c }"
BAIDU = {"platform": "organization/baidu"}
FIELDS = "/queries/empowerment/fields-of-platform"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
EXPECTED = Path(__file__).parent / "queries"

#: Keys that link decisions joined to others; the second says something itself.
MOVED = """
PREFIX dcterms: <http://purl.org/dc/terms/>
PREFIX organization: <https://w3id.org/aicluster/id/organization/>
GRAPH <https://w3id.org/aicluster/graph/links> {
  organization:epoch-0123456789abcdef dcterms:isReplacedBy organization:baidu .
  organization:evil dcterms:isReplacedBy organization:baidu .
  organization:gone dcterms:isReplacedBy <https://evil.example/> .
}
"""

RESULTS = {
    "json": ("application/sparql-results+json", QueryResultsFormat.JSON),
    "xml": ("application/sparql-results+xml", QueryResultsFormat.XML),
    "csv": ("text/csv", None),
    "tsv": ("text/tab-separated-values", QueryResultsFormat.TSV),
}
GRAPHS = {
    "ttl": ("text/turtle", RdfFormat.TURTLE),
    "nt": ("application/n-triples", RdfFormat.N_TRIPLES),
    "jsonld": ("application/ld+json", RdfFormat.JSON_LD),
    "rdf": ("application/rdf+xml", RdfFormat.RDF_XML),
    "nq": ("application/n-quads", RdfFormat.N_QUADS),
    "trig": ("application/trig", RdfFormat.TRIG),
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = Home(tmp_path_factory.mktemp("kg"))
    publish(home, HOSTILE + MOVED)
    with serving(home) as server:
        yield server.url
        assert server.stop() == 0
        assert server.log.read_text() == ""


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=30) as client:
        yield client


def kind(response: httpx.Response) -> str:
    return response.headers["content-type"].partition(";")[0]


def refused(response: httpx.Response, status: int, name: str) -> dict[str, Any]:
    """The problem that a response must be."""
    assert (response.status_code, kind(response)) == (status, "application/problem+json")
    found: dict[str, Any] = response.json()
    assert found["status"] == status
    assert found["type"] == f"/problems#{name}"
    assert set(found) == {"type", "title", "status", "detail", "instance"}
    return found


# Formats


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.parametrize("by", ["format", "accept"])
def test_select_in_every_format(client: httpx.Client, name: str, by: str) -> None:
    media_type, parser = RESULTS[name]
    parameters = {"query": SELECT} | ({"format": name} if by == "format" else {})
    accept = "*/*" if by == "format" else media_type
    response = client.get("/sparql", params=parameters, headers={"Accept": accept})
    assert (response.status_code, kind(response)) == (200, media_type)
    if parser is None:
        rows = [*csv.reader(io.StringIO(response.text))]
        assert rows[0] == ["s"]
        assert len(rows) == 3
    else:
        results = parse_query_results(response.content, parser)
        assert isinstance(results, QuerySolutions)
        assert len([*results]) == 2


@pytest.mark.parametrize("name", ["json", "xml"])
def test_ask_in_its_formats(client: httpx.Client, name: str) -> None:
    response = client.get("/sparql", params={"query": "ASK {}", "format": name})
    media_type, parser = RESULTS[name]
    assert kind(response) == media_type
    assert parser is not None
    result = parse_query_results(response.content, parser)
    assert isinstance(result, QueryBoolean)
    assert bool(result)


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("by", ["format", "accept"])
def test_graphs_in_every_format(client: httpx.Client, name: str, by: str) -> None:
    media_type, parser = GRAPHS[name]
    parameters = {"query": GRAPH} | ({"format": name} if by == "format" else {})
    accept = "*/*" if by == "format" else media_type
    response = client.get("/sparql", params=parameters, headers={"Accept": accept})
    assert (response.status_code, kind(response)) == (200, media_type)
    assert len(list(parse(response.content, format=parser))) > 20


@pytest.mark.parametrize("suffix", [*RESULTS, "html"])
def test_suffix_of_a_named_query_picks_the_format(client: httpx.Client, suffix: str) -> None:
    response = client.get(f"{FIELDS}.{suffix}", params=BAIDU)
    assert response.status_code == 200
    assert kind(response) == RESULTS.get(suffix, ("text/html",))[0]
    assert "connected-vehicle" in response.text


def test_named_query_answers_as_the_catalogue_expects(client: httpx.Client) -> None:
    response = client.get(f"{FIELDS}.csv", params=BAIDU)
    expected = (EXPECTED / "empowerment" / "fields-of-platform.csv").read_text(encoding="utf-8")
    assert response.text.splitlines() == expected.splitlines()


def test_every_named_query_answers_with_the_examples_of_its_description(
    client: httpx.Client,
) -> None:
    listed = client.get("/queries").json()
    assert len(listed) == len(list(EXPECTED.glob("*/*.csv")))
    for query in listed:
        examples = {each["name"]: each["example"] for each in query["parameters"]}
        for suffix in ("csv", "html"):
            response = client.get(f"{query['url']}.{suffix}", params=examples)
            assert response.status_code == 200, response.text


def test_small_answer_has_its_length_and_a_large_one_is_streamed(client: httpx.Client) -> None:
    assert "content-length" in client.get("/sparql", params={"query": SELECT}).headers
    many = "SELECT * WHERE { ?a ?b ?c . ?d ?e ?f } LIMIT 20000"
    response = client.get("/sparql", params={"query": many, "format": "csv"})
    assert response.headers["transfer-encoding"] == "chunked"
    assert len(response.text.splitlines()) == 20001


# The protocol


@pytest.mark.parametrize(
    "request_",
    [
        {"method": "GET", "params": {"query": SELECT}},
        {"method": "POST", "data": {"query": SELECT}},
        {
            "method": "POST",
            "content": SELECT,
            "headers": {"Content-Type": "application/sparql-query; charset=UTF-8"},
        },
    ],
    ids=["GET", "POST form", "POST query"],
)
def test_three_ways_to_ask(client: httpx.Client, request_: dict[str, Any]) -> None:
    response = client.request(url="/sparql", **request_)
    assert len(response.json()["results"]["bindings"]) == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_dataset_of_the_request_stands_in_place_of_the_release(
    client: httpx.Client, method: str
) -> None:
    graph = "https://w3id.org/aicluster/graph/source/hostile"
    count = "SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }"
    send = {"params" if method == "GET" else "data": {"query": count, "default-graph-uri": graph}}
    response = client.request(method, "/sparql", **send)
    assert response.json()["results"]["bindings"][0]["n"]["value"] == "4"
    named = "SELECT DISTINCT ?g WHERE { GRAPH ?g { ?s ?p ?o } }"
    send = {"params" if method == "GET" else "data": {"query": named, "named-graph-uri": graph}}
    bindings = client.request(method, "/sparql", **send).json()["results"]["bindings"]
    assert [row["g"]["value"] for row in bindings] == [graph]


def test_head_is_get_without_a_body(client: httpx.Client) -> None:
    for path in ("/", "/health", "/sparql?query=ASK%7B%7D", f"{FIELDS}.csv?platform=baidu"):
        response = client.head(path)
        assert (response.status_code, response.content) == (200, b"")


def test_browser_of_another_origin_may_ask(client: httpx.Client) -> None:
    for path in ("/sparql", FIELDS, "/health"):
        asked = {"Origin": "https://example.org", "Access-Control-Request-Method": "GET"}
        preflight = client.options(path, headers=asked)
        assert preflight.status_code == 204
        assert "GET" in preflight.headers["access-control-allow-methods"]
        assert client.get(path).headers["access-control-allow-origin"] == "*"


def test_every_answer_names_its_release(client: httpx.Client) -> None:
    release = client.get("/health").json()["release"]
    for path in ("/", "/sparql", "/nowhere", "/queries", f"{FIELDS}.html?platform=baidu"):
        assert client.get(path).headers["x-kg-release"] == release
    assert client.get("/sparql", params={"query": SELECT}).headers["x-kg-release"] == release


def test_health_says_what_is_served(client: httpx.Client) -> None:
    found = client.get("/health").json()
    assert found["status"] == "ok"
    assert found["quads"] > 300


# Refusals

REFUSALS: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("POST", "/sparql", {"data": {"format": "json"}}, 400, "bad-request"),
    ("GET", "/sparql", {"params": [("query", "ASK {}")] * 2}, 400, "bad-request"),
    ("POST", "/sparql", {"data": {}, "params": {"update": "x"}}, 415, "unsupported-media-type"),
    ("POST", "/sparql", {"data": {"update": "CLEAR ALL"}}, 401, "unauthorized"),
    ("POST", "/sparql", {"data": {"update": "CLEAR"}}, 401, "unauthorized"),
    ("POST", "/sparql", {"data": {"update": "x", "query": "x"}}, 400, "bad-request"),
    ("GET", "/sparql", {"params": {"update": "CLEAR ALL"}}, 400, "bad-request"),
    (
        "POST",
        "/sparql",
        {"data": {"query": "ASK {}", "using-graph-uri": "http://example.org/"}},
        400,
        "bad-request",
    ),
    ("GET", "/graphs", {}, 400, "bad-request"),
    ("GET", "/graphs?default&graph=http://example.org/", {}, 400, "bad-request"),
    ("GET", "/graphs?graph=x", {}, 400, "bad-request"),
    ("GET", "/graphs/source/nothing", {}, 404, "not-found"),
    ("DELETE", "/graphs/source/nothing", {}, 401, "unauthorized"),
    ("PATCH", "/graphs/source/nothing", {}, 401, "unauthorized"),
    ("TRACE", "/graphs/source/nothing", {}, 405, "method-not-allowed"),
    ("PROPFIND", "/queries", {}, 405, "method-not-allowed"),
    (
        "PUT",
        "/graphs?default",
        {"content": "", "headers": {"Content-Type": "text/turtle"}},
        401,
        "unauthorized",
    ),
    ("PUT", "/graphs?default", {"content": "<a> <b> <c> ."}, 401, "unauthorized"),
    ("GET", "/sparql", {"params": {"query": "CLEAR ALL"}}, 400, "query-syntax-error"),
    ("GET", "/sparql", {"params": {"query": "SELECT ?x WHERE {"}}, 400, "query-syntax-error"),
    ("GET", "/sparql?query=%FF", {}, 400, "bad-request"),
    ("GET", "/sparql?query=ASK%20{}&default-graph-uri=x%20y", {}, 400, "bad-request"),
    (
        "POST",
        "/sparql",
        {"content": b"\xff", "headers": {"Content-Type": "application/sparql-query"}},
        400,
        "bad-request",
    ),
    (
        "GET",
        "/sparql",
        {"params": {"query": "SELECT * { SERVICE <http://localhost/> { ?s ?p ?o } }"}},
        403,
        "service-refused",
    ),
    ("GET", "/nowhere", {}, 404, "not-found"),
    ("GET", "/static/..%2Fserver.py", {}, 404, "not-found"),
    ("GET", "/static/nothing.css", {}, 404, "not-found"),
    ("GET", "/id/organization/nobody", {}, 404, "not-found"),
    ("GET", "/id/organization/No%3E%20body", {}, 404, "not-found"),
    ("GET", "/id/organization", {}, 404, "not-found"),
    ("GET", "/queries/empowerment/nothing", {}, 404, "unknown-query"),
    ("GET", "/queries/empowerment", {}, 404, "unknown-query"),
    ("GET", f"{FIELDS}.csv?platform=baidu&colour=red", {}, 400, "unknown-parameter"),
    ("GET", f"{FIELDS}.csv?platform=baidu&platform=tencent", {}, 422, "parameter-error"),
    ("GET", f"{FIELDS}.csv?platform=baidu&limit=0", {}, 400, "bad-request"),
    ("GET", f"{FIELDS}.csv?platform=baidu&offset=x", {}, 400, "bad-request"),
    ("GET", f"{FIELDS}.csv?platform=baidu&limit=1&limit=2", {}, 400, "bad-request"),
    ("GET", f"{FIELDS}?platform=baidu&shape=round", {}, 400, "bad-request"),
    ("GET", f"{FIELDS}.csv?platform=baidu&shape=objects", {}, 400, "bad-request"),
    ("GET", f"{FIELDS}.csv", {}, 422, "parameter-error"),
    ("GET", f"{FIELDS}.csv?platform=", {}, 422, "parameter-error"),
    ("GET", f"{FIELDS}.csv?platform=a%20b", {}, 422, "parameter-error"),
    (
        "GET",
        "/queries/empowerment/platforms-of-field.csv?field=finance&from=soon",
        {},
        422,
        "parameter-error",
    ),
    ("GET", "/queries/network/degrees.csv?relation=friendship", {}, 422, "parameter-error"),
    ("GET", f"{FIELDS}.pdf?platform=baidu", {}, 406, "not-acceptable"),
    ("GET", f"{FIELDS}.ttl?platform=baidu", {}, 406, "not-acceptable"),
    ("GET", "/sparql?query=ASK%20{}&format=pdf", {}, 406, "not-acceptable"),
    (
        "GET",
        "/sparql?query=ASK%20{}",
        {"headers": {"Accept": "image/png"}},
        406,
        "not-acceptable",
    ),
    ("PUT", "/sparql", {}, 405, "method-not-allowed"),
    ("DELETE", FIELDS, {}, 405, "method-not-allowed"),
    ("POST", "/", {}, 405, "method-not-allowed"),
    (
        "POST",
        "/sparql",
        {"content": "ASK {}", "headers": {"Content-Type": "text/plain"}},
        415,
        "unsupported-media-type",
    ),
    (
        "POST",
        "/sparql",
        {
            "content": "ASK {}",
            "headers": {"Content-Type": "application/sparql-query; charset=utf-16"},
        },
        415,
        "unsupported-media-type",
    ),
]


@pytest.mark.parametrize(("method", "path", "more", "status", "name"), REFUSALS)
def test_refusal_is_one_clear_problem(
    client: httpx.Client, method: str, path: str, more: dict[str, Any], status: int, name: str
) -> None:
    response = client.request(method, path, **more)
    found = refused(response, status, name)
    assert len(found["detail"]) > 10
    assert ("allow" in response.headers) == (status == 405)


def test_syntax_error_says_where(client: httpx.Client) -> None:
    response = client.get("/sparql", params={"query": "SELECT ?x\nWHERE { ?x ?y }"})
    assert "line 2, column 16" in refused(response, 400, "query-syntax-error")["detail"]


def test_refused_format_names_those_there_are(client: httpx.Client) -> None:
    detail = client.get(f"{FIELDS}.pdf", params=BAIDU).json()["detail"]
    assert all(name in detail for name in (*RESULTS, "html"))


@pytest.mark.parametrize("chunked", [False, True])
def test_body_over_a_mebibyte_is_refused(client: httpx.Client, chunked: bool) -> None:
    content = b"#" * (3 * 1024 * 1024)
    response = client.post(
        "/sparql",
        content=iter([content]) if chunked else content,
        headers={"Content-Type": "application/sparql-query"},
    )
    refused(response, 413, "content-too-large")


def test_long_query_within_the_limit_is_answered(client: httpx.Client) -> None:
    response = client.post("/sparql", data={"query": "ASK {} #" + "x" * 500_000})
    assert response.json()["boolean"] is True


def test_every_class_of_error_has_its_status() -> None:
    classes = [
        each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, KnowledgeGraphError)
    ]
    statuses = {each.__name__: problems.kind_of(each("x"))[1].status for each in classes}
    assert statuses == {
        "KnowledgeGraphError": 500,
        "InputError": 400,
        "ReleaseError": 503,
        "NoRelease": 503,
        "Outdated": 409,
        "Locked": 409,
        "Imbalance": 500,
        "QueryError": 400,
        "QuerySyntaxError": 400,
        "ServiceRefused": 403,
        "UnknownQuery": 404,
        "UnknownParameter": 400,
        "ParameterError": 422,
        "NotAcceptable": 406,
        "QueryTimeout": 503,
        "QueryMemoryExceeded": 507,
        "AnswerTooLarge": 507,
        "Busy": 429,
        "WorkerCrash": 502,
    }


# The catalogue as an API


def test_label_stands_for_what_is_called_so(client: httpx.Client) -> None:
    expected = client.get(f"{FIELDS}.csv", params=BAIDU).text
    assert len(expected.splitlines()) > 1
    for label in ("百度", "Baidu"):
        assert client.get(f"{FIELDS}.csv", params={"platform": label}).text == expected
    found = client.get(f"{FIELDS}.csv", params={"platform": "Nobody at all"})
    refused(found, 422, "parameter-error")


def test_pages_of_an_answer_are_the_answer(client: httpx.Client) -> None:
    whole = client.get(f"{FIELDS}.csv", params=BAIDU).text.splitlines()
    rows: list[str] = []
    url = f"{FIELDS}.csv?platform=organization/baidu&limit=1"
    while url:
        answer = client.get(url)
        assert answer.headers["x-total-count"] == str(len(whole) - 1)
        assert set(answer.links) >= {"first", "last"}
        rows += answer.text.splitlines()[1:]
        url = answer.links.get("next", {}).get("url", "")
    assert [whole[0], *rows] == whole
    assert "prev" in answer.links


def test_shape_of_objects_is_plain_json(client: httpx.Client) -> None:
    answer = client.get(FIELDS, params=BAIDU | {"shape": "objects"})
    assert kind(answer) == "application/json"
    first = answer.json()[0]
    assert first["field"].endswith("field/connected-vehicle")
    assert type(first["evidence"]) is int
    assert client.get(f"{FIELDS}.json", params=BAIDU | {"shape": "objects"}).json()[0] == first


def test_explained_query_is_the_one_that_runs(client: httpx.Client) -> None:
    answer = client.get(FIELDS, params=BAIDU | {"explain": "", "limit": "2"})
    assert kind(answer) == "application/sparql-query"
    assert "<https://w3id.org/aicluster/id/organization/baidu>" in answer.text
    assert "LIMIT 2" in answer.text
    rows = client.get("/sparql", params={"query": answer.text, "format": "csv"}).text
    assert rows == client.get(f"{FIELDS}.csv", params=BAIDU | {"limit": "2"}).text


def test_page_of_a_query_says_how_to_ask_it_from_a_program(client: httpx.Client) -> None:
    page = html.unescape(client.get(f"{FIELDS}.html", params=BAIDU).text)
    url = re.findall(r'pandas.read_csv\("([^"]*)"\)', page)[0]
    assert url.startswith(str(client.base_url))
    assert client.get(url).text == client.get(f"{FIELDS}.csv", params=BAIDU).text
    assert all(each in page for each in ("curl '", "read.csv(", "await fetch("))


# Resources


@pytest.mark.parametrize("name", GRAPHS)
def test_resource_as_rdf(client: httpx.Client, name: str) -> None:
    media_type, parser = GRAPHS[name]
    response = client.get("/id/organization/baidu", headers={"Accept": media_type})
    assert kind(response) == media_type
    quads = list(parse(response.content, format=parser))
    assert {str(quad.subject) for quad in quads} == {
        "<https://w3id.org/aicluster/id/organization/baidu>"
    }


def test_resource_as_a_page_names_what_it_links_to(client: httpx.Client) -> None:
    page = client.get("/id/organization/baidu", headers={"Accept": BROWSER}).text
    assert "百度" in page
    assert 'href="/id/place/beijing"' in page
    assert "What points to it" in page


def test_key_that_was_joined_to_another_leads_there_for_good(client: httpx.Client) -> None:
    for query in ("", "?format=ttl"):
        moved = client.get(f"/id/organization/epoch-0123456789abcdef{query}")
        assert moved.status_code == 301
        assert moved.headers["location"] == f"/id/organization/baidu{query}"
        assert "X-KG-Release" in moved.headers
    page = client.get(
        "/id/organization/epoch-0123456789abcdef",
        headers={"Accept": BROWSER}, follow_redirects=True,
    )  # fmt: skip
    assert (page.status_code, page.url.path) == (200, "/id/organization/baidu")


def test_key_that_says_something_itself_or_leads_elsewhere_stays(client: httpx.Client) -> None:
    for key in ("evil", "gone"):
        assert client.get(f"/id/organization/{key}").status_code == 200


# Pages


def test_markup_in_data_and_parameters_is_shown_as_text(client: httpx.Client) -> None:
    everything = "SELECT * WHERE { <https://w3id.org/aicluster/id/organization/evil> ?p ?o }"
    pages = [
        client.get("/id/organization/evil", headers={"Accept": BROWSER}),
        client.get("/sparql", params={"query": everything, "format": "html"}),
        client.get("/sparql", params={"query": GRAPH + "#<script>"}, headers={"Accept": BROWSER}),
        client.get("/queries/organizations/identity.html?organization=evil"),
        client.get(f"{FIELDS}.html", params={"platform": '"><script>alert(1)</script>'}),
        client.get("/<script>alert(1)</script>", headers={"Accept": BROWSER}),
        client.get(FIELDS, params={"<script>": "1"}, headers={"Accept": BROWSER}),
    ]
    for page in pages:
        assert kind(page) == "text/html"
        assert "<script" not in page.text
        assert not re.search(r"<[^>]*\sonmouseover=", page.text)
        assert 'href="javascript:' not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in pages[0].text
    assert "javascript:alert(1)" in pages[0].text


def test_pages_may_load_nothing_from_elsewhere(client: httpx.Client) -> None:
    for path in ("/", "/queries", "/sparql", FIELDS, "/id/field/finance", "/nowhere"):
        page = client.get(path, headers={"Accept": BROWSER})
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        loaded = re.findall(r'(?:src|<link[^>]*href|action)="([^"]*)"', page.text)
        assert loaded
        assert all(each.startswith("/") and not each.startswith("//") for each in loaded)
        for each in set(re.findall(r'(?:src|<link[^>]*href)="([^"]*)"', page.text)):
            assert client.get(each).status_code == 200


def test_first_page_has_a_form_for_every_query(client: httpx.Client) -> None:
    page = client.get("/", headers={"Accept": BROWSER}).text
    for query in client.get("/queries").json():
        assert f'action="{query["url"]}"' in page
    for id_ in re.findall(r'<label for="([^"]*)"', page):
        assert page.count(f'id="{id_}"') == 1


def test_page_of_a_query_shows_its_form_before_it_is_asked(client: httpx.Client) -> None:
    page = client.get(FIELDS, headers={"Accept": BROWSER})
    assert page.status_code == 200
    assert 'value="organization/baidu"' in page.text
    assert "<table" not in page.text


def test_error_in_a_form_is_shown_beside_it(client: httpx.Client) -> None:
    page = client.get(FIELDS, params={"platform": "a b"}, headers={"Accept": BROWSER})
    assert (page.status_code, kind(page)) == (422, "text/html")
    assert 'role="alert"' in page.text
    assert 'value="a b"' in page.text


def test_page_of_the_endpoint_needs_a_browser(client: httpx.Client) -> None:
    assert "<textarea" in client.get("/sparql", headers={"Accept": BROWSER}).text
    page = client.get("/sparql", params={"query": "SELECT"}, headers={"Accept": BROWSER})
    assert page.status_code == 400
    assert ">SELECT</textarea>" in page.text


def test_page_shows_the_first_rows_of_many_and_says_so(client: httpx.Client) -> None:
    many = "SELECT ?a WHERE { ?a ?b ?c . ?d ?e ?f } LIMIT 3000"
    page = client.get("/sparql", params={"query": many, "format": "html"}).text
    assert "3,000 rows" in page
    assert page.count("<tr>") == 1001
    page = client.get(
        "/sparql",
        params={"query": "SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 50000", "format": "html"},
    ).text
    assert "too large for a page" in page


def test_docs_lead_to_the_catalogue(client: httpx.Client) -> None:
    assert client.get("/docs").headers["location"] == "/queries"


# OpenAPI


def test_openapi_describes_every_query_and_its_parameters(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    for query in client.get("/queries").json():
        operation = described["paths"][query["url"]]["get"]
        own = len(query["parameters"])
        assert operation["parameters"][:own] == query["parameters"]
        names = [each.get("name", each.get("$ref")) for each in operation["parameters"]]
        assert len(set(names)) == len(names) > own
        assert {"200", "400", "406", "422", "429", "503", "507"} <= set(operation["responses"])
    assert {"/sparql", "/queries", "/health", "/id/{kind}/{key}"} <= set(described["paths"])
    years = described["paths"]["/queries/empowerment/platforms-of-field"]["get"]["parameters"]
    year = {"type": "integer", "minimum": 1000, "maximum": 9999}
    assert years[1]["schema"] == year | {"default": 1950}
    assert years[1]["example"] == 2017
    operations = [
        operation["operationId"]
        for path in described["paths"].values()
        for operation in path.values()
    ]
    assert len(set(operations)) == len(operations)
    references = re.findall(r'"\$ref": "#/components/(\w+)/([^"]+)"', json.dumps(described))
    assert {kind for kind, _ in references} >= {"schemas", "responses", "parameters", "headers"}
    for kind, name in references:
        assert name in described["components"][kind]


def test_openapi_describes_every_path_that_is_answered(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()
    paths = {
        "/", "/sparql", "/queries", "/graphs", "/graphs/{name}", "/graphs/{kind}/{name}",
        "/id/{kind}/{key}", "/ontology", "/ontology/{part}", "/ontology/{folder}/{part}",
        "/.well-known/void", "/dump.nq.zst", "/health", "/health/live", "/health/ready",
        "/metrics", "/problems", "/openapi.json",
    }  # fmt: skip
    named = {query["url"] for query in client.get("/queries").json()}
    assert set(described["paths"]) == paths | named
    for path, item in described["paths"].items():
        allowed = client.options(path).headers["allow"].lower().split(", ")
        assert {*item} | {"head", "options"} == {*allowed}, path


def test_every_example_of_openapi_is_answered(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()
    asked = 0
    for template, item in described["paths"].items():
        path = template
        takes = [each for each in item["get"].get("parameters", []) if "name" in each]
        query = {each["name"]: each["example"] for each in takes if each["in"] == "query"
                 and "example" in each}  # fmt: skip
        for each in takes:
            if each["in"] == "path":
                path = path.replace(f"{{{each['name']}}}", each["example"])
        examples: list[dict[str, Any]] = [
            {each["name"]: example["value"]}
            for each in takes
            for example in each.get("examples", {}).values()
        ]
        for more in examples or [{}]:
            answer = client.get(path, params=query | more)
            good = 404 if path == "/graphs/source/curated" else 200  # not of the small world
            assert answer.status_code == good, (path, answer.text)
            asked += 1
    assert asked > 70


def test_openapi_below_a_prefix_names_its_server() -> None:
    prefix = PREFIX.set("/kg")
    try:
        catalogue = Catalogue.load(shipped("queries"), terms=ontology.terms(shipped("ontology")))
        assert openapi.document(catalogue, "1")["servers"] == [{"url": "/kg"}]
    finally:
        PREFIX.reset(prefix)
