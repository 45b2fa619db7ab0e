"""Pools and rights: a tenant ends with its transaction, reading reads, history stays written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import psycopg
import pytest
from psycopg import errors

from overround.core import principal
from overround.core.errors import Unavailable
from overround.db import Database, audit
from overround.db.logins import Role
from tests.stories.world import AT, World
from tests.stories.world import opened as world_opened

Urls = Mapping[Role, str]

# Who may delete what: everything else is history.
DELETABLE: Final = {
    "app": {"login_failure", "risk_cap", "risk_player", "risk_wait"},
    "worker": {
        "alert",
        "alias",
        "alias_vote",
        "edge",
        "feed_batch",
        "feed_event",
        "inbox",
        "lease",
        "login_failure",
        "match_queue",
        "poll",
        "poll_answer",
        "poll_provider",
        "price_refused",
        "provider_hour",
        "quarantine",
        "role_life",
        "session",
        "work_due",
    },
    "reader": set[str](),
}

# Written by functions of the schema alone.
BY_FUNCTION: Final = (
    "account",
    "account_rollup",
    "bet",
    "bet_in_play",
    "bet_request",
    "entry",
    "leg",
    "payment",
    "transfer",
)


@asynccontextmanager
async def one_connection(urls: Urls, timeout_s: float = 5.0) -> AsyncGenerator[Database]:
    db = await Database.open(
        urls["app"], purpose="test", size_min=1, size_max=1, acquire_timeout_s=timeout_s
    )
    try:
        yield db
    finally:
        await db.close()


async def two_tenants(world: World) -> None:
    for name in ("acme", "sakura"):
        await world.tenant(name)
    await world.player("ann", "acme")
    for name in ("aki", "emi"):
        await world.player(name, "sakura")


def test_alternating_tenants_through_one_connection_leave_nothing(database_urls: Urls) -> None:
    async def seen(db: Database, world: World, tenant: str | None, *, writing: bool) -> int:
        tenant_id = world.tenants[tenant].id if tenant else None
        opened = db.transaction(tenant_id) if writing else db.reading(tenant_id)
        async with opened as conn:
            row = await (await conn.execute("SELECT count(*) FROM users")).fetchone()
        assert row is not None
        return row[0]

    async def story() -> None:
        async with world_opened(database_urls) as world, one_connection(database_urls) as db:
            await two_tenants(world)
            for writing in (True, False, True):
                assert await seen(db, world, "acme", writing=writing) == 1
                assert await seen(db, world, None, writing=writing) == 0
                assert await seen(db, world, "sakura", writing=not writing) == 2
                assert await seen(db, world, "acme", writing=writing) == 1
                assert await seen(db, world, None, writing=not writing) == 0
            # Nor after a transaction that failed, nor outside of any.
            with pytest.raises(errors.DivisionByZero):
                async with db.transaction(world.tenants["acme"].id) as conn:
                    await conn.execute("SELECT 1 / 0")
            assert await seen(db, world, None, writing=True) == 0
            async with db._pool.connection() as conn:
                row = await (await conn.execute("SELECT count(*) FROM users")).fetchone()
            assert row == (0,)

    asyncio.run(story())


def test_a_snapshot_is_one_moment(database_urls: Urls) -> None:
    async def story() -> None:
        async with world_opened(database_urls) as world:
            tenant = await world.tenant("acme")
            await world.player("ann", cash_minor=100)
            query = "SELECT count(*) FROM entry"
            async with world.worker.snapshot(tenant.id) as conn:
                assert await (await conn.execute(query)).fetchone() == (2,)
                await world.deposit("ann", 100)
                assert await (await conn.execute(query)).fetchone() == (2,)
            async with world.worker.reading(tenant.id) as conn:
                assert await (await conn.execute(query)).fetchone() == (4,)
                await world.deposit("ann", 100)
                assert await (await conn.execute(query)).fetchone() == (6,)
            with pytest.raises(errors.ReadOnlySqlTransaction):
                async with world.worker.snapshot(tenant.id) as conn:
                    await conn.execute("UPDATE tenant SET name = 'X'")
            # The next transaction of the connection is an ordinary one.
            async with world.worker.transaction(tenant.id) as conn:
                row = await (await conn.execute("SHOW transaction_isolation")).fetchone()
                assert row == ("read committed",)

    asyncio.run(story())


def test_reading_cannot_write(database_urls: Urls) -> None:
    async def story() -> None:
        async with world_opened(database_urls) as world:
            tenant = await world.tenant("acme")
            for query in (
                "UPDATE tenant SET name = 'X'",
                "SELECT ledger_roll_up_v1(id) FROM tenant",
                "SELECT set_config('transaction_read_only', 'off', true)",
                "SET TRANSACTION READ WRITE",
            ):
                refused = (errors.ReadOnlySqlTransaction, errors.ActiveSqlTransaction)
                with pytest.raises(refused):
                    async with world.worker.reading(tenant.id) as conn:
                        await conn.execute(query.encode())
            # And the next transaction of the same connection writes.
            async with world.worker.transaction(tenant.id) as conn:
                await conn.execute("UPDATE tenant SET name = 'Acme again'")

    asyncio.run(story())


def test_an_error_rolls_everything_back(database_urls: Urls) -> None:
    async def story() -> None:
        async with world_opened(database_urls) as world:
            tenant = await world.tenant("acme")

            async def fail() -> None:
                async with world.worker.transaction(tenant.id) as conn:
                    await conn.execute("UPDATE tenant SET name = 'lost'")
                    await conn.execute("SELECT 1 / 0")

            with pytest.raises(errors.DivisionByZero):
                await fail()
            async with world.worker.reading(tenant.id) as conn:
                row = await (await conn.execute("SELECT name FROM tenant")).fetchone()
            assert row == ("Acme",)

    asyncio.run(story())


def test_an_exhausted_pool_is_unavailable(database_urls: Urls) -> None:
    async def story() -> None:
        async with one_connection(database_urls, timeout_s=0.2) as db:
            async with db.transaction(None):
                with pytest.raises(Unavailable, match="no database connection is free"):
                    async with db.transaction(None):
                        pytest.fail("there is only one connection")
            async with db.reading(None) as conn:
                assert await (await conn.execute("SELECT 1")).fetchone() == (1,)

    asyncio.run(story())


def test_a_connection_that_was_cut_is_replaced(database_urls: Urls) -> None:
    async def story() -> None:
        async with one_connection(database_urls) as db:
            with pytest.raises(psycopg.OperationalError):
                async with db.transaction(None) as conn:
                    await conn.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            async with db.reading(None) as conn:
                assert await (await conn.execute("SELECT 1")).fetchone() == (1,)

    asyncio.run(story())


def test_a_database_that_is_not_there_is_unavailable() -> None:
    async def story() -> None:
        with pytest.raises(Unavailable, match="does not answer"):
            await Database.open(
                "postgresql://nobody@127.0.0.1:1/none", purpose="test", acquire_timeout_s=0.3
            )

    asyncio.run(story())


@pytest.mark.parametrize("role", ["app", "worker", "reader"])
def test_the_audit_is_append_only(database_urls: Urls, role: Role) -> None:
    async def story() -> None:
        async with world_opened(database_urls) as world:
            tenant = await world.tenant("acme")
            caller = principal.system(tenant.id)
            async with world.app.transaction(tenant.id) as conn:
                await audit.write(conn, caller, AT, "test.act", "test:1", None, {"n": 1})
            with psycopg.connect(database_urls[role], autocommit=True) as conn:
                conn.execute(
                    "SELECT set_config('overround.tenant_id', %s, false)", [str(tenant.id)]
                )
                for change in (
                    b"UPDATE audit SET action = 'x'",
                    b"DELETE FROM audit",
                    b"TRUNCATE audit",
                ):
                    with pytest.raises(errors.InsufficientPrivilege):
                        conn.execute(change)
            query = "SELECT count(*) FROM audit WHERE action = 'test.act'"
            assert await world.count(query, tenant="acme") == 1

    asyncio.run(story())


@pytest.mark.parametrize("role", ["app", "worker", "reader"])
def test_money_and_bets_are_written_by_functions_alone(database_urls: Urls, role: Role) -> None:
    rights = ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
    with psycopg.connect(database_urls[role], autocommit=True) as conn:
        for table in BY_FUNCTION:
            for right in rights:
                row = conn.execute("SELECT has_table_privilege(%s, %s)", [table, right]).fetchone()
                assert row == (False,), f"{role} has {right} on {table}"
            row = conn.execute("SELECT has_any_column_privilege(%s, 'UPDATE')", [table]).fetchone()
            assert row == (False,), f"{role} may update a column of {table}"
        with pytest.raises(errors.InsufficientPrivilege):
            conn.execute("INSERT INTO entry SELECT * FROM entry")


@pytest.mark.parametrize("role", ["app", "worker", "reader"])
def test_only_what_is_no_history_can_be_deleted(database_urls: Urls, role: Role) -> None:
    with psycopg.connect(database_urls[role], autocommit=True) as conn:
        rows = conn.execute(
            "SELECT relname::text, has_table_privilege(oid, 'DELETE'),"
            " has_table_privilege(oid, 'TRUNCATE') FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        ).fetchall()
    assert {name for name, deletes, _ in rows if deletes} == DELETABLE[role]
    assert not [name for name, _, truncates in rows if truncates]
