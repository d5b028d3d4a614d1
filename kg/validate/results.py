"""Validation results in their order: in memory, or in a temporary file where they are many."""

from __future__ import annotations

import marshal
import sqlite3
from bisect import insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from itertools import chain, islice
from typing import Any, Final, overload

from kg.tables import Origin

SEVERITIES: Final = ("Violation", "Warning", "Info")
#: So many results, of about 0.5 KB each, are held in memory.
IN_MEMORY: Final = 100_000


@dataclass(frozen=True, slots=True)
class Result:
    """One validation result (SHACL §3.6.2); IRIs and literals as N-Triples terms.

    `path` is a SPARQL property path; severity and component are local names of SHACL's, or IRIs.
    """

    severity: str
    focus: str
    path: str
    value: str
    component: str
    shape: str
    message: Mapping[str, str]
    origins: tuple[Origin, ...] = ()
    constraint: str = ""
    #: Why the result is let pass, by whom and until when; "" where it is not.
    waiver: str = ""
    #: What a shape without an IRI is called by its path, and the shape that it belongs to.
    called: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What was found, and not how it is told."""
        return (self.focus, self.path, self.value, self.component, self.severity, self.shape)

    @property
    def shape_name(self) -> str:
        """The shape as people know it: by its IRI, or by where it stands."""
        return self.called or self.shape

    def text(self, language: str = "en") -> str:
        """The message in a language, or in another where there is none."""
        return self.message.get(language) or next(iter(self.message.values()), self.component)

    def told(self, language: str = "en") -> str:
        """The result for people, on some lines."""
        where = "; ".join(str(origin) for origin in self.origins)
        parts = [f"{self.severity}: {self.text(language)}", f"  focus {self.focus}"]
        parts += [f"  path {self.path}"] if self.path else []
        parts += [f"  value {self.value}"] if self.value else []
        parts += [f"  from {where}"] if where else []
        parts += [f"  waived: {self.waiver}"] if self.waiver else []
        return "\n".join(parts)

    __str__ = told

    def record(self) -> dict[str, Any]:
        """The result for programs; `of_record` reads it back."""
        found: dict[str, Any] = {name: getattr(self, name) for name in _FIELDS}
        found["message"] = dict(self.message)
        found["origins"] = [asdict(origin) for origin in self.origins]
        return found

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Result:
        """Read what `record` gave."""
        known = {name: record[name] for name in _FIELDS if name in record}
        return cls(**{**known, "origins": tuple(Origin(**each) for each in record["origins"])})


_FIELDS: Final = tuple(Result.__dataclass_fields__)


def order(result: Result) -> tuple[int, str, str, str, str, str, str, str, str]:
    """Violations first; each severity by focus node, path, value, component and shape."""
    severity = result.severity
    rank = SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)
    message = "\n".join(f"{tag} {text}" for tag, text in sorted(result.message.items()))
    return (rank, severity, result.focus, result.path, result.value, result.component,
            result.shape, result.constraint, message)  # fmt: skip


def in_order(results: Iterable[Result]) -> Sequence[Result]:
    """The results in order: a tuple, or a sequence on disk where they do not fit."""
    stream = iter(results)
    first = list(islice(stream, IN_MEMORY + 1))
    if len(first) <= IN_MEMORY:
        return tuple(sorted(first, key=order))
    return OnDisk(chain(first, stream))


def merged(kept: Iterable[Result], found: Iterable[Result]) -> Sequence[Result]:
    """Results that are in order, with others put where they belong."""
    stream = iter(kept)
    first = list(islice(stream, IN_MEMORY + 1))
    if len(first) > IN_MEMORY:
        return in_order(chain(first, stream, found))
    for result in found:
        insort(first, result, key=order)
    return tuple(first)


def _packed(result: Result) -> bytes:
    """A result as bytes for the file of this process alone: a third of the time of JSON."""
    places = tuple(map(astuple, result.origins))
    return marshal.dumps(
        (
            *(result.severity, result.focus, result.path, result.value, result.component),
            *(result.shape, dict(result.message), places, result.constraint, result.waiver),
            result.called,
        )
    )


def _unpacked(packed: bytes) -> Result:
    found: dict[str, Any] = dict(zip(_FIELDS, marshal.loads(packed), strict=True))  # noqa: S302
    found["origins"] = tuple(Origin(*place) for place in found["origins"])
    return Result(**found)


class OnDisk(Sequence[Result]):
    """Results in a private file of SQLite's, which goes when they do."""

    def __init__(self, results: Iterable[Result]) -> None:
        # An empty name is a temporary database on disk; readers may be other threads.
        self._file = sqlite3.connect("", check_same_thread=False)
        columns = ", ".join(f"k{number}" for number in range(9))
        self._file.execute(f"CREATE TABLE given ({columns}, record)")
        marks = ", ".join("?" * 10)
        self._file.executemany(
            f"INSERT INTO given VALUES ({marks})",  # noqa: S608 - a row of question marks
            ((*order(each), _packed(each)) for each in results),
        )
        self._file.execute("CREATE TABLE result (record)")
        self._file.execute(
            f"INSERT INTO result SELECT record FROM given ORDER BY {columns}"  # noqa: S608
        )
        self._file.execute("DROP TABLE given")
        ((self._length,),) = self._file.execute("SELECT COUNT(*) FROM result")

    def __len__(self) -> int:
        return int(self._length)

    def __iter__(self) -> Iterator[Result]:
        for (record,) in self._file.execute("SELECT record FROM result ORDER BY rowid"):
            yield _unpacked(record)

    @overload
    def __getitem__(self, index: int) -> Result: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Result, ...]: ...

    def __getitem__(self, index: int | slice) -> Result | tuple[Result, ...]:
        if isinstance(index, slice):
            return tuple(self[each] for each in range(*index.indices(len(self))))
        at = index + len(self) if index < 0 else index
        query = "SELECT record FROM result WHERE rowid = ?"
        for (record,) in self._file.execute(query, (at + 1,)):
            return _unpacked(record)
        raise IndexError(index)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Sequence)
            and len(self) == len(other)
            and all(a == b for a, b in zip(self, other, strict=True))
        )

    __hash__ = None  # type: ignore[assignment]
