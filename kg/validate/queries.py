"""SPARQL-based constraints and constraint components (SHACL §5 and §6), pre-bound (§5.3.1).

At one focus node a query runs with `$this` substituted everywhere. To find the nodes worth
that, the query runs once with the targets put in front, where its form allows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from pyoxigraph import BlankNode, Literal, NamedNode, QuerySolutions, Store, Variable

from kg import sparql
from kg.errors import KnowledgeGraphError
from kg.validate.model import Constraint, Found, Shape
from kg.validate.paths import Term

if TYPE_CHECKING:
    from kg.validate.judging import Judge

THIS: Final = Variable("this")
_VALUE: Final = Variable("value")
_TEMPLATE: Final = re.compile(r"\{[?$]([A-Za-z_][A-Za-z0-9_]*)\}")
_REFUSED: Final = frozenset({"MINUS", "VALUES", "SERVICE"})
#: What keeps a query from being joined with its targets: there `$this` would mean another thing.
_CLOSED: Final = frozenset(
    (
        *("SELECT", "UNION", "OPTIONAL", "GRAPH", "GROUP", "HAVING", "LIMIT", "OFFSET"),
        *("COUNT", "SUM", "MIN", "MAX", "AVG", "SAMPLE", "GROUP_CONCAT"),
    )
)
#: Functions that give a focus node, or a value, inside a query at that node.
_FUNCTION: Final = "tag:aicluster,2026:"
_EMPTY: Final = Store()


@dataclass(frozen=True)
class Query:
    """A SELECT of what violates: its text with `$PATH` and parameters put in, its prefixes."""

    text: str
    spelled: str
    prefixes: Mapping[str, str]
    node: Term
    ask: bool = False

    def solutions(
        self, store: Store, focus: Term, value: Term | None = None
    ) -> list[dict[str, Term]]:
        """The distinct solutions at a focus node."""
        bindings = {THIS: focus} if value is None else {THIS: focus, _VALUE: value}
        functions = {
            NamedNode(_FUNCTION + variable.value): lambda term=term: term
            for variable, term in bindings.items()
        }
        found = store.query(
            self.spelled,
            prefixes=dict(self.prefixes),
            substitutions=bindings,
            custom_functions=functions,
        )
        assert isinstance(found, QuerySolutions)  # noqa: S101 - `read` makes a SELECT of it
        names = [variable.value for variable in found.variables]
        rows = []
        for row in found:
            bound = {name: row[name] for name in names if row[name] is not None}
            if bound not in rows:
                rows.append(bound)
        return rows

    def suspects(self, store: Store, nodes: Iterable[NamedNode]) -> set[Term] | None:
        """The nodes where the query finds something; None where it cannot say so at once."""
        text = None if self.ask else self.over(f"VALUES $this {{ {' '.join(map(str, nodes))} }} .")
        if text is None:
            return None
        found = store.query(text, prefixes=dict(self.prefixes))
        assert isinstance(found, QuerySolutions)  # noqa: S101 - `read` makes a SELECT of it
        return {row[THIS] for row in found}

    def over(self, driver: str) -> str | None:
        """The query with the targets in front; None where that would change its meaning."""
        opening = _opening(self.text)
        return None if opening is None else f"{self.text[:opening]} {driver} {self.text[opening:]}"


def read(
    text: str,
    prefixes: Mapping[str, str],
    node: Term,
    *,
    path: str,
    parameters: Mapping[str, Term],
    ask: bool = False,
) -> Query:
    """Make a constraint's query of its text.

    Raises KnowledgeGraphError where it is no SPARQL, or breaks a rule of pre-binding.
    """
    text = sparql.decode(text)
    tokens = list(sparql.tokens(text))
    words = [token.text.upper() if token.kind == "word" else token.text for token in tokens]
    if refused := _REFUSED & {w for w, t in zip(words, tokens, strict=True) if t.kind == "word"}:
        raise KnowledgeGraphError(f"{min(refused)} cannot stand in a pre-bound query")
    bound = {"this", "shapesGraph", "currentShape", *(["value"] if ask else []), *parameters}
    _check_projections(words, bound)
    edits: list[tuple[int, int, str]] = []
    for token in tokens:
        name = token.text[1:]
        if token.kind == "variable" and name == "PATH" and path:
            edits.append((token.start, token.end, path))
        elif token.kind == "variable" and name in parameters:
            edits.append((token.start, token.end, str(parameters[name])))
    if ask:
        at = next((t for t, w in zip(tokens, words, strict=True) if w == "ASK"), None)
        if at is None:
            raise KnowledgeGraphError("expected an ASK query")
        edits.append((at.start, at.end, "SELECT $this $value"))
    text = edited(text, edits)
    query = Query(text, _spelled(text, ask), prefixes, node, ask)
    try:
        found = _EMPTY.query(text, prefixes=dict(prefixes))
    except SyntaxError as error:
        raise KnowledgeGraphError(f"no SPARQL: {error.msg}") from None
    if not isinstance(found, QuerySolutions) or THIS not in found.variables:
        raise KnowledgeGraphError("expected a SELECT query that projects $this")
    return query


def _check_projections(words: list[str], bound: set[str]) -> None:
    """§5.3.2: what is pre-bound is not assigned, and leaves every nested SELECT."""
    for index, word in enumerate(words):
        if word == "AS" and words[index + 1][1:] in bound and words[index + 1][0] in "?$":
            raise KnowledgeGraphError(f"AS cannot bind {words[index + 1]}, which is pre-bound")
    starts = [index for index, word in enumerate(words) if word == "SELECT"]
    for start in starts[1:]:
        end = next((i for i in range(start, len(words)) if words[i] in {"WHERE", "{"}), start)
        projected = {word[1:] for word in words[start:end] if word[0] in "?$"}
        if "this" not in projected:
            raise KnowledgeGraphError("a nested SELECT must project $this")


def _spelled(text: str, ask: bool) -> str:
    """The text for one focus node, where the store's substitution does not reach.

    It leaves BOUND and the expressions of AS alone: there a function gives what is pre-bound.
    """
    names = {"$this", "?this", *(("$value", "?value") if ask else ())}
    tokens = list(sparql.tokens(text))
    words = [token.text.upper() if token.kind == "word" else token.text for token in tokens]
    open_groups: list[int] = []
    edits: list[tuple[int, int, str]] = []
    for index, word in enumerate(words):
        if word in "({":
            open_groups.append(index)
        elif word in ")}":
            open_groups.pop()
        elif word == "AS" and words[open_groups[-1]] == "(":
            edits += (
                (tokens[at].start, tokens[at].end, f"<{_FUNCTION}{words[at][1:]}>()")
                for at in range(open_groups[-1], index)
                if words[at] in names and words[at - 2 : at] != ["BOUND", "("]
            )
        elif word in names and words[index - 2 : index] == ["BOUND", "("]:
            edits.append((tokens[index - 2].start, tokens[index + 1].end, "(true)"))
    return edited(text, edits)


def edited(text: str, edits: Iterable[tuple[int, int, str]]) -> str:
    """The text with each span replaced."""
    for start, end, put in sorted(edits, reverse=True):
        text = text[:start] + put + text[end:]
    return text


def _opening(text: str) -> int | None:
    """Where the outermost group begins, if all that it nests are the groups of EXISTS."""
    opening, before, selects = None, "", 0
    for token in sparql.tokens(text):
        word = token.text.upper() if token.kind == "word" else token.text
        if word == "SELECT":
            selects += 1
        if word == "{":
            if opening is None:
                opening = token.end
            elif before != "EXISTS":
                return None
        elif token.kind == "word" and word in _CLOSED and (word != "SELECT" or selects > 1):
            return None
        before = word
    return opening


def filled(message: str, bindings: Mapping[str, str]) -> str:
    """The message with `{$name}` and `{?name}` replaced by what they are bound to."""
    return _TEMPLATE.sub(lambda found: bindings.get(found[1], found[0]), message)


@dataclass(frozen=True, eq=False)
class Sparql(Constraint):
    """A constraint judged by a query: `sh:sparql`, or a constraint component's validator."""

    name: str
    query: Query
    messages: Mapping[str, str] = field(default_factory=dict)
    bound: Mapping[str, str] = field(default_factory=dict)
    by_value: ClassVar[bool] = False

    @property
    def component(self) -> str:
        """SHACL's own, or the one declared."""
        return self.name

    def judge(self, judge: Judge, shape: Shape, focus: Term, values: list[Term]) -> Iterable[Found]:
        """Each solution of a SELECT; each value for which an ASK says no."""
        if judge.clears(self, focus):
            return
        source = self.query.node if self.component == "SPARQLConstraintComponent" else None
        if self.query.ask:
            for value in values:
                if not self.query.solutions(judge.store, focus, value):
                    yield Found(value, None, self.text(shape, {"value": value}), source)
            return
        for row in self.query.solutions(judge.store, focus):
            if row.get("failure") == Literal(True):
                raise KnowledgeGraphError(f"{shape.term}: the query reports a failure at {focus}")
            own = row.get("value")
            path = row.get("path")
            yield Found(
                focus if own is None and not shape.is_property else own,
                str(path) if isinstance(path, NamedNode) else None,
                self.text(shape, row),
                source,
            )

    def text(self, shape: Shape, row: Mapping[str, Term]) -> dict[str, str] | None:
        """The message: the solution's own, the constraint's, or the shape's."""
        if isinstance(own := row.get("message"), Literal):
            return {own.language or "en": own.value}
        given = self.messages or shape.messages
        bindings = {**self.bound, **{name: plain(term) for name, term in row.items()}}
        return {language: filled(text, bindings) for language, text in given.items()} or None

    def parameters(self) -> dict[str, str]:
        """The component's parameters."""
        return dict(self.bound)


def plain(term: Term) -> str:
    """A term as a message shows it (§5.3.2): the IRI, or the text."""
    return term.value if isinstance(term, NamedNode | Literal | BlankNode) else str(term)
