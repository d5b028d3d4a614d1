"""Tables in: exact text, the right line, and every row accounted for."""

from __future__ import annotations

import csv
import datetime as dt
import io
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kg.errors import InputError
from kg.tables import LINE, ROW, Account, Column, Reject, Table, reading, stage, valid_pattern

A_B = (Column("a"), Column("b"))


def load(
    path: Path, columns: Sequence[Column] = A_B, key: tuple[str, ...] = ()
) -> tuple[list[tuple[object, ...]], Account]:
    """All rows (line, then cells) and the account."""
    account = Account("source", "table", path.name)
    table = Table("table", path.name, tuple(columns), key)
    names = [column.name for column in columns]
    with TemporaryDirectory() as folder:
        chunks = list(stage(table, path, Path(folder) / "rows", account).chunks())
    for chunk in chunks:
        assert chunk[ROW].n_unique() == chunk.height
    return [row for chunk in chunks for row in chunk.select(LINE, *names).iter_rows()], account


def written(tmp_path: Path, text: str | bytes, name: str = "t.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def rejects(account: Account) -> list[tuple[int, str, str, str]]:
    return [(each.line, each.column, each.rule, each.value) for each in account.rejects]


# --- the file as a whole ------------------------------------------------------------------------


def test_an_unclosed_quote_is_an_error_at_the_row_that_opens_it(tmp_path: Path) -> None:
    path = written(tmp_path, 'a,b\n1,2\n3,"4\n5,6\n7,8\n')
    with pytest.raises(InputError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}:3: the row that starts here is malformed csv")


def test_text_after_a_closing_quote_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"t\.csv:2: the row that starts here is malformed"):
        load(written(tmp_path, 'a,b\n"1"2,3\n'))


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(written(tmp_path, "a,c\n1,2\n"))
    assert str(caught.value) == "t.csv:1: column b is missing; expected a, b; found a, c"


def test_a_header_that_names_a_column_twice_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"t\.csv:1: the header names b twice"):
        load(written(tmp_path, "a,b,b\n1,2,3\n"))


@pytest.mark.parametrize("before", [0, 5_000])
def test_a_byte_that_is_not_utf_8_is_named_with_its_line(tmp_path: Path, before: int) -> None:
    path = written(tmp_path, b"a,b\n" + b"1,2\n" * before + b"\xb1\xb1,3\n" + b"4,5\n" * 9)
    with pytest.raises(InputError) as caught:
        load(path)
    assert f"{path}:{before + 2}: byte 0xb1 is not UTF-8" in str(caught.value)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"t\.csv: no such file \(table table\)"):
        load(tmp_path / "t.csv")


def test_an_ending_that_is_no_format_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="format 'doc' is not one of csv, tsv, parquet, xlsx"):
        load(written(tmp_path, "", "t.doc"))


def test_an_empty_file_has_no_columns(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"column a, b is missing; .* found nothing"):
        load(written(tmp_path, ""))


def test_a_table_of_a_header_alone_has_no_rows(tmp_path: Path) -> None:
    rows, account = load(written(tmp_path, "a,b\n"))
    assert (rows, account.read, account.rejects) == ([], 0, [])


def test_an_undeclared_column_gives_a_notice(tmp_path: Path) -> None:
    rows, account = load(written(tmp_path, "a,x,b,y\n1,2,3,4\n"))
    assert rows == [(2, "1", "3")]
    assert account.notices == ["t.csv: columns that the source does not declare: x, y"]


def test_the_account_holds_the_digest_of_the_file(tmp_path: Path) -> None:
    _, account = load(written(tmp_path, "a,b\n"))
    assert account.sha256 == "5be08c9684a1d25efcee09318204824278b08bbfb4aef973ffefd0b9d7478313"


# --- rows ---------------------------------------------------------------------------------------


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    assert load(written(tmp_path, "\ufeffa,b\n1,2\n"))[0] == [(2, "1", "2")]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_after_a_quoted_line_break_keep_their_line(tmp_path: Path, end: str) -> None:
    path = written(tmp_path, end.join(["a,b", '1,"x', 'y"', "2,z", "", '"3"', "4,5"]))
    rows, account = load(path)
    assert rows == [(2, "1", f"x{end}y"), (4, "2", "z"), (7, "4", "5")]
    assert rejects(account) == [(6, "", "ragged-row", "3")]


