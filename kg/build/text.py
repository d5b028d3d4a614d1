"""A candidate's content as files of sorted N-Quads: what is asserted, and what is inferred.

From them come the dump, the store on disk and the one in memory. Lines with blank nodes, which
come from the ontology for the most part, are kept apart: a store that reads a file by itself
would rename them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import polars as pl
from pyoxigraph import Store

from kg import infer, release
from kg.build import lines
from kg.build.delta import quads
from kg.infer import Rules
from kg.nquads import write
from kg.release import ContentHash, Loading


class Text:
    """The files in a folder, and the lines with blank nodes."""

    def __init__(self, folder: Path) -> None:
        self._named = folder / "named.nq"
        self._default = folder / "default.nq"
        # In the default graph; each triple stands in the graph of inferences as well.
        self._inferred = folder / "inferred.nq"
        self._nameless: list[bytes] = []
        self.triples = 0  # of the default graph, not inferred

    def merge(
        self,
        given: Iterable[pl.Series],
        tally: lines.Tally,
        repeated: Callable[[pl.DataFrame], object],
    ) -> None:
        """Write what is asserted, of blocks of sorted lines, as `lines.merged` reads them."""
        with self._named.open("wb") as named, self._default.open("wb") as default:
            for block in lines.merged(given, tally, repeated):
                self.triples += len(block.default)
                self._write(named, block.named)
                self._write(default, block.default)

    def infer(self, rules: Rules) -> int:
        """Write what follows from the default graph; the number of its triples."""
        nameless = b"".join(line + b"\n" for line in self._nameless_of_default())
        found = infer.infer(chain(lines.texts(self._default), [nameless]), rules)
        with self._inferred.open("wb") as file:
            for part in found.slices():
                for line in self._write(file, part + " ."):
                    self._nameless.append(lines.within(infer.GRAPH, line))
        return len(found)

    def _write(self, file: BinaryIO, given: pl.Series) -> list[bytes]:
        """Write lines but for those with blank nodes, which are kept and returned."""
        ground, nameless = lines.ground(given)
        write(ground, file)
        self._nameless += nameless
        return nameless

    def _nameless_of_default(self) -> list[bytes]:
        return [line for line in self._nameless if not lines.graph_of(line)]

    def dump(self, path: Path) -> ContentHash:
        """Write the dump."""
        runs = (
            lines.read(self._named),
            lines.read(self._default),
            lines.read(self._inferred),
            lines.read(self._inferred, infer.GRAPH),
            [sorted(self._nameless)],
        )
        return release.write_dump(lines.interleaved(*runs), path)

    # Into stores. That no line is malformed is seen once, where all asserted ones are read.

    def load_asserted(self, loading: Loading) -> None:
        """Load what is asserted into a store on disk."""
        loading.add(self._named)
        loading.add(self._default, lenient=True)

    def load_inferred(self, loading: Loading) -> None:
        """Load what is inferred, and the lines with blank nodes, into a store on disk."""
        loading.add(self._inferred, lenient=True)
        loading.add(self._inferred, infer.GRAPH, lenient=True)
        loading.extend(quads(self._nameless))

    def in_memory(self) -> Store:
        """A store in memory that holds the default graph."""
        store = Store()
        for path in (self._default, self._inferred):
            release.fill(store, path, lenient=True)
        store.bulk_extend(quads(self._nameless_of_default()))
        return store
