"""HTTP parsed in C, bounded in bytes and in time; what `direct` answers goes no further.

Importing it needs httptools; where that is not installed the server parses with h11, which bounds
a head's bytes, at more CPU a request.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, Final

from httptools import HttpParserInvalidMethodError
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api import again, answers, problems, telemetry
from api.direct import Direct, Reply, Underway
from kg.errors import KnowledgeGraphError

#: Bytes that the request line and the headers may have together.
MAX_HEAD: Final = 64 * 1024

#: How much longer than a head a whole request may take to come.
_BODY: Final = 10


class Protocol(HttpToolsProtocol):
    """One connection; what cannot be a request is answered by a problem, and the end of it.

    `direct` is asked first, and knows some answers without a task or an ASGI scope. Its query
    under way ends with the connection, and is handed over where anything comes between.
    `patience` are the seconds that a head may take to come.
    """

    def __init__(
        self, direct: Direct | None, patience: float, *arguments: Any, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self._direct = direct
        self._underway: Underway | None = None
        self._patience = patience
        self._late: asyncio.TimerHandle | None = None
        self._coming = False
        self._in_head = True
        self._head = 0
        self._answered = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first head."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._wait(self._patience)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has left."""
        self._wait(None)
        underway, self._underway = self._underway, None
        if underway:
            underway.leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has come."""
        if self._in_head:
            self._head += len(data)
        super().data_received(data)
        if self._coming and self._late is None:
            self._wait(self._patience if self._in_head else self._patience * _BODY)
        if self._in_head and self._head > MAX_HEAD:
            self._refuse(problems.HeadTooLarge(f"expected {MAX_HEAD} bytes at most"))

    def on_message_begin(self) -> None:
        """A head begins."""
        if self._underway:  # the client does not wait for the answer
            self._hand_over(self._underway)
        self._in_head = self._coming = True
        self._answered = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """It has ended."""
        self._in_head, self._head = False, 0
        self._wait(None)
        self._answered = self._direct is not None and self._ask(self._direct)
        if not self._answered:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """More of a body has come."""
        if not self._answered:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request has ended."""
        self._coming = False
        self._wait(None)
        if not self._answered:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be parsed."""
        if isinstance(sys.exception(), HttpParserInvalidMethodError):
            self._refuse(problems.UnknownMethod("expected GET, HEAD, POST, PUT, DELETE or PATCH"))
        else:
            self._refuse(problems.BadRequest(msg))

    def shutdown(self) -> None:
        """The server ends once this connection's answer has."""
        if self._underway:
            self._hand_over(self._underway)
        super().shutdown()

    def _wait(self, seconds: float | None) -> None:
        """Let what is to come take so long, from now on; None for no bound."""
        if self._late:
            self._late.cancel()
        self._late = self.loop.call_later(seconds, self._give_up) if seconds else None

    def _give_up(self) -> None:
        self._refuse(problems.TooLate("the rest of the request was waited for in vain"))

    def _refuse(self, error: KnowledgeGraphError) -> None:
        """Answer by a problem, where no answer has begun, and close."""
        if self.transport.is_closing():
            return
        if self._underway:
            self._hand_over(self._underway)
        under_way = self.cycle is not None and not self.cycle.response_complete
        # Nor where that to an earlier request is still to come: this one would pass for it.
        begun = under_way if self._in_head else not under_way or self.cycle.response_started
        if not begun and not self.pipeline:
            found = problems.document(error, "")
            del found["instance"]
            body = json.dumps(found).encode()
            head = (
                b"content-type: %b\r\ncontent-length: %d\r\naccess-control-allow-origin: *\r\n"
                b"x-content-type-options: nosniff\r\nconnection: close\r\n\r\n"
            ) % (problems.MEDIA_TYPE.encode(), len(body))
            date = [b"%b: %b\r\n" % each for each in self.server_state.default_headers]
            self.transport.write(b"".join((STATUS_LINE[found["status"]], *date, head, body)))
        self.transport.close()

    def _ask(self, direct: Direct) -> bool:
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
        asked = again.asked(self.scheme or "http", self.url, self.headers)
        found = asked and direct.answer(asked, self.client, self.server, self._come)
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
        super().on_headers_complete()
        super().on_message_complete()
