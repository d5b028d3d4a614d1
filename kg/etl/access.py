"""How a mapping file says where a table is: its part `access`."""

from __future__ import annotations

import dataclasses
import re
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

from kg.etl.document import Document, Map, Text
from kg.tables import SQL, Dialect, Original, format_of

_SHA256: Final = re.compile("[0-9a-fA-F]{64}")


def access(file: Document, given: Any) -> tuple[str, Dialect, Original | None]:
    """Where the table is, how it is written, and where its original can be downloaded.

    A bare text is a path. Raises Fault.
    """
    if not isinstance(given, Map):
        given = Map(path=file.text(given))
        given.line = given["path"].line
    names = tuple(field.name for field in dataclasses.fields(Dialect))
    file.mapping(given, "path", "url", "sha256", *names)
    spec = {name: str(file.text(value)) for name, value in given.items()}
    path, url, sha256 = (spec.pop(name, "") for name in ("path", "url", "sha256"))
    dialect = Dialect(**{name: spec[name] for name in names if name in spec})
    original = None
    if url.startswith(("http://", "https://")):
        original = Original(url, sha256.lower())
        path = path or f"{file.path.stem}/{PurePosixPath(urlsplit(url).path).name}"
    elif url and path:
        raise file.fail(given["url"], "expected a path, or the URL of a database, not both")
    elif url:
        path, dialect = _database(file, given["url"], dialect)
    if sha256 and not (original and _SHA256.fullmatch(sha256)):
        raise file.fail(given["sha256"], "expected the 64 digits of a SHA-256 beside a url of http")
    if not path or path.endswith("/"):
        raise file.fail(given, "expected the path of a file, or a url")
    if fault := dialect.fault(dialect.format or format_of(path)):
        raise file.fail(given, f"{path}: {fault}")
    return path, dialect, original


def _database(file: Document, url: Text, dialect: Dialect) -> tuple[str, Dialect]:
    """A URL as SQLAlchemy writes it: sqlite:///folder/file.db, postgresql://user@host/name."""
    parts = urlsplit(url)
    if parts.password is not None:
        raise file.fail(
            url, "a password stands in no file: it is read from the environment (PGPASSWORD)"
        )
    kind = "postgresql" if parts.scheme == "postgres" else parts.scheme
    if kind not in SQL or dialect.format not in ("", kind):
        raise file.fail(url, "expected a url of http, https, sqlite, duckdb or postgresql")
    path = str(url) if kind == "postgresql" else parts.path.removeprefix("/")
    return path, dataclasses.replace(dialect, format=kind)
