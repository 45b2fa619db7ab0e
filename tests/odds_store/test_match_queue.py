"""What a person decides about a match, on a real database and in a hub that runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from overround.core import price
from overround.core.errors import Conflict, Invalid, NotFound
from overround.db.logins import Role
from overround.odds.feeds import FeedBatch, FeedEvent
from overround.roles.hub import matches
from tests.odds_store.feed import Feed, feed_of, laid, prices, reload, shown
from tests.stories.world import AT, World, opened

Urls = Mapping[Role, str]

SECOND = timedelta(seconds=1)
KEY = ("elsewhere", "x1")


async def know(world: World, *events: FeedEvent) -> None:
    async with world.worker.transaction(None) as conn:
        await world.hub.know(conn, list(events), AT)


async def heed(world: World) -> int:
    async with world.worker.transaction(None) as conn:
        return await world.hub.heed(conn, AT + SECOND)


async def waits(world: World) -> list[tuple[str, str]]:
    found = await matches.waiting(world.worker, None, 100)
    return [(one.provider_event_id, one.reason) for one, _ in found]


def other(feed: Feed, home: str, away: str, *, key: tuple[str, str] = KEY) -> FeedEvent:
    """The same match under another provider's names."""
    return replace(feed.event, provider=key[0], provider_event_id=key[1], home=home, away=away)


async def follower(world: World, provider: str) -> None:
    async with world.worker.transaction(None) as conn:
        await matches.matching.set_standing(conn, provider, "follower")


async def history(world: World, event_id: UUID, source: str) -> list[str]:
    """The prices that a source ever quoted on an event, oldest first."""
    async with world.worker.reading(None) as conn:
        rows = await (
            await conn.execute(
                "SELECT h.price_e4 FROM price_history h JOIN source o ON o.id = h.source_id"
                " JOIN selection s ON s.id = h.selection_id"
                " WHERE s.event_id = %s AND o.key = %s AND s.side = 'over'"
                " ORDER BY h.observed_at",
                [event_id, source],
            )
        ).fetchall()
    return [price.to_text(row[0]) for row in rows]


