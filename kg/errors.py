"""Every error that this project raises on purpose.

A message says where, what, and what was expected. A library's exception is
translated once, on the floor that calls the library. The two front doors map
classes to their own codes: the CLI to exit codes, the API to HTTP statuses.
"""

from __future__ import annotations

import re
from typing import Final

#: What Rust puts behind the text of an operating system's error.
_NUMBER: Final = re.compile(r" \(os error [0-9]+\)$")


def reason(error: Exception) -> str:
    """What a library's exception says; of an OSError only what went wrong, not number and path."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return _NUMBER.sub("", str(error))


class KnowledgeGraphError(Exception):
    """Base of all errors a user can cause or meet."""


class InputError(KnowledgeGraphError):
    """A file, table, mapping, setting or argument is not what it must be."""


class Imbalance(KnowledgeGraphError):
    """Rows or cells of a table that are not accounted for: a defect of this software."""


class ReleaseError(KnowledgeGraphError):
    """A release is missing, damaged or in use."""


class NoRelease(ReleaseError):
    """Nothing has been published under this home yet."""


class Outdated(ReleaseError):
    """A release that another version of the software or of the ontology made: to be built anew."""


class Locked(ReleaseError):
    """Another build or publish holds the lock of this home."""


class QueryError(KnowledgeGraphError):
    """A query that cannot be answered as it was asked."""


class QuerySyntaxError(QueryError):
    """A query that is not SPARQL 1.1."""


class ServiceRefused(QueryError):
    """A query that would reach the network or the file system."""


class UnknownQuery(QueryError):
    """No named query stands at this path."""


class UnknownParameter(QueryError):
    """A parameter that the named query does not declare."""


class ParameterError(QueryError):
    """A parameter that is missing, or whose value is not of its type."""


class NotAcceptable(QueryError):
    """No format that was asked for can carry this result."""


class QueryTimeout(QueryError):
    """A query was ended at its deadline."""


class QueryMemoryExceeded(QueryError):
    """A query was ended at its memory limit."""


class AnswerTooLarge(QueryError):
    """An answer with more bytes than one may have."""


class Busy(QueryError):
    """The queue of waiting queries is full."""


class WorkerCrash(QueryError):
    """A worker died twice on the same query, for no reason the query names."""
