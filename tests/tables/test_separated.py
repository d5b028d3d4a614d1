"""CSV and TSV: the quick way gives what the csv module gives, in any encoding and block size."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reading_of import Rows, refused, rows_of

from kg.errors import InputError
from kg.tables import Dialect
from kg.tables.reading import encoded, separated

CELL = st.sampled_from(
    ["", "a", "b c", '"', '""', '"x"', '"x,y"', '"x""y"', "名", ' "z"', '"p\nq"']
)
LINE_END = st.sampled_from(["\n", "\r\n", "\n\n", "\r"])
RAGGED = st.lists(st.tuples(st.lists(CELL, min_size=1, max_size=3), LINE_END), max_size=8)


def by_csv(text: str) -> tuple[Rows, list[int], str]:
    """The rows, the lines of ragged rows, and the error, as the csv module reads the text."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    next(reader)
    rows: Rows = []
    ragged: list[int] = []
    line = reader.line_num + 1
    try:
        for row in reader:
            if row and len(row) == 2:
                rows.append((line, *row))
            elif row:
                ragged.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        return rows, ragged, f"{line}: the row that starts here is malformed csv: {error}"
    return rows, ragged, ""


@given(RAGGED, st.sampled_from([1, 7, 64, 1 << 20]), st.sampled_from([1, 1000]))
@settings(max_examples=200, deadline=None)
@example([(['"p\nq"', "a"], "\n"), (["a", "b c"], "\n")] * 3, 7, 1000)
@example([(['"'], "\n"), (["a", '"'], "\n")], 64, 1000)
def test_any_text_is_read_as_the_csv_module_reads_it(
    lines: list[tuple[list[str], str]], block: int, hard: int
) -> None:
    text = "a,b\n" + "".join(",".join(cells) + end for cells, end in lines)
    expected, ragged, error = by_csv(text)
    with (
        TemporaryDirectory() as folder,
        mock.patch.object(encoded, "_BLOCK", block),
        mock.patch.object(separated, "_HARD", hard),
    ):
        path = Path(folder) / "t.csv"
        path.write_bytes(text.encode())
        if error:
            with pytest.raises(InputError) as caught:
                rows_of(path, ["a", "b"])
            assert str(caught.value).endswith(f"t.csv:{error}")
            return
        found, account = rows_of(path, ["a", "b"])
    assert found == expected
    assert sorted(line for line, _, _, _ in refused(account)) == ragged
    assert account.read == len(expected) + len(ragged)


@pytest.mark.parametrize(
    "encoding", ["gb18030", "utf-16", "utf-16-le", "big5", "latin-1", "utf-8-sig"]
)
@pytest.mark.parametrize("block", [3, 1 << 20])
def test_a_declared_encoding_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, block: int
) -> None:
    monkeypatch.setattr(encoded, "_BLOCK", block)
    word = "Zürich" if encoding == "latin-1" else "上海"
    (tmp_path / "t.csv").write_bytes(f'a,b\n{word},"x,\n{word}"\n'.encode(encoding))
    rows, _ = rows_of(tmp_path / "t.csv", ["a", "b"], Dialect(encoding=encoding))
    assert rows == [(2, word, f"x,\n{word}")]


def test_a_byte_that_is_not_of_the_declared_encoding_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("a,b\n上,海\n".encode("gb18030") + b"\xff\xff,x\n")
    with pytest.raises(InputError, match=r"t\.csv:3: byte 0xff is not gb18030"):
        rows_of(tmp_path / "t.csv", ["a", "b"], Dialect(encoding="gb18030"))


@pytest.mark.parametrize("delimiter", [";", "|", "\t", "，", "*"])
def test_a_declared_delimiter_parts_cells(tmp_path: Path, delimiter: str) -> None:
    text = f"a{delimiter}b\n1,2{delimiter}'x{delimiter}y'\n3{delimiter}\"\n".encode()
    (tmp_path / "t.csv").write_bytes(text)
    dialect = Dialect(delimiter=delimiter, quote="'")
    rows, _ = rows_of(tmp_path / "t.csv", ["a", "b"], dialect)
    assert rows == [(2, "1,2", f"x{delimiter}y"), (3, "3", '"')]


def test_where_there_are_no_quotes_a_quote_is_text(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_bytes(b'a\tb\n5"\t"6\n')
    assert rows_of(tmp_path / "t.tsv", ["a", "b"], Dialect(quote="none"))[0] == [(2, '5"', '"6')]


def test_words_that_other_readers_take_for_nothing_stay_text(tmp_path: Path) -> None:
    words = ["nan", "NULL", "NA", "None", "#N/A", "1e5", "007", "true", "\\N", ""]
    (tmp_path / "t.csv").write_text("a,b\n" + "".join(f"{word},x\n" for word in words))
    assert [row[1] for row in rows_of(tmp_path / "t.csv", ["a", "b"])[0]] == words


def test_a_line_that_never_ends_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoded, "_BLOCK", 1024)
    monkeypatch.setattr(encoded, "_LONGEST_LINE", 1 << 20)
    (tmp_path / "t.csv").write_bytes(b"a,b\n" + b"x" * (3 << 20))
    with pytest.raises(InputError, match="a line of more than 1 MiB"):
        rows_of(tmp_path / "t.csv", ["a", "b"])


def test_a_row_may_go_on_over_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded, "_BLOCK", 64)
    cell = "".join(f'line {n}, ""so called""\n' for n in range(500))
    path = tmp_path / "t.csv"
    path.write_text(f'a,b\n1,x\n2,"{cell}"\n3,y\n', encoding="utf-8", newline="")
    rows, account = rows_of(path, ["a", "b"])
    assert rows == [(2, "1", "x"), (3, "2", cell.replace('""', '"')), (504, "3", "y")]
    assert account.read == 3


def test_a_long_cell_without_quotes_is_read_beside_rows_with_quotes(tmp_path: Path) -> None:
    long = "x" * 17_000_000
    path = tmp_path / "t.csv"
    path.write_text(f'a,b\n1,{long}\n2,"y\nz"\n', encoding="utf-8", newline="")
    assert rows_of(path, ["a", "b"])[0] == [(2, "1", long), (3, "2", "y\nz")]
