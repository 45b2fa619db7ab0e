"""The tenant's own balances are a roll-up and what came after it, whoever is still writing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from overround.core import ids
from overround.db.logins import Role
from overround.money import ledger
from overround.people import cashier
from tests.stories.world import AT, World, opened
from tests.support.interleave import begin, commit, connected

Urls = Mapping[Role, str]


async def bank(world: World) -> tuple[int, int]:
    """What the bank account shows, and the sum of all its entries."""
    query = """
        SELECT coalesce(sum(e.amount_minor), 0)::bigint FROM entry e
        JOIN account a ON a.id = e.account_id WHERE a.kind = 'bank'"""
    return await world.own_minor("bank"), await world.count(query, tenant="acme")


async def roll_up(world: World) -> int:
    tenant_id = world.tenants["acme"].id
    async with world.worker.transaction(tenant_id) as conn:
        return await ledger.roll_up(conn, tenant_id)


def test_rolling_up_while_others_write_loses_nothing(database_urls: Urls) -> None:
    """A transaction that commits late is older than the fold and must still be counted."""

    async def story() -> None:
        async with (
            opened(database_urls) as world,
            connected(database_urls["worker"], database_urls["worker"]) as (late, later),
        ):
            tenant_id = (await world.tenant("acme")).id
            for name in ("ann", "bob", "eve"):
                await world.player(name)
            await begin(tenant_id)(late)
            await cashier.simulate_deposit(
                late, tenant_id, world.players["acme", "ann"], 100, ids.derived(AT, "late"), AT
            )
            # Begun later and committed first: its id is above the open one's.
            await world.deposit("bob", 20)
            assert await roll_up(world) > 0
            assert await bank(world) == (-20, -20)
            await begin(tenant_id)(later)
            await cashier.simulate_deposit(
                later, tenant_id, world.players["acme", "eve"], 3, ids.derived(AT, "later"), AT
            )
            await commit(late)
            assert await bank(world) == (-120, -120)
            await roll_up(world)
            assert await bank(world) == (-120, -120)
            await later.execute("ROLLBACK")
            await roll_up(world)
            assert await bank(world) == (-120, -120)
            assert not await world.violations()

    asyncio.run(story())


def test_rolling_up_twice_at_once_counts_once(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await world.tenant("acme")
            for turn in range(5):
                for number in range(4):
                    await world.deposit(f"player{number}", 10)
                await asyncio.gather(*(roll_up(world) for _ in range(4)))
                assert await bank(world) == (-40 * (turn + 1),) * 2
            assert not await world.violations()

    asyncio.run(story())


def test_rolling_up_beside_many_deposits_counts_each_once(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls, connections=12) as world:
            await world.tenant("acme")
            for number in range(8):
                await world.player(f"player{number}")

            async def deposits(number: int) -> None:
                for _ in range(15):
                    await world.deposit(f"player{number}", 1)

            async def folds() -> None:
                for _ in range(30):
                    await roll_up(world)
                    shown, summed = await bank(world)
                    # Two reads of two moments: the sum is the later one.
                    assert summed <= shown

            await asyncio.gather(folds(), *(deposits(number) for number in range(8)))
            await roll_up(world)
            assert await bank(world) == (-120, -120)
            assert not await world.violations()

    asyncio.run(story())
