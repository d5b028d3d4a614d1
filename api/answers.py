"""From a query to the bytes of its answer: limits, entity tag, cache, format, encoding.

A limit that was met is an error before the first byte and a cut connection after it; what
limits hold is in the headers of every answer.
"""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from functools import lru_cache, partial
from typing import Final, NamedTuple

import zstandard
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Scope

from api import again, cache, http, negotiation, tables, telemetry
from api.live import Generation
from api.negotiation import Choice
from api.problems import BadRequest
from kg import sparql
from kg.errors import AnswerTooLarge, QueryError
from kg.workers import Answer, Lease, Query

_ENCODINGS: Final = ("zstd", "gzip")

#: Seconds that a release may be warmed for before it goes live.
_WARMING: Final = 2.0


#: Where a request's scope has the query that was begun before it came here.
BEGUN: Final = "kg.begun"

#: What Server-Timing says of an answer that was kept.
KEPT: Final = "cache;desc=hit"


class Representation(NamedTuple):
    """An answer as it will be sent, before it is had: in which format and encoding, how tagged.

    `rows` is the limit that was put on a SELECT that has none of its own. It is `steady` where
    it is the same for as long as its release is served; then it has a tag, and may be kept.
    """

    generation: Generation
    query: Query
    choice: Choice
    encoding: str
    deadline: float
    rows: int
    steady: bool
    key: tuple[str, ...]  #: what tells it from the other answers of its release

    @staticmethod
    def of(
        generation: Generation,
        query: Query,
        choice: Choice,
        encoding: str,
        deadline: float,
        rows: int = 0,
    ) -> Representation:
        """The answer to a query."""
        key = cache.key(query, choice.format.name, choice.content_type or "", encoding)
        steady = cache.steady(query)
        return Representation(generation, query, choice, encoding, deadline, rows, steady, key)

    @property
    def tag(self) -> str:
        """Its entity tag, where it is steady."""
        return cache.tag(self.generation.release.id, self.key)

    @property
    def largest(self) -> int:
        """Bytes that it may have to be kept."""
        return self.generation.results.largest if self.steady else 0

    def headers(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """What its headers say whatever its bytes are, but for its tag; `more` are others."""
        headers = {
            "Cache-Control": "public, no-cache" if self.steady else "no-store",
            "Vary": "Accept, Accept-Encoding",
            "X-KG-Release": self.generation.release.id,
            "X-KG-Limits": self.generation.limits(self.deadline),
            **(more or {}),
        }
        if self.rows:
            headers["X-SPARQL-MaxRows"] = str(self.rows)
        return headers

    def kept(self) -> cache.Kept | None:
        """It, if it is kept."""
        return self.generation.results.get(self.key) if self.steady else None

    def begin(self, told: Callable[[], None]) -> Lease | None:
        """Begin its query, as `Pool.begin` does."""
        return self.generation.pool.begin(self.query, self.deadline, told)

    def keep(self, content_type: str, content: bytes) -> None:
        """Keep its bytes, as they were sent."""
        if self.steady:
            self.generation.results.put(self.key, cache.Kept(content_type, content))


class Begun(NamedTuple):
    """A query under way, and what its answer is to be."""

    wanted: Representation
    lease: Lease


def evaluated(begun: float) -> str:
    """What Server-Timing says of an evaluation since then."""
    return f"evaluate;dur={(time.perf_counter() - begun) * 1000:.1f}"


async def stream(
    generation: Generation,
    query: Query,
    choice: Choice,
    request: Request,
    rows: int = 0,
    more: Mapping[str, str] | None = None,
) -> ASGIApp:
    """The answer to a query, once its first bytes are here, in the format chosen.

    `rows` and `more` are as a `Representation` has them.
    """
    begun = time.perf_counter()
    request.scope[telemetry.QUERY] = query.text
    deadline = patience(request, generation.deadline)
    encoding = preferred_encoding(request.headers.get("accept-encoding", ""))
    wanted = Representation.of(generation, query, choice, encoding, deadline, rows)
    headers = wanted.headers(more)
    if wanted.steady:
        headers["ETag"] = tag = wanted.tag
        if _matches(request.headers.get("if-none-match", ""), tag):
            return Response(status_code=304, headers=headers)
    if (kept := wanted.kept()) is not None:
        headers |= {"Content-Type": kept.content_type, "Server-Timing": KEPT}
        request.scope[again.CAME_FROM] = generation.results
        return http.Whole(kept.content, encoded_as(headers, encoding, kept.content))
    answer = await generation.evaluate(
        query, deadline, client(request), _begun(request.scope, query, generation)
    )
    content_type = choice.content_type or answer.media_type
    if choice.format.carrier:
        answer = await tables.converted(choice.format.name, answer)
        content_type = choice.format.media_type
    headers["Server-Timing"] = evaluated(begun)
    headers["Content-Type"] = content_type
    keep, largest = partial(wanted.keep, content_type), wanted.largest
    if wanted.steady and answer.release != generation.release.id:  # a change went live meanwhile
        headers["X-KG-Release"] = answer.release
        del headers["ETag"]
        largest = 0
    chunks = _bounded(answer, generation.settings.max_bytes)
    return http.Streamed(answer, headers, chunks, encoder(encoding), encoding, keep, largest)


def _begun(scope: Scope, query: Query, generation: Generation) -> Lease | None:
    """The very same query, where it was begun before."""
    begun: Begun | None = scope.get(BEGUN)
    if begun is None or begun.wanted.query != query:
        return None
    return begun.lease if begun.wanted.generation.pool is generation.pool else None


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
            one = Representation.of(generation, query, Choice(choice), encoding, left)
            one.keep(answer.media_type, encoded(content, encoding))


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


@lru_cache(maxsize=128)
def preferred_encoding(header: str) -> str:
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


def encoded(content: bytes, encoding: str) -> bytes:
    """A whole answer as it is sent: one that is short stays as it is."""
    one = encoder(encoding) if len(content) >= http.WORTHWHILE else None
    return one.compress(content) + one.flush() if one else content


def encoded_as(headers: dict[str, str], encoding: str, content: bytes) -> dict[str, str]:
    """The headers, with Content-Encoding where the content is encoded."""
    magic = {"zstd": b"\x28\xb5\x2f\xfd", "gzip": b"\x1f\x8b"}.get(encoding)
    if magic and content.startswith(magic):
        return headers | {"Content-Encoding": encoding}
    return headers
