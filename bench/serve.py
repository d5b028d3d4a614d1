"""What the endpoint answers a second, beside its peers: `python bench/serve.py [QUADS]`.

Makes a synthetic graph of about QUADS quads (default 1,000,000), serves it with `kg serve`,
`oxigraph serve`, rdflib-endpoint and Virtuoso 7 (`bench/peers.py`) at the same time, and asks each
in turn the same: point lookup, two hops from an organization (few rows) and from a field (some
thousand, counted), group-by and DESCRIBE at 1 and 8 connections, a SELECT of QUADS rows, lookups
beside one endless query a worker; ours a named query and updates of one triple besides. No query is
asked twice, but for the named one. Prints requests a second, p50 and p99, CPU milliseconds of the
server a request, ratios, and which of the targets hold. A peer that cannot be had is left out, and
said to be.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import httpx
import zstandard
from peers import (
    WORKERS,
    Missing,
    Peer,
    free_port,
    kg_serve,
    oxigraph,
    rdflib_endpoint,
    settled,
    virtuoso,
)

from kg import vocab
from kg.build import Inputs, build
from kg.release import ContentHash, Home, Manifest, load_store, tool_versions, write_dump
from kg.settings import Settings
from kg.tokens import Tokens

__all__ = ["free_port", "publish"]

#: Each measurement is the whole of so many rounds, of so many seconds, each of all servers in turn.
ROUNDS = 3
SECONDS = 1.0
UPDATES = 12

KG, OXIGRAPH, RDFLIB, VIRTUOSO = "kg serve", "oxigraph serve", "rdflib-endpoint", "virtuoso 7"
EX = "http://example.org/"
FIELDS = 50
GRAPH = vocab.EDITS + "bench"
LOOKUP, DESCRIBE, NAMED = "point lookup", "DESCRIBE", "named query, warm"
FEW, JOIN, GROUP = "two hops, few rows", "two-hop join", "group-by"
#: `n` is another number each time; `m` that of a field.
QUERIES = {
    LOOKUP: f"SELECT ?p ?o WHERE {{{{ <{EX}o{{n}}> ?p ?o }}}}",
    FEW: f"SELECT ?f ?t WHERE {{{{ ?e <{EX}by> <{EX}o{{n}}> ; <{EX}in> ?f ; <{EX}via> ?t }}}}",
    JOIN: (
        f"SELECT (COUNT(*) AS ?n{{n}}) WHERE {{{{ ?e <{EX}in> <{EX}f{{m}}> ; <{EX}by> ?o . "
        f"?o <{vocab.SKOS}prefLabel> ?l }}}}"
    ),
    GROUP: f"SELECT ?f (COUNT(?e) AS ?n{{n}}) WHERE {{{{ ?e <{EX}in> ?f }}}} GROUP BY ?f",
    DESCRIBE: f"DESCRIBE <{EX}o{{n}}>",
}
NAMED_PATH = "/queries/empowerment/fields-of-platform.json?platform=organization/baidu"
RUNAWAY = "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
#: Seconds in which a server beside its runaways must have answered a lookup at all.
PATIENCE = 10
#: Seconds of one answer above which a server is asked for it once, and of a large one at most.
SLOW = 3.0
MOST = 120


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
            ("in", f"f{chance.randrange(FIELDS)}"),
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


class Connection:
    """One kept-alive connection of a client that does as little as can be done."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.first = 0.0  #: when the first byte of the last body was here
        self.rows = 0  #: the lines of that body

    async def __aenter__(self) -> Connection:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._streams:
            self._streams[1].close()
            with contextlib.suppress(OSError):
                await self._streams[1].wait_closed()

    async def ask(self, query: str, path: str = "") -> None:
        """Ask, and read all of the answer; raises RuntimeError where it is not 200."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._peer.port)
        reader, writer = self._streams
        accept = "text/turtle" if query.startswith("DESCRIBE") else "text/csv"
        target = path or self._peer.path + quote(query)
        accept = "" if path else f"Accept: {accept}\r\n"
        writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\n{accept}\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        self.first, self.rows = 0.0, 0
        if b"transfer-encoding: chunked" in head:
            while length := int(await reader.readline(), 16):
                await self._read(reader, length)
                await reader.readexactly(2)
            await reader.readline()
        elif b"content-length: " in head:
            await self._read(reader, int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        if b"connection: close" in head:
            writer.close()
            self._streams = None
        if int(head[9:12]) != 200:
            raise RuntimeError(f"{self._peer.name}: status {int(head[9:12])} for {query or path}")

    async def _read(self, reader: asyncio.StreamReader, left: int) -> None:
        while left:
            part = await reader.read(min(left, 1 << 18))
            if not part:
                raise EOFError(f"{self._peer.name}: the answer was cut")
            self.first = self.first or time.perf_counter()
            self.rows += part.count(b"\n")
            left -= len(part)


def query(name: str, n: int) -> str:
    """One of the queries of a kind."""
    return QUERIES[name].format(n=n, m=n % FIELDS)


def asking(name: str, order: list[int]) -> Iterator[str]:
    """Them, each once before any comes again."""
    return ("" if name == NAMED else query(name, n) for n in itertools.cycle(order))


async def started(peer: Peer) -> float:
    """Seconds until it answers its first query."""
    begun = time.perf_counter()
    while True:
        if peer.process.poll() is not None:
            raise Missing(f"{peer.name} ended with {peer.process.returncode}")
        with contextlib.suppress(OSError, EOFError, RuntimeError):
            async with Connection(peer) as connection:
                await connection.ask("SELECT * {} LIMIT 1")
                return time.perf_counter() - begun
        if time.perf_counter() - begun > 300:
            raise Missing(f"{peer.name} does not answer")
        await asyncio.sleep(0.02)


@dataclass
class Measured:
    """What the rounds of one server, query and number of connections came to."""

    rates: list[float] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)
    cpu: float = 0.0

    @property
    def rate(self) -> float:
        """Requests a second, of the median round."""
        return statistics.median(self.rates)

    @property
    def cost(self) -> float:
        """CPU milliseconds of the server a request."""
        return self.cpu / len(self.taken) * 1000

    def within(self, share: float) -> float:
        """Milliseconds in which this share of the requests was answered."""
        return sorted(self.taken)[int(len(self.taken) * share)] * 1000

    def __str__(self) -> str:
        return (
            f"{self.rate:>8.0f}/s   p50 {self.within(0.5):8.2f} ms   p99 {self.within(0.99):8.2f} "
            f"ms   CPU {self.cost:7.2f} ms"
        )


async def load(
    peer: Peer, texts: Iterator[str], connections: int, into: Measured, path: str = ""
) -> None:
    """One round of `connections` clients that each ask as soon as they are answered."""
    ends = time.perf_counter() + SECONDS

    async def client(connection: Connection) -> int:
        asked = 0
        while (begun := time.perf_counter()) < ends:
            await connection.ask(next(texts), path)
            into.taken.append(time.perf_counter() - begun)
            asked += 1
        return asked

    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(Connection(peer)) for _ in range(connections)]
        cpu, begun = peer.spent(), time.perf_counter()
        asked = await asyncio.gather(*map(client, clients))
        into.rates.append(sum(asked) / (time.perf_counter() - begun))
        into.cpu += peer.spent() - cpu


async def alike(servers: list[Peer], order: list[int]) -> None:
    """Raise SystemExit unless all answer a few queries of each kind with as many rows."""
    for name in QUERIES:
        if name == DESCRIBE:
            continue  # Turtle has as many lines as who writes it likes
        for n in order[-1:] if name == GROUP else order[-3:]:
            text = query(name, n)
            rows = {}
            for peer in servers:
                async with Connection(peer) as connection:
                    await connection.ask(text)
                    rows[peer.name] = connection.rows
            if len(set(rows.values())) > 1:
                raise SystemExit(f"{text} has not as many rows everywhere: {rows}")


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
    try:
        async with Connection(peer) as connection:
            begun = time.perf_counter()
            query = f"SELECT ?s ?o ?x WHERE {{ ?s <{EX}in> ?o . ?x <{EX}in> ?o }} LIMIT {rows}"
            await connection.ask(query)
            elapsed = time.perf_counter() - begun
            if connection.rows != rows + 1:
                raise RuntimeError(f"{peer.name}: {connection.rows - 1:,} rows of {rows:,}")
    finally:
        over.set()
        await watcher
    return (connection.first - begun) * 1000, rows / elapsed, (peak - before) / 1e6


async def beside_runaways(peer: Peer, texts: Iterator[str]) -> float | None:
    """How much longer p99 of lookups is with one endless query a worker; None where none is had.

    Some servers never end a query that nobody waits for: this one is the last thing asked.
    """
    quiet, loud = Measured(), Measured()

    async def runaway() -> None:
        async with Connection(peer) as connection:
            with contextlib.suppress(RuntimeError, OSError, EOFError):
                await connection.ask(RUNAWAY)

    for _ in range(ROUNDS):
        await load(peer, texts, 1, quiet)
    tasks = [asyncio.create_task(runaway()) for _ in range(WORKERS)]
    try:
        await asyncio.sleep(0.5)
        async with asyncio.timeout(PATIENCE):
            for _ in range(ROUNDS):
                await load(peer, texts, 1, loud)
    except TimeoutError:
        return None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    print(f"{peer.name:<16} quiet {quiet}\n{'':<16} loud  {loud}")
    return loud.within(0.99) / quiet.within(0.99)


def updates(peer: Peer, token: str) -> list[float]:
    """Seconds until each of some updates of one triple is read by the next request."""
    found = []
    with httpx.Client(base_url=f"http://127.0.0.1:{peer.port}", timeout=60) as client:
        for number in range(UPDATES):
            triple = f'<{EX}p{number}> <{vocab.SKOS}note> "{number}"'
            begun = time.perf_counter()
            client.post(
                "/sparql",
                data={"update": f"INSERT DATA {{ GRAPH <{GRAPH}> {{ {triple} }} }}"},
                headers={"Authorization": f"Bearer {token}"},
            ).raise_for_status()
            ask = {"query": f"ASK {{ {triple} }}", "format": "csv"}
            if client.get("/sparql", params=ask).text.strip() != "true":
                raise SystemExit(f"update {number} is not visible to the next request")
            found.append(time.perf_counter() - begun)
    return found


@dataclass
class Figures:
    """All that was measured: by server, query and connections, and what there is one of."""

    of: dict[tuple[str, str, int], Measured] = field(default_factory=dict)
    large: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    start: dict[str, float] = field(default_factory=dict)
    beside: dict[str, float | None] = field(default_factory=dict)
    publish: list[float] = field(default_factory=list)

    def ratio(self, name: str, connections: int, to: str, of: str = "") -> float | None:
        """Our requests a second by those of another, which may ask another query (`of`)."""
        theirs = self.of.get((to, of or name, connections))
        return self.of[KG, name, connections].rate / theirs.rate if theirs else None


async def measure(servers: list[Peer], order: list[int], rows: int, token: str) -> Figures:
    """Ask everything; each figure is printed when it is there."""
    found = Figures()
    for name in (*QUERIES, NAMED):
        asked = [peer for peer in servers if name != NAMED or peer.name == KG]
        texts = {peer.name: asking(name, order) for peer in asked}
        for connections in (1, 8):
            here = {peer.name: Measured() for peer in asked}
            for _, peer in itertools.product(range(ROUNDS), [*asked]):
                path = NAMED_PATH if name == NAMED else ""
                if peer in asked:
                    await load(peer, texts[peer.name], connections, here[peer.name], path)
                    if here[peer.name].within(0) > SLOW * 1000:
                        asked.remove(peer)  # at more connections it would take minutes
            for server, measured in here.items():
                if measured.taken:
                    found.of[server, name, connections] = measured
                    print(f"{server:<16} {name:<18} {connections} {measured}", flush=True)
    for peer in [*servers]:
        try:
            async with asyncio.timeout(MOST):
                found.large[peer.name] = first, rate, grown = await large(peer, rows)
        except TimeoutError:
            print(f"{peer.name:<16} {rows:,} rows: not within {MOST} s; it is asked no more")
            peer.process.kill()  # it would go on, beside what is measured next
            servers.remove(peer)
            continue
        except (RuntimeError, OSError, EOFError) as error:
            print(f"{peer.name:<16} {rows:,} rows: {error!r}")
            continue
        print(f"{peer.name:<16} {rows:,} rows: first byte {first:,.0f} ms, {rate:,.0f} rows/s, "
              f"the server grew by {grown:,.0f} MB", flush=True)  # fmt: skip
    found.publish = await asyncio.to_thread(updates, servers[0], token)
    first, middle, most = (
        each * 1000
        for each in (found.publish[0], statistics.median(found.publish), max(found.publish))
    )
    print(f"{KG:<16} update of one triple until it is read: first {first:.0f} ms, "
          f"median {middle:.0f}, longest {most:.0f}")  # fmt: skip
    await asyncio.to_thread(settled, servers[0].port)
    for peer in servers:
        lookups = asking(LOOKUP, order[::-1])
        try:
            ratio = found.beside[peer.name] = await beside_runaways(peer, lookups)
        except (RuntimeError, OSError, EOFError) as error:
            print(f"{peer.name:<16} lookups beside {WORKERS} endless queries: {error!r}")
            continue
        told = f"{ratio:.2f} times" if ratio else f"no end of them within {PATIENCE} s"
        print(
            f"{peer.name:<16} p99 of lookups beside {WORKERS} endless queries: {told}", flush=True
        )
        peer.process.kill()  # it may be at those queries for ever
    return found


def report(found: Figures) -> None:
    """Ratios to each peer, and the targets."""
    for to in (OXIGRAPH, RDFLIB, VIRTUOSO):
        if to not in found.start:
            continue
        print(f"\n{KG} by {to}         requests/s        CPU")
        for name, connections in itertools.product(QUERIES, (1, 8)):
            if ratio := found.ratio(name, connections, to):
                own, other = (found.of[each, name, connections].cost for each in (KG, to))
                print(f"  {name:<18} {connections}   {ratio:14.2f} {own / other:10.2f}")
        for connections in (1, 8):
            if ratio := found.ratio(NAMED, connections, to, LOOKUP):
                print(f"  {NAMED:<18} {connections}   {ratio:14.2f}   (to its point lookup)")
        if to in found.large and KG in found.large:
            print(f"  large SELECT           {found.large[KG][1] / found.large[to][1]:14.2f}")
    print(f"\n{'target':<66} reached")

    def target(name: str, reached: float | None, holds: Callable[[float], bool]) -> None:
        verdict = "not measured" if reached is None else "holds" if holds(reached) else "MISSED"
        number = "" if reached is None else f"{reached:8.2f}"
        print(f"  {name:<64} {number:>8}   {verdict}")

    def at_least(bound: float) -> Callable[[float], bool]:
        return lambda reached: reached >= bound

    def at_most(bound: float) -> Callable[[float], bool]:
        return lambda reached: reached <= bound

    for connections in (1, 8):
        at = f"at {connections}"
        target(f"named query, warm {at}: ≥ 0.5 of oxigraph's lookup (goal 1)",
               found.ratio(NAMED, connections, OXIGRAPH, LOOKUP), at_least(0.5))  # fmt: skip
        target(f"{LOOKUP} {at}: ≥ 0.5 of oxigraph's",
               found.ratio(LOOKUP, connections, OXIGRAPH), at_least(0.5))  # fmt: skip
        for name in (FEW, JOIN, GROUP):
            target(f"{name} {at}: ≥ 4 of oxigraph's on disk",
                   found.ratio(name, connections, OXIGRAPH), at_least(4))  # fmt: skip
            target(f"{name} {at}: ≥ 1 of virtuoso's, warm",
                   found.ratio(name, connections, VIRTUOSO), at_least(1))  # fmt: skip
    first, rate, grown = found.large.get(KG, (None, None, None))
    target("large SELECT: first byte ≤ 50 ms", first, at_most(50))
    target("large SELECT: the server grows by ≤ 32 MB", grown, at_most(32))
    theirs = found.large.get(OXIGRAPH)
    ratio = rate / theirs[1] if rate and theirs else None
    target("large SELECT: rows/s ≥ 0.8 of oxigraph's", ratio, at_least(0.8))
    target("lookups beside runaways: p99 ≤ 3 of the quiet one", found.beside.get(KG), at_most(3))
    target("update of one triple until it is read: ≤ 200 ms",
           statistics.median(found.publish) * 1000, at_most(200))  # fmt: skip
    target("start to the first answer: ≤ 3 s", found.start.get(KG), at_most(3))


async def main() -> None:
    quads = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    order = random.Random(3).sample(range(quads // 20), quads // 20)
    with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as stack:
        folder = Path(place)
        dump = publish(folder / "home", quads)
        token = Tokens(folder / "home").add("bench", ["edits/bench"])
        data = folder / "data" / "data.nq"
        data.parent.mkdir()
        with dump.open("rb") as source, data.open("wb") as target:
            reader = zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True)
            shutil.copyfileobj(reader, target)
        print(f"{quads:,} quads, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        servers = []
        starts: dict[str, float] = {}
        peers: dict[str, Callable[[], AbstractContextManager[Peer]]] = {
            KG: lambda: kg_serve(folder / "home"),
            OXIGRAPH: lambda: oxigraph(folder, data),
            VIRTUOSO: lambda: virtuoso(folder, data),
            RDFLIB: lambda: rdflib_endpoint(folder, data),
        }
        for name, make in peers.items():
            try:
                peer = stack.enter_context(make())
                starts[name] = await started(peer)
            except Missing as error:
                print(f"{name:<16} is left out: {error}")
                continue
            servers.append(peer)
            print(f"{name:<16} first answer after {starts[name]:.2f} s, "
                  f"{peer.spent():.2f} s of CPU, {peer.resident() / 1e6:,.0f} MB")  # fmt: skip
        await asyncio.to_thread(settled, servers[0].port)
        await alike(servers, order)
        found = await measure(servers, order, quads, token)
        found.start = starts
        report(found)


if __name__ == "__main__":
    asyncio.run(main())
