"""Downloading from a server on loopback that cuts, lies, moves and loops."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from kg.errors import InputError, Locked
from kg.etl import read
from kg.sources import fetch, originals
from kg.sources.fetch import download

BODY = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(BODY).hexdigest()
LIMIT = 2 * len(BODY)


@dataclass
class Site:
    """A server's content, what it does wrong, and what it was asked."""

    url: str = ""
    body: bytes = BODY
    etag: str = '"one"'
    modified: str = ""
    cuts: list[int] = field(default_factory=list)  # bytes after which answers are cut, in turn
    failures: list[int] = field(default_factory=list)  # statuses answered first, in turn
    says_length: bool = True
    part_from: int | None = None  # the part that is given whatever is asked for
    asked: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(fetch, "PAUSE", 0.0)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    made = Site()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            made.asked.append(dict(self.headers))
            if match := re.fullmatch(r"/redirect/(\d+)", self.path):
                left = int(match[1])
                self.send_response(302)
                self.send_header("Location", f"/redirect/{left - 1}" if left else "/file")
                self.end_headers()
                return
            if self.path in ("/ring", "/ftp"):
                self.send_response(302)
                self.send_header("Location", "/ring" if self.path == "/ring" else "ftp://x/y")
                self.end_headers()
                return
            if self.path != "/file":
                self.send_error(404)
                return
            if made.failures:
                self.send_error(made.failures.pop(0))
                return
            start = self.start()
            if start is None:
                self.send_error(416)
                return
            self.give(start)

        def start(self) -> int | None:
            asked = self.headers.get("Range", "")
            if made.part_from is not None and asked:
                return made.part_from
            validator = self.headers.get("If-Range", "")
            if not asked or validator not in (made.etag, made.modified):
                return 0
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            return start if start < len(made.body) else None

        def give(self, start: int) -> None:
            self.send_response(206 if start else 200)
            if made.etag:
                self.send_header("ETag", made.etag)
            if made.modified:
                self.send_header("Last-Modified", made.modified)
            if start:
                span = f"bytes {start}-{len(made.body) - 1}/{len(made.body)}"
                self.send_header("Content-Range", span)
            if made.says_length:
                self.send_header("Content-Length", str(len(made.body) - start))
            self.end_headers()
            cut = made.cuts.pop(0) if made.cuts else len(made.body)
            self.wfile.write(made.body[start : start + cut])

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield made
        server.shutdown()
        thread.join()


def got(site: Site, target: Path, sha256: str = "", path: str = "/file") -> fetch.Download:
    return download(site.url + path, target, sha256, LIMIT, lambda *_: None)


