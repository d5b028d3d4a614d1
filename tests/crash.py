"""Kills a change to a home before each of its durable operations, and looks at what is left.

`python -m tests.crash CHANGE FOLDER STEP` prints how often it killed; a broken promise is an exit
code. It forks from a process that never opens a store, because RocksDB's threads do not
survive a fork. `python -m tests.crash hold HOME` holds the lock until it is killed.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyoxigraph import Store

from kg.errors import ReleaseError
from kg.release import (
    Candidate,
    ContentHash,
    Home,
    Manifest,
    Release,
    identity,
    load_store,
    loading,
    write_dump,
)

OPERATIONS = ("fsync", "replace", "rename", "symlink", "link", "mkdir", "unlink", "rmdir")


def lines(name: str) -> list[bytes]:
    """The content that is called so: facts, a blank node, and its own name."""
    facts = [f'<http://e/{name}/{n:03}> <http://e/in> "{n}" <http://e/graph> .' for n in range(40)]
    blank = f"_:c14n0 <http://e/in> <http://e/{name}> <http://e/graph> ."
    named = f"<http://e/is> <http://e/is> <http://e/{name}> ."
    return sorted(line.encode() for line in (*facts, blank, named))


def manifest(hashed: ContentHash, created: str) -> Manifest:
    return Manifest(
        release=hashed.id,
        content=hashed.hexdigest(),
        quads=hashed.quads,
        created=created,
        base="https://w3id.org/aicluster/id/",
        ontology="0.1.0",
        synthetic=True,
        sources=(),
        classes={},
        graphs={"http://e/graph": hashed.quads - 1},
        seconds={"load": 0.5},
        peak_memory=1,
        tools={},
    )


def fill(candidate: Candidate, name: str) -> Manifest:
    hashed = write_dump(lines(name), candidate.dump_path)
    load_store(candidate.store_path, candidate.dump_path)
    return manifest(hashed, f"2026-01-01T00:00:{ord(name[0]) - ord('a'):02}+00:00")


def publish(home: Home, name: str) -> Release:
    with home.building() as candidate:
        return home.publish(candidate, fill(candidate, name))


def answer(release: Release) -> str:
    """The name of the content that a release's store answers a query with."""
    solutions: Any = release.open().query("SELECT ?o WHERE { <http://e/is> <http://e/is> ?o }")
    return str(next(iter(solutions))["o"].value).rpartition("/")[2]


Arm = Callable[[], None]


def _publish(home: Home, arm: Arm) -> None:
    arm()
    publish(home, "d")


def _rollback(home: Home, arm: Arm) -> None:
    arm()
    home.rollback()


def _prune(home: Home, arm: Arm) -> None:
    arm()
    home.prune(2)


def _mend(home: Home, arm: Arm) -> None:
    with home.building() as candidate:
        facts = fill(candidate, "b")
        arm()
        home.publish(candidate, facts)


MENDED = {"c", "b"}

#: Each starts from releases a, b, c with c current, and may end with one of the names current.
CHANGES: dict[str, tuple[Callable[[Home, Arm], None], set[str]]] = {
    "publish": (_publish, {"c", "d"}),
    "moments": (_publish, {"c", "d"}),
    "rollback": (_rollback, {"c", "b"}),
    "prune": (_prune, {"c"}),
    "mend": (_mend, MENDED),
}


def arm(survived: int) -> None:
    """Let this process kill itself in place of the durable operation after `survived` ones."""
    done = 0

    def wrap(operation: Callable[..., Any]) -> Callable[..., Any]:
        def or_die(*args: Any, **kwargs: Any) -> Any:
            nonlocal done
            if done == survived:
                os.kill(os.getpid(), signal.SIGKILL)
            done += 1
            return operation(*args, **kwargs)

        return or_die

    for name in OPERATIONS:
        setattr(os, name, wrap(getattr(os, name)))
    # RocksDB's own writes are out of reach here: die between its reads and around its calls.
    reader = loading.Ground
    reader.readinto = wrap(reader.readinto)  # type: ignore[method-assign]
    loading.__dict__["Store"] = wrap(Store)


def arm_clock(milliseconds: int) -> None:
    """Let the kernel end this process in the middle of whatever it does then, RocksDB included."""
    signal.setitimer(signal.ITIMER_REAL, (milliseconds + 1) / 1000)


def in_child(action: Callable[[], None]) -> int:
    """Run the action in a fork and return its exit code; negative where a signal ended it."""
    child = os.fork()
    if child == 0:
        try:
            action()
            code = 0
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stderr.flush()
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def prepare(path: Path, change: str) -> None:
    home = Home(path)
    for name in "abc":
        publish(home, name)
    if change == "mend":
        damaged = home.get(identity(lines("b")))
        damaged.dump_path.write_bytes(b"damaged")
        (damaged.store_path / "CURRENT").unlink()


def check(path: Path, allowed: set[str]) -> None:
    home = Home(path)
    before = home.current()
    before.verify()
    assert answer(before) in allowed
    for release in home.releases():
        try:
            release.verify()
        except ReleaseError:
            assert release.id == identity(lines("b"))
            assert allowed is MENDED
    later = publish(home, "e")
    later.verify()
    assert home.current() == later
    assert answer(later) == "e"
    left = {p.name for p in path.iterdir()}
    assert left == {"candidates", "current", "history", "lock", "releases"}
    assert list((path / "candidates").iterdir()) == []
    assert home.rollback() == before
    if allowed is not MENDED:  # there b may be damaged still, and is refused
        assert answer(home.rollback()) == {"d": "c", "c": "b", "b": "a"}[answer(before)]


def main(change: str, folder: Path, step: int) -> int:
    """Kill before every operation, or every `step`-th; return how many there were.

    For `moments`, every `step` milliseconds.
    """
    action, allowed = CHANGES[change]
    arming = arm_clock if change == "moments" else arm
    assert in_child(lambda: prepare(folder / "template", change)) == 0
    for survived in itertools.count(step=step):
        path = folder / str(survived)
        shutil.copytree(folder / "template", path, symlinks=True)
        ended = in_child(lambda p=path, n=survived: action(Home(p), lambda: arming(n)))  # type: ignore[misc]
        assert ended in (0, -signal.SIGKILL, -signal.SIGALRM)
        assert in_child(lambda p=path: check(p, allowed)) == 0, survived  # type: ignore[misc]
        shutil.rmtree(path)
        if ended == 0:
            return survived
    raise AssertionError("a change ends")


if __name__ == "__main__":
    if sys.argv[1] == "hold":
        with Home(Path(sys.argv[2])).building() as held:
            (held.path / "half").write_text("built")
            print("held", flush=True)
            time.sleep(600)
    else:
        print(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
