"""OWL 2 DL and OWL 2 RL: which axioms stand outside, each named, with what would do instead.

DL is what HermiT can read, RL what rules can compute over instances. The datatypes xsd:gYear,
xsd:gYearMonth and xsd:date, which OWL 2 lacks, are known exceptions: said once each, as info.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pyoxigraph import BlankNode, Literal, NamedNode

from kg import vocab
from kg.ontology.axioms import CHARACTERISTICS, GROUPS, Axiom, Malformed, Model, Node, named
from kg.ontology.findings import Finding
from kg.ontology.sources import Sources

_OWL, _RDF, _RDFS, _XSD = vocab.OWL, vocab.RDF, vocab.RDFS, vocab.XSD
_CLASS, _OBJECT, _DATA, _NOTE = (
    _OWL + name for name in ("Class", "ObjectProperty", "DatatypeProperty", "AnnotationProperty")
)
_DATATYPE = _RDFS + "Datatype"
_SUBCLASS, _SUBPROPERTY, _CHAIN, _INVERSE = (
    _RDFS + "subClassOf", _RDFS + "subPropertyOf", _OWL + "propertyChainAxiom", _OWL + "inverseOf",
)  # fmt: skip

#: The datatype map of OWL 2 (Structural Specification, section 4).
DATATYPES: Final = (
    named(
        _XSD,
        "decimal integer nonNegativeInteger nonPositiveInteger positiveInteger negativeInteger "
        "long int short byte unsignedLong unsignedInt unsignedShort unsignedByte double float "
        "string normalizedString token language Name NCName NMTOKEN boolean hexBinary "
        "base64Binary anyURI dateTime dateTimeStamp",
    )
    | named(_RDF, "PlainLiteral XMLLiteral langString")
    | named(_OWL, "real rational")
    | named(_RDFS, "Literal")
)
#: Used although OWL 2 lacks them: SPARQL and SHACL have them, and years are no time stamps.
EXCEPTIONS: Final = named(_XSD, "gYear gYearMonth date")
#: Classes and properties that need no declaration.
BUILT_IN: Final = {
    **dict.fromkeys(named(_OWL, "Thing Nothing"), _CLASS),
    **dict.fromkeys(named(_OWL, "topObjectProperty bottomObjectProperty"), _OBJECT),
    **dict.fromkeys(named(_OWL, "topDataProperty bottomDataProperty"), _DATA),
    **dict.fromkeys(named(_RDFS, "label comment seeAlso isDefinedBy"), _NOTE),
    **dict.fromkeys(
        named(_OWL, "deprecated versionInfo priorVersion backwardCompatibleWith incompatibleWith"),
        _NOTE,
    ),
}
_RESERVED: Final = (
    named(
        _OWL,
        "AllDifferent AllDisjointClasses AllDisjointProperties Annotation AnnotationProperty "
        "AsymmetricProperty Axiom Class DatatypeProperty DeprecatedClass DeprecatedProperty "
        "FunctionalProperty InverseFunctionalProperty IrreflexiveProperty NamedIndividual "
        "NegativePropertyAssertion ObjectProperty Ontology OntologyProperty ReflexiveProperty "
        "Restriction SymmetricProperty TransitiveProperty allValuesFrom annotatedProperty "
        "annotatedSource annotatedTarget assertionProperty cardinality complementOf "
        "datatypeComplementOf differentFrom disjointUnionOf disjointWith distinctMembers "
        "equivalentClass equivalentProperty hasKey hasSelf hasValue imports intersectionOf "
        "inverseOf maxCardinality maxQualifiedCardinality members minCardinality "
        "minQualifiedCardinality onClass onDataRange onDatatype onProperties onProperty oneOf "
        "propertyChainAxiom propertyDisjointWith qualifiedCardinality sameAs someValuesFrom "
        "sourceIndividual targetIndividual targetValue unionOf versionIRI withRestrictions "
        "real rational",
    )
    | named(
        _RDFS,
        "Datatype Literal Class Resource domain range subClassOf subPropertyOf member Container",
    )
    | named(_RDF, "type first rest nil List Property langString PlainLiteral XMLLiteral value")
    | frozenset(BUILT_IN)
)

_CARDINALITIES: Final = (
    "minCardinality",
    "maxCardinality",
    "cardinality",
    "minQualifiedCardinality",
    "maxQualifiedCardinality",
    "qualifiedCardinality",
)
_FILLERS: Final = ("someValuesFrom", "allValuesFrom", "hasValue", "hasSelf", *_CARDINALITIES)

_Use = tuple[frozenset[str], str]
_CLASSES: Final[_Use] = frozenset({_CLASS}), "a class"
_PROPERTIES: Final[_Use] = frozenset({_OBJECT, _DATA}), "a property"
_ANY_PROPERTY: Final[_Use] = frozenset({_OBJECT, _DATA, _NOTE}), "a property"
_RANGES: Final[_Use] = frozenset({_CLASS, _DATATYPE}), "a class or datatype"
#: What the two sides of an axiom are used as.
_SIDES: Final[dict[str, tuple[_Use, ...]]] = {
    **dict.fromkeys((_SUBCLASS, *named(_OWL, "equivalentClass disjointWith")), (_CLASSES,) * 2),
    **dict.fromkeys(
        (_SUBPROPERTY, *named(_OWL, "equivalentProperty propertyDisjointWith inverseOf")),
        (_ANY_PROPERTY,) * 2,
    ),
    _RDFS + "domain": (_ANY_PROPERTY, _CLASSES),
    _RDFS + "range": (_ANY_PROPERTY, _RANGES),
}
#: What names inside a class expression, and in the lists of axioms, are used as.
_INSIDE: Final = {
    _OWL + "onProperty": _PROPERTIES,
    **dict.fromkeys(named(_OWL, "someValuesFrom allValuesFrom"), _RANGES),
    **dict.fromkeys(named(_OWL, "complementOf onClass"), _CLASSES),
}
_LISTED: Final = {_CHAIN: _PROPERTIES, _OWL + "AllDisjointClasses": _CLASSES}


def check(sources: Sources) -> list[Finding]:
    """What stands outside OWL 2 DL and outside OWL 2 RL."""
    model = Model(sources)
    return [*_Dl(model).findings(), *_Rl(model).findings()]


class _Dl:
    """The global restrictions of OWL 2 DL, and what must be declared."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def findings(self) -> Iterator[Finding]:
        """Every violation."""
        yield from self._reserved()
        yield from self._punned()
        yield from self._undeclared()
        yield from self._datatypes()
        yield from self._malformed()
        yield from self._mixed()
        yield from self._non_simple()
        yield from self._irregular()

    def _kind(self, iri: str) -> set[str]:
        built_in = {BUILT_IN[iri]} if iri in BUILT_IN else set()
        datatype = {_DATATYPE} if iri in DATATYPES | EXCEPTIONS else set()
        return self.model.kinds.get(iri, set()) | built_in | datatype

    def _at(self, rule: str, term: str, at: str, message: str, advice: str) -> Finding:
        file, line = self.model.sources.place(term, at)
        return Finding(rule, "error", file, line, term, message, advice)

    def _reserved(self) -> Iterator[Finding]:
        for source in self.model.sources:
            if source.part:
                continue
            for block in source.layout.statements:
                for iri, line in block.mentions:
                    if iri.startswith((_OWL, _RDFS, _RDF)) and iri not in _RESERVED:
                        yield Finding(
                            "dl-reserved", "error", source.name, line, iri,
                            f"{vocab.shorten(iri)} is no term of OWL, RDFS or RDF",
                            "correct the name",
                        )  # fmt: skip

    def _punned(self) -> Iterator[Finding]:
        clashes = (
            (_CLASS, _DATATYPE, "a class and a datatype"),
            (_OBJECT, _DATA, "an object property and a datatype property"),
            (_OBJECT, _NOTE, "an object property and an annotation property"),
            (_DATA, _NOTE, "a datatype property and an annotation property"),
        )
        own = (
            (_CLASS, _OBJECT, "a class and an object property"),
            (_CLASS, _DATA, "a class and a datatype property"),
        )
        for iri, kinds in self.model.kinds.items():
            for first, second, both in clashes + (own if iri.startswith(vocab.AIC) else ()):
                if {first, second} <= kinds:
                    yield self._at(
                        "dl-punning", iri, second, f"{vocab.shorten(iri)} is both {both}",
                        "make two terms of it, or take one declaration out",
                    )  # fmt: skip

    def _undeclared(self) -> Iterator[Finding]:
        """Every class and property that an axiom names must be declared as what it is used as."""
        seen: set[tuple[str, str]] = set()
        for axiom in self.model.axioms:
            for iri, wanted, what in self._used_as(axiom):
                if (iri, what) in seen or self._kind(iri) & wanted:
                    continue
                seen.add((iri, what))
                yield Finding(
                    "dl-undeclared", "error", axiom.file, axiom.line, iri,
                    f"{vocab.shorten(iri)} is used as {what} and not declared as one: {axiom.text}",
                    "declare it; terms of others in external.ttl",
                )  # fmt: skip
        for node, about in self.model.index.items():
            for predicate in about:
                unknown = not predicate.startswith((_OWL, _RDF, _RDFS))
                if unknown and (predicate, "") not in seen and not self._kind(predicate):
                    seen.add((predicate, ""))
                    term = node.value if isinstance(node, NamedNode) else ""
                    yield self._at(
                        "dl-undeclared", term, predicate,
                        f"{vocab.shorten(predicate)} is used as a property and not declared",
                        "declare it; terms of others in external.ttl",
                    )  # fmt: skip

    def _used_as(self, axiom: Axiom) -> Iterator[tuple[str, frozenset[str], str]]:
        """Each name of an axiom, what it may be declared as, and the words for it."""
        sides = _SIDES.get(axiom.predicate, ())
        if isinstance(axiom.object, NamedNode) and axiom.object.value in CHARACTERISTICS:
            sides = (_PROPERTIES,)
        for node, use in zip((axiom.subject, axiom.object), sides, strict=False):
            if isinstance(node, NamedNode):
                yield node.value, *use
        group = isinstance(axiom.object, NamedNode) and axiom.object.value in GROUPS
        for part in axiom.triples:
            inside = part.predicate.value
            if inside == _RDF + "first":
                listed = _LISTED.get(axiom.object.value if group else axiom.predicate)  # type: ignore[union-attr]
            else:
                listed = _INSIDE.get(inside)
            if listed and isinstance(part.object, NamedNode):
                yield part.object.value, *listed

    def _datatypes(self) -> Iterator[Finding]:
        said: set[str] = set()
        for axiom in self.model.axioms:
            if axiom.predicate != _RDFS + "range" or not isinstance(axiom.object, NamedNode):
                continue
            name = axiom.object.value
            if name in EXCEPTIONS and name not in said:
                said.add(name)
                yield Finding(
                    "dl-datatype", "info", axiom.file, axiom.line, name,
                    f"{vocab.shorten(name)} is not in OWL 2's datatype map: a known exception, "
                    "left out of what HermiT reads",
                )  # fmt: skip
            elif name.startswith(_XSD) and name not in DATATYPES | EXCEPTIONS:
                yield Finding(
                    "dl-datatype", "error", axiom.file, axiom.line, name,
                    f"{vocab.shorten(name)} is no datatype of OWL 2: {axiom.text}",
                    "use one of OWL 2's datatype map",
                )  # fmt: skip

    def _malformed(self) -> Iterator[Finding]:
        lists = ("members", "unionOf", "intersectionOf", "oneOf", "propertyChainAxiom", "hasKey",
                 "disjointUnionOf", "distinctMembers")  # fmt: skip
        for node, about in self.model.index.items():
            faults = []
            for name in lists:
                for head in about.get(_OWL + name, []):
                    try:
                        if len(self.model.members(head)) < 2 and name in {"members", _CHAIN}:
                            faults.append(f"owl:{name} with fewer than two members")
                    except Malformed as error:
                        faults.append(f"owl:{name} has {error}")
            if _OWL + "Restriction" in self.model.types(node) or _OWL + "onProperty" in about:
                faults += self._restriction(about)
            kinds = self.model.types(node) & set(GROUPS)
            if kinds and not {_OWL + "members", _OWL + "distinctMembers"} & set(about):
                faults.append(f"{vocab.shorten(min(kinds))} without owl:members")
            for fault in faults:
                file, line = self._owner(node)
                yield Finding(
                    "dl-malformed", "error", file, line, "",
                    f"OWL cannot read this: {fault}", "write it as the OWL 2 mapping to RDF says",
                )  # fmt: skip

    def _restriction(self, about: dict[str, list[Node]]) -> Iterator[str]:
        fillers = [name for name in _FILLERS if _OWL + name in about]
        if len(about.get(_OWL + "onProperty", [])) != 1:
            yield "a restriction without one owl:onProperty"
        if len(fillers) != 1:
            yield f"a restriction with {len(fillers)} constraints: {', '.join(fillers) or 'none'}"
        for name in _CARDINALITIES:
            for value in about.get(_OWL + name, []):
                good = isinstance(value, Literal) and value.value.isdigit()
                if not good or value.datatype.value != _XSD + "nonNegativeInteger":  # type: ignore[union-attr]
                    yield f"owl:{name} whose value is no xsd:nonNegativeInteger"

    def _owner(self, node: Node) -> tuple[str, int]:
        """Where the block stands that a nameless node is part of."""
        if isinstance(node, NamedNode):
            return self.model.sources.place(node.value)
        for axiom in self.model.axioms:
            if node == axiom.subject or any(part.subject == node for part in axiom.triples):
                return axiom.file, axiom.line
        return self.model.sources.place_of_all(self.model.names(node))

    def _mixed(self) -> Iterator[Finding]:
        """Object properties above datatype properties, or the other way round."""
        for axiom in self.model.axioms:
            if axiom.predicate not in {_SUBPROPERTY, _OWL + "equivalentProperty", _INVERSE}:
                continue
            if not isinstance(axiom.subject, NamedNode) or not isinstance(axiom.object, NamedNode):
                continue
            here, there = self._kind(axiom.subject.value), self._kind(axiom.object.value)
            kinds = {_OBJECT, _DATA, _NOTE}
            if here & kinds and there & kinds and not here & there & kinds:
                yield Finding(
                    "dl-mixed-properties", "error", axiom.file, axiom.line, axiom.subject.value,
                    f"{axiom.text}: one is an object property, the other is not",
                    "properties above and below are of one kind",
                )  # fmt: skip
            if axiom.predicate == _INVERSE and _DATA in here | there:
                yield Finding(
                    "dl-mixed-properties", "error", axiom.file, axiom.line, axiom.subject.value,
                    f"{axiom.text}: a datatype property has no inverse", "take it out",
                )  # fmt: skip
        for iri, kinds in self.model.kinds.items():
            wrong = kinds & (set(CHARACTERISTICS) - {_OWL + "FunctionalProperty"})
            if _DATA in kinds and wrong:
                word = CHARACTERISTICS[min(wrong)]
                yield self._at(
                    "dl-mixed-properties", iri, min(wrong),
                    f"datatype property {vocab.shorten(iri)} cannot be {word}", "take it out",
                )  # fmt: skip

    # Property hierarchy

    def _edges(self) -> Iterator[tuple[str, str, Axiom]]:
        """(lower, upper, axiom) of the property hierarchy, inverses and equivalents both ways."""
        for axiom in self.model.axioms:
            if not isinstance(axiom.subject, NamedNode) or not isinstance(axiom.object, NamedNode):
                continue
            if axiom.predicate == _SUBPROPERTY:
                yield axiom.subject.value, axiom.object.value, axiom
            elif axiom.predicate in {_INVERSE, _OWL + "equivalentProperty"}:
                yield axiom.subject.value, axiom.object.value, axiom
                yield axiom.object.value, axiom.subject.value, axiom

    def _chains(self) -> Iterator[tuple[str, list[str], Axiom]]:
        for axiom in self.model.axioms:
            if axiom.predicate == _CHAIN and isinstance(axiom.subject, NamedNode):
                try:
                    steps = self.model.members(axiom.object)
                except Malformed:
                    continue
                yield axiom.subject.value, [self._name(step) for step in steps], axiom

    def _name(self, step: Node) -> str:
        if isinstance(step, BlankNode):
            inverse = self.model.objects(step, _INVERSE)
            step = inverse[0] if inverse else step
        return step.value if isinstance(step, NamedNode) else ""

    def _composite(self) -> dict[str, str]:
        """Properties that are not simple → why."""
        found = {
            iri: f"{vocab.shorten(iri)} is transitive"
            for iri, kinds in self.model.kinds.items()
            if _OWL + "TransitiveProperty" in kinds
        }
        for head, _, axiom in self._chains():
            found.setdefault(head, axiom.text)
        edges = list(self._edges())
        grown = True
        while grown:
            grown = False
            for lower, upper, axiom in edges:
                if lower in found and upper not in found:
                    found[upper] = f"{axiom.text}, and {found[lower]}"
                    grown = True
        return found

    def _non_simple(self) -> Iterator[Finding]:
        composite = self._composite()
        restricted = named(
            _OWL,
            "FunctionalProperty InverseFunctionalProperty IrreflexiveProperty AsymmetricProperty",
        )
        for axiom in self.model.axioms:
            used: list[str] = []
            if isinstance(axiom.object, NamedNode) and axiom.object.value in restricted:
                used = [self._name(axiom.subject)]
            elif axiom.predicate == _OWL + "propertyDisjointWith":
                used = [self._name(axiom.subject), self._name(axiom.object)]
            else:
                for part in axiom.triples:
                    name = part.predicate.value.removeprefix(_OWL)
                    if name in {*_CARDINALITIES, "hasSelf"}:
                        on = self.model.objects(part.subject, _OWL + "onProperty")
                        used += [self._name(node) for node in on]
            for iri in used:
                if iri in composite:
                    yield Finding(
                        "dl-non-simple", "error", axiom.file, axiom.line, iri,
                        f"{axiom.text}: OWL 2 DL wants a simple property here, "
                        f"and {composite[iri]}",
                        "say it of a property below that is neither transitive nor a chain",
                    )  # fmt: skip

    def _irregular(self) -> Iterator[Finding]:
        """Chains must not turn back on the property they define (an order must exist)."""
        before: dict[str, set[str]] = {}
        strict: list[tuple[str, str, Axiom]] = []
        for lower, upper, _ in self._edges():
            before.setdefault(lower, set()).add(upper)
        for head, steps, axiom in self._chains():
            rest = list(steps)
            if rest == [head, head]:
                continue
            if rest and rest[0] == head:
                rest = rest[1:]
            elif rest and rest[-1] == head:
                rest = rest[:-1]
            for step in rest:
                before.setdefault(step, set()).add(head)
                strict.append((step, head, axiom))
        said: set[Axiom] = set()
        for step, head, axiom in strict:
            if axiom not in said and self._reaches(head, step, before):
                said.add(axiom)
                yield Finding(
                    "dl-irregular-chain", "error", axiom.file, axiom.line, head,
                    f"{axiom.text}: the chain leads back to {vocab.shorten(head)}, "
                    "so no order of properties exists",
                    "chain properties that do not depend on the one defined",
                )  # fmt: skip

    @staticmethod
    def _reaches(start: str, goal: str, edges: dict[str, set[str]]) -> bool:
        seen, waiting = {start}, [start]
        while waiting:
            node = waiting.pop()
            if node == goal:
                return True
            fresh = edges.get(node, set()) - seen
            seen |= fresh
            waiting += fresh
        return False


