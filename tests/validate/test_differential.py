"""The compiled engine against pySHACL, and a delta against a full run, on random cases."""

from __future__ import annotations

from random import Random

import pytest
from shacl_cases import ShapesGraph, data, store_of, triple

from kg.validate import Report, Shapes, delta, engine, validate, validate_delta

#: Each block is so many graphs, each under so many shapes with targets.
BLOCKS, GRAPHS, ROOTS = 20, 9, 12
assert BLOCKS * GRAPHS * ROOTS >= 2000


def fields(report: Report) -> set[tuple[str, ...]]:
    """The results, but for queries about a literal: rdflib finds a path from one to itself."""
    return {
        result.key
        for result in report.results
        if not (result.focus.startswith('"') and result.component == "SPARQLConstraintComponent")
    }


@pytest.mark.parametrize("block", range(BLOCKS))
def test_compiled_results_are_those_of_pyshacl(block: int) -> None:
    for number in range(GRAPHS):
        seed = block * GRAPHS + number
        chance = Random(seed)
        shapes = Shapes.compile(ShapesGraph(chance, ROOTS, seed % 2 == 0).quads)
        store = store_of(data(chance, seed % 2 == 0))
        ours = fields(validate(store, shapes))
        theirs = fields(validate(store, shapes, engine="pyshacl"))
        assert ours == theirs, f"seed {seed}"


@pytest.mark.parametrize("block", range(BLOCKS // 4))
def test_targets_that_are_large_give_the_same(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2 * GRAPHS):
        seed = 30_000 + block * 2 * GRAPHS + number
        chance = Random(seed)
        shapes = Shapes.compile(ShapesGraph(chance, ROOTS, seed % 2 == 0).quads)
        store = store_of(data(chance, seed % 2 == 0))
        small = validate(store, shapes)
        with monkeypatch.context() as patch:
            patch.setattr(engine, "_SMALL", 1)
            patch.setattr(engine, "_TIMES", 1000)
            assert validate(store, shapes) == small, f"seed {seed}"


@pytest.mark.parametrize("block", range(BLOCKS))
def test_delta_gives_the_report_of_a_full_run(block: int) -> None:
    for number in range(2 * GRAPHS):
        compare_delta(10_000 + block * 2 * GRAPHS + number)


@pytest.mark.parametrize("block", range(BLOCKS // 4))
def test_delta_finds_the_same_by_queries(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delta, "ASKED", 1)  # as if many nodes had changed
    for number in range(2 * GRAPHS):
        compare_delta(20_000 + block * 2 * GRAPHS + number)


def compare_delta(seed: int) -> None:
    chance = Random(seed)
    shapes = Shapes.compile(ShapesGraph(chance, ROOTS, seed % 2 == 0).quads)
    old = data(chance, seed % 2 == 0)
    removed = {each for each in old if chance.random() < 0.1}
    added = {triple(chance, seed % 2 == 0) for _ in range(chance.randrange(4))} - old
    new = store_of(old - removed | added)
    before = validate(store_of(old), shapes)
    report = validate_delta(new, shapes, added, removed, before)
    assert report == validate(new, shapes), f"seed {seed}"
