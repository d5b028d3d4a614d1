"""What one endless query costs the others: `python bench/runaway.py [DATA_DIR]`.

Builds a release, serves it with a deadline of 5 s, and asks point lookups on one connection,
first alone, then beside a three-way cross product count. Prints latencies and their ratio.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlencode

from kg.build import Inputs, build
from kg.release import Home
from kg.settings import Settings

DEADLINE = 5
ENDLESS = "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
LOOKUP = "SELECT ?p ?o WHERE { <https://w3id.org/aicluster/id/organization/baidu> ?p ?o }"


def ask(connection: http.client.HTTPConnection, query: str) -> int:
    connection.request("GET", "/sparql?" + urlencode({"query": query, "format": "json"}))
    answer = connection.getresponse()
    answer.read()
    return answer.status


def latencies(port: int, seconds: float) -> list[float]:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while (begun := time.perf_counter()) < end:
        assert ask(connection, LOOKUP) == 200
        taken.append((time.perf_counter() - begun) * 1000)
    return sorted(taken)


def show(name: str, taken: list[float]) -> tuple[float, float]:
    p50, p99 = taken[len(taken) // 2], taken[int(len(taken) * 0.99)]
    print(f"{name:<22} {len(taken):>6} lookups   p50 {p50:6.2f} ms   p99 {p99:6.2f} ms")
    return p50, p99


def main() -> None:
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory() as home:
        build(Home(Path(home)), Settings(), Inputs(data=data), lambda *_: None)
        server = subprocess.Popen(
            [sys.executable, "-m", "kg", "serve", "--port", "0"],
            env={**os.environ, "KG_HOME": home, "KG_DEADLINE": str(DEADLINE), "KG_WORKERS": "2"},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert server.stdout
            port = int(server.stdout.readline().rstrip("/\n").rpartition(":")[2])
            quiet = show("quiet", latencies(port, 4))
            status: list[tuple[int, float]] = []

            def run_away() -> None:
                begun = time.perf_counter()
                code = ask(http.client.HTTPConnection("127.0.0.1", port), ENDLESS)
                status.append((code, time.perf_counter() - begun))

            thread = threading.Thread(target=run_away)
            thread.start()
            beside = show("beside an endless one", latencies(port, 4))
            thread.join()
            print(f"the endless one        status {status[0][0]} after {status[0][1]:.2f} s")
            p50, p99 = (a / b for a, b in zip(beside, quiet, strict=True))
            print(f"ratio                  p50 {p50:.2f}   p99 {p99:.2f}")
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
