"""HTML: everything that comes from data or from a request is escaped by Jinja, without exception.

Pages need no script and load nothing from elsewhere: the policy in `CSP` holds them to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from api import problems
from api.live import SYNTHETIC
from api.prefix import PREFIX, below
from kg import vocab
from kg.errors import KnowledgeGraphError
from kg.release import SYNTHETIC_NOTICE
from kg.workers import Answer

CSP: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)

#: Rows that a page shows, and bytes of an answer that it reads to show them.
MAX_ROWS: Final = 1000
_MAX_BYTES: Final = 4 * 1024 * 1024

_NUMBERS: Final = frozenset(vocab.XSD + name for name in ("integer", "decimal", "double", "float"))
_LICENCES: Final = {
    r"creativecommons\.org/licenses/([a-z-]+)/([\d.]+)": r"CC \1 \2",
    r"creativecommons\.org/publicdomain/zero/([\d.]+)": r"CC0 \1",
    r"apache\.org/licenses/LICENSE-2\.0": "Apache-2.0",
    r"opensource\.org/licenses?/mit": "MIT",
}
_LOCAL: Final = re.compile(r"[\w.-]+(?:/[\w.-]+)*")


@dataclass(frozen=True)
class Cell:
    """One term as a page shows it."""

    text: str
    href: str = ""
    title: str = ""
    lang: str = ""
    number: bool = False


@dataclass(frozen=True)
class Table:
    """An answer as a page shows it; `text` is that of a graph or a boolean."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    total: int = 0
    text: str = ""
    too_large: bool = False


def shorten(iri: str, base: str) -> str:
    """The CURIE of an IRI where a prefix fits, a key below `base`, else the IRI itself."""
    if iri.startswith(base) and _LOCAL.fullmatch(iri[len(base) :]):
        return iri[len(base) :]
    for prefix, namespace in vocab.PREFIXES.items():
        if iri.startswith(namespace) and _LOCAL.fullmatch(iri[len(namespace) :]):
            return f"{prefix}:{iri[len(namespace) :]}"
    return iri


def link(iri: str, base: str) -> str:
    """Where a click on an IRI leads: to our own page of it, to the web, or nowhere."""
    if iri.startswith(base) and _LOCAL.fullmatch(iri[len(base) :]):
        return below(f"/id/{iri[len(base) :]}")
    # Not to any scheme: an IRI of data may begin with `javascript:`. Our terms have no page yet.
    outside = iri.startswith(("http://", "https://")) and not iri.startswith(
        (vocab.AIC, vocab.GRAPH)
    )
    return iri if outside else ""


def cell(term: Mapping[str, Any] | None, base: str) -> Cell:
    """The cell of a term in SPARQL's JSON; an empty one where there is no term."""
    if term is None:
        return Cell("")
    value = str(term["value"])
    if term["type"] == "uri":
        return Cell(shorten(value, base), href=link(value, base), title=value)
    if term["type"] == "bnode":
        return Cell(f"_:{value}")
    datatype = str(term.get("datatype", ""))
    number = datatype in _NUMBERS
    title = shorten(datatype, base) if datatype and not number else ""
    return Cell(value, title=title, lang=str(term.get("xml:lang", "")), number=number)


async def table(answer: Answer, base: str) -> Table:
    """Read an answer for a page; one that is too large is ended and said to be so."""
    parts: list[bytes] = []
    size = 0
    try:
        async for chunk in answer.chunks:
            size += len(chunk)
            if size > _MAX_BYTES:
                return Table(too_large=True)
            parts.append(chunk)
    finally:
        await answer.aclose()
    content = b"".join(parts)
    if "json" not in answer.media_type:
        return Table(text=content.decode())
    found = json.loads(content)
    if "boolean" in found:
        return Table(text="true" if found["boolean"] else "false")
    names = tuple(found["head"]["vars"])
    bindings = found["results"]["bindings"]
    return Table(
        columns=names,
        rows=tuple(
            tuple(cell(row.get(name), base) for name in names) for row in bindings[:MAX_ROWS]
        ),
        total=len(bindings),
    )


def licence(iri: str) -> Cell:
    """A licence by its usual short name where it has one."""
    name = iri
    for pattern, short in _LICENCES.items():
        if found := re.search(pattern, iri):
            name = found.expand(short).upper() if short[0] == "C" else short
    return Cell(name, href=link(iri, vocab.BASE), title=iri)


_ENVIRONMENT: Final = Environment(
    loader=PackageLoader("api"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters["grouped"] = lambda number: f"{number:,}"
_ENVIRONMENT.globals["max_rows"] = MAX_ROWS
_ENVIRONMENT.globals["prefix"] = PREFIX.get
_ENVIRONMENT.globals["synthetic"] = lambda: SYNTHETIC_NOTICE if SYNTHETIC.get() else None


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page, ready to be sent."""
    text = _ENVIRONMENT.get_template(template).render(**values)
    return HTMLResponse(text, status)


def problem(error: KnowledgeGraphError, path: str) -> HTMLResponse:
    """A problem as a page of its own."""
    found = problems.document(error, path)
    response = page("problem.html", found["status"], problem=found)
    response.headers.update(problems.headers(error))
    return response
