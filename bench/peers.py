"""The servers that `bench/serve.py` compares, each over the same N-Quads, and their processes.

`oxigraph serve` and rdflib-endpoint are installed from PyPI into environments of their own;
Virtuoso is Debian's (`apt-get install virtuoso-opensource-7-bin`).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

from pyoxigraph import RdfFormat, Store

WORKERS = 2

#: The graph that Virtuoso, which has no default graph, is given the default graph's triples as.
DEFAULT = "urn:x-kg:default"


class Missing(Exception):
    """A peer that this machine does not have."""


@dataclass
class Peer:
    """One server while it runs."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    path: str  #: of a query, up to its text

    def resident(self) -> int:
        """Bytes of memory of the serving process itself."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * 4096

    def spent(self) -> float:
        """CPU seconds of the server and of all that it started."""
        return used(self.process.pid)


def used(pid: int) -> float:
    """CPU seconds of a process and of those it started."""
    total, new = 0.0, [pid]
    while new:
        each = Path(f"/proc/{new.pop()}")
        try:
            for tasks in each.glob("task/*/children"):
                new += map(int, tasks.read_text().split())
            fields = (each / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # a worker that has ended: its time is its parent's now
        total += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return total


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextlib.contextmanager
def running(name: str, command: list[str], port: int, path: str, **env: str) -> Iterator[Peer]:
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **env}
    )
    try:
        yield Peer(name, port, process, path)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:  # it is still at a query that nobody waits for
            process.kill()
            process.wait()


def installed(folder: Path, *packages: str) -> Path:
    """The scripts of a fresh environment with these packages."""
    environment = folder / packages[0]
    try:
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        pip = [str(environment / "bin" / "pip"), "install", "--quiet", *packages]
        subprocess.run(pip, check=True, timeout=600)
    except (subprocess.SubprocessError, OSError) as error:
        raise Missing(str(error)) from None
    return environment / "bin"


def settled(port: int) -> None:
    """Wait until `kg serve` has all of its release in memory, as it is served from then on."""
    while True:
        with urlopen(f"http://127.0.0.1:{port}/health") as answer:
            served = json.load(answer)
        if served["in_memory"] and served["columns"]:
            return
        time.sleep(0.1)


def kg_serve(home: Path) -> contextlib.AbstractContextManager[Peer]:
    port = free_port()
    return running(
        "kg serve",
        [sys.executable, "-m", "kg", "serve", "--port", str(port)],
        port, "/sparql?query=",
        KG_HOME=str(home), KG_WORKERS=str(WORKERS), KG_DEADLINE="20",
    )  # fmt: skip


def oxigraph(folder: Path, data: Path) -> contextlib.AbstractContextManager[Peer]:
    """`oxigraph serve`, on disk as it is meant to be."""
    binary = shutil.which("oxigraph") or str(installed(folder, "oxigraph") / "oxigraph")
    store = folder / "oxigraph-store"
    loaded = Store(str(store))
    loaded.bulk_load(path=str(data), format=RdfFormat.N_QUADS)
    loaded.flush()
    loaded.optimize()
    del loaded
    port = free_port()
    command = [binary, "serve", "--location", str(store), "--bind", f"127.0.0.1:{port}"]
    return running("oxigraph serve", command, port, "/query?query=")


_RDFLIB = """
import sys, uvicorn
from rdflib import Dataset
from rdflib_endpoint import SparqlEndpoint
graph = Dataset(store="Oxigraph", default_union=False)
graph.parse(sys.argv[1], format="ox-nquads")
uvicorn.run(SparqlEndpoint(graph=graph, path="/sparql"), port=int(sys.argv[2]), log_level="error")
"""


def rdflib_endpoint(folder: Path, data: Path) -> contextlib.AbstractContextManager[Peer]:
    """rdflib-endpoint over oxrdflib, the fastest store that it has."""
    scripts = installed(folder, "rdflib-endpoint", "oxrdflib", "uvicorn")
    port = free_port()
    command = [str(scripts / "python"), "-c", _RDFLIB, str(data), str(port)]
    return running("rdflib-endpoint", command, port, "/sparql?query=")


_VIRTUOSO = """
[Database]
DatabaseFile = {folder}/virtuoso.db
ErrorLogFile = {folder}/virtuoso.log
LockFile = {folder}/virtuoso.lck
TransactionFile = {folder}/virtuoso.trx
xa_persistent_file = {folder}/virtuoso.pxa
[TempDatabase]
DatabaseFile = {folder}/temporary.db
TransactionFile = {folder}/temporary.trx
[Parameters]
ServerPort = 127.0.0.1:{sql}
DirsAllowed = {data}
ServerThreads = 20
NumberOfBuffers = 170000
MaxDirtyBuffers = 130000
[HTTPServer]
ServerPort = 127.0.0.1:{port}
ServerRoot = {folder}
ServerThreads = 20
MaxKeepAlives = 20
KeepAliveTimeout = 60
[SPARQL]
ResultSetMaxRows = 20000000
"""


@contextlib.contextmanager
def virtuoso(folder: Path, data: Path) -> Iterator[Peer]:
    """Virtuoso with all data in its buffers (170,000 of 8 KiB), loaded by its bulk loader."""
    server, client = shutil.which("virtuoso-t"), shutil.which("isql-vt") or shutil.which("isql")
    if not server or not client:
        raise Missing("virtuoso-t and isql-vt are not installed (virtuoso-opensource-7-bin)")
    own = folder / "virtuoso"
    own.mkdir()
    port, sql = free_port(), free_port()
    ini = own / "virtuoso.ini"
    ini.write_text(_VIRTUOSO.format(folder=own, data=data.parent, port=port, sql=sql))
    command = [server, "+configfile", str(ini), "+foreground"]
    path = f"/sparql?default-graph-uri={quote(DEFAULT, safe='')}&query="

    def tell(text: str) -> bool:
        ask = [client, f"127.0.0.1:{sql}", "dba", "dba", f"exec={text}"]
        return subprocess.run(ask, capture_output=True, check=False).returncode == 0

    with running("virtuoso 7", command, port, path) as peer:
        ends = time.monotonic() + 120
        while not tell("select 1;"):
            if peer.process.poll() is not None or time.monotonic() > ends:
                raise Missing(f"virtuoso does not start: see {own}/virtuoso.log")
            time.sleep(0.5)
        load = f"ld_dir('{data.parent}', '{data.name}', '{DEFAULT}'); rdf_loader_run();"
        if not tell(f"{load} checkpoint;"):
            raise Missing("virtuoso does not load the data")
        yield peer
