"""Decisions: what is accepted on agreeing evidence, what waits, and which key stays.

A decision joins two clusters under one key. The key that stays is a curated one, else one
that was published as canonical before, else a registry's, else the first of a name. Nothing
is ever joined against a decision, nor are two records of one register.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from kg.errors import InputError
from kg.etl.links import Decision, Entry, Links, Relation
from kg.link.candidates import Candidate, is_named, rank
from kg.link.mentions import Corpus

#: Who is named as the author of what is accepted without a person.
AUTOMATIC = "kg link"

_IDENTIFIERS = frozenset({"ror", "wikidata", "lei"})


def confidence(candidate: Candidate) -> float | None:
    """How sure a pair is that is accepted without a person; None where it must wait.

    Each case needs two things that agree and nothing that contradicts; only a curated name,
    which a person wrote, and a registry's own word on a record that it withdrew stand alone.
    """
    said, against = set(candidate.evidence), set(candidate.against)
    if candidate.relation != "same":
        return None
    names = said & {"both names", "name", "alias"}
    accepted = None
    if "withdrawn" in said:
        # The withdrawn record has another id, and the name is of course in the registry twice.
        same = ("successor" in said and "name" in names) or "both names" in names
        accepted = 0.95 if same and against <= {"ror", "ambiguous name"} else None
    elif "curated name" in said:
        accepted = None if "country" in against else 0.98
    elif "ror" in said and against <= {"city", "wikidata", "ambiguous name"}:
        accepted = 0.99
    elif against:
        accepted = None
    elif len(said & _IDENTIFIERS) > 1:
        accepted = 0.98
    elif "both names" in said and said & {"city", "host", "page", "country"}:
        accepted = 0.97
    elif names and said & {"city", "host", "page", "developer"}:
        accepted = 0.95
    elif "name" in said and "country" in said:
        accepted = 0.9
    return accepted


@dataclass
class Clusters:
    """Which keys decisions make one, and which clusters they keep apart."""

    links: Links
    parent: dict[str, str] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=dict)
    apart: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for each in self.links.decisions:
            if each.relation == "same":
                self.join(each.subject, each.object)
        for each in self.links.decisions:
            if each.relation != "same":
                self.part(each.subject, each.object)

    def root(self, key: str) -> str:
        """The key under which the cluster of this one stands."""
        while key in self.parent:
            key = self.parent[key]
        return key

    def all_of(self, key: str) -> set[str]:
        """The keys of its cluster."""
        root = self.root(key)
        return self.members.get(root, {root})

    def join(self, loser: str, winner: str) -> None:
        """Put the cluster of one key under that of another."""
        one, other = self.root(loser), self.root(winner)
        if one != other:
            self.members[other] = self.all_of(one) | self.all_of(other)
            self.parent[one] = other

    def part(self, one: str, other: str) -> None:
        """Keep two keys, and so their clusters, apart."""
        self.apart.setdefault(one, set()).add(other)
        self.apart.setdefault(other, set()).add(one)

    def fault(self, one: str, other: str) -> str:
        """Why these two cannot be joined; empty where they can."""
        mine, theirs = self.all_of(one), self.all_of(other)
        for key in mine:
            if crossed := self.apart.get(key, set()) & theirs:
                return f"{key} and {min(crossed)} were judged not to be the same"
        return ""

    def preferred(self, one: str, other: str) -> tuple[str, str]:
        """The roots of two clusters: the one that gives way, and the one that stays.

        The second stays where nothing else tells.
        """
        register, stay = self.links.register, self.root(other)

        def order(key: str) -> tuple[bool, bool, str, int, bool]:
            entry = register.get(key)
            published = entry is not None and not entry.replaced_by
            since = entry.since if entry is not None and published else ""
            return rank(key) != 0, not published, since, rank(key), key != stay

        stays, goes = sorted((self.root(one), stay), key=order)
        return goes, stays


@dataclass(frozen=True)
class Linkage:
    """The outcome of a run: all decisions, the new ones among them, and what waits."""

    links: Links
    accepted: tuple[Decision, ...]
    queue: tuple[Decision, ...]


def today() -> str:
    """The date that decisions carry."""
    return datetime.now(UTC).date().isoformat()


def label(corpus: Corpus, key: str) -> str:
    """Names of a key for people: the first two that its source gives."""
    entity = corpus.entities.get(key)
    names = list(entity.labels)[:2] if entity else []
    return " | ".join(" ".join(name.split()) for name in names)


def resolve(corpus: Corpus, links: Links, found: Iterable[Candidate], date: str) -> Linkage:
    """Accept what agrees, queue the rest, bring the register of keys up to date."""
    decisions = list(links.decisions)
    clusters = Clusters(Links(decisions, links.register))
    decided = {each.pair for each in decisions}
    accepted: list[Decision] = []
    waiting: list[tuple[Candidate, str]] = []
    for pair in found:
        candidate = _with_developers(pair, corpus, clusters)
        one, other = candidate.subject, candidate.object
        if clusters.root(one) == clusters.root(other) or frozenset((one, other)) in decided:
            continue
        sure, fault = confidence(candidate), clusters.fault(one, other)
        if fault:
            continue  # a decision on another pair of these clusters answers this one
        if sure is None:
            waiting.append((candidate, ""))
        elif shared := _same_register(clusters, one, other):
            waiting.append((candidate, f"would join {shared}"))
        else:
            goes, stays = clusters.preferred(one, other)
            made = Decision(
                goes, label(corpus, goes), "same", stays, label(corpus, stays),
                "CompositeMatching", sure, AUTOMATIC, "", date, _said(candidate, goes, stays),
            )  # fmt: skip
            accepted.append(made)
            clusters.join(goes, stays)
    decisions += accepted
    queue = [
        Decision(
            candidate.subject, label(corpus, candidate.subject), candidate.relation,
            candidate.object, label(corpus, candidate.object), "CompositeMatching",
            candidate.score, AUTOMATIC, "", date,
            "; ".join(filter(None, (_said(candidate, candidate.subject, candidate.object), why))),
        )
        for candidate, why in _undecided(clusters, waiting)
    ]  # fmt: skip
    register = registered(links.register, clusters, corpus.entities, date)
    return Linkage(Links(decisions, register), tuple(accepted), tuple(queue))


def _with_developers(candidate: Candidate, corpus: Corpus, clusters: Clusters) -> Candidate:
    """A pair of models, with the word for a developer that by decision they have in common."""
    ends = (corpus.entities[key] for key in (candidate.subject, candidate.object))
    one, other = ({clusters.root(key) for key in end.related.get("developer", ())} for end in ends)
    if not one & other:
        return candidate
    return replace(candidate, evidence=(*candidate.evidence, "developer"))


def _undecided(
    clusters: Clusters, waiting: list[tuple[Candidate, str]]
) -> list[tuple[Candidate, str]]:
    """One pair for each two clusters: the best."""
    seen: set[frozenset[str]] = set()
    kept = []
    for candidate, why in waiting:
        roots = frozenset(map(clusters.root, (candidate.subject, candidate.object)))
        if len(roots) == 2 and roots not in seen:
            seen.add(roots)
            kept.append((candidate, why))
    return kept


def _same_register(clusters: Clusters, one: str, other: str) -> str:
    """Two keys of one register that joining would make one, unless there are none."""
    for kept in (0, 1):
        mine, theirs = (
            sorted(key for key in clusters.all_of(each) if not is_named(key) and rank(key) == kept)
            for each in (one, other)
        )
        if kept == 0 and mine and theirs:
            return f"{mine[0]} and {theirs[0]}"
    return ""


def _said(candidate: Candidate, goes: str, stays: str) -> str:
    text = ", ".join(candidate.evidence)
    if candidate.against:
        text += f"; against: {', '.join(candidate.against)}"
    if {goes, stays} != {candidate.subject, candidate.object}:
        text += f" (of {candidate.subject} and {candidate.object})"
    return text


def registered(
    register: dict[str, Entry], clusters: Clusters, keys: Iterable[str], date: str
) -> dict[str, Entry]:
    """The register with new keys, redirects where keys were joined, none where they were split."""
    result = {}
    for key in sorted(register.keys() | set(keys)):
        root = clusters.root(key)
        since = register[key].since if key in register else date
        result[key] = Entry(since, "" if root == key else root)
    for key in list(result):
        root = result[key].replaced_by
        if root and root not in result:
            result[root] = Entry(date)
    return result


def judge(
    links: Links, pair: Decision, relation: Relation, reviewer: str, date: str, comment: str = ""
) -> Links:
    """The links with a person's word on a pair of the queue.

    Raises InputError where the word contradicts an earlier decision.
    """
    clusters = Clusters(Links(list(links.decisions), links.register))
    one, other = pair.subject, pair.object
    labels = {one: pair.subject_label, other: pair.object_label}
    if relation == "same":
        if fault := clusters.fault(one, other):
            raise InputError(f"{one} and {other} cannot be the same: {fault}")
        one, other = clusters.preferred(one, other)
        if one == other:
            return links
    elif clusters.root(one) == clusters.root(other):
        raise InputError(
            f"{one} and {other} are the same by an earlier decision: correct its row first"
        )
    made = Decision(
        one, labels.get(one, ""), relation, other, labels.get(other, ""),
        "ManualMappingCuration", 1.0, reviewer, reviewer, date, comment or pair.comment,
    )  # fmt: skip
    if relation == "same":
        clusters.join(one, other)
    register = registered(links.register, clusters, (one, other), date)
    return Links([*links.decisions, made], register)
