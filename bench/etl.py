"""What mapping and building cost: `python bench/etl.py [--scales 0.1 1 10] [--large]`.

For each scale, in one run and each in a process of its own: the mapping alone (tables to
N-Quads), `kg build` to a published release, `Store.bulk_load` of the same quads into RocksDB,
and `kg build` again with 1 % of the rows changed. CPU counts user and system time of the
process and its children; peak memory is that of the largest of them. `--large` adds the set
of 1.2 million rows. Target: build ≤ 3 × the CPU of bulk_load, change ≤ 5 % of the build.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import polars as pl

from kg import etl
from kg.nquads import write
from kg.release import Home, read_dump
from kg.settings import shipped

LARGE = Decimal("15.66")  # 1.2 million rows

#: Table → the column of which a changed row gets another value.
CHANGED = {
    "sample_organizations": "place",
    "sample_parks": "city",
    "sample_conferences": "city",
    "sample_policies": "name_en",
    "sample_empowerments": "year",
    "sample_inputs": "year",
    "sample_collaborations": "year",
    "sample_investments": "year",
    "sample_memberships": "since",
    "sample_participations": "year",
    "sample_sitings": "since",
    "sample_adoptions": "adopted",
}


#: In a process of its own, which imports nothing else: a file of N-Quads into a new store.
LOAD = """
import sys
from pyoxigraph import RdfFormat, Store

store = Store(sys.argv[2])
store.bulk_load(path=sys.argv[1], format=RdfFormat.N_QUADS)
store.flush()
"""


@dataclass(frozen=True)
class Cost:
    """What one process took, its children included."""

    cpu: float
    wall: float
    peak: int  # bytes
    output: str


def run(*arguments: str, home: Path | None = None) -> Cost:
    """Run Python with these arguments to its end."""
    environment = os.environ | ({"KG_HOME": str(home)} if home else {})
    begun = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen([sys.executable, *arguments], stdout=out, env=environment)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        output = out.read()
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)}: exit code {process.returncode}\n{output}")
    return Cost(used.ru_utime + used.ru_stime, wall, used.ru_maxrss * 1024, output)


def map_alone(tables: Path, into: Path) -> None:
    """In a process of its own: the tables of a sample to N-Quads in one file."""
    source = etl.read(shipped("mappings") / "sample.yml")
    context = etl.Context(shipped("tables"), shipped("ontology") / "vocabularies")
    triples = 0
    with (into / "mapped.nq").open("wb") as file:

        def keep(made: etl.Statements) -> None:
            nonlocal triples
            lines = made.lines()
            triples += lines.len()
            write(lines, file)

        etl.run(source, etl.stage(source, tables, into / "rows"), context, keep)
    print(triples)


def change(tables: Path, into: Path) -> int:
    """Copy the tables with every hundredth row changed; says how many rows were."""
    into.mkdir()
    changed = 0
    for path in tables.glob("*.csv"):
        table = pl.read_csv(path, infer_schema=False)
        if name := CHANGED.get(path.stem):
            cell, hundredth = pl.col(name), pl.int_range(pl.len()) % 100 == 50
            other: pl.Expr
            if name in ("place", "city"):
                beijing = pl.when(cell == "beijing")
                other = beijing.then(pl.lit("shanghai")).otherwise(pl.lit("beijing"))
            elif name == "name_en":
                other = cell + " revised"
            else:
                other = pl.when(cell == "2022").then(pl.lit("2021")).otherwise(pl.lit("2022"))
            changed += table.select(hundredth.sum()).item()
            table = table.with_columns(pl.when(hundredth).then(other).otherwise(cell).alias(name))
        table.write_csv(into / path.name, line_terminator="\n")
    return changed


def measure(scale: Decimal, folder: Path) -> None:
    """Print one scale's costs as they are known, then their ratios."""
    tables, home, me = folder / "tables", folder / "home", str(Path(__file__))
    made = json.loads(_kg("sample", "--scale", str(scale), "--into", str(tables)).output)
    print(f"\nscale {scale}: {sum(made['rows'].values()):,} rows")
    print(f"{'':<22}{'CPU s':>9}{'wall s':>9}{'peak MiB':>10}", flush=True)
    (folder / "mapping").mkdir()
    mapped = _shown("mapping alone", run(me, "--map", str(tables), str(folder / "mapping")))
    built = _shown("whole build", _kg("build", "--sample", str(tables), home=home))
    plain = folder / "quads.nq"
    _write_plain(home, plain)
    loaded = _shown("bulk_load (RocksDB)", run("-c", LOAD, str(plain), str(folder / "store")))
    changed = change(tables, folder / "changed")
    again = _kg("build", "--sample", str(folder / "changed"), home=home)
    _shown("build, 1 % changed", again)
    manifest, triples = json.loads(built.output)["manifest"], int(mapped.output)
    print(f"{triples:,} triples mapped, {triples / mapped.cpu:,.0f} per CPU-s")
    print(f"{manifest['quads']:,} quads built, {changed:,} rows changed")
    for name, cost in {"mapping": mapped, "build": built, "change": again}.items():
        cpu, wall = cost.cpu / loaded.cpu, cost.wall / loaded.wall
        print(f"{name + ' / bulk_load':<22}{cpu:>9.2f}{wall:>9.2f}")
    print(f"{'change / build':<22}{again.cpu / built.cpu:>9.1%}{again.wall / built.wall:>9.1%}")
    for stage, seconds in manifest["seconds"].items():
        print(f"  {stage:<20}{'':>9}{seconds:>9.2f}")


def _shown(name: str, cost: Cost) -> Cost:
    print(f"{name:<22}{cost.cpu:>9.1f}{cost.wall:>9.1f}{cost.peak / 2**20:>10,.0f}", flush=True)
    return cost


def _kg(*arguments: str, home: Path | None = None) -> Cost:
    return run("-m", "kg", *arguments, "--json", home=home)


def _write_plain(home: Path, path: Path) -> None:
    """The quads of the current release as plain N-Quads, which bulk_load reads the fastest."""
    with path.open("wb") as file:
        file.writelines(line + b"\n" for line in read_dump(Home(home).current().dump_path))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scales", type=Decimal, nargs="*", default=[Decimal("0.1"), 1, 10])
    parser.add_argument("--large", action="store_true", help="the set of 1.2 million rows too")
    parser.add_argument("--map", type=Path, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.map:
        map_alone(*options.map)
    else:
        for scale in [*options.scales, *([LARGE] if options.large else [])]:
            with tempfile.TemporaryDirectory() as folder:
                measure(Decimal(scale), Path(folder))


if __name__ == "__main__":
    main()
