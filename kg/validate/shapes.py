"""Shapes compiled from a shapes graph, once for each content: well-formed, or an error."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Store, Triple

from kg import vocab
from kg.errors import KnowledgeGraphError
from kg.validate import literals, queries, sets, values, waivers
from kg.validate.model import Constraint, Shape, Target, messages, shown
from kg.validate.paths import (
    Here,
    Path,
    Term,
    joined,
)
from kg.validate.source import Place, Source
from kg.validate.waivers import Waiver

_RDF_TYPE: Final = vocab.RDF + "type"
_CLASS: Final = vocab.RDFS + "Class"
_TARGETS: Final = {
    "targetClass": "class",
    "targetNode": "node",
    "targetSubjectsOf": "subjectsOf",
    "targetObjectsOf": "objectsOf",
}
_SEVERITY: Final = {vocab.SH + name: name for name in ("Violation", "Warning", "Info")}
_LOGICAL: Final = ("and", "or", "xone")
_RANGES: Final = ("minExclusive", "minInclusive", "maxExclusive", "maxInclusive")
_PROPERTY_ONLY: Final = [
    "minCount",
    "maxCount",
    "uniqueLang",
    "lessThan",
    "lessThanOrEquals",
    "qualifiedValueShape",
]
_ONCE: Final = (
    *("path", "datatype", "nodeKind", "minCount", "maxCount", "minLength", "maxLength"),
    *("pattern", "flags", "languageIn", "uniqueLang", "in", "closed", "ignoredProperties"),
    *("qualifiedMinCount", "qualifiedMaxCount", "qualifiedValueShapesDisjoint"),
    *("severity", "deactivated"),
    *_RANGES,
)
#: What says something of a shape, or of what else its node is, and constrains nothing.
_SILENT: Final = (
    *("name", "description", "order", "group", "defaultValue", "message", "entailment"),
    *("shapesGraph", "suggestedShapesGraph", "declare", "prefixes", "select", "ask"),
    *("parameter", "optional", "labelTemplate", "nodeValidator", "propertyValidator"),
    *("validator", "rule"),
)
_MANY: Final = ("class", "equals", "disjoint", "hasValue", "not", "node", "property", "sparql")
_KNOWN: Final = frozenset((*_ONCE, *_MANY, *_TARGETS, *_PROPERTY_ONLY, *_LOGICAL, *_SILENT))
#: SHACL Advanced Features and SHACL-JS: pySHACL's.
_ADVANCED: Final = frozenset(("target", "expression", "js"))
_CACHED: Final = 16


class Context(NamedTuple):
    """Where a shape's focus nodes come from: what a path reaches from a target."""

    target: Target
    chain: Path


@dataclass(eq=False)
class Shapes:
    """A compiled shapes graph."""

    digest: str
    quads: tuple[Quad, ...]
    #: Every shape that is reached from a target, with the ways it is reached.
    contexts: dict[Shape, list[Context]] = field(default_factory=dict)
    #: Shapes with targets that pySHACL must judge, each with what is not covered.
    uncovered: dict[Shape, list[str]] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    #: Every shape without an IRI → where it stands, as people are told.
    called: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def compile(quads: Iterable[Quad], place: Place | None = None) -> Shapes:
        """Compile the statements, whatever graphs they stand in.

        The same content is compiled once in a process. Raises KnowledgeGraphError where a shape
        is ill-formed; the message names the shape and, where `place` knows it, file and line.
        """
        distinct = {Quad(quad.subject, quad.predicate, quad.object) for quad in quads}
        given = sorted(distinct, key=str)
        digest = hashlib.sha256("\n".join(map(str, given)).encode()).hexdigest()
        if (known := _cache.get(digest)) is None:
            known = _cache[digest] = _Compiler(given, place or (lambda _: "")).shapes(digest)
            while len(_cache) > _CACHED:
                _cache.popitem(last=False)
        _cache.move_to_end(digest)
        return known


_cache: OrderedDict[str, Shapes] = OrderedDict()


