"""Errors as HTTP: one table from class to status, RFC 9457 on the wire.

`type` of a problem is a fragment of `/problems`, where a person can read what it means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import JSONResponse

from api.prefix import below
from kg import errors
from kg.errors import KnowledgeGraphError
from kg.validate import NotConforming

MEDIA_TYPE: Final = "application/problem+json"


class BadRequest(KnowledgeGraphError):
    """A request that the protocol does not allow."""


class NotFound(KnowledgeGraphError):
    """Nothing stands at this path."""


class MethodNotAllowed(KnowledgeGraphError):
    """A method that this path does not answer; its argument is those that it does."""

    def __init__(self, method: str, allowed: str) -> None:
        super().__init__(f"{method} is not answered here; expected one of {allowed}")
        self.allowed = allowed


class UnknownMethod(KnowledgeGraphError):
    """A method that HTTP does not have."""


class TooLate(KnowledgeGraphError):
    """A request that did not come to its end in time."""


class HeadTooLarge(KnowledgeGraphError):
    """A request line and headers over the limit."""


class ContentTooLarge(KnowledgeGraphError):
    """A request's body over the limit."""


class UnsupportedMediaType(KnowledgeGraphError):
    """A request's body of a type that cannot carry what it must."""


class Unauthorized(KnowledgeGraphError):
    """A write without a token that is known."""


class Forbidden(KnowledgeGraphError):
    """A write that this token, or this server, does not allow."""


class Conflict(KnowledgeGraphError):
    """A write to what has changed meanwhile."""


@dataclass(frozen=True)
class Kind:
    """One kind of problem: what a class of errors is on the wire."""

    status: int
    title: str
    headers: tuple[tuple[str, str], ...] = ()


#: Class → status. A class that is not listed has that of the nearest base that is.
KINDS: Final[dict[type[KnowledgeGraphError], Kind]] = {
    BadRequest: Kind(400, "The request is not what the protocol expects"),
    errors.InputError: Kind(400, "A value in the request is not what it must be"),
    errors.QueryError: Kind(400, "The query cannot be answered"),
    errors.QuerySyntaxError: Kind(400, "The query is not SPARQL 1.1"),
    errors.UnknownParameter: Kind(400, "The query has no such parameter"),
    Unauthorized: Kind(401, "A write needs a token", (("WWW-Authenticate", "Bearer"),)),
    Forbidden: Kind(403, "The write is not allowed"),
    errors.ServiceRefused: Kind(403, "A query reaches nothing outside its dataset"),
    NotFound: Kind(404, "Nothing stands at this path"),
    errors.UnknownQuery: Kind(404, "There is no such query"),
    MethodNotAllowed: Kind(405, "The method is not answered here"),
    errors.NotAcceptable: Kind(406, "The format asked for cannot carry the answer"),
    TooLate: Kind(408, "The request did not come to its end in time"),
    Conflict: Kind(409, "What was to be changed is another one now"),
    errors.Outdated: Kind(409, "The release is to be built anew before it is edited"),
    errors.Locked: Kind(409, "Another build or write is under way", (("Retry-After", "2"),)),
    ContentTooLarge: Kind(413, "The request's body is too large"),
    UnsupportedMediaType: Kind(415, "The request's body is of a type that is not read here"),
    NotConforming: Kind(422, "The change violates a shape, and nothing of it was done"),
    errors.ParameterError: Kind(422, "A parameter is missing or not of its type"),
    errors.Busy: Kind(429, "Too many queries wait already", (("Retry-After", "1"),)),
    HeadTooLarge: Kind(431, "The request line and the headers are too large"),
    KnowledgeGraphError: Kind(500, "The server failed"),
    errors.Imbalance: Kind(500, "A table was not accounted for: a defect of ours"),
    UnknownMethod: Kind(501, "The method is none that is known here"),
    errors.WorkerCrash: Kind(502, "The worker that answered died"),
    errors.ReleaseError: Kind(503, "No release can be served", (("Retry-After", "5"),)),
    errors.QueryTimeout: Kind(503, "The query was ended at its deadline"),
    errors.AnswerTooLarge: Kind(507, "The answer has more bytes than one may have"),
    errors.QueryMemoryExceeded: Kind(507, "The query was ended at its memory limit"),
}


def kind_of(error: KnowledgeGraphError) -> tuple[str, Kind]:
    """The name of an error's kind, as in `type`, and the kind."""
    kind = next(each for each in type(error).__mro__ if each in KINDS)
    return slug(kind), KINDS[kind]


def slug(kind: type[KnowledgeGraphError]) -> str:
    """`QuerySyntaxError` → `query-syntax-error`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__).lower()


def document(error: KnowledgeGraphError, path: str) -> dict[str, Any]:
    """The members of a problem document."""
    name, kind = kind_of(error)
    return {
        "type": below(f"/problems#{name}"),
        "title": kind.title,
        "status": kind.status,
        "detail": str(error),
        "instance": path,
    }


def headers(error: KnowledgeGraphError) -> dict[str, str]:
    """The headers that an answer with this problem has."""
    allow = {"Allow": error.allowed} if isinstance(error, MethodNotAllowed) else {}
    return {**dict(kind_of(error)[1].headers), **allow}


def response(error: KnowledgeGraphError, path: str) -> JSONResponse:
    """The problem as application/problem+json."""
    body = document(error, path)
    if isinstance(error, NotConforming):
        body["report"] = error.report.data()
    return JSONResponse(body, body["status"], headers(error), media_type=MEDIA_TYPE)
