"""The mapping language: a documented subset of YARRRML, read into a plan that names no engine.

One file a source: what it is (`dataset`), its tables (`sources`), and how their columns
become triples (`mappings`). docs/mapping.md is the reference. Every fault is an
`InputError` that names file and line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as Dict
from pathlib import Path
from typing import Any

import yaml

from kg import vocab
from kg.errors import InputError
from kg.etl import functions, terms
from kg.etl.plan import (
    Call,
    Dataset,
    Expression,
    ObjectMap,
    PredicateObject,
    Source,
    SubjectOf,
    Template,
    TriplesMap,
    columns_of,
)
from kg.tables import Column, Table, valid_pattern

# $(column); parentheses in a column's name are escaped: $(compute \(FLOP\))
_REFERENCE = re.compile(r"\$\(((?:[^()\\]|\\.)+)\)")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8})*")


def load(folder: Path) -> list[Source]:
    """Read every mapping of a folder, shipped datasets first, then by name.

    Raises InputError naming file and line.
    """
    sources = [read(path) for path in sorted(folder.glob("*.yml"))]
    if not sources:
        raise InputError(f"{folder}: expected at least one mapping (*.yml)")
    return sorted(sources, key=lambda source: (not source.dataset.shipped, source.dataset.name))


def read(path: Path) -> Source:
    """Read one mapping file. Raises InputError naming file and line."""
    return _Reader(path).source()


# --- YAML with lines --------------------------------------------------------------------------


class _Text(str):
    line: int


class _Map(dict[str, Any]):
    line: int


class _List(list[Any]):
    line: int


class _Reader:
    """Turns the YAML of one file into a Source, with the file and line of every fault."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.prefixes = dict(vocab.PREFIXES)

    def fail(self, at: Any, message: str) -> InputError:
        line = at if isinstance(at, int) else getattr(at, "line", 1)
        return InputError(f"{self.path}:{line}: {message}")

    def source(self) -> Source:
        try:
            node = yaml.compose(self.path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise self.fail(line, f"not YAML: {error.problem}") from None
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise self.fail(1, f"cannot be read: {error}") from None
        top = self.mapping(self.value(node), "prefixes", "dataset", "sources", "mappings")
        own = self.mapping(top.get("prefixes", self.empty(top)))
        self.prefixes |= {name: str(self.text(iri)) for name, iri in own.items()}
        dataset = self.dataset(top)
        tables = {
            name: self.table(name, body)
            for name, body in self.mapping(top.get("sources", self.empty(top))).items()
        }
        if not tables:
            raise self.fail(top, "expected at least one table under sources")
        bodies = self.mapping(top.get("mappings", self.empty(top)))
        maps = tuple(self.triples_map(name, body, tables) for name, body in bodies.items())
        self.check_references(maps, tables)
        if not (maps or dataset.compiled_into):
            raise self.fail(top, "expected mappings, or dataset.compiled_into where there are none")
        return Source(self.path, dataset, tables, maps, self.prefixes)

    def value(self, node: yaml.Node | None) -> Any:
        """The node as text, list or mapping that knows its line."""
        if node is None:
            raise self.fail(1, "the file is empty")
        result: _Text | _Map | _List
        if isinstance(node, yaml.MappingNode):
            result = _Map()
            for key, item in node.value:
                name = _Text(key.value)
                name.line = key.start_mark.line + 1
                if name in result:
                    raise self.fail(name, f"{name!r} stands twice")
                result[name] = self.value(item)
        elif isinstance(node, yaml.SequenceNode):
            result = _List(self.value(item) for item in node.value)
        else:
            result = _Text("" if node.tag.endswith(":null") else node.value)
        result.line = node.start_mark.line + 1
        return result

    def empty(self, at: Any) -> _Map:
        result = _Map()
        result.line = at.line
        return result

    def mapping(self, value: Any, *allowed: str) -> _Map:
        if not isinstance(value, _Map):
            raise self.fail(value, "expected a mapping (name: value)")
        if allowed and (unknown := [name for name in value if name not in allowed]):
            names = ", ".join(allowed)
            raise self.fail(
                unknown[0], f"unknown key {', '.join(unknown)}; expected one of {names}"
            )
        return value

    def text(self, value: Any) -> _Text:
        if not isinstance(value, _Text):
            raise self.fail(value, "expected text")
        return value

    def items(self, value: Any) -> _List:
        """A list; a single value stands for a list of one."""
        if isinstance(value, _List):
            return value
        result = _List([value])
        result.line = getattr(value, "line", 1)
        return result

    # --- what the source is -----------------------------------------------------------------

    def dataset(self, top: _Map) -> Dataset:
        names = (
            "title",
            "original",
            "licence",
            "attribution",
            "graph",
            "shipped",
            "description",
            "compiled_into",
            "synthetic",
            "reference",
        )
        body = self.mapping(top.get("dataset", self.empty(top)), *names)
        for name in body:
            self.text(body[name])
        for name in ("title", "original", "licence"):
            if not body.get(name):
                raise self.fail(body, f"dataset.{name} is missing")
        for name in ("original", "licence"):
            if not vocab.is_iri(body[name]):
                raise self.fail(body[name], f"dataset.{name}: {body[name]!r} is not an IRI")
        name = self.path.stem
        graph = vocab.graph(str(body.get("graph", f"source/{name}")))
        if not vocab.is_iri(graph):
            raise self.fail(body.get("graph"), f"the named graph {graph!r} is not an IRI")
        return Dataset(
            name=name,
            title=str(body["title"]),
            original=str(body["original"]),
            licence=str(body["licence"]),
            attribution=str(body.get("attribution", "")),
            graph=graph,
            shipped=self.boolean(body.get("shipped")),
            description=str(body.get("description", "")),
            compiled_into=str(body.get("compiled_into", "")),
            synthetic=self.boolean(body.get("synthetic")),
            reference=self.boolean(body.get("reference")),
        )

    def boolean(self, value: Any) -> bool:
        if value not in (None, "true", "false"):
            raise self.fail(value, f"expected true or false, found {value!r}")
        return bool(value == "true")

    def table(self, name: str, body: Any) -> Table:
        body = self.mapping(body, "access", "key", "columns")
        access = self.text(self.need(body, "access"))
        bodies = self.mapping(self.need(body, "columns"))
        columns = tuple(self.column(column, spec) for column, spec in bodies.items())
        key = tuple(str(self.text(column)) for column in self.items(body.get("key", _List())))
        if missing := [column for column in key if column not in bodies]:
            raise self.fail(body, f"the key names {', '.join(missing)}, which is no column")
        table = Table(name, str(access), columns, key)
        if table.format not in ("csv", "tsv", "parquet"):
            raise self.fail(
                access, f"{access}: expected a file that ends in .csv, .tsv or .parquet"
            )
        return table

    def need(self, body: _Map, name: str) -> Any:
        if name not in body:
            raise self.fail(body, f"{name} is missing")
        return body[name]

    def column(self, name: str, spec: Any) -> Column:
        if spec == "":
            return Column(name)
        spec = self.mapping(spec, "required", "pattern", "nulls", "split")
        pattern, split = spec.get("pattern"), spec.get("split")
        for each in (pattern, split):
            if each is not None:
                self.check_pattern(self.text(each))
        return Column(
            name,
            required=self.boolean(spec.get("required")),
            pattern=None if pattern is None else str(pattern),
            nulls=frozenset(
                str(self.text(word)) for word in self.items(spec.get("nulls", _List()))
            ),
            split=None if split is None else str(split),
        )

    def check_pattern(self, text: _Text) -> None:
        if not valid_pattern(text):
            raise self.fail(text, f"{text!r} is not a regular expression")

    # --- how it becomes triples ---------------------------------------------------------------

    def triples_map(self, name: str, body: Any, tables: Dict[str, Table]) -> TriplesMap:
        body = self.mapping(body, "sources", "subjects", "condition", "predicateobjects")
        sources, subjects = (self.items(self.need(body, part)) for part in ("sources", "subjects"))
        if len(sources) != 1 or self.text(sources[0]) not in tables:
            raise self.fail(sources, f"expected one of the tables {', '.join(tables)}")
        if len(subjects) != 1:
            raise self.fail(subjects, "expected one subject; write a mapping for each")
        subject, kind = self.expression(subjects[0])
        if isinstance(subject, SubjectOf) or (kind == "literal" and isinstance(subject, Call)):
            raise self.fail(subjects, "expected a template or a function that gives IRIs")
        table = tables[str(sources[0])]
        entries = self.items(self.need(body, "predicateobjects"))
        pairs = [pair for entry in entries for pair in self.pairs(entry)]
        subject = self.iri(subject, subjects)
        result = TriplesMap(
            name, table.name, subject, self.condition(body), tuple(pairs), body.line
        )
        self.check_columns(result, table)
        return result

    def condition(self, body: _Map) -> Call | None:
        if "condition" not in body:
            return None
        call = self.call(self.mapping(body["condition"], "function", "parameters"))
        if functions.signature(call.function).result != "boolean":
            raise self.fail(body["condition"], "expected a function that gives true or false")
        return call

    def pairs(self, po: Any) -> Iterator[PredicateObject]:
        """The predicate-object pairs of one entry, in the long or the short form."""
        condition = None
        if isinstance(po, _Map):
            self.mapping(po, "predicates", "objects", "condition")
            predicates, objects = (
                self.items(self.need(po, part)) for part in ("predicates", "objects")
            )
            condition = self.condition(po)
            made = [self.object_map(item) for item in objects]
        elif isinstance(po, _List) and len(po) in (2, 3):
            predicates, objects = self.items(po[0]), self.items(po[1])
            made = [self.object_map(item, *po[2:]) for item in objects]
        else:
            raise self.fail(po, "expected [predicate, object] or [predicate, object, datatype]")
        for word in predicates:
            predicate = vocab.RDF + "type" if word == "a" else self.constant(word)
            for item in made:
                is_type = predicate == vocab.RDF + "type"
                item_iri = (
                    ObjectMap(self.iri(item.expression, po), "iri")
                    if is_type or item.kind == "iri"
                    else item
                )
                yield PredicateObject(predicate, item_iri, condition, po.line)

    def object_map(self, value: Any, third: Any = None) -> ObjectMap:
        if isinstance(value, _Map) and "value" in value:
            self.mapping(value, "value", "type", "datatype", "language")
            expression, kind = self.expression(value["value"])
            return self.typed(
                expression, value.get("type", kind), value.get("datatype"), value.get("language")
            )
        if isinstance(value, _Map) and "function" in value:
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
            language = _Text(third.removesuffix("~lang"))
            language.line = third.line
            return self.typed(expression, "literal", None, language)
        return self.typed(expression, "literal", third, None)

    def typed(self, expression: Expression, kind: str, datatype: Any, language: Any) -> ObjectMap:
        if kind not in ("iri", "literal"):
            raise self.fail(kind, f"type {kind!r} is not one of iri, literal")
        if language is not None:
            if not _LANGUAGE.fullmatch(self.text(language)):
                raise self.fail(language, f"{language!r} is not a lower-case language tag (BCP 47)")
            return ObjectMap(expression, "literal", vocab.RDF + "langString", str(language))
        if datatype is not None:
            iri = self.constant(datatype)
            if iri not in terms.DATATYPES and iri != ObjectMap.datatype:
                raise self.fail(
                    datatype, f"datatype {datatype} is not one of {', '.join(terms.names())}"
                )
            return ObjectMap(expression, "literal", iri)
        return ObjectMap(expression, "iri" if kind == "iri" else "literal")

    def constant(self, text: Any) -> str:
        """A prefixed name or IRI written out."""
        word = self.text(text)
        prefix, colon, local = word.partition(":")
        iri = self.prefixes[prefix] + local if colon and prefix in self.prefixes else str(word)
        if not (vocab.is_written_out(iri) if iri == word else vocab.is_iri(iri)):
            raise self.fail(text, f"{word!r} is no IRI and no name of a declared prefix")
        return iri

    def expression(self, value: Any) -> tuple[Expression, str]:
        """An expression, and the kind of term it gives by its form: iri or literal."""
        if isinstance(value, _Map):
            if "mapping" in value:
                self.mapping(value, "mapping")
                return SubjectOf(str(self.text(value["mapping"]))), "iri"
            return self.called(self.mapping(value, "function", "parameters"))
        text = self.text(value)
        kind = "iri" if text.endswith("~iri") else "literal"
        parts = _REFERENCE.split(text.removesuffix("~iri"))
        if any("$(" in constant for constant in parts[::2]):
            raise self.fail(text, f"{text!r}: expected $(column), parentheses in it escaped by \\")
        parts[1::2] = [re.sub(r"\\(.)", r"\1", column) for column in parts[1::2]]
        return Template(tuple(parts)), kind

    def called(self, value: _Map) -> tuple[Call, str]:
        """A call, and the kind of term that its function gives."""
        call = self.call(value)
        result = functions.signature(call.function).result
        if result == "boolean":
            raise self.fail(
                value, f"{call.function} gives true or false; expected it as a condition"
            )
        return call, result

    def call(self, value: _Map) -> Call:
        name = self.text(self.need(value, "function")).removeprefix("kgf:")
        if name not in functions.FUNCTIONS:
            known = ", ".join(sorted(functions.FUNCTIONS))
            raise self.fail(
                value["function"], f"unknown function {name!r}; expected one of {known}"
            )
        arguments = []
        for pair in self.items(value.get("parameters", _List())):
            if not (isinstance(pair, _List) and len(pair) == 2):
                raise self.fail(pair, "expected [parameter, value]")
            parameter = self.text(pair[0]).removeprefix("kgf:")
            if parameter in functions.PATTERNS:
                self.check_pattern(self.text(pair[1]))
            arguments.append((parameter, self.argument(pair[1])))
        spec = functions.signature(name)
        if fault := spec.fault([parameter for parameter, _ in arguments]):
            raise self.fail(value, f"function {name}: {fault}")
        arguments.sort(key=lambda argument: spec.parameters.index(argument[0]))
        return Call(name, tuple(arguments))

    def argument(self, value: Any) -> Expression:
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
        known = {column.name for column in table.columns}
        uses: list[tuple[int, Expression | None]] = [
            (triples_map.line, triples_map.subject),
            (triples_map.line, triples_map.condition),
        ]
        for po in triples_map.predicate_objects:
            uses += [(po.line, po.object.expression), (po.line, po.condition)]
        for line, expression in uses:
            for column in columns_of(expression) if expression else ():
                if column not in known:
                    raise self.fail(
                        line, f"$({column}) is no column of {table.name} ({table.access})"
                    )

    def check_references(self, maps: tuple[TriplesMap, ...], tables: Dict[str, Table]) -> None:
        by_name = {triples_map.name: triples_map for triples_map in maps}
        for triples_map in maps:
            for po in triples_map.predicate_objects:
                target = po.object.expression
                if not isinstance(target, SubjectOf):
                    continue
                if target.mapping not in by_name:
                    raise self.fail(
                        po.line, f"mapping {target.mapping!r} does not exist in this file"
                    )
                if by_name[target.mapping].table != triples_map.table:
                    raise self.fail(
                        po.line,
                        f"mapping {target.mapping!r} reads another table; joins need the same row",
                    )
        if unused := set(tables) - {triples_map.table for triples_map in maps} if maps else ():
            raise self.fail(
                1, f"table {', '.join(sorted(unused))} is declared, but no mapping reads it"
            )
