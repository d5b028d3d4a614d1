"""Documents of RDF as statements: stable IRIs for blank nodes, bad terms rejected."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from pyoxigraph import BlankNode, Literal, NamedNode, Quad
from reading_of import Rows, refused, rows_of

from kg import vocab
from kg.errors import InputError
from kg.tables import Account
from kg.tables.reading import skolem

SAME = {
    "t.ttl": '<http://e/a> <http://e/p> "x"@en , <http://e/b> .',
    "t.nt": '<http://e/a> <http://e/p> "x"@en .\n<http://e/a> <http://e/p> <http://e/b> .\n',
    "t.nq": (
        '<http://e/a> <http://e/p> "x"@en <http://e/g> .\n<http://e/a> <http://e/p> <http://e/b> .'
    ),
    "t.trig": '<http://e/g> { <http://e/a> <http://e/p> "x"@en , <http://e/b> }',
    "t.jsonld": (
        '{"@id": "http://e/a", '
        '"http://e/p": [{"@value": "x", "@language": "en"}, {"@id": "http://e/b"}]}'
    ),
    "t.rdf": (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://e/">'
        '<rdf:Description rdf:about="http://e/a"><e:p xml:lang="en">x</e:p>'
        '<e:p rdf:resource="http://e/b"/></rdf:Description></rdf:RDF>'
    ),
}


def read(tmp_path: Path, text: str, name: str = "t.ttl") -> tuple[Rows, Account]:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return rows_of(tmp_path / name, [])


@pytest.mark.parametrize("name", SAME)
def test_every_syntax_gives_the_same_statements(tmp_path: Path, name: str) -> None:
    rows, account = read(tmp_path, SAME[name], name)
    assert rows == [
        (1, "<http://e/a>", "<http://e/p>", '"x"@en'),
        (2, "<http://e/a>", "<http://e/p>", "<http://e/b>"),
    ]
    assert account.read == 2
    named = [each for each in account.notices if "named graphs" in each]
    assert len(named) == (name in ("t.nq", "t.trig"))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.ttl", "<http://e/a> <http://e/p>\n 1 .\n<http://e/a> .", r"t\.ttl:3:\d+: not turtle"),
        ("t.ttl", "e:a e:b e:c .", r"t\.ttl:1:\d+: not turtle: .*prefix"),
        ("t.nt", "<http://e/a> <http://e/p> 'x' .\n", r"t\.nt:1:\d+: not ntriples"),
        ("t.rdf", "<x>", r"t\.rdf:\S+ not rdfxml"),
        ("t.jsonld", '{"@context": "http://127.0.0.1:1/c"}', r"not jsonld: .*remote contexts"),
        ("t.jsonld", "{", r"t\.jsonld:\S+ not jsonld"),
    ],
)  # fmt: skip
def test_a_malformed_document_is_an_error_with_its_place(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, text, name)


@pytest.mark.parametrize(
    ("statement", "rule", "column"),
    [
        ("<http://e/a b> <http://e/p> 1 .", "illegal-iri", "subject"),
        ("<http://e/a> <http://e/{p}> 1 .", "illegal-iri", "predicate"),
        ("<http://e/a> <http://e/p> <http://e/%zz> .", "illegal-iri", "object"),
        ('<http://e/a> <http://e/p> "x"^^<http://e/d t> .', "illegal-iri", "object"),
        ('<http://e/a> <http://e/p> "x"@en-toolongasubtag .', "language", "object"),
    ],
)
def test_a_statement_that_no_release_can_carry_is_rejected_with_its_line(
    tmp_path: Path, statement: str, rule: str, column: str
) -> None:
    good = '<http://e/a> <http://e/p> """x\ny""" .\n'
    rows, account = read(tmp_path, good + statement + "\n" + good)
    assert [row[0] for row in rows] == [1, 3]
    ((number, where, why, expected),) = refused(account)
    assert (number, where, why) == (2, column, rule)
    assert expected.startswith("line 3: ")
    assert account.read == 3


def blank(tmp_path: Path, text: str) -> set[tuple[object, ...]]:
    return {row[1:] for row in read(tmp_path, text)[0]}


def test_blank_nodes_become_iris_that_hang_on_what_is_said_of_them(tmp_path: Path) -> None:
    one = "<http://e/a> <http://e/p> [ <http://e/q> 1 ; <http://e/r> [ <http://e/q> 2 ] ] .\n"
    other = "_:z <http://e/s> <http://e/a> .\n"
    found = blank(tmp_path, one)
    assert not any(str(term).startswith("_:") for row in found for term in row)
    assert sum(str(row[2]).startswith(f"<{vocab.GENID}") for row in found) == 2
    # Neither labels, nor order, nor what else the document says changes them.
    assert found < blank(tmp_path, other + one)
    lines = [
        "_:y <http://e/q> 2 .", "_:x <http://e/r> _:y .", "_:x <http://e/q> 1 .",
        "<http://e/a> <http://e/p> _:x .",
    ]  # fmt: skip
    for seed in range(3):
        random.Random(seed).shuffle(lines)
        assert blank(tmp_path, "\n".join(lines)) == found


def test_two_blank_nodes_of_which_the_same_is_said_stay_two(tmp_path: Path) -> None:
    text = "<http://e/a> <http://e/p> [ <http://e/q> 1 ] .\n"
    assert len(blank(tmp_path, text)) == 2
    assert len(blank(tmp_path, text + text)) == 4


def test_blank_nodes_of_two_documents_stay_apart(tmp_path: Path) -> None:
    said = [(1, Quad(BlankNode("a"), NamedNode("http://e/p"), Literal("x")))]
    nodes = {
        quad.subject.value
        for names in (("s", "t"), ("s", "u"), ("t", "t"), ("s", "t"))
        for _, quad in skolem.without_blank_nodes(tmp_path, said, *names)
    }
    assert len(nodes) == 3


def test_statements_keep_numbers_of_their_own(tmp_path: Path) -> None:
    text = "<http://e/a> <http://e/p> [ <http://e/q> 1 , 2 , 3 ] , 4 , [] .\n"
    rows, account = read(tmp_path, text)
    assert len({row[0] for row in rows}) == len(rows) == account.read == 6


def test_blank_nodes_that_cannot_be_told_apart_in_time_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skolem, "_DEADLINE", 1.0)
    clique = "".join(
        f"_:a{i} <http://e/p> _:a{j} .\n" for i in range(14) for j in range(14) if i != j
    )
    with pytest.raises(InputError, match="cannot be told apart within 1 s; give them IRIs"):
        read(tmp_path, clique, "t.nt")


def test_a_long_list_of_equal_values_is_read(tmp_path: Path) -> None:
    assert len(blank(tmp_path, f"<http://e/a> <http://e/p> ( {'1 ' * 30} ) .")) == 61


def test_a_relative_iri_stands_under_the_source(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, "<x> <http://e/p> <#y> .")
    base = f"{vocab.GRAPH}source/source/"
    assert rows == [(1, f"<{base}x>", "<http://e/p>", f"<{base}#y>")]
