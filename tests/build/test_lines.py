"""Lines: sorted whatever their number, merged as a release holds them, told apart by graph."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Store, serialize

from kg import vocab
from kg.build import lines

GRAPHS = [NamedNode(vocab.graph(name)) for name in ("source/a", "source/b", "shapes", "provenance")]
NODES = st.sampled_from([NamedNode(f"http://e/{name}") for name in ("a", "ab", "b")])
TEXT = st.text(st.sampled_from(' <>".\\^@_:g\n'), max_size=6)
OBJECTS = st.one_of(
    NODES,
    TEXT.map(Literal),
    TEXT.map(lambda text: Literal(text, language="en")),
    TEXT.map(lambda text: Literal(text, datatype=NamedNode("http://e/dt"))),
)
QUADS = st.builds(Quad, NODES, NODES, OBJECTS, st.sampled_from(GRAPHS))


def line_of(quad: Quad) -> bytes:
    text = serialize([quad], format=RdfFormat.N_QUADS)
    assert text is not None
    return text[:-1]


@given(st.lists(QUADS, max_size=12))
def test_default_graph_is_the_merge_of_what_is_no_side_graph(quads: list[Quad]) -> None:
    told: dict[bytes, int] = {}
    tally = lines.Tally()
    blocks = list(lines.merged(sorted(map(line_of, quads)), tally, told.__setitem__))
    merged = [line for block in blocks for line in block.lines]
    default = [line for block in blocks for line in block.default]
    store = Store()
    store.extend(quads)
    store.extend(
        Quad(quad.subject, quad.predicate, quad.object, DefaultGraph())
        for quad in quads
        if quad.graph_name not in GRAPHS[2:]
    )
    dump = store.dump(format=RdfFormat.N_QUADS)
    assert dump is not None
    assert merged == sorted(merged)
    assert merged == sorted(set(map(line_of, store)))
    assert default == [line for line in merged if not lines.graph_of(line)]
    assert tally.graphs == Counter(filter(None, map(lines.graph_of, merged)))
    given_often = Counter(map(line_of, quads))
    assert told == {line: count for line, count in given_often.items() if count > 1}


@given(QUADS)
def test_graph_of_a_line_is_told_from_what_looks_like_one(quad: Quad) -> None:
    assert isinstance(quad.graph_name, NamedNode)
    assert lines.graph_of(line_of(quad)) == quad.graph_name.value.encode()
    merged = Quad(quad.subject, quad.predicate, quad.object, DefaultGraph())
    assert lines.graph_of(line_of(merged)) == b""


@settings(max_examples=30)
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), min_size=1), max_size=40
    )
)
def test_lines_are_sorted_by_their_bytes_in_any_number_of_runs(texts: list[str]) -> None:
    with TemporaryDirectory() as folder:
        for number, run in enumerate((1, 1 << 20)):
            runs = lines.Runs(Path(folder) / str(number), run)
            for start in range(0, len(texts), 7):
                runs.add(pl.Series(texts[start : start + 7], dtype=pl.String))
            with runs.sorted() as found:
                assert list(found) == sorted(text.encode() for text in texts)


def test_tally_counts_instances_in_the_default_graph_alone() -> None:
    tally = lines.Tally()
    typed = f"<http://e/a> <{vocab.RDF}type> <http://e/C>".encode()
    for line in (
        typed + b" .",
        typed + b" <http://e/g> .",
        b"<http://e/a> <http://e/p> <http://e/C> .",
    ):
        tally.count(line)
    assert tally.named_classes() == {"http://e/C": 1}
    assert tally.named_graphs() == {"http://e/g": 1, "default": 2}
    again = lines.Tally.of(tally.named_classes(), tally.named_graphs())
    again.count(typed + b" .", -1)
    assert again.named_classes() == {}
    assert again.named_graphs() == {"http://e/g": 1, "default": 1}


@given(st.lists(st.sets(st.binary(max_size=2)), max_size=4), st.sets(st.binary(max_size=2)))
def test_interleaved_lines_are_sorted(parts: list[set[bytes]], others: set[bytes]) -> None:
    every = sorted(set().union(*parts) - others)
    blocks = [every[start : start + 5] for start in range(0, len(every), 5)]
    assert list(lines.interleaved(blocks, sorted(others))) == sorted([*every, *others])
