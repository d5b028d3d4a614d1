"""Positions in Turtle, judged against what a parser reads from the same files."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, RdfFormat, parse

from kg import vocab
from kg.ontology.lines import Layout, tokens, where
from kg.settings import shipped

FILES = sorted(shipped("ontology").rglob("*.ttl"))
FAULTS_OF_SHORTHAND = {vocab.RDF + name for name in ("type", "first", "rest", "nil", "langString")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_layout_mentions_exactly_what_a_parser_reads(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    read, pairs = set(), set()
    for quad in parse(text, format=RdfFormat.TURTLE):
        for term in (quad.subject, quad.predicate, quad.object):
            if isinstance(term, NamedNode):
                read.add(term.value)
            elif isinstance(term, Literal):
                read.add(term.datatype.value)
        if isinstance(quad.subject, NamedNode) and isinstance(quad.object, NamedNode):
            pairs.add((quad.subject.value, quad.predicate.value, quad.object.value))
    layout = Layout(text)
    mentioned = {iri for block in layout.statements for iri, _ in block.mentions}
    assert mentioned <= read | FAULTS_OF_SHORTHAND
    assert {iri for iri in read - mentioned if not iri.startswith(vocab.XSD)} <= FAULTS_OF_SHORTHAND
    assert pairs == {
        (block.subject, predicate, value)
        for block in layout.statements
        for predicate, value, _ in block.pairs
        if block.subject and value
    }
    assert [token for token in tokens(text) if token.kind == "other"] == []


def test_lines_count_through_long_strings_and_comments() -> None:
    text = (
        '@prefix a: <urn:a#> .\n# a:no\na:x a:p """one\ntwo # not a comment\n""" ;\n  a:q a:y .\n'
    )
    (block,) = Layout(text).statements
    assert (block.subject, block.line) == ("urn:a#x", 3)
    assert block.pairs == (("urn:a#p", "", 3), ("urn:a#q", "urn:a#y", 6))
    assert block.line_of("urn:a#y") == 6


def test_names_escapes_bases_and_sparql_directives_are_resolved() -> None:
    text = "BASE <http://x/>\nPREFIX a: <n#>\na:b\\-c a <d> , [ a a:e ] .\n"
    (block,) = Layout(text, "").statements
    assert block.subject.endswith("n#b-c")
    assert ("http://x/d", 3) in block.mentions


def test_undefined_prefix_is_named_with_line_and_column() -> None:
    (token,) = Layout("@prefix a: <urn:a#> .\na:x a foo:Bar .\n").undefined
    assert (token.text, token.line, token.column) == ("foo:Bar", 2, 7)


def test_where_prefers_the_block_that_declares_a_term(tmp_path: Path) -> None:
    folder = tmp_path / "ontology"
    folder.mkdir()
    (folder / "a.ttl").write_text("@prefix a: <urn:a#> .\na:x a:p a:y .\n")
    (folder / "b.ttl").write_text("@prefix a: <urn:a#> .\n\na:x a a:C .\n")
    assert where(folder) == {"urn:a#x": ("ontology/b.ttl", 3)}
