"""`kg mapping check`: every fault at once, with file and line; doubts as warnings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kg.etl import Context
from kg.etl.check import Finding, check
from kg.etl.schema import Schema
from kg.settings import shipped

SOUND = """\
dataset: {title: T, original: http://example.org/t, licence: http://example.org/l}
sources:
  firms: {access: firms.csv, key: id, columns: {id: , name: , city: , year: , maker: }}
mappings:
  firm:
    sources: firms
    subjects: id:organization/$(id)
    predicateobjects:
      - [a, aic:Enterprise]
      - [skos:prefLabel, $(name), en~lang]
      - [aic:foundedIn, $(year), xsd:gYear]
      - predicates: aic:locatedIn
        objects: {function: kgf:place, parameters: [[text, $(city)]]}
  model:
    sources: firms
    subjects: {function: kgf:key, parameters: [[kind, AIModel], [source, t], [of, $(id)]]}
    predicateobjects:
      - [a, aic:AIModel]
      - [aic:developedBy, {mapping: firm}]
  named:
    sources: firms
    subjects: id:designation/$(id)
    predicateobjects:
      - [a, aic:Designation]
      - [aic:status, id:status/sourced~iri]
      - [skos:note, $(maker)]
"""


@pytest.fixture(scope="module")
def schema() -> Schema:
    return Schema.load(shipped("ontology"))


@pytest.fixture(scope="module")
def context() -> Context:
    return Context(shipped("tables"), shipped("ontology") / "vocabularies")


def found(
    folder: Path, schema: Schema, context: Context, *changes: tuple[str, str]
) -> list[tuple[int, str, str, str]]:
    text = SOUND
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "m.yml").write_text(text, encoding="utf-8")
    return [
        (each.line, each.level, each.rule, each.message)
        for each in check(folder / "m.yml", schema, context)
    ]


def test_a_sound_mapping_gives_no_finding(tmp_path: Path, schema: Schema, context: Context) -> None:
    assert found(tmp_path, schema, context) == []


def test_every_shipped_mapping_is_sound(schema: Schema, context: Context) -> None:
    paths = sorted(shipped("mappings").glob("*.yml"))
    assert len(paths) >= 11
    assert [str(each) for path in paths for each in check(path, schema, context)] == []


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("aic:Enterprise", "aic:Enterprises",
         (9, "error", "unknown-term", "aic:Enterprises is no class that the ontology declares")),
        ("aic:Enterprise", "aic:locatedIn",
         (9, "error", "unknown-term", "aic:locatedIn is no class")),
        ("aic:foundedIn", "aic:foundet",
         (11, "error", "unknown-term", "aic:foundet is no property that the ontology declares")),
        ("skos:prefLabel", "skos:label",
         (10, "warning", "unknown-term", "skos:label is no property that the ontology declares")),
        ("[skos:prefLabel, $(name), en~lang]", "[aic:developedBy, {mapping: firm}]",
         (10, "warning", "domain",
          "aic:developedBy is said of aic:Artefact, not of aic:Enterprise")),
        ("aic:locatedIn", "aic:developedBy", (12, "warning", "range",
         "aic:developedBy takes aic:Organization, not aic:SpatialUnit")),
        ("{mapping: firm}", "{mapping: model}",
         (19, "warning", "range", "aic:developedBy takes aic:Organization, not aic:AIModel")),
        ("{mapping: firm}", "$(maker)",
         (19, "warning", "range", "aic:developedBy takes a resource, not a text")),
        ("$(year), xsd:gYear", "id:year/$(year)~iri",
         (11, "warning", "range", "aic:foundedIn takes a text, not a resource")),
        ("xsd:gYear", "xsd:date",
         (11, "warning", "range", "aic:foundedIn takes xsd:gYear, not xsd:date")),
        ("id:status/sourced", "id:status/heard",
         (25, "error", "unknown-concept", "id:status/heard is in no vocabulary")),
        ("{function: kgf:place, parameters: [[text, $(city)]]}",
         "{function: kgf:concept, parameters: [[kind, towns], [label, $(city)]]}",
         (12, "error", "lookup", "kgf:concept: no vocabulary has the kind 'towns'; there are ")),
        ("[text, $(city)]", "[text, {function: lookup, parameters: [[table, no], [match, a], "
         "[give, b], [text, $(city)]]}]",
         (12, "error", "lookup", "kgf:lookup: ")),
        ("$(year)", "$(years)",
         (11, "error", "language", "$(years) is no column of firms (firms.csv)")),
        ("kgf:place", "kgf:town", (13, "error", "language", "unknown function 'town'; expected")),
        ("[text, $(city)]", "[name, $(city)]",
         (13, "error", "language", "function place: parameter text is missing")),
        ("{mapping: firm}", "{mapping: firms}",
         (19, "error", "language", "mapping 'firms' does not exist in this file")),
    ],
)  # fmt: skip
def test_a_finding_names_line_and_rule(
    tmp_path: Path, schema: Schema, context: Context, old: str, new: str,
    finding: tuple[int, str, str, str],
) -> None:  # fmt: skip
    lines = found(tmp_path, schema, context, (old, new))
    assert [each[:3] for each in lines if each[:3] == finding[:3]] == [finding[:3]]
    (message,) = [each[3] for each in lines if each[:3] == finding[:3]]
    assert message.startswith(finding[3])


def test_all_faults_are_named_at_once(tmp_path: Path, schema: Schema, context: Context) -> None:
    lines = found(
        tmp_path, schema, context, ("aic:Enterprise", "aic:Firm"), ("xsd:gYear", "xsd:year"),
        ("kgf:place", "kgf:town"), ("subjects: id:o", "subject: id:o"), ("[[kind,", "[[kinds,"),
        ("{mapping: firm}", "$(nobody)"), ("title: T", "named: T"),
    )  # fmt: skip
    assert {(line, re.split("; | is not one of", message)[0]) for line, _, _, message in lines} == {
        (1, "unknown key named"), (1, "dataset.title is missing"), (7, "unknown key subject"),
        (6, "subjects is missing"), (11, "datatype xsd:year"),
        (13, "unknown function 'town'"), (16, "function key: parameter kind is missing"),
        (19, "$(nobody) is no column of firms (firms.csv)"),
    }  # fmt: skip


def test_tables_are_looked_at(tmp_path: Path, schema: Schema, context: Context) -> None:
    (tmp_path / "m.yml").write_text(SOUND, encoding="utf-8")

    def looked() -> list[Finding]:
        return check(tmp_path / "m.yml", schema, context, tmp_path)

    (absent,) = looked()
    assert (absent.line, absent.level) == (3, "warning")
    assert "there is no firms.csv" in absent.message
    (tmp_path / "firms.csv").write_text("id,name,city,year,extra\n", encoding="utf-8")
    (lacking,) = looked()
    assert (lacking.line, lacking.level, lacking.rule) == (3, "error", "file")
    assert "column maker is missing" in lacking.message
    (tmp_path / "firms.csv").write_text("id,name,city,year,maker,extra\n", encoding="utf-8")
    (more,) = looked()
    assert (more.level, "extra" in more.message) == ("warning", True)
    assert str(more).startswith(f"{tmp_path / 'm.yml'}:3: warning: firms.csv: columns that the")


def test_what_a_draft_left_to_be_said_is_a_warning(
    tmp_path: Path, schema: Schema, context: Context
) -> None:
    told = found(tmp_path, schema, context, ("http://example.org/l}", "urn:to-be-said}"))
    assert told == [(1, "warning", "unsaid", "the licence is still to be said: an IRI")]
