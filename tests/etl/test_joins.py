"""Joins, graphs, languages of rows: what a statement takes from more than its own cells."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import NamedNode, Quad, RdfFormat, Store, parse

from kg import vocab
from kg.errors import InputError
from kg.etl import Context, Source, dependencies, read, run, stage
from kg.settings import shipped
from kg.tables import Account, Sheet

HEAD = """\
prefixes: {ex: http://example.org/}
dataset: {title: T, original: http://example.org/t, licence: http://example.org/l}
sources:
  child: {access: child.csv, columns: {id: , a: , b: }}
  parent: {access: parent.csv, columns: {id: , a: , b: }}
mappings:
  parent:
    sources: parent
    subjects: ex:p/$(id)
    predicateobjects: [[a, aic:Parent], [aic:cells, $(a)$(b)]]
  cells: {sources: child, subjects: ex:c/$(id), predicateobjects: [[aic:cells, $(a)$(b)]]}
  child:
    sources: child
    subjects: ex:c/$(id)
    predicateobjects:
"""
#: Mappings that read every column and never say anything.
SILENT = "".join(
    f"""\
  silent {table}:
    sources: {table}
    subjects: ex:$(id)
    condition: {{function: matches, parameters: [[text, $(a)$(b)], [pattern, ^never$]]}}
    predicateobjects: [[a, aic:Thing]]
"""
    for table in ("child", "parent")
)
EQUAL = "{function: equal, parameters: [[str1, $(%s)], [str2, $(%s)]]}"
JOIN = "      - [aic:of, {mapping: parent, condition: %s}]\n"
Row = tuple[str, str, str]


def context() -> Context:
    return Context(shipped("tables"), shipped("ontology") / "vocabularies")


def source(folder: Path, entries: str, name: str = "m") -> Source:
    (folder / f"{name}.yml").write_text(HEAD + entries + SILENT, encoding="utf-8")
    return read(folder / f"{name}.yml")


def table(folder: Path, name: str, *rows: Row) -> None:
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "a", "b"), *rows])


def staged(plan: Source, folder: Path) -> dict[str, Sheet]:
    return stage(plan, folder, Path(mkdtemp(dir=folder)))


def mapped(
    plan: Source,
    sheets: Mapping[str, Sheet],
    only: Mapping[str, pl.Series] | None = None,
    joined: Mapping[str, Sheet] | None = None,
) -> tuple[list[Quad], Account]:
    made: list[str] = []
    run(plan, sheets, context(), lambda each: made.extend(each.lines()), only, joined)
    quads = list(parse("\n".join(made).encode(), format=RdfFormat.N_QUADS))
    return quads, sheets["child"].account


def pairs(quads: list[Quad], predicate: str = "of") -> list[tuple[str, str]]:
    return sorted(
        (quad.subject.value[19:], quad.object.value[19:])  # type: ignore[union-attr]
        for quad in quads
        if quad.predicate.value == vocab.AIC + predicate
    )


def test_a_join_gives_the_subjects_of_the_rows_that_meet_the_condition(tmp_path: Path) -> None:
    table(tmp_path, "child", ("1", "x", ""), ("2", "y", ""), ("3", "", ""))
    table(tmp_path, "parent", ("p", "x", ""), ("q", "x", ""), ("r", "y", ""), ("", "y", ""))
    plan = source(tmp_path, JOIN % (EQUAL % ("a", "a")))
    quads, account = mapped(plan, staged(plan, tmp_path))
    assert pairs(quads) == [("c/1", "p/p"), ("c/1", "p/q"), ("c/2", "p/r")]
    assert account.rejects == []
    assert (account.read, account.mapped) == (3, 2)


def test_a_dangling_value_is_rejected_and_an_empty_one_is_not(tmp_path: Path) -> None:
    table(tmp_path, "child", ("1", "x", "k"), ("2", "z", "k"), ("3", "", "k"))
    table(tmp_path, "parent", ("p", "x", "k"))
    both = f"[{EQUAL % ('a', 'a')}, {EQUAL % ('b', 'b')}]"
    plan = source(tmp_path, JOIN % both)
    quads, account = mapped(plan, staged(plan, tmp_path))
    assert pairs(quads) == [("c/1", "p/p")]
    assert [str(each) for each in account.rejects] == [
        "child.csv:3, column a b: 'z k' (dangling-join): expected a row of parent with this key"
    ]


def test_both_sides_of_a_join_may_be_functions_with_several_values(tmp_path: Path) -> None:
    table(tmp_path, "child", ("1", "X;Y", ""))
    table(tmp_path, "parent", ("p", "x|z", ""), ("q", "y", ""))
    split = "{function: split, parameters: [[text, $(a)], [separator, '%s']]}"
    lower = "{function: lower, parameters: [[text, %s]]}" % (split % ";")
    other = split % "\\|"
    condition = f"{{function: equal, parameters: [[str1, {lower}], [str2, {other}]]}}"
    plan = source(tmp_path, JOIN % condition)
    assert pairs(mapped(plan, staged(plan, tmp_path))[0]) == [("c/1", "p/p"), ("c/1", "p/q")]


def test_a_condition_of_a_join_may_say_which_side_is_which(tmp_path: Path) -> None:
    table(tmp_path, "child", ("1", "x", ""))
    table(tmp_path, "parent", ("p", "", "x"))
    swapped = "{function: equal, parameters: [[str1, $(b), o], [str2, $(a), s]]}"
    plan = source(tmp_path, JOIN % swapped)
    assert pairs(mapped(plan, staged(plan, tmp_path))[0]) == [("c/1", "p/p")]


OTHER = """\
dataset: {title: O, original: http://example.org/o, licence: http://example.org/l}
sources: {things: {access: things.csv, columns: {code: , name: }}}
mappings:
  thing:
    sources: things
    subjects: http://example.org/t/$(code)
    condition: {function: notMatches, parameters: [[text, $(name)], [pattern, ^-$]]}
    predicateobjects: [[a, aic:Thing]]
"""
ACROSS = JOIN.replace("parent", "other/thing") % (EQUAL % ("a", "name"))


def across(folder: Path) -> tuple[Source, Source]:
    (folder / "other.yml").write_text(OTHER, encoding="utf-8")
    (folder / "things.csv").write_text("code,name\nt1,x\nt2,-\nt 3,y\n", encoding="utf-8")
    table(folder, "parent")
    table(folder, "child", ("1", "x", ""), ("2", "y", ""), ("3", "-", ""))
    return source(folder, ACROSS), read(folder / "other.yml")


def test_a_join_reaches_into_another_source(tmp_path: Path) -> None:
    plan, other = across(tmp_path)
    sheets = {f"other/{name}": sheet for name, sheet in staged(other, tmp_path).items()}
    quads, account = mapped(plan, staged(plan, tmp_path), joined=sheets)
    assert pairs(quads) == [("c/1", "t/t1"), ("c/2", "t/t%203")]
    assert [(each.line, each.value) for each in account.rejects] == [(4, "-")]


def test_a_join_with_a_source_that_is_not_there_gives_a_notice(tmp_path: Path) -> None:
    plan, _ = across(tmp_path)
    quads, account = mapped(plan, staged(plan, tmp_path))
    assert (pairs(quads), account.rejects) == ([], [])
    assert account.notices == ["child.csv: mapping other/thing is not here to be joined"]


def test_what_a_source_rests_on_is_told(tmp_path: Path) -> None:
    plan, other = across(tmp_path)
    assert dependencies(plan, context()).sheets == {"other/things"}
    assert dependencies(other, context()).sheets == frozenset()
    lookup = (
        "{function: lookup, parameters: [[table, llm_category_to_field], [match, category], "
        "[give, field_slug], [text, $(a)]]}"
    )
    place = f"{{function: place, parameters: [[text, {lookup}]]}}"
    tier = "{function: concept, parameters: [[kind, tier], [label, $(b)]]}"
    entries = JOIN % (EQUAL % ("a", "a")) + f"      - [aic:at, {place}]\n"
    found = dependencies(source(tmp_path, entries), context())
    assert found.sheets == {"m/parent"}
    assert {path.name for path in found.files} == {
        "llm_category_to_field.csv", "cities.csv", "countries.csv", "provinces.ttl",
    }  # fmt: skip
    every = dependencies(source(tmp_path, f"      - [aic:tier, {tier}]\n"), context())
    assert {path.suffix for path in every.files} == {".ttl"}
    assert len(every.files) == len(list(context().vocabularies.glob("*.ttl")))


@pytest.mark.parametrize(
    ("entry", "line", "message"),
    [
        (JOIN % (EQUAL % ("c", "a")), 16, "$(c) is no column of child (child.csv)"),
        (JOIN % (EQUAL % ("a", "c")), 16, "$(c) is no column of parent (parent.csv)"),
        (JOIN % "{function: matches, parameters: []}", 16, "expected the function equal"),
        (JOIN % "{function: equal, parameters: [[str1, $(a)]]}", 16, "parameters str1 and str2"),
        (JOIN % "{function: equal, parameters: [[str1, $(a)], [str1, $(a)]]}", 16,
         "expected str1 of this row (s) and str2 of the joined one (o)"),
        ("      - [aic:of, {mapping: parent}]\n", 16, "reads another table: expected a condition"),
        ("      - [aic:of, {mapping: other/parent}]\n", 16, "a join needs a condition"),
        (JOIN.replace("parent", "../x/y") % (EQUAL % ("a", "a")), 16, "expected mapping or source"),
        (ACROSS.replace("other", "no"), 16, "source 'no' is not among the mappings"),
        (ACROSS.replace("thing", "no"), 16, "mapping 'no' does not exist in source other"),
        (ACROSS.replace("(name)", "(label)"), 16, "$(label) is no column of things (things.csv)"),
        ("      - {predicates: aic:p, objects: x, graphs: graph:shapes}\n", 16,
         "the named graph graph:shapes is not for mappings to write"),
        ("      - [aic:p, $(a), 'ex:$(b)~iri~lang']\n", 16, "expected a language tag, a $(column)"),
    ],
)  # fmt: skip
def test_a_fault_in_a_join_is_named(tmp_path: Path, entry: str, line: int, message: str) -> None:
    (tmp_path / "other.yml").write_text(OTHER, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        source(tmp_path, entry)
    assert str(caught.value).startswith(f"{tmp_path / 'm.yml'}:{line}: ")
    assert message in str(caught.value)


CELL = st.sampled_from(["", "x", "y", "z w", "é"])
ROWS = st.lists(st.tuples(CELL, CELL), max_size=8)


@given(ROWS, ROWS)
@settings(max_examples=25, deadline=None)
def test_a_join_is_what_comparing_every_pair_of_rows_gives(
    children: list[tuple[str, str]], parents: list[tuple[str, str]]
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        table(folder, "child", *((f"{n}", *row) for n, row in enumerate(children)))
        table(folder, "parent", *((f"{n}", *row) for n, row in enumerate(parents)))
        plan = source(folder, JOIN % (EQUAL % ("a", "b")))
        quads, account = mapped(plan, staged(plan, folder))
    expected = [
        (f"c/{n}", f"p/{m}")
        for n, (a, _) in enumerate(children)
        for m, (_, b) in enumerate(parents)
        if a and a == b
    ]
    assert pairs(quads) == sorted(expected)
    met = {b for _, b in parents}
    dangling = [n + 2 for n, (a, _) in enumerate(children) if a and a not in met]
    assert [each.line for each in account.rejects] == dangling


# --- rows alone ---------------------------------------------------------------------------------


@given(ROWS, st.sets(st.integers(2, 9)))
@settings(max_examples=25, deadline=None)
def test_rows_mapped_alone_give_what_they_give_among_all(
    rows: list[tuple[str, str]], lines: set[int]
) -> None:
    entries = (
        JOIN % (EQUAL % ("a", "a")) + "      - [aic:b, $(b)]\n"
        "      - [aic:k, {function: key, parameters: [[kind, k], [source, s], [of, $(a)]]}]\n"
    )
    with TemporaryDirectory() as name:
        folder = Path(name)
        table(folder, "child", *((f"{n}", *row) for n, row in enumerate(rows)))
        table(folder, "parent", ("p", "x", ""), ("q", "x", ""), ("r", "é", ""))
        plan = source(folder, entries)
        every, _ = mapped(plan, staged(plan, folder))
        some, _ = mapped(
            plan, staged(plan, folder), {"child": pl.Series(sorted(lines), dtype=pl.Int64)}
        )
    of_line = defaultdict(set)
    for quad in every:
        if quad.subject.value.startswith("http://example.org/c/"):  # type: ignore[union-attr]
            of_line[int(quad.subject.value[21:]) + 2].add(quad)  # type: ignore[union-attr]
    assert set(some) == {quad for line in lines for quad in of_line[line]}


# --- graphs and languages -----------------------------------------------------------------------


def test_graphs_of_a_mapping_stand_instead_and_those_of_an_entry_besides(tmp_path: Path) -> None:
    table(tmp_path, "child", ("1", "x", "y"))
    table(tmp_path, "parent", ("1", "x", "y"))
    entries = (
        "      - [aic:a, $(a)]\n"
        "      - {predicates: aic:b, objects: $(b), graphs: [ex:g, ex:h~iri]}\n"
        "    graphs: ex:own\n"
    )
    plan = source(tmp_path, entries)
    quads, _ = mapped(plan, staged(plan, tmp_path))
    found = {(quad.predicate.value.rpartition("#")[2], quad.graph_name) for quad in quads}
    ex = "http://example.org/"
    assert found == {
        ("type", NamedNode(vocab.GRAPH + "source/m")), ("a", NamedNode(ex + "own")),
        ("cells", NamedNode(vocab.GRAPH + "source/m")),
        ("b", NamedNode(ex + "own")), ("b", NamedNode(ex + "g")), ("b", NamedNode(ex + "h")),
    }  # fmt: skip


def test_a_text_may_have_the_language_of_its_row(tmp_path: Path) -> None:
    rows = ("1", "联盟", "zh-Hans"), ("2", "union", "en"), ("3", "x", "english"), ("4", "y", "")
    table(tmp_path, "child", *rows, ("5", "z", "a language"))
    table(tmp_path, "parent")
    plan = source(tmp_path, "      - [skos:altLabel, $(a), $(b)~lang]\n")
    quads, account = mapped(plan, staged(plan, tmp_path))
    labels = [quad for quad in quads if quad.predicate.value == vocab.SKOS + "altLabel"]
    assert [str(quad.object) for quad in labels] == ['"联盟"@zh-hans', '"union"@en', '"x"@english']
    assert [str(each) for each in account.rejects] == [
        "child.csv:5, column b: '' (language): expected a language tag (BCP 47) beside the text",
        "child.csv:6, column b: 'a language' (language): expected a language tag (BCP 47) beside "
        "the text",
    ]


TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('\n\t"\\'), max_size=6
)


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_lines_are_those_that_the_store_dumps(rows: list[tuple[str, str]]) -> None:
    entries = (
        "      - [aic:a, $(a)]\n"
        "      - [aic:b, $(b), zh~lang]\n"
        "      - [aic:c, ex:$(b)/$(a)#~iri]\n"
        "      - [aic:d, $(a), xsd:decimal]\n"
        "      - [aic:e, $(a)~iri]\n"
        "      - [aic:f, 'urn:u:$(b)~iri']\n"
    )
    with TemporaryDirectory() as name:
        folder = Path(name)
        table(folder, "child", *((f"{n}", *row) for n, row in enumerate(rows)))
        table(folder, "parent")
        plan = source(folder, entries)
        made: list[str] = []
        run(plan, staged(plan, folder), context(), lambda each: made.extend(each.lines()))
    store = Store()
    store.load("\n".join(made).encode(), format=RdfFormat.N_QUADS)
    dumped = bytes(store.dump(format=RdfFormat.N_QUADS)).decode().split("\n")
    assert sorted(dumped) == sorted({*made, ""})
