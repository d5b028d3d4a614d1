"""The mapping language: every fault names its file and line; every shipped mapping loads."""

from __future__ import annotations

from pathlib import Path

import pytest

from kg import vocab
from kg.errors import InputError
from kg.etl import load, read
from kg.etl.plan import Call, ObjectMap, Source, SubjectOf, Template, columns_of
from kg.settings import shipped

SOUND = """\
prefixes:
  ex: http://example.org/
dataset:
  title: Things
  original: http://example.org/things
  licence: http://example.org/licence
sources:
  things:
    access: things.csv
    key: id
    columns:
      id: {required: true, pattern: "[a-z]+"}
      name: {nulls: [N/A, "-"]}
      cost (EUR):
mappings:
  thing:
    sources: things
    subjects: ex:$(id)
    condition: {function: kgf:matches, parameters: [[pattern, .], [text, $(name)]]}
    predicateobjects:
      - [a, aic:Thing]
      - [skos:prefLabel, $(name), en~lang]
      - [aic:value, $(cost \\(EUR\\)), xsd:decimal]
      - predicates: [aic:same, aic:like]
        objects: [&label {value: $(name), language: zh}, *label]
      - [aic:self, {mapping: thing}]
      - [foaf:homepage, ex:page/$(id)~iri]
"""


def source(tmp_path: Path, text: str = SOUND) -> Source:
    path = tmp_path / "things.yml"
    path.write_text(text, encoding="utf-8")
    return read(path)


def test_a_mapping_becomes_a_plan(tmp_path: Path) -> None:
    plan = source(tmp_path)
    assert plan.dataset.graph == vocab.GRAPH + "source/things"
    assert not plan.dataset.shipped
    (table,) = plan.tables.values()
    assert (table.access, table.key, table.format) == ("things.csv", ("id",), "csv")
    assert [column.name for column in table.columns] == ["id", "name", "cost (EUR)"]
    assert table.columns[1].nulls == {"N/A", "-"}
    (thing,) = plan.maps
    assert thing.subject == Template(("http://example.org/", "id", ""))
    pairs = [(po.predicate, po.object) for po in thing.predicate_objects]
    zh = ObjectMap(Template(("", "name", "")), "literal", vocab.RDF + "langString", "zh")
    assert pairs == [
        (vocab.RDF + "type", ObjectMap(Template((vocab.AIC + "Thing",)), "iri")),
        (
            vocab.SKOS + "prefLabel",
            ObjectMap(Template(("", "name", "")), "literal", vocab.RDF + "langString", "en"),
        ),
        (
            vocab.AIC + "value",
            ObjectMap(Template(("", "cost (EUR)", "")), "literal", vocab.XSD + "decimal"),
        ),
        (vocab.AIC + "same", zh),
        (vocab.AIC + "same", zh),
        (vocab.AIC + "like", zh),
        (vocab.AIC + "like", zh),
        (vocab.AIC + "self", ObjectMap(SubjectOf("thing"), "iri")),
        (
            vocab.FOAF + "homepage",
            ObjectMap(Template(("http://example.org/page/", "id", "")), "iri"),
        ),
    ]


def test_arguments_are_passed_by_name_and_not_by_place(tmp_path: Path) -> None:
    condition = source(tmp_path).maps[0].condition
    assert condition == Call(
        "matches", (("text", Template(("", "name", ""))), ("pattern", Template((".",))))
    )
    assert list(columns_of(condition)) == ["name"]


def test_the_line_of_a_map_and_of_an_entry_is_known(tmp_path: Path) -> None:
    (thing,) = source(tmp_path).maps
    lines = [po.line for po in thing.predicate_objects]
    assert (thing.line, lines) == (17, [21, 22, 23, 24, 24, 24, 24, 26, 27])


