"""The folder that holds the releases, and what may happen to it.

Readers take no lock: they follow `current`, which always names a whole release. Builds,
rollback and prune take one lock, which the kernel frees when its holder dies; the next holder
removes what a dead one left in candidates/.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Final

from pyoxigraph import RdfFormat, Store, parse

from kg import patch
from kg.dump import read_dump
from kg.errors import Locked, NoRelease, ReleaseError, reason
from kg.patch import Patch, difference
from kg.release import durable
from kg.release.content import ContentHash, write_dump
from kg.release.loading import load_store
from kg.release.manifest import Manifest

#: What a release was made from, by which the next build knows what changed.
STATE: Final = "state.json"

#: References to an object that nobody but the function at hand has: its own, and the count's.
_OURS: Final = 2

_STORE, _DUMP, _MANIFEST = "store", "dump.nq.zst", "manifest.json"


@dataclass(frozen=True)
class Release:
    """One published release: a folder that nothing writes to any more."""

    path: Path

    @cached_property
    def id(self) -> str:
        """The release id, which is also the folder's name."""
        return self.path.name

    @property
    def store_path(self) -> Path:
        """The RocksDB folder: open it read-only."""
        return self.path / _STORE

    @property
    def dump_path(self) -> Path:
        """The sorted, compressed N-Quads; a patch beside it says what changed since."""
        return self.path / _DUMP

    @property
    def whole_dump(self) -> Path | None:
        """The dump where it holds everything; None where a patch says what it lacks."""
        whole = self.dump_path.is_file() and not self.patch_path.exists()
        return self.dump_path if whole else None

    @property
    def patch_path(self) -> Path:
        """The RDF Patch that a small change left beside the dump of the release it started from."""
        return self.path / patch.NAME

    def patch(self) -> Patch:
        """What its dump lacks; raises ReleaseError where the file is damaged."""
        return Patch.beside(self.dump_path)

    def lines(self) -> Iterator[bytes]:
        """The whole content as canonical N-Quads lines in byte order."""
        return self.patch().apply(read_dump(self.dump_path))

    def changes_since(self, earlier: Release) -> Iterator[tuple[bool, bytes]]:
        """What distinguishes it from another release: (whether it was added, line), sorted.

        Where both stand on one dump, as after small changes, only their patches are compared.
        """
        if self.dump_path.samefile(earlier.dump_path):
            step = earlier.patch().inverse().then(self.patch())
            changes = [*((True, line) for line in step.added)]
            changes += [(False, line) for line in step.removed]
            return iter(sorted(changes, key=lambda change: change[1]))
        return difference(earlier.lines(), self.lines())

    @cached_property
    def manifest(self) -> Manifest:
        """What is known about it; raises ReleaseError where the file is damaged."""
        path = self.path / _MANIFEST
        manifest = Manifest.load(path)
        if manifest.release != self.id:
            raise ReleaseError(f"{path}: it names release {manifest.release}, expected {self.id}")
        return manifest

    def open(self) -> Store:
        """Open the store; it cannot be written through. Raises ReleaseError where it is damaged."""
        return _open(self.store_path)

    @contextmanager
    def lease(self) -> Iterator[Release]:
        """Hold the release: prune passes it over until this process and its forks let go.

        Raises ReleaseError where it is being removed: whoever asked for the current release
        asks for it again.
        """
        with _opened(self.path) as folder:
            try:
                fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)
                # Between open and lock it may have gone to the candidates.
                gone = not os.path.samestat(os.fstat(folder), self.path.stat())
            except (BlockingIOError, FileNotFoundError):
                gone = True
            if gone:
                raise ReleaseError(f"{self.path}: the release was removed")
            # Closing ends the lease; unlocking would also end that of forked workers.
            yield self

    def verify(self) -> None:
        """Raise ReleaseError unless dump, manifest and store hold what the id names."""
        _expect_content(self, self.manifest)
        _expect_quads(self.store_path, len(self.open()), self.manifest.quads)


