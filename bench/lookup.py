"""How quickly one client is answered, beside `oxigraph serve`: `python bench/lookup.py [QUADS]`.

Serves one synthetic graph of about QUADS quads (default 1,000,000, as `bench/serve.py` makes it)
with `kg serve` and with `oxigraph serve`, and asks both in turn, a few requests each, on one
connection each, so that what else the machine does meets both. Prints the seconds to the first
answer after the start, then for a lookup that is new, one that was asked before, and a warm named
query the median and p99 in microseconds, the CPU of server and workers a request, and how many
times `oxigraph serve`'s new lookup each is. `KG_HOME` names a release to serve in place of a new
one, `OXIGRAPH` the program where it is not on the path.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from peers import free_port, installed, settled, used
from pyoxigraph import Store
from serve import NAMED_PATH, QUERIES, publish

from kg.release import Home

ROUNDS, BLOCK = 60, 50
LOOKUP = QUERIES["point lookup"]
CHANCE = random.Random(1)


class Client:
    """One kept-alive connection, with as little Python around it as can be."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, target: str) -> float:
        """Seconds until the whole answer is here."""
        request = f"GET {target} HTTP/1.1\r\nHost: x\r\nAccept: text/csv\r\n\r\n".encode()
        begun = time.perf_counter()
        self._socket.sendall(request)
        found = self._socket.recv(1 << 16)
        while not _whole(found):
            if not (more := self._socket.recv(1 << 16)):
                raise OSError("the server has hung up")
            found += more
        taken = time.perf_counter() - begun
        if not found.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"{target}: {found[:300].decode()}")
        return taken

    def close(self) -> None:
        self._socket.close()


def _whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    if lengths:
        return bool(end) and len(body) >= int(lengths[0][15:])
    return body.endswith(b"0\r\n\r\n")


@contextmanager
def started(name: str, path: str, port: int, command: list[str]) -> Iterator[int]:
    """A server that answers, and its process id; prints how long that took."""
    begun = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ
    ) as process:
        try:
            while True:
                try:
                    client = Client(port)
                    client.ask(f"{path}?query=ASK%20%7B%7D")
                    client.close()
                    break
                except OSError:
                    if process.poll() is not None:
                        raise SystemExit(f"{name} has ended") from None
                    time.sleep(0.01)
            print(f"{name:<14} first answer after {time.perf_counter() - begun:.2f} s, "
                  f"{used(process.pid):.2f} s of CPU", flush=True)  # fmt: skip
            yield process.pid
        finally:
            process.terminate()


def oxigraph(folder: Path) -> str:
    """The program of `oxigraph serve`, from the path or from PyPI."""
    if found := os.environ.get("OXIGRAPH") or shutil.which("oxigraph"):
        return found
    return str(installed(folder, "oxigraph") / "oxigraph")


def new(path: str) -> Callable[[], str]:
    """Lookups that nobody has asked before."""
    numbers = CHANCE.sample(range(50_000), ROUNDS * BLOCK)
    targets = (f"{path}?query={quote(LOOKUP.format(n=number))}" for number in numbers)
    return lambda: next(targets)


def again(target: str) -> Callable[[], str]:
    """One and the same request."""
    return lambda: target


def main() -> None:
    quads = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if "KG_HOME" not in os.environ:
            publish(folder / "home", quads)
            os.environ["KG_HOME"] = str(folder / "home")
        store = folder / "store"
        # By hard links: both serve the very same files.
        Store.read_only(str(Home(Path(os.environ["KG_HOME"])).current().store_path)).backup(
            str(store)
        )
        theirs, ours = free_port(), free_port()
        peer = [oxigraph(folder), "serve-read-only", "--location", str(store)]
        peer += ["--bind", f"127.0.0.1:{theirs}"]
        kg = [sys.executable, "-m", "kg", "serve", "--port", str(ours)]
        with (
            started("oxigraph serve", "/query", theirs, peer) as their_pid,
            started("kg serve", "/sparql", ours, kg) as our_pid,
        ):
            settled(ours)
            _compare(Client(theirs), their_pid, Client(ours), our_pid)


def _compare(theirs: Client, their_pid: int, ours: Client, our_pid: int) -> None:
    known = f"/sparql?query={quote(LOOKUP.format(n=1))}"
    asked = {
        "oxigraph serve, new lookup": (theirs, their_pid, new("/query")),
        "kg serve, new lookup": (ours, our_pid, new("/sparql")),
        "kg serve, lookup again": (ours, our_pid, again(known)),
        "kg serve, named query": (ours, our_pid, again(NAMED_PATH)),
    }
    taken: dict[str, list[float]] = {name: [] for name in asked}
    cpu = dict.fromkeys(asked, 0.0)
    for round in range(ROUNDS):
        for name, (client, pid, target) in asked.items():
            before = used(pid)
            times = [client.ask(target()) for _ in range(BLOCK)]
            if round:  # the first one warms
                taken[name] += times
                cpu[name] += used(pid) - before
    base = statistics.median(taken["oxigraph serve, new lookup"])
    for name, times in taken.items():
        times.sort()
        middle, last = statistics.median(times), times[len(times) * 99 // 100]
        print(f"{name:<28} {middle * 1e6:6.0f} µs   p99 {last * 1e6:6.0f} µs   "
              f"CPU {cpu[name] / len(times) * 1e6:5.0f} µs   {base / middle:5.2f}×")  # fmt: skip


if __name__ == "__main__":
    main()
