"""What the logins may do to money: only what a payment, a player or a tenant stands for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from overround.core import ids
from overround.core.errors import NotFound
from overround.core.principal import Principal
from overround.db import Database
from overround.db.logins import Role
from overround.people import cashier
from overround.roles.attach import Endpoints
from tests.stories.world import AT, World, opened

Urls = Mapping[Role, str]

_REQUEST = (
    b"SELECT status, method FROM payment_request_v1(%s, %s, %s, %s, %s, %s, 'because', %s, %s, %s)"
)


async def ask(
    world: World, user_id: UUID, kind: str, amount_minor: int, actor_id: UUID, key: str = "k"
) -> str:
    """What the app's login gets for the request: the payment, or the name of the refusal."""
    tenant_id = world.tenants["acme"].id
    values = [tenant_id, ids.derived(AT, key), user_id, kind, amount_minor, actor_id, key]
    try:
        async with world.app.transaction(tenant_id) as conn:
            cursor = await conn.execute(_REQUEST, [*values, bytes(32), AT])
            row = await cursor.fetchone()
    except psycopg.errors.CheckViolation as refusal:
        return str(refusal.diag.constraint_name)
    return " ".join(row) if row else "key used"


async def refused(database: Database, tenant_id: UUID, query: str, *values: Any) -> str:
    """The error that a statement ends in."""
    try:
        async with database.transaction(tenant_id) as conn:
            await conn.execute(query.encode(), values)
    except psycopg.Error as error:
        return error.diag.constraint_name or type(error).__name__
    return ""


def test_money_moves_for_a_payment_alone(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await world.tenant("acme", settings={"demo_deposits": True})
            ann, bob = await world.player("ann"), await world.player("bob", cash_minor=1_000)
            clerk = (await world.clerk()).actor_id
            assert await ask(world, ann, "deposit", 500, ann, "1") == "paid demo"
            assert await ask(world, ann, "deposit", 500, ann, "1") == "key used"
            assert await ask(world, ann, "withdrawal", 200, ann, "2") == "requested bank"
            assert await ask(world, ann, "adjustment", -100, clerk, "3") == "paid staff"
            # Another's money, a correction by a player or by nobody, an amount below zero.
            assert await ask(world, bob, "withdrawal", 200, ann, "4") == "payment_actor"
            assert await ask(world, ann, "deposit", 200, bob, "5") == "payment_actor"
            for nobody in (ann, UUID(int=0)):
                assert await ask(world, ann, "adjustment", 100, nobody, "6") == "payment_actor"
            assert await ask(world, ann, "deposit", -1, ann, "7") == "payment_amount_signed"
            assert await ask(world, ann, "gift", 1, ann, "8") == "payment_kind_known"
            assert await ask(world, clerk, "deposit", 1, clerk, "9") == "account_missing"
            found = await world.balance("ann")
            assert (found.cash_minor, found.withdrawing_minor) == (200, 200)
            assert not await world.violations()

    asyncio.run(story())


def test_a_deposit_without_paying_is_the_tenants_to_allow(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            tenant = await world.tenant("acme")
            ann = await world.player("ann")
            assert await ask(world, ann, "deposit", 500, ann) == "payment_deposits_closed"
            # The public side may not pretend to simulate either; the worker may, and once.
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                async with world.app.transaction(tenant.id) as conn:
                    await cashier.simulate_deposit(conn, tenant.id, ann, 500, ids.new(AT), AT)
            for _ in range(2):
                async with world.worker.transaction(tenant.id) as conn:
                    payment_id = ids.derived(AT, "simulated")
                    await cashier.simulate_deposit(conn, tenant.id, ann, 500, payment_id, AT)
            assert (await world.balance("ann")).cash_minor == 500
            assert not await world.violations()

    asyncio.run(story())


def test_an_adjustment_is_answered_for_by_staff_who_work_here_now(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            tenant = await world.tenant("acme")
            ann, clerk = await world.player("ann"), (await world.clerk()).actor_id
            async with world.worker.transaction(tenant.id) as conn:
                await conn.execute("UPDATE users SET scopes = '{payments.decide}' WHERE id = %s",
                                   [clerk])  # fmt: skip
            assert await ask(world, ann, "adjustment", 100, clerk) == "payment_actor"
            async with world.worker.transaction(tenant.id) as conn:
                await conn.execute(
                    "UPDATE users SET scopes = '{payments.adjust}', status = 'disabled'"
                    " WHERE id = %s",
                    [clerk],
                )
            assert await ask(world, ann, "adjustment", 100, clerk) == "payment_actor"

    asyncio.run(story())


def test_only_a_player_of_the_tenant_gets_a_wallet(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            acme, _ = await world.tenant("acme"), await world.tenant("sakura", "JPY")
            await world.player("ann")
            theirs = await world.player("aki", "sakura")
            clerk = (await world.clerk()).actor_id
            query = "SELECT player_open_v1(%s, %s, %s)"
            for stranger in (theirs, clerk, ids.new(AT)):
                told = await refused(world.app, acme.id, query, acme.id, stranger, AT)
                assert told == "player_unknown"
            told = await refused(world.worker, acme.id, "SELECT tenant_open_v1(%s, %s)",
                                 ids.new(AT), AT)  # fmt: skip
            assert told == "tenant_unknown"
            query = "SELECT count(*) FROM account WHERE owner_id IS NOT NULL"
            assert await world.count(query, tenant="acme") == 3
            who = Principal(acme.id, clerk, "player")
            with pytest.raises(NotFound):
                async with world.app.transaction(acme.id) as conn:
                    await cashier.withdraw(conn, who, "1.00", "w", bytes(32), AT)

    asyncio.run(story())


def test_there_is_one_account_of_each_kind(endpoints: Endpoints, database_urls: Urls) -> None:
    async def furnish() -> UUID:
        async with opened(database_urls) as world:
            await world.tenant("acme")
            await world.player("ann")
            return world.tenants["acme"].id

    tenant_id = asyncio.run(furnish())
    name = str(conninfo_to_dict(database_urls["owner"])["dbname"])
    with psycopg.connect(endpoints.superuser_url(name), autocommit=True) as conn:
        insert = (
            "INSERT INTO account (tenant_id, owner_id, kind, currency, balance_minor, opened_at)"
            " SELECT %s, CASE WHEN %s THEN id END, %s, 'USD', CASE WHEN %s THEN 0 END, %s"
            " FROM users WHERE kind = 'player'"
        )
        for owned, kind, constraint in (
            (False, "house", "account_once"),
            (True, "cash", "account_once"),
            (False, "cash", "account_kind_fits_owner"),
            (True, "house", "account_kind_fits_owner"),
        ):
            with pytest.raises(psycopg.errors.IntegrityError) as refusal:
                conn.execute(insert, [tenant_id, owned, kind, owned, AT])
            assert refusal.value.diag.constraint_name == constraint
        opened_before = "SELECT account_open_v1(%s, NULL, 'house', %s, %s)"
        assert conn.execute(opened_before, [tenant_id, "EUR", AT]).fetchone()
        with pytest.raises(psycopg.errors.CheckViolation):
            conn.execute(opened_before, [tenant_id, "USD", AT])
