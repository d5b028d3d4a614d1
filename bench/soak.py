"""Ten thousand mixed requests, and what is left of them: `python bench/soak.py [REQUESTS]`.

Serves the release of the shipped tables and asks it everything at once: named queries, lookups,
bad queries, endless ones, clients that leave, pages, graphs. Prints the processes, descriptors and
resident bytes of the server before and after, and fails where more than a little is left.
"""

from __future__ import annotations

import asyncio
import collections
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

from kg.build import Inputs, build
from kg.release import Home
from kg.settings import Settings

ENDLESS = "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
ROWS = "SELECT * WHERE { ?a ?b ?c . ?d ?e ?f } LIMIT 20000"
PATHS = (
    *["/queries/empowerment/fields-of-platform.csv?platform=baidu"] * 20,
    *["/sparql?query=" + quote("SELECT * { ?s ?p ?o } LIMIT 5")] * 20,
    *["/id/organization/baidu?format=ttl"] * 10,
    *["/sparql?query=SELECT"] * 10,
    *["/", "/queries", "/graphs/ontology", "/metrics", "/nowhere"] * 2,
    *["/sparql?query=" + quote(ROWS)] * 4,
    "/sparql?timeout=0.2&query=" + quote(ENDLESS),
)
LEAVES = 0.05

#: Seconds after which nothing is under way any more.
REST = 3


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


async def one(port: int, chance: random.Random) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        path = chance.choice(PATHS)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        if chance.random() < LEAVES:
            await asyncio.sleep(chance.random() / 50)
            return "left"
        status = (await reader.read(12))[9:12].decode()
        while await reader.read(1 << 16):
            pass
        return status
    finally:
        writer.close()


async def soak(port: int, requests: int) -> collections.Counter[str]:
    chance = random.Random(1)
    found: collections.Counter[str] = collections.Counter()
    todo = iter(range(requests))

    async def client() -> None:
        for _ in todo:
            found[await one(port, chance)] += 1

    await asyncio.gather(*(client() for _ in range(16)))
    return found


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as home:
        build(Home(Path(home)), Settings(), Inputs(), lambda *_: None)
        command = [sys.executable, "-m", "kg", "serve", "--port", "0", "--workers", "2"]
        server = subprocess.Popen(
            [*command, "--queue", "1000", "--queue-of-client", "1000"],
            env={**os.environ, "KG_HOME": home},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert server.stdout
            port = int(server.stdout.readline().rstrip("/\n").rpartition(":")[2])
            asyncio.run(soak(port, requests // 10))  # what is kept from now on is kept once
            asyncio.run(asyncio.sleep(REST))
            before = left(server.pid)
            print(dict(asyncio.run(soak(port, requests))))
            asyncio.run(asyncio.sleep(REST))
            after = left(server.pid)
            for name, was, now in zip(("processes", "files", "bytes"), before, after, strict=True):
                print(f"{name:<10} {was:>12,} {now:>12,}")
            assert after[0] == before[0]
            assert after[1] <= before[1] + 2
            assert after[2] < before[2] + 32 * 1024 * 1024
        finally:
            server.terminate()
            assert server.wait(60) == 0


if __name__ == "__main__":
    main()
