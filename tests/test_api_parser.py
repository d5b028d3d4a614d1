"""Requests in known words: answered as parsed ones are, whatever comes in which pieces."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any, cast

import pytest
import uvicorn
from hypothesis import example, given, settings
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from api import again
from api.direct import Direct, Reply
from api.http import Address
from api.parser import Protocol

PATIENCE = 60.0
PROXY = "192.0.2.1"
AGAIN = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"


class Echo:
    """In place of `Direct`: answers by what is asked, but for some targets; counts the answers."""

    def __init__(self) -> None:
        self.answered = 0

    def answer(self, asked: again.Asked, client: Address, *_: object) -> Reply | None:
        if asked.key.target.startswith(b"/app"):
            return None
        body = repr((asked, client)).encode()
        self.answered += 1
        return Reply(200, b"content-length: %d\r\n\r\n" % len(body), body, lambda: None)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers by all that came."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    told = repr([scope[name] for name in ("method", "raw_path", "query_string", "headers")])
    content = told.encode() + body
    length = (b"content-length", str(len(content)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": content})


class Wire(asyncio.Transport):
    """What was written, while nobody closed it."""

    def __init__(self) -> None:
        super().__init__({"sockname": ("127.0.0.1", 80), "peername": (PROXY, 4000)})
        self.written = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += b"" if self.closed else data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Connection:
    """One connection with both, as a server has it."""

    def __init__(self, proxies: str = "") -> None:
        config = uvicorn.Config(
            app, lifespan="off", log_config=None, ws="none", proxy_headers=False
        )
        config.load()
        self.echo, self.wire = Echo(), Wire()
        direct = cast(Direct, self.echo)
        self.protocol = Protocol(
            direct, PATIENCE, proxies, config=config, server_state=ServerState(), app_state={}
        )
        self.protocol.connection_made(self.wire)

    async def ask(self, *pieces: bytes) -> bytes:
        """What is answered to a request."""
        before = len(self.wire.written)
        for piece in pieces:
            if not self.wire.closed:
                self.protocol.data_received(piece)
        for _ in range(6):  # the application's task
            await asyncio.sleep(0)
        return self.wire.written[before:]

    def end(self) -> None:
        self.wire.close()
        self.protocol.connection_lost(None)


def run(main: Callable[[Connection], Awaitable[None]], proxies: str = "") -> None:
    async def connected() -> None:
        connection = Connection(proxies)
        await main(connection)
        connection.end()

    asyncio.run(connected())


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted({cut % len(data) for cut in cuts}), len(data)]
    return [data[low:high] for low, high in pairwise(places) if low < high]


TARGETS = st.one_of(
    st.sampled_from(["/", "/a", "/app", "/app?b#c", "/a#b", "*", "http://x/a", "/a b", "", "/é"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8).map("/{}".format),
)
HEADERS = st.just("Host: x\r\n") | st.sampled_from([
    "Host: x\r\nAccept: text/csv\r\nX-Request-ID: 7\r\n",
    "Host: x\r\nIf-None-Match: \"1\"\r\n",
    "Host: x\r\nConnection: close\r\n",
    "Host: x\r\nConnection: upgrade\r\nUpgrade: other\r\n",
    "Host: x\r\nExpect: 100-continue\r\n",
    "Host: x\r\nContent-Length: 3\r\n",
    "Host: x\nAccept: a\r\n",
    "Host: x\r\n folded\r\n",
    "Transfer-Encoding: chunked\r\n",
    "no header\r\n",
    "",
])  # fmt: skip
REQUESTS = st.builds(
    lambda method, target, version, headers, body: (
        f"{method} {target} HTTP/{version}\r\n{headers}\r\n{body}".encode()
    ),
    st.sampled_from([*["GET"] * 8, "POST", "HEAD", "get"]),
    TARGETS,
    st.sampled_from([*["1.1"] * 8, "1.0"]),
    HEADERS,
    st.sampled_from([*[""] * 8, "abc", "\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(REQUESTS, min_size=1, max_size=6), st.lists(st.integers(0, 200), max_size=4))
@example([AGAIN, AGAIN, AGAIN.replace(b"/a", b"/app"), AGAIN], [])
@example([AGAIN, AGAIN + AGAIN, AGAIN], [9])
def test_answers_are_the_same_in_one_piece_and_in_many(
    requests: list[bytes], cuts: list[int]
) -> None:
    async def main() -> None:
        whole, parted, parsed = Connection(), Connection(), Connection()
        for request in requests:
            answer = await whole.ask(request)
            parsed.protocol._words = None
            others = [(parsed, await parsed.ask(request))]
            if b"Upgrade" not in b"".join(requests):  # httptools reads no piece after that
                others.append((parted, await parted.ask(*pieces(request, cuts))))
            for other, found in others:
                assert found == answer
                assert other.wire.closed == whole.wire.closed
                assert other.echo.answered == whole.echo.answered
        for each in (whole, parted, parsed):
            each.end()

    asyncio.run(main())


def test_request_in_known_words_is_not_parsed() -> None:
    async def main(connection: Connection) -> None:
        await connection.ask(AGAIN)
        parser, connection.protocol.parser = connection.protocol.parser, cast(Any, None)
        answer = await connection.ask(AGAIN.replace(b"/a", b"/b?c=%20"))
        assert b"/b?c=%20" in answer
        with pytest.raises(AttributeError):
            await connection.ask(AGAIN.replace(b"Host", b"host"))
        connection.protocol.parser = parser

    run(main)


@pytest.mark.parametrize(("requests", "closes"), [(1, True), (3, False)])
def test_timer_of_an_older_answer_closes_only_what_rests_since_then(
    requests: int, closes: bool
) -> None:
    async def main(connection: Connection) -> None:
        for _ in range(requests):
            await connection.ask(AGAIN)
        timer = connection.protocol.timeout_keep_alive_task
        connection.protocol.timeout_keep_alive_handler()
        assert connection.wire.closed == closes
        assert (connection.protocol.timeout_keep_alive_task is timer) == closes
        assert connection.protocol.server_state.total_requests == requests

    run(main)


@pytest.mark.parametrize(
    "other",
    [
        AGAIN.replace(b"\r\n\r\n", b"\r\nAccept: text/csv\r\n\r\n"),
        AGAIN.replace(b"/a", b"/app"),
        AGAIN.replace(b"/a", b"/a%20b"),
        b"POST" + AGAIN[3:-2] + b"Content-Length: 2\r\n\r\nab",
        AGAIN + AGAIN.replace(b"/a", b"/app") + AGAIN,
    ],
)
def test_other_words_and_other_answers_come_between_as_ever(other: bytes) -> None:
    async def main(connection: Connection) -> None:
        first = await connection.ask(AGAIN)
        between = await connection.ask(other)
        assert await connection.ask(AGAIN) == first
        assert between == await Connection().ask(*pieces(other, [5, 30]))

    run(main)


def test_who_asks_through_a_proxy_is_part_of_the_words() -> None:
    async def main(connection: Connection) -> None:
        for client in (b"198.51.100.7", b"198.51.100.8"):
            request = AGAIN[:-2] + b"X-Forwarded-For: %b\r\n\r\n" % client
            found = [await connection.ask(request) for _ in range(3)]
            assert client in found[0]
            assert len({*found}) == 1

    run(main, proxies=PROXY)


def test_words_that_are_too_long_to_remember_are_parsed_each_time() -> None:
    async def main(connection: Connection) -> None:
        request = AGAIN[:-2] + b"User-Agent: %b\r\n\r\n" % bytes(5000).replace(b"\0", b"a")
        found = [await connection.ask(request) for _ in range(2)]
        assert found[0] == found[1] != b""
        assert connection.protocol._words is None

    run(main)
