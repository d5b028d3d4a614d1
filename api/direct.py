"""Requests answered between the connection and a worker, with no task and no scope between.

What was answered before is sent again. A plain query (`GET /sparql?query=…` with headers that
`again` knows, judged at a glance, while a worker is free) is begun at once; an answer that comes
whole is sent in one write. All else is the application's, and what was begun is handed over to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from api import again, answers, http, negotiation, telemetry
from api.again import Asked, Key
from api.answers import Begun, Representation
from api.cache import Kept
from api.live import Live
from kg import sparql
from kg.errors import KnowledgeGraphError
from kg.workers import LookUp, Query

_PATH: Final = "/sparql"


class Reply(NamedTuple):
    """An answer as it goes on the wire, but for its status line and its date."""

    status: int
    head: bytes  #: headers, and the empty line after them
    body: bytes
    sent: Callable[[], None]  #: to be told when it has gone


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
                judged = None if asked.unless else self._judged(asked.key, server)
            except KnowledgeGraphError:
                return None  # the application says what is wrong
            if judged is None:
                return None
            wanted, look_up = judged
            if (kept := wanted.kept()) is None:
                generation, format = wanted.generation, wanted.query.format
                if look_up and (found := self._live.look_up(generation, look_up, format)):
                    request = _request(_PATH, wanted.query.text, asked, client, since)
                    return self.reply(wanted, *found, request)
                lease = wanted.begin(told)
                if lease is None:
                    return None
                request = _request(_PATH, wanted.query.text, asked, client, since)
                return Underway(self, Begun(wanted, lease), request)
            known = _response(wanted, kept)
            wanted.generation.results.put(asked.key, known)
        request = _request(known.path, known.query, asked, client, since)
        head, body, status = known.head, known.content, 200
        if asked.unless:
            head, body, status = known.unchanged_head, b"", 304
        head = b"%bx-request-id: %b\r\n\r\n" % (head, request.id.encode())
        sent = partial(self.count, request, status, len(body), known.release)
        return Reply(status, head, body, sent)

    def reply(
        self, wanted: Representation, media_type: str, content: bytes, request: telemetry.Request
    ) -> Reply | None:
        """A new answer, which is kept once it has gone; None where it is too large."""
        generation = wanted.generation
        if len(content) > generation.settings.max_bytes:
            return None
        content_type = wanted.choice.content_type or media_type
        body = answers.encoded(content, wanted.encoding)
        head = b"%b%bx-request-id: %b\r\nserver-timing: %b\r\ncontent-length: %d\r\n\r\n" % (
            _head(wanted, content_type, encoded=body is not content),
            b"etag: %b\r\n" % wanted.tag.encode() if wanted.steady else b"",
            request.id.encode(),
            answers.evaluated(request.begun).encode(),
            len(body),
        )

        def sent() -> None:
            wanted.keep(content_type, body)
            self.count(request, 200, len(body), generation.release.id)

        return Reply(200, head, body, sent)

    def count(
        self, request: telemetry.Request, status: int = 0, size: int = 0, release: str = ""
    ) -> None:
        """Count a request that was answered; one without a status was not."""
        request.status, request.size, request.release = status, size, release
        request.finished = status != 0
        self._telemetry.add(request)

    def _judged(
        self, key: Key, server: http.Address
    ) -> tuple[Representation, LookUp | None] | None:
        """What a plain query asks for, and the look-up that it may be; None for other requests."""
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
        if look_up := LookUp.of(text, rows or None):
            seen = sparql.bounded(look_up.plan.form, text, look_up.plan.limit, rows)
        else:
            seen = sparql.glance(text, rows)
        if seen is None:
            return None
        form, plain, limited = seen
        choice = negotiation.choose(form, key.accept.decode("latin-1"), *names)
        if choice.format is negotiation.HTML or choice.format.carrier:
            return None
        host = key.host.decode("latin-1")
        base = http.base_of(key.scheme, host, server, self._prefix, _PATH)
        wanted = Representation.of(
            generation,
            Query(plain, choice.format.media_type, base=base),
            choice,
            answers.preferred_encoding(key.encoding.decode("latin-1")),
            generation.deadline,
            rows if limited else 0,
        )
        return wanted, look_up


class Underway(NamedTuple):
    """A query that was begun, whose connection is told when there is an answer or a failure."""

    direct: Direct
    begun: Begun
    request: telemetry.Request

    def reply(self) -> Reply | None:
        """The answer; None where it is for the application to send, or to refuse."""
        wanted, lease = self.begun
        whole = lease.whole
        if whole is None or lease.release != wanted.generation.release.id:
            return None
        return self.direct.reply(wanted, *whole, self.request)

    def leave(self) -> None:
        """End the query: nobody waits for its answer."""
        self.begun.lease.close()
        self.direct.count(self.request)


def _request(
    path: str, query: str, asked: Asked, client: http.Address, since: float
) -> telemetry.Request:
    scope = {
        "method": "GET", "path": path, "client": client,
        telemetry.QUERY: query, telemetry.SINCE: since,
    }  # fmt: skip
    return telemetry.Request(scope, asked.id.decode("latin-1"))


def _head(wanted: Representation, content_type: str, *, encoded: bool) -> bytes:
    """The headers that answers of its kind have in common, on the wire."""
    heads = wanted.generation.heads
    kind = (content_type, wanted.encoding if encoded else "", wanted.steady, wanted.rows)
    if (head := heads.get(kind)) is None:
        headers = wanted.headers({"Content-Type": content_type})
        if encoded:
            headers["Content-Encoding"] = wanted.encoding
        head = heads[kind] = again.wire([*http.raw(headers), *http.OF_ALL.items()])
    return head


def _response(wanted: Representation, kept: Kept) -> again.Response:
    """An answer that was kept, to be sent again."""
    headers = wanted.headers({"Content-Type": kept.content_type, "Server-Timing": answers.KEPT})
    headers["ETag"] = wanted.tag
    raw = http.raw(answers.encoded_as(headers, wanted.encoding, kept.content))
    raw += [(b"content-length", b"%d" % len(kept.content)), *http.OF_ALL.items()]
    release = wanted.generation.release.id
    return again.Response(raw, kept.content, _PATH, wanted.query.text, release)
