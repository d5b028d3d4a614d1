"""Candidate pairs and what speaks for and against each: blocking, then scoring.

Two keys meet in a block: an equal form of a name, an identifier, a host, an acronym, a pinyin
reading, a name that begins with the other's, or rare parts shared. Blocks that are too common
say nothing and are left out, so the work grows with the number of names, not its square.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from rapidfuzz import fuzz

from kg.etl.links import Relation
from kg.link import names
from kg.link.mentions import Corpus, Entity
from kg.link.names import Forms

#: A block of more keys than this tells nobody apart.
MAX_BLOCK: Final = 40
#: From this likeness (0 to 100) two names that are not equal are worth a look.
ALIKE: Final = 88.0

_NAMED: Final = re.compile(r"[a-z]+/[a-z0-9.-]+-[0-9a-f]{16}")


@dataclass(frozen=True)
class Candidate:
    """A pair worth a decision; `score` is 0 to 1.

    `evidence` and `against` are words: name, both names, stem, acronym, pinyin, alike, alias,
    curated name, ror, wikidata, lei, host, page, city, country, successor, registry name,
    ambiguous name.
    """

    subject: str
    object: str
    relation: Relation
    score: float
    evidence: tuple[str, ...]
    against: tuple[str, ...]


def is_named(key: str) -> bool:
    """Whether a key is made of a name, so that one organization may have several keys."""
    return _NAMED.fullmatch(key) is not None


def rank(key: str) -> int:
    """Which of two keys should stay, the lower: a curated one, a registry's, one of a name."""
    if is_named(key):
        return 2
    return 1 if key.startswith("organization/ror-") else 0


def candidates(corpus: Corpus, curated: Callable[[str], str | None]) -> list[Candidate]:
    """The pairs of a corpus, best first; `curated` gives the slug that a table calls so."""
    return [*_Search(corpus, curated).run(), *_models(corpus)]


def _models(corpus: Corpus) -> Iterator[Candidate]:
    """Models of different sources that have one name, or one by pinyin.

    Names alike are no sign: versions of a model differ in a digit.
    """
    blocks: dict[str, set[str]] = defaultdict(set)
    for key, entity in corpus.entities.items():
        if entity.kind == "model":
            for label in entity.labels:
                blocks[names.sound(names.level(label).replace(" ", ""))].add(key)
    seen = set()
    for block in blocks.values():
        for one, other in combinations(sorted(block), 2):
            a, b = corpus.entities[one], corpus.entities[other]
            if a.source != b.source and (one, other) not in seen:
                seen.add((one, other))
                equal = {*map(names.level, a.labels)} & {*map(names.level, b.labels)}
                word, score = ("name", 0.85) if equal else ("pinyin", 0.65)
                subject, kept = sorted((one, other), key=lambda key: (-rank(key), key))
                yield Candidate(subject, kept, "same", score, (word,), ())


