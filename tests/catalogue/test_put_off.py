"""A start that has passed: who may say that it is ahead again, and what that means for bets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import pytest

from overround.db.logins import Role
from overround.odds import catalogue
from overround.odds.feeds import FeedBatch, FeedScore
from overround.roles.archive import importer
from tests.odds_store.feed import KINDS, Feed, feed_of, laid, prices, reload
from tests.stories.world import AT, Pick, World, opened

Urls = Mapping[Role, str]

HOUR: Final = timedelta(hours=1)
MINUTE: Final = timedelta(minutes=1)
DOUBTED: Final = "SELECT count(*) FROM quarantine WHERE reason = 'start_after_it_began'"
HOME: Final = Pick("E1", "1x2", "home")
QUOTED: Final = ("2.00", "3.50", "4.00")


async def says_start(world: World, feed: Feed, starts_at: datetime, at: datetime) -> None:
    """The feed names its event again, with that start."""
    async with world.worker.transaction(None) as conn:
        await world.hub.know(conn, [replace(feed.event, starts_at=starts_at)], at)


async def begun(world: World) -> tuple[Feed, Feed, datetime]:
    """An event that two providers name, with a bet open on it; its start has come."""
    await world.tenant("acme", margin_bps=0)
    await reload(world, AT, "acme")
    await world.player("ann", cash_minor=100_00)
    feed, other = await feed_of(world), await feed_of(world, provider="elsewhere")
    starts_at = feed.event.starts_at
    world.at = starts_at - HOUR
    await feed.say(world.at, prices("book", "1x2", *QUOTED))
    assert await bet(world) == "accepted"
    world.at = starts_at
    await feed.start(starts_at)
    return feed, other, starts_at


async def bet(world: World) -> str:
    """Ann bets on the home side at what is laid: accepted, or the refusal."""
    selection_id = await world.selection(HOME)
    (decision,) = await world.place([world.slip("ann", 1_00, [(selection_id, 20_000)])])
    return decision.refusal or "accepted"


async def stands(world: World, feed: Feed) -> tuple[str, datetime]:
    """The event's status and start."""
    async with world.worker.reading(None) as conn:
        event = (await catalogue.events_by_id(conn, [feed.event_id]))[feed.event_id]
    return event.status, event.starts_at


async def stays_shut(world: World, feed: Feed, starts_at: datetime) -> None:
    """It is in play for everybody: no row is open, no bet is taken, though prices come."""
    await feed.say(world.at, prices("book", "1x2", "2.10", "3.40", "3.80"))
    assert await stands(world, feed) == ("live", starts_at)
    assert {state for _, state in (await laid(world, feed)).values()} == {"closed"}
    assert await bet(world) == "event_started"


def test_one_word_opens_no_match_that_has_begun(database_urls: Urls) -> None:
    """A stranger's word, the owner's, the owner's again: nothing opens, the word is kept, and the
    bet that was open is settled by the result."""

    async def story() -> None:
        async with opened(database_urls) as world:
            feed, other, starts_at = await begun(world)
            world.at = starts_at + HOUR
            for who in (other, other):
                await says_start(world, who, starts_at + 30 * HOUR, world.at)
            for _ in range(2):
                await says_start(world, feed, starts_at + 24 * HOUR, world.at)
            assert await world.count(DOUBTED) == 1
            await stays_shut(world, feed, starts_at)
            # A hub that starts anew believes no more.
            await reload(world, world.at, "acme")
            await stays_shut(world, feed, starts_at)
            await world.result("E1", {"ft": (1, 0)})
            assert await world.settle() == 1
            assert (await world.balance("ann")).cash_minor == 101_06

    asyncio.run(story())


def test_a_start_that_passed_unseen_is_not_moved_by_one_word(database_urls: Urls) -> None:
    """The clock counts, and not whether the hub has marked the start yet."""

    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world)
            starts_at = feed.event.starts_at
            await says_start(world, feed, starts_at + HOUR, starts_at)
            assert await stands(world, feed) == ("scheduled", starts_at)
            assert await world.count(DOUBTED) == 1

    asyncio.run(story())


