"""The kernel's wall around workers that read a release from disk."""

from __future__ import annotations

import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from kg.workers import walls

pytestmark = pytest.mark.skipif(not walls.version(), reason="this kernel has no Landlock")

TRIED = """
import socket, sys
from pathlib import Path
from kg.workers import walls
folder, outside, allowed, other = sys.argv[1:]
assert walls.confine(folder, int(allowed) or None)
def reached(what, *arguments):
    try:
        what(*arguments)
        return True
    except OSError:
        return False
def connect(port):
    with socket.socket() as client:
        client.connect(("127.0.0.1", int(port)))
print(
    reached(Path(folder, "inside").read_text),
    reached(Path(folder, "inside").write_text, "x"),
    reached(Path(outside).read_text),
    int(allowed) and reached(connect, allowed),
    reached(connect, other),
)
"""


@pytest.mark.parametrize("port", ["none", "one"])
def test_confined_process_reads_its_folder_and_reaches_its_port(tmp_path: Path, port: str) -> None:
    if walls.version() < 4:
        pytest.skip("this kernel's Landlock knows no ports")
    folder = tmp_path / "release"
    folder.mkdir()
    (folder / "inside").write_text("inside")
    (tmp_path / "outside").write_text("outside")
    with (
        socket.create_server(("127.0.0.1", 0)) as allowed,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        ports = [str(each.getsockname()[1]) for each in (allowed, other)]
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(TRIED), str(folder), str(tmp_path / "outside"),
             ports[0] if port == "one" else "0", ports[1]],
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
    expected = "True False False True False" if port == "one" else "True False False 0 False"
    assert done.stdout.strip() == expected


def test_confined_writer_changes_its_folder_and_nothing_else(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from kg.workers import walls
folder = Path(sys.argv[1])
assert walls.confine(str(folder / "copy"), None, writes=True)
(folder / "copy" / "new").write_text("x")
(folder / "copy" / "new").rename(folder / "copy" / "renamed")
for outside in (folder / "outside", Path("/proc/self/statm")):
    try:
        outside.read_text()
    except PermissionError:
        continue
    raise SystemExit(f"{outside} was read")
try:
    (folder / "another").write_text("x")
except PermissionError:
    raise SystemExit(0)
"""
    (tmp_path / "copy").mkdir()
    (tmp_path / "outside").write_text("x")
    command = [sys.executable, "-c", script, str(tmp_path)]
    subprocess.run(command, check=True, timeout=60)
    assert [each.name for each in tmp_path.joinpath("copy").iterdir()] == ["renamed"]
    assert not (tmp_path / "another").exists()
