"""Who uses a term, by file, line and kind."""

# ruff: noqa: E501 - a table of files reads row by row

from __future__ import annotations

from pathlib import Path

import pytest

from kg import vocab
from kg.ontology.uses import PLACES, uses
from kg.settings import shipped

FILES = {
    "mapping": ("mappings/x.yml", "# aic:no\nclass: aic:City # aic:no\n", 2),
    "shape": ("ontology/shapes/x.ttl", "@prefix a: <https://w3id.org/aicluster/ontology#> .\n<urn:s> <urn:p>\n  a:City .\n", 3),
    "query": ("queries/t/x.rq", "#+ parameters:\n#+   x: {type: iri, class: aic:City}\n# aic:no\n", 2),
    "check": ("ontology/checks/x.rq", "SELECT * {\n ?x a <https://w3id.org/aicluster/ontology#City> }\n", 2),
    "alignment": ("ontology/alignments/x.sssom.tsv", "subject_id\tobject_id\naic:City\tschema:City\n", 2),
    "competency": ("ontology/competency-questions.csv", "number,terms\n1,aic:City\n", 2),
    "vocabulary": ("ontology/vocabularies/x.ttl", "<urn:c> a <https://w3id.org/aicluster/ontology#City> .\n", 1),
}  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_use_is_found_with_file_line_and_kind(kind: str, tmp_path: Path) -> None:
    name, text, line = FILES[kind]
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    found = uses(tmp_path)
    assert found[vocab.AIC + "City"] == [(name, line, kind)]
    assert vocab.AIC + "no" not in found


def test_every_kind_has_a_test() -> None:
    assert set(FILES) == set(PLACES)


def test_sparql_inside_a_shape_is_read(tmp_path: Path) -> None:
    path = tmp_path / "ontology" / "shapes" / "x.ttl"
    path.parent.mkdir(parents=True)
    path.write_text(
        '@prefix aic: <https://w3id.org/aicluster/ontology#> .\n<urn:s> <urn:p> """\n$this aic:heldIn ?x\n""" .\n'
    )
    assert uses(tmp_path)[vocab.AIC + "heldIn"] == [("ontology/shapes/x.ttl", 3, "shape")]


def test_what_ships_uses_terms_in_mappings_queries_and_shapes() -> None:
    kinds = {kind for _, _, kind in uses(shipped("ontology").parent)[vocab.AIC + "locatedIn"]}
    assert {"mapping", "query", "shape"} <= kinds
