"""What the functions of a mapping look things up in: curated organizations, places, vocabularies.

A name or identifier becomes an IRI in one place each: `Context.organization` and
`Context.place`. Everything is read on first use, and only what is used.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Final

from pyoxigraph import Literal, NamedNode, parse

from kg import vocab
from kg.errors import InputError
from kg.etl.links import Links, decision_tables
from kg.etl.places import Gazetteer
from kg.tables import LINE, Account, Column, Table, read


class Register:
    """Organizations by identifier and by curated name; two rows never share a name.

    Raises InputError naming file and line where the tables contradict each other.
    """

    def __init__(self, tables: Path) -> None:
        self._by_ror: dict[str, str] = {}
        self._by_name: dict[str, str] = {}
        slugs: set[str] = set()
        for line, row in _rows(tables / "organizations.csv", "slug", "ror", "name_en", "name_zh"):
            slug = row["slug"]
            slugs.add(slug)
            if row["ror"]:
                self._enter(self._by_ror, row["ror"], slug, "organizations.csv", line)
            for name in {row["name_en"], row["name_zh"]} - {""}:
                self._enter(self._by_name, name, slug, "organizations.csv", line)
        for line, row in _rows(tables / "organization_aliases.csv", "alias", "organization"):
            target = row["organization"]
            key = self.of_ror(target.removeprefix("ror-")) if target.startswith("ror-") else target
            if not target.startswith("ror-") and target not in slugs:
                raise InputError(
                    f"organization_aliases.csv:{line}: {target!r} is not in organizations.csv"
                )
            self._enter(self._by_name, row["alias"], key, "organization_aliases.csv", line)

    @staticmethod
    def _enter(index: dict[str, str], name: str, key: str, file: str, line: int) -> None:
        if index.setdefault(name, key) != key:
            raise InputError(f"{file}:{line}: {name!r} already stands for {index[name]}, not {key}")

    def of_ror(self, ror: str) -> str:
        """The key of the organization with this ROR id."""
        return self._by_ror.get(ror, f"ror-{ror}")

    def of_name(self, name: str) -> str | None:
        """The key of the organization that a curated table calls exactly this."""
        return self._by_name.get(name)


_NAMES: Final = ("organizations.csv", "organization_aliases.csv")
_PLACES: Final = ("cities.csv", "countries.csv", "provinces.ttl")
#: What each function reads: tables by name, vocabularies by pattern.
_READS: Final = {
    "organization": _NAMES,
    "organizationOfRor": _NAMES,
    "otherOrganizationOfRor": _NAMES,
    "isNewName": _NAMES,
    "isNewRor": _NAMES,
    "place": _PLACES,
    "placeOfGeonames": _PLACES,
    "country": _PLACES,
    "concept": ("*.ttl",),
}
_LABELS: Final = ("prefLabel", "altLabel", "hiddenLabel", "notation")


@dataclass(frozen=True)
class Context:
    """What the functions look things up in: the shipped tables and vocabularies."""

    tables: Path
    vocabularies: Path
    base: str = vocab.BASE
    linked: bool = True  # False: every source keeps its own keys, which is what linking reads

    def organization(self, source: str, name: str) -> str:
        """The IRI of the organization that a source calls by this name.

        This is the one place where a name becomes an organization.
        """
        return vocab.resource("organization", self.organization_key(source, name), self.base)

    def organization_key(self, source: str, name: str) -> str:
        """The key of that organization.

        By a decision, else the curated one of that name, else one that only this source knows.
        """
        own = f"{source}-{vocab.digest(name)}"
        if not self.linked:
            return own
        if (key := self.links.canonical("organization", own)) is not None:
            return key
        named = self.register.of_name(name)
        return own if named is None or self.links.apart("organization", own, named) else named

    def organization_key_of_ror(self, ror: str) -> str:
        """The key of the organization with this bare ROR id: by a decision, else as curated."""
        own = f"ror-{ror}"
        if not self.linked:
            return own
        return self.links.canonical("organization", own) or self.register.of_ror(ror)

    def entity_key(self, kind: str, key: str) -> str:
        """The key of the entity that, by a decision, this key of a source means; else the key."""
        return (self.links.canonical(kind, key) if self.linked else None) or key

    def place(self, key: str | None) -> str | None:
        """The IRI of the place with this key of the gazetteer."""
        return None if key is None else vocab.resource("place", key, self.base)

    def files(self, function: str, arguments: Mapping[str, str]) -> set[Path]:
        """The files that a function called with these constants looks things up in."""
        names = _READS.get(function, ())
        found = {self.tables / name for name in names if name.endswith(".csv")}
        if names is _NAMES or function == "key":
            found |= set(decision_tables(self.tables / "links"))
        if function == "lookup":
            pattern = f"{arguments['table']}.csv" if "table" in arguments else "*.csv"
            found |= set(self.tables.glob(pattern))
        found |= {
            path for name in names for path in self.vocabularies.glob(name) if path.suffix == ".ttl"
        }
        return found

    @cached_property
    def register(self) -> Register:
        """Organizations by name and ROR id."""
        return Register(self.tables)

    @cached_property
    def links(self) -> Links:
        """The decisions on which keys mean one entity."""
        return Links.load(self.tables / "links")

    @cached_property
    def gazetteer(self) -> Gazetteer:
        """Places by name and GeoNames id."""
        return Gazetteer.load(self.tables, self.vocabularies)

    @cached_property
    def concepts(self) -> dict[tuple[str, str], str]:
        """(kind, folded label or key) → IRI, for every concept of the vocabularies."""
        index: dict[tuple[str, str], str] = {}
        labels = {vocab.SKOS + name for name in _LABELS}
        for path in sorted(self.vocabularies.glob("*.ttl")):
            for triple in parse(path=path):
                subject, predicate, value = triple.subject, triple.predicate, triple.object
                if not (isinstance(subject, NamedNode) and isinstance(value, Literal)):
                    continue
                if predicate.value in labels and subject.value.startswith(vocab.BASE):
                    kind, _, key = subject.value.removeprefix(vocab.BASE).partition("/")
                    iri = vocab.rebase(subject.value, self.base)
                    index.setdefault((kind, fold(value.value)), iri)
                    index[kind, key] = iri
        return index

    @cache  # noqa: B019 - a context lives as long as its build
    def lookup(self, table: str, match: str, give: str) -> dict[str, str]:
        """Column `match` → column `give` of a shipped table."""
        rows = _rows(self.tables / f"{table}.csv", match, give)
        return {row[match]: row[give] for _, row in rows}


def fold(label: str) -> str:
    """A label with its spelling levelled: NFKC, case, outer space."""
    return unicodedata.normalize("NFKC", label).casefold().strip()


def _rows(path: Path, *columns: str) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a shipped table by line; the first that cannot be used raises InputError."""
    table = Table(path.stem, path.name, tuple(Column(name) for name in dict.fromkeys(columns)))
    account = Account(path.stem, table.name, path.name)
    for chunk in read(table, path, account):
        if account.rejects:
            raise InputError(str(account.rejects[0]))
        for row in chunk.iter_rows(named=True):
            yield row[LINE], {name: row[name] or "" for name in columns}
