"""Revenue days are whole whenever the jobs run, and are charged what was agreed at their time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from overround.db.logins import Role
from overround.money import revenue
from overround.money.revenue import RevenueDay
from overround.people.tenants import Tenant
from tests.stories.world import Pick, World, opened

Urls = Mapping[Role, str]


async def lost(world: World, event: str) -> None:
    """The house wins 10.00 on the event, now."""
    await world.event(event, world.at + timedelta(days=1))
    home = await world.lay(Pick(event, "1x2", "home"), 20_000)
    (decision,) = await world.place([world.slip("ann", 1_000, [(home, 20_000)])])
    assert decision.kind == "accepted"
    await world.result(event, {"ft": (0, 1)})
    await world.settle()


async def written(world: World) -> list[RevenueDay]:
    tenant_id = world.tenants["acme"].id
    async with world.app.reading(tenant_id) as conn:
        return await revenue.days(conn, tenant_id, date.min, date.max)


async def closed(world: World, tenant: Tenant, fee_bps: int) -> int:
    """Everything since the beginning, as a replay closes it."""
    async with world.worker.transaction(tenant.id) as conn:
        return await revenue.close_days(
            conn,
            tenant.id,
            currency=tenant.currency,
            time_zone=tenant.time_zone,
            fee_bps=fee_bps,
            since=datetime(1970, 1, 1, tzinfo=UTC),
            today=world.at.date(),
            at=world.at,
        )


@pytest.mark.parametrize("before", [False, True], ids=["first run", "a run before"])
def test_days_that_the_jobs_slept_through_are_written(database_urls: Urls, before: bool) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await world.tenant("acme")
            await world.player("ann", cash_minor=10_000)
            await lost(world, "E1")
            if before:
                await world.close_days()
            # The rest of that day, and a later one, and then nothing runs for ten days.
            await lost(world, "E2")
            world.at += timedelta(days=3)
            await lost(world, "E3")
            world.at += timedelta(days=10)
            assert await world.close_days() > 0
            assert [day.ggr_minor for day in await written(world)] == [2_000, 1_000]
            assert await world.own_minor("revenue") == 2_700
            assert await world.own_minor("fee") == 300
            assert await world.close_days() == 0
            assert not await world.violations()

    asyncio.run(story())


def test_a_day_before_the_written_ones_is_found(database_urls: Urls) -> None:
    """As a replay of an old season leaves it when it is killed before its end."""

    async def story() -> None:
        async with opened(database_urls) as world:
            await world.tenant("acme")
            await world.player("ann", cash_minor=10_000)
            await lost(world, "E1")
            early, world.at = world.at, world.at + timedelta(days=20)
            await lost(world, "E2")
            async with world.worker.transaction(world.tenants["acme"].id) as conn:
                await revenue.close_days(
                    conn,
                    world.tenants["acme"].id,
                    currency="EUR",
                    time_zone="Europe/Vienna",
                    fee_bps=1_000,
                    since=world.at - timedelta(days=2),
                    today=world.at.date(),
                    at=world.at,
                )
            assert len(await written(world)) == 1
            await world.close_days()
            assert [day.day for day in await written(world)] == [early.date(), world.at.date()]

    asyncio.run(story())


def test_a_new_fee_charges_no_day_that_is_already_written(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            tenant = await world.tenant("acme")
            await world.player("ann", cash_minor=10_000)
            await lost(world, "E1")
            world.at += timedelta(days=1)
            assert await closed(world, tenant, 1_000) == 2
            assert await closed(world, tenant, 2_500) == 0
            await lost(world, "E2")
            world.at += timedelta(days=1)
            assert await closed(world, tenant, 2_500) == 2
            assert [day.fee_minor for day in await written(world)] == [100, 250]
            assert await world.own_minor("fee") == 350

    asyncio.run(story())


def test_two_closings_at_once_post_once(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            tenant = await world.tenant("acme")
            await world.player("ann", cash_minor=10_000)
            await lost(world, "E1")
            world.at += timedelta(days=1)
            await asyncio.gather(*(closed(world, tenant, 1_000) for _ in range(6)))
            assert await world.own_minor("fee") == 100
            assert await world.own_minor("revenue") == 900
            assert not await world.violations()

    asyncio.run(story())


def test_what_was_moved_is_not_the_workers_to_write(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            tenant = await world.tenant("acme")
            for query in (
                b"UPDATE revenue_day SET posted_fee_minor = 0",
                b"UPDATE revenue_day SET fee_bps = 0",
                b"DELETE FROM revenue_day",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    async with world.worker.transaction(tenant.id) as conn:
                        await conn.execute(query)

    asyncio.run(story())
