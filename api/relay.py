"""The way out of federated queries: a server on loopback that asks the endpoints on the list.

A SERVICE of the list is rewritten to a URL of the relay, under a secret of this process; workers
of federated queries reach its port and nothing else. It follows no redirect, and an endpoint that
takes too long or says too much is an error of that SERVICE.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from kg.settings import Settings

_MOST_REQUEST: Final = 1024 * 1024
_PASSED: Final = ("accept", "content-type")


class Relay:
    """Its port, and the URL that stands for each endpoint."""

    def __init__(self, settings: Settings) -> None:
        self._deadline = settings.service_deadline
        self._bytes = settings.service_bytes
        self._targets = {f"/{secrets.token_urlsafe(16)}": iri for iri in settings.allowed_services}
        self.port = 0

    @property
    def routes(self) -> Mapping[str, str]:
        """Endpoint → the URL to ask in its place."""
        return {iri: f"http://127.0.0.1:{self.port}{path}" for path, iri in self._targets.items()}

    def named(self, text: str) -> str:
        """A message with the endpoints' own names in it."""
        for iri, url in self.routes.items():
            text = text.replace(url, iri)
        return text

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen, where there is any endpoint to ask."""
        if not self._targets:
            yield
            return
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 16)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        status, kind, content = 502, "text/plain", b"the endpoint could not be asked"
        try:
            async with asyncio.timeout(self._deadline + 1):
                target, headers, body = await _request(reader)
                iri = self._targets[target]
                status, kind, content = await asyncio.to_thread(self._ask, iri, headers, body)
        except (KeyError, ValueError, OSError, EOFError, http.client.HTTPException) as error:
            content = f"the endpoint could not be asked: {type(error).__name__}".encode()
        except TimeoutError:
            content = b"the endpoint took too long"
        except asyncio.LimitOverrunError:
            content = b"the request is too long"
        head = (
            f"HTTP/1.1 {status} .\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        )
        with contextlib.suppress(OSError):  # the worker has ended
            writer.write(head.encode("latin-1", "replace") + content)
            await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    def _ask(self, iri: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str, bytes]:
        """Status, content type and content of the endpoint's answer, in a thread of its own."""
        ends = time.monotonic() + self._deadline
        url = urlsplit(iri)
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        connection = kind(url.hostname or "", url.port, timeout=self._deadline)
        try:
            path = (url.path or "/") + (f"?{url.query}" if url.query else "")
            connection.request("POST", path, body, {**headers, "User-Agent": "aicluster-kg"})
            answer = connection.getresponse()
            parts, size = [], 0
            while part := answer.read1(1 << 16):
                size += len(part)
                left = ends - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                if size > self._bytes:
                    return 502, "text/plain", b"the endpoint's answer is too large"
                parts.append(part)
                if connection.sock:
                    connection.sock.settimeout(left)
            if answer.status != 200:
                return 502, "text/plain", f"the endpoint answered {answer.status}".encode()
            return 200, answer.headers.get("content-type", ""), b"".join(parts)
        finally:
            connection.close()


async def _request(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    """Target, headers that are passed on, and body of the engine's request."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    _, target, _ = head[0].split(" ")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])
    }
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= _MOST_REQUEST:
        raise ValueError("content-length")
    body = await reader.readexactly(length)
    return target, {name: headers[name] for name in _PASSED if name in headers}, body
