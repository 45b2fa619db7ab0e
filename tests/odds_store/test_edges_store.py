"""An edge on a real board: detected, renewed at other prices, expired; and no more of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from overround.db.logins import Role
from overround.odds import edges
from overround.odds.edges.model import StoredEdge
from tests.odds_store.feed import feed_of, prices
from tests.stories.world import AT, World, opened

Urls = Mapping[Role, str]

MINUTE = timedelta(minutes=1)
STARTS = AT + timedelta(hours=2)
_EVER = (datetime.max.replace(tzinfo=AT.tzinfo, year=9000), UUID(int=2**128 - 1))


async def page(
    world: World, *, with_expired: bool = True, least_ppm: int = -1_000_000
) -> list[StoredEdge]:
    async with world.worker.reading(None) as conn:
        return await edges.page(
            conn, _EVER, guaranteed_ppm_min=least_ppm, with_expired=with_expired, limit=50
        )


def test_an_edge_is_detected_renewed_and_expired(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world, "E1", STARTS)
            low = prices("one", "total 2.5", "2.10", "1.80")
            await feed.say(AT, low, prices("two", "total 2.5", "1.85", "1.90"))
            assert await page(world) == []
            await feed.say(AT + MINUTE, low, prices("two", "total 2.5", "1.80", "2.10"))
            (found,) = await page(world)
            assert (found.pays, found.guaranteed_ppm, found.suspect) == ("sure", 50_000, False)
            assert (found.kind, found.status) == ("arbitrage", "detected")
            assert found.detected_at == found.seen_at == AT + MINUTE
            assert [(leg["side"], leg["source"], leg["stake_ppm"]) for leg in found.legs] == [
                ("over", "one", 500_000),
                ("under", "two", 500_000),
            ]
            # Seen again at the same prices: every leg has stood at a second look.
            await feed.say(AT + 2 * MINUTE, low, prices("two", "total 2.5", "1.80", "2.10"))
            (again,) = await page(world)
            assert (again.status, again.verified_at) == ("verified", AT + 2 * MINUTE)
            assert (again.legs, again.detected_at) == (found.legs, found.detected_at)
            assert again.seen_at == AT + 2 * MINUTE
            # At other prices it is the same edge.
            await feed.say(AT + 3 * MINUTE, low, prices("two", "total 2.5", "1.80", "2.20"))
            (renewed,) = await page(world)
            assert (renewed.id, renewed.detected_at) == (found.id, found.detected_at)
            assert renewed.seen_at == AT + 3 * MINUTE
            assert renewed.guaranteed_ppm == renewed.peak_ppm == 74_418
            # One of its prices has been seen once: it has to stand again.
            assert renewed.status == "detected"
            # The other source went: so did the edge.
            await feed.say(AT + 4 * MINUTE, low)
            (expired,) = await page(world)
            assert (expired.status, expired.expired_at) == ("expired", AT + 4 * MINUTE)
            assert await page(world, with_expired=False) == []
            # It comes back as another one.
            await feed.say(AT + 5 * MINUTE, low, prices("two", "total 2.5", "1.80", "2.10"))
            assert len(await page(world)) == 2
            assert len(await page(world, with_expired=False)) == 1

    asyncio.run(story())


def test_the_start_expires_every_edge(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed, other = await feed_of(world, "E1", STARTS), await feed_of(world, "E2", STARTS)
            for one in (feed, other):
                await one.say(
                    AT,
                    prices("one", "total 2.5", "2.10", "1.80"),
                    prices("two", "total 2.5", "1.80", "2.10"),
                    prices("one", "1x2", "4.00", "3.40", "2.00"),
                    prices("two", "1x2", "2.00", "3.40", "4.00"),
                )
            assert len(await page(world, with_expired=False)) == 4
            await feed.start(STARTS)
            left = await page(world, with_expired=False)
            assert {edge.event_id for edge in left} == {other.event_id}
            assert {e.expired_at for e in await page(world) if e.event_id == feed.event_id} == {
                STARTS
            }

    asyncio.run(story())


def test_an_exchange_takes_no_part(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world)
            await feed.say(
                AT,
                prices("one", "total 2.5", "2.10", "1.80"),
                prices("exchange", "total 2.5", "1.80", "2.30"),
            )
            assert await page(world) == []

    asyncio.run(story())


def test_a_push_is_no_guarantee(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world)
            await feed.say(
                AT,
                prices("one", "total 2", "2.10", "1.80"),
                prices("two", "total 2", "1.80", "2.10"),
            )
            (found,) = await page(world)
            assert (found.pays, found.guaranteed_ppm, found.naive_ppm) == ("free_roll", 0, 50_000)
            assert await page(world, least_ppm=1) == []

    asyncio.run(story())


def test_a_page_ends_and_goes_on(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            for n in range(5):
                feed = await feed_of(world, f"E{n}")
                await feed.say(
                    AT + n % 2 * MINUTE,
                    prices("one", "total 2.5", "2.10", "1.80"),
                    prices("two", "total 2.5", "1.80", "2.10"),
                )
            seen: list[UUID] = []
            before = _EVER
            async with world.worker.reading(None) as conn:
                while found := await edges.page(
                    conn, before, guaranteed_ppm_min=0, with_expired=False, limit=2
                ):
                    seen += [edge.id for edge in found]
                    before = (found[-1].detected_at, found[-1].id)
            assert len(seen) == len(set(seen)) == 5

    asyncio.run(story())
