"""Everything an edit of the ontology can break, found within seconds and named by file and line.

One call reads the files, runs every rule and gives a Result for people, JSON, SARIF or the
annotations of a CI run. Nothing is fetched and nothing is written.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from pyoxigraph import BlankNode, Literal, NamedNode, QuerySolutions, Store

from kg import sparql, vocab
from kg.errors import InputError, KnowledgeGraphError
from kg.ontology import alignments, profile, reasoner
from kg.ontology.findings import SEVERITIES, Finding, Severity, ordered
from kg.ontology.shapes import shape_faults
from kg.ontology.sources import ROOT, Sources, iri_of
from kg.ontology.uses import Use, uses

_OWN: Final = (vocab.AIC, ROOT)


# Rules in SPARQL


@dataclass(frozen=True)
class Rule:
    """One file of ontology/checks: every row is a violation, of the term in its ?term."""

    name: str
    severity: Severity
    message: str
    advice: str
    text: str

    @classmethod
    def read(cls, path: Path) -> Rule:
        """Raises InputError with file and line where the header or the query is wrong."""
        text = path.read_text(encoding="utf-8")
        header: dict[str, str] = {}
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.startswith("#+"):
                break
            key, _, value = line[2:].partition(":")
            if key.strip() not in {"severity", "message", "advice"}:
                raise InputError(f"{path}:{number}: expected severity, message or advice")
            header[key.strip()] = value.strip()
        severity = next((known for known in SEVERITIES if known == header.get("severity")), None)
        if severity is None or not header.get("message"):
            raise InputError(
                f"{path}:1: expected '#+ severity: {'|'.join(SEVERITIES)}' and a message"
            )
        try:
            sparql.check(text)
        except KnowledgeGraphError as error:
            raise InputError(f"{path}: {error}") from None
        return cls(path.stem, severity, header["message"], header.get("advice", ""), text)

    def findings(self, store: Store, sources: Sources) -> Iterator[Finding]:
        """The rule's violations."""
        solutions = store.query(self.text)
        assert isinstance(solutions, QuerySolutions)  # noqa: S101 - a rule is a SELECT
        names = [variable.value for variable in solutions.variables]
        for solution in solutions:
            row = {name: solution[name] for name in names}
            term, at = row["term"], row.get("at")
            iri = term.value if isinstance(term, NamedNode) else ""
            file, line = sources.place(iri, at.value if isinstance(at, NamedNode) else "")
            shown = {name: _shown(value) for name, value in row.items()}
            message = self.message.format_map(shown)
            yield Finding(self.name, self.severity, file, line, iri, message, self.advice)


def _shown(value: object) -> str:
    match value:
        case NamedNode():
            return _short(value.value)
        case Literal():
            return f"“{value.value}”" if value.language else value.value
        case BlankNode():
            return "an unnamed node"
    return ""


def _short(iri: str) -> str:
    return iri.replace(ROOT + "/", "aico:") if iri.startswith(ROOT + "/") else vocab.shorten(iri)


def rules(folder: Path) -> list[Rule]:
    """The rules of ontology/checks; raises InputError where one cannot be read."""
    paths = sorted((folder / "checks").glob("*.rq"))
    return [_rule(path, path.stat().st_mtime_ns) for path in paths]


@cache
def _rule(path: Path, _stamp: int) -> Rule:
    return Rule.read(path)


# Modules and their imports


