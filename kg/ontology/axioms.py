"""The ontology as OWL axioms: each a few triples, a sentence a person can read, and a place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from kg import vocab
from kg.ontology.sources import Sources

Node = NamedNode | BlankNode | Literal | Triple


def named(namespace: str, names: str) -> frozenset[str]:
    """The IRIs of several terms of one namespace, given as words."""
    return frozenset(namespace + name for name in names.split())


#: How an axiom of one triple reads, by predicate.
SENTENCES: Final = {
    vocab.RDFS + "subClassOf": "{s} ⊑ {o}",
    vocab.OWL + "equivalentClass": "{s} ≡ {o}",
    vocab.OWL + "disjointWith": "{s} is disjoint with {o}",
    vocab.OWL + "disjointUnionOf": "{s} is the disjoint union of {o}",
    vocab.OWL + "hasKey": "{s} has the key {o}",
    vocab.RDFS + "subPropertyOf": "{s} ⊑ {o}",
    vocab.OWL + "equivalentProperty": "{s} ≡ {o}",
    vocab.OWL + "propertyDisjointWith": "{s} is disjoint with {o}",
    vocab.OWL + "propertyChainAxiom": "{o} ⊑ {s}",
    vocab.OWL + "inverseOf": "{s} is the inverse of {o}",
    vocab.RDFS + "domain": "domain of {s}: {o}",
    vocab.RDFS + "range": "range of {s}: {o}",
    vocab.OWL + "sameAs": "{s} = {o}",
    vocab.OWL + "differentFrom": "{s} ≠ {o}",
}
#: owl:FunctionalProperty and the like, and the word for them.
CHARACTERISTICS: Final = {
    vocab.OWL + "FunctionalProperty": "functional",
    vocab.OWL + "InverseFunctionalProperty": "inverse functional",
    vocab.OWL + "TransitiveProperty": "transitive",
    vocab.OWL + "SymmetricProperty": "symmetric",
    vocab.OWL + "AsymmetricProperty": "asymmetric",
    vocab.OWL + "ReflexiveProperty": "reflexive",
    vocab.OWL + "IrreflexiveProperty": "irreflexive",
}
_DECLARATIONS: Final = (
    named(
        vocab.OWL,
        "Class ObjectProperty DatatypeProperty AnnotationProperty NamedIndividual Ontology "
        "DeprecatedClass DeprecatedProperty Restriction OntologyProperty",
    )
    | named(vocab.RDFS, "Datatype Class")
    | named(vocab.RDF, "Property")
)
GROUPS: Final = {
    vocab.OWL + "AllDisjointClasses": "disjoint classes",
    vocab.OWL + "AllDisjointProperties": "disjoint properties",
    vocab.OWL + "AllDifferent": "different individuals",
}


#: How class expressions read: (constructor, before, between, after) and prefix words.
_JOINED: Final = (
    (vocab.OWL + "intersectionOf", "(", " and ", ")"),
    (vocab.OWL + "unionOf", "(", " or ", ")"),
    (vocab.OWL + "oneOf", "{", ", ", "}"),
    (vocab.RDF + "first", "", " ∘ ", ""),
)
_PREFIXED: Final = {vocab.OWL + "complementOf": "not ", vocab.OWL + "inverseOf": "inverse "}
_RESTRICTED: Final = {
    vocab.OWL + "someValuesFrom": "some",
    vocab.OWL + "allValuesFrom": "only",
    vocab.OWL + "hasValue": "value",
    vocab.OWL + "hasSelf": "Self",
    vocab.OWL + "minCardinality": "min",
    vocab.OWL + "maxCardinality": "max",
    vocab.OWL + "cardinality": "exactly",
    vocab.OWL + "minQualifiedCardinality": "min",
    vocab.OWL + "maxQualifiedCardinality": "max",
    vocab.OWL + "qualifiedCardinality": "exactly",
}


class Malformed(ValueError):
    """An RDF list or a class expression that OWL cannot read."""


@dataclass(frozen=True)
class Axiom:
    """One axiom. `predicate` is rdf:type for characteristics, groups and class assertions."""

    subject: NamedNode | BlankNode
    predicate: str
    object: Node
    text: str
    file: str
    line: int
    triples: frozenset[Triple]

    def __str__(self) -> str:
        """The axiom and where it stands, as explanations show it."""
        return f"{self.text} ({self.file.removeprefix('ontology/')}:{self.line})"


class Model:
    """The triples of some parts of the ontology, and the axioms they make."""

    def __init__(self, sources: Sources, parts: tuple[str, ...] = ("",)) -> None:
        self.sources = sources
        self.index: dict[Node, dict[str, list[Node]]] = {}
        for source in sources:
            if source.part in parts:
                for triple in source.triples:
                    about = self.index.setdefault(triple.subject, {})
                    about.setdefault(triple.predicate.value, []).append(triple.object)

    def objects(self, node: Node, predicate: str) -> list[Node]:
        """The values of a predicate."""
        return self.index.get(node, {}).get(predicate, [])

    def types(self, node: Node) -> set[str]:
        """The IRIs of a node's types."""
        found = self.objects(node, vocab.RDF + "type")
        return {kind.value for kind in found if isinstance(kind, NamedNode)}

    @cached_property
    def kinds(self) -> dict[str, set[str]]:
        """Every declared term → its types."""
        return {
            node.value: types
            for node in self.index
            if isinstance(node, NamedNode) and (types := self.types(node))
        }

    def members(self, head: Node) -> list[Node]:
        """The members of an RDF list; raises Malformed where it is none."""
        found: list[Node] = []
        seen: set[Node] = set()
        while head != NamedNode(vocab.RDF + "nil"):
            first, rest = (self.objects(head, vocab.RDF + part) for part in ("first", "rest"))
            if len(first) != 1 or len(rest) != 1 or head in seen:
                raise Malformed("a list that is not closed")
            seen.add(head)
            found.append(first[0])
            head = rest[0]
        return found

    def closure(self, node: Node) -> Iterator[Triple]:
        """The triples below a blank node."""
        seen: set[Node] = set()
        waiting = [node]
        while waiting:
            node = waiting.pop()
            if not isinstance(node, BlankNode) or node in seen:
                continue
            seen.add(node)
            for predicate, values in self.index.get(node, {}).items():
                for value in values:
                    yield Triple(node, NamedNode(predicate), value)
                    waiting.append(value)

    def closure_of(self, node: NamedNode) -> Iterator[Triple]:
        """The triples below the blank nodes that a named node points to."""
        for values in self.index.get(node, {}).values():
            for value in values:
                yield from self.closure(value)

    def names(self, node: Node) -> set[str]:
        """The IRIs in an expression, those of OWL itself left out."""
        if isinstance(node, NamedNode):
            return {node.value}
        found = {
            part.object.value for part in self.closure(node) if isinstance(part.object, NamedNode)
        }
        return {name for name in found if not name.startswith((vocab.OWL, vocab.RDF))}

    def show(self, node: Node) -> str:
        """A class expression, property or value in words close to Manchester syntax."""
        if isinstance(node, NamedNode):
            return vocab.shorten(node.value)
        if not isinstance(node, BlankNode):
            return str(node)
        try:
            return self._joined(node) or self._restricted(node) or "an unnamed class"
        except Malformed:
            return "a broken expression"

    def _joined(self, node: Node) -> str:
        about = self.index.get(node, {})
        for iri, before, between, after in _JOINED:
            if iri in about:
                head = node if iri == vocab.RDF + "first" else about[iri][0]
                return before + between.join(map(self.show, self.members(head))) + after
        for iri, word in _PREFIXED.items():
            if iri in about:
                return word + self.show(about[iri][0])
        return ""

    def _restricted(self, node: Node) -> str:
        about = self.index.get(node, {})
        on = "".join(map(self.show, about.get(vocab.OWL + "onProperty", [])))
        of = "".join(map(self.show, about.get(vocab.OWL + "onClass", [])))
        for iri, word in _RESTRICTED.items():
            if iri in about:
                value = about[iri][0]
                shown = value.value if isinstance(value, Literal) else self.show(value)
                return f"({' '.join(part for part in (on, word, shown, of) if part)})"
        return ""

    @cached_property
    def axioms(self) -> list[Axiom]:
        """Every axiom; declarations and annotations are none."""
        return [axiom for node in self.index for axiom in self._of(node)]

    def _of(self, node: Node) -> Iterator[Axiom]:
        assert isinstance(node, NamedNode | BlankNode)  # noqa: S101 - a subject
        for predicate, values in self.index[node].items():
            for value in values:
                if predicate == vocab.RDF + "type":
                    text = self._typed(node, value)
                elif predicate in SENTENCES:
                    is_class = predicate == vocab.OWL + "inverseOf" and isinstance(node, BlankNode)
                    sentence = SENTENCES[predicate]
                    text = (
                        "" if is_class else sentence.format(s=self.show(node), o=self.show(value))
                    )
                else:
                    text = self._asserted(node, predicate, value)
                if text:
                    yield self._axiom(node, predicate, value, text)

    def _axiom(self, node: NamedNode | BlankNode, predicate: str, value: Node, text: str) -> Axiom:
        triples = {Triple(node, NamedNode(predicate), value), *self.closure(value)}
        if isinstance(node, BlankNode):
            triples.update(self.closure(node))
            file, line = self.sources.place_of_all(self.names(node))
        else:
            file, line = self._place(node.value, predicate, value)
        return Axiom(node, predicate, value, text, file, line, frozenset(triples))

    def _place(self, subject: str, predicate: str, value: Node) -> tuple[str, int]:
        if isinstance(value, NamedNode):
            return self.sources.place(subject, value.value)
        return self.sources.place_of_pair(subject, predicate, self.names(value))

    def _typed(self, node: Node, value: Node) -> str:
        name = value.value if isinstance(value, NamedNode) else ""
        if name in GROUPS:
            try:
                lists = [
                    *self.objects(node, vocab.OWL + "members"),
                    *self.objects(node, vocab.OWL + "distinctMembers"),
                ]
                members = [self.show(part) for head in lists for part in self.members(head)]
            except Malformed:
                members = ["a broken list"]
            return f"{GROUPS[name]}: {', '.join(members)}"
        if name in CHARACTERISTICS:
            return f"{self.show(node)} is {CHARACTERISTICS[name]}"
        known = name in _DECLARATIONS or name.startswith((vocab.RDF, vocab.QB, vocab.OWL))
        if known or (isinstance(node, BlankNode) and not name):
            return ""
        return f"{self.show(node)} is a {self.show(value)}"

    def _asserted(self, node: Node, predicate: str, value: Node) -> str:
        types = self.kinds.get(predicate, set())
        properties = {vocab.OWL + "ObjectProperty", vocab.OWL + "DatatypeProperty"}
        if not types & properties or self.types(node) & _DECLARATIONS:
            return ""
        return f"{self.show(node)} {vocab.shorten(predicate)} {self.show(value)}"
