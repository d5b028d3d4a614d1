"""What surrounds an answer: limits, entity tags, the cache, encodings, tables made of it."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import polars
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from serving import Server, publish, serving

from api import cache, tables
from kg import sparql
from kg.release import Home
from kg.workers import Query

ROWS = "SELECT ?a ?b { ?a ?b ?c } ORDER BY ?a ?b ?c LIMIT 100"
MANY = "SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 8000"
ENDLESS = "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = Home(tmp_path_factory.mktemp("kg"))
    publish(home)
    with serving(home, max_rows=30_000, max_bytes=5_000_000, cache=10_000_000) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


def ask(client: httpx.Client, query: str, format: str = "csv", **headers: str) -> httpx.Response:
    return client.get("/sparql", params={"query": query, "format": format}, headers=headers)


# Entity tags and the cache


def test_unchanged_answer_is_not_sent_again(client: httpx.Client) -> None:
    first = ask(client, ROWS)
    again = ask(client, ROWS, **{"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["cache-control"] == "public, no-cache"


def test_tag_is_another_one_for_all_that_changes_the_bytes(client: httpx.Client) -> None:
    found = [
        ask(client, ROWS),
        ask(client, ROWS + " # "),
        ask(client, ROWS, "tsv"),
        ask(client, ROWS, **{"Accept-Encoding": "identity"}),
        ask(client, ROWS, **{"Accept-Encoding": "gzip"}),
        client.post("/sparql", data={"query": ROWS, "default-graph-uri": "http://example.org/"}),
    ]
    tags = {each.headers["etag"] for each in found}
    assert len(tags) == len(found)


def test_second_answer_comes_from_the_cache_as_it_was(client: httpx.Client) -> None:
    query = ROWS + " # kept"
    for encoding in ("identity", "gzip", "zstd"):
        found = [ask(client, query, **{"Accept-Encoding": encoding}) for _ in range(2)]
        assert "evaluate;dur=" in found[0].headers["server-timing"]
        assert found[1].headers["server-timing"] == "cache;desc=hit"
        assert found[0].content == found[1].content
        encodings = {each.headers.get("content-encoding", "identity") for each in found}
        assert encodings == {encoding}


@pytest.mark.parametrize("call", ["NOW()", "RAND()", "UUID()", "STRUUID()", "BNODE()"])
def test_answer_that_changes_each_time_is_neither_tagged_nor_kept(
    client: httpx.Client, call: str
) -> None:
    found = [ask(client, f"SELECT ({call} AS ?x) {{}}", "json") for _ in range(2)]
    assert "etag" not in found[0].headers
    assert found[0].headers["cache-control"] == "no-store"
    if call != "BNODE()":  # its label may be the same by chance of the engine
        assert found[0].content != found[1].content


def test_example_of_a_named_query_is_kept_before_anyone_asks(client: httpx.Client) -> None:
    listed = client.get("/queries").json()
    query = next(each for each in listed if each["name"] == "empowerment/fields-of-platform")
    examples = {each["name"]: each["example"] for each in query["parameters"]}
    for encoding in ("identity", "gzip", "zstd"):
        answer = client.get(
            f"{query['url']}.json", params=examples, headers={"Accept-Encoding": encoding}
        )
        assert answer.headers["server-timing"] == "cache;desc=hit"
        assert answer.headers.get("content-encoding", "identity") == encoding
        assert answer.json()["results"]["bindings"]


def test_cache_forgets_what_was_used_longest_ago_and_keeps_to_its_bytes() -> None:
    results = cache.Results(1600)
    for number in range(20):
        results.put((f"{number:02}",), cache.Kept("text/csv", bytes(98)))
        results.get(("00",))
    results.put(("large",), cache.Kept("text/csv", bytes(98)))  # with its key, one byte too many
    assert results.size == 1600
    assert results.get(("00",))
    assert results.get(("01",)) is None
    assert results.get(("large",)) is None
    results.put(("00",), cache.Kept("text/csv", bytes(8)))
    assert results.size == 1510


def test_function_in_any_case_makes_a_query_unsteady() -> None:
    assert cache.steady(Query("SELECT * {}", "text/csv"))
    assert not cache.steady(Query("SELECT (nOw() AS ?x) {}", "text/csv"))


# Encodings


@pytest.mark.parametrize("query", [ROWS, MANY], ids=["small", "streamed"])
@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_answer_is_compressed_as_it_is_streamed(
    client: httpx.Client, query: str, encoding: str
) -> None:
    plain = ask(client, query, **{"Accept-Encoding": "identity"}).content
    parameters = {"query": query, "format": "csv"}
    headers = {"Accept-Encoding": f"br, {encoding};q=0.5"}
    with client.stream("GET", "/sparql", params=parameters, headers=headers) as answer:
        raw = b"".join(answer.iter_raw())
        assert answer.headers["content-encoding"] == encoding
        assert answer.headers["vary"] == "Accept, Accept-Encoding"
    if encoding == "gzip":
        assert gzip.decompress(raw) == plain
    else:
        reader = zstandard.ZstdDecompressor().stream_reader(raw)
        assert reader.read() == plain


@pytest.mark.parametrize("header", ["", "identity", "br", "gzip;q=0", "*;q=0", "gzip;q=x"])
def test_client_that_wants_no_encoding_gets_none(client: httpx.Client, header: str) -> None:
    assert "content-encoding" not in ask(client, ROWS, **{"Accept-Encoding": header}).headers


# Limits


def test_every_answer_says_its_limits(client: httpx.Client) -> None:
    limits = "seconds=30, memory=1073741824, rows=30000, bytes=5000000"
    assert ask(client, "ASK {}").headers["x-kg-limits"] == limits


@pytest.mark.parametrize(
    "ask_less", [{"params": {"timeout": "0.3"}}, {"headers": {"Prefer": "wait=1"}}]
)
def test_client_asks_for_less_time(client: httpx.Client, ask_less: dict[str, Any]) -> None:
    parameters = {"query": ENDLESS} | ask_less.get("params", {})
    answer = client.get("/sparql", params=parameters, headers=ask_less.get("headers"))
    assert answer.status_code == 503
    assert "a LIMIT may" in answer.json()["detail"]


def test_client_asks_for_more_time_in_vain(client: httpx.Client) -> None:
    answer = client.post("/sparql", data={"query": "ASK {}", "timeout": "1000"})
    assert answer.headers["x-kg-limits"].startswith("seconds=30,")
    for wrong in ("soon", "-1", "0", "1e9", ""):
        answer = client.get("/sparql", params={"query": "ASK {}", "timeout": wrong})
        assert answer.status_code == 400, wrong


def test_rows_are_limited_and_the_header_says_so(client: httpx.Client) -> None:
    query = "SELECT (1 AS ?x) { ?a ?b ?c . ?d ?e ?f }"
    answer = ask(client, query)
    assert len(answer.text.splitlines()) == 30_001
    assert answer.headers["x-sparql-maxrows"] == "30000"
    answer = ask(client, query + " LIMIT 7")
    assert len(answer.text.splitlines()) == 8
    assert "x-sparql-maxrows" not in answer.headers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT * {}", "SELECT * {}\nLIMIT 5"),
        ("SELECT * {} # LIMIT 9", "SELECT * {} # LIMIT 9\nLIMIT 5"),
        ("SELECT * {} LIMIT 9 OFFSET 2", "SELECT * {}  LIMIT 5  OFFSET 2"),
        ("SELECT * {} LIMIT9", "SELECT * {}  LIMIT 5 "),
        ("SELECT * {} LIMIT 4", None),
        ("SELECT * { SELECT * {} LIMIT 3 }", "SELECT * { SELECT * {} LIMIT 3 }\nLIMIT 5"),
        ("SELECT * {} VALUES ?x { 1 }", "SELECT * {}  LIMIT 5 VALUES ?x { 1 }"),
    ],
)
def test_limit_is_put_where_it_belongs(text: str, expected: str | None) -> None:
    limited, put = sparql.limited(text, 5)
    assert (limited, put) == (expected or text, expected is not None)
    assert sparql.check(limited) == "SELECT"


def test_answer_with_too_many_bytes_is_an_error_or_cut(client: httpx.Client) -> None:
    text = "SELECT (CONCAT('x', STR(?a)) AS ?x) ?b ?c ?d ?e ?f { ?a ?b ?c . ?d ?e ?f }"
    with pytest.raises(httpx.RemoteProtocolError):
        ask(client, text)
    answer = ask(client, text, "parquet")
    assert answer.status_code == 200  # compressed it is small


# Tables


def test_parquet_and_arrow_have_exact_types(client: httpx.Client) -> None:
    query = """SELECT ?i ?d ?f ?b ?day ?when ?iri ?mixed ?big WHERE {
      VALUES (?i ?d ?f ?b ?day ?when ?iri ?mixed ?big) {
        (1 1.50 1e0 true "2024-02-29"^^xsd:date "2024-01-01T00:00:00+08:00"^^xsd:dateTime
         <http://example.org/> 1 1)
        (UNDEF 2.125 2e0 false UNDEF UNDEF UNDEF "a"@en 9223372036854775808)
      } }""".replace("xsd:date", "<http://www.w3.org/2001/XMLSchema#date>", 1).replace(
        "xsd:dateTime", "<http://www.w3.org/2001/XMLSchema#dateTime>"
    )
    found = polars.read_parquet(io.BytesIO(ask(client, query, "parquet").content))
    assert found.equals(polars.read_ipc_stream(io.BytesIO(ask(client, query, "arrow").content)))
    assert dict(found.schema) == {
        "i": polars.Int64(), "d": polars.Decimal(38, 3), "f": polars.Float64(),
        "b": polars.Boolean(), "day": polars.Date(), "when": polars.Datetime("us", "UTC"),
        "iri": polars.String(), "mixed": polars.String(), "big": polars.String(),
    }  # fmt: skip
    assert [str(each) for each in found["d"]] == ["1.500", "2.125"]
    assert found["i"].to_list() == [1, None]
    assert found["big"].to_list() == ["1", "9223372036854775808"]
    assert str(found["when"][0]) == "2023-12-31 16:00:00+00:00"


def test_geojson_where_a_geometry_is_bound(client: httpx.Client) -> None:
    query = """PREFIX geo: <http://www.opengis.net/ont/geosparql#> SELECT * { VALUES (?n ?g) {
      ("A" "POINT(116.4 39.9)"^^geo:wktLiteral)
      ("B" "<http://www.opengis.net/def/crs/EPSG/0/4326> POINT(39.9 116.4)"^^geo:wktLiteral)
      ("C" "nonsense"^^geo:wktLiteral) ("D" UNDEF) } }"""
    answer = ask(client, query, "geojson")
    assert answer.headers["content-type"] == "application/geo+json"
    features = answer.json()["features"]
    point = {"type": "Point", "coordinates": [116.4, 39.9]}
    assert [each["geometry"] for each in features] == [point, point, None, None]
    assert features[0]["properties"] == {"n": "A"}
    assert features[2]["properties"]["g"] == "nonsense"
    assert ask(client, "SELECT (1 AS ?x) {}", "geojson").status_code == 406


POINTS = st.lists(st.tuples(st.integers(-180, 180), st.integers(-90, 90)), min_size=1, max_size=4)


@given(POINTS)
def test_wkt_of_every_kind_is_read(points: list[tuple[int, int]]) -> None:
    text = ", ".join(f"{x} {y}" for x, y in points)
    expected: Any = [[float(x), float(y)] for x, y in points]
    wkt = {
        f"LINESTRING({text})": expected,
        f"Polygon (({text}),({text}))": [expected, expected],
        f"MULTIPOINT({text})": expected,
        f"MULTIPOINT({', '.join(f'({x} {y})' for x, y in points)})": expected,
        f"MULTIPOLYGON((({text})))": [[expected]],
    }
    for literal, coordinates in wkt.items():
        assert tables.geometry(literal)["coordinates"] == coordinates


@given(st.text("POINTLESRGYMU() ,-.0123456789<>", max_size=40))
def test_what_is_no_wkt_is_a_value_error(text: str) -> None:
    try:
        json.dumps(tables.geometry(text))
    except (ValueError, IndexError) as error:
        assert type(error) in (ValueError, IndexError)
