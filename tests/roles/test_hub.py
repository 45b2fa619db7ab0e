"""The hub on a real database: what the sources say becomes what each book lays."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from overround.betting import bets
from overround.betting.offers import Setting, switch
from overround.db.logins import Role
from overround.roles.archive import importer
from tests.odds_store.feed import Feed, feed_of, laid, prices, reload, rows
from tests.stories.world import AT, World, opened
from tests.support.interleave import connected, until_waiting

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
    async def turn(world: World, feed: Feed, *, enabled: bool) -> None:
        tenant_id = world.tenants["acme"].id
        async with world.app.transaction(tenant_id) as conn:
            setting = Setting("event", str(feed.event_id), enabled=enabled)
            await switch(conn, tenant_id, setting, AT)

    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await house(world, "acme", "sakura", margin_bps=0)
            await feed.say(AT, FAIR)
            await turn(world, feed, enabled=False)
            # At once, without a word from the hub.
            assert (await laid(world, feed))["total 2.5 over"] == ("2.00", "suspended")
            await reload(world, AT, "acme", "sakura")
            await feed.say(AT + MINUTE, FAIR)
            assert (await laid(world, feed))["total 2.5 over"] == ("2.00", "suspended")
            # One operator's switch is not another's.
            assert (await laid(world, feed, "sakura"))["total 2.5 over"] == ("2.00", "open")
            await turn(world, feed, enabled=True)
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
                await switch(conn, tenant_id, Setting("sport", "football", margin_bps=2_000), AT)
                event = Setting("event", str(feed.event_id), margin_bps=500, multiplier_e4=9_000)
                await switch(conn, tenant_id, event, AT)
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


def test_a_result_before_the_start_closes_the_offers(database_urls: Urls) -> None:
    """A cancelled match is laid no more, by no book, and its later prices open nothing again."""

    async def story() -> None:
        async with opened(database_urls) as world:
            await world.tenant("sakura")
            feed = await house(world, "acme", margin_bps=0)
            await reload(world, AT, "acme", "sakura")
            await feed.say(AT, FAIR, prices("two", "total 2.5", "2.20", "2.20"))
            await reload(world, AT, "acme")
            await importer.enter_result(
                world.worker,
                feed.event_id,
                status="cancelled",
                scores={},
                entered_by="a person",
                at=AT + MINUTE,
            )
            for book in ("acme", "sakura"):
                assert {state for _, state in (await laid(world, feed, book)).values()} == {
                    "closed"
                }
            assert await world.count("SELECT count(*) FROM edge WHERE expired_at IS NULL") == 0
            await reload(world, AT + 2 * MINUTE, "acme")
            await feed.say(AT + 2 * MINUTE, prices("one", "total 2.5", "1.90", "2.10"))
            assert {state for _, state in (await laid(world, feed)).values()} == {"closed"}

    asyncio.run(story())


def test_a_bet_that_waited_for_the_switch_is_refused(database_urls: Urls) -> None:
    """The office is answered when its transaction ends; no bet that comes after is taken."""

    async def story() -> None:
        async with opened(database_urls) as world, connected(database_urls["app"]) as (monitor,):
            feed = await house(world, "acme", margin_bps=0)
            await world.player("ann", cash_minor=10_000)
            await feed.say(AT, FAIR)
            over = (await rows(world, feed))["total 2.5 over"]
            slip = world.slip("ann", 100, [(over.selection_id, over.price_e4)])
            tenant_id = world.tenants["acme"].id
            pid: asyncio.Future[int] = asyncio.get_running_loop().create_future()

            async def ask() -> str | None:
                async with world.worker.transaction(tenant_id) as conn:
                    pid.set_result(conn.info.backend_pid)
                    (decision,) = await bets.place_at(conn, tenant_id, [slip])
                return decision.refusal

            async with world.app.transaction(tenant_id) as conn:
                setting = Setting("event", str(feed.event_id), enabled=False)
                assert await switch(conn, tenant_id, setting, AT) == 2
                asked = asyncio.create_task(ask())
                await until_waiting(monitor, await pid)
            assert await asked == "market_suspended"

    asyncio.run(story())


def test_a_tenant_that_comes_later_lays_what_is_on_the_board(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await house(world, "acme", margin_bps=0)
            await feed.say(AT, FAIR)
            await world.tenant("sakura", margin_bps=500)
            await reload(world, AT + MINUTE, "acme", "sakura")
            async with world.worker.transaction(None) as conn:
                assert await world.hub.lay(conn, AT + MINUTE) == 2
            assert (await laid(world, feed, "sakura"))["total 2.5 over"] == ("1.90", "open")
            assert (await laid(world, feed))["total 2.5 over"] == ("2.00", "open")

    asyncio.run(story())
