"""Whether the ontology is consistent, and every class and property can be used; if not, why.

HermiT decides, over modules, vocabularies and a sample subject of each property, without what
OWL 2's datatype map lacks (xsd:gYear, xsd:gYearMonth, xsd:date) and without annotations. Java
is optional.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Final

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from kg import vocab
from kg.ontology.axioms import GROUPS, SENTENCES, Axiom, Malformed, Model, named
from kg.ontology.findings import Finding
from kg.ontology.profile import EXCEPTIONS
from kg.ontology.sources import Sources

_OWL, _RDF, _RDFS = vocab.OWL, vocab.RDF, vocab.RDFS
_TYPE = NamedNode(_RDF + "type")
_SUBCLASS, _DISJOINT = _RDFS + "subClassOf", _OWL + "disjointWith"
_DECLARED: Final = frozenset(
    named(_OWL, "Class ObjectProperty DatatypeProperty AnnotationProperty")
    | named(_RDFS, "Datatype")
)
#: What the values of a property are, by its kind.
_VALUES: Final = {
    _OWL + "ObjectProperty": _OWL + "Thing",
    _OWL + "DatatypeProperty": _RDFS + "Literal",
}
_SAMPLE: Final = "urn:x-sample:"
#: Predicates of axioms, as against those of assertions.
_LOGICAL: Final = frozenset(SENTENCES) | {_RDF + "type"}
#: Explanations are given for so many classes; the others follow from them or are like them.
_EXPLAINED: Final = 3


class Unanswered(Exception):
    """HermiT gave no answer: no time left, or it stopped."""


@dataclass(frozen=True)
class Answer:
    """What HermiT said, in one line and as findings."""

    summary: str
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0


def check(sources: Sources, *, seconds: float = 120) -> Answer:
    """Ask HermiT for at most `seconds`, explanations included."""
    start = time.perf_counter()
    if shutil.which("java") is None:
        message = "HermiT was not asked: Java is not installed"
        advice = "install a Java runtime (17 or later) to check consistency"
        return Answer(
            message, [Finding("no-java", "info", sources.folder.name, 0, "", message, advice)]
        )
    model = Model(sources, ("", "vocabularies"))
    question = _Question(model, start + seconds)
    try:
        consistent, empty = question.ask(question.axioms, question.samples)
    except Unanswered as error:
        message = f"HermiT gave no answer: {error}"
        return Answer(
            message,
            [Finding("reasoner-failed", "error", sources.folder.name, 0, "", message)],
            round(time.perf_counter() - start, 3),
        )
    taken = time.perf_counter() - start
    if not consistent:
        findings = [_inconsistent(question)]
        verdict = "inconsistent"
    else:
        classes = [iri for iri in empty if iri not in question.samples]
        properties = [question.samples[iri] for iri in empty if iri in question.samples]
        findings = [*_unsatisfiable(question, classes), *_unusable(question, properties, classes)]
        verdict = f"consistent, {len(classes) or 'no'} unsatisfiable classes"
        verdict += f", {len(properties)} unusable properties" if properties else ""
    summary = (
        f"HermiT: {verdict}; {len(question.axioms)} axioms in {taken:.1f} s, "
        f"{question.left_out} left out for xsd:gYear, xsd:gYearMonth or xsd:date"
    )
    return Answer(summary, findings, round(time.perf_counter() - start, 3))


class _Question:
    """Subsets of the ontology's axioms, put to HermiT."""

    def __init__(self, model: Model, deadline: float) -> None:
        self.model, self.deadline = model, deadline
        self.declarations = [
            Triple(NamedNode(iri), _TYPE, NamedNode(kind))
            for iri, kinds in model.kinds.items()
            for kind in kinds & _DECLARED
        ]
        kept = [axiom for axiom in model.axioms if not self._outside(axiom)]
        self.left_out = len(model.axioms) - len(kept)
        self.axioms = kept
        #: The class of what has some value of a property → the property.
        self.samples = {
            _SAMPLE + iri: iri for iri, kinds in model.kinds.items() if kinds & _VALUES.keys()
        }

    def sample(self, name: str) -> Iterator[Triple]:
        """The class of what has some value of the property that this sample is of."""
        iri = self.samples[name]
        kind = next(kind for kind in _VALUES if kind in self.model.kinds[iri])
        some = BlankNode()
        yield Triple(NamedNode(name), _TYPE, NamedNode(_OWL + "Class"))
        yield Triple(NamedNode(name), NamedNode(_SUBCLASS), some)
        yield Triple(some, _TYPE, NamedNode(_OWL + "Restriction"))
        yield Triple(some, NamedNode(_OWL + "onProperty"), NamedNode(iri))
        yield Triple(some, NamedNode(_OWL + "someValuesFrom"), NamedNode(_VALUES[kind]))

    @staticmethod
    def _outside(axiom: Axiom) -> bool:
        return any(
            (isinstance(part.object, NamedNode) and part.object.value in EXCEPTIONS)
            or (isinstance(part.object, Literal) and part.object.datatype.value in EXCEPTIONS)
            for part in axiom.triples
        )

    def ask(self, axioms: Iterable[Axiom], samples: Iterable[str] = ()) -> tuple[bool, list[str]]:
        """Whether the axioms are consistent, and the classes and samples without any instance."""
        triples = {*self.declarations, *(part for axiom in axioms for part in axiom.triples)}
        triples.update(triple for name in samples for triple in self.sample(name))
        given = "".join(f"{triple} .\n" for triple in triples).encode()
        left = self.deadline - time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="kg-hermit-") as folder:
            out, err = self._run(given, max(left, 0.1), folder)
        try:
            answer = json.loads(out)
        except ValueError:
            said = err.decode(errors="replace").strip().splitlines() or ["no answer"]
            raise Unanswered(said[-1]) from None
        if "error" in answer:
            lines = [line for line in str(answer["error"]).splitlines() if line.strip()]
            raise Unanswered(" ".join(lines[1:3] or lines))
        return bool(answer["consistent"]), list(answer["unsatisfiable"])

    @staticmethod
    def _run(given: bytes, seconds: float, folder: str) -> tuple[bytes, bytes]:
        """The program's output and its errors; what it writes goes with `folder`."""
        process = subprocess.Popen(
            # -P: the program's own folder, where modules are named like Python's, is no path.
            [sys.executable, "-P", str(Path(__file__).with_name("hermit.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "TMPDIR": folder},
            start_new_session=True,  # so that Java goes with it
        )
        try:
            return process.communicate(given, timeout=seconds)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise Unanswered("its time is over") from None

    def minimal(
        self, axioms: list[Axiom], says: Callable[[list[Axiom]], bool]
    ) -> tuple[list[Axiom], bool]:
        """A subset that still `says` it and of which no axiom can go; False if time ran out.

        Deletes halves, quarters … and at last single axioms: entailment is monotone, so one
        pass over single axioms is enough.
        """
        best, size = list(axioms), max(1, len(axioms) // 2)
        try:
            while True:
                at = 0
                while at < len(best):
                    trial = best[:at] + best[at + size :]
                    if says(trial):
                        best = trial
                    else:
                        at += size
                if size == 1:
                    return best, True
                size //= 2
        except Unanswered:
            return best, False

    def relevant(self, names: Iterable[str]) -> list[Axiom]:
        """The axioms that can follow from something being of these classes or being these things.

        Grows a signature upwards; groups of disjoint classes are split into pairs, so that an
        explanation names two classes and not twenty.
        """
        start = frozenset(names)
        signature = set(start)
        chosen: dict[Axiom, None] = {}
        while True:
            before = len(chosen), len(signature)
            for axiom in self.axioms:
                if axiom not in chosen and self._reached(axiom, signature, start):
                    chosen[axiom] = None
                    signature |= self.model.names(axiom.object)
                    signature |= self.model.names(axiom.subject)
                    if axiom.predicate not in _LOGICAL:
                        signature.add(axiom.predicate)
            if (len(chosen), len(signature)) == before:
                break
        pairs = [pair for axiom in self.axioms for pair in self._pairs(axiom, signature)]
        return [axiom for axiom in chosen if not _is_group(axiom)] + pairs

    def _reached(self, axiom: Axiom, signature: set[str], start: frozenset[str]) -> bool:
        subject = self.model.names(axiom.subject)
        value = self.model.names(axiom.object)
        match axiom.predicate.removeprefix(_OWL):
            case "equivalentClass" | "equivalentProperty" | "inverseOf" | "propertyChainAxiom":
                return bool((subject | value) & signature)
            case "disjointUnionOf" | "sameAs":
                return bool((subject | value) & signature)
            case "disjointWith" | "propertyDisjointWith" | "differentFrom":
                return subject <= signature and value <= signature
        if _is_group(axiom):
            return False
        if axiom.predicate not in _LOGICAL and value & start:
            return True
        return bool(subject) and subject <= signature

    def _pairs(self, axiom: Axiom, signature: set[str]) -> list[Axiom]:
        if axiom.object != NamedNode(_OWL + "AllDisjointClasses"):
            return [axiom] if _is_group(axiom) else []
        found = []
        for head in self.model.objects(axiom.subject, _OWL + "members"):
            with contextlib.suppress(Malformed):
                members = [
                    part
                    for part in self.model.members(head)
                    if isinstance(part, NamedNode) and part.value in signature
                ]
                for one, other in combinations(members, 2):
                    text = f"{self.model.show(one)} is disjoint with {self.model.show(other)}"
                    triple = Triple(one, NamedNode(_DISJOINT), other)
                    found.append(
                        Axiom(one, _DISJOINT, other, text, axiom.file, axiom.line,
                              frozenset({triple}))
                    )  # fmt: skip
        return found


def _is_group(axiom: Axiom) -> bool:
    return isinstance(axiom.object, NamedNode) and axiom.object.value in GROUPS


def _because(axioms: list[Axiom], minimal: bool) -> str:
    head = "because" if minimal else "because of some of these (time ran out before the least set)"
    return "\n".join([head + ":", *(f"  {axiom}" for axiom in axioms)])


def _unsatisfiable(question: _Question, classes: list[str]) -> list[Finding]:
    """One finding a class; the topmost ones with their reasons."""
    above: dict[str, set[str]] = {}
    for axiom in question.axioms:
        if axiom.predicate == _SUBCLASS and isinstance(axiom.subject, NamedNode):
            above.setdefault(axiom.subject.value, set()).update(question.model.names(axiom.object))
    roots = [iri for iri in classes if not above.get(iri, set()) & set(classes)] or classes[:1]
    found = []
    for iri in classes:
        file, line = question.model.sources.place(iri)
        name = vocab.shorten(iri)
        if iri not in roots:
            causes = sorted(vocab.shorten(one) for one in above[iri] & set(classes))
            advice = f"because {', '.join(causes) or 'another class'} can have none"
        elif roots.index(iri) < _EXPLAINED:
            advice = _why_empty(question, iri, iri)
        else:
            advice = "explained once the classes above are repaired"
        found.append(
            Finding("unsatisfiable-class", "error", file, line, iri,
                    f"{name} can have no instance", advice)
        )  # fmt: skip
    return found


def _unusable(question: _Question, properties: list[str], classes: list[str]) -> list[Finding]:
    """One finding a property that nothing can have; explained once every class is sound."""
    found = []
    for number, iri in enumerate(properties):
        file, line = question.model.sources.place(iri)
        if classes or number >= _EXPLAINED:
            advice = "explained once what is above is repaired"
        else:
            advice = _why_empty(question, iri, _SAMPLE + iri)
        message = f"{vocab.shorten(iri)} can have no subject and value"
        found.append(Finding("unusable-property", "error", file, line, iri, message, advice))
    return found


def _why_empty(question: _Question, iri: str, empty: str) -> str:
    """Why a class, or the sample of a property, can have no instance."""
    samples = [empty] if empty in question.samples else []

    def says(axioms: list[Axiom]) -> bool:
        consistent, found = question.ask(axioms, samples)
        return not consistent or empty in found

    try:
        seed = question.relevant([iri])
        if not says(seed):
            seed = list(question.axioms)
    except Unanswered:
        return "its reasons were not found in the time given"
    return _because(*question.minimal(seed, says))


def _inconsistent(question: _Question) -> Finding:
    def says(axioms: list[Axiom]) -> bool:
        return not question.ask(axioms)[0]

    seed = list(question.axioms)
    with contextlib.suppress(Unanswered):
        for iri in _suspects(question):
            near = question.relevant([iri])
            if says(near):
                seed = near
                break
    axioms, minimal = question.minimal(seed, says)
    first = axioms[0] if axioms else None
    file, line = (first.file, first.line) if first else (question.model.sources.folder.name, 0)
    return Finding(
        "inconsistent", "error", file, line, "",
        "the ontology contradicts itself: nothing can make all of its axioms true",
        _because(axioms, minimal),
    )  # fmt: skip


def _suspects(question: _Question) -> list[str]:
    """Individuals that stand, over named classes, domains and ranges, in two disjoint classes."""
    model = question.model
    above: dict[str, set[str]] = {}
    sides: dict[tuple[str, str], set[str]] = {}
    held: dict[str, set[str]] = {}
    apart: set[frozenset[str]] = set()
    for axiom in question.axioms:
        value = axiom.object.value if isinstance(axiom.object, NamedNode) else ""
        subject = axiom.subject.value if isinstance(axiom.subject, NamedNode) else ""
        if axiom.predicate == _SUBCLASS and value:
            above.setdefault(subject, set()).add(value)
        elif axiom.predicate in {_RDFS + "domain", _RDFS + "range"} and value:
            sides.setdefault((subject, axiom.predicate), set()).add(value)
        elif axiom.predicate == _DISJOINT and value:
            apart.add(frozenset({subject, value}))
        elif _is_group(axiom):
            names = model.names(axiom.subject)
            apart.update(frozenset(pair) for pair in combinations(sorted(names), 2))
        elif axiom.predicate == _RDF + "type" and value:
            held.setdefault(subject, set()).add(value)
    for axiom in question.axioms:
        if axiom.predicate in _LOGICAL or not isinstance(axiom.subject, NamedNode):
            continue
        held.setdefault(axiom.subject.value, set()).update(
            sides.get((axiom.predicate, _RDFS + "domain"), set())
        )
        if isinstance(axiom.object, NamedNode):
            held.setdefault(axiom.object.value, set()).update(
                sides.get((axiom.predicate, _RDFS + "range"), set())
            )
    found = []
    for iri, classes in held.items():
        closure, waiting = set(classes), list(classes)
        while waiting:
            fresh = above.get(waiting.pop(), set()) - closure
            closure |= fresh
            waiting += fresh
        if any(pair <= closure for pair in apart):
            found.append(iri)
    return found[:_EXPLAINED]
