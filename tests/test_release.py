from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from crash import answer, fill, lines, manifest, publish
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import NamedNode, Quad, Store

from kg.errors import InputError, Locked, NoRelease, ReleaseError
from kg.release import (
    ContentHash,
    Home,
    Manifest,
    Release,
    Source,
    identity,
    load_store,
    read_dump,
    tool_versions,
    write_dump,
)

ROOT = Path(__file__).parent.parent
some_lines = st.sets(st.binary(max_size=8), max_size=30)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "kg-home")


def ids(home: Home) -> list[str]:
    return [release.id for release in home.releases()]


def stamp(path: Path) -> dict[str, tuple[str, int]]:
    """What must not change in a folder: every file's digest and time of change."""
    return {
        str(file.relative_to(path)): (
            hashlib.sha256(file.read_bytes()).hexdigest(),
            file.stat().st_mtime_ns,
        )
        for file in path.rglob("*")
        if file.is_file()
    }


# Identity


@given(some_lines, st.randoms(use_true_random=False))
def test_identity_does_not_depend_on_order(lines: set[bytes], random: object) -> None:
    shuffled = sorted(lines)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert identity(shuffled) == identity(sorted(lines))


@given(some_lines, some_lines)
def test_identity_follows_a_patch(before: set[bytes], after: set[bytes]) -> None:
    content = ContentHash(before)
    for line in before - after:
        content.remove(line)
    for line in after - before:
        content.add(line)
    fresh = ContentHash(after)
    assert (content.id, content.hexdigest(), content.quads) == (
        fresh.id,
        fresh.hexdigest(),
        len(after),
    )


@given(some_lines, some_lines)
def test_different_content_has_different_identity(one: set[bytes], other: set[bytes]) -> None:
    assert (identity(one) == identity(other)) == (one == other)


@given(some_lines, st.binary(min_size=9, max_size=9))
def test_content_hash_resumes_from_its_digest(lines: set[bytes], line: bytes) -> None:
    content = ContentHash(lines)
    resumed = ContentHash.resume(content.hexdigest(), content.quads)
    resumed.add(line)
    assert (resumed.id, resumed.quads) == (identity([*lines, line]), len(lines) + 1)


def test_identity_is_the_same_on_every_machine() -> None:
    assert identity([]) == "ec69e5a40ceeaf05144b"
    assert identity(lines("a")) == "648a320dcab20de41918"


# Dump and store


def test_dump_returns_its_lines_and_their_identity(tmp_path: Path) -> None:
    many = [b"<http://e/%06d> <http://e/p> <http://e/o> ." % n for n in range(10_000)]
    content = write_dump(iter(many), tmp_path / "dump.nq.zst")
    assert (content.id, content.quads) == (identity(many), 10_000)
    assert list(read_dump(tmp_path / "dump.nq.zst")) == many


def test_empty_dump_is_a_dump(tmp_path: Path) -> None:
    path = tmp_path / "dump.nq.zst"
    assert write_dump([], path).quads == 0
    assert list(read_dump(path)) == []
    assert load_store(tmp_path / "store", path) == 0


@pytest.mark.parametrize(
    "wrong",
    [[b"b .", b"a ."], [b"a .", b"a ."], [b"a .\n"], [b""]],
    ids=["unsorted", "twice", "line end", "empty"],
)
def test_dump_refuses_lines_that_are_not_a_sorted_set(tmp_path: Path, wrong: list[bytes]) -> None:
    with pytest.raises(ReleaseError, match="expected N-Quads lines in byte order"):
        write_dump(wrong, tmp_path / "dump.nq.zst")


def test_order_is_checked_across_batches(tmp_path: Path) -> None:
    many = [b"%06d" % n for n in range(4096)]
    with pytest.raises(ReleaseError, match="after line 4096"):
        write_dump([*many, many[-1]], tmp_path / "dump.nq.zst")


def test_flipped_bit_in_a_dump_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "dump.nq.zst"
    write_dump(lines("a"), path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ReleaseError, match="dump is damaged"):
        list(read_dump(path))
    with pytest.raises((ReleaseError, InputError), match=r"dump\.nq\.zst"):
        load_store(tmp_path / "store", path)
    assert not (tmp_path / "store").exists()


