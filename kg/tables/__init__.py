"""Tables in: every format read as exact text, every row and cell accounted for.

`reading` gives the rows of a file in chunks of text, `staging` checks them against what the
source declares and keeps the sound ones as a `Sheet`, `model` is the words they share.
A row that cannot be used is rejected with its line, column, rule and value, never dropped.
"""

from __future__ import annotations

from kg.tables.dialect import FORMATS, RDF, SQL, Dialect, Original, format_of
from kg.tables.model import (
    LINE,
    ROW,
    STATEMENT,
    Account,
    Column,
    Origin,
    Reject,
    Table,
    valid_pattern,
    write_rejects,
)
from kg.tables.reading import chunks, column_names
from kg.tables.staging import DIGEST, Sheet, read, sha256, stage

__all__ = [
    "DIGEST",
    "FORMATS",
    "LINE",
    "RDF",
    "ROW",
    "SQL",
    "STATEMENT",
    "Account",
    "Column",
    "Dialect",
    "Origin",
    "Original",
    "Reject",
    "Sheet",
    "Table",
    "chunks",
    "column_names",
    "format_of",
    "read",
    "sha256",
    "stage",
    "valid_pattern",
    "write_rejects",
]
