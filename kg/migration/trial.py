"""What fails in a project: seen by reading it, and by building a candidate in a home of its own."""

from __future__ import annotations

import csv
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kg import etl, vocab
from kg.build import Outcome, Progress, build
from kg.catalogue import Catalogue
from kg.errors import InputError, KnowledgeGraphError, NoRelease
from kg.migration.project import Project, class_columns
from kg.ontology.check import Checker
from kg.ontology.editions import Version, shown
from kg.ontology.findings import Finding, ordered
from kg.release import Home
from kg.settings import Settings
from kg.validate import NotConforming

#: What makes two rejects of two builds the same one: not the line, which an edit above it moves.
_REJECT: Final = ("source", "table", "column", "rule", "value")
_PLACE: Final = re.compile(r"^(?P<file>[^\s:]+):(?P<line>\d+)(?::\d+)?: (?P<message>.*)", re.DOTALL)


def quiet(stage: str, done: float) -> None:
    """A progress that tells nobody."""


def faults_of(project: Project, settings: Settings) -> list[Finding]:
    """What can be seen without building: the ontology check, the mappings, the catalogue."""
    try:
        version = Version.load(str(project.inputs.ontology), project.inputs.ontology)
        terms = version.terms
    except InputError as error:
        return [_fault("syntax", error, "ontology/")]
    # HermiT is left to `kg ontology check`: a trial is to answer within seconds.
    found = list(Checker(project.inputs.ontology.parent, reason=False).run().findings)
    found += _cells(project, terms)
    try:
        etl.load(project.inputs.mappings)
    except InputError as error:
        found.append(_fault("mapping", error, "mappings/"))
    places = {(fault.file, fault.line) for fault in found}
    found += [
        fault
        for fault in _catalogue(project.queries, terms, settings.base)
        if (fault.file, fault.line) not in places
    ]
    return found


@dataclass(frozen=True)
class Trial:
    """What trying a project gave: its new faults, and the sources of the candidate built."""

    findings: tuple[Finding, ...]
    sources: frozenset[str] = frozenset()


def tried(
    project: Project,
    settings: Settings,
    before: Collection[Finding],
    known: Collection[tuple[str, ...]],
    progress: Progress,
) -> Trial:
    """Check a project and build it in a home of its own; nothing is published anywhere else.

    What had failed before the change, and rejects that the current release has, are left out.
    """
    progress("check", 0.0)
    old = {(fault.rule, fault.file, fault.message) for fault in before}
    faults = [
        fault
        for fault in faults_of(project, settings)
        if (fault.rule, fault.file, fault.message) not in old and fault.severity != "info"
    ]
    sources = frozenset[str]()
    with tempfile.TemporaryDirectory(prefix="kg-candidate-") as folder:
        try:
            outcome = build(Home(Path(folder)), settings, project.inputs, progress)
        except NotConforming as error:
            faults += _violations(error)
        except KnowledgeGraphError as error:
            faults.append(_fault("build", error, "ontology/"))
        else:
            faults += _rejects(outcome, known)
            sources = frozenset(source.name for source in outcome.release.manifest.sources)
    return Trial(tuple(ordered(faults)), sources)


def _fault(rule: str, error: Exception, file: str) -> Finding:
    """An error's message as a finding: its file and line where it starts with them."""
    text = str(error).strip()
    if found := _PLACE.match(text):
        return Finding(rule, "error", _relative(found["file"]), int(found["line"]), "",
                       found["message"])  # fmt: skip
    return Finding(rule, "error", file, 0, "", text)


def _relative(name: str) -> str:
    """A file's name from the project's folder on."""
    parts = Path(name).parts
    for index in range(len(parts) - 1, -1, -1):
        if parts[index] in {"ontology", "mappings", "tables", "queries"}:
            return "/".join(parts[index:])
    return name


def _cells(project: Project, terms: Collection[str]) -> Iterator[Finding]:
    """Cells of shipped tables that name a class which the ontology lacks."""
    for column in class_columns(project.inputs):
        for cell in column.cells():
            iri = vocab.AIC + cell.text
            if iri not in terms:
                message = f"column {column.column}: {cell.text} is no class of the ontology"
                file = f"tables/{column.path.name}"
                yield Finding("unknown-term", "error", file, cell.line, iri, message)


def _catalogue(queries: Path, terms: Collection[str], base: str) -> Iterator[Finding]:
    """The fault of each query that the catalogue would refuse; loading all stops at the first."""
    with tempfile.TemporaryDirectory(prefix="kg-queries-") as folder:
        for path in sorted(queries.rglob("*.rq")):
            alone = Path(folder) / str(len(path.parts)) / path.stem / queries.name
            target = alone / path.relative_to(queries)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            try:
                Catalogue.load(alone, terms=terms, base=base)
            except InputError as error:
                yield _fault("query", error, f"queries/{path.name}")
            shutil.rmtree(alone)


def _violations(error: NotConforming) -> Iterator[Finding]:
    for result in error.report.results:
        if result.severity != "Violation":
            continue
        text = result.message.get("en") or result.component
        message = f"{result.focus} {shown(result.path)}: {text}" + (
            f" (found {result.value})" if result.value else ""
        )
        for origin in result.origins or (None,):
            file = f"tables/{origin.file}" if origin else "ontology/shapes"
            yield Finding("violation", "error", file, origin.line if origin else 0,
                          result.path.strip("<>"), message)  # fmt: skip


def _rejects(outcome: Outcome, known: Collection[tuple[str, ...]]) -> Iterator[Finding]:
    for account in outcome.accounts:
        for reject in account.rejects:
            if tuple(getattr(reject, name) for name in _REJECT) not in known:
                yield Finding("rejected", "error", f"tables/{reject.file}", reject.line, "",
                              str(reject))  # fmt: skip


def known_rejects(home: Home) -> frozenset[tuple[str, ...]]:
    """The rejects of the current release."""
    try:
        path = home.current().path / "rejects.csv"
    except NoRelease:
        return frozenset()
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return frozenset(tuple(row[name] for name in _REJECT) for row in rows)
