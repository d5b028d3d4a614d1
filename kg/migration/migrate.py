"""`kg ontology migrate FILE`: a migration file checked, tried on copies, then carried out."""

from __future__ import annotations

import difflib
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import yaml

from kg import vocab
from kg.build import Progress, build
from kg.errors import InputError, NoRelease, reason
from kg.migration.edits import KINDS, Step, apply, blocks, changed, declaring, unified, written
from kg.migration.project import Project, uses
from kg.migration.trial import Trial, faults_of, known_rejects, quiet, tried
from kg.ontology import lines
from kg.ontology.editions import Part, Version
from kg.ontology.findings import Finding
from kg.ontology.mentions import mentions
from kg.release import Home
from kg.settings import Settings


@dataclass(frozen=True)
class Migration:
    """What a migration did, or would do, or why it was refused."""

    file: str
    steps: tuple[str, ...]
    #: File → its change as a unified diff.
    edits: Mapping[str, str]
    findings: tuple[Finding, ...]
    #: Lines that name an old term and are not edited: code, read by a person.
    left: tuple[str, ...] = ()
    written: bool = False
    release: str = ""

    @property
    def ok(self) -> bool:
        """Whether it was, or could be, carried out."""
        return not any(finding.severity == "error" for finding in self.findings)

    def text(self) -> str:
        """The outcome for a terminal."""
        if not self.ok:
            shown_ = [f"  {finding}" for finding in self.findings]
            return "\n".join([f"{self.file}: refused, nothing was written", *shown_]) + "\n"
        if not self.edits:
            return f"{self.file}: nothing to do\n"
        parts = [f"{self.file}: {'done' if self.written else 'can be done'}"]
        parts += [f"  {step}" for step in self.steps]
        parts.append("edited" if self.written else "would edit")
        for name, change in self.edits.items():
            rows = change.splitlines()[2:]
            plus, minus = (sum(row.startswith(sign) for row in rows) for sign in "+-")
            parts.append(f"  {name}  +{plus} -{minus}")
        parts += [f"  {finding}" for finding in self.findings]
        if self.left:
            parts += ["to be edited by hand", *(f"  {place}" for place in self.left)]
        if self.release:
            parts.append(f"published release {self.release}")
        elif not self.written:
            parts.append("dry run: the candidate conforms; nothing was written or published")
        return "\n".join(parts) + "\n"

    def data(self) -> dict[str, Any]:
        """The outcome as JSON."""
        return {
            "file": self.file,
            "ok": self.ok,
            "steps": list(self.steps),
            "edits": dict(self.edits),
            "findings": [finding.data() for finding in self.findings],
            "left": list(self.left),
            "written": self.written,
            "release": self.release,
        }


def migrate(
    file: Path,
    project: Project,
    home: Home,
    settings: Settings,
    *,
    dry_run: bool = False,
    progress: Progress = quiet,
) -> Migration:
    """Carry a migration file out: on copies first, then in the project and as a release.

    A second run has nothing to do. Raises InputError where the file is no migration file.
    """
    steps = _steps(file)
    ontology = project.inputs.ontology
    version = Version.load(str(ontology), ontology)
    said = tuple(str(step) for step in steps)
    found = (_refusal(step, steps, version, project, file) for step in steps)
    if refused := [fault for fault in found if fault]:
        return Migration(file.name, said, {}, tuple(refused))
    with tempfile.TemporaryDirectory(prefix="kg-migration-") as folder:
        copy = project.copied(Path(folder) / "after")
        apply(steps, copy, version)
        pairs = list(changed(project, copy))
        edits = {name: unified(name, before, after) for name, _, before, after in pairs}
        if not edits:
            return Migration(file.name, said, {}, ())
        before = faults_of(project.copied(Path(folder) / "before"), settings)
        trial = tried(copy, settings, before, known_rejects(home), progress)
        # A term that is deprecated here is still used: that is said, and is no reason to refuse.
        ending = {step.old for step in steps if step.action == "deprecate"}
        errors = [fault for fault in trial.findings if fault.severity == "error"]
        noted = tuple(
            replace(fault, severity="warning")
            for fault in errors
            if fault.term in ending and fault.rule.startswith("deprecated-")
        )
        faults = [
            *(fault for fault in errors if replace(fault, severity="warning") not in noted),
            *_sources_left_out(home, trial, file),
        ]
        left = tuple(
            str(use)
            for found in uses(project, [step.old for step in steps if step.new]).values()
            for use in found
            if use.area == "code"
        )
        if faults or dry_run:
            return Migration(file.name, said, edits, (*faults, *noted), left)
        with written(pairs, declaring(steps, project)):
            outcome = build(home, settings, project.inputs, progress)
    return Migration(file.name, said, edits, noted, left, True, outcome.release.id)


