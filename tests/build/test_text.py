"""A candidate's content as files: the dump, the store on disk and that in memory say the same."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import (
    BlankNode,
    DefaultGraph,
    Literal,
    NamedNode,
    Quad,
    QuerySolutions,
    RdfFormat,
    Store,
    parse,
    serialize,
)

from kg import vocab
from kg.build.lines import Tally, graph_of
from kg.build.text import Text
from kg.errors import InputError
from kg.infer import GRAPH as INFERENCES
from kg.infer import Rules, materialise
from kg.release import Loading, read_dump

RULES = Rules.compile(
    parse(
        "<x:p> <http://www.w3.org/2000/01/rdf-schema#subPropertyOf> <x:q> . "
        "<x:q> a <http://www.w3.org/2002/07/owl#TransitiveProperty> .",
        RdfFormat.TURTLE,
    )
)
SIDE = NamedNode(vocab.graph("shapes"))
GRAPHS = st.sampled_from([NamedNode(vocab.graph("source/a")), NamedNode("x:g"), SIDE])
NODES = st.one_of(
    st.sampled_from(["x:a", "x:ab", "x:b"]).map(NamedNode),
    st.sampled_from("ab").map(BlankNode),
)
OBJECTS = st.one_of(NODES, st.sampled_from(["", "_:a", " .", "x:a <x:g> ."]).map(Literal))
PREDICATES = st.sampled_from(["x:p", "x:q", "x:r", f"{vocab.RDF}type"]).map(NamedNode)
QUADS = st.sets(st.builds(Quad, NODES, PREDICATES, OBJECTS, GRAPHS), max_size=12)


def dumped(store: Store) -> list[bytes]:
    text = store.dump(format=RdfFormat.N_QUADS)
    assert text is not None
    return sorted(text.split(b"\n")[:-1])


def written(text: Text, quads: set[Quad]) -> Tally:
    given = serialize(quads, format=RdfFormat.N_QUADS)
    assert given is not None
    text.add_bytes(given.splitlines())
    tally = Tally()
    text.merge(tally, lambda _: None)
    text.infer(RULES, tally)
    return tally


def classes(store: Store) -> dict[str, int]:
    text = f"SELECT ?class (COUNT(*) AS ?n) {{ ?s <{vocab.RDF}type> ?class }} GROUP BY ?class"
    found = cast(QuerySolutions, store.query(text))
    rows = ((row["class"], row["n"].value) for row in found)  # type: ignore[union-attr]
    return {name.value: int(n) for name, n in rows if isinstance(name, NamedNode)}


@settings(max_examples=20)
@given(QUADS)
def test_dump_and_both_stores_hold_what_is_asserted_and_what_follows(quads: set[Quad]) -> None:
    expected = Store()
    expected.extend(quads)
    merged = {quad.triple for quad in quads if quad.graph_name != SIDE}
    expected.extend(Quad(t.subject, t.predicate, t.object, DefaultGraph()) for t in merged)
    inferred = materialise(expected, RULES)
    with TemporaryDirectory() as folder:
        path = Path(folder)
        with Loading(path / "store") as loading:
            text = Text(path / "work", loading)
            tally = written(text, quads)
            assert text.triples == len(merged)
            loading.complete(merged=True).result()
            assert loading.count().result() == len(expected)
        assert tally.graphs[INFERENCES.value.encode()] == inferred
        assert tally.named_classes() == classes(expected)
        content = text.dump(path / "dump.nq.zst")
        assert list(read_dump(path / "dump.nq.zst")) == dumped(expected)
        assert content.quads == len(expected)
        assert dumped(Store.read_only(str(path / "store"))) == dumped(expected)
        default = [line for line in dumped(expected) if not graph_of(line)]
        assert dumped(text.in_memory()) == default


def test_line_that_the_store_refuses_stops_the_load(tmp_path: Path) -> None:
    bad = f'<x:a> <x:p> "a"@e_n <{vocab.graph("source/a")}> .'.encode()
    with Loading(tmp_path / "store") as loading:
        text = Text(tmp_path / "work", loading)
        text.add_bytes([bad])
        text.merge(Tally(), lambda _: None)
        with pytest.raises(InputError, match=r"lines of named graphs: .*line 1"):
            loading.complete(merged=True).result()
