"""Corrected rejects replayed through a real build: `kg build --replay rejects.csv`."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kg.build import Inputs, Outcome, build
from kg.release import Home
from kg.settings import Settings, shipped

MAPPING = """\
dataset: {title: T, original: http://example.org/t, licence: http://example.org/l}
sources:
  labs:
    access: labs.csv
    key: id
    columns:
      id: {required: true, pattern: '[a-z]+'}
      name: {required: true}
      year: {type: year}
      page:
      part_of: {references: {table: labs, column: id}, acyclic: true, unused: true}
  countries: {access: countries.csv, columns: {iso: , name: }}
mappings:
  country:
    sources: countries
    subjects: id:place/cn
    predicateobjects:
      - [a, aic:Country]
      - [aic:isoCode, $(iso)]
      - [skos:prefLabel, $(name), en~lang]
  lab:
    sources: labs
    subjects: id:organization/test-$(id)
    predicateobjects:
      - [a, aic:Organization]
      - [skos:prefLabel, $(name), en~lang]
      - [aic:foundedIn, $(year), xsd:gYear]
      - [foaf:homepage, $(page)~iri]
"""
TABLE = """\
id,name,year,page,part_of
alpha,Alpha,2019,http://a.cn/,
beta,Beta,19x8,www.b.cn,alpha
GAMMA,Gamma,2020,http://c.cn/,
delta,Delta
epsilon,Epsilon,2021,,zeta
"""


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Outcome]:
    """Builds the table of labs, with corrected rejects if any."""
    for name, text in {"mappings/test.yml": MAPPING, "data/labs.csv": TABLE}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    # The shapes of the shipped ontology ask for China.
    (tmp_path / "data" / "countries.csv").write_text("iso,name\nCN,China\n", encoding="utf-8")

    def run(*replay: Path) -> Outcome:
        inputs = Inputs(
            mappings=tmp_path / "mappings", data=tmp_path / "data", replay=replay,
            ontology=shipped("ontology"), tables=shipped("tables"),
        )  # fmt: skip
        home = Home(tmp_path / "home")
        return build(home, Settings(), inputs, lambda *_: None, much=2.0)

    return run


def rejected(outcome: Outcome) -> list[dict[str, str]]:
    with (outcome.release.path / "rejects.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rewritten(path: Path, records: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(records[0]))
        writer.writeheader()
        writer.writerows(records)
    return path


def labels(outcome: Outcome) -> set[str]:
    found = outcome.release.open().query(
        "SELECT ?l { ?s <http://www.w3.org/2004/02/skos/core#prefLabel> ?l "
        'FILTER(CONTAINS(STR(?s), "/organization/test-")) }'
    )
    return {solution["l"].value for solution in found}  # type: ignore[union-attr, index]


def test_rejects_corrected_by_a_person_are_taken_in_place_of_the_rejected_rows(
    run: Callable[..., Outcome], tmp_path: Path
) -> None:
    first = run()
    records = rejected(first)
    assert [(r["line"], r["column"], r["rule"], r["level"]) for r in records] == [
        ("3", "page", "illegal-iri", "value"), ("3", "year", "type", "value"),
        ("4", "id", "pattern", "row"), ("5", "", "ragged-row", "row"),
        ("6", "part_of", "dangling-reference", "value"),
    ]  # fmt: skip
    assert labels(first) == {"Alpha", "Beta", "Epsilon"}
    page, year, key, ragged, dangling = records
    page["correction"], year["correction"] = "http://b.cn/", "19x9"
    key["row"] = key["row"].replace("GAMMA", "gamma")
    whole = dict.fromkeys(("id", "name", "year", "page", "part_of"), "")
    ragged["row"] = json.dumps(whole | {"id": "delta", "name": "Delta", "part_of": "gamma"})
    dangling["row"] = dangling["row"].replace("zeta", "")
    second = run(rewritten(tmp_path / "corrected.csv", records))
    assert not second.whole  # only the rows that were corrected are mapped again
    assert labels(second) == {"Alpha", "Beta", "Gamma", "Delta", "Epsilon"}
    (account,) = (each for each in second.accounts if each.table == "labs")
    assert (account.read, account.mapped, account.rejected) == (5, 5, 0)
    assert (account.cells_read, account.cells_rejected) == (25, 1)
    assert [str(reject) for reject in account.rejects] == [
        "labs.csv:3, column year: '19x9' (type): is not a year (xsd:gYear) "
        "(as corrected in corrected.csv:3)"
    ]
    (source,) = (each for each in second.release.manifest.sources if each.name == "labs")
    assert source.corrected == 4  # lines 3 to 6
    (again,) = rejected(second)
    assert json.loads(again["row"])["page"] == "http://b.cn/"

    # The corrections are an input of the build: without them it is what it was.
    assert run().release.id == first.release.id
