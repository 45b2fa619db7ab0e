"""How long the history of prices is kept: by age, by weight, and what leaves with it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from overround.core import ids
from overround.db.logins import Role
from overround.odds import board as boards
from overround.odds import catalogue
from overround.odds.board import Keeping, jobs, retention, store
from overround.odds.board.model import RefusedPrice
from overround.odds.board.retention import HOUR, Piece
from overround.odds.catalogue import Quarantined
from overround.odds.feeds import FeedBatch
from tests.odds_store.feed import KINDS, feed_of, prices
from tests.stories.world import AT, World, opened

Urls = Mapping[Role, str]

DAY = timedelta(days=1)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
KEEPING = Keeping(days=90, bytes_max=1_600)


def hour(n: int, size_bytes: int, hours: int = 1) -> Piece:
    """A piece that begins `n` hours after midnight and was made when it began."""
    begins = MIDNIGHT + n * HOUR
    return Piece(begins, begins + hours * HOUR, begins, size_bytes)


# -- which pieces leave ----------------------------------------------------------------------------


def test_what_is_older_than_its_days_leaves() -> None:
    pieces = [hour(0, 1), hour(1, 1), hour(2, 1)]
    assert retention.outlived(pieces, KEEPING, MIDNIGHT + HOUR + 90 * DAY) == [pieces[0]]
    assert retention.outlived(pieces, KEEPING, MIDNIGHT + 89 * DAY) == []


def test_an_archive_grows_old_from_the_day_it_was_read_in() -> None:
    archive = Piece(MIDNIGHT - 900 * DAY, MIDNIGHT - 870 * DAY, MIDNIGHT, 1)
    assert retention.outlived([archive], KEEPING, MIDNIGHT + 89 * DAY) == []
    assert retention.outlived([archive], KEEPING, MIDNIGHT + 91 * DAY) == [archive]


def test_what_weighs_too_much_leaves_from_the_oldest() -> None:
    pieces = [hour(n, 500) for n in range(5)]
    assert retention.outlived(pieces, KEEPING, MIDNIGHT + 6 * HOUR) == pieces[:2]


def test_what_is_written_to_now_is_kept_whatever_it_weighs() -> None:
    pieces = [hour(0, 9_000), hour(1, 9_000), hour(2, 9_000)]
    assert retention.outlived(pieces, KEEPING, MIDNIGHT + 2 * HOUR + HOUR / 2) == [pieces[0]]


# -- which piece is made ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("an_hour_bytes", "hours"), [(4, 24), (5, 6), (16, 6), (17, 1), (1_000, 1)]
)
def test_a_busy_house_has_short_pieces(an_hour_bytes: int, hours: int) -> None:
    """A piece weighs a sixteenth of what may be kept at most, and ends with its slot of the day."""
    pieces = [hour(3, an_hour_bytes), hour(4, an_hour_bytes), hour(5, 0)]
    made = retention.next_piece(pieces, KEEPING, MIDNIGHT + 5 * HOUR + HOUR / 2)
    ends = {24: 24, 6: 12, 1: 7}[hours]
    assert made == (MIDNIGHT + 6 * HOUR, MIDNIGHT + ends * HOUR)


def test_nothing_is_made_where_there_is_room_or_nothing_comes() -> None:
    assert retention.next_piece([], KEEPING, MIDNIGHT) is None
    assert retention.next_piece([hour(0, 1)], KEEPING, MIDNIGHT + 2 * DAY) is None
    assert retention.next_piece([hour(0, 1, hours=6)], KEEPING, MIDNIGHT + HOUR) is None


# -- on a database ---------------------------------------------------------------------------------


async def pieces_of(world: World) -> list[Piece]:
    async with world.worker.reading(None) as conn:
        return await store.pieces(conn)


async def run(world: World, at: datetime, **keeping: Any) -> int:
    return await jobs.run_once(world.worker, Keeping(**keeping), at)


def test_the_history_finds_room_between_its_neighbours(database_urls: Urls) -> None:
    """An hour of its own first, the rest of the month around it: no two pieces overlap."""

    async def story() -> None:
        async with opened(database_urls) as world:
            noon = datetime(2026, 3, 5, 12, tzinfo=UTC)
            async with world.worker.transaction(None) as conn:
                assert await store.make_piece(conn, noon, noon + HOUR)
                await store.make_room(conn, [noon, noon - HOUR, noon + 5 * HOUR])
            month = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
            spans = [(piece.from_at, piece.until_at) for piece in await pieces_of(world)]
            assert spans == [(month[0], noon), (noon, noon + HOUR), (noon + HOUR, month[1])]

    asyncio.run(story())


def test_what_goes_on_now_gets_an_hour(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            later = datetime(2100, 1, 1, 12, 34, tzinfo=UTC)
            async with world.worker.transaction(None) as conn:
                await store.make_room(conn, [later])
            (piece,) = await pieces_of(world)
            assert piece.until_at - piece.from_at == HOUR
            assert await run(world, later) == 1
            _, ahead = await pieces_of(world)
            assert (ahead.from_at, ahead.until_at) == (
                piece.until_at,
                later.replace(day=2, hour=0, minute=0),
            )
            assert await run(world, later) == 0

    asyncio.run(story())


def test_two_that_make_room_at_once_make_one_piece(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:

            async def make() -> None:
                async with world.worker.transaction(None) as conn:
                    await store.make_room(conn, [AT, AT + 40 * DAY])

            await asyncio.gather(make(), make(), make())
            assert len(await pieces_of(world)) == 2

    asyncio.run(story())


def test_what_was_dropped_can_be_imported_again(database_urls: Urls) -> None:
    """The history of an old month leaves with its batches; closing and current prices stay."""

    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world, "E1", AT + DAY)
            batch = FeedBatch(feed.event, AT, tuple(prices("one", "total 2.5", "1.90", "2.00")))
            counted = "SELECT count(*) FROM price_history"

            async def take() -> None:
                async with world.worker.transaction(None) as conn:
                    await boards.take(
                        conn, boards.Board(), [batch], world.hub.events, KINDS, batch.observed_at
                    )

            await feed.say(AT, batch.prices)
            await feed.start(AT + DAY)
            (piece,) = await pieces_of(world)
            old = piece.age_from + 91 * DAY
            # Nothing of an event that is ahead or on is forgotten but its history.
            assert await run(world, old) == 1
            assert await world.count(counted) == 0
            assert await world.count("SELECT count(*) FROM feed_batch") == 1
            assert await world.count("SELECT count(*) FROM closing_price") == 2
            assert await world.count("SELECT count(*) FROM price") == 2
            async with world.worker.transaction(None) as conn:
                await conn.execute(
                    "UPDATE event SET status = 'ended', changed_by = 'test', changed_at = now()"
                )
                await store.make_room(conn, [AT])
            assert await run(world, old) == 2
            await take()
            assert await world.count(counted) == 2

    asyncio.run(story())


def test_a_history_that_is_being_read_is_dropped_later(database_urls: Urls) -> None:
    """A long reader (a backup, say) keeps the hub waiting for half a second and no longer."""

    async def story() -> None:
        async with opened(database_urls) as world:
            async with world.worker.transaction(None) as conn:
                await store.make_room(conn, [AT])
            (piece,) = await pieces_of(world)
            old = piece.age_from + 91 * DAY
            async with world.worker.reading(None) as reader:
                await reader.execute("SELECT count(*) FROM price_history")
                with pytest.raises(psycopg.errors.LockNotAvailable):
                    await run(world, old)
            assert await run(world, old) == 1
            assert await pieces_of(world) == []

    asyncio.run(story())


def test_what_was_refused_is_forgotten(database_urls: Urls) -> None:
    """A month after it was recorded, whenever its prices were said to have been seen."""

    async def story() -> None:
        async with opened(database_urls) as world:
            async with world.worker.transaction(None) as conn:
                refused = RefusedPrice(1, ids.derived(AT, "side"), "x", 5, None, False, AT)
                await store.keep_refused(conn, [(ids.derived(AT, "batch"), refused)], AT)
                one = Quarantined("generic", "a body", "x", "row 1", "")
                assert await catalogue.quarantine(conn, [one]) == 1
            now = datetime.now(UTC)
            kept = Keeping(refused_days=30)
            assert await jobs.run_once(world.worker, kept, now + 29 * DAY) == 0
            assert await jobs.run_once(world.worker, kept, now + 31 * DAY) == 2
            assert await world.count("SELECT count(*) FROM price_refused") == 0
            assert await world.count("SELECT count(*) FROM quarantine") == 0

    asyncio.run(story())


def test_letters_that_were_taken_are_forgotten(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            for n, name in enumerate(("taken", "waiting")):
                async with world.worker.transaction(None) as conn:
                    letter = ids.derived(AT, name)
                    await boards.hand_over(conn, letter, "generic", name, b"{}", AT)
                    if n == 0:
                        await boards.taken(conn, letter, {"prices": 1}, None, AT)
            assert await run(world, AT + 6 * DAY) == 0
            assert await run(world, AT + 7 * DAY + HOUR) == 1
            assert await world.count("SELECT count(*) FROM inbox") == 1

    asyncio.run(story())
