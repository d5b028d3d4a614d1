"""SQLite, DuckDB and a real PostgreSQL server: exact values, nothing written, no password told."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pg8000 import native
from reading_of import refused, rows_of

from kg.errors import InputError
from kg.tables import Dialect, reading
from kg.tables.reading import databases

PASSWORD = "s3cret-of-the-test"


@pytest.fixture
def sqlite(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "t.sqlite") as connection:
        connection.execute("CREATE TABLE t (i INTEGER, r REAL, s TEXT, b BLOB)")
        rows = [(2**63 - 1, 0.1, "上海", None), (None, 3.0, "nan", None), (1, 1e300, "x", b"\x00")]
        connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)
        connection.execute("INSERT INTO t VALUES (4, 1, CAST(x'ff' AS TEXT), NULL)")
    connection.close()
    return tmp_path / "t.sqlite"


def test_values_of_sqlite_are_exact_and_what_is_no_text_rejects_its_row(sqlite: Path) -> None:
    rows, account = rows_of(
        sqlite, ["i", "r", "s"], Dialect(query="SELECT i, r, s, b FROM t ORDER BY rowid")
    )
    assert rows == [(1, "9223372036854775807", "0.1", "上海"), (2, None, "3.0", "nan")]
    assert refused(account) == [
        (3, "b", "no-value", "bytes is no single value of text"),
        (4, "s", "no-value", "bytes is no single value of text"),
    ]
    assert account.read == 4


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM t",
        "ATTACH '{folder}/other.sqlite' AS other",
        "PRAGMA journal_mode=WAL",
        "CREATE TEMP TABLE u (x)",
        "SELECT 1 AS i; SELECT 2",
        "SELECT nosuch AS i FROM t",
        "SELECT load_extension('x') AS i",
        "SELEC",
    ],
)
def test_sqlite_answers_nothing_but_one_query(sqlite: Path, query: str) -> None:
    before = sqlite.read_bytes()
    with pytest.raises(InputError, match=r"t\.sqlite: SQLite: "):
        rows_of(sqlite, ["i"], Dialect(query=query.format(folder=sqlite.parent)))
    assert sqlite.read_bytes() == before
    assert [each.name for each in sqlite.parent.iterdir()] == ["t.sqlite"]


def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    for name in ("t.sqlite", "t.duckdb"):
        (tmp_path / name).write_bytes(b"a,b\n" * 2000)
        with pytest.raises(InputError, match=name.replace(".", r"\.")):
            rows_of(tmp_path / name, ["a"], Dialect(query="SELECT a FROM t"))


@pytest.fixture
def duck(tmp_path: Path) -> Path:
    with duckdb.connect(str(tmp_path / "t.duckdb")) as connection:
        connection.execute(
            "CREATE TABLE t AS SELECT 170141183460469231731687303715884105727 AS h, "
            "1.50::DECIMAL(5,2) AS d, 'inf'::DOUBLE AS f, DATE '2024-02-29' AS y, "
            "TIMESTAMP '2024-02-29 10:00:00.5' AS t, TIMESTAMPTZ '2024-02-29 10:00:00+08' AS z, "
            "true AS b, NULL::VARCHAR AS n, [1, 2] AS l, range AS o FROM range(5)"
        )
    return tmp_path / "t.duckdb"


def test_values_of_duckdb_are_exact(duck: Path) -> None:
    names = ["h", "d", "f", "y", "t", "z", "b", "n"]
    rows, _ = rows_of(duck, names, Dialect(query=f"SELECT {', '.join(names)} FROM t LIMIT 1;"))
    assert rows == [
        (1, "170141183460469231731687303715884105727", "1.50", "INF", "2024-02-29",
         "2024-02-29T10:00:00.5", "2024-02-29T02:00:00Z", "true", None),
    ]  # fmt: skip


def test_rows_of_duckdb_come_in_the_order_of_the_query(
    duck: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "CHUNK_ROWS", 2)
    rows, account = rows_of(duck, ["o"], Dialect(query="SELECT o FROM t ORDER BY o DESC -- down"))
    assert rows == [(n + 1, str(4 - n)) for n in range(5)]
    assert account.read == 5


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('{folder}/secret.csv')",
        "SELECT * FROM '{folder}/secret.csv'",
        "ATTACH '{folder}/other.db' AS other",
        "COPY t TO '{folder}/out.csv'",
        "DELETE FROM t",
        "SET enable_external_access = true",
        "SELECT 1 AS o; SELECT 2",
        "PRAGMA database_list",
        "SELECT l AS o FROM t",
        "SELECT nosuch AS o FROM t",
    ],
)
def test_duckdb_answers_nothing_but_one_query_on_its_own_file(duck: Path, query: str) -> None:
    (duck.parent / "secret.csv").write_text("o\n1\n")
    with pytest.raises(InputError, match=r"t\.duckdb"):
        rows_of(duck, ["o"], Dialect(query=query.format(folder=duck.parent)))
    assert sorted(each.name for each in duck.parent.iterdir()) == ["secret.csv", "t.duckdb"]


# --- PostgreSQL ---------------------------------------------------------------------------------


def program(name: str) -> str | None:
    """One of PostgreSQL's programs, which Debian keeps off the path."""
    kept = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(kept[-1]) if kept else None)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A PostgreSQL server of the test's own, on loopback, that asks for a password."""
    initdb, postgres = program("initdb"), program("postgres")
    if not (initdb and postgres):
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    folder = tmp_path_factory.mktemp("postgres")
    # The server refuses to run as root; the folders above must let another user through.
    user = "nobody" if os.geteuid() == 0 else None
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = int(free.getsockname()[1])
    (folder / "password").write_text(PASSWORD)
    if user:
        for each in (folder, folder / "password"):
            os.chown(each, pwd.getpwnam(user).pw_uid, -1)
        for each in folder.parents:
            if each.owner() == "root" and each.is_relative_to("/tmp/"):
                each.chmod(each.stat().st_mode | 0o011)
    options: dict[str, Any] = {"cwd": folder, "user": user, "stdout": subprocess.DEVNULL}
    subprocess.run(
        [initdb, "-D", folder / "db", "-U", "kg", "--auth=scram-sha-256", "--no-sync",
         "--locale=C", "-E", "UTF8", "--pwfile", folder / "password"],
        check=True, **options,
    )  # fmt: skip
    server = subprocess.Popen(
        [postgres, "-D", folder / "db", "-p", str(number), "-c", "fsync=off",
         "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="],
        stderr=subprocess.DEVNULL, **options,
    )  # fmt: skip
    try:
        for _ in range(600):
            try:
                client(number).close()
                break
            except (native.InterfaceError, native.DatabaseError):
                assert server.poll() is None
                time.sleep(0.05)
        yield number
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()


