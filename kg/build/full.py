"""A build from nothing: every table mapped, the whole candidate inferred, validated, published.

Lines go through sorted runs on disk, so mapping takes the same memory for any number of rows.
The store on disk, which costs most, is loaded beside inference and validation in memory (the
loader releases the GIL); a release that outgrows the memory budget is validated on disk.
"""

from __future__ import annotations

import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Final

from pyoxigraph import DefaultGraph, Store

from kg import etl, infer, ontology, release
from kg.build import lines
from kg.build.delta import edited, quads
from kg.build.inputs import Schema, Work, software
from kg.build.outcome import Outcome, make_manifest, records
from kg.build.provenance import described
from kg.build.state import REPEATED, Accounts, Made, Repeated, State, empty
from kg.build.verdict import judged, write_reports
from kg.etl import Source, Statements
from kg.link.linkset import Linkset
from kg.release import ContentHash
from kg.validate import Report, validate

#: Bytes that a triple of the tables takes in memory, with what is inferred from it and their
#: lines: 1,620 to 1,710 at the peak of builds of 6 and 9 million.
_TRIPLE: Final = 1_700


@dataclass(frozen=True)
class Text:
    """A candidate's content as sorted N-Quads on disk: what is asserted, its default graph.

    Lines with blank nodes, which come from the ontology for the most part, are kept apart: the
    store reads the others by itself.
    """

    asserted: Path
    default: Path
    rest: Path
    triples: int
    nameless: list[bytes]


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
        text = self.merge(runs)
        report, content = self.judge(text, schema)
        self.stages.begin("publish", 0.95)
        accounts = state.accounts()
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

    def merge(self, runs: lines.Runs) -> Text:
        """Write what is asserted, sorted and merged."""
        text = Text(
            self.work / "asserted.nq", self.work / "default.nq", self.work / "rest.nq", 0, []
        )
        triples = 0
        repeated = Repeated(self.candidate.path / REPEATED)
        with (
            runs.sorted() as given,
            text.asserted.open("wb") as asserted,
            text.default.open("wb") as default,
            closing(repeated),
        ):
            for block in lines.merged(given, self.tally, repeated.add):
                triples += len(block.default)
                named, nameless = lines.ground(block.lines)
                text.nameless.extend(nameless)
                asserted.write(b"\n".join([*named, b""]))
                default.write(b"\n".join([*lines.ground(block.default)[0], b""]))
        return replace(text, triples=triples)

    def judge(self, text: Text, schema: Schema) -> tuple[Report, ContentHash]:
        """Infer, write the dump and validate, beside the load of the store on disk."""
        place = self.candidate.store_path
        in_memory = text.triples * _TRIPLE <= self.settings.memory
        with ThreadPoolExecutor(1) as pool:
            loading: Future[object] = pool.submit(
                release.load_store, place, text.asserted, ground=True, compact=False
            )
            if in_memory:
                store = Store()
                release.fill(store, text.default, ground=True)
                nameless = [line for line in text.nameless if not lines.graph_of(line)]
                store.bulk_extend(quads(nameless))
            else:
                loading.result()
                store = Store(place)
                store.bulk_extend(quads(text.nameless))
            self.stages.begin("infer", 0.55)
            found = infer.infer(store, schema.rules)
            graphs = [DefaultGraph()] if in_memory else [DefaultGraph(), infer.GRAPH]
            found.insert(store, *graphs)
            rest = sorted([*text.nameless, *self.inferred(found)])
            text.rest.write_bytes(b"\n".join([*rest, b""]))
            if in_memory:
                loading = pool.submit(_extend, place, text.rest)
            else:
                store.optimize()
            self.tally.count_store(store)
            self.stages.begin("dump", 0.65)
            asserted = lines.read(text.asserted)
            content = release.write_dump(
                lines.interleaved(asserted, rest), self.candidate.dump_path
            )
            self.tally.graphs[b""] = content.quads - sum(self.tally.graphs.values())
            self.stages.begin("validate", 0.7)
            report = validate(store, schema.shapes)
            del store
            self.stages.begin("load", 0.85)
            loading.result()
        return judged(report, self.staged.pairs(), self.context), content

    def inferred(self, found: infer.Inferred) -> list[bytes]:
        """The lines of what inference added, in its graph and in the default graph."""
        self.tally.graphs[infer.GRAPH.value.encode()] = len(found)
        blocks = found.lines(infer.GRAPH, DefaultGraph())
        return [line for block in blocks for line in block.split(b"\n")[:-1]]


def _extend(place: Path, more: Path) -> None:
    """Load the last lines into a store on disk that nobody holds open, and merge its files."""
    store = Store(place)
    release.fill(store, more)
    store.flush()
    store.optimize()
