"""Connections on which what was asked before goes no further than the parser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from api.again import RawHeaders
from api.bounded import Bounded

Again = Callable[[str, bytes, RawHeaders, object], tuple[int, bytes, bytes] | None]


class Protocol(Bounded):
    """One connection.

    `again` knows the whole answers of some requests: status, headers, body. They are sent
    without a task or an ASGI scope.
    """

    def __init__(self, again: Again | None, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._again = again
        self._answered = False

    def on_message_begin(self) -> None:
        """A head begins."""
        self._answered = False
        super().on_message_begin()

    def begin(self) -> None:
        """Answer here, or begin the application's answer."""
        self._answered = self._again is not None and self._answer(self._again)
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
