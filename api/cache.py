"""Answers that are kept for as long as their release is served, and how they are told apart."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from importlib import metadata
from typing import Final, NamedTuple

from api.again import Response
from kg.workers import Query

#: No answer takes more than this part of the cache.
_PART: Final = 16

#: Functions whose value is another one each time; also where the word is only in a string.
_FICKLE: Final = re.compile(r"\b(?:NOW|RAND|UUID|STRUUID|BNODE|SERVICE)\b")
_PERHAPS: Final = ("NOW", "RAND", "UUID", "BNODE", "SERVICE")


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:  # a checkout that was not installed
        return ""


#: The version of this software.
SOFTWARE: Final = _version("aicluster-kg")
_SOFTWARE: Final = f"{SOFTWARE} {_version('pyoxigraph')}"


class Kept(NamedTuple):
    """An answer's content type, and its bytes as they go on the wire."""

    content_type: str
    content: bytes

    @property
    def size(self) -> int:
        """Bytes of it that count."""
        return len(self.content)


class Results:
    """Answers of one release, the latest used ones, of at most `limit` bytes together.

    They are had by what decides them, and by the request that was answered with them.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[tuple[bytes | str, ...], Kept | Response] = OrderedDict()
        self.hits = self.misses = 0

    @property
    def largest(self) -> int:
        """Bytes that an answer may have to be kept."""
        return self._limit // _PART

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return self._size

    def get(self, key: tuple[str, ...]) -> Kept | None:
        """The answer of a key, if it is kept."""
        found = self._found(key)
        if found is None:
            self.misses += 1
        return found if isinstance(found, Kept) else None

    def again(self, key: tuple[bytes | str, ...]) -> Response | None:
        """The response to a request, if it is kept whole."""
        found = self._found(key)
        return found if isinstance(found, Response) else None

    def _found(self, key: tuple[bytes | str, ...]) -> Kept | Response | None:
        found = self._kept.get(key)
        if found is not None:
            self.hits += 1
            self._kept.move_to_end(key)
        return found

    def put(self, key: tuple[bytes | str, ...], kept: Kept | Response) -> None:
        """Keep an answer, and let go of those used longest ago."""
        size = _size(key, kept)
        if size > self.largest:
            return
        if before := self._kept.pop(key, None):
            self._size -= _size(key, before)
        self._kept[key] = kept
        self._size += size
        while self._size > self._limit:
            self._size -= _size(*self._kept.popitem(last=False))


def _size(key: tuple[bytes | str, ...], kept: Kept | Response) -> int:
    return kept.size + sum(map(len, key))


def steady(query: Query) -> bool:
    """Whether a query has the same answer for as long as its release is served."""
    text = query.text.upper()
    perhaps = any(word in text for word in _PERHAPS)  # quick, and mostly enough
    return not query.federates and not (perhaps and _FICKLE.search(text))


def key(query: Query, *parts: str) -> tuple[str, ...]:
    """All that decides an answer's bytes in one release."""
    graphs = (*query.default_graphs, "", *query.named_graphs)
    return (query.text, query.base or "", query.format, *graphs, *parts)


def tag(release: str, key: tuple[str, ...]) -> str:
    """The entity tag of an answer: what decides its bytes, in a digest."""
    decides = "\x00".join((_SOFTWARE, release, *key, ""))
    digest = hashlib.blake2b(decides.encode(errors="surrogatepass"), digest_size=16)
    return f'"{digest.hexdigest()}"'
