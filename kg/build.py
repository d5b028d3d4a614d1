"""The pipeline: tables and ontology → candidate → validated → published, or nothing at all.

Everything is mapped and checked before it is kept; the store is loaded beside validation.
A candidate that does not conform is thrown away, and what is served stays as it was.
"""

from __future__ import annotations

import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Store

from kg import etl, ontology, release, vocab
from kg.errors import InputError
from kg.etl import Context, Dataset, Source, Statements
from kg.release import Candidate, Home, Manifest, Release
from kg.settings import Settings, shipped
from kg.tables import Account, Sheet, write_rejects
from kg.validate import NotConforming, Report, Shapes, validate

#: Told the stage that begins, and how far the build is (0 to 1).
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Inputs:
    """What a build reads: the project's own folders, and a folder of third-party tables."""

    ontology: Path = field(default_factory=lambda: shipped("ontology"))
    mappings: Path = field(default_factory=lambda: shipped("mappings"))
    tables: Path = field(default_factory=lambda: shipped("tables"))
    data: Path | None = None

    def sources(self) -> tuple[list[tuple[Source, Path]], list[str]]:
        """The sources whose tables are there, each with its folder; and notices of the others.

        Raises InputError where a shipped table is missing, or no source is found in `data`.
        """
        found, notices = [], []
        outside = 0
        for source in etl.load(self.mappings):
            if not source.maps:
                continue
            if source.dataset.shipped:
                found.append((source, self.tables))
            elif self.data is not None:
                missing = [
                    t.access for t in source.tables.values() if not (self.data / t.access).is_file()
                ]
                if missing:
                    notices.append(
                        f"{source.dataset.name}: left out, {missing[0]} is not in {self.data}"
                    )
                else:
                    found.append((source, self.data))
                    outside += 1
        if self.data is not None and not outside:
            raise InputError(
                f"{self.data}: none of the sources' tables is here; `kg mapping list` names them"
            )
        return found, notices


@dataclass(frozen=True)
class Outcome:
    """What a build did: the release, its accounts and its validation report."""

    release: Release
    fresh: bool  # False: this very content had been published before
    accounts: tuple[Account, ...]
    report: Report
    notices: tuple[str, ...]


def build(home: Home, settings: Settings, inputs: Inputs, progress: Progress) -> Outcome:
    """Build a release from the inputs and publish it.

    Raises NotConforming with the report where the candidate violates a shape, InputError
    where an input cannot be read, and Locked where another build is under way; then nothing
    has changed.
    """
    with home.building() as candidate:
        return _Build(home, settings, inputs, progress, candidate).run()


