"""`/id/<kind>/<key>`: what the release says of a resource, as a page or as RDF."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp

from api import http, negotiation, pages
from api.answers import stream
from api.endpoint import with_release
from api.live import Generation, Live
from api.negotiation import HTML
from api.problems import MethodNotAllowed, NotFound
from kg import vocab
from kg.errors import InputError
from kg.workers import Query

PREFIX: Final = "/id/"
METHODS: Final = "GET, HEAD, OPTIONS"

_KIND: Final = re.compile("[a-z]+(?:-[a-z]+)*")
# A key that was joined to another by a link decision leads there; it says nothing itself.
_KNOWN: Final = """
PREFIX dcterms: <http://purl.org/dc/terms/>
SELECT ?known ?by WHERE {{
  BIND(EXISTS {{ <{iri}> ?p ?o }} || EXISTS {{ ?s ?p <{iri}> }} AS ?known)
  OPTIONAL {{
    <{iri}> dcterms:isReplacedBy ?by
    FILTER NOT EXISTS {{ <{iri}> ?said ?value FILTER(?said != dcterms:isReplacedBy) }}
  }}
}}
ORDER BY ?by LIMIT 1
"""

# Labels are sampled: a resource may have several in the languages a page shows.
_STATEMENTS: Final = """
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
SELECT ?predicate ?other (SAMPLE(?label) AS ?property)
  (SAMPLE(?en) AS ?nameEn) (SAMPLE(?zh) AS ?nameZh)
WHERE {{
  {{ SELECT ?predicate ?other WHERE {{ {pattern} }} ORDER BY ?predicate ?other LIMIT {limit} }}
  OPTIONAL {{ ?predicate rdfs:label ?label FILTER(LANG(?label) = "en") }}
  OPTIONAL {{ ?other skos:prefLabel|rdfs:label ?en FILTER(LANG(?en) = "en") }}
  OPTIONAL {{ ?other skos:prefLabel|rdfs:label ?zh FILTER(LANG(?zh) = "zh") }}
}}
GROUP BY ?predicate ?other
ORDER BY ?predicate ?other
"""


async def resource(request: Request, live: Live) -> ASGIApp:
    """Answer one request for a resource."""
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowed(request.method, METHODS)
    wished = http.formats(request)
    choice = negotiation.choose("DESCRIBE", request.headers.get("accept", ""), *wished)
    with live.held() as generation:
        iri = _iri(request.url.path, generation.base)
        (found,) = await _rows(generation, _KNOWN.format(iri=iri))
        if found["known"]["value"] != "true":
            raise NotFound(f"release {generation.release.id} says nothing about <{iri}>")
        stays = found["by"]["value"] if "by" in found else ""
        if stays.startswith(generation.base):
            moved = _moved(request, stays.removeprefix(generation.base))
            return with_release(moved, generation)
        if choice.format is not HTML:
            query = Query(f"DESCRIBE <{iri}>", choice.format.media_type)
            return await stream(generation, query, choice, request)
        limit = pages.MAX_ROWS
        said = await _rows(
            generation, _STATEMENTS.format(pattern=f"<{iri}> ?predicate ?other", limit=limit)
        )
        about = await _rows(
            generation, _STATEMENTS.format(pattern=f"?other ?predicate <{iri}>", limit=limit)
        )
        names = [
            row["other"] for row in said if row["predicate"]["value"] == vocab.SKOS + "prefLabel"
        ]
        page = pages.page(
            "resource.html",
            iri=iri,
            key=pages.shorten(iri, generation.base),
            names=[pages.cell(name, generation.base) for name in names],
            said=_table(said, "value", generation.base),
            about=_table(about, "resource", generation.base),
            formats=[each.name for each in negotiation.GRAPHS],
        )
        return with_release(page, generation)


def _iri(path: str, base: str) -> str:
    kind, _, key = path.removeprefix(PREFIX).partition("/")
    if _KIND.fullmatch(kind) is None:
        raise NotFound(f"{path}: expected /id/<kind>/<key>")
    try:
        return vocab.resource(kind, key, base)
    except InputError as error:
        raise NotFound(str(error)) from None


def _moved(request: Request, key: str) -> Response:
    """A permanent redirect to the key that stays."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(PREFIX + key + query, status_code=301)


async def _json(generation: Generation, text: str) -> Any:
    answer = await generation.ask(text, negotiation.SOLUTIONS[0].media_type)
    return json.loads(b"".join([chunk async for chunk in answer.chunks]))


async def _rows(generation: Generation, text: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await _json(generation, text))["results"]["bindings"]
    return rows


def _table(rows: list[dict[str, Any]], other: str, base: str) -> pages.Table:
    """One line for each statement: its property by name where it has one, and the other end."""
    headings = ("property", other, "name", "中文名")
    return pages.Table(
        headings,
        tuple(
            (
                _property(row, base),
                *(
                    replace(pages.cell(row.get(name), base), number=False)
                    for name in ("other", "nameEn", "nameZh")
                ),
            )
            for row in rows
        ),
        len(rows),
    )


def _property(row: dict[str, Any], base: str) -> pages.Cell:
    shown = pages.cell(row["predicate"], base)
    return replace(shown, text=row["property"]["value"]) if "property" in row else shown
