"""Link decisions: which keys of sources mean one entity, read from `tables/links/*.sssom.tsv`.

A decision is a row of SSSOM: the same (`skos:exactMatch`), not the same (the same predicate
with `predicate_modifier` Not), or part of (`org:subOrganizationOf`). Mappings resolve keys
through them, so a build says of an entity only what a person can look up in a table.
`entities.tsv` is the register of IRIs: once canonical, an IRI stays so or leaves a redirect.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

from pyoxigraph import NamedNode, Quad

from kg import vocab
from kg.errors import InputError

Relation = Literal["same", "apart", "part"]

#: The columns of a decision table, in their order.
COLUMNS: Final = (
    "subject_id",
    "subject_label",
    "predicate_modifier",
    "predicate_id",
    "object_id",
    "object_label",
    "mapping_justification",
    "confidence",
    "author_label",
    "reviewer_label",
    "mapping_date",
    "comment",
)
#: What a relation is called in SSSOM: modifier and predicate.
SPELT: Final[dict[Relation, tuple[str, str]]] = {
    "same": ("", "skos:exactMatch"),
    "apart": ("Not", "skos:exactMatch"),
    "part": ("", "org:subOrganizationOf"),
}
_RELATIONS: Final[dict[tuple[str, str], Relation]] = {
    spelling: name for name, spelling in SPELT.items()
}
REGISTER_COLUMNS: Final = ("entity", "since", "replaced_by")
GRAPH: Final = vocab.graph("links")


@dataclass(frozen=True)
class Decision:
    """One judged pair; `subject` and `object` are keys like `organization/baidu`.

    `confidence` is 0 to 1; `reviewer` is empty where no person has looked at the pair.
    """

    subject: str
    subject_label: str
    relation: Relation
    object: str
    object_label: str
    justification: str
    confidence: float
    author: str
    reviewer: str
    date: str
    comment: str = ""

    @property
    def pair(self) -> frozenset[str]:
        """The two keys, whichever is the subject."""
        return frozenset((self.subject, self.object))

    def cells(self) -> list[str]:
        """The row of the decision table."""
        modifier, predicate = SPELT[self.relation]
        return [
            f"id:{self.subject}",
            self.subject_label,
            modifier,
            predicate,
            f"id:{self.object}",
            self.object_label,
            f"semapv:{self.justification}",
            f"{self.confidence:.2f}".rstrip("0").rstrip("."),
            self.author,
            self.reviewer,
            self.date,
            self.comment,
        ]


@dataclass(frozen=True)
class Entry:
    """A key that has been published: canonical since a date, or replaced by another key."""

    since: str
    replaced_by: str = ""


@dataclass
class Links:
    """All decisions and the register of keys.

    Raises InputError naming file and line where a table is not what it must be, and where
    decisions contradict each other: one key the same as two, or the same and not the same.
    """

    decisions: list[Decision] = field(default_factory=list)
    register: dict[str, Entry] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> Links:
        """The tables of a folder; one that is not there holds none."""
        links = cls()
        for path in decision_tables(folder):
            links.decisions += read_decisions(path)
        if (path := folder / "entities.tsv").is_file():
            for line, row in _rows(path, REGISTER_COLUMNS):
                if row["entity"] in links.register:
                    raise InputError(f"{path.name}:{line}: {row['entity']} stands twice")
                links.register[row["entity"]] = Entry(row["since"], row["replaced_by"])
        _check_register(links.register)
        links.check()
        return links

    def check(self) -> None:
        """Raise InputError where decisions contradict each other."""
        same: dict[str, Decision] = {}
        for each in self.decisions:
            if each.relation == "same" and each.subject in same:
                other = same[each.subject].object
                raise InputError(
                    f"links: {each.subject} ({each.subject_label}) is the same as {other} and as "
                    f"{each.object}; name one of them, and the other the same as that one"
                )
            if each.relation == "same":
                same[each.subject] = each
        for key in same:
            self._end(key, same)
        for each in self.decisions:
            if each.relation != "same" and self._end(each.subject, same) == self._end(
                each.object, same
            ):
                word = {"apart": "not the same as", "part": "part of"}[each.relation]
                raise InputError(
                    f"links: {each.subject} ({each.subject_label}) is {word} {each.object} "
                    f"({each.object_label}), yet other decisions make them the same"
                )

    @staticmethod
    def _end(key: str, same: dict[str, Decision]) -> str:
        seen = [key]
        while key in same:
            key = same[key].object
            if key in seen:
                raise InputError(f"links: {' → '.join([*seen, key])} goes in a circle")
            seen.append(key)
        return key

    @cached_property
    def _canonical(self) -> dict[str, str]:
        same = {each.subject: each for each in self.decisions if each.relation == "same"}
        return {key: self._end(key, same) for key in same}

    @cached_property
    def _apart(self) -> frozenset[frozenset[str]]:
        return frozenset(each.pair for each in self.decisions if each.relation != "same")

    def canonical(self, kind: str, key: str) -> str | None:
        """The key of the entity that decisions say this key means; None where none is made."""
        found = self._canonical.get(f"{kind}/{key}")
        return None if found is None else found.partition("/")[2]

    def apart(self, kind: str, one: str, other: str) -> bool:
        """Whether these two keys were judged not to mean one entity."""
        return frozenset((f"{kind}/{one}", f"{kind}/{other}")) in self._apart

    def _redirects(self) -> dict[str, str]:
        """Key → key that replaces it, by decisions and by the register."""
        return self._canonical | {
            key: self._canonical.get(entry.replaced_by, entry.replaced_by)
            for key, entry in self.register.items()
            if entry.replaced_by
        }

    def _parts(self) -> Iterator[tuple[str, str]]:
        for each in self.decisions:
            if each.relation == "part":
                yield (
                    self._canonical.get(each.subject, each.subject),
                    self._canonical.get(each.object, each.object),
                )

    def names(self) -> dict[str, str]:
        """The name that decisions give to each key that others were joined to."""
        joined = (each for each in self.decisions if each.relation == "same")
        return {
            each.object: each.object_label.partition(" | ")[0]
            for each in joined
            if each.object not in self._canonical and each.object_label
        }

    def ends(self) -> set[str]:
        """The keys that the graph of links speaks of, if a build knows them."""
        return {*self._redirects().values(), *(key for pair in self._parts() for key in pair)}

    def quads(self, base: str, known: Callable[[str], bool]) -> Iterator[Quad]:
        """The graph of links: redirects and parts, where `known` holds of the IRI that stays."""
        graph = NamedNode(GRAPH)
        replaced = NamedNode(vocab.DCTERMS + "isReplacedBy")
        part = NamedNode(vocab.ORG + "subOrganizationOf")
        for key, target in sorted(self._redirects().items()):
            if known(base + target):
                yield Quad(NamedNode(base + key), replaced, NamedNode(base + target), graph)
        for one, other in sorted(set(self._parts())):
            if known(base + one) and known(base + other):
                yield Quad(NamedNode(base + one), part, NamedNode(base + other), graph)


def decision_tables(folder: Path) -> list[Path]:
    """The tables of decisions in a folder, in their order."""
    return [path for path in sorted(folder.glob("*.sssom.tsv")) if path.name != QUEUE]


#: The table of pairs that wait for a person; they are no decisions.
QUEUE: Final = "queue.sssom.tsv"


def read_decisions(path: Path) -> list[Decision]:
    """The decisions of one SSSOM table, or the pairs that wait in the queue."""
    decisions = []
    for line, row in _rows(path, COLUMNS):
        where = f"{path.name}:{line}"
        spelling = row["predicate_modifier"], row["predicate_id"]
        if spelling not in _RELATIONS:
            raise InputError(
                f"{where}: {' '.join(spelling).strip()!r} is not one of skos:exactMatch, "
                "Not skos:exactMatch, org:subOrganizationOf"
            )
        try:
            confidence = float(row["confidence"])
        except ValueError:
            confidence = -1.0
        if not 0 <= confidence <= 1:
            raise InputError(
                f"{where}, column confidence: {row['confidence']!r} is not a number from 0 to 1"
            )
        decisions.append(
            Decision(
                _key(row["subject_id"], where),
                row["subject_label"],
                _RELATIONS[spelling],
                _key(row["object_id"], where),
                row["object_label"],
                row["mapping_justification"].removeprefix("semapv:"),
                confidence,
                row["author_label"],
                row["reviewer_label"],
                row["mapping_date"],
                row["comment"],
            )
        )
    return decisions


def _key(text: str, where: str) -> str:
    key = text.removeprefix("id:")
    try:
        vocab.expand(f"id:{key}")
        kind, slash, rest = key.partition("/")
        vocab.resource(kind, rest)
    except InputError:
        slash = ""
    if not (text.startswith("id:") and slash):
        raise InputError(f"{where}: {text!r} is not a key like id:organization/baidu")
    return key


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a tab-separated table by line, below its header of `#` lines."""
    lines = path.read_text(encoding="utf-8").splitlines()
    start = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
    if tuple(lines[start].split("\t")) != columns if start < len(lines) else True:
        raise InputError(f"{path.name}:{start + 1}: expected the columns {', '.join(columns)}")
    reader = csv.reader(lines[start + 1 :], delimiter="\t", quoting=csv.QUOTE_NONE)
    for number, cells in enumerate(reader, start=start + 2):
        if len(cells) != len(columns):
            raise InputError(
                f"{path.name}:{number}: expected {len(columns)} cells, found {len(cells)}"
            )
        yield number, dict(zip(columns, cells, strict=True))


