"""What a build did, and the manifest of what it made."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from kg import release
from kg.build.lines import Tally
from kg.etl import Source
from kg.release import ContentHash, Manifest, Release
from kg.tables import Account
from kg.validate import Report

#: Told the stage that begins, and how far the build is (0 to 1).
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Outcome:
    """What a build did: the release, its accounts and its validation report."""

    release: Release
    fresh: bool  # False: this very content had been published before
    accounts: tuple[Account, ...]
    report: Report
    notices: tuple[str, ...]
    added: int = 0  # quads, against the release before; all of them in a full build
    removed: int = 0
    whole: bool = False  # everything was mapped and checked, not only what changed


class Stages:
    """The clock of a build's stages, in seconds, which tells the progress as each begins."""

    def __init__(self, progress: Progress = lambda *_: None) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress
        self._name, self._since = "", time.perf_counter()

    def begin(self, name: str, done: float) -> None:
        """End the stage before and begin this one."""
        self.end()
        self._name = name
        self.show(name, done)

    def show(self, name: str, done: float) -> None:
        """Tell the progress what is done within a stage."""
        self._progress(name, done)

    def end(self) -> None:
        """End the stage that is under way."""
        now = time.perf_counter()
        if self._name:
            spent = self.seconds.get(self._name, 0.0) + now - self._since
            self.seconds[self._name] = round(spent, 3)
        self._name, self._since = "", now


def make_manifest(
    content: ContentHash,
    base: str,
    ontology: str,
    sources: Iterable[release.Source],
    tally: Tally,
    stages: Stages,
    *,
    synthetic: bool,
) -> Manifest:
    """The facts of a candidate that is about to be published."""
    stages.end()
    return Manifest(
        release=content.id,
        content=content.hexdigest(),
        quads=content.quads,
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        base=base,
        ontology=ontology,
        synthetic=synthetic,
        sources=tuple(sources),
        classes=tally.named_classes(),
        graphs=tally.named_graphs(),
        seconds=stages.seconds,
        peak_memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        tools=release.tool_versions(),
    )


def records(sources: Iterable[Source], accounts: Iterable[Account]) -> Iterator[release.Source]:
    """What a manifest says of each table."""
    of = {(source.dataset.name, name): source for source in sources for name in source.tables}
    for account in accounts:
        source = of[account.source, account.table]
        yield release.Source(
            name=account.table,
            title=source.dataset.title,
            licence=source.dataset.licence,
            path=source.tables[account.table].access,
            sha256=account.sha256,
            rows=account.read,
            mapped=account.mapped,
            rejected=account.rejected,
            corrected=account.corrected,
            cells=account.cells,
        )
