"""What each source's graph is, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyoxigraph import Literal, NamedNode, Quad

from kg import vocab
from kg.etl import Dataset


def described(datasets: Iterable[Dataset]) -> Iterator[Quad]:
    """The provenance graph of these sources."""
    graph = NamedNode(vocab.graph("provenance"))
    for dataset in datasets:
        name = NamedNode(dataset.graph)
        statements: list[tuple[str, NamedNode | Literal]] = [
            (vocab.RDF + "type", NamedNode(vocab.DCAT + "Dataset")),
            (vocab.DCTERMS + "title", Literal(dataset.title, language="en")),
            (vocab.DCTERMS + "license", NamedNode(dataset.licence)),
            (vocab.DCTERMS + "source", NamedNode(dataset.original)),
        ]
        if dataset.attribution:
            statements.append(
                (vocab.DCTERMS + "rights", Literal(dataset.attribution, language="en"))
            )
        for predicate, value in statements:
            yield Quad(name, NamedNode(predicate), value, graph)
