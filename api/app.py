"""The ASGI application: what asks the workers stands in front, FastAPI does the rest.

Here, once for all, is what every answer has in common: its problem where it fails, CORS,
the headers that keep a page safe, and which release answered.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import (
    again,
    answers,
    endpoint,
    graphs,
    http,
    negotiation,
    ontology,
    pages,
    problems,
    queries,
    resources,
    site,
    telemetry,
    void,
    writes,
)
from api.direct import Direct
from api.live import Live
from api.prefix import PREFIX
from api.scratch import Scratch
from kg.errors import KnowledgeGraphError, NoRelease
from kg.release import Home
from kg.settings import Settings
from kg.validate import NotConforming

_LOG: Final = logging.getLogger(__name__)

Endpoint = Callable[[Request, Live], Awaitable[ASGIApp]]

#: Path → what answers it, the methods it takes, the bytes a body may have.
_EXACT: Final[dict[str, tuple[Endpoint, str, int]]] = {
    "/sparql": (endpoint.endpoint, endpoint.METHODS, http.MAX_BODY),
    void.VOID: (void.description, void.METHODS, 0),
    void.DUMP: (void.dump, void.METHODS, 0),
}


def create_app(home: Home | None, settings: Settings) -> Application:
    """The application that serves the current release of `home`, or a scratch dataset.

    It starts and ends with its lifespan, or with `running()` where its server has none.
    """
    live = Live(home, settings) if home else Scratch(settings)
    live.warm = answers.warm
    counted = telemetry.Telemetry(settings)
    return Application(live, site.create(live, counted), counted, settings.prefix)


class Application:
    """The ASGI application itself."""

    def __init__(
        self, live: Live, rest: ASGIApp, counted: telemetry.Telemetry, prefix: str
    ) -> None:
        self._live = live
        self._rest = rest
        self._telemetry = counted
        self._prefix = prefix
        #: What a server's connections may ask before they ask this.
        self.direct = Direct(live, counted, prefix)

    def reload(self) -> None:
        """Load the current release and the catalogue anew, beside what is served."""
        self._live.reload()

    def running(self) -> AbstractAsyncContextManager[None]:
        """Open the current release; raises NoRelease or ReleaseError where that fails."""
        return self._live.running()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._rest(scope, receive, send)
            return
        if self._prefix:
            # With the prefix, or without where the proxy has taken it off.
            path = scope["path"].removeprefix(self._prefix) or "/"
            scope = {**scope, "root_path": self._prefix, "path": path}
            PREFIX.set(self._prefix)
        request = telemetry.Request(scope, Headers(scope=scope).get("x-request-id", ""))
        asked = again.asked_by(scope)
        start: Message = {}

        async def send_safely(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                self._complete(message, request.id)
                start = message
            request.note(message)
            await send(message)
            if asked and again.CAME_FROM in scope and message["type"] == "http.response.body":
                query = scope.get(telemetry.QUERY, "")
                kept = again.response(start, message["body"], scope, query, request.release)
                scope[again.CAME_FROM].put(asked.key, kept)

        try:
            known = asked and self._known(asked)
            if asked and known:
                scope[telemetry.QUERY] = known.query
                for message in known.messages(asked.unless):
                    if message["type"] == "http.response.start":
                        message["headers"].append((b"x-request-id", request.id.encode()))
                    request.note(message)
                    await send(message)
            else:
                await self._answer(request, receive, send_safely)
        finally:
            if (begun := scope.get(answers.BEGUN)) is not None:
                begun.lease.close()
            self._telemetry.add(request)

    def _known(self, asked: again.Asked) -> again.Response | None:
        results = self._live.results
        known = results and results.again(asked.key)
        return known if known and asked.unless in (b"", known.tag) else None

    async def _answer(self, request: telemetry.Request, receive: Receive, send: Send) -> None:
        scope = request.scope
        self._live.mark()  # on the pages that no release is needed for
        route, methods, limit = _route(scope["path"])
        try:
            if scope["method"] == "OPTIONS":
                await _preflight(methods)(scope, receive, send)
            elif route is None:
                await self._rest(scope, receive, send)
            else:
                await self._ask(route, limit, scope, receive, send)
        except ClientDisconnect:
            return  # it left while it was sending its query
        except KnowledgeGraphError as error:
            await _refusal(error, scope)(scope, receive, send)
        except Exception:
            _LOG.exception("%s %s failed (%s)", scope["method"], scope["path"], request.id)
            if not request.status:
                failure = KnowledgeGraphError("the server failed; its log says where")
                await _refusal(failure, scope)(scope, receive, send)

    async def _ask(
        self, route: Endpoint, limit: int, scope: Scope, receive: Receive, send: Send
    ) -> None:
        request = Request(scope, receive)
        # Read here: from now on, what `receive` has to say is that the client hangs up.
        sent = limit and scope["method"] in ("POST", "PUT", "PATCH")
        if sent and route is graphs.graphs:
            writes.identify(request, self._live)  # nobody else's documents are held
        request.state.body = await http.body(request, limit) if sent else b""

        async def work() -> None:
            await (await route(request, self._live))(scope, receive, send)

        await http.until_gone(work(), receive)

    def _complete(self, start: Message, id: str) -> None:
        """Add what every answer has."""
        given = (each for each in start.get("headers", ()) if each[0] not in http.OF_ALL)
        start["headers"] = [*given, *http.OF_ALL.items(), (b"x-request-id", id.encode())]
        headers = MutableHeaders(raw=start["headers"])
        headers.setdefault("Vary", "Accept")
        if headers.get("content-type", "").startswith(negotiation.HTML.media_type):
            headers.setdefault("Content-Security-Policy", pages.CSP)
            headers["Referrer-Policy"] = "no-referrer"
        if "x-kg-release" not in headers:
            try:
                headers["X-KG-Release"] = self._live.generation.release.id
            except NoRelease:
                return


def _route(path: str) -> tuple[Endpoint | None, str, int]:
    """What answers a path, None for FastAPI; the methods it takes, the bytes of a body."""
    if path in _EXACT:
        return _EXACT[path]
    if path.startswith(queries.PREFIX):
        return queries.named, queries.METHODS, 0
    if path == graphs.PATH or path.startswith(graphs.PATH + "/"):
        return graphs.graphs, graphs.METHODS, http.MAX_DOCUMENT
    if path.startswith(resources.PREFIX):
        return resources.resource, resources.METHODS, 0
    if path == ontology.PREFIX or path.startswith(ontology.PREFIX + "/"):
        return ontology.ontology, ontology.METHODS, 0
    return None, site.METHODS, 0


def _preflight(methods: str) -> Response:
    return Response(
        status_code=204,
        headers={
            "Allow": methods,
            "Access-Control-Allow-Methods": methods,
            "Access-Control-Allow-Headers": "Accept, Authorization, Content-Type, If-None-Match",
            "Access-Control-Max-Age": "86400",
        },
    )


def _refusal(error: KnowledgeGraphError, scope: Scope) -> Response:
    """The problem, as a page for a person with a browser."""
    accept = Request(scope).headers.get("accept", "")
    if isinstance(error, NotConforming):
        offers = [problems.MEDIA_TYPE, "application/json", "text/turtle", "text/plain"]
        wished = negotiation.preferred(accept, offers)
        if wished == "text/turtle":
            return Response(error.report.turtle, 422, media_type="text/turtle")
        if wished == "text/plain":
            return Response(error.report.text(), 422, media_type="text/plain")
    as_page = negotiation.wants_page(accept)
    return (pages.problem if as_page else problems.response)(error, scope["path"])
