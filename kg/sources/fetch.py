"""Downloads one file over HTTP: resumed where it was cut, checked, put in place in one step.

What has come stands beside the target as `.part`, with the server's validator, so that a later
run goes on where an earlier one ended, but only if the file is still the same (RFC 9110 §13.1.5).
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import urljoin, urlsplit

from kg.errors import InputError

#: Told how many bytes have come, and how many there are (0: the server does not say).
Progress = Callable[[int, int], None]

REDIRECTS: Final = 5
TRIES: Final = 3  # in a row that bring nothing
TIMEOUT: Final = 30.0  # seconds without a byte
PAUSE = 1.0  # seconds before the second try; doubled before each further one
_BLOCK: Final = 256 * 1024
_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


@dataclass(frozen=True)
class Download:
    """What was downloaded."""

    url: str
    sha256: str
    bytes: int
    etag: str


class _Cut(Exception):
    """The connection ended before the file did; what has come is kept."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a few redirections, never from https to less, and to no other scheme."""

    max_redirections = REDIRECTS

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any,
        newurl: str,
    ) -> urllib.request.Request | None:  # fmt: skip
        target = urljoin(req.full_url, newurl)
        if urlsplit(target).scheme not in ("https", urlsplit(req.full_url).scheme):
            fp.close()
            raise InputError(f"{req.full_url}: leads to {target}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, target)


def download(url: str, target: Path, sha256: str, limit: int, show: Progress) -> Download:
    """Fetch `url` to `target`, of at most `limit` bytes and with this SHA-256, unless it is empty.

    Raises InputError where the server does not give the file, or gives another one; then
    `target` is as it was. What has come of a file that was cut is kept for the next run.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"{url}: expected a URL of http or https")
    if parts.username is not None or parts.password is not None:
        raise InputError(f"{parts.hostname}: a URL with a user or password is not fetched")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = _Part(url, target)
    etag = _persistently(url, part, limit, show)
    with part.path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        size = os.fstat(file.fileno()).st_size
        os.fsync(file.fileno())
    if sha256 and found != sha256:
        part.drop()
        raise InputError(f"{url}: expected the SHA-256 {sha256}, found {found}; nothing is kept")
    part.path.replace(target)
    part.drop()
    return Download(url, found, size, etag)


def _persistently(url: str, part: _Part, limit: int, show: Progress) -> str:
    """Ask until all has come, as long as asking again brings something."""
    in_vain = 0
    while True:
        before = part.size()
        try:
            return _fetch(url, part, limit, show)
        except _Cut as cut:
            in_vain = 0 if part.size() > before else in_vain + 1
            if in_vain == TRIES:
                came = f"; {part.size():,} bytes have come, the next run goes on" * bool(before)
                raise InputError(f"{url}: {cut}{came}") from None
        time.sleep(PAUSE * 2 ** max(0, in_vain - 1))


class _Part:
    """What has come of a file, and the validator of the version it is of."""

    def __init__(self, url: str, target: Path) -> None:
        self.url = url
        self.path = target.with_name(target.name + ".part")
        self.note = target.with_name(target.name + ".part.json")

    def size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def validator(self) -> str:
        """The validator of what has come; empty where it cannot be gone on with."""
        try:
            note = json.loads(self.note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return ""
        same = isinstance(note, dict) and note.get("url") == self.url
        return str(note.get("validator", "")) if same and self.size() else ""

    def begin(self, validator: str) -> None:
        self.path.unlink(missing_ok=True)
        note = {"url": self.url, "validator": validator}
        self.note.write_text(json.dumps(note), encoding="utf-8")

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def _validator(headers: Message) -> str:
    """What proves a later answer to be of the same bytes: a strong ETag, else a date."""
    etag = headers.get("ETag", "")
    return etag if etag and not etag.startswith("W/") else headers.get("Last-Modified", "")


def _fetch(url: str, part: _Part, limit: int, show: Progress) -> str:
    """One request; returns the file's ETag when all of it has come. Raises _Cut, InputError."""
    headers = {"User-Agent": "aicluster-kg", "Accept-Encoding": "identity"}
    if validator := part.validator():
        headers |= {"Range": f"bytes={part.size()}-", "If-Range": validator}
    opener = urllib.request.build_opener(_Redirects())
    try:
        request = urllib.request.Request(url, headers=headers)  # noqa: S310 - http or https, as checked
        with opener.open(request, timeout=TIMEOUT) as answer:
            return _received(url, answer, part, limit, show)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and validator:
            part.drop()  # it was all there, or is no longer what it was
            raise _Cut("the server has no such part") from None
        if error.code in (429, 500, 502, 503, 504):
            raise _Cut(f"the server answers {error.code} {error.reason}") from None
        if error.code in range(300, 400):
            raise InputError(f"{url}: leads on more than {REDIRECTS} times, or in a ring") from None
        raise InputError(f"{url}: the server answers {error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise _Cut(f"cannot be fetched: {reason}") from None


def _received(
    url: str, answer: http.client.HTTPResponse, part: _Part, limit: int, show: Progress
) -> str:
    start, total = 0, int(answer.headers.get("Content-Length") or 0)
    if answer.status == http.HTTPStatus.PARTIAL_CONTENT:
        given = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if given is None or int(given[1]) != part.size():
            part.drop()
            raise _Cut("the server gives another part than was asked for")
        start, total = int(given[1]), int(given[2]) + 1
    else:
        part.begin(_validator(answer.headers))
    came = start
    if max(total, came) > limit:
        part.drop()
        raise InputError(f"{url}: {total:,} bytes are more than the limit of {limit:,}")
    with part.path.open("ab") as file:
        while block := answer.read(_BLOCK):
            came += len(block)
            if came > limit:
                break
            file.write(block)
            show(came, total)
    if came > limit:
        part.drop()
        raise InputError(f"{url}: more than the limit of {limit:,} bytes have come")
    if came < total:
        raise _Cut("the connection was cut")
    return answer.headers.get("ETag", "")
