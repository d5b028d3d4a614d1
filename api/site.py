"""What FastAPI answers: the first page, the catalogue, problems, health, OpenAPI.

Its own documentation pages load scripts from elsewhere, so `/docs` leads to the catalogue.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import Lifespan

from api import negotiation, openapi, pages, problems
from api.cache import SOFTWARE
from api.live import Generation, Live
from api.prefix import below
from api.telemetry import Telemetry
from kg import vocab
from kg.catalogue import Catalogue, NamedQuery
from kg.errors import KnowledgeGraphError
from kg.release import Manifest
from kg.workers import FORMATS, Query

METHODS: Final = "GET, HEAD, OPTIONS"
#: Seconds in which a server that is ready has a worker for one more query.
_READY: Final = 5.0
_STATIC: Final = Path(__file__).parent / "static"

#: Classes that the first page counts, in this order, and what it calls their instances.
_COUNTED: Final = {
    "Organization": "Organizations",
    "ApplicationField": "Application fields",
    "Technology": "Technologies",
    "Empowerment": "Empowerments",
    "AIModel": "AI models",
    "ConferenceEdition": "Conference editions",
}


def create(live: Live, telemetry: Telemetry) -> FastAPI:
    """The application for all paths that ask no worker."""
    app = FastAPI(
        title="AI cluster knowledge graph",
        summary="Named queries and a SPARQL endpoint over one validated release.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=_lifespan(live),
    )

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def first_page() -> Response:
        generation = live.generation
        return pages.page(
            "index.html",
            manifest=generation.manifest,
            facts=_facts(generation.manifest),
            sources=_sources(generation.manifest),
            topics=_topics(generation.catalogue),
        )

    @app.api_route("/queries", methods=["GET", "HEAD"], include_in_schema=False)
    async def catalogue(request: Request) -> Response:
        queries = live.generation.catalogue
        if negotiation.wants_page(request.headers.get("accept", "")):
            return pages.page("queries.html", topics=_topics(queries))
        return JSONResponse([openapi.described(query) for query in queries.values()])

    @app.api_route("/docs", methods=["GET", "HEAD"], include_in_schema=False)
    async def docs() -> Response:
        return RedirectResponse(below("/queries"))

    @app.api_route("/problems", methods=["GET", "HEAD"], include_in_schema=False)
    async def kinds() -> Response:
        found = [(problems.slug(error), kind) for error, kind in problems.KINDS.items()]
        return pages.page("problems.html", kinds=found)

    @app.api_route("/health", methods=["GET", "HEAD"], include_in_schema=False)
    async def health() -> Response:
        generation: Generation = live.generation
        return JSONResponse(
            {
                "status": "ok",
                "release": generation.release.id,
                "synthetic": generation.manifest.synthetic,
                "quads": generation.manifest.quads,
                "in_memory": generation.pool.in_memory,
                "columns": generation.pool.columns,
            }
        )

    @app.api_route("/health/live", methods=["GET", "HEAD"], include_in_schema=False)
    async def alive() -> Response:
        return JSONResponse({"status": "ok"})

    @app.api_route("/health/ready", methods=["GET", "HEAD"], include_in_schema=False)
    async def ready() -> Response:
        generation = live.generation
        answer = await generation.evaluate(Query("ASK {}", FORMATS["csv"]), _READY)
        async for _ in answer.chunks:
            pass
        return JSONResponse({"status": "ok", "release": generation.release.id})

    @app.api_route("/metrics", methods=["GET", "HEAD"], include_in_schema=False)
    async def metrics() -> Response:
        text = telemetry.text(live.gauges(), live.generation.release.id)
        return Response(text, media_type="text/plain; version=0.0.4")

    @app.api_route("/openapi.json", methods=["GET", "HEAD"], include_in_schema=False)
    async def description() -> Response:
        return JSONResponse(openapi.document(live.generation.catalogue, SOFTWARE))

    @app.api_route("/static/{name}", methods=["GET", "HEAD"], include_in_schema=False)
    async def static(name: str) -> Response:
        if name not in {path.name for path in _STATIC.iterdir()}:
            raise problems.NotFound(f"/static/{name}: there is no such file")
        return FileResponse(_STATIC / name, headers={"Cache-Control": "max-age=3600"})

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        path = request.url.path
        found: KnowledgeGraphError
        if error.status_code == 405:
            found = problems.MethodNotAllowed(request.method, METHODS)
        else:
            found = problems.NotFound(f"{path}: nothing stands here; / lists what there is")
        return _refusal(request, found)

    # Not left to who calls this: whatever is raised past FastAPI it has answered itself, by a 500.
    @app.exception_handler(KnowledgeGraphError)
    async def failed(request: Request, error: KnowledgeGraphError) -> Response:
        return _refusal(request, error)

    @app.exception_handler(Exception)
    async def broken(request: Request, _: Exception) -> Response:
        return _refusal(request, KnowledgeGraphError("the server failed; its log says where"))

    return app


def _refusal(request: Request, error: KnowledgeGraphError) -> Response:
    as_page = negotiation.wants_page(request.headers.get("accept", ""))
    return (pages.problem if as_page else problems.response)(error, request.url.path)


def _lifespan(live: Live) -> Lifespan[FastAPI]:
    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with live.running():
            yield

    return lifespan


def _topics(catalogue: Catalogue) -> list[tuple[str, list[NamedQuery]]]:
    def topic(query: NamedQuery) -> str:
        return query.path.partition("/")[0]

    found = [(name, list(queries)) for name, queries in groupby(catalogue.values(), topic)]
    # What the graph is for comes first.
    return sorted(found, key=lambda each: (each[0] != "empowerment", each[0]))


def _facts(manifest: Manifest) -> list[tuple[str, int]]:
    """What a release holds, in numbers that a visitor understands."""
    counts = [
        (label, manifest.classes.get(vocab.AIC + name, 0)) for name, label in _COUNTED.items()
    ]
    statements = manifest.graphs.get("default", manifest.quads)
    return [("Statements", statements), *((label, count) for label, count in counts if count)]


def _sources(manifest: Manifest) -> Iterable[Mapping[str, Any]]:
    """The sources, one line for all tables of one title and licence."""

    def key(source: Any) -> tuple[str, str]:
        return source.title, source.licence

    for (title, licence), tables in groupby(sorted(manifest.sources, key=key), key):
        rows = sum(table.rows for table in tables)
        yield {"title": title, "licence": pages.licence(licence), "rows": rows}
