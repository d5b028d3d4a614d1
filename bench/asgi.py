"""Which HTTP server costs least a request: `python bench/asgi.py`.

Serves one small answer, as large as a look-up's, from a plain ASGI application by uvicorn on
asyncio, by uvicorn on uvloop and by granian, each from PyPI, in turn, at 1 and 8 connections.
Prints requests a second, CPU microseconds of the server a request, and how much of the first
server's that is.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from peers import Peer, free_port, installed, running

ROUNDS, SECONDS = 8, 0.6
HEADERS, BODY = 10, 300  # of an answer: so many headers, so many bytes
APPLICATION = f"""
HEADERS = [(b"content-length", b"{BODY}"), *((b"x-%d" % n, b"v" * 30) for n in range({HEADERS}))]
async def app(scope, receive, send):
    await send({{"type": "http.response.start", "status": 200, "headers": HEADERS}})
    await send({{"type": "http.response.body", "body": b"x" * {BODY}}})
"""


@dataclass
class Measured:
    """What the rounds of one server came to."""

    requests: int = 0
    seconds: float = 0.0
    cpu: float = 0.0


def servers(folder: Path) -> list[contextlib.AbstractContextManager[Peer]]:
    """All of them, installed."""
    (folder / "hello.py").write_text(APPLICATION)
    programs = installed(folder, "uvicorn[standard]", "granian")
    uvicorn = [str(programs / "uvicorn"), "hello:app", "--no-access-log", "--lifespan", "off"]
    granian = [str(programs / "granian"), "--interface", "asginl", "--no-access-log", "hello:app"]
    commands = {
        "uvicorn": [*uvicorn, "--loop", "asyncio", "--http", "httptools"],
        "uvicorn, uvloop": [*uvicorn, "--loop", "uvloop", "--http", "httptools"],
        "granian": granian,
    }
    ports = {name: free_port() for name in commands}
    return [
        running(
            name, [*command, "--port", str(ports[name])], ports[name], "/", PYTHONPATH=str(folder)
        )
        for name, command in commands.items()
    ]


async def ask(port: int, connections: int) -> int:
    """Requests that clients on so many connections had answered in one round."""
    ends = time.perf_counter() + SECONDS

    async def client() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        asked = 0
        while time.perf_counter() < ends:
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(BODY)
            asked += 1
        writer.close()
        return asked

    return sum(await asyncio.gather(*(client() for _ in range(connections))))


def ready(peer: Peer) -> None:
    """Wait until a server answers."""
    while True:
        if peer.process.poll() is not None:
            raise SystemExit(f"{peer.name} has ended")
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", peer.port)).close()
            return
        time.sleep(0.05)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        peers = [stack.enter_context(each) for each in servers(Path(folder))]
        for peer in peers:
            ready(peer)
        for connections in (1, 8):
            found = {peer.name: Measured() for peer in peers}
            for round in range(ROUNDS):
                for peer in peers:
                    spent, begun = peer.spent(), time.perf_counter()
                    requests = asyncio.run(ask(peer.port, connections))
                    if round:  # the first one warms
                        each = found[peer.name]
                        each.requests += requests
                        each.seconds += time.perf_counter() - begun
                        each.cpu += peer.spent() - spent
            base = found["uvicorn"].cpu / found["uvicorn"].requests
            for name, each in found.items():
                cpu = each.cpu / each.requests
                print(f"{name:<16} {connections} {each.requests / each.seconds:>8.0f}/s   "
                      f"CPU {cpu * 1e6:4.0f} µs   {cpu / base:.2f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
