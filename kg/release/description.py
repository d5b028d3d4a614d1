"""A release described as RDF: VoID and DCAT, with what each of its graphs is and counts.

VoID (W3C Note, 2011) says where a server puts it, at /.well-known/void, and how classes are
counted; DCAT 3 adds the version, the dump and the service. `#dataset` is whatever release is
current; its version says which.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Triple, parse, serialize

from kg import vocab
from kg.errors import InputError
from kg.release.manifest import Manifest

#: What every place that shows made-up data says.
SYNTHETIC_NOTICE: Final = {
    "en": "Synthetic data: everything here was made up by a program. "
    "No organization, relation or number is real.",
    "zh": "合成数据：此处内容均由程序生成，机构、关系和数字皆非真实。",
}

_TITLE: Final = {
    False: {"en": "AI cluster knowledge graph", "zh": "人工智能产业集群知识图谱"},
    True: {
        "en": "AI cluster knowledge graph: synthetic sample",
        "zh": "人工智能产业集群知识图谱：合成样本",
    },
}
_KEYWORD: Final = {"en": "synthetic data", "zh": "合成数据"}

# The dataset type of the Publications Office of the EU, which DCAT-AP recommends.
_SYNTHETIC: Final = "http://publications.europa.eu/resource/authority/dataset-type/SYNTHETIC_DATA"
_MEDIA_TYPE: Final = "https://www.iana.org/assignments/media-types/application/"
_PROTOCOL: Final = "https://www.w3.org/TR/sparql11-protocol/"

#: What a source's graph is, for the description: a query on the release.
SOURCES: Final = f"""
CONSTRUCT {{ ?graph ?property ?value }} WHERE {{
  GRAPH <{vocab.graph("provenance")}> {{
    ?graph a <{vocab.DCAT}Dataset> ; ?property ?value
  }}
}}
"""

_Term = NamedNode | BlankNode | Literal


@dataclass(frozen=True)
class Address:
    """Where a server stands, and where below it the parts of the description lead."""

    root: str  # ends in a slash
    document: str = ".well-known/void"
    sparql: str = "sparql"
    dump: str | None = None  # None where there is no dump to fetch

    def __post_init__(self) -> None:
        try:
            NamedNode(self.root)
        except ValueError:
            raise InputError(f"{self.root!r} is no address of a server") from None


def describe(
    manifest: Manifest, sources: bytes, address: Address, media_type: str = "text/turtle"
) -> bytes:
    """The description of a release. `sources` answers `SOURCES`, as N-Triples."""
    triples = [
        *_document(manifest, address),
        *_sources(sources),
        *_graphs(manifest, address),
    ]
    place: dict[object, int] = {}
    # What is said of one subject stands together, subjects in the order they come.
    triples.sort(key=lambda triple: place.setdefault(triple.subject, len(place)))
    format = RdfFormat.from_media_type(media_type)
    if format is None:
        raise InputError(f"{media_type} is no format of RDF")
    prefixes = {
        name: vocab.PREFIXES[name]
        for name in ("aic", "dcat", "dcterms", "foaf", "void", "xsd", "graph")
    }
    made: bytes = serialize(triples, format=format, prefixes=prefixes)  # type: ignore[assignment]
    return made


def _sources(text: bytes) -> Iterator[Triple]:
    """What the release says of its sources; each described, as DCAT-AP asks for."""
    title, description = (NamedNode(vocab.DCTERMS + name) for name in ("title", "description"))
    triples = [Triple(*quad[:3]) for quad in map(tuple, parse(text, RdfFormat.N_TRIPLES))]
    described = {triple.subject for triple in triples if triple.predicate == description}
    for triple in triples:
        yield triple
        name = triple.object
        unsaid = triple.predicate == title and triple.subject not in described
        if unsaid and isinstance(name, Literal):
            told = Literal(f"The named graph of: {name.value}", language="en")
            yield Triple(triple.subject, description, told)


def _document(manifest: Manifest, address: Address) -> Iterator[Triple]:
    document = address.root + address.document
    dataset, dump, service = (
        NamedNode(f"{document}#{name}") for name in ("dataset", "dump", "sparql")
    )
    endpoint = NamedNode(address.root + address.sparql)
    yield from _about(
        NamedNode(document),
        ("a", [_void("DatasetDescription")]),
        (vocab.DCTERMS + "title", [Literal("Description of the release", language="en")]),
        (vocab.FOAF + "primaryTopic", [dataset]),
    )
    yield from _about(
        dataset,
        ("a", [_void("Dataset"), NamedNode(vocab.DCAT + "Dataset")]),
        (vocab.DCTERMS + "title", _texts(_TITLE[manifest.synthetic])),
        (vocab.DCTERMS + "identifier", [Literal(manifest.release)]),
        (vocab.DCAT + "version", [Literal(manifest.release)]),
        (vocab.DCTERMS + "issued", [_typed(manifest.created, "dateTime")]),
        (vocab.FOAF + "homepage", [NamedNode(address.root)]),
        (vocab.VOID + "uriSpace", [Literal(manifest.base)]),
        (vocab.VOID + "vocabulary", map(NamedNode, _vocabularies(manifest))),
        (vocab.VOID + "sparqlEndpoint", [endpoint]),
        (vocab.VOID + "triples", [_count(manifest.graphs.get("default", manifest.quads))]),
    )
    if manifest.synthetic:
        yield from _about(
            NamedNode(_SYNTHETIC),
            ("a", [NamedNode(vocab.SKOS + "Concept")]),
            (vocab.SKOS + "prefLabel", _texts(_KEYWORD)),
        )
        yield from _about(
            dataset,
            (vocab.DCTERMS + "type", [NamedNode(_SYNTHETIC)]),
            (vocab.DCTERMS + "description", _texts(SYNTHETIC_NOTICE)),
            (vocab.DCAT + "keyword", _texts(_KEYWORD)),
        )
    else:
        yield from _about(
            dataset,
            (
                vocab.DCTERMS + "description",
                [Literal("One validated release, with the source of each fact.", language="en")],
            ),
        )
    protocol = NamedNode(_PROTOCOL)
    yield from _about(protocol, ("a", [NamedNode(vocab.DCTERMS + "Standard")]))
    yield from _about(
        service,
        ("a", [NamedNode(vocab.DCAT + "DataService")]),
        (vocab.DCTERMS + "title", [Literal("SPARQL endpoint", language="en")]),
        (vocab.DCTERMS + "conformsTo", [protocol]),
        (vocab.DCAT + "endpointURL", [endpoint]),
        (vocab.DCAT + "servesDataset", [dataset]),
    )
    if address.dump is not None:
        file = NamedNode(address.root + address.dump)
        quads, zstd = (NamedNode(_MEDIA_TYPE + name) for name in ("n-quads", "zstd"))
        yield from _about(
            dataset,
            (vocab.VOID + "dataDump", [file]),
            (vocab.DCAT + "distribution", [dump]),
        )
        yield from _about(
            dump,
            ("a", [NamedNode(vocab.DCAT + "Distribution")]),
            (vocab.DCTERMS + "title", [Literal("All named graphs, sorted", language="en")]),
            (vocab.DCAT + "accessURL", [file]),
            (vocab.DCAT + "downloadURL", [file]),
            (vocab.DCAT + "mediaType", [quads]),
            (vocab.DCAT + "compressFormat", [zstd]),
        )
        for each in (quads, zstd):
            yield from _about(each, ("a", [NamedNode(vocab.DCTERMS + "MediaType")]))
    for number, (name, count) in enumerate(sorted(manifest.classes.items())):
        part = BlankNode(f"class{number}")
        yield from _about(dataset, (vocab.VOID + "classPartition", [part]))
        yield from _about(
            part,
            (vocab.VOID + "class", [NamedNode(name)]),
            (vocab.VOID + "entities", [_count(count)]),
        )


def _graphs(manifest: Manifest, address: Address) -> Iterator[Triple]:
    """Each named graph with its size: a subset, unless it stands beside the data."""
    dataset = NamedNode(f"{address.root}{address.document}#dataset")
    for name, count in sorted(manifest.graphs.items()):
        if name == "default":
            continue
        aside = name in vocab.SIDE_GRAPHS
        relation = vocab.DCTERMS + "hasPart" if aside else vocab.VOID + "subset"
        yield from _about(dataset, (relation, [NamedNode(name)]))
        yield from _about(
            NamedNode(name),
            ("a", [_void("Dataset")]),
            (vocab.VOID + "triples", [_count(count)]),
        )


def _vocabularies(manifest: Manifest) -> list[str]:
    """The namespaces of the classes that the release has instances of."""
    namespaces = (vocab.AIC, vocab.ORG, vocab.PROV, vocab.QB, vocab.SKOS, vocab.OWL)
    return [each for each in namespaces if any(name.startswith(each) for name in manifest.classes)]


def _about(subject: NamedNode | BlankNode, *said: tuple[str, Iterable[_Term]]) -> Iterator[Triple]:
    for name, values in said:
        predicate = NamedNode(vocab.RDF + "type" if name == "a" else name)
        for value in values:
            yield Triple(subject, predicate, value)


def _void(name: str) -> NamedNode:
    return NamedNode(vocab.VOID + name)


def _count(number: int) -> Literal:
    return _typed(str(number), "integer")


def _typed(text: str, datatype: str) -> Literal:
    return Literal(text, datatype=NamedNode(vocab.XSD + datatype))


def _texts(by_language: dict[str, str]) -> list[Literal]:
    return [Literal(text, language=language) for language, text in by_language.items()]
