"""Every mention with the entity it means, how that was decided, and how surely."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from typing import IO

from kg.etl import Context
from kg.etl.links import Decision, Links
from kg.link.candidates import is_named
from kg.link.mentions import Corpus, Mention


@dataclass(frozen=True)
class Resolved:
    """A line of the export; `entity` is an IRI, empty where a place is not known.

    `decision` says who decided: curated (a person), automatic, gazetteer (a place by name),
    own (nobody: the mention's own key), or unresolved.
    """

    source: str
    key: str
    mention: str
    entity: str
    decision: str
    confidence: str


class Resolver:
    """Finds the entity of a key as a build does: by decision, by curated table, else its own."""

    def __init__(self, context: Context, corpus: Corpus, links: Links | None = None) -> None:
        self.context, self.corpus = context, corpus
        self.links = context.links if links is None else links
        self._same = {
            each.subject: each for each in self.links.decisions if each.relation == "same"
        }

    def path(self, key: str) -> list[Decision]:
        """The decisions that lead from a key to its entity."""
        steps = []
        while (step := self._same.get(key)) is not None:
            steps.append(step)
            key = step.object
        return steps

    def resolve(self, mention: Mention) -> Resolved:
        """The export's line for a mention."""
        if mention.kind == "place":
            decision, sure = ("gazetteer", "1") if mention.entity else ("unresolved", "0")
            return self._line(mention, mention.entity, decision, sure)
        key = mention.entity or ""
        if steps := self.path(key):
            sure = f"{min(step.confidence for step in steps):.2f}".rstrip("0").rstrip(".")
            by_hand = all(step.reviewer for step in steps)
            return self._line(
                mention, steps[-1].object, "curated" if by_hand else "automatic", sure
            )
        if (listed := self._listed(key)) != key:
            return self._line(mention, listed, "curated", "1")
        return self._line(mention, key, "own", "1")

    def _listed(self, key: str) -> str:
        """What the tables of organizations say of a key on which there is no decision."""
        kind, _, tail = key.partition("/")
        if kind != "organization":
            return key
        register = self.context.register
        if tail.startswith("ror-") and not is_named(key):
            return f"{kind}/{register.of_ror(tail.removeprefix('ror-'))}"
        entity = self.corpus.entities.get(key)
        for name in entity.labels if entity and is_named(key) else ():
            slug = register.of_name(name)
            if slug is not None and not self.links.apart(kind, tail, slug):
                return f"{kind}/{slug}"
        return key

    def _line(self, mention: Mention, key: str | None, decision: str, sure: str) -> Resolved:
        entity = self.context.base + key if key else ""
        return Resolved(mention.source, mention.key, mention.text, entity, decision, sure)


def lines(context: Context, corpus: Corpus) -> Iterator[Resolved]:
    """The lines of the export, each once, in the order of the sources and their rows."""
    resolver = Resolver(context, corpus)
    yield from dict.fromkeys(map(resolver.resolve, corpus.mentions))


def write(rows: Iterable[Resolved], file: IO[str]) -> int:
    """Write the export as CSV; returns how many mentions it has."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([each.name for each in fields(Resolved)])
    count = 0
    for count, row in enumerate(rows, start=1):  # noqa: B007 - the last count is the answer
        writer.writerow(astuple(row))
    return count
