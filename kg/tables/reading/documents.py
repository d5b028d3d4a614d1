"""Documents of RDF as tables of statements: subject, predicate and object as N-Triples writes them.

Blank nodes become IRIs (`skolem`). LINE is the number of the statement: several may share a
line. What is rejected is told with its line.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, cast

import polars as pl
from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Triple, parse

from kg import vocab
from kg.errors import InputError
from kg.tables.model import STATEMENT, Account, Table
from kg.tables.reading import skolem
from kg.tables.reading.rows import Row, frames, refuse

_FORMATS: Final = {
    "turtle": RdfFormat.TURTLE,
    "ntriples": RdfFormat.N_TRIPLES,
    "nquads": RdfFormat.N_QUADS,
    "trig": RdfFormat.TRIG,
    "jsonld": RdfFormat.JSON_LD,
    "rdfxml": RdfFormat.RDF_XML,
}
_LONGEST_READ: Final = 1024 * 1024
_LANGUAGE: Final = re.compile("[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")


class _ByLine(io.RawIOBase):
    """A file that is given to the parser line by line, so that it is known where it is."""

    def __init__(self, file: io.BufferedReader) -> None:
        super().__init__()
        self.file, self.line, self.ended = file, 0, True

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        text = self.file.readline(_LONGEST_READ if size < 0 else size)
        self.line += self.ended and bool(text)
        self.ended = text.endswith(b"\n")
        return text


def read(table: Table, path: Path, account: Account, size: int) -> Iterator[pl.DataFrame]:
    """The statements of a document; those with terms that no release can carry are rejected."""
    with path.open("rb") as file:
        rows = _rows(table, path, file, account)
        yield from frames([column.name for column in STATEMENT], rows, account, size)


def _rows(table: Table, path: Path, file: io.BufferedReader, account: Account) -> Iterator[Row]:
    lines, number, named = _ByLine(file), 0, 0
    stream = cast(IO[bytes], lines)
    about_blank: list[tuple[int, Quad]] = []
    base = table.original.url if table.original else f"{vocab.graph('source')}/{account.source}/"
    try:
        # What a strict parser would stop at is judged statement by statement instead.
        for quad in parse(stream, _FORMATS[table.format], base_iri=base, lenient=True):
            number += 1
            named += not isinstance(quad.graph_name, DefaultGraph)
            if fault := _fault(quad):
                rule, value, expected, column = fault
                refuse(account, number, rule, value, f"line {lines.line}: {expected}", column)
            elif isinstance(quad.subject, BlankNode) or isinstance(quad.object, BlankNode):
                about_blank.append((number, quad))
            else:
                yield number, _cells(quad)
    except SyntaxError as error:
        line = f"{error.lineno}:{error.offset}" if error.lineno else lines.line
        raise InputError(f"{path}:{line}: not {table.format}: {_told(error)}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    for number, quad in skolem.without_blank_nodes(path, about_blank, account.source, table.name):
        yield number, _cells(quad)
    if named:
        account.notices.append(
            f"{path.name}: statements of named graphs, taken into the source's graph: {named}"
        )


def _told(error: SyntaxError) -> str:
    """A parser's message without the place, which is told before it."""
    return re.sub(r"^Parser error (at|between) .*?: ", "", error.msg)


def _cells(quad: Quad) -> list[str]:
    return [str(quad.subject), str(quad.predicate), str(quad.object)]


def _fault(quad: Quad) -> tuple[str, str, str, str] | None:
    """Why a statement cannot be taken: rule, value, what was expected, column."""
    terms = {"subject": quad.subject, "predicate": quad.predicate, "object": quad.object}
    for column, term in terms.items():
        match term:
            case NamedNode() if not vocab.is_iri(term.value):
                return "illegal-iri", term.value, "expected an absolute IRI", column
            case Triple():
                return "triple-term", str(term), "expected RDF 1.1: an IRI or a literal", column
            case Literal():
                if not vocab.is_iri(term.datatype.value):
                    return "illegal-iri", term.datatype.value, "expected an absolute IRI", column
                if term.language is not None and not _LANGUAGE.fullmatch(term.language):
                    return "language", term.language, "expected a language tag (BCP 47)", column
                if term.direction is not None:
                    return "language", str(term), "expected RDF 1.1: no direction", column
    return None
