"""The queue, walked through by a person: accept, reject, part of, skip.

Every answer is written before the next pair is shown, so a review can be left and taken up
again; a pair that an answer settles for others is not asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kg import link
from kg.errors import InputError
from kg.etl.links import Decision, Links, Relation
from kg.link import decide

#: Key of an answer → relation that it states of the pair.
ANSWERS: Final[dict[str, Relation]] = {"a": "same", "r": "apart", "p": "part"}


@dataclass
class Review:
    """One walk through the queue of a folder of link tables."""

    folder: Path
    reviewer: str
    date: str
    links: Links = field(init=False)
    waiting: list[Decision] = field(init=False)
    skipped: int = 0
    decided: int = 0

    def __post_init__(self) -> None:
        self.links = Links.load(self.folder)
        self.waiting = list(self.open(link.queue(self.folder)))

    def open(self, pairs: list[Decision]) -> Iterator[Decision]:
        """The pairs that no decision answers yet."""
        clusters = decide.Clusters(self.links)
        for pair in pairs:
            joined = clusters.root(pair.subject) == clusters.root(pair.object)
            if not joined and not clusters.fault(pair.subject, pair.object):
                yield pair

    def run(self, ask: Callable[[Decision, int], str], say: Callable[[str], None]) -> None:
        """Ask for each pair until the queue, or the answers, end.

        `ask` gives the answer for a pair and how many are left: a key of ANSWERS, `s` to skip,
        `q` to quit; anything else is asked again. `say` tells why an answer cannot stand.
        """
        later: list[Decision] = []
        while self.waiting:
            pair = self.waiting[0]
            answer = ask(pair, len(self.waiting)).strip().lower()[:1]
            if answer == "q":
                break
            if answer == "s":
                self.skipped += 1
                later.append(self.waiting.pop(0))
            elif answer in ANSWERS:
                try:
                    self.links = decide.judge(
                        self.links, pair, ANSWERS[answer], self.reviewer, self.date
                    )
                    self.links.check()
                except InputError as error:
                    say(str(error))
                    later.append(self.waiting.pop(0))
                    continue
                self.decided += 1
                self.waiting = list(self.open(self.waiting[1:]))
                later = list(self.open(later))
                link.save(self.folder, self.links, [*self.waiting, *later])
        self.waiting = [*later, *self.waiting]
