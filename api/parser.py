"""Connections on which what `direct` answers goes no further than the parser."""

from __future__ import annotations

import contextlib
import re
from typing import Any, Final, NamedTuple

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from api import again, answers, telemetry
from api.again import Asked, Key
from api.bounded import MAX_HEAD, Bounded
from api.direct import Direct, Reply, Underway
from api.http import Address
from kg.errors import KnowledgeGraphError

#: A request line up to its version, of a target that any parser takes as it is.
_LINE: Final = re.compile(rb'GET (/[!-"$-~]*)')

#: The whole of one head, in lines that end as they should.
_HEAD: Final = re.compile(rb"(?:[^\r\n]+\r\n)+\r\n")

#: Bytes of a head that is remembered.
_LONGEST: Final = 4096


class _Words(NamedTuple):
    """What a client says in each of its requests behind the target, and what it asks by that."""

    text: bytes
    asked: Asked
    client: Address


class Protocol(Bounded):
    """One connection, of a client or of one of the `proxies` (addresses, by comma).

    `direct` is asked first, and knows some answers without a task or an ASGI scope. Its query
    under way ends with the connection, and is handed over where anything comes between.

    A client asks for one target after the other in the same words. Where these were parsed once,
    a request that comes in one piece is compared with them, and parsed only where it has to be.
    """

    def __init__(
        self, direct: Direct, patience: float, proxies: str, *arguments: Any, **options: Any
    ) -> None:
        super().__init__(patience, *arguments, **options)
        self._direct = direct
        self._proxies = ProxyHeadersMiddleware(_nothing, proxies) if proxies else None
        self._underway: Underway | None = None
        self._answered = False
        self._piece = b""  #: with which the request at hand has begun
        self._words: _Words | None = None  #: of the request before
        self._rests = 0.0  #: since when nothing is under way, where a timer was left as it was
        self._known = False  #: whether `direct` was asked before the request at hand was parsed

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has left."""
        underway, self._underway = self._underway, None
        if underway:
            underway.leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Answer what is asked in known words, and parse all else."""
        if not self._coming:
            self._piece = data if len(data) <= _LONGEST else b""
            if (words := self._words) and self._is_free() and (asked := _in(words, data)):
                if isinstance(self._find(asked, words.client), Reply):
                    return
                self._known = True
        super().data_received(data)

    def on_message_begin(self) -> None:
        """A head begins."""
        if self._underway and not self._known:  # the client does not wait for the answer
            self._hand_over(self._underway)
        self._answered = False
        super().on_message_begin()

    def begin(self) -> None:
        """Answer here, or begin the application's answer."""
        if self._proxies:
            self._see_through(self._proxies)
        self._answered = self._ask()
        if not self._answered:
            super().begin()

    def on_body(self, body: bytes) -> None:
        """More of a body has come."""
        if not self._answered:
            super().on_body(body)

    def end(self) -> None:
        """Tell the application that all of the request is here."""
        if not self._answered:
            super().end()

    def shutdown(self) -> None:
        """The server ends once this connection's answer has."""
        if self._underway:
            self._hand_over(self._underway)
        super().shutdown()

    def refuse(self, error: KnowledgeGraphError) -> None:
        """Answer by a problem, and close; a query under way is the application's to answer."""
        if self._underway and not self.transport.is_closing():
            self._hand_over(self._underway)
        super().refuse(error)

    def _see_through(self, proxies: ProxyHeadersMiddleware) -> None:
        """Have the scope say who asks, by which scheme, where a proxy asks for them."""
        with contextlib.suppress(StopIteration):  # it changes the scope, and awaits nothing
            proxies(self.scope, _nothing, _nothing).send(None)  # type: ignore[arg-type]

    def _is_free(self) -> bool:
        """Whether an answer could go out: no other is under way, and the client reads."""
        return (
            (self.cycle is None or self.cycle.response_complete)
            and self._underway is None
            and not self.flow.write_paused
            and not self.transport.is_closing()
        )

    def _ask(self) -> bool:
        """Whether the request is answered here: at once or as soon as can be, and in its turn."""
        if self._known:
            self._known = False
            return self._underway is not None
        if (
            self.parser.get_method() != b"GET"
            or self.parser.get_http_version() != "1.1"
            or not self.parser.should_keep_alive()
            or not self._is_free()
        ):
            return False
        asked = again.asked(self.scope["scheme"], self.url, self.headers)
        if asked is None:
            return False
        client = self.scope["client"]
        if self._piece.startswith(b"GET %b HTTP/1.1\r\n" % self.url) and _HEAD.fullmatch(
            self._piece
        ):
            self._words = _Words(self._piece[len(b"GET ") + len(self.url) :], asked, client)
        return self._find(asked, client) is not None

    def _find(self, asked: Asked, client: Address) -> Reply | Underway | None:
        """What `direct` knows: an answer, which is sent, or what is under way to it."""
        found = self._direct.answer(asked, client, self.server, self._come)
        if isinstance(found, Underway):
            self._underway = found
        elif found:
            self._reply(found)
        return found

    def _come(self) -> None:
        """There is an answer to the query under way, or a failure."""
        underway = self._underway
        if underway is None:
            return
        if reply := underway.reply():
            self._underway = None
            self._reply(reply)
        else:
            self._hand_over(underway)

    def _reply(self, reply: Reply) -> None:
        date = [b"%b: %b\r\n" % each for each in self.server_state.default_headers]
        self.transport.write(b"".join((STATUS_LINE[reply.status], *date, reply.head, reply.body)))
        if self.timeout_keep_alive_task:  # nothing was parsed
            self.server_state.total_requests += 1
            self._rests = self.loop.time()
        else:
            self.on_response_complete()
        reply.sent()

    def timeout_keep_alive_handler(self) -> None:
        """Close what rests for as long as it may."""
        left = self._rests + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            later = self.loop.call_later(left, self.timeout_keep_alive_handler)
            self.timeout_keep_alive_task = later
        else:
            super().timeout_keep_alive_handler()

    def _hand_over(self, underway: Underway) -> None:
        """Let the application go on with a request; all of it has been parsed."""
        self._underway = None
        self.scope[answers.BEGUN] = underway.begun  # type: ignore[typeddict-unknown-key]
        self.scope[telemetry.SINCE] = underway.request.begun  # type: ignore[typeddict-unknown-key]
        super().begin()
        super().end()


def _in(words: _Words, data: bytes) -> Asked | None:
    """What a request asks, where it is in these words."""
    if len(data) > MAX_HEAD or not data.endswith(words.text):
        return None
    line = _LINE.fullmatch(data, 0, len(data) - len(words.text))
    if line is None:
        return None
    (scheme, _, *others), unless, id = words.asked
    return Asked(Key(scheme, line[1], *others), unless, id)


async def _nothing(*_: Any) -> None:
    """Stand where an application would."""
