"""The ontology's classes and properties by their labels, and how like a name is to them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

from pyoxigraph import Literal, NamedNode
from rapidfuzz import fuzz

from kg import ontology, vocab

_HAN: Final = re.compile("[\u3400-\u9fff]")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BRACKETS: Final = re.compile(r"[(（\[【][^)）\]】]*[)）\]】]")
_KINDS: Final = {
    vocab.OWL + "Class": "class",
    vocab.OWL + "ObjectProperty": "property",
    vocab.OWL + "DatatypeProperty": "property",
    vocab.OWL + "AnnotationProperty": "property",
}


@dataclass
class Term:
    """A class or property: its labels, and for a property its domain and range."""

    iri: str
    labels: list[str] = field(default_factory=list)
    above: set[str] = field(default_factory=set)
    domain: str = ""
    range: str = ""
    is_object: bool = False


@dataclass(frozen=True)
class Terms:
    """The classes and properties of the ontology, by IRI."""

    classes: Mapping[str, Term]
    properties: Mapping[str, Term]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The terms of an ontology's folder. Raises InputError."""
        found: dict[str, dict[str, Term]] = {"class": {}, "property": {}}
        triples = [
            (quad.subject.value, quad.predicate.value, quad.object)
            for quad in ontology.quads(folder)
            if isinstance(quad.subject, NamedNode)
            and isinstance(quad.graph_name, NamedNode)
            and quad.graph_name.value == ontology.GRAPHS[""]
        ]
        for iri, predicate, value in triples:
            told = value.value if isinstance(value, NamedNode) else ""
            if predicate == vocab.RDF + "type" and (kind := _KINDS.get(told)):
                term = found[kind].setdefault(iri, Term(iri))
                term.is_object |= told == vocab.OWL + "ObjectProperty"
        every = found["class"] | found["property"]
        for iri, predicate, value in triples:
            if (known := every.get(iri)) is None:
                continue
            if isinstance(value, Literal) and predicate == vocab.RDFS + "label":
                known.labels.append(value.value)
            elif isinstance(value, NamedNode):
                _relate(known, predicate, value.value)
        return cls(found["class"], found["property"])

    def kinds_of(self, iri: str) -> set[str]:
        """A class and all classes above it."""
        found, waiting = set(), [iri]
        while waiting:
            if (each := waiting.pop()) not in found:
                found.add(each)
                waiting += self.classes[each].above if each in self.classes else ()
        return found

    def is_a(self, iri: str, above: str) -> bool:
        """Whether this is the class `above`, or a class below it."""
        return iri in self.classes and above in self.kinds_of(iri)


def _relate(term: Term, predicate: str, value: str) -> None:
    if predicate == vocab.RDFS + "subClassOf":
        term.above.add(value)
    elif predicate == vocab.RDFS + "domain":
        term.domain = value
    elif predicate == vocab.RDFS + "range":
        term.range = value


@cache
def _simplified() -> Any:
    from opencc import OpenCC  # noqa: PLC0415 - its dictionaries take a while to load

    return OpenCC("t2s")


@cache
def level(text: str) -> str:
    """A name as it is compared: one case, one width, words apart, simplified, no brackets."""
    text = unicodedata.normalize("NFKC", text)
    text = _CAMEL.sub(" ", _BRACKETS.sub(" ", text) if _BRACKETS.sub("", text).strip() else text)
    text = re.sub(r"[\W_]+", " ", text).strip().casefold()
    return str(_simplified().convert(text)) if _HAN.search(text) else text


@cache
def _pinyin(text: str) -> str:
    from pypinyin import lazy_pinyin  # noqa: PLC0415 - as above

    return "".join(lazy_pinyin(text))


def likeness(name: str, label: str) -> float:
    """How like a levelled name is to a levelled label, of 100; Chinese also in pinyin."""
    if not name or not label:
        return 0.0
    if name == label:
        return 100.0
    if _HAN.search(label) and not _HAN.search(name):
        return 95.0 if name.replace(" ", "") == _pinyin(label).replace(" ", "") else 0.0
    if _HAN.search(label) or _HAN.search(name):
        return fuzz.ratio(name, label) * 0.98
    return fuzz.token_sort_ratio(name, label) * 0.98


def singular(words: str) -> str:
    """An English name's last word in the singular."""
    return re.sub(r"(?<=[a-z]{2})(?:(?<=s)es|ies|s)$", _ending, words)


def _ending(found: re.Match[str]) -> str:
    return "y" if found[0] == "ies" else ""


def headed(name: str, label: str) -> float:
    """How well a name names a class: as `likeness`, and well too where it is the label's head."""
    score = likeness(name, label)
    if _HAN.search(name) and len(name) >= 2 and label.endswith(name):
        return max(score, 90.0)
    if not _HAN.search(name) and label.split()[-1:] == name.split()[-1:]:
        return max(score, 88.0 + min(2.0, score / 50))
    if label.startswith(name):  # conference: an edition or a series of it
        return max(score, 70.0)
    return score


def ranked(scores: Iterable[tuple[float, str]]) -> list[tuple[float, str]]:
    """The best score of each term, best first; equal ones by name."""
    best: dict[str, float] = {}
    for score, term in scores:
        best[term] = max(score, best.get(term, 0.0))
    return sorted(
        ((score, term) for term, score in best.items()), key=lambda each: (-each[0], each[1])
    )
