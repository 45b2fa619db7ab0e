"""Results find the bets they settle, by whomever they were entered and whenever they count."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from overround.db.logins import Role
from overround.odds import catalogue
from overround.odds.feeds import FeedResult
from overround.people import tenants
from overround.roles.archive import importer
from tests.stories.world import AT, PROVIDER, Pick, World, opened

Urls = Mapping[Role, str]


async def one_bet(world: World) -> None:
    """Ann has 10.00 at 2.00 on the home side of E1."""
    await world.tenant("acme")
    await world.player("ann", cash_minor=1_000)
    home = await world.lay(Pick("E1", "1x2", "home"), 20_000)
    await world.place([world.slip("ann", 1_000, [(home, 20_000)])])


def test_the_bets_of_a_suspended_tenant_are_settled(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await one_bet(world)
            caller = world.system(world.tenants["acme"].id)
            async with world.worker.transaction(caller.tenant_id) as conn:
                await tenants.set_status(conn, caller, "suspended", AT)
            version = await importer.enter_result(
                world.worker,
                world.events["E1"].event_id,
                status="finished",
                scores={"ft": (1, 0)},
                entered_by="a person",
                at=AT,
            )
            assert version == 1
            assert await world.settle() == 1
            assert (await world.balance("ann")).cash_minor == 2_000

    asyncio.run(story())


def test_a_result_that_is_dated_ahead_is_settled_at_its_time(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await one_bet(world)
            ahead = FeedResult(
                PROVIDER, "fixture E1", "finished", {"ft": (1, 0)}, AT + timedelta(hours=1)
            )
            async with world.worker.transaction(None) as conn:
                await world.hub.results(conn, [ahead], [world.tenants["acme"].id], AT)
            assert await world.settle() == 0
            world.at = AT + timedelta(hours=1)
            assert await world.settle() == 1
            assert (await world.balance("ann")).cash_minor == 2_000
            assert not await world.violations()

    asyncio.run(story())


def test_a_feed_read_again_leaves_a_correction_alone(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await one_bet(world)
            said = FeedResult(PROVIDER, "fixture E1", "finished", {"ft": (1, 0)}, AT)
            tenant_ids = [world.tenants["acme"].id]
            event_id = world.events["E1"].event_id

            async def read_the_feed() -> int:
                async with world.worker.transaction(None) as conn:
                    return await world.hub.results(conn, [said], tenant_ids, AT)

            assert await read_the_feed() == 1
            corrected = await importer.enter_result(
                world.worker,
                event_id,
                status="finished",
                scores={"ft": (0, 1)},
                entered_by="a person",
                at=AT,
            )
            assert corrected == 2
            assert await read_the_feed() == 0
            async with world.worker.reading(None) as conn:
                known = await catalogue.results_known(conn, [event_id], AT)
            assert (known[event_id].version, known[event_id].scores) == (2, {"ft": [0, 1]})

    asyncio.run(story())