async def until_somebody_waits(world: World) -> None:
    """Return when a transaction of this database waits for an advisory lock."""
    waiting = (
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory' AND database ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    async with asyncio.timeout(30):
        while not await world.count(waiting):
            pass


def test_a_confirmed_match_is_learnt_and_its_prices_come(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world)
            await follower(world, "elsewhere")
            stranger = other(feed, "Quixotic Nomads", "Zephyr Pilots")
            await know(world, stranger)
            assert await waits(world) == [("x1", "no_candidate")]
            placed = await matches.confirm(world.worker, KEY, feed.event_id, "ann", AT)
            assert (placed.event_id, placed.swapped) == (feed.event_id, False)
            assert await waits(world) == []
            assert await heed(world) == 1
            assert world.hub.events[KEY].event_id == feed.event_id
            # A third provider that spells them so needs nobody any more.
            third = other(feed, "Quixotic Nomads", "Zephyr Pilots", key=("third", "t1"))
            await know(world, third)
            assert world.hub.events[third.key].event_id == feed.event_id

    asyncio.run(story())


def test_an_unmatched_event_takes_its_prices_along_and_brings_them_back(
    database_urls: Urls,
) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await world.tenant("acme", margin_bps=0)
            feed, wrong = await feed_of(world), await feed_of(world, provider="elsewhere")
            right = await feed_of(world, "E2")
            await reload(world, AT, "acme")
            await wrong.say(AT, prices("two", "total 2.5", "2.00", "2.00"))
            await wrong.say(AT + SECOND, prices("two", "total 2.5", "2.10", "1.90"))
            assert (await laid(world, feed))["total 2.5 over"][1] == "open"
            placed = await matches.unmatch(world.worker, wrong.key, "ann", AT + SECOND)
            assert (placed.event_before, placed.event_id) == (feed.event_id, None)
            assert await heed(world) == 1
            # An offer without prices is suspended, and the event has no history of theirs.
            assert (await laid(world, feed))["total 2.5 over"][1] == "suspended"
            assert await history(world, feed.event_id, "two") == []
            assert wrong.key not in world.hub.events
            # They never match again by themselves.
            await know(world, wrong.event)
            assert wrong.key not in world.hub.events
            placed = await matches.confirm(
                world.worker, wrong.key, right.event_id, "ann", AT, swapped=False
            )
            assert placed.prices >= 6
            await heed(world)
            assert await history(world, right.event_id, "two") == ["2.00", "2.10"]
            assert shown(world, right) == {"total 2.5": {"two": {"over": "2.10", "under": "1.90"}}}
            assert (await laid(world, right))["total 2.5 over"][1] == "open"

    asyncio.run(story())


def test_sides_that_were_taken_wrongly_change_places(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed, wrong = await feed_of(world), await feed_of(world, provider="elsewhere")
            await wrong.say(AT, prices("two", "1x2", "4.00", "3.50", "1.80"))
            placed = await matches.confirm(
                world.worker, wrong.key, feed.event_id, "ann", AT, swapped=True
            )
            assert placed.swapped
            await heed(world)
            assert shown(world, feed)["1x2"]["two"] == {
                "home": "1.80",
                "draw": "3.50",
                "away": "4.00",
            }

    asyncio.run(story())


def test_what_was_rejected_is_decided_without_it(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world)
            await follower(world, "elsewhere")
            stranger = other(feed, feed.event.home, "Zephyr Pilots")
            await know(world, stranger)
            [(_, reason)] = await waits(world)
            assert reason == "weak_names" or reason == "no_candidate"
            refused = await matches.reject(world.worker, KEY, feed.event_id, "ann", AT)
            assert refused == [feed.event_id]
            with pytest.raises(Invalid):
                await matches.reject(world.worker, KEY, None, "ann", AT)
            assert await matches.rematch(world.worker, None, AT) == (1, [])
            placed = await matches.new(world.worker, KEY, "ann", AT)
            assert placed.event_id not in (None, feed.event_id)
            assert await world.count("SELECT count(*) FROM event") == 2
            with pytest.raises(NotFound):
                await matches.new(world.worker, KEY, "ann", AT)

    asyncio.run(story())


def test_one_provider_does_not_name_one_event_twice(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world)
            await follower(world, "elsewhere")
            await feed_of(world, provider="elsewhere")
            stranger = other(feed, "Quixotic Nomads", "Zephyr Pilots")
            await know(world, stranger)
            with pytest.raises(Conflict) as refused:
                await matches.confirm(world.worker, KEY, feed.event_id, "ann", AT)
            assert refused.value.code == "named_already"
            with pytest.raises(NotFound):
                await matches.unmatch(world.worker, ("elsewhere", "nobody"), "ann", AT)

    asyncio.run(story())


def test_a_decision_waits_for_the_tick_of_the_hub(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed, wrong = await feed_of(world), await feed_of(world, provider="elsewhere")
            await wrong.say(AT, prices("two", "total 2.5", "2.00", "2.00"))
            async with world.worker.transaction(None) as conn:
                await world.hub.heed(conn, AT)
                deciding = asyncio.create_task(matches.unmatch(world.worker, wrong.key, "ann", AT))
                await until_somebody_waits(world)
                # What the tick still writes by what it believed is moved by the decision.
                batch = FeedBatch(
                    wrong.event, AT + SECOND, tuple(prices("two", "total 2.5", "2.10", "1.90"))
                )
                await world.hub.prices(conn, [batch], {}, AT + SECOND)
                assert not deciding.done()
            await deciding
            assert await history(world, feed.event_id, "two") == []

    asyncio.run(story())


def test_a_spelling_is_learnt_when_three_matches_agree(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            learnt = "SELECT count(*) FROM alias WHERE decided_by = 'matcher'"
            base = world.fixture("E1")
            for week in range(3):
                starts_at = AT + timedelta(days=7 * week + 1)
                ours = replace(
                    base, provider_event_id=f"w{week}", starts_at=starts_at, home="Ash Rovers",
                    away=f"Birch Albion {week}",
                )  # fmt: skip
                theirs = replace(
                    ours, provider="elsewhere", provider_event_id=f"t{week}", home="Ash"
                )
                await know(world, ours)
                await know(world, theirs)
                assert world.hub.events[theirs.key].event_id == world.hub.events[ours.key].event_id
                assert await world.count(learnt) == (1 if week == 2 else 0)
            await matches.unmatch(world.worker, ("elsewhere", "t1"), "ann", AT)
            assert await world.count(learnt) == 0

    asyncio.run(story())


def test_the_same_teams_nearby_are_doubted(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world)
            later = replace(
                feed.event,
                provider="elsewhere",
                provider_event_id="x1",
                competition_key="cup",
                competition_name="National Cup",
                starts_at=feed.event.starts_at + timedelta(days=2),
            )
            await know(world, later)
            assert await waits(world) == [("x1", "same_teams")]
            # A month later it is the other match.
            month = replace(
                later, provider_event_id="x2", starts_at=later.starts_at + timedelta(days=30)
            )
            await know(world, month)
            assert month.key in world.hub.events

    asyncio.run(story())


def test_a_provider_alone_fills_an_empty_catalogue(database_urls: Urls) -> None:
    """Nobody has to be an authority: what is nowhere enters by whoever names it first."""

    async def story() -> None:
        async with opened(database_urls) as world:
            events = [replace(world.fixture(f"E{n}"), provider="the_odds_api") for n in range(1, 9)]
            await know(world, *events)
            assert all(event.key in world.hub.events for event in events)
            assert await waits(world) == []

    asyncio.run(story())
