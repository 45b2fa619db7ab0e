"""An event's life: what it may become, who moves its start, and what is remembered of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from psycopg.errors import ForeignKeyViolation

from overround.db.logins import Role
from overround.odds import catalogue
from overround.odds.catalogue import Certainty
from tests.odds_store.feed import Feed, feed_of
from tests.stories.world import AT, World, opened

Urls = Mapping[Role, str]

HOUR = timedelta(hours=1)


async def says_start(world: World, feed: Feed, starts_at: datetime, at: datetime = AT) -> None:
    """The feed names its event again, with that start."""
    async with world.worker.transaction(None) as conn:
        await world.hub.know(conn, [replace(feed.event, starts_at=starts_at)], at)


async def life(world: World, feed: Feed) -> list[tuple[str | None, datetime | None, str]]:
    """(status, start, by whom) of each change."""
    async with world.worker.reading(None) as conn:
        changes = await catalogue.changes_of(conn, feed.event_id)
    return [(one.status_after, one.starts_after, one.changed_by) for one in changes]


async def event_of(world: World, feed: Feed) -> catalogue.Event:
    async with world.worker.reading(None) as conn:
        return (await catalogue.events_by_id(conn, [feed.event_id]))[feed.event_id]


def test_a_start_moves_by_the_word_of_its_own_provider(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed, other = await feed_of(world), await feed_of(world, provider="elsewhere")
            before = feed.event.starts_at
            await says_start(world, other, before + HOUR)
            assert (await event_of(world, feed)).starts_at == before
            await says_start(world, feed, before + HOUR)
            assert (await event_of(world, feed)).starts_at == before + HOUR
            # Whoever else names it is told too.
            assert world.hub.events[other.key].starts_at == before + HOUR
            assert await life(world, feed) == [(None, before + HOUR, "football_data")]

    asyncio.run(story())


def test_a_start_is_not_moved_into_the_past(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world)
            before = feed.event.starts_at
            await says_start(world, feed, AT - HOUR)
            assert (await event_of(world, feed)).starts_at == before
            reason = "SELECT count(*) FROM quarantine WHERE reason = 'start_in_the_past'"
            assert await world.count(reason) == 1

    asyncio.run(story())


def test_what_was_put_off_is_ahead_again(database_urls: Urls) -> None:
    """Not by one word (tests/catalogue/test_put_off.py); a recorded one is in its history too."""

    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world)
            starts_at = feed.event.starts_at
            await feed.start(starts_at)
            await world.result("E1", {}, "postponed")
            await says_start(world, feed, starts_at + 24 * HOUR, at=starts_at + HOUR)
            event = await event_of(world, feed)
            assert (event.status, event.closed_at) == ("scheduled", None)
            changes = [status for status, _, _ in await life(world, feed)]
            assert changes == ["live", "postponed", "scheduled"]

    asyncio.run(story())


def test_what_has_ended_does_not_begin_again(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await world.tenant("acme")
            event_id = await world.event("E1")
            await world.result("E1", {"ft": (1, 0)})
            feed = Feed(world, world.fixture("E1"))
            await says_start(world, feed, feed.event.starts_at + 24 * HOUR)
            assert (await event_of(world, feed)).status == "ended"
            refused = ""
            try:
                async with world.worker.transaction(None) as conn:
                    await conn.execute(
                        "UPDATE event SET status = 'live', changed_by = 'a test', changed_at = %s"
                        " WHERE id = %s",
                        [AT, event_id],
                    )
            except ForeignKeyViolation as error:
                refused = error.diag.constraint_name or ""
            assert refused == "event_change_allowed"

    asyncio.run(story())


def test_what_was_only_seen_gives_way_to_what_is_confirmed(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            event_id = await world.event("E1")

            async def said(home: int, certainty: Certainty, minutes: int) -> int | None:
                one = catalogue.Happened(
                    event_id, "finished", {"ft": (home, 0)}, "a feed",
                    AT + timedelta(minutes=minutes), certainty=certainty,
                )  # fmt: skip
                async with world.worker.transaction(None) as conn:
                    return (await catalogue.record_results(conn, [one])).get(event_id)

            assert await said(1, "seen", 0) == 1
            assert await said(1, "seen", 1) is None
            # The same score, now confirmed, is a word of its own.
            assert await said(1, "confirmed", 2) == 2
            # And what somebody saw later does not shake it.
            assert await said(2, "seen", 3) is None
            assert await said(2, "confirmed", 4) == 3

    asyncio.run(story())
