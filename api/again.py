"""A request that was answered before, answered without being read again.

Of a request only what decides its answer is looked at, as bytes: method and target, scheme,
`Host`, `Accept` and `Accept-Encoding`. One with a header that may ask for something else goes
the long way, and so does one whose answer is not kept for the release that is served.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from starlette.types import Message, Scope

RawHeaders = Sequence[tuple[bytes, bytes]]

#: Where a request's scope has the cache that its answer came from whole.
CAME_FROM: Final = "kg.came_from"

_DECIDE: Final = frozenset({b"host", b"accept", b"accept-encoding"})
_ELSE: Final = frozenset(
    {b"authorization", b"content-length", b"expect", b"prefer", b"transfer-encoding", b"upgrade"}
)
_OF_CONTENT: Final = frozenset(
    {b"content-encoding", b"content-length", b"content-type", b"server-timing"}
)
_ID: Final = b"x-request-id"


class Key(NamedTuple):
    """What decides an answer."""

    scheme: str
    target: bytes
    host: bytes
    accept: bytes
    encoding: bytes


class Asked(NamedTuple):
    """What decides an answer, the entity tags that the client has, and the id it gives."""

    key: Key
    unless: bytes
    id: bytes


def asked(scheme: str, target: bytes, headers: RawHeaders) -> Asked | None:
    """What a GET asks; None where more of it may decide the answer."""
    decides: dict[bytes, bytes] = {}
    unless = id = b""
    for name, value in headers:
        if name in _DECIDE:
            if name in decides:
                return None
            decides[name] = value
        elif name == b"if-none-match":
            if unless:
                return None
            unless = value
        elif name == _ID:
            id = id or value
        elif name in _ELSE:
            return None
    get = decides.get
    host, accept, encoding = get(b"host", b""), get(b"accept", b""), get(b"accept-encoding", b"")
    return Asked(Key(scheme, target, host, accept, encoding), unless, id)


def asked_by(scope: Scope) -> Asked | None:
    """The same of an ASGI request."""
    if scope["method"] != "GET":
        return None
    query = scope["query_string"]
    target = scope["raw_path"] + b"?" + query if query else scope["raw_path"]
    return asked(scope["scheme"], target, scope["headers"])


@dataclass(frozen=True)
class Response:
    """A whole answer of 200, but for its id and its date."""

    headers: RawHeaders
    content: bytes
    path: str  #: of the request, for the counters and the log
    query: str  #: the SPARQL that it came to
    release: str

    @cached_property
    def tag(self) -> bytes:
        """Its entity tag."""
        return dict(self.headers)[b"etag"]

    @cached_property
    def size(self) -> int:
        """Bytes that keeping it takes, about."""
        return len(self.content) + 4 * len(self.head)

    @cached_property
    def head(self) -> bytes:
        """Its headers on the wire."""
        return wire(self.headers)

    @cached_property
    def unchanged(self) -> RawHeaders:
        """The headers of a 304 in its place."""
        return [each for each in self.headers if each[0] not in _OF_CONTENT]

    @cached_property
    def unchanged_head(self) -> bytes:
        """The same on the wire."""
        return wire(self.unchanged)

    def messages(self, unless: bytes) -> tuple[Message, Message]:
        """It, or a 304, as ASGI sends it."""
        same = unless == self.tag
        headers = [*(self.unchanged if same else self.headers)]
        start = {"type": "http.response.start", "status": 304 if same else 200, "headers": headers}
        return start, {"type": "http.response.body", "body": b"" if same else self.content}


def response(start: Message, content: bytes, scope: Scope, query: str, release: str) -> Response:
    """What was sent, to be sent again."""
    headers = [(name.lower(), value) for name, value in start["headers"] if name.lower() != _ID]
    return Response(headers, content, scope["path"], query, release)


def wire(headers: RawHeaders) -> bytes:
    """Headers as they go on the wire."""
    return b"".join(b"%b: %b\r\n" % each for each in headers)
