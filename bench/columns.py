"""What counting by columns saves, and what they take: `python bench/columns.py [QUADS]`.

Makes the graph of `bench/serve.py` of about QUADS quads (default 1,000,000) and its columns, and
asks for counts of it: by columns, of the engine in memory, and of the engine on disk, which is what
`oxigraph serve` has. Prints CPU milliseconds of each query, answer written and all, the ratios, and
CPU seconds and bytes of making the columns. No text is asked twice.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter as Bag
from io import BytesIO
from multiprocessing import Process
from pathlib import Path

from pyoxigraph import RdfFormat, Store
from serve import EX, lines

from kg import vocab
from kg.release import write_dump
from kg.workers.columns.counting import Counter
from kg.workers.engine import FORMATS, Evaluation, Query

PREFIXES = f"PREFIX : <{EX}> PREFIX skos: <{vocab.SKOS}>"
QUERIES = {
    "two-hop join": "(COUNT(*) AS ?n) { ?e :in :f3 ; :by ?o . ?o skos:prefLabel ?l }",
    "group-by": "?f (COUNT(?e) AS ?n) { ?e :in ?f } GROUP BY ?f",
    "triples by predicate": "?p (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?p",
    "values by predicate": "?p (COUNT(DISTINCT ?o) AS ?n) { ?s ?p ?o } GROUP BY ?p",
    "classes": "?class (COUNT(?s) AS ?n) { ?s a ?class } GROUP BY ?class ORDER BY DESC(?n)",
    "properties of a class": "?p (COUNT(*) AS ?n) { ?s a :Organization ; ?p ?o } GROUP BY ?p",
    "ten with the most": "?o (COUNT(*) AS ?n) { ?e :by ?o } GROUP BY ?o ORDER BY DESC(?n) LIMIT 10",
    "three patterns": (
        "?f (COUNT(DISTINCT ?o) AS ?n) { ?e :in ?f ; :by ?o . ?o skos:prefLabel ?l } GROUP BY ?f"
    ),
    "10,000 groups": "?f ?t (COUNT(*) AS ?n) { ?e :in ?f ; :via ?t } GROUP BY ?f ?t",
    "met again": "?f (COUNT(*) AS ?n) { ?a :in ?f ; :by ?o . ?b :by ?o } GROUP BY ?f",
    "few rows": "(COUNT(*) AS ?n) { ?e :by :o5 ; :in ?f }",
    "one resource": "(COUNT(*) AS ?n) { :o5 ?p ?o }",
}
_NUMBERS = itertools.count()


def spent(store: Store, text: str, counter: Counter | None = None) -> tuple[float, Bag[str]]:
    """CPU milliseconds of the best of five answers, and the solutions."""
    best, output = float("inf"), BytesIO()
    for _ in range(5):
        query = Query(f"{PREFIXES} SELECT {text} # {next(_NUMBERS)}", FORMATS["json"])
        output = BytesIO()
        begun = time.process_time()
        Evaluation(store, query, counter).write(output)
        best = min(best, time.process_time() - begun)
    rows = json.loads(output.getvalue())["results"]["bindings"]
    return best * 1000, Bag(json.dumps(row, sort_keys=True) for row in rows)


def write(data: Path, dump: Path, quads: int) -> None:
    """The graph as N-Quads, and as a release has it."""
    found = sorted({line.encode() for line in lines(quads)})
    data.write_bytes(b"\n".join(found))
    write_dump(found, dump)


def made(dump: Path) -> int:
    """The descriptor of columns; prints what they took."""
    descriptor = os.memfd_create("columns", os.MFD_ALLOW_SEALING)
    command = [sys.executable, "-m", "kg.workers.columns", str(dump), str(descriptor)]
    process = subprocess.Popen(command, pass_fds=[descriptor])
    _, process.returncode, used = os.wait4(process.pid, 0)
    size = os.fstat(descriptor).st_size
    seconds, most = used.ru_utime + used.ru_stime, used.ru_maxrss / 1e3
    print(f"columns of {size / 1e6:,.1f} MB, made in {seconds:.2f} s of CPU and {most:,.0f} MB")
    return descriptor


def main() -> None:
    quads = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as place:
        data, dump = Path(place, "data.nq"), Path(place, "dump.nq.zst")
        # In a process of its own: the peak of another that this one starts is at least its own.
        writer = Process(target=write, args=(data, dump, quads))
        writer.start()
        writer.join()
        counter = Counter(made(dump), 1 << 30)
        memory, disk = Store(), Store(str(Path(place, "store")))
        for store in (memory, disk):
            store.bulk_load(path=str(data), format=RdfFormat.N_QUADS)
        disk.optimize()
        print(f"{len(memory):,} quads, load {os.getloadavg()[0]:.1f}")
        print(f"{'CPU ms':<24}{'columns':>10}{'memory':>10}{'disk':>10}   by memory    disk")
        for name, text in QUERIES.items():
            counted, solutions = spent(memory, text, counter)
            in_memory, expected = spent(memory, text)
            on_disk, _ = spent(disk, text)
            assert solutions == expected or "LIMIT" in text, name
            print(
                f"{name:<24}{counted:>10.2f}{in_memory:>10.2f}{on_disk:>10.2f}"
                f"{in_memory / counted:>12.1f}{on_disk / counted:>8.1f}",
                flush=True,
            )
        del disk


if __name__ == "__main__":
    main()
