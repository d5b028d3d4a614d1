"""A build that maps only what changed since a release, on a clone of its store.

Equal to a full build quad for quad: a row that is gone takes away what no other row gives.
What a mapping, or what it looks things up in, changed is mapped anew as a whole, with all that
writes to the same named graphs; where that is much, or the ontology changed, a full build is due.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Final

import polars as pl
from pyoxigraph import Store

from kg import etl, vocab
from kg.build import lines
from kg.build.delta import carry_through, graph_lines, quads, replaced, succeed
from kg.build.inputs import Inputs, Staged, Work, software
from kg.build.outcome import Outcome, records
from kg.build.provenance import described
from kg.build.state import REPEATED, Accounts, Basis, Made, Repeated, State, empty, minus, plus
from kg.build.verdict import judged, moved, write_reports
from kg.errors import ReleaseError
from kg.etl import Source, Statements
from kg.link.linkset import Linkset
from kg.patch import Patch
from kg.release import Release
from kg.tables import DIGEST, LINE, Account, Sheet
from kg.validate import Report, validate_delta

#: The share of rows above which a store built from nothing costs less than a changed one.
MUCH: Final = 0.1

_OCCURRENCE: Final = "\x1foccurrence"
_AFTER: Final = "\x1fafter"


@dataclass(frozen=True)
class Rows:
    """What distinguishes two sheets of a table, by line."""

    gone: pl.Series
    new: pl.Series
    stayed: pl.DataFrame  # the old and the new line of each row that stayed

    @classmethod
    def between(cls, old: Sheet, new: Sheet) -> Rows:
        """Compare by the rows' digests; of equal rows, each stands for itself."""
        before, after = (_numbered(sheet) for sheet in (old, new))
        on = [DIGEST, _OCCURRENCE]
        stayed = before.join(after.rename({LINE: _AFTER}), on=on)
        return cls(
            before.join(after, on=on, how="anti")[LINE],
            after.join(before, on=on, how="anti")[LINE],
            stayed.select(LINE, _AFTER),
        )

    def __len__(self) -> int:
        return len(self.gone) + len(self.new)

    def lines(self) -> dict[int, int]:
        """Old line → new line of the rows that stayed."""
        return dict(self.stayed.iter_rows())


def _numbered(sheet: Sheet) -> pl.DataFrame:
    """The lines and digests of a sheet's rows; of equal ones, which it is."""
    rows = sheet.scan().select(LINE, DIGEST).collect()
    repeated = pl.col(DIGEST).is_duplicated()
    # Few rows are equal to another, and numbering within groups costs more than all the rest.
    which = pl.int_range(pl.len()).over(DIGEST).alias(_OCCURRENCE)
    alone = rows.filter(~repeated).with_columns(pl.lit(0, pl.Int64).alias(_OCCURRENCE))
    return pl.concat([alone, rows.filter(repeated).with_columns(which)])


@dataclass
class Plan:
    """What a build has to do to make one release out of another."""

    before: Release
    state: State
    report: Report
    bases: dict[str, Basis]
    anew: frozenset[str] = frozenset()  # sources whose rows are all mapped again
    graphs: frozenset[str] = frozenset()  # what these and removed sources write to
    rows: dict[tuple[str, str], Rows] = field(default_factory=dict)

    @classmethod
    def make(cls, inputs: Inputs, base: str, staged: Staged, much: float) -> Plan | None:
        """Compare with the current release; None where a full build is due."""
        before, state = staged.before, staged.state
        if before is None or state is None:
            return None
        if (state.software, state.schema, state.base) != (software(), inputs.schema(), base):
            return None
        try:
            report = Report.read(before.path)
        except ReleaseError:
            return None
        context = inputs.context(base)
        now = {source.dataset.name: staged.basis(source, context) for source in staged.sources}
        old = {name: made.basis for name, made in state.sources.items()}
        changed = {name for name in now.keys() | old.keys() if now.get(name) != old.get(name)}
        graphs = {
            graph for name in changed for of in (now, old) for graph in of.get(name, Basis()).graphs
        }
        # A graph's lines are counted over all that write to it: they are mapped again together.
        while more := {n for n, of in now.items() if graphs & set(of.graphs)} - changed:
            changed |= more
            graphs |= {graph for name in more for graph in now[name].graphs}
        rows = {
            (name, table): Rows.between(staged.earlier(sheet), sheet)
            for name, sheets in staged.sheets.items()
            if name not in changed and name not in staged.same
            for table, sheet in sheets.items()
        }
        total = sum(sheet.account.read for of in staged.sheets.values() for sheet in of.values())
        again = sum(map(len, rows.values())) + sum(
            sheet.account.read
            for name, of in staged.sheets.items()
            if name in changed
            for sheet in of.values()
        )
        if again > much * total:
            return None
        anew = frozenset(changed & now.keys())
        return cls(before, state, report, now, anew, frozenset(graphs), rows)