@dataclass(frozen=True)
class Candidate:
    """A folder in which a release is being built; it lives as long as `Home.building()`.

    Any file may be written into it. Its store is closed before it is published.
    """

    path: Path
    _opened: list[Store] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def store_path(self) -> Path:
        """Where the RocksDB store must stand."""
        return self.path / _STORE

    @property
    def dump_path(self) -> Path:
        """Where the dump must stand."""
        return self.path / _DUMP

    @property
    def patch_path(self) -> Path:
        """Where the patch stands, if the dump is that of the release it started from."""
        return self.path / patch.NAME

    def clone(self, release: Release) -> Candidate:
        """Take over the release's store by hard links, in milliseconds; the source stays as it is.

        What is in it was settled when it was published: its tables are never changed, and shared;
        its journals are short, and copied. The dump is not taken over: it is to be written anew, or
        to be linked and patched.
        """
        try:
            if not (release.store_path / "CURRENT").is_file():
                raise ReleaseError(f"{release.store_path}: damaged: it lacks its file CURRENT")
            durable.clone_tree(release.store_path, self.store_path, shared="*.sst", left="LO[CG]*")
        except OSError as error:
            raise ReleaseError(f"{release.store_path}: cannot be cloned: {reason(error)}") from None
        return self

    def open(self) -> Store:
        """Open its store, to be changed. Whoever does lets go of it before it is published.

        Raises ReleaseError where it is damaged, or open already.
        """
        try:
            self._opened.append(Store(self.store_path))
        except (OSError, RuntimeError, ValueError) as error:
            raise ReleaseError(
                f"{self.store_path}: the store is damaged or still open: {reason(error)}"
            ) from None
        return self._opened[-1]

    def settle(self) -> Store:
        """Its store, for whoever closes it: nothing of it is in its write-ahead log alone.

        `read_only(...)` silently leaves out what is only in the log, so a store that was written to
        and not flushed would lose its latest quads in a reader. Raises ReleaseError where somebody
        else still has it open, or it cannot be written.
        """
        if not self._opened:
            self.open()
        store = self._opened.pop()
        if sys.getrefcount(store) > _OURS:
            raise ReleaseError(f"{self.store_path}: the store is still open")
        try:
            store.flush()
        except (OSError, RuntimeError, ValueError) as error:
            raise ReleaseError(f"{self.store_path}: cannot be flushed: {reason(error)}") from None
        return store

    def link(self, release: Release, name: str) -> None:
        """Take over a file or folder of the release by hard links: neither is ever changed."""
        source, target = release.path / name, self.path / name
        if source.is_dir():
            durable.link_tree(source, target)
        else:
            target.hardlink_to(source)

    def patch(self, release: Release, patch: Patch, id: str) -> None:
        """Let the content be that of `release` changed by `patch`: the dump is not written anew."""
        self.link(release, _DUMP)
        release.patch().then(patch).write(self.patch_path, release.id, id)


