"""Mapping against morph-kgc: `python bench/mapping.py [ROWS]`.

Both map the same two tables by the same mapping, which our exporter writes as RML: relations
with keys, texts, numbers and a join to their organizations. On a tenth of the rows the triples
must be identical; then each runs on its own, and triples per CPU second are compared. CPU
seconds count user and system time of a process of its own, start included. morph-kgc is
installed into an environment of its own under the temporary folder on the first run.
"""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from pyoxigraph import RdfFormat, Store
from rdflib import Graph, Literal, Namespace

from kg import etl
from kg.etl import rml
from kg.nquads import write
from kg.settings import shipped

MORPH = "morph-kgc==2.10.0"
RML = Namespace("http://w3id.org/rml/")
MAPPING = """\
prefixes: {ex: http://example.org/}
dataset: {title: Relations, original: http://example.org/r, licence: http://example.org/l}
sources:
  organizations: {access: organizations.csv, key: code, columns: {code: , name: , city: }}
  relations:
    access: relations.csv
    key: id
    columns: {id: , source: , target: , kind: , year: , amount: , title: , note: }
mappings:
  organization:
    sources: organizations
    subjects: ex:organization/$(code)
    predicateobjects:
      - [a, aic:Organization]
      - [skos:prefLabel, $(name), zh~lang]
      - [aic:city, ex:place/$(city)~iri]
  relation:
    sources: relations
    subjects: ex:relation/$(id)
    predicateobjects:
      - [a, aic:Relation]
      - [aic:kind, ex:kind/$(kind)~iri]
      - [aic:year, $(year), xsd:gYear]
      - [aic:amount, $(amount), xsd:decimal]
      - [skos:prefLabel, $(title), zh~lang]
      - [skos:note, $(note)]
      - predicates: aic:from
        objects:
          mapping: organization
          condition: {function: equal, parameters: [[str1, $(source)], [str2, $(code)]]}
      - [aic:to, ex:organization/$(target)~iri]
"""


def generate(folder: Path, rows: int) -> None:
    """Two tables: organizations, and twenty times as many relations between them."""
    random.seed(rows)
    folder.mkdir()
    organizations = max(1, rows // 20)
    with (folder / "organizations.csv").open("w", encoding="utf-8") as file:
        file.write("code,name,city\n")
        for n in range(organizations):
            file.write(f"o{n},机构 {n},{random.choice(['Beijing', 'Xi an', 'Shenzhen'])}\n")
    with (folder / "relations.csv").open("w", encoding="utf-8") as file:
        file.write("id,source,target,kind,year,amount,title,note\n")
        for n in range(rows):
            ends = random.randrange(organizations), random.randrange(organizations)
            amount = random.randrange(10**8) / 100
            note = f"relation {n}" if n % 5 else f'"relation {n}, as stated"'
            note = note if n % 100 else f'"relation {n}, ""so called"""'
            file.write(
                f"{n},o{ends[0]},o{ends[1]},{random.choice('abcde')},{2014 + n % 9},"
                f"{amount:.2f},关系 {n},{note}\n"
            )
    (folder / "relations.yml").write_text(MAPPING, encoding="utf-8")


@dataclass
class Cost:
    """What one process took."""

    cpu: float
    wall: float
    peak: int  # MiB


def measured(command: list[str]) -> tuple[Cost, str]:
    """Run a command; `wait4` tells what it and no other process took."""
    begun = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{command[0]} failed")
        output.seek(0)
        wall = time.perf_counter() - begun
        return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss // 1024), output.read()


def ours(folder: Path) -> tuple[Cost, str]:
    return measured([sys.executable, __file__, "--map", str(folder)])


def map_here(folder: Path) -> None:
    """Stage and map a folder; print the CPU seconds of either."""

    def cpu() -> float:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime

    source = etl.read(folder / "relations.yml")
    context = etl.Context(shipped("tables"), shipped("ontology") / "vocabularies")
    started = cpu()
    sheets = etl.stage(source, folder, folder / "rows")
    staged = cpu()
    with (folder / "ours.nq").open("wb") as file:
        etl.run(source, sheets, context, lambda made: write(made.lines(), file))
    print(started, staged - started, cpu() - staged)


def theirs(folder: Path, python: Path) -> Cost:
    graph = Graph().parse(data=rml.export(etl.read(folder / "relations.yml")))
    # morph-kgc reads paths, but not the sources of RML-IO.
    for logical, source in list(graph.subject_objects(RML.source)):
        path = folder / str(graph.value(source, RML.path))
        graph.remove((source, None, None))
        graph.set((logical, RML.source, Literal(str(path))))
    graph.serialize(folder / "relations.ttl", format="turtle")
    (folder / "morph.ini").write_text(
        f"[CONFIGURATION]\noutput_file={folder}/theirs.nq\noutput_format=N-QUADS\n"
        f"number_of_processes=1\nlogging_level=ERROR\n[R]\nmappings={folder}/relations.ttl\n"
    )
    return measured([str(python), "-m", "morph_kgc", str(folder / "morph.ini")])[0]


def environment() -> Path:
    """The Python of an environment that has morph-kgc."""
    folder = Path(tempfile.gettempdir()) / "kg-bench-morph-kgc"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        print(f"installing {MORPH} into {folder} …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", MORPH], check=True)
        (folder / "ready").touch()
    return python


def canonical(path: Path) -> set[bytes]:
    """The quads of a file as the store writes them."""
    store = Store()
    store.bulk_load(path=path, format=RdfFormat.N_QUADS)
    text: bytes = store.dump(format=RdfFormat.N_QUADS)  # type: ignore[assignment]
    return set(text.splitlines())


def lines_of(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def main() -> None:
    if sys.argv[1:2] == ["--map"]:
        map_here(Path(sys.argv[2]))
        return
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 400_000
    python = environment()
    with tempfile.TemporaryDirectory(prefix="kg-bench-") as name:
        small, large = Path(name) / "small", Path(name) / "large"
        generate(small, rows // 10)
        generate(large, rows)
        at_small, _ = ours(small)
        theirs(small, python)
        mapped, other = canonical(small / "ours.nq"), canonical(small / "theirs.nq")
        written = set((small / "ours.nq").read_bytes().splitlines())
        assert mapped == written, "our lines are not those that the store dumps"
        assert mapped == other, f"triples differ, for example {sorted(mapped ^ other)[:4]}"
        print(f"identical triples on {rows // 10:,} rows: {len(mapped):,}")
        cost, parts = ours(large)
        morph = theirs(large, python)
        triples = lines_of(large / "ours.nq")
        assert triples == lines_of(large / "theirs.nq")
    start, reading, mapping = map(float, parts.split())
    print(f"{'':24}{'CPU-s':>10}{'triples per CPU-s':>20}{'peak MiB':>10}")
    for what, seconds, peak in (
        ("morph-kgc", morph.cpu, morph.peak),
        ("kg, process and all", cost.cpu, cost.peak),
        ("kg, start", start, 0),
        ("kg, reading and checking", reading, 0),
        ("kg, mapping", mapping, 0),
    ):
        rate = f"{triples / seconds:,.0f}" if what != "kg, start" else ""
        print(f"{what:24}{seconds:>10.2f}{rate:>20}{peak or '':>10}")
    print(f"{rows:,} rows, {triples:,} triples")
    print(f"ratio, mapping alone:                  {morph.cpu / mapping:.1f}")
    print(f"ratio, reading, checking and mapping:  {morph.cpu / (reading + mapping):.1f}")
    print(f"peak memory at a tenth of the rows:    {at_small.peak} MiB")


if __name__ == "__main__":
    main()