def _modules(sources: Sources) -> Iterator[Finding]:
    """What each module declares and imports: offline, without a cycle, all under the root."""
    declares = vocab.RDF + "type", vocab.OWL + "Ontology"
    imports: dict[str, list[str]] = {}
    for source in sources:
        if source.part or source.fault:
            continue
        iri = iri_of(source.path)
        found = [
            block.subject
            for block in source.layout.statements
            if any(pair[:2] == declares for pair in block.pairs)
        ]
        if found != [iri]:
            said = ", ".join(_short(name) for name in found) or "none"
            yield Finding(
                "module-header", "error", source.name, 1, iri,
                f"expected one owl:Ontology, {_short(iri)}; the file declares {said}",
                "name the module after its file",
            )  # fmt: skip
        imports[iri] = [
            pair[1]
            for block in source.layout.statements
            for pair in block.pairs
            if pair[0] == vocab.OWL + "imports"
        ]
    known = {iri_of(source.path) for source in sources if not source.part}
    for iri, targets in imports.items():
        for target in targets:
            if target not in known:
                file, line = sources.place(iri, target)
                yield Finding(
                    "import-missing", "error", file, line, iri,
                    f"owl:imports <{target}>, for which no module is in the folder",
                    "nothing of others is imported: declare the terms used in external.ttl",
                )  # fmt: skip
    for iri in sorted(known - {ROOT} - set(imports.get(ROOT, [])) if ROOT in imports else []):
        file, line = sources.place(ROOT, vocab.OWL + "imports")
        yield Finding(
            "import-not-in-root", "error", file, line, iri,
            f"{_short(iri)} is not imported by aicluster.ttl", "add it to owl:imports",
        )  # fmt: skip
    yield from _import_cycles(imports, sources)


def _import_cycles(imports: dict[str, list[str]], sources: Sources) -> Iterator[Finding]:
    done: set[str] = set()

    def walk(iri: str, path: list[str]) -> Iterator[Finding]:
        if iri in path:
            cycle = [*path[path.index(iri) :], iri]
            file, line = sources.place(path[-1], iri)
            yield Finding(
                "import-cycle", "error", file, line, iri,
                "import cycle: " + " → ".join(_short(step) for step in cycle),
                "move what both need into a module that both import",
            )  # fmt: skip
        elif iri not in done:
            for target in imports.get(iri, []):
                yield from walk(target, [*path, iri])
            done.add(iri)

    for start in imports:
        yield from walk(start, [])


# Terms that others use


def _unknown(used: dict[str, list[Use]], sources: Sources) -> Iterator[Finding]:
    """Own terms that a file uses and no module declares, or that are deprecated."""
    declared: set[str] = set()
    deprecated: set[str] = set()
    for source in sources:
        if source.part:
            continue
        for triple in source.triples:
            if isinstance(triple.subject, NamedNode):
                declared.add(triple.subject.value)
                if triple.predicate.value == vocab.OWL + "deprecated":
                    deprecated.add(triple.subject.value)
    for iri, places in used.items():
        if not iri.startswith(vocab.AIC) or iri == vocab.AIC:
            continue
        for file, line, kind in places:
            if iri not in declared:
                near = _nearest(iri, declared)
                yield Finding(
                    "unknown-term", "error", file, line, iri,
                    f"{kind} uses {_short(iri)}, which no module declares",
                    f"is {_short(near)} meant?" if near else "declare it, or correct the name",
                )  # fmt: skip
            elif iri in deprecated and kind not in {"alignment", "competency"}:
                yield Finding(
                    "deprecated-in-use", "error", file, line, iri,
                    f"{kind} uses {_short(iri)}, which is deprecated",
                    "use what dcterms:isReplacedBy names: kg ontology migrate does it",
                )  # fmt: skip


def _nearest(iri: str, declared: set[str]) -> str:
    import difflib  # noqa: PLC0415 - only where a name is wrong

    own = [name for name in declared if name.startswith(vocab.AIC)]
    return next(iter(difflib.get_close_matches(iri, own, n=1, cutoff=0.9)), "")


def _unasked(used: dict[str, list[Use]], sources: Sources) -> Iterator[Finding]:
    """Own terms that no query of the catalogue and no competency question uses."""
    if not any(kind == "query" for places in used.values() for _, _, kind in places):
        return
    kinds = {vocab.OWL + name for name in ("Class", "ObjectProperty", "DatatypeProperty")}
    terms: set[str] = set()
    for source in sources:
        if source.part:
            continue
        for triple in source.triples:
            if not isinstance(triple.subject, NamedNode) or not isinstance(
                triple.object, NamedNode
            ):
                continue
            subject, value = triple.subject.value, triple.object.value
            if triple.predicate.value == vocab.RDF + "type" and value in kinds:
                terms.add(subject)
            if triple.predicate.value == vocab.OWL + "deprecated":
                terms.discard(subject)
    for iri in sorted(term for term in terms if term.startswith(vocab.AIC)):
        if not any(kind in {"query", "competency"} for _, _, kind in used.get(iri, [])):
            file, line = sources.place(iri)
            yield Finding(
                "no-competency-question", "warning", file, line, iri,
                f"no query of the catalogue uses {_short(iri)}",
                "add a competency question, or leave the term out",
            )  # fmt: skip