class Home:
    """The releases under one folder, which is created by the first build."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._releases = self.path / "releases"
        self._candidates = self.path / "candidates"
        self._history = self.path / "history"
        self._current = self.path / "current"

    def current(self) -> Release:
        """The release that is served; raises NoRelease where nothing was published yet."""
        try:
            name = self._current.readlink().name
        except FileNotFoundError:
            raise NoRelease(
                f"{self.path}: nothing has been published here; `kg build` does"
            ) from None
        return self._release(name)

    def get(self, id: str) -> Release:
        """The release with this id, or with the only id that starts so."""
        found = [name for name in self._ids() if id and name.startswith(id)]
        if len(found) != 1:
            ids = ", ".join(found or self._ids()) or "none"
            reason = "several releases start" if found else "no release starts"
            raise ReleaseError(f"{self.path}: {reason} with {id!r}: there are {ids}")
        return self._release(found[0])

    def holds(self, id: str) -> bool:
        """Whether a release with this id is there, intact or not."""
        return id in self._ids()

    def releases(self) -> list[Release]:
        """Every release whose manifest can be read, oldest first; `damaged` tells of the others."""
        found = [release for release, error in self._read() if error is None]
        return sorted(found, key=lambda r: (datetime.fromisoformat(r.manifest.created), r.id))

    def damaged(self) -> dict[str, str]:
        """The releases whose manifest cannot be read, by id, each with what is wrong."""
        return {release.id: str(error) for release, error in self._read() if error is not None}

    @contextmanager
    def building(self) -> Iterator[Candidate]:
        """Hold the lock and yield an empty candidate, removed at the end unless published.

        Raises Locked, at once, where another build, rollback or prune is under way.
        """
        with self._locked():
            # A name of its own: one that outlived its build must not pass for a later one.
            candidate = Candidate(self._candidates / f"{os.getpid()}-{time.time_ns()}")
            candidate.path.mkdir()
            try:
                yield candidate
            finally:
                shutil.rmtree(candidate.path, ignore_errors=True)

    @property
    def refused(self) -> Path:
        """The folder with what the last refused candidate was refused for, if one was."""
        return self.path / "refused"

    @contextmanager
    def refusing(self) -> Iterator[Path]:
        """An empty folder that becomes `refused` at the end; who builds has the lock."""
        folder = self._candidates / "refused"
        folder.mkdir()
        yield folder
        shutil.rmtree(self.refused, ignore_errors=True)
        durable.move(folder, self.refused)

    @contextmanager
    def trying(self) -> Iterator[Path]:
        """An empty folder for a trial that is thrown away, beside the candidates, without the lock.

        Raises Locked where a build took it away meanwhile, as it sweeps what is left there.
        """
        durable.make_folder(self._candidates)
        folder = self._candidates / f"try-{os.getpid()}-{time.time_ns()}"
        folder.mkdir()
        try:
            yield folder
        finally:
            taken = not folder.exists()
            shutil.rmtree(folder, ignore_errors=True)
            if taken:
                raise Locked(f"{self.path}: a build began meanwhile; try again")

    def publish(
        self,
        candidate: Candidate,
        manifest: Manifest,
        *,
        written: ContentHash | None = None,
        loaded: int | None = None,
    ) -> Release:
        """Make the candidate the current release, in one step.

        `written` is the hash of the dump where the caller has just written it, and `loaded` the
        number of quads of the store where it has just counted them; else they are read.
        Of a candidate with a patch, dump and patch are not read: the manifest's hash is that of
        the release it started from, carried on, and `verify` or `fold` reads all of it.

        Where an intact release of this id is there already, that one becomes current and tells
        of this making; of a damaged one, the damaged parts are replaced.
        Raises ReleaseError, with nothing changed, where store, dump and manifest do not agree; of
        a candidate with a patch, where the store lacks what the patch puts in, or holds what it
        takes out.
        """
        if candidate.path.parent != self._candidates or not candidate.dump_path.is_file():
            raise ReleaseError(f"{candidate.path}: expected a candidate of {self.path} with a dump")
        if written is None and not candidate.patch_path.exists():
            _expect_content(Release(candidate.path), manifest)
        elif written is not None and written.hexdigest() != manifest.content:
            raise ReleaseError(f"{candidate.dump_path}: its hash is not that of the manifest")
        _settle(candidate, manifest, loaded)
        manifest.dump(candidate.path / _MANIFEST)
        durable.sync_tree(candidate.path)
        target = Release(self._releases / manifest.release)
        if target.path.is_dir():
            if not self._mend(target, candidate):
                self.renew(target, candidate, manifest)
        else:
            durable.move(candidate.path, target.path)
        self._switch(target)
        return target

    def refuse_synthetic_over_real(self) -> None:
        """Raise ReleaseError where a real release is current."""
        try:
            current = self.current()
        except NoRelease:
            return
        if not current.manifest.synthetic:
            raise ReleaseError(
                f"{self.path}: release {current.id} is current and holds real data; a synthetic "
                "release does not take its place unless forced (--force): let KG_HOME name another "
                "folder"
            )

    def rollback(self, id: str | None = None) -> Release:
        """Make the release that was current before, or that of `id`, current again.

        Raises ReleaseError, with nothing changed, where there is none or it cannot be opened.
        """
        with self._locked():
            current = self._current_id()
            before = self._before(current)
            if id is not None:
                target = self.get(id)
            elif before:
                target = self._release(before[-1])
            else:
                raise NoRelease(f"{self.path}: no release was current before this one")
            target.open()
            if target.id == current or target.id not in before:
                self._switch(target)
            else:
                self._point(target)
                # Only after the swap: a crash before it must not lose the way back.
                self._remember(before[: _last(before, target.id) + 1])
            return target

    def prune(self, keep: int) -> list[str]:
        """Remove all but the `keep` newest releases; return the ids of those removed.

        The current one and leased ones stay, whatever their age; so do damaged ones, which
        have none.
        """
        if keep < 0:
            raise ReleaseError(f"prune: cannot keep {keep} releases, expected zero or more")
        removed = []
        with self._locked():
            releases, current = self.releases(), self._current_id()
            for release in releases[: max(0, len(releases) - keep)]:
                if release.id != current and self._remove(release):
                    removed.append(release.id)
        return removed

    def rebuild_store(self, release: Release) -> None:
        """Load a store that is missing, or that nobody can open, anew from its release's dump."""
        _expect_content(release, release.manifest)
        with self.building() as candidate:
            load_store(candidate.store_path, release.dump_path, release.patch())
            durable.sync_tree(candidate.path)
            self._place_store(candidate, release)

    def renew(self, release: Release, candidate: Candidate, manifest: Manifest) -> None:
        """Replace what a release tells of its making, where other rows gave the same content.

        What the candidate holds beside store and dump is taken over part by part. The state
        goes first and comes last: while it is missing, the other parts may not fit each other.
        """
        replace(manifest, created=release.manifest.created).dump(candidate.path / _MANIFEST)
        kept = {candidate.store_path, candidate.dump_path, candidate.patch_path}
        parts = sorted({*candidate.path.iterdir()} - kept, key=lambda path: path.name == STATE)
        if all(_is_same(part, release.path / part.name) for part in parts):
            return
        for part in parts:
            (durable.sync_tree if part.is_dir() else durable.sync)(part)
        (release.path / STATE).unlink(missing_ok=True)
        durable.sync(release.path)
        for part in parts:
            target = release.path / part.name
            if part.is_dir() and target.exists():
                durable.move(target, self._candidates / f"old-{part.name}")
            durable.move(part, target)
        release.__dict__.pop("manifest", None)

    def fold(self, release: Release) -> None:
        """Make one dump of a release's dump and patch; its content stays what it is.

        Raises ReleaseError, with nothing changed, where the two are not what the id names.
        Between the two steps the patch stands beside a dump that it has been applied to, which
        changes nothing: a crash there is harmless.
        """
        with self.building() as candidate:
            content = write_dump(release.lines(), candidate.dump_path)
            _expect_hash(content, release.manifest, release.dump_path)
            durable.sync(candidate.dump_path)
            durable.move(candidate.dump_path, release.dump_path)
            release.patch_path.unlink(missing_ok=True)
            durable.sync(release.path)

    # What follows needs the lock, but for the lookups.

    def _current_id(self) -> str | None:
        """None before the first publish, and where the current one was removed by hand."""
        try:
            return self.current().id
        except ReleaseError:
            return None

    def _ids(self) -> list[str]:
        return sorted(path.name for path in self._releases.glob("*") if path.is_dir())

    def _read(self) -> Iterator[tuple[Release, ReleaseError | None]]:
        """Every release, its manifest read; or with what is wrong with that."""
        for release in map(self._release, self._ids()):
            try:
                release.manifest  # noqa: B018 - reading it is what may fail
            except ReleaseError as error:
                yield release, error
            else:
                yield release, None

    def _release(self, id: str) -> Release:
        path = self._releases / id
        if not path.is_dir():
            raise ReleaseError(f"{path}: the release is missing")
        return Release(path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        for folder in (self._releases, self._candidates):
            durable.make_folder(folder)
        # The lock is the kernel's and ends with its holder; the text in the file only tells of it.
        with (self.path / "lock").open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise Locked(
                    f"{self.path}: another build, rollback or prune is under way"
                    f"{_holder(file.read())}"
                ) from None
            file.truncate(0)
            since = datetime.now(UTC).isoformat(timespec="seconds")
            file.write(json.dumps({"pid": os.getpid(), "since": since}))
            file.flush()
            for leftover in self._candidates.iterdir():
                _delete(leftover)
            yield

    def _switch(self, target: Release) -> None:
        """Let `current` point to the target, once the way back is written down."""
        current = self._current_id()
        if current != target.id:
            back = [*self._before(current), current] if current else []
            self._remember([*back, target.id])
            self._point(target)

    def _point(self, target: Release) -> None:
        to = f"{self._releases.name}/{target.id}"
        durable.link(self._current, to, through=self._candidates / "current")

    # The history is a stack of ids, the current one on top. It is written before the swap, so
    # after a crash between the two the top is a release that never became current: the current
    # id, wherever it stands, marks the top that counts.

    def _before(self, current: str | None) -> list[str]:
        """The releases that were current before and are still there, latest last."""
        try:
            stack = self._history.read_text(encoding="utf-8").split()
        except FileNotFoundError:
            return []
        known = set(self._ids())
        stack = stack[: _last(stack, current)] if current and current in stack else stack
        stack = [id for id in stack if id in known]
        while stack and stack[-1] == current:  # what stood between the two was pruned
            stack.pop()
        return stack

    def _remember(self, stack: list[str]) -> None:
        text = "".join(f"{id}\n" for id in stack)
        durable.write(self._history, text, through=self._candidates / "history")

    def _remove(self, release: Release) -> bool:
        """Remove a release unless it is leased."""
        with _opened(release.path) as folder:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            trash = self._candidates / release.id
            durable.move(release.path, trash)
            shutil.rmtree(trash)
            return True

    def _mend(self, target: Release, candidate: Candidate) -> bool:
        """Replace what is damaged in a published release by the candidate's, part by part.

        Returns False where nothing is.

        No step takes away a part that still works, so a crash leaves no more damage than before.
        """
        try:
            target.verify()
        except ReleaseError:
            try:
                expected = len(_open(candidate.store_path))
                _expect_quads(target.store_path, len(target.open()), expected)
            except ReleaseError:
                self._place_store(candidate, target)
            for path in sorted(candidate.path.iterdir()):
                if path.is_file():
                    durable.move(path, target.path / path.name)
            if not candidate.patch_path.exists():
                target.patch_path.unlink(missing_ok=True)
            target.__dict__.pop("manifest", None)
            target.verify()
            return True
        return False

    def _place_store(self, candidate: Candidate, release: Release) -> None:
        if release.store_path.exists():
            durable.move(release.store_path, self._candidates / "old-store")
        durable.move(candidate.store_path, release.store_path)
        _delete(self._candidates / "old-store")


def _open(path: Path) -> Store:
    try:
        return Store.read_only(str(path))
    except (OSError, RuntimeError, ValueError) as error:
        raise ReleaseError(f"{path}: the store cannot be opened: {reason(error)}") from None


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """A descriptor of a release's folder, which carries its leases."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        raise ReleaseError(f"{folder}: the release was removed") from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _expect_content(release: Release, manifest: Manifest) -> None:
    _expect_hash(ContentHash(release.lines()), manifest, release.dump_path)


def _expect_hash(content: ContentHash, manifest: Manifest, path: Path) -> None:
    found = (content.id, content.hexdigest(), content.quads)
    if found != (manifest.release, manifest.content, manifest.quads):
        raise ReleaseError(
            f"{path}: {content.quads} quads with the id {content.id}, "
            f"its manifest expects {manifest.quads} with {manifest.release} and their hash"
        )


def _expect_quads(path: Path, found: int, expected: int) -> None:
    if found != expected:
        raise ReleaseError(f"{path}: the store holds {found} quads, expected {expected}")


def _settle(candidate: Candidate, manifest: Manifest, loaded: int | None) -> None:
    """Close a candidate's store for good, and see that it holds what the manifest says.

    A patched store is checked where the patch changed it: to count all its quads would cost more
    than the change.
    """
    path = candidate.store_path
    if not path.is_dir():
        raise ReleaseError(f"{path}: expected the candidate's store")
    store = candidate.settle()
    if not candidate.patch_path.exists():
        _expect_quads(path, len(store) if loaded is None else loaded, manifest.quads)
        return
    patch = Patch.read(candidate.patch_path)
    for lines, expected in ((patch.added, True), (patch.removed, False)):
        for quad in parse(b"\n".join(lines), RdfFormat.N_QUADS):
            if (quad in store) is not expected:
                word = "lacks" if expected else "still holds"
                raise ReleaseError(f"{path}: the store {word} {quad}, expected the patch's state")


def _is_same(part: Path, other: Path) -> bool:
    """Whether two files hold the same bytes; of folders it is not asked."""
    files = part.is_file() and other.is_file()
    return files and part.read_bytes() == other.read_bytes()


def _last(stack: list[str], id: str) -> int:
    return len(stack) - 1 - stack[::-1].index(id)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _holder(text: str) -> str:
    """Who holds the lock, as far as its file tells."""
    try:
        holder = json.loads(text)
        return f": process {holder['pid']} since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        return ""  # it has the lock and has not written yet
