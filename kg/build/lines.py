"""N-Quads lines in any order and any number, sorted and merged in bounded memory.

Lines are collected into sorted runs on disk; `merged` makes of them what a release holds: each
line once, and of a triple its line in the default graph.
"""

from __future__ import annotations

import subprocess
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

import polars as pl
from pyoxigraph import NamedNode, Quad, RdfFormat, Store, serialize

from kg import vocab
from kg.errors import KnowledgeGraphError
from kg.nquads import lines_of, write

#: Bytes of text that are sorted at a time; sorting takes about twice as much.
RUN: Final = 144 * 1024 * 1024

_BLOCK: Final = 16_384  # lines: of more, the memory is new each time
_TEXT: Final = 1 << 23  # bytes
_CACHED: Final = 1 << 16  # bytes: each line of it is an object, and looked at a few times
_NONE: Final = pl.Series("line", dtype=pl.String)
_DEFAULT: Final = "default"
_TYPE: Final = f"<{vocab.RDF}type> <".encode()
_TYPED: Final = rf"^[^ ]+ <{vocab.RDF}type> <([^>]*)> \.$"


class Runs:
    """Lines on their way to be sorted: what is added comes out of `sorted` in byte order."""

    def __init__(self, folder: Path, run: int = RUN) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._run = run
        self._waiting: list[pl.Series] = []
        self._size = 0
        self._files: list[Path] = []

    def add(self, lines: pl.Series) -> None:
        """Take lines (text, without line ends)."""
        self._waiting.append(lines)
        self._size += int(lines.estimated_size())
        if self._size > self._run:
            self._spill()

    def _spill(self) -> None:
        if self._waiting:
            path = self._folder / f"{len(self._files):05}.nq"
            with path.open("wb") as file:
                write(pl.concat(self._waiting).sort(), file)
            self._files.append(path)
            self._waiting, self._size = [], 0

    @contextmanager
    def sorted(self) -> Iterator[Iterator[pl.Series]]:
        """All lines in byte order, in blocks; repeated ones as often as they were added."""
        if not self._files:
            lines = pl.concat([_NONE, *self._waiting]).sort().to_frame()
            yield (block["line"] for block in lines.iter_slices(_BLOCK))
            return
        self._spill()
        command = ["sort", "--merge", "--batch-size=64", f"--temporary-directory={self._folder}"]
        with subprocess.Popen(
            [*command, *map(str, self._files)], env={"LC_ALL": "C"}, stdout=subprocess.PIPE
        ) as sort:
            out = cast(IO[bytes], sort.stdout)
            yield map(lines_of, _texts(out))
            out.close()
        if sort.returncode:
            raise KnowledgeGraphError(f"sort ended with exit code {sort.returncode}")


class Spool:
    """Lines in files of some megabytes: each is handed on as it is full, and gone once read."""

    def __init__(self, folder: Path, hand_on: Callable[[Iterator[bytes]], None]) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._hand_on = hand_on
        self._files = 0
        self._waiting: list[pl.Series] = []
        self._size = 0

    def add(self, lines: pl.Series) -> None:
        """Take lines (text, without line ends)."""
        self._waiting.append(lines)
        self._size += int(lines.estimated_size())
        if self._size > _TEXT:
            self.close()

    def close(self) -> None:
        """Hand on what waits."""
        if self._waiting:
            path = self._folder / f"{self._files}.nq"
            with path.open("wb") as file:
                write(pl.concat(self._waiting), file)
            self._hand_on(self._read(path))
            self._files += 1
            self._waiting, self._size = [], 0

    @staticmethod
    def _read(path: Path) -> Iterator[bytes]:
        yield from texts(path)
        path.unlink()


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

    def count_types(self, default: pl.Series) -> None:
        """Count the instances of classes that lines of the default graph state."""
        stated = default.filter(default.str.contains(_TYPE.decode(), literal=True))
        for name, count in stated.str.extract(_TYPED).drop_nulls().value_counts().iter_rows():
            self.classes[name.encode()] = self.classes.get(name.encode(), 0) + count

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

    named: pl.Series
    default: pl.Series


def merged(
    blocks: Iterable[pl.Series],
    tally: Tally,
    repeated: Callable[[pl.DataFrame], object] = lambda _: None,
) -> Iterator[Block]:
    """What a release holds of sorted lines of named graphs.

    Each line once; and a triple's line in the default graph, where a graph that is merged into
    it states the triple. `tally` counts the graphs' lines, and `repeated` is told every `line`
    that was given more than once, and its `count`.
    """
    rest = _counted(_NONE)
    for block in blocks:
        frame = _parted(pl.concat([rest, _counted(block)]))
        # What else is said of the last triple may stand in the next block.
        held = int((frame["triple"] == frame["triple"].tail(1)).sum())
        rest = frame.tail(held).select(rest.columns)
        yield _merged(frame.head(len(frame) - held), tally, repeated)
    yield _merged(_parted(rest), tally, repeated)


def _counted(lines: pl.Series) -> pl.DataFrame:
    return lines.alias("line").to_frame().with_columns(count=pl.lit(1, pl.Int64))


def _parted(given: pl.DataFrame) -> pl.DataFrame:
    """Lines of named graphs, each once, with its graph and what stands before that."""
    run = pl.col("line").rle_id()
    if given.select(run.last()).item() != len(given) - 1:
        runs = given.group_by(run.alias("run"), maintain_order=True)
        given = runs.agg(pl.col("line").first(), pl.col("count").sum()).drop("run")
    graph = pl.col("line").str.extract(r" <([^<>]*)> \.$").alias("graph")
    end = pl.concat_str(pl.lit(" <"), "graph", pl.lit("> ."))
    triple = pl.col("line").str.strip_suffix(end).alias("triple")
    return given.with_columns(graph).with_columns(triple)


def _merged(frame: pl.DataFrame, tally: Tally, repeated: Callable[[pl.DataFrame], object]) -> Block:
    """The block of some triples, of which all lines are here."""
    repeated(frame.filter(pl.col("count") > 1).select("line", "count"))
    for graph, count in frame["graph"].value_counts().iter_rows():
        tally.graphs[graph.encode()] = tally.graphs.get(graph.encode(), 0) + count
    stated = frame.filter(~pl.col("graph").is_in(vocab.SIDE_GRAPHS))["triple"]
    return Block(frame["line"], stated.filter(stated.ne_missing(stated.shift())) + " .")


def ground(lines: pl.Series) -> tuple[pl.Series, list[bytes]]:
    """The lines without blank nodes, and those that may have some."""
    nameless = lines.str.contains("_:", literal=True)
    if not nameless.any():
        return lines, []
    return lines.filter(~nameless), lines.filter(nameless).cast(pl.Binary).to_list()


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


def texts(path: Path, size: int = _TEXT) -> Iterator[bytes]:
    """The text of a file, whole lines of about this size (bytes) at a time."""
    with path.open("rb") as file:
        yield from _texts(file, size)


def _texts(file: IO[bytes], size: int = _TEXT) -> Iterator[bytes]:
    while text := file.read(size) + file.readline():
        yield text


def read(path: Path, graph: NamedNode | None = None) -> Iterator[list[bytes]]:
    """The lines of a file in blocks; those of the default graph as lines of `graph`, if given."""
    for text in texts(path, _CACHED):
        yield (all_within(graph, text) if graph else text).split(b"\n")[:-1]


def all_within(graph: NamedNode, text: bytes) -> bytes:
    """A text of lines of the default graph as one of lines of this graph."""
    return text.replace(b" .\n", f" {graph} .\n".encode())


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
