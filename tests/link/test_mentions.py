"""Mentions, read off what mappings say."""

from __future__ import annotations

import pytest

from kg import vocab
from kg.etl import Context
from kg.etl.mapping import read as read_mapping
from kg.link import mentions
from kg.link.mentions import Corpus, literal
from kg.settings import shipped

MAPPING = """
dataset:
  title: Alliances
  original: http://example.org/
  licence: http://example.org/licence
sources:
  alliances:
    access: alliances.csv
    key: [alliance, year]
    columns:
      alliance: {required: true}
      year: {unused: true}
      status: {pattern: active}
      city:
      home:
      model:
  members:
    access: alliances.csv
    columns:
      alliance: {required: true, split: '[&+]'}
      year: {unused: true}
      status: {unused: true}
      city: {unused: true}
      home: {unused: true}
      model: {unused: true}
mappings:
  member:
    sources: members
    subjects: {function: kgf:organization, parameters: [[name, $(alliance)], [source, alliances]]}
    predicateobjects:
      - [skos:altLabel, $(alliance)]
  alliance:
    sources: alliances
    subjects: {function: kgf:organization, parameters: [[name, $(alliance)], [source, alliances]]}
    predicateobjects:
      - [a, aic:IndustryAlliance]
      - predicates: skos:prefLabel
        objects:
          function: kgf:replace
          parameters: [[text, $(alliance)], [pattern, ' \\(.*'], [by, '']]
          language: en
      - predicates: aic:locatedIn
        objects: {function: kgf:place, parameters: [[text, $(city)]]}
      - [foaf:homepage, $(home)~iri]
      - [aic:registryStatus, $(status)]
  model:
    sources: alliances
    subjects:
      function: kgf:key
      parameters: [[kind, AIModel], [source, alliances], [of, $(model)]]
    predicateobjects:
      - [skos:prefLabel, $(model), zh~lang]
      - predicates: aic:developedBy
        objects: {mapping: alliance}
"""

ROWS = """alliance,year,status,city,home,model
Robots of Shenzhen (draft),2020,active,Shenzhen,https://www.robots.example/x,盘古
百度&OpenKG,2021,closed,Atlantis,,
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("source")
    (folder / "alliances.yml").write_text(MAPPING, encoding="utf-8")
    (folder / "alliances.csv").write_text(ROWS, encoding="utf-8")
    context = Context(shipped("tables"), shipped("ontology") / "vocabularies")
    return mentions.read([(read_mapping(folder / "alliances.yml"), folder)], context)


def own(name: str) -> str:
    return f"organization/alliances-{vocab.digest(name)}"


def test_any_source_with_a_mapping_has_mentions(corpus: Corpus) -> None:
    found = {(each.key, each.text, each.kind) for each in corpus.mentions}
    assert ("Robots of Shenzhen (draft)|2020", "盘古", "model") in found
    assert ("Robots of Shenzhen (draft)|2020", "Shenzhen", "place") in found


def test_a_mention_is_the_text_as_it_stands_in_the_table(corpus: Corpus) -> None:
    texts = {each.text for each in corpus.mentions if each.kind == "organization"}
    assert "Robots of Shenzhen (draft)" in texts
    assert "Robots of Shenzhen" not in texts
    assert "Robots of Shenzhen" in corpus.entities[own("Robots of Shenzhen (draft)")].labels


def test_a_cell_of_several_names_has_a_mention_of_each_under_the_key_of_its_row(
    corpus: Corpus,
) -> None:
    found = {
        each.text: (each.key, each.entity)
        for each in corpus.mentions
        if each.key.startswith("百度") and each.kind == "organization"
    }
    assert found["百度"] == ("百度&OpenKG|2021", own("百度"))
    assert found["OpenKG"] == ("百度&OpenKG|2021", own("OpenKG"))


def test_a_row_that_a_build_rejects_is_read_with_its_status(corpus: Corpus) -> None:
    assert corpus.entities[own("百度&OpenKG")].status == "closed"


def test_a_place_that_no_table_knows_is_a_mention_without_entity(corpus: Corpus) -> None:
    (unknown,) = (each for each in corpus.mentions if each.text == "Atlantis")
    assert (unknown.kind, unknown.entity) == ("place", None)


def test_what_a_source_states_of_a_key_is_its_context(corpus: Corpus) -> None:
    entity = corpus.entities[own("Robots of Shenzhen (draft)")]
    assert entity.places == {"shenzhen"}
    assert entity.countries == {"cn"}
    assert entity.domains == {"robots.example"}
    assert entity.classes == {"IndustryAlliance"}
    (model,) = (each for each in corpus.entities.values() if each.kind == "model")
    assert model.related["developer"] == {entity.key}


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ('"plain"@en', "plain"),
        (r'"a \"b\" \\ c\n"', 'a "b" \\ c\n'),
        (r'"\u4E2D\U0001F600"^^<http://x/y>', "中😀"),
    ],
)
def test_a_literal_is_read_as_n_quads_write_it(term: str, text: str) -> None:
    assert literal(term) == text
