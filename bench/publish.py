"""How soon a release answers: `python bench/publish.py [QUADS]`.

Serves a synthetic graph of about QUADS quads (default 1,000,000, as `bench/serve.py` makes it) and
measures the start of `kg serve` to its first answer, and updates of one triple, each from being
sent to being answered; the next request must see it. Prints seconds, and the CPU seconds of the
server and of its workers for each.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from peers import free_port, used
from serve import publish

from kg import vocab
from kg.release import Home
from kg.tokens import Tokens

UPDATES = 12
GRAPH = vocab.EDITS + "bench"


def answers(client: httpx.Client, query: str) -> bool:
    found = client.get("/sparql", params={"query": query, "format": "csv"})
    return found.status_code == 200 and found.text.strip() == "true"


def main() -> None:
    quads = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as place:
        folder = Path(os.environ.get("KG_HOME") or place)
        if not (folder / "current").exists():
            publish(folder, quads)
        token = Tokens(Home(folder).path).add(f"bench-{time.time_ns()}", ["edits/bench"])
        port = free_port()
        begun = time.perf_counter()
        command = [sys.executable, "-m", "kg", "serve", "--port", str(port)]
        environment = os.environ | {"KG_HOME": str(folder)}
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment) as server:
            try:
                with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                    while True:
                        try:
                            if answers(client, "ASK {}"):
                                break
                        except httpx.TransportError:
                            time.sleep(0.02)
                    print(f"first answer after {time.perf_counter() - begun:.2f} s, "
                          f"{used(server.pid):.2f} s of CPU")  # fmt: skip
                    _updates(client, server.pid, token)
            finally:
                server.terminate()


def _updates(client: httpx.Client, pid: int, token: str) -> None:
    seconds, cpu = [], []
    for number in range(UPDATES):
        triple = f'<http://example.org/p{number}> <{vocab.SKOS}note> "{number}"'
        spent, begun = used(pid), time.perf_counter()
        answer = client.post(
            "/sparql",
            data={"update": f"INSERT DATA {{ GRAPH <{GRAPH}> {{ {triple} }} }}"},
            headers={"Authorization": f"Bearer {token}"},
        )
        answer.raise_for_status()
        if not answers(client, f"ASK {{ {triple} }}"):
            raise SystemExit(f"update {number} is not visible to the next request")
        seconds.append(time.perf_counter() - begun)
        cpu.append(used(pid) - spent)
    print(f"update of one triple until it is read: first {seconds[0]:.3f} s, "
          f"median {statistics.median(seconds):.3f} s, {max(cpu[1:]):.2f} s of CPU at most, "
          f"{statistics.median(cpu):.2f} s median")  # fmt: skip


if __name__ == "__main__":
    main()
