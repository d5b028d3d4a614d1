"""kg.ontology.mentions: a term is found where it is named, and only there is it replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from kg import vocab
from kg.ontology.mentions import LANGUAGES, in_file, mentions, replaced
from kg.settings import shipped

OLD, NEW = vocab.AIC + "year", vocab.AIC + "calendarYear"

CASES = {
    "turtle name": ("turtle", "@prefix aic: <{ns}> .\naic:x aic:year 1 .", "aic:year"),
    "turtle with another prefix": ("turtle", "PREFIX k: <{ns}>\nk:x k:year 1 .", "k:year"),
    "turtle IRI": ("turtle", "<{ns}x> <{ns}year> 1 .", "<{ns}year>"),
    "SPARQL inside a shape": (
        "turtle",
        "@prefix aic: <{ns}> .\n@prefix sh: <http://www.w3.org/ns/shacl#> .\n"
        '[] sh:select """SELECT $this WHERE {{ $this aic:year ?y }}""" .',
        "aic:year",
    ),
    "query": ("sparql", "PREFIX aic: <{ns}>\nSELECT * {{ ?x aic:year ?y }}", "aic:year"),
    "property path": ("sparql", "PREFIX aic: <{ns}>\nASK {{ ?x ^aic:year/aic:b ?y }}", "aic:year"),
    "query header": ("sparql", "#+ parameters:\n#+   p: {{class: aic:year}}\nASK {{}}", "aic:year"),
    "bare class name": (
        "sparql",
        "#+   kind: {{type: class, example: year, default: Other}}\nASK {{}}",
        "year",
    ),
    "mapping": ("yaml", "po:\n  - [aic:year, $(year)]\n", "aic:year"),
    "mapping, object": ("yaml", "po:\n  - [a, aic:year~iri]\n", "aic:year"),
    "alignment": ("plain", "aic:year\tskos:exactMatch\twdt:P577\n", "aic:year"),
    "full IRI in a table": ("plain", "type,{ns}year,year\n", "{ns}year"),
    "code": ("code", 'KINDS = {{AIC + "year": "year"}}', "year"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_name_is_found_and_replaced(name: str) -> None:
    language, text, token = CASES[name]
    text, token = (each.format(ns=vocab.AIC) for each in (text, token))
    (found,) = (each for each in mentions(text, language) if each.iri == OLD)
    assert text[found.start : found.end] == token
    assert text[: found.start].count("\n") + 1 == found.line
    after = replaced(text, language, {OLD: NEW})
    assert after == text[: found.start] + token.replace("year", "calendarYear") + text[found.end :]


UNTOUCHED = {
    "longer name": ("turtle", "@prefix aic: <{ns}> .\naic:x aic:yearOfBirth 1 ; aic:my-year 2 ."),
    "string": ("turtle", '@prefix aic: <{ns}> .\naic:x aic:p "aic:year" , """<{ns}year>""" .'),
    "comment": ("turtle", "@prefix aic: <{ns}> .\n# aic:year is a year\naic:x aic:p 1 ."),
    "other namespace": ("turtle", "@prefix aic: <https://example.org/> .\naic:x aic:year 1 ."),
    "string of a query": ("sparql", 'PREFIX aic: <{ns}>\nASK {{ ?x ?p "aic:year" }} # aic:year'),
    "column of a table": ("yaml", "po:\n  - [aic:yearly, $(year), 'in aic:year or so']\n"),
    "comment of a mapping": ("yaml", "# aic:year\npo: [aic:p, year]\n"),
    "part of a longer IRI": ("plain", "{ns}yearly,{ns}year/2,x-aic:year,aic:year-end\n"),
}


@pytest.mark.parametrize("name", UNTOUCHED)
def test_what_is_not_the_term_stays(name: str) -> None:
    language, text = UNTOUCHED[name]
    text = text.format(ns=vocab.AIC)
    assert replaced(text, language, {OLD: NEW}) == text


def test_broken_text_is_read_as_far_as_it_goes() -> None:
    assert [each.iri for each in mentions("ASK { aic:year 'open", "sparql")] == [OLD]
    assert mentions("a: [", "yaml") == []


@pytest.mark.parametrize("folder", ["ontology", "mappings", "queries"])
def test_shipped_files_are_unchanged_when_nothing_is_renamed(folder: str) -> None:
    paths = [path for path in shipped(folder).rglob("*") if path.suffix in LANGUAGES]
    assert len(paths) >= 10
    for path in paths:
        text = path.read_text(encoding="utf-8")
        same = {each.iri: each.iri for each in in_file(path)}
        assert replaced(text, LANGUAGES[path.suffix], same) == text


def test_a_file_that_names_no_terms_has_no_mentions(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"\x89PNG")
    assert in_file(tmp_path / "x.png") == []
