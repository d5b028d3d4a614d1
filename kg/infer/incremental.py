"""A change carried through the inferences: additions semi-naively, removals by DRed.

Delete and rederive (Gupta, Mumick, Subrahmanian 1993): what used a removed triple is taken
out, what still follows from the rest is put back, and what an added triple gives is added.
What joins with a changed triple is looked up triple by triple; what may be put back is asked
for rule by rule, as the store joins without reading what the terms are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from pyoxigraph import Literal, NamedNode, Quad, QuerySolutions, Store, Triple

from kg.infer.fixpoint import GRAPH
from kg.infer.rules import Binding, Rule, Rules
from kg.infer.view import View, asserting, quad

#: Triples that a rule is asked for at a time.
_BATCH: Final = 10_000


def update(
    store: Store, rules: Rules, added: Collection[Triple], removed: Collection[Triple]
) -> tuple[list[Quad], list[Quad]]:
    """Carry a change through; the quads added to and removed from the store by it.

    The named graphs hold the new state already; the default graph and the graph of
    inferences hold the old one, and are brought to what a full run would give. `added` has
    the triples that a merged graph asserts now and none did before, `removed` those that none
    asserts any more; in both may be others that a merged graph gained or lost. Where it raises,
    the default graph is left between the states.
    """
    stated = {triple: bool(asserting(store, triple)) for triple in removed}
    change = _Change(store, rules, stated | dict.fromkeys(added, True))
    change.remove(triple for triple in removed if not change.stated[triple])
    change.add([*change.rederivable(), *added])
    return change.apply()


class _Change:
    """One update: what is `gone` from the default graph, and the view of what is there.

    `stated` are the triples whose assertion may have changed, each with whether it is asserted
    now; any other of the default graph is asserted where the graph of inferences lacks it.
    """

    def __init__(self, store: Store, rules: Rules, stated: dict[Triple, bool]) -> None:
        self.store, self.rules, self.stated = store, rules, stated
        self.gone: set[Triple] = set()
        self.view = View(store)

    def remove(self, triples: Iterable[Triple]) -> None:
        """Take out these triples and all that was derived with their help."""
        gone = {triple for triple in triples if triple in self.view}
        kept: set[Triple] = set()
        waiting = list(gone)
        while waiting:
            for head in self.consequences(waiting.pop()):
                if head in gone or head in kept:
                    continue
                asserted = self.stated.get(head)
                if asserted is None:
                    asserted = quad(head, GRAPH) not in self.store
                if asserted:
                    kept.add(head)
                else:
                    gone.add(head)
                    waiting.append(head)
        for triple in gone:
            self.store.remove(quad(triple))
        self.gone, self.view = gone, View(self.store)

    def rederivable(self) -> list[Triple]:
        """What is gone and follows by one rule from what is left."""
        wanted: dict[Rule, list[Triple]] = defaultdict(list)
        for triple in self.gone:
            for rule in self.rules.giving(triple):
                wanted[rule].append(triple)
        found: set[Triple] = set()
        for rule, triples in wanted.items():
            rest = [triple for triple in triples if triple not in found]
            for start in range(0, len(rest), _BATCH):
                found.update(_given(self.view, rule, rest[start : start + _BATCH]))
        return list(found)

    def add(self, triples: Iterable[Triple]) -> None:
        """Add triples and all that follows from them."""
        waiting = list(triples)
        while waiting:
            triple = waiting.pop()
            if triple not in self.view:
                self.view.add(triple)
                waiting.extend(self.consequences(triple))

    def consequences(self, triple: Triple) -> Iterator[Triple]:
        """The heads of the instances that use a triple of the view."""
        for rule, place in self.rules.using(triple):
            binding = rule.body[place].match(triple, {})
            if binding is None:
                continue
            rest = rule.body[:place] + rule.body[place + 1 :]
            for found in self.view.solutions(rest, binding):
                head = rule.head.triple(found)
                if head is not None:
                    yield head

    def apply(self) -> tuple[list[Quad], list[Quad]]:
        """Write the difference into both graphs; what was added and removed, sorted."""
        new, gone = self.view.new, self.gone
        added = [quad(triple) for triple in new - gone]
        removed = [quad(triple) for triple in gone - new]
        for triple in (new ^ gone) - self.stated.keys():
            (added if triple in new else removed).append(quad(triple, GRAPH))
        for triple, asserted in self.stated.items():
            inferred = not asserted and triple in self.view
            if inferred != ((there := quad(triple, GRAPH)) in self.store):
                (added if inferred else removed).append(there)
        added.sort(key=str)
        removed.sort(key=str)
        for each in removed:
            self.store.remove(each)
        self.store.extend([*added, *map(quad, new & gone)])
        return added, removed


def _given(view: View, rule: Rule, triples: list[Triple]) -> Iterator[Triple]:
    """Those of the triples that a rule gives by the store."""
    ends = rule.head.variables
    subjects = {atom.subject for atom in rule.body}
    joined = any(set(ends) <= set(atom.variables) for atom in rule.body)
    # What a subject relates to is little, and the reverse may be half of the store: without a
    # subject to start from, each triple is sought from its narrower end, up to the first way.
    narrow = bool(rule.body) and (joined or not subjects.isdisjoint(ends))
    bindings: list[tuple[Triple, Binding]] = []
    for triple in triples:
        binding = rule.head.match(triple, {})
        if binding is None:
            continue
        if narrow and binding and all(map(_is_named, binding.values())):
            bindings.append((triple, binding))
        elif any(True for _ in view.solutions(rule.body, binding)):
            yield triple
    if not bindings:
        return
    # From one end of all triples at once, so that what many ways pass is passed once; from
    # both only where one atom takes both.
    starts = ends
    if not joined:
        values = {end: len({binding[end] for _, binding in bindings}) for end in ends}
        starts = (min(ends, key=lambda end: (end not in subjects, values[end])),)
    rows = {" ".join(str(binding[end]) for end in starts): None for _, binding in bindings}
    query = (
        f"SELECT DISTINCT {' '.join(map(str, ends))} {{ "
        f"VALUES ({' '.join(map(str, starts))}) {{ {' '.join(f'({row})' for row in rows)} }} "
        f"{' . '.join(map(str, rule.body))} }}"
    )
    solutions = view.store.query(query)
    assert isinstance(solutions, QuerySolutions)  # noqa: S101 - a SELECT
    found = {tuple(solution[end] for end in ends) for solution in solutions}
    for triple, binding in bindings:
        if tuple(binding[end] for end in ends) in found:
            yield triple


def _is_named(term: object) -> bool:
    """Whether a query can name a term."""
    return isinstance(term, NamedNode | Literal)
