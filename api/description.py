"""What the endpoint says of itself: SPARQL 1.1 Service Description, as a query that states it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kg import vocab
from kg.release import Manifest

_FORMATS: Final = "http://www.w3.org/ns/formats/"
_RESULTS: Final = (
    "SPARQL_Results_JSON", "SPARQL_Results_XML", "SPARQL_Results_CSV", "SPARQL_Results_TSV",
    "Turtle", "N-Triples", "N-Quads", "TriG", "JSON-LD", "RDF_XML",
)  # fmt: skip
_INPUTS: Final = ("Turtle", "N-Triples", "JSON-LD", "RDF_XML")


def query(endpoint: str, manifest: Manifest, *, writes: bool, federates: bool) -> str:
    """A CONSTRUCT whose answer is the description of the service at `endpoint`."""
    return (
        "PREFIX sd: <http://www.w3.org/ns/sparql-service-description#>\n"
        f"PREFIX void: <{vocab.VOID}>\n"
        f"CONSTRUCT {{\n{''.join(_statements(endpoint, manifest, writes=writes))}"
        + "_:service sd:feature sd:BasicFederatedQuery .\n" * federates
        + "} WHERE {}"
    )


def _statements(endpoint: str, manifest: Manifest, *, writes: bool) -> Iterator[str]:
    service = "_:service"
    yield f"{service} a sd:Service ; sd:endpoint <{endpoint}> ;\n"
    yield "  sd:supportedLanguage sd:SPARQL11Query" + (", sd:SPARQL11Update" * writes) + " ;\n"
    yield f"  sd:resultFormat {_listed(_RESULTS)} ;\n"
    if writes:
        yield f"  sd:inputFormat {_listed(_INPUTS)} ; sd:feature sd:EmptyGraphs ;\n"
    yield "  sd:defaultDataset _:dataset .\n"
    yield "_:dataset a sd:Dataset ; sd:defaultGraph _:default .\n_:default a sd:Graph .\n"
    for number, (graph, quads) in enumerate(sorted(manifest.graphs.items())):
        if graph == "default":
            yield f"_:default void:triples {quads} .\n"
        elif vocab.is_iri(graph):
            yield f"_:dataset sd:namedGraph _:named{number} .\n"
            yield f"_:named{number} a sd:NamedGraph ; sd:name <{graph}> ;"
            yield f" sd:graph _:graph{number} .\n"
            yield f"_:graph{number} a sd:Graph ; void:triples {quads} .\n"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"<{_FORMATS}{name}>" for name in names)
