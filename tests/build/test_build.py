"""The pipeline on real tables: what is published, what is rejected, what stops a publish."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pyoxigraph import NamedNode, RdfFormat, Store, parse

from kg import vocab
from kg.build import Inputs, Outcome, build
from kg.errors import InputError
from kg.release import Home, read_dump
from kg.settings import Settings, shipped
from kg.validate import NotConforming, Report

SHARED = Path(__file__).parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir() and os.environ.get("CI") != "true",
    reason="the third-party tables are not beside the checkout (../shared/data)",
)


def quiet(_: str, __: float) -> None:
    """Show no progress."""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return build(Home(tmp_path_factory.mktemp("home")), Settings(), Inputs(), quiet)


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    """A copy of the shipped folders that a test may spoil."""
    for name in ("ontology", "mappings", "tables"):
        shutil.copytree(shipped(name), tmp_path / name)
    return Inputs(tmp_path / "ontology", tmp_path / "mappings", tmp_path / "tables")


def rewrite(path: Path, line: int, column: str, value: str) -> None:
    """Put `value` into one cell; lines count from 1, the header's."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    rows[line - 1][rows[0].index(column)] = value
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def ask(store: Store, where: str) -> int:
    prefixes = "".join(f"PREFIX {name}: <{iri}>\n" for name, iri in vocab.PREFIXES.items())
    found = store.query(f"{prefixes} SELECT (COUNT(*) AS ?n) WHERE {{ {where} }}")
    return int(next(found)["n"].value)  # type: ignore[arg-type, call-overload, union-attr]


def test_shipped_tables_give_a_release_that_conforms(outcome: Outcome) -> None:
    assert outcome.report.conforms
    assert outcome.fresh
    outcome.release.verify()


def test_no_row_of_a_shipped_table_is_rejected(outcome: Outcome) -> None:
    assert [str(reject) for account in outcome.accounts for reject in account.rejects] == []


def test_every_row_is_accounted_for(outcome: Outcome) -> None:
    assert outcome.accounts
    for account in outcome.accounts:
        assert account.read == account.mapped + account.rejected + account.unmapped
        assert account.unmapped == 0


def test_release_holds_the_promised_organizations_and_facts(outcome: Outcome) -> None:
    store = outcome.release.open()
    assert ask(store, "{ SELECT DISTINCT ?o { ?o a/rdfs:subClassOf* aic:Organization } }") >= 100
    assert ask(store, "{ SELECT DISTINCT ?e { ?e a aic:Empowerment ; aic:evidencedBy ?s } }") >= 120
    assert ask(store, "{ SELECT DISTINCT ?f { ?e a aic:Empowerment ; aic:inField ?f } }") == 19


def test_default_graph_is_the_deduplicated_merge_without_the_side_graphs(outcome: Outcome) -> None:
    named, merged = set(), set()
    side = tuple(f" <{graph}> .".encode() for graph in vocab.SIDE_GRAPHS)
    for quad in parse(b"\n".join(read_dump(outcome.release.dump_path)), format=RdfFormat.N_QUADS):
        triple = f"{quad.subject} {quad.predicate} {quad.object}"
        if not isinstance(quad.graph_name, NamedNode):
            assert triple not in merged
            merged.add(triple)
        elif not f" {quad.graph_name} .".encode().endswith(side):
            named.add(triple)
    assert merged == named


def test_manifest_counts_what_is_there(outcome: Outcome) -> None:
    manifest = outcome.release.manifest
    store = outcome.release.open()
    assert manifest.quads == len(store) == sum(manifest.graphs.values())
    assert manifest.classes[vocab.AIC + "Empowerment"] == ask(store, "?e a aic:Empowerment")
    assert {"organizations", "empowerments", "cities"} <= {s.name for s in manifest.sources}
    assert all(len(source.sha256) == 64 for source in manifest.sources)


def test_same_inputs_give_the_same_release(outcome: Outcome, tmp_path: Path) -> None:
    again = build(Home(tmp_path), Settings(), Inputs(), quiet)
    assert again.release.id == outcome.release.id


def test_release_larger_than_the_memory_budget_is_the_same(
    outcome: Outcome, tmp_path: Path
) -> None:
    on_disk = build(Home(tmp_path), Settings(memory=1), Inputs(), quiet)
    assert on_disk.release.id == outcome.release.id
    assert on_disk.release.manifest.classes == outcome.release.manifest.classes
    assert on_disk.report.counts() == outcome.report.counts()
    on_disk.release.verify()


