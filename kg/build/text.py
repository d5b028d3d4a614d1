"""A candidate's content as files of sorted N-Quads: what is asserted, and what is inferred.

From them come the dump and the store in memory; that on disk is loaded while they are made.
Lines with blank nodes, which come from the ontology for the most part, are kept apart: a store
that reads a text by itself would rename them.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final

import polars as pl
from pyoxigraph import Store

from kg import infer, release
from kg.build import lines
from kg.build.delta import quads
from kg.infer import Rules
from kg.nquads import write
from kg.release import ContentHash, Loading

#: Lines that a store loads into two files to each index: of four, with what comes besides, it would
#: merge them by itself, and again at the end.
_FEW: Final = 2_000_000


class Text:
    """The files in a folder, the lines with blank nodes, and two feeds of the store on disk.

    Each line is on its way into the store as soon as it is known: of named graphs as it is mapped,
    before repeated ones are found. That no line is malformed is seen once, there.
    """

    def __init__(self, folder: Path, loading: Loading) -> None:
        self._runs = lines.Runs(folder)
        self._named = folder / "named.nq"
        self._default = folder / "default.nq"
        # In the default graph; each triple stands in the graph of inferences as well.
        self._inferred = folder / "inferred.nq"
        self._nameless: list[bytes] = []
        self._loading = loading
        self._asserting = loading.feed("lines of named graphs")
        self._merging = loading.feed("lines of the default graph", lenient=True)
        self._spool = lines.Spool(folder / "given", self._asserting.add)
        self._given = 0
        self.triples = 0  # of the default graph, not inferred

    def add(self, given: pl.Series) -> None:
        """Take lines of named graphs (text, without line ends) as they are asserted."""
        self._runs.add(given)
        self._spool.add(lines.ground(given)[0])
        self._given += len(given)

    def add_bytes(self, given: list[bytes]) -> None:
        """Take lines that are bytes."""
        self.add(pl.Series(given, dtype=pl.Binary).cast(pl.String))

    def merge(self, tally: lines.Tally, repeated: Callable[[pl.DataFrame], object]) -> None:
        """Write what is asserted, as `lines.merged` reads what was added; nothing more is."""
        self._spool.close()
        if self._given < _FEW:
            self._asserting.close()
        with (
            self._runs.sorted() as given,
            self._named.open("wb") as named,
            self._default.open("wb") as default,
        ):
            for block in lines.merged(given, tally, repeated):
                self.triples += len(block.default)
                tally.count_types(block.default)
                self._write(named, block.named)
                self._write(default, block.default)
        self._merging.add(lines.texts(self._default))

    def infer(self, rules: Rules, tally: lines.Tally) -> None:
        """Write what follows from the default graph."""
        nameless = b"".join(line + b"\n" for line in self._nameless_of_default())
        found = infer.infer(chain(lines.texts(self._default), [nameless]), rules)
        with self._inferred.open("wb") as file:
            for part in found.slices():
                tally.count_types(stated := part + " .")
                for line in self._write(file, stated):
                    self._nameless.append(lines.within(infer.GRAPH, line))
        # The same terms beside one another: that loads cheaper.
        self._merging.add(
            both
            for text in lines.texts(self._inferred)
            for both in (text, lines.all_within(infer.GRAPH, text))
        )
        self._loading.extend(quads(self._nameless))
        tally.graphs[infer.GRAPH.value.encode()] = len(found)

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

    def in_memory(self) -> Store:
        """A store in memory that holds the default graph."""
        store = Store()
        for path in (self._default, self._inferred):
            release.fill(store, path, lenient=True)
        store.bulk_extend(quads(self._nameless_of_default()))
        return store
