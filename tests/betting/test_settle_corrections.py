"""Corrected results that move much wait for a person; the rest goes by itself."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from overround.betting import settlement
from overround.betting.settlement import StoredRuling
from overround.core.errors import Conflict
from overround.db import work
from overround.db.logins import Role
from tests.stories.world import Pick, World, opened

Urls = dict[Role, str]


async def asked(world: World) -> list[StoredRuling]:
    tenant_id = world.tenants["acme"].id
    async with world.app.reading(tenant_id) as conn:
        return await settlement.rulings(conn, tenant_id, state="proposed", limit=10)


async def decide(world: World, ruling_id: UUID, *, agrees: bool) -> None:
    clerk = await world.clerk()
    async with world.worker.transaction(clerk.tenant_id) as conn:
        await settlement.decide(conn, clerk, ruling_id, world.at, agrees=agrees)


async def won(world: World, stake_minor: int) -> None:
    """Ann wins twice her stake on E1, and has a double with E2 that is open."""
    await world.tenant("acme")
    await world.player("ann", cash_minor=200_000)
    home = await world.lay(Pick("E1", "1x2", "home"), 20_000)
    other = await world.lay(Pick("E2", "1x2", "home"), 20_000)
    await world.place([
        world.slip("ann", stake_minor, [(home, 20_000)]),
        world.slip("ann", 1_000, [(home, 20_000), (other, 20_000)]),
    ])  # fmt: skip
    await world.result("E1", {"ft": (1, 0)})
    assert await world.settle() == 1


def test_a_correction_above_the_threshold_waits_for_a_person(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await won(world, 60_000)
            before = (await world.balance("ann")).cash_minor
            await world.result("E1", {"ft": (0, 1)})
            assert await world.settle() == 0
            (ruling,) = await asked(world)
            assert (ruling.kind, ruling.bets, ruling.moved_minor) == ("correction", 1, 120_000)
            # Due again, it asks nobody again; what is open is not settled by it either.
            tenant_id = world.tenants["acme"].id
            event_id = world.events["E1"].event_id
            async with world.worker.transaction(tenant_id) as conn:
                await work.put(conn, "settle", [tenant_id], {event_id: (2, world.at)})
            assert await world.settle() == 0
            assert len(await asked(world)) == 1
            assert (await world.balance("ann")).cash_minor == before
            await decide(world, ruling.id, agrees=True)
            assert await world.settle() == 2
            assert (await world.balance("ann")).cash_minor == before - 120_000
            clerk = await world.clerk()
            async with world.worker.transaction(tenant_id) as conn:
                with pytest.raises(Conflict):
                    await settlement.lift(conn, clerk, ruling.id, world.at)
            assert not await world.violations()

    asyncio.run(story())


def test_a_correction_that_is_refused_changes_nothing_and_the_next_is_asked_anew(
    database_urls: Urls,
) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await won(world, 60_000)
            before = (await world.balance("ann")).cash_minor
            await world.result("E1", {"ft": (0, 1)})
            await world.settle()
            (ruling,) = await asked(world)
            await decide(world, ruling.id, agrees=False)
            await world.settle()
            assert (await world.balance("ann")).cash_minor == before
            # The provider takes it back: nothing is different, so nobody is asked.
            await world.result("E1", {"ft": (2, 0)})
            await world.settle()
            assert not await asked(world)
            await world.result("E1", {"ft": (0, 2)})
            assert await world.settle() == 0
            (again,) = await asked(world)
            assert again.id != ruling.id
            assert not await world.violations()

    asyncio.run(story())


def test_a_correction_below_the_threshold_goes_by_itself(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await won(world, 50_000)
            await world.result("E1", {"ft": (0, 1)})
            # Exactly what one person may move alone: 1,000.00; the open double is lost with it.
            assert await world.settle() == 2
            assert not await asked(world)
            assert not await world.violations()

    asyncio.run(story())


def test_two_settlers_ask_once(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await won(world, 60_000)
            await world.result("E1", {"ft": (0, 1)})
            tenant_id, event_id = world.tenants["acme"].id, world.events["E1"].event_id

            async def settler() -> int:
                async with world.worker.transaction(tenant_id) as conn:
                    return await settlement.settle_events(conn, tenant_id, [event_id], world.at)

            assert await asyncio.gather(*(settler() for _ in range(4))) == [0] * 4
            assert len(await asked(world)) == 1

    asyncio.run(story())


def test_what_fails_too_often_is_a_persons(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await won(world, 1_000)
            await world.tenant("other")
            tenant_id = world.tenants["acme"].id
            event_id = world.events["E2"].event_id
            async with world.worker.transaction(None) as conn:
                await work.put(conn, "settle", [tenant_id], {event_id: (1, world.at)})
                for _ in range(work.ATTEMPTS_MAX):
                    await work.failed(conn, "settle", tenant_id, event_id, world.at, "it fails")
            since = world.at - timedelta(days=9), UUID(int=0)
            late = world.at + timedelta(days=2)
            async with world.app.reading(tenant_id) as conn:
                desk = await settlement.waiting(conn, tenant_id, since, late, 10)
            assert {one.event_id: one.waits_for for one in desk}[event_id] == "stuck"
            async with world.app.reading(world.tenants["other"].id) as conn:
                rows = await conn.execute("SELECT settlement_stuck_v1(%s, 1)", [tenant_id])
                assert await rows.fetchall() == []

    asyncio.run(story())
