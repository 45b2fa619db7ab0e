"""What is seen of the house, on a real database: outcomes by the hour, ages, coverage, backlogs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from overround import ops
from overround.core import ids
from overround.db import holders
from overround.db.logins import Role
from overround.odds import board as boards
from overround.odds import catalogue
from overround.odds.board import store as board_store
from overround.odds.catalogue import Quarantined
from overround.odds.feeds import FeedBatch, LiveFeed, Outcome, Said
from overround.ops import Look, store
from overround.roles import looking
from overround.roles.tally import Tally
from tests.odds_store.feed import Feed, feed_of, prices
from tests.stories.world import AT, World, opened

Urls = Mapping[Role, str]

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


async def record(world: World, *outcomes: Outcome) -> None:
    async with world.worker.transaction(None) as conn:
        for outcome in outcomes:
            await ops.record(conn, outcome)


async def look(world: World, at: datetime = AT) -> Look:
    return await looking.look(world.worker, at, None)


async def provider(world: World, name: str, at: datetime = AT) -> dict[str, Any]:
    report = ops.report(await look(world, at))
    return next(one for one in report["providers"] if one["provider"] == name)


def test_outcomes_of_an_hour_are_summed(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            refused = {"price_unreadable": 2, "market_unknown": 1}
            await record(
                world,
                Outcome("x", "nfl", AT, "ok", 10, 2, 8, refused, 500, 30, 99),
                Outcome("x", "nfl", AT + 2 * SECOND, "timeout", took_ms=900),
                Outcome("x", "nfl", AT + SECOND, "not_changed", rejected={"market_unknown": 1}),
            )
            (asked,) = (await look(world)).asked
            assert (asked.polls, asked.ok) == (3, 2)
            assert asked.states == {"ok": 1, "not_changed": 1, "timeout": 1}
            assert asked.rejected == {"price_unreadable": 2, "market_unknown": 2}
            assert (asked.rows_read, asked.events, asked.prices) == (10, 2, 8)
            assert (asked.body_bytes, asked.took_ms, asked.took_ms_max) == (500, 930, 900)
            # What came last by its own time is the last word, in whatever order they were written.
            assert (asked.last_state, asked.last_at) == ("timeout", AT + 2 * SECOND)
            assert (asked.last_ok_at, asked.quota_left) == (AT + SECOND, 99)

    asyncio.run(story())


def test_a_day_is_told_and_no_more(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await record(
                world,
                Outcome("x", "nfl", AT - 26 * HOUR, prices=1),
                Outcome("x", "nfl", AT - 3 * HOUR, prices=10, quota_left=7),
                Outcome("x", "nfl", AT, "failed", prices=100),
                Outcome("y", "", AT, prices=1000),
            )
            found = {one.provider: one for one in (await look(world)).asked}
            assert found["x"].prices == 110
            assert (found["x"].last_state, found["x"].quota_left) == ("failed", 7)
            assert found["y"].prices == 1000
            async with world.worker.transaction(None) as conn:
                assert await ops.forget(conn, AT + timedelta(days=399)) == 1

    asyncio.run(story())


def test_a_provider_that_makes_up_reasons_is_bounded(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            made_up = {f"reason {n} {'x' * 100}": n for n in range(1, 101)}
            await record(world, Outcome("x", "nfl", AT, rejected=made_up))
            (asked,) = (await look(world)).asked
            assert len(asked.rejected) == 41
            assert sum(asked.rejected.values()) == sum(made_up.values())
            assert asked.rejected["other"] == sum(range(1, 61))

    asyncio.run(story())


def test_ages_are_those_of_the_last_look_and_coverage_is_by_market(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world, "E1", AT + 5 * HOUR)
            quoted = prices("one", "total 2.5", "1.90", "2.00")
            await feed.say(AT, quoted, prices("two", "1x2", "2.10", "3.30", "3.50"))
            # The second look changes one price, confirms two and withdraws the three of the other.
            moved = prices("one", "total 2.5", "1.95", "2.00")
            await feed.say(AT + 8 * SECOND, moved, snapshot=False)
            await feed.say(AT + 10 * SECOND, moved, prices("one", "1x2", "2.0", "3.2", "-"))
            found = (await look(world, AT + 15 * SECOND)).standing
            by_key = {(one.source, one.sport, one.market_type): one for one in found}
            total = by_key[None, None, None]
            assert (total.prices, total.open_prices, total.events) == (4, 4, 1)
            assert (total.p50_ms, total.p95_ms) == (5_000, 5_000)
            assert by_key["one", None, None].prices == 4
            assert ("two", None, None) not in by_key
            assert by_key[None, "football", "total"].prices == 2
            assert by_key[None, "football", "1x2"].prices == 2

    asyncio.run(story())


def test_events_that_are_over_stand_no_more(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world, "E1", AT + HOUR)
            await feed.say(AT, prices("one", "total 2.5", "1.90", "2.00"))
            async with world.worker.transaction(None) as conn:
                await conn.execute(
                    "UPDATE event SET status = 'ended', changed_by = 'test', changed_at = now()"
                )
            assert (await look(world)).standing == []

    asyncio.run(story())


def test_what_waits_and_what_was_refused_is_counted(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            now = datetime.now(UTC)
            refusals = [
                Quarantined("x", "batch", reason, f"row {n}", "")
                for n, reason in enumerate(("late", "late", "odd"))
            ]
            async with world.worker.transaction(None) as conn:
                await catalogue.quarantine(conn, refusals)
                await boards.hand_over(conn, ids.new(AT), "x", "letter", b"{}", AT)
            found = await look(world, now)
            assert [(one.reason, one.count) for one in found.quarantined] == [
                ("late", 2),
                ("odd", 1),
            ]
            assert (found.inbox.count, found.inbox.oldest_at) == (1, AT)
            assert (found.settle.count, found.settle.stuck) == (0, 0)
            told = await provider(world, "x", now)
            assert told["quarantined"] == {"late": 2, "odd": 1}
            # A day later they are history.
            assert (await look(world, now + timedelta(days=2))).quarantined == []

    asyncio.run(story())


def test_changes_are_counted_where_they_are_journalled(database_urls: Urls) -> None:
    """Nobody counts the history: the figure is right without it, and after it was dropped."""

    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world, "E1", AT + HOUR)
            await feed.say(AT, prices("one", "total 2.5", "1.90", "2.00"))
            await feed.say(AT + SECOND, prices("one", "total 2.5", "1.95", "2.00"))
            async with world.worker.transaction(None) as conn:
                counted = await ops.prices_changed(conn, feed.event.provider)
                assert counted == await world.count("SELECT count(*) FROM price_history") == 3
                await board_store.drop_piece(conn, (await board_store.pieces(conn))[0].from_at)
                assert await ops.prices_changed(conn, feed.event.provider) == 3

    asyncio.run(story())


def test_the_books_are_checked_and_the_report_tells(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await world.tenant("acme")
            await world.player("ann", cash_minor=1_000)
            assert ops.report(await look(world))["books"]["sound"] is None
            await looking.write_books(world.worker, AT)
            books = ops.report(await look(world))["books"]
            assert (books["sound"], books["tenants"]) == (True, 1)

    asyncio.run(story())


def test_a_life_is_seen_until_it_ends(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            us = holders.signed("hub")

            async def beat(at: datetime, *, ends: bool = False) -> None:
                async with world.app.transaction(None) as conn:
                    await ops.beat(conn, us, "hub", "0.1.0", at, {"events": 1}, ends=ends)

            await beat(AT)
            await beat(AT + SECOND)
            (life,) = (await look(world)).lives
            assert (life.since, life.beat_at, life.facts) == (AT, AT + SECOND, {"events": 1})
            assert not life.ended
            await beat(AT, ends=True)
            assert (await look(world)).lives == []

    asyncio.run(story())


class Parrot:
    """A live feed that says the same on every call."""

    def __init__(self, feed: Feed) -> None:
        self.said = Said(
            events=(feed.event,),
            batches=(FeedBatch(feed.event, AT, tuple(prices("one", "1x2", "2", "3", "4"))),),
        )
        self.key = feed.event.provider

    def source_kind(self, source: str) -> Any:
        return "bookmaker"

    def until(self, at: datetime) -> Said:
        return self.said

    def next_at(self) -> datetime | None:
        return None


def test_a_live_feed_is_tallied(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world, "E1", AT + HOUR)
            parrot: LiveFeed = Parrot(feed)
            tally = Tally()
            tally.ask(parrot, AT)
            assert not tally.is_due(AT)
            tally.ask(parrot, AT + SECOND)
            assert tally.is_due(AT + 20 * SECOND)
            async with world.worker.transaction(None) as conn:
                await tally.write(conn, AT + 20 * SECOND)
                await tally.write(conn, AT + 40 * SECOND)
            (asked,) = (await look(world)).asked
            assert (asked.sport, asked.polls, asked.ok) == ("football", 1, 1)
            assert (asked.events, asked.prices) == (2, 6)

    asyncio.run(story())


def test_a_report_takes_the_place_of_the_last_one(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            for at in (AT, AT + SECOND):
                await looking.write_house(world.worker, at, None)
            async with world.app.reading(None) as conn:
                written = await store.last_report(conn, "house")
            assert written is not None
            assert written.made_at == AT + SECOND
            assert written.report["status"] == "down"
            assert written.report["findings"][0]["code"] == "nothing_runs"

    asyncio.run(story())