class _Search:
    """One search over a corpus."""

    def __init__(self, corpus: Corpus, curated: Callable[[str], str | None]) -> None:
        self.entities = {
            key: each for key, each in corpus.entities.items() if each.kind == "organization"
        }
        self.curated = curated
        self.forms: dict[str, list[Forms]] = {
            key: [names.forms(label) for label in each.labels]
            for key, each in self.entities.items()
        }
        self.named: dict[str, set[str]] = defaultdict(set)  # strict form → keys
        for key, forms in self.forms.items():
            for form in forms:
                for text in {form.full, form.core, *form.others}:
                    self.named[text].add(key)

    def run(self) -> list[Candidate]:
        pairs: set[tuple[str, str]] = set()
        for block in self.blocks():
            if 1 < len(block) <= MAX_BLOCK:
                pairs |= {pair for pair in combinations(sorted(block), 2) if self.comparable(*pair)}
        found = [made for pair in pairs if (made := self.judge(*pair)) is not None]
        found += self.parts({frozenset((made.subject, made.object)) for made in found})
        return sorted(found, key=lambda each: (-each.score, each.subject, each.object))

    def comparable(self, one: str, other: str) -> bool:
        """Whether the pair is open: a registry tells its own records apart, unless it withdrew."""
        a, b = self.entities[one], self.entities[other]
        if a.source != b.source or is_named(one) or is_named(other):
            return True
        return "withdrawn" in (a.status, b.status)

    @staticmethod
    def succeeds(old: Entity, new: Entity) -> bool:
        return old.status == "withdrawn" and new.key in old.related["successor"]

    # --- blocks ---------------------------------------------------------------------------------

    def blocks(self) -> Iterator[set[str]]:
        loose: dict[tuple[str, str], set[str]] = defaultdict(set)
        grams: dict[str, set[str]] = defaultdict(set)
        for key, entity in self.entities.items():
            for scheme, value in entity.identifiers:
                loose[scheme, value].add(key)
            for host in entity.domains:
                loose["host", host].add(key)
            for successor in entity.related["successor"] if entity.status == "withdrawn" else ():
                loose["successor", key] |= {key} | ({successor} & self.entities.keys())
            for label in entity.labels:
                if (slug := self.curated(label)) and f"organization/{slug}" in self.entities:
                    loose["curated", label] |= {key, f"organization/{slug}"}
            for form in self.forms[key]:
                loose["stem", form.stem].add(key)
                loose["sound", names.sound(form.stem)].add(key)
                if len(form.acronym) > 2:
                    loose["acronym", form.acronym].add(key)
                if 2 < len(form.core) <= 8 and " " not in form.core and not form.is_han:
                    loose["acronym", form.core].add(key)
                for gram in _grams(form):
                    grams[gram].add(key)
        yield from self.named.values()
        yield from loose.values()
        yield from grams.values()

    # --- judging --------------------------------------------------------------------------------

    def judge(self, one: str, other: str) -> Candidate | None:
        a, b = self.entities[one], self.entities[other]
        score, evidence = self.likeness(one, other)
        for scheme in ("ror", "wikidata", "lei"):
            mine, theirs = (_values(each, scheme) for each in (a, b))
            if mine & theirs:
                evidence.append(scheme)
                score = max(score, 0.7)
        if a.domains & b.domains:
            evidence.append("host")
            score = max(score, 0.5)
        elif _under(a.domains, b.pages) or _under(b.domains, a.pages):
            evidence.append("page")
        if self.succeeds(a, b) or self.succeeds(b, a):
            evidence.append("successor")
            score = max(score, 0.6)
        if len(a.places) == len(b.places) == 1 and a.places == b.places:
            evidence.append("country" if a.countries == a.places else "city")
        elif self.countries(a) & self.countries(b):
            evidence.append("country")
        against = self.against(a, b)
        score = min(1.0, score + 0.02 * (len(evidence) - 1)) - 0.1 * len(against)
        if a.source == b.source and "withdrawn" in (a.status, b.status):
            evidence.append("withdrawn")
        if score < 0.5 and not {"ror", "wikidata", "lei", "successor"} & set(evidence):
            return None
        subject, kept = sorted((one, other), key=lambda key: (-rank(key), key))
        if self.entities[kept].status == "withdrawn" and rank(subject) == rank(kept):
            subject, kept = kept, subject
        score = round(max(0.0, score), 3)
        return Candidate(subject, kept, "same", score, tuple(evidence), tuple(against))

    def likeness(self, one: str, other: str) -> tuple[float, list[str]]:
        """How alike the names are, 0 to 1, and the word for it."""
        for key, slug in ((one, other), (other, one)):
            if is_named(key) and any(
                f"organization/{self.curated(label)}" == slug for label in self.entities[key].labels
            ):
                return 1.0, ["curated name"]
        best, word, equal = 0.0, "", set()
        for mine in self.forms[one]:
            for theirs in self.forms[other]:
                value, said = _compare(mine, theirs)
                if said == "name":
                    equal.add(mine.is_han)
                if value > best:
                    best, word = value, said
        if len(equal) == 2:
            return 0.97, ["both names"]
        return best, [word] if best >= 0.5 else []

    def against(self, a: Entity, b: Entity) -> list[str]:
        found = []
        for scheme in ("ror", "wikidata", "lei"):
            mine, theirs = (_values(each, scheme) for each in (a, b))
            if mine and theirs and not mine & theirs:
                found.append(scheme)
        mine, theirs = self.countries(a), self.countries(b)
        if mine and theirs and not mine & theirs:
            found.append("country")
        elif (
            len(a.places) == len(b.places) == 1
            and a.places != b.places
            and not (a.places | b.places) & (a.countries | b.countries)
        ):
            found.append("city")
        for each in (a, b):
            for form in self.forms[each.key]:
                keys = {
                    key
                    for key in self.named[form.core]
                    if not is_named(key)
                    and self.entities[key].source == (b if each is a else a).source
                }
                if len(keys) > 1:
                    found.append("ambiguous name")
                    return found
        return found

    def countries(self, entity: Entity) -> set[str]:
        """Countries of its places, and those that its names say in brackets."""
        said = {code for form in self.forms[entity.key] for code in form.countries}
        return said or entity.countries

    # --- parts ----------------------------------------------------------------------------------

    def parts(self, judged: set[frozenset[str]]) -> Iterator[Candidate]:
        """Names that are another's followed by the name of a unit: proposed as parts."""
        for key in self.entities:
            if not is_named(key):
                continue
            wholes: dict[str, str] = {}
            for form in self.forms[key]:
                for text in _beginnings(form.core):
                    if names.unit_of(form.core, text):
                        for whole in self.named.get(text, ()):
                            if whole != key and frozenset((key, whole)) not in judged:
                                wholes.setdefault(whole, text)
            if not wholes:
                continue
            best = min(wholes, key=lambda k: (-len(wholes[k]), rank(k), k))
            yield Candidate(key, best, "part", 0.6, ("begins with its name",), ())


