"""What a row gives, and which rows give a triple, found without mapping every row."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg import vocab
from kg.errors import InputError
from kg.etl import Context, Source, explain, read, run, stage
from kg.settings import shipped
from kg.tables import Sheet

MAPPING = """\
prefixes: {ex: http://example.org/}
dataset: {title: T, original: http://example.org/t, licence: http://example.org/l}
sources:
  t: {access: t.csv, columns: {id: , name: , tags: {split: ;}, year: }}
  u: {access: u.csv, columns: {id: , name: }}
mappings:
  thing:
    sources: t
    subjects: ex:$(id)/$(year)
    predicateobjects:
      - [aic:name, $(name)]
      - [aic:label, The $(name), en~lang]
      - [aic:year, $(year), xsd:gYear]
      - [aic:tag, $(tags)]
      - [aic:of, {mapping: other}]
      - [aic:number, $(name), xsd:decimal]
      - predicates: aic:meets
        objects:
          mapping: second
          condition: {function: equal, parameters: [[str1, $(name)], [str2, $(name)]]}
  other:
    sources: t
    subjects: {function: kgf:resource, parameters: [[kind, field], [key, k-$(id)]]}
    predicateobjects:
      - [aic:same, $(name)]
  tagged:
    sources: t
    subjects: ex:tag/$(tags)
    predicateobjects: [[aic:name, $(name)]]
  keyed:
    sources: t
    subjects: {function: kgf:key, parameters: [[kind, k], [source, s], [of, $(id)]]}
    predicateobjects: [[aic:name, $(name)]]
  second:
    sources: u
    subjects: ex:u/$(id)
    predicateobjects: [[aic:name, $(name)]]
"""
DOCUMENT = """\
dataset: {title: T, original: http://example.org/t, licence: http://example.org/l}
sources: {d: {access: d.ttl}}
"""
ROWS = "1,Ann,a;b,2020\n2,Bob b,b,19x8\n3,1.50,é c,2020\n"


def context(base: str = vocab.BASE) -> Context:
    return Context(shipped("tables"), shipped("ontology") / "vocabularies", base)


def staged(folder: Path, rows: str = ROWS) -> tuple[Source, dict[str, Sheet]]:
    (folder / "m.yml").write_text(MAPPING, encoding="utf-8")
    (folder / "t.csv").write_text("id,name,tags,year\n" + rows, encoding="utf-8")
    (folder / "u.csv").write_text("id,name\n9,Ann\n8,Ann\n", encoding="utf-8")
    source = read(folder / "m.yml")
    return source, stage(source, folder, Path(mkdtemp(dir=folder)))


def test_a_row_is_explained_by_mapping_line_and_column(tmp_path: Path) -> None:
    source, sheets = staged(tmp_path)
    made, rejects = explain.explain(source, sheets, context(), "t", 3)
    name = f"<{vocab.AIC}name>"
    ((thing, tagged, keyed),) = [[each for each in made if each.predicate == name]]
    assert (thing.subject, thing.object) == ("<http://example.org/2/19x8>", '"Bob b"')
    assert (thing.mapping, thing.at, str(thing.origin)) == (
        "thing", "m.yml:11", "t.csv:3, column name (m/t)",
    )  # fmt: skip
    assert [tagged.mapping, keyed.mapping] == ["tagged", "keyed"]
    assert tagged.subject == "<http://example.org/tag/b>"
    assert [str(each) for each in rejects] == [
        "t.csv:3, column name: 'Bob b' (datatype): is not a decimal number (xsd:decimal)",
        "t.csv:3, column name: 'Bob b' (dangling-join): expected a row of second with this key",
        "t.csv:3, column year: '19x8' (datatype): is not a year (xsd:gYear)",
    ]
    assert sheets["t"].account.rejects == []


def test_a_row_that_is_not_there_gives_nothing(tmp_path: Path) -> None:
    source, sheets = staged(tmp_path)
    assert explain.explain(source, sheets, context(), "t", 99) == ([], [])


def every(source: Source, sheets: dict[str, Sheet], base: str = vocab.BASE) -> set[tuple[str, ...]]:
    made: set[tuple[str, ...]] = set()

    def keep(each: object) -> None:
        frame = each.frame  # type: ignore[attr-defined]
        predicate = f"<{each.predicate_object.predicate}>"  # type: ignore[attr-defined]
        at = each.triples_map.name  # type: ignore[attr-defined]
        made.update((s, predicate, o, at, line) for line, s, o in frame.iter_rows())

    run(source, sheets, context(base), keep)
    return made


CELL = st.text("ab1./ é%-", min_size=1, max_size=3).filter(lambda text: text == text.strip())
TAGS = st.lists(CELL, min_size=1, max_size=2).map(";".join)
YEAR = st.sampled_from(["2020", "1999", "19x8"])


@given(st.lists(st.tuples(CELL, CELL, TAGS, YEAR), min_size=1, max_size=4))
@settings(max_examples=12, deadline=None)
def test_every_triple_is_traced_to_all_rows_that_give_it(
    rows: list[tuple[str, str, str, str]],
) -> None:
    base = "http://localhost/id/"
    with TemporaryDirectory() as name:
        source, sheets = staged(Path(name), "".join(",".join(row) + "\n" for row in rows))
        made = every(source, sheets, base)
        for subject, predicate, object_ in sorted({each[:3] for each in made})[:12]:
            found = explain.why([(source, sheets)], context(base), subject, predicate, object_)
            told = {(each.mapping, each.origin.line) for each in found}
            assert told == {each[3:] for each in made if each[:3] == (subject, predicate, object_)}


def test_a_statement_of_a_document_is_traced_to_its_row(tmp_path: Path) -> None:
    (tmp_path / "m.yml").write_text(DOCUMENT, encoding="utf-8")
    (tmp_path / "d.ttl").write_text(
        f'<{vocab.BASE}x/a> <http://x/p> <{vocab.BASE}x/b> ; <http://x/q> "1.50" , "2" .\n',
        encoding="utf-8",
    )
    source = read(tmp_path / "m.yml")
    sheets = stage(source, tmp_path, tmp_path / "rows")
    base = "http://localhost/id/"
    a, b = f"<{base}x/a>", f"<{base}x/b>"
    (found,) = explain.why([(source, sheets)], context(base), a, "<http://x/p>", b)
    assert (found.object, found.origin.file) == (b, "d.ttl")
    assert len(explain.why([(source, sheets)], context(base), a, "<http://x/q>", None)) == 2
    (found,) = explain.why([(source, sheets)], context(base), a, "<http://x/q>", '"2"')
    assert found.object == '"2"'
    assert explain.why([(source, sheets)], context(base), a, "<http://x/q>", b) == []


def test_without_an_object_every_object_is_found(tmp_path: Path) -> None:
    source, sheets = staged(tmp_path)
    meets = f"<{vocab.AIC}meets>"
    found = explain.why([(source, sheets)], context(), "<http://example.org/1/2020>", meets, None)
    assert sorted(each.object for each in found) == [
        "<http://example.org/u/8>", "<http://example.org/u/9>",
    ]  # fmt: skip


def test_only_rows_that_can_give_the_triple_are_mapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, sheets = staged(tmp_path)
    mapped: list[int] = []

    def spied(*arguments: object) -> None:
        mapped.extend(arguments[4]["t"].to_list())  # type: ignore[index]
        run(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(explain, "run", spied)
    field = f"<{vocab.BASE}field/k-3>"
    (found,) = explain.why([(source, sheets)], context(), field, f"<{vocab.AIC}same>", '"1.50"')
    assert (found.origin.line, mapped) == (4, [4])
    mapped.clear()
    tag = "<http://example.org/tag/%C3%A9%20c>"
    assert explain.why([(source, sheets)], context(), tag, f"<{vocab.AIC}name>", None) == []
    tag = "<http://example.org/tag/é%20c>"
    (found,) = explain.why([(source, sheets)], context(), tag, f"<{vocab.AIC}name>", None)
    assert (found.origin.line, found.mapping) == (4, "tagged")


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("organization/baidu a aic:Enterprise",
         (f"<{vocab.BASE}organization/baidu>", f"<{vocab.RDF}type>", f"<{vocab.AIC}Enterprise>")),
        ("<http://x/y> <http://x/p> <http://x/z> .", ("<http://x/y>", "<http://x/p>", "<http://x/z>")),
        ('id:x/y skos:prefLabel "a \\"b\\" c"@EN',
         (f"<{vocab.BASE}x/y>", f"<{vocab.SKOS}prefLabel>", '"a \\"b\\" c"@en')),
        ('id:x/y aic:value "01.50"^^xsd:decimal',
         (f"<{vocab.BASE}x/y>", f"<{vocab.AIC}value>", f'"1.5"^^<{vocab.XSD}decimal>')),
        ('id:x/y aic:value "plain"', (f"<{vocab.BASE}x/y>", f"<{vocab.AIC}value>", '"plain"')),
        ("id:x/y aic:value", (f"<{vocab.BASE}x/y>", f"<{vocab.AIC}value>", None)),
    ],
)  # fmt: skip
def test_a_triple_is_read_as_people_write_it(text: str, terms: tuple[str, ...]) -> None:
    assert explain.triple(text) == terms


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id:x/y", "expected subject, predicate and object"),
        ("id:x/y a aic:B aic:C", "'aic:B aic:C' is not a full IRI"),
        ("foo:x a aic:B", "'foo:x' is not a full IRI"),
        ('id:x/y aic:p "x"^^foo:bar', "not a literal .*foo:"),
        ('id:x/y aic:p "\\x"', "not a literal"),
    ],
)
def test_what_is_no_triple_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        explain.triple(text)


def test_a_long_table_is_searched_by_its_cells(tmp_path: Path) -> None:
    rows = pl.DataFrame({"n": range(30_000)}).select(
        pl.format("{},n {},t;u{},2020", "n", pl.col("n") % 7, "n")
    )
    source, sheets = staged(tmp_path, "\n".join(rows.to_series()) + "\n")
    (found,) = explain.why(
        [(source, sheets)], context(), "<http://example.org/tag/u29999>", f"<{vocab.AIC}name>", None
    )
    assert found.origin.line == 30_001
