"""`/graphs`: the SPARQL 1.1 Graph Store HTTP Protocol.

A graph is named by `?graph=<IRI>`, is the default one by `?default`, or is the one that the
path below `/graphs/` names.
"""

from __future__ import annotations

import email.parser
import email.policy
import uuid
from collections.abc import Iterator
from functools import partial
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from api import http, negotiation, writes
from api.answers import stream
from api.endpoint import beside
from api.live import Generation, Live
from api.negotiation import HTML, Choice
from api.problems import BadRequest, MethodNotAllowed, NotFound, UnsupportedMediaType
from kg import sparql, vocab
from kg.tokens import Token
from kg.workers import FORMATS, GRAPH_FORMATS, Load, Query

PATH: Final = "/graphs"
METHODS: Final = "GET, HEAD, PUT, POST, DELETE, PATCH, OPTIONS"

_PATCH: Final = "application/sparql-update"
_FORM_DATA: Final = "multipart/form-data"


async def graphs(request: Request, live: Live) -> ASGIApp:
    """Answer one request for a graph."""
    reads = request.method in ("GET", "HEAD")
    if not reads and request.method not in ("DELETE", "PATCH", "PUT", "POST"):
        raise MethodNotAllowed(request.method, METHODS)
    # Before anything is told of what there is.
    token = None if reads else writes.identify(request, live)
    with live.held() as generation:
        graph = _graph(request, live)
        if reads:
            return await _get(graph, request, generation)
        if token:
            writes.allow(token, {graph})
        if request.method == "DELETE":
            await _expect(graph, generation)
            verb = "CLEAR DEFAULT" if graph is None else f"DROP GRAPH <{graph}>"
            await writes.update(token, sparql.update(verb), http.base(request), request, live)
            return Response(status_code=204)
        if request.method == "PATCH":
            await _expect(graph, generation)
            await _patch(graph, token, request, live)
            return Response(status_code=204)
        return await _put(graph, token, request, live, generation)


def _graph(request: Request, live: Live) -> str | None:
    """The IRI of the graph that a request is about, None for the default one."""
    given = http.query_pairs(request)
    named = [value for name, value in given if name == "graph"]
    default = [value for name, value in given if name == "default"]
    path = request.url.path.removeprefix(PATH).strip("/")
    if len(named) + len(default) + bool(path) > 1:
        raise BadRequest("several graphs are named; expected ?graph=<IRI>, ?default or a path")
    if path:
        if live.direct_graphs:
            return http.base(request)
        named = [vocab.graph(path)]
    if named:
        if not vocab.is_iri(named[0]):
            raise BadRequest(f"the parameter graph: {named[0]!r} is not an absolute IRI")
        return named[0]
    if default:
        return None
    if request.method == "POST":
        return live.new_graph(http.base(request), uuid.uuid4().hex)
    raise BadRequest("no graph is named; expected ?graph=<IRI>, ?default or a path")


async def _get(graph: str | None, request: Request, generation: Generation) -> ASGIApp:
    wished = http.formats(request)
    choice = negotiation.choose("CONSTRUCT", request.headers.get("accept", ""), *wished)
    if choice.format is HTML:
        choice = Choice(negotiation.GRAPHS[0])
    await _expect(graph, generation)
    pattern = "?s ?p ?o" if graph is None else f"GRAPH <{graph}> {{ ?s ?p ?o }}"
    text = f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ {pattern} }}"
    return await stream(generation, Query(text, choice.format.asked), choice, request)


async def _exists(graph: str | None, generation: Generation) -> bool:
    if graph is None:
        return True
    # A release has no empty graphs, though what is in memory may have one since a change.
    pattern = "" if generation.empty_graphs else "?s ?p ?o"
    answer = await generation.ask(f"ASK {{ GRAPH <{graph}> {{ {pattern} }} }}", FORMATS["csv"])
    return b"".join([chunk async for chunk in answer.chunks]) == b"true"


async def _expect(graph: str | None, generation: Generation) -> None:
    if not await _exists(graph, generation):
        raise NotFound(f"there is no graph <{graph}>")


async def _put(
    graph: str | None, token: Token | None, request: Request, live: Live, generation: Generation
) -> Response:
    replace = request.method == "PUT"
    write = Load(graph, tuple(_documents(request)), replace, graph or http.base(request))
    existed = await _exists(graph, generation)
    await writes.load(token, write, request, live)
    if existed or graph is None:
        return Response(status_code=204)
    return Response(status_code=201, headers={"Location": quote(graph, safe=_IRI_SAFE)})


# What a header may carry of an IRI as it stands (RFC 3986); the rest is percent-encoded.
_IRI_SAFE: Final = "!#$%&'()*+,/:;=?@[]~"


async def _patch(graph: str | None, token: Token | None, request: Request, live: Live) -> None:
    http.content_type(request.headers.get("content-type", ""), (_PATCH,))
    text = http.utf8(request.state.body, "the patch")
    base = graph or http.base(request)
    operations = await beside(len(text), partial(sparql.update, text, base, graph=graph))
    await writes.update(token, operations, base, request, live)


def _documents(request: Request) -> Iterator[tuple[str, str]]:
    """The media type and text of each document that a request carries."""
    header = request.headers.get("content-type", "")
    if header.partition(";")[0].strip().lower() != _FORM_DATA:
        kind = http.content_type(header, tuple(GRAPH_FORMATS))
        yield kind, http.utf8(request.state.body, "the document")
        return
    if "boundary" not in header:
        raise UnsupportedMediaType(f"Content-Type: {header}; expected a boundary")
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    message = parser.parsebytes(
        b"Content-Type: " + header.encode("latin-1") + b"\r\n\r\n" + request.state.body
    )
    if not message.is_multipart():
        raise BadRequest("the body is not multipart/form-data as its header says")
    for part in message.iter_parts():
        name = part.get_filename() or ""
        # A client that does not know the type of a file says octet-stream, or nothing.
        unknown = part.get_content_type() in ("application/octet-stream", "text/plain")
        by_name = FORMATS.get(name.rpartition(".")[2], "") if unknown else ""
        kind = http.content_type(by_name or part["content-type"] or "", tuple(GRAPH_FORMATS))
        content = part.get_payload(decode=True)
        yield kind, http.utf8(content if isinstance(content, bytes) else b"", f"the part {name!r}")
