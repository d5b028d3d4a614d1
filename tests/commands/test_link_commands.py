"""`kg link …` as a user types it."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from kg.__main__ import main
from kg.etl.links import Links
from kg.settings import shipped
from kg.terminal import BAD_INPUT, OK


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two rows of the landscape: one that tables know, one that nobody does."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "lfai_landscape").mkdir()
    (folder / "lfai_landscape" / "lfai_landscape.csv").write_text(
        "category,subcategory,name,homepage,repo,stage,organization,crunchbase_slug\n"
        "LF AI & Data Member Company,Premier,Baidu,https://baidu.com/,,,,baidu\n"
        "LF AI & Data Member Company,General,Megvii Limited,,,,,\n"
        "LF AI & Data Member Company,General,Nobody Inc.,https://nobody.example/,,,,\n",
        encoding="utf-8",
    )
    return folder


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    """The shipped tables without any decision, once linked with that data."""
    folder = tmp_path_factory.mktemp("tables") / "tables"
    shutil.copytree(shipped("tables"), folder, ignore=shutil.ignore_patterns("links"))
    assert main(["link", "--data", str(data), "--tables", str(folder)]) == OK
    return folder


def test_link_writes_decisions_and_says_what_it_did(
    tables: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["link", "--data", str(data), "--tables", str(tables), "--json"]) == OK
    again = json.loads(capsys.readouterr().out)
    assert (again["accepted"], again["waiting"]) == (0, 1)
    assert again["mentions"]["organization"] > 700
    links = Links.load(tables / "links")
    (baidu,) = (each for each in links.decisions if each.subject_label == "Baidu")
    assert (baidu.object, baidu.comment) == ("organization/baidu", "curated name, host")
    assert len(links.register) == again["keys"] > again["entities"]


def test_review_as_json_lists_what_waits(tables: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["link", "review", "--tables", str(tables), "--json"]) == OK
    (pair,) = json.loads(capsys.readouterr().out)
    assert (pair["subject_label"], pair["object"]) == ("Megvii Limited", "organization/megvii")


def test_export_writes_a_file(tables: Path, data: Path, tmp_path: Path) -> None:
    file = tmp_path / "mentions.csv"
    options = ["--data", str(data), "--tables", str(tables)]
    assert main(["link", "export", str(file), *options]) == OK
    rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
    found = {row["mention"]: row for row in rows if row["source"] == "lfai"}
    assert found["Baidu"]["entity"].endswith("/organization/baidu")
    assert found["Baidu"]["decision"] == "automatic"
    assert found["Nobody Inc."]["decision"] == "own"
    assert "/organization/lfai-" in found["Nobody Inc."]["entity"]


def test_why_says_what_was_decided_and_what_speaks_for_it(
    tables: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--data", str(data), "--tables", str(tables), "--json"]
    assert main(["link", "why", "Megvii Limited", "id:organization/megvii", *options]) == OK
    found = json.loads(capsys.readouterr().out)
    assert found["same"] is False
    assert found["evidence"][0]["evidence"] == ["name"]
    assert main(["link", "why", "Baidu", "baidu", *options]) == OK
    assert json.loads(capsys.readouterr().out)["same"] is True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["link", "why", "No Such Firm", "baidu"], "'No Such Firm' is no key and no name"),
        (["link", "why", "xxx", "yyy", "--data", "/nowhere"], "no such folder"),
        (["link", "export", "/nowhere/mentions.csv"], "/nowhere/mentions.csv: cannot be written"),
    ],
)
def test_bad_input_is_one_clear_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == BAD_INPUT
    assert message in capsys.readouterr().err.replace("\n", "")


def test_a_damaged_decision_table_is_named(
    tables: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "tables"
    shutil.copytree(tables, damaged)
    with (damaged / "links" / "organizations.sssom.tsv").open("a", encoding="utf-8") as file:
        file.write("id:organization/a\n")
    assert main(["link", "--tables", str(damaged)]) == BAD_INPUT
    assert "expected 12 cells, found 1" in capsys.readouterr().err.replace("\n", " ")
