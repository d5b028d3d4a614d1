"""`kg source …` and `kg build --mappings`: what a person types, and what is printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kg.__main__ import main
from kg.build import Inputs
from kg.errors import InputError
from kg.etl import load
from kg.settings import shipped
from kg.terminal import BAD_INPUT, OK

MAPPING = """\
dataset: {{title: Mine, original: http://example.org/, licence: http://example.org/l{more}}}
sources:
  {name}: {{access: {access}, columns: {{a: }}}}
mappings:
  {name}: {{sources: {name}, subjects: ex:$(a), predicateobjects: [[a, aic:Entity]]}}
prefixes: {{ex: 'http://example.org/'}}
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's folder with one source, and a home without releases."""
    for name in ("KG_DATA", "KG_SETTINGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KG_HOME", str(tmp_path / "home"))
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv("KG_MAPPINGS", str(folder))
    (folder / "mine.yml").write_text(MAPPING.format(name="mine", access="mine.csv", more=""))
    (folder / "mine.csv").write_text("a\n1\n")
    return folder


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["source", *arguments]) == OK
    return capsys.readouterr().out


def test_list_tells_the_state_and_licence_of_every_source(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = json.loads(printed(capsys, "list", "--json"))
    states = {(each["source"], each["access"]): each["state"] for each in found}
    assert states["curated", "organizations.csv"] == "shipped"
    assert states["mine", "mine.csv"] == "present"
    assert states["china-admin", "china_admin/areas.csv"] == "missing"
    assert states["ror", "ror_cn/ror_cn_organizations.csv"] == "by hand"
    real = {each.dataset.name for each in load(shipped("mappings")) if not each.dataset.synthetic}
    assert {each["source"] for each in found} == real | {"mine"}
    assert all(each["licence"].startswith("http") for each in found)
    text = printed(capsys)
    assert "ror: Research Organization Registry (ror.org), CC0" in text


def test_what_is_fetched_by_hand_is_said(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["source", "fetch", "ror", "mine"]) == OK
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        "to be fetched by hand: ror, from https://doi.org/10.5281/zenodo.6347574"
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fetch", "nosuch"), "no source is called 'nosuch'; expected one of "),
        (("fetch", "--limit", "0"), "--limit: 0 is not a number of MiB above zero"),
        (("add", "nosuch.csv"), "nosuch.csv: no such file"),
        (("add", "x.csv", "--name", "curated"), "a source is called curated already"),
        (("add", "postgresql://u@127.0.0.1:1/d"), "a table of postgresql needs a query"),
    ],
)
def test_a_mistake_is_one_clear_line(
    own: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert main(["source", *arguments]) == BAD_INPUT
    told = capsys.readouterr()
    assert message in told.err
    assert told.out == ""


def test_add_says_what_it_wrote_and_what_that_gives(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (own / "enterprises.csv").write_text("name,city,founded\nFirm,Wuhan,19x9\n")
    text = printed(capsys, "add", str(own / "enterprises.csv"))
    assert f"wrote {own / 'enterprises.yml'}: edit it, then build with it" in text
    assert "  city: aic:locatedIn" in text
    (own / "enterprises.yml").unlink()
    found = json.loads(printed(capsys, "add", str(own / "enterprises.csv"), "--json"))
    assert (found["source"], found["rows"]) == ("enterprises", 1)


# --- what a build reads -------------------------------------------------------------------------


def names(inputs: Inputs) -> dict[str, Path]:
    return {source.dataset.name: folder for source, folder in inputs.sources()[0]}


def test_a_build_reads_a_person_s_own_sources_beside_those_that_ship(own: Path) -> None:
    found = names(Inputs(own=own))
    assert found["mine"] == own
    assert found["curated"] == shipped("tables")


def test_an_own_table_that_is_missing_is_an_error(own: Path) -> None:
    (own / "mine.csv").unlink()
    with pytest.raises(InputError, match=r"mine\.yml: mine\.csv is not in "):
        Inputs(own=own).sources()


def test_a_name_that_ships_is_not_taken_twice(own: Path) -> None:
    (own / "mine.yml").rename(own / "ror.yml")
    with pytest.raises(InputError, match=r"ror\.yml: a source that ships is called ror"):
        Inputs(own=own).sources()


def test_made_up_sources_never_stand_beside_real_ones(own: Path) -> None:
    text = MAPPING.format(name="mine", access="mine.csv", more=", synthetic: true")
    (own / "mine.yml").write_text(text)
    inputs = Inputs(own=own)
    assert "mine" not in names(inputs)
    assert any(each.startswith("mine: left out") for each in inputs.sources()[1])


def test_fetched_originals_are_found_without_being_named(own: Path, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "data"
    for name in ("ror_cn_organizations.csv", "ror_cn_relationships.csv"):
        (folder / "ror_cn").mkdir(parents=True, exist_ok=True)
        (folder / "ror_cn" / name).write_text("id\n")
    assert names(Inputs(fetched=folder))["ror"] == folder
    assert "ror" not in names(Inputs(fetched=tmp_path / "nowhere"))
    assert "ror" not in names(Inputs(fetched=folder, synthetic=True))
