"""The graph of links of a build: redirects, parts, what an entity is in other registries.

A match is exact where two identifiers agree on the entity, or where the registry itself is
the source; else close. A Wikidata item that two entities claim is close to both (BGI Group
and BGI Genomics), and one that contradicts a table of ours is not said at all (Alibaba).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Final

import polars as pl
from pyoxigraph import Literal, NamedNode, Quad, Store

from kg import vocab
from kg.etl import Statements
from kg.etl.links import GRAPH, Links
from kg.link.mentions import literal
from kg.link.names import HAN

_NAME: Final = vocab.SKOS + "prefLabel"
#: Property of an identifier → how the registry spells its IRI.
_REGISTRIES: Final = {
    vocab.AIC + "rorId": "https://ror.org/{}",
    vocab.AIC + "wikidataId": "http://www.wikidata.org/entity/{}",
    vocab.AIC + "geonamesId": "https://sws.geonames.org/{}/",
}
#: Graphs of tables that ship with the project: their word stands against that of others.
_OWN: Final = frozenset({vocab.graph("source/curated"), vocab.graph("source/places")})
_ROR: Final = vocab.graph("source/ror")


class Linkset:
    """Collects what the links of a build rest on, and gives their quads.

    A build from tables gives it every `Statements` that is mapped; one that starts from a
    release gives it the store, and the graphs that tables gave.
    """

    def __init__(self, links: Links, base: str) -> None:
        self.links, self.base = links, base
        self._ends = {base + key for key in links.ends()}
        self._terms = [f"<{iri}>" for iri in sorted(self._ends)]
        self._known: set[str] = set()
        self._named: set[str] = set()
        # Subject → property → IRI in the registry → graphs that say so.
        self._said: dict[str, dict[str, dict[str, set[str]]]] = defaultdict(dict)

    def take(self, made: Statements) -> None:
        """Note the identifiers among some statements, and which ends of links they speak of."""
        ends = made.frame.filter(pl.col("s").is_in(self._terms))["s"].unique()
        self._known |= {term[1:-1] for term in ends}
        predicate = made.predicate_object.predicate
        if predicate == _NAME:
            self._named |= {term[1:-1] for term in ends}
        if predicate in _REGISTRIES:
            for subject, value in made.frame.select("s", "o").iter_rows():
                self._note(subject[1:-1], predicate, literal(value), made.graph)

    def take_store(self, store: Store, graphs: Collection[str]) -> None:
        """Note the same of what these named graphs of a store state."""
        stated = frozenset(map(NamedNode, graphs))
        for iri in self._ends:
            about = store.quads_for_pattern(NamedNode(iri), None, None, None)
            said = {quad.predicate.value for quad in about if quad.graph_name in stated}
            self._known |= {iri} if said else set()
            self._named |= {iri} if _NAME in said else set()
        for predicate in _REGISTRIES:
            for quad in store.quads_for_pattern(None, NamedNode(predicate), None, None):
                subject, value, graph = quad.subject, quad.object, quad.graph_name
                if (
                    isinstance(subject, NamedNode)
                    and isinstance(value, Literal)
                    and isinstance(graph, NamedNode)
                    and graph in stated
                ):
                    self._note(subject.value, predicate, value.value, graph.value)

    def _note(self, subject: str, predicate: str, value: str, graph: str) -> None:
        target = _REGISTRIES[predicate].format(value)
        self._said[subject].setdefault(predicate, {}).setdefault(target, set()).add(graph)

    def quads(self) -> Iterator[Quad]:
        """The graph of links, each quad once."""
        yield from self.links.quads(self.base, self._known.__contains__)
        yield from self._names()
        yield from self._matches()

    def _names(self) -> Iterator[Quad]:
        """A name for what only redirects name: its own source gives it no preferred one."""
        for key, name in sorted(self.links.names().items()):
            iri = self.base + key
            if iri in self._known - self._named:
                label = Literal(name, language="zh" if HAN.search(name) else "en")
                yield Quad(NamedNode(iri), NamedNode(_NAME), label, NamedNode(GRAPH))

    def _matches(self) -> Iterator[Quad]:
        claimed: dict[str, set[str]] = defaultdict(set)
        for subject, identifiers in self._said.items():
            for targets in identifiers.values():
                for target in targets:
                    claimed[target].add(subject)
        for subject in sorted(self._said):
            said = {of: _kept(targets) for of, targets in self._said[subject].items()}
            for targets in said.values():
                for target, graphs in sorted(targets.items()):
                    alone = len(claimed[target]) == 1 and len(targets) == 1
                    sure = len(said) > 1 or (target.startswith("https://ror.") and _ROR in graphs)
                    match = vocab.SKOS + ("exactMatch" if alone and sure else "closeMatch")
                    yield Quad(
                        NamedNode(subject), NamedNode(match), NamedNode(target), NamedNode(GRAPH)
                    )


def _kept(targets: dict[str, set[str]]) -> dict[str, set[str]]:
    """What our own tables say, where they say it; else what any source says."""
    own = {target: graphs for target, graphs in targets.items() if graphs & _OWN}
    return own or targets
