"""Bytes in and out: strict query strings, bounded bodies, answers that end whole or are cut."""

from __future__ import annotations

import asyncio
import email.message
import logging
from codecs import escape_decode
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol
from urllib.parse import unquote_to_bytes

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from api.problems import BadRequest, ContentTooLarge, UnsupportedMediaType
from kg import vocab
from kg.errors import KnowledgeGraphError
from kg.workers import Answer

_LOG: Final = logging.getLogger(__name__)

#: Bytes that a request's body may have, and those read and thrown away so that the client,
#: which may still be sending, comes to read why it was refused.
MAX_BODY: Final = 1024 * 1024
_MAX_DISCARDED: Final = 16 * MAX_BODY

#: Bytes that a document for a graph may have.
MAX_DOCUMENT: Final = 16 * MAX_BODY

_MAX_FIELDS: Final = 200
# The workers send their answers in pieces of this size; a shorter one is mostly the last.
_PIECE: Final = 64 * 1024

#: An answer with fewer bytes is sent as it is.
WORTHWHILE: Final = 1024

Pairs = list[tuple[str, str]]
Address = tuple[str, int | None] | None

#: Headers of an answer that a page of another origin may read.
_EXPOSED: Final = (
    b"ETag, Link, Location, Retry-After, Server-Timing, "
    b"X-KG-Limits, X-KG-Release, X-Request-ID, X-SPARQL-MaxRows, X-Total-Count"
)

#: What every answer has, and none says otherwise.
OF_ALL: Final = {
    b"access-control-allow-origin": b"*",
    b"access-control-expose-headers": _EXPOSED,
    b"x-content-type-options": b"nosniff",
}

#: Seconds after which it is watched whether a client leaves: most are answered by then.
_UNWATCHED: Final = 0.02

#: Where a request's scope has the parameters of its URL, once read.
_PAIRS: Final = "kg.pairs"


def pairs(encoded: bytes) -> Pairs:
    """The names and values of a query string or a form; raises BadRequest unless it is UTF-8."""
    fields = encoded.split(b"&")
    if len(fields) > _MAX_FIELDS:
        raise BadRequest(f"more than {_MAX_FIELDS} parameters")
    try:
        parts = [field.partition(b"=") for field in fields if field]
        return [(_plain(name), _plain(value)) for name, _, value in parts]
    except UnicodeDecodeError as error:
        raise BadRequest(f"the parameters are not UTF-8: {error.reason}") from None


def _plain(encoded: bytes) -> str:
    """The text of a name or a value; raises UnicodeDecodeError unless it is UTF-8."""
    encoded = encoded.replace(b"+", b" ")
    if b"%" not in encoded:
        return encoded.decode()
    # Python's own escapes are decoded in C: a twentieth of the time of `unquote`.
    escaped = encoded.replace(b"\\", b"\\\\").replace(b"%", b"\\x")
    try:
        plain, _ = escape_decode(escaped)
    except ValueError:  # a sign of percent that starts no escape stands for itself
        plain = unquote_to_bytes(encoded)
    return plain.decode()


def query_pairs(request: Request) -> Pairs:
    """The parameters in a request's URL."""
    if (found := request.scope.get(_PAIRS)) is None:
        found = request.scope[_PAIRS] = pairs(request.scope["query_string"])
    return [*found]


def formats(request: Request) -> list[str]:
    """The formats that a request's URL names."""
    return [value for name, value in query_pairs(request) if name == "format"]


def base(request: Request) -> str:
    """The URL asked, without its query: what relative IRIs in a request are relative to."""
    scope = request.scope
    host = request.headers.get("host", "")
    return base_of(scope["scheme"], host, scope.get("server"), scope["root_path"], scope["path"])


@lru_cache(maxsize=128)
def base_of(scheme: str, host: str, server: Address, root: str, path: str) -> str:
    """The same of a request that has no scope."""
    headers = [(b"host", host.encode("latin-1"))] if host else []
    request = Request({
        "type": "http", "scheme": scheme, "server": server, "root_path": root, "path": path,
        "query_string": b"", "headers": headers,
    })  # fmt: skip
    url = str(request.base_url).rstrip("/") + request.url.path
    return url if vocab.is_iri(url) else f"http://localhost{request.url.path}"


