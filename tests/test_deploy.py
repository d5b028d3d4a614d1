"""What stands in deploy/, checked as far as that goes without a container engine."""

from __future__ import annotations

import re
import shlex
from configparser import RawConfigParser
from pathlib import Path

import pytest

from kg.__main__ import parser
from kg.settings import Settings

ROOT = Path(__file__).parents[1]
RECIPE = (ROOT / "deploy" / "Containerfile").read_text(encoding="utf-8")
UNIT = (ROOT / "deploy" / "aicluster-kg.service").read_text(encoding="utf-8")
INSTRUCTIONS = [
    line.partition(" ")
    for line in re.sub(r"\\\n", "", RECIPE).splitlines()
    if line and not line.startswith("#")
]
VARIABLES = {each.metadata["env"] for each in Settings.__dataclass_fields__.values()}


def arguments(instruction: str) -> list[str]:
    return [rest.strip() for name, _, rest in INSTRUCTIONS if name == instruction]


# The rules of hadolint and of the CIS benchmark that concern this recipe.


def test_recipe_has_only_known_instructions() -> None:
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK",
             "STOPSIGNAL", "ENTRYPOINT", "CMD"}  # fmt: skip
    assert {name for name, _, _ in INSTRUCTIONS} == known


def test_images_are_named_in_full_with_a_version() -> None:
    images = [each.split()[0] for each in arguments("FROM")]
    assert len(images) == 2
    for image in images:
        assert re.fullmatch(r"[a-z.]+/[a-z/-]+:[0-9][\w.-]+", image), image
        assert not image.endswith(":latest")


def test_image_runs_as_a_user_of_its_own_that_has_a_number() -> None:
    (user,) = arguments("USER")
    assert user.isdecimal()
    assert int(user) > 0
    last = [name for name, _, _ in INSTRUCTIONS].index("USER")
    assert "RUN" not in [name for name, _, _ in INSTRUCTIONS[last:]]


def test_pip_keeps_no_cache_and_installs_what_is_locked() -> None:
    installs = [each for run in arguments("RUN") for each in run.split("&&") if "pip" in each]
    assert len(installs) == 2
    assert all("--no-cache-dir" in each for each in installs)
    assert "requirements.lock" in installs[0]
    assert "--no-deps" in installs[1]
    assert (ROOT / "requirements.lock").is_file()


def test_start_and_health_are_lists_and_no_shell() -> None:
    for name in ("ENTRYPOINT", "CMD", "VOLUME"):
        assert arguments(name)[-1].startswith("[")
    assert 'CMD ["' in arguments("HEALTHCHECK")[0]
    assert not arguments("ADD")
    assert "sudo" not in RECIPE
    assert "/health/ready" in RECIPE


@pytest.mark.parametrize(
    "command",
    [
        " ".join(re.findall(r'"([^"]*)"', arguments("CMD")[-1])),
        re.findall(r"^ExecStart=\S+/kg (.*)$", UNIT, re.MULTILINE)[0],
    ],
)
def test_command_that_is_started_exists(command: str) -> None:
    options = parser().parse_args(shlex.split(command))
    assert (options.port, options.scratch) == (8000, False)


def test_variables_that_are_set_are_settings() -> None:
    found = set(re.findall(r"\b(KG_[A-Z_]+)=", RECIPE + UNIT))
    assert found <= VARIABLES | {"KG_SETTINGS"}
    assert "KG_HOME" in found


def test_unit_is_whole_and_confined() -> None:
    unit = RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(UNIT)
    assert unit.sections() == ["Unit", "Service", "Install"]
    service = unit["Service"]
    assert service["User"] != "root"
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert int(service["TimeoutStopSec"]) > Settings().deadline + 1
    assert {service[each] for each in ("NoNewPrivileges", "ProtectHome", "PrivateTmp")} == {"yes"}
