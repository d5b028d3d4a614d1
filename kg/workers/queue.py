"""Those who wait for a worker: each client in turn, and none with more than its share."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Any

from kg.errors import Busy


class Queue:
    """Futures of workers, by client; `limit` of all, `share` of one client."""

    def __init__(self, limit: int, share: int) -> None:
        self._limit = limit
        self._share = share
        self._lines: OrderedDict[str, deque[asyncio.Future[Any]]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def __iter__(self) -> Iterator[asyncio.Future[Any]]:
        return (future for line in self._lines.values() for future in line)

    def join(self, client: str, *, again: bool = False) -> asyncio.Future[Any]:
        """A place in the client's line; raises Busy where there is none left.

        Who is there `again`, as its worker died, has waited already: it comes first.
        """
        if not again:
            if len(self) >= self._limit:
                raise Busy(f"{len(self)} queries wait already, which is as many as may")
            if len(self._lines.get(client, ())) >= self._share:
                raise Busy(f"{self._share} queries of yours wait already, which is as many as may")
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        line = self._lines.setdefault(client, deque())
        if again:
            line.appendleft(future)
            self._lines.move_to_end(client, last=False)
        else:
            line.append(future)
        return future

    def leave(self, client: str, future: asyncio.Future[Any]) -> None:
        """Give up a place; nothing happens where its turn has come."""
        line = self._lines.get(client, deque())
        if future in line:
            line.remove(future)
            if not line:
                del self._lines[client]

    def next(self) -> asyncio.Future[Any] | None:
        """Whose turn it is; None where nobody waits."""
        while self._lines:
            client, line = next(iter(self._lines.items()))
            future = line.popleft()
            if line:
                self._lines.move_to_end(client)  # its next one waits for all others
            else:
                del self._lines[client]
            if not future.done():
                return future
        return None
