"""A build from nothing: every table mapped, the whole candidate inferred, validated, published.

Lines go through sorted runs on disk, so mapping takes the same memory for any number of rows.
The store on disk, which costs most, is loaded beside inference and validation in memory (the
loader releases the GIL); a release that outgrows the memory budget is validated on disk.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pyoxigraph import DefaultGraph, NamedNode, Quad, Store

from kg import etl, ontology, release
from kg.build import lines
from kg.build.inputs import Inputs, software
from kg.build.outcome import Outcome, Stages, make_manifest
from kg.build.provenance import described
from kg.build.state import REPEATED, ROWS, Accounts, Made, Repeated, State
from kg.build.verdict import judged, write_reports
from kg.etl import Source, Statements
from kg.release import Candidate, ContentHash, Home
from kg.settings import Settings
from kg.tables import Account, Sheet
from kg.validate import Report, validate

#: Bytes that a triple takes in the store in memory, as measured.
_TRIPLE: Final = 420

_SHAPES: Final = NamedNode(ontology.GRAPHS["shapes"])


@dataclass(frozen=True)
class Text:
    """A candidate's content as sorted N-Quads on disk: what is asserted, the default graph."""

    asserted: Path
    default: Path
    triples: int


class Full:
    """One run of the whole pipeline on a candidate."""

    def __init__(
        self, home: Home, settings: Settings, inputs: Inputs, stages: Stages, candidate: Candidate
    ) -> None:
        self.home, self.settings, self.inputs, self.stages = home, settings, inputs, stages
        self.candidate = candidate
        self.context = inputs.context(settings.base)
        self.tally = lines.Tally()
        self.work = candidate.path / "work"
        self.sheets: dict[str, dict[str, Sheet]] = {}

    def run(self) -> Outcome:
        """Build and publish; raises NotConforming, and then nothing has changed."""
        self.stages.begin("read", 0.0)
        found, notices = self.inputs.sources()
        sources = [source for source, _ in found]
        state = State(software(), self.inputs.schema(), self.settings.base)
        runs = lines.Runs(self.work)
        for number, (source, folder) in enumerate(found):
            name = source.dataset.name
            self.stages.begin("map", 0.4 * number / len(found))
            self.stages.show(f"map {name}", 0.4 * number / len(found))
            self.sheets[name] = etl.stage(source, folder, self.candidate.path / ROWS / name)
            state.sources[name] = self.map(source, runs)
        self.stages.begin("ontology", 0.4)
        schema = list(ontology.quads(self.inputs.ontology, self.settings.base))
        runs.add_bytes(lines.canonical(schema))
        runs.add_bytes(lines.canonical(described(source.dataset for source in sources)))
        self.stages.begin("merge", 0.45)
        text = self.merge(runs)
        report, content = self.judge(text, schema, sources)
        self.stages.begin("publish", 0.95)
        accounts = state.accounts()
        state.write(self.candidate.path)
        write_reports(self.candidate.path, report, accounts)
        shutil.rmtree(self.work)
        known = {each.id for each in self.home.releases()}
        version = ontology.version(self.inputs.ontology)
        base = self.settings.base
        manifest = make_manifest(
            content, base, version, sources, accounts, self.tally, self.stages
        )
        published = self.home.publish(self.candidate, manifest)
        fresh = content.id not in known
        return Outcome(published, fresh, accounts, report, tuple(notices), content.quads, 0)

    def map(self, source: Source, runs: lines.Runs) -> Made:
        """Map a source's rows into the runs; says from what, and what became of them."""
        tables = {}
        sheets = {}
        for name, sheet in self.sheets[source.dataset.name].items():
            mapped = Account(source.dataset.name, name, sheet.account.file)
            tables[name] = Accounts(sheet.account, mapped)
            sheets[name] = replace(sheet, account=mapped)

        def keep(made: Statements) -> None:
            runs.add_bytes(lines.canonical_text(made))

        etl.run(source, sheets, self.context, keep)
        return Made(*self.inputs.digests(source), tables)

    def merge(self, runs: lines.Runs) -> Text:
        """Write what is asserted, sorted and merged."""
        text = Text(self.work / "asserted.nq", self.work / "default.nq", 0)
        triples = 0
        repeated = Repeated(self.candidate.path / REPEATED)
        with (
            runs.sorted() as given,
            text.asserted.open("wb") as asserted,
            text.default.open("wb") as default,
            closing(repeated),
        ):
            for batch in lines.batches(lines.merged(given, repeated.add)):
                stated = [line for line in batch if not lines.graph_of(line)]
                triples += len(stated)
                asserted.writelines(line + b"\n" for line in batch)
                default.writelines(line + b"\n" for line in stated)
        return replace(text, triples=triples)

    def judge(
        self, text: Text, schema: Iterable[Quad], sources: Iterable[Source]
    ) -> tuple[Report, ContentHash]:
        """Infer, write the dump and validate, beside the load of the store on disk."""
        place = self.candidate.store_path
        with ThreadPoolExecutor(1) as pool:
            loading = pool.submit(release.load_store, place, text.asserted)
            if text.triples * _TRIPLE <= self.settings.build_memory:
                store = Store()
                release.fill(store, text.default)
            else:
                loading.result()
                store = Store(place)
            self.stages.begin("dump", 0.6)
            asserted = self.tally.counted(lines.read(text.asserted))
            content = release.write_dump(asserted, self.candidate.dump_path)
            self.stages.begin("validate", 0.65)
            shapes = [quad for quad in schema if quad.graph_name == _SHAPES]
            found = validate(store.quads_for_pattern(None, None, None, DefaultGraph()), shapes)
            del store
            self.stages.begin("load", 0.85)
            loading.result()
        of = [(source, self.sheets[source.dataset.name]) for source in sources]
        return judged(found, of, self.context), content
