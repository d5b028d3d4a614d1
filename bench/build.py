"""What a build costs, as a ratio to loading the same quads: `python bench/build.py [DATA_DIR]`.

One run builds a release (map, merge, validate, load, publish) and then loads its dump with
`Store.bulk_load` alone. CPU seconds count user and system time of the whole process.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import zstandard
from pyoxigraph import RdfFormat, Store

from kg.build import Inputs, build
from kg.release import Home, Release
from kg.settings import Settings


def cpu() -> float:
    times = os.times()
    return times.user + times.system


def load_alone(release: Release, folder: Path) -> float:
    quads = zstandard.ZstdDecompressor().stream_reader(release.dump_path.open("rb")).read()
    before = cpu()
    store = Store(str(folder))
    store.bulk_load(quads, format=RdfFormat.N_QUADS)
    store.flush()
    return cpu() - before


def main() -> None:
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory() as folder:
        before = cpu()
        outcome = build(Home(Path(folder) / "home"), Settings(), Inputs(data=data), lambda *_: None)
        built = cpu() - before
        alone = load_alone(outcome.release, Path(folder) / "alone")
        manifest = outcome.release.manifest
    rows = sum(account.read for account in outcome.accounts)
    print(f"rows in        {rows:>12,}")
    print(f"quads out      {manifest.quads:>12,}")
    print(f"build          {built:>12.2f} CPU-s")
    print(f"bulk_load      {alone:>12.2f} CPU-s  (RocksDB, the same quads)")
    print(f"ratio          {built / alone:>12.1f}")
    print(f"peak memory    {manifest.peak_memory / 2**20:>12,.0f} MiB")
    for stage, seconds in manifest.seconds.items():
        print(f"  {stage:<13}{seconds:>12.2f} s")
    for account in outcome.accounts:
        for rule, count in account.by_rule().items():
            print(f"  rejects {account.table}: {rule} {count}")


if __name__ == "__main__":
    main()
