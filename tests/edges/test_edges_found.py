"""Edges as they are kept: searched, counted, confirmed, grown stale and forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from fractions import Fraction

from overround.db.logins import Role
from overround.kit import paging
from overround.odds import edges
from overround.odds.edges import Policy, StoredEdge, Terms, Wanted, jobs
from tests.odds_store.feed import feed_of, prices
from tests.stories.world import AT, World, opened

Urls = Mapping[Role, str]

MINUTE = timedelta(minutes=1)
FIFTY = Fraction(50)


async def found(world: World, wanted: Wanted) -> list[StoredEdge]:
    async with world.worker.reading(None) as conn:
        return await edges.search(conn, (paging.NEWEST.at, paging.NEWEST.id), wanted, 50)


async def planted(world: World) -> None:
    """An arbitrage of two houses, one of which has a price of value too."""
    feed = await feed_of(world, "E1", AT + timedelta(hours=2))
    await feed.say(
        AT,
        prices("one", "total 2.5", "2.00", "1.85"),
        prices("two", "total 2.5", "1.70", "2.20"),
        prices("three", "total 2.5", "1.90", "1.95"),
        prices("four", "total 2.5", "1.90", "1.95"),
    )


def test_the_hub_looks_by_its_policy(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            world.hub.lookout.policy = Policy(judges_min=4, terms={"two": Terms(stake_max=FIFTY)})
            await planted(world)
            (edge,) = await found(world, Wanted())
            assert (edge.kind, edge.legs[1]["stake_max"]) == ("arbitrage", "50")
            assert edges.placeable(edge, 10 * FIFTY).stakes == (55, 50)

    asyncio.run(story())


def test_edges_are_searched_and_counted(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await planted(world)
            assert {edge.kind for edge in await found(world, Wanted())} == {"arbitrage", "value"}
            for wanted in (
                Wanted(kinds=("arbitrage",), sport="football", source="two", trusted=True),
                Wanted(tag="same_line", edge_ppm_min=47_619, statuses=("detected",)),
            ):
                (edge,) = await found(world, wanted)
                assert edge.guaranteed_ppm == 47_619
            for wanted in (
                Wanted(source="three"),
                Wanted(statuses=("verified",)),
                Wanted(kinds=("middle",)),
                Wanted(sport="tennis"),
            ):
                assert await found(world, wanted) == []
            async with world.worker.reading(None) as conn:
                counted = await edges.statistics(conn, AT, "arbitrage", 10)
            assert [(one.source, one.edges, one.hour) for one in counted] == [
                ("one", 1, AT.hour), ("two", 1, AT.hour),
            ]  # fmt: skip

    asyncio.run(story())


def test_what_nobody_confirms_grows_stale_and_what_is_over_is_forgotten(
    database_urls: Urls,
) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await planted(world)
            async with world.worker.transaction(None) as conn:
                assert await edges.age(conn, AT + 4 * MINUTE) == 0
                assert await edges.age(conn, AT + 5 * MINUTE) == 3
            held = await found(world, Wanted(statuses=("stale",)))
            assert len(held) == 3
            async with world.worker.transaction(None) as conn:
                await edges.expire_events(conn, {held[0].event_id: AT + 6 * MINUTE})
            kept = timedelta(days=90)
            assert await jobs.run_once(world.worker, kept, AT + kept) == 0
            assert await jobs.run_once(world.worker, kept, AT + kept + 7 * MINUTE) == 3
            assert await found(world, Wanted(with_expired=True)) == []

    asyncio.run(story())


def test_an_edge_that_another_hand_has_ended_stays_ended(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world, "E1", AT + timedelta(hours=2))
            both = (
                prices("one", "total 2.5", "2.00", "1.85"),
                prices("two", "total 2.5", "1.70", "2.20"),
            )
            await feed.say(AT, *both)
            (edge,) = await found(world, Wanted())
            async with world.worker.transaction(None) as conn:
                await edges.expire_events(conn, {edge.event_id: AT + MINUTE})
            # The hub knows nothing of it and goes on; then it sees and begins anew.
            for n in (2, 3):
                await feed.say(AT + n * MINUTE, *both)
            ended, again = sorted(
                await found(world, Wanted(with_expired=True)), key=lambda one: one.detected_at
            )
            assert (ended.id, ended.expired_at) == (edge.id, AT + MINUTE)
            assert (again.detected_at, again.expired_at) == (AT + 3 * MINUTE, None)

    asyncio.run(story())
