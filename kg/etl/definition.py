"""What a source definition says of a table's columns and rules, read with file and line.

docs/tables.md is the reference.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, get_args

from kg.etl import functions
from kg.etl.document import Document, List
from kg.etl.plan import PredicateObject, SubjectOf, TriplesMap, columns_of, columns_read
from kg.tables import MAPPING_POLICIES, RULES, Column, Limit, Policy, Reference, Table, lexical

#: The rules of whole rows, which only a table can give a policy of their own.
ROW_RULES: Final = frozenset(
    {"ragged-row", "no-object", "no-value", "malformed-json", "several-values", "duplicate-key"}
)

#: A type may be called as in XSD, too.
_TYPES: Final = {name: name for name in lexical.TYPES} | {
    f"xsd:{type_.iri.partition('#')[2]}": name for name, type_ in lexical.TYPES.items() if type_.iri
}
_LIMIT = re.compile(r"([0-9]+(?:\.[0-9]+)?)(%?)")


def rules_of_mappings() -> frozenset[str]:
    """The rules under which a mapping rejects values."""
    called = {signature.rule for signature, _ in functions.FUNCTIONS.values()}
    own = {"illegal-iri", "datatype", "language", "dangling-join", "too-long"}
    return frozenset(called - {""} | own)


def column(reader: Document, name: str, spec: Any) -> Column:
    """A column of a table."""
    name = str(name)
    if spec == "":
        return Column(name)
    spec = reader.mapping(
        spec, "required", "pattern", "nulls", "split", "type", "references", "acyclic", "unused",
        "on",
    )  # fmt: skip
    pattern, split, type_ = (spec.get(each) for each in ("pattern", "split", "type"))
    for each in (pattern, split):
        if each is not None:
            reader.check_pattern(reader.text(each))
    if type_ is not None and reader.text(type_) not in _TYPES:
        raise reader.fail(type_, f"type {type_!r} is not one of {', '.join(lexical.TYPES)}")
    return Column(
        name,
        required=reader.boolean(spec.get("required")),
        pattern=None if pattern is None else str(pattern),
        nulls=frozenset(str(reader.text(word)) for word in reader.items(spec.get("nulls", List()))),
        split=None if split is None else str(split),
        type=None if type_ is None else _TYPES[type_],
        references=_reference(reader, spec),
        unused=reader.boolean(spec.get("unused")),
        on=policies(reader, spec.get("on"), (RULES.keys() | rules_of_mappings()) - ROW_RULES),
    )


def _reference(reader: Document, spec: Any) -> Reference | None:
    acyclic = reader.boolean(spec.get("acyclic"))
    if "references" not in spec:
        if acyclic:
            raise reader.fail(spec["acyclic"], "acyclic needs references to the table itself")
        return None
    body = reader.mapping(spec["references"], "table", "column", "separator")
    table, name = (reader.text(reader.need(body, part)) for part in ("table", "column"))
    separator = body.get("separator")
    if separator is not None:
        reader.check_pattern(reader.text(separator))
    return Reference(str(table), str(name), None if separator is None else str(separator), acyclic)


def policies(reader: Document, body: Any, rules: Collection[str]) -> tuple[tuple[str, Policy], ...]:
    """The policies of an `on`: one for every rule that can have it, or one by rule."""
    if body is None:
        return ()
    if isinstance(body, str):
        asked = _policy(reader, body)
        able = [rule for rule in sorted(rules) if asked in _possible(rule)]
        return tuple((rule, asked) for rule in able)
    given = reader.mapping(body)
    for rule in given:
        if rule not in rules:
            raise reader.fail(
                rule, f"unknown rule {rule!r}; expected one of {', '.join(sorted(rules))}"
            )
        if _policy(reader, given[rule]) not in _possible(rule):
            raise reader.fail(
                given[rule], f"{rule} cannot {given[rule]}; expected {', '.join(_possible(rule))}"
            )
    return tuple(sorted((str(rule), _policy(reader, given[rule])) for rule in given))


def _possible(rule: str) -> tuple[Policy, ...]:
    return RULES.get(rule, MAPPING_POLICIES)


def _policy(reader: Document, value: Any) -> Policy:
    for policy in get_args(Policy):
        if reader.text(value) == policy:
            return policy  # type: ignore[no-any-return]
    raise reader.fail(value, f"{value!r} is not one of {', '.join(get_args(Policy))}")


def limit(reader: Document, value: Any) -> Limit | None:
    """The most rejects that a table may have: `20` rows or `0.5%` of them."""
    if value is None:
        return None
    found = _LIMIT.fullmatch(reader.text(value))
    if not found or (found[2] and float(found[1]) > 100) or (not found[2] and "." in found[1]):
        raise reader.fail(value, f"max_rejects {value!r}: expected a count of rows, or a %")
    return Limit(float(found[1]), bool(found[2]))


def faults(
    tables: Mapping[str, Table], maps: Collection[TriplesMap], lines: Mapping[tuple[str, str], int]
) -> Iterator[tuple[int, str]]:
    """What is wrong with the tables of a file as a whole, by line; `lines` are the columns'."""
    for table in tables.values():
        for each in table.columns:
            if each.references and (message := _wrong(table, each.references, tables)):
                yield lines[table.name, each.name], f"{each.name} {message}"
        yield from _unused(table, maps, lines)


def _wrong(table: Table, reference: Reference, tables: Mapping[str, Table]) -> str | None:
    if reference.table not in tables:
        return f"refers to table {reference.table!r}; expected one of {', '.join(tables)}"
    if reference.column not in {each.name for each in tables[reference.table].columns}:
        return f"refers to {reference.column!r}, which is no column of {reference.table}"
    if reference.acyclic and reference.table != table.name:
        return "is acyclic, but refers to another table"
    return None


def _unused(
    table: Table, maps: Collection[TriplesMap], lines: Mapping[tuple[str, str], int]
) -> Iterator[tuple[int, str]]:
    """A column is read by a mapping or declared unused, and not both."""
    read: dict[str, str] = {}
    for triples_map in maps:
        for po in triples_map.predicate_objects:
            for target, name in _reads(maps, triples_map, po):
                if target == table.name:
                    read.setdefault(name, triples_map.name)
    for each in table.columns:
        if each.unused and each.name in read:
            message = f"{each.name} is declared unused, but mapping {read[each.name]} reads it"
            yield lines[table.name, each.name], message
    if left := [c.name for c in table.columns if not c.unused and c.name not in read]:
        yield (
            lines[table.name, left[0]],
            f"no mapping reads {', '.join(left)} of table {table.name}; "
            "map each, or declare it {unused: true}",
        )


def _reads(
    maps: Collection[TriplesMap], triples_map: TriplesMap, po: PredicateObject
) -> Iterator[tuple[str, str]]:
    """Table and column of all that a predicate-object map reads, joined tables included."""
    for name in columns_read(maps, triples_map, po):
        yield triples_map.table, name
    target = po.object.expression
    if isinstance(target, SubjectOf) and not target.source:
        joined = next(each for each in maps if each.name == target.mapping)
        for join in target.joins:
            for name in columns_of(join.parent):
                yield joined.table, name
