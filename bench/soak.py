"""Ten thousand mixed requests, and what is left of them: `python bench/soak.py [REQUESTS]`.

Serves the release of the shipped tables and asks it everything at once: named queries in all
formats, lookups, joins, bad queries, endless and greedy ones, writes without a token, clients that
leave, pages, graphs. Prints the processes, descriptors and resident bytes of the server before, on
the way, and after, and fails where more than a little is left.
"""

from __future__ import annotations

import asyncio
import collections
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from kg.build import Inputs, build
from kg.release import Home
from kg.settings import Settings

ENDLESS = "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
ROWS = "SELECT * WHERE { ?a ?b ?c . ?d ?e ?f } LIMIT 20000"
DOUBLED = " ".join(f"BIND(CONCAT(?x{n}, ?x{n}) AS ?x{n + 1})" for n in range(34))
GREEDY = f"SELECT (STRLEN(?x34) AS ?n) {{ BIND('x' AS ?x0) {DOUBLED} }}"
JOIN = "SELECT * { ?s a ?c ; ?p ?o . ?o a ?d } LIMIT 9"
FIELDS = "/queries/empowerment/fields-of-platform"

#: Request lines, each as often as it comes among a hundred or so.
REQUESTS = (
    *[f"GET {FIELDS}.csv?platform=baidu"] * 20,
    *["GET /sparql?query=" + quote("SELECT * { ?s ?p ?o } LIMIT 5")] * 15,
    *["GET /sparql?query=" + quote(JOIN) + "%23{n}"] * 10,
    *["GET /id/organization/baidu?format=ttl"] * 10,
    *["GET /sparql?query=SELECT"] * 10,
    *[f"GET {FIELDS}.{each}?platform=baidu" for each in ("parquet", "arrow", "xml", "html")],
    *["GET /", "GET /queries", "GET /graphs/ontology", "GET /metrics", "GET /nowhere"] * 2,
    *["HEAD /health/ready", "GET /openapi.json", "GET /.well-known/void", "OPTIONS /sparql"],
    *["PUT /graphs/edits/a", "DELETE /graphs/ontology", "POST /sparql?update=CLEAR", "FOO /"],
    *["GET /sparql?query=" + quote(ROWS)] * 4,
    "GET /sparql?timeout=0.2&query=" + quote(ENDLESS),
)
LEAVES = 0.05

#: One request in so many asks for more memory than there is.
GREEDINESS = 400

#: Each kind once: what a soak begins with.
KINDS = (*dict.fromkeys(REQUESTS), "GET /sparql?query=" + quote(GREEDY))

#: Seconds in which all that was begun must have ended.
REST = 30


def left(server: int) -> tuple[int, int, int]:
    """Processes, descriptors and resident bytes of the server and its descendants."""
    found, new = [server], [server]
    while new:
        for tasks in Path(f"/proc/{new.pop()}/task").glob("*/children"):
            children = [int(each) for each in tasks.read_text().split()]
            found += children
            new += children
    descriptors = sum(len([*Path(f"/proc/{pid}/fd").iterdir()]) for pid in found)
    resident = int(Path(f"/proc/{server}/statm").read_text().split()[1]) * 4096
    return len(found), descriptors, resident


def at_rest(server: int, before: tuple[int, int, int] | None = None) -> tuple[int, int, int]:
    """The same once nothing ends any more, or once there is no more of it than before."""
    ends = time.monotonic() + (REST if before else 3)
    while time.monotonic() < ends:
        try:
            found = left(server)
            if before and found[:2] == before[:2]:
                return found
        except OSError:  # a process has just ended
            pass
        time.sleep(0.1)
    return left(server)


async def one(port: int, chance: random.Random, line: str, *, leaves: bool) -> str:
    line = line.replace("{n}", str(chance.random()))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        if leaves:
            await asyncio.sleep(chance.random() / 50)
            return "left"
        status = (await reader.read(12))[9:12].decode()
        while await reader.read(1 << 16):
            pass
    except ConnectionError:
        return "cut"
    else:
        return status
    finally:
        writer.close()


async def soak(port: int, requests: int, seed: int = 1) -> collections.Counter[str]:
    """What the statuses of so many requests were, sixteen at a time."""
    chance = random.Random(seed)
    found: collections.Counter[str] = collections.Counter()
    todo = iter(range(requests))

    async def client() -> None:
        for number in todo:
            line, leaves = chance.choice(REQUESTS), chance.random() < LEAVES
            if chance.randrange(GREEDINESS) == 0:
                line = KINDS[-1]
            if number < len(KINDS):
                line, leaves = KINDS[number], False
            found[await one(port, chance, line, leaves=leaves)] += 1

    await asyncio.gather(*(client() for _ in range(16)))
    return found


def expect(before: tuple[int, int, int], after: tuple[int, int, int]) -> None:
    """Raise AssertionError where more than a little is left."""
    assert after[0] == before[0], "processes"
    assert after[1] <= before[1] + 2, "files"
    assert after[2] < before[2] + 32 * 1024 * 1024, "bytes"


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as home:
        build(Home(Path(home)), Settings(), Inputs(), lambda *_: None)
        command = [sys.executable, "-m", "kg", "serve", "--port", "0", "--workers", "2"]
        command += ["--queue", "1000", "--queue-of-client", "1000"]
        # A small cache: what is kept of answers is no leak, and would pass for one.
        command += ["--cache", "1000000", "--query-memory", str(256 * 1024**2)]
        log = Path(home) / "log"
        with log.open("w") as errors:
            server = subprocess.Popen(
                command,
                env={**os.environ, "KG_HOME": home},
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        try:
            assert server.stdout
            port = int(server.stdout.readline().rstrip("/\n").rpartition(":")[2])
            asyncio.run(soak(port, requests // 10))  # what is kept from now on is kept once
            before = now = at_rest(server.pid)
            print(f"{'requests':>10} {'processes':>10} {'files':>6} {'bytes':>14}")
            print(f"{0:>10,} {now[0]:>10} {now[1]:>6} {now[2]:>14,}")
            found: collections.Counter[str] = collections.Counter()
            for quarter in range(1, 5):
                found += asyncio.run(soak(port, requests // 4, seed=quarter))
                now = at_rest(server.pid, before)
                print(f"{quarter * requests // 4:>10,} {now[0]:>10} {now[1]:>6} {now[2]:>14,}")
            print("answers:", ", ".join(f"{n:,} {what}" for what, n in sorted(found.items())))
            assert {"200", "400", "401", "404", "501", "503", "507", "left"} <= {*found}
            if wrong := {"500", "502", ""} & {*found}:
                raise SystemExit(f"{wrong}:\n{log.read_text()}")
            expect(before, now)
        finally:
            server.terminate()
            assert server.wait(60) == 0


if __name__ == "__main__":
    main()