def test_a_header_over_two_lines_moves_the_rows_down(tmp_path: Path) -> None:
    columns = (Column("a\nx"), Column("b"))
    assert load(written(tmp_path, '"a\nx",b\n1,2\n'), columns)[0] == [(3, "1", "2")]


def test_a_row_that_is_too_short_or_too_long_is_rejected(tmp_path: Path) -> None:
    rows, account = load(written(tmp_path, "a,b\n1\n2,3\n4,5,6\n"))
    assert rows == [(3, "2", "3")]
    assert rejects(account) == [(2, "", "ragged-row", "1"), (4, "", "ragged-row", "4|5|6")]
    assert [each.expected for each in account.rejects] == [
        "expected 2 cells, found 1", "expected 2 cells, found 3",
    ]  # fmt: skip


def test_a_blank_line_is_no_row(tmp_path: Path) -> None:
    rows, account = load(written(tmp_path, "a,b\n\n1,2\n\n\n3,4\n\n"))
    assert rows == [(3, "1", "2"), (6, "3", "4")]
    assert account.read == 2


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_the_second_row_of_a_key_is_rejected_wherever_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(reading, "CHUNK_ROWS", chunk)
    path = written(tmp_path, "a,b\n1,x\n1,y\n2,x\n1,x\n,x\n,x\n1,\n")
    rows, account = load(path, key=("a", "b"))
    assert [row[0] for row in rows] == [2, 3, 4, 6, 8]
    assert rejects(account) == [(5, "a", "duplicate-key", "1"), (7, "a", "duplicate-key", "")]


