"""`kg ontology impact A B`: what the step between two versions touches, and what fails after it."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kg import vocab
from kg.build import Progress
from kg.errors import NoRelease
from kg.migration.project import Project, Triples, Use, triples, uses
from kg.migration.trial import faults_of, known_rejects, quiet, tried
from kg.ontology.diff import Diff, diff
from kg.ontology.editions import Version
from kg.ontology.findings import Finding
from kg.release import Home
from kg.settings import Settings


@dataclass(frozen=True)
class Impact:
    """What the step from A to B touches, and what fails once it is made."""

    diff: Diff
    uses: Mapping[str, list[Use]]
    triples: Mapping[str, Triples]
    release: str  #: the release that was counted, or ""
    failures: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing fails after the change; warnings do not fail."""
        return not any(finding.severity == "error" for finding in self.failures)

    def text(self) -> str:
        """The impact for a terminal."""
        parts = [f"{self.diff.a} → {self.diff.b}: {self.diff.verdict()}"]
        by_term: dict[str, list[str]] = defaultdict(list)
        for change in self.diff.changes:
            by_term[change.term].append(str(change))
        for term, changes in by_term.items():
            parts += ["", *dict.fromkeys(changes)]
            if term not in self.uses:
                continue
            by_area: dict[str, list[Use]] = defaultdict(list)
            for use in self.uses[term]:
                by_area[use.area].append(use)
            width = max(map(len, [*by_area, "triples"]))
            for area, found in by_area.items():
                places = _grouped(found)
                parts += [
                    f"  {area if not number else '':{width}}  {place}"
                    for number, place in enumerate(places)
                ]
            if not self.uses[term]:
                parts.append("  nothing in the project names it")
            if self.release:
                parts.append(f"  {'triples':{width}}  {self.triples[term]}")
        parts.append("")
        if self.release:
            parts.append(f"counted in release {self.release}")
        errors = sum(1 for each in self.failures if each.severity == "error")
        if not self.failures:
            parts.append("after the change: nothing fails (a candidate was built and validated)")
        else:
            warnings = len(self.failures) - errors
            parts.append(f"after the change: {errors} failures, {warnings} warnings")
            parts += [f"  {finding}" for finding in self.failures]
        return "\n".join(parts) + "\n"

    def markdown(self) -> str:
        """The impact for a pull request: the diff, then uses and failures."""
        lines_ = [self.diff.markdown().rstrip(), "", "### Used by", ""]
        for term, found in self.uses.items():
            places = ", ".join(f"`{place}`" for place in _grouped(found)) or "nothing"
            lines_.append(f"- `{vocab.shorten(term)}`: {places}; triples: {self.triples[term]}")
        lines_ += ["", "### Fails after the change", ""]
        lines_ += [f"- `{each}`" for each in self.failures] or ["nothing"]
        return "\n".join(lines_) + "\n"

    def data(self) -> dict[str, Any]:
        """The impact as JSON."""
        return {
            "diff": self.diff.data(),
            "release": self.release,
            "terms": [
                {
                    "term": term,
                    "uses": [vars(use) for use in found],
                    "triples": vars(self.triples[term]),
                }
                for term, found in self.uses.items()
            ],
            "ok": self.ok,
            "failures": [finding.data() for finding in self.failures],
        }


def _grouped(found: list[Use]) -> list[str]:
    """`file:3, 17` for each file."""
    by_file: dict[str, list[int]] = defaultdict(list)
    for use in found:
        by_file[use.file].append(use.line)
    return [f"{file}:{', '.join(map(str, numbers))}" for file, numbers in by_file.items()]


def impact(
    a: str,
    b: str,
    project: Project,
    home: Home,
    settings: Settings,
    progress: Progress = quiet,
) -> Impact:
    """Compare two versions, see who uses what changed, and try the project with B.

    Raises InputError where A or B is no version of the ontology.
    """
    ontology = project.inputs.ontology
    old, new = (Version.load(text, ontology, home) for text in (a, b))
    found = diff(old, new)
    terms = list(
        dict.fromkeys(change.term for change in found.changes if change.part == "ontology")
    )
    terms = [term for term in terms if term and term in old.terms | new.terms]
    with tempfile.TemporaryDirectory(prefix="kg-impact-") as folder:
        before = faults_of(project.copied(Path(folder) / "a", old), settings)
        copy = project.copied(Path(folder) / "b", new)
        using = uses(copy, terms)
        try:
            current = home.current()
        except NoRelease:
            counts, release = {term: Triples() for term in terms}, ""
        else:
            store = current.open()
            counts, release = {term: triples(store, term) for term in terms}, current.id
        trial = tried(copy, settings, before, known_rejects(home), progress)
    return Impact(found, using, counts, release, trial.findings)
