"""The functions that a mapping may call by name (prefix `kgf:`), and what they look things up in.

A function takes texts and gives a text, a list of texts, or a truth value. `None` means
that the value could not be resolved, and the cell is rejected under the function's rule;
`NOTHING` means that nothing is to be said, which is no fault.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache, cached_property
from pathlib import Path
from typing import Final, Literal

from pyoxigraph import Literal as RdfLiteral
from pyoxigraph import NamedNode, parse

from kg import vocab
from kg.errors import InputError
from kg.etl.places import Gazetteer
from kg.tables import LINE, Account, Column, Table, read


class _Nothing(Enum):
    NOTHING = "nothing"


NOTHING: Final = _Nothing.NOTHING
Result = str | list[str] | bool | None | Literal[_Nothing.NOTHING]

#: Parameters that hold a regular expression, which is written out and checked on loading.
PATTERNS: Final = frozenset({"pattern", "separator"})


@dataclass(frozen=True)
class Signature:
    """What a function takes and gives, and the rule under which a failed call is rejected."""

    parameters: tuple[str, ...]
    result: Literal["iri", "literal", "boolean"]
    rule: str = ""
    expected: str = ""
    repeated: str = ""

    def fault(self, given: Sequence[str]) -> str | None:
        """What is wrong with these argument names, if anything."""
        for name in self.parameters:
            if name not in given:
                return f"parameter {name} is missing"
        for name in given:
            if name not in self.parameters:
                return f"unknown parameter {name}; expected {', '.join(self.parameters)}"
            if given.count(name) > 1 and name != self.repeated:
                return f"parameter {name} stands twice"
        return None


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


@dataclass(frozen=True)
class Context:
    """What the functions look things up in: the shipped tables and vocabularies."""

    tables: Path
    vocabularies: Path
    base: str = vocab.BASE

    @cached_property
    def register(self) -> Register:
        """Organizations by name and ROR id."""
        return Register(self.tables)

    @cached_property
    def gazetteer(self) -> Gazetteer:
        """Places by name and GeoNames id."""
        return Gazetteer.load(self.tables, self.vocabularies)

    @cached_property
    def concepts(self) -> dict[tuple[str, str], str]:
        """(kind, folded label or key) → IRI, for every concept of the vocabularies."""
        index: dict[tuple[str, str], str] = {}
        labels = {vocab.SKOS + name for name in ("prefLabel", "altLabel", "notation")}
        for path in sorted(self.vocabularies.glob("*.ttl")):
            for triple in parse(path=path):
                subject, predicate, value = triple.subject, triple.predicate, triple.object
                if not (isinstance(subject, NamedNode) and isinstance(value, RdfLiteral)):
                    continue
                if predicate.value in labels and subject.value.startswith(vocab.BASE):
                    kind, _, key = subject.value.removeprefix(vocab.BASE).partition("/")
                    iri = vocab.rebase(subject.value, self.base)
                    index.setdefault((kind, _fold(value.value)), iri)
                    index[kind, key] = iri
        return index

    @cache  # noqa: B019 - a context lives as long as its build
    def lookup(self, table: str, match: str, give: str) -> dict[str, str]:
        """Column `match` → column `give` of a shipped table."""
        rows = _rows(self.tables / f"{table}.csv", match, give)
        return {row[match]: row[give] for _, row in rows}


def _fold(label: str) -> str:
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


# --- the functions ----------------------------------------------------------------------------


def _organization(context: Context, name: str, source: str) -> str:
    key = context.register.of_name(name) or f"{source}-{vocab.digest(name)}"
    return vocab.resource("organization", key, context.base)


def _organization_of_ror(context: Context, ror: str) -> str | None:
    key = context.register.of_ror(ror.removeprefix("https://ror.org/"))
    return _resource(context, "organization", key)


def _is_new_name(context: Context, name: str) -> bool:
    return context.register.of_name(name) is None


def _is_new_ror(context: Context, ror: str) -> bool:
    return context.register.of_ror(ror.removeprefix("https://ror.org/")).startswith("ror-")


def _place(context: Context, text: str) -> str | None:
    return _place_iri(context, context.gazetteer.of_text(text))


def _place_of_geonames(context: Context, geonames: str) -> str | None:
    return _place_iri(context, context.gazetteer.of_geonames(geonames))


def _country(context: Context, name: str) -> str | None:
    return _place_iri(context, context.gazetteer.of_country(name))


def _place_iri(context: Context, key: str | None) -> str | None:
    return None if key is None else vocab.resource("place", key, context.base)


def _key(context: Context, kind: str, source: str, *of: str) -> str:
    return vocab.resource(_kind(kind), f"{source}-{vocab.digest(*of)}", context.base)


def _kind(name: str) -> str:
    """A kind, which may be given as the class whose resources stand under it."""
    return vocab.KINDS.get(vocab.AIC + name, name)


def _resource(context: Context, kind: str, key: str) -> str | None:
    try:
        return vocab.resource(_kind(kind), key, context.base)
    except InputError:
        return None


def _iri(context: Context, text: str) -> str | None:
    try:
        return vocab.expand(text, base=context.base)
    except InputError:
        return None


def _concept(context: Context, kind: str, label: str) -> str | None:
    return context.concepts.get((kind, _fold(label)))


def _lookup(context: Context, table: str, match: str, give: str, text: str) -> Result:
    found = context.lookup(table, match, give).get(text)
    return NOTHING if found == "" else found


def _split(_: Context, text: str, separator: str) -> list[str]:
    return [part for piece in re.split(separator, text) if (part := piece.strip())]


def _replace(_: Context, text: str, pattern: str, by: str) -> Result:
    return re.sub(pattern, by, text) or NOTHING


def _upper(_: Context, text: str) -> str:
    return text.upper()


def _matches(_: Context, text: str, pattern: str) -> bool:
    return re.search(pattern, text) is not None


def _not_matches(_: Context, text: str, pattern: str) -> bool:
    return re.search(pattern, text) is None


_PLACE = (
    "unknown-place",
    "expected a place of tables/cities.csv or countries.csv, named without doubt",
)

#: Name → what it takes and gives, and the code.
FUNCTIONS: Final[dict[str, tuple[Signature, Callable[..., Result]]]] = {
    "organization": (Signature(("name", "source"), "iri"), _organization),
    "organizationOfRor": (
        Signature(("ror",), "iri", "illegal-ror", "expected a ROR id"),
        _organization_of_ror,
    ),
    "isNewName": (Signature(("name",), "boolean"), _is_new_name),
    "isNewRor": (Signature(("ror",), "boolean"), _is_new_ror),
    "place": (Signature(("text",), "iri", *_PLACE), _place),
    "placeOfGeonames": (Signature(("geonames",), "iri", *_PLACE), _place_of_geonames),
    "country": (Signature(("name",), "iri", *_PLACE), _country),
    "key": (Signature(("kind", "source", "of"), "iri", repeated="of"), _key),
    "resource": (
        Signature(
            ("kind", "key"), "iri", "illegal-key", "expected a key of lower-case words joined by -"
        ),
        _resource,
    ),
    "iri": (
        Signature(
            ("text",), "iri", "illegal-iri", "expected an IRI, a CURIE, or a key like field/energy"
        ),
        _iri,
    ),
    "concept": (
        Signature(
            ("kind", "label"), "iri", "unknown-concept", "expected a label of the vocabulary"
        ),
        _concept,
    ),
    "lookup": (
        Signature(
            ("table", "match", "give", "text"),
            "literal",
            "unknown-value",
            "expected a value of the table",
        ),
        _lookup,
    ),
    "split": (Signature(("text", "separator"), "literal"), _split),
    "replace": (Signature(("text", "pattern", "by"), "literal"), _replace),
    "upper": (Signature(("text",), "literal"), _upper),
    "matches": (Signature(("text", "pattern"), "boolean"), _matches),
    "notMatches": (Signature(("text", "pattern"), "boolean"), _not_matches),
}


def signature(name: str) -> Signature:
    """The signature of a function that exists."""
    return FUNCTIONS[name][0]


def apply(
    name: str, context: Context, rows: list[tuple[str | list[str] | None, ...]]
) -> tuple[list[Result], list[int]]:
    """Call a function for every row of arguments, each distinct row once.

    A missing argument gives NOTHING. Where an argument is a list, the function is called
    for each item; a condition holds where it holds for any of them. Returns the results,
    and the numbers of the rows that did not resolve.
    """
    spec, code = FUNCTIONS[name]
    known: dict[tuple[str, ...], Result] = {}
    failed: list[int] = []

    def call(*arguments: str) -> Result:
        if arguments not in known:
            try:
                known[arguments] = code(context, *arguments)
            except re.error as error:
                raise InputError(f"function {name} of {arguments}: {error}") from None
        return known[arguments]

    def one(number: int, arguments: tuple[str | list[str] | None, ...]) -> Result:
        if any(argument is None for argument in arguments):
            return False if spec.result == "boolean" else NOTHING
        many = next((i for i, argument in enumerate(arguments) if isinstance(argument, list)), None)
        if many is None:
            result = call(*arguments)  # type: ignore[arg-type]
            if result is None:
                failed.append(number)
            return result
        items: list[str] = []
        results = [
            one(number, (*arguments[:many], item, *arguments[many + 1 :]))
            for item in arguments[many] or ()
        ]
        if spec.result == "boolean":
            return any(result is True for result in results)
        for result in results:
            items += (
                result if isinstance(result, list) else [result] if isinstance(result, str) else []
            )
        return items

    return [one(number, arguments) for number, arguments in enumerate(rows)], failed
