"""What operators see: counters for Prometheus, one JSON line a request, slow queries with text.

No header and no parameter of a request is written anywhere; of a query its digest, and its text
where it was slow.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import re
import sys
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO

from starlette.datastructures import Headers
from starlette.types import Message, Scope

from kg.errors import InputError
from kg.settings import Settings

_BUCKETS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
_ROUTES: Final = frozenset(
    {"sparql", "queries", "graphs", "id", "ontology", "health", "metrics", "static"}
)
_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LONGEST: Final = 4000

#: Requests that are counted at a time.
_SEVERAL: Final = 100

#: Where a request's scope has the text of the query that it came to.
QUERY: Final = "kg.query"

#: Where it has the moment in which it was asked, of `time.perf_counter`, if that was before.
SINCE: Final = "kg.since"


class Request:
    """One request while it is answered; `id` is what the client calls it."""

    def __init__(self, scope: Scope, id: str) -> None:
        # Nothing rests on its being hard to guess.
        self.id = id if id and _ID.fullmatch(id) else f"{random.getrandbits(64):016x}"
        self.scope = scope
        self.begun: float = scope.get(SINCE) or time.perf_counter()
        self.status = 0
        self.size = 0
        self.release = ""
        self.finished = False

    def note(self, message: Message) -> None:
        """Take in what is sent."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.release = Headers(raw=message["headers"]).get("x-kg-release", "")
        elif message["type"] == "http.response.body":
            self.size += len(message.get("body", b""))
            self.finished = not message.get("more_body", False)


def _opened(path: Path) -> TextIO:
    try:
        return path.open("a", encoding="utf-8")
    except OSError as error:
        raise InputError(f"KG_LOG: {path} cannot be written: {error.strerror}") from None


class Telemetry:
    """What was counted since the server began."""

    def __init__(self, settings: Settings) -> None:
        self._slow = settings.slow
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._times: dict[str, list[int]] = {}
        self._seconds: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._cut = 0
        self._ended: list[tuple[str, str, int, float, int, bool]] = []
        self._log: TextIO | None = None
        if settings.log:
            self._log = sys.stderr if settings.log == "-" else _opened(Path(settings.log))

    def close(self) -> None:
        """Close the log."""
        if self._log and self._log is not sys.stderr:
            self._log.close()

    def add(self, request: Request) -> None:
        """Count a request that has ended."""
        taken = time.perf_counter() - request.begun
        path, method = request.scope["path"], request.scope["method"]
        self._ended.append((path, method, request.status, taken, request.size, request.finished))
        if len(self._ended) == _SEVERAL:
            self._count()
        if self._log:
            self._write(request, taken)

    def _count(self) -> None:
        """Count what has ended since the last time: many in a row take a third of the time."""
        for path, method, status, taken, size, finished in self._ended:
            route = path.strip("/").partition("/")[0] or "/"
            route = route if route in _ROUTES else "other"
            self._requests[route, method, status] += 1
            times = self._times.setdefault(route, [0] * (len(_BUCKETS) + 1))
            times[bisect_left(_BUCKETS, taken)] += 1
            self._seconds[route] += taken  # type: ignore[assignment]
            self._bytes[route] += size
            self._cut += not finished
        self._ended.clear()

    def _write(self, request: Request, taken: float) -> None:
        line: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "id": request.id,
            "client": (request.scope.get("client") or [""])[0],
            "method": request.scope["method"],
            "path": request.scope["path"][:_LONGEST],
            "status": request.status,
            "seconds": round(taken, 4),
            "bytes": request.size,
            "release": request.release,
        }
        if not request.finished:
            line["cut"] = True
        if text := request.scope.get(QUERY):
            digest = hashlib.blake2b(text.encode(errors="replace"), digest_size=8)
            line["query"] = digest.hexdigest()
            if taken >= self._slow:
                line["slow"] = text[:_LONGEST]
        with contextlib.suppress(OSError, ValueError):  # a full disk must not end the service
            self._log.write(json.dumps(line, ensure_ascii=False) + "\n")  # type: ignore[union-attr]
            self._log.flush()  # type: ignore[union-attr]

    def text(self, gauges: dict[str, float], release: str) -> str:
        """Everything, as Prometheus reads it (text format 0.0.4)."""
        self._count()
        return "".join(f"{line}\n" for line in self._lines(gauges, release))

    def _lines(self, gauges: dict[str, float], release: str) -> Iterator[str]:
        yield "# TYPE kg_requests_total counter"
        for (route, method, status), count in sorted(self._requests.items()):
            labels = f'route="{route}",method="{method}",status="{status}"'
            yield f"kg_requests_total{{{labels}}} {count}"
        yield "# TYPE kg_request_seconds histogram"
        for route, times in sorted(self._times.items()):
            total = 0
            for bound, count in zip((*_BUCKETS, "+Inf"), times, strict=True):
                total += count
                yield f'kg_request_seconds_bucket{{route="{route}",le="{bound}"}} {total}'
            yield f'kg_request_seconds_sum{{route="{route}"}} {self._seconds[route]:.6f}'
            yield f'kg_request_seconds_count{{route="{route}"}} {total}'
        yield "# TYPE kg_response_bytes_total counter"
        for route, size in sorted(self._bytes.items()):
            yield f'kg_response_bytes_total{{route="{route}"}} {size}'
        yield "# TYPE kg_answers_cut_total counter"
        yield f"kg_answers_cut_total {self._cut}"
        for name, value in gauges.items():
            yield f"# TYPE kg_{name} {'counter' if name.endswith('_total') else 'gauge'}"
            yield f"kg_{name} {value:g}"
        yield "# TYPE kg_release_info gauge"
        yield f'kg_release_info{{release="{release}"}} 1'
