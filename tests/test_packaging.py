"""The wheel holds what the project needs, and finds it without the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
WHAT_IS_FOUND = """
import json, kg
from pathlib import Path
from kg.settings import shipped
found = {}
for name in ("ontology", "mappings", "tables", "queries"):
    found[name] = sum(path.is_file() for path in shipped(name).rglob("*"))
print(json.dumps([kg.__file__, found]))
"""


def test_installed_wheel_finds_the_folders_of_the_checkout(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("aicluster_kg-*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    done = subprocess.run(
        [sys.executable, "-c", WHAT_IS_FOUND],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        check=True,
        capture_output=True,
        text=True,
    )
    where, found = json.loads(done.stdout)
    assert where.startswith(str(tmp_path))
    for name, count in found.items():
        assert count == len([path for path in (ROOT / name).rglob("*") if path.is_file()]) > 0
    assert (tmp_path / "site" / "api" / "templates").is_dir()
    assert (tmp_path / "site" / "kg" / "py.typed").is_file()
