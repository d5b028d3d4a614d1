"""What each source's graph is, and where it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from pyoxigraph import Literal, NamedNode, Quad

from kg import vocab
from kg.etl import Dataset

_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_LATIN: Final = re.compile(r"[A-Za-z]")


def described(datasets: Iterable[Dataset]) -> Iterator[Quad]:
    """The provenance graph of these sources."""
    graph = NamedNode(vocab.graph("provenance"))
    for dataset in datasets:
        name = NamedNode(dataset.graph)
        statements: list[tuple[str, NamedNode | Literal]] = [
            (vocab.RDF + "type", NamedNode(vocab.DCAT + "Dataset")),
            (vocab.DCTERMS + "title", _text(dataset.title)),
            (vocab.DCTERMS + "license", NamedNode(dataset.licence)),
            (vocab.DCTERMS + "source", NamedNode(dataset.original)),
        ]
        if dataset.attribution:
            statements.append((vocab.DCTERMS + "rights", _text(dataset.attribution)))
        for predicate, value in statements:
            yield Quad(name, NamedNode(predicate), value, graph)


def _text(value: str) -> Literal:
    """A text of a source definition, which does not say its language: that of most letters."""
    chinese = len(_HAN.findall(value)) > len(_LATIN.findall(value))
    return Literal(value, language="zh" if chinese else "en")
