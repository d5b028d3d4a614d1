"""What staging does to a table's cells, and the digests by which builds compare its rows."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kg import release
from kg.build import inputs
from kg.tables import DIGEST, LINE, NOTE, Account, Column, Sheet, Table
from kg.tables.rules import PLAIN, clean

ROOT = Path(__file__).parents[2]
AB = Table("t", "t.csv", (Column("a"), Column("b")))
WHITE_SPACE = "\t\n\x0b\x0c\r \x85\xa0\u2003\u2028\u3000"
CELL = st.none() | st.text(alphabet="a\x1f\x00é公", max_size=3)

EVERY_CHARACTER = pl.Series(list(map(chr, [*range(0xD800), *range(0xE000, 0x11_0000)])))


def digests(folder: Path, rows: list[tuple[str | None, str | None]], first: int = 1) -> list[int]:
    chunk = pl.DataFrame(
        {
            LINE: pl.Series(range(first, first + len(rows)), dtype=pl.Int64),
            NOTE: pl.Series([None] * len(rows), dtype=pl.String),
            "a": pl.Series([a for a, _ in rows], dtype=pl.String),
            "b": pl.Series([b for _, b in rows], dtype=pl.String),
        }
    )
    sheet = Sheet(AB, folder, Account("s", "t", "t.csv"))
    sheet.write(folder / "00001.parquet", chunk)
    return sheet.scan().collect()[DIGEST].to_list()


def test_plain_characters_are_no_control_characters_and_their_own_nfc_side_by_side() -> None:
    plain = EVERY_CHARACTER.filter(EVERY_CHARACTER.str.contains(f"[{PLAIN}]")).to_list()
    assert len(plain) > 28_000
    assert not {*map(chr, range(32)), "\x7f"} - set("\t\n\r") & set(plain)
    for character in plain:
        assert unicodedata.combining(character) == 0
        assert unicodedata.normalize("NFC", f"a{character}") == f"a{character}"
        # No decomposition begins with a mark, so nothing before it can take it up.
        assert unicodedata.combining(unicodedata.normalize("NFD", character)[0]) == 0


@given(st.lists(st.text(alphabet=f"ae公が\u0301\u3099\u1100\u1161\u212b{WHITE_SPACE}", max_size=5)))
@example(["", "a"])
def test_cells_are_trimmed_and_in_nfc_whatever_else_the_column_holds(cells: list[str]) -> None:
    chunk = pl.DataFrame(
        {LINE: pl.Series(range(len(cells)), dtype=pl.Int64), "a": pl.Series(cells, dtype=pl.String)}
    )
    made, _ = clean(Table("t", "t.csv", (Column("a"),)), chunk)
    assert made["a"].to_list() == [
        unicodedata.normalize("NFC", cell.strip(WHITE_SPACE)) or None for cell in cells
    ]


@given(rows=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=20))
@example(rows=[(None, ""), ("", None), (None, None), ("", "")])
@example(rows=[("a\x1f", "a"), ("a", "\x1fa"), ("aa", ""), ("", "aa")])
def test_rows_have_one_digest_if_and_only_if_their_cells_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str | None, str | None]]
) -> None:
    folder = tmp_path_factory.mktemp("sheet")
    found = digests(folder, rows)
    for row, digest in zip(rows, found, strict=True):
        assert [digest == other for other in found] == [row == other for other in rows]
    assert digests(folder, rows[::-1], first=100) == found[::-1]


def test_digests_are_the_same_in_another_process(tmp_path: Path) -> None:
    rows = [("a", "公"), (None, "x" * 300)]
    here = digests(tmp_path, rows)
    script = (
        "import sys; from pathlib import Path; import polars as pl\n"
        "from kg.tables import *\n"
        "path = Path(sys.argv[1]); rows = pl.read_parquet(path / '00001.parquet').drop(DIGEST)\n"
        "table = Table('t', 't.csv', (Column('a'), Column('b')))\n"
        "Sheet(table, path, Account('s', 't', 't.csv')).write(path / 'other.parquet', rows)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, check=True)
    assert pl.read_parquet(tmp_path / "other.parquet")[DIGEST].to_list() == here


def test_rows_are_not_compared_across_versions_of_the_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    before = inputs.software()
    versions = {**release.tool_versions(), "polars": "0.0.0"}
    monkeypatch.setattr(release, "tool_versions", lambda: versions)
    assert inputs.software.__wrapped__() != before
