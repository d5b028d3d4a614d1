"""Validation by the compiled shapes: suspects by SPARQL, each then judged exactly.

A shape's query finds every focus node that may violate it (never too few); the judge then
says what is wrong there, so that a verdict never depends on how a query was written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pyoxigraph import NamedNode, QuerySolutions, Store

from kg import vocab
from kg.validate.judging import Judge
from kg.validate.model import ANY, Draft, Shape, Suspicion, any_of
from kg.validate.paths import Here, Term
from kg.validate.queries import Sparql
from kg.validate.report import Result
from kg.validate.shapes import Context, Shapes

_TYPE: Final = f"<{vocab.RDF}type>"


def results(store: Store, shapes: Shapes) -> Iterator[Result]:
    """Every result of the shapes that are covered, shape by shape."""
    judge = Judge(store)
    for shape, contexts in shapes.contexts.items():
        if not shape.constraints:
            continue
        seen: set[Term] = set()
        for focus in suspects(judge, shape, contexts):
            if focus not in seen:
                seen.add(focus)
                yield from judge.results(shape, focus)


def suspects(judge: Judge, shape: Shape, contexts: list[Context]) -> Iterator[Term]:
    """The focus nodes of a shape that may violate it, some of them twice."""
    drivers: list[str] = []
    for target, chain in contexts:
        if target.kind == "node":
            yield from chain.walk(judge.look, target.term)
        else:
            drivers += _drivers(judge, Context(target, chain))
    if not drivers:
        return
    draft = Draft(judge.live)
    rules = [each for each in shape.constraints if isinstance(each, Sparql)]
    rest = [each for each in shape.constraints if not isinstance(each, Sparql)]
    for rule in rules:
        for driver in drivers:
            text = (
                None if rule.query.ask else rule.query.over(driver.replace("?this", "$this") + " .")
            )
            if text is None:
                yield from _nodes(judge.store, driver, ANY)
            else:
                yield from _bound(judge.store, text, dict(rule.query.prefixes))
    whole = any_of(each.suspect(shape, "?this", "?this", draft) for each in rest
                   if not shape.is_property or not each.by_value)  # fmt: skip
    single = any_of(each.suspect(shape, "?this", "?value", draft) for each in rest
                    if shape.is_property and each.by_value)  # fmt: skip
    for driver in drivers:
        yield from _nodes(judge.store, driver, whole)
        yield from _nodes(judge.store, f"{driver} . ?this {shape.path} ?value", single)


def _drivers(judge: Judge, context: Context) -> Iterator[str]:
    """Patterns that bind ?this to the focus nodes of a context."""
    target, chain = context
    root, tail = ("?this", "") if isinstance(chain, Here) else ("?root", f" . ?root {chain} ?this")
    if target.kind == "subjectsOf":
        yield f"{root} {target.term} ?other{tail}"
    elif target.kind == "objectsOf":
        yield f"?other {target.term} {root}{tail}"
    else:
        assert isinstance(target.term, NamedNode)  # noqa: S101 - `compile` has checked it
        for each in judge.live(target.term):
            yield f"{root} {_TYPE} {each}{tail}"


def _nodes(store: Store, pattern: str, suspicion: Suspicion) -> Iterator[Term]:
    if suspicion.expression == "false":
        return
    test = "" if suspicion.expression == "true" else f" FILTER({suspicion.expression})"
    yield from _bound(store, f"SELECT DISTINCT ?this WHERE {{ {pattern}{test} }}", {})


def _bound(store: Store, text: str, prefixes: dict[str, str]) -> Iterator[Term]:
    found = store.query(text, prefixes=prefixes)
    assert isinstance(found, QuerySolutions)  # noqa: S101 - a SELECT
    for row in found:
        if (node := row["this"]) is not None:
            yield node