def _sources_left_out(home: Home, trial: Trial, file: Path) -> Iterator[Finding]:
    """A source that the current release has and the candidate lacks would be lost in silence."""
    try:
        served = {source.name for source in home.current().manifest.sources}
    except NoRelease:
        return
    if trial.sources and (lost := sorted(served - trial.sources)):
        yield Finding(
            "sources", "error", file.name, 0, "",
            f"the current release also holds {', '.join(lost)}, which this build would leave out",
            "give the folder that the release was built from: --data DIR",
        )  # fmt: skip


def _steps(file: Path) -> list[Step]:
    """Read a migration file; every fault names file and line."""
    try:
        node = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InputError(f"{file.name}:{line}: not YAML: {error.problem}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{file}: cannot be read: {reason(error)}") from None

    def fail(at: yaml.Node | None, message: str) -> InputError:
        line = at.start_mark.line + 1 if at else 1
        return InputError(f"{file.name}:{line}: {message}")

    def term(at: yaml.Node) -> str:
        try:
            iri = vocab.expand(str(at.value)) if isinstance(at, yaml.ScalarNode) else ""
        except InputError:
            iri = ""
        if not re.fullmatch(re.escape(vocab.AIC) + r"[A-Za-z][A-Za-z0-9]*", iri):
            raise fail(at, f"{at.value!r}: expected a term of this ontology, such as aic:year")
        return iri

    if not isinstance(node, yaml.MappingNode):
        raise fail(node, "expected rename, merge or deprecate")
    steps: list[Step] = []
    for key, value in node.value:
        if key.value in {"rename", "merge"} and isinstance(value, yaml.MappingNode):
            steps += [
                Step(key.value, term(old), term(new), old.start_mark.line + 1)
                for old, new in value.value
            ]
        elif key.value == "deprecate" and isinstance(value, yaml.SequenceNode):
            steps += [
                Step("deprecate", term(old), "", old.start_mark.line + 1) for old in value.value
            ]
        elif key.value in {"rename", "merge", "deprecate"}:
            form = "a list of terms" if key.value == "deprecate" else "pairs 'old: new'"
            raise fail(value, f"{key.value}: expected {form}")
        else:
            raise fail(key, f"{key.value!r}: expected rename, merge or deprecate")
    if not steps:
        raise fail(node, "says nothing: expected at least one rename, merge or deprecate")
    return steps


def _refusal(  # noqa: PLR0911, PLR0912 - one return for each reason
    step: Step, steps: list[Step], version: Version, project: Project, file: Path
) -> Finding | None:
    """Why a step cannot be carried out; None where it can, or has been."""

    def refused(message: str, advice: str = "") -> Finding:
        return Finding(f"migration-{step.action}", "error", file.name, step.line, step.old,
                       message, advice)  # fmt: skip

    old, new = vocab.shorten(step.old), vocab.shorten(step.new)
    modules = version.parts[""]
    if sum(step.old == other.old for other in steps) > 1:
        return refused(f"{old} stands in two steps")
    if step.new and any(step.new == other.old for other in steps):
        return refused(f"{new} is itself renamed, merged or deprecated here",
                       "do one step in a file of its own")  # fmt: skip
    if step.old not in version.terms:
        near = difflib.get_close_matches(step.old, version.terms, 1)
        hint = f"did you mean {vocab.shorten(near[0])}?" if near else ""
        return refused(f"{old} is no term of the ontology", hint)
    if step.action == "deprecate" or version.deprecated.get(step.old) == step.new:
        return None
    if step.old in version.deprecated:
        by = vocab.shorten(version.deprecated[step.old]) or "nothing"
        return refused(f"{old} is deprecated already, replaced by {by}")
    kind = _kind(modules, step.old)
    if step.action == "rename":
        if step.new in version.terms:
            return refused(f"{new} exists already{_at(project, step.new)}", "merge them instead")
        if sum(step.new == other.new for other in steps) > 1:
            return refused(f"{new} is the new name of two terms", "merge them instead")
        upper = step.new[len(vocab.AIC)].isupper()
        if upper != (kind in {"class", "datatype"}):
            written_as = "class" if upper else "property"
            return refused(
                f"{old} is {_article(kind)}, {new} is written as a {written_as}",
                "classes are in CamelCase, properties in camelCase",
            )
        return None
    if step.new not in version.terms:
        return refused(f"{new} is no term of the ontology", "rename instead")
    if step.new in version.deprecated:
        return refused(f"{new} is deprecated")
    if (other_kind := _kind(modules, step.new)) != kind:
        return refused(
            f"{old} is {_article(kind)}, {new} is {_article(other_kind)}: they cannot be one term"
        )
    if why := _disjoint(modules, step.old, step.new, project):
        return refused(why, "nothing can be both; correct the axiom first if it is wrong")
    above = _ancestors(modules, step.new, ABOVE[kind])
    if step.old in above:
        return refused(f"{new} stands under {old}", f"merge {new} into {old} instead")
    return None


