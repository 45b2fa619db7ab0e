"""The embedded servers for tests: one pair for the whole run, a new database for each test.

A database is a copy of a template that was migrated once, which takes a fiftieth of a second; so
a test may drop, corrupt or fill it as it likes. The template's name holds a hash of the schema, so
a state directory that outlives the run (OVERROUND_TEST_STATE) never serves an old one.

The servers stand in memory where there is room: processes are killed here, machines are not, and
what a process wrote outlives it there as it does on a disk. On a disk most of the suite's seconds
are waits for it, at every commit, at every database that is made or dropped.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path
from typing import Any, Final

import psycopg
import redis
from psycopg import sql
from psycopg.rows import TupleRow

from overround.db import logins, migrate
from overround.db.logins import ROLES, Role
from overround.kit.processes import FileLock
from overround.kit.settings import DatabaseSettings, ServersSettings, Settings
from overround.roles.attach import Endpoints, attached

TEMPLATE_LOCK: Final = 7_216_001

MEMORY: Final = Path("/dev/shm")  # where Linux keeps files in memory
MEMORY_BYTES_MIN: Final = 4_000_000_000
PREFIX: Final = "overround-test-"
IN_USE: Final = "in-use.lock"

# Dropping a database waits for a checkpoint, and no test needs to wait for that.
_DROPPING: Final = ThreadPoolExecutor(1, "dropping")


@contextmanager
def state_directory() -> Generator[Path]:
    """A new state directory that every account may pass, so that root's servers live inside it.

    Deleted afterwards. It does not come from pytest's `tmp_path`, whose parents are 0700.
    """
    memory = MEMORY if has_room(MEMORY) else None
    if memory is not None:
        sweep(memory)
    made = Path(tempfile.mkdtemp(prefix=PREFIX, dir=memory))
    made.chmod(0o711)
    lock = FileLock(made / IN_USE)
    lock.try_exclusive()
    try:
        yield made / "state"
    finally:
        shutil.rmtree(made, ignore_errors=True)
        lock.release()


def sweep(memory: Path) -> None:
    """Delete what killed runs have left: a disk would bear it, memory does not.

    Whose run lives holds its lock (test: what a killed run left in memory goes with the next).
    """
    for path in memory.glob(f"{PREFIX}*/{IN_USE}"):
        lock = FileLock(path)
        with suppress(OSError):
            if lock.try_exclusive():
                shutil.rmtree(path.parent, ignore_errors=True)
        lock.release()


def has_room(memory: Path) -> bool:
    """Whether servers can stand there: room for their logs, and programs may be run from it.

    A container's is often of 64 MB, and often nothing may be run from it: root's servers run a copy
    of their program that lies beside their files.
    """
    try:
        found = os.statvfs(memory)
    except OSError:
        return False
    is_roomy = found.f_bavail * found.f_frsize >= MEMORY_BYTES_MIN
    return is_roomy and not found.f_flag & os.ST_NOEXEC and os.access(memory, os.W_OK)


@contextmanager
def shared_servers() -> Generator[Endpoints]:
    """The servers of the whole test run, in OVERROUND_TEST_STATE or a temporary directory."""
    if kept := os.environ.get("OVERROUND_TEST_STATE"):
        with attached(Settings(state=Path(kept))) as endpoints, _dropped_at_the_end():
            yield endpoints
        return
    with state_directory() as state:
        # How long a lock is waited for here says more about the machine's other work than about us.
        patient = DatabaseSettings(statement_s=15.0)
        servers = ServersSettings(linger_s=0)
        settings = Settings(state=state, servers=servers, database=patient)
        with attached(settings) as endpoints, _dropped_at_the_end():
            yield endpoints
        wait_stopped(state)


def forget_limits(endpoints: Endpoints) -> None:
    """Fill the buckets again: tenants of the same name are the same tenant to every test, and what
    one test asked would be counted against the next."""
    # The client's own types are half unknown.
    untyped: Any = redis
    with untyped.Redis.from_url(endpoints.redis_url) as client:
        for key in client.scan_iter("overround:tenant:*:limit:*", count=10_000):
            client.delete(key)


@contextmanager
def _dropped_at_the_end() -> Generator[None]:
    """The block ends when every database that was given back is gone."""
    try:
        yield
    finally:
        _DROPPING.submit(lambda: None).result()


@contextmanager
def fresh_database(endpoints: Endpoints, *, migrated: bool = True) -> Generator[dict[Role, str]]:
    """A new database with the present schema (or empty), as the URL of each login.

    Dropped afterwards, in the background, whoever is still connected.
    """
    forget_limits(endpoints)
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(endpoints.superuser_url(), autocommit=True) as conn:
        template = _template(endpoints, conn) if migrated else ""
        if template:
            conn.execute(_copied(endpoints, template, name))
        logins.ensure_database(conn, name)
        try:
            if not migrated:
                _prepare(endpoints, name)
            yield {role: logins.with_database(endpoints.url(role), name) for role in ROLES}
        finally:
            _DROPPING.submit(_drop, endpoints.superuser_url(), name)


def _copied(endpoints: Endpoints, template: str, name: str) -> sql.Composed:
    # In memory file by file is a quarter of the work of page by page through the log; on a disk it
    # is three times as much, because every file is then waited for.
    strategy = "file_copy" if endpoints.state.is_relative_to(MEMORY) else "wal_log"
    copy = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY {}")
    names = (name, logins.login("owner"), template, strategy)
    return copy.format(*map(sql.Identifier, names))


def _drop(superuser_url: str, name: str) -> None:
    with psycopg.connect(superuser_url, autocommit=True) as conn:
        conn.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )


def wait_stopped(state: Path, timeout_s: float = 20.0) -> None:
    """Wait until the servers of `state` have stopped; fails when they do not."""
    from overround.roles import place
    from tests.support.waiting import until

    until(lambda: not place.supervisor_runs(state), "the servers to stop", timeout_s)


def _template(endpoints: Endpoints, conn: psycopg.Connection[TupleRow]) -> str:
    """The migrated template database; made by the first who asks, under a lock."""
    name = f"template_{_schema_hash()}"
    conn.execute("SELECT pg_advisory_lock(%s)", (TEMPLATE_LOCK,))
    try:
        found = conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
        if found is None:
            unfinished = f"unfinished_{secrets.token_hex(6)}"
            logins.ensure_database(conn, unfinished)
            _prepare(endpoints, unfinished)
            asyncio.run(migrate.migrate(logins.with_database(endpoints.url("owner"), unfinished)))
            rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
            conn.execute(rename.format(sql.Identifier(unfinished), sql.Identifier(name)))
    finally:
        conn.execute("SELECT pg_advisory_unlock(%s)", (TEMPLATE_LOCK,))
    return name


def _prepare(endpoints: Endpoints, database: str) -> None:
    with psycopg.connect(endpoints.superuser_url(database), autocommit=True) as conn:
        logins.ensure_schema(conn)


def _schema_hash() -> str:
    digest = hashlib.sha256()
    root = Path(str(resources.files("overround.db")))
    for path in sorted(root.glob("*/*.sql")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
