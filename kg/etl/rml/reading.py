"""Imports a mapping from RML: the subset that `writing` exports, whoever wrote it.

What the subset lacks (blank nodes, iterators, other functions, several subjects) is refused by
the name of the triples map and the property, never passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyoxigraph
from rdflib import RDF, BNode, Graph, Literal, URIRef
from rdflib.term import Node

from kg import vocab
from kg.errors import InputError, reason
from kg.etl import functions, yarrrml
from kg.etl.plan import (
    Call,
    Expression,
    Join,
    ObjectMap,
    PredicateObject,
    SubjectOf,
    Template,
    TriplesMap,
    columns_of,
    expressions_of,
)
from kg.etl.rml.terms import DEFINITION, KGF, RML, names_of

_EXPRESSIONS: Final = (RML.reference, RML.template, RML.constant, RML.functionExecution)
#: What each kind of node may say; anything else would be lost.
_KNOWN: Final = {
    "triples map": {RML.logicalSource, RML.subject, RML.subjectMap, RML.predicateObjectMap},
    "logical source": {RML.source, RML.referenceFormulation, KGF.table},
    "source": {RML.root, RML.path, RML.null},
    "subject map": {
        *_EXPRESSIONS, RML.termType, RML["class"], RML.graph, RML.graphMap, RML.condition,
    },
    "predicate-object map": {
        RML.predicate, RML.predicateMap, RML.object, RML.objectMap, RML.graph, RML.graphMap,
    },
    "object map": {
        *_EXPRESSIONS, RML.termType, RML.datatype, RML.datatypeMap, RML.language, RML.languageMap,
        RML.condition,
    },
    "reference to a map": {RML.parentTriplesMap, RML.joinCondition, RML.condition},
    "join": {RML.child, RML.childMap, RML.parent, RML.parentMap},
    "constant": {RML.constant},
    "expression": {*_EXPRESSIONS},
    "condition": {RML.functionExecution},
    "call": {RML.function, RML.functionMap, RML.input},
    "input": {RML.parameter, RML.parameterMap, RML.inputValue, RML.inputValueMap},
}  # fmt: skip
_NAMES: Final = {RDF.type}


@dataclass(frozen=True)
class Given:
    """What a person says of a dataset whose RML does not: title, original and licence (IRIs)."""

    title: str = ""
    original: str = ""
    licence: str = ""


def read(path: Path, given: Given | None = None) -> str:
    """The mapping file (YAML) that says what an RML file says.

    Raises InputError naming what cannot be taken over.
    """
    try:
        # The strict parser first: it names the line of a fault.
        base = path.resolve().as_uri()
        pyoxigraph.Store().load(path=path, format=pyoxigraph.RdfFormat.TURTLE, base_iri=base)
        graph = Graph().parse(path, format="turtle", publicID=base)
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {reason(error)}") from None
    return _Import(path, graph).text(given or Given())


class _Import:
    def __init__(self, path: Path, graph: Graph) -> None:
        self.path, self.graph = path, graph
        self.tables: dict[str, dict[str, Any]] = {}
        self.place = ""

    def fail(self, message: str) -> InputError:
        return InputError(
            f"{self.path}: {self.place}: {message}" if self.place else f"{self.path}: {message}"
        )

    def text(self, given: Given) -> str:
        definition, name = self.definition()
        maps = []
        for node in sorted(set(self.graph.subjects(RML.logicalSource)), key=str):
            source, _ = names_of(str(node))
            if not source or source == name:
                maps.append(self.triples_map(node, name, definition))
        if not maps:
            raise self.fail("expected at least one triples map (rml:logicalSource)")
        self.place = ""
        prefixes: dict[str, str] = {}
        if not definition:
            definition, prefixes = self.described(given, maps)
        else:
            prefixes = definition.get("prefixes", {})
        return yarrrml.write(definition, maps, prefixes)

    def definition(self) -> tuple[dict[str, Any], str]:
        """What our own export says of the dataset and its tables, and the source's name."""
        found = list(self.graph.subject_objects(DEFINITION))
        if not found:
            return {}, ""
        node, text = found[0]
        try:
            made: dict[str, Any] = json.loads(str(text))
        except ValueError as error:
            raise self.fail(f"kgf:definition: not JSON: {error}") from None
        if not isinstance(made, dict):
            raise self.fail("kgf:definition: expected an object of JSON")
        return made, names_of(f"{node}#")[0]

    def described(
        self, given: Given, maps: list[TriplesMap]
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """The dataset, tables and prefixes of an RML file that is not of our making."""
        for name in ("original", "licence"):
            if not vocab.is_iri(getattr(given, name)):
                raise self.fail(f"it does not say the dataset's {name}: expected --{name} IRI")
        for made in maps:
            columns = self.tables[made.table]["columns"]
            for _, expression in expressions_of(made):
                columns |= dict.fromkeys(columns_of(expression), "")
                for join in expression.joins if isinstance(expression, SubjectOf) else ():
                    parent = next((m for m in maps if m.name == expression.mapping), None)  # type: ignore[union-attr]
                    if parent:
                        used = dict.fromkeys(columns_of(join.parent), "")
                        self.tables[parent.table]["columns"] |= used
        for body in self.tables.values():
            if nulls := body.pop("nulls"):
                body["columns"] = {column: {"nulls": nulls} for column in body["columns"]}
        uses = {iri for made in maps for iri in _namespaces(made)}
        prefixes = {
            str(prefix): str(iri)
            for prefix, iri in self.graph.namespaces()
            if str(iri) in uses and str(iri) not in vocab.PREFIXES.values() and str(prefix)
        }
        dataset = {"title": given.title or self.path.stem} | {
            "original": given.original, "licence": given.licence
        }  # fmt: skip
        start: dict[str, Any] = {"prefixes": prefixes} if prefixes else {}
        return {**start, "dataset": dataset, "sources": self.tables}, prefixes

    # --- parts ------------------------------------------------------------------------------

    def one(self, node: Node, *names: URIRef) -> Node | None:
        """The one value of these properties, None where there is none."""
        found = [value for name in names for value in self.graph.objects(node, name)]
        if len(found) > 1:
            raise self.fail(f"{_short(names[0])} stands {len(found)} times; expected one")
        return found[0] if found else None

    def need(self, node: Node, *names: URIRef) -> Node:
        if (found := self.one(node, *names)) is None:
            raise self.fail(f"{' or '.join(map(_short, names))} is missing")
        return found

    def known(self, node: Node, kind: str) -> None:
        for predicate in self.graph.predicates(node):
            if predicate not in _KNOWN[kind] | _NAMES:
                raise self.fail(f"{_short(predicate)} of a {kind} cannot be taken over")

    def triples_map(self, node: Node, source: str, definition: dict[str, Any]) -> TriplesMap:
        self.place = f"triples map {node}"
        self.known(node, "triples map")
        name = names_of(str(node))[1]
        if isinstance(node, BNode) or not re.fullmatch(r"[^\s/]+", name):
            raise self.fail("expected an IRI that ends in a name")
        table = self.table(self.need(node, RML.logicalSource), definition)
        subject = self.one(node, RML.subjectMap)
        constant = self.one(node, RML.subject)
        if (subject is None) == (constant is None):
            raise self.fail("expected one of rml:subjectMap and rml:subject")
        pairs: list[PredicateObject] = []
        condition, graphs = None, tuple[str, ...]()
        if subject is None:
            made: Expression = Template((str(constant),))
        else:
            self.known(subject, "subject map")
            if (kind := self.one(subject, RML.termType)) not in (None, RML.IRI, RML.URI):
                raise self.fail(f"subjects of {_short(kind)}: expected rml:IRI")
            made = self.expression(subject)
            condition = self.condition(subject)
            graphs = self.graphs(subject, source, definition)
            for each in self.graph.objects(subject, RML["class"]):
                pairs.append(_pair(vocab.RDF + "type", _constant(each)))
        for each in self.graph.objects(node, RML.predicateObjectMap):
            pairs += self.pairs(each)
        pairs.sort(key=lambda po: (po.predicate != vocab.RDF + "type", po.predicate, repr(po)))
        return TriplesMap(name, table, made, condition, tuple(pairs), 1, graphs)

    def table(self, node: Node, definition: dict[str, Any]) -> str:
        self.known(node, "logical source")
        source = self.need(node, RML.source)
        if isinstance(source, Literal):
            path = str(source)
        else:
            self.known(source, "source")
            path = str(self.need(source, RML.path))
        if name := self.one(node, KGF.table):
            if str(name) not in definition.get("sources", {}):
                raise self.fail(f"table {name} is not in kgf:definition")
            return str(name)
        name = Literal(re.sub(r"\W+", "_", Path(path).stem))
        nulls = sorted(map(str, self.graph.objects(source, RML.null)))
        body = self.tables.setdefault(str(name), {"access": path, "columns": {}, "nulls": nulls})
        if body["access"] != path:
            raise self.fail(f"two files are called {name}: {path} and {body['access']}")
        return str(name)

    def graphs(
        self, node: Node, source: str = "", definition: dict[str, Any] | None = None
    ) -> tuple[str, ...]:
        found = {str(each) for each in self.graph.objects(node, RML.graph)}
        for each in self.graph.objects(node, RML.graphMap):
            self.known(each, "constant")
            found.add(str(self.need(each, RML.constant)))
        own = (definition or {}).get("dataset", {}).get("graph", f"source/{source}")
        found.discard(vocab.graph(own))
        return tuple(sorted(found - {str(RML.defaultGraph)}))

    def pairs(self, node: Node) -> Iterator[PredicateObject]:
        self.known(node, "predicate-object map")
        predicates = {str(each) for each in self.graph.objects(node, RML.predicate)}
        for each in self.graph.objects(node, RML.predicateMap):
            self.known(each, "constant")
            predicates.add(str(self.need(each, RML.constant)))
        made: list[tuple[ObjectMap, Call | None]] = [
            (_constant(each), None) for each in self.graph.objects(node, RML.object)
        ]
        for each in self.graph.objects(node, RML.objectMap):
            made.append((self.object_map(each), self.condition(each)))
        if not (predicates and made):
            raise self.fail("a predicate-object map needs a predicate and an object")
        graphs = self.graphs(node)
        for predicate in sorted(predicates):
            for item, condition in made:
                yield PredicateObject(predicate, item, condition, 1, graphs)

    def object_map(self, node: Node) -> ObjectMap:
        if (parent := self.one(node, RML.parentTriplesMap)) is not None:
            self.known(node, "reference to a map")
            return ObjectMap(self.subject_of(parent, node), "iri")
        self.known(node, "object map")
        if (constant := self.one(node, RML.constant)) is not None:
            made = _constant(constant)
            if made.language or made.datatype != ObjectMap.datatype:
                return made
        expression = self.expression(node)
        datatype = self.one(node, RML.datatype)
        if (by_map := self.one(node, RML.datatypeMap)) is not None:
            self.known(by_map, "constant")
            datatype = self.need(by_map, RML.constant)
        language: str | Template | Call = str(self.one(node, RML.language) or "").lower()
        if (by_map := self.one(node, RML.languageMap)) is not None:
            self.known(by_map, "expression")
            tag = self.expression(by_map)
            if isinstance(tag, SubjectOf):
                raise self.fail("a language is a text")
            language = tag
            if isinstance(tag, Template) and tag.constant is not None:
                language = tag.constant.lower()
        kind = self.one(node, RML.termType)
        if kind not in (None, RML.IRI, RML.URI, RML.Literal):
            raise self.fail(f"objects of {_short(kind)}: expected rml:IRI or rml:Literal")
        if language:
            return ObjectMap(expression, "literal", vocab.RDF + "langString", language)
        if datatype is not None:
            return ObjectMap(expression, "literal", str(datatype))
        if kind is None:
            return ObjectMap(expression, "iri" if self.is_iri(node, expression) else "literal")
        return ObjectMap(expression, "literal" if kind == RML.Literal else "iri")

    def is_iri(self, node: Node, expression: Expression) -> bool:
        """The term type that RML gives where a map does not say it."""
        if isinstance(expression, Call):
            return functions.signature(expression.function).result == "iri"
        constant = self.one(node, RML.constant)
        return isinstance(constant, URIRef) or self.one(node, RML.template) is not None

    def subject_of(self, parent: Node, node: Node) -> SubjectOf:
        source, name = names_of(str(parent))
        joins = []
        for each in sorted(self.graph.objects(node, RML.joinCondition), key=str):
            self.known(each, "join")
            joins.append(Join(self.side(each, "child"), self.side(each, "parent")))
        own = self.definition()[1]
        joins.sort(key=repr)
        return SubjectOf(name, tuple(joins), "" if source == own else source)

    def side(self, node: Node, name: str) -> Expression:
        reference, by_map = self.one(node, RML[name]), self.one(node, RML[f"{name}Map"])
        if by_map is not None:
            self.known(by_map, "expression")
            return self.expression(by_map)
        if reference is None:
            raise self.fail(f"rml:{name} of a join is missing")
        return Template(("", str(reference), ""))

    def condition(self, node: Node) -> Call | None:
        if (condition := self.one(node, RML.condition)) is None:
            return None
        self.known(condition, "condition")
        return self.call(self.need(condition, RML.functionExecution))

    def expression(self, node: Node) -> Expression:
        if (constant := self.one(node, RML.constant)) is not None:
            return Template((str(constant),))
        if (reference := self.one(node, RML.reference)) is not None:
            return Template(("", str(reference), ""))
        if (template := self.one(node, RML.template)) is not None:
            return self.template(str(template))
        return self.call(self.need(node, *_EXPRESSIONS))

    def template(self, text: str) -> Template:
        parts = [""]
        inside = False
        for piece in re.findall(r"\\.|[{}]|[^\\{}]+|\\$", text, re.DOTALL):
            if piece in "{}":
                if (piece == "{") == inside:
                    raise self.fail(f"the template {text!r} has unbalanced braces")
                inside = piece == "{"
                parts.append("")
            else:
                parts[-1] += piece[1] if piece[0] == "\\" and len(piece) == 2 else piece
        if inside or not all(parts[1::2]):
            raise self.fail(f"the template {text!r} has unbalanced or empty braces")
        return Template(tuple(parts))

    def call(self, node: Node) -> Call:
        self.known(node, "call")
        function = self.one(node, RML.function)
        if function is None:
            function = self.need(self.need(node, RML.functionMap), RML.constant)
        name = str(function).removeprefix(str(KGF))
        if not str(function).startswith(str(KGF)) or name not in functions.FUNCTIONS:
            known = ", ".join(sorted(functions.FUNCTIONS))
            raise self.fail(f"function {function} is not one of ours (kgf:): {known}")
        spec = functions.signature(name)
        arguments = []
        for each in self.graph.objects(node, RML.input):
            self.known(each, "input")
            parameter = self.one(each, RML.parameter)
            if parameter is None:
                parameter = self.need(self.need(each, RML.parameterMap), RML.constant)
            value = self.one(each, RML.inputValue)
            made = (
                Template((str(value),))
                if value is not None
                else self.expression(self.need(each, RML.inputValueMap))
            )
            arguments.append((str(parameter).removeprefix(str(KGF)), made))
        arguments.sort(key=lambda pair: _place(pair[0], spec))
        named = [(_base(parameter, spec), value) for parameter, value in arguments]
        if fault := spec.fault([parameter for parameter, _ in named]):
            raise self.fail(f"function {name}: {fault}")
        return Call(name, tuple(named))


def _pair(predicate: str, made: ObjectMap) -> PredicateObject:
    return PredicateObject(predicate, made, None, 1)


def _constant(node: Node) -> ObjectMap:
    if isinstance(node, Literal):
        if node.language:
            tag = node.language.lower()
            return ObjectMap(Template((str(node),)), "literal", vocab.RDF + "langString", tag)
        datatype = str(node.datatype) if node.datatype else ObjectMap.datatype
        return ObjectMap(Template((str(node),)), "literal", datatype)
    return ObjectMap(Template((str(node),)), "iri")


def _base(parameter: str, spec: functions.Signature) -> str:
    """The parameter that `of2` repeats."""
    base = parameter.rstrip("0123456789")
    return base if parameter not in spec.parameters and base == spec.repeated else parameter


def _place(parameter: str, spec: functions.Signature) -> tuple[int, int]:
    base = _base(parameter, spec)
    number = parameter.removeprefix(base)
    place = spec.parameters.index(base) if base in spec.parameters else -1
    return place, int(number or 1)


def _namespaces(made: TriplesMap) -> Iterator[str]:
    """The namespaces of the IRIs that a map names, as far as `#` or `/` tells."""
    for iri in (
        *(po.predicate for po in made.predicate_objects),
        *(e.parts[0] for _, e in expressions_of(made) if isinstance(e, Template)),
    ):
        for end in range(1, len(iri) + 1):
            if iri[end - 1] in "#/:":
                yield iri[:end]


def _short(node: Node | None) -> str:
    text = str(node)
    for prefix, namespace in (("rml", str(RML)), ("kgf", str(KGF))):
        if text.startswith(namespace):
            return f"{prefix}:{text.removeprefix(namespace)}"
    return f"<{text}>"