def _queries(root: Path) -> Iterator[Finding]:
    for path in sorted(root.glob("queries/**/*.rq")):
        if message := _query_fault(path, path.stat().st_mtime_ns):
            line = re.search(r"line (\d+)", message)
            name = path.relative_to(root).as_posix()
            yield Finding("query-syntax", "error", name, int(line[1]) if line else 0, "", message)


@cache
def _query_fault(path: Path, _stamp: int) -> str:
    try:
        sparql.check(path.read_text(encoding="utf-8"))
    except KnowledgeGraphError as error:
        return str(error)
    return ""


# The whole


@dataclass(frozen=True)
class Result:
    """What a check found; `ok` unless one of the findings is an error."""

    findings: list[Finding]
    #: What was counted and measured: rules, files, seconds of each step, the reasoner's answer.
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing is an error."""
        return not any(found.severity == "error" for found in self.findings)

    def counts(self) -> dict[str, int]:
        """Findings by severity."""
        return {s: sum(found.severity == s for found in self.findings) for s in SEVERITIES}

    def text(self, *, infos: bool = True) -> str:
        """For people: grouped by file, the sum at the end, where a terminal shows it."""
        lines: list[str] = []
        file = None
        for found in self.findings:
            if found.severity == "info" and not infos:
                continue
            if found.file != file:
                lines += [*([""] if lines else []), found.file]
                file = found.file
            lines.append(f"  {found.line:>4}  {found.severity:<7} {found.rule}: {found.message}")
            if found.advice:
                lines += [f"                {line}" for line in found.advice.splitlines()]
        counts = ", ".join(f"{number} {name}s" for name, number in self.counts().items())
        lines += [""] if lines else []
        lines += [str(self.facts["reasoner"])] if self.facts.get("reasoner") else []
        lines.append(
            f"{self.facts.get('rules', 0)} rules over {self.facts.get('files', 0)} files: {counts}"
        )
        return "\n".join(lines) + "\n"

    def data(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "ok": self.ok,
            "counts": self.counts(),
            "facts": self.facts,
            "findings": [found.data() for found in self.findings],
        }

    def sarif(self) -> dict[str, Any]:
        """As SARIF 2.1.0, which code hosts show beside the line."""
        level = {"error": "error", "warning": "warning", "info": "note"}
        names = sorted({found.rule for found in self.findings})
        return {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [
                {
                    "tool": {
                        "driver": {
                            "name": "kg ontology check",
                            "rules": [{"id": name} for name in names],
                        }
                    },
                    "columnKind": "unicodeCodePoints",
                    "results": [
                        {
                            "ruleId": found.rule,
                            "ruleIndex": names.index(found.rule),
                            "level": level[found.severity],
                            "message": {
                                "text": found.message
                                + (f"\n{found.advice}" if found.advice else "")
                            },
                            "locations": [
                                {
                                    "physicalLocation": {
                                        "artifactLocation": {"uri": quote(found.file)},
                                        "region": {"startLine": max(1, found.line)},
                                    }
                                }
                            ],
                        }
                        for found in self.findings
                    ],
                }
            ],
        }

    def github(self) -> str:
        """As the workflow commands that GitHub turns into annotations."""
        level = {"error": "error", "warning": "warning", "info": "notice"}

        def escaped(text: str, *, value: bool = False) -> str:
            text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
            return text.replace(":", "%3A").replace(",", "%2C") if value else text

        return "".join(
            f"::{level[found.severity]} file={escaped(found.file, value=True)},"
            f"line={max(1, found.line)},title={escaped(found.rule, value=True)}"
            f"::{escaped(found.message)}\n"
            for found in self.findings
        )

    def json(self) -> str:
        """`data()` as text."""
        return json.dumps(self.data(), ensure_ascii=False, indent=2)


class Checker:
    """Checks one project again and again; what did not change is not read again."""

    def __init__(self, root: Path, *, reason: bool = True, seconds: float = 120) -> None:
        """`root` holds ontology/, and mappings/ and queries/ where they are to be checked too.

        `reason` asks HermiT, which may take `seconds` with its explanations.
        """
        if not (root / "ontology").is_dir():
            raise InputError(f"{root / 'ontology'}: expected the folder of the ontology")
        self.root, self.reason, self.seconds = root, reason, seconds
        self.sources = Sources(root / "ontology")
        self._shapes: tuple[object, list[Finding]] = None, []

    def run(self) -> Result:
        """Read what changed and check everything."""
        clock: dict[str, float] = {}
        found: list[Finding] = []

        sources = self.sources

        def step(name: str, work: Callable[[], list[Finding]]) -> None:
            start = time.perf_counter()
            found.extend(work())
            clock[name] = round(time.perf_counter() - start, 3)

        def read() -> list[Finding]:
            sources.refresh()
            if not any(not source.part for source in sources):
                raise InputError(f"{sources.folder}: expected Turtle files (*.ttl)")
            return sources.faults()

        step("read", read)
        facts: dict[str, Any] = {"files": sum(1 for _ in sources), "rules": 0}
        step("modules", lambda: list(_modules(sources)))
        # A file that cannot be read leaves its terms undeclared: what follows from that is noise.
        if sources.faults():
            facts["reasoner"] = "Nothing more was checked: these files must be read first."
        else:
            store = sources.store()
            asked = rules(sources.folder)
            facts["rules"] = len(asked)
            step("rules", lambda: [x for rule in asked for x in rule.findings(store, sources)])
            step("profiles", lambda: profile.check(sources))
            step("shapes", self._shape_faults)
            used = uses(self.root)
            step("uses", lambda: self._used(used, found))
            step("alignments", lambda: alignments.check(self.root, sources))
            step("queries", lambda: list(_queries(self.root)))
            if self.reason:
                answer = reasoner.check(sources, seconds=self.seconds)
                facts["reasoner"] = answer.summary
                clock["reasoner"] = answer.seconds
                found.extend(answer.findings)
        facts["seconds"] = clock
        return Result(ordered(found), facts)

    def _used(self, used: dict[str, list[Use]], found: list[Finding]) -> list[Finding]:
        """Unknown terms, unless a rule has named the same term in the same file better."""
        named = {
            (x.file, x.line) for x in found if x.rule.startswith("shape-") and "unknown" in x.rule
        }
        unknown = [x for x in _unknown(used, self.sources) if (x.file, x.line) not in named]
        return unknown + list(_unasked(used, self.sources))

    def _shape_faults(self) -> list[Finding]:
        texts = tuple(source.text for source in self.sources if source.part == "shapes")
        if self._shapes[0] != texts:
            self._shapes = texts, shape_faults(self.sources)
        return self._shapes[1]


def check(root: Path, *, reason: bool = True, seconds: float = 120) -> Result:
    """Check the project folder `root` once: its ontology/, and mappings/ and queries/ if there."""
    return Checker(root, reason=reason, seconds=seconds).run()


def watch(
    root: Path,
    on_result: Callable[[Result], None],
    *,
    reason: bool = False,
    interval: float = 0.5,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Check now and after every save below ontology/, mappings/ and queries/, until `stop()`."""
    checker = Checker(root, reason=reason)
    seen: dict[Path, tuple[int, int]] | None = None
    while not stop():
        now = _stamps(root)
        if now != seen:
            seen = now
            on_result(checker.run())
        time.sleep(interval)


def _stamps(root: Path) -> dict[Path, tuple[int, int]]:
    found = {}
    for part in ("ontology", "mappings", "queries"):
        for path in (root / part).rglob("*"):
            try:
                state = path.stat()
            except FileNotFoundError:
                continue  # an editor's file between two names
            if path.is_file():
                found[path] = state.st_mtime_ns, state.st_size
    return found
