"""What a build reads, and the digests by which the next one knows what changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import cast

from pyoxigraph import NamedNode, Quad

from kg import etl, ontology, release, tables
from kg.build.outcome import Stages
from kg.build.state import ROWS, Basis, State
from kg.errors import InputError, ReleaseError
from kg.etl import Context, Source
from kg.infer import Rules
from kg.release import Candidate, Home, Release, link_tree
from kg.settings import Settings, shipped
from kg.tables import Replay, Sheet
from kg.validate import Shapes


@dataclass(frozen=True)
class Inputs:
    """What a build reads: the project's folders, third-party tables, a person's own mappings.

    `fetched` is where `kg source fetch` puts originals; unlike `data` it need not exist. The
    tables of the mappings in `own` stand beside them.
    """

    ontology: Path = field(default_factory=lambda: shipped("ontology"))
    mappings: Path = field(default_factory=lambda: shipped("mappings"))
    tables: Path = field(default_factory=lambda: shipped("tables"))
    data: Path | None = None
    synthetic: bool = False  # `data` is made up: of the shipped tables, only reference data is read
    force: bool = False  # a synthetic release may take the place of a real one
    fetched: Path | None = None
    own: Path | None = None
    replay: tuple[Path, ...] = ()  # rejects of an earlier build, corrected

    def sources(self) -> tuple[list[tuple[Source, Path]], list[str]]:
        """The sources whose tables are there, each with its folder; and notices of the others.

        Raises InputError where a table is missing that ships or is a person's own, or no source
        is found in `data`.
        """
        for folder in (self.data, self.own):
            if folder is not None and not folder.is_dir():
                raise InputError(f"{folder}: no such folder")
        found, notices = [], []
        outside = 0
        shipped_ = etl.load(self.mappings)
        fetched = [] if self.fetched is None or self.synthetic else [self.fetched]
        for source in shipped_:
            aside = self.synthetic and source.dataset.shipped and not source.dataset.reference
            if aside or not source.gives_statements:
                continue
            if source.dataset.shipped:
                found.append((source, self.tables))
                continue
            folders = [*([] if self.data is None else [self.data]), *fetched]
            there = [folder for folder in folders if not source.missing(folder)]
            if there:
                found.append((source, there[0]))
                outside += there[0] == self.data
            elif self.data is not None and source.dataset.synthetic == self.synthetic:
                missing = source.missing(self.data)[0]
                notices.append(f"{source.dataset.name}: left out, {missing} is not in {self.data}")
        if self.data is not None and not outside:
            wanted = "; ".join(notices) if self.synthetic else "`kg source list` names them"
            raise InputError(f"{self.data}: none of the sources' tables is here; {wanted}")
        if self.own is not None:
            names = frozenset(source.dataset.name for source in shipped_)
            found += self._own(self.own, names, notices)
        return found, notices

    def _own(
        self, folder: Path, taken: frozenset[str], notices: list[str]
    ) -> Iterable[tuple[Source, Path]]:
        for source in etl.load(folder):
            name = source.dataset.name
            if name in taken:
                raise InputError(
                    f"{source.file}: a source that ships is called {name} already: "
                    "give the file another name"
                )
            if source.dataset.synthetic != self.synthetic:
                notices.append(f"{name}: left out, made-up data never stands beside real data")
            elif missing := source.missing(folder):
                raise InputError(f"{source.file}: {missing[0]} is not in {folder}")
            elif source.gives_statements:
                if etl.TO_SAY in (source.dataset.licence, source.dataset.original):
                    notices.append(f"{name}: {source.file.name} does not say its licence or origin")
                yield source, folder

    def context(self, base: str) -> Context:
        """What the functions of mappings look things up in."""
        return Context(self.tables, self.ontology / "vocabularies", base)

    def schema_of(self, base: str) -> Schema:
        """The ontology, compiled; kept until one of its files changes."""
        return _schema(self.ontology, base, self.schema())

    def schema(self) -> str:
        """The digest of the ontology: modules, vocabularies, shapes."""
        return schema_digest(self.ontology)


@dataclass(frozen=True)
class Schema:
    """The ontology as quads, as rules of inference, and its shapes."""

    quads: tuple[Quad, ...]
    rules: Rules
    shapes: Shapes

    @classmethod
    def compile(cls, quads: Iterable[Quad]) -> Schema:
        """Compile the graphs of an ontology; raises InputError where an axiom is malformed."""
        quads = tuple(quads)
        graph = NamedNode(ontology.GRAPHS["shapes"])
        shapes = (quad for quad in quads if quad.graph_name == graph)
        return cls(quads, Rules.compile(quads), Shapes.compile(shapes))


@lru_cache(maxsize=2)
def _schema(folder: Path, base: str, digest: str) -> Schema:  # noqa: ARG001 - the digest is the key
    return Schema.compile(ontology.quads(folder, base))


@dataclass
class Staged:
    """The tables of all sources, read and checked into a candidate's folder.

    A table whose file and rules are those of the current release is taken over from it.
    """

    root: Path
    sources: list[Source]
    notices: tuple[str, ...]
    before: Release | None
    state: State | None
    sheets: dict[str, dict[str, Sheet]] = field(default_factory=dict)
    same: set[str] = field(default_factory=set)  # sources that were taken over

    def pairs(self) -> list[tuple[Source, dict[str, Sheet]]]:
        """Each source with its sheets."""
        return [(source, self.sheets[source.dataset.name]) for source in self.sources]

    @classmethod
    def read(cls, home: Home, inputs: Inputs, root: Path, stages: Stages) -> Staged:
        """Read every source. Raises InputError where a table as a whole cannot be read."""
        found, notices = inputs.sources()
        synthetic = etl.is_synthetic(source.dataset for source, _ in found)
        if synthetic and not inputs.force:
            home.refuse_synthetic_over_real()
        before, current = predecessor(home, synthetic=synthetic)
        state = State.read(before.path) if before and current else None
        staged = cls(root, [source for source, _ in found], tuple(notices), before, state)
        replay = Replay.read(inputs.replay)
        for number, (source, folder) in enumerate(found):
            name = source.dataset.name
            stages.show(f"read {name}", 0.2 * number / len(found))
            same = None if replay.touches(name) else staged.taken_over(source, folder)
            staged.sheets[name] = same or etl.stage(source, folder, root / name, replay)
        replay.check()
        return staged

    def basis(self, source: Source, context: Context) -> Basis:
        """What decides what a source's rows give, besides them."""
        rests = etl.dependencies(source, context)
        hashed = hashlib.blake2b(digest_size=16)
        for path in sorted(rests.files):
            hashed.update(f"{path.name}\0{tables.sha256(path)}\0".encode())
        definitions = {each.dataset.name: definition(each) for each in self.sources}
        for sheet in sorted(rests.sheets):
            name, _, table = sheet.partition("/")
            held = self.sheets.get(name, {}).get(table)
            digest = held.account.sha256 if held else ""
            hashed.update(f"{sheet}\0{definitions.get(name)}\0{digest}\0".encode())
        graphs = {
            graph
            for triples_map in source.maps
            for po in triples_map.predicate_objects
            for graph in source.graphs(triples_map, po)
        }
        if any(table.is_rdf for table in source.tables.values()):
            graphs.add(source.dataset.graph)
        return Basis(definition(source), hashed.hexdigest(), tuple(sorted(graphs)))

    def earlier(self, sheet: Sheet) -> Sheet:
        """The sheet of the same table in the release before."""
        before = cast(Release, self.before)
        return replace(sheet, path=before.path / ROWS / sheet.path.relative_to(self.root))

    def joined(self) -> dict[str, Sheet]:
        """Every sheet under `source/table`, as joins name them."""
        return {
            f"{name}/{table}": sheet
            for name, sheets in self.sheets.items()
            for table, sheet in sheets.items()
        }

    def taken_over(self, source: Source, folder: Path) -> dict[str, Sheet] | None:
        """The sheets of the current release, where it read these very tables by these rules."""
        name = source.dataset.name
        made = self.state.sources.get(name) if self.state else None
        if not (self.before and self.state and made and self.state.software == software()):
            return None
        if made.basis.definition != definition(source):
            return None
        sheets = {}
        for table in source.tables.values():
            path = folder / table.access
            staged = made.tables[table.name].staged
            if not path.is_file() or tables.sha256(path) != staged.sha256 or staged.corrected:
                return None
            sheets[table.name] = Sheet(table, self.root / name / table.name, staged)
        for sheet in sheets.values():
            link_tree(self.before.path / ROWS / name / sheet.table.name, sheet.path)
        self.same.add(name)
        return sheets


