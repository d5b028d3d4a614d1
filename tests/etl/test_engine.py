"""The engine: every statement is legal, every row and value is accounted for."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, parse

from kg import vocab
from kg.etl import Context, Source, Statements, origins, read, run, stage
from kg.settings import shipped
from kg.tables import Account, Sheet, reading

HEAD = """\
prefixes: {ex: http://example.org/}
dataset: {title: T, original: http://example.org/t, licence: http://example.org/l}
sources:
  t:
    access: t.csv
    columns: {id: , name: %s, note: %s}
mappings:
  thing:
    sources: t
    subjects: ex:$(id)
    predicateobjects:
"""


def source(folder: Path, entries: str, note: str = "") -> Source:
    path = folder / "m.yml"
    text = "".join(
        f"      - {line}\n" if line[0] in "[{" else f"{line}\n" for line in entries.splitlines()
    )
    unread = ["" if f"$({name})" in entries else "{unused: true}" for name in ("name", "note")]
    path.write_text(HEAD % (unread[0], note or unread[1]) + text, encoding="utf-8")
    return read(path)


def table(folder: Path, *rows: tuple[str, ...]) -> None:
    with (folder / "t.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "name", "note"), *rows])


def context(base: str = vocab.BASE) -> Context:
    return Context(shipped("tables"), shipped("ontology") / "vocabularies", base)


def staged(plan: Source, folder: Path) -> dict[str, Sheet]:
    return stage(plan, folder, Path(mkdtemp(dir=folder)))


def mapped(plan: Source, folder: Path, base: str = vocab.BASE) -> tuple[list[Quad], Account]:
    made: list[str] = []

    def sink(statements: Statements) -> None:
        made.extend(f"{line}\n" for line in statements.lines())

    (sheet,) = (sheets := staged(plan, folder)).values()
    run(plan, sheets, context(base), sink)
    account = sheet.account
    return list(parse("".join(made).encode(), format=RdfFormat.N_QUADS)), account


def objects(plan: Source, folder: Path, base: str = vocab.BASE) -> list[str]:
    return sorted(str(quad.object) for quad in mapped(plan, folder, base)[0])


def test_a_template_percent_encodes_what_is_not_unreserved(tmp_path: Path) -> None:
    table(tmp_path, ("a b/c?d%e", "x", ""), ("中é~_.-", "x", ""), ("\x85\ue000x<y", "x", ""))
    quads, account = mapped(source(tmp_path, "[aic:p, $(name)]"), tmp_path)
    assert [quad.subject.value for quad in quads] == [  # type: ignore[union-attr]
        "http://example.org/a%20b%2Fc%3Fd%25e", "http://example.org/中é~_.-",
        "http://example.org/%EE%80%80x%3Cy",
    ]  # fmt: skip
    assert account.rejects == []


def test_a_reference_alone_is_taken_as_an_iri_as_it_stands(tmp_path: Path) -> None:
    table(tmp_path, ("a", "http://x/a%20b?c#d", ""))
    assert objects(source(tmp_path, "[aic:p, $(name)~iri]"), tmp_path) == ["<http://x/a%20b?c#d>"]


def test_an_illegal_iri_rejects_the_value_and_keeps_the_row(tmp_path: Path) -> None:
    table(tmp_path, ("a", "http://x/[b]", "1"), ("b", "www.x.cn", "2"))
    quads, account = mapped(source(tmp_path, "[aic:p, $(name)~iri]\n[aic:q, $(note)]"), tmp_path)
    assert [quad.object.value for quad in quads] == ["1", "2"]  # type: ignore[union-attr]
    assert [str(each) for each in account.rejects] == [
        "t.csv:2, column name: 'http://x/[b]' (illegal-iri): expected an absolute IRI",
        "t.csv:3, column name: 'www.x.cn' (illegal-iri): expected an absolute IRI",
    ]
    assert {(each.source, each.level) for each in account.rejects} == {("m", "value")}
    assert (account.read, account.mapped, account.rejected, account.unmapped) == (2, 2, 0, 0)


def test_a_bad_year_rejects_the_value_once_however_often_it_is_mapped(tmp_path: Path) -> None:
    table(tmp_path, ("a", "19x8", "n"))
    plan = source(
        tmp_path, "[aic:p, $(name), xsd:gYear]\n[aic:q, $(name), xsd:gYear]\n[aic:r, $(note)]"
    )
    quads, account = mapped(plan, tmp_path)
    assert [quad.predicate.value for quad in quads] == [vocab.AIC + "r"]
    assert [str(each) for each in account.rejects] == [
        "t.csv:2, column name: '19x8' (datatype): is not a year (xsd:gYear)"
    ]


def test_literals_have_the_datatype_or_language_that_the_mapping_says(tmp_path: Path) -> None:
    table(tmp_path, ("a", "2024", ""))
    entries = "[aic:p, $(name), xsd:gYear]\n[aic:p, $(name), zh~lang]\n[aic:p, 'no. $(name)']"
    assert objects(source(tmp_path, entries), tmp_path) == [
        '"2024"@zh', f'"2024"^^<{vocab.XSD}gYear>', '"no. 2024"',
    ]  # fmt: skip


def test_an_empty_cell_gives_nothing_alone_or_in_a_template(tmp_path: Path) -> None:
    table(tmp_path, ("a", "", "1"), ("", "x", "2"))
    plan = source(tmp_path, "[aic:p, $(name)]\n[aic:q, ex:$(name)/$(note)~iri]")
    quads, account = mapped(plan, tmp_path)
    assert quads == []
    assert (account.unmapped, account.rejects) == (2, [])


def test_a_cell_of_several_values_gives_a_statement_for_each(tmp_path: Path) -> None:
    table(tmp_path, ("a", "x| y ||z", ""), ("b", "|", ""), ("c", "u", ""))
    entry = "[aic:p, {function: kgf:split, parameters: [[text, $(name)], [separator, '\\|']]}]"
    quads, _ = mapped(source(tmp_path, entry), tmp_path)
    assert [(q.subject.value[-1], q.object.value) for q in quads] == [  # type: ignore[union-attr]
        ("a", "x"), ("a", "y"), ("a", "z"), ("c", "u"),
    ]  # fmt: skip


def test_a_condition_keeps_the_rows_on_which_it_holds(tmp_path: Path) -> None:
    table(tmp_path, ("a", "x", "yes"), ("b", "y", "no"), ("c", "z", ""))
    condition = "{function: %s, parameters: [[text, $(note)], [pattern, yes]]}"
    entry = f"{{predicates: aic:p, objects: $(name), condition: {condition}}}"
    assert objects(source(tmp_path, entry % "matches"), tmp_path) == ['"x"']
    assert objects(source(tmp_path, entry % "notMatches"), tmp_path) == ['"y"']


def test_a_condition_on_several_values_holds_where_it_holds_for_one(tmp_path: Path) -> None:
    table(tmp_path, ("a", "x", "p|yes"), ("b", "y", "p|q"))
    words = "{function: split, parameters: [[text, $(note)], [separator, '\\|']]}"
    condition = f"{{function: matches, parameters: [[text, {words}], [pattern, ^yes$]]}}"
    entry = f"{{predicates: aic:p, objects: $(name), condition: {condition}}}"
    assert objects(source(tmp_path, entry), tmp_path) == ['"x"']


def test_a_condition_of_a_map_leaves_rows_unmapped(tmp_path: Path) -> None:
    table(tmp_path, ("a", "x", ""), ("b", "y", ""))
    plan = source(
        tmp_path,
        "[aic:p, $(name)]\n"
        "    condition: {function: matches, parameters: [[text, $(name)], [pattern, x]]}",
    )
    quads, account = mapped(plan, tmp_path)
    assert len(quads) == 1
    assert (account.read, account.mapped, account.unmapped) == (2, 1, 1)


PAIR = """\
[aic:p, {mapping: other}]
  other:
    sources: t
    subjects: ex:other/$(note)
    predicateobjects: [[aic:q, $(name)]]"""


def test_the_subject_of_another_mapping_is_that_of_the_same_row(tmp_path: Path) -> None:
    table(tmp_path, ("a", "x", "1"), ("b", "y", "2"), ("c", "z", ""))
    quads, _ = mapped(source(tmp_path, PAIR), tmp_path)
    pairs = {
        (q.subject.value[-1], q.object.value[-1])  # type: ignore[union-attr]
        for q in quads
        if q.predicate.value.endswith("p")
    }
    assert pairs == {("a", "1"), ("b", "2")}


def test_rows_that_were_one_line_are_not_multiplied_with_each_other(tmp_path: Path) -> None:
    table(tmp_path, ("a", "x", "1;2"), ("b", "y", "3"))
    quads, account = mapped(source(tmp_path, PAIR, note="{split: ;}"), tmp_path)
    same = source(
        tmp_path, PAIR.replace("ex:other/$(note)", "ex:other/$(note)-$(note)"), "{split: ;}"
    )
    for found in (quads, mapped(same, tmp_path)[0]):
        assert len([quad for quad in found if quad.predicate.value.endswith("p")]) == 3
    assert (account.read, account.mapped) == (2, 2)


def test_statements_stand_in_the_graph_of_the_source(tmp_path: Path) -> None:
    table(tmp_path, ("a", "x", ""))
    quads, _ = mapped(source(tmp_path, "[aic:p, $(name)]"), tmp_path)
    assert {quad.graph_name for quad in quads} == {NamedNode(vocab.GRAPH + "source/m")}


def test_the_base_moves_resources_and_leaves_terms(tmp_path: Path) -> None:
    table(tmp_path, ("a", "energy", ""))
    entries = (
        "[a, aic:Thing]\n[aic:p, id:field/$(name)~iri]\n[aic:p, id:field/x~iri]\n"
        "[aic:p, {function: resource, parameters: [[kind, field], [key, $(name)]]}]\n"
        "[aic:note, id:field/$(name)]"
    )
    assert objects(source(tmp_path, entries), tmp_path, "http://localhost/id/") == [
        '"id:field/energy"', *["<http://localhost/id/field/energy>"] * 2,
        "<http://localhost/id/field/x>", f"<{vocab.AIC}Thing>",
    ]  # fmt: skip


def test_an_unknown_place_rejects_the_value_and_keeps_the_row(tmp_path: Path) -> None:
    table(tmp_path, ("a", "Beijing", ""), ("b", "Atlantis", ""))
    entries = "[aic:p, $(id)]\n[aic:locatedIn, {function: place, parameters: [[text, $(name)]]}]"
    quads, account = mapped(source(tmp_path, entries), tmp_path)
    assert len(quads) == 3
    assert [(r.line, r.column, r.rule, r.value) for r in account.rejects] == [
        (3, "name", "unknown-place", "Atlantis")
    ]
    assert account.mapped == 2


def test_chunks_give_what_one_pass_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table(tmp_path, *((f"r{n}", str(1990 + n % 7), f"{n};x") for n in range(20)))
    plan = source(tmp_path, "[aic:y, $(name), xsd:gYear]\n" + PAIR, note="{split: ;}")
    whole = mapped(plan, tmp_path)
    monkeypatch.setattr(reading, "CHUNK_ROWS", 3)
    parts = mapped(plan, tmp_path)
    assert Counter(map(str, whole[0])) == Counter(map(str, parts[0]))
    assert whole[1] == parts[1]


def test_rows_that_two_tables_read_are_said_to_count_for_each(tmp_path: Path) -> None:
    tables = {"one": "t.csv", "two": "t.csv", "semicolons": "{path: t.csv, delimiter: ;}"}
    lines = [
        "dataset: {title: T, original: http://example.org/t, licence: http://example.org/l}",
        "sources:",
        *(f"  {name}: {{access: {access}, columns: {{id: }}}}" for name, access in tables.items()),
        "mappings:",
        *(
            f"  of_{name}: {{sources: {name}, subjects: http://example.org/$(id), "
            "predicateobjects: [[a, aic:Thing]]}"
            for name in tables
        ),
    ]
    (tmp_path / "m.yml").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "t.csv").write_text("id\n1\n", encoding="utf-8")
    sheets = stage(read(tmp_path / "m.yml"), tmp_path, tmp_path / "rows")
    told = [notice for sheet in sheets.values() for notice in sheet.account.notices]
    assert told == ["t.csv: tables one, two read it, and each counts its rows"]


def test_a_statement_and_a_missing_value_are_traced_to_file_line_and_column(tmp_path: Path) -> None:
    table(tmp_path, ("a", "x", "n"), ("b", "x", ""), ("b", "y", ""))
    plan = source(
        tmp_path,
        "[aic:p, $(name), en~lang]\n[aic:p, $(note), zh~lang]\n[aic:q, $(note)]\n"
        + PAIR.replace("aic:p", "aic:r"),
    )
    a, b = "<http://example.org/a>", "<http://example.org/b>"
    p, q, r = (f"<{vocab.AIC}{name}>" for name in "pqr")
    wanted = {
        (a, p, '"x"@en'), (a, p, '"n"@zh'), (b, q, ""), (b, p, '"z"@en'), ("<http://x>", p, ""),
        (a, r, "<http://example.org/other/n>"),
    }  # fmt: skip
    found = origins([(plan, staged(plan, tmp_path))], context(), wanted)
    assert {key: list(map(str, places)) for key, places in found.items()} == {
        (a, p, '"x"@en'): ["t.csv:2, column name (m/t)"],
        (a, p, '"n"@zh'): ["t.csv:2, column note (m/t)"],
        (b, q, ""): ["t.csv:3, column note (m/t)", "t.csv:4, column note (m/t)"],
        (b, p, '"z"@en'): ["t.csv:3, column name note (m/t)", "t.csv:4, column name note (m/t)"],
        ("<http://x>", p, ""): [],
        (a, r, "<http://example.org/other/n>"): ["t.csv:2, column note (m/t)"],
    }


CELL = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Z"], max_codepoint=0x2FFF),
    min_size=0,
    max_size=5,
).filter(lambda text: text.isascii() or text.isalnum())


@given(st.lists(st.tuples(CELL, CELL), max_size=8))
@settings(max_examples=40, deadline=None)
def test_every_cell_becomes_one_literal_unchanged(rows: list[tuple[str, str]]) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        table(folder, *((f"r{n}", *row) for n, row in enumerate(rows)))
        plan = source(folder, "[aic:name, $(name)]\n[aic:note, $(note)]")
        quads, account = mapped(plan, folder)
    expected = {
        (f"http://example.org/r{n}", vocab.AIC + predicate, Literal(nfc(cell)))
        for n, row in enumerate(rows)
        for predicate, cell in zip(("name", "note"), row, strict=True)
        if cell
    }
    found = [(q.subject.value, q.predicate.value, q.object) for q in quads]  # type: ignore[union-attr]
    assert Counter(found) == Counter(expected)
    assert (account.read, account.rejects) == (len(rows), [])
    assert account.mapped == sum(any(row) for row in rows)


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def test_the_example_of_the_reference_gives_what_it_says(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "mapping.md").read_text(encoding="utf-8")
    example, _, _ = text.partition("## The file")
    blocks = dict(re.findall(r"```(\w+)\n(.*?)```", example, re.DOTALL))
    (tmp_path / "shops.yml").write_text(blocks["yaml"], encoding="utf-8")
    (tmp_path / "shops.csv").write_text(blocks["csv"], encoding="utf-8")
    quads, account = mapped(read(tmp_path / "shops.yml"), tmp_path)
    said = {quad.triple for quad in parse(blocks["turtle"].encode(), format=RdfFormat.TURTLE)}
    assert {quad.triple for quad in quads} == said
    assert [str(reject) for reject in account.rejects] == blocks["text"].splitlines()
