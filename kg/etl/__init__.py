"""Extract, transform, load: from tables, by mappings, to checked statements.

`mapping` reads YAML into a `plan`, `engine` runs it column by column, `functions` and
`places` are what it looks things up in, `terms` checks what comes out, `rml` exports it.
"""

from __future__ import annotations

from kg.etl.engine import Statements, origins, run, stage
from kg.etl.functions import Context
from kg.etl.mapping import load, read
from kg.etl.plan import Dataset, Source

__all__ = [
    "Context",
    "Dataset",
    "Source",
    "Statements",
    "load",
    "origins",
    "read",
    "run",
    "stage",
]
