"""What the ontology says of classes and properties, as far as a mapping can agree with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pyoxigraph import NamedNode, parse

from kg import vocab
from kg.errors import InputError

_CLASSES: Final = {vocab.OWL + "Class", vocab.RDFS + "Class"}
_OBJECT: Final = vocab.OWL + "ObjectProperty"
_DATATYPE: Final = vocab.OWL + "DatatypeProperty"
_PROPERTIES: Final = {_OBJECT, _DATATYPE, vocab.OWL + "AnnotationProperty", vocab.RDF + "Property"}


@dataclass(frozen=True)
class Schema:
    """Classes with those above them, properties by kind with domains and ranges, and concepts.

    `types` are the classes that each resource of the vocabularies is said to be of.
    """

    above: Mapping[str, frozenset[str]]
    properties: frozenset[str]
    of_objects: frozenset[str]
    of_data: frozenset[str]
    domains: Mapping[str, frozenset[str]]
    ranges: Mapping[str, frozenset[str]]
    types: Mapping[str, frozenset[str]]

    @classmethod
    def load(cls, ontology: Path) -> Schema:
        """Read the modules and vocabularies of an ontology folder.

        Raises InputError naming file and line where one is not Turtle.
        """
        facts: dict[str, dict[str, set[str]]] = {}
        for path in (*sorted(ontology.glob("*.ttl")), *sorted(ontology.glob("vocabularies/*.ttl"))):
            try:
                for triple in parse(path=path):
                    if isinstance(triple.subject, NamedNode) and isinstance(
                        triple.object, NamedNode
                    ):
                        about = facts.setdefault(triple.predicate.value, {})
                        about.setdefault(triple.subject.value, set()).add(triple.object.value)
            except SyntaxError as error:
                raise InputError(f"{path}:{error.lineno}: not Turtle: {error.msg}") from None
        types = {
            name: frozenset(kinds) for name, kinds in facts.get(vocab.RDF + "type", {}).items()
        }

        def of(kinds: Iterable[str]) -> frozenset[str]:
            return frozenset(name for name, found in types.items() if found & set(kinds))

        parents = facts.get(vocab.RDFS + "subClassOf", {})
        return cls(
            {name: frozenset(_closure(name, parents)) for name in of(_CLASSES)},
            of(_PROPERTIES),
            of({_OBJECT}),
            of({_DATATYPE}),
            {
                name: frozenset(found)
                for name, found in facts.get(vocab.RDFS + "domain", {}).items()
            },
            {name: frozenset(found) for name, found in facts.get(vocab.RDFS + "range", {}).items()},
            types,
        )

    def may_be(self, classes: Iterable[str], wanted: Iterable[str]) -> bool:
        """Whether one of these classes is, or is above or below, one of those wanted."""
        targets = set(wanted)
        return any(
            one in targets
            or targets & self._above(one)
            or any(one in self._above(t) for t in targets)
            for one in classes
        )

    def _above(self, name: str) -> frozenset[str]:
        return self.above.get(name, frozenset())

    def kinds(self) -> frozenset[str]:
        """The kinds (`id:<kind>/…`) under which the vocabularies list every resource there is."""
        return frozenset(
            iri.removeprefix(vocab.BASE).partition("/")[0]
            for iri in self.types
            if iri.startswith(vocab.BASE)
        ) - frozenset(vocab.KINDS.values())


def _closure(name: str, parents: Mapping[str, set[str]]) -> Iterator[str]:
    """A class and all above it."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        if (one := waiting.pop()) not in seen:
            seen.add(one)
            yield one
            waiting += parents.get(one, ())
