"""JSON and JSON Lines: exact numbers, dotted members, lists in a cell, nothing held but a value."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_of import refused, rows_of

from kg.errors import InputError
from kg.tables import Dialect, Table, column_names
from kg.tables.reading import encoded

BLOCKS = pytest.mark.parametrize("block", [1, 7, 1 << 20])


def written(tmp_path: Path, text: str, name: str = "t.json") -> Path:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / name


@BLOCKS
def test_numbers_are_the_digits_that_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(encoded, "_BLOCK", block)
    path = written(tmp_path, '[{"a": 9007199254740993, "b": 1.50}, {"a": 1e400, "b": -0.0}]')
    assert rows_of(path, ["a", "b"])[0] == [(1, "9007199254740993", "1.50"), (2, "1e400", "-0.0")]


def test_members_of_a_member_are_dotted_columns_and_lists_are_lines_of_a_cell(
    tmp_path: Path,
) -> None:
    path = written(
        tmp_path,
        '[{"a": {"b": {"c": true}}, "l": ["x", 2, null]}, {"a": null, "l": []}, {"l": "y"}]',
    )
    rows, account = rows_of(path, ["a.b.c", "l"])
    assert rows == [(1, "true", "x\n2"), (2, None, ""), (3, None, "y")]
    assert account.notices == ["t.json: columns that the source does not declare: a"]


@BLOCKS
def test_the_array_is_found_by_a_json_pointer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(encoded, "_BLOCK", block)
    text = '{"n": [1], "a/b": [0, {"~": [{"x": 1}, {"x": 2}]}], "z": {"x": []}}'
    rows, _ = rows_of(written(tmp_path, text), ["x"], Dialect(records="/a~1b/1/~0"))
    assert rows == [(1, "1"), (2, "2")]


@BLOCKS
@pytest.mark.parametrize(
    ("text", "records", "message"),
    [
        ('{"a": 1}', "", "1: expected an array of objects; access.records says where it is"),
        ('{"a": {}}', "/a", "1: expected an array of objects at /a"),
        ('{"a": 1}', "/b", "nothing stands at /b"),
        ('[\n{"a": 1},\n{"a": }]', "", "3: not JSON: Expecting value"),
        ('[\n{"a": 1}\n{"a": 2}]', "", "3: not JSON: expected ,"),
        ('[{"a": 1}', "", "1: not JSON: expected ,, found the end"),
        ('[{"a": 1}] x', "", "1: not JSON: expected the end"),
        ('[{"a": NaN}]', "", "1: not JSON: NaN is no number of JSON"),
        ('[{"a": "x', "", "1: not JSON: Unterminated string"),
        ("", "", "1: expected an array of objects"),
        ("[" * 100_000, "", "1: not JSON: "),
    ],
)
def test_a_text_that_is_not_what_was_said_is_an_error_with_its_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    block: int,
    text: str,
    records: str,
    message: str,
) -> None:
    monkeypatch.setattr(encoded, "_BLOCK", block if len(text) < 1000 else 1 << 20)
    with pytest.raises(InputError) as caught:
        rows_of(written(tmp_path, text), ["a"], Dialect(records=records))
    assert message in str(caught.value)
    assert "t.json" in str(caught.value)


def test_an_element_that_is_no_row_is_rejected_with_its_number(tmp_path: Path) -> None:
    text = '[{"a": 1}, 2, {"a": {"b": 1}}, {"a": [[1]]}, {"a": ["x\\ny"]}, {"a": 1, "a": 2}]'
    rows, account = rows_of(written(tmp_path, text), ["a"])
    assert rows == [(1, "1")]
    assert refused(account) == [
        (2, "", "no-object", "expected an object"),
        (3, "a", "no-value", "expected a single value or a list of them, found an object"),
        (4, "a", "no-value", "expected a list of single values"),
        (5, "a", "no-value", "expected a list without line breaks"),
        (6, "a", "no-value", "expected one member called a"),
    ]
    assert account.read == 6


def test_a_line_that_is_not_json_is_rejected_and_the_next_is_read(tmp_path: Path) -> None:
    text = '{"a": 1}\r\n\n{"a": \n{"a": 1.0}\n[2]\n{"a": Infinity}'
    rows, account = rows_of(written(tmp_path, text, "t.jsonl"), ["a"])
    assert rows == [(1, "1"), (4, "1.0")]
    assert [each[:3] for each in refused(account)] == [
        (3, "", "malformed-json"), (5, "", "no-object"), (6, "", "malformed-json"),
    ]  # fmt: skip


def test_a_column_that_no_object_has_gives_a_notice(tmp_path: Path) -> None:
    _, account = rows_of(written(tmp_path, '[{"a": 1}]'), ["a", "b"])
    assert account.notices == ["t.json: no object has the column b"]


def test_another_encoding_is_read_where_it_is_declared(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_bytes('[{"a": "上海"}]'.encode("gb18030"))
    assert rows_of(tmp_path / "t.json", ["a"], Dialect(encoding="gb18030"))[0] == [(1, "上海")]
    with pytest.raises(InputError, match=r"t\.json:1: byte 0x.. is not UTF-8"):
        rows_of(tmp_path / "t.json", ["a"])


def test_the_columns_are_the_members_of_all_objects(tmp_path: Path) -> None:
    path = written(tmp_path, '[{"b": 1, "a": {"x": 1}}, {"c": []}]')
    assert column_names(Table("t", "t.json", ()), path) == ["b", "a.x", "c"]


#: A value as JSON writes it, and the text that it is.
VALUES = {
    "null": None, "true": "true", "-0": "-0", "12345678901234567890": "12345678901234567890",
    "1.50": "1.50", "2E+3": "2E+3", '"x"': "x", '"\\u4e0a\\n\\""': '上\n"', '""': "",
}  # fmt: skip
ROWS = st.lists(st.dictionaries(st.sampled_from("ab"), st.sampled_from(sorted(VALUES))), max_size=5)


@given(ROWS, st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_every_value_comes_back_as_it_was_written(rows: list[dict[str, str]], block: int) -> None:
    objects = (", ".join(f'"{name}": {value}' for name, value in row.items()) for row in rows)
    text = ",\n".join(f"{{{members}}}" for members in objects)
    with TemporaryDirectory() as folder, mock.patch.object(encoded, "_BLOCK", block):
        found, _ = rows_of(written(Path(folder), f"[{text}]"), ["a", "b"])
    assert found == [
        (number, *(VALUES[row.get(name, "null")] for name in "ab"))
        for number, row in enumerate(rows, start=1)
    ]
