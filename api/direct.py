"""Requests answered between the connection and a worker, with no task and no scope between.

What was answered before is sent again. A plain query (`GET /sparql?query=…` with headers that
`again` knows, judged at a glance, while a worker is free) is begun at once; an answer that comes
whole is sent in one write. All else is the application's, and what was begun is handed over to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from api import again, answers, http, negotiation, telemetry
from api.again import Asked, Key
from api.answers import Begun, Representation
from api.live import Live
from kg import sparql
from kg.errors import KnowledgeGraphError
from kg.workers import Query

_PATH: Final = "/sparql"


class Reply(NamedTuple):
    """An answer as it goes on the wire, but for its status line and its date."""

    status: int
    head: bytes  #: headers, and the empty line after them
    body: bytes


class Direct:
    """Whom a connection asks before it asks the application."""

    def __init__(self, live: Live, counted: telemetry.Telemetry, prefix: str) -> None:
        self._live = live
        self._telemetry = counted
        self._prefix = prefix
        self._paths = {_PATH.encode(), (prefix + _PATH).encode()}

    def answer(
        self, asked: Asked, client: http.Address, server: http.Address, told: Callable[[], None]
    ) -> Reply | Underway | None:
        """The answer, or what is under way to it and ends in `told`; None for neither."""
        since = time.perf_counter()
        results = self._live.results
        known = results and results.again(asked.key)
        if not known or asked.unless not in (b"", known.tag):
            try:
                wanted = None if asked.unless else self._wanted(asked.key, server)
            except KnowledgeGraphError:
                return None  # the application says what is wrong
            if wanted is None:
                return None
            if (kept := wanted.kept()) is None:
                begun = wanted.begin(since, told)
                return Underway(self, begun, asked, client) if begun else None
            known = _response(wanted, kept.content_type, kept.content, answers.KEPT)
            wanted.generation.results.put(asked.key, known)
        return self.reply(known, asked, client, since)

    def reply(
        self, answer: again.Response, asked: Asked, client: http.Address, since: float
    ) -> Reply:
        """An answer on the wire, or a 304 in its place, counted as any."""
        request = _request(answer.path, answer.query, asked, client, since)
        same = bool(asked.unless)
        request.status, body = (304, b"") if same else (200, answer.content)
        request.size, request.release, request.finished = len(body), answer.release, True
        self._telemetry.add(request)
        head = answer.unchanged_head if same else answer.head
        id = request.id.encode()
        return Reply(request.status, b"%bx-request-id: %b\r\n\r\n" % (head, id), body)

    def left(self, query: str, asked: Asked, client: http.Address, since: float) -> None:
        """Count a request whose client has left."""
        self._telemetry.add(_request(_PATH, query, asked, client, since))

    def _wanted(self, key: Key, server: http.Address) -> Representation | None:
        """What a plain query asks for; None for any other request."""
        path, _, parameters = key.target.partition(b"?")
        if path not in self._paths:
            return None
        text, names = "", []
        for name, value in http.pairs(parameters):
            if name == "format":
                names.append(value)
            elif name == "query" and not text:
                text = value
            else:
                return None
        generation = self._live.generation
        rows = generation.settings.max_rows
        if (seen := sparql.glance(text, rows)) is None:
            return None
        form, plain, limited = seen
        choice = negotiation.choose(form, key.accept.decode("latin-1"), *names)
        if choice.format is negotiation.HTML or choice.format.carrier:
            return None
        host = key.host.decode("latin-1")
        return Representation(
            generation,
            Query(
                plain,
                choice.format.media_type,
                base=http.base_of(key.scheme, host, server, self._prefix, _PATH),
            ),
            choice,
            answers.preferred_encoding(key.encoding.decode("latin-1")),
            generation.deadline,
            rows if limited else 0,
        )


@dataclass(frozen=True)
class Underway:
    """A query that was begun, whose connection is told when there is an answer or a failure."""

    direct: Direct
    begun: Begun
    asked: Asked
    client: http.Address

    def reply(self) -> Reply | None:
        """The answer; None where it is for the application to send, or to refuse."""
        begun = self.begun
        wanted, whole = begun.wanted, begun.lease.whole
        if whole is None or begun.lease.release != wanted.generation.release.id:
            return None
        media_type, content = whole
        if len(content) > wanted.generation.settings.max_bytes:
            return None
        content_type = wanted.choice.content_type or media_type
        content = answers.encoded(content, wanted.encoding)
        wanted.keep(content_type, content)
        answer = _response(wanted, content_type, content, answers.evaluated(begun.since))
        return self.direct.reply(answer, self.asked, self.client, begun.since)

    def leave(self) -> None:
        """End the query: nobody waits for its answer."""
        self.begun.lease.close()
        query = self.begun.wanted.query.text
        self.direct.left(query, self.asked, self.client, self.begun.since)


def _request(
    path: str, query: str, asked: Asked, client: http.Address, since: float
) -> telemetry.Request:
    scope = {
        "method": "GET", "path": path, "client": client,
        telemetry.QUERY: query, telemetry.SINCE: since,
    }  # fmt: skip
    return telemetry.Request(scope, asked.id.decode("latin-1"))


def _response(
    wanted: Representation, content_type: str, content: bytes, timing: str
) -> again.Response:
    headers = wanted.headers({"Content-Type": content_type, "Server-Timing": timing})
    raw = http.raw(answers.encoded_as(headers, wanted.encoding, content))
    raw += [(b"content-length", b"%d" % len(content)), *http.OF_ALL.items()]
    return again.Response(raw, content, _PATH, wanted.query.text, wanted.generation.release.id)
