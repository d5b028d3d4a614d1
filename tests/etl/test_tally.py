"""The conservation law: every row and cell that is read is accounted for, once."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.errors import Imbalance
from kg.etl import Context, Statements, read, run, stage
from kg.settings import shipped
from kg.tables import LINE, Account, Replay, reading, write_rejects

CONTEXT = Context(shipped("tables"), shipped("ontology") / "vocabularies")
HEAD = """\
prefixes: {ex: http://example.org/}
dataset: {title: T, original: http://example.org/t, licence: http://example.org/l}
"""
Rows = list[list[str]]


def mapped(
    folder: Path, definition: str, rows: Rows, replay: Replay | None = None
) -> tuple[Account, dict[int, int]]:
    """The account of a table t, in balance, and how many statements were made of each line."""
    (folder / "m.yml").write_text(HEAD + definition, encoding="utf-8")
    with (folder / "t.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    source = read(folder / "m.yml")
    said: dict[int, int] = {}

    def sink(made: Statements) -> None:
        for line in made.frame[LINE]:
            said[line] = said.get(line, 0) + 1

    with TemporaryDirectory(dir=folder) as into:
        sheets = stage(source, folder, Path(into) / "rows", replay)
        run(source, sheets, CONTEXT, sink)
        account = sheets["t"].account
        account.check()
    return account, said


@contextmanager
def chunks_of(rows: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "CHUNK_ROWS", rows)
        yield


TABLE = """\
sources:
  t:
    access: t.csv
    columns:
      id: {required: true}
      kind: {nulls: [none]}
      year:
      page:
      note: {unused: true}
mappings:
  thing:
    sources: t
    subjects: ex:$(id)
    condition: {function: matches, parameters: [[text, $(kind)], [pattern, ^thing$]]}
    predicateobjects:
      - [ex:year, $(year), xsd:gYear]
      - [ex:page, $(page)~iri]
"""


def test_each_cell_counts_once_under_what_became_of_it(tmp_path: Path) -> None:
    rows = [
        ["id", "kind", "year", "page", "note", "extra"],
        ["a", "thing", "2001", "http://x/", "n", "e"],  # id, kind, year and page are mapped
        ["b", "thing", "20x1", "http://x/", "", ""],  # the year is rejected
        ["c", "other", "2001", "", "n", "e"],  # no condition asks for it
        ["d", "thing", "2001", "", "n", "e"],  # the page is empty
        ["", "thing", "2001", "", "n", "e"],  # rejected whole
        ["f", "thing"],  # ragged
        ["g", "thing", "20x1", "x", "n", "e"],  # nothing is said but its faults
        ["h", "none", "", "", "", ""],  # kind is empty
    ]
    account, said = mapped(tmp_path, TABLE, rows)
    assert (account.read, account.mapped, account.rejected, account.unmapped) == (8, 3, 3, 2)
    assert account.cells_read == 7 * 6 + 2
    assert account.cells == {
        "undeclared": 7, "of_rejected_rows": 5 + 2 + 5, "unused": 5,
        "empty": 1 + 1 + 3, "rejected": 1, "mapped": 4 + 3 + 3, "unmapped": 3 + 1,
    }  # fmt: skip
    assert sorted(said) == [2, 3, 5]
    assert [(each.line, each.level) for each in account.rejects] == [
        (3, "value"), (6, "row"), (7, "row"), (8, "row"), (8, "row")
    ]  # fmt: skip


def test_a_value_that_takes_its_row_leaves_no_statement_of_it(tmp_path: Path) -> None:
    rows = [["id", "kind", "year", "page", "note"], *(
        [id, "thing", year, "http://x/", ""] for id, year in (("a", "2001"), ("b", "20x1"))
    )]  # fmt: skip
    account, said = mapped(tmp_path, TABLE.replace("year:\n", "year: {on: reject row}\n"), rows)
    assert said == {2: 2}
    assert (account.mapped, account.rejected) == (1, 1)
    assert [each.level for each in account.rejects] == ["row"]


def test_a_column_of_the_subject_of_another_map_counts_as_mapped(tmp_path: Path) -> None:
    definition = """\
sources: {t: {access: t.csv, columns: {id: , other: , kind: }}}
mappings:
  thing: {sources: t, subjects: ex:$(id), predicateobjects: [[ex:other, {mapping: other}]]}
  other:
    sources: t
    subjects: ex:$(other)
    condition: {function: matches, parameters: [[text, $(kind)], [pattern, x]]}
    predicateobjects: [[ex:a, ex:b~iri]]
"""
    rows = [["id", "other", "kind"], ["a", "b", "x"], ["c", "d", "y"]]
    account, _ = mapped(tmp_path, definition, rows)
    assert (account.cells_mapped, account.cells_unmapped) == (3, 3)


def test_an_account_that_does_not_add_up_is_an_error_of_ours() -> None:
    account = Account("s", "t", "t.csv", read=3, mapped=2)
    with pytest.raises(Imbalance, match=r"t\.csv: 3 rows were read, but 2 accounted for"):
        account.check()
    account.unmapped = 1
    account.cells_read = 1
    with pytest.raises(Imbalance, match=r"t\.csv: 1 cells were read, but 0 accounted for"):
        account.check()


# --- properties -----------------------------------------------------------------------------------

NAMES = ("a", "b", "c", "d")
CELLS = st.sampled_from(
    ["", " ", "x", "y", "x|y", "|", "none", "nan", "1", "01", "2021", "1e5", "2021-02-29", "北京",
    "r1",
     "r2", "r3", "http://x/", "x y", "\x07", "u\u0308", '"', "=1+1", "r1|r9"]
)  # fmt: skip
OPTIONS = {
    "required": "true", "nulls": "[none, '1']", "split": r"'\|'", "pattern": "'[a-z|]*'",
    "type": "{}", "references": "{{table: t, column: id, separator: '\\|'}}", "on": "{}",
}  # fmt: skip
TYPES = st.sampled_from(["integer", "decimal", "double", "year", "date", "boolean", "iri"])
POLICIES = st.sampled_from(["warn", "reject value", "reject row"])
OBJECTS = (
    "$({})", "$({})~iri", "ex:$({})/x~iri", "'$({}) of $(id)'",
    r"{{function: split, parameters: [[text, $({})], [separator, '\|']]}}",
    "{{function: iri, parameters: [[text, $({})]]}}",
    "{{function: resource, parameters: [[kind, place], [key, $({})]]}}",
    "{{value: $({}), datatype: xsd:integer}}", "{{value: $({}), datatype: xsd:gYear}}",
    "{{value: $({}), language: zh}}",
)  # fmt: skip


@st.composite
def definitions(draw: st.DrawFn) -> str:
    lines = ["sources:", "  t:", "    access: t.csv"]
    if draw(st.booleans()):
        lines.append("    key: [id, a]" if draw(st.booleans()) else "    key: id")
    lines += ["    columns:", "      id: {required: true}"]
    used = draw(st.lists(st.sampled_from(NAMES), unique=True))
    for name in NAMES:
        options = draw(st.lists(st.sampled_from(sorted(OPTIONS)), unique=True, max_size=3))
        said = [f"{each}: {OPTIONS[each]}" for each in options]
        said = [each.format(draw(TYPES if each[0] == "t" else POLICIES)) for each in said]
        if "references" in options and draw(st.booleans()):
            said.append("acyclic: true")
        if name not in used:
            said.append("unused: true")
        lines.append(f"      {name}: {{{', '.join(said)}}}")
    lines += ["mappings:", "  m:", "    sources: t", "    subjects: ex:$(id)"]
    condition = "{function: matches, parameters: [[text, $(%s)], [pattern, '%s']]}"
    if used and draw(st.booleans()):
        lines.append("    condition: " + condition % (used[0], draw(st.sampled_from(["x", "."]))))
    lines.append("    predicateobjects:")
    if not used or draw(st.booleans()):
        lines.append("      - [a, ex:Thing]")
    for name in used:
        made = draw(st.sampled_from(OBJECTS)).format(name)
        lines += ["      - predicates: ex:p", f"        objects: {made}"]
        if draw(st.booleans()):
            lines.append("        condition: " + condition % (draw(st.sampled_from(used)), "[xy]"))
    return "\n".join(lines) + "\n"


ROWS = st.lists(
    st.tuples(st.integers(0, 19), st.lists(CELLS, min_size=5, max_size=5)), max_size=7
)  # fmt: skip


def table(drawn: list[tuple[int, list[str]]]) -> Rows:
    """A header and rows, some of them ragged, some with the key of the row before."""
    rows = [["id", *NAMES, "extra"]]
    for number, (kind, cells) in enumerate(drawn):
        row = [f"r{number - (kind == 3)}", *cells]
        rows.append(row[:4] if kind == 1 else [*row, "more"] if kind == 2 else row)
    return rows


@given(definitions(), ROWS)
@settings(max_examples=100, deadline=None)
def test_every_row_and_cell_is_accounted_for(
    definition: str, drawn: list[tuple[int, list[str]]]
) -> None:
    rows = table(drawn)
    with TemporaryDirectory() as name:
        account, said = mapped(Path(name), definition, rows)
        with chunks_of(2):
            parts, _ = mapped(Path(name), definition, rows)
    assert account.read == len(rows) - 1
    assert account.cells_read == sum(map(len, rows[1:]))
    lost = {each.line for each in account.rejects if each.level == "row"}
    assert not lost & set(said)
    assert (account.mapped, account.rejected) == (len(said), len(lost))
    assert account.unmapped == account.read - len(said) - len(lost)
    assert all(json.loads(each.row) for each in account.rejects)
    assert parts == account


@given(definitions(), ROWS)
@settings(max_examples=25, deadline=None)
def test_a_replay_of_rejects_as_they_are_changes_nothing(
    definition: str, drawn: list[tuple[int, list[str]]]
) -> None:
    rows = table(drawn)
    with TemporaryDirectory() as name:
        path = Path(name) / "rejects.csv"
        first, said = mapped(Path(name), definition, rows)
        write_rejects(first.rejects, path)
        again, said_again = mapped(Path(name), definition, rows, Replay.read([path]))
    assert (again, said_again) == (first, said)


@given(definitions(), ROWS)
@settings(max_examples=40, deadline=None)
def test_a_replay_of_corrected_rows_is_what_the_corrected_table_gives(
    definition: str, drawn: list[tuple[int, list[str]]]
) -> None:
    rows = table(drawn)
    with TemporaryDirectory() as name:
        path = Path(name) / "rejects.csv"
        first, _ = mapped(Path(name), definition, rows)
        write_rejects(first.rejects, path)
        with path.open(encoding="utf-8", newline="") as file:
            records = list(csv.DictReader(file))
        corrected = {int(record["line"]): ["z", "", "2020", "x", "1"] for record in records}
        for record in records:
            cells = dict(zip(NAMES, corrected[int(record["line"])], strict=False))
            record["row"] = json.dumps({"id": f"n{record['line']}"} | cells)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["source", "table", "line", "file", "column", "rule",
                                    "value",
                                           "expected", "level", "correction", "row",
                                           "digest"])  # fmt: skip
            writer.writeheader()
            writer.writerows(records)
        replay = Replay.read([path])
        replayed, said = mapped(Path(name), definition, rows, replay)
        replay.check()
        for line, cells in corrected.items():
            rows[line - 1] = [f"n{line}", *cells]
        whole, said_whole = mapped(Path(name), definition, rows)
    assert said == said_whole
    assert [(each.line, each.column, each.rule, each.row) for each in replayed.rejects] == [
        (each.line, each.column, each.rule, each.row) for each in whole.rejects
    ]
    assert replayed.cells == whole.cells
    assert replayed.corrected == len(corrected)