@pytest.mark.parametrize("owner_first", [True, False], ids=["its own first", "the other first"])
def test_what_two_providers_put_off_is_ahead_again(database_urls: Urls, owner_first: bool) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed, other, starts_at = await begun(world)
            world.at = starts_at + 10 * MINUTE
            later = starts_at + 24 * HOUR
            words = [(feed, later), (other, later + 5 * MINUTE)]
            for n, (who, said) in enumerate(words if owner_first else reversed(words)):
                assert await stands(world, feed) == ("live", starts_at), n
                await says_start(world, who, said, world.at)
            assert await stands(world, feed) == ("scheduled", later)
            assert world.hub.events[other.key].starts_at == later
            feed.event = replace(feed.event, starts_at=later)
            await feed.say(world.at, prices("book", "1x2", *QUOTED))
            assert await bet(world) == "accepted"
            # The bet from before stands beside it, and one result settles both.
            world.at = later
            await feed.start(later)
            assert await bet(world) == "event_started"
            await world.result("E1", {"ft": (1, 0)})
            assert await world.settle() == 2

    asyncio.run(story())


async def quotes_in_play(world: World, feed: Feed) -> None:
    said = FeedBatch(
        feed.event, world.at, tuple(prices("book", "1x2", "1.50", "4.00", "7.00")), phase="live"
    )
    async with world.worker.transaction(None) as conn:
        await world.hub.prices(conn, [said], KINDS, world.at)


async def tells_the_score(world: World, feed: Feed) -> None:
    said = FeedScore(*feed.key, "12'", {"ft": (0, 1)}, world.at)
    async with world.worker.transaction(None) as conn:
        await world.hub.scores(conn, [said], world.at)


@pytest.mark.parametrize("shows", [quotes_in_play, tells_the_score])
def test_what_is_being_played_is_not_put_off_by_one_word(
    database_urls: Urls, shows: Callable[[World, Feed], Awaitable[None]]
) -> None:
    """Nor by two: a price in play or a score says that it is on."""

    async def story() -> None:
        async with opened(database_urls) as world:
            feed, other, starts_at = await begun(world)
            world.at = starts_at + 12 * MINUTE
            await shows(world, other)
            for who in (feed, other, feed):
                await says_start(world, who, starts_at + 24 * HOUR, world.at)
            assert await world.count(DOUBTED) == 1
            await stays_shut(world, feed, starts_at)

    asyncio.run(story())


@pytest.mark.parametrize("by_person", [False, True], ids=["a feed", "a person"])
def test_what_was_recorded_as_put_off_takes_its_new_start(
    database_urls: Urls, by_person: bool
) -> None:
    """A `postponed` result opens nothing; the next word of its own provider says the new start."""

    async def story() -> None:
        async with opened(database_urls) as world:
            feed, other, starts_at = await begun(world)
            world.at = starts_at + 12 * MINUTE
            await tells_the_score(world, other)
            later = starts_at + 24 * HOUR
            await says_start(world, feed, later, world.at)
            if by_person:
                await importer.enter_result(
                    world.worker, feed.event_id, status="postponed", scores={},
                    entered_by="a clerk", at=world.at,
                )  # fmt: skip
            else:
                await world.result("E1", {}, "postponed")
            assert await stands(world, feed) == ("postponed", starts_at)
            assert await bet(world) == "event_started"
            await says_start(world, other, later, world.at)
            assert await stands(world, feed) == ("postponed", starts_at)
            await says_start(world, feed, later, world.at)
            assert await stands(world, feed) == ("scheduled", later)

    asyncio.run(story())


def test_what_was_broken_off_does_not_open_by_a_new_start(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed, other, starts_at = await begun(world)
            world.at = starts_at + HOUR
            await world.result("E1", {"ft": (1, 0)}, "abandoned")
            for who in (feed, other, feed):
                await says_start(world, who, starts_at + 24 * HOUR, world.at)
            assert await stands(world, feed) == ("abandoned", starts_at)

    asyncio.run(story())
