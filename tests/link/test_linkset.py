"""The graph of links of a build."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, Store

from kg import etl, vocab
from kg.build import Inputs
from kg.etl import Context, Statements
from kg.etl.links import Decision, Links
from kg.link.linkset import Linkset
from kg.settings import shipped

CURATED, ROR = vocab.graph("source/curated"), vocab.graph("source/ror")
ALIBABA, FIRM, GROUP = (f"{vocab.BASE}organization/{n}" for n in ("alibaba", "firm", "group"))


def identified(subject: str, identifier: str, value: str, graph: str) -> Quad:
    return Quad(
        NamedNode(subject), NamedNode(vocab.AIC + identifier), Literal(value), NamedNode(graph)
    )


@pytest.fixture
def matches() -> set[tuple[str, str, str]]:
    store = Store()
    store.extend(
        [
            identified(ALIBABA, "rorId", "00k642b80", CURATED),
            identified(ALIBABA, "rorId", "00k642b80", ROR),
            identified(ALIBABA, "wikidataId", "Q1359568", CURATED),
            identified(ALIBABA, "wikidataId", "Q30273328", ROR),
            identified(FIRM, "rorId", "0155ctq43", ROR),
            identified(FIRM, "wikidataId", "Q795900", ROR),
            identified(GROUP, "rorId", "045000094", ROR),
            identified(GROUP, "wikidataId", "Q795900", ROR),
            identified(vocab.BASE + "place/x", "geonamesId", "1", CURATED),
        ]
    )
    linkset = Linkset(Links(), vocab.BASE)
    linkset.take_store(store, {CURATED, ROR})
    quads = list(linkset.quads())
    assert len(quads) == len(set(quads))
    assert {quad.graph_name for quad in quads} == {NamedNode(vocab.graph("links"))}
    return {
        (q.subject.value.rpartition("/")[2], q.predicate.value[len(vocab.SKOS) :], q.object.value)  # type: ignore[union-attr]
        for q in quads
    }


def test_two_identifiers_that_agree_are_exact(matches: set[tuple[str, str, str]]) -> None:
    assert ("alibaba", "exactMatch", "https://ror.org/00k642b80") in matches
    assert ("alibaba", "exactMatch", "http://www.wikidata.org/entity/Q1359568") in matches


def test_an_item_that_contradicts_a_table_of_ours_is_not_said(
    matches: set[tuple[str, str, str]],
) -> None:
    assert not any("Q30273328" in target for _, _, target in matches)


def test_an_item_that_two_entities_claim_is_close_to_both(
    matches: set[tuple[str, str, str]],
) -> None:
    assert {s for s, p, o in matches if o.endswith("Q795900") and p == "closeMatch"} == {
        "firm",
        "group",
    }
    assert ("firm", "exactMatch", "https://ror.org/0155ctq43") in matches


def test_one_identifier_of_its_own_word_is_close(matches: set[tuple[str, str, str]]) -> None:
    assert ("x", "closeMatch", "https://sws.geonames.org/1/") in matches


def test_what_statements_give_is_what_a_store_of_them_gives(tmp_path: Path) -> None:
    context = Context(shipped("tables"), shipped("ontology") / "vocabularies")
    mapped = Linkset(context.links, vocab.BASE)
    store = Store()
    graphs: set[str] = set()

    def keep(made: Statements) -> None:
        mapped.take(made)
        graphs.add(made.graph)
        text = "\n".join([*made.lines(), ""])
        store.bulk_load(text.encode(), format=RdfFormat.N_QUADS)

    for source, folder in Inputs().sources()[0]:
        etl.run(source, etl.stage(source, folder, tmp_path / source.dataset.name), context, keep)
    # A word by hand is no word of a table.
    store.add(identified(ALIBABA, "wikidataId", "Q1", vocab.graph("edits/me")))
    stored = Linkset(context.links, vocab.BASE)
    stored.take_store(store, graphs)
    quads = set(mapped.quads())
    assert quads == set(stored.quads())
    said = {quad.predicate.value for quad in quads}
    assert said == {
        vocab.SKOS + "exactMatch",
        vocab.SKOS + "closeMatch",
        vocab.DCTERMS + "isReplacedBy",
        vocab.ORG + "subOrganizationOf",
    }


def test_what_only_decisions_name_gets_its_name_from_them() -> None:
    pair = Decision(
        "organization/epoch-0123456789abcdef", "NYU", "same", "organization/ror-0190ak572",
        "New York University | 纽约大学", "ManualMappingCuration", 1.0, "me", "me", "2026-11-26",
    )  # fmt: skip
    stays = f"{vocab.BASE}organization/ror-0190ak572"
    name = Quad(
        NamedNode(stays),
        NamedNode(vocab.SKOS + "prefLabel"),
        Literal("New York University", language="en"),
        NamedNode(vocab.graph("links")),
    )
    store = Store()
    store.add(identified(stays, "rorId", "0190ak572", ROR))
    linkset = Linkset(Links([pair]), vocab.BASE)
    linkset.take_store(store, {ROR})
    assert name in set(linkset.quads())
    store.add(Quad(name.subject, name.predicate, name.object, NamedNode(ROR)))
    linkset = Linkset(Links([pair]), vocab.BASE)
    linkset.take_store(store, {ROR})
    assert name not in set(linkset.quads())
