"""`/.well-known/void`: the release that is served, described for machines; and its dump."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api import http, negotiation
from api.endpoint import with_release
from api.live import Live
from api.negotiation import GRAPHS, HTML
from api.problems import MethodNotAllowed, NotFound
from kg.release import Address, describe
from kg.release.description import SOURCES

VOID: Final = "/.well-known/void"
DUMP: Final = "/dump.nq.zst"
METHODS: Final = "GET, HEAD, OPTIONS"


async def description(request: Request, live: Live) -> ASGIApp:
    """Describe the current release, as Turtle where a client has no wish."""
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowed(request.method, METHODS)
    wished = http.formats(request)
    choice = negotiation.choose("DESCRIBE", request.headers.get("accept", ""), *wished)
    media_type = (GRAPHS[0] if choice.format is HTML else choice.format).media_type
    with live.held() as generation:
        whole = generation.release.whole_dump
        address = Address(str(request.base_url), dump=DUMP[1:] if whole else None)
        answer = await generation.ask(SOURCES, "application/n-triples")
        sources = b"".join([chunk async for chunk in answer.chunks])
        content = describe(generation.manifest, sources, address, media_type)
        response = Response(
            content,
            media_type=choice.content_type or media_type,
            headers={"Cache-Control": "no-cache"},
        )
        return with_release(response, generation)


async def dump(request: Request, live: Live) -> ASGIApp:
    """The sorted, compressed N-Quads of the current release."""
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowed(request.method, METHODS)

    async def send_file(scope: Scope, receive: Receive, send: Send) -> None:
        with live.held() as generation:  # or it might be pruned while it is sent
            release = generation.release
            if (whole := release.whole_dump) is None:
                raise NotFound(f"release {release.id} has no whole dump: it is one and a patch")
            response = FileResponse(
                whole,
                media_type="application/zstd",
                filename=f"{release.id}.nq.zst",
                headers={"ETag": f'"{release.id}"', "Cache-Control": "no-cache"},
            )
            await with_release(response, generation)(scope, receive, send)

    return send_file