ENTRY = "[foaf:homepage, ex:page/$(id)~iri]"


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("  licence:", "  license:", 6, "unknown key license; expected one of title, original"),
        ("sources: things", "sources: things\n    source: x", 18, "unknown key source"),
        ("    key: id", "    keys: id", 10, "unknown key keys"),
        ("required: true", "needed: true", 12, "unknown key needed"),
        ("required: true", "required: yes", 12, "expected true or false, found 'yes'"),
        ("kgf:matches", "kgf:fits", 19, "unknown function 'fits'; expected one of concept"),
        ("[pattern, .], ", "", 19, "function matches: parameter pattern is missing"),
        ("[pattern, .]", "[pattern, .], [flags, i]", 19, "unknown parameter flags; expected text"),
        ("[pattern, .]", "[pattern, .], [pattern, x]", 19, "parameter pattern stands twice"),
        ("[pattern, .]", "[pattern, .], x", 19, "expected [parameter, value]"),
        ("[pattern, .]", "[pattern, '(']", 19, "'(' is not a regular expression"),
        ("[pattern, .], ", "[pattern, .], [by, {mapping: thing}], ", 19, "only as an object"),
        ("kgf:matches", "kgf:upper", 19, "function upper: unknown parameter pattern"),
        ('"[a-z]+"', '"["', 12, "'[' is not a regular expression"),
        ('"[a-z]+"', "{}", 12, "expected text"),
        ("page/$(id)", "page/$(idd)", 27, "$(idd) is no column of things (things.csv)"),
        ("page/$(id)", "page/$(id", 27, "expected $(column), parentheses in it escaped"),
        ("ex:$(id)", "ex:$(label)", 17, "$(label) is no column of things"),
        ("ex:$(id)", "exx:$(id)", 18, "'exx:' starts with no scheme and no declared prefix"),
        ("ex:$(id)", "[ex:$(id), ex:$(name)]", 18, "expected one subject"),
        ("ex:$(id)", "{mapping: thing}", 18, "expected a template or a function that gives IRIs"),
        ("ex:$(id)", "{function: upper, parameters: [[text, x]]}", 18, "that gives IRIs"),
        ("sources: things", "sources: thing", 17, "expected one of the tables things"),
        ("sources: things", "sources: [[things.csv~csv]]", 17, "expected text"),
        ("{mapping: thing}", "{mapping: nothing}", 26, "mapping 'nothing' does not exist"),
        ("xsd:decimal", "xsd:whole", 23, "xsd:whole is not one of xsd:boolean, xsd:integer"),
        ("xsd:decimal", "xsdd:decimal", 23, "'xsdd:decimal' is no IRI and no name of a declared"),
        ("en~lang", "EN~lang", 22, "'EN' is not a lower-case language tag"),
        ("language: zh", "language: {}", 25, "function is missing"),
        ("aic:self", "acx:self", 26, "'acx:self' is no IRI and no name of a declared prefix"),
        ("aic:self", "self", 26, "'self' is no IRI and no name of a declared prefix"),
        ("aic:Thing", "acx:Thing", 21, "'acx:Thing' starts with no scheme and no declared"),
        ("value: $(name), ", "value: $(name), kind: x, ", 25, "unknown key kind"),
        ("language: zh", "type: blank", 25, "type 'blank' is not one of iri, literal"),
        (ENTRY, "[foaf:homepage]", 27, "expected [predicate, object]"),
        (ENTRY, "{predicates: foaf:homepage}", 27, "objects is missing"),
        (ENTRY, "[aic:x, {function: matches, parameters: [[text, a], [pattern, b]]}]", 27,
         "matches gives true or false; expected it as a condition"),
        (ENTRY, "{predicates: aic:x, objects: y, condition: $(id)}", 27, "expected a mapping"),
        (ENTRY, "{predicates: aic:x, objects: y, condition: {function: upper, parameters: "
         "[[text, y]]}}", 27, "expected a function that gives true or false"),
        ("  title: Things", "  title:", 4, "dataset.title is missing"),
        ("  title: Things", "  title: {a: b}", 4, "expected text"),
        ("licence: http://example.org/licence", "licence: MIT", 6, "'MIT' is not an IRI"),
        ("  title: Things", "  title: Things\n  graph: a b", 5, "is not an IRI"),
        ("    key: id", "    key: idd", 9, "the key names idd, which is no column"),
        ("    access: things.csv", "    access: things.doc", 9, "format 'doc' is not one of"),
        ("    access: things.csv\n", "", 9, "access is missing"),
        ("  thing:\n", "  other:\n", 26, "mapping 'thing' does not exist"),
        ("      name:", "      id:", 13, "'id' stands twice"),
        ("  title: Things", "  title: Things\n  title: Twice", 5, "'title' stands twice"),
        ("  title: Things", "  title: [", 6, "not YAML"),
        ("    subjects: ex:$(id)\n", "", 17, "subjects is missing"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_file_and_line(
    tmp_path: Path, old: str, new: str, line: int, message: str
) -> None:
    assert SOUND.count(old) >= 1
    with pytest.raises(InputError) as caught:
        source(tmp_path, SOUND.replace(old, new, 1))
    assert str(caught.value).startswith(f"{tmp_path / 'things.yml'}:{line}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the file is empty"),
        ("# a comment\n", 1, "the file is empty"),
        ("text", 1, "expected a mapping"),
        (SOUND.split("sources:", 1)[0], 1, "expected at least one table under sources"),
        (SOUND.split("mappings:", 1)[0], 1, "expected mappings, or dataset.compiled_into"),
    ],
)
def test_a_file_that_lacks_a_part_is_refused(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        source(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'things.yml'}:{line}: {message}")


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.yml").write_bytes(b"dataset: \xb1\n")
    with pytest.raises(InputError, match=r"t\.yml:1: cannot be read"):
        read(tmp_path / "t.yml")


OTHER = """\
  others:
    access: others.csv
    columns: {id: }
mappings:
"""


def test_a_table_that_no_mapping_reads_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="table others is declared, but no mapping reads it"):
        source(tmp_path, SOUND.replace("mappings:\n", OTHER))


