"""A build from nothing: every table mapped, the whole candidate inferred, validated, published.

Lines go through sorted runs on disk, so mapping takes the same memory for any number of rows.
The store on disk, which costs most, is loaded beside inference, the dump and validation in
memory (the loader releases the GIL); a release that outgrows the budget is validated on disk.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Final

from pyoxigraph import Store

from kg import etl, infer, ontology, release
from kg.build import lines
from kg.build.delta import edited
from kg.build.inputs import Schema, Work, software
from kg.build.outcome import Outcome, make_manifest, records
from kg.build.provenance import described
from kg.build.state import REPEATED, Accounts, Made, Repeated, State, empty
from kg.build.text import Text
from kg.build.verdict import judged, write_reports
from kg.etl import Source, Statements
from kg.link.linkset import Linkset
from kg.release import ContentHash
from kg.validate import Report, Shapes, validate

#: Bytes that a triple of the tables takes in memory, with what is inferred from it: 1,370 at
#: the peak of a build of 2.4 million, of which the loader takes 1.5 GB for any number.
_TRIPLE: Final = 1_400

#: Triples that the store loads at a time; more of them it loads in parallel by itself, and into
#: as many more files.
_BATCH: Final = 1_000_000


@dataclass
class Full(Work):
    """One run of the whole pipeline on a candidate whose tables have been read."""

    tally: lines.Tally = field(default_factory=lines.Tally)

    @cached_property
    def linkset(self) -> Linkset:
        """The links between what the sources call by several names."""
        return Linkset(self.context.links, self.settings.base)

    @property
    def work(self) -> Path:
        """The folder of what is there only while the build runs."""
        return self.candidate.path / "work"

    def run(self) -> Outcome:
        """Build and publish; raises NotConforming, and then nothing has changed."""
        sources = self.staged.sources
        state = State(software(), self.inputs.schema(), self.settings.base)
        runs = lines.Runs(self.work)
        self.stages.begin("map", 0.2)
        for number, source in enumerate(sources):
            name = source.dataset.name
            self.stages.show(f"map {name}", 0.2 + 0.2 * number / len(sources))
            state.sources[name] = self.map(source, runs)
        state.settle(sources)
        self.stages.begin("ontology", 0.4)
        schema = self.inputs.schema_of(self.settings.base)
        runs.add_bytes(lines.canonical(schema.quads))
        runs.add_bytes(lines.canonical(self.linkset.quads()))
        runs.add_bytes(lines.canonical(described(source.dataset for source in sources)))
        if self.staged.before:
            runs.add_bytes(edited(self.staged.before.open()))
        self.stages.begin("merge", 0.45)
        text = Text(self.work)
        repeated = Repeated(self.candidate.path / REPEATED)
        with runs.sorted() as given, closing(repeated):
            text.merge(given, self.tally, repeated.add)
        report, content = self.judge(text, schema)
        accounts = state.accounts()
        report = judged(report, self, accounts)
        self.stages.begin("publish", 0.95)
        state.write(self.candidate.path)
        write_reports(self.candidate.path, report, accounts)
        shutil.rmtree(self.work)
        fresh = not self.home.holds(content.id)
        version = ontology.version(self.inputs.ontology)
        base = self.settings.base
        manifest = make_manifest(
            content,
            base,
            version,
            records(sources, accounts),
            self.tally,
            self.stages,
            synthetic=etl.is_synthetic(source.dataset for source in sources),
        )
        published = self.home.publish(self.candidate, manifest, written=content)
        return Outcome(
            published, fresh, accounts, report, self.staged.notices, content.quads, whole=True
        )

    def map(self, source: Source, runs: lines.Runs) -> Made:
        """Map a source's rows into the runs; says from what, and what became of them."""
        tables = {}
        sheets = {}
        for name, sheet in self.staged.sheets[source.dataset.name].items():
            tables[name] = Accounts(sheet.account, empty(sheet))
            sheets[name] = replace(sheet, account=tables[name].mapped)

        def keep(made: Statements) -> None:
            runs.add(made.lines())
            self.linkset.take(made)

        etl.run(source, sheets, self.context, keep, joined=self.staged.joined())
        return Made(self.staged.basis(source, self.context), tables)

    def judge(self, text: Text, schema: Schema) -> tuple[Report, ContentHash]:
        """Infer, write the dump and validate, beside the load of the store on disk."""
        place = self.candidate.store_path
        in_memory = text.triples * _TRIPLE <= self.settings.memory
        beside = in_memory and text.triples < _BATCH
        with release.Loading(place, at_once=2 if beside else 1) as loading:
            text.load_asserted(loading)
            self.stages.begin("infer", 0.5)
            self.tally.graphs[infer.GRAPH.value.encode()] = text.infer(schema.rules)
            text.load_inferred(loading)
            loaded = loading.complete(merged=not beside)
            self.stages.begin("dump", 0.55)
            content = text.dump(self.candidate.dump_path)
            self.tally.graphs[b""] = content.quads - sum(self.tally.graphs.values())
            self.stages.begin("validate", 0.7)
            report = self.validate(text.in_memory(), schema.shapes) if in_memory else None
            self.stages.begin("load", 0.85)
            loaded.result()
        if report is None:
            self.stages.begin("validate", 0.9)
            report = self.validate(Store.read_only(str(place)), schema.shapes)
        return report, content

    def validate(self, store: Store, shapes: Shapes) -> Report:
        """The report on a store that holds the default graph, whose classes are counted."""
        self.tally.count_store(store)
        return validate(store, shapes)
