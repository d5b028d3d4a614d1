"""What the endpoint answers a second, beside its peers: `python bench/serve.py [QUADS]`.

Makes a synthetic graph of about QUADS quads (default 1,000,000), serves it with `kg serve`, with
`oxigraph serve` and with rdflib-endpoint, each from an environment of its own that this script
makes, and asks each the same: point lookup, two-hop join, group-by, DESCRIBE, a large SELECT, and
for us a named query and lookups beside one runaway query a worker. Prints requests a second, p50
and p99 at 1 and 8 connections, and their ratios to `oxigraph serve`. A peer that cannot be
installed is left out, and said to be.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import zstandard
from pyoxigraph import RdfFormat, Store

from kg import vocab
from kg.build import Inputs, build
from kg.release import ContentHash, Home, Manifest, load_store, tool_versions, write_dump
from kg.settings import Settings

SECONDS = 3.0
WORKERS = 2
EX = "http://example.org/"
NAMED = "/queries/empowerment/fields-of-platform.json?platform=organization/baidu"
QUERIES = {
    "point lookup": "SELECT ?p ?o WHERE {{ <http://example.org/o{n}> ?p ?o }}",
    "two-hop join": (
        "SELECT ?f ?t WHERE {{ ?e <http://example.org/by> <http://example.org/o{n}> ; "
        "<http://example.org/in> ?f ; <http://example.org/via> ?t }}"
    ),
    "group-by": (
        "SELECT ?f (COUNT(?e) AS ?n) WHERE {{ ?e <http://example.org/in> ?f }} GROUP BY ?f #{n}"
    ),
    "DESCRIBE": "DESCRIBE <http://example.org/o{n}>",
}
RUNAWAY = "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"


def lines(quads: int) -> Iterator[str]:
    """Organizations, fields, and what links them, in one named graph and merged by default."""
    chance = random.Random(7)
    organizations, half = quads // 20, quads // 2
    graph = f" <{vocab.graph('source/bench')}>"
    made = 0
    for number in range(organizations):
        subject = f"<{EX}o{number}>"
        for triple in (
            f'{subject} <{vocab.SKOS}prefLabel> "organization {number}"@en',
            f"{subject} <{vocab.RDF}type> <{EX}Organization>",
        ):
            yield f"{triple} ."
            yield f"{triple}{graph} ."
            made += 1
    event = 0
    while made < half:
        subject = f"<{EX}e{event}>"
        event += 1
        for name, target in (
            ("by", f"o{chance.randrange(organizations)}"),
            ("in", f"f{chance.randrange(50)}"),
            ("via", f"t{chance.randrange(200)}"),
        ):
            triple = f"{subject} <{EX}{name}> <{EX}{target}>"
            yield f"{triple} ."
            yield f"{triple}{graph} ."
            made += 1


def publish(folder: Path, quads: int) -> Path:
    """A home whose release has the shipped tables and the synthetic graph; and its dump."""
    home = Home(folder)
    build(home, Settings(), Inputs(), lambda *_: None)
    small = home.current()
    with home.building() as candidate:
        content = ContentHash(())
        found = {line.encode() for line in lines(quads)} | set(small.lines())
        content = write_dump(sorted(found), candidate.dump_path)
        load_store(candidate.store_path, candidate.dump_path)
        for each in small.path.iterdir():  # what an edit goes by
            if each.name not in ("store", small.dump_path.name, "manifest.json"):
                candidate.link(small, each.name)
        facts = small.manifest
        manifest = Manifest(
            content.id, content.hexdigest(), content.quads, "2026-01-01T00:00:00+00:00",
            facts.base, facts.ontology, True, facts.sources, facts.classes, facts.graphs, {}, 0,
            tool_versions(),
        )  # fmt: skip
        return home.publish(candidate, manifest).dump_path


@dataclass
class Peer:
    """One server while it runs."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    path: str = "/sparql"

    def resident(self) -> int:
        """Bytes of memory of the serving process itself."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * 4096


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


async def started(peer: Peer) -> float:
    """Seconds until it answers its first query."""
    begun = time.perf_counter()
    while True:
        if peer.process.poll() is not None:
            raise RuntimeError(f"{peer.name} ended with {peer.process.returncode}")
        with contextlib.suppress(OSError, EOFError, RuntimeError):
            async with connected(peer) as ask:
                await ask("ASK {}")
                return time.perf_counter() - begun
        if time.perf_counter() - begun > 300:
            raise RuntimeError(f"{peer.name} does not answer")
        await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def connected(peer: Peer) -> AsyncIterator[Callable[..., object]]:
    """One kept-alive connection of a client that does as little as can be done."""
    reader, writer = await asyncio.open_connection("127.0.0.1", peer.port, limit=1 << 22)

    async def ask(query: str, path: str = "", accept: str = "") -> tuple[int, float]:
        accept = accept or ("text/turtle" if query.startswith("DESCRIBE") else "text/csv")
        target = path or f"{peer.path}?query={quote(query)}"
        writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        first = time.perf_counter()
        status = int(head[9:12])
        size = 0
        if b"transfer-encoding: chunked" in head:
            while length := int(await reader.readline(), 16):
                size += length
                await reader.readexactly(length + 2)
            await reader.readline()
        elif b"content-length: " in head:
            size = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(size)
        if status != 200:
            raise RuntimeError(f"{peer.name}: status {status} for {query or path}")
        return size, first

    try:
        yield ask
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def measure(peer: Peer, text: str, connections: int, path: str = "") -> tuple[float, ...]:
    """Requests a second, p50 and p99 in milliseconds."""
    ends = time.perf_counter() + SECONDS
    taken: list[float] = []

    async def client(seed: int) -> None:
        chance = random.Random(seed)
        async with connected(peer) as ask:
            while (begun := time.perf_counter()) < ends:
                await ask(text.format(n=chance.randrange(20_000)), path)  # type: ignore[misc]
                taken.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    await asyncio.gather(*(client(seed) for seed in range(connections)))
    elapsed = time.perf_counter() - begun
    taken.sort()
    p50, p99 = (taken[int(len(taken) * share)] * 1000 for share in (0.5, 0.99))
    return len(taken) / elapsed, p50, p99


async def large(peer: Peer, rows: int) -> tuple[float, float, float]:
    """First byte in ms, rows a second, growth of the server in MB, of one large SELECT."""
    before, peak = peer.resident(), 0
    over = asyncio.Event()

    async def watch() -> None:
        nonlocal peak
        while not over.is_set():
            peak = max(peak, peer.resident())
            await asyncio.sleep(0.02)

    watcher = asyncio.create_task(watch())
    async with connected(peer) as ask:
        begun = time.perf_counter()
        query = f"SELECT ?s ?o ?x WHERE {{ ?s <{EX}in> ?o . ?x <{EX}in> ?o }} LIMIT {rows}"
        _, first = await ask(query)  # type: ignore[misc]
        elapsed = time.perf_counter() - begun
    over.set()
    await watcher
    return (first - begun) * 1000, rows / elapsed, (peak - before) / 1e6


async def beside_runaways(peer: Peer) -> float:
    """How much longer p99 of lookups is with one endless query a worker."""
    quiet = await measure(peer, QUERIES["point lookup"], 1)

    async def runaway() -> None:
        async with connected(peer) as ask:
            with contextlib.suppress(RuntimeError):
                await ask(RUNAWAY)  # type: ignore[misc]

    tasks = [asyncio.create_task(runaway()) for _ in range(WORKERS)]
    await asyncio.sleep(0.5)
    loud = await measure(peer, QUERIES["point lookup"], 1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return loud[2] / quiet[2]


@contextlib.contextmanager
def running(name: str, command: list[str], port: int, path: str, **env: str) -> Iterator[Peer]:
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **env}
    )
    try:
        yield Peer(name, port, process, path)
    finally:
        process.terminate()
        process.wait(30)


def installed(folder: Path, *packages: str) -> Path | None:
    """The scripts of a fresh environment with these packages; None where that fails."""
    environment = folder / packages[0]
    try:
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        pip = [str(environment / "bin" / "pip"), "install", "--quiet", *packages]
        subprocess.run(pip, check=True, timeout=600)
    except (subprocess.SubprocessError, OSError) as error:
        print(f"{packages[0]} is left out: {error}")
        return None
    return environment / "bin"


RDFLIB = """
import sys, uvicorn
from pathlib import Path
from rdflib import Dataset
from rdflib_endpoint import SparqlEndpoint
graph = Dataset(store="Oxigraph", default_union=False)
graph.parse(sys.argv[1], format="ox-nquads")
uvicorn.run(SparqlEndpoint(graph=graph, path="/sparql"), port=int(sys.argv[2]), log_level="error")
"""


def peers(folder: Path, dump: Path) -> Iterator[contextlib.AbstractContextManager[Peer]]:
    """Each server in turn, ours first."""
    port = free_port()
    yield running(
        "kg serve",
        [sys.executable, "-m", "kg", "serve", "--port", str(port)],
        port, "/sparql",
        KG_HOME=str(folder / "home"), KG_WORKERS=str(WORKERS), KG_DEADLINE="20",
    )  # fmt: skip
    plain = folder / "data.nq"
    with dump.open("rb") as source, plain.open("wb") as target:
        reader = zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True)
        shutil.copyfileobj(reader, target)
    port = free_port()
    if binary := shutil.which("oxigraph") or _oxigraph(folder):
        store = folder / "oxigraph"
        loaded = Store(str(store))
        loaded.bulk_load(path=str(plain), format=RdfFormat.N_QUADS)
        loaded.flush()
        del loaded
        command = [str(binary), "serve-read-only", "--location", str(store)]
        yield running("oxigraph", [*command, "--bind", f"127.0.0.1:{port}"], port, "/query")
    if scripts := installed(folder, "rdflib-endpoint", "oxrdflib", "uvicorn"):
        port = free_port()
        command = [str(scripts / "python"), "-c", RDFLIB, str(plain), str(port)]
        yield running("rdflib-endpoint", command, port, "/sparql")


def _oxigraph(folder: Path) -> Path | None:
    scripts = installed(folder, "oxigraph")
    return scripts / "oxigraph" if scripts and (scripts / "oxigraph").exists() else None


async def main() -> None:
    quads = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        dump = publish(folder / "home", quads)
        for each in peers(folder, dump):
            with each as peer:
                found = figures.setdefault(peer.name, {})
                found["first answer s"] = await started(peer)
                for name, text in QUERIES.items():
                    for connections in (1, 8):
                        try:
                            rate, p50, p99 = await measure(peer, text, connections)
                        except (RuntimeError, OSError, EOFError) as error:
                            print(f"{peer.name}: {name}: {error}")
                            continue
                        found[f"{name} {connections}"] = rate
                        print(f"{peer.name:<16} {name:<14} {connections} connections {rate:>8.0f}/s"
                              f"   p50 {p50:7.2f} ms   p99 {p99:7.2f} ms", flush=True)  # fmt: skip
                try:
                    first, rows, grown = await large(peer, quads)
                    found |= {"large rows/s": rows}
                    print(f"{peer.name:<16} {quads:,} rows: first byte {first:.0f} ms, "
                          f"{rows:,.0f} rows/s, the server grew by {grown:.0f} MB")  # fmt: skip
                except (RuntimeError, OSError, EOFError) as error:
                    print(f"{peer.name}: large SELECT: {error}")
                if peer.name == "kg serve":
                    rate, p50, p99 = await measure(peer, "", 8, NAMED)
                    found["named query 8"] = rate
                    print(f"{peer.name:<16} {'named, warm':<14} 8 connections {rate:>8.0f}/s   "
                          f"p50 {p50:7.2f} ms   p99 {p99:7.2f} ms")  # fmt: skip
                    ratio = await beside_runaways(peer)
                    print(f"{peer.name:<16} p99 of lookups beside {WORKERS} runaways: {ratio:.2f}×")
    if theirs := figures.get("oxigraph"):
        print("\nratio to oxigraph serve")
        for name, other in figures.items():
            for key, value in other.items():
                if name != "oxigraph" and key in theirs and key != "first answer s":
                    print(f"  {name:<16} {key:<18} {value / theirs[key]:6.2f}")
        ours = figures["kg serve"].get("named query 8", 0.0)
        print(f"  {'kg serve':<16} named / its lookup {ours / theirs['point lookup 8']:6.2f}")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    asyncio.run(main())
