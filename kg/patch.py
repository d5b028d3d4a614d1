"""What turns one release's content into another's, as RDF Patch (afs.github.io/rdf-patch).

A patch beside a dump makes a small change cost what it changes: the content is the dump's
lines less `removed`, and `added`. It says what holds and what does not, so applying it
twice is applying it once.
"""

from __future__ import annotations

import heapq
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, cast

import zstandard
from pyoxigraph import RdfFormat, Store, parse

from kg.errors import ReleaseError, reason

#: The file beside a release's dump.
NAME: Final = "patch.rdfp.zst"


@dataclass(frozen=True)
class Patch:
    """Canonical N-Quads lines without their line ends; no line is in both sets."""

    added: frozenset[bytes] = frozenset()
    removed: frozenset[bytes] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)

    def __len__(self) -> int:
        return len(self.added) + len(self.removed)

    def then(self, later: Patch) -> Patch:
        """Both patches as one, for content to which both apply exactly."""
        return Patch(
            (self.added - later.removed) | (later.added - self.removed),
            (self.removed - later.added) | (later.removed - self.added),
        )

    def inverse(self) -> Patch:
        """The patch that takes this one back."""
        return Patch(self.removed, self.added)

    def apply(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """The content that this patch makes of sorted lines, sorted."""
        kept = (line for line in lines if line not in self.removed and line not in self.added)
        return heapq.merge(kept, sorted(self.added)) if self.added else kept

    def apply_to(self, store: Store) -> None:
        """Make a store that holds the content before hold the content after."""
        for quad in parse(b"\n".join(self.removed), RdfFormat.N_QUADS):
            store.remove(quad)
        store.extend(parse(b"\n".join(self.added), RdfFormat.N_QUADS))

    def text(self, before: str, after: str) -> Iterator[bytes]:
        """The lines of an RDF Patch from release `before` to release `after`."""
        yield f"H id <urn:aicluster:release:{after}> .".encode()
        yield f"H prev <urn:aicluster:release:{before}> .".encode()
        yield b"TX ."
        yield from (b"D " + line for line in sorted(self.removed))
        yield from (b"A " + line for line in sorted(self.added))
        yield b"TC ."

    def write(self, path: Path, before: str, after: str) -> None:
        """Write it compressed."""
        text = b"".join(line + b"\n" for line in self.text(before, after))
        compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
        path.write_bytes(compressor.compress(text))

    @classmethod
    def beside(cls, dump: Path) -> Self:
        """The patch of a release whose dump this is: what the dump lacks, often nothing."""
        path = dump.with_name(NAME)
        return cls.read(path) if path.exists() else cls()

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote; raises ReleaseError where the file is damaged."""
        found: dict[bytes, set[bytes]] = {b"A": set(), b"D": set()}
        last = b""
        try:
            with path.open("rb") as file:
                reader = zstandard.ZstdDecompressor().stream_reader(file)
                for line in io.BufferedReader(cast(io.RawIOBase, reader)):
                    last = line.rstrip(b"\n")
                    if (lines := found.get(last[:1])) is not None:
                        lines.add(last[2:])
        except (OSError, zstandard.ZstdError) as error:
            raise ReleaseError(f"{path}: the patch cannot be read: {reason(error)}") from None
        if last != b"TC .":
            raise ReleaseError(f"{path}: the patch is damaged: it does not end with TC")
        return cls(frozenset(found[b"A"]), frozenset(found[b"D"]))


def difference(before: Iterable[bytes], after: Iterable[bytes]) -> Iterator[tuple[bool, bytes]]:
    """What distinguishes two sorted contents: (whether it was added, line), in byte order."""
    left, right = iter(before), iter(after)
    old, new = next(left, None), next(right, None)
    while old is not None or new is not None:
        if old == new:
            old, new = next(left, None), next(right, None)
        elif new is None or (old is not None and old < new):
            yield False, cast(bytes, old)
            old = next(left, None)
        else:
            yield True, new
            new = next(right, None)
