"""Settings come from the environment, and the folders that ship are found."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from kg import vocab
from kg.errors import InputError
from kg.settings import Settings, shipped

ROOT = Path(__file__).parents[1]


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_environment({}) == Settings()
    assert Settings().base == vocab.BASE
    assert Settings.from_environment({"KG_BASE": "", "KG_HOME": ""}) == Settings()


def test_every_setting_is_read_from_its_variable() -> None:
    found = Settings.from_environment(
        {"KG_HOME": "releases", "KG_BASE": "http://localhost:8000/id/", "KG_DEADLINE": "2.5",
         "KG_QUERY_MEMORY": "1000000", "KG_WORKERS": "3", "KG_QUEUE": "7"}
    )  # fmt: skip
    assert found == Settings(
        home=Path("releases"), base="http://localhost:8000/id/", deadline=2.5,
        query_memory=1_000_000, workers=3, queue=7,
    )  # fmt: skip


def test_every_setting_says_what_it_is_and_where_it_is_read() -> None:
    for each in fields(Settings):
        assert each.metadata["env"].startswith("KG_")
        assert each.metadata["doc"]


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("KG_WORKERS", "two", "KG_WORKERS: 'two' is not of type int"),
        ("KG_WORKERS", "2.5", "KG_WORKERS: '2.5' is not of type int"),
        ("KG_WORKERS", "0", "KG_WORKERS: 0 is not a number above zero"),
        ("KG_QUEUE", "-1", "KG_QUEUE: -1 is not a number above zero"),
        ("KG_DEADLINE", "soon", "KG_DEADLINE: 'soon' is not of type float"),
        ("KG_DEADLINE", "nan", "KG_DEADLINE: nan is not a number above zero"),
        ("KG_DEADLINE", "inf", "KG_DEADLINE: inf is not a number above zero"),
        ("KG_QUERY_MEMORY", "1 GB", "KG_QUERY_MEMORY: '1 GB' is not of type int"),
        ("KG_BASE", "http://a b/", "KG_BASE: 'http://a b/' is not an absolute IRI"),
        ("KG_BASE", "http://a/id", "that ends in '/'"),
        ("KG_BASE", "id/", "KG_BASE: 'id/' is not an absolute IRI"),
    ],
)
def test_a_bad_value_is_refused_with_the_name_of_its_variable(
    variable: str, value: str, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        Settings.from_environment({variable: value})
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["ontology", "mappings", "tables", "queries"])
def test_a_folder_that_ships_is_found_from_a_checkout(name: str) -> None:
    assert shipped(name) == ROOT / name


def test_a_folder_that_does_not_ship_is_an_error() -> None:
    with pytest.raises(InputError, match="the folder nowhere/ is missing"):
        shipped("nowhere")