class _Rl:
    """The grammar of OWL 2 RL (OWL 2 Profiles, section 4.2)."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def findings(self) -> Iterator[Finding]:
        """Every violation."""
        for axiom in self.model.axioms:
            try:
                fault = self._fault(axiom)
            except (Malformed, IndexError):
                continue  # dl-malformed says it
            if fault:
                term = axiom.subject.value if isinstance(axiom.subject, NamedNode) else ""
                yield Finding(
                    "rl-profile", "error", axiom.file, axiom.line, term,
                    f"outside OWL 2 RL: {axiom.text}: {fault}",
                    "say it in a way rules can compute, or leave it to a shape",
                )  # fmt: skip

    def _fault(self, axiom: Axiom) -> str:  # noqa: PLR0911 - a grammar, case by case
        subject, value = axiom.subject, axiom.object
        name = axiom.predicate.removeprefix(_OWL).removeprefix(_RDFS).removeprefix(_RDF)
        match name:
            case "subClassOf":
                return self._below(subject) or self._above(value)
            case "equivalentClass":
                if self._is_datatype(subject):
                    return ""
                return self._both(subject) or self._both(value)
            case "disjointWith":
                return self._below(subject) or self._below(value)
            case "disjointUnionOf":
                return "owl:disjointUnionOf is not allowed"
            case "hasKey":
                return self._below(subject)
            case "domain":
                return self._above(value)
            case "range":
                return "" if self._is_datatype(value) else self._above(value)
            case "type":
                return self._typed(value, axiom)
        return ""

    def _typed(self, value: Node, axiom: Axiom) -> str:
        name = value.value if isinstance(value, NamedNode) else ""
        if name == _OWL + "ReflexiveProperty":
            return "a reflexive property is not allowed"
        if name == _OWL + "AllDisjointClasses":
            heads = self.model.objects(axiom.subject, _OWL + "members")
            faults = (self._below(part) for head in heads for part in self.model.members(head))
            return next((fault for fault in faults if fault), "")
        return ""

    def _is_datatype(self, node: Node) -> bool:
        if isinstance(node, BlankNode):
            return _DATATYPE in self.model.types(node)
        name = node.value if isinstance(node, NamedNode) else ""
        return name in DATATYPES | EXCEPTIONS or _DATATYPE in self.model.kinds.get(name, set())

    def _expression(self, node: Node) -> tuple[str, list[Node]]:
        """The constructor of a class expression, and what stands in it."""
        about = self.model.index.get(node, {})
        for name in ("intersectionOf", "unionOf", "oneOf"):
            if _OWL + name in about:
                return name, self.model.members(about[_OWL + name][0])
        for name in ("complementOf", *_FILLERS):
            if _OWL + name in about:
                return name, about[_OWL + name] + about.get(_OWL + "onClass", [])
        raise Malformed("no class expression")

    def _below(self, node: Node) -> str:
        """Why the node is no subClassExpression."""
        if isinstance(node, NamedNode):
            return "owl:Thing stands on the side of subclasses" if self._is_thing(node) else ""
        name, parts = self._expression(node)
        match name:
            case "intersectionOf" | "unionOf":
                return next((fault for part in parts if (fault := self._below(part))), "")
            case "someValuesFrom":
                part = parts[0]
                whole = self._is_thing(part) or self._is_datatype(part)
                return "" if whole else self._below(part)
            case "oneOf" | "hasValue":
                return ""
        return f"owl:{name} stands on the side of subclasses"

    def _above(self, node: Node) -> str:  # noqa: PLR0911 - a grammar, case by case
        """Why the node is no superClassExpression."""
        if isinstance(node, NamedNode):
            return "owl:Thing stands on the side of superclasses" if self._is_thing(node) else ""
        name, parts = self._expression(node)
        match name:
            case "intersectionOf":
                return next((fault for part in parts if (fault := self._above(part))), "")
            case "complementOf":
                return self._below(parts[0])
            case "allValuesFrom":
                return "" if self._is_datatype(parts[0]) else self._above(parts[0])
            case "hasValue":
                return ""
            case "maxCardinality" | "maxQualifiedCardinality":
                if not isinstance(parts[0], Literal) or parts[0].value not in {"0", "1"}:
                    return f"owl:{name} other than 0 or 1"
                thing = len(parts) < 2 or self._is_thing(parts[1]) or self._is_datatype(parts[1])
                return "" if thing else self._below(parts[1])
        return f"owl:{name} stands on the side of superclasses"

    def _both(self, node: Node) -> str:
        """Why the node is no equivClassExpression."""
        if isinstance(node, NamedNode):
            return "owl:Thing stands in an equivalence" if self._is_thing(node) else ""
        name, parts = self._expression(node)
        if name == "intersectionOf":
            return next((fault for part in parts if (fault := self._both(part))), "")
        return "" if name == "hasValue" else f"owl:{name} stands in an equivalence"

    @staticmethod
    def _is_thing(node: Node) -> bool:
        return node == NamedNode(_OWL + "Thing")
