"""The command line as a user types it: real processes, exit codes, what is printed where."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import rdflib

from kg.build import Inputs, build
from kg.release import Home
from kg.settings import Settings, shipped
from kg.terminal import BAD_INPUT, DOES_NOT_CONFORM, OK

BAIDU = "organization/baidu"


def kg(home: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run one command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "kg", *arguments],
        env={**os.environ, "KG_HOME": str(home), "COLUMNS": "200"},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the release of the shipped tables."""
    path = tmp_path_factory.mktemp("home")
    build(Home(path), Settings(), Inputs(), lambda *_: None)
    return path


def test_build_prints_rows_rejects_and_the_release(tmp_path: Path) -> None:
    done = kg(tmp_path, "build")
    assert done.returncode == OK, done.stderr
    assert "empowerments" in done.stdout
    assert f"published release {Home(tmp_path).current().id}" in done.stdout
    assert "validate" in done.stderr.split("\n")


def test_build_as_json_is_one_document(tmp_path: Path) -> None:
    done = kg(tmp_path, "build", "--json")
    assert done.returncode == OK, done.stderr
    found = json.loads(done.stdout)
    assert found["release"] == Home(tmp_path).current().id
    assert found["new"] is True
    rows = {table["table"]: table["rows"] for table in found["tables"]}
    assert rows["empowerments"] >= 120
    assert found["manifest"]["quads"] > 10_000


def test_build_of_a_folder_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    done = kg(tmp_path, "build", "--data", str(tmp_path / "nowhere"))
    assert done.returncode == BAD_INPUT
    assert f"{tmp_path / 'nowhere'}: no such folder" in done.stderr
    assert "Traceback" not in done.stderr


def test_second_build_at_the_same_time_is_refused(tmp_path: Path) -> None:
    with Home(tmp_path).building():
        done = kg(tmp_path, "build")
    assert done.returncode == BAD_INPUT
    assert "another build" in done.stderr


def test_named_query_answers_which_fields_a_platform_empowers(home: Path) -> None:
    done = kg(
        home,
        *("query", "empowerment/fields-of-platform"),
        *("--param", f"platform={BAIDU}"),
        *("--format", "csv"),
    )
    assert done.returncode == OK, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    found = {row["field"].rpartition("/")[2]: row["technology"].rpartition("/")[2] for row in rows}
    assert found["connected-vehicle"] == "automated-driving"
    assert all(int(row["evidence"]) >= 1 for row in rows)


def test_parameter_takes_a_label_and_says_which_resources_share_it(home: Path) -> None:
    def asked(*params: str) -> subprocess.CompletedProcess[str]:
        given = [word for each in params for word in ("--param", each)]
        return kg(home, "query", "empowerment/fields-of-platform", *given)

    assert asked("platform=百度").stdout == asked("platform=baidu").stdout != ""
    assert "takes one value" in asked("platform=百度", "platform=baidu").stderr
    place = ("query", "places/organizations-in", "--param", "place=Taizhou")
    assert "several are called 'Taizhou': place/" in kg(home, *place).stderr


def test_named_query_prints_a_table_for_people(home: Path) -> None:
    done = kg(home, "query", "empowerment/fields-of-platform", "--param", "platform=baidu")
    assert done.returncode == OK, done.stderr
    assert "intelligent connected vehicle" in done.stdout


def test_query_without_a_name_lists_the_catalogue(home: Path) -> None:
    done = kg(home, "query", "--json")
    assert done.returncode == OK
    names = json.loads(done.stdout)
    assert "empowerment/fields-of-platform" in names
    assert len(names) == len(list(shipped("queries").glob("*/*.rq")))
    assert "empowerment/fields-of-platform" in kg(home, "query").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("query", "empowerment/fields"), "empowerment/fields"),
        (("query", "empowerment/fields-of-platform"), "platform"),
        (("query", "empowerment/fields-of-platform", "--param", "platform=a b"), "platform"),
        (("query", "empowerment/fields-of-platform", "--param", "firm=baidu"), "firm"),
        (("query", "empowerment/fields-of-platform", "--param", "baidu"), "NAME=VALUE"),
        (("query", "conferences/in-place", "--param", "place=cn", "--param", "from=19x8"), "19x8"),
        (("sparql", "SELECT ?s WHERE { ?s ?p }"), "line 1, column"),
        (("sparql", "INSERT DATA { <a:b> <a:b> <a:b> }"), "update"),
        (("sparql", "SELECT * { SERVICE <http://127.0.0.1/> { ?s ?p ?o } }"), "SERVICE"),
        (("sparql", "ASK {}", "--format", "ttl"), "text/turtle"),
        (("rollback",), "no release was current before"),
        (("rollback", "ffff"), "ffff"),
        (("validate", "--release", "ffff"), "ffff"),
        (("mapping", "export", "nosource", "--rml"), "nosource"),
        (("releases", "prune", "--keep", "-1"), "-1"),
    ],
)
def test_bad_input_is_one_clear_line(home: Path, arguments: tuple[str, ...], message: str) -> None:
    done = kg(home, *arguments)
    assert done.returncode == BAD_INPUT, done.stdout
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_nothing_published_yet_is_said(tmp_path: Path) -> None:
    done = kg(tmp_path, "sparql", "ASK {}")
    assert done.returncode == BAD_INPUT
    assert "nothing has been published" in done.stderr


def test_bad_setting_names_its_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KG_DEADLINE", "soon")
    done = kg(tmp_path, "releases")
    assert done.returncode == BAD_INPUT
    assert "KG_DEADLINE" in done.stderr


