"""A build from nothing: every table mapped, the whole candidate inferred, validated, published.

Lines go through sorted runs on disk, so mapping takes the same memory for any number of rows.
The store on disk, which costs most, is loaded from the first rows that are mapped on, beside all
that follows (the loader releases the GIL); a release that outgrows the budget is validated there.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Final

from kg import etl, ontology, release
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
from kg.validate import Report, validate

#: Bytes that a triple of the tables takes in memory, with what is inferred from it: 1,370 at
#: the peak of a build of 2.4 million, of which the loader took 1.5 GB; it takes 2 with two feeds.
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
        schema = self.inputs.schema_of(self.settings.base)
        state = State(software(), self.inputs.schema(), self.settings.base)
        with release.Loading(self.candidate.store_path) as loading:
            text = Text(self.work, loading)
            self.gather(text, schema, state)
            report, content, loaded = self.judge(text, schema, loading)
        accounts = state.accounts()
        report = judged(report, self, accounts)
        self.stages.begin("publish", 0.95)
        state.write(self.candidate.path)
        write_reports(self.candidate.path, report, accounts)
        shutil.rmtree(self.work)
        fresh = not self.home.holds(content.id)
        sources = self.staged.sources
        manifest = make_manifest(
            content,
            self.settings.base,
            ontology.version(self.inputs.ontology),
            records(sources, accounts),
            self.tally,
            self.stages,
            synthetic=etl.is_synthetic(source.dataset for source in sources),
        )
        published = self.home.publish(self.candidate, manifest, written=content, loaded=loaded)
        return Outcome(
            published, fresh, accounts, report, self.staged.notices, content.quads, whole=True
        )

    def gather(self, text: Text, schema: Schema, state: State) -> None:
        """Put together what is asserted: by the tables, the ontology, links and edits."""
        sources = self.staged.sources
        self.stages.begin("map", 0.2)
        for number, source in enumerate(sources):
            name = source.dataset.name
            self.stages.show(f"map {name}", 0.2 + 0.2 * number / len(sources))
            state.sources[name] = self.map(source, text)
        state.settle(sources)
        self.stages.begin("ontology", 0.4)
        text.add_bytes(lines.canonical(schema.quads))
        text.add_bytes(lines.canonical(self.linkset.quads()))
        text.add_bytes(lines.canonical(described(source.dataset for source in sources)))
        if self.staged.before:
            text.add_bytes(edited(self.staged.before.open()))
        self.stages.begin("merge", 0.45)
        with closing(Repeated(self.candidate.path / REPEATED)) as repeated:
            text.merge(self.tally, repeated.add)

    def map(self, source: Source, text: Text) -> Made:
        """Map a source's rows into the text; says from what, and what became of them."""
        tables = {}
        sheets = {}
        for name, sheet in self.staged.sheets[source.dataset.name].items():
            tables[name] = Accounts(sheet.account, empty(sheet))
            sheets[name] = replace(sheet, account=tables[name].mapped)

        def keep(made: Statements) -> None:
            text.add(made.lines())
            self.linkset.take(made)

        etl.run(source, sheets, self.context, keep, joined=self.staged.joined())
        return Made(self.staged.basis(source, self.context), tables)

    def judge(
        self, text: Text, schema: Schema, loading: release.Loading
    ) -> tuple[Report, ContentHash, int]:
        """Infer, write the dump and validate, beside the load of the store on disk.

        Gives the report, the hash of the dump, and the number of quads in the store.
        """
        valid = partial(validate, shapes=schema.shapes, inferred=schema.rules.superclasses)
        in_memory = text.triples * _TRIPLE <= self.settings.memory
        self.stages.begin("infer", 0.5)
        text.infer(schema.rules, self.tally)
        loaded = loading.complete(merged=not in_memory or text.triples >= _BATCH)
        self.stages.begin("dump", 0.55)
        content = text.dump(self.candidate.dump_path)
        self.tally.graphs[b""] = content.quads - sum(self.tally.graphs.values())
        if in_memory:
            self.stages.begin("validate", 0.7)
            report = valid(text.in_memory())
        self.stages.begin("load", 0.8)
        loaded.result()
        counted = loading.count()
        if not in_memory:
            self.stages.begin("validate", 0.85)
            report = valid(loading.store)
        return report, content, counted.result()
