"""One query on one store, evaluated and serialised: the only place that asks the engine.

A dataset of several default graphs is their merge as SPARQL defines it: a triple that two
of them state is counted once. Errors of the engine come out as `QueryError`s.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import BinaryIO, Final, NamedTuple, NoReturn, Protocol

from pyoxigraph import (
    DefaultGraph,
    NamedNode,
    Quad,
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    QueryTriples,
    RdfFormat,
    Store,
    serialize,
)

from kg.errors import NotAcceptable, QueryError, QuerySyntaxError
from kg.vocab import PREFIXES
from kg.workers.geo import functions
from kg.workers.joins import ordered

#: Media types that carry the solutions of a SELECT and the boolean of an ASK. (The standard
#: has no CSV or TSV for a boolean; the engine writes the bare word.)
SOLUTION_FORMATS: Final = {
    "application/sparql-results+json": QueryResultsFormat.JSON,
    "application/sparql-results+xml": QueryResultsFormat.XML,
    "text/csv": QueryResultsFormat.CSV,
    "text/tab-separated-values": QueryResultsFormat.TSV,
}

#: Media types that carry the graph of a CONSTRUCT or DESCRIBE.
GRAPH_FORMATS: Final = {
    "text/turtle": RdfFormat.TURTLE,
    "application/n-triples": RdfFormat.N_TRIPLES,
    "application/ld+json": RdfFormat.JSON_LD,
    "application/rdf+xml": RdfFormat.RDF_XML,
    "application/n-quads": RdfFormat.N_QUADS,
    "application/trig": RdfFormat.TRIG,
}

#: Short names of media types, for suffixes of URLs and options of commands.
FORMATS: Final = {
    "json": "application/sparql-results+json",
    "xml": "application/sparql-results+xml",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "ttl": "text/turtle",
    "nt": "application/n-triples",
    "jsonld": "application/ld+json",
    "rdf": "application/rdf+xml",
    "nq": "application/n-quads",
    "trig": "application/trig",
}


def rdf_format(media_type: str) -> RdfFormat | None:
    """The format of a document of this type; None where it is no RDF."""
    return GRAPH_FORMATS.get(media_type) or RdfFormat.from_media_type(media_type)


WITH_PREFIXES: Final = frozenset({"text/turtle", "application/trig", "application/rdf+xml"})


class Query(NamedTuple):
    """A query, the media type of its answer, and the dataset it asks if not the release's own.

    Graphs given here stand in place of the text's FROM and FROM NAMED, as the SPARQL
    protocol wants it: with any given, the dataset is these and nothing else.
    """

    text: str
    format: str
    default_graphs: tuple[str, ...] = ()
    named_graphs: tuple[str, ...] = ()
    base: str | None = None  #: what relative IRIs in the text are relative to
    federates: bool = False  #: its SERVICEs are the relay's, which some workers can reach


class Counter(Protocol):
    """What counts without the engine: the columns of what the store holds."""

    def solutions(self, text: str, base: str | None) -> str | None:
        """A query that has only the solutions of this one; None where the engine is to count."""


def evaluate(store: Store, query: Query, output: BinaryIO) -> str:
    """Write the answer to `output` and return its media type, with charset where it has one.

    Raises QuerySyntaxError with line and column, NotAcceptable, or QueryError for what goes
    wrong while evaluating, then perhaps after part of the answer was written.
    """
    evaluation = Evaluation(store, query)
    evaluation.write(output)
    return evaluation.media_type


class Evaluation:
    """The media type of an answer, known before its bytes; raises as `evaluate` does.

    Results are bound to their thread, and an error's traceback, which may be dropped on
    another one, must not keep them: they stand in no frame, and are let go here.
    """

    def __init__(self, store: Store, query: Query, counter: Counter | None = None) -> None:
        if query.format not in SOLUTION_FORMATS and query.format not in GRAPH_FORMATS:
            raise NotAcceptable(
                f"no answer is written as {query.format}; expected one of "
                + ", ".join((*SOLUTION_FORMATS, *GRAPH_FORMATS))
            )
        try:
            self._results = _query(store, query, counter)
        except (SyntaxError, ValueError, RuntimeError, OSError) as error:
            _translate(error)
        graph = isinstance(self._results, QueryTriples)
        formats: Mapping[str, RdfFormat | QueryResultsFormat]
        formats = GRAPH_FORMATS if graph else SOLUTION_FORMATS
        if query.format not in formats:
            del self._results
            raise NotAcceptable(
                f"the query's answer is {'a graph' if graph else 'solutions or a boolean'}, which "
                f"{query.format} cannot carry; expected one of {', '.join(formats)}"
            )
        self._asked = query.format
        self.media_type = with_charset(formats[query.format].media_type)

    def write(self, output: BinaryIO) -> None:
        """Write the whole answer, once."""
        try:
            if isinstance(self._results, QueryTriples):
                graph_format = GRAPH_FORMATS[self._asked]
                if self._asked in WITH_PREFIXES:
                    # Through Python objects and so slower, but only this way knows prefixes.
                    serialize(self._results, output, graph_format, prefixes=PREFIXES)
                else:
                    self._results.serialize(output, graph_format)
            else:
                self._results.serialize(output, SOLUTION_FORMATS[self._asked])
        except (SyntaxError, ValueError, RuntimeError, OSError) as error:
            _translate(error)
        finally:
            del self._results


def _query(
    store: Store, query: Query, counter: Counter | None
) -> QuerySolutions | QueryBoolean | QueryTriples:
    if counter and not (query.default_graphs or query.named_graphs):
        solutions = counter.solutions(query.text, query.base)
        if solutions is not None:
            return store.query(solutions)
    text = ordered(store, query.text)
    try:
        return _asked(store, query, text)
    except SyntaxError:
        if text == query.text:
            raise
        return _asked(store, query, query.text)  # an error is where its author wrote it


def _asked(store: Store, query: Query, text: str) -> QuerySolutions | QueryBoolean | QueryTriples:
    default, named = _dataset(query)
    if len(default) > 1:
        merged = _merged(store, default, named)
        return merged.query(
            text,
            base_iri=query.base,
            default_graph=DefaultGraph(),
            named_graphs=[*named],
            custom_functions=functions(query.text),
        )
    if default or named:
        return store.query(
            text,
            base_iri=query.base,
            default_graph=[*default],
            named_graphs=[*named],
            custom_functions=functions(query.text),
        )
    return store.query(text, base_iri=query.base, custom_functions=functions(query.text))


@lru_cache(maxsize=32)
def with_charset(media_type: str) -> str:
    """The media type that an answer names."""
    # Text without a charset was once read as US-ASCII (RFC 2046, 4.1.2).
    bare = media_type.startswith("text/") and "charset" not in media_type
    return f"{media_type}; charset=utf-8" if bare else media_type


_ENGINE_SYNTAX: Final = re.compile(r"error at (\d+):(\d+): (.*)", re.DOTALL)


def _translate(error: Exception) -> NoReturn:
    """Raise what the engine reports as an error of ours."""
    if isinstance(error, OSError) and error.errno is not None:
        raise error  # from the output: the engine's own have a message only
    message = textwrap.shorten(str(error), 300, placeholder=" …")
    if isinstance(error, SyntaxError):
        if found := _ENGINE_SYNTAX.match(message):
            message = f"line {found[1]}, column {found[2]}: {found[3]}"
        raise QuerySyntaxError(message) from None
    raise QueryError(message) from None


# Enough of SPARQL's terminals to tell a dataset clause from the same words elsewhere.
_TERMINAL: Final = re.compile(
    r"""(?P<skip> \#[^\r\n]* | '''(?:[^'\\]|\\.|'(?!''))*''' | \"""(?:[^"\\]|\\.|"(?!""))*\"""
        | '(?:[^'\\\r\n]|\\.)*' | "(?:[^"\\\r\n]|\\.)*" | [?$@]\w+ | \s+ )
    | (?P<iri> <[^\s<>"{}|^`\\]*> | (?:[^\W_](?:[\w.-]*[\w-])?)?:(?:[\w:%.\\-]*[\w:%-])? )
    | (?P<word> [A-Za-z]+ ) | (?P<sign> . )""",
    re.VERBOSE | re.DOTALL,
)


def _dataset(query: Query) -> tuple[tuple[NamedNode, ...], tuple[NamedNode, ...]]:
    """The default and named graphs asked for, each once; none at all for the release's own.

    FROM clauses are taken out of the text only where there are several: the engine answers
    one rightly, but counts a triple once for each graph that states it.
    """
    if query.default_graphs or query.named_graphs:
        default, named = query.default_graphs, query.named_graphs
        return _nodes(default), _nodes(named)
    if query.text.lower().count("from") < 2:
        return (), ()
    default_terms, named_terms, prologue = _clauses(query.text)
    if len(default_terms) < 2:
        return (), ()
    # The engine itself resolves prefixes and relative IRIs: as constants of an empty query.
    terms = [*default_terms, *named_terms]
    constants = " ".join(f"({term} AS ?g{index})" for index, term in enumerate(terms))
    (row,) = Store().query(  # type: ignore[misc]
        f"{prologue}\nSELECT {constants} {{}}", base_iri=query.base
    )
    graphs = [node.value for node in row]
    return _nodes(graphs[: len(default_terms)]), _nodes(graphs[len(default_terms) :])


def _clauses(text: str) -> tuple[list[str], list[str], str]:
    """The terms of FROM and of FROM NAMED, and the prologue they are to be read with."""
    default: list[str] = []
    named: list[str] = []
    prologue = ""
    depth = 0
    target: list[str] | None = None
    for terminal in _TERMINAL.finditer(text):
        kind, word = terminal.lastgroup, terminal[0].upper()
        if kind == "sign":
            depth += (word in "({[") - (word in ")}]")
        elif kind == "iri" and target is not None:
            target.append(terminal[0])
            target = None
        elif kind == "word" and depth == 0:
            if word in {"SELECT", "ASK", "CONSTRUCT", "DESCRIBE"} and not prologue:
                prologue = text[: terminal.start()] or "\n"
            elif word == "FROM":
                target = default
            elif word == "NAMED" and target is default:
                target = named
    return default, named, prologue


def _nodes(iris: Iterable[str]) -> tuple[NamedNode, ...]:
    return tuple(NamedNode(iri) for iri in dict.fromkeys(iris))


def _merged(store: Store, default: Iterable[NamedNode], named: Iterable[NamedNode]) -> Store:
    """A store whose default graph is the merge of `default`, beside the graphs `named`."""

    def quads() -> Iterator[Quad]:
        for graph in default:
            for quad in store.quads_for_pattern(None, None, None, graph):
                yield Quad(quad.subject, quad.predicate, quad.object)
        for graph in named:
            yield from store.quads_for_pattern(None, None, None, graph)

    merged = Store()
    merged.bulk_extend(quads())
    return merged
