"""HTTP parsed in C, bounded in bytes and in time; what is no request is answered by a problem."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, Final

from httptools import HttpParserInvalidMethodError, HttpParserInvalidURLError
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api import problems
from kg.errors import KnowledgeGraphError

#: Bytes that the request line and the headers may have together.
MAX_HEAD: Final = 64 * 1024

#: How much longer than a head the rest of a request may take to come.
_BODY: Final = 10


class Bounded(HttpToolsProtocol):
    """One connection; `patience` are the seconds that a head may take to come."""

    def __init__(self, patience: float, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._patience = patience
        self._late: asyncio.TimerHandle | None = None
        self._coming = False
        self._in_head = True
        self._head = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first head."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._wait(self._patience)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._wait(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has come."""
        if self._in_head:
            self._head += len(data)
        super().data_received(data)
        if self._coming and self._late is None:
            self._wait(self._patience if self._in_head else self._patience * _BODY)
        if self._in_head and self._head > MAX_HEAD:
            self.refuse(problems.HeadTooLarge(f"expected {MAX_HEAD} bytes at most"))

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head = self._coming = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """It has ended."""
        self._in_head, self._head = False, 0
        if self._late:
            self._wait(None)
        self.begin()

    def begin(self) -> None:
        """Begin the answer to the request whose head is here."""
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request has ended."""
        self._coming = False
        if self._late:
            self._wait(None)
        self.end()

    def end(self) -> None:
        """All of the request is here."""
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be parsed."""
        match sys.exception():
            case HttpParserInvalidMethodError():
                expected = "expected GET, HEAD, POST, PUT, DELETE or PATCH"
                self.refuse(problems.UnknownMethod(expected))
            case HttpParserInvalidURLError():
                self.refuse(
                    problems.BadRequest(
                        "the URL has a character that must be percent-encoded (RFC 3986, 2.1), "
                        "as `curl -G --data-urlencode 'platform=百度'` does"
                    )
                )
            case _:
                self.refuse(problems.BadRequest(msg))

    def _wait(self, seconds: float | None) -> None:
        """Let what is to come take so long, from now on; None for no bound."""
        if self._late:
            self._late.cancel()
        self._late = self.loop.call_later(seconds, self._give_up) if seconds else None

    def _give_up(self) -> None:
        self.refuse(problems.TooLate("the rest of the request was waited for in vain"))

    def refuse(self, error: KnowledgeGraphError) -> None:
        """Answer by a problem, where no answer has begun, and close."""
        if self.transport.is_closing():
            return
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
