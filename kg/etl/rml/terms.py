"""The names that reading and writing RML share."""

from __future__ import annotations

from typing import Final

from rdflib import Namespace, URIRef
from rdflib.term import Node

from kg import vocab

RML: Final = Namespace("http://w3id.org/rml/")
KGF: Final = Namespace("https://w3id.org/aicluster/function#")
#: A literal of JSON: the parts `dataset`, `sources` and `prefixes` of the mapping file.
DEFINITION: Final = KGF.definition
#: How tables are read, by the ending of their file; what RML does not know is named by us.
FORMULATIONS: Final[dict[str, Node]] = {
    "csv": RML.CSV,
    "tsv": KGF.TSV,
    "parquet": KGF.Parquet,
    "json": RML.JSONPath,
}
_MAPPINGS: Final = vocab.GRAPH + "mapping/"


def dataset_iri(source: str) -> URIRef:
    """The IRI of a mapping file."""
    return URIRef(_MAPPINGS + source)


def map_iri(source: str, triples_map: str) -> URIRef:
    """The IRI of a triples map."""
    return URIRef(f"{_MAPPINGS}{source}#{triples_map}")


def names_of(iri: str) -> tuple[str, str]:
    """The source and the triples map that an IRI of ours names; else empty, and its last part."""
    if iri.startswith(_MAPPINGS) and "#" in iri:
        source, _, name = iri.removeprefix(_MAPPINGS).partition("#")
        return source, name
    return "", iri.rstrip("/#").replace("#", "/").rpartition("/")[2]
