"""Schema and migrations: a new database gets `schema/*.sql`, an older one its missing deltas.

`schema/*.sql` is the truth; `migrations/NNNN_name.sql` are the deltas that bring an older database
to it. The row `schema` of the log holds the fingerprint of the truth that the database was brought
to, so one that was made between two releases is told apart and refused. Each applied file is
recorded with its SHA-256; a file that was edited after it was applied stops the run. Runners on
several machines poll `pg_try_advisory_lock`: waiting inside `pg_advisory_lock` would deadlock with
CREATE INDEX CONCURRENTLY.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass
from importlib import resources
from typing import LiteralString, cast

import psycopg
from psycopg.rows import TupleRow

from overround.core.errors import SettingsError, Unavailable
from overround.db import guard

_LOCK_KEY = 0x6F766572  # "over"
_LOCK_WAIT_S = 60.0
_NAME = re.compile(r"^(\d{4})_[a-z0-9_]+\.sql$")

_CREATE_LOG = """
CREATE TABLE IF NOT EXISTS schema_migration (
    name       text PRIMARY KEY,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)"""

# Every login may see how old the schema is.
_SHOW_LOG = """
GRANT SELECT ON schema_migration TO overround_app, overround_worker, overround_reader"""


_SCHEMA = "schema"
_FINGERPRINT = "SELECT sha256 FROM schema_migration WHERE name = %s"
_SET_FINGERPRINT = """
INSERT INTO schema_migration (name, sha256) VALUES (%s, %s)
ON CONFLICT (name) DO UPDATE SET sha256 = EXCLUDED.sha256, applied_at = clock_timestamp()"""


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """What a run did: the files it applied, in order, and the newest file the database now has."""

    applied: tuple[str, ...]
    version: str


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def _files(folder: str) -> list[_File]:
    root = resources.files("overround.db") / folder
    if not root.is_dir():
        return []
    found = [
        _File(item.name, item.read_text("utf-8"))
        for item in root.iterdir()
        if item.name.endswith(".sql")
    ]
    return sorted(found, key=lambda file: file.name)


def schema_files() -> list[tuple[str, str]]:
    """The schema as (file name, SQL), in the order in which it is applied."""
    return [(file.name, file.sql) for file in _files("schema")]


def _fingerprint() -> str:
    """SHA-256 over the schema files, names included."""
    digest = hashlib.sha256()
    for file in _files("schema"):
        digest.update(f"{file.name}\0{file.sha256}\0".encode())
    return digest.hexdigest()


async def migrate(url: str, *, deltas_only: bool = False) -> MigrationReport:
    """Bring the database at `url` (the owner's) to the present schema.

    With `deltas_only` a new database is built from the migrations alone, which is how the test
    proves that deltas and schema agree. Raises SettingsError when an applied file was edited
    or `url` leads to a pooler, Unavailable when another runner holds the lock for a minute.
    """
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        await guard.require_direct(conn)
        await _lock(conn)
        try:
            return await _apply(conn, deltas_only)
        finally:
            await conn.execute("SELECT pg_advisory_unlock(%s)", [_LOCK_KEY])


async def pending(url: str) -> list[str]:
    """The migrations that the database at `url` still misses."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        row = await (await conn.execute("SELECT to_regclass('public.schema_migration')")).fetchone()
        if row is None or row[0] is None:
            return ["schema"]
        return [file.name for file in await _missing(conn)]


async def require(conn: psycopg.AsyncConnection[TupleRow]) -> None:
    """Refuse a database without this version's schema. Raises Unavailable, saying what to do."""
    row = await (await conn.execute("SELECT to_regclass('public.schema_migration')")).fetchone()
    if row is None or row[0] is None or await _missing(conn):
        raise Unavailable("the database's schema is missing or old: run `overround db migrate`")
    await _check_fingerprint(conn)


async def _check_fingerprint(conn: psycopg.AsyncConnection[TupleRow]) -> None:
    row = await (await conn.execute(_FINGERPRINT, [_SCHEMA])).fetchone()
    if row is None or row[0] != _fingerprint():
        raise Unavailable(
            "the database was made by an unreleased version with another schema: "
            "use another state directory, or remove this one"
        )


async def _lock(conn: psycopg.AsyncConnection[TupleRow]) -> None:
    deadline = asyncio.get_running_loop().time() + _LOCK_WAIT_S
    while True:
        row = await (await conn.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK_KEY])).fetchone()
        if row is not None and row[0]:
            return
        if asyncio.get_running_loop().time() > deadline:
            raise Unavailable("another migration has been running for a minute")
        await asyncio.sleep(0.1)


async def _apply(conn: psycopg.AsyncConnection[TupleRow], deltas_only: bool) -> MigrationReport:
    row = await (await conn.execute("SELECT to_regclass('public.schema_migration')")).fetchone()
    fresh = row is None or row[0] is None
    applied: list[str] = []
    if fresh and not deltas_only:
        async with conn.transaction():
            for file in _files("schema"):
                await _run(conn, file)
                applied.append(file.name)
            await conn.execute(_CREATE_LOG)
            await conn.execute(_SHOW_LOG)
            for file in _files("migrations"):
                await _record(conn, file)
            await conn.execute(_SET_FINGERPRINT, [_SCHEMA, _fingerprint()])
    else:
        await conn.execute(_CREATE_LOG)
        await conn.execute(_SHOW_LOG)
        for file in await _missing(conn):
            await _step(conn, file)
            applied.append(file.name)
        if applied:
            await conn.execute(_SET_FINGERPRINT, [_SCHEMA, _fingerprint()])
        await _check_fingerprint(conn)
    names = [file.name for file in _files("migrations")]
    return MigrationReport(tuple(applied), names[-1] if names else "schema")


async def _missing(conn: psycopg.AsyncConnection[TupleRow]) -> list[_File]:
    cursor = await conn.execute("SELECT name, sha256 FROM schema_migration")
    done = {str(row[0]): str(row[1]) for row in await cursor.fetchall()}
    missing: list[_File] = []
    for file in _files("migrations"):
        if not _NAME.match(file.name):
            raise SettingsError(f"migration {file.name} is not named NNNN_words.sql")
        if file.name not in done:
            missing.append(file)
        elif done[file.name] != file.sha256:
            raise SettingsError(f"migration {file.name} was edited after it was applied")
    return missing


async def _step(conn: psycopg.AsyncConnection[TupleRow], file: _File) -> None:
    if file.sql.startswith("-- no-transaction"):
        await _run(conn, file)
        await _record(conn, file)
        return
    async with conn.transaction():
        await conn.execute("SET LOCAL lock_timeout = '5s'")
        await _run(conn, file)
        await _record(conn, file)


async def _run(conn: psycopg.AsyncConnection[TupleRow], file: _File) -> None:
    # The text of a file of this package is as literal as a string constant.
    await conn.execute(cast("LiteralString", file.sql))


async def _record(conn: psycopg.AsyncConnection[TupleRow], file: _File) -> None:
    await conn.execute(
        "INSERT INTO schema_migration (name, sha256) VALUES (%s, %s)", [file.name, file.sha256]
    )
