"""What a check of the ontology says: a rule, a place, a term and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

Severity = Literal["error", "warning", "info"]

#: Most serious first: the order in which findings of one line are shown.
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "info")


@dataclass(frozen=True)
class Finding:
    """One violation of one rule. `file` is relative to the project; line 0 is the whole file."""

    rule: str
    severity: Severity
    file: str
    line: int
    term: str
    message: str
    advice: str = ""

    def __str__(self) -> str:
        """The one line that editors and terminals turn into a link."""
        return f"{self.file}:{self.line}: {self.severity} {self.rule}: {self.message}"

    def data(self) -> dict[str, str | int]:
        """The finding as JSON."""
        return {
            "rule": self.rule,
            "severity": self.severity,
            "file": self.file,
            "line": self.line,
            "term": self.term,
            "message": self.message,
            "advice": self.advice,
        }


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Every finding once, by file, line, severity and rule."""
    return sorted(
        set(findings),
        key=lambda found: (
            found.file,
            found.line,
            SEVERITIES.index(found.severity),
            found.rule,
            found.message,
        ),
    )
