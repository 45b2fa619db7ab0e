"""The start-up guard refuses each unsafe database, and says which table or setting it is."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from overround.db import guard, logins
from overround.db.guard import Facts, UnsafeDatabase
from overround.db.logins import Role
from overround.db.server import OPTIONS, PostgresServer
from overround.kit.processes import end
from overround.kit.settings import ServersSettings, Settings
from overround.roles import place
from overround.roles.attach import Endpoints, attached
from overround.roles.servers import LEFTOVER_STEPS, Plan, Timeouts, assemble
from tests.support.servers import state_directory, wait_stopped
from tests.support.waiting import until

SAFE = Facts("overround_app", False, False, (), (), "on", "on", "on", 180_004)


def check(url: str, role: Role = "app", first: str = "") -> None:
    """Run the guard in a session of `url`, after the statement `first`."""

    async def run() -> None:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
            if first:
                await conn.execute(first.encode())
            await guard.check(conn, role)

    asyncio.run(run())


@contextmanager
def as_superuser(endpoints: Endpoints, urls: dict[Role, str]) -> Generator[psycopg.Connection]:
    """A superuser's session in the test's database."""
    database = conninfo_to_dict(urls["owner"])["dbname"]
    with psycopg.connect(endpoints.superuser_url(str(database)), autocommit=True) as conn:
        yield conn


def test_every_login_that_serves_passes_on_the_migrated_schema(
    database_urls: dict[Role, str],
) -> None:
    for role in ("app", "worker", "reader"):
        check(database_urls[role], role)


def test_a_safe_database_has_no_refusal() -> None:
    assert guard.refusals(SAFE, "overround_app") == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"superuser": True}, "superuser"),
        ({"bypasses_row_security": True}, "BYPASSRLS"),
        ({"owned_tables": ("bet",)}, "owns tables and could drop their policies: bet"),
        ({"unforced_tables": ("bet", "leg")}, "ROW LEVEL SECURITY: bet, leg"),
        ({"fsync": "off"}, "fsync is off"),
        ({"synchronous_commit": "off"}, "synchronous_commit is off"),
        ({"synchronous_commit": "local"}, "synchronous_commit is local"),
        ({"full_page_writes": "off"}, "full_page_writes is off"),
        ({"version": 150_009}, "PostgreSQL 16 or newer is needed, this is 15"),
        ({"login": "overround_owner"}, "the login is overround_owner"),
    ],
)
def test_each_unsafe_fact_is_refused_by_name(change: dict[str, object], words: str) -> None:
    reasons = guard.refusals(replace(SAFE, **change), "overround_app")  # type: ignore[arg-type]
    assert len(reasons) == 1
    assert words in reasons[0]


@pytest.mark.parametrize("mode", ["on", "remote_apply", "remote_write"])
def test_a_commit_that_waits_for_the_disk_is_safe(mode: str) -> None:
    assert guard.refusals(replace(SAFE, synchronous_commit=mode), "overround_app") == []


def test_a_superuser_is_refused(endpoints: Endpoints) -> None:
    with pytest.raises(UnsafeDatabase, match="superuser"):
        check(endpoints.superuser_url("overround"))


def test_the_owner_is_refused(database_urls: dict[Role, str]) -> None:
    with pytest.raises(UnsafeDatabase, match="owns tables"):
        check(database_urls["owner"])


def test_a_login_that_may_become_another_is_refused(endpoints: Endpoints) -> None:
    # A login of this test alone: roles belong to the whole server, not to the test's database.
    url = endpoints.superuser_url("overround")
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("CREATE ROLE lent_power BYPASSRLS NOLOGIN")
        conn.execute("CREATE ROLE borrower LOGIN PASSWORD 'borrowed' IN ROLE lent_power")
        conn.execute("GRANT CONNECT ON DATABASE overround TO borrower")
        try:
            borrowed = url.replace("//postgres:", "//borrower:")
            password = conninfo_to_dict(url)["password"]
            with pytest.raises(UnsafeDatabase, match="BYPASSRLS"):
                check(borrowed.replace(str(password), "borrowed"))
        finally:
            conn.execute("REVOKE CONNECT ON DATABASE overround FROM borrower")
            conn.execute("DROP ROLE borrower, lent_power")


@pytest.mark.parametrize(
    "security",
    [
        "",
        "ALTER TABLE loose ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE loose FORCE ROW LEVEL SECURITY",
    ],
)
def test_a_tenant_table_without_forced_row_security_is_refused(
    endpoints: Endpoints, database_urls: dict[Role, str], security: str
) -> None:
    with as_superuser(endpoints, database_urls) as conn:
        conn.execute("CREATE TABLE loose (tenant_id uuid PRIMARY KEY)")
        if security:
            conn.execute(security.encode())
    with pytest.raises(UnsafeDatabase, match="ROW LEVEL SECURITY: loose"):
        check(database_urls["app"])


def test_a_partition_without_forced_row_security_is_refused(
    endpoints: Endpoints, database_urls: dict[Role, str]
) -> None:
    with as_superuser(endpoints, database_urls) as conn:
        conn.execute("CREATE TABLE whole (tenant_id uuid, day date) PARTITION BY LIST (day)")
        conn.execute("CREATE TABLE whole_rest PARTITION OF whole DEFAULT")
        conn.execute("ALTER TABLE whole ENABLE ROW LEVEL SECURITY")
        conn.execute("ALTER TABLE whole FORCE ROW LEVEL SECURITY")
    with pytest.raises(UnsafeDatabase, match="ROW LEVEL SECURITY: whole_rest"):
        check(database_urls["app"])


def test_a_session_that_does_not_wait_for_the_disk_is_refused(
    database_urls: dict[Role, str],
) -> None:
    with pytest.raises(UnsafeDatabase, match="synchronous_commit is off"):
        check(database_urls["app"], first="SET synchronous_commit = off")


def test_a_server_without_fsync_or_full_page_writes_is_refused() -> None:
    with state_directory() as state:
        settings = Settings(state=state, servers=ServersSettings(linger_s=0))
        with attached(settings):
            pass
        wait_stopped(state)
        pair = assemble(Plan(str(state), settings.servers.account, 0, 128, Timeouts()))
        unsafe = replace(
            pair.postgres, options={**OPTIONS, "fsync": "off", "full_page_writes": "off"}
        )
        with running(unsafe, state):
            password = pair.known.of("overround_app")
            url = logins.socket_url("overround_app", password, unsafe.run, unsafe.port)
            with pytest.raises(UnsafeDatabase, match=r"fsync is off.*full_page_writes is off"):
                check(url)


@contextmanager
def running(server: PostgresServer, state: Path) -> Generator[None]:
    """The server without a supervisor, for the length of the block."""
    known = logins.passwords(state)
    process = server.start()
    try:
        until(lambda: server.is_ready(known), "postgres")
        yield
    finally:
        end(server.leftovers(), LEFTOVER_STEPS)
        process.wait()
        shutil.rmtree(place.read_place(state).run, ignore_errors=True)  # type: ignore[union-attr]
