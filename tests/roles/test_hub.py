"""The hub on a real database: what the sources say becomes what each book lays."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from overround.betting.offers import Setting, set_setting
from overround.db.logins import Role
from tests.odds_store.feed import Feed, feed_of, laid, prices, reload, rows
from tests.stories.world import AT, World, opened

Urls = Mapping[Role, str]

MINUTE = timedelta(minutes=1)
STARTS = AT + timedelta(hours=2)

FAIR = prices("one", "total 2.5", "2.00", "2.00")
WIDE = prices("two", "total 2.5", "1.60", "2.40")


async def house(world: World, *tenants: str, margin_bps: int) -> Feed:
    """A hub with the tenants' books and one event it knows."""
    for name in tenants:
        await world.tenant(name, margin_bps=margin_bps)
    feed = await feed_of(world, "E1", STARTS)
    await reload(world, AT, *tenants)
    return feed


def test_a_book_lays_the_fair_price_less_its_margin(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await world.tenant("cheap", margin_bps=0)
            feed = await house(world, "acme", margin_bps=500)
            await reload(world, AT, "acme", "cheap")
            await feed.say(AT, FAIR)
            assert await laid(world, feed, "cheap") == {
                "total 2.5 over": ("2.00", "open"),
                "total 2.5 under": ("2.00", "open"),
            }
            assert await laid(world, feed, "acme") == {
                "total 2.5 over": ("1.90", "open"),
                "total 2.5 under": ("1.90", "open"),
            }

    asyncio.run(story())


def test_offers_are_suspended_when_their_sources_vanish(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await house(world, "acme", margin_bps=0)
            await world.player("ann", cash_minor=10_000)
            await feed.say(AT, FAIR, prices("one", "1x2", "2.80", "2.80", "3.00"))
            before = await rows(world, feed)
            over = before["total 2.5 over"]
            assert over.state == "open"
            # Half a market is no market.
            await feed.say(AT + MINUTE, FAIR[:1], prices("one", "1x2", "2.80", "2.80", "3.00"))
            now = await laid(world, feed)
            assert now["total 2.5 over"] == now["total 2.5 under"] == ("2.00", "suspended")
            assert now["1x2 home"][1] == "open"
            slip = world.slip("ann", 100, [(over.selection_id, over.price_e4)])
            assert (await world.place([slip]))[0].refusal == "market_suspended"
            await feed.say(AT + 2 * MINUTE)
            assert {state for _, state in (await laid(world, feed)).values()} == {"suspended"}
            await feed.say(AT + 3 * MINUTE, FAIR)
            after = await rows(world, feed)
            assert after["total 2.5 over"].state == "open"
            assert after["total 2.5 over"].version == over.version + 2
            assert after["1x2 home"].state == "suspended"

    asyncio.run(story())


def test_a_suspended_price_of_a_source_is_not_laid(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await house(world, "acme", margin_bps=0)
            halted = prices("two", "total 2.5", "1.60", "2.40", suspended=True)
            await feed.say(AT, FAIR, halted)
            assert (await laid(world, feed))["total 2.5 over"] == ("2.00", "open")
            await feed.say(AT + MINUTE, FAIR, WIDE)
            moved = (await laid(world, feed))["total 2.5 over"]
            assert moved[0] < "2.00"
            assert moved[1] == "open"

    asyncio.run(story())


def test_an_offer_is_written_only_when_it_differs(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await house(world, "acme", margin_bps=500)
            await feed.say(AT, FAIR)
            before = await rows(world, feed)
            # A move of the source that the ladder swallows writes no offer.
            nearly = prices("one", "total 2.5", "2.001", "2.001")
            assert await feed.say(AT + MINUTE, nearly) == 2
            assert await rows(world, feed) == before
            await feed.say(AT + 2 * MINUTE, WIDE)
            after = await rows(world, feed)
            assert {offer.version for offer in after.values()} == {2}

    asyncio.run(story())


def test_an_event_that_is_switched_off_is_suspended(database_urls: Urls) -> None:
    async def switch(world: World, feed: Feed, *, enabled: bool) -> None:
        tenant_id = world.tenants["acme"].id
        async with world.app.transaction(tenant_id) as conn:
            setting = Setting("event", str(feed.event_id), enabled=enabled)
            await set_setting(conn, tenant_id, setting)

    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await house(world, "acme", "sakura", margin_bps=0)
            await feed.say(AT, FAIR)
            await switch(world, feed, enabled=False)
            await reload(world, AT, "acme", "sakura")
            await feed.say(AT + MINUTE, FAIR)
            assert (await laid(world, feed))["total 2.5 over"] == ("2.00", "suspended")
            # One operator's switch is not another's.
            assert (await laid(world, feed, "sakura"))["total 2.5 over"] == ("2.00", "open")
            await switch(world, feed, enabled=True)
            await reload(world, AT + MINUTE, "acme", "sakura")
            await feed.say(AT + 2 * MINUTE, FAIR)
            assert (await laid(world, feed))["total 2.5 over"] == ("2.00", "open")

    asyncio.run(story())


def test_the_narrowest_scope_prices_an_event(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await house(world, "acme", margin_bps=0)
            tenant_id = world.tenants["acme"].id
            async with world.app.transaction(tenant_id) as conn:
                await set_setting(conn, tenant_id, Setting("sport", "football", margin_bps=2_000))
                event = Setting("event", str(feed.event_id), margin_bps=500, multiplier_e4=9_000)
                await set_setting(conn, tenant_id, event)
            await reload(world, AT, "acme")
            await feed.say(AT, FAIR)
            assert (await laid(world, feed))["total 2.5 over"] == ("1.71", "open")

    asyncio.run(story())


def test_what_has_started_is_laid_no_more(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await house(world, "acme", margin_bps=0)
            await feed.say(AT, FAIR)
            assert await feed.start(STARTS) == 1
            assert {state for _, state in (await laid(world, feed)).values()} == {"closed"}
            assert await world.count("SELECT count(*) FROM event WHERE status = 'live'") == 1
            # Prices in play go on the board and open nothing.
            assert await feed.say(STARTS, WIDE) > 0
            assert await feed.say(STARTS + MINUTE, FAIR) > 0
            assert {state for _, state in (await laid(world, feed)).values()} == {"closed"}

    asyncio.run(story())


def test_a_loaded_hub_knows_what_its_books_lay(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await house(world, "acme", margin_bps=500)
            await feed.say(AT, FAIR)
            before = await rows(world, feed)
            await reload(world, AT, "acme")
            await feed.say(AT + MINUTE, FAIR)
            assert await rows(world, feed) == before
            await feed.say(AT + 2 * MINUTE)
            assert {offer.state for offer in (await rows(world, feed)).values()} == {"suspended"}

    asyncio.run(story())
