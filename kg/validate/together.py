"""Searches that run at a time: the store lets other threads go on while it answers one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from queue import Full, Queue
from threading import Event
from typing import Final, TypeVar

Found = TypeVar("Found")

#: What is found is handed over so many at a time.
_BATCH: Final = 1000
#: Seconds after which a search that waits for its reader looks whether there still is one.
_LOOK: Final = 0.1
_MOST: Final = 4


def together(searches: Iterable[Callable[[], Iterable[Found]]]) -> Iterator[Found]:
    """What the searches find, in no order; as many run at a time as there are cores, up to four.

    They are little ahead of the reader, and end with it. What one raises is raised here.
    """
    every = (*searches,)
    threads = min(_MOST, len(every), os.cpu_count() or 1)
    if threads < 2:
        for search in every:
            yield from search()
        return
    waiting = iter(every)
    ready: Queue[list[Found] | BaseException | None] = Queue(2 * threads)
    left = Event()

    def hand_over(what: list[Found] | BaseException | None) -> None:
        while not left.is_set():
            try:
                return ready.put(what, timeout=_LOOK)
            except Full:
                continue

    def work() -> None:
        try:
            while not left.is_set() and (search := next(waiting, None)):
                found = iter(search())
                while (batch := [*islice(found, _BATCH)]) and not left.is_set():
                    hand_over(batch)
        except BaseException as error:  # the reader's to handle
            hand_over(error)
        hand_over(None)

    with ThreadPoolExecutor(threads) as pool:
        try:
            for _ in range(threads):
                pool.submit(work)
            while threads:
                match ready.get():
                    case None:
                        threads -= 1
                    case BaseException() as error:
                        raise error
                    case batch:
                        yield from batch
        finally:
            left.set()
