"""The worked example of docs/alliances.md as a person follows it: each command, its output."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

DOCUMENT = Path(__file__).parents[1] / "docs" / "alliances.md"


def blocks(language: str) -> list[str]:
    text = DOCUMENT.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def sessions() -> list[tuple[str, list[str]]]:
    """Each command with the lines that it is shown to print."""
    found: list[tuple[str, list[str]]] = []
    for line in "".join(blocks("console")).splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line.rstrip())
    return found


def test_every_command_of_the_worked_example_prints_what_is_shown(tmp_path: Path) -> None:
    (table,) = blocks("csv")
    (tmp_path / "alliances.csv").write_text(table, encoding="utf-8")
    (query,) = blocks("sparql")
    (tmp_path / "members.rq").write_text(query, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KG_")}
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "kg").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m kg "$@"\n')
    (tmp_path / "bin" / "kg").chmod(0o755)
    environment |= {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(DOCUMENT.parents[1]),
        "COLUMNS": "200",
    }
    commands = sessions()
    assert len(commands) >= 9
    for command, shown in commands:
        if variable := re.fullmatch(r"export (\w+)=(\S+)", command):
            environment[variable[1]] = variable[2]
            continue
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        printed = [line.rstrip() for line in done.stdout.splitlines()]
        pattern = "".join(
            "(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + "\n"
            for line in shown
        )
        assert re.match(f"(?:{pattern})", "\n".join([*printed, ""])), (
            f"{command}\nprinted\n" + "\n".join(printed)
        )


def test_the_excerpt_shown_is_what_is_written(tmp_path: Path) -> None:
    (table,) = blocks("csv")
    (tmp_path / "alliances.csv").write_text(table, encoding="utf-8")
    from kg.__main__ import main

    assert main(["source", "add", str(tmp_path / "alliances.csv"), "--json"]) == 0
    written = (tmp_path / "alliances.yml").read_text(encoding="utf-8")
    (excerpt,) = blocks("yaml")
    assert excerpt in written
