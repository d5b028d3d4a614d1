"""Waivers: counted apart, told with their reason, and gone after their day."""

from __future__ import annotations

from datetime import date

import pytest
from test_compiling import quads, store

from kg.errors import KnowledgeGraphError
from kg.validate import Report, Shapes, validate, validate_delta

SHAPES = "ex:S sh:targetClass ex:C ; sh:property [ sh:path ex:p ; sh:minCount 1 ] ."
HEAD = """PREFIX aicsh: <https://w3id.org/aicluster/ontology/shapes#>
PREFIX dcterms: <http://purl.org/dc/terms/>
"""
WAIVER = """aicsh:W a aicsh:Waiver ; aicsh:waivesShape ex:S ; {focus} ;
  dcterms:description "They are being asked." ; dcterms:creator "the maintainers" ;
  dcterms:valid "2027-06-30"^^xsd:date ."""
DATA = "ex:D rdfs:subClassOf ex:C . ex:a a ex:C . ex:b a ex:D . ex:c a ex:C ; ex:p 1 ."


def shapes(focus: str) -> Shapes:
    return Shapes.compile(quads(HEAD + SHAPES + WAIVER.format(focus=focus)))


def report(focus: str, today: date = date(2027, 6, 30)) -> Report:
    return validate(store(DATA), shapes(focus), today=today)


def test_waived_violation_passes_visibly() -> None:
    found = report("aicsh:focusNode ex:a , ex:b")
    assert found.conforms
    assert found.counts()["Violation"] == 0
    assert found.waived == 2
    assert "0 Violation, 0 Warning, 0 Info, 2 waived" in found.text()
    assert "waived: They are being asked. (the maintainers, until 2027-06-30)" in found.text()
    assert "sh:conforms false" in found.turtle  # the standard knows no waivers


def test_class_waives_its_instances_and_those_below() -> None:
    assert report("aicsh:focusClass ex:C").waived == 2
    below = report("aicsh:focusClass ex:D")
    assert [(r.focus, bool(r.waiver)) for r in below.results] == [
        ("<http://example.org/a>", False),
        ("<http://example.org/b>", True),
    ]
    assert not below.conforms


def test_expired_waiver_no_longer_counts_and_is_told() -> None:
    found = report("aicsh:focusClass ex:C", today=date(2027, 7, 1))
    assert not found.conforms
    assert found.waived == 0
    assert found.notices == (
        "waiver https://w3id.org/aicluster/ontology/shapes#W expired on 2027-06-30 "
        "and no longer counts: They are being asked.",
    )


def test_waiver_that_covers_nothing_is_told() -> None:
    found = report("aicsh:focusNode ex:c")
    assert found.notices[0].endswith("covers nothing: remove it")


def test_delta_waives_what_it_keeps_and_what_it_finds() -> None:
    known = shapes("aicsh:focusNode ex:a , ex:b")
    old, new = store(DATA.replace("ex:b a", "ex:b ex:p 2 ; a")), store(DATA)
    today = date(2027, 1, 1)
    removed = [quad.triple for quad in old if quad not in new]
    before = validate(old, known, today=today)
    after = validate_delta(new, known, [], removed, before, today=today)
    assert (before.waived, after.waived) == (1, 2)
    late = date(2028, 1, 1)
    expired = validate_delta(new, known, [], removed, before, today=late)
    assert expired == validate(new, known, today=late)
    assert expired.waived == 0


@pytest.mark.parametrize(
    ("waiver", "said"),
    [
        (WAIVER.format(focus="aicsh:focusNode ex:a").replace("ex:S", "ex:X"), "no shape"),
        (WAIVER.replace("{focus} ;", ""), "focusNode or focusClass"),
        (WAIVER.format(focus="aicsh:focusNode ex:a").replace("2027-06-30", "2027-06"), "a date"),
        ("aicsh:W a aicsh:Waiver ; aicsh:waivesShape ex:S ; aicsh:focusNode ex:a ; "
         'dcterms:valid "2027-06-30" .', "one dcterms:description"),
    ],
)  # fmt: skip
def test_waiver_that_lacks_a_part_is_refused(waiver: str, said: str) -> None:
    with pytest.raises(KnowledgeGraphError, match=said):
        Shapes.compile(quads(HEAD + SHAPES + waiver))
