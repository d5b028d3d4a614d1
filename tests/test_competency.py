"""The competency questions: the domain's 41 and our own, each with its query or a reason."""

from __future__ import annotations

import csv
import re

import pytest

from kg import ontology, vocab
from kg.catalogue import Catalogue
from kg.settings import shipped

FILE = shipped("ontology") / "competency-questions.csv"
COLUMNS = ["number", "group", "question_en", "question_zh", "query", "reason", "terms"]
#: The questions of the domain study; the ones after them are the project's own.
OF_THE_DOMAIN = 41

with FILE.open(encoding="utf-8", newline="") as file:
    READER = csv.DictReader(file)
    QUESTIONS = list(READER)

TERMS = ontology.terms(shipped("ontology"))
CATALOGUE = Catalogue.load(shipped("queries"), terms=TERMS)


def listed(cell: str) -> list[str]:
    """The values of a cell that may hold several."""
    return cell.split("|") if cell else []


def test_the_questions_are_numbered_in_order_and_the_domains_come_first() -> None:
    assert READER.fieldnames == COLUMNS
    assert [row["number"] for row in QUESTIONS] == [str(n + 1) for n in range(len(QUESTIONS))]
    assert len(QUESTIONS) >= OF_THE_DOMAIN
    groups = [row["group"] for row in QUESTIONS]
    assert list(dict.fromkeys(groups))[:8] == [
        "Lookup & containment",
        "Empowerment",
        "Shares & statistics",
        "Concentration & specialisation",
        "Network",
        "Actors",
        "Provenance & change",
        "Federation",
    ]
    assert groups[OF_THE_DOMAIN - 1] == "Federation"


@pytest.mark.parametrize("row", QUESTIONS, ids=lambda row: str(row["number"]))
class TestQuestion:
    def test_is_asked_in_both_languages(self, row: dict[str, str]) -> None:
        assert re.search(r"[A-Za-z]{3}", row["question_en"])
        assert re.search(r"[\u4e00-\u9fff]{3}", row["question_zh"])
        # What is asked for stands alike in both.
        assert set(re.findall(r"\$\w+", row["question_en"])) == set(
            re.findall(r"\$[A-Za-z0-9_]+", row["question_zh"])
        )

    def test_is_answered_by_a_query_or_says_why_not(self, row: dict[str, str]) -> None:
        assert row["query"] or row["reason"]
        assert not row["reason"] or row["reason"].endswith(".")

    def test_names_queries_that_exist(self, row: dict[str, str]) -> None:
        for path in listed(row["query"]):
            assert path in CATALOGUE

    def test_names_terms_of_the_ontology_once(self, row: dict[str, str]) -> None:
        named = listed(row["terms"])
        assert len(set(named)) == len(named)
        for name in named:
            assert name.startswith("aic:") and vocab.expand(name) in TERMS, name


def test_every_query_answers_a_question() -> None:
    used = {path for row in QUESTIONS for path in listed(row["query"])}
    assert used == set(CATALOGUE)


def test_every_term_is_used_by_a_question() -> None:
    """In the text of a query that answers it, or in the question's own list."""
    used = {vocab.expand(name) for row in QUESTIONS for name in listed(row["terms"])}
    for query in CATALOGUE.values():
        used |= {vocab.AIC + name for name in re.findall(r"aic:(\w+)", query.text)}
    assert sorted(term for term in TERMS if term not in used) == []
