"""Patches: what they make of content, however they are combined, written and read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.errors import ReleaseError
from kg.patch import Patch, difference

LINES = st.frozensets(st.sampled_from([f"<s> <p> <{n}> .".encode() for n in range(8)]))


def between(before: frozenset[bytes], after: frozenset[bytes]) -> Patch:
    return Patch(after - before, before - after)


@given(LINES, LINES)
def test_patch_makes_the_later_content_of_the_earlier(
    a: frozenset[bytes], b: frozenset[bytes]
) -> None:
    patch = between(a, b)
    assert list(patch.apply(sorted(a))) == sorted(b)
    assert list(patch.apply(patch.apply(sorted(a)))) == sorted(b)  # twice is once
    assert list(patch.inverse().apply(sorted(b))) == sorted(a)
    assert len(patch) == len(a ^ b)
    assert bool(patch) is (a != b)


@given(LINES, LINES, LINES)
def test_two_patches_are_the_patch_of_both(
    a: frozenset[bytes], b: frozenset[bytes], c: frozenset[bytes]
) -> None:
    assert between(a, b).then(between(b, c)) == between(a, c)


@given(LINES, LINES)
def test_difference_names_each_line_once_in_order(a: frozenset[bytes], b: frozenset[bytes]) -> None:
    found = list(difference(sorted(a), sorted(b)))
    assert found == sorted(
        [(True, line) for line in b - a] + [(False, line) for line in a - b],
        key=lambda change: change[1],
    )


def test_patch_is_read_as_it_was_written(tmp_path: Path) -> None:
    patch = Patch(
        frozenset({b'<s> <p> "A b" .', b"<s> <p> <o> <g> ."}), frozenset({b"<x> <p> _:b ."})
    )
    patch.write(tmp_path / "p", "before", "after")
    assert Patch.read(tmp_path / "p") == patch
    assert Patch.beside(tmp_path / "dump.nq.zst") == Patch()


@pytest.mark.parametrize("kept", [0, 10, -10])
def test_damaged_patch_is_an_error(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "p"
    Patch(frozenset({b"<s> <p> <o> ."})).write(path, "a", "b")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ReleaseError, match="patch"):
        Patch.read(path)
