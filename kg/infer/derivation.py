"""Why a triple holds: its shallowest derivation, down to what graphs assert."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass

from pyoxigraph import NamedNode, Store, Triple

from kg import vocab
from kg.errors import InputError
from kg.infer.rules import Rule, Rules
from kg.infer.view import View, asserting, instances


@dataclass(frozen=True)
class Derivation:
    """A triple, and what it follows from: graphs that assert it, or axioms and premises."""

    triple: Triple
    graphs: tuple[str, ...] = ()
    axioms: tuple[str, ...] = ()
    premises: tuple[Derivation, ...] = ()

    @property
    def asserted(self) -> list[Triple]:
        """The asserted triples that it rests on, each once."""
        found: dict[Triple, None] = {}
        waiting = deque([self])
        while waiting:
            each = waiting.popleft()
            if each.graphs:
                found[each.triple] = None
            waiting.extend(each.premises)
        return list(found)

    def __iter__(self) -> Iterator[tuple[int, Derivation]]:
        """Every step with its depth, as a person reads them: a triple before its premises."""
        waiting = [(0, self)]
        while waiting:
            depth, each = waiting.pop()
            yield depth, each
            waiting += [(depth + 1, premise) for premise in reversed(each.premises)]


def explain(store: Store, rules: Rules, triple: Triple) -> Derivation:
    """The derivation of a triple of the default graph; no other is less deep.

    Raises InputError where the default graph lacks it, or these rules do not give it.
    """
    if triple not in View(store):
        raise InputError(f"{_shown(triple)} is neither stated nor inferred")
    return _Search(store, rules, triple).run()


class _Search:
    """The instances from which a triple may follow, found backwards a level at a time."""

    def __init__(self, store: Store, rules: Rules, goal: Triple) -> None:
        self.store, self.rules, self.goal = store, rules, goal
        self.view = View(store)
        self.graphs: dict[Triple, tuple[str, ...]] = {}
        self.found: list[tuple[Triple, Rule, tuple[Triple, ...]]] = []

    def run(self) -> Derivation:
        level = {self.goal: None}
        reach = 0
        while True:
            deeper = self.expand(level)
            depths, chosen = self.prove()
            # A proof of depth d stands within d levels: a shallower one would have been found.
            if depths.get(self.goal, reach + 1) <= reach or (not deeper and self.goal in depths):
                return self.built(depths, chosen)
            if not deeper:
                raise InputError(
                    f"{_shown(self.goal)} is in the default graph, asserted by no graph, and does "
                    "not follow by the ontology's rules: was it inferred by another ontology?"
                )
            level, reach = deeper, reach + 1

    def expand(self, level: dict[Triple, None]) -> dict[Triple, None]:
        """Find what the triples of a level may follow from; the triples seen first there."""
        for triple in level:
            self.graphs[triple] = tuple(asserting(self.store, triple))
        deeper: dict[Triple, None] = {}
        for triple in level:
            if not self.graphs[triple]:
                made = instances(self.view, self.rules, triple)
                for rule, premises in sorted(made, key=lambda i: (str(i[0]), [*map(str, i[1])])):
                    self.found.append((triple, rule, premises))
                    deeper.update(dict.fromkeys(p for p in premises if p not in self.graphs))
        return deeper

    def prove(self) -> tuple[dict[Triple, int], dict[Triple, int]]:
        """The least depth of each triple that is proved, and the instance that gives it."""
        users = defaultdict(list)
        for number, (_, _, premises) in enumerate(self.found):
            for premise in set(premises):
                users[premise].append(number)
        missing = [len(set(premises)) for _, _, premises in self.found]
        depths = {triple: 0 for triple, graphs in self.graphs.items() if graphs}
        chosen: dict[Triple, int] = {}
        ready = [number for number, count in enumerate(missing) if not count]
        waiting = deque(depths)
        while waiting or ready:
            # Breadth first: the last premise of an instance to be proved is its deepest.
            if not ready:
                premise = waiting.popleft()
                for number in users[premise]:
                    missing[number] -= 1
                    if not missing[number]:
                        ready.append(number)
            for number in ready:
                head, _, premises = self.found[number]
                if head not in depths:
                    depths[head] = 1 + max((depths[each] for each in premises), default=0)
                    chosen[head] = number
                    waiting.append(head)
            ready = []
        return depths, chosen

    def built(self, depths: dict[Triple, int], chosen: dict[Triple, int]) -> Derivation:
        made: dict[Triple, Derivation] = {}
        for triple in sorted(depths, key=depths.__getitem__):
            if triple in chosen:
                _, rule, premises = self.found[chosen[triple]]
                parts = tuple(made[premise] for premise in premises)
                made[triple] = Derivation(triple, (), rule.axioms, parts)
            else:
                made[triple] = Derivation(triple, self.graphs[triple])
        return made[self.goal]


def _shown(triple: Triple) -> str:
    return " ".join(
        vocab.shorten(term.value) if isinstance(term, NamedNode) else str(term) for term in triple
    )