def _check_register(register: dict[str, Entry]) -> None:
    for key in register:
        seen, stays = [key], key
        while stays := register[stays].replaced_by:
            if stays in seen:
                raise InputError(f"entities.tsv: {' → '.join([*seen, stays])} goes in a circle")
            if stays not in register:
                raise InputError(f"entities.tsv: {stays}, which replaces {seen[-1]}, is not there")
            seen.append(stays)


def write_decisions(path: Path, title: str, decisions: Iterable[Decision]) -> None:
    """Write an SSSOM table, sorted, so that a change of one decision is one changed line."""
    head = [
        f"mapping_set_id: {vocab.GRAPH}links/{path.name.removesuffix('.sssom.tsv')}",
        f"mapping_set_title: {title}",
        "license: https://creativecommons.org/licenses/by/4.0/",
        "curie_map:",
        f"  id: {vocab.BASE}",
        f"  org: {vocab.ORG}",
        "  semapv: https://w3id.org/semapv/vocab/",
        f"  skos: {vocab.SKOS}",
    ]
    rows = sorted((each.cells() for each in decisions), key=lambda cells: (cells[0], cells[4]))
    _write(path, head, COLUMNS, rows)


def write_register(path: Path, register: dict[str, Entry]) -> None:
    """Write the register of keys, sorted."""
    rows = [[key, entry.since, entry.replaced_by] for key, entry in sorted(register.items())]
    _write(path, [], REGISTER_COLUMNS, rows)


def _write(path: Path, head: list[str], columns: tuple[str, ...], rows: list[list[str]]) -> None:
    for row in rows:
        if any(set("\t\r\n") & set(cell) for cell in row):
            raise InputError(f"{path.name}: a tab or line break cannot stand in {row}")
    lines = [*(f"# {line}" for line in head), "\t".join(columns), *("\t".join(r) for r in rows)]
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    beside.write_text("\n".join(lines) + "\n", encoding="utf-8")
    beside.replace(path)