def test_missing_dump_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"nothing\.nq\.zst: the dump cannot be read"):
        list(read_dump(tmp_path / "nothing.nq.zst"))


def test_store_keeps_the_labels_of_blank_nodes(tmp_path: Path) -> None:
    load = sorted([*lines("a"), b'<http://e/z> <http://e/p> "_:in a literal" .'])
    write_dump(load, tmp_path / "dump.nq.zst")
    assert load_store(tmp_path / "store", tmp_path / "dump.nq.zst") == len(load)
    store = Store.read_only(str(tmp_path / "store"))
    assert sorted(f"{quad} .".encode() for quad in store) == load


def test_plain_file_loads_as_a_dump_does(tmp_path: Path) -> None:
    (tmp_path / "some.nq").write_bytes(b"\n".join(lines("a")))  # the last line without its end
    assert load_store(tmp_path / "store", tmp_path / "some.nq") == len(lines("a"))


def test_bad_line_is_named_and_leaves_no_store(tmp_path: Path) -> None:
    text = b"<http://e/a> <http://e/p> _:b .\n<http://e/a> <http://e/p> oops .\n"
    (tmp_path / "bad.nq").write_bytes(text)
    with pytest.raises(InputError, match=r"bad\.nq: .*line 2"):
        load_store(tmp_path / "store", tmp_path / "bad.nq")
    assert not (tmp_path / "store").exists()


def test_bad_line_with_a_blank_node_leaves_no_store(tmp_path: Path) -> None:
    (tmp_path / "bad.nq").write_bytes(b"<http://e/a> <http://e/p> _:b oops .\n")
    with pytest.raises(InputError, match=r"bad\.nq, among its lines with blank nodes"):
        load_store(tmp_path / "store", tmp_path / "bad.nq")
    assert not (tmp_path / "store").exists()