def left(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_a_file_comes_whole_and_nothing_else_stays(site: Site, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    target = tmp_path / "folder" / "t.csv"
    found = download(
        f"{site.url}/file", target, "", LIMIT, lambda came, total: told.append((came, total))
    )
    assert target.read_bytes() == BODY
    assert (found.sha256, found.bytes, found.etag) == (SHA256, len(BODY), '"one"')
    assert told[-1] == (len(BODY), len(BODY))
    assert left(target.parent) == ["t.csv"]
    assert "Range" not in site.asked[0]


@pytest.mark.parametrize("validator", ["etag", "modified"])
def test_a_cut_connection_is_gone_on_with_from_where_it_was_cut(
    site: Site, tmp_path: Path, validator: str
) -> None:
    if validator == "modified":
        site.etag, site.modified = 'W/"weak"', "Wed, 01 Jan 2025 00:00:00 GMT"
    site.cuts = [300_000, 300_000]
    assert got(site, tmp_path / "t").sha256 == SHA256
    ranges = [asked.get("Range") for asked in site.asked]
    assert ranges == [None, "bytes=300000-", "bytes=600000-"]
    assert {asked.get("If-Range") for asked in site.asked[1:]} == {site.modified or '"one"'}


def test_a_later_run_goes_on_where_an_earlier_one_gave_up(site: Site, tmp_path: Path) -> None:
    site.cuts = [300_000, 0, 0, 0]
    with pytest.raises(InputError, match="the connection was cut; 300,000 bytes have come"):
        got(site, tmp_path / "t")
    assert left(tmp_path) == ["t.part", "t.part.json"]
    site.asked.clear()
    assert got(site, tmp_path / "t").sha256 == SHA256
    assert [asked.get("Range") for asked in site.asked] == ["bytes=300000-"]
    assert left(tmp_path) == ["t"]


def test_a_file_that_changed_in_between_comes_anew(site: Site, tmp_path: Path) -> None:
    site.cuts = [300_000, 0, 0, 0]
    with pytest.raises(InputError):
        got(site, tmp_path / "t")
    site.body, site.etag = b"other" * 100_000, '"two"'
    found = got(site, tmp_path / "t")
    assert (tmp_path / "t").read_bytes() == site.body
    assert found.etag == '"two"'


def test_without_a_strong_validator_nothing_is_gone_on_with(site: Site, tmp_path: Path) -> None:
    site.etag, site.cuts = 'W/"weak"', [300_000]
    assert got(site, tmp_path / "t").sha256 == SHA256
    assert [asked.get("Range") for asked in site.asked] == [None, None]


def test_another_part_than_was_asked_for_is_not_taken(site: Site, tmp_path: Path) -> None:
    site.cuts, site.part_from = [300_000], 1_000
    assert got(site, tmp_path / "t").sha256 == SHA256
    assert [asked.get("Range") for asked in site.asked] == [None, "bytes=300000-", None]


def test_a_part_longer_than_the_file_now_is_comes_anew(site: Site, tmp_path: Path) -> None:
    site.cuts = [300_000, 0, 0, 0]
    with pytest.raises(InputError):
        got(site, tmp_path / "t")
    site.body = BODY[:1000]
    assert got(site, tmp_path / "t").bytes == 1000


def test_a_wrong_checksum_keeps_nothing_and_leaves_what_was_there(
    site: Site, tmp_path: Path
) -> None:
    (tmp_path / "t").write_bytes(b"before")
    with pytest.raises(InputError, match=f"expected the SHA-256 {'0' * 64}, found {SHA256}"):
        got(site, tmp_path / "t", "0" * 64)
    assert (tmp_path / "t").read_bytes() == b"before"
    assert left(tmp_path) == ["t"]


@pytest.mark.parametrize("says_length", [True, False])
def test_a_file_that_is_too_large_is_not_kept(
    site: Site, tmp_path: Path, says_length: bool
) -> None:
    site.says_length = says_length
    with pytest.raises(InputError, match="limit of 1,000"):
        download(f"{site.url}/file", tmp_path / "t", "", 1000, lambda *_: None)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/nosuch", "the server answers 404 Not Found"),
        ("/ring", "leads on more than 5 times, or in a ring"),
        ("/redirect/9", "leads on more than 5 times, or in a ring"),
        ("/ftp", "leads to ftp://x/y, which is not https"),
    ],
)
def test_a_url_that_gives_no_file_is_an_error(
    site: Site, tmp_path: Path, path: str, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        got(site, tmp_path / "t", path=path)
    assert message in str(caught.value)
    assert left(tmp_path) == []


def test_a_few_redirections_are_followed(site: Site, tmp_path: Path) -> None:
    assert got(site, tmp_path / "t", path="/redirect/2").sha256 == SHA256


def test_a_server_that_is_busy_is_asked_again_but_not_for_ever(site: Site, tmp_path: Path) -> None:
    site.failures = [503, 429]
    assert got(site, tmp_path / "t").sha256 == SHA256
    site.failures, site.asked[:] = [503] * 9, []
    with pytest.raises(InputError, match="the server answers 503"):
        got(site, tmp_path / "u")
    assert len(site.asked) == fetch.TRIES


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://example.org/x", "expected a URL of http or https"),
        ("file:///etc/passwd", "expected a URL of http or https"),
        ("http:///x", "expected a URL of http or https"),
        ("http://me:s3cret@example.org/x", "example.org: a URL with a user or password"),
    ],
)
def test_a_url_of_another_kind_is_not_fetched(tmp_path: Path, url: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        download(url, tmp_path / "t", "", LIMIT, lambda *_: None)
    assert message in str(caught.value)
    assert "s3cret" not in str(caught.value)


# --- the folder of originals --------------------------------------------------------------------

MAPPING = """\
dataset: {{title: T, original: http://example.org/, licence: http://example.org/licence}}
sources:
  t: {{access: {{path: {path}, url: {url}/file{sha256}}}, columns: {{a: }}}}
mappings:
  t: {{sources: t, subjects: ex:$(a), predicateobjects: [[a, aic:Entity]]}}
prefixes: {{ex: 'http://example.org/'}}
"""


def fetched(
    site: Site, folder: Path, *, again: bool = False, sha256: str = "", path: str = "s/t.csv"
) -> list[tuple[str, originals.Fetched, bool]]:
    file = folder.parent / "s.yml"
    told = f", sha256: {sha256}" if sha256 else ""
    file.write_text(MAPPING.format(url=site.url, sha256=told, path=path))
    found = originals.fetch_all([(read(file), folder)], LIMIT, again, lambda *_: None)
    return list(found)


def test_what_was_fetched_is_recorded_and_not_fetched_again(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    ((path, entry, new),) = fetched(site, folder)
    assert (path, entry.sha256, entry.bytes, new) == ("s/t.csv", SHA256, len(BODY), True)
    lock = json.loads((folder / originals.LOCK).read_text())
    assert lock["s/t.csv"]["url"] == f"{site.url}/file"
    assert lock["s/t.csv"]["fetched"] == entry.fetched
    assert fetched(site, folder) == [(path, entry, False)]
    assert len(site.asked) == 1


def test_a_file_that_differs_from_the_first_fetch_is_an_error_until_asked_for(
    site: Site, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    fetched(site, folder)
    (folder / "s" / "t.csv").unlink()
    site.body, site.etag = b"a\nnew\n", '"two"'
    with pytest.raises(InputError, match=f"expected the SHA-256 {SHA256}"):
        fetched(site, folder)
    ((_, entry, new),) = fetched(site, folder, again=True)
    assert (entry.bytes, new) == (6, True)


def test_a_declared_checksum_holds_even_when_fetched_again(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    fetched(site, folder, sha256=SHA256)
    site.body, site.etag = b"a\nnew\n", '"two"'
    with pytest.raises(InputError, match=f"expected the SHA-256 {SHA256}"):
        fetched(site, folder, sha256=SHA256, again=True)
    assert (folder / "s" / "t.csv").read_bytes() == BODY


def test_a_file_put_there_by_hand_is_not_overwritten_unasked(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "s").mkdir(parents=True)
    (folder / "s" / "t.csv").write_bytes(b"mine")
    with pytest.raises(InputError, match="is there, but is not the file that was fetched"):
        fetched(site, folder)
    assert (folder / "s" / "t.csv").read_bytes() == b"mine"
    (folder / "s" / "t.csv").write_bytes(BODY)
    assert fetched(site, folder, sha256=SHA256)[0][2] is False
    assert site.asked == []


def test_a_path_that_leads_out_of_the_folder_is_not_fetched(site: Site, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not within"):
        fetched(site, tmp_path / "data", path="../t.csv")
    assert site.asked == []


def test_two_fetches_at_a_time_are_one_too_many(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with originals._alone(folder), pytest.raises(Locked, match="another fetch is under way"):
        fetched(site, folder)


def test_a_damaged_lock_file_is_an_error(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / originals.LOCK).write_text('{"s/t.csv": {"url": 1}}')
    with pytest.raises(InputError, match="not a lock file of sources"):
        fetched(site, folder)
