"""The board and its journal on a real database: seen, changed, withdrawn, closed, loaded again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from overround.db.logins import Role
from overround.odds import board as boards
from overround.odds.feeds import FeedBatch
from overround.roles.hub.writer import Hub
from tests.odds_store.feed import KINDS, Feed, feed_of, prices, reload, shown
from tests.stories.world import AT, World, opened

Urls = Mapping[Role, str]

MINUTE = timedelta(minutes=1)
STARTS = AT + timedelta(hours=2)

STATES = """
SELECT o.key || ' ' || s.side, p.state || ' ' || p.price_e4 FROM price p
JOIN source o ON o.id = p.source_id JOIN selection s ON s.id = p.selection_id"""


async def stored(world: World, query: str = STATES) -> dict[str, Any]:
    async with world.worker.reading(None) as conn:
        cursor = await conn.execute(query.encode())
        return {row[0]: row[1] for row in await cursor.fetchall()}


def cells(world: World, event_id: UUID) -> dict[tuple[str, UUID], tuple[int, ...]]:
    """Every cell of the event that holds something: price, state, observed, changed."""
    board = world.hub.board
    found: dict[tuple[str, UUID], tuple[int, ...]] = {}
    for market in board.markets_of(event_id):
        for source in board.sources:
            for selection_id, column in zip(market.selection_ids, market.columns, strict=True):
                at = (source.row, column)
                if board.state[at]:
                    found[source.key, selection_id] = (
                        int(board.price_e4[at]),
                        int(board.state[at]),
                        int(board.observed_us[at]),
                        int(board.changed_us[at]),
                    )
    return found


def test_a_snapshot_withdraws_what_it_does_not_contain(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed, other = await feed_of(world), await feed_of(world, provider="elsewhere")
            one = prices("one", "1x2", "2.10", "3.40", "3.60")
            assert await feed.say(AT, one, prices("two", "1x2", "2.00", "3.50", "3.70")) == 6
            assert await other.say(AT, prices("three", "1x2", "2.05", "3.30", "3.50")) == 3
            # Another provider's snapshot says nothing about these two.
            assert await feed.say(AT + MINUTE, one) == 3
            assert set(shown(world, feed)["1x2"]) == {"one", "three"}
            states = await stored(world)
            assert states["two home"] == "withdrawn 20000"
            assert states["one home"] == "open 21000"
            # It comes back, and half of a book can go too.
            two = prices("two", "1x2", "2.00", "3.50", "3.70")
            assert await feed.say(AT + 2 * MINUTE, one[:2], two) == 4
            assert shown(world, feed)["1x2"]["one"] == {"home": "2.10", "draw": "3.40"}

    asyncio.run(story())


def test_a_batch_that_is_no_snapshot_withdraws_nothing(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world)
            await feed.say(AT, prices("one", "1x2", "2.10", "3.40", "3.60"))
            change = prices("one", "1x2", "2.20", "-", "-")
            assert await feed.say(AT + MINUTE, change, snapshot=False) == 1
            expected = {"home": "2.20", "draw": "3.40", "away": "3.60"}
            assert shown(world, feed)["1x2"]["one"] == expected

    asyncio.run(story())


def test_an_old_snapshot_after_a_new_one_changes_nothing(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world)
            one, two = (prices(key, "1x2", "2.10", "3.40", "3.60") for key in ("one", "two"))
            await feed.say(AT + MINUTE, one, two)
            before, rows = cells(world, feed.event_id), await stored(world)
            changes = await world.count("SELECT count(*) FROM price_history")
            late = prices("one", "1x2", "9.00", "9.00", "9.00")
            assert await feed.say(AT, late) == 0
            assert await feed.say(AT) == 0
            assert cells(world, feed.event_id) == before
            assert await stored(world) == rows
            assert await world.count("SELECT count(*) FROM price_history") == changes

    asyncio.run(story())


def test_an_equal_price_is_seen_again_and_not_changed(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world)
            await feed.say(AT, prices("one", "total 2.5", "1.90", "1.95"))
            assert await feed.say(AT + MINUTE, prices("one", "total 2.5", "1.90", "2.00")) == 1
            times = {
                price_e4: (boards.from_us(observed), boards.from_us(changed))
                for price_e4, _, observed, changed in cells(world, feed.event_id).values()
            }
            assert times == {19_000: (AT + MINUTE, AT), 20_000: (AT + MINUTE, AT + MINUTE)}
            changed = await stored(world, "SELECT price_e4, changed_at FROM price")
            assert changed == {19_000: AT, 20_000: AT + MINUTE}
            assert await world.count("SELECT count(*) FROM price_history") == 3

    asyncio.run(story())


def test_what_was_seen_already_changes_nothing_on_a_live_board(database_urls: Urls) -> None:
    """A letter that is taken twice opens nothing that was suspended between."""

    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world)
            said = prices("one", "1x2", "2.10", "3.40", "3.60")
            await feed.say(AT, said)
            events = world.hub.events
            async with world.worker.transaction(None) as conn:
                world.hub = await Hub.load_now(conn, [], AT)
            world.hub.events = dict(events)
            world.hub.expect({feed.event.provider: 1}, AT)
            async with world.worker.transaction(None) as conn:
                assert await world.hub.hush(conn, [feed.event.provider], AT + MINUTE) == 1
            assert await feed.say(AT, said) == 0
            open_now = (
                world.hub.board.open_count(),
                await world.count("SELECT count(*) FROM price WHERE state = 'open'"),
            )
            assert open_now == (0, 0)

    asyncio.run(story())


def test_the_same_batch_twice_adds_no_row(database_urls: Urls) -> None:
    tables = ("price", "price_history", "feed_batch", "source", "market", "selection", "edge")

    async def counts(world: World) -> list[int]:
        return [await world.count(f"SELECT count(*) FROM {table}") for table in tables]

    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world)
            said = [
                prices("one", "1x2", "2.10", "3.40", "3.60"),
                prices("two", "total 2.5", "2.10", "2.10"),
            ]
            await feed.say(AT, *said)
            before = await counts(world)
            assert await feed.say(AT, *said) == 0
            # A hub that knows nothing of it, as after a crash before the acknowledgement.
            await reload(world, AT - MINUTE)
            assert await feed.say(AT, *said) == 5
            assert await counts(world) == before

    asyncio.run(story())


def test_a_loaded_board_is_the_board_that_stood(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed, later = await feed_of(world), await feed_of(world, "E2", STARTS)
            stood: list[dict[tuple[str, UUID], tuple[int, ...]]] = []
            for n, said in enumerate(
                [
                    [prices("one", "1x2", "2.10", "3.40", "3.60")],
                    [
                        prices("one", "1x2", "2.10", "3.50", "3.60"),
                        prices("two", "1x2", "2.00", "3.00", "4.00", suspended=True),
                    ],
                    [prices("two", "1x2", "2.00", "3.00", "4.00")],
                    [prices("one", "1x2", "2.20", "3.30", "3.50")],
                ]
            ):
                await feed.say(AT + n * MINUTE, *said)
                await later.say(AT + n * MINUTE, prices("one", "total 2", "1.90", f"1.9{n}"))
                stood.append(cells(world, feed.event_id) | cells(world, later.event_id))
            for n, expected in enumerate(stood):
                await reload(world, AT + n * MINUTE)
                loaded = cells(world, feed.event_id) | cells(world, later.event_id)
                held = {key: value[:2] for key, value in expected.items()}
                assert {key: value[:2] for key, value in loaded.items()} == held
                open_cells = {key: value for key, value in expected.items() if value[1] != 3}
                # What a snapshot proved to be there still is seen at the snapshot.
                assert {key: loaded[key] for key in open_cells} == open_cells

    asyncio.run(story())


def test_what_has_started_is_not_loaded(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world, "E1", STARTS)
            await feed.say(AT, prices("one", "1x2", "2.10", "3.40", "3.60"))
            await reload(world, STARTS)
            assert world.hub.board.event_ids() == [feed.event_id]
            await reload(world, STARTS + MINUTE)
            assert world.hub.board.event_ids() == []

    asyncio.run(story())


async def closing(world: World, feed: Feed, lag_ms_max: int = 10**9) -> dict[str, tuple[int, int]]:
    async with world.worker.reading(None) as conn:
        found = await boards.closing(conn, [feed.event_id], "bookmaker", lag_ms_max)
    return {f"{c.source} {c.side}": (c.price_e4, c.lag_ms) for c in found}


def test_closing_prices_are_frozen_at_the_start_with_their_lag(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world, "E1", STARTS)
            one, two = (prices(key, "total 2.5", "1.90", "2.00") for key in ("one", "two"))
            early = prices("early", "total 2.5", "1.80", "2.10")
            await feed.say(STARTS - 120 * MINUTE, early, snapshot=False)
            await feed.say(STARTS - 30 * MINUTE, one, two, snapshot=False)
            moved = prices("two", "total 2.5", "1.85", "-")
            await feed.say(STARTS - timedelta(seconds=1), moved, snapshot=False)
            gone = prices("gone", "total 2.5", "1.99", "1.99", suspended=True)
            await feed.say(STARTS - timedelta(seconds=1), gone, snapshot=False)
            assert await feed.start(STARTS) == 1
            frozen = {
                "early over": (18_000, 7_200_000),
                "early under": (21_000, 7_200_000),
                "one over": (19_000, 1_800_000),
                "one under": (20_000, 1_800_000),
                "two over": (18_500, 1_000),
                "two under": (20_000, 1_800_000),
            }
            assert await closing(world, feed) == frozen
            recent = {key: value for key, value in frozen.items() if value[1] <= 3_600_000}
            assert await closing(world, feed, 3_600_000) == recent
            # What is said in play, and a second start, freeze nothing anew.
            await feed.say(STARTS + MINUTE, prices("one", "total 2.5", "5.00", "1.10"))
            assert await feed.start(STARTS) == 0
            assert await closing(world, feed) == frozen

    asyncio.run(story())


def test_history_of_each_month_has_its_room(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world, "E1", AT + timedelta(days=80))
            for n in range(4):
                said = prices("one", "total 2.5", f"1.9{n}", "2.00")
                await feed.say(AT + timedelta(days=20 * n), said)
            months = await stored(
                world, "SELECT tableoid::regclass::text, count(*) FROM price_history GROUP BY 1"
            )
            assert months == {
                "price_history_20260301_0000": 3,
                "price_history_20260401_0000": 1,
                "price_history_20260501_0000": 1,
            }

    asyncio.run(story())


def test_the_newer_of_two_rows_counts(database_urls: Urls) -> None:
    """A book that two providers deliver is one book, at what was seen of it last, side by side."""

    async def story() -> None:
        async with opened(database_urls) as world:
            feed, other = await feed_of(world), await feed_of(world, provider="elsewhere")
            await feed.say(AT, prices("one", "total 2.5", "1.90", "1.95"))
            await other.say(AT + MINUTE, prices("one", "total 2.5", "2.00", "-"))
            assert shown(world, feed)["total 2.5"] == {"one": {"over": "2.00", "under": "1.95"}}
            await feed.say(AT + 2 * MINUTE, prices("one", "total 2.5", "1.80", "2.05"))
            assert shown(world, feed)["total 2.5"] == {"one": {"over": "1.80", "under": "2.05"}}

    asyncio.run(story())


def test_of_two_batches_of_one_moment_the_last_counts(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world)
            batches = [
                FeedBatch(feed.event, AT, tuple(prices("one", "total 2.5", over, "2.00")))
                for over in ("1.80", "1.85")
            ]
            async with world.worker.transaction(None) as conn:
                await world.hub.prices(conn, batches, KINDS, AT)
            assert shown(world, feed)["total 2.5"]["one"]["over"] == "1.85"
            assert await world.count("SELECT count(*) FROM price_history") == 2

    asyncio.run(story())


def test_a_price_seen_in_play_is_no_closing_price(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world, "E1", STARTS)
            await feed.say(STARTS - MINUTE, prices("one", "total 2.5", "1.80", "2.00"))
            late = prices("two", "total 2.5", "1.10", "6.00")
            await feed.say(STARTS + MINUTE, prices("one", "total 2.5", "1.80", "2.00")[:1], late)
            await feed.start(STARTS)
            assert await world.count("SELECT count(*) FROM closing_price") == 0

    asyncio.run(story())


def test_a_source_that_falls_silent_is_suspended_until_it_says_the_whole(
    database_urls: Urls,
) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed, other = await feed_of(world), await feed_of(world, provider="elsewhere")
            one = prices("one", "1x2", "2.10", "3.40", "3.60")
            two = prices("two", "1x2", "2.05", "3.30", "3.50")
            second = timedelta(seconds=1)
            for n in range(20):
                await other.say(AT + n * second, two)
                if n < 5:
                    await feed.say(AT + n * second, one)
            board, last = world.hub.board, AT + 4 * second

            async def silent(at: datetime) -> tuple[UUID, ...]:
                async with world.worker.transaction(None) as conn:
                    return await boards.suspend_silent(conn, board, at)

            assert await silent(last + 14 * second) == ()
            assert await silent(last + 15 * second) == (feed.event_id,)
            assert set(shown(world, feed)["1x2"]) == {"two"}
            assert (await stored(world))["one home"] == "suspended 21000"
            # A change without the whole opens nothing, the whole does.
            moved = prices("one", "1x2", "2.12", "3.40", "3.60")
            await feed.say(last + 16 * second, moved[:1], snapshot=False)
            assert (await stored(world))["one home"] == "suspended 21200"
            await feed.say(last + 17 * second, moved)
            assert set(shown(world, feed)["1x2"]) == {"one", "two"}
            assert await silent(last + 18 * second) == ()

    asyncio.run(story())


def test_a_sign_of_life_without_prices_refreshes_nothing(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world)
            await feed.say(AT, prices("one", "1x2", "2.10", "3.40", "3.60"))
            before = cells(world, feed.event_id)
            heard_us = world.hub.board.pace.heard_us.tolist()
            await feed.say(AT + MINUTE, snapshot=False)
            assert cells(world, feed.event_id) == before
            assert world.hub.board.pace.heard_us.tolist() == heard_us

    asyncio.run(story())
