"""`kg sample`, and how the other commands speak of a synthetic release."""

from __future__ import annotations

import json
from pathlib import Path

import crash
import pytest

from kg.__main__ import main
from kg.release import Home
from kg.terminal import BAD_INPUT, OK


def test_sample_writes_its_tables_and_says_how_to_build_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sample", "--scale", "0.01", "--into", str(tmp_path / "made")]) == OK
    printed = " ".join(capsys.readouterr().out.split())
    assert "sample_empowerments 170" in printed
    assert f"kg build --sample {tmp_path / 'made'}".replace(" ", "") in printed.replace(" ", "")
    assert (tmp_path / "made" / "sample_organizations.csv").is_file()


def test_sample_as_json_counts_the_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", "--scale", "0.01", "--into", str(tmp_path), "--json"]) == OK
    found = json.loads(capsys.readouterr().out)
    assert found["rows"]["sample_parks"] == 35
    assert found["seed"] == 1


@pytest.mark.parametrize("scale", ["much", "0", "nan"])
def test_scale_that_is_none_is_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], scale: str
) -> None:
    assert main(["sample", "--scale", scale, "--into", str(tmp_path)]) == BAD_INPUT
    assert "expected a number" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_build_takes_a_sample_or_real_data_and_not_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["build", "--sample", str(tmp_path), "--data", str(tmp_path)])
    assert ended.value.code == BAD_INPUT
    assert "not allowed with" in capsys.readouterr().err


def test_build_of_a_folder_without_a_sample_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KG_HOME", str(tmp_path / "home"))
    assert main(["build", "--sample", str(tmp_path)]) == BAD_INPUT
    assert "sample.csv is not in" in " ".join(capsys.readouterr().err.split())


def test_releases_and_rollback_say_what_is_synthetic(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KG_HOME", str(tmp_path))
    first, _ = (crash.publish(Home(tmp_path), name) for name in "ab")
    assert main(["releases"]) == OK
    assert capsys.readouterr().out.count("synthetic") == 2
    assert main(["rollback"]) == OK
    assert f"synthetic release {first.id} is current again" in capsys.readouterr().out
