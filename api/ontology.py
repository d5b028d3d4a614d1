"""`/ontology`: the ontology's documentation, or its files in the format asked for.

`/ontology/place` is a module, `/ontology/vocabularies/fields` a file of a part, and a version
may stand before either. Pages are made once a release, with examples from it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
from typing import Final
from weakref import WeakKeyDictionary

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp

from api import http, negotiation, pages
from api.endpoint import with_release
from api.live import Generation, Live
from api.negotiation import GRAPHS, HTML
from api.prefix import below
from api.problems import MethodNotAllowed, NotFound
from kg.ontology.pages import EXAMPLES, examples
from kg.ontology.pages import pages as written
from kg.ontology.versions import Document, document
from kg.settings import shipped

PREFIX: Final = "/ontology"
METHODS: Final = "GET, HEAD, OPTIONS"

_STYLE: Final = re.compile(r"<style>(.*?)</style>", re.DOTALL)

#: The pages of each generation; one that is no longer served takes its pages with it.
_PAGES: WeakKeyDictionary[Generation, asyncio.Task[dict[str, str]]] = WeakKeyDictionary()


async def ontology(request: Request, live: Live) -> ASGIApp:
    """Answer one request for the ontology or a part of it."""
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowed(request.method, METHODS)
    wished = http.formats(request)
    path = request.url.path.removeprefix(PREFIX).strip("/")
    with live.held() as generation:
        found = document(shipped("ontology"), path, generation.base)
        if found is None:
            raise NotFound(f"{request.url.path}: no version or module of the ontology")
        accept = request.headers.get("accept", "")
        choice = negotiation.choose("DESCRIBE", accept, *wished)
        if choice.format is HTML and (page := (await _pages(generation)).get(path)):
            return with_release(_page(page), generation)
        chosen = GRAPHS[0] if choice.format is HTML else choice.format
        return with_release(await _file(found, chosen.media_type), generation)


async def _file(found: Document, media_type: str) -> Response:
    content = await asyncio.to_thread(found.serialise, media_type)
    kept = "public, max-age=31536000, immutable" if found.frozen else "no-cache"
    return Response(content, media_type=media_type, headers={"Cache-Control": kept})


def _page(text: str) -> Response:
    """A page with its own style, which the policy names by its digest."""
    digests = (hashlib.sha256(style.encode()).digest() for style in _STYLE.findall(text))
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    policy = pages.CSP.replace("style-src 'self'", f"style-src 'self' {allowed}")
    return HTMLResponse(text, headers={"Content-Security-Policy": policy})


async def _pages(generation: Generation) -> dict[str, str]:
    if generation not in _PAGES:
        _PAGES[generation] = asyncio.create_task(_written(generation))
    try:
        return await asyncio.shield(_PAGES[generation])
    except BaseException:
        if _PAGES[generation].done():
            del _PAGES[generation]
        raise


async def _written(generation: Generation) -> dict[str, str]:
    answer = await generation.ask(
        generation.catalogue[EXAMPLES].bind({}), negotiation.SOLUTIONS[0].media_type
    )
    found = json.loads(b"".join([chunk async for chunk in answer.chunks]))
    return await asyncio.to_thread(
        written,
        shipped("ontology"),
        examples=examples(found, generation.base),
        queries=generation.catalogue.by_term(),
        address=_address,
        query_address=lambda path: below(f"/queries/{path}"),
        synthetic=generation.manifest.synthetic,
    )


def _address(path: str, form: str) -> str:
    address = below(f"{PREFIX}/{path}" if path else PREFIX)
    return address if form == "html" else f"{address}?format={form}"