def test_store_is_never_loaded_over_another(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with pytest.raises(ReleaseError, match="expected no file or folder"):
        load_store(tmp_path / "store", tmp_path / "some.nq")
    assert (tmp_path / "store").is_dir()


# Manifest


def a_manifest() -> Manifest:
    source = Source(
        name="ror",
        title="研究机构 registry",
        licence="CC0-1.0",
        path="ror/organizations.csv",
        sha256="0" * 64,
        rows=3,
        mapped=2,
        rejected=1,
    )
    return replace(
        manifest(ContentHash(lines("a")), "2026-01-01T00:00:00+00:00"),
        sources=(source,),
        classes={"http://e/B": 1, "http://e/A": 2},
        tools=tool_versions(),
    )


def test_manifest_reads_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    a_manifest().dump(path)
    assert Manifest.load(path) == a_manifest()
    assert "研究机构" in path.read_text(encoding="utf-8")


def test_manifest_is_written_in_a_stable_order(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    a_manifest().dump(path)
    data = json.loads(path.read_text(encoding="utf-8"))
    assert list(data) == sorted(data)
    assert list(data["classes"]) == ["http://e/A", "http://e/B"]


def test_manifest_of_a_later_version_is_readable(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    a_manifest().dump(path)
    data = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**data, "added_later": 1}), encoding="utf-8")
    assert Manifest.load(path) == a_manifest()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"quads": "many"}, "manifest, field quads: expected int, found 'many'"),
        ({"quads": True}, "manifest, field quads: expected int, found True"),
        ({"created": "2026-01-01T00:00:00"}, "created: expected a time with its zone"),
        ({"created": "yesterday"}, "Invalid isoformat string: 'yesterday'"),
        ({"base": None}, "manifest, field base: expected str, found None"),
        ({"classes": {"http://e/A": 1.5}}, "classes, field http://e/A: expected int, found 1.5"),
        ({"sources": [{"name": "ror"}]}, r"sources\[0\], field title: expected str"),
        ({"sources": ["ror"]}, r"sources\[0\]: expected an object"),
    ],
)
def test_damaged_manifest_is_named_with_its_field(
    tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    path = tmp_path / "manifest.json"
    a_manifest().dump(path)
    data = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**data, **change}), encoding="utf-8")
    with pytest.raises(ReleaseError, match=rf"manifest\.json: damaged manifest: {reason}"):
        Manifest.load(path)


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff"])
def test_file_that_is_no_manifest_is_named(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "manifest.json"
    path.write_bytes(text)
    with pytest.raises(ReleaseError, match=r"manifest\.json: damaged manifest"):
        Manifest.load(path)


def test_tool_versions_name_what_builds_a_release() -> None:
    assert {"python", "pyoxigraph", "polars", "pyshacl"} <= tool_versions().keys()


# Publish and read


def test_home_is_created_by_the_first_build_and_not_by_readers(home: Home) -> None:
    with pytest.raises(NoRelease, match="nothing has been published"):
        home.current()
    assert home.releases() == []
    assert not home.path.exists()


def test_published_release_has_the_layout_that_is_promised(home: Home) -> None:
    with home.building() as candidate:
        (candidate.path / "rejects.csv").write_text("source,row\n", encoding="utf-8")
        release = home.publish(candidate, fill(candidate, "a"))
    assert release.id == identity(lines("a"))
    assert release.path == home.path / "releases" / release.id
    assert (home.path / "current").readlink() == Path("releases", release.id)
    assert {p.name for p in home.path.iterdir()} == {
        "candidates",
        "current",
        "history",
        "lock",
        "releases",
    }
    assert {p.name for p in release.path.iterdir()} == {
        "store",
        "dump.nq.zst",
        "manifest.json",
        "rejects.csv",
    }
    assert list((home.path / "candidates").iterdir()) == []


def test_current_release_opens_answers_and_verifies(home: Home) -> None:
    publish(home, "a")
    release = home.current()
    assert answer(release) == "a"
    assert release.manifest.quads == len(lines("a"))
    release.verify()


def test_current_release_cannot_be_written_through(home: Home) -> None:
    store = publish(home, "a").open()
    node = NamedNode("http://e/new")
    with pytest.raises(RuntimeError, match="only possible on read-write"):
        store.add(Quad(node, node, node))


def test_home_moves_with_its_folder(home: Home, tmp_path: Path) -> None:
    publish(home, "a")
    home.path.rename(tmp_path / "moved")
    assert answer(Home(tmp_path / "moved").current()) == "a"


def test_release_is_found_by_an_unambiguous_start_of_its_id(home: Home) -> None:
    a, b = publish(home, "a"), publish(home, "b")
    assert home.get(a.id) == a
    assert home.get(b.id[:6]) == b
    with pytest.raises(ReleaseError, match="no release starts with 'zz'"):
        home.get("zz")
    with pytest.raises(ReleaseError, match="no release starts with ''"):
        home.get("")


def test_ambiguous_start_of_an_id_lists_the_releases(home: Home) -> None:
    for name in "abcdefghijklmnopq":  # with 17 ids, two share their first hexadecimal digit
        (home.path / "releases" / identity(lines(name))).mkdir(parents=True)
    first = [identity(lines(name))[0] for name in "abcdefghijklmnopq"]
    shared = next(digit for digit in first if first.count(digit) > 1)
    with pytest.raises(ReleaseError, match="several releases start with"):
        home.get(shared)


def test_releases_are_listed_by_creation(home: Home) -> None:
    c, a, b = (publish(home, name) for name in "cab")
    assert home.releases() == [a, b, c]


def test_same_content_is_published_once(home: Home) -> None:
    a, b = publish(home, "a"), publish(home, "b")
    before = stamp(a.path)
    assert publish(home, "a") == a
    assert home.current() == a
    assert stamp(a.path) == before
    assert ids(home) == [a.id, b.id]


def test_publishing_damaged_content_again_mends_it(home: Home) -> None:
    a = publish(home, "a")
    for file in (a.dump_path, a.path / "manifest.json", a.store_path / "CURRENT"):
        file.write_bytes(b"damaged")
    publish(home, "a").verify()
    assert home.current() == a
    assert answer(Release(a.path)) == "a"


def test_publish_makes_all_lasting_before_it_is_named(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(home, "a")
    events: list[tuple[str, Path]] = []
    fsync, move = os.fsync, os.replace
    with home.building() as candidate:
        facts = fill(candidate, "b")

        def record_fsync(descriptor: int) -> None:
            events.append(("fsync", Path(f"/proc/self/fd/{descriptor}").readlink()))
            fsync(descriptor)

        def record_move(source: Path, target: Path) -> None:
            events.append(("move", Path(target)))
            move(source, target)

        monkeypatch.setattr(os, "fsync", record_fsync)
        monkeypatch.setattr(os, "replace", record_move)
        release = home.publish(candidate, facts)
    moves = [target for kind, target in events if kind == "move"]
    assert moves == [release.path, home.path / "history", home.path / "current"]
    placed = events.index(("move", release.path))
    synced = {path for _, path in events[:placed]}
    written = {candidate.path / p.relative_to(release.path) for p in release.path.rglob("*")}
    assert synced == written | {candidate.path}
    for target in moves:
        after = events[events.index(("move", target)) + 1]
        assert after == ("fsync", target.parent)


@pytest.mark.parametrize("wrong", ["release", "content", "quads"])
def test_manifest_that_does_not_fit_its_dump_is_not_published(home: Home, wrong: str) -> None:
    a = publish(home, "a")
    other = {"release": "0" * 20, "content": "0" * 128, "quads": 1}[wrong]
    with home.building() as candidate:
        facts = replace(fill(candidate, "b"), **{wrong: other})  # type: ignore[arg-type]
        with pytest.raises(ReleaseError, match=r"dump\.nq\.zst: 42 quads"):
            home.publish(candidate, facts)
    assert (home.current(), home.releases()) == (a, [a])


def test_store_that_does_not_fit_its_dump_is_not_published(home: Home) -> None:
    with home.building() as candidate:
        facts = fill(candidate, "a")
        node = NamedNode("http://e/new")
        Store(candidate.store_path).add(Quad(node, node, node))
        with pytest.raises(ReleaseError, match="holds 43 quads, expected 42"):
            home.publish(candidate, facts)
    with pytest.raises(NoRelease):
        home.current()


def test_store_that_was_loaded_with_less_is_not_published(home: Home) -> None:
    with home.building() as candidate:
        facts = fill(candidate, "a")
        with pytest.raises(ReleaseError, match="holds 41 quads, expected 42"):
            home.publish(candidate, facts, loaded=41)
    with pytest.raises(NoRelease):
        home.current()


def test_store_that_is_still_open_is_not_published(home: Home) -> None:
    with home.building() as candidate:
        facts = fill(candidate, "a")
        store = Store(candidate.store_path)
        with pytest.raises(ReleaseError, match="damaged or still open"):
            home.publish(candidate, facts)
        del store


def test_candidate_without_dump_or_store_is_not_published(home: Home) -> None:
    facts = a_manifest()
    with home.building() as candidate:
        with pytest.raises(ReleaseError, match="expected a candidate"):
            home.publish(candidate, facts)
        facts = manifest(write_dump(lines("a"), candidate.dump_path), facts.created)
        with pytest.raises(ReleaseError, match="expected the candidate's store"):
            home.publish(candidate, facts)


def test_candidate_does_not_outlive_its_build(home: Home) -> None:
    with home.building() as candidate:
        facts = fill(candidate, "a")
    assert not candidate.path.exists()
    with pytest.raises(ReleaseError, match="expected a candidate"):
        home.publish(candidate, facts)


def test_failed_build_leaves_nothing_and_frees_the_lock(home: Home) -> None:
    a = publish(home, "a")
    with pytest.raises(KeyboardInterrupt), home.building() as candidate:
        fill(candidate, "b")
        raise KeyboardInterrupt
    assert list((home.path / "candidates").iterdir()) == []
    assert home.current() == a
    publish(home, "b")


def test_verify_finds_a_changed_dump_manifest_and_store(home: Home) -> None:
    a, b, c = (publish(home, name) for name in "abc")
    write_dump(lines("z"), a.dump_path)
    with pytest.raises(ReleaseError, match=r"dump\.nq\.zst: 42 quads with the id"):
        a.verify()
    replace(b.manifest, release=a.id).dump(b.path / "manifest.json")
    with pytest.raises(ReleaseError, match=f"names release {a.id}, expected {b.id}"):
        Release(b.path).verify()
    node = NamedNode("http://e/new")
    Store(c.store_path).add(Quad(node, node, node))
    with pytest.raises(ReleaseError, match="holds 43 quads, expected 42"):
        c.verify()


@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_store_is_rebuilt_from_the_dump(home: Home, damage: str) -> None:
    a = publish(home, "a")
    if damage == "missing":
        a.store_path.rename(home.path / "aside")
    else:
        next(a.store_path.glob("MANIFEST-*")).write_bytes(b"")
    with pytest.raises(ReleaseError, match="store cannot be opened"):
        a.open()
    home.rebuild_store(a)
    a.verify()
    assert answer(a) == "a"
    assert list((home.path / "candidates").iterdir()) == []


def test_store_is_not_rebuilt_from_a_wrong_dump(home: Home) -> None:
    a = publish(home, "a")
    write_dump(lines("b"), a.dump_path)
    with pytest.raises(ReleaseError, match=r"dump\.nq\.zst: 42 quads with the id"):
        home.rebuild_store(a)
    assert answer(a) == "a"


# Clone


def test_clone_shares_files_and_leaves_its_source_untouched(home: Home) -> None:
    a = publish(home, "a")
    before = stamp(a.path)
    with home.building() as candidate:
        assert candidate.clone(a) is candidate
        tables = list(candidate.store_path.glob("*.sst"))
        assert tables
        assert all(table.stat().st_nlink == 2 for table in tables)
        store = Store(candidate.store_path)
        store.update("DELETE WHERE { ?s <http://e/is> ?o }; INSERT DATA { <e:s> <e:p> <e:o> }")
        store.update("INSERT DATA { GRAPH <http://e/graph> { <e:s> <e:p> <e:o> } }")
        store.flush()
        store.optimize()
        assert len(store) == len(lines("a")) + 1
        del store
    assert stamp(a.path) == before
    a.verify()


def test_write_that_was_not_flushed_is_in_the_clone_of_its_release(home: Home) -> None:
    # RocksDB keeps such a write in its log, which a backup of a read-only store leaves out.
    a, new = publish(home, "a"), b"<e:s> <e:p> <e:o> ."
    before = stamp(a.path)
    with home.building() as candidate:
        candidate.clone(a)
        Store(candidate.store_path).update("INSERT DATA { <e:s> <e:p> <e:o> }")
        content = write_dump(sorted([*lines("a"), new]), candidate.dump_path)
        b = home.publish(candidate, manifest(content, "2026-01-01T00:00:01+00:00"))
    with home.building() as candidate:
        candidate.clone(b)
        assert len(Store(candidate.store_path)) == len(lines("a")) + 1
    assert stamp(a.path) == before


def test_clone_that_somebody_still_has_open_is_not_published(home: Home) -> None:
    a, new = publish(home, "a"), b"<e:s> <e:p> <e:o> ."
    with home.building() as candidate:
        store = candidate.clone(a).open()
        store.update("INSERT DATA { <e:s> <e:p> <e:o> }")
        content = write_dump(sorted([*lines("a"), new]), candidate.dump_path)
        facts = manifest(content, "2026-01-01T00:00:01+00:00")
        with pytest.raises(ReleaseError, match="still open"):
            home.publish(candidate, facts)
        assert home.current() == a
        del store
        b = home.publish(candidate, facts)
    assert len(b.open()) == len(lines("a")) + 1


def test_clone_of_a_damaged_store_is_an_error_that_names_it(home: Home) -> None:
    a = publish(home, "a")
    (a.store_path / "CURRENT").unlink()
    with pytest.raises(ReleaseError, match="store"), home.building() as candidate:
        candidate.clone(a)


# Rollback


def test_rollback_returns_step_by_step(home: Home) -> None:
    a, b, c = (publish(home, name) for name in "abc")
    assert (home.rollback(), home.current()) == (b, b)
    assert (home.rollback(), home.current()) == (a, a)
    with pytest.raises(NoRelease, match="no release was current before"):
        home.rollback()
    assert home.current() == a
    assert set(home.releases()) == {a, b, c}


def test_publish_after_a_rollback_returns_to_what_was_served(home: Home) -> None:
    a, _b = publish(home, "a"), publish(home, "b")
    home.rollback()
    publish(home, "c")
    assert home.rollback() == a


def test_release_that_was_current_twice_is_returned_to_twice(home: Home) -> None:
    a, b = publish(home, "a"), publish(home, "b")
    assert publish(home, "a") == a
    assert [home.rollback(), home.rollback()] == [b, a]
    with pytest.raises(NoRelease):
        home.rollback()


def test_rollback_to_a_release_by_its_id(home: Home) -> None:
    a, b, c = (publish(home, name) for name in "abc")
    assert home.rollback(a.id[:8]) == a
    assert home.rollback(a.id) == a  # nothing to do
    assert home.rollback(c.id) == c  # it is no longer before a: this is a step of its own
    assert home.rollback() == a
    with pytest.raises(ReleaseError, match="no release starts with"):
        home.rollback("zz")
    assert home.current() == a
    assert b in home.releases()


def test_rollback_passes_over_what_was_pruned(home: Home) -> None:
    a, b, c = (publish(home, name) for name in "bac")  # a is older than b, though published later
    assert home.prune(2) == [b.id]
    assert home.current() == c
    assert home.rollback() == a


def test_rollback_to_a_damaged_release_changes_nothing(home: Home) -> None:
    a, b = publish(home, "a"), publish(home, "b")
    (a.store_path / "CURRENT").unlink()
    with pytest.raises(ReleaseError, match="cannot be opened"):
        home.rollback()
    assert home.current() == b


def test_rollback_before_the_first_publish_says_so(home: Home) -> None:
    with pytest.raises(NoRelease, match="no release was current before"):
        home.rollback()


# Prune and leases


def test_prune_keeps_the_newest_and_the_current(home: Home) -> None:
    a, b, c, d = (publish(home, name) for name in "abcd")
    home.rollback(a.id)
    assert home.prune(1) == [b.id, c.id]
    assert home.releases() == [a, d]
    assert home.prune(0) == [d.id]
    assert home.current() == a
    assert home.prune(5) == []


def test_prune_passes_over_leased_releases(home: Home) -> None:
    a, b, _c = (publish(home, name) for name in "abc")
    with a.lease() as leased, a.lease():
        assert leased == a
        assert home.prune(1) == [b.id]
        assert answer(a) == "a"
    assert home.prune(1) == [a.id]


def test_lease_of_a_release_that_is_gone_is_an_error(home: Home) -> None:
    a, _b = publish(home, "a"), publish(home, "b")
    home.prune(1)
    with pytest.raises(ReleaseError, match="was removed"), a.lease():
        pass


def test_error_inside_a_lease_stays_itself(home: Home) -> None:
    a = publish(home, "a")
    with pytest.raises(FileNotFoundError), a.lease():
        raise FileNotFoundError


def test_prune_refuses_a_negative_number(home: Home) -> None:
    with pytest.raises(ReleaseError, match="cannot keep -1"):
        home.prune(-1)


# Lock and crashes


def test_one_build_at_a_time(home: Home) -> None:
    a = publish(home, "a")
    with home.building():
        for change in (lambda: publish(home, "b"), home.rollback, lambda: home.prune(1)):
            with pytest.raises(Locked, match=rf"process {os.getpid()} since \d{{4}}-"):
                change()
        assert home.current() == a
    publish(home, "b")


def test_lock_of_a_killed_build_is_free_and_its_leftovers_go(home: Home) -> None:
    a = publish(home, "a")
    command = [sys.executable, "-m", "tests.crash", "hold", str(home.path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Locked, match=f"process {holder.pid} since"):
            publish(home, "b")
        assert home.current() == a
        holder.send_signal(signal.SIGKILL)
    assert list((home.path / "candidates").glob("*/half"))
    with home.building() as candidate:
        assert list((home.path / "candidates").iterdir()) == [candidate.path]


@pytest.mark.parametrize(
    ("change", "step", "at_least"),
    # Mending replaces what is broken already; every sixth operation is a fair sample of it.
    [("publish", 1, 40), ("moments", 8, 8), ("rollback", 1, 6), ("prune", 1, 20), ("mend", 6, 40)],
)
def test_kill_at_any_point_leaves_a_whole_release_served(
    tmp_path: Path, change: str, step: int, at_least: int
) -> None:
    command = [sys.executable, "-m", "tests.crash", change, str(tmp_path), str(step)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) >= at_least