ABOVE: Final = {word: above for word, above in KINDS.values()}


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'ao' else 'a'} {kind}"


def _kind(part: Part, term: str) -> str:
    kinds = part.kinds(term)
    return next((word for iri, (word, _) in KINDS.items() if f"<{iri}>" in kinds), "term")


def _ancestors(part: Part, term: str, relation: str) -> dict[str, str]:
    """Every term above `term`, itself included → the one below it on the way."""
    found, waiting = {term: ""}, [term]
    while waiting:
        at = waiting.pop(0)
        for predicate, value in sorted(part.statements.get(at, ())):
            iri = value[1:-1]
            if predicate == relation and value.startswith("<") and iri not in found:
                found[iri] = at
                waiting.append(iri)
    return found


def _disjoint(part: Part, one: str, other: str, project: Project) -> str:
    """By which axiom two terms exclude each other, with the way to it; "" where they do not."""
    kind = _kind(part, one)
    left, right = (_ancestors(part, term, ABOVE.get(kind, "")) for term in (one, other))
    apart = {vocab.OWL + "disjointWith", vocab.OWL + "propertyDisjointWith"}
    for low in left:
        for high in right:
            if any(p in apart and v == f"<{high}>" for p, v in part.statements.get(low, ())):
                ways = [_way(left, low), _way(right, high)]
                under = "; ".join(way for way in ways if way)
                place = _axiom(project, low, high)
                text = (
                    f"{vocab.shorten(one)} and {vocab.shorten(other)} are disjoint: {place} "
                    f"declares {vocab.shorten(low)} and {vocab.shorten(high)} disjoint"
                )
                return text + (f" ({under})" if under else "")
    return ""


def _way(above: Mapping[str, str], top: str) -> str:
    names = [top]
    while above[names[-1]]:
        names.append(above[names[-1]])
    return " ⊑ ".join(map(vocab.shorten, reversed(names))) if len(names) > 1 else ""


def _axiom(project: Project, one: str, other: str) -> str:
    """Where two terms are declared disjoint: file and line."""
    pairwise = {vocab.OWL + name for name in ("AllDisjointClasses", "AllDisjointProperties")}
    apart = {vocab.OWL + name for name in ("disjointWith", "propertyDisjointWith")}
    for area, name, path in project.files():
        if area != "module":
            continue
        text = path.read_text(encoding="utf-8")
        named = mentions(text, "turtle")
        for block in blocks(text):
            inside = [each for each in named if block.start <= each.start < block.end]
            iris = {each.iri for each in inside}
            if {one, other} <= iris and (
                iris & pairwise or (block.subject in {one, other} and iris & apart)
            ):
                lines_ = [each.line for each in inside if each.iri in pairwise | apart]
                return f"{name}:{lines_[0]}"
    return "the ontology"


def _at(project: Project, term: str) -> str:
    place = lines.where(project.inputs.ontology).get(term)
    return f" ({place[0]}:{place[1]})" if place else ""
