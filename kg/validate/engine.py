"""Validation by the compiled shapes: suspects by SPARQL, each then judged exactly.

Queries find every focus node that may violate a shape (never too few); the judge then says
what is wrong there, so that a verdict never depends on how a query was written.

One query for each class asks all that can be asked of a focus node alone. What is asked of
values goes through the predicate instead, where that reads less: each distinct value once; and
what large classes lack is found by reading what they have.
Queries run beside each other; what they share is only ever added to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, Final

from pyoxigraph import BlankNode, DefaultGraph, NamedNode, QuerySolutions, Store

from kg import vocab
from kg.validate.judging import Judge
from kg.validate.model import Draft, Shape, Suspicion, any_of, some
from kg.validate.paths import Here, Term
from kg.validate.queries import Sparql
from kg.validate.results import Result
from kg.validate.shapes import Context, Shapes
from kg.validate.together import together

_TYPE: Final = f"<{vocab.RDF}type>"
#: A target of fewer nodes is asked about all their values at once.
_SMALL: Final = 2000
#: Values put into one query.
_BATCH: Final = 500
#: Solutions of a pattern that a query may hold: 400 bytes each.
_HELD: Final = 1_000_000
#: Triples that are read, one after the other, rather than one looked up: on disk, ten take as long.
_TIMES: Final = 4


def results(judge: Judge, shapes: Shapes, only: Iterable[Shape] | None = None) -> Iterator[Result]:
    """Every result of the shapes that are covered, or of some of them."""
    seen: dict[Shape, set[Term]] = {}
    chosen = shapes.contexts if only is None else {each: shapes.contexts[each] for each in only}
    for shape, focus in _Search(judge, chosen).suspects():
        known = seen.setdefault(shape, set())
        if focus not in known:
            known.add(focus)
            yield from judge.results(shape, focus)


class _Search:
    """The search for suspects in one store."""

    def __init__(self, judge: Judge, contexts: dict[Shape, list[Context]]) -> None:
        self.judge, self.store = judge, judge.store
        self.contexts = contexts
        self.draft = Draft(judge.topmost)
        #: Pattern of a target → what is asked of each node that it binds.
        self.groups: dict[str, list[tuple[Shape, Suspicion]]] = {}
        #: Pattern → its solutions, and up to how many they were counted.
        self.sizes: dict[str, tuple[int, int]] = {}
        self.functions: dict[tuple[NamedNode | None, str], bool] = {}

    def suspects(self) -> Iterator[tuple[Shape, Term]]:
        """Shapes, each with a focus node that may violate it; some pairs more than once."""
        yield from together(
            partial(self.of_shape, shape, contexts)
            for shape, contexts in self.contexts.items()
            if shape.constraints
        )
        yield from together(
            partial(of_group, self.store, pattern, asked) for pattern, asked in self.groups.items()
        )

    def of_shape(self, shape: Shape, contexts: list[Context]) -> Iterator[tuple[Shape, Term]]:
        """The suspects of one shape that are not left to a group."""
        for focus in self.foci(shape, contexts):
            yield shape, focus

    def foci(self, shape: Shape, contexts: list[Context]) -> Iterator[Term]:
        """The same suspects, each as its focus node."""
        patterns: list[str] = []
        for context in contexts:
            if context.target.kind == "node":
                yield from context.chain.walk(self.judge.look, context.target.term)
            else:
                patterns += self.patterns(context)
        if not patterns:
            return
        patterns = list(dict.fromkeys(patterns))
        parts = [
            each.suspect(shape, "?this", "?this", self.draft)
            for each in shape.constraints
            if not isinstance(each, Sparql) and not (shape.is_property and each.by_value)
        ]
        for rule in shape.constraints:
            if isinstance(rule, Sparql):
                yield from self.of_rule(rule, patterns)
        if shape.is_property:
            if self.through_predicate(shape, contexts, patterns):
                yield from self.of_values(shape, contexts)
            else:
                value = self.draft.variable()
                single = any_of(
                    each.suspect(shape, "?this", value, self.draft)
                    for each in shape.constraints
                    if each.by_value
                )
                parts.append(some(f"?this {shape.path} {value}", single))
        for pattern in patterns:
            yield from self.of_target(shape, pattern, parts)

    def of_target(self, shape: Shape, pattern: str, parts: Iterable[Suspicion]) -> Iterator[Term]:
        """The nodes of a target that lack something; what else is asked is left to its group."""
        rest = []
        for part in parts:
            if self.is_read_at_once(pattern, part.missing):
                found = _rows(self.store, f"SELECT DISTINCT ?this {{ {pattern} {part.without} }}")
                yield from (row["this"] for row in found)
            else:
                rest.append(part)
        whole = any_of(rest)
        if whole.expression != "false":
            self.groups.setdefault(pattern, []).append((shape, whole))

    def is_read_at_once(self, pattern: str, missing: Collection[str]) -> bool:
        """Whether what lacks a pattern is found by reading all that has it, not at each node."""
        if not missing or (nodes := self.size(pattern, _HELD)) < _SMALL:
            return False
        most = min(_TIMES * nodes, _HELD)
        return all(self.size(each, most) < most for each in missing)

    def of_rule(self, rule: Sparql, patterns: list[str]) -> Iterator[Term]:
        """The nodes where a query finds something; every node where it cannot say so at once."""
        for pattern in patterns:
            driver = pattern.replace("?this", "$this")
            text = None if rule.query.ask else rule.query.over(f"{driver} .")
            if text is None:
                text = f"SELECT DISTINCT ?this WHERE {{ {pattern} }}"
            for row in _rows(self.store, text, dict(rule.query.prefixes)):
                yield row["this"]

    def through_predicate(self, shape: Shape, contexts: list[Context], patterns: list[str]) -> bool:
        """Whether a shape's values are looked up by the predicate, not from each focus node."""
        predicate = shape.path.simple
        if predicate is None or any(not isinstance(chain, Here) for _, chain in contexts):
            return False
        targets = sum(self.size(pattern) for pattern in patterns)
        return targets >= _SMALL or self.size(f"?this {predicate} ?value", targets) < targets

    def size(self, pattern: str, limit: int = _SMALL) -> int:
        """How many solutions a pattern has, counted up to a limit."""
        known, cut = self.sizes.get(pattern, (0, 0))
        if known == cut < limit:
            text = f"SELECT (COUNT(*) AS ?n) {{ {{ SELECT * {{ {pattern} }} LIMIT {limit} }} }}"
            (row,) = _rows(self.store, text)
            known = int(row["n"].value)
            self.sizes[pattern] = known, limit
        return known

    def of_values(self, shape: Shape, contexts: list[Context]) -> Iterator[Term]:
        """The focus nodes of values that may be wrong."""
        predicate = shape.path.simple
        member = self.member(contexts)
        alone = any_of(
            each.suspect(shape, "?this", "?value", self.draft)
            for each in shape.constraints
            if each.by_value and not each.relational
        )
        if alone.expression == "true":
            text = f"SELECT DISTINCT ?this {{ ?this {predicate} ?value FILTER({member}) }}"
            yield from (row["this"] for row in _rows(self.store, text))
            return
        if alone.expression != "false":
            values = f"{{ SELECT DISTINCT ?value {{ ?this {predicate} ?value }} }}"
            # Of a value in thousands of triples, to find one type among them takes long.
            test = alone.without or f"FILTER({alone.expression})"
            found = _rows(self.store, f"SELECT ?value {{ {values} {test} }}")
            yield from self.holders(shape, (row["value"] for row in found), contexts, member)
        relational = (
            each
            for each in shape.constraints
            if each.by_value and each.relational
            if not (each.functional and self.is_function(predicate, each.functional))
        )
        both = any_of(each.suspect(shape, "?this", "?value", self.draft) for each in relational)
        if both.expression != "false":
            text = f"?this {predicate} ?value FILTER(({both.expression}) && ({member}))"
            yield from (
                row["this"] for row in _rows(self.store, f"SELECT DISTINCT ?this {{ {text} }}")
            )

    def holders(
        self, shape: Shape, values: Iterator[Term], contexts: list[Context], member: str
    ) -> Iterator[Term]:
        """The focus nodes that have one of the values."""
        predicate = shape.path.simple
        while batch := list(islice(values, _BATCH)):
            for value in batch:
                if isinstance(value, BlankNode):  # which no query can name
                    quads = self.store.quads_for_pattern(None, predicate, value, DefaultGraph())
                    for quad in quads:
                        if any(self.judge.targeted(each.target, quad.subject) for each in contexts):
                            yield quad.subject
            terms = " ".join(str(each) for each in batch if not isinstance(each, BlankNode))
            pattern = f"VALUES ?value {{ {terms} }} ?this {predicate} ?value FILTER({member})"
            for row in _rows(self.store, f"SELECT DISTINCT ?this {{ {pattern} }}"):
                yield row["this"]

    def is_function(self, predicate: NamedNode | None, each: str) -> bool:
        """Whether no subject has two values of the predicate, as of `Constraint.functional`."""
        if (known := self.functions.get((predicate, each))) is None:
            select = "SELECT ?each (COUNT(*) AS ?all) (COUNT(DISTINCT ?this) AS ?subjects)"
            text = f"{select} {{ ?this {predicate} ?value }} GROUP BY ({each} AS ?each)"
            known = self.functions[predicate, each] = all(
                row["all"] == row["subjects"]
                for row in _rows(self.store, text)
                if row["each"] is not None and row["each"].value
            )
        return known

    def member(self, contexts: list[Context]) -> str:
        """A test of whether ?this is in one of the targets."""
        classes: dict[NamedNode, None] = {}
        tests = []
        for target, _ in contexts:
            if target.kind == "class":
                assert isinstance(target.term, NamedNode)  # noqa: S101 - `compile` has checked it
                classes.update(dict.fromkeys(self.judge.topmost(target.term)))
            elif target.kind != "node":
                tests.append(f"EXISTS {{ {self.pattern(target.kind, target.term, '?this')} }}")
        if classes:
            kind, names = self.draft.variable(), ", ".join(map(str, classes))
            tests.append(f"EXISTS {{ ?this {_TYPE} {kind} FILTER({kind} IN ({names})) }}")
        return " || ".join(tests) or "false"

    def patterns(self, context: Context) -> Iterator[str]:
        """Patterns that bind ?this to the focus nodes of a context."""
        target, chain = context
        root = "?this" if isinstance(chain, Here) else "?root"
        tail = "" if isinstance(chain, Here) else f" . ?root {chain} ?this"
        if target.kind == "class":
            assert isinstance(target.term, NamedNode)  # noqa: S101 - `compile` has checked it
            yield from (f"{root} {_TYPE} {each}{tail}" for each in self.judge.topmost(target.term))
        else:
            yield self.pattern(target.kind, target.term, root) + tail

    def pattern(self, kind: str, term: Term, root: str) -> str:
        """The pattern of a target by a property."""
        other = self.draft.variable()
        return f"{root} {term} {other}" if kind == "subjectsOf" else f"{other} {term} {root}"


def of_group(
    store: Store, pattern: str, asked: list[tuple[Shape, Suspicion]]
) -> Iterator[tuple[Shape, Term]]:
    """The suspects of every shape asked about at one target."""
    test = any_of(suspicion for _, suspicion in asked)
    flags = "".join(
        f" ({suspicion.expression} AS ?is{number})" for number, (_, suspicion) in enumerate(asked)
    )
    if len(asked) == 1:
        flags = ""
    text = f"SELECT DISTINCT ?this{flags} WHERE {{ {pattern} FILTER({test.expression}) }}"
    names = [f"is{number}" for number in range(len(asked))]
    for row in _rows(store, text):
        focus = row["this"]
        if not flags:
            yield asked[0][0], focus
            continue
        for name, (shape, _) in zip(names, asked, strict=True):
            if row[name].value == "true":
                yield shape, focus


def _rows(store: Store, text: str, prefixes: dict[str, str] | None = None) -> Iterable[Any]:
    found = store.query(text, prefixes=prefixes)
    assert isinstance(found, QuerySolutions)  # noqa: S101 - a SELECT
    return found
