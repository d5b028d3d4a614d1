"""The originals of sources in a folder, with a lock file that says what was fetched and when.

A file's SHA-256 is the one that its definition declares, else the one recorded at the first
fetch: a later fetch of another file is an error until it is asked for.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from kg.errors import InputError, Locked, reason
from kg.etl import Source
from kg.sources.fetch import download
from kg.tables import Original

LOCK: Final = "sources.lock.json"

#: Told which file is fetched, how many bytes have come, and how many there are (0: not known).
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Fetched:
    """One file that was fetched, as the lock file has it."""

    url: str
    sha256: str
    bytes: int
    etag: str
    fetched: str  # when, ISO 8601


def recorded(folder: Path) -> dict[str, Fetched]:
    """What the lock file of a folder says, by the path of each file. Raises InputError."""
    path = folder / LOCK
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {name: Fetched(**entry) for name, entry in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a lock file of sources: {reason(error)}") from None


def fetch_all(
    sources: Iterable[tuple[Source, Path]], limit: int, again: bool, show: Progress
) -> Iterator[tuple[str, Fetched, bool]]:
    """Fetch the originals of these sources, each into its folder.

    Yields path, what was fetched, and whether it was fetched now; `again` fetches what is there
    already, and takes a file that has changed. Raises InputError where one cannot be fetched;
    those before it stay.
    """
    for source, folder in sources:
        for table in {each.access: each for each in source.tables.values()}.values():
            if table.original is None:
                continue
            path = _within(source, folder, table.access)
            with _alone(folder):
                entry, now = _fetched(
                    table.original, path, folder, table.access, limit, again, show
                )
            yield table.access, entry, now


def _fetched(
    original: Original,
    path: Path,
    folder: Path,
    name: str,
    limit: int,
    again: bool,
    show: Progress,
) -> tuple[Fetched, bool]:
    known = recorded(folder).get(name)
    known = known if known and known.url == original.url else None
    wanted = original.sha256 or (known.sha256 if known else "")
    if path.is_file() and not again:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != wanted:
            raise InputError(
                f"{path}: is there, but is not the file that was fetched or is declared; "
                "--again puts that in its place"
            )
        if known:
            return known, False
        when = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        entry, new = Fetched(original.url, found, path.stat().st_size, "", _told(when)), False
    else:
        got = download(
            original.url,
            path,
            original.sha256 if again else wanted,
            limit,
            lambda came, total: show(name, came, total),
        )
        entry = Fetched(got.url, got.sha256, got.bytes, got.etag, _told(datetime.now(UTC)))
        new = True
    _record(folder, name, entry)
    return entry, new


def _told(when: datetime) -> str:
    return when.isoformat(timespec="seconds")


def _within(source: Source, folder: Path, access: str) -> Path:
    path = folder / access
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{source.file}: {access} is not within {folder}: it is not fetched")
    return path


def _record(folder: Path, name: str, entry: Fetched) -> None:
    known = {path: asdict(each) for path, each in recorded(folder).items()}
    known[name] = asdict(entry)
    made = folder / f"{LOCK}.new"
    with made.open("w", encoding="utf-8") as file:
        json.dump(known, file, ensure_ascii=False, indent=2, sort_keys=True)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    made.replace(folder / LOCK)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One fetch at a time into a folder; a fetch that crashed leaves nothing locked."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{LOCK}").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Locked(f"{folder}: another fetch is under way") from None
        yield
