"""Places by name: free text, GeoNames ids and country names become keys of the gazetteer.

A name matches exactly, once spelling is levelled (case, accents, punctuation, 市 and 省).
The parts of a text must nest ("Chaoyang, Beijing"), and the finest of them is its meaning.
Of several readings the one that uses most parts wins, then the higher level (Jilin is the
province); a tie resolves to nothing, as does a text that names no known place.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pyoxigraph import Literal, NamedNode, parse

from kg import vocab
from kg.errors import InputError

#: From coarse to fine. Regions and the world are left out: no source locates anything by them.
_LEVELS: Final = ("Country", "Province", "City", "County")

#: Areas of ISO 3166-1 that texts also write as part of a country; the graph says nothing of it.
_WRITTEN_UNDER: Final = {"tw": "cn"}

_BREAK: Final = re.compile(r"[,，、;；()（）]")
_WEAK_BREAK: Final = re.compile(r"[/&]|\b(?:and|or)\b|\s[-–]\s", re.IGNORECASE)
#: Longer runs of Chinese, and places further back than so many words, are no address.
_HAN: Final = re.compile(r"[\u3400-\u9fff]{2,40}")
_WORDS: Final = 8
#: Words that a text may add to the name of a city or province, and a source leave out.
_CITY_WORD: Final = re.compile(r"(?:\s(?:city|province|municipality|shi|sheng)|(?<=..)[市省])$")
#: Words that only the table's own names may lose: 南京县 is not 南京.
_KIND_WORD: Final = re.compile(
    r"(?:\s(?:(?:autonomous )?(?:county|banner|prefecture)|district|league)"
    r"|(?<=..)(?:特别行政区|自治区|自治州|地区|[盟县区旗]))$"
)


@dataclass
class Place:
    """A place and its names; `towns` are names of places in it that the gazetteer lacks."""

    key: str
    level: str
    names: set[str] = field(default_factory=set)
    towns: set[str] = field(default_factory=set)
    parents: set[str] = field(default_factory=set)
    geonames: set[str] = field(default_factory=set)
    is_iso_area: bool = False


class Gazetteer:
    """Countries, and the provinces, cities and counties of China.

    Raises InputError where a parent is unknown or a GeoNames id stands for two places.
    """

    def __init__(self, places: Mapping[str, Place]) -> None:
        self._level = {key: _LEVELS.index(place.level) for key, place in places.items()}
        self._above = {key: frozenset(_ancestors(key, places)) for key in places}
        self._by_name: dict[str, set[str]] = defaultdict(set)
        self._by_geonames: dict[str, str] = {}
        self._countries: dict[str, str] = {}
        self._towns = {_fold(town) for place in places.values() for town in place.towns}
        for key, place in places.items():
            for name in map(_fold, place.names | place.towns):
                for form in (name, _CITY_WORD.sub("", name), _KIND_WORD.sub("", name)):
                    self._by_name[form].add(key)
            for identifier in place.geonames:
                if self._by_geonames.setdefault(identifier, key) != key:
                    other = self._by_geonames[identifier]
                    raise InputError(f"GeoNames id {identifier} stands for both {other} and {key}")
            if place.is_iso_area:
                self._countries.update(dict.fromkeys(map(_fold, place.names), key))

    @classmethod
    def load(cls, tables: Path, vocabularies: Path) -> Gazetteer:
        """Read cities.csv and countries.csv in `tables` and provinces.ttl in `vocabularies`."""
        places = _read_provinces(vocabularies / "provinces.ttl")
        for row in _rows(tables / "countries.csv"):
            place = places.setdefault(row["iso"], Place(row["iso"], "Country"))
            place.is_iso_area = True
            place.names.update(_names(row))
            place.towns.update(_split(row["city_aliases"]))
        for row in _rows(tables / "cities.csv"):
            place = places.setdefault(row["slug"], Place(row["slug"], row["level"]))
            place.is_iso_area = bool(row["iso"])
            place.names.update(_names(row))
            place.parents.update(_split(row["parents"]))
            place.towns.update(_split(row["city_aliases"]))
            place.geonames.update(_split(row["geonames"]) + _split(row["geonames_also"]))
        return cls(places)

    def of_text(self, text: str) -> str | None:
        """The key of the place that a text means, or None where it is unknown or in doubt."""
        readings = self._readings(text)
        lowest = min(readings.values(), default=None)
        best = [key for key, rank in readings.items() if rank == lowest]
        return best[0] if len(best) == 1 else None

    def candidates(self, text: str) -> list[str]:
        """The keys of all places that a text may mean, the likeliest first."""
        readings = self._readings(text)
        return sorted(readings, key=lambda key: (readings[key], key))

    def of_geonames(self, identifier: str) -> str | None:
        """The key of the place that a GeoNames feature stands for or, if finer, lies in."""
        return self._by_geonames.get(identifier)

    def of_country(self, name: str) -> str | None:
        """The key of the country or area of ISO 3166-1 with this name."""
        return self._countries.get(_fold(name))

    def _readings(self, text: str) -> dict[str, tuple[int, int]]:
        """Each place that the text may mean, with its rank: parts used, then level."""
        names = list(self._names_in(text))
        chains = self._chains(names)
        if not chains:
            # "Moscow, Idaho, USA": such a town counts for less than a country that is named.
            chains = self._chains(name for name in names if name not in self._towns)
        ranks: dict[str, tuple[int, int]] = {}
        for chain in filter(None, chains):
            finest = max(chain, key=lambda key: len(self._above[key]))
            rank = (-len(chain), self._level[finest])
            ranks[finest] = min(rank, ranks.get(finest, rank))
        return ranks

    def _chains(self, names: Iterable[str]) -> set[frozenset[str]]:
        """The ways to take each name for a place so that all these places nest."""
        chains: set[frozenset[str]] = {frozenset()}
        for name in names:
            chains = {
                chain | {key}
                for chain in chains
                for key in self._by_name[name]
                if all(self._nest(key, other) for other in chain)
            }
        return chains

    def _nest(self, key: str, other: str) -> bool:
        return key == other or other in self._above[key] or key in self._above[other]

    def _names_in(self, text: str) -> Iterator[str]:
        """The known names in a text: the whole, else those of its parts."""
        if whole := self._known(_fold(text)):
            yield whole
            return
        for part in _BREAK.split(text):
            if name := self._known(_fold(part)):
                yield name
                continue
            for piece in _WEAK_BREAK.split(part):
                yield from self._names_in_piece(_fold(piece))

    def _names_in_piece(self, piece: str) -> Iterator[str]:
        """The names in a part of a text that is no name as a whole, or may be none at all."""
        if name := self._known(piece):
            yield name
        elif _HAN.fullmatch(piece):
            yield from self._segments(piece) or ()
        else:  # a venue before its place: "Hyatt Regency Vancouver", but not "Bank of China"
            words = piece.split()
            for start in range(max(1, len(words) - _WORDS), len(words)):
                name = self._known(" ".join(words[start:]))
                if name and words[start - 1] != "of" and not self._is_county(name):
                    yield name
                    return

    def _segments(self, text: str) -> list[str] | None:
        """Cut Chinese text without spaces into known names, longest first: 浙江|杭州."""
        if not text:
            return []
        for end in range(len(text), 1, -1):
            if text[:end] in self._by_name and (rest := self._segments(text[end:])) is not None:
                return [text[:end], *rest]
        return None

    def _known(self, name: str) -> str | None:
        """The name as the gazetteer has it, where it has it."""
        return next((n for n in (name, _CITY_WORD.sub("", name)) if n in self._by_name), None)

    def _is_county(self, name: str) -> bool:
        return all(self._level[key] == _LEVELS.index("County") for key in self._by_name[name])


def _fold(text: str) -> str:
    """Level the spelling: NFKC, lower case, no accents, no digits, words joined by one space."""
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    text = "".join(char for char in text if not unicodedata.combining(char))
    return " ".join(re.findall(r"[^\W\d_]+", re.sub(r"['’ʻ.]", "", text)))


def _ancestors(key: str, places: Mapping[str, Place]) -> Iterator[str]:
    written_under = {_WRITTEN_UNDER[key]} if key in _WRITTEN_UNDER else set()
    for parent in places[key].parents | written_under:
        if parent not in places:
            raise InputError(f"place {key}: its parent {parent!r} is in no table of places")
        yield parent
        yield from _ancestors(parent, places)


def _read_provinces(path: Path) -> dict[str, Place]:
    """China and its provinces; a municipality is both province and city, and counts as coarse."""
    values: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for triple in parse(path=path):
        if isinstance(triple.subject, NamedNode) and isinstance(triple.object, NamedNode | Literal):
            values[triple.subject.value][triple.predicate.value].add(triple.object.value)
    start = vocab.resource("place", "x")[:-1]
    places = {}
    for iri, facts in values.items():
        types = {kind.removeprefix(vocab.AIC) for kind in facts[vocab.RDF + "type"]}
        if levels := [level for level in _LEVELS if level in types]:
            key = iri.removeprefix(start)
            place = places[key] = Place(key, levels[0])
            place.names = facts[vocab.SKOS + "prefLabel"] | facts[vocab.SKOS + "altLabel"]
            place.geonames = facts[vocab.AIC + "geonamesId"]
            place.parents = {
                parent.removeprefix(start) for parent in facts[vocab.AIC + "directlyWithin"]
            } - {"world"}
    return places


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def _names(row: Mapping[str, str]) -> list[str]:
    return [row["name_en"], row["name_zh"], *_split(row["aliases"])]


def _split(cell: str) -> list[str]:
    return [name for name in cell.split("|") if name]
