"""Property paths: walked as the store walks them, written and read back."""

from __future__ import annotations

from random import Random

import pytest
from pyoxigraph import BlankNode, QuerySolutions, RdfFormat, parse
from shacl_cases import NAMED, PREDICATES, data, store_of

from kg.errors import KnowledgeGraphError
from kg.validate import formats, reference
from kg.validate.judging import Judge
from kg.validate.paths import (
    Alternative,
    Path,
    Predicate,
    Repeated,
    Sequence,
    inverse,
    inverted,
    joined,
)
from kg.validate.paths import parse as parse_path


def path(chance: Random, depth: int = 3) -> Path:
    if depth == 0 or chance.random() < 0.3:
        return Predicate(chance.choice(PREDICATES), chance.random() < 0.3)
    several = tuple(path(chance, depth - 1) for _ in range(2))
    match chance.randrange(4):
        case 0:
            return Sequence(several)
        case 1:
            return Alternative(several)
        case 2:
            return Repeated(several[0], chance.choice("*+?"))
        case _:
            return inverted(several[0])


@pytest.mark.parametrize("block", range(5))
def test_walk_reaches_what_a_query_of_the_path_reaches(block: int) -> None:
    for seed in range(block * 60, block * 60 + 60):
        chance = Random(seed)
        given, wanted = data(chance), path(chance)
        store = store_of(given)
        named = sorted({t.subject for t in given if t.subject in NAMED}, key=str)
        judge, start = Judge(store), chance.choice(named)
        found = store.query(f"SELECT DISTINCT ?x {{ {start} {wanted} ?x }}")
        assert isinstance(found, QuerySolutions)
        ends = {row["x"] for row in found}
        assert set(wanted.walk(judge.look, start)) == ends, f"seed {seed}: {wanted}"
        assert set(inverse(wanted).walk(judge.look, start, backward=True)) == ends
        for end in ends:
            assert start in wanted.walk(judge.look, end, backward=True)


@pytest.mark.parametrize("seed", range(50))
def test_path_is_read_back_as_it_was_written(seed: int) -> None:
    wanted = path(Random(seed))
    assert parse_path(str(wanted)) == wanted
    text = f"<urn:s> <urn:p> {formats.turtle_path(wanted)} ."
    text = f"PREFIX sh: <http://www.w3.org/ns/shacl#>\n{text}"
    graph = reference.graph(parse(text.encode(), format=RdfFormat.TURTLE))
    (node,) = graph.objects(reference.rdf_term(NAMED[0].__class__("urn:s")))
    assert reference.path_of(graph, graph, node) == wanted


@pytest.mark.parametrize("text", ["", "<a:b>/", "(<a:b>", "<a:b> <c:d>", "a:b", "^", "<a:b>)"])
def test_text_that_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(KnowledgeGraphError, match="no property path"):
        parse_path(text)


def test_steps_lead_up_to_each_predicate() -> None:
    p, q = (Predicate(each) for each in PREDICATES[:2])
    walked = joined(p, Repeated(q, "*"))
    assert [(str(step.before), step.predicate) for step in walked.steps()] == [
        ("", PREDICATES[0]),
        (f"({p}/({q})*)", PREDICATES[1]),
    ]
    assert BlankNode("x") in Repeated(p, "?").walk(lambda *_: [], BlankNode("x"))
