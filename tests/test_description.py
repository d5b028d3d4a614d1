"""A release described in VoID and DCAT: by whom it is read, and what a server answers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import crash
import httpx
import pyshacl
import pytest
import rdflib
from pyoxigraph import Literal as RdfLiteral
from pyoxigraph import NamedNode, RdfFormat, parse
from rdflib import DCAT, DCTERMS, FOAF, RDF, SH, VOID, Literal, URIRef
from serving import HOSTILE, publish, serving

from kg import vocab
from kg.errors import InputError
from kg.release import SYNTHETIC_NOTICE, Address, Home, Manifest, Release, describe, read_dump

SHAPES = Path(__file__).parents[2] / "shared/conformance/dcat-ap/releases/3.0.1/shacl"
DATASET = URIRef("http://example.org/.well-known/void#dataset")
SYNTHETIC = URIRef("http://publications.europa.eu/resource/authority/dataset-type/SYNTHETIC_DATA")
SOURCE = f"""
<{vocab.graph("source/a")}> <{RDF.type}> <{DCAT.Dataset}> .
<{vocab.graph("source/a")}> <{DCTERMS.title}> "A"@en .
<{vocab.graph("source/a")}> <{DCTERMS.license}> <https://creativecommons.org/licenses/by/4.0/> .
<{vocab.graph("source/a")}> <{DCTERMS.rights}> "Somebody"@en .
""".encode()


def manifest(synthetic: bool) -> Manifest:
    graphs = {"default": 5, vocab.graph("source/a"): 4, vocab.graph("provenance"): 4}
    return Manifest(
        release="0123456789abcdef0123",
        content="00",
        quads=13,
        created="2026-01-01T00:00:00.000+00:00",
        base=vocab.BASE,
        ontology="0.2.0",
        synthetic=synthetic,
        sources=(),
        classes={vocab.AIC + "Enterprise": 3},
        graphs=graphs,
        seconds={},
        peak_memory=1,
        tools={},
    )


def described(synthetic: bool = False, dump: str | None = "dump.nq.zst") -> rdflib.Graph:
    address = Address("http://example.org/", dump=dump)
    return rdflib.Graph().parse(data=describe(manifest(synthetic), SOURCE, address), format="ttl")


def test_description_counts_triples_classes_and_graphs() -> None:
    graph = described()
    assert graph.value(DATASET, VOID.triples) == Literal(5)
    (part,) = graph.objects(DATASET, VOID.classPartition)
    assert graph.value(part, VOID["class"]) == URIRef(vocab.AIC + "Enterprise")
    assert graph.value(part, VOID.entities) == Literal(3)
    (subset,) = graph.objects(DATASET, VOID.subset)
    assert subset == URIRef(vocab.graph("source/a"))
    assert graph.value(subset, VOID.triples) == Literal(4)
    # Not merged into the triples that are counted, so no subset of them.
    assert graph.value(DATASET, DCTERMS.hasPart) == URIRef(vocab.graph("provenance"))


def test_description_names_licence_and_attribution_of_each_source() -> None:
    graph, source = described(), URIRef(vocab.graph("source/a"))
    licence = URIRef("https://creativecommons.org/licenses/by/4.0/")
    assert graph.value(source, DCTERMS.license) == licence
    assert graph.value(source, DCTERMS.rights) == Literal("Somebody", lang="en")


def test_description_leads_to_the_endpoint_and_the_dump() -> None:
    graph = described()
    assert graph.value(DATASET, VOID.sparqlEndpoint) == URIRef("http://example.org/sparql")
    assert graph.value(DATASET, VOID.dataDump) == URIRef("http://example.org/dump.nq.zst")
    document = URIRef("http://example.org/.well-known/void")
    assert graph.value(document, FOAF.primaryTopic) == DATASET


def test_description_without_a_dump_leads_to_none() -> None:
    graph = described(dump=None)
    assert not [*graph.objects(DATASET, VOID.dataDump)]
    assert not [*graph.subjects(RDF.type, DCAT.Distribution)]


@pytest.mark.parametrize("synthetic", [True, False])
def test_description_says_whether_the_data_is_synthetic(synthetic: bool) -> None:
    graph = described(synthetic)
    assert (graph.value(DATASET, DCTERMS.type) == SYNTHETIC) is synthetic
    texts = {str(text) for text in graph.objects(DATASET, DCTERMS.description)}
    assert (texts >= set(SYNTHETIC_NOTICE.values())) is synthetic


@pytest.mark.skipif(
    not SHAPES.is_dir() and os.environ.get("CI") != "true",
    reason="the conformance suites are not beside the checkout (../shared/conformance)",
)
@pytest.mark.parametrize("synthetic", [True, False])
def test_description_conforms_to_dcat_ap(synthetic: bool) -> None:
    shapes = rdflib.Graph().parse(SHAPES / "dcat-ap-SHACL.ttl")
    # Property shapes that the file names and does not hold, at which pySHACL would stop.
    missing = [
        (s, o) for s, o in shapes.subject_objects(SH.property) if (o, SH.path, None) not in shapes
    ]
    assert len(missing) == 2
    for subject, name in missing:
        shapes.remove((subject, SH.property, name))
    conforms, _, text = pyshacl.validate(described(synthetic), shacl_graph=shapes)
    assert conforms, text


def test_address_that_is_no_iri_is_refused() -> None:
    with pytest.raises(InputError, match="no address of a server"):
        Address("http://a b/")


# --- over HTTP -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    of_source = f"GRAPH <{vocab.graph('provenance')}> {{ {SOURCE.decode()} }}"
    return publish(Home(tmp_path_factory.mktemp("kg")), HOSTILE + of_source)


@pytest.fixture(scope="module")
def client(release: Release) -> Iterator[httpx.Client]:
    home = Home(release.path.parents[1])
    with serving(home) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "text/turtle"),
        ("text/html", "text/turtle"),
        ("application/ld+json", "application/ld+json"),
        ("application/rdf+xml", "application/rdf+xml"),
        ("application/n-triples", "application/n-triples"),
    ],
)
def test_server_describes_its_release_in_the_format_asked_for(
    client: httpx.Client, release: Release, accept: str, media_type: str
) -> None:
    answer = client.get("/.well-known/void", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == media_type
    assert answer.headers["X-KG-Release"] == release.id
    format = RdfFormat.from_media_type(media_type)
    said = {(str(s), p.value, o) for s, p, o, _ in parse(answer.content, format)}
    document = str(client.base_url.join("/.well-known/void"))
    dataset, endpoint = f"<{document}#dataset>", str(client.base_url.join("/sparql"))
    assert (dataset, str(VOID.sparqlEndpoint), NamedNode(endpoint)) in said
    assert (dataset, vocab.DCAT + "version", RdfLiteral(release.id)) in said
    assert (dataset, str(DCTERMS.type), NamedNode(SYNTHETIC)) in said


def test_description_takes_its_sources_from_the_release(client: httpx.Client) -> None:
    graph = rdflib.Graph().parse(data=client.get("/.well-known/void").text, format="ttl")
    source = URIRef(vocab.graph("source/a"))
    assert graph.value(source, DCTERMS.rights) == Literal("Somebody", lang="en")


def test_dump_that_the_description_names_is_that_of_the_release(
    client: httpx.Client, release: Release, tmp_path: Path
) -> None:
    graph = rdflib.Graph().parse(data=client.get("/.well-known/void").text, format="ttl")
    (link,) = graph.objects(None, VOID.dataDump)
    answer = client.get(str(link))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zstd"
    (tmp_path / "dump.nq.zst").write_bytes(answer.content)
    assert len([*read_dump(tmp_path / "dump.nq.zst")]) == release.manifest.quads


def test_description_and_dump_are_read_only(client: httpx.Client) -> None:
    for path in ("/.well-known/void", "/dump.nq.zst"):
        answer = client.post(path)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


PAGES = (
    "/",
    "/queries",
    "/queries/empowerment/fields-of-platform?platform=baidu",
    "/sparql",
    "/sparql?query=SELECT%20*%20%7B%20%3Fs%20%3Fp%20%3Fo%20%7D%20LIMIT%201",
    "/id/organization/evil",
    "/ontology",
    "/ontology/place",
    "/problems",
    "/nowhere",
)


@pytest.mark.parametrize("path", PAGES)
def test_page_of_a_synthetic_release_says_so_in_two_languages(
    client: httpx.Client, path: str
) -> None:
    page = client.get(path, headers={"Accept": "text/html"}).text
    for language, text in SYNTHETIC_NOTICE.items():
        assert f'<span lang="{language}">{text}</span>' in page


def test_page_of_a_real_release_says_nothing_of_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home.building() as candidate:
        made = crash.fill(candidate, "a")
        home.publish(candidate, Manifest(**{**vars(made), "synthetic": False}))
    with serving(home) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        for path in ("/", "/sparql", "/ontology", "/nowhere"):
            page = client.get(path, headers={"Accept": "text/html"}).text
            assert "<html" in page
            assert SYNTHETIC_NOTICE["zh"] not in page, path
        assert client.get("/health").json()["synthetic"] is False
