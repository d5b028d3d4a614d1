"""Parquet beyond the plain types: times, decimals, lists and structs as exact text."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from reading_of import refused, rows_of

from kg.errors import InputError
from kg.tables import Table, column_names


def test_typed_values_become_the_text_that_xsd_writes(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "u": pl.Series([2**64 - 1, 0], dtype=pl.UInt64),
            "d": [Decimal("1.50"), Decimal("-0.01")],
            "f": [float("inf"), float("nan")],
            "t": [dt.datetime(2024, 2, 29, 10), dt.datetime(1, 1, 1, 0, 0, 0, 120)],
            "z": pl.Series([dt.datetime(2024, 1, 1), None]).dt.replace_time_zone("Asia/Shanghai"),
            "h": [dt.time(1), dt.time(23, 59, 59, 999_999)],
            "s": [{"x": 1, "y": {"z": "q"}}, {"x": None, "y": None}],
            "l": [["p", None, "q"], []],
        }
    )
    frame.write_parquet(tmp_path / "t.parquet")
    names = ["u", "d", "f", "t", "z", "h", "s.x", "s.y.z", "l"]
    assert rows_of(tmp_path / "t.parquet", names)[0] == [
        (1, "18446744073709551615", "1.50", "INF", "2024-02-29T10:00:00", "2023-12-31T16:00:00Z",
         "01:00:00", "1", "q", "p\nq"),
        (2, "0", "-0.01", "NaN", "0001-01-01T00:00:00.00012", None, "23:59:59.999999", None, None,
         ""),
    ]  # fmt: skip
    assert column_names(Table("t", "t.parquet", ()), tmp_path / "t.parquet") == names


def test_a_list_whose_values_have_line_breaks_rejects_its_row(tmp_path: Path) -> None:
    pl.DataFrame({"a": [["x\ny"], ["z"]]}).write_parquet(tmp_path / "t.parquet")
    rows, account = rows_of(tmp_path / "t.parquet", ["a"])
    assert rows == [(2, "z")]
    assert [each[:3] for each in refused(account)] == [(1, "", "several-values")]
    assert account.read == 2


@pytest.mark.parametrize("values", [[b"x"], [dt.timedelta(1)], [[{"x": 1}]]])
def test_a_column_that_has_no_text_is_an_error(tmp_path: Path, values: list[object]) -> None:
    pl.DataFrame({"a": values}).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"column a is of type .*, which has no text"):
        rows_of(tmp_path / "t.parquet", ["a"])
