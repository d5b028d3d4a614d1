"""`/queries/<topic>/<name>[.<suffix>]`: a named query with its parameters in the URL.

`limit` and `offset` page through a SELECT, with `Link` headers; `shape=objects` gives plain
JSON; `explain` the SPARQL as it would run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp

from api import examples, http, negotiation, pages, problems
from api.answers import client, patience, stream
from api.endpoint import page_carrier, with_release
from api.live import Generation, Live
from api.negotiation import HTML, OBJECTS, Choice
from api.prefix import below
from api.problems import BadRequest, MethodNotAllowed
from kg import sparql
from kg.catalogue import CONTROLS, NamedQuery, resolved
from kg.errors import KnowledgeGraphError, ParameterError
from kg.workers import Query

PREFIX: Final = "/queries/"
METHODS: Final = "GET, HEAD, OPTIONS"

#: What is remembered of a release: totals of queries, and what URLs of named queries mean.
_MOST: Final = 1000
_LONGEST_URL: Final = 1000

Values = dict[str, list[str]]


@dataclass(frozen=True)
class Page:
    """The part of a SELECT's rows that is asked for."""

    limit: int
    offset: int

    def of(self, text: str) -> str:
        """The query for these rows."""
        limited, put = sparql.limited(text, self.limit)
        if not put:
            raise BadRequest("limit: this query has a LIMIT of its own")
        return f"{limited} OFFSET {self.offset}"

    def links(self, url: str, total: int) -> str:
        """Where the first, previous, next and last rows are (RFC 8288)."""
        last = max(0, (total - 1) // self.limit * self.limit)
        starts = {"first": 0, "last": last}
        if self.offset > 0:
            starts["prev"] = max(0, min(self.offset - self.limit, last))
        if self.offset + self.limit < total:
            starts["next"] = self.offset + self.limit
        return ", ".join(f'<{url}&offset={at}>; rel="{name}"' for name, at in starts.items())


async def named(request: Request, live: Live) -> ASGIApp:
    """Answer one request for a named query."""
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowed(request.method, METHODS)
    path, _, suffix = request.url.path.removeprefix(PREFIX).partition(".")
    accept = request.headers.get("accept", "")
    with live.held() as generation:
        url = (path, suffix, request.scope["query_string"].decode("latin-1"), accept)
        if (known := generation.bound.get(url)) is not None:
            text, choice = known
            return await stream(generation, Query(text, choice.format.asked), choice, request)
        query = generation.catalogue[path]
        values: Values = {}
        try:
            controls, given = _given(request)
            choice = _choice(query, accept, suffix, controls)
            values = given
            text = query.bind(await resolved(query, values, generation.resources))
            page = _page_asked(query, controls)
            if "explain" in controls:
                plain = page.of(sparql.decode(text)) if page else sparql.decode(text)
                explained = PlainTextResponse(plain, media_type="application/sparql-query")
                return with_release(explained, generation)
            text = sparql.decode(text)
            if choice.format is not HTML:
                if page is None and sum(map(len, url)) < _LONGEST_URL:
                    if len(generation.bound) >= _MOST:
                        generation.bound.clear()
                    generation.bound[url] = text, choice
                return await _answer(generation, text, choice, request, page)
            answer = await generation.evaluate(
                Query(page.of(text) if page else text, page_carrier(query.form)),
                patience(request, generation.deadline),
                client(request),
            )
            return _page(
                generation,
                query,
                values,
                text=text,
                result=await pages.table(answer, generation.base),
                base=str(request.base_url).rstrip("/"),
            )
        except KnowledgeGraphError as error:
            if suffix != HTML.name and (suffix or not negotiation.wants_page(accept)):
                raise
            # Who opens the page of a query has not asked it yet.
            if isinstance(error, ParameterError) and not values:
                return _page(generation, query, values)
            found = problems.document(error, request.url.path)
            shown = _page(generation, query, values, problem=found)
            shown.headers.update(problems.headers(error))
            return shown


def _given(request: Request) -> tuple[dict[str, str], Values]:
    """What a URL says of the answer, and the query's own parameters.

    An empty one, as a form sends it, is one that is not given.
    """
    controls: dict[str, str] = {}
    values: Values = {}
    for name, value in http.query_pairs(request):
        if name in CONTROLS:
            if name in controls:
                raise BadRequest(f"the parameter {name} is given twice")
            controls[name] = value
        elif value:
            values.setdefault(name, []).append(value)
    return controls, values


def _choice(query: NamedQuery, accept: str, suffix: str, controls: Mapping[str, str]) -> Choice:
    shape = controls.get("shape")
    if shape is not None:
        if shape != "objects" or query.form not in ("SELECT", "ASK"):
            raise BadRequest(f"shape {shape!r}: expected objects, for a SELECT or ASK")
        if suffix not in ("", "json"):
            raise BadRequest(f"shape {shape!r} is JSON; expected no suffix or .json")
        return Choice(OBJECTS)
    names = [suffix] if suffix else [controls["format"]] if "format" in controls else []
    return negotiation.choose(query.form, accept, *names)


def _page_asked(query: NamedQuery, controls: Mapping[str, str]) -> Page | None:
    if not {"limit", "offset"} & controls.keys():
        return None
    if query.form != "SELECT":
        raise BadRequest("limit and offset: expected a SELECT")
    numbers = []
    for name, default, least in (("limit", "100", 1), ("offset", "0", 0)):
        text = controls.get(name, default)
        if not text.isascii() or not text.isdecimal() or not least <= int(text[:10]) <= 10**9:
            raise BadRequest(f"{name} {text!r}: expected a number of at least {least}")
        numbers.append(int(text))
    return Page(*numbers)


async def _answer(
    generation: Generation, text: str, choice: Choice, request: Request, page: Page | None
) -> ASGIApp:
    if page is None:
        return await stream(generation, Query(text, choice.format.asked), choice, request)
    query = Query(page.of(text), choice.format.asked)
    headers = {"X-Total-Count": str(total := await _total(generation, text))}
    kept = [(k, v) for k, v in http.query_pairs(request) if k not in ("limit", "offset")]
    url = below(request.url.path) + "?" + urlencode([*kept, ("limit", str(page.limit))])
    headers["Link"] = page.links(url, total)
    return await stream(generation, query, choice, request, more=headers)


async def _total(generation: Generation, text: str) -> int:
    """How many rows a query has; counted once a release."""
    if text not in generation.totals:
        answer = await generation.ask(sparql.counted(text), negotiation.SOLUTIONS[0].media_type)
        found = json.loads(b"".join([chunk async for chunk in answer.chunks]))
        if len(generation.totals) >= _MOST:
            generation.totals.clear()
        generation.totals[text] = int(found["results"]["bindings"][0]["n"]["value"])
    return generation.totals[text]


def _page(
    generation: Generation,
    query: NamedQuery,
    values: Values,
    *,
    text: str = "",
    result: pages.Table | None = None,
    problem: dict[str, Any] | None = None,
    base: str = "",
) -> Response:
    encoded = urlencode(values, doseq=True)
    shown = "".join(line for line in text.splitlines(True) if not line.startswith("#+"))
    page = pages.page(
        "query.html",
        problem["status"] if problem else 200,
        query=query,
        values={name: value[0] for name, value in values.items()},
        text=shown,
        sparql_url=below("/sparql?") + urlencode({"query": shown}),
        result=result,
        problem=problem,
        programs=examples.programs(query, values, base) if result else [],
        links=[
            (each.name, below(f"{PREFIX}{query.path}.{each.name}" + f"?{encoded}" * bool(encoded)))
            for each in negotiation.formats(query.form)
            if each is not HTML
        ],
    )
    return with_release(page, generation)
