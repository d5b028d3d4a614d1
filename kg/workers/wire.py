"""What a server and a worker say to each other on their socket: frames of kind and length.

The server sends QUERY or WRITE. The worker answers with HEADER (the media type), CHUNKs and one
END, or with one ERROR in place of all the rest, or after a part of it.
"""

from __future__ import annotations

import json
import marshal
import struct
from typing import Final

from kg import errors
from kg.errors import KnowledgeGraphError
from kg.workers import writing
from kg.workers.engine import Query

QUERY: Final = b"Q"
WRITE: Final = b"W"
HEADER: Final = b"H"
CHUNK: Final = b"D"
END: Final = b"E"
ERROR: Final = b"X"

#: What the engine says on standard error before it ends for want of memory.
OUT_OF_MEMORY: Final = b"memory allocation of"

#: Payload of the END of a worker that answers no further query.
LAST: Final = b"last"

#: Bytes of an answer that travel in one frame.
CHUNK_SIZE: Final = 64 * 1024

PREFIX: Final = struct.Struct("!cI")


def frame(kind: bytes, payload: bytes | bytearray = b"") -> bytes:
    """One frame, ready to be sent."""
    return PREFIX.pack(kind, len(payload)) + payload


def pack(asked: Query | writing.Write) -> bytes:
    """The frame that asks for an answer."""
    if isinstance(asked, Query):
        # In a tenth of JSON's time. Both ends are one interpreter's, and a worker, who may have
        # run what anyone asked, is never read so. A lone surrogate reaches the engine's refusal.
        return frame(QUERY, marshal.dumps((*asked,)))
    return frame(WRITE, writing.pack(asked))


def unpack(kind: bytes, payload: bytes) -> Query | writing.Write:
    """What a QUERY or WRITE frame asks for."""
    if kind == WRITE:
        return writing.unpack(payload)
    return Query(*marshal.loads(payload))  # noqa: S302 - the server's own bytes


def pack_error(kind: type[KnowledgeGraphError], message: str, *, last: bool = False) -> bytes:
    """The ERROR frame of an error: its class by name, its message, whether the worker ends."""
    return frame(ERROR, json.dumps([kind.__name__, message, last]).encode())


def unpack_error(payload: bytes) -> tuple[KnowledgeGraphError, bool]:
    """The error of an ERROR frame, and whether the worker that sent it ends."""
    name, message, last = json.loads(payload)
    kind: type[KnowledgeGraphError] = getattr(errors, name)
    return kind(message), last
