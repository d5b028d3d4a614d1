"""`kg explain` on a release of real rows: the derivation, the graphs, the table and the line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import crash
import pytest
from pyoxigraph import DefaultGraph, Quad, RdfFormat, Store

from kg import etl, ontology, vocab
from kg.__main__ import main
from kg.infer import Rules, materialise
from kg.release import Home, load_store, write_dump
from kg.settings import shipped
from kg.terminal import BAD_INPUT, OK

CREATED = "2026-01-01T00:00:00+00:00"
CLOUD = ("organization/alibaba-cloud", "aic:empowers", "field/smart-city")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose release holds the curated tables, their rows, and what follows from them."""
    path = tmp_path_factory.mktemp("home")
    home = Home(path)
    (source,) = (s for s in etl.load(shipped("mappings")) if s.dataset.name == "curated")
    context = etl.Context(shipped("tables"), shipped("ontology") / "vocabularies", vocab.BASE)
    schema = list(ontology.quads(shipped("ontology")))
    store = Store()
    store.extend(schema)
    with home.building() as candidate:
        sheets = etl.stage(source, shipped("tables"), candidate.path / "rows" / "curated")
        etl.run(source, sheets, context, lambda made: load(store, made))
        for quad in list(store):
            if quad.graph_name.value not in vocab.SIDE_GRAPHS:
                store.add(Quad(quad.subject, quad.predicate, quad.object, DefaultGraph()))
        assert materialise(store, Rules.compile(schema)) > 1000
        text = store.dump(format=RdfFormat.N_QUADS)
        assert text is not None
        content = write_dump(sorted(text.splitlines()), candidate.dump_path)
        load_store(candidate.store_path, candidate.dump_path)
        home.publish(candidate, crash.manifest(content, CREATED))
    return path


def load(store: Store, made: etl.Statements) -> None:
    store.load("\n".join(made.lines()).encode(), format=RdfFormat.N_QUADS)


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def kg(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Done]:
    monkeypatch.setenv("KG_HOME", str(home))
    return lambda *arguments: Done(main(["explain", *arguments]), *capsys.readouterr())


def test_inferred_statement_is_followed_down_to_line_and_column(kg: Callable[..., Done]) -> None:
    done = kg(" ".join(CLOUD))
    assert done.returncode == OK, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == [
        "organization/alibaba-cloud aic:empowers field/smart-city",
        "  by aic:hasEmpowerment ∘ aic:inField ⊑ aic:empowers",
    ]
    assert "      by aic:hasEmpowerment is the inverse of aic:empowerer" in lines
    assert "      stated in graph source/curated" in lines
    places = [line.split(" from ")[1] for line in lines if " from " in line]
    assert [place.partition(", ")[2] for place in places] == [
        "column empowerer (curated/empowerments)",
        "column field (curated/empowerments)",
    ]
    for place in places:
        file, _, number = place.partition(", ")[0].partition(":")
        row = (shipped("tables") / file).read_text(encoding="utf-8").splitlines()[int(number) - 1]
        assert "alibaba-cloud" in row
        assert "smart-city" in row


def test_json_is_the_whole_tree_with_full_iris(kg: Callable[..., Done]) -> None:
    done = kg(*CLOUD, "--json")
    assert done.returncode == OK, done.stderr
    tree = json.loads(done.stdout)
    assert tree["triple"] == [
        f"<{vocab.BASE}organization/alibaba-cloud>",
        f"<{vocab.AIC}empowers>",
        f"<{vocab.BASE}field/smart-city>",
    ]
    assert tree["axioms"] == ["aic:hasEmpowerment ∘ aic:inField ⊑ aic:empowers"]
    assert tree["graphs"] == tree["rows"] == []
    turned, field = tree["premises"]
    assert turned["premises"][0]["graphs"] == [vocab.graph("source/curated")]
    (row,) = field["rows"]
    assert (row["file"], row["column"]) == ("empowerments.csv", "field")


def test_stated_fact_and_literal_are_explained_by_their_row(kg: Callable[..., Done]) -> None:
    for value in ('"Q860580"', "'Q860580'^^xsd:string"):
        done = kg("organization/tencent", "aic:wikidataId", value)
        assert done.returncode == OK, done.stderr
        assert "from organizations.csv:" in done.stdout
        assert "column wikidata" in done.stdout


def test_axiom_of_the_ontology_has_a_graph_and_no_row(kg: Callable[..., Done]) -> None:
    done = kg("aic:Unicorn", "rdfs:subClassOf", f"<{vocab.AIC}Enterprise>")
    assert done.stdout.splitlines()[1:] == ["  stated in graph ontology"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("organization/tencent aic:empowers",), "expected a subject, a predicate and an object"),
        (("organization/tencent", "a", "aic:City"), "neither stated nor inferred"),
        (("organization/tencent", "a", "nothing"), "'nothing' is not a full IRI"),
        (("organization/tencent", "a", '"open'), "not a literal as Turtle writes it: Unexpected"),
        (("organization/tencent", "a", '"one" , "two"'), "expected one literal"),
        ((*CLOUD, "--release", "ffff"), "ffff"),
    ],
)
def test_bad_input_is_one_clear_line(
    kg: Callable[..., Done], arguments: tuple[str, ...], message: str
) -> None:
    done = kg(*arguments)
    assert (done.returncode, done.stdout) == (BAD_INPUT, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
