"""The HTTP parser in C with a bound on a request's head, which it does not have itself.

Importing it needs httptools; where that is not installed the server parses with h11, which has
such a bound, at more CPU a request.
"""

from __future__ import annotations

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Bytes that the request line and the headers may have together.
MAX_HEAD: Final = 64 * 1024


class BoundedProtocol(HttpToolsProtocol):
    """One connection; a head that is too large is answered by 400, and the connection closed."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._in_head = True
        self._head = 0

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
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """It has ended."""
        self._in_head, self._head = False, 0
        super().on_headers_complete()
