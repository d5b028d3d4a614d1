"""From a query to the bytes of its answer: limits, entity tag, cache, format, encoding.

A limit that was met is an error before the first byte and a cut connection after it; what
limits hold is in the headers of every answer.
"""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Final

import zstandard
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from api import again, cache, http, negotiation, tables, telemetry
from api.live import Generation
from api.negotiation import Choice
from api.problems import BadRequest
from kg import sparql
from kg.errors import AnswerTooLarge, QueryError
from kg.workers import Answer, Query

_ENCODINGS: Final = ("zstd", "gzip")

#: Seconds that a release may be warmed for before it goes live.
_WARMING: Final = 2.0


async def stream(
    generation: Generation,
    query: Query,
    choice: Choice,
    request: Request,
    rows: int = 0,
    more: Mapping[str, str] | None = None,
) -> ASGIApp:
    """The answer to a query, once its first bytes are here, in the format chosen.

    `rows` is the limit that was put on a SELECT that has none of its own; `more` are headers.
    """
    begun = time.perf_counter()
    request.scope[telemetry.QUERY] = query.text
    deadline = patience(request, generation.deadline)
    encoding = _encoding(request.headers.get("accept-encoding", ""))
    steady = cache.steady(query)
    name = choice.format.name
    tag = cache.tag(generation.release.id, query, name, choice.content_type or "", encoding)
    headers = {
        "Cache-Control": "public, no-cache" if steady else "no-store",
        "Vary": "Accept, Accept-Encoding",
        "X-KG-Release": generation.release.id,
        "X-KG-Limits": generation.limits(deadline),
        **(more or {}),
    }
    if rows:
        headers["X-SPARQL-MaxRows"] = str(rows)
    if steady:
        headers["ETag"] = tag
        if _matches(request.headers.get("if-none-match", ""), tag):
            return Response(status_code=304, headers=headers)
        if (kept := generation.results.get(tag)) is not None:
            headers |= {"Content-Type": kept.content_type, "Server-Timing": "cache;desc=hit"}
            request.scope[again.CAME_FROM] = generation.results
            return http.Whole(kept.content, _encoded(headers, encoding, kept.content))
    answer = await generation.evaluate(query, deadline, client(request))
    content_type = choice.content_type or answer.media_type
    if choice.format.carrier:
        answer = await tables.converted(name, answer)
        content_type = choice.format.media_type
    headers["Server-Timing"] = f"evaluate;dur={(time.perf_counter() - begun) * 1000:.1f}"
    headers["Content-Type"] = content_type
    if steady and answer.release != generation.release.id:  # a change went live meanwhile
        headers["X-KG-Release"] = answer.release
        steady = False
        del headers["ETag"]

    def keep(content: bytes) -> None:
        if steady:
            generation.results.put(tag, cache.Kept(content_type, content))

    largest = generation.results.largest if steady else 0
    chunks = _bounded(answer, generation.settings.max_bytes)
    return http.Streamed(answer, headers, chunks, encoder(encoding), encoding, keep, largest)


async def warm(generation: Generation) -> None:
    """Keep the example answers of the catalogue, in JSON, as far as they are had in little time.

    What has not been asked by then is asked by whoever wants it first.
    """
    ends = time.monotonic() + _WARMING
    choice = negotiation.SOLUTIONS[0]
    for named in generation.catalogue.values():
        left = ends - time.monotonic()
        if left <= 0:
            return
        if named.form not in ("SELECT", "ASK"):
            continue
        examples = {name: each.example for name, each in named.parameters.items()}
        query = Query(sparql.decode(named.bind(examples)), choice.media_type)
        try:
            answer = await generation.evaluate(query, left)
            content = b"".join([chunk async for chunk in answer.chunks])
        except QueryError:
            continue  # a client that asks it is told why
        for encoding in ("", *_ENCODINGS):
            encoded = content
            if (one := encoder(encoding)) and len(content) >= http.WORTHWHILE:
                encoded = one.compress(content) + one.flush()
            tag = cache.tag(generation.release.id, query, choice.name, "", encoding)
            generation.results.put(tag, cache.Kept(answer.media_type, encoded))


def patience(request: Request, most: float) -> float:
    """Seconds a client waits: `timeout=` or `Prefer: wait=`, if it is less than there are."""
    found = http.query_pairs(request)
    found += getattr(request.state, "form", [])
    asked = [value for name, value in found if name == "timeout"]
    if prefer := request.headers.get("prefer"):
        asked += re.findall(r"(?:^|[,;\s])wait=([0-9]+)", prefer)
    for text in asked:
        if not re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", text) or float(text) == 0:
            raise BadRequest(f"timeout {text!r}: expected seconds, such as 2.5")
        most = min(most, float(text))
    return most


def client(request: Request) -> str:
    """Who asks, for the queue: an address."""
    return request.client.host if request.client else ""


async def _bounded(answer: Answer, limit: int) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in answer.chunks:
        size += len(chunk)
        if size > limit:
            raise AnswerTooLarge(
                f"the answer has more than {limit} bytes, which is as many as may be; "
                "ask for a part of it by LIMIT and OFFSET, or take the dump"
            )
        yield chunk


# Entity tags and encodings


def _matches(header: str, tag: str) -> bool:
    """Whether If-None-Match holds a tag; weakly, as RFC 9110, 13.1.2 has it."""
    return header.strip() == "*" or tag in re.findall(r'(?:W/)?("[^"]*")', header)


def _encoding(header: str) -> str:
    """The encoding that the client likes best of ours, an empty text for none."""
    quality: dict[str, float] = {}
    for item in header.lower().split(","):
        name, _, parameter = (part.strip() for part in item.partition(";"))
        try:
            quality[name] = float(parameter.removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
    known = {each: quality.get(each, quality.get("*", 0.0)) for each in _ENCODINGS}
    best = max(_ENCODINGS, key=lambda each: known[each])
    return best if known[best] > quality.get("identity", 0.0) * (known[best] < 1) else ""


def encoder(encoding: str) -> http.Encoder | None:
    """A fresh one; None for none."""
    if encoding == "zstd":
        return zstandard.ZstdCompressor(level=3).compressobj()
    return zlib.compressobj(5, wbits=31) if encoding == "gzip" else None


def _encoded(headers: dict[str, str], encoding: str, content: bytes) -> dict[str, str]:
    magic = {"zstd": b"\x28\xb5\x2f\xfd", "gzip": b"\x1f\x8b"}.get(encoding)
    if magic and content.startswith(magic):
        return headers | {"Content-Encoding": encoding}
    return headers
