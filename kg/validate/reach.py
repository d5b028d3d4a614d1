"""What a constraint's query reads, as steps from `$this`: so that a change can be followed back.

A triple pattern matters at a focus node only in solutions that join it with the patterns
around it; a chain of those from `$this` says from which focus nodes a triple can be met.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from pyoxigraph import NamedNode
from rdflib import URIRef, Variable
from rdflib.paths import AlternativePath, InvPath, MulPath, SequencePath
from rdflib.plugins.sparql import prepareQuery
from rdflib.plugins.sparql.parserutils import CompValue

from kg.validate.paths import (
    Alternative,
    Here,
    Path,
    Predicate,
    Repeated,
    Sequence,
    Step,
    inverse,
    joined,
)
from kg.validate.queries import Query

_THIS = Variable("this")
_CONJUNCTIVE = ("Project", "Distinct", "Reduced", "OrderBy", "Extend", "Filter", "SelectQuery",
                "Group", "AggregateJoin", "Slice")  # fmt: skip

_Pattern = tuple[Any, Any, Any]


def steps(query: Query) -> tuple[list[Step], bool]:
    """The steps, and whether they are all that the query reads; else any triple may matter."""
    try:
        algebra = prepareQuery(query.text, initNs=dict(query.prefixes)).algebra
        patterns = list(_patterns(algebra, []))
    except (_Unclear, Exception):  # rdflib's parser raises whatever its grammar does
        return [], False
    found: list[Step] = []
    for pattern, scope in patterns:
        if (own := _of_pattern(pattern, scope)) is None:
            return [], False
        found += own
    return list(dict.fromkeys(found)), True


class _Unclear(Exception):
    """Something whose scope is not worked out here."""


def _patterns(node: Any, outer: list[_Pattern]) -> Iterator[tuple[_Pattern, list[_Pattern]]]:
    """Every triple pattern, with those that any solution it is part of must match too."""
    own: list[_Pattern] = []
    later: list[Any] = []
    _collect(node, own, later)
    scope = [*outer, *own]
    for pattern in own:
        yield pattern, scope
    for each in later:
        yield from _patterns(each, scope)


def _collect(node: Any, own: list[_Pattern], later: list[Any]) -> None:
    """Put mandatory patterns into `own`, and parts with a scope of their own into `later`."""
    name = node.name
    if name == "BGP":
        own += node.triples
    elif name == "Join":
        _collect(node.p1, own, later)
        _collect(node.p2, own, later)
    elif name == "LeftJoin":
        _collect(node.p1, own, later)
        later.append(node.p2)
        _in_expression(node.expr, later)
    elif name == "Union":
        later += (node.p1, node.p2)
    elif name in _CONJUNCTIVE:
        for key in ("expr", "A", "condition"):
            _in_expression(node.get(key), later)
        _collect(node.p, own, later)
    else:
        raise _Unclear(name)


def _in_expression(expression: Any, later: list[Any]) -> None:
    if isinstance(expression, CompValue):
        if expression.name in {"Builtin_EXISTS", "Builtin_NOTEXISTS"}:
            later.append(expression.graph)
            return
        for value in expression.values():
            _in_expression(value, later)
    elif isinstance(expression, list | tuple):
        for each in expression:
            _in_expression(each, later)


def _of_pattern(pattern: _Pattern, scope: list[_Pattern]) -> list[Step] | None:
    """The steps of one pattern; None where nothing leads to it from `$this`."""
    ways = _ways([each for each in scope if each is not pattern])
    start, predicate, end = pattern
    if start in ways:
        before, backwards = ways[start], False
    elif end in ways:
        before, backwards = ways[end], True
    else:
        return None
    if isinstance(predicate, Variable):
        return [Step(before, None, backwards)]
    path = _path(predicate)
    return [
        Step(joined(before, step.before), step.predicate, step.inverse)
        for step in (inverse(path) if backwards else path).steps()
    ]


def _ways(scope: list[_Pattern]) -> dict[Any, Path]:
    """Paths from `$this` to whatever the patterns connect it with, the shortest first."""
    ways: dict[Any, Path] = {_THIS: Here()}
    waiting = deque([_THIS])
    while waiting:
        at = waiting.popleft()
        for start, predicate, end in scope:
            if isinstance(predicate, Variable):
                continue
            for here, there, backwards in ((start, end, False), (end, start, True)):
                if here == at and there not in ways:
                    path = _path(predicate)
                    ways[there] = joined(ways[at], inverse(path) if backwards else path)
                    waiting.append(there)
    return ways


def _path(predicate: Any) -> Path:
    match predicate:
        case URIRef():
            return Predicate(NamedNode(str(predicate)))
        case InvPath():
            return inverse(_path(predicate.arg))
        case SequencePath():
            return Sequence(tuple(map(_path, predicate.args)))
        case AlternativePath():
            return Alternative(tuple(map(_path, predicate.args)))
        case MulPath():
            return Repeated(_path(predicate.path), predicate.mod)
    raise _Unclear(str(predicate))
