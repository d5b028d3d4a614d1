"""A change of named graphs, carried through: what it asserts, and what of it asserts nothing."""

from __future__ import annotations

import pytest
from pyoxigraph import RdfFormat, Store, Triple, parse

from kg import vocab
from kg.build.delta import carry_through
from kg.infer import Rules
from kg.patch import Patch

RULES = Rules.compile(
    parse("<c:A> <http://www.w3.org/2000/01/rdf-schema#subClassOf> <c:B> .", RdfFormat.TURTLE)
)
A, B = (f"<i:0> <{vocab.RDF}type> <c:{name}>" for name in "AB")
SOURCE, OTHER, SIDE = (f"<{vocab.graph(name)}>" for name in ("source/a", "source/b", "shapes"))


def changed(store: Store, added: set[str], removed: set[str] = frozenset()) -> tuple[int, int]:  # type: ignore[assignment]
    patch = Patch(*(frozenset(line.encode() for line in of) for of in (added, removed)))
    patch.apply_to(store)
    applied = carry_through(store, patch, RULES)
    return len(applied.added), len(applied.removed)


def default(store: Store) -> set[Triple]:
    return {quad.triple for quad in store if str(quad.graph_name) == "DEFAULT"}


def test_line_is_asserted_once_and_what_follows_goes_with_it() -> None:
    store = Store()
    assert changed(store, {f"{A} {SOURCE} ."}) == (2, 0)
    assert changed(store, {f"{A} {OTHER} ."}) == (0, 0)
    assert changed(store, set(), {f"{A} {SOURCE} ."}) == (0, 0)
    assert {str(each) for each in default(store)} == {A, B}
    assert changed(store, set(), {f"{A} {OTHER} ."}) == (0, 2)
    assert not len(store)


def test_line_that_moves_to_another_graph_changes_nothing_else() -> None:
    store = Store()
    changed(store, {f"{A} {SOURCE} ."})
    assert changed(store, {f"{A} {OTHER} ."}, {f"{A} {SOURCE} ."}) == (0, 0)


@pytest.mark.parametrize("graph", [SIDE, f"<{vocab.INFERRED}>"])
def test_line_of_a_graph_beside_asserts_nothing(graph: str) -> None:
    store = Store()
    assert changed(store, {f"{A} {graph} ."}) == (0, 0)
    assert not default(store)
