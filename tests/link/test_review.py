"""The queue on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from kg import link
from kg.etl.links import QUEUE, Decision, Links, read_decisions
from kg.link import decide
from kg.link.review import Review
from kg.settings import shipped


def waiting(one: str, other: str, relation: str = "same") -> Decision:
    return Decision(
        f"organization/{one}", one, relation, f"organization/{other}", other,  # type: ignore[arg-type]
        "CompositeMatching", 0.8, "kg link", "", "2026-11-26", "name",
    )  # fmt: skip


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    pairs = [waiting("a", "b"), waiting("b", "c"), waiting("d", "e", "part"), waiting("f", "g")]
    link.save(tmp_path / "links", Links(), pairs)
    return tmp_path


def review(tables: Path, answers: str) -> tuple[Review, list[str]]:
    """A walk with these answers, one a letter; and what was said."""
    walk = Review(tables / "links", "curator", "2026-11-27")
    given = iter(answers)
    said: list[str] = []
    walk.run(lambda *_: next(given, "q"), said.append)
    return walk, said


def left(tables: Path) -> set[str]:
    return {pair.subject_label for pair in read_decisions(tables / "links" / QUEUE)}


def test_every_answer_is_a_decision_of_its_reviewer(tables: Path) -> None:
    walk, _ = review(tables, "arpa")
    assert (walk.decided, walk.waiting) == (4, [])
    decisions = Links.load(tables / "links").decisions
    assert {(d.subject_label, d.relation, d.object_label) for d in decisions} == {
        ("a", "same", "b"), ("b", "apart", "c"), ("d", "part", "e"), ("f", "same", "g"),
    }  # fmt: skip
    assert {(d.reviewer, d.justification, d.confidence) for d in decisions} == {
        ("curator", "ManualMappingCuration", 1.0)
    }


def test_a_review_is_taken_up_where_it_was_left(tables: Path) -> None:
    walk, _ = review(tables, "aq")
    assert walk.decided == 1
    assert left(tables) == {"b", "d", "f"}
    walk, _ = review(tables, "sss")
    assert (walk.decided, walk.skipped) == (0, 3)
    assert left(tables) == {"b", "d", "f"}
    review(tables, "sra")
    assert left(tables) == {"b"}


def test_a_pair_that_an_answer_settles_is_not_asked(tables: Path) -> None:
    link.save(tables / "links", Links(), [waiting("a", "b"), waiting("c", "b"), waiting("c", "a")])
    walk, _ = review(tables, "aa")
    assert (walk.decided, walk.waiting) == (2, [])
    assert left(tables) == set()


def test_an_answer_that_cannot_stand_is_explained_and_the_pair_kept(tables: Path) -> None:
    # What an earlier answer settles is left out, so only a table changed meanwhile does this.
    walk = Review(tables / "links", "curator", "2026-11-27")
    walk.links = decide.judge(walk.links, waiting("a", "b"), "same", "wang", "2026-11-27")
    said: list[str] = []
    given = iter("p")
    walk.run(lambda *_: next(given, "q"), said.append)
    assert "are the same by an earlier decision" in said[0]
    assert (walk.decided, len(walk.waiting)) == (0, 4)


def test_an_unknown_answer_is_asked_again(tables: Path) -> None:
    walk, _ = review(tables, "xyar")
    assert walk.decided == 2


def test_review_on_a_real_terminal(tables: Path) -> None:
    near, far = pty.openpty()
    try:
        arguments = ["link", "review", "--tables", str(tables), "--reviewer", "wang"]
        done = subprocess.Popen(
            [sys.executable, "-m", "kg", *arguments],
            stdin=far, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        os.write(near, b"a\nr\ns\nq\n")
        out, err = done.communicate(timeout=60)
    finally:
        os.close(near)
        os.close(far)
    assert done.returncode == 0, err
    assert "4 waiting: the same? (0.8)" in out
    assert "id:organization/a" in out
    assert "decided: 2, skipped: 1, waiting: 2" in out
    assert {d.reviewer for d in Links.load(tables / "links").decisions} == {"wang"}


def test_review_of_the_shipped_tables_has_nothing_left() -> None:
    assert link.queue(shipped("tables") / "links") == []
