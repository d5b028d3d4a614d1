"""`/queries/<topic>/<name>[.<suffix>]`: a named query with its parameters in the URL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from api import http, negotiation, pages, problems
from api.answers import client, patience, stream
from api.endpoint import page_carrier, with_release
from api.live import Generation, Live
from api.negotiation import HTML
from api.problems import BadRequest, MethodNotAllowed
from kg import sparql
from kg.catalogue import NamedQuery
from kg.errors import KnowledgeGraphError, ParameterError
from kg.workers import Query

PREFIX: Final = "/queries/"
METHODS: Final = "GET, HEAD, OPTIONS"


#: Parameters that are not the query's own.
CONTROLS: Final = frozenset({"timeout"})


async def named(request: Request, live: Live) -> ASGIApp:
    """Answer one request for a named query."""
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowed(request.method, METHODS)
    path, _, suffix = request.url.path.removeprefix(PREFIX).partition(".")
    accept = request.headers.get("accept", "")
    with live.held() as generation:
        query = generation.catalogue[path]
        values: dict[str, str] = {}
        try:
            choice = negotiation.choose(query.form, accept, *filter(None, [suffix]))
            values = _values(request)
            text = sparql.decode(query.bind(values))
            if choice.format is not HTML:
                return await stream(generation, Query(text, choice.format.asked), choice, request)
            answer = await generation.evaluate(
                Query(text, page_carrier(query.form)),
                patience(request, generation.deadline),
                client(request),
            )
            return _page(
                generation,
                query,
                values,
                text=text,
                result=await pages.table(answer, generation.base),
            )
        except KnowledgeGraphError as error:
            if suffix != HTML.name and (suffix or not negotiation.wants_page(accept)):
                raise
            # Who opens the page of a query has not asked it yet.
            if isinstance(error, ParameterError) and not values:
                return _page(generation, query, values)
            found = problems.document(error, request.url.path)
            page = _page(generation, query, values, problem=found)
            page.headers.update(problems.headers(error))
            return page


def _values(request: Request) -> dict[str, str]:
    """The parameters given; an empty one, as a form sends it, is one that is not given."""
    values: dict[str, str] = {}
    for name, value in http.query_pairs(request):
        if name in CONTROLS:
            continue
        if name in values:
            raise BadRequest(f"the parameter {name} is given twice")
        if value:
            values[name] = value
    return values


def _page(
    generation: Generation,
    query: NamedQuery,
    values: Mapping[str, str],
    *,
    text: str = "",
    result: pages.Table | None = None,
    problem: dict[str, Any] | None = None,
) -> Response:
    encoded = urlencode(values)
    shown = "".join(line for line in text.splitlines(True) if not line.startswith("#+"))
    page = pages.page(
        "query.html",
        problem["status"] if problem else 200,
        query=query,
        values=values,
        text=shown,
        sparql_url="/sparql?" + urlencode({"query": shown}),
        result=result,
        problem=problem,
        links=[
            (each.name, f"{PREFIX}{query.path}.{each.name}" + (f"?{encoded}" if encoded else ""))
            for each in negotiation.formats(query.form)
            if each is not HTML
        ],
    )
    return with_release(page, generation)
