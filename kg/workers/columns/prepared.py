"""What look-ups have in common that differ in their IRIs only: read once, and then only filled in.

A look-up is made of plain patterns alone, so each `<` in its text begins an IRI, and what stands
between the IRIs says all else of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from kg import vocab

#: Letters that one may have: those that are known by what they have in common take no more.
_LONGEST: Final = 2000

#: Patterns that one may have.
_MOST_PATTERNS: Final = 8

_IRI: Final = r'<[^\x00-\x20<>"{}|^`\\]*+>'
_NAME: Final = r"(?:[a-z][\w-]*+)?:[\w][\w-]*+(?!\.?[\w:%\\-])"
_TERM: Final = rf"{_IRI}|[?$]\w++|(?-i:a)(?![\w:.-])|{_NAME}"
_GROUP: Final = rf"\{{\s*((?:(?:{_TERM}|[;,.])\s*)++)\}}"
_PREFIX: Final = rf"PREFIX\s+((?:[a-z][\w-]*+)?:)\s*({_IRI})"
_LOOKUP: Final = re.compile(
    rf"\s*((?:{_PREFIX}\s*)*+)(?:"
    rf"SELECT\s*(\*|(?:[?$]\w++\s*)++)\s*(?:WHERE\s*)?{_GROUP}\s*(?:LIMIT\s+([0-9]{{1,9}})\s*)?"
    rf"|ASK\s*(?:WHERE\s*)?{_GROUP}\s*"
    rf"|DESCRIBE\s*({_IRI}|(?<=\s){_NAME})\s*)\Z",
    re.IGNORECASE | re.ASCII,
)
_TERMINALS: Final = re.compile(rf"{_TERM}|[;,.]", re.IGNORECASE | re.ASCII)
_NAMES: Final = re.compile(r"[?$](\w+)", re.ASCII)
_PREFIXES: Final = re.compile(_PREFIX, re.IGNORECASE | re.ASCII)
_IRIS: Final = re.compile(rf"<({_IRI[1:-1]})>")


class Iri(NamedTuple):
    """An IRI of a look-up: by which of those in the text it begins, and how it goes on."""

    number: int
    rest: str = ""

    def within(self, iris: list[str]) -> str:
        """It, where these are the IRIs."""
        return iris[self.number] + self.rest


#: By its number, what `a` stands for; the IRIs of a text follow.
_TYPE: Final = Iri(0)

#: A variable by its name, or an IRI.
_Term = str | Iri
_Pattern = tuple[_Term, _Term, _Term]


class Step(NamedTuple):
    """One pattern: where in a row that is known which it asks for, None for what it finds.

    The triple found is put behind the row, in which then these places must be the `same`.
    """

    subject: int | None
    predicate: int | None
    value: int | None
    same: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Prepared:
    """A look-up, of whatever IRIs. A row has the numbers of these, then the triple of each step."""

    form: Literal["SELECT", "ASK", "DESCRIBE"]
    iris: tuple[Iri, ...]
    steps: tuple[Step, ...]
    names: tuple[str, ...] = ()  #: of what is selected
    places: tuple[int, ...] = ()  #: of the same in a row
    limit: int | None = None


class LookUp(NamedTuple):
    """A look-up: what it has in common with others, its own IRIs, and how many rows it may have."""

    plan: Prepared
    iris: list[str]
    limit: int | None

    @staticmethod
    def of(text: str, most: int | None = None) -> LookUp | None:
        """The look-up that a query is, with so many rows if it has no limit; None for any other."""
        if len(text) > _LONGEST:
            return None
        parts = _IRIS.split(text)
        plan = _prepared((*parts[::2],))
        if plan is None:
            return None
        limit = most if plan.limit is None else plan.limit
        return LookUp(plan, [vocab.RDF + "type", *parts[1::2]], limit)


class _Other(Exception):
    """It is no look-up."""


@lru_cache(maxsize=256)
def _prepared(between: tuple[str, ...]) -> Prepared | None:
    first, *more = between
    found = _LOOKUP.match(first + "".join(f"<{at}>{part}" for at, part in enumerate(more, 1)))
    if not found:
        return None
    prologue, _, _, names, group, limit, asked, described = found.groups()
    prefixes = {name: int(iri[1:-1]) for name, iri in _PREFIXES.findall(prologue)}
    try:
        if described:
            return _planned("DESCRIBE", [(_iri(described, prefixes), "p", "o")], "?p ?o")
        if asked:
            return _planned("ASK", _patterns(asked, prefixes))
        return _planned("SELECT", _patterns(group, prefixes), names, limit)
    except (_Other, KeyError):
        return None


def _planned(
    form: Literal["SELECT", "ASK", "DESCRIBE"],
    patterns: list[_Pattern],
    names: str = "",
    limit: str | None = None,
) -> Prepared:
    """A look-up, most known patterns first; raises _Other for names that are not there."""
    terms = [term for pattern in patterns for term in pattern]
    iris = (*dict.fromkeys(term for term in terms if isinstance(term, Iri)),)
    variables = sorted({term for term in terms if isinstance(term, str)})
    asked = variables if names == "*" else _NAMES.findall(names)
    if not {*variables}.issuperset(asked) or len(asked) != len({*asked}):
        raise _Other
    where: dict[_Term, int] = {iri: place for place, iri in enumerate(iris)}
    steps: list[Step] = []
    while patterns:
        pattern = max(patterns, key=lambda each: sum(term in where for term in each))
        patterns.remove(pattern)
        subject, predicate, value = known = [where.get(term) for term in pattern]
        same = []
        for at, term in enumerate(pattern):
            place = len(iris) + 3 * len(steps) + at
            first = where.setdefault(term, place)
            # What is known is what is read, but for the third of what is known of a subject.
            if first != place and (known[at] is None or (at == 2 and subject is not None)):
                same.append((first, place))
        steps.append(Step(subject, predicate, value, (*same,)))
    places = (*(where[name] for name in asked),)
    return Prepared(form, iris, (*steps,), (*asked,), places, int(limit) if limit else None)


def _patterns(group: str, prefixes: dict[str, int]) -> list[_Pattern]:
    """The triple patterns of a group; raises as `_iri` does, and _Other where it has no such."""
    found: list[_Pattern] = []
    place: list[_Term] = []  # of the next pattern, what is here already
    ends = False  # whether there need not be one
    for text in _TERMINALS.findall(group):
        if (kept := _SEPARATORS.get(text)) is not None:
            if not ends or (text == "," and len(place) < 3):
                raise _Other
            del place[kept:]
            ends = text == ";"
        elif len(place) == 3:
            raise _Other
        else:
            place.append(text[1:] if text[0] in "?$" else _iri(text, prefixes))
            if ends := len(place) == 3:
                found.append((place[0], place[1], place[2]))
    if (place and not ends) or not 0 < len(found) <= _MOST_PATTERNS:
        raise _Other
    return found


#: What of a pattern the next one has too.
_SEPARATORS: Final = {".": 0, ";": 1, ",": 2}


def _iri(text: str, prefixes: dict[str, int]) -> Iri:
    """An IRI in a text whose IRIs are numbers; raises KeyError for an undeclared prefix."""
    if text == "a":
        return _TYPE
    if text[0] == "<":
        return Iri(int(text[1:-1]))
    prefix, colon, local = text.partition(":")
    return Iri(prefixes[prefix + colon], local)
