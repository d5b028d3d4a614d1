"""`/sparql`: the SPARQL 1.1 protocol for queries and updates, and a page to write a query in.

Without a query it describes itself, as SPARQL 1.1 Service Description wants it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from api import description, http, negotiation, pages, problems, writes
from api.answers import client, patience, stream
from api.live import Generation, Live
from api.negotiation import HTML, Choice
from api.problems import BadRequest, MethodNotAllowed
from kg import sparql, vocab
from kg.errors import KnowledgeGraphError, QueryError
from kg.workers import Query

METHODS: Final = "GET, HEAD, POST, OPTIONS"
_FORM: Final = "application/x-www-form-urlencoded"
_DIRECT: Final = {"application/sparql-query": "query", "application/sparql-update": "update"}
_DATASETS: Final = {
    "query": ("default-graph-uri", "named-graph-uri"),
    "update": ("using-graph-uri", "using-named-graph-uri"),
}

# Above this many characters the lexer runs beside the loop: 1 MiB takes it seconds.
_LONG: Final = 16_384

#: A text of fewer characters is not read anew each time it is asked.
_SHORT: Final = 4096

_EXAMPLE: Final = """\
PREFIX aic: <https://w3id.org/aicluster/ontology#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>

SELECT ?field ?name (COUNT(?empowerment) AS ?empowerments)
WHERE {
  ?field a aic:ApplicationField ; skos:prefLabel ?name .
  FILTER(LANG(?name) = "en")
  OPTIONAL { ?empowerment a aic:Empowerment ; aic:inField ?field }
}
GROUP BY ?field ?name
ORDER BY DESC(?empowerments) ?name
"""

T = TypeVar("T")


@dataclass(frozen=True)
class Asked:
    """What a request asks of the endpoint; `graphs` are its default and its named ones."""

    operation: str
    text: str
    graphs: tuple[tuple[str, ...], tuple[str, ...]]
    formats: tuple[str, ...]
    base: str


async def endpoint(request: Request, live: Live) -> ASGIApp:
    """Answer one request at `/sparql`."""
    page_wished = request.method == "GET" and negotiation.wants_page(
        request.headers.get("accept", "")
    )
    text = ""
    try:
        asked = _asked(request)
        if asked is None:
            if page_wished:
                return pages.page("sparql.html", query=_EXAMPLE, result=None, problem=None)
            return await _description(request, live)
        text = asked.text
        if asked.operation == "update":
            return await _update(asked, request, live)
        return await _federated(_answer(asked, request, live), live)
    except KnowledgeGraphError as error:
        if not (page_wished and text):
            raise
        found = problems.document(error, request.url.path)
        page = pages.page("sparql.html", found["status"], query=text, result=None, problem=found)
        page.headers.update(problems.headers(error))
        return page


async def _answer(asked: Asked, request: Request, live: Live) -> ASGIApp:
    text = asked.text
    routes = live.relay.routes
    rows = live.settings.max_rows
    form, plain, limited = await beside(
        len(text), partial(_checked, text, asked.base, tuple(routes), rows)
    )
    choice = negotiation.choose(form, request.headers.get("accept", ""), *asked.formats)
    with live.held() as generation:
        federated = sparql.rerouted(plain, routes) if routes else plain
        query = Query(federated, choice.format.asked, *asked.graphs, asked.base, federated != plain)
        if choice.format is not HTML:
            return await stream(generation, query, choice, request, rows if limited else 0)
        carrier = page_carrier(form)
        query = query._replace(format=carrier)
        answer = await generation.evaluate(
            query, patience(request, generation.deadline), client(request)
        )
        result = await pages.table(answer, generation.base)
        return with_release(
            pages.page("sparql.html", query=text, result=result, problem=None), generation
        )


async def _federated(answer: Awaitable[ASGIApp], live: Live) -> ASGIApp:
    """The answer; its error with the name of the endpoint that failed, not that of the relay."""
    try:
        return await answer
    except QueryError as error:
        raise type(error)(live.relay.named(str(error))) from None


async def _update(asked: Asked, request: Request, live: Live) -> ASGIApp:
    token = writes.identify(request, live)  # before the text is read, which may take long
    default, named = asked.graphs
    read = partial(sparql.update, asked.text, asked.base, using=default, using_named=named)
    operations = await beside(len(asked.text), read)
    await writes.update(token, operations, asked.base, request, live)
    return Response(status_code=204)


async def _description(request: Request, live: Live) -> ASGIApp:
    wished = http.formats(request)
    choice = negotiation.choose("CONSTRUCT", request.headers.get("accept", ""), *wished)
    if choice.format is HTML:
        choice = Choice(negotiation.GRAPHS[0])
    with live.held() as generation:
        text = description.query(
            http.base(request),
            generation.manifest,
            writes=live.writable,
            federates=bool(live.relay.routes),
        )
        return await stream(generation, Query(text, choice.format.asked), choice, request)


def _read(
    text: str, base: str, allowed: tuple[str, ...], rows: int
) -> tuple[sparql.Form, str, bool]:
    """The form of a query, the text to run, and whether that has a LIMIT of ours."""
    if (seen := sparql.glance(text, rows)) is not None:
        sparql.parse(text, base)
        return seen
    form = sparql.check(text, base, allowed)
    plain = sparql.decode(text)
    return (form, *sparql.limited(plain, rows if form == "SELECT" else 0))


_remembered: Final = lru_cache(maxsize=2048)(_read)


def _checked(
    text: str, base: str, allowed: tuple[str, ...], rows: int
) -> tuple[sparql.Form, str, bool]:
    """The same, read once where a client asks it again and again."""
    return (_remembered if len(text) < _SHORT else _read)(text, base, allowed, rows)


async def beside(size: int, read: Callable[[], T]) -> T:
    """Read a text here, or beside the loop where it is long."""
    return read() if size < _LONG else await asyncio.to_thread(read)


def page_carrier(form: sparql.Form) -> str:
    """The media type in which a page reads the answer it shows."""
    if form in ("CONSTRUCT", "DESCRIBE"):
        return negotiation.GRAPHS[0].media_type
    return negotiation.SOLUTIONS[0].media_type


def with_release(response: Response, generation: Generation) -> Response:
    """Say which release a page was made from."""
    response.headers["X-KG-Release"] = generation.release.id
    return response


def _asked(request: Request) -> Asked | None:
    """Read a request as the protocol's sections 2.1 and 2.2 have it; None where it asks nothing."""
    given = http.query_pairs(request)
    if request.method == "POST":
        header = request.headers.get("content-type", "")
        kind = http.content_type(header, (_FORM, *_DIRECT))
        if kind == _FORM:
            request.state.form = http.pairs(request.state.body)
            given += request.state.form
        else:
            given.append((_DIRECT[kind], http.utf8(request.state.body, f"the {_DIRECT[kind]}")))
    elif request.method not in ("GET", "HEAD"):
        raise MethodNotAllowed(request.method, METHODS)

    def values(name: str) -> tuple[str, ...]:
        return tuple(value for key, value in given if key == name)

    for name in ("query", "update"):
        if len(values(name)) > 1:
            raise BadRequest(f"the parameter {name} is given {len(values(name))} times")
    if values("query") and values("update"):
        raise BadRequest("both query and update are given; expected one of them")
    if not values("query") and not values("update"):
        if request.method == "POST":
            raise BadRequest("neither query nor update is given; expected one of them")
        return None
    operation = "query" if values("query") else "update"
    if operation == "update" and request.method != "POST":
        raise BadRequest(f"an update by {request.method}; expected POST")
    for name in (name for other in _DATASETS if other != operation for name in _DATASETS[other]):
        if values(name):
            raise BadRequest(f"the parameter {name} does not belong to this {operation}")
    default, named = (_iris(name, values(name)) for name in _DATASETS[operation])
    return Asked(
        operation,
        values(operation)[0],
        (default, named),
        values("format"),
        http.base(request),
    )


def _iris(name: str, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not vocab.is_iri(value):
            raise BadRequest(f"the parameter {name}: {value!r} is not an absolute IRI")
    return values
