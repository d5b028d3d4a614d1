"""The pipeline: tables and ontology → candidate → inferred → validated → published, or nothing.

`build` maps everything, or only what changed since the current release; either way the
content, and so the release id, is the same. A candidate that does not conform is thrown
away, and what is served stays as it was.
"""

from __future__ import annotations

from kg.build.edit import change
from kg.build.full import Full
from kg.build.incremental import MUCH, Incremental, Plan
from kg.build.inputs import Inputs, Staged
from kg.build.outcome import Outcome, Progress, Stages
from kg.build.state import ROWS
from kg.release import Home
from kg.settings import Settings

__all__ = ["ROWS", "Inputs", "Outcome", "Progress", "build", "change"]


def build(
    home: Home,
    settings: Settings,
    inputs: Inputs,
    progress: Progress,
    *,
    much: float = MUCH,
    full: bool = False,
) -> Outcome:
    """Build a release from the inputs and publish it.

    Only what changed since the current release is mapped, unless that is more than the share
    `much` of all rows, or a `full` build is wanted.
    Raises NotConforming with the report where the candidate violates a shape, InputError
    where an input cannot be read, and Locked where another build is under way; then nothing
    has changed.
    """
    with home.building() as candidate:
        stages = Stages(progress)
        stages.begin("read", 0.0)
        inputs.schema_of(settings.base)  # what is wrong with it is told before tables are read
        staged = Staged.read(home, inputs, candidate.path / ROWS, stages)
        work = (home, settings, inputs, stages, candidate, staged)
        plan = None if full else Plan.make(inputs, settings.base, staged, much)
        if plan is None:
            return Full(*work).run()
        return Incremental(*work, plan).run()
