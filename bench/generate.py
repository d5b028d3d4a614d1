"""A table set of a size you choose: `python bench/generate.py DIR [--rows N] [--seed N]`.

The default, 1.2 million rows, gives about 9 million triples. It is the sample of `kg sample` at
a larger scale, and is built by `kg build --sample DIR`.
"""

from __future__ import annotations

import argparse
import resource
from decimal import Decimal
from pathlib import Path

from kg.sample import generate

#: Rows of all tables at scale 1.
ROWS = 76_612


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--rows", type=int, default=1_200_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    scale = (Decimal(options.rows) / ROWS).quantize(Decimal("0.001"))
    made = generate(options.folder, scale, options.seed)
    used = resource.getrusage(resource.RUSAGE_SELF)
    size = sum(path.stat().st_size for path in options.folder.glob("*.csv"))
    print(f"scale {scale}: {sum(made.rows.values()):,} rows, {size / 2**20:,.0f} MiB")
    print(f"{used.ru_utime + used.ru_stime:.1f} CPU-s, peak {used.ru_maxrss / 1024:,.0f} MiB")


if __name__ == "__main__":
    main()