@pytest.mark.parametrize(
    ("query", "format", "begins"),
    [
        ("SELECT (1 AS ?n) {}", "csv", "n\r\n1"),
        ("SELECT (1 AS ?n) {}", "tsv", "?n\n1"),
        ("SELECT (1 AS ?n) {}", "json", '{"head"'),
        ("SELECT (1 AS ?n) {}", "xml", "<?xml"),
        ("CONSTRUCT { <a:b> <a:c> 1 } {}", "nt", "<a:b> <a:c>"),
        ("CONSTRUCT { <a:b> <a:c> 1 } {}", "jsonld", "["),
        ("CONSTRUCT { <a:b> <a:c> 1 } {}", "rdf", "<?xml"),
    ],
)
def test_sparql_answers_in_each_format(home: Path, query: str, format: str, begins: str) -> None:
    done = kg(home, "sparql", query, "--format", format)
    assert done.returncode == OK, done.stderr
    assert done.stdout.replace("\n", "\r\n" if format == "csv" else "\n").startswith(begins)


def test_sparql_reads_the_query_from_standard_input(home: Path) -> None:
    done = kg(home, "sparql", "-", stdin="ASK { ?s ?p ?o }")
    assert (done.returncode, done.stdout) == (OK, "true\n")


def test_markup_in_data_is_printed_as_it_is(home: Path) -> None:
    done = kg(home, "sparql", 'SELECT ("[bold]x[/bold]" AS ?t) {}')
    assert "[bold]x[/bold]" in done.stdout


@pytest.mark.parametrize("format", [(), ("--format", "csv")])
def test_reader_that_has_seen_enough_ends_the_command_quietly(
    home: Path, format: tuple[str, ...]
) -> None:
    query = "SELECT * { ?s ?p ?o } LIMIT 20000"
    with subprocess.Popen(
        [sys.executable, "-m", "kg", "sparql", query, *format],
        env={**os.environ, "KG_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == OK


def test_validate_writes_the_whole_report_into_a_file(home: Path, tmp_path: Path) -> None:
    page, lang = tmp_path / "report.html", ("--lang", "zh")
    done = kg(home, "validate", "--format", "html", *lang, "--out", str(page))
    assert done.stdout == ""
    text = page.read_text(encoding="utf-8")
    assert '<html lang="zh">' in text
    assert text.count('<tr class="Warning">') > 1
    done = kg(home, "validate", "--out", str(tmp_path / "no" / "such"))
    assert done.returncode == 2
    assert "cannot be written" in done.stderr


def test_validate_says_whether_the_release_conforms(home: Path) -> None:
    done = kg(home, "validate", "--json")
    assert done.returncode == OK, done.stderr
    assert json.loads(done.stdout)["conforms"] is True


def test_releases_marks_the_current_one(home: Path) -> None:
    done = kg(home, "releases", "--json")
    assert done.returncode == OK
    (release,) = json.loads(done.stdout)
    assert release["current"] is True
    assert release["release"] == Home(home).current().id
    assert "*" in kg(home, "releases").stdout
    assert kg(home, "releases", "verify").returncode == OK


def test_releases_of_an_empty_home_are_none(tmp_path: Path) -> None:
    done = kg(tmp_path, "releases", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (OK, [])


def test_mapping_list_names_every_source_with_its_licence() -> None:
    done = kg(Path("unused"), "mapping", "list", "--json")
    assert done.returncode == OK
    sources = json.loads(done.stdout)
    assert {source["name"] for source in sources} == {
        path.stem for path in shipped("mappings").glob("*.yml")
    }
    assert all(source["licence"].startswith("http") for source in sources)


def test_mapping_exports_as_rml() -> None:
    done = kg(Path("unused"), "mapping", "export", "ror", "--rml")
    assert done.returncode == OK
    graph = rdflib.Graph().parse(data=done.stdout, format="turtle")
    triples_map = rdflib.URIRef("http://w3id.org/rml/TriplesMap")
    assert len(list(graph.subjects(rdflib.RDF.type, triples_map))) >= 5


def test_violation_exits_1_and_publishes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    data = tmp_path / "data" / "ror_cn"
    data.mkdir(parents=True)
    # Baidu's row of the registry, with another ROR id: an organization has at most one.
    (data / "ror_cn_organizations.csv").write_text(
        "id,name,name_zh,types,status,established,city,sub,subcode,geonames,lat,lng,wikidata,grid,"
        "isni,fundref,website,wikipedia,domains,release,schema\n"
        "https://ror.org/03vs3wt56,Baidu,,company,active,,,,,,,,Baidu,,,,,,,,\n",
        encoding="utf-8",
    )
    (data / "ror_cn_relationships.csv").write_text("id,rel,target,target_label\n", encoding="utf-8")
    done = kg(home, "build", "--data", str(tmp_path / "data"))
    assert done.returncode == DOES_NOT_CONFORM
    assert "ror_cn_organizations.csv:2, column wikidata" in done.stderr
    assert "nothing was published" in done.stderr
    assert str(home / "refused") in done.stderr.replace("\n", "")
    assert Home(home).releases() == []
    done = kg(home, "build", "--data", str(tmp_path / "data"), "--json")
    assert done.returncode == DOES_NOT_CONFORM
    told = json.loads(done.stdout)
    assert told["conforms"] is False
    assert (Path(told["path"]) / "rejects.csv").is_file()