def test_building_again_publishes_nothing_new(inputs: Inputs, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    first = build(home, Settings(), inputs, quiet)
    second = build(home, Settings(), inputs, quiet)
    assert (second.fresh, second.release.id) == (False, first.release.id)
    assert len(home.releases()) == 1


def test_violation_stops_the_publish_and_names_the_cell(
    outcome: Outcome, inputs: Inputs, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")
    with home.building():
        pass
    rewrite(inputs.tables / "organizations.csv", 3, "wikidata", "Tencent")
    with pytest.raises(NotConforming) as error:
        build(home, Settings(), inputs, quiet)
    violations = [r for r in error.value.report.results if r.severity == "Violation"]
    assert len(violations) == 1
    assert violations[0].focus == "<https://w3id.org/aicluster/id/organization/tencent>"
    assert violations[0].path == f"<{vocab.AIC}wikidataId>"
    assert violations[0].value == '"Tencent"'
    assert [str(origin) for origin in violations[0].origins] == [
        "organizations.csv:3, column wikidata (curated/organizations)"
    ]
    assert {"en", "zh"} <= set(violations[0].message)
    assert "organizations.csv:3, column wikidata" in str(error.value)
    assert home.releases() == []
    assert list((home.path / "candidates").iterdir()) == []


def test_what_a_build_was_refused_for_is_kept_with_its_rejects(
    inputs: Inputs, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")
    rewrite(inputs.tables / "organizations.csv", 3, "wikidata", "Tencent")
    rewrite(inputs.tables / "empowerments.csv", 2, "source_title", "")
    with pytest.raises(NotConforming) as error:
        build(home, Settings(), inputs, quiet)
    assert Report.read(home.refused) == error.value.report
    (reject,) = csv.DictReader((home.refused / "rejects.csv").read_text().splitlines())
    assert (reject["table"], reject["line"]) == ("empowerments", "2")
    # The next one takes its place, by whatever way it was built.
    rewrite(inputs.tables / "organizations.csv", 3, "wikidata", "Q38395")
    build(home, Settings(), inputs, quiet)
    rewrite(inputs.tables / "organizations.csv", 3, "wikidata", "Alibaba")
    with pytest.raises(NotConforming):
        build(home, Settings(), inputs, quiet)
    assert [r.value for r in Report.read(home.refused).results if r.severity == "Violation"] == [
        '"Alibaba"'
    ]


def test_row_without_a_required_value_is_rejected(inputs: Inputs, tmp_path: Path) -> None:
    rewrite(inputs.tables / "empowerments.csv", 2, "source_title", "")
    outcome = build(Home(tmp_path / "home"), Settings(), inputs, quiet)
    rejects = [reject for account in outcome.accounts for reject in account.rejects]
    assert [(r.file, r.line, r.column, r.rule, r.level) for r in rejects] == [
        ("empowerments.csv", 2, "source_title", "missing-value", "row")
    ]


def test_bad_year_rejects_the_value_and_keeps_the_row(inputs: Inputs, tmp_path: Path) -> None:
    rewrite(inputs.tables / "organizations.csv", 3, "founded", "19x8")
    outcome = build(Home(tmp_path / "home"), Settings(), inputs, quiet)
    rejects = [reject for account in outcome.accounts for reject in account.rejects]
    assert [str(reject) for reject in rejects] == [
        "organizations.csv:3, column founded: '19x8' (datatype): is not a year (xsd:gYear)"
    ]
    assert ask(outcome.release.open(), "<https://w3id.org/aicluster/id/organization/tencent> ?p ?o")
    with (outcome.release.path / "rejects.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["source"], row["line"], row["column"], row["rule"], row["value"]) == (
        "curated", "3", "founded", "datatype", "19x8"
    )  # fmt: skip


def test_module_with_a_syntax_error_is_named_with_its_line(inputs: Inputs, tmp_path: Path) -> None:
    path = inputs.ontology / "place.ttl"
    path.write_text(
        path.read_text(encoding="utf-8") + "\naic:Broken a owl:Class ; ;; .\n<", "utf-8"
    )
    home = Home(tmp_path / "home")
    with pytest.raises(InputError, match=r"place\.ttl:\d+:\d+: not Turtle"):
        build(home, Settings(), inputs, quiet)
    assert home.releases() == []


def test_base_setting_moves_resources_and_leaves_terms(tmp_path: Path) -> None:
    base = "https://example.org/kg/"
    outcome = build(Home(tmp_path), Settings(base=base), Inputs(), quiet)
    store = outcome.release.open()
    assert ask(store, f"<{base}organization/baidu> a aic:MegaPlatform")
    assert ask(store, f"<{base}field/energy> a aic:ApplicationField")
    assert ask(store, f'?s ?p ?o FILTER(STRSTARTS(STR(?s), "{vocab.BASE}"))') == 0
    assert ask(store, f'?s ?p ?o FILTER(isIRI(?o) && STRSTARTS(STR(?o), "{vocab.BASE}"))') == 0


def test_folder_without_any_table_of_a_source_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(InputError, match="none of the sources' tables"):
        build(Home(tmp_path / "home"), Settings(), Inputs(data=tmp_path / "data"), quiet)


def test_source_whose_table_is_absent_is_left_out_and_said(tmp_path: Path) -> None:
    table = tmp_path / "data" / "ccf_conferences" / "conference_editions.csv"
    table.parent.mkdir(parents=True)
    table.write_text(
        "series,description,sub,ccf_rank,dblp,year,id,link,date,place,in_china\n"
        'AAAI,A conference,AI,A,aaai,2022,aaai22,https://aaai.org/,"May 1","Atlantis",no\n',
        encoding="utf-8",
    )
    outcome = build(Home(tmp_path / "home"), Settings(), Inputs(data=tmp_path / "data"), quiet)
    assert any(notice.startswith("ror: left out") for notice in outcome.notices)
    (reject,) = [reject for account in outcome.accounts for reject in account.rejects]
    assert (reject.rule, reject.value, reject.level) == ("unknown-place", "Atlantis", "value")
    assert ask(outcome.release.open(), "?e a aic:ConferenceEdition") == 1


@needs_shared
def test_real_open_data_gives_a_release_above_the_promised_counts(tmp_path: Path) -> None:
    outcome = build(Home(tmp_path), Settings(), Inputs(data=SHARED), quiet)
    store = outcome.release.open()
    organizations = "{ SELECT DISTINCT ?o { ?o a/rdfs:subClassOf* aic:Organization } }"
    assert ask(store, organizations) > 2_000
    assert ask(store, "?e a aic:ConferenceEdition") > 1_000
    assert ask(store, "?m a aic:AIModel") > 900
    assert ask(store, "{ SELECT DISTINCT ?f { ?e a aic:Empowerment ; aic:inField ?f } }") == 19
    assert outcome.notices == ()
    for account in outcome.accounts:
        assert account.read == account.mapped + account.rejected + account.unmapped
    # 18 models name no developer, so their rows say nothing of organizations.
    unmapped = {account.table: account.unmapped for account in outcome.accounts if account.unmapped}
    assert unmapped == {"epoch_organizations": 18}
    warnings = {(r.path, r.component) for r in outcome.report.results if r.severity == "Warning"}
    assert (f"<{vocab.AIC}developedBy>", "MinCountConstraintComponent") in warnings
    report = json.loads((outcome.release.path / "report.json").read_text(encoding="utf-8"))
    assert report["conforms"] is True
    assert report["counts"]["Warning"] == outcome.report.counts()["Warning"]


KILLED_BUILD = """
import os, signal, sys
from pathlib import Path
from kg.build import Inputs, build
from kg.release import Home
from kg.settings import Settings

home, folder, last, full = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4] == "full"

def kill(stage, done):
    if stage == last:
        os.kill(os.getpid(), signal.SIGKILL)

inputs = Inputs(folder / "ontology", folder / "mappings", folder / "tables")
build(Home(home), Settings(), inputs, kill, full=full)
"""


@pytest.mark.parametrize(
    ("stage", "kind"),
    [
        *((stage, "full") for stage in ("read", "map places", "ontology", "validate", "publish")),
        *((stage, "incremental") for stage in ("compare", "infer", "publish")),
    ],
)
def test_build_killed_at_any_stage_leaves_the_current_release_intact(
    outcome: Outcome, inputs: Inputs, tmp_path: Path, stage: str, kind: str
) -> None:
    path = tmp_path / "home"
    shutil.copytree(outcome.release.path.parents[1], path, symlinks=True)
    rewrite(inputs.tables / "organizations.csv", 3, "founded", "1999")
    done = subprocess.run(
        [sys.executable, "-c", KILLED_BUILD, str(path), str(tmp_path), stage, kind], check=False
    )
    assert done.returncode == -signal.SIGKILL
    home = Home(path)
    assert home.current().id == outcome.release.id
    home.current().verify()
    with home.building() as candidate:
        assert list(candidate.path.parent.iterdir()) == [candidate.path]
    assert [release.id for release in home.releases()] == [outcome.release.id]
