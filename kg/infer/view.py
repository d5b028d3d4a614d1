"""The default graph of a store and what has come to it, as rules look things up in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from pyoxigraph import BlankNode, DefaultGraph, NamedNode, Quad, Store, Triple, Variable

from kg import vocab
from kg.infer.fixpoint import GRAPH
from kg.infer.rules import Atom, Binding, Rule, Rules, Term

DEFAULT: Final = DefaultGraph()
#: Named graphs that assert nothing of the default graph.
_BESIDE: Final = vocab.SIDE_GRAPHS | {GRAPH.value}

_Pattern = tuple[Term | None, NamedNode, Term | None]


class View:
    """The default graph of a store, and the `new` triples.

    What was looked up is kept: nothing may change that graph while a view of it is in use.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.new: set[Triple] = set()
        self._index: dict[_Pattern, dict[Triple, None]] = defaultdict(dict)
        self._found: dict[_Pattern, list[Triple]] = {}

    def __contains__(self, triple: Triple) -> bool:
        return triple in self.new or quad(triple) in self.store

    def add(self, triple: Triple) -> None:
        """Add a triple that the view lacks."""
        self.new.add(triple)
        s, p, o = triple
        for key in ((None, p, None), (s, p, None), (None, p, o), (s, p, o)):
            self._index[key][triple] = None

    def match(self, atom: Atom, binding: Binding) -> Iterator[Binding]:
        """The bindings, extended, under which the view holds an atom."""
        key = _key(atom, binding)
        found = self._stored(key)
        if key in self._index:
            found = [*found, *self._index[key]]
        for triple in found:
            extended = atom.match(triple, binding)
            if extended is not None:
                yield extended

    def solutions(self, atoms: tuple[Atom, ...], binding: Binding) -> Iterator[Binding]:
        """The bindings under which the view holds all the atoms, the most bound atom first.

        Of atoms that are bound alike, the one that the store holds the least of.
        """
        if not atoms:
            yield binding
            return
        if len(atoms) == 1:
            yield from self.match(atoms[0], binding)
            return
        costs = [_cost(atom, binding) for atom in atoms]
        least = min(costs)
        alike = [atom for atom, cost in zip(atoms, costs, strict=True) if cost == least]
        first = alike[0]
        if len(alike) > 1:
            first = min(alike, key=lambda atom: len(self._stored(_key(atom, binding))))
        rest = tuple(atom for atom in atoms if atom is not first)
        for found in self.match(first, binding):
            yield from self.solutions(rest, found)

    def _stored(self, key: _Pattern) -> list[Triple]:
        if (known := self._found.get(key)) is None:
            subject, predicate, object_ = key
            if subject is not None and not isinstance(subject, NamedNode | BlankNode):
                return []
            quads = self.store.quads_for_pattern(subject, predicate, object_, DEFAULT)
            known = self._found[key] = [each.triple for each in quads]
        return known


def _key(atom: Atom, binding: Binding) -> _Pattern:
    subject, object_ = atom.bound(binding)
    return subject, atom.predicate, object_


def _cost(atom: Atom, binding: Binding) -> int:
    """How many triples a look-up may give: a value of a variable narrows more than a class."""
    subject, object_ = atom.bound(binding)
    if subject is not None:
        return 0 if object_ is not None else 1
    if object_ is None:
        return 4
    return 2 if isinstance(atom.object, Variable) else 3


def quad(triple: Triple, graph: NamedNode | DefaultGraph = DEFAULT) -> Quad:
    """A triple in a graph."""
    return Quad(triple.subject, triple.predicate, triple.object, graph)


def asserting(store: Store, triple: Triple) -> list[str]:
    """The graphs, of those that the default graph merges, that state a triple; sorted."""
    quads = store.quads_for_pattern(triple.subject, triple.predicate, triple.object, None)
    names = (each.graph_name.value for each in quads if isinstance(each.graph_name, NamedNode))
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
