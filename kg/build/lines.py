"""N-Quads lines in any order and any number, sorted and merged in bounded memory.

Lines are collected into sorted runs on disk; `merged` makes of them what a release holds: each
line once, and of a triple its line in the default graph.
"""

from __future__ import annotations

import subprocess
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Final, cast

import polars as pl
from pyoxigraph import Literal, NamedNode, Quad, QuerySolutions, RdfFormat, Store, serialize

from kg import vocab
from kg.errors import KnowledgeGraphError

#: Bytes of text that are sorted at a time; sorting takes about three times as much.
RUN: Final = 96 * 1024 * 1024

_BATCH: Final = 65_536  # lines
_TEXT: Final = 1 << 23  # bytes
_DEFAULT: Final = "default"
_CLASSES: Final = (
    f"SELECT ?class (COUNT(*) AS ?count) {{ ?s <{vocab.RDF}type> ?class }} GROUP BY ?class"
)
_TYPE: Final = f"<{vocab.RDF}type> <".encode()
_SIDE: Final = frozenset(f"<{graph}> .".encode() for graph in vocab.SIDE_GRAPHS)


class Runs:
    """Lines on their way to be sorted: what is added comes out of `sorted` in byte order."""

    def __init__(self, folder: Path, run: int = RUN) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._run = run
        self._waiting: list[pl.Series] = []
        self._size = 0
        self._files: list[Path] = []

    def add_bytes(self, lines: list[bytes]) -> None:
        """Take lines that are bytes."""
        self.add(pl.Series(lines, dtype=pl.Binary).cast(pl.String))

    def add(self, lines: pl.Series) -> None:
        """Take lines (text, without line ends)."""
        self._waiting.append(lines)
        self._size += int(lines.estimated_size())
        if self._size > self._run:
            self._spill()

    def _spill(self) -> None:
        if self._waiting:
            path = self._folder / f"{len(self._files):05}.nq"
            lines = pl.concat(self._waiting).sort().alias("line")
            lines.to_frame().write_csv(path, include_header=False, quote_style="never")
            self._files.append(path)
            self._waiting, self._size = [], 0

    @contextmanager
    def sorted(self) -> Iterator[Iterator[bytes]]:
        """All lines in byte order, repeated ones as often as they were added."""
        if not self._files:
            waiting = pl.concat(self._waiting) if self._waiting else pl.Series(dtype=pl.String)
            yield iter(waiting.sort().cast(pl.Binary).to_list())
            return
        self._spill()
        command = ["sort", "--merge", "--batch-size=64", f"--temporary-directory={self._folder}"]
        with subprocess.Popen(
            [*command, *map(str, self._files)], env={"LC_ALL": "C"}, stdout=subprocess.PIPE
        ) as sort:
            out = cast(IO[bytes], sort.stdout)
            yield chain.from_iterable(text.split(b"\n")[:-1] for text in _texts(out))
            out.close()
        if sort.returncode:
            raise KnowledgeGraphError(f"sort ended with exit code {sort.returncode}")


class Tally:
    """Counts of what a release holds: quads of each graph, instances of each class."""

    def __init__(self) -> None:
        self.graphs: dict[bytes, int] = {}
        self.classes: dict[bytes, int] = {}

    @classmethod
    def of(cls, classes: Mapping[str, int], graphs: Mapping[str, int]) -> Tally:
        """The tally that a manifest keeps."""
        tally = cls()
        tally.classes = {name.encode(): count for name, count in classes.items()}
        tally.graphs = {name.encode(): count for name, count in graphs.items()}
        tally.graphs[b""] = tally.graphs.pop(_DEFAULT.encode(), 0)
        return tally

    def count_store(self, store: Store) -> None:
        """Count the instances of classes in the default graph of a store."""
        found = store.query(_CLASSES)
        for solution in cast(QuerySolutions, found):
            name, number = solution["class"], solution["count"]
            if isinstance(name, NamedNode) and isinstance(number, Literal):
                self.classes[name.value.encode()] = int(number.value)

    def count(self, line: bytes, by: int = 1) -> None:
        """Count a line of the content, or one that leaves it (`by` -1)."""
        graph = graph_of(line)
        self.graphs[graph] = self.graphs.get(graph, 0) + by
        if not graph:
            cut = line.index(b" ") + 1
            if line.startswith(_TYPE, cut):
                name = line[cut + len(_TYPE) : -3]
                self.classes[name] = self.classes.get(name, 0) + by

    def named_classes(self) -> dict[str, int]:
        """Class IRI → instances in the default graph."""
        return {name.decode(): n for name, n in sorted(self.classes.items()) if n}

    def named_graphs(self) -> dict[str, int]:
        """Graph IRI → quads; the default graph is called so."""
        counts = {name.decode(): n for name, n in sorted(self.graphs.items()) if name and n}
        return counts | {_DEFAULT: self.graphs.get(b"", 0)}