def client(port: int) -> native.Connection:
    return native.Connection(
        "kg", host="127.0.0.1", port=port, password=PASSWORD, database="postgres", ssl_context=False
    )


@pytest.fixture
def url(port: int, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    return f"postgresql://kg@127.0.0.1:{port}/postgres"


def asked(url: str, names: list[str], query: str) -> Any:
    return rows_of(Path("postgres"), names, Dialect("postgresql", query=query), access=url)


def test_values_of_postgresql_are_the_server_s_own_text(url: str) -> None:
    made = {
        "n": ("12345678901234567890.1230::numeric", "12345678901234567890.1230"),
        "f": ("0.1::float8", "0.1"),
        "i": ("'-inf'::float4", "-INF"),
        "b": ("false", "false"),
        "d": ("date '2024-02-29'", "2024-02-29"),
        "t": ("timestamp '2024-02-29 10:00:00.5'", "2024-02-29T10:00:00.5"),
        "z": ("timestamptz '2024-02-29 10:00:00+08'", "2024-02-29T02:00:00Z"),
        "j": ("'{\"a\": 1.10}'::jsonb", '{"a": 1.10}'),
        "s": ("'上 海'::text", "上 海"),
        "e": ("NULL::int", None),
    }
    query = "SELECT " + ", ".join(f"{sql} AS {name}" for name, (sql, _) in made.items())
    rows, account = asked(url, list(made), query)
    assert rows == [(1, *(text for _, text in made.values()))]
    assert len(account.sha256) == 64


def test_rows_of_postgresql_are_fetched_in_chunks(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "CHUNK_ROWS", 7)
    rows, account = asked(url, ["g"], "SELECT g FROM generate_series(1, 50) g ORDER BY g DESC")
    assert rows == [(n, str(51 - n)) for n in range(1, 51)]
    assert account.read == 50


def test_the_digest_of_a_query_is_that_of_its_rows(url: str) -> None:
    first, same, other = (asked(url, ["g"], f"SELECT {n} AS g")[1].sha256 for n in (1, 1, 2))
    assert first == same != other


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("DELETE FROM kept", "syntax error"),
        ("SELECT 1 AS g; COMMIT; DROP TABLE kept", "cannot insert multiple commands"),
        ("WITH x AS (DELETE FROM kept RETURNING g) SELECT g FROM x", "must not contain"),
        ("SELECT nosuch", 'column "nosuch" does not exist'),
        ("SELECT array[1] AS g", "column g is of type _int4: make it text in the query"),
        ("SELECT 'x'::bytea AS g", "column g is of type bytea"),
        ("SELECT 1 AS h", "column g is missing"),
    ],
)
def test_postgresql_answers_nothing_but_one_query(
    url: str, port: int, query: str, message: str
) -> None:
    connection = client(port)
    connection.run("CREATE TABLE IF NOT EXISTS kept AS SELECT 1 AS g")
    with pytest.raises(InputError) as caught:
        asked(url, ["g"], query)
    assert message in str(caught.value)
    assert connection.run("SELECT count(*) FROM kept") == [[1]]
    connection.close()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("kg@", "nobody@"), "password authentication failed"),
        (("/postgres", "/nosuch"), 'database "nosuch" does not exist'),
        (("/postgres", "/postgres?sslmode=require"), "Server refuses SSL"),
        (("/postgres", "/postgres?sslmode=perhaps"), "sslmode 'perhaps' is not one of"),
        (("/postgres", "/postgres?options=x"), "expected host or sslmode after '?', not options"),
    ],
)
def test_a_server_that_cannot_be_asked_is_an_error_without_the_password(
    url: str, change: tuple[str, str], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        asked(url.replace(*change), ["g"], "SELECT 1 AS g")
    assert message in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_a_server_that_is_not_there_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(InputError, match="cannot be reached"):
        asked(f"postgresql://kg@127.0.0.1:{port}/x", ["g"], "SELECT 1 AS g")


def test_a_server_elsewhere_must_prove_who_it_is() -> None:
    far = databases._connection("postgresql://kg@db.example.org/x")
    assert far["ssl_context"].check_hostname
    assert databases._connection("postgresql://kg@localhost/x")["ssl_context"] is False
    assert (
        databases._connection("postgresql:///x?host=/run/pg")["unix_sock"]
        == "/run/pg/.s.PGSQL.5432"
    )
