"""Rows of a database by a query: SQLite, DuckDB, PostgreSQL. Nothing is ever written.

LINE is the row's number in the answer, so a query should say in which order. An answer is
fetched as a stream. A password comes from the environment and stands in no message.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import sqlite3
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, quote, unquote, urlsplit

import polars as pl

from kg.errors import InputError, reason
from kg.tables.model import LINE, Account, Table
from kg.tables.reading.rows import NotText, Row, check_header, exact, frames, refuse

_LOOPBACK: Final = frozenset({"", "localhost", "127.0.0.1", "::1"})
_SSL_MODES: Final = ("disable", "require", "verify-full")


def read(table: Table, path: Path, account: Account, size: int) -> Iterator[pl.DataFrame]:
    """The rows that the table's query gives, in frames of at most `size` rows."""
    ask = {"sqlite": _sqlite, "duckdb": _duckdb, "postgresql": _postgresql}[table.format]
    answer = ask(table, path, size)
    header = next(answer)
    check_header(table, account.file, header, account)
    digest = hashlib.sha256(repr(header).encode())
    for frame in frames(header, _rows(header, answer, account), account, size):
        # No file has a digest here: the rows have.
        if not table.is_file:
            digest.update(frame.drop(LINE).write_csv().encode())
        yield frame
    if not table.is_file:
        account.sha256 = digest.hexdigest()


def _rows(header: list[str], answer: Iterator[Any], account: Account) -> Iterator[Row]:
    for number, values in enumerate(answer, start=1):
        cells: list[str | None] = []
        try:
            for value in values:
                cells.append(exact(value))
        except NotText as error:
            refuse(account, number, "no-value", "", str(error), header[len(cells)])
        else:
            yield number, cells


