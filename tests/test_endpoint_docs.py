"""What docs/endpoint.md shows of curl, asked of a real server over the shipped tables."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Server, serving

from kg.build import Inputs, build
from kg.release import Home
from kg.settings import Settings
from kg.tokens import Tokens

TEXT = (Path(__file__).parents[1] / "docs" / "endpoint.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
SHOWN = [
    (command, shown.splitlines())
    for block in BLOCKS
    for command, shown in re.findall(r"^\$ (curl .*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
]

pytestmark = pytest.mark.skipif(
    shutil.which("curl") is None and os.environ.get("CI") != "true", reason="curl is not installed"
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("home"))
    build(home, Settings(), Inputs(), lambda *_: None)
    return home


@pytest.fixture(scope="module")
def server(home: Home) -> Iterator[Server]:
    with serving(home) as server:
        yield server


def test_every_feature_of_named_queries_has_an_example() -> None:
    commands = " ".join(command for command, _ in SHOWN)
    for feature in ("百度", "limit=", "offset=", "shape=objects", "explain", "openapi", "-T "):
        assert feature in commands


@pytest.mark.parametrize(("command", "shown"), SHOWN, ids=[command for command, _ in SHOWN])
def test_example_answers_what_it_shows(
    home: Home, server: Server, tmp_path: Path, command: str, shown: list[str]
) -> None:
    if "kgt_…" in command:
        command = command.replace("kgt_…", Tokens(home.path).add("ann", ["edits/ann"]))
        (tmp_path / "notes.ttl").write_text("<urn:a> <urn:b> <urn:c> .")
    command = command.replace("http://127.0.0.1:8000", server.url)
    done = subprocess.run(
        command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    # A line may be cut by an ellipsis, and lines may be left out; the order stays.
    patterns = (".*".join(map(re.escape, line.split("…"))) for line in shown if line != "…")
    lines = iter(done.stdout.replace("\r", "").splitlines())
    for pattern in patterns:
        assert any(re.fullmatch(pattern, line) for line in lines), (pattern, done.stdout)