@dataclass
class Work:
    """What a build works with, whether it maps everything or only what changed."""

    home: Home
    settings: Settings
    inputs: Inputs
    stages: Stages
    candidate: Candidate
    staged: Staged

    @cached_property
    def context(self) -> Context:
        """What the functions of mappings look things up in."""
        return self.inputs.context(self.settings.base)


def predecessor(home: Home, *, synthetic: bool) -> tuple[Release | None, bool]:
    """The release that a new one continues, and whether it is current.

    It is the current one, or the newest of its own kind where that is of the other: what was
    edited in made-up data never comes into real data, and is there again when it is rebuilt.
    """
    try:
        current = home.current()
        if current.manifest.synthetic == synthetic:
            return current, True
        alike = [each for each in home.releases() if each.manifest.synthetic == synthetic]
    except ReleaseError:
        return None, False
    return (alike[-1] if alike else None), False


def definition(source: Source) -> str:
    """The digest of a source's mapping file."""
    return _digest(source.file.parent, [source.file])


def schema_digest(folder: Path) -> str:
    """The digest of an ontology: modules, vocabularies, shapes."""
    return _digest(folder, sorted(folder.rglob("*.ttl")))


@cache
def software() -> str:
    """Names what decides what a build makes of its inputs: our code, and the tools it calls.

    Rows are compared by hashes of Polars's, which hold within one version. Asked once, as what
    runs stays what was loaded.
    """
    package = Path(etl.__file__).parents[1]
    aside = {package / "commands", package / "workers", package / "migration"}
    files = [path for path in sorted(package.rglob("*.py")) if not aside & {*path.parents}]
    return " ".join([_digest(package, files), *map("=".join, release.tool_versions().items())])


def _digest(root: Path, files: Iterable[Path]) -> str:
    hashed = hashlib.blake2b(digest_size=16)
    for path in files:
        content = path.read_bytes()
        hashed.update(f"{path.relative_to(root)}\0{len(content)}\0".encode())
        hashed.update(content)
    return hashed.hexdigest()