def _driver(name: str, kind: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise InputError(
            f"reading {kind} needs the package {name.partition('.')[0]}: "
            "install aicluster-kg[sources]"
        ) from None


# Each of these yields the names of the columns, then the rows.


def _sqlite(table: Table, path: Path, _: int) -> Iterator[Any]:
    reading = {
        sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_RECURSIVE,
    }  # fmt: skip

    def allow(action: int, *_: str | None) -> int:
        return sqlite3.SQLITE_OK if action in reading else sqlite3.SQLITE_DENY

    def text(data: bytes) -> Any:
        try:
            return data.decode()
        except UnicodeDecodeError:
            return data  # which is no text, so its row is rejected

    try:
        uri = f"file:{quote(str(path.absolute()))}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.text_factory = text
            connection.set_authorizer(allow)
            answer = connection.execute(table.dialect.query)
            yield [column[0] for column in answer.description or ()]
            yield from answer
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise InputError(f"{path}: SQLite: {error}") from None


def _duckdb(table: Table, path: Path, size: int) -> Iterator[Any]:
    duckdb = _driver("duckdb", "a DuckDB database")
    try:
        # No file but this one, no network, no extension, and no way to change that.
        closed = {"enable_external_access": "false", "lock_configuration": "true"}
        with closing(duckdb.connect(str(path), read_only=True, config=closed)) as connection:
            query = table.dialect.query
            kinds = [each.type for each in duckdb.extract_statements(query)]
            if kinds != [duckdb.StatementType.SELECT]:
                raise InputError(f"{path}: expected one query (SELECT)")
            query = query.rstrip().rstrip(";")
            # The query is the person's own, and one SELECT.
            answer = connection.execute(f"SELECT * FROM ({query}\n) LIMIT 0")  # noqa: S608
            names = [column[0] for column in answer.description]
            types = [str(column[1]) for column in answer.description]
            yield names
            cells = ", ".join(
                _duckdb_text(path, name, f"c{place}", kind)
                for place, (name, kind) in enumerate(zip(names, types, strict=True))
            )
            columns = ", ".join(f"c{place}" for place in range(len(names)))
            answer = connection.execute(f"SELECT {cells} FROM ({query}\n) AS q({columns})")  # noqa: S608
            while rows := answer.fetchmany(size):
                yield from rows
    except duckdb.Error as error:
        raise InputError(f"{path}: DuckDB: {str(error).splitlines()[0]}") from None


def _duckdb_text(path: Path, name: str, column: str, kind: str) -> str:
    """The expression that makes exact text of a column."""
    text = f"CAST({column} AS VARCHAR)"
    if kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION", "BLOB", "BIT")):
        raise InputError(f"{path}: column {name} is of type {kind}: make it text in the query")
    if kind.startswith("TIMESTAMP"):
        return f"replace(replace({text}, ' ', 'T'), '+00', 'Z')"
    if kind in ("FLOAT", "DOUBLE"):
        return (
            f"CASE {text} WHEN 'inf' THEN 'INF' WHEN '-inf' THEN '-INF' WHEN 'nan' THEN 'NaN' "
            f"ELSE {text} END"
        )
    return text


def _postgresql(table: Table, _: Path, size: int) -> Iterator[Any]:
    native = _driver("pg8000.native", "a PostgreSQL database")
    known = importlib.import_module("pg8000.converters").PG_TYPES
    where = table.access.partition("?")[0]
    try:
        with closing(native.Connection(**_connection(table.access))) as connection:
            for oid in known:
                connection.register_in_adapter(oid, str)  # text as the server writes it
            connection.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            connection.run("SET LOCAL datestyle TO 'ISO, YMD'")
            connection.run("SET LOCAL timezone TO 'UTC'")
            connection.run("SET LOCAL extra_float_digits TO 1")
            # Unlike `run`, this takes one statement only: none that ends the transaction.
            connection.execute_unnamed(
                f"DECLARE kg_rows NO SCROLL CURSOR FOR {table.dialect.query.rstrip().rstrip(';')}"
            )
            rows = connection.run(f"FETCH FORWARD {size} FROM kg_rows")
            columns = connection.columns
            yield [column["name"] for column in columns]
            text = [_postgresql_text(connection, where, column) for column in columns]
            while rows:
                for row in rows:
                    yield [
                        None if value is None else as_text(value)
                        for as_text, value in zip(text, row, strict=True)
                    ]
                rows = connection.run(f"FETCH FORWARD {size} FROM kg_rows")
    except native.DatabaseError as error:
        told = error.args[0] if error.args else ""
        message = told.get("M", "") if isinstance(told, dict) else str(told)
        raise InputError(f"{where}: PostgreSQL: {message}") from None
    except (native.InterfaceError, OSError) as error:
        raise InputError(f"{where}: cannot be reached: {reason(error)}") from None


def _connection(url: str) -> dict[str, Any]:
    """The arguments of a connection: what the URL does not say is read as by libpq."""
    parts = urlsplit(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if unknown := options.keys() - {"host", "sslmode"}:
        raise InputError(f"{url}: expected host or sslmode after '?', not {', '.join(unknown)}")
    host = parts.hostname or options.get("host") or os.environ.get("PGHOST", "localhost")
    try:
        port = parts.port or int(os.environ.get("PGPORT", "5432"))
    except ValueError:
        raise InputError(f"{url}: the port is not a number") from None
    mode = options.get("sslmode", "disable" if host in _LOOPBACK else "verify-full")
    if mode not in _SSL_MODES:
        raise InputError(f"{url}: sslmode {mode!r} is not one of {', '.join(_SSL_MODES)}")
    encrypted: Any = False
    if mode != "disable":
        encrypted = ssl.create_default_context()
        if mode == "require":
            encrypted.check_hostname, encrypted.verify_mode = False, ssl.CERT_NONE
    common: dict[str, Any] = {
        "user": unquote(parts.username or os.environ.get("PGUSER", "postgres")),
        "password": os.environ.get("PGPASSWORD"),
        "database": unquote(parts.path.removeprefix("/")) or None,
        "timeout": 600,
        "application_name": "aicluster-kg",
    }
    if host.startswith("/"):
        return common | {"unix_sock": f"{host}/.s.PGSQL.{port}", "ssl_context": False}
    return common | {"host": host, "port": port, "ssl_context": encrypted}


def _postgresql_text(connection: Any, where: str, column: dict[str, Any]) -> Callable[[str], str]:
    """What makes canonical text of the server's text for a column."""
    oid = int(column["type_oid"])
    ((kind, category),) = connection.run(
        "SELECT typname, typcategory FROM pg_type WHERE oid = :oid", oid=oid
    )
    if category in ("A", "C", "R") or kind == "bytea":
        raise InputError(
            f"{where}: column {column['name']} is of type {kind}: make it text in the query"
        )
    match kind:
        case "bool":
            return lambda text: "true" if text == "t" else "false"
        case "timestamp" | "timestamptz" | "timetz":
            return lambda text: text.replace(" ", "T", 1).replace("+00", "Z")
        case "float4" | "float8":
            return lambda text: text.replace("Infinity", "INF")
    return str
