"""A change carried through the inferences: additions semi-naively, removals by DRed.

Delete and rederive (Gupta, Mumick, Subrahmanian 1993): what used a removed triple is taken
out, what still follows from the rest is put back, and what an added triple gives is added.
Each step looks up only what joins with a changed triple, in whatever kind of store.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from pyoxigraph import BlankNode, DefaultGraph, NamedNode, Quad, Store, Triple, Variable

from kg import vocab
from kg.infer.fixpoint import GRAPH
from kg.infer.rules import Atom, Binding, Rule, Rules, Term

_DEFAULT: Final = DefaultGraph()
#: Named graphs that assert nothing of the default graph.
_BESIDE: Final = vocab.SIDE_GRAPHS | {GRAPH.value}


def update(
    store: Store, rules: Rules, added: Collection[Triple], removed: Collection[Triple]
) -> tuple[list[Quad], list[Quad]]:
    """Carry a change through; the quads added to and removed from the store by it.

    The named graphs hold the new state already; the default graph and the graph of
    inferences hold the old one, and are brought to what a full run would give. `added` are
    the triples that a merged graph asserts now and none did before, `removed` those that
    none asserts any more.
    """
    change = _Change(store, rules)
    change.remove([triple for triple in removed if not change.is_asserted(triple)])
    change.add([*change.rederivable(), *(triple for triple in added if change.is_asserted(triple))])
    return change.apply({*added, *removed})


class View:
    """The default graph of a store, less the triples that are `gone`, plus the `new` ones."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.gone: set[Triple] = set()
        self.new: set[Triple] = set()
        self._index: dict[tuple[Term | None, ...], dict[Triple, None]] = defaultdict(dict)

    def __contains__(self, triple: Triple) -> bool:
        if triple in self.new:
            return True
        return triple not in self.gone and self.in_store(triple)

    def in_store(self, triple: Triple) -> bool:
        """Whether the default graph of the store holds it, as it stands."""
        return Quad(triple.subject, triple.predicate, triple.object, _DEFAULT) in self.store

    def add(self, triple: Triple) -> None:
        """Add a triple, or put back one that is gone."""
        if triple in self.gone:
            self.gone.discard(triple)
            return
        self.new.add(triple)
        s, p, o = triple
        for key in ((None, p, None), (s, p, None), (None, p, o), (s, p, o)):
            self._index[key][triple] = None

    def match(self, atom: Atom, binding: Binding) -> Iterator[Binding]:
        """The bindings, extended, under which the view holds an atom."""
        subject, object_ = atom.bound(binding)
        found: list[Triple] = list(self._index.get((subject, atom.predicate, object_), ()))
        if subject is None or isinstance(subject, NamedNode | BlankNode):
            quads = self.store.quads_for_pattern(subject, atom.predicate, object_, _DEFAULT)
            stored = (quad.triple for quad in quads)
            found += [triple for triple in stored if triple not in self.gone]
        for triple in found:
            extended = atom.match(triple, binding)
            if extended is not None:
                yield extended

    def solutions(self, atoms: tuple[Atom, ...], binding: Binding) -> Iterator[Binding]:
        """The bindings under which the view holds all the atoms, the most bound atom first."""
        if not atoms:
            yield binding
            return
        first = min(atoms, key=lambda atom: _cost(atom, binding))
        rest = tuple(atom for atom in atoms if atom is not first)
        for found in self.match(first, binding):
            yield from self.solutions(rest, found)


def _cost(atom: Atom, binding: Binding) -> int:
    """How many triples a look-up may give: a value of a variable narrows more than a class."""
    subject, object_ = atom.bound(binding)
    if subject is not None:
        return 0 if object_ is not None else 1
    if object_ is None:
        return 4
    return 2 if isinstance(atom.object, Variable) else 3


class _Change:
    """One update: the state it reaches, as a view over the store."""

    def __init__(self, store: Store, rules: Rules) -> None:
        self.store, self.rules = store, rules
        self.view = View(store)

    def is_asserted(self, triple: Triple) -> bool:
        """Whether a merged graph states it now."""
        return bool(asserting(self.store, triple))

    def remove(self, triples: Iterable[Triple]) -> None:
        """Take out these triples and all that was derived with their help."""
        gone = {triple for triple in triples if self.view.in_store(triple)}
        waiting = list(gone)
        while waiting:
            for head in self.consequences(waiting.pop()):
                if head not in gone and not self.is_asserted(head):
                    gone.add(head)
                    waiting.append(head)
        self.view.gone = gone

    def rederivable(self) -> list[Triple]:
        """What is gone and follows from what is left."""
        return [
            triple
            for triple in self.view.gone
            if any(True for _ in instances(self.view, self.rules, triple))
        ]

    def add(self, triples: Iterable[Triple]) -> None:
        """Add triples and all that follows from them."""
        waiting = deque(triples)
        while waiting:
            triple = waiting.popleft()
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

    def apply(self, stated: set[Triple]) -> tuple[list[Quad], list[Quad]]:
        """Write the difference into both graphs; what was added and removed, sorted."""
        added: list[Quad] = []
        removed: list[Quad] = []
        for triple in stated | self.view.new | self.view.gone:
            present = triple in self.view
            inferred = present and not self.is_asserted(triple)
            for graph, now in ((_DEFAULT, present), (GRAPH, inferred)):
                quad = Quad(triple.subject, triple.predicate, triple.object, graph)
                if now != (quad in self.store):
                    (added if now else removed).append(quad)
        added.sort(key=str)
        removed.sort(key=str)
        for quad in removed:
            self.store.remove(quad)
        self.store.extend(added)
        return added, removed


def asserting(store: Store, triple: Triple) -> list[str]:
    """The graphs, of those that the default graph merges, that state a triple; sorted."""
    quads = store.quads_for_pattern(triple.subject, triple.predicate, triple.object, None)
    names = (quad.graph_name.value for quad in quads if isinstance(quad.graph_name, NamedNode))
    return sorted(name for name in names if name not in _BESIDE)


def instances(
    view: View, rules: Rules, triple: Triple
) -> Iterator[tuple[Rule, tuple[Triple, ...]]]:
    """The rules that give a triple, each with the triples of the view that it uses."""
    for rule in rules.giving(triple):
        binding = rule.head.match(triple, {})
        if binding is None:
            continue
        for found in view.solutions(rule.body, binding):
            premises = (atom.triple(found) for atom in rule.body)
            yield rule, tuple(premise for premise in premises if premise is not None)
