"""What a server and a worker say to each other on their socket: frames of kind and length.

The server sends QUERY. The worker answers with HEADER (the media type), CHUNKs and one END,
or with one ERROR in place of all the rest, or after a part of it.
"""

from __future__ import annotations

import dataclasses
import json
import struct
from typing import Final

from kg import errors
from kg.errors import KnowledgeGraphError
from kg.workers.engine import Query

QUERY: Final = b"Q"
HEADER: Final = b"H"
CHUNK: Final = b"D"
END: Final = b"E"
ERROR: Final = b"X"

#: Payload of the END of a worker that answers no further query.
LAST: Final = b"last"

#: Bytes of an answer that travel in one frame.
CHUNK_SIZE: Final = 64 * 1024

PREFIX: Final = struct.Struct("!cI")


def frame(kind: bytes, payload: bytes | bytearray = b"") -> bytes:
    """One frame, ready to be sent."""
    return PREFIX.pack(kind, len(payload)) + payload


def pack_query(query: Query) -> bytes:
    """The QUERY frame of a query."""
    # Escaped to ASCII: a text with lone surrogates reaches the engine, which refuses it.
    return frame(QUERY, json.dumps(dataclasses.asdict(query)).encode())


def unpack_query(payload: bytes) -> Query:
    """The query of a QUERY frame."""
    fields = json.loads(payload)
    return Query(
        fields["text"],
        fields["format"],
        tuple(fields["default_graphs"]),
        tuple(fields["named_graphs"]),
    )


def pack_error(kind: type[KnowledgeGraphError], message: str) -> bytes:
    """The ERROR frame of an error: its class by name, and its message."""
    return frame(ERROR, json.dumps([kind.__name__, message]).encode())


def unpack_error(payload: bytes) -> KnowledgeGraphError:
    """The error of an ERROR frame."""
    name, message = json.loads(payload)
    kind: type[KnowledgeGraphError] = getattr(errors, name)
    return kind(message)