class _Compiler(Source):
    """One shapes graph, while it is compiled."""

    def __init__(self, quads: list[Quad], place: Place) -> None:
        super().__init__(quads, place)
        self.quads = tuple(quads)
        self.made: dict[Term, Shape] = {}
        self.under_way: list[Term] = []
        self.components = list(self.read_components())

    def shapes(self, digest: str) -> Shapes:
        """Every shape, compiled; those with targets in reach of a run."""
        classes = {NamedNode(_CLASS), *self.below(NamedNode(_CLASS))}
        roots = []
        for term in self.index:
            kinds = self.get(term, _RDF_TYPE)
            typed = any(
                kind in (NamedNode(vocab.SH + "NodeShape"), NamedNode(vocab.SH + "PropertyShape"))
                for kind in kinds
            )
            targets = [
                Target(kind, _canonical(each))
                for name, kind in _TARGETS.items()
                for each in self.sh(term, name)
            ]
            for target in targets:
                if target.kind != "node" and not isinstance(target.term, NamedNode):
                    self.fail(term, f"a target {target.term} that is no IRI")
            if typed and isinstance(term, NamedNode) and any(kind in classes for kind in kinds):
                targets.append(Target("class", term))
            if typed or targets or self.sh(term, "target"):
                shape = self.shape(term)
                shape.targets = targets
                if targets or self.sh(term, "target"):
                    roots.append(shape)
        made = Shapes(digest, self.quads)
        for term, shape in self.made.items():
            if isinstance(term, BlankNode):
                shape.called = made.called[str(term)] = self.called(term)
        for shape in roots:
            if gaps := sorted(_gaps(shape)):
                made.uncovered[shape] = gaps
            elif not shape.deactivated:
                for target in shape.targets:
                    _reach(made.contexts, shape, Context(target, Here()))
        made.waivers = tuple(waivers.read(self, self.made))
        return made

    def shape(self, term: Term) -> Shape:
        """The shape at a term."""
        if (known := self.made.get(term)) is not None:
            return known
        if term in self.under_way:
            self.fail(term, "it is recursive: it refers to itself through its own constraints")
        if isinstance(term, Literal | Triple):
            self.fail(self.under_way[-1] if self.under_way else term, f"{term} is no shape")
        self.under_way.append(term)
        for name in self.index.get(term, {}):
            local = name.removeprefix(vocab.SH)
            if name.startswith(vocab.SH) and local not in _KNOWN and local not in _ADVANCED:
                self.fail(term, f"sh:{local} is no constraint, target or property of SHACL's")
        for name in _ONCE:
            self.one(term, name)
        paths = self.sh(term, "path")
        kinds = self.get(term, _RDF_TYPE)
        if not paths and NamedNode(vocab.SH + "PropertyShape") in kinds:
            self.fail(term, "a property shape without sh:path")
        if paths and NamedNode(vocab.SH + "NodeShape") in kinds:
            self.fail(term, "a node shape with sh:path")
        severity = self.one(term, "severity")
        if severity is not None and not isinstance(severity, NamedNode):
            self.fail(term, f"sh:severity is {severity}, expected an IRI")
        shape = Shape(
            term,
            self.path(term, paths[0]) if paths else Here(),
            _SEVERITY.get(severity.value, severity.value)
            if isinstance(severity, NamedNode)
            else "Violation",
            messages(self.sh(term, "message")),
            self.boolean(term, "deactivated"),
        )
        shape.uncovered = [f"sh:{name}" for name in sorted(_ADVANCED) if self.sh(term, name)]
        shape.constraints = [
            *self.simple(term, shape),
            *self.of_shapes(term),
            *self.of_queries(term, shape),
        ]
        for each in self.sh(term, "property"):
            if not self.sh(each, "path"):
                self.fail(term, f"sh:property names what has no sh:path: {shown(each)}")
            shape.properties.append(self.shape(each))
        self.under_way.pop()
        self.made[term] = shape
        return shape

    def called(self, term: Term, seen: frozenset[Term] = frozenset()) -> str:
        """The shape at a term for people: its IRI, or its path and what that belongs to."""
        if not isinstance(term, BlankNode):
            return str(term)
        parts = [str(self.made[term].path)] if term in self.made and self.sh(term, "path") else []
        targets = [
            f"{kind} {each}" for name, kind in _TARGETS.items() for each in self.sh(term, name)
        ]
        if targets:
            parts.append(f"the shape of {', '.join(targets)}")
        elif above := [of for _, of in self.parents.get(term, ()) if of not in seen]:
            parts.append(self.called(above[0], seen | {term}))
        return " of ".join(parts)

    def simple(self, term: Term, shape: Shape) -> Iterator[Constraint]:  # noqa: PLR0912
        """The constraints that name no other shape."""
        if not shape.is_property:
            for name in _PROPERTY_ONLY:
                if self.sh(term, name):
                    self.fail(term, f"sh:{name} in a node shape, expected in a property shape")
        for name in ("minCount", "maxCount"):
            if (number := self.integer(term, name)) is not None:
                yield sets.Count(number, name == "maxCount")
        for iri in self.names(term, "class"):
            yield values.Class(iri)
        for iri in self.names(term, "datatype"):
            yield values.Datatype(iri)
        for iri in self.names(term, "nodeKind"):
            kind = iri.value.removeprefix(vocab.SH)
            if kind not in values.NodeKind.KINDS:
                self.fail(term, f"sh:nodeKind is {iri}, expected one of SHACL's six")
            yield values.NodeKind(kind)
        for name in _RANGES:
            if (bound := self.one(term, name)) is not None:
                if not isinstance(bound, Literal):
                    self.fail(term, f"sh:{name} is {bound}, expected a literal")
                yield values.Range(name, bound)
        for name in ("minLength", "maxLength"):
            if (number := self.integer(term, name)) is not None:
                yield values.Length(number, name == "maxLength")
        if (pattern := self.text(term, "pattern")) is not None:
            flags = self.text(term, "flags") or ""
            if not literals.is_pattern(pattern, flags):
                self.fail(term, f"sh:pattern is no regular expression: {pattern!r} ({flags!r})")
            yield values.Pattern(pattern, flags)
        if (head := self.one(term, "languageIn")) is not None:
            tags = self.members(term, head, "languageIn")
            yield values.LanguageIn(tuple(t.value for t in tags if isinstance(t, Literal)))
        if self.boolean(term, "uniqueLang"):
            yield sets.UniqueLang()
        for iri in self.names(term, "equals"):
            yield sets.Equals(iri)
        for iri in self.names(term, "disjoint"):
            yield sets.Disjoint(iri)
        for name in ("lessThan", "lessThanOrEquals"):
            for iri in self.names(term, name):
                yield sets.LessThan(iri, name == "lessThanOrEquals")
        for value in self.sh(term, "hasValue"):
            yield sets.HasValue(_canonical(value))
        if (head := self.one(term, "in")) is not None:
            yield values.In(tuple(map(_canonical, self.members(term, head, "in"))))
        if self.boolean(term, "closed"):
            ignored = self.one(term, "ignoredProperties")
            allowed = self.members(term, ignored, "ignoredProperties") if ignored else []
            allowed += (p for each in self.sh(term, "property") for p in self.sh(each, "path"))
            yield sets.Closed(frozenset(p for p in allowed if isinstance(p, NamedNode)))

    def of_shapes(self, term: Term) -> Iterator[Constraint]:
        """The constraints that name other shapes."""
        for name in ("not", "node"):
            for value in self.sh(term, name):
                inner = self.shape(value)
                if name == "node" and inner.is_property:
                    self.fail(term, f"sh:node names a property shape: {shown(value)}")
                yield sets.Logical(name, (inner,))
        for name in _LOGICAL:
            for head in self.sh(term, name):
                members = self.members(term, head, name)
                yield sets.Logical(name, tuple(self.shape(each) for each in members))
        for value in self.sh(term, "qualifiedValueShape"):
            yield from self.qualified(term, value)

    def qualified(self, term: Term, value: Term) -> Iterator[Constraint]:
        """A qualified value shape, with the shapes of its siblings if it is disjoint."""
        least = self.integer(term, "qualifiedMinCount")
        most = self.integer(term, "qualifiedMaxCount")
        if least is None and most is None:
            self.fail(term, "sh:qualifiedValueShape without a minimum or maximum count")
        siblings: dict[Term, None] = {}
        if self.boolean(term, "qualifiedValueShapesDisjoint"):
            for name, parent in self.parents.get(term, ()):
                if name == vocab.SH + "property":
                    for sibling in self.sh(parent, "property"):
                        siblings.update(dict.fromkeys(self.sh(sibling, "qualifiedValueShape")))
            siblings.pop(value, None)
        others = tuple(self.shape(each) for each in siblings)
        for number, at_most in ((least, False), (most, True)):
            if number is not None:
                yield sets.Qualified(self.shape(value), number, at_most, others)

    # --- SPARQL

    def of_queries(self, term: Term, shape: Shape) -> Iterator[Constraint]:
        """`sh:sparql`, and the constraint components that the graph declares."""
        for node in self.sh(term, "sparql"):
            if self.boolean(node, "deactivated"):
                continue
            given = messages(self.sh(node, "message"))
            if (query := self.query(term, shape, node, {}, ask=False)) is not None:
                yield queries.Sparql("SPARQLConstraintComponent", query, given)
        for component, required, optional in self.components:
            if not all(self.get(term, name) for name in required):
                continue
            chosen = self.validator(component, shape)
            if chosen is None:
                continue
            several = [name for name in (*required, *optional) if len(self.get(term, name)) > 1]
            if several and len(required) + len(optional) > 1:
                self.fail(term, f"{shown(NamedNode(several[0]))} stands more than once")
            first = required[0] if required else ""
            for value in self.get(term, first):
                values = {_local(name): self.get(term, name)[0]
                          for name in (*required, *optional) if self.get(term, name)}  # fmt: skip
                values[_local(first)] = value
                ask = bool(self.sh(chosen, "ask"))
                query = self.query(term, shape, chosen, values, ask=ask)
                if query is not None:
                    yield queries.Sparql(
                        component.value,
                        query,
                        messages(self.sh(chosen, "message"))
                        or messages(self.sh(component, "message")),
                        {name: queries.plain(each) for name, each in values.items()},
                    )

    def validator(self, component: NamedNode, shape: Shape) -> Term | None:
        own = "propertyValidator" if shape.is_property else "nodeValidator"
        found = self.sh(component, own) or self.sh(component, "validator")
        return found[0] if found else None

    def query(
        self, term: Term, shape: Shape, node: Term, values: dict[str, Term], *, ask: bool
    ) -> queries.Query | None:
        """The query of a constraint; None where pySHACL must ask it."""
        text = self.text(node, "ask" if ask else "select")
        if text is None:
            self.fail(term, "a SPARQL constraint without sh:select")
        values = {**values, "currentShape": term} if "currentShape" in text else values
        beyond = ["shapesGraph"] if "shapesGraph" in text else []
        beyond += [name for name, value in values.items() if isinstance(value, BlankNode)]
        if beyond:
            shape.uncovered.append(f"${beyond[0]} in a query")
            return None
        try:
            return queries.read(
                text, self.prefixes(node), node, path=str(shape.path), parameters=values, ask=ask
            )
        except KnowledgeGraphError as error:
            self.fail(term, str(error))
            raise

    def prefixes(self, node: Term) -> dict[str, str]:
        """The prefixes that a query may use: those declared where `sh:prefixes` points."""
        found = {name: vocab.PREFIXES[name] for name in ("rdf", "rdfs", "owl", "xsd", "sh")}
        waiting, seen = list(self.sh(node, "prefixes")), set[Term]()
        while waiting:
            holder = waiting.pop()
            if holder in seen:
                continue
            seen.add(holder)
            waiting += self.get(holder, vocab.OWL + "imports")
            for declared in self.sh(holder, "declare"):
                prefix, namespace = self.text(declared, "prefix"), self.text(declared, "namespace")
                if prefix is None or namespace is None:
                    self.fail(node, "sh:declare needs sh:prefix and sh:namespace")
                found[str(prefix)] = str(namespace)
        return found

    def read_components(self) -> Iterator[tuple[NamedNode, list[str], list[str]]]:
        """The constraint components declared: their mandatory and optional parameters."""
        top = NamedNode(vocab.SH + "ConstraintComponent")
        for kind in (top, *sorted(self.below(top), key=str)):
            for name, component in self.parents.get(kind, ()):
                if name != _RDF_TYPE or not isinstance(component, NamedNode):
                    continue
                required: list[str] = []
                optional: list[str] = []
                for parameter in self.sh(component, "parameter"):
                    (optional if self.boolean(parameter, "optional") else required).extend(
                        path.value
                        for path in self.sh(parameter, "path")
                        if isinstance(path, NamedNode)
                    )
                if required and not component.value.startswith(vocab.SH):
                    yield component, sorted(required), sorted(optional)


def _canonical(term: Term) -> Term:
    """A literal as the store keeps it, so that it is equal to what is found there."""
    if not isinstance(term, Literal):
        return term
    store = Store()
    node = NamedNode(_CLASS)
    store.add(Quad(node, node, term))
    (kept,) = store
    found: Term = kept.object
    return found


def _local(iri: str) -> str:
    """The local name of a parameter's property, by which its query knows it (§6.2.1)."""
    return iri[max(iri.rfind("#"), iri.rfind("/")) + 1 :]


def _gaps(shape: Shape) -> set[str]:
    """What of a shape, or of the shapes it names, the compiler does not cover."""
    found = set(shape.uncovered)
    for each in shape.properties:
        found |= _gaps(each)
    for constraint in shape.constraints:
        for each in constraint.inner():
            found |= _gaps(each)
    return found


def _reach(contexts: dict[Shape, list[Context]], shape: Shape, context: Context) -> None:
    if shape.deactivated:
        return
    ways = contexts.setdefault(shape, [])
    if context not in ways:
        ways.append(context)
        for each in shape.properties:
            _reach(contexts, each, Context(context.target, joined(context.chain, shape.path)))
