"""Rules over triples: what inference runs, explains and maintains.

A rule is a Datalog clause: one head, a conjunction of triple patterns as its body, no new
terms. So every set of rules has one least fixpoint, and every way of reaching it ends.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Triple, Variable

from kg import vocab

Term = NamedNode | BlankNode | Literal | Triple
Binding = dict[Variable, Term]

RDF_TYPE: Final = NamedNode(vocab.RDF + "type")


@dataclass(frozen=True)
class Atom:
    """A triple pattern whose predicate is constant; no variable stands in it twice."""

    subject: Variable | NamedNode
    predicate: NamedNode
    object: Variable | NamedNode | Literal

    def __str__(self) -> str:
        return f"{self.subject} {self.predicate} {self.object}"

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """The variables, subject first."""
        return tuple(term for term in (self.subject, self.object) if isinstance(term, Variable))

    def match(self, triple: Triple, binding: Binding) -> Binding | None:
        """The binding extended so that this pattern is that triple; None where it cannot be.

        The caller has looked at the predicate.
        """
        found = binding
        for mine, theirs in ((self.subject, triple.subject), (self.object, triple.object)):
            known = found.get(mine) if isinstance(mine, Variable) else mine
            if known is None:
                found = {**found, mine: theirs}  # type: ignore[dict-item]
            elif known != theirs:
                return None
        return found

    def bound(self, binding: Binding) -> tuple[Term | None, Term | None]:
        """Subject and object under a binding; None is a wildcard."""
        subject, object_ = self.subject, self.object
        return (
            binding.get(subject) if isinstance(subject, Variable) else subject,
            binding.get(object_) if isinstance(object_, Variable) else object_,
        )

    def triple(self, binding: Binding) -> Triple | None:
        """The triple that a full binding makes; None where its subject would be a literal."""
        subject, object_ = self.bound(binding)
        if not isinstance(subject, NamedNode | BlankNode) or object_ is None:
            return None
        return Triple(subject, self.predicate, object_)


@dataclass(frozen=True)
class Rule:
    """`head` holds where all of `body` holds; `axioms` are the sentences it was compiled from."""

    head: Atom
    body: tuple[Atom, ...]
    axioms: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.head} :- {', '.join(map(str, self.body))}"

    def sparql(self) -> str:
        """The rule as a SPARQL query whose solutions are its instances."""
        body = " . ".join(map(str, self.body))
        return f"CONSTRUCT {{ {self.head} }} WHERE {{ {body} }}"


@dataclass(frozen=True)
class Unused:
    """An axiom, or one direction of it, that derives no triple here, and why."""

    axiom: str
    reason: str

    def __str__(self) -> str:
        return f"{self.axiom}: {self.reason}"


@dataclass(frozen=True)
class Rules:
    """The rules of an ontology, and what of it they leave out."""

    rules: tuple[Rule, ...]
    unused: tuple[Unused, ...] = ()

    @classmethod
    def compile(cls, ontology: Iterable[Quad]) -> Rules:
        """Compile the axioms of an ontology, whatever graph they stand in.

        Raises InputError where a list or a class expression is malformed.
        """
        from kg.infer.axioms import compiled  # noqa: PLC0415 - it makes what stands here

        return compiled(ontology)

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __len__(self) -> int:
        return len(self.rules)

    @cached_property
    def digest(self) -> str:
        """The same for the same rules, whatever axioms they were written as."""
        lines = sorted(map(str, self.rules))
        return hashlib.blake2b("\n".join(lines).encode(), digest_size=16).hexdigest()

    @cached_property
    def superclasses(self) -> dict[NamedNode, frozenset[NamedNode]]:
        """Class → the classes that everything in it is in as well, once all is inferred."""
        direct = defaultdict(set)
        for rule in self.rules:
            match rule:
                case Rule(
                    Atom(Variable() as x, predicate, NamedNode() as upper),
                    (Atom(Variable() as y, other, NamedNode() as lower),),
                ) if x == y and predicate == other == RDF_TYPE:
                    direct[lower].add(upper)
        found = {}
        for lower in direct:
            reached, waiting = set[NamedNode](), [lower]
            while waiting:
                above = direct.get(waiting.pop(), set()) - reached
                reached |= above
                waiting += above
            found[lower] = frozenset(reached)
        return found

    @cached_property
    def _by_body(self) -> dict[NamedNode | tuple[NamedNode, Term], list[tuple[Rule, int]]]:
        index = defaultdict(list)
        for rule in self.rules:
            for place, atom in enumerate(rule.body):
                index[_key(atom)].append((rule, place))
        return index

    @cached_property
    def _by_head(self) -> dict[NamedNode | tuple[NamedNode, Term], list[Rule]]:
        index = defaultdict(list)
        for rule in self.rules:
            index[_key(rule.head)].append(rule)
        return index

    def using(self, triple: Triple) -> Iterator[tuple[Rule, int]]:
        """The rules, each with a place of its body, that may use this triple there."""
        yield from self._by_body.get(triple.predicate, ())
        yield from self._by_body.get((triple.predicate, triple.object), ())

    def giving(self, triple: Triple) -> Iterator[Rule]:
        """The rules whose head may be this triple."""
        yield from self._by_head.get(triple.predicate, ())
        yield from self._by_head.get((triple.predicate, triple.object), ())


def _key(atom: Atom) -> NamedNode | tuple[NamedNode, Term]:
    if isinstance(atom.object, Variable):
        return atom.predicate
    return atom.predicate, atom.object