def content_type(header: str, expected: Collection[str]) -> str:
    """The media type of a body in UTF-8; raises UnsupportedMediaType for any other."""
    message = email.message.Message()
    message["content-type"] = header
    kind = header.partition(";")[0].strip().lower()
    charset = str(message.get_param("charset", "utf-8")).lower()
    if kind not in expected or charset not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedMediaType(
            f"Content-Type: {header or 'none'}; expected {', '.join(expected)}, in UTF-8"
        )
    return kind


def utf8(content: bytes, what: str) -> str:
    """The text of a body; raises BadRequest that names the byte which is not UTF-8."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise BadRequest(f"{what} is not UTF-8: byte {error.start}") from None


async def body(request: Request, limit: int = MAX_BODY) -> bytes:
    """The whole body; raises ContentTooLarge above the limit, whatever Content-Length says."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size <= limit:
            parts.append(part)
        elif size > limit + _MAX_DISCARDED:
            break
    if size > limit:
        raise ContentTooLarge(f"the body has more than {limit} bytes, which is as many as may be")
    return b"".join(parts)


class Encoder(Protocol):
    """What compresses an answer piece by piece."""

    def compress(self, data: bytes, /) -> bytes:
        """Take more, and give what is ready."""
        ...

    def flush(self) -> bytes:
        """The rest."""
        ...


@dataclass(frozen=True)
class Whole:
    """An answer that is here already."""

    content: bytes
    headers: Mapping[str, str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send it."""
        headers = [*raw(self.headers), (b"content-length", str(len(self.content)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self.content})


@dataclass(frozen=True)
class Streamed:
    """An answer of the workers, encoded and forwarded as it comes.

    `keep` is told all its bytes as they were sent, where they are no more than `largest`.
    """

    answer: Answer
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]
    encoder: Encoder | None
    encoding: str
    keep: Callable[[bytes], None]
    largest: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send it; where it breaks off, the response is left unfinished, so the client knows."""
        chunks, started = self.chunks, False
        try:
            first = await anext(chunks, b"")
            # Most answers are one short piece: with its length known, it is one write.
            second = await anext(chunks, None) if len(first) < _PIECE else b""
            headers = raw(self.headers)
            encoder = self.encoder
            if second is None and len(first) < WORTHWHILE:
                encoder = None
            if encoder:
                headers.append((b"content-encoding", self.encoding.encode()))
            whole = second is None
            body = _through(encoder, first, last=whole)
            if whole:
                headers.append((b"content-length", str(len(body)).encode()))
            started = True
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body, "more_body": not whole})
            if whole:
                if len(body) <= self.largest:
                    self.keep(body)
            else:
                await self._forward(body, second or b"", encoder, send)
        except KnowledgeGraphError as error:
            if not started:
                raise
            _LOG.warning("%s: an answer was cut short: %s", scope["path"], error)
        finally:
            await self.answer.aclose()

    async def _forward(
        self, sent: bytes, second: bytes, encoder: Encoder | None, send: Send
    ) -> None:
        kept: list[bytes] | None = [sent]
        size = len(sent)
        async for body in _encoded(second, self.chunks, encoder):
            if not body:
                continue
            await send({"type": "http.response.body", "body": body, "more_body": True})
            size += len(body)
            if kept is not None and size <= self.largest:
                kept.append(body)
            else:
                kept = None
        await send({"type": "http.response.body", "body": b""})
        if kept is not None:
            self.keep(b"".join(kept))


async def _encoded(
    second: bytes, rest: AsyncIterator[bytes], encoder: Encoder | None
) -> AsyncIterator[bytes]:
    yield _through(encoder, second, last=False)
    async for chunk in rest:
        yield _through(encoder, chunk, last=False)
    if encoder:
        yield encoder.flush()


def _through(encoder: Encoder | None, data: bytes, *, last: bool) -> bytes:
    if encoder is None:
        return data
    return encoder.compress(data) + (encoder.flush() if last else b"")


def raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI has them."""
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


async def until_gone(work: Awaitable[None], receive: Receive) -> None:
    """Do the work, and stop it when the client hangs up; the body must have been read."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in one
    gone = False

    async def watch() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        task.cancel()

    watcher: asyncio.Task[None] | None = None

    def begin() -> None:
        nonlocal watcher
        watcher = asyncio.create_task(watch())

    timer = asyncio.get_running_loop().call_later(_UNWATCHED, begin)
    try:
        await work
    except asyncio.CancelledError:
        if not gone:
            raise
        task.uncancel()
    finally:
        timer.cancel()
        if watcher:
            watcher.cancel()
