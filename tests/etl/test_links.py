"""Decision tables: what they say, and what they may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from kg import vocab
from kg.errors import InputError
from kg.etl import Context
from kg.etl.links import (
    COLUMNS,
    Decision,
    Entry,
    Links,
    Relation,
    read_decisions,
    write_decisions,
    write_register,
)
from kg.settings import shipped

A, B, C = (f"organization/{name}" for name in ("a", "b", "c"))


def decided(one: str, relation: Relation, other: str, comment: str = "") -> Decision:
    return Decision(
        one, one.upper(), relation, other, other.upper(), "ManualMappingCuration", 0.95,
        "curator", "curator", "2026-11-26", comment,
    )  # fmt: skip


def written(folder: Path, *decisions: Decision) -> Path:
    path = folder / "organizations.sssom.tsv"
    write_decisions(path, "a title", decisions)
    return path


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    decisions = [
        decided(A, "same", B, "one; two"), decided(C, "apart", A), decided(C, "part", B),
    ]  # fmt: skip
    path = written(tmp_path, *decisions)
    assert {str(each) for each in read_decisions(path)} == {str(each) for each in decisions}
    first = path.read_text(encoding="utf-8")
    assert "# curie_map:\n#   id: https://w3id.org/aicluster/id/" in first
    written(tmp_path, *read_decisions(path)[::-1])
    assert path.read_text(encoding="utf-8") == first


def test_a_key_means_the_end_of_its_decisions(tmp_path: Path) -> None:
    written(tmp_path, decided(A, "same", B), decided(B, "same", C))
    links = Links.load(tmp_path)
    assert links.canonical("organization", "a") == links.canonical("organization", "b") == "c"
    assert links.canonical("organization", "c") is None
    assert links.canonical("model", "a") is None


@pytest.mark.parametrize(
    ("decisions", "message"),
    [
        ([decided(A, "same", B), decided(A, "same", C)], "is the same as organization/b and as"),
        ([decided(A, "same", B), decided(B, "same", A)], "goes in a circle"),
        ([decided(A, "same", B), decided(B, "apart", A)], "other decisions make them the same"),
        (
            [decided(A, "same", C), decided(B, "same", C), decided(A, "part", B)],
            "is part of organization/b",
        ),
    ],
)
def test_decisions_that_contradict_each_other_are_refused(
    tmp_path: Path, decisions: list[Decision], message: str
) -> None:
    written(tmp_path, *decisions)
    with pytest.raises(InputError, match=message):
        Links.load(tmp_path)


GOOD = "id:organization/a\tA\t\tskos:exactMatch\tid:organization/b\tB\tsemapv:X\t0.9\tme\t\t\t"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (GOOD.replace("skos:exactMatch", "owl:sameAs"), ":2: 'owl:sameAs' is not one of"),
        (GOOD.replace("0.9", "high"), ":2, column confidence: 'high' is not a number"),
        (GOOD.replace("0.9", "1.1"), "column confidence"),
        (GOOD.replace("id:organization/a", "baidu"), ":2: 'baidu' is not a key like"),
        (GOOD.replace("id:organization/a", "id:baidu"), "'id:baidu' is not a key"),
        (GOOD.removesuffix("\t"), ":2: expected 12 cells, found 11"),
    ],
)
def test_a_faulty_row_is_named_by_its_line(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "organizations.sssom.tsv"
    path.write_text("\t".join(COLUMNS) + "\n" + line + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_decisions(path)


def test_a_table_without_its_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "organizations.sssom.tsv").write_text("# only a header\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"organizations.sssom.tsv:2: expected the columns"):
        Links.load(tmp_path)


def test_a_cell_cannot_break_its_row(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a tab or line break"):
        written(tmp_path, decided(A, "same", B, "two\nlines"))


@pytest.mark.parametrize(
    ("register", "message"),
    [
        ({A: Entry("2026-01-01", B), B: Entry("2026-01-01", A)}, "goes in a circle"),
        ({A: Entry("2026-01-01", B)}, "organization/b, which replaces organization/a"),
    ],
)
def test_a_redirect_leads_somewhere(
    tmp_path: Path, register: dict[str, Entry], message: str
) -> None:
    write_register(tmp_path / "entities.tsv", register)
    with pytest.raises(InputError, match=message):
        Links.load(tmp_path)


def test_the_graph_of_links_speaks_only_of_what_a_build_knows() -> None:
    decisions = [decided(A, "same", B), decided(C, "part", A)]
    register = {"organization/old": Entry("2026-01-01", A)}
    links = Links(decisions, register)
    known = {vocab.BASE + B}
    quads = [
        (quad.subject.value, quad.predicate.value, quad.object.value)  # type: ignore[union-attr]
        for quad in links.quads(vocab.BASE, known.__contains__)
    ]
    replaced = vocab.DCTERMS + "isReplacedBy"
    assert quads == [
        (vocab.BASE + A, replaced, vocab.BASE + B),
        (vocab.BASE + "organization/old", replaced, vocab.BASE + B),
    ]
    assert links.ends() == {B, C}


def test_a_mapping_resolves_names_through_decisions(tmp_path: Path) -> None:
    for name in ("organizations.csv", "organization_aliases.csv"):
        (tmp_path / name).symlink_to(shipped("tables") / name)
    mine, other = vocab.digest("My Firm"), vocab.digest("华为")
    write_decisions(
        tmp_path / "links" / "organizations.sssom.tsv",
        "",
        [
            decided(f"organization/mine-{mine}", "same", "organization/baidu"),
            decided("organization/ror-000000000", "same", "organization/baidu"),
            decided(f"organization/mine-{other}", "apart", "organization/huawei"),
        ],
    )
    context = Context(tmp_path, shipped("ontology") / "vocabularies")
    assert context.organization("mine", "My Firm").endswith("/organization/baidu")
    assert context.organization("yours", "My Firm").endswith(f"/organization/yours-{mine}")
    assert context.organization_key_of_ror("000000000") == "baidu"
    # A rejected pair stays rejected, though a curated table has the name.
    assert context.organization_key("mine", "华为") == f"mine-{other}"
    assert context.organization_key("yours", "华为") == "huawei"
