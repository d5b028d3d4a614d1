"""The seam between those who ask and what answers: a query and a deadline in, bytes out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol

from kg.workers.engine import Query
from kg.workers.writing import Write


@dataclass(frozen=True)
class Answer:
    """The bytes of an answer; whoever does not read them to their end closes it."""

    media_type: str
    chunks: AsyncIterator[bytes]
    release: str  #: the name of the content that answered
    _close: Callable[[], None]

    async def aclose(self) -> None:
        """End the query if it still runs. Safe at any time, more than once."""
        self._close()


class Evaluator(Protocol):
    """What answers queries: forked workers here, any SPARQL 1.1 server elsewhere."""

    async def evaluate(self, asked: Query | Write, deadline: float, client: str = "") -> Answer:
        """Answer within `deadline` seconds from now, waiting included.

        Queries that wait are taken from each `client` in turn. The answer to a write is the
        `Change` that it makes, which is not made yet. Before the first byte raises
        QuerySyntaxError, NotAcceptable or another QueryError of the query's own, and
        QueryTimeout, QueryMemoryExceeded, Busy or WorkerCrash.
        """
        ...
