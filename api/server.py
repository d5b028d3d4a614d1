"""`serve`: one process, one port, until SIGTERM or SIGINT; it leaves no process behind.

The first signal stops accepting and lets answers finish; a second one cuts them. SIGHUP loads
the current release and the catalogue anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ipaddress
import math
import signal
import socket
from collections.abc import Callable, Iterator
from functools import partial

import uvicorn
import uvloop

from api.app import create_app
from api.parser import Protocol
from kg.errors import InputError, reason
from kg.release import Home
from kg.settings import Settings


def serve(
    home: Home | None,
    settings: Settings,
    host: str = "127.0.0.1",
    port: int = 8000,
    ready: Callable[[str], None] = lambda url: print(f"serving at {url}", flush=True),
) -> None:
    """Serve the current release of `home`, and whichever becomes current, until a signal.

    Without a home it is a scratch dataset, on an address of this machine only. `ready` is told
    the URL once requests are answered; port 0 takes a free one. Raises NoRelease where nothing
    was published, InputError where the address cannot be taken.
    """
    if home:
        home.current()
    listening = _listening(host, port)
    if not home and not ipaddress.ip_address(listening.getsockname()[0]).is_loopback:
        listening.close()
        raise InputError(f"{host}: anyone may write here; expected an address such as 127.0.0.1")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(home, settings, listening, ready))


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise InputError(f"{host}:{port}: cannot listen here: {reason(error)}") from None
    # Connections inherit it. Without it an answer of two writes waits for the client's delayed
    # acknowledgement, 40 ms: asyncio sets it only where the socket names TCP.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


async def _serve(
    home: Home | None, settings: Settings, listening: socket.socket, ready: Callable[[str], None]
) -> None:
    app = create_app(home, settings)
    # What stays for good, most of it modules, is looked at by no collection: one of all took a
    # tenth of a second, in which nobody was answered.
    gc.freeze()
    config = uvicorn.Config(
        app,
        http=partial(Protocol, app.direct, settings.patience, settings.proxies),  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # the connection itself looks at them
        # An answer ends at its deadline at the latest; a client that does not read is cut.
        timeout_graceful_shutdown=math.ceil(settings.deadline) + 1,
    )
    server = _Server(config, lambda: ready(_url(listening)))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    loop.add_signal_handler(signal.SIGHUP, app.reload)
    # Not by uvicorn's lifespan: what fails here is raised as it is, and a second signal does
    # not skip the end.
    with listening:
        async with app.running():
            await server.serve(sockets=[listening])


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


class _Server(uvicorn.Server):
    """Uvicorn's server with its signals left to us: it would raise them again, before we close."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    def stop(self) -> None:
        """Stop at the first call, at once at the second."""
        if self.should_exit:
            self.force_exit = True
            # From Python 3.12 on, a server that closes waits for its connections even so.
            for connection in [*self.server_state.connections]:
                connection.transport.abort()
        self.should_exit = True
