"""How a mapping file says that rows become triples: its part `mappings`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from kg import vocab
from kg.etl import functions, terms
from kg.etl.document import Document, List, Map, Text
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
from kg.tables import Table

# $(column); parentheses in a column's name are escaped: $(compute \(FLOP\))
_REFERENCE: Final = re.compile(r"\$\(((?:[^()\\]|\\.)+)\)")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8})*")
#: Named graphs that other parts of the project make.
_RESERVED: Final = frozenset(
    vocab.graph(name)
    for name in (
        "ontology",
        "vocabularies",
        "shapes",
        "links",
        "inferred",
        "analysis",
        "provenance",
    )
)


class Language(Document):
    """Reads triples maps, with the file and line of every fault."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        # Tables that have faults of their own: what reads them is not to blame.
        self.unread: frozenset[str] = frozenset()

    def triples_map(self, name: str, body: Any, tables: Mapping[str, Table]) -> TriplesMap | None:
        """One mapping; None where its table could not be read."""
        body = self.mapping(body, "sources", "graphs", "subjects", "condition", "predicateobjects")
        table = self.attempt(self.table_of, body, tables)
        subject = self.attempt(self.subject, body)
        condition = self.attempt(self.condition, body)
        graphs = self.attempt(self.graphs, body) or ()
        entries = self.attempt(self.need, body, "predicateobjects")
        pairs = [
            pair
            for entry in (() if entries is None else self.items(entries))
            for pair in self.attempt(self.pairs, entry) or ()
        ]
        if table is None:
            return None
        made = TriplesMap(
            name,
            table.name,
            subject or Template(("urn:unread",)),
            condition,
            tuple(pairs),
            body.line,
            graphs,
        )
        self.check_columns(made, table)
        return made

    def table_of(self, body: Map, tables: Mapping[str, Table]) -> Table | None:
        """The table that a mapping reads; None where that table has faults of its own."""
        sources = self.items(self.need(body, "sources"))
        if len(sources) == 1 and self.text(sources[0]) in self.unread:
            return None
        if len(sources) != 1 or self.text(sources[0]) not in tables:
            raise self.fail(sources, f"expected one of the tables {', '.join(tables)}")
        if tables[sources[0]].is_rdf:
            raise self.fail(sources, f"{sources[0]} is RDF, which is taken in as it is")
        return tables[str(sources[0])]

    def subject(self, body: Map) -> Expression:
        """What gives the subjects of a mapping."""
        subjects = self.items(self.need(body, "subjects"))
        if len(subjects) != 1:
            raise self.fail(subjects, "expected one subject; write a mapping for each")
        subject, kind = self.expression(subjects[0])
        if isinstance(subject, SubjectOf) or (kind == "literal" and isinstance(subject, Call)):
            raise self.fail(subjects, "expected a template or a function that gives IRIs")
        return self.iri(subject, subjects)

    def graphs(self, body: Map) -> tuple[str, ...]:
        """The named graphs of a mapping or an entry: constants."""
        found = []
        for item in self.items(body.get("graphs", List())):
            graph = self.constant(item, str(self.text(item)).removesuffix("~iri"))
            if graph in _RESERVED:
                raise self.fail(item, f"the named graph {item} is not for mappings to write")
            found.append(graph)
        return tuple(found)

    def condition(self, body: Map) -> Call | None:
        """The condition of a mapping or an entry."""
        if "condition" not in body:
            return None
        call = self.call(self.mapping(body["condition"], "function", "parameters"))
        if functions.signature(call.function).result != "boolean":
            raise self.fail(body["condition"], "expected a function that gives true or false")
        return call

    def pairs(self, po: Any) -> list[PredicateObject]:
        """The predicate-object pairs of one entry, in the long or the short form."""
        condition, graphs = None, tuple[str, ...]()
        if isinstance(po, Map):
            self.mapping(po, "predicates", "objects", "condition", "graphs")
            predicates, objects = (
                self.items(self.need(po, part)) for part in ("predicates", "objects")
            )
            condition, graphs = self.condition(po), self.graphs(po)
            third = []
        elif isinstance(po, List) and len(po) in (2, 3):
            predicates, objects, third = self.items(po[0]), self.items(po[1]), po[2:]
        else:
            raise self.fail(po, "expected [predicate, object] or [predicate, object, datatype]")
        made = [each for item in objects if (each := self.attempt(self.object_map, item, *third))]
        pairs = []
        for word in predicates:
            predicate = vocab.RDF + "type" if word == "a" else self.constant(word)
            for item in made:
                if predicate == vocab.RDF + "type" or item.kind == "iri":
                    item = ObjectMap(self.iri(item.expression, po), "iri")  # noqa: PLW2901
                pairs.append(PredicateObject(predicate, item, condition, po.line, graphs))
        return pairs

    def object_map(self, value: Any, third: Any = None) -> ObjectMap:
        """An object; `third` is a datatype or language beside it."""
        if isinstance(value, Map) and "value" in value:
            self.mapping(value, "value", "type", "datatype", "language")
            expression, kind = self.expression(value["value"])
            return self.typed(
                expression, value.get("type", kind), value.get("datatype"), value.get("language")
            )
        if isinstance(value, Map) and "function" in value:
            self.mapping(value, "function", "parameters", "type", "datatype", "language")
            expression, kind = self.called(value)
            return self.typed(
                expression, value.get("type", kind), value.get("datatype"), value.get("language")
            )
        expression, kind = self.expression(value)
        if third is None:
            return self.typed(expression, kind, None, None)
        third = self.text(third)
        if third.endswith("~lang"):
            language = Text(third.removesuffix("~lang"))
            language.line = third.line
            return self.typed(expression, "literal", None, language)
        return self.typed(expression, "literal", third, None)

    def typed(self, expression: Expression, kind: str, datatype: Any, language: Any) -> ObjectMap:
        """An object of this kind, datatype or language."""
        if kind not in ("iri", "literal"):
            raise self.fail(kind, f"type {kind!r} is not one of iri, literal")
        if language is not None:
            tag = self.language(language)
            return ObjectMap(expression, "literal", vocab.RDF + "langString", tag)
        if datatype is not None:
            iri = self.constant(datatype)
            if iri not in terms.DATATYPES and iri != ObjectMap.datatype:
                raise self.fail(
                    datatype, f"datatype {datatype} is not one of {', '.join(terms.names())}"
                )
            return ObjectMap(expression, "literal", iri)
        return ObjectMap(expression, "iri" if kind == "iri" else "literal")

    def language(self, value: Any) -> str | Template | Call:
        """A language tag, or what gives the tag of each row."""
        expression, kind = self.expression(value)
        if isinstance(expression, SubjectOf) or kind == "iri":
            raise self.fail(
                value, "expected a language tag, a $(column) or a function that gives text"
            )
        tag = expression.constant if isinstance(expression, Template) else None
        if tag is None:
            return expression
        if not _LANGUAGE.fullmatch(tag):
            raise self.fail(value, f"{tag!r} is not a lower-case language tag (BCP 47)")
        return tag

    def constant(self, text: Any, word: str = "") -> str:
        """A prefixed name or IRI written out."""
        word = word or self.text(text)
        prefix, colon, local = word.partition(":")
        iri = self.prefixes[prefix] + local if colon and prefix in self.prefixes else str(word)
        if not (vocab.is_written_out(iri) if iri == word else vocab.is_iri(iri)):
            raise self.fail(text, f"{word!r} is no IRI and no name of a declared prefix")
        return iri

    def expression(self, value: Any) -> tuple[Expression, str]:
        """An expression, and the kind of term it gives by its form: iri or literal."""
        if isinstance(value, Map):
            if "mapping" in value:
                return self.subject_of(self.mapping(value, "mapping", "condition")), "iri"
            return self.called(self.mapping(value, "function", "parameters"))
        text = self.text(value)
        kind = "iri" if text.endswith("~iri") else "literal"
        parts = _REFERENCE.split(text.removesuffix("~iri"))
        if any("$(" in constant for constant in parts[::2]):
            raise self.fail(text, f"{text!r}: expected $(column), parentheses in it escaped by \\")
        parts[1::2] = [re.sub(r"\\(.)", r"\1", column) for column in parts[1::2]]
        return Template(tuple(parts)), kind

    def subject_of(self, value: Map) -> SubjectOf:
        """A reference to another mapping, of this source or as `source/mapping`."""
        source, _, name = self.text(value["mapping"]).rpartition("/")
        joins = self.items(value.get("condition", List()))
        if "/" in source:
            raise self.fail(value, f"{value['mapping']!r}: expected mapping or source/mapping")
        if source and not joins:
            raise self.fail(value, f"mapping {value['mapping']}: a join needs a condition")
        return SubjectOf(name, tuple(map(self.join, joins)), source)

    def join(self, value: Any) -> Join:
        """A condition of a join: kgf:equal of a value of this row and one of the other's."""
        body = self.mapping(value, "function", "parameters")
        if self.text(self.need(body, "function")).removeprefix("kgf:") != "equal":
            raise self.fail(value, "expected the function equal: rows meet on equal values")
        sides: dict[str, Expression] = {}
        for pair in self.items(self.need(body, "parameters")):
            if not (isinstance(pair, List) and len(pair) in (2, 3)):
                raise self.fail(pair, "expected [str1, value] and [str2, value]")
            side = {"str1": "s", "str2": "o"}.get(self.text(pair[0]).removeprefix("kgf:"), "")
            if len(pair) == 3:
                side = {"s": "s", "o": "o"}.get(self.text(pair[2]), "")
            if not side or side in sides:
                raise self.fail(
                    pair, "expected str1 of this row (s) and str2 of the joined one (o)"
                )
            sides[side] = self.argument(pair[1])
        if len(sides) != 2:
            raise self.fail(value, "expected parameters str1 and str2")
        return Join(sides["s"], sides["o"])

    def called(self, value: Map) -> tuple[Call, str]:
        """A call, and the kind of term that its function gives."""
        call = self.call(value)
        result = functions.signature(call.function).result
        if result == "boolean":
            raise self.fail(
                value, f"{call.function} gives true or false; expected it as a condition"
            )
        return call, result

    def call(self, value: Map) -> Call:
        """A call of a function that exists, with the parameters it takes."""
        name = self.text(self.need(value, "function")).removeprefix("kgf:")
        if name not in functions.FUNCTIONS:
            known = ", ".join(sorted(functions.FUNCTIONS))
            raise self.fail(
                value["function"], f"unknown function {name!r}; expected one of {known}"
            )
        arguments = []
        for pair in self.items(value.get("parameters", List())):
            if not (isinstance(pair, List) and len(pair) == 2):
                raise self.fail(pair, "expected [parameter, value]")
            parameter = self.text(pair[0]).removeprefix("kgf:")
            argument = self.argument(pair[1])
            if parameter in functions.PATTERNS:
                self.check_pattern(self.text(pair[1]))
                if not (isinstance(argument, Template) and argument.constant is not None):
                    raise self.fail(
                        pair, f"{parameter}: expected a regular expression without $(…)"
                    )
            arguments.append((parameter, argument))
        spec = functions.signature(name)
        if fault := spec.fault([parameter for parameter, _ in arguments]):
            raise self.fail(value, f"function {name}: {fault}")
        arguments.sort(key=lambda argument: spec.parameters.index(argument[0]))
        return Call(name, tuple(arguments))

    def argument(self, value: Any) -> Expression:
        """The value of a parameter."""
        expression, _ = self.expression(value)
        if isinstance(expression, SubjectOf):
            raise self.fail(value, "the subject of another mapping can stand only as an object")
        return expression

    def iri(self, expression: Expression, at: Any) -> Expression:
        """The expression with the prefix at its start written out."""
        if not isinstance(expression, Template):
            return expression
        start = expression.parts[0]
        prefix, colon, rest = start.partition(":")
        if colon and prefix in self.prefixes:
            return Template((self.prefixes[prefix] + rest, *expression.parts[1:]))
        if start and not (colon and ("//" in rest or prefix == "urn")):
            raise self.fail(at, f"{start!r} starts with no scheme and no declared prefix")
        return expression

    # --- what only the whole can tell ----------------------------------------------------------

    def check_columns(self, triples_map: TriplesMap, table: Table) -> None:
        """Note each column that is read and not declared."""
        known = {column.name for column in table.columns}
        for line, expression in expressions_of(triples_map):
            for column in columns_of(expression):
                if column not in known:
                    message = f"$({column}) is no column of {table.name} ({table.access})"
                    self.faults.append(self.fail(line, message))

    def check_references(
        self, maps: tuple[TriplesMap, ...], tables: Mapping[str, Table], declared: frozenset[str]
    ) -> None:
        """Note each reference to a mapping that cannot be followed."""
        by_name = {triples_map.name: triples_map for triples_map in maps}
        for triples_map in maps:
            for po in triples_map.predicate_objects:
                target = po.object.expression
                if not isinstance(target, SubjectOf) or target.source:
                    continue
                message = ""
                if target.mapping not in declared:
                    message = f"mapping {target.mapping!r} does not exist in this file"
                elif target.mapping in by_name:
                    table = tables[by_name[target.mapping].table]
                    message = unknown_parent_column(target, table)
                    if table.name != triples_map.table and not target.joins:
                        message = (
                            f"mapping {target.mapping!r} reads another table: expected a condition "
                            "that says which of its rows"
                        )
                if message:
                    self.faults.append(self.fail(po.line, message))


def unknown_parent_column(target: SubjectOf, table: Table) -> str:
    """What is wrong with the parent's columns of a join, if anything."""
    known = {column.name for column in table.columns}
    for join in target.joins:
        for column in columns_of(join.parent):
            if column not in known:
                return f"$({column}) is no column of {table.name} ({table.access})"
    return ""