@dataclass
class Incremental(Work):
    """One run of a plan on a candidate."""

    plan: Plan
    #: How often each line is given more than before; of the graphs mapped anew, in all.
    given: Counter[bytes] = field(default_factory=Counter)
    anew: Counter[bytes] = field(default_factory=Counter)

    @property
    def before(self) -> Release:
        """The release that is changed."""
        return self.plan.before

    def run(self) -> Outcome:
        """Build and publish; raises NotConforming, and then nothing has changed."""
        self.stages.begin("map", 0.3)
        state = State(software(), self.inputs.schema(), self.settings.base)
        for source in self.staged.sources:
            state.sources[source.dataset.name] = self.map(source)
        state.settle(self.staged.sources)
        self.stages.begin("compare", 0.5)
        old = self.before.open()
        store = self.candidate.clone(self.before).open()
        named, counts = self.compare(old)
        named.apply_to(store)
        links = self.links(store)
        links.apply_to(store)
        named = named.then(links)
        accounts, notices = state.accounts(), self.staged.notices
        if not named:
            del store
            report = judged(self.carried(), self, accounts)
            if self.plan.rows or self.plan.anew:
                self.keep(state, report, counts)
                facts = replace(
                    self.before.manifest, sources=tuple(records(self.staged.sources, accounts))
                )
                self.home.renew(self.before, self.candidate, facts)
            return Outcome(self.before, False, accounts, report, notices)
        self.stages.begin("infer", 0.6)
        schema = self.inputs.schema_of(self.settings.base)
        applied = carry_through(store, named, schema.rules)
        self.stages.begin("validate", 0.7)
        report = validate_delta(
            store,
            schema.shapes,
            applied.added,
            applied.removed,
            self.carried(),
            inferred=schema.rules.superclasses,
        )
        del store
        report = judged(report, self, accounts)
        self.stages.begin("publish", 0.9)
        self.keep(state, report, counts)
        sources = records(self.staged.sources, accounts)
        published, fresh = succeed(
            self.home, self.candidate, self.before, applied.patch, sources, self.stages
        )
        patch = applied.patch
        return Outcome(
            published, fresh, accounts, report, notices, len(patch.added), len(patch.removed)
        )

    def keep(self, state: State, report: Report, counts: dict[bytes, int]) -> None:
        """Write what the next build compares with, and what people read."""
        state.write(self.candidate.path)
        write_reports(self.candidate.path, report, state.accounts())
        if (self.before.path / REPEATED).exists():
            self.candidate.link(self.before, REPEATED)
        Repeated(self.candidate.path / REPEATED).change(counts)

    def carried(self) -> Report:
        """The report before, with the lines of rows as they are now.

        What came from rows that are gone or mapped anew, or is now given by others as well, has
        no origin until it is traced again.
        """
        places = {of: rows.lines() for of, rows in self.plan.rows.items()}
        for name, made in self.plan.state.sources.items():
            if name in self.plan.anew or name not in self.plan.bases:
                places |= {(name, table): {} for table in made.tables}
        touched = {line[: line.index(b" ")].decode() for line in (*self.given, *self.anew)}
        return moved(self.plan.report, places, touched)

    def compare(self, old: Store) -> tuple[Patch, dict[bytes, int]]:
        """What changes in the named graphs, and the counts of lines that are to be kept."""
        counts, kept = self.counts(old)
        added, removed, repeated = set(), set(), {}
        for line, (before, now) in counts.items():
            if now and not before:
                added.add(line)
            elif before and not now:
                removed.add(line)
            # A count that is kept stays right when the line goes: it may come back.
            if max(before, now) > 1 or line in kept:
                repeated[line] = now
        patch = Patch(frozenset(added), frozenset(removed))
        datasets = (source.dataset for source in self.staged.sources)
        sources = replaced(old, vocab.graph("provenance"), described(datasets))
        return patch.then(sources), repeated

    def links(self, store: Store) -> Patch:
        """What changes in the graph of links, now that the store holds what the tables say."""
        linkset = Linkset(self.context.links, self.settings.base)
        graphs = {graph for basis in self.plan.bases.values() for graph in basis.graphs}
        linkset.take_store(store, graphs)
        return replaced(store, vocab.graph("links"), linkset.quads())

    def counts(self, old: Store) -> tuple[dict[bytes, tuple[int, int]], Collection[bytes]]:
        """How often each line that may have changed was and is given; and the counts kept of it."""
        changed = [line for line, count in self.given.items() if count]
        present = dict(zip(changed, (quad in old for quad in quads(changed)), strict=True))
        for graph in self.plan.graphs:
            present |= dict.fromkeys(graph_lines(old, graph), True)
        before = dict.fromkeys(self.anew, 0) | {line: int(is_in) for line, is_in in present.items()}
        kept = Repeated(self.before.path / REPEATED).counts(before)
        before |= kept
        anew = {graph.encode() for graph in self.plan.graphs}
        found = {}
        for line, count in before.items():
            now = self.anew[line] if lines.graph_of(line) in anew else count + self.given[line]
            if now < 0:
                raise ReleaseError(
                    f"{self.before.path}: {line.decode()} is given {now} times: the release's "
                    "state does not fit its rows; `kg build --full` builds from nothing"
                )
            found[line] = count, now
        return found, kept

    def map(self, source: Source) -> Made:
        """Map the rows that changed, those before and those now; say what became of all."""
        name = source.dataset.name
        sheets = self.staged.sheets[name]
        if name in self.plan.anew:
            tables = {
                table: Accounts(sheet.account, empty(sheet)) for table, sheet in sheets.items()
            }
            self.give(source, sheets, {t: each.mapped for t, each in tables.items()}, self.anew)
        else:
            tables = {
                table: Accounts(sheet.account, self.plan.state.sources[name].tables[table].mapped)
                for table, sheet in sheets.items()
            }
            rows = {t: self.plan.rows[name, t] for t in sheets if (name, t) in self.plan.rows}
            if rows:
                self.remap(source, rows, tables)
        return Made(self.plan.bases[name], tables)

    def remap(self, source: Source, rows: dict[str, Rows], tables: dict[str, Accounts]) -> None:
        """Take away what the rows that are gone gave, and give what the new ones do."""
        sheets = self.staged.sheets[source.dataset.name]
        old = {table: self.staged.earlier(sheet) for table, sheet in sheets.items()}
        taken, given = ({t: empty(sheets[t]) for t in sheets} for _ in range(2))
        lost: Counter[bytes] = Counter()
        self.give(source, old, taken, lost, {t: each.gone for t, each in rows.items()})
        self.give(source, sheets, given, self.given, {t: each.new for t, each in rows.items()})
        self.given.subtract(lost)
        for table, each in rows.items():
            kept = minus(tables[table].mapped, taken[table], frozenset(each.gone))
            place = each.lines()
            rejects = [replace(r, line=place[r.line]) for r in kept.rejects]
            mapped = plus(replace(kept, rejects=rejects), given[table])
            mapped.rejects.sort(key=lambda reject: (reject.line, reject.column))
            tables[table] = replace(tables[table], mapped=mapped)

    def give(
        self,
        source: Source,
        sheets: dict[str, Sheet],
        accounts: dict[str, Account],
        to: Counter[bytes],
        only: dict[str, pl.Series] | None = None,
    ) -> None:
        """Count the lines that rows give."""

        def keep(made: Statements) -> None:
            to.update(made.lines().cast(pl.Binary).to_list())

        told = {name: replace(sheet, account=accounts[name]) for name, sheet in sheets.items()}
        etl.run(source, told, self.context, keep, only, self.staged.joined())
