"""Tables in: every format read as exact text, every row and cell accounted for.

`reading` gives the rows of a file in chunks of text, `staging` checks them against what the
source declares (`rules` of cells, `relations` of rows, `lexical` types) and keeps the sound
ones as a `sheet`; `rejects` go out as a table and come back corrected; `model` is the words
they share. What cannot be used is rejected with its line, column, rule and value, never dropped.
"""

from __future__ import annotations

from kg.tables import lexical
from kg.tables.dialect import FORMATS, RDF, SQL, Dialect, Original, format_of
from kg.tables.model import (
    CELLS,
    LINE,
    MAPPING_POLICIES,
    NOTE,
    ROW,
    RULES,
    STATEMENT,
    Account,
    Column,
    Limit,
    Origin,
    Policy,
    Reference,
    Reject,
    Table,
    valid_pattern,
)
from kg.tables.reading import chunks, column_names
from kg.tables.rejects import Replay, write_rejects
from kg.tables.relations import relate
from kg.tables.sheet import DIGEST, Sheet
from kg.tables.staging import read, sha256, stage

__all__ = [
    "CELLS",
    "DIGEST",
    "FORMATS",
    "LINE",
    "MAPPING_POLICIES",
    "NOTE",
    "RDF",
    "ROW",
    "RULES",
    "SQL",
    "STATEMENT",
    "Account",
    "Column",
    "Dialect",
    "Limit",
    "Origin",
    "Original",
    "Policy",
    "Reference",
    "Reject",
    "Replay",
    "Sheet",
    "Table",
    "chunks",
    "column_names",
    "format_of",
    "lexical",
    "read",
    "relate",
    "sha256",
    "stage",
    "valid_pattern",
    "write_rejects",
]
