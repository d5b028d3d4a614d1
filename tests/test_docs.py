"""What the documents say exists: commands, queries, settings, folders, sources."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from kg import ontology
from kg.__main__ import parser
from kg.catalogue import Catalogue
from kg.etl import load
from kg.settings import Settings, shipped

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = [
    line.strip().removeprefix("$ ").split("#")[0].strip()
    for path in DOCUMENTS
    for line in path.read_text(encoding="utf-8").splitlines()
    if line.strip().startswith("$ kg ")
]


def test_documents_show_commands() -> None:
    assert len(DOCUMENTS) >= 2
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize("command", COMMANDS)
def test_command_in_a_document_is_one_that_exists(command: str) -> None:
    _, *arguments = shlex.split(command)
    options = parser().parse_args(arguments)
    if getattr(options, "name", None):
        catalogue = Catalogue.load(shipped("queries"), terms=ontology.terms(shipped("ontology")))
        values = dict(pair.split("=", 1) for pair in options.param)
        assert catalogue[options.name].bind(values)


def test_every_command_is_in_the_readme() -> None:
    (commands,) = (action for action in parser()._actions if action.choices)
    assert isinstance(commands.choices, dict)
    for name in commands.choices:
        assert re.search(rf"^\$ kg {name}\b|\bkg {name}\b", README, re.MULTILINE), name


def test_every_setting_is_in_the_one_table_with_what_it_is() -> None:
    table = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for field in Settings.__dataclass_fields__.values():
        (line,) = (
            each for each in table.splitlines() if each.startswith(f"| `{field.metadata['env']}` |")
        )
        assert line.endswith(f"| {field.metadata['doc']} |")


def test_links_of_the_documents_lead_somewhere() -> None:
    for path in DOCUMENTS:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_every_source_with_a_mapping_is_in_the_readme() -> None:
    for source in load(shipped("mappings")):
        if source.maps and not (source.dataset.shipped or source.dataset.synthetic):
            assert source.dataset.original in README, source.dataset.name


def test_no_document_or_lock_file_names_a_machine_or_a_registry() -> None:
    locks = [*ROOT.glob("*.lock"), ROOT / "tests" / "comunica" / "package-lock.json"]
    paths = [*DOCUMENTS, *locks, ROOT / "Makefile", *(ROOT / "scripts").iterdir()]
    assert len(paths) >= 8
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert not re.search(
            r"(?<![\w.])/(?:work|root|home|opt)/|pypi\.|files\.pythonhosted|registry\.npmjs", text
        ), path
