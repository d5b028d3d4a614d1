"""Every broken table gives the exact rejects or the one error that the corpus states."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from corpus import Case, cases
from pyoxigraph import NamedNode, RdfFormat, Store

from kg.errors import InputError
from kg.etl import Context, Statements, read, run, stage
from kg.settings import shipped
from kg.tables import Sheet, lexical, write_rejects

CASES = cases()
CONTEXT = Context(shipped("tables"), shipped("ontology") / "vocabularies")
EX = "http://example.org/"
#: What has no cells of text, and so no row that could be corrected in the report.
UNTOLD = {"no-value", "no-object", "malformed-json"}


def mapping(case: Case) -> str:
    """A mapping that says every cell of every table of the case."""

    def lines() -> Iterator[str]:
        yield f"prefixes: {{ex: {EX}}}"
        yield "dataset: {title: T, original: http://x/t, licence: http://x/l}"
        yield "sources:"
        for (name, definition), file in zip(case.tables.items(), case.files, strict=True):
            yield f"  {name}:\n    access: {file}\n    {definition}"
        yield "mappings:"
        for name, definition in case.tables.items():
            columns = yaml.safe_load(f"    {definition}")["columns"]
            key = next(iter(columns))
            yield f"  {name}:\n    sources: {name}\n    subjects: ex:{name}/$({key})"
            yield "    predicateobjects:"
            for column, spec in columns.items():
                type_ = (spec or {}).get("type")
                made = f"$({column})"
                if column == "place":
                    made = f"{{function: place, parameters: [[text, {made}]]}}"
                elif type_ == "iri":
                    made += "~iri"
                elif type_ and "warn" not in str(spec):
                    made += f", xsd:{lexical.TYPES[type_].iri.partition('#')[2]}"
                yield f"      - [ex:{column}, {made}]"

    return "\n".join(lines()) + "\n"


def built(case: Case, folder: Path) -> tuple[dict[str, Sheet], Store]:
    """The sheets of a case, in balance, and its statements as the strict parser takes them."""
    for name, data in case.files.items():
        (folder / name).write_bytes(data)
    (folder / "case.yml").write_text(mapping(case), encoding="utf-8")
    source = read(folder / "case.yml")
    store = Store()

    def keep(made: Statements) -> None:
        store.load("\n".join(made.lines()).encode(), format=RdfFormat.N_QUADS)

    sheets = stage(source, folder, folder / "rows")
    run(source, sheets, CONTEXT, keep)
    for sheet in sheets.values():
        sheet.account.check()
        sheet.account.check_limit(sheet.table.max_rejects)
    return sheets, store


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_broken_table_gives_exact_rejects_or_one_error(case: Case, tmp_path: Path) -> None:
    if case.error is not None:
        with pytest.raises(InputError, match=case.error):
            built(case, tmp_path)
        return
    sheets, store = built(case, tmp_path)
    account = sheets["t"].account
    assert tuple((each.line, each.column, each.rule) for each in account.rejects) == case.rejects
    assert account.read == case.rows
    for (key, column), text in case.says.items():
        found = store.quads_for_pattern(NamedNode(f"{EX}t/{key}"), NamedNode(EX + column), None)
        (value,) = {quad.object.value for quad in found}  # type: ignore[union-attr]
        assert value.removeprefix("https://w3id.org/aicluster/id/place/") == text
    write_rejects(account.rejects, tmp_path / "rejects.csv")
    csv.field_size_limit(2**30)
    with (tmp_path / "rejects.csv").open(encoding="utf-8", newline="") as file:
        for record in csv.DictReader(file):
            assert record["rule"] in UNTOLD or json.loads(record["row"])


def test_the_corpus_has_more_than_two_hundred_broken_tables() -> None:
    broken = [case for case in CASES if case.error or case.rejects]
    assert len(broken) > 200
