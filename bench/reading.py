"""CPU and memory of reading a CSV into frames of text, against the csv module: `reading.py [ROWS]`.

Three tables of the same cells: none quoted, one line in twenty with quotes inside, all quoted.
"""

from __future__ import annotations

import csv
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from kg.tables import Account, Column, Table, chunks

NAMES = [f"c{number}" for number in range(8)]


def write(path: Path, rows: int, quoted: str) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(
            file,
            lineterminator="\n",
            quoting=csv.QUOTE_ALL if quoted == "all" else csv.QUOTE_MINIMAL,
        )
        writer.writerow(NAMES)
        for n in range(rows):
            name = f'公司 "{n}", Ltd' if quoted == "some" and n % 20 == 0 else f"公司 {n}"
            writer.writerow([n, name, n / 7, "Beijing", "2020-01-01", n * 7, "x" * 20, ""])


def by_csv(path: Path) -> Iterator[pl.DataFrame]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file, strict=True)
        header = next(reader)
        held: list[list[str]] = []
        for row in reader:
            held.append(row)
            if len(held) == 50_000:
                yield pl.DataFrame(dict(zip(header, zip(*held, strict=True), strict=True)))
                held = []
        if held:
            yield pl.DataFrame(dict(zip(header, zip(*held, strict=True), strict=True)))


def measured(frames: Iterator[pl.DataFrame], rows: int) -> float:
    since = time.process_time()
    assert sum(frame.height for frame in frames) == rows
    return time.process_time() - since


def main(rows: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        table = Table("t", "t.csv", tuple(map(Column, NAMES)))
        for quoted in ("none", "some", "all"):
            write(path, rows, quoted)
            ours = measured(chunks(table, path, Account("s", "t", "t.csv")), rows)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            theirs = measured(by_csv(path), rows)
            print(
                f"{rows:,} rows, quoted: {quoted:4}  {ours:.2f} CPU-s, csv module {theirs:.2f}: "
                f"{theirs / ours:.1f} times; peak {peak:,.0f} MiB"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_200_000)
