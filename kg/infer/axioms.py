"""OWL 2 RL axioms compiled to rules over instances (OWL 2 Profiles, section 4.3).

Class expressions are inlined: no triple about an unnamed class is derived, nor about the
schema itself, whose closure the rules reach by running. What derives nothing is named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import count, product
from typing import Final

from pyoxigraph import BlankNode, NamedNode, Quad, Store, Variable

from kg import vocab
from kg.errors import InputError
from kg.infer.rules import RDF_TYPE, Atom, Rule, Rules, Term, Unused

_OWL, _RDF, _RDFS = vocab.OWL, vocab.RDF, vocab.RDFS
_THING, _NOTHING = _OWL + "Thing", _OWL + "Nothing"
#: On a property: the axioms about it that describe by default and infer where it says so.
INFERS_BY: Final = vocab.AIC + "infersBy"

_OUTSIDE: Final = "outside OWL 2 RL"
_NEW_TERMS: Final = f"{_OUTSIDE}: it would need individuals that have no name"
_CONSTRAINT: Final = "it excludes and derives nothing; the reasoner and the shapes check it"
_IDENTITY: Final = "it equates individuals; which are the same is decided by entity resolution"
_DATATYPE: Final = "the values of a datatype are the shapes' to check"

_X: Final = Variable("x")
Body = tuple[Atom, ...]
_Subject = Variable | NamedNode


class _Unusable(Exception):
    """An expression that no rule can stand for, and why."""


def compiled(ontology: Iterable[Quad]) -> Rules:
    """The rules of the axioms; raises InputError where one is malformed."""
    store = Store()  # it gives literals the lexical forms that they have in the data
    store.extend(ontology)
    try:
        return _Compiler(store).run()
    except RecursionError:
        raise InputError("ontology: a class expression contains itself") from None


def _renamed(head: Atom, body: Body) -> tuple[Atom, Body]:
    """The rule with its variables named in the order in which the body has them."""
    found = dict.fromkeys(name for atom in (*body, head) for name in atom.variables)
    names = {old: Variable(f"x{number}") for number, old in enumerate(found)}

    def renamed(atom: Atom) -> Atom:
        subject, object_ = (
            names[term] if isinstance(term, Variable) else term
            for term in (atom.subject, atom.object)
        )
        return Atom(subject, atom.predicate, object_)  # type: ignore[arg-type]

    return renamed(head), tuple(dict.fromkeys(map(renamed, body)))


class _Compiler:
    def __init__(self, ontology: Iterable[Quad]) -> None:
        self.index: dict[Term, dict[str, list[Term]]] = defaultdict(lambda: defaultdict(list))
        for quad in ontology:
            values = self.index[quad.subject][quad.predicate.value]
            if quad.object not in values:
                values.append(quad.object)
        self.rules: dict[tuple[Atom, frozenset[Atom]], Rule] = {}
        self.unused: dict[Unused, None] = {}
        self.names = count()

    def run(self) -> Rules:
        for node in sorted(self.index, key=str):
            for predicate, compile_ in _PREDICATES.items():
                for value in sorted(self.index[node].get(predicate, ()), key=self.show):
                    compile_(self, node, value)
            for kind in self.objects(node, _RDF + "type"):
                if isinstance(kind, NamedNode) and kind.value in _CHARACTERISTICS:
                    _CHARACTERISTICS[kind.value](self, node)
        self.definitions()
        rules = sorted(self.rules.values(), key=str)
        return Rules(tuple(rules), tuple(sorted(self.unused, key=str)))

    def objects(self, node: Term, predicate: str) -> list[Term]:
        return self.index[node].get(predicate, []) if node in self.index else []

    def fresh(self) -> Variable:
        return Variable(f"v{next(self.names)}")

    def add(self, axiom: str, head: Atom, body: Body) -> None:
        """Keep a rule, unless it is trivial; one that is there already learns the axiom."""
        head, body = _renamed(head, body)
        if head in body:
            return
        key = head, frozenset(body)
        known = self.rules.get(key)
        axioms = dict.fromkeys((*(known.axioms if known else ()), axiom))
        self.rules[key] = Rule(head, known.body if known else body, tuple(axioms))

    def leave(self, axiom: str, reason: str) -> None:
        self.unused[Unused(axiom, reason)] = None

    # Names and lists

    def show(self, node: Term) -> str:
        """A property or class expression in words."""
        if isinstance(node, NamedNode):
            return vocab.shorten(node.value)
        if not isinstance(node, BlankNode):
            return str(node)
        about = self.index[node]
        for name, word in (("intersectionOf", " and "), ("unionOf", " or "), ("oneOf", ", ")):
            for head in about.get(_OWL + name, ()):
                return f"({word.join(map(self.show, self.members(head, name)))})"
        for name, word in (("complementOf", "not "), ("inverseOf", "inverse ")):
            for value in about.get(_OWL + name, ()):
                return word + self.show(value)
        on = "".join(map(self.show, about.get(_OWL + "onProperty", ())))
        for predicate, values in sorted(about.items()):
            name = predicate.removeprefix(_OWL)
            if name in _RESTRICTIONS:
                return f"({on} {_RESTRICTIONS[name]} {self.show(values[0])})"
        return "an unnamed class"

    def members(self, head: Term, of: str) -> list[Term]:
        found: list[Term] = []
        seen: set[Term] = set()
        while head != NamedNode(_RDF + "nil"):
            first, rest = (self.objects(head, _RDF + part) for part in ("first", "rest"))
            if len(first) != 1 or len(rest) != 1 or head in seen:
                raise InputError(
                    f"ontology: owl:{of} is not an RDF list: expected one rdf:first and one "
                    f"rdf:rest at each step, ending in rdf:nil (near {head})"
                )
            seen.add(head)
            found.append(first[0])
            head = rest[0]
        if not found and of == "propertyChainAxiom":
            raise InputError("ontology: owl:propertyChainAxiom is an empty list")
        return found

    def one(self, node: Term, name: str) -> Term:
        values = self.objects(node, _OWL + name)
        if len(values) != 1:
            raise InputError(
                f"ontology: {self.show(node)}: expected one owl:{name}, found {len(values)}"
            )
        return values[0]

    def is_datatype(self, node: Term) -> bool:
        if isinstance(node, NamedNode):
            name = node.value
            return (
                name.startswith(vocab.XSD)
                or name in {_RDFS + "Literal", _RDF + "langString", _RDF + "PlainLiteral"}
                or NamedNode(_RDFS + "Datatype") in self.objects(node, _RDF + "type")
            )
        return NamedNode(_RDFS + "Datatype") in self.objects(node, _RDF + "type")

    def related(self, property_: Term, subject: Term | Variable, object_: Term | Variable) -> Atom:
        """`subject property object`, an inverse turned round."""
        inverted = False
        while isinstance(property_, BlankNode):
            property_ = self.one(property_, "inverseOf")
            inverted = not inverted
        if not isinstance(property_, NamedNode):
            raise InputError(f"ontology: {property_} is no property")
        if inverted:
            subject, object_ = object_, subject
        if not isinstance(subject, Variable | NamedNode) or isinstance(object_, BlankNode):
            # A nameless individual: nothing can be said of it by its name.
            raise _Unusable(f"{_OUTSIDE}: it names a blank node as an individual")
        return Atom(subject, property_, object_)  # type: ignore[arg-type]

    # Class expressions

    def bodies(self, node: Term, x: _Subject) -> list[Body]:
        """What makes `x` a member of a class: alternatives, each a conjunction.

        Raises _Unusable where RL allows no such expression on the lower side.
        """
        if isinstance(node, NamedNode):
            special: dict[str, list[Body]] = {_THING: [()], _NOTHING: []}
            return special.get(node.value, [(Atom(x, RDF_TYPE, node),)])
        about = self.index[node]
        if _OWL + "intersectionOf" in about:
            parts = [
                self.bodies(part, x)
                for part in self.members(self.one(node, "intersectionOf"), "intersectionOf")
            ]
            return [sum(each, ()) for each in product(*parts)]
        if _OWL + "unionOf" in about:
            listed = self.members(self.one(node, "unionOf"), "unionOf")
            return [body for part in listed for body in self.bodies(part, x)]
        if _OWL + "someValuesFrom" in about:
            return self.some(node, x)
        if _OWL + "hasValue" in about:
            return [(self.related(self.one(node, "onProperty"), x, self.one(node, "hasValue")),)]
        raise _Unusable(f"{_OUTSIDE} on the lower side of an axiom")

    def some(self, node: Term, x: _Subject) -> list[Body]:
        filler, on = self.one(node, "someValuesFrom"), self.one(node, "onProperty")
        if self.is_datatype(filler):
            raise _Unusable(_DATATYPE)
        if _OWL + "oneOf" in self.index[filler]:
            listed = self.members(self.one(filler, "oneOf"), "oneOf")
            return [(self.related(on, x, value),) for value in listed]
        y = self.fresh()
        return [(self.related(on, x, y), *body) for body in self.bodies(filler, y)]

    def heads(self, node: Term, x: _Subject) -> Iterator[tuple[Body, Atom] | str]:
        """What a member `x` of a class entails, each with what more it needs; or why nothing."""
        if isinstance(node, NamedNode):
            if node.value == _NOTHING:
                yield _CONSTRAINT
            elif node.value != _THING:
                yield (), Atom(x, RDF_TYPE, node)
            return
        about = self.index[node]
        if _OWL + "intersectionOf" in about:
            for part in self.members(self.one(node, "intersectionOf"), "intersectionOf"):
                yield from self.heads(part, x)
        elif _OWL + "hasValue" in about:
            yield (), self.related(self.one(node, "onProperty"), x, self.one(node, "hasValue"))
        elif _OWL + "allValuesFrom" in about:
            yield from self.only(node, x)
        elif _OWL + "complementOf" in about:
            yield _CONSTRAINT
        elif limits := [value.value for p in about.keys() & _AT_MOST for value in about[p]]:  # type: ignore[union-attr]
            above = f"{_OUTSIDE}: a number above 1"
            yield {"0": _CONSTRAINT, "1": _IDENTITY}.get(limits[0], above)
        elif _OWL + "someValuesFrom" in about or any(p in _AT_LEAST for p in about):
            yield _NEW_TERMS
        else:
            yield f"{_OUTSIDE} on the upper side of an axiom"

    def only(self, node: Term, x: _Subject) -> Iterator[tuple[Body, Atom] | str]:
        filler, y = self.one(node, "allValuesFrom"), self.fresh()
        if self.is_datatype(filler):
            yield _DATATYPE
            return
        step = self.related(self.one(node, "onProperty"), x, y)
        for made in self.heads(filler, y):
            yield made if isinstance(made, str) else ((step, *made[0]), made[1])

    # Axioms

    def subclass(self, lower: Term, upper: Term, *, text: str = "") -> None:
        axiom = text or f"{self.show(lower)} ⊑ {self.show(upper)}"
        try:
            if lower == NamedNode(_THING):
                raise _Unusable(f"{_OUTSIDE}: owl:Thing on the lower side of an axiom")  # noqa: TRY301
            if isinstance(lower, BlankNode) and _OWL + "oneOf" in self.index[lower]:
                listed = self.members(self.one(lower, "oneOf"), "oneOf")
                self.entail(axiom, [((), value) for value in listed], upper)
            else:
                self.entail(axiom, [(body, _X) for body in self.bodies(lower, _X)], upper)
        except _Unusable as why:
            self.leave(axiom, str(why))

    def entail(
        self, axiom: str, bodies: Iterable[tuple[Body, Term | Variable]], upper: Term
    ) -> None:
        for body, x in bodies:
            if not isinstance(x, Variable | NamedNode):
                raise _Unusable(f"{_OUTSIDE}: it names a blank node or a literal as an individual")
            for made in self.heads(upper, x):
                if isinstance(made, str):
                    self.leave(axiom, made)
                elif x == _X and not body and not made[0]:
                    self.leave(axiom, f"{_OUTSIDE}: it would hold of everything")
                else:
                    self.add(axiom, made[1], (*body, *made[0]))

    def equivalent_classes(self, one: Term, other: Term) -> None:
        if self.is_datatype(one):
            return
        text = f"{self.show(one)} ≡ {self.show(other)}"
        for lower, upper in ((one, other), (other, one)):
            self.subclass(lower, upper, text=text)

    def definitions(self) -> None:
        """Named classes that carry their definition themselves, as OWL 1 wrote it."""
        for node in [node for node in self.index if isinstance(node, NamedNode)]:
            for name in ("intersectionOf", "unionOf", "oneOf"):
                for head in self.objects(node, _OWL + name):
                    if not self.is_datatype(node):
                        defined = BlankNode()
                        self.index[defined][_OWL + name].append(head)
                        self.equivalent_classes(node, defined)

    def subproperty(self, lower: Term, upper: Term, *, text: str = "") -> None:
        axiom = text or f"{self.show(lower)} ⊑ {self.show(upper)}"
        y = Variable("y")
        self.add(axiom, self.related(upper, _X, y), (self.related(lower, _X, y),))

    def equivalent_properties(self, one: Term, other: Term) -> None:
        text = f"{self.show(one)} ≡ {self.show(other)}"
        self.subproperty(one, other, text=text)
        self.subproperty(other, one, text=text)

    def inverse(self, one: Term, other: Term) -> None:
        if isinstance(one, BlankNode):
            return  # the expression “inverse of”, used where it stands
        text = f"{self.show(one)} is the inverse of {self.show(other)}"
        y = Variable("y")
        here, there = self.related(one, _X, y), self.related(other, y, _X)
        self.add(text, there, (here,))
        self.add(text, here, (there,))

    def chain(self, property_: Term, head: Term) -> None:
        steps = self.members(head, "propertyChainAxiom")
        axiom = f"{' ∘ '.join(map(self.show, steps))} ⊑ {self.show(property_)}"
        places = [Variable(f"x{number}") for number in range(len(steps) + 1)]
        body = tuple(
            self.related(step, *places[number : number + 2]) for number, step in enumerate(steps)
        )
        self.add(axiom, self.related(property_, places[0], places[-1]), body)

    def domain(self, property_: Term, class_: Term) -> None:
        if NamedNode(_RDFS + "domain") in self.objects(property_, INFERS_BY):
            axiom = f"domain of {self.show(property_)}: {self.show(class_)}"
            body = (self.related(property_, _X, self.fresh()),)
            self.entail(axiom, [(body, _X)], class_)

    def range(self, property_: Term, class_: Term) -> None:
        if NamedNode(_RDFS + "range") in self.objects(property_, INFERS_BY):
            axiom = f"range of {self.show(property_)}: {self.show(class_)}"
            if self.is_datatype(class_):
                self.leave(axiom, _DATATYPE)
            else:
                body = (self.related(property_, self.fresh(), _X),)
                self.entail(axiom, [(body, _X)], class_)

    def symmetric(self, property_: Term) -> None:
        y = Variable("y")
        axiom = f"{self.show(property_)} is symmetric"
        self.add(axiom, self.related(property_, y, _X), (self.related(property_, _X, y),))

    def transitive(self, property_: Term) -> None:
        y, z = Variable("y"), Variable("z")
        body = self.related(property_, _X, y), self.related(property_, y, z)
        axiom = f"{self.show(property_)} is transitive"
        self.add(axiom, self.related(property_, _X, z), body)


_RESTRICTIONS: Final = {
    "someValuesFrom": "some",
    "allValuesFrom": "only",
    "hasValue": "value",
    "hasSelf": "Self",
    **dict.fromkeys(("minCardinality", "minQualifiedCardinality"), "min"),
    **dict.fromkeys(("maxCardinality", "maxQualifiedCardinality"), "max"),
    **dict.fromkeys(("cardinality", "qualifiedCardinality"), "exactly"),
}
_AT_MOST: Final = frozenset({_OWL + "maxCardinality", _OWL + "maxQualifiedCardinality"})
_AT_LEAST: Final = frozenset(
    _OWL + name
    for name in (
        *("minCardinality", "minQualifiedCardinality"),
        *("cardinality", "qualifiedCardinality"),
    )
)


def _unused(sentence: str, reason: str) -> Callable[[_Compiler, Term, Term], None]:
    def compile_(self: _Compiler, node: Term, value: Term) -> None:
        self.leave(sentence.format(s=self.show(node), o=self.show(value)), reason)

    return compile_


def _unused_kind(sentence: str, reason: str) -> Callable[[_Compiler, Term], None]:
    def compile_(self: _Compiler, node: Term) -> None:
        self.leave(sentence.format(s=self.show(node)), reason)

    return compile_


_PREDICATES: Final[dict[str, Callable[[_Compiler, Term, Term], None]]] = {
    _RDFS + "subClassOf": _Compiler.subclass,
    _OWL + "equivalentClass": _Compiler.equivalent_classes,
    _RDFS + "subPropertyOf": _Compiler.subproperty,
    _OWL + "equivalentProperty": _Compiler.equivalent_properties,
    _OWL + "inverseOf": _Compiler.inverse,
    _OWL + "propertyChainAxiom": _Compiler.chain,
    _RDFS + "domain": _Compiler.domain,
    _RDFS + "range": _Compiler.range,
    _OWL + "disjointWith": _unused("{s} is disjoint with {o}", _CONSTRAINT),
    _OWL + "propertyDisjointWith": _unused("{s} is disjoint with {o}", _CONSTRAINT),
    _OWL + "differentFrom": _unused("{s} ≠ {o}", _CONSTRAINT),
    _OWL + "hasKey": _unused("{s} has a key", _IDENTITY),
    _OWL + "sameAs": _unused("{s} = {o}", _IDENTITY),
    _OWL + "disjointUnionOf": _unused("{s} is a disjoint union", _OUTSIDE),
}
_CHARACTERISTICS: Final[dict[str, Callable[[_Compiler, Term], None]]] = {
    _OWL + "SymmetricProperty": _Compiler.symmetric,
    _OWL + "TransitiveProperty": _Compiler.transitive,
    _OWL + "FunctionalProperty": _unused_kind("{s} is functional", _IDENTITY),
    _OWL + "InverseFunctionalProperty": _unused_kind("{s} is inverse functional", _IDENTITY),
    _OWL + "AsymmetricProperty": _unused_kind("{s} is asymmetric", _CONSTRAINT),
    _OWL + "IrreflexiveProperty": _unused_kind("{s} is irreflexive", _CONSTRAINT),
    _OWL + "ReflexiveProperty": _unused_kind("{s} is reflexive", _OUTSIDE),
    _OWL + "AllDisjointClasses": _unused_kind("disjoint classes", _CONSTRAINT),
    _OWL + "AllDisjointProperties": _unused_kind("disjoint properties", _CONSTRAINT),
    _OWL + "AllDifferent": _unused_kind("different individuals", _CONSTRAINT),
    _OWL + "NegativePropertyAssertion": _unused_kind("a negative assertion", _CONSTRAINT),
}
