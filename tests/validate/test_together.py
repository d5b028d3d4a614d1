"""Searches at a time: what they find is all there, none runs on without a reader."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.validate import together as module
from kg.validate.together import together


@given(st.lists(st.lists(st.integers(), max_size=5), max_size=6), st.integers(1, 3))
def test_all_that_the_searches_find_is_there(every: list[list[int]], batch: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BATCH", batch)
        found = together(partial(iter, each) for each in every)
        assert Counter(found) == Counter(one for each in every for one in each)


def test_what_one_search_raises_is_raised_and_the_others_end() -> None:
    def fails() -> Iterator[int]:
        yield 1
        raise ValueError("as it is")

    before = threading.active_count()
    with pytest.raises(ValueError, match="as it is"):
        list(together([fails, count]))
    assert threading.active_count() <= before


def test_searches_end_with_their_reader_and_are_little_ahead_of_it() -> None:
    taken, before = Counter[int](), threading.active_count()

    def endless(number: int) -> Iterator[int]:
        for each in count():
            taken[number] += 1
            yield each

    found = together(partial(endless, number) for number in range(2))
    assert next(found) == 0
    found.close()  # type: ignore[attr-defined]
    assert threading.active_count() <= before
    assert sum(taken.values()) < 20 * module._BATCH
