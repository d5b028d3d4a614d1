"""Extract, transform, load: from tables, by mappings, to checked statements.

`mapping` reads YAML into a `plan`, `engine` runs it column by column, `functions` are what it
calls, `context` and `places` what these look things up in, `terms` checks what comes out.
`origins` tells where a statement came from; `rml` is the same plan in another language.
"""

from __future__ import annotations

from kg.etl.context import Context
from kg.etl.engine import Statements, run, stage
from kg.etl.mapping import load, read
from kg.etl.origins import Dependencies, dependencies, origins
from kg.etl.plan import TO_SAY, Dataset, Source, is_synthetic

__all__ = [
    "TO_SAY",
    "Context",
    "Dataset",
    "Dependencies",
    "Source",
    "Statements",
    "dependencies",
    "is_synthetic",
    "load",
    "origins",
    "read",
    "run",
    "stage",
]
