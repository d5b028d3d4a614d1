"""What validation found, and how it is told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from kg.errors import KnowledgeGraphError, ReleaseError, reason
from kg.validate import formats
from kg.validate.results import SEVERITIES, Result, in_order

#: Violations in the message of a refusal.
_SHOWN: Final = 20


@dataclass(frozen=True)
class Report:
    """What validation found: the results in a fixed order, violations first."""

    results: Sequence[Result]
    #: Shapes that pySHACL judged because the compiler does not cover them, and why.
    uncovered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: What is said besides: waivers that have expired, or that waive nothing.
    notices: tuple[str, ...] = ()

    @cached_property
    def _tally(self) -> Counter[tuple[str, bool]]:
        return Counter((result.severity, bool(result.waiver)) for result in self.results)

    @property
    def conforms(self) -> bool:
        """Whether nothing has the severity sh:Violation, but what is waived."""
        return not self._tally["Violation", False]

    def counts(self) -> dict[str, int]:
        """Results by severity, zeros included and waived ones left out."""
        found = {name: count for (name, waived), count in self._tally.items() if not waived}
        return {**dict.fromkeys(SEVERITIES, 0), **dict(sorted(found.items()))}

    @property
    def waived(self) -> int:
        """How many results are waived."""
        return sum(count for (_, waived), count in self._tally.items() if waived)

    @property
    def turtle(self) -> str:
        """The standard report (SHACL §3.6)."""
        return "".join(formats.turtle(self))

    def text(self, limit: int | None = None, language: str = "en") -> str:
        """The report for people: counts, summary, then each result up to a limit."""
        return "".join(formats.text(self, limit, language))

    def data(self) -> dict[str, Any]:
        """The report for programs."""
        return formats.head(self) | {"results": [result.record() for result in self.results]}

    def parts(self, name: str, language: str = "en") -> Iterator[str]:
        """The report in one of `formats.FORMATS`, piece by piece."""
        return formats.FORMATS[name](self, language)

    def write(self, folder: Path) -> None:
        """Write report.ttl, report.txt, report.html and report.json."""
        for suffix, name in (("ttl", "ttl"), ("txt", "text"), ("html", "html"), ("json", "json")):
            with (folder / f"report.{suffix}").open("w", encoding="utf-8") as file:
                file.writelines(self.parts(name))

    @classmethod
    def read(cls, folder: Path) -> Report:
        """Read the report.json that `write` wrote; raises ReleaseError where it is damaged."""
        path = folder / "report.json"
        try:
            given = json.loads(path.read_text(encoding="utf-8"))
            results = in_order(map(Result.of_record, given["results"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ReleaseError(f"{path}: not a validation report: {reason(error)}") from None
        uncovered = {shape: tuple(why) for shape, why in given.get("uncovered", {}).items()}
        return cls(results, uncovered, tuple(given.get("notices", ())))


def trend(before: Report, now: Report) -> list[tuple[str, str, int, int]]:
    """Shape, severity, results before and now, where the two differ; waived ones left out."""
    old, new = _by_shape(before.results), _by_shape(now.results)
    return [
        (shape, severity, old[shape, severity], new[shape, severity])
        for shape, severity in sorted({*old, *new})
        if old[shape, severity] != new[shape, severity]
    ]


def _by_shape(results: Iterable[Result]) -> Counter[tuple[str, str]]:
    return Counter((result.shape_name, result.severity) for result in results if not result.waiver)


class NotConforming(KnowledgeGraphError):
    """A candidate violates the shapes; carries the whole report, its text the first violations."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.text(limit=min(report.counts()["Violation"], _SHOWN)))
        self.report = report
