"""What a source definition says of its columns: read with file and line, and documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kg.errors import InputError
from kg.etl import Context, read, run, stage
from kg.settings import shipped
from kg.tables import MAPPING_POLICIES, RULES, Limit, lexical
from kg.tables.relations import cycles

DOC = (Path(__file__).parents[2] / "docs" / "tables.md").read_text(encoding="utf-8")


def test_the_example_of_the_reference_gives_what_it_says(tmp_path: Path) -> None:
    blocks = dict(re.findall(r"```(\w+)\n(.*?)```", DOC, re.DOTALL))
    (tmp_path / "labs.yml").write_text(blocks["yaml"], encoding="utf-8")
    (tmp_path / "labs.csv").write_text(blocks["csv"], encoding="utf-8")
    source = read(tmp_path / "labs.yml")
    sheets = stage(source, tmp_path, tmp_path / "rows")
    context = Context(shipped("tables"), shipped("ontology") / "vocabularies")
    run(source, sheets, context, lambda _: None)
    account = sheets["labs"].account
    account.check()
    assert [str(reject) for reject in account.rejects] == blocks["text"].splitlines()
    said = re.search(
        r"Of its (\d+) rows (\d+) are mapped and (\d+) rejected .*? Of its (\d+) cells (\d+) "
        r"are in rejected\s+rows, (\d+) in a column that is not used, (\d+) is empty, (\d+) were "
        r"rejected alone, and (\d+) are mapped",
        DOC,
        re.DOTALL,
    )
    assert said
    cells = account.cells
    assert [int(each) for each in said.groups()] == [
        account.read, account.mapped, account.rejected, account.cells_read,
        cells["of_rejected_rows"], cells["unused"], cells["empty"], cells["rejected"],
        cells["mapped"],
    ]  # fmt: skip


def test_every_rule_policy_and_type_is_in_the_reference() -> None:
    table = DOC.partition("## Policies")[2].partition("## Accounts")[0].splitlines()
    for rule, (first, *others) in RULES.items():
        (line,) = (each for each in table if f"`{rule}`" in each.split(" | ")[0])
        assert line.endswith(f"| `{first}` | {', '.join(f'`{each}`' for each in others)} |"), rule
    assert MAPPING_POLICIES == ("reject value", "reject row", "fail")
    assert all(f"`{name}`" in DOC for name in lexical.TYPES)


HEAD = "dataset: {title: T, original: http://x/t, licence: http://x/l}\nsources:\n  t:\n"
MAPS = """\
mappings:
  m: {sources: t, subjects: 'http://x/$(a)', predicateobjects: [[aic:p, $(b)]]}
"""


@pytest.mark.parametrize(
    ("table", "line", "message"),
    [
        ("columns: {a: {type: number}, b: }", 5, "type 'number' is not one of boolean, integer"),
        ("columns: {a: {on: ignore}, b: }", 5, "'ignore' is not one of warn, reject value"),
        ("columns: {a: {on: {no-rule: warn}}, b: }", 5, "unknown rule 'no-rule'; expected one of"),
        ("columns: {a: {on: {ragged-row: fail}}, b: }", 5, "unknown rule 'ragged-row'"),
        ("columns: {a: {on: {missing-value: reject value}}, b: }", 5,
         "missing-value cannot reject value; expected reject row, warn, fail"),
        ("columns: {a: {on: {illegal-iri: warn}}, b: }", 5, "illegal-iri cannot warn"),
        ("columns: {a: , b: }\n    on: {duplicate-key: reject value}", 6,
         "duplicate-key cannot reject value"),
        ("columns: {a: , b: }\n    max_rejects: some", 6, "max_rejects 'some': expected a count"),
        ("columns: {a: , b: }\n    max_rejects: 101%", 6, "max_rejects '101%'"),
        ("columns:\n      a: \n      b: {references: {table: u, column: a}}", 7,
         "b refers to table 'u'; expected one of t"),
        ("columns:\n      a: \n      b: {references: {table: t, column: c}}", 7,
         "b refers to 'c', which is no column of t"),
        ("columns: {a: {acyclic: true}, b: }", 5, "acyclic needs references"),
        ("columns:\n      a: \n      b: \n      c: \n      d: ", 8,
         "no mapping reads c, d of table t; map each, or declare it {unused: true}"),
        ("columns:\n      a: \n      b: {unused: true}", 7,
         "b is declared unused, but mapping m reads it"),
    ],
)  # fmt: skip
def test_a_fault_in_a_definition_is_named_with_its_line(
    tmp_path: Path, table: str, line: int, message: str
) -> None:
    path = tmp_path / "m.yml"
    path.write_text(f"{HEAD}    access: t.csv\n    {table}\n{MAPS}", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}:{line}: {message}")


def test_a_bare_policy_holds_for_every_rule_that_can_have_it(tmp_path: Path) -> None:
    path = tmp_path / "m.yml"
    body = "access: t.csv\n    on: {type: fail}\n    columns: {a: {on: warn}, b: {type: xsd:gYear}}"
    path.write_text(f"{HEAD}    {body}\n{MAPS}", encoding="utf-8")
    table = read(path).tables["t"]
    assert table.policy("pattern", "a") == table.policy("type", "a") == "warn"
    assert table.policy("control-character", "a") == "reject row"
    assert table.policy("illegal-iri", "a") == "reject value"
    assert (table.policy("type", "b"), table.policy("type", "a", "b")) == ("fail", "fail")
    assert table.columns[1].type == "year"


def test_a_limit_is_of_rows_or_of_their_share() -> None:
    assert Limit(2).allows(2, 3) and not Limit(2).allows(3, 1_000)
    assert Limit(0.5, True).allows(5, 1_000) and not Limit(0.5, True).allows(6, 1_000)
    assert (str(Limit(20)), str(Limit(0.5, True))) == ("20", "0.5%")


def test_cycles_are_the_groups_that_lead_back_to_themselves() -> None:
    parents = {
        "a": ["b"], "b": ["c"], "c": ["a", "d"], "d": [], "e": ["a"], "f": ["f"],
        "x": ["y", "z"], "y": ["x"], "z": ["x"],
    }  # fmt: skip
    assert sorted(cycles(parents)) == [["a", "b", "c"], ["f"], ["x", "y", "z"]]
    chain = {str(n): [str(n + 1)] for n in range(5_000)}
    assert cycles(chain) == []
    assert len(cycles(chain | {"5000": ["0"]})[0]) == 5_001
