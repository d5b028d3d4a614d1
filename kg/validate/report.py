"""What validation found, and how it is told."""

from __future__ import annotations

import json
from bisect import insort
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from kg.errors import KnowledgeGraphError, ReleaseError
from kg.tables import Origin
from kg.validate import formats

SEVERITIES: Final = ("Violation", "Warning", "Info")


@dataclass(frozen=True, slots=True)
class Result:
    """One validation result (SHACL §3.6.2); IRIs and literals as N-Triples terms."""

    severity: str
    focus: str
    path: str
    value: str
    component: str
    shape: str
    message: Mapping[str, str]
    origins: tuple[Origin, ...] = ()
    constraint: str = ""

    def __str__(self) -> str:
        return formats.lines(self, "en")

    def text(self, language: str = "en") -> str:
        """The message in a language, or in another where there is none."""
        return self.message.get(language) or next(iter(self.message.values()), self.component)


@dataclass(frozen=True)
class Report:
    """What validation found: the results in a fixed order, violations first."""

    results: Sequence[Result]
    #: Shapes that pySHACL judged because the compiler does not cover them, and why.
    uncovered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def conforms(self) -> bool:
        """Whether nothing has the severity sh:Violation."""
        return not any(result.severity == "Violation" for result in self.results)

    @property
    def turtle(self) -> str:
        """The standard report (SHACL §3.6)."""
        return "".join(formats.turtle(self))

    def counts(self) -> dict[str, int]:
        """Results by severity, zeros included."""
        found = Counter(result.severity for result in self.results)
        return {**{name: found[name] for name in SEVERITIES}, **dict(sorted(found.items()))}

    def text(self, limit: int | None = None, language: str = "en") -> str:
        """The report for people: the counts, the summary, then each result."""
        return "".join(formats.text(self, limit, language))

    def data(self) -> dict[str, Any]:
        """The report for programs."""
        results = [formats.record(result) for result in self.results]
        return {"conforms": self.conforms, "counts": self.counts(), "results": results}

    def write(self, folder: Path) -> None:
        """Write report.ttl, report.txt and report.json."""
        for name, parts in (
            ("report.ttl", formats.turtle(self)),
            ("report.txt", formats.text(self, None, "en")),
            ("report.json", formats.as_json(self)),
        ):
            with (folder / name).open("w", encoding="utf-8") as file:
                file.writelines(parts)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The report that `write` left in a folder; raises ReleaseError where it is damaged."""
        path = folder / "report.json"
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            results = (
                Result(**each | {"origins": tuple(Origin(**at) for at in each["origins"])})
                for each in data["results"]
            )
            return cls(tuple(results))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ReleaseError(f"{path}: the report cannot be read: {error}") from None


class NotConforming(KnowledgeGraphError):
    """A candidate violates the shapes; carries the whole report, its text the first results."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.text(limit=20))
        self.report = report


def in_order(results: Iterable[Result]) -> tuple[Result, ...]:
    """The results, violations first, each severity by focus, path, value, component, shape."""
    return tuple(sorted(results, key=_order))


def merged(kept: list[Result], found: Iterable[Result]) -> tuple[Result, ...]:
    """Results that are in order, with others put where they belong."""
    for result in found:
        insort(kept, result, key=_order)
    return tuple(kept)


def _order(result: Result) -> tuple[int, str, str, str, str, str, str, str, str]:
    known = result.severity in SEVERITIES
    rank = SEVERITIES.index(result.severity) if known else len(SEVERITIES)
    return (
        rank,
        result.severity,
        result.focus,
        result.path,
        result.value,
        result.component,
        result.shape,
        result.constraint,
        str(sorted(result.message.items())),
    )
