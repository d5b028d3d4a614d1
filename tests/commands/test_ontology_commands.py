"""`kg ontology …` as a maintainer types it, in a copy of the project."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import rdflib

from kg.ontology.versions import versions
from kg.settings import shipped
from kg.terminal import BAD_INPUT, DOES_NOT_CONFORM, OK

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout of one's own, to spoil."""
    target = tmp_path / "project"
    ignored = shutil.ignore_patterns("__pycache__", "shipped")
    shutil.copytree(ROOT / "kg", target / "kg", ignore=ignored)
    for name in ("ontology", "mappings", "tables", "queries"):
        shutil.copytree(shipped(name), target / name)
    return target


def kg(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one command of the copy."""
    return subprocess.run(
        [sys.executable, "-m", "kg", "ontology", *arguments],
        cwd=project,
        env={**os.environ, "KG_HOME": str(project / ".kg"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def spoil(project: Path, file: str, old: str, new: str) -> None:
    path = project / "ontology" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_shipped_ontology_has_no_error_and_no_warning(project: Path) -> None:
    done = kg(project, "check", "--no-reasoner", "--json")
    assert done.returncode == OK, done.stdout
    counts = json.loads(done.stdout)["counts"]
    assert (counts["error"], counts["warning"]) == (0, 0)


def test_check_names_file_and_line_and_exits_1(project: Path) -> None:
    spoil(project, "place.ttl", "aic:City a owl:Class ;", "aic:City a owl:Klass ;")
    done = kg(project, "check", "--no-reasoner")
    assert done.returncode == DOES_NOT_CONFORM
    assert "ontology/place.ttl" in done.stdout
    assert "error" in done.stdout


def test_check_writes_sarif_and_annotations(project: Path) -> None:
    spoil(project, "place.ttl", "aic:City a owl:Class ;", "aic:City a owl:Klass ;")
    sarif = json.loads(kg(project, "check", "--no-reasoner", "--format", "sarif").stdout)
    assert sarif["version"] == "2.1.0"
    assert sarif["runs"][0]["results"]
    assert "::error file=ontology/" in kg(
        project, "check", "--no-reasoner", "--format", "github"
    ).stdout  # fmt: skip


def test_syntax_error_is_one_finding_with_its_place(project: Path) -> None:
    spoil(project, "place.ttl", "aic:City a owl:Class ;", "aic:City a owl:Class ;; . <")
    done = kg(project, "check", "--no-reasoner")
    assert done.returncode == DOES_NOT_CONFORM
    assert "syntax" in done.stdout
    assert "Traceback" not in done.stderr


def test_diff_tells_the_level_in_each_format(project: Path) -> None:
    shutil.copytree(project / "ontology", project / "before")
    spoil(project, "core.ttl", "aic:quote a ", "aic:quotation a ")
    text = kg(project, "diff", "before", "ontology")
    assert text.returncode == OK, text.stderr
    assert "aic:quote → aic:quotation" in text.stdout
    assert "major" in text.stdout
    assert kg(project, "diff", "before", "ontology", "--format", "md").stdout.startswith("#")
    data = json.loads(kg(project, "diff", "before", "ontology", "--json").stdout)
    assert data["level"] == "major"


def test_version_that_is_none_is_bad_input(project: Path) -> None:
    done = kg(project, "diff", "nowhere", "ontology")
    assert done.returncode == BAD_INPUT
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_impact_names_who_uses_a_term_that_goes(project: Path) -> None:
    shutil.copytree(project / "ontology", project / "before")
    spoil(project, "core.ttl", "aic:quote a ", "aic:quotation a ")
    done = kg(project, "impact", "before", "ontology")
    assert done.returncode == DOES_NOT_CONFORM
    assert "queries/statistics/shares.rq:" in done.stdout
    assert "mappings/curated.yml:" in done.stdout


def test_migration_of_disjoint_classes_is_refused_and_nothing_written(project: Path) -> None:
    before = {path: path.read_bytes() for path in project.rglob("*.ttl")}
    file = project / "m.yml"
    file.write_text("merge:\n  aic:NewInnovationZone: aic:IndustrialPark\n", encoding="utf-8")
    done = kg(project, "migrate", "m.yml")
    assert done.returncode == DOES_NOT_CONFORM
    assert "disjoint" in done.stdout
    assert {path: path.read_bytes() for path in project.rglob("*.ttl")} == before


def test_format_check_says_which_file_would_change_and_format_changes_it(project: Path) -> None:
    assert kg(project, "format", "--check").returncode == OK
    spoil(project, "place.ttl", "aic:City a owl:Class ;", "aic:City  a   owl:Class  ;")
    done = kg(project, "format", "--check")
    assert done.returncode == DOES_NOT_CONFORM
    assert "place.ttl" in done.stdout
    assert kg(project, "format").returncode == OK
    assert kg(project, "format", "--check").returncode == OK


def test_rdf_xml_of_another_editor_is_printed_as_turtle(project: Path) -> None:
    source = rdflib.Graph().parse(project / "ontology" / "place.ttl")
    source.serialize(project / "place.owl", format="xml")
    done = kg(project, "format", "place.owl")
    assert done.returncode == OK, done.stderr
    found = rdflib.Graph().parse(data=done.stdout, format="turtle")
    assert len(found) == len(source)


def test_docs_are_written_without_a_release_too(project: Path) -> None:
    done = kg(project, "docs", "site")
    assert done.returncode == OK, done.stderr
    assert "without examples" in done.stderr
    assert (project / "site" / "index.html").is_file()
    assert (project / "site" / "place.html").is_file()


def test_version_is_frozen_once(project: Path) -> None:
    number, *_ = versions(project / "ontology")
    assert kg(project, "release").returncode == OK
    spoil(project, "place.ttl", '"city"@en', '"town"@en')
    done = kg(project, "release")
    assert done.returncode == BAD_INPUT
    assert number in done.stderr
