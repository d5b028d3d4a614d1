"""`/sparql`: the SPARQL 1.1 query protocol, and a plain page to write a query in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from api import http, negotiation, pages, problems
from api.live import Generation, Live
from api.negotiation import HTML, Choice
from api.problems import BadRequest, MethodNotAllowed, UnsupportedMediaType
from kg import sparql, vocab
from kg.errors import KnowledgeGraphError
from kg.workers import Query

METHODS: Final = "GET, HEAD, POST, OPTIONS"
_FORM: Final = "application/x-www-form-urlencoded"
_DIRECT: Final = "application/sparql-query"

# Above this many characters the lexer runs beside the loop: 1 MiB takes it seconds.
_LONG: Final = 16_384

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


@dataclass(frozen=True)
class Asked:
    """What a request asks of the endpoint."""

    text: str | None
    default_graphs: tuple[str, ...]
    named_graphs: tuple[str, ...]
    format: str | None


async def endpoint(request: Request, live: Live) -> ASGIApp:
    """Answer one request at `/sparql`."""
    page_wished = request.method == "GET" and negotiation.wants_page(
        request.headers.get("accept", "")
    )
    text = ""
    try:
        asked = _asked(request)
        if asked.text is None:
            if page_wished:
                return pages.page("sparql.html", query=_EXAMPLE, result=None, problem=None)
            raise BadRequest("the parameter query is missing")
        text = asked.text
        return await _answer(asked, text, request, live)
    except KnowledgeGraphError as error:
        if not (page_wished and text):
            raise
        found = problems.document(error, request.url.path)
        page = pages.page("sparql.html", found["status"], query=text, result=None, problem=found)
        page.headers.update(problems.headers(error))
        return page


async def _answer(asked: Asked, text: str, request: Request, live: Live) -> ASGIApp:
    checked = (
        sparql.check(text) if len(text) < _LONG else await asyncio.to_thread(sparql.check, text)
    )
    choice = negotiation.choose(checked, request.headers.get("accept", ""), asked.format)
    graphs = asked.default_graphs, asked.named_graphs
    with live.held() as generation:
        if choice.format is not HTML:
            query = Query(sparql.decode(text), choice.format.media_type, *graphs)
            return await stream(generation, query, choice)
        carrier = page_carrier(checked)
        answer = await generation.evaluate(Query(sparql.decode(text), carrier, *graphs))
        result = await pages.table(answer, generation.base)
        return with_release(
            pages.page("sparql.html", query=text, result=result, problem=None), generation
        )


def page_carrier(form: sparql.Form) -> str:
    """The media type in which a page reads the answer it shows."""
    if form in ("CONSTRUCT", "DESCRIBE"):
        return negotiation.GRAPHS[0].media_type
    return negotiation.SOLUTIONS[0].media_type


async def stream(generation: Generation, query: Query, choice: Choice) -> ASGIApp:
    """The answer to a query, once its first bytes are here, in the format chosen."""
    answer = await generation.evaluate(query)
    content_type = choice.content_type or answer.media_type
    return http.Streamed(
        answer, {"Content-Type": content_type, "X-KG-Release": generation.release.id}
    )


def with_release(response: Response, generation: Generation) -> Response:
    """Say which release a page was made from."""
    response.headers["X-KG-Release"] = generation.release.id
    return response


def _asked(request: Request) -> Asked:
    """Read a request as the protocol's section 2.1 has it."""
    given = http.query_pairs(request)
    if request.method == "POST":
        kind, _, parameters = request.headers.get("content-type", "").partition(";")
        kind = kind.strip().lower()
        charset = parameters.lower().partition("charset=")[2].strip(" \"';")
        if kind not in (_FORM, _DIRECT) or charset not in ("", "utf-8", "utf8", "us-ascii"):
            raise UnsupportedMediaType(
                f"Content-Type: {request.headers.get('content-type', 'none')}; "
                f"expected {_DIRECT} or {_FORM}, in UTF-8"
            )
        if kind == _FORM:
            given += http.pairs(request.state.body)
        else:
            given.append(("query", _utf8(request.state.body)))
    elif request.method not in ("GET", "HEAD"):
        raise MethodNotAllowed(request.method, METHODS)

    def values(name: str) -> list[str]:
        return [value for key, value in given if key == name]

    for name in ("query", "format"):
        if len(values(name)) > 1:
            raise BadRequest(f"the parameter {name} is given {len(values(name))} times")
    if values("update"):
        raise BadRequest("the parameter update: updates are not answered here; expected query")
    for name in ("default-graph-uri", "named-graph-uri"):
        for value in values(name):
            if not vocab.is_iri(value):
                raise BadRequest(f"the parameter {name}: {value!r} is not an absolute IRI")
    return Asked(
        next(iter(values("query")), None),
        tuple(values("default-graph-uri")),
        tuple(values("named-graph-uri")),
        next(iter(values("format")), None),
    )


def _utf8(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise BadRequest(f"the query is not UTF-8: byte {error.start}") from None
