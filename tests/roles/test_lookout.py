"""What was touched is looked at behind the tick: who goes first, and who waits for how long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from overround.core import ids
from overround.core.clock import SetClock
from overround.db import lease as leases
from overround.db.logins import Role
from overround.odds import edges
from overround.odds.board import Board, SourceKind
from overround.odds.edges import Found
from overround.odds.feeds import FeedBatch, FeedEvent, Said
from overround.roles.attach import Endpoints
from overround.roles.hub import lookout as looking
from overround.roles.hub import writer as hubs
from overround.roles.hub.live import Live
from overround.roles.hub.lookout import Lookout
from overround.roles.hub.workers import Desk
from overround.storefront import Publisher, Shown
from tests.edges.board_of import AT as NOON
from tests.edges.board_of import EVENT, Table
from tests.odds_store.feed import prices
from tests.stories.world import AT, World, opened

Urls = Mapping[Role, str]
MS = timedelta(milliseconds=1)
OTHER = ids.derived(NOON, "other event")


def due(lookout: Lookout, at: datetime, *, is_first: bool = True) -> bool:
    """Whether a hub that keeps somebody waiting looks now."""
    return lookout.is_due(at, is_busy=True, is_first=is_first)


def test_what_was_touched_is_looked_at_however_busy_the_hub_is() -> None:
    lookout = Lookout()
    assert not lookout.is_due(NOON, is_busy=False, is_first=True)
    lookout.touch([EVENT], NOON)
    assert lookout.is_due(NOON, is_busy=False, is_first=False)
    soon, late = NOON + looking.LOOK_WITHIN, NOON + looking.LOOK_AT_LATEST
    # Touched again and again it waits no longer for that.
    lookout.touch([EVENT], soon - MS)
    assert not due(lookout, soon - MS)
    assert due(lookout, soon)
    assert not due(lookout, late - MS, is_first=False)
    assert due(lookout, late, is_first=False)


def test_a_step_takes_those_who_waited_longest_and_what_was_answered_first() -> None:
    table = Table()
    table.say("one", "total 2.5", "2.00", "1.85")
    lookout = Lookout()
    others = [ids.derived(NOON, str(n)) for n in range(looking.LOOKED_MAX)]
    lookout.touch([*others, EVENT], NOON)
    lookout.touch_first([EVENT])
    assert due(lookout, NOON, is_first=False)
    # Those that are not on the board take nobody's place.
    assert lookout.some_touched(table.board, NOON) == [EVENT]
    assert not lookout.is_due(NOON, is_busy=False, is_first=True)


def test_a_look_that_finds_nothing_asks_nobody() -> None:
    table = Table()
    table.say("one", "total 2.5", "2.00", "1.85")
    lookout = Lookout()
    lookout.touch([EVENT], NOON)
    found = lookout.seek(table.board, table.scopes, NOON)
    assert not found
    # What an earlier life has left open has to be read once.
    assert not lookout.is_quiet(table.scopes, found)
    lookout.standing.know([EVENT], [])
    assert lookout.is_quiet(table.scopes, found)
    lookout.pass_by(table.scopes)
    assert not lookout.is_due(NOON, is_busy=False, is_first=True)


def test_what_is_over_is_not_looked_at() -> None:
    lookout = Lookout()
    lookout.touch([EVENT, OTHER], NOON)
    lookout.forget([EVENT, OTHER])
    assert not lookout.is_due(NOON, is_busy=False, is_first=True)


@dataclass(slots=True)
class Quoting:
    """A live feed of two books; `said` are the prices of each tick to come, two of each book."""

    event: FeedEvent
    said: list[str]
    is_named: bool = False

    @property
    def key(self) -> str:
        return self.event.provider

    def source_kind(self, source: str) -> SourceKind:
        return "bookmaker"

    def until(self, at: datetime) -> Said:
        one, other = self.said.pop(0).split(" v ")
        every = (
            *prices("one", "total 2.5", *one.split()),
            *prices("two", "total 2.5", *other.split()),
        )
        named, self.is_named = () if self.is_named else (self.event,), True
        return Said(events=named, batches=(FeedBatch(self.event, at, every),))

    def next_at(self) -> datetime | None:
        return None


@dataclass(slots=True)
class Busy:
    """A live hub for which a frame waits, and goes on waiting."""

    world: World
    live: Live
    clock: SetClock
    publisher: Publisher

    async def tick(self, at: datetime) -> None:
        self.clock.move_to(at)
        await self.live.tick(self.publisher)


@asynccontextmanager
async def busy(urls: Urls, endpoints: Endpoints, *said: str) -> AsyncGenerator[Busy]:
    async with opened(urls) as world:
        await world.tenant("acme", margin_bps=0)
        await world.tenant("sakura", margin_bps=0)
        feed = Quoting(world.fixture("E1", AT + timedelta(hours=2)), list(said))
        clock = SetClock(AT)
        desk = Desk(clock, lambda: live.hub)
        async with leases.held(world.worker, hubs.LEASE, "test") as lease:
            live = Live(world.worker, lease, [feed], clock, desk)
            publisher = await Publisher.open(endpoints.redis_url, live.everything)
            try:
                await live.load()
                desk.news.set()
                yield Busy(world, live, clock, publisher)
            finally:
                await publisher.close()


def test_what_people_see_goes_before_what_is_found_in_it(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    async def rows(world: World) -> tuple[int, int]:
        async with world.worker.reading(None) as conn:
            cursor = await conn.execute(
                "SELECT (SELECT count(*) FROM price), (SELECT count(*) FROM edge)"
            )
            found = await cursor.fetchone()
        assert found is not None
        return found[0], found[1]

    async def story() -> None:
        async with busy(database_urls, endpoints, *["2.10 1.80 v 1.80 2.10"] * 2) as hub:
            await hub.tick(AT)
            assert await rows(hub.world) == (4, 0)
            await hub.tick(AT + looking.LOOK_WITHIN)
            assert await rows(hub.world) == (4, 1)

    asyncio.run(story())


class Watched(Lookout):
    """A lookout that notes when it looks."""

    noted: list[str]

    def seek(self, board: Board, scopes: Mapping[UUID, edges.Scope], at: datetime) -> list[Found]:
        self.noted.append("sought")
        return super().seek(board, scopes, at)


def test_what_has_changed_is_told_before_edges_are_looked_for(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    noted: list[str] = []

    async def story() -> None:
        async with busy(database_urls, endpoints, "2.10 1.80 v 1.80 2.10") as hub:

            def told(book_id: UUID) -> Iterable[Shown]:
                noted.append("told")
                return hub.live.everything(book_id)

            hub.live.hub.lookout = watched = Watched()
            watched.noted = noted
            assert hub.live.desk is not None
            # Nobody waits, so the look follows at once.
            hub.live.desk.news.clear()
            publisher = await Publisher.open(endpoints.redis_url, told)
            await hub.live.tick(publisher)
            await publisher.close()
            assert noted[0] == "told"
            assert "sought" in noted

    asyncio.run(story())


def test_a_tick_asks_the_database_three_times_for_however_many_books(
    database_urls: Urls, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    execute = psycopg.AsyncCursor[Any].execute

    async def noted(self: psycopg.AsyncCursor[Any], query: Any, *more: Any, **named: Any) -> Any:
        asked.append(str(query))
        return await execute(self, query, *more, **named)

    async def story() -> None:
        said = [f"{over} 1.90 v {over} 1.92" for over in ("1.90", "1.95", "2.00")]
        async with busy(database_urls, endpoints, *said) as hub:
            await hub.tick(AT)
            await hub.tick(AT + 10 * MS)
            monkeypatch.setattr(psycopg.AsyncCursor, "execute", noted)
            await hub.tick(AT + 20 * MS)
            monkeypatch.undo()
            # Whose turn it is, what was said, what every book lays by it.
            assert len(asked) == 3, asked
            laid = hub.live.hub.board.open_count()
            assert laid == 4

    asyncio.run(story())