def _values(entity: Entity, scheme: str) -> set[str]:
    return {value for name, value in entity.identifiers if name == scheme}


def _under(homes: set[str], pages: set[str]) -> bool:
    """Whether a page stands on the host of a homepage, or on one below it."""
    return any(page == home or page.endswith("." + home) for home in homes for page in pages)


def _compare(a: Forms, b: Forms) -> tuple[float, str]:
    """How alike two names are, 0 to 1, and the word for it; 0 where they are not worth a look."""
    found = 0.0, ""
    if a.core == b.core or a.full == b.full:
        found = 0.9, "name"
    elif {a.core, a.full, *a.others} & {b.core, b.full, *b.others}:
        found = 0.85, "alias"
    elif a.stem == b.stem:
        found = 0.75, "stem"
    elif a.is_han != b.is_han:
        if len(a.stem) > 1 and names.sound(a.stem) == names.sound(b.stem):
            found = 0.65, "pinyin"
    elif (a.acronym and b.core == a.acronym) or (b.acronym and a.core == b.acronym):
        found = 0.6, "acronym"
    elif (value := fuzz.ratio(a.core, b.core)) >= ALIKE and _telling(a.core, b.core):
        found = 0.5 + (value - ALIKE) / 100, "alike"
    return found


#: Words that most names of their kind have; what is left tells two of them apart.
_COMMON: Final = frozenset(
    """university institute college academy school technology technological science sciences
    national state key laboratory research center centre of and the for in at hospital medical
    engineering normal polytechnic company group advanced artificial intelligence""".split()  # noqa: SIM905
)
_COMMON_HAN: Final = re.compile("大学|学院|研究院|研究所|实验室|科技|智能|技术|数据|人工|医疗|信息")


def _telling(a: str, b: str) -> bool:
    """Whether two alike names are alike in what tells names apart, not in common words only."""
    if names.HAN.search(a):
        rest = [_COMMON_HAN.sub("", each) for each in (a, b)]
        return bool(rest[0] and rest[1]) and fuzz.ratio(*rest) >= 80
    left = [" ".join(sorted(set(each.split()) - _COMMON)) for each in (a, b)]
    return bool(left[0] and left[1]) and fuzz.ratio(*left) >= ALIKE


def _grams(form: Forms) -> set[str]:
    if form.is_han:
        return (
            {form.stem[n : n + 2] for n in range(len(form.stem) - 1)}
            if len(form.stem) > 2
            else set()
        )
    return {word for word in form.core.split() if len(word) > 3 and word not in _COMMON}


def _beginnings(name: str) -> Iterator[str]:
    """What a name may begin with: the beginnings of a Chinese one, whole words of another."""
    if names.HAN.search(name):
        yield from (name[:n] for n in range(2, len(name)))
    else:
        words = name.split()
        yield from (" ".join(words[:n]) for n in range(1, len(words)))