class _Build:
    """One run of the pipeline."""

    def __init__(
        self,
        home: Home,
        settings: Settings,
        inputs: Inputs,
        progress: Progress,
        candidate: Candidate,
    ) -> None:
        self.home, self.settings, self.inputs = home, settings, inputs
        self.progress, self.candidate = progress, candidate
        self.store = Store()
        self.seconds: dict[str, float] = {}
        self.stage_since = time.perf_counter()

    def run(self) -> Outcome:
        self.stage("read", 0.0)
        sources, notices = self.inputs.sources()
        context = Context(
            self.inputs.tables, self.inputs.ontology / "vocabularies", self.settings.base
        )
        staged = [
            (source, self.map(source, folder, context, 0.4 * number / len(sources)))
            for number, (source, folder) in enumerate(sources)
        ]
        accounts = [sheet.account for _, sheets in staged for sheet in sheets.values()]
        self.stage("ontology", 0.4)
        self.store.bulk_extend(ontology.quads(self.inputs.ontology, self.settings.base))
        self.store.bulk_extend(_provenance([source.dataset for source, _ in sources]))
        self.stage("merge", 0.45)
        content = release.write_dump(self.merge(), self.candidate.dump_path)
        report = self.validate(staged, context)
        if not report.conforms:
            raise NotConforming(report)
        self.stage("publish", 0.95)
        report.write(self.candidate.path)
        rejects = [reject for account in accounts for reject in account.rejects]
        write_rejects(rejects, self.candidate.path / "rejects.csv")
        self.stage("", 1.0)
        known = {path.id for path in self.home.releases()}
        manifest = Manifest(
            release=content.id,
            content=content.hexdigest(),
            quads=content.quads,
            created=datetime.now(UTC).isoformat(timespec="milliseconds"),
            base=self.settings.base,
            ontology=ontology.version(self.inputs.ontology),
            synthetic=False,
            sources=tuple(
                _record(source, account) for source, account in _pairs(sources, accounts)
            ),
            classes=self.classes(),
            graphs=self.graphs(),
            seconds=self.seconds,
            peak_memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            tools=release.tool_versions(),
        )
        published = self.home.publish(self.candidate, manifest)
        return Outcome(published, content.id not in known, tuple(accounts), report, tuple(notices))

    def stage(self, name: str, done: float) -> None:
        """Begin a stage: close the clock of the one before, tell the progress."""
        now = time.perf_counter()
        if self.seconds:
            last = next(reversed(self.seconds))
            self.seconds[last] = round(self.seconds[last] + now - self.stage_since, 3)
        if name:
            self.seconds.setdefault(name, 0.0)
            self.progress(name, done)
        self.stage_since = now

    def map(self, source: Source, folder: Path, context: Context, done: float) -> dict[str, Sheet]:
        self.progress(f"map {source.dataset.name}", done)

        def keep(made: Statements) -> None:
            text = "".join(f"{triple} <{made.graph}> .\n" for triple in made.triples())
            self.store.bulk_load(text.encode(), format=RdfFormat.N_QUADS)

        sheets = etl.stage(source, folder, self.candidate.path / "rows" / source.dataset.name)
        etl.run(source, sheets, context, keep)
        return sheets

    def merge(self) -> Iterator[bytes]:
        """Materialise the default graph; yield all quads as sorted, unique lines.

        The lines are the store's own serialisation: the canonical form of every term.
        """
        text: bytes = self.store.dump(format=RdfFormat.N_QUADS)  # type: ignore[assignment]
        named = text.split(b"\n")[:-1]
        side = tuple(f" <{graph}> .".encode() for graph in vocab.SIDE_GRAPHS)
        merged = {line[: line.rindex(b" <")] + b" ." for line in named if not line.endswith(side)}
        self.store.bulk_load(b"\n".join(merged) + b"\n", format=RdfFormat.N_QUADS)
        return iter(sorted([*named, *merged]))

    def validate(self, sources: list[tuple[Source, dict[str, Sheet]]], context: Context) -> Report:
        """Validate the candidate while its store is loaded (the loader releases the GIL)."""
        self.stage("validate", 0.55)
        with ThreadPoolExecutor(1) as pool:
            loading = pool.submit(
                release.load_store, self.candidate.store_path, self.candidate.dump_path
            )
            graph = NamedNode(ontology.GRAPHS["shapes"])
            shapes = Shapes.compile(self.store.quads_for_pattern(None, None, None, graph))
            report = validate(self.store, shapes)
            loading.result()
        keys = {(result.focus, result.path, result.value) for result in report.results}
        if not keys:
            return report
        self.stage("trace", 0.9)
        found = etl.origins(sources, context, keys)
        traced = (
            replace(result, origins=tuple(found[result.focus, result.path, result.value]))
            for result in report.results
        )
        return replace(report, results=tuple(traced))

    def classes(self) -> dict[str, int]:
        types = self.store.quads_for_pattern(
            None, NamedNode(vocab.RDF + "type"), None, DefaultGraph()
        )
        counts = Counter(
            str(quad.object.value) for quad in types if isinstance(quad.object, NamedNode)
        )
        return dict(sorted(counts.items()))

    def graphs(self) -> dict[str, int]:
        names = sorted(
            graph.value for graph in self.store.named_graphs() if isinstance(graph, NamedNode)
        )
        counts = {
            name: sum(1 for _ in self.store.quads_for_pattern(None, None, None, NamedNode(name)))
            for name in names
        }
        return counts | {"default": len(self.store) - sum(counts.values())}


def _pairs(
    sources: list[tuple[Source, Path]], accounts: list[Account]
) -> Iterator[tuple[Source, Account]]:
    of_table = {name: source for source, _ in sources for name in source.tables}
    return ((of_table[account.table], account) for account in accounts)


def _record(source: Source, account: Account) -> release.Source:
    dataset = source.dataset
    return release.Source(
        name=account.table,
        title=dataset.title,
        licence=dataset.licence,
        path=source.tables[account.table].access,
        sha256=account.sha256,
        rows=account.read,
        mapped=account.mapped,
        rejected=account.rejected,
    )


def _provenance(datasets: list[Dataset]) -> Iterator[Quad]:
    """What each source's graph is, and where it comes from."""
    graph = NamedNode(vocab.graph("provenance"))
    for dataset in datasets:
        name = NamedNode(dataset.graph)
        statements: list[tuple[str, NamedNode | Literal]] = [
            (vocab.RDF + "type", NamedNode(vocab.DCAT + "Dataset")),
            (vocab.DCTERMS + "title", Literal(dataset.title, language="en")),
            (vocab.DCTERMS + "license", NamedNode(dataset.licence)),
            (vocab.DCTERMS + "source", NamedNode(dataset.original)),
        ]
        if dataset.attribution:
            statements.append(
                (vocab.DCTERMS + "rights", Literal(dataset.attribution, language="en"))
            )
        for predicate, value in statements:
            yield Quad(name, NamedNode(predicate), value, graph)