def test_a_rejected_row_does_not_take_its_key(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n1,\n1,y\n")
    rows, _ = load(path, (Column("a"), Column("b", required=True)), key=("a",))
    assert rows == [(3, "1", "y")]


def test_an_empty_cell_of_a_required_column_rejects_the_row(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n ,1\nx,2\n")
    rows, account = load(path, (Column("a", required=True), Column("b")))
    assert rows == [(3, "x", "2")]
    assert str(account.rejects[0]) == ("t.csv:2, column a: '' (missing-value): expected a value")


def test_a_pattern_binds_the_whole_cell_and_leaves_empty_cells_alone(tmp_path: Path) -> None:
    path = written(tmp_path, 'a,b\n12,\n,\n123,\nx12,\n"12\n3",\n')
    rows, account = load(path, (Column("a", pattern="[0-9]{2}|zz"), Column("b")))
    assert [row[0] for row in rows] == [2, 3]
    assert [each[2:] for each in rejects(account)] == [
        ("pattern", "123"), ("pattern", "x12"), ("pattern", "12\n3"),
    ]  # fmt: skip


def test_a_null_word_is_an_empty_cell(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\nN/A,N/A\n-,nan\n")
    rows, _ = load(path, (Column("a", nulls=frozenset({"N/A", "-"})), Column("b")))
    assert rows == [(2, None, "N/A"), (3, None, "nan")]


def test_a_control_character_rejects_the_row_once(tmp_path: Path) -> None:
    rows, account = load(written(tmp_path, "a,b\nx\x07y,p\x00q\nx\ty,2\n"))
    assert rows == [(3, "x\ty", "2")]
    assert rejects(account) == [(2, "a", "control-character", "x\x07y")]


def test_cells_are_trimmed_and_composed(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "Zürich")
    assert load(written(tmp_path, f" a ,b\n \u00a0{decomposed}\u3000,\n"))[0] == [
        (2, "Zürich", None)
    ]


def test_cells_are_separated_by_tabs_in_tsv(tmp_path: Path) -> None:
    assert load(written(tmp_path, 'a\tb\n1,5\t"x\ty"\n', "t.tsv"))[0] == [(2, "1,5", "x\ty")]


def test_a_cell_of_several_values_becomes_a_row_for_each(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n1,x & y\n2,z\n3,\n4,&p&&\n5, & \n")
    rows, account = load(path, (Column("a"), Column("b", split="[&＆]")))
    assert rows == [
        (2, "1", "x"), (2, "1", "y"), (3, "2", "z"), (4, "3", None), (5, "4", "p"), (6, "5", None),
    ]  # fmt: skip
    assert account.read == 5


def test_a_row_counts_as_rejected_once_and_a_value_not(tmp_path: Path) -> None:
    _, account = load(written(tmp_path, "a,b\n1\n2,3\n4,5\n2,6\n"), key=("a",))
    account.rejects.append(Reject("s", "t.csv", 3, "b", "datatype", "3", "no", "value"))
    account.rejects.append(Reject("s", "t.csv", 5, "b", "datatype", "6", "no", "row"))
    assert (account.read, account.rejected) == (4, 2)
    assert account.by_rule() == {"datatype": 2, "duplicate-key": 1, "ragged-row": 1}


TEXT = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from(' ,"\n\r\t|&'), max_size=6
)


@given(st.lists(st.lists(TEXT, min_size=2, max_size=2), max_size=6))
@settings(max_examples=100)
@example([["nan", "NaN"], ["null", "NULL"], ["\\N", "None"]])
@example([["\r", "x\ry"], ["\x85a\x85", "\u2028"]])
def test_every_row_of_text_comes_back_unchanged_or_is_rejected_with_its_line(
    rows: list[list[str]],
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(["a", "b"])
    lines = []
    for row in rows:
        lines.append(len(io.StringIO(out.getvalue(), newline=None).read().split("\n")))
        writer.writerow(row)
    with TemporaryDirectory() as folder:
        found, account = load(written(Path(folder), out.getvalue()))
    expected, refused = [], []
    for line, row in zip(lines, rows, strict=True):
        cells = [unicodedata.normalize("NFC", cell.strip(WHITE_SPACE)) for cell in row]
        if set("".join(cells)) & CONTROLS:
            refused.append(line)
        else:
            expected.append((line, *(cell or None for cell in cells)))
    assert found == expected
    assert sorted(each.line for each in account.rejects) == refused
    assert account.read == len(rows)


CONTROLS = {*map(chr, range(32)), "\x7f"} - set("\t\n\r")
#: The White_Space property of Unicode. str.strip() would also take the separators 1C to 1F.
WHITE_SPACE = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    "\u200a\u2028\u2029\u202f\u205f\u3000"
)


# --- Parquet ------------------------------------------------------------------------------------


def test_values_of_parquet_become_exact_text(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame(
        {
            "integer": [2**53 + 1, -(2**63), None],
            "float": [0.1, 1.5, None],
            "date": [dt.date(2024, 2, 29), dt.date(1969, 12, 31), None],
            "text": ["nan", " x ", ""],
            "truth": [True, False, None],
        }
    ).write_parquet(path)
    columns = [Column(name) for name in ("integer", "float", "date", "text", "truth")]
    rows, account = load(path, columns)
    assert rows == [
        (1, "9007199254740993", "0.1", "2024-02-29", "nan", "true"),
        (2, "-9223372036854775808", "1.5", "1969-12-31", "x", "false"),
        (3, None, None, None, None, None),
    ]
    assert account.read == 3


def test_parquet_is_read_in_chunks_that_count_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "CHUNK_ROWS", 2)
    pl.DataFrame({"a": [1, 2, 3, 2, 5], "b": list("vwxyz")}).write_parquet(tmp_path / "t.parquet")
    rows, account = load(tmp_path / "t.parquet", key=("a",))
    assert [row[0] for row in rows] == [1, 2, 3, 5]
    assert rejects(account) == [(4, "a", "duplicate-key", "2")]


def test_an_undeclared_column_of_parquet_may_be_of_any_type(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": ["1"], "b": ["2"], "nested": [[{"x": 1}]]})
    frame.write_parquet(tmp_path / "t.parquet")
    rows, account = load(tmp_path / "t.parquet")
    assert rows == [(1, "1", "2")]
    assert account.notices == ["t.parquet: columns that the source does not declare: nested"]


def test_a_file_that_is_no_parquet_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"t\.parquet: not a readable Parquet table"):
        load(written(tmp_path, "a,b\n1,2\n", "t.parquet"))


# --- messages and patterns ----------------------------------------------------------------------


def test_a_long_value_is_cut_in_a_message() -> None:
    assert "'" + "x" * 77 + "...'" in str(Reject("s", "f", 1, "c", "r", "x" * 99, "e", "value"))
    assert "x" * 80 in str(Reject("s", "f", 1, "c", "r", "x" * 80, "e", "value"))


@pytest.mark.parametrize(
    ("pattern", "valid"), [("[0-9]+", True), ("(", False), ("(?=x)", False), (r"\p{Han}", False)]
)
def test_a_pattern_is_one_for_both_engines(pattern: str, valid: bool) -> None:
    assert valid_pattern(pattern) is valid
