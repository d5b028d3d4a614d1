"""What the provenance graph says of a source."""

from __future__ import annotations

import pytest
from pyoxigraph import Literal, NamedNode

from kg import vocab
from kg.build.provenance import described
from kg.etl import Dataset


@pytest.mark.parametrize(
    ("title", "language"),
    [("Alliances", "en"), ("产业联盟 AI (2023)", "zh"), ("WeChat account 走向未来", "en")],
)
def test_title_and_attribution_are_in_the_language_of_most_letters(
    title: str, language: str
) -> None:
    dataset = Dataset(
        name="alliances",
        title=title,
        original="http://example.org/alliances.csv",
        licence="http://example.org/licence",
        attribution=title,
        graph=vocab.graph("source/alliances"),
        shipped=False,
    )
    found = {quad.predicate: quad.object for quad in described([dataset])}
    for name in ("title", "rights"):
        assert found[NamedNode(vocab.DCTERMS + name)] == Literal(title, language=language)
