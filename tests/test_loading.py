"""Feeds into a store on disk, beside one another, and what becomes of a bad one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyoxigraph import DefaultGraph, NamedNode, Quad, Store

from kg.errors import InputError
from kg.release import Loading, fill

S, P, G = (NamedNode(f"http://e/{name}") for name in "spg")


def text_of(*names: str, graph: NamedNode | None = None) -> bytes:
    end = f" {graph} ." if graph else " ."
    return "".join(f"{S} {P} <http://e/{name}>{end}\n" for name in names).encode()


def objects(store: Store, graph: NamedNode | DefaultGraph) -> set[str]:
    return {quad.object.value for quad in store.quads_for_pattern(S, P, None, graph)}  # type: ignore[union-attr]


@pytest.mark.parametrize("merged", [False, True])
def test_what_is_fed_is_in_one_store_when_it_is_complete(tmp_path: Path, merged: bool) -> None:
    with Loading(tmp_path / "store") as loading:
        first, second = loading.feed("first"), loading.feed("second")
        first.add([text_of("a")])
        second.add([text_of("c", graph=G), text_of("b")])
        loading.extend([Quad(S, P, NamedNode("http://e/d"), G)])
        first.add(text_of(name) for name in "ef")
        loading.complete(merged=merged).result()
        assert loading.count().result() == 6
    store = Store.read_only(str(tmp_path / "store"))
    assert objects(store, DefaultGraph()) == {f"http://e/{name}" for name in "abef"}
    assert objects(store, G) == {"http://e/c", "http://e/d"}


def test_feed_takes_more_than_a_pipe_holds(tmp_path: Path) -> None:
    names = [str(number) for number in range(20_000)]
    with Loading(tmp_path / "store") as loading:
        loading.feed("all").add([text_of(*names)])
        loading.complete(merged=False).result()
        assert loading.count().result() == len(names)


def test_feed_that_is_closed_is_loaded_while_another_is_open(tmp_path: Path) -> None:
    with Loading(tmp_path / "store") as loading:
        loading.feed("open")
        early = loading.feed("early")
        early.add([text_of("a")])
        early.close()
        until = time.monotonic() + 60
        while not len(loading.store) and time.monotonic() < until:
            time.sleep(0.01)
        assert loading.count().result() == 1
        loading.complete(merged=False).result()


def test_store_is_closed_when_its_block_ends(tmp_path: Path) -> None:
    with Loading(tmp_path / "store") as loading:
        loading.feed("all").add([text_of("a")])
        with pytest.raises(OSError, match="lock"):
            Store(tmp_path / "store")
        loading.complete(merged=False).result()
    assert len(Store(tmp_path / "store")) == 1


def test_block_that_fails_leaves_what_waits(tmp_path: Path) -> None:
    asked = []

    def texts() -> Iterator[bytes]:
        for number in range(1_000_000):
            asked.append(number)
            yield text_of(str(number))

    with pytest.raises(RuntimeError, match="given up"), Loading(tmp_path / "store") as loading:
        feed = loading.feed("all")
        feed.add(texts())
        feed.add([text_of("never")])
        while not asked:
            time.sleep(0.01)
        raise RuntimeError("given up")
    assert len(asked) < 1_000_000
    assert "http://e/never" not in objects(Store(tmp_path / "store"), DefaultGraph())


def test_bad_line_is_told_when_the_load_is_complete(tmp_path: Path) -> None:
    with Loading(tmp_path / "store") as loading:
        bad = loading.feed("bad ones")
        bad.add([text_of("a") + f"{S} {P} oops .\n".encode(), *[text_of("b")] * 100_000])
        loading.feed("good ones").add([text_of("a")])
        with pytest.raises(InputError, match=r"bad ones: .*line 2"):
            loading.complete(merged=True).result()


def test_text_that_cannot_be_read_fails_the_load(tmp_path: Path) -> None:
    def texts() -> Iterator[bytes]:
        yield text_of("a")
        raise OSError("the disk is gone")

    with Loading(tmp_path / "store") as loading:
        loading.feed("all").add(texts())
        with pytest.raises(OSError, match="the disk is gone"):
            loading.complete(merged=True).result()


def test_lenient_load_looks_into_no_iri(tmp_path: Path) -> None:
    path = tmp_path / "relative.nq"
    path.write_text("<a> <b> <c> .\n")
    with pytest.raises(InputError, match=r"relative\.nq: .*line 1"):
        fill(Store(), path)
    store = Store()
    fill(store, path, lenient=True)
    assert len(store) == 1
