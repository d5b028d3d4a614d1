"""Extract, transform, load: from tables, by mappings, to checked statements.

`mapping` reads a mapping into a plan, `engine` runs it column by column, `functions` and
`places` are what it looks things up in, `terms` checks what comes out, `rml` exports it.
"""

from __future__ import annotations

from kg.etl.engine import Statements, origins, run
from kg.etl.functions import Context
from kg.etl.mapping import Dataset, Source, load, read

__all__ = [
    "Context",
    "Dataset",
    "Source",
    "Statements",
    "load",
    "origins",
    "read",
    "run",
]
