"""What a request for changes says without running it: its operations, and what each writes to.

The engine checks the syntax. What is read here besides is read strictly: where the engine would
see two words in one (`WITHex:g`), the request is refused rather than understood differently.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from pyoxigraph import NamedNode, Store

from kg.errors import QuerySyntaxError, ServiceRefused
from kg.sparql.lexer import Token, decode, position, tokens
from kg.sparql.query import bounded, parsed, service_in

#: An operation that the engine refuses when it runs; it stands before a text that is only parsed.
_AHEAD: Final = "DROP GRAPH <urn:x-nothing> ; "

# Operations times characters of their prologue, which is read anew for each.
_MAX_WORK: Final = 10_000_000

#: The graph that stands for the merge of several USING, while one operation runs.
MERGE: Final = "urn:x-kg:merge"


@dataclass(frozen=True)
class Operation:
    """One operation of a request: its text with all of the prologue that holds for it.

    `writes` are the graphs that it may change, None the default one; `anywhere` says that it
    chooses them when it runs (a variable, ALL, NAMED). Where it has several USING, its text
    asks the graph `MERGE`, which whoever runs it makes of the graphs in `merged`.
    """

    kind: str
    text: str
    place: str
    writes: frozenset[str | None] = frozenset()
    anywhere: bool = False
    merged: tuple[str, ...] = ()


def update(
    text: str,
    base: str | None = None,
    *,
    using: Sequence[str] = (),
    using_named: Sequence[str] = (),
    graph: str | None = None,
) -> tuple[Operation, ...]:
    """The operations of a request that is SPARQL 1.1 Update, names no SERVICE and loads nothing.

    `using` and `using_named` are the dataset of each WHERE (protocol, 2.2.3). With `graph`, it
    is a patch of that graph (graph store protocol, 5.7): it may name no other. Raises
    QuerySyntaxError or ServiceRefused, with line and column.
    """
    found = list(tokens(text))
    if service := service_in(found):
        raise ServiceRefused(
            f"{position(text, service.start)}: SERVICE is refused, an update reaches no network"
        )
    bounded(text, found)
    parts = list(_parts(found))
    if len(parts) * sum(len(each.prologue) for each in parts[-1:]) > _MAX_WORK:
        raise QuerySyntaxError(
            f"{len(parts)} operations with a long prologue; expected them in several requests"
        )
    dataset = _Dataset(tuple(using), tuple(using_named), graph)
    operations = []
    blanks: set[str] = set()
    for part in parts:
        _parse(text, part, base)
        if not part.tokens:
            continue
        labels = {token.text: token for token in part.tokens if token.kind == "blank"}
        for label in labels.keys() & blanks:
            raise QuerySyntaxError(
                f"{position(text, labels[label].start)}: {label} stands in an operation before "
                "this one; a blank node belongs to one"
            )
        blanks |= labels.keys()
        operations.append(_Reader(text, base, part).operation(dataset))
    return tuple(operations)


def _parse(text: str, part: _Part, base: str | None) -> None:
    """Check the syntax of one operation; the engine takes no prologue after the first one."""
    start = part.tokens[0].start if part.tokens else part.end
    before = part.prologue + " " if part.prologue else ""
    parsed(
        text,
        lambda plain: _refused_at_once(plain, base),
        span=(part.start, part.end),
        inserted=[(0, before), (start - part.start, _AHEAD if part.tokens else "")],
    )


def _refused_at_once(text: str, base: str | None) -> None:
    with contextlib.suppress(RuntimeError):
        Store().update(text, base_iri=base)


class _Dataset(NamedTuple):
    """What a request says of the graphs beside its text."""

    using: tuple[str, ...]
    named: tuple[str, ...]
    graph: str | None


class _Part(NamedTuple):
    """One operation as it was written, from the end of the one before.

    `prologue` is what earlier operations declared, `own` what this one adds.
    """

    start: int
    end: int
    prologue: str
    own: str
    tokens: list[Token]


def _parts(found: list[Token]) -> Iterator[_Part]:
    """The operations of a text; a prologue at its end is one without tokens."""
    before: list[str] = []
    own: list[str] = []
    operation: list[Token] = []
    depth = index = start = 0
    while index < len(found):
        token = found[index]
        word = token.text.upper() if token.kind == "word" else ""
        if not operation and word in {"BASE", "VERSION", "PREFIX"}:
            length = 3 if word == "PREFIX" else 2
            own += [each.text for each in found[index : index + length]]
            index += length
            continue
        if token.kind == "sign":
            depth += (token.text in "([{") - (token.text in ")]}")
        if token.text == ";" and depth == 0 and operation:
            yield _Part(start, token.start, " ".join(before), " ".join(own), operation)
            before += own
            own, operation, start = [], [], token.end
        else:
            operation.append(token)
        index += 1
    if operation or own or start == 0:
        end = found[-1].end if found else 0
        yield _Part(start, end, " ".join(before), " ".join(own), operation)


class _Reader:
    """One operation while it is read."""

    def __init__(self, text: str, base: str | None, part: _Part) -> None:
        self._text, self._base = text, base
        self._tokens = part.tokens
        self._prologue = f"{part.prologue} {part.own}".strip()
        self._at = 0
        self._writes: set[str | None] = set()
        self._anywhere = False
        self._merged: tuple[str, ...] = ()

    def operation(self, dataset: _Dataset) -> Operation:
        first = self._tokens[0]
        verb = self._word("LOAD", "CLEAR", "DROP", "CREATE", "ADD", "MOVE", "COPY",
                          "INSERT", "DELETE", "WITH")  # fmt: skip
        if verb == "LOAD":
            raise ServiceRefused(
                f"{position(self._text, first.start)}: LOAD is refused, an update reaches no "
                "network and no file; expected a PUT or POST to the graph"
            )
        if verb in {"INSERT", "DELETE"} and self._taken("DATA"):
            kind = f"{verb} DATA"
            body = self._data(verb, dataset)
        elif verb == "DELETE" and self._taken("WHERE"):
            kind = "DELETE WHERE"
            pattern = self._braces()
            self._template(pattern, None)
            body = self._where([f"DELETE {self._span(pattern)}"], self._span(pattern), dataset)
        elif verb in {"INSERT", "DELETE", "WITH"}:
            kind = "DELETE/INSERT"
            body = self._modify(verb, dataset)
        else:
            kind = verb
            self._management(verb, dataset)
            body = self._source(self._tokens[0], self._tokens[-1])
        if self._at != len(self._tokens):
            raise self._unexpected()
        return Operation(
            kind,
            f"{self._prologue}\n{body}",
            position(self._text, first.start),
            frozenset(self._writes),
            self._anywhere,
            self._merged,
        )

    # Each kind of operation

    def _data(self, verb: str, dataset: _Dataset) -> str:
        quads = self._braces()
        self._template(quads, None)
        if dataset.graph is None:
            return f"{verb} DATA {self._span(quads)}"
        self._patch_only(dataset.graph)
        return f"{verb} DATA {{ GRAPH <{dataset.graph}> {self._span(quads)} }}"

    def _modify(self, verb: str, dataset: _Dataset) -> str:
        head: list[str] = []
        target: str | None = None
        if verb == "WITH":
            if dataset != _Dataset((), (), None):
                raise self._conflict(self._tokens[0], dataset)
            target = self._iri(self._next())
            head.append(f"WITH <{target}>")
            verb = self._word("INSERT", "DELETE")
        while True:
            template = self._braces()
            self._template(template, target)
            head.append(f"{verb} {self._span(template)}")
            if verb == "INSERT" or not self._taken("INSERT"):
                break
            verb = "INSERT"
        using: list[str] = []
        named: list[str] = []
        while clause := self._taken("USING"):
            if dataset != _Dataset((), (), None):
                raise self._conflict(clause, dataset)
            (named if self._taken("NAMED") else using).append(self._iri(self._next()))
        self._taken("WHERE")
        pattern = self._span(self._braces())
        own = dataset._replace(using=dataset.using or tuple(using), named=(*dataset.named, *named))
        return self._where(head, pattern, own)

    def _where(self, head: list[str], pattern: str, dataset: _Dataset) -> str:
        if dataset.graph is not None:
            self._patch_only(dataset.graph)
            head.insert(0, f"WITH <{dataset.graph}>")
        using = tuple(dict.fromkeys(dataset.using))
        if len(using) > 1:
            self._merged, using = using, (MERGE,)
        clauses = [f"USING <{iri}>" for iri in using]
        clauses += [f"USING NAMED <{iri}>" for iri in dict.fromkeys(dataset.named)]
        return "\n".join([*head, *clauses, f"WHERE {pattern}"])

    def _management(self, verb: str, dataset: _Dataset) -> None:
        self._taken("SILENT")
        targets = [self._graph(named=verb not in {"ADD", "MOVE", "COPY"})]
        if verb in {"ADD", "MOVE", "COPY"}:
            self._word("TO")
            targets.append(self._graph(named=False))
        # What is only copied from stays as it is.
        self._writes.update(targets[1:] if verb in {"ADD", "COPY"} else targets)
        if dataset.graph is not None:
            raise QuerySyntaxError(
                f"{position(self._text, self._tokens[0].start)}: {verb} is no patch of one graph; "
                "expected INSERT or DELETE"
            )

    def _graph(self, *, named: bool) -> str | None:
        if self._taken("DEFAULT"):
            return None
        if named and self._taken("ALL", "NAMED"):
            self._anywhere = True
            return None
        self._taken("GRAPH")
        return self._iri(self._next())

    def _patch_only(self, graph: str) -> None:
        if self._anywhere or self._writes - {None}:
            raise QuerySyntaxError(
                f"{position(self._text, self._tokens[0].start)}: a patch of <{graph}> names no "
                "graph; expected triples without GRAPH"
            )
        self._writes = {graph}

    def _template(self, span: Sequence[Token], target: str | None) -> None:
        """Note the graphs that the quads between these braces stand in."""
        opened: list[str] = []
        for index, token in enumerate(span):
            sign = token.text if token.kind == "sign" else ""
            if sign == "{":
                opened.append("{|" if _annotates(span, index) else "{")
                if opened == ["{", "{"]:
                    word, name = span[index - 2], span[index - 1]
                    if word.kind != "word" or word.text.upper() != "GRAPH":
                        raise self._refused(name, "expected GRAPH before these braces")
                    if name.kind == "variable":
                        self._anywhere = True
                    else:
                        self._writes.add(self._iri(name))
            elif sign == "}":
                opened.pop()
            elif opened == ["{"] and sign != "." and not _names_graph(span, index):
                self._writes.add(target)

    # Tokens

    def _next(self) -> Token:
        if self._at == len(self._tokens):
            raise self._unexpected()
        self._at += 1
        return self._tokens[self._at - 1]

    def _taken(self, *words: str) -> Token | None:
        """The next token where it is one of these words, which is then behind us."""
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.kind == "word" and token.text.upper() in words:
                self._at += 1
                return token._replace(text=token.text.upper())
        return None

    def _word(self, *words: str) -> str:
        if (token := self._taken(*words)) is None:
            raise self._unexpected(*words)
        return token.text

    def _braces(self) -> list[Token]:
        start, depth = self._at, 0
        while True:
            token = self._next()
            if token.kind == "sign":
                depth += (token.text == "{") - (token.text == "}")
            if depth == 0:
                break
        if self._tokens[start].text != "{":
            raise self._refused(self._tokens[start], "expected '{'")
        return self._tokens[start : self._at]

    def _span(self, found: Sequence[Token]) -> str:
        return self._source(found[0], found[-1])

    def _source(self, first: Token, last: Token) -> str:
        return decode(self._text[first.start : last.end])

    def _iri(self, token: Token) -> str:
        if token.kind not in {"iri", "name"}:
            raise self._refused(token, "expected an IRI")
        # The engine itself resolves prefixes and relative IRIs: as a constant of an empty query.
        query = f"{self._prologue}\nSELECT ({token.text} AS ?g) {{}}"
        try:
            (row,) = Store().query(query, base_iri=self._base)  # type: ignore[misc]
        except (SyntaxError, ValueError):
            raise self._refused(token, "expected an IRI") from None
        node = row["g"]
        if not isinstance(node, NamedNode):
            raise self._refused(token, "expected an IRI")
        return node.value

    # Errors

    def _refused(self, token: Token, expected: str) -> QuerySyntaxError:
        return QuerySyntaxError(f"{position(self._text, token.start)}: {token.text!r}: {expected}")

    def _unexpected(self, *words: str) -> QuerySyntaxError:
        if self._at < len(self._tokens):
            wanted = f"expected {', '.join(words)}" if words else "expected ';' or the end"
            return self._refused(self._tokens[self._at], wanted)
        where = position(self._text, self._tokens[-1].end)
        return QuerySyntaxError(f"{where}: the operation ends too early")

    def _conflict(self, clause: Token, dataset: _Dataset) -> QuerySyntaxError:
        beside = "a patch" if dataset.graph else "using-graph-uri or using-named-graph-uri"
        return QuerySyntaxError(
            f"{position(self._text, clause.start)}: {clause.text.upper()} cannot stand beside "
            f"{beside}; expected one or the other"
        )


def _annotates(span: Sequence[Token], index: int) -> bool:
    """Whether a brace begins an annotation of the triple before it: `{| … |}` (RDF 1.2)."""
    return span[index + 1].text.startswith("|") and span[index + 1].start == span[index].end


def _names_graph(span: Sequence[Token], index: int) -> bool:
    """Whether a token is GRAPH, or the name between it and its braces."""

    def is_graph(at: int) -> bool:
        follows = at + 2 < len(span) and span[at + 2].text == "{"
        return span[at].kind == "word" and span[at].text.upper() == "GRAPH" and follows

    return is_graph(index) or is_graph(index - 1)
