"""`kg mapping …` and `kg why` as an integrator types them."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyoxigraph import RdfFormat, parse

from kg import etl, release, vocab
from kg.__main__ import main
from kg.etl import Context, Source
from kg.release import Home, Manifest
from kg.settings import shipped
from kg.tables import write_rejects
from kg.terminal import BAD_INPUT, DOES_NOT_CONFORM, OK

MINE = """\
dataset: {title: Mine, original: http://example.org/mine, licence: http://example.org/l}
sources: {alliances: {access: alliances.csv, columns: {name: {required: true}, place: }}}
mappings:
  alliance:
    sources: alliances
    subjects: {function: kgf:organization, parameters: [[name, $(name)], [source, mine]]}
    predicateobjects:
      - [a, aic:IndustryAlliance]
      - [skos:altLabel, $(name), zh~lang]
      - predicates: aic:locatedIn
        objects: {function: kgf:place, parameters: [[text, $(place)]]}
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A person's own table and mapping."""
    (tmp_path / "mine.yml").write_text(MINE, encoding="utf-8")
    rows = "name,place\n智能联盟,深圳\n,北京\n无处联盟,Atlantis\n"
    (tmp_path / "alliances.csv").write_text(rows, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose release keeps the rows of the shipped sources, and no other file of theirs."""
    folder = tmp_path_factory.mktemp("published")
    tables = folder / "tables"
    shutil.copytree(shipped("tables"), tables)
    home = Home(folder / "home")
    context = Context(tables, shipped("ontology") / "vocabularies")
    made: set[str] = set()
    with home.building() as candidate:
        rejects = []
        for source in shipped_sources():
            sheets = etl.stage(source, tables, candidate.path / "rows" / source.dataset.name)
            etl.run(source, sheets, context, lambda each: made.update(each.lines()))
            rejects += [each for sheet in sheets.values() for each in sheet.account.rejects]
        made.add(f'<{vocab.AIC}x> <{vocab.RDFS}label> "x" <{vocab.GRAPH}ontology> .')
        write_rejects(rejects, candidate.path / "rejects.csv")
        content = release.write_dump(
            (line.encode() for line in sorted(made, key=str.encode)), candidate.dump_path
        )
        release.load_store(candidate.store_path, candidate.dump_path)
        home.publish(candidate, manifest(content.id, content.hexdigest(), content.quads))
    shutil.rmtree(tables)
    return home.path


def shipped_sources() -> list[Source]:
    return [each for each in etl.load(shipped("mappings")) if each.dataset.shipped]


def manifest(id: str, content: str, quads: int) -> Manifest:
    return Manifest(
        release=id, content=content, quads=quads, created=datetime.now(UTC).isoformat(),
        base=vocab.BASE, ontology="0", synthetic=False, sources=(), classes={}, graphs={},
        seconds={}, peak_memory=0, tools={},
    )  # fmt: skip


@pytest.fixture
def at_home(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KG_HOME", str(published))


def test_why_names_row_column_and_line_of_the_mapping(
    at_home: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["why", "organization/baidu a aic:MegaPlatform"]) == OK
    shown = capsys.readouterr().out
    assert "organizations.csv:" in shown
    assert "mapping organization" in shown
    assert "organization/baidu a aic:MegaPlatform  (curated.yml:" in shown
    assert main(["why", "--json", "organization/baidu", "skos:prefLabel", '"Baidu"@en']) == OK
    (told,) = json.loads(capsys.readouterr().out)["statements"]
    line = told["origin"]["line"]
    row = (shipped("tables") / "organizations.csv").read_text(encoding="utf-8").splitlines()
    assert row[line - 1].startswith("baidu,")
    assert told["origin"]["column"] == "name_en"


def test_why_says_where_a_triple_of_no_row_stands(
    at_home: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["why", "aic:x", "rdfs:label", '"x"']) == OK
    assert (
        capsys.readouterr().out
        == "graph:ontology: no row of a table gives it, as it stands today\n"
    )


def test_why_of_a_triple_that_is_not_stated_is_bad_input(
    at_home: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["why", "organization/baidu a aic:University"]) == BAD_INPUT
    assert "does not state organization/baidu a aic:University" in capsys.readouterr().err


def test_explain_reads_the_rows_that_the_release_keeps(
    at_home: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mapping", "explain", "curated", "--row", "2", "--table", "organizations"]) == OK
    shown = capsys.readouterr().out
    assert shown.startswith("organizations.csv:2, mapping organization (curated/organizations)\n")
    assert "skos:prefLabel" in shown
    assert main(["mapping", "explain", "curated", "--row", "99999"]) == BAD_INPUT
    assert "row 99999 gives nothing, or is not there" in capsys.readouterr().err
    assert main(["mapping", "explain", "ror", "--row", "2"]) == BAD_INPUT
    assert "keeps no rows of ror" in capsys.readouterr().err


def test_explain_shows_a_row_of_a_mapping_under_work(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def explained(row: int) -> str:
        arguments = ["mapping", "explain", str(mine / "mine.yml"), "--data", str(mine)]
        assert main([*arguments, "--row", str(row)]) == OK
        return capsys.readouterr().out

    assert "aic:locatedIn place/shenzhen  (mine.yml:10, column place; graph:" in explained(2)
    assert explained(3) == (
        "rejected: alliances.csv:3, column name: '' (missing-value): expected a value\n"
    )
    shown = explained(4)
    assert "a aic:IndustryAlliance" in shown
    assert "rejected: alliances.csv:4, column place: 'Atlantis' (unknown-place)" in shown


def test_check_names_faults_and_exits_with_1(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = mine / "mine.yml"
    assert main(["mapping", "check", str(file), "--data", str(mine)]) == OK
    assert capsys.readouterr().out == "1 files: 0 errors, 0 warnings\n"
    file.write_text(
        MINE.replace("aic:IndustryAlliance", "aic:Union").replace("$(place)", "$(town)")
    )
    assert main(["mapping", "check", str(file)]) == DOES_NOT_CONFORM
    shown = capsys.readouterr().out
    assert f"{file}:8: error: aic:Union is no class that the ontology declares" in shown
    assert f"{file}:10: error: $(town) is no column of alliances" in shown
    assert main(["mapping", "check", str(file), "--json"]) == DOES_NOT_CONFORM
    found = json.loads(capsys.readouterr().out)
    assert {(each["line"], each["rule"]) for each in found} == {
        (8, "unknown-term"), (10, "language"),
    }  # fmt: skip
    assert main(["mapping", "check", str(mine / "no.yml")]) == BAD_INPUT


def test_a_mapping_goes_to_rml_and_comes_back(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mapping", "export", str(mine / "mine.yml"), "--rml"]) == OK
    rml = capsys.readouterr().out
    assert len(list(parse(rml.encode(), format=RdfFormat.TURTLE))) > 20
    (mine / "mine.ttl").write_text(rml, encoding="utf-8")
    assert main(["mapping", "import", str(mine / "mine.ttl")]) == OK
    (mine / "back").mkdir()
    (mine / "back" / "mine.yml").write_text(capsys.readouterr().out, encoding="utf-8")
    back, source = etl.read(mine / "back" / "mine.yml"), etl.read(mine / "mine.yml")
    assert (back.dataset, back.tables) == (source.dataset, source.tables)
    (mine / "bad.ttl").write_text("not Turtle", encoding="utf-8")
    assert main(["mapping", "import", str(mine / "bad.ttl")]) == BAD_INPUT
    assert "bad.ttl: cannot be read: " in capsys.readouterr().err
