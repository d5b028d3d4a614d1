"""A whole default graph to the fixpoint of its rules: semi-naive, column by column.

Relations are columns of interned terms, one per predicate and one per class. Joining them
costs a tenth of what inserting the answers into a store does, so nothing is inserted before
the end, and no store is needed until then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import polars as pl
from pyoxigraph import (
    DefaultGraph,
    NamedNode,
    Quad,
    RdfFormat,
    Store,
    Variable,
    parse,
)

from kg import vocab
from kg.infer.relations import PAIR, of_lines, of_store
from kg.infer.rules import RDF_TYPE, Atom, Rule, Rules

#: Where every inferred triple stands, beside the default graph.
GRAPH: Final = NamedNode(vocab.INFERRED)

#: A predicate, or a class: the members of each class are a relation of their own.
Relation = tuple[str, str]
# Larger texts cost more a line: their memory is new each time.
_SLICE: Final = 10_000


@dataclass(frozen=True)
class Inferred:
    """Inferred triples that no graph asserts: a column each of subject, predicate, object.

    They stand in the byte order of their lines.
    """

    triples: pl.DataFrame

    def __len__(self) -> int:
        return len(self.triples)

    def lines(self, *graphs: NamedNode | DefaultGraph) -> Iterator[bytes]:
        """The triples as lines of N-Quads in each of these graphs, some thousands at a time.

        Every line is as the store would dump it, ends with a newline, and stands once; those of
        one graph are sorted.
        """
        ends = [f" {graph} .\n" if isinstance(graph, NamedNode) else " .\n" for graph in graphs]
        for part in self.slices():
            made = part.to_list()
            yield "".join(end.join(made) + end for end in ends).encode()

    def slices(self) -> Iterator[pl.Series]:
        """The triples as text, without what ends a line, some thousands at a time."""
        triple = pl.concat_str(pl.all().cast(pl.String), separator=" ").alias("triple")
        for part in self.triples.iter_slices(_SLICE):
            yield part.select(triple)["triple"]

    def insert(self, store: Store, *graphs: NamedNode | DefaultGraph) -> None:
        """Insert the triples into each of these graphs of the store that they come from."""
        for text in self.lines(*graphs):
            _insert(store, text)


def infer(asserted: Store | Iterable[bytes], rules: Rules) -> Inferred:
    """What follows from a default graph by the rules and does not stand in it.

    It is that of a store, or texts of its lines, as the store would dump them.
    """
    return _Fixpoint(rules).run(asserted)


def materialise(store: Store, rules: Rules) -> int:
    """Bring the default graph and the graph of inferences to the fixpoint; the number inferred.

    The default graph must be the merge of what is asserted; inferences of an earlier run are
    taken out first.
    """
    earlier = list(store.quads_for_pattern(None, None, None, GRAPH))
    for quad in earlier:
        store.remove(quad)
        store.remove(Quad(quad.subject, quad.predicate, quad.object, DefaultGraph()))
    found = infer(store, rules)
    found.insert(store, DefaultGraph(), GRAPH)
    return len(found)


def _insert(store: Store, text: bytes) -> None:
    """Insert lines of N-Quads. Their terms come from the store: they need no second check."""
    if b"_:" in text:
        # A load gives blank nodes new names; quads keep theirs.
        lines = text.splitlines(keepends=True)
        nameless = [line for line in lines if line.startswith(b"_:") or b" _:" in line]
        text = b"".join(line for line in lines if not (line.startswith(b"_:") or b" _:" in line))
        store.extend(parse(b"".join(nameless), format=RdfFormat.N_QUADS))
    # In memory this costs two thirds of `bulk_load`, which also writes files on disk.
    store.load(text, format=RdfFormat.N_QUADS, lenient=True)


class _Fixpoint:
    """The relations of one run, and how rules grow them."""

    def __init__(self, rules: Rules) -> None:
        self.rules = [rule for rule in rules if rule.body]
        self.facts = [rule.head for rule in rules if not rule.body]
        atoms = [atom for rule in rules for atom in (rule.head, *rule.body)]
        # A rule over all types at once needs them as one relation.
        self.by_class = not any(
            atom.predicate == RDF_TYPE and isinstance(atom.object, Variable) for atom in atoms
        )
        # Codes of terms, shared by all columns and forgotten with them.
        self.interned = pl.Categorical(pl.Categories.random())
        self.known = {key: self.empty(key) for key in sorted(set(map(self.relation, atoms)))}

    def run(self, asserted: Store | Iterable[bytes]) -> Inferred:
        self.read(asserted)
        given = dict(self.known)
        for atom in self.facts:
            self.grow(self.relation(atom), self.head(atom, pl.DataFrame({"": [0]}), ()))
        for group in self.strata():
            self.saturate(group)
        parts = []
        for (predicate, class_), frame in self.known.items():
            new = frame.join(given[predicate, class_], on=frame.columns, how="anti")
            object_ = self.constant(class_) if class_ else pl.col("o")
            parts.append(new.select(s="s", p=self.constant(predicate), o=object_))
        found = pl.concat(parts) if parts else self.empty(("", "")).with_columns(p="s")
        # No term is the beginning of another and goes on with less than a space, so the order
        # of the terms is that of the lines; and a store takes in neighbours' triples cheaply.
        return Inferred(found.sort("s", "p", "o"))

    # Relations

    def relation(self, atom: Atom) -> Relation:
        """The relation that an atom is about."""
        of_class = self.by_class and atom.predicate == RDF_TYPE
        return str(atom.predicate), str(atom.object) if of_class else ""

    def empty(self, key: Relation) -> pl.DataFrame:
        return pl.DataFrame(schema=dict.fromkeys(["s"] if key[1] else PAIR, self.interned))

    def read(self, asserted: Store | Iterable[bytes]) -> None:
        """Read the relations that rules use."""
        wanted = dict.fromkeys(predicate for predicate, _ in self.known)
        parts: dict[str, list[pl.DataFrame]] = defaultdict(list)
        found = (
            of_store(asserted, wanted)
            if isinstance(asserted, Store)
            else of_lines(asserted, wanted)
        )
        for predicate, frame in found:
            parts[predicate].append(frame.cast(self.interned))
        for predicate, frames in parts.items():
            frame = pl.concat(frames)
            if (predicate, "") in self.known:
                self.known[predicate, ""] = frame
                continue
            for (class_,), part in frame.partition_by("o", as_dict=True, include_key=False).items():
                if (predicate, class_) in self.known:
                    self.known[predicate, class_] = part

    def grow(self, key: Relation, rows: pl.DataFrame) -> pl.DataFrame:
        """Add rows to a relation; those that are new."""
        known = self.known[key]
        new = rows.unique().join(known, on=known.columns, how="anti")
        if len(new):
            self.known[key] = pl.concat([known, new])
        return new

    # Evaluation

    def strata(self) -> list[list[Rule]]:
        """The rules in groups that depend only on themselves and on groups before."""
        number = {key: place for place, key in enumerate(self.known)}
        reached = [1 << place for place in range(len(number))]  # sets of relations, as bits
        for rule in self.rules:
            for atom in rule.body:
                reached[number[self.relation(atom)]] |= 1 << number[self.relation(rule.head)]
        for middle in range(len(reached)):
            for place, ahead in enumerate(reached):
                if ahead >> middle & 1:
                    reached[place] |= reached[middle]
        groups: dict[int, list[Rule]] = defaultdict(list)
        for rule in self.rules:
            groups[reached[number[self.relation(rule.head)]]].append(rule)
        # Relations that reach the same ones reach each other; what comes before reaches more.
        return [groups[ahead] for ahead in sorted(groups, key=lambda a: (-a.bit_count(), a))]

    def saturate(self, group: list[Rule]) -> None:
        """Run rules that depend on one another to their fixpoint."""
        heads = {self.relation(rule.head) for rule in group}
        recursive = [
            (rule, place)
            for rule in group
            for place, atom in enumerate(rule.body)
            if self.relation(atom) in heads
        ]
        fresh: dict[Relation, list[pl.DataFrame]] = defaultdict(list)
        for rule in group:
            key = self.relation(rule.head)
            fresh[key].append(self.grow(key, self.instances(rule, 0, self.known)))
        while recursive and any(len(frame) for frames in fresh.values() for frame in frames):
            delta = {key: pl.concat(frames) for key, frames in fresh.items()}
            fresh = defaultdict(list)
            for rule, place in recursive:
                if self.relation(rule.body[place]) in delta:
                    key = self.relation(rule.head)
                    fresh[key].append(self.grow(key, self.instances(rule, place, delta)))

    def instances(
        self, rule: Rule, first: int, relations: dict[Relation, pl.DataFrame]
    ) -> pl.DataFrame:
        """The heads of a rule's instances, its atom at `first` taken from `relations`."""
        rest = [atom for place, atom in enumerate(rule.body) if place != first]
        frame = self.solutions(rule.body[first], relations)
        while rest:
            # Every body is connected: some atom shares a variable with those before.
            atom = next(a for a in rest if {v.value for v in a.variables} & set(frame.columns))
            rest.remove(atom)
            right = self.solutions(atom, self.known)
            frame = frame.join(right, on=[n for n in right.columns if n in frame.columns])
            needed = {v.value for each in (*rest, rule.head) for v in each.variables}
            frame = frame.select(name for name in frame.columns if name in needed)
        return self.head(rule.head, frame, rule.body)

    def solutions(self, atom: Atom, relations: dict[Relation, pl.DataFrame]) -> pl.DataFrame:
        """The bindings of an atom's variables, a column each."""
        frame = relations[self.relation(atom)]
        columns = {"s": atom.subject, "o": atom.object}
        for name in frame.columns:
            if not isinstance(columns[name], Variable):
                frame = frame.filter(pl.col(name) == self.constant(str(columns[name])))
        return frame.select(
            pl.col(name).alias(term.value)
            for name, term in columns.items()
            if name in frame.columns and isinstance(term, Variable)
        )

    def constant(self, term: str) -> pl.Expr:
        return pl.lit(term).cast(self.interned)

    def head(self, atom: Atom, frame: pl.DataFrame, body: tuple[Atom, ...]) -> pl.DataFrame:
        """The rows that an atom makes of solutions; a literal is no subject."""
        subject = atom.subject
        if isinstance(subject, Variable) and all(subject != each.subject for each in body):
            text = pl.col(subject.value).cast(pl.String)
            frame = frame.filter(text.str.contains("^(<[^<]|_:)"))
        columns = {"s": subject, "o": atom.object}
        return frame.select(
            (pl.col(term.value) if isinstance(term, Variable) else self.constant(str(term))).alias(
                name
            )
            for name, term in columns.items()
            if name in self.known[self.relation(atom)].columns
        )
