"""Connections on which what `direct` answers goes no further than the parser."""

from __future__ import annotations

import contextlib
from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from api import again, answers, telemetry
from api.bounded import Bounded
from api.direct import Direct, Reply, Underway
from kg.errors import KnowledgeGraphError


class Protocol(Bounded):
    """One connection, of a client or of one of the `proxies` (addresses, by comma).

    `direct` is asked first, and knows some answers without a task or an ASGI scope. Its query
    under way ends with the connection, and is handed over where anything comes between.
    """

    def __init__(
        self, direct: Direct, patience: float, proxies: str, *arguments: Any, **options: Any
    ) -> None:
        super().__init__(patience, *arguments, **options)
        self._direct = direct
        self._proxies = ProxyHeadersMiddleware(_nothing, proxies) if proxies else None
        self._underway: Underway | None = None
        self._answered = False

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has left."""
        underway, self._underway = self._underway, None
        if underway:
            underway.leave()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A head begins."""
        if self._underway:  # the client does not wait for the answer
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

    def _ask(self) -> bool:
        """Whether the request is answered here: at once or as soon as can be, and in its turn."""
        if (
            self.parser.get_method() != b"GET"
            or self.parser.get_http_version() != "1.1"
            or not self.parser.should_keep_alive()
            or self.transport.is_closing()
            or self.flow.write_paused
            or not (self.cycle is None or self.cycle.response_complete)
        ):
            return False
        asked = again.asked(self.scope["scheme"], self.url, self.headers)
        client, server = self.scope["client"], self.scope["server"]
        found = asked and self._direct.answer(asked, client, server, self._come)
        if isinstance(found, Underway):
            self._underway = found
        elif found:
            self._reply(found)
        return found is not None

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
        self.on_response_complete()
        reply.sent()

    def _hand_over(self, underway: Underway) -> None:
        """Let the application go on with a request; all of it has been parsed."""
        self._underway = None
        self.scope[answers.BEGUN] = underway.begun  # type: ignore[typeddict-unknown-key]
        self.scope[telemetry.SINCE] = underway.request.begun  # type: ignore[typeddict-unknown-key]
        super().begin()
        super().end()


async def _nothing(*_: Any) -> None:
    """Stand where an application would."""
