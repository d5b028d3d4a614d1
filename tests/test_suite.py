"""The suite itself: all of it runs."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest


def test_no_folder_of_tests_is_passed_over(request: pytest.FixtureRequest) -> None:
    patterns = request.config.getini("norecursedirs")
    folders = {path.parent.name for path in Path(__file__).parent.rglob("test_*.py")}
    assert "build" in folders  # which is passed over unless said otherwise
    assert not [name for name in folders if any(fnmatch(name, each) for each in patterns)]