def test_a_reference_to_a_mapping_of_another_table_is_refused(tmp_path: Path) -> None:
    other = "  other: {sources: others, subjects: ex:$(id), predicateobjects: [[a, ex:O]]}\n"
    text = SOUND.replace("mappings:\n", OTHER + other).replace("mapping: thing", "mapping: other")
    with pytest.raises(InputError, match=":30: mapping 'other' reads another table"):
        source(tmp_path, text)


def test_a_source_that_is_compiled_into_a_table_needs_no_mapping(tmp_path: Path) -> None:
    text = SOUND.split("mappings:", 1)[0].replace(
        "dataset:\n", "dataset:\n  compiled_into: c.csv\n"
    )
    assert source(tmp_path, text).maps == ()


def test_a_datatype_may_be_string(tmp_path: Path) -> None:
    plan = source(tmp_path, SOUND.replace("xsd:decimal", "xsd:string"))
    assert plan.maps[0].predicate_objects[2].object == ObjectMap(
        Template(("", "cost (EUR)", "")), "literal"
    )


def test_a_folder_without_mappings_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected at least one mapping"):
        load(tmp_path)


def test_every_shipped_mapping_loads_and_shipped_datasets_come_first() -> None:
    sources = load(shipped("mappings"))
    assert [each.dataset.name for each in sources] == [
        "curated", "places", "report",
        "ccf", "china-admin", "epoch", "geonames", "lfai", "llms-in-china", "natural-earth", "ror",
        "sample",
    ]  # fmt: skip
    for each in sources:
        assert bool(each.maps) != bool(each.dataset.compiled_into)
        if each.dataset.shipped:
            for table in each.tables.values():
                assert (shipped("tables") / table.access).is_file()
