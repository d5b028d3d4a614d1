"""Lines: sorted whatever their number, merged as a release holds them, told apart by graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Store, serialize

from kg import vocab
from kg.build import lines
from kg.nquads import write

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


def column(given: Iterable[bytes]) -> pl.Series:
    return pl.Series("line", [line.decode() for line in given], dtype=pl.String)


def line_of(quad: Quad) -> bytes:
    text = serialize([quad], format=RdfFormat.N_QUADS)
    assert text is not None
    return text[:-1]


@given(st.lists(QUADS, max_size=12), st.integers(1, 5))
def test_default_graph_is_the_merge_of_what_is_no_side_graph(quads: list[Quad], size: int) -> None:
    told: list[tuple[str, int]] = []
    tally = lines.Tally()
    given = sorted(map(line_of, quads))
    runs = (given[at : at + size] for at in range(0, len(given), size))
    merged = lines.merged(map(column, runs), tally, lambda found: told.extend(found.iter_rows()))
    blocks = list(merged)
    named = [line.encode() for block in blocks for line in block.named]
    default = [line.encode() for block in blocks for line in block.default]
    store = Store()
    store.extend(quads)
    store.extend(
        Quad(quad.subject, quad.predicate, quad.object, DefaultGraph())
        for quad in quads
        if quad.graph_name not in GRAPHS[2:]
    )
    dump = store.dump(format=RdfFormat.N_QUADS)
    assert dump is not None
    held = sorted(set(map(line_of, store)))
    assert named == [line for line in held if lines.graph_of(line)]
    assert default == [line for line in held if not lines.graph_of(line)]
    assert tally.graphs == Counter(map(lines.graph_of, named))
    assert told == [
        (line.decode(), count) for line, count in sorted(Counter(given).items()) if count > 1
    ]


@given(QUADS)
def test_graph_of_a_line_is_told_from_what_looks_like_one(quad: Quad) -> None:
    assert isinstance(quad.graph_name, NamedNode)
    assert lines.graph_of(line_of(quad)) == quad.graph_name.value.encode()
    merged = Quad(quad.subject, quad.predicate, quad.object, DefaultGraph())
    assert lines.graph_of(line_of(merged)) == b""


@settings(max_examples=30)
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1), max_size=40
    )
)
def test_lines_are_sorted_by_their_bytes_in_any_number_of_runs(texts: list[str]) -> None:
    with TemporaryDirectory() as folder:
        for number, run in enumerate((1, 1 << 20)):
            runs = lines.Runs(Path(folder) / str(number), run)
            for start in range(0, len(texts), 7):
                runs.add(pl.Series(texts[start : start + 7], dtype=pl.String))
            with runs.sorted() as found:
                every = [text.encode() for block in found for text in block]
            assert every == sorted(text.encode() for text in texts)


def test_spool_hands_on_every_line_and_leaves_no_file(tmp_path: Path) -> None:
    handed: list[Iterator[bytes]] = []
    spool = lines.Spool(tmp_path / "given", handed.append)
    given = [f"{number:07} {'x' * 992}\n" for number in range(20_000)]
    for start in range(0, len(given), 3000):
        spool.add(pl.Series([line[:-1] for line in given[start : start + 3000]]))
    assert handed  # some is on its way before all is there
    spool.close()
    spool.close()
    assert b"".join(text for texts in handed for text in texts) == "".join(given).encode()
    assert not [*(tmp_path / "given").iterdir()]


def test_types_are_counted_by_the_column_as_by_the_line() -> None:
    typed = f"<{vocab.RDF}type>"
    given = [
        f"<http://e/a> {typed} <http://e/C> .",
        f"_:b {typed} <http://e/C> .",
        f"_:b {typed} <http://e/D> .",
        f"_:b {typed} _:c .",
        f'<http://e/a> <http://e/p> "a {typed} <http://e/C> ." .',
        f"<http://e/a> <http://e/p> {typed} .",
    ]
    tally = lines.Tally()
    tally.count_types(pl.Series(given[:2]))
    tally.count_types(pl.Series(given[2:]))
    assert tally.named_classes() == {"http://e/C": 2, "http://e/D": 1}


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


@given(st.lists(st.sets(st.binary(max_size=2)), max_size=4), st.integers(1, 5))
def test_interleaved_runs_are_one_sorted_run(runs: list[set[bytes]], size: int) -> None:
    every = [sorted(run) for run in runs]
    blocks = ([run[at : at + size] for at in range(0, len(run), size)] for run in every)
    assert list(lines.interleaved(*blocks)) == sorted(line for run in every for line in run)


@given(st.lists(QUADS, max_size=12))
def test_lines_of_the_default_graph_are_read_as_those_of_another(quads: list[Quad]) -> None:
    triples = {Quad(quad.subject, quad.predicate, quad.object, DefaultGraph()) for quad in quads}
    within = [Quad(t.subject, t.predicate, t.object, GRAPHS[0]) for t in triples]
    expected = sorted(map(line_of, within))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "default.nq"
        with path.open("wb") as file:
            write(column(sorted(map(line_of, triples))), file)
        found = [line for block in lines.read(path, GRAPHS[0]) for line in block]
        assert found == expected
        assert [line for block in lines.read(path) for line in block] == [
            line_of(quad) for quad in sorted(triples, key=line_of)
        ]
    assert sorted(lines.within(GRAPHS[0], line_of(triple)) for triple in triples) == expected


@given(st.lists(st.sampled_from(["_:a <p> _:b .", '<s> <p> "_:" .', "<s> <p> <o> ."])))
def test_lines_with_blank_nodes_are_kept_apart(given: list[str]) -> None:
    ground, nameless = lines.ground(pl.Series(given, dtype=pl.String))
    assert ground.to_list() == ["<s> <p> <o> ."] * given.count("<s> <p> <o> .")
    assert nameless == [line.encode() for line in given if "_:" in line]
