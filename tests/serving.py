"""A real server in a process of its own, over a real release of the queries' small world."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import crash
import httpx
from pyoxigraph import DefaultGraph, Quad, RdfFormat, Store

from kg import vocab
from kg.release import Home, Release, load_store, write_dump

DATA = Path(__file__).parent / "queries" / "data.trig"
SCRIPT = """
from api.server import serve
from kg.release import Home
from kg.settings import Settings
settings = Settings.from_environment()
serve(Home(settings.home), settings, port=0)
"""

#: What must never be more than text, in a label, a name of a language, and a link.
HOSTILE = """
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX foaf: <http://xmlns.com/foaf/0.1/>
PREFIX aic: <https://w3id.org/aicluster/ontology#>
GRAPH <https://w3id.org/aicluster/graph/source/hostile> {
  <https://w3id.org/aicluster/id/organization/evil> a aic:Organization ;
    skos:prefLabel "<script>alert(1)</script>"@en ;
    skos:altLabel "\\" onmouseover=\\"alert(1)" ;
    foaf:homepage <javascript:alert(1)> .
}
"""


def publish(
    home: Home, extra: str = HOSTILE, created: str = "2026-01-01T00:00:00+00:00"
) -> Release:
    """Publish the small world, and what `extra` adds to it."""
    store = Store()
    store.load(input=DATA.read_text(encoding="utf-8"), format=RdfFormat.TRIG)
    store.load(input=extra, format=RdfFormat.TRIG)
    for quad in list(store):
        if quad.graph_name.value not in vocab.SIDE_GRAPHS:
            store.add(Quad(quad.subject, quad.predicate, quad.object, DefaultGraph()))
    text = store.dump(format=RdfFormat.N_QUADS)
    assert text is not None
    with home.building() as candidate:
        content = write_dump(sorted(set(text.splitlines())), candidate.dump_path)
        load_store(candidate.store_path, candidate.dump_path)
        return home.publish(candidate, crash.manifest(content, created))


@dataclass
class Server:
    """A running server, and how it ends."""

    url: str
    process: subprocess.Popen[str]
    log: Path

    def descendants(self) -> list[int]:
        """The processes that it started, and those that these started."""
        found, new = [], [self.process.pid]
        while new:
            pid = new.pop()
            for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
                try:
                    children = [int(child) for child in tasks.read_text().split()]
                except OSError:
                    continue
                found += children
                new += children
        return found

    def stop(self) -> int:
        """End it as an operator would; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def ask(client: httpx.Client, query: str, **headers: str) -> httpx.Response:
    return client.get("/sparql", params={"query": query}, headers=headers)


def until(condition: Callable[[], bool], patience: float = 30) -> None:
    ends = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.02)


def serving(home: Home, **settings: object) -> AbstractContextManager[Server]:
    """Serve `home` under settings like `deadline=1`; whatever happens, the server ends."""
    return _running(["-c", SCRIPT], home.path, settings)


def scratch(folder: Path, **settings: object) -> AbstractContextManager[Server]:
    """Serve an empty dataset that takes writes."""
    return _running(["-m", "kg", "serve", "--scratch", "--port", "0"], folder, settings)


@contextmanager
def _running(command: list[str], folder: Path, settings: Mapping[str, object]) -> Iterator[Server]:
    log = folder / "server.log"
    environment = os.environ | {"KG_HOME": str(folder), "KG_WORKERS": "2"}
    environment |= {f"KG_{name.upper()}": str(value) for name, value in settings.items()}
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-W", "error", *command],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line.startswith("serving at "), log.read_text()
            yield Server(line.split()[-1].rstrip("/"), process, log)
        finally:
            process.kill()
