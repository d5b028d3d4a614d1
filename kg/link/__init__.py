"""Entity resolution: which mentions, across all sources, mean one organization, model or place.

    mentions     every name that a row gives to something, read off the mappings
    names        names levelled for comparison
    candidates   pairs worth a decision, with what speaks for and against them
    decide       what is accepted, what waits, which key stays
    review       the queue, walked through by a person
    export       every mention with its entity
    evaluate     precision and recall on labelled mentions

Decisions are tables under `tables/links/`; `kg.etl.links` reads them, and mappings resolve
through them, so a build needs nothing of this package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from kg.etl import Context, Source
from kg.etl.links import QUEUE, Decision, Links, read_decisions, write_decisions, write_register
from kg.link import candidates, decide, mentions
from kg.link.decide import Linkage
from kg.link.mentions import Corpus

__all__ = ["Corpus", "Linkage", "link", "queue", "read", "save"]

read = mentions.read

_TITLES = {
    "organization": "Organizations: which keys of sources mean one, and which are parts of which",
    "model": "Models: which keys of sources mean one",
}


def link(
    sources: Iterable[tuple[Source, Path]],
    context: Context,
    date: str,
    progress: Callable[[str, float], None] = lambda *_: None,
) -> tuple[Corpus, Linkage]:
    """Read the sources' mentions, accept what agrees, queue the rest; nothing is written."""
    corpus = mentions.read(sources, context, progress)
    progress("link", 0.8)
    found = candidates.candidates(corpus, context.register.of_name)
    return corpus, decide.resolve(corpus, context.links, found, date)


def save(folder: Path, links: Links, waiting: Iterable[Decision]) -> None:
    """Write decisions, register and queue to a folder of link tables."""
    by_kind: dict[str, list[Decision]] = {kind: [] for kind in ("organization",)}
    for each in links.decisions:
        by_kind.setdefault(each.subject.partition("/")[0], []).append(each)
    for kind, decisions in by_kind.items():
        title = _TITLES.get(kind, f"Decisions on {kind}s")
        write_decisions(folder / f"{kind}s.sssom.tsv", title, decisions)
    write_register(folder / "entities.tsv", links.register)
    write_decisions(folder / QUEUE, "Pairs that wait for a person; none is a decision", waiting)


def queue(folder: Path) -> list[Decision]:
    """The pairs that wait for a person, the surest first."""
    path = folder / QUEUE
    waiting = read_decisions(path) if path.is_file() else []
    return sorted(waiting, key=lambda each: (-each.confidence, each.subject, each.object))
