"""HTTP parsed in C, with a bound on a request's head; what was asked before goes no further.

Importing it needs httptools; where that is not installed the server parses with h11, which has
such a bound, at more CPU a request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.again import RawHeaders

#: Bytes that the request line and the headers may have together.
MAX_HEAD: Final = 64 * 1024

Again = Callable[[str, bytes, RawHeaders, object], tuple[int, bytes, bytes] | None]


class Protocol(HttpToolsProtocol):
    """One connection; a head that is too large is answered by 400, and the connection closed.

    `again` knows the whole answers of some requests: status, headers, body. They are sent
    without a task or an ASGI scope.
    """

    def __init__(self, again: Again | None, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._again = again
        self._in_head = True
        self._head = 0
        self._answered = False

    def data_received(self, data: bytes) -> None:
        """Parse what has come."""
        if self._in_head:
            self._head += len(data)
        super().data_received(data)
        if self._in_head and self._head > MAX_HEAD and not self.transport.is_closing():
            self.send_400_response("The request's head is too large.")

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head = True
        self._answered = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """It has ended."""
        self._in_head, self._head = False, 0
        self._answered = self._again is not None and self._answer(self._again)
        if not self._answered:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """More of a body has come."""
        if not self._answered:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request has ended."""
        if not self._answered:
            super().on_message_complete()

    def _answer(self, again: Again) -> bool:
        """Whether the request was answered here: at once, and in its turn."""
        if (
            self.parser.get_method() != b"GET"
            or self.parser.get_http_version() != "1.1"
            or not self.parser.should_keep_alive()
            or self.transport.is_closing()
            or self.flow.write_paused
            or not (self.cycle is None or self.cycle.response_complete)
        ):
            return False
        known = again(self.scheme or "http", self.url, self.headers, self.client)
        if known is None:
            return False
        status, head, body = known
        date = [b"%b: %b\r\n" % each for each in self.server_state.default_headers]
        self.transport.write(b"".join((STATUS_LINE[status], *date, head, body)))
        self.on_response_complete()
        return True
