"""The endpoint as Comunica meets it, the JavaScript engine that asks several at once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import publish, scratch, serving

from kg.release import Home

SCRIPT = Path(__file__).parent / "comunica" / "ask.mjs"
INSTALLED = Path(sys.prefix) / "comunica"

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed"),
    pytest.mark.skipif(
        not (INSTALLED / "installed").exists(),
        reason="Comunica is not installed in the environment (scripts/comunica)",
    ),
]

AIC = "PREFIX aic: <https://w3id.org/aicluster/ontology#> "
SKOS = "PREFIX skos: <http://www.w3.org/2004/02/skos/core#> "
FIELD = "https://w3id.org/aicluster/id/field/finance"


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    home = Home(tmp_path_factory.mktemp("kg"))
    publish(home)
    with serving(home) as ours, scratch(tmp_path_factory.mktemp("scratch")) as other:
        yield f"{ours.url}/sparql", f"{other.url}/sparql"


def comunica(*asked: tuple[str, str, tuple[str, ...]]) -> list[Any]:
    """Its answers to queries, each a form, a text and the endpoints it is asked of."""
    sent = [{"form": form, "query": text, "sources": sources} for form, text, sources in asked]
    done = subprocess.run(
        ["node", str(SCRIPT), str(INSTALLED)], input=json.dumps(sent), capture_output=True,
        text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found


def test_comunica_reads_all_forms(urls: tuple[str, str]) -> None:
    ours = urls[:1]
    select = f"{AIC}SELECT ?t {{ ?t a aic:Technology }} ORDER BY ?t"
    counted = f"{AIC}SELECT (COUNT(*) AS ?n) {{ ?t a aic:Technology }}"
    construct = f"{AIC}CONSTRUCT WHERE {{ ?t a aic:Technology }}"
    rows, count, quads, yes = comunica(
        ("SELECT", select, ours), ("SELECT", counted, ours), ("CONSTRUCT", construct, ours),
        ("ASK", f"{AIC}ASK {{ ?t a aic:Technology }}", ours),
    )  # fmt: skip
    assert len(rows) == 2
    assert count == [{"n": "2"}]
    assert {row["t"] for row in rows} == {subject for subject, _, _ in quads}
    assert yes is True


def test_comunica_writes_and_joins_two_endpoints(urls: tuple[str, str]) -> None:
    insert = f'{SKOS}INSERT DATA {{ <{FIELD}> skos:note "elsewhere" }}'
    join = f"{SKOS}SELECT ?name ?note {{ <{FIELD}> skos:prefLabel ?name ; skos:note ?note }}"
    _, rows = comunica(("UPDATE", insert, urls[1:]), ("SELECT", join, urls))
    assert {row["note"] for row in rows} == {"elsewhere"}
    assert {row["name"] for row in rows} >= {"智能金融"}
