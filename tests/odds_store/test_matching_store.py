"""Decided once and kept: their events, ours, the other way round, and those that wait."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from overround.db.logins import Role
from overround.odds import catalogue, matching
from overround.odds.feeds import FeedEvent, FeedResult
from tests.odds_store.feed import Feed, feed_of, prices, shown
from tests.stories.world import AT, World, opened

Urls = Mapping[Role, str]


async def know(world: World, event: FeedEvent) -> None:
    async with world.worker.transaction(None) as conn:
        await world.hub.know(conn, [event], AT)


async def queued(world: World) -> list[tuple[str, str, str]]:
    async with world.worker.reading(None) as conn:
        found = await matching.waiting_page(conn, None, (AT - timedelta(days=9), "", ""), 100)
    return [(one.provider, one.provider_event_id, one.reason) for one in found]


async def stand(world: World, provider: str, standing: matching.Standing) -> None:
    async with world.worker.transaction(None) as conn:
        await matching.set_standing(conn, provider, standing)


def reversed_event(event: FeedEvent) -> FeedEvent:
    """The same match as a provider names it that lists the away side first."""
    return replace(
        event, provider="elsewhere", provider_event_id="r1", home=event.away, away=event.home
    )


def test_an_event_is_made_once_and_known_again(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world)
            other = await feed_of(world, provider="elsewhere")
            assert other.event_id == feed.event_id
            world.hub.events.clear()
            await know(world, feed.event)
            assert await world.count("SELECT count(*) FROM event") == 1
            assert await world.count("SELECT count(*) FROM feed_event") == 2
            assert await world.count("SELECT count(*) FROM participant") == 2
            # Moved by a day, its own provider's id still says which it is.
            event_id = feed.event_id
            moved = replace(feed.event, starts_at=feed.event.starts_at + timedelta(days=9))
            world.hub.events.clear()
            await know(world, moved)
            assert feed.event_id == event_id
            assert await world.count("SELECT count(*) FROM event") == 1

    asyncio.run(story())


def test_a_reversed_event_has_its_prices_mirrored(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world)
            event = reversed_event(feed.event)
            await know(world, event)
            theirs = Feed(world, event)
            resolved = world.hub.events[theirs.key]
            assert (resolved.event_id, resolved.swapped) == (feed.event_id, True)
            await theirs.say(
                AT,
                prices("two", "1x2", "4.00", "3.50", "1.80"),
                prices("two", "asian_handicap -0.25", "2.10", "1.75"),
                prices("two", "total 2.5", "1.90", "1.95"),
            )
            assert shown(world, feed) == {
                "1x2": {"two": {"home": "1.80", "draw": "3.50", "away": "4.00"}},
                "asian_handicap 0.25": {"two": {"home": "1.75", "away": "2.10"}},
                "total 2.5": {"two": {"over": "1.90", "under": "1.95"}},
            }

    asyncio.run(story())


def test_a_reversed_result_is_turned_round(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world)
            event = reversed_event(feed.event)
            await know(world, event)
            said = FeedResult("elsewhere", "r1", "finished", {"ht": (0, 1), "ft": (1, 2)}, AT)
            async with world.worker.transaction(None) as conn:
                assert await world.hub.results(conn, [said], [], AT) == 1
                known = await catalogue.results_known(conn, [feed.event_id], AT)
            assert known[feed.event_id].scores == {"ht": [1, 0], "ft": [2, 1]}
            ours = FeedResult(*feed.key, "finished", {"ht": (1, 0), "ft": (2, 1)}, AT)
            async with world.worker.transaction(None) as conn:
                assert await world.hub.results(conn, [ours], [], AT) == 0

    asyncio.run(story())


def test_a_stranger_waits_for_a_person_and_its_prices_stay_off(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await feed_of(world)
            await stand(world, "elsewhere", "follower")
            stranger = replace(
                world.fixture("E1"),
                provider="elsewhere",
                provider_event_id="x1",
                home="Quixotic Nomads",
                away="Zephyr Pilots",
            )
            await know(world, stranger)
            feed = Feed(world, stranger)
            assert feed.key not in world.hub.events
            assert await feed.say(AT, prices("two", "1x2", "4.00", "3.50", "1.80")) == 0
            assert await world.count("SELECT count(*) FROM price") == 0
            assert await world.count("SELECT count(*) FROM event") == 1
            assert [(p, i) for p, i, _ in await queued(world)] == [("elsewhere", "x1")]
            await know(world, stranger)
            assert len(await queued(world)) == 1

    asyncio.run(story())


def test_what_was_decided_stays_decided(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world)
            other = await feed_of(world, provider="elsewhere")
            event_id = feed.event_id
            world.hub.events.clear()
            # The provider's id is the decision: other names under it change nothing.
            renamed = replace(other.event, home="Quixotic Nomads", away="Zephyr Pilots")
            await know(world, renamed)
            assert other.event_id == event_id
            assert await queued(world) == []

    asyncio.run(story())


def test_a_double_header_is_two_events(database_urls: Urls) -> None:
    """One provider names two games of the same teams on one day: neither is the other."""

    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world)
            first = replace(feed.event, provider="elsewhere", provider_event_id="game 1")
            second = replace(
                first, provider_event_id="game 2", starts_at=first.starts_at + timedelta(hours=4)
            )
            async with world.worker.transaction(None) as conn:
                await world.hub.know(conn, [first, second], AT)
            known = world.hub.events
            assert known["elsewhere", "game 1"].event_id == feed.event_id
            assert ("elsewhere", "game 2") not in known
            assert [waiting[1] for waiting in await queued(world)] == ["game 2"]
            # Ten minutes apart nobody can say which of the two the one of ours is.
            near = [
                replace(first, provider="third", provider_event_id=f"near {minutes}",
                        starts_at=first.starts_at + timedelta(minutes=minutes))
                for minutes in (0, 10)
            ]  # fmt: skip
            async with world.worker.transaction(None) as conn:
                await world.hub.know(conn, near, AT)
            assert not {event.key for event in near} & known.keys()

    asyncio.run(story())