def graph_of(line: bytes) -> bytes:
    """The named graph of a line, without its brackets; empty for the default graph.

    What stands last in a line of the default graph may look like a graph: an IRI as object,
    a datatype after a literal that holds " <". No graph name holds a quote or a bracket.
    """
    start = line.rindex(b" <")
    name = line[start + 2 : -3]
    if not line.endswith(b"> .") or b'"' in name or b">" in name:
        return b""
    return b"" if start == line.index(b" ", line.index(b" ") + 1) else name


@dataclass(frozen=True)
class Block:
    """Lines that a release holds, each graph's in byte order: of named graphs, of the default."""

    named: list[bytes]
    default: list[bytes]


def merged(
    lines: Iterable[bytes],
    tally: Tally,
    repeated: Callable[[bytes, int], object] = lambda *_: None,
) -> Iterator[Block]:
    """What a release holds of sorted lines of named graphs.

    Each line once; and a triple's line in the default graph, where a graph that is merged into
    it states the triple. `tally` counts the graphs' lines, and `repeated` is told every line
    that was given more than once, and how often.
    """
    named: list[bytes] = []
    default: list[bytes] = []
    triple, last, count = b"", b"", 0
    stated = False
    ends: Counter[bytes] = Counter()
    # The loop runs once a line of the release: what it does, it does without a call.
    for line in lines:
        if line == last:
            count += 1
            continue
        if count > 1:
            repeated(last, count)
        last, count = line, 1
        cut = line.rindex(b" <")
        start, end = line[:cut], line[cut + 1 :]
        ends[end] += 1
        if start != triple:
            if stated:
                default.append(triple + b" .")
            if len(named) > _BATCH:
                yield Block(named, default)
                named, default = [], []
            triple, stated = start, False
        named.append(line)
        stated = stated or end not in _SIDE
    if count > 1:
        repeated(last, count)
    if stated:
        default.append(triple + b" .")
    yield Block(named, default)
    for end, number in ends.items():
        tally.graphs[end[1:-3]] = tally.graphs.get(end[1:-3], 0) + number


def text_of(lines: Iterable[bytes]) -> bytes:
    """The lines as one text."""
    return b"\n".join([*lines, b""])


def ground(text: bytes) -> tuple[bytes, list[bytes]]:
    """The text of the lines without blank nodes, and the lines that may have some."""
    if b"_:" not in text:
        return text, []
    lines = text.split(b"\n")[:-1]
    rest = [line for line in lines if b"_:" in line]
    return text_of(line for line in lines if b"_:" not in line), rest


def interleaved(*runs: Iterable[list[bytes]]) -> Iterator[bytes]:
    """The lines of sorted runs, which come in blocks, as one sorted run."""
    blocks = [(run, block) for run in map(iter, runs) if (block := next(run, []))]
    while blocks:
        # What is not above this is there of every run; and to sort sorted runs is to merge them.
        until = min(block[-1] for _, block in blocks)
        ready: list[bytes] = []
        left = []
        for run, block in blocks:
            cut = bisect_right(block, until)
            ready += block[:cut]
            if block := block[cut:] or next(run, []):
                left.append((run, block))
        yield from sorted(ready)
        blocks = left


def texts(path: Path) -> Iterator[bytes]:
    """The text of a file, some whole lines at a time."""
    with path.open("rb") as file:
        yield from _texts(file)


def _texts(file: IO[bytes]) -> Iterator[bytes]:
    while text := file.read(_TEXT) + file.readline():
        yield text


def read(path: Path, graph: NamedNode | None = None) -> Iterator[list[bytes]]:
    """The lines of a file in blocks; those of the default graph as lines of `graph`, if given."""
    end = f" {graph} .\n".encode()
    for text in texts(path):
        yield (text.replace(b" .\n", end) if graph else text).split(b"\n")[:-1]


def within(graph: NamedNode, line: bytes) -> bytes:
    """A line of the default graph as one of this graph."""
    return line[:-1] + f"{graph} .".encode()


def written(quads: Iterable[Quad]) -> list[bytes]:
    """Quads of a store, which are in canonical form, as lines."""
    return cast(bytes, serialize(quads, format=RdfFormat.N_QUADS)).split(b"\n")[:-1]


def canonical(quads: Iterable[Quad]) -> list[bytes]:
    """Quads as the lines that the store writes: the canonical form of every term."""
    store = Store()
    store.bulk_extend(quads)
    return cast(bytes, store.dump(format=RdfFormat.N_QUADS)).split(b"\n")[:-1]
