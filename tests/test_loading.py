"""Files into a store on disk, several beside one another, and what becomes of a bad one."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyoxigraph import DefaultGraph, NamedNode, Quad, Store

from kg.errors import InputError
from kg.release import Loading, fill

S, P, G = (NamedNode(f"http://e/{name}") for name in "spg")


def file_of(folder: Path, *names: str) -> Path:
    path = folder / f"{names[0]}.nq"
    path.write_text("".join(f"{S} {P} <http://e/{name}> .\n" for name in names))
    return path


def objects(store: Store, graph: NamedNode | DefaultGraph) -> set[str]:
    return {quad.object.value for quad in store.quads_for_pattern(S, P, None, graph)}  # type: ignore[union-attr]


@pytest.mark.parametrize("at_once", [1, 2])
def test_files_and_quads_are_in_one_store_when_it_is_complete(tmp_path: Path, at_once: int) -> None:
    with Loading(tmp_path / "store", at_once) as loading:
        loading.add(file_of(tmp_path, "a", "b"))
        loading.add(file_of(tmp_path, "c"), G)
        loading.extend([Quad(S, P, NamedNode("http://e/d"), G)])
        loading.complete(merged=True).result()
    store = Store.read_only(str(tmp_path / "store"))
    assert objects(store, DefaultGraph()) == {"http://e/a", "http://e/b"}
    assert objects(store, G) == {"http://e/c", "http://e/d"}
    assert len(store) == 4


def test_store_is_closed_when_its_block_ends(tmp_path: Path) -> None:
    with Loading(tmp_path / "store", 2) as loading:
        loading.add(file_of(tmp_path, "a"))
        with pytest.raises(OSError, match="lock"):
            Store(tmp_path / "store")
    assert len(Store(tmp_path / "store")) == 1


def test_bad_file_is_told_when_the_load_is_complete(tmp_path: Path) -> None:
    bad = tmp_path / "bad.nq"
    bad.write_text(f"{S} {P} <http://e/a> .\n{S} {P} oops .\n")
    with Loading(tmp_path / "store", 2) as loading:
        loading.add(bad)
        loading.add(file_of(tmp_path, "a"))
        with pytest.raises(InputError, match=r"bad\.nq: .*line 2"):
            loading.complete(merged=True).result()


def test_lenient_load_looks_into_no_iri(tmp_path: Path) -> None:
    path = tmp_path / "relative.nq"
    path.write_text("<a> <b> <c> .\n")
    with pytest.raises(InputError, match=r"relative\.nq: .*line 1"):
        fill(Store(), path)
    store = Store()
    fill(store, path, G, lenient=True)
    assert [quad.graph_name for quad in store] == [G]
