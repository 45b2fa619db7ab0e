"""The live hub, tick by tick, on a real database and a real cache."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from overround.betting.offers import Setting, switch
from overround.core.clock import SetClock
from overround.core.errors import Unavailable
from overround.db import Connection
from overround.db import lease as leases
from overround.db.logins import Role
from overround.kit import loop
from overround.kit.settings import Settings
from overround.odds import catalogue
from overround.odds.board import SourceKind
from overround.odds.feeds import (
    FeedBatch,
    FeedEvent,
    FeedPrice,
    FeedResult,
    FeedScore,
    Said,
)
from overround.roles.attach import Endpoints
from overround.roles.hub import live as live_hub
from overround.roles.hub import writer as hubs
from overround.roles.hub.live import Live
from overround.storefront import Publisher
from tests.odds_store.feed import Feed, laid, prices
from tests.stories.world import AT, World, opened
from tests.support.interleave import connected, until_waiting

Urls = Mapping[Role, str]

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
STARTS = AT + timedelta(hours=2)

FAIR = prices("one", "total 2.5", "2.00", "2.00")


@dataclass(slots=True)
class Voice:
    """A live feed that says what the test tells it to say."""

    event: FeedEvent
    said: list[Said] = field(default_factory=list[Said])

    @property
    def key(self) -> str:
        return self.event.provider

    def source_kind(self, source: str) -> SourceKind:
        return "exchange" if source == "exchange" else "bookmaker"

    def until(self, at: datetime) -> Said:
        return self.said.pop(0) if self.said else Said()

    def next_at(self) -> datetime | None:
        return None

    def quotes(self, at: datetime, *groups: Sequence[FeedPrice], snapshot: bool = True) -> None:
        every = tuple(price for group in groups for price in group)
        batch = FeedBatch(self.event, at, every, snapshot)
        self.said.append(Said(events=(self.event,), batches=(batch,)))

    def happened(self, at: datetime, home: int, away: int) -> None:
        result = FeedResult(*self.event.key, "finished", {"ft": (home, away)}, at)
        self.said.append(Said(results=(result,)))


@dataclass(slots=True)
class Stage:
    """A world with a live hub that listens to one voice."""

    world: World
    voice: Voice
    clock: SetClock
    live: Live
    publisher: Publisher

    async def tick(self, at: datetime) -> None:
        """The hub's next tick, at that time."""
        self.clock.move_to(at)
        self.world.hub = self.live.hub
        await self.live.tick(self.publisher)

    async def restart(self) -> None:
        """Another life of the hub under the same lease."""
        polled = self.live.polled
        self.live = Live(
            self.world.worker, self.live.lease, [self.voice], self.clock, polled=polled
        )
        await self.live.load()
        self.world.hub = self.live.hub

    async def laid(self, tenant: str = "acme") -> dict[str, tuple[str, str]]:
        """What the tenant lays on the voice's event."""
        return await laid(self.world, Feed(self.world, self.voice.event), tenant)

    async def turn(self, setting: Setting, tenant: str = "acme") -> None:
        """The office of a tenant switches or prices a scope."""
        tenant_id = self.world.tenants[tenant].id
        async with self.world.app.transaction(tenant_id) as conn:
            await switch(conn, tenant_id, setting, self.clock.now())

    @property
    def event_id(self) -> UUID:
        (event_id,) = self.live.hub.board.event_ids()
        return event_id


@asynccontextmanager
async def staged(urls: Urls, endpoints: Endpoints) -> AsyncGenerator[Stage]:
    """A live hub over acme's book without a margin."""
    async with opened(urls) as world:
        await world.tenant("acme", margin_bps=0)
        voice, clock = Voice(world.fixture("E1", STARTS)), SetClock(AT)
        async with leases.held(world.worker, hubs.LEASE, "test") as lease:
            live = Live(world.worker, lease, [voice], clock)
            publisher = await Publisher.open(endpoints.redis_url, live.everything)
            try:
                await live.load()
                yield Stage(world, voice, clock, live, publisher)
            finally:
                await publisher.close()


def test_what_was_put_off_is_laid_again_from_its_new_start_on(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    async def story() -> None:
        async with staged(database_urls, endpoints) as stage:
            voice = stage.voice
            voice.quotes(AT, FAIR)
            await stage.tick(AT)
            voice.said.append(
                Said(results=(FeedResult(*voice.event.key, "postponed", {}, AT + SECOND),))
            )
            await stage.tick(AT + SECOND)
            # A late word about the old start brings nothing back; the new start does.
            voice.quotes(AT + 2 * SECOND, FAIR)
            await stage.tick(AT + 2 * SECOND)
            assert await stage.laid() == {}
            voice.event = replace(voice.event, starts_at=STARTS + timedelta(days=1))
            voice.quotes(AT + MINUTE, FAIR)
            await stage.tick(AT + MINUTE)
            assert (await stage.laid())["total 2.5 over"] == ("2.00", "open")

    asyncio.run(story())


def test_what_a_feed_says_is_laid(database_urls: Urls, endpoints: Endpoints) -> None:
    async def story() -> None:
        async with staged(database_urls, endpoints) as stage:
            stage.voice.quotes(AT, FAIR)
            await stage.tick(AT)
            assert (await stage.laid())["total 2.5 over"] == ("2.00", "open")
            moved = prices("one", "total 2.5", "2.50", "1.67")
            stage.voice.quotes(AT + SECOND, moved, snapshot=False)
            await stage.tick(AT + SECOND)
            assert (await stage.laid())["total 2.5 over"][0] > "2.40"

    asyncio.run(story())


def test_what_a_silent_provider_feeds_is_laid_no_more_until_it_says_the_whole(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    async def story() -> None:
        async with staged(database_urls, endpoints) as stage:
            stage.live.polled = {stage.voice.event.provider: 1.0}
            rich = prices("two", "total 2.5", "1.70", "2.20")
            for second in range(3):
                stage.voice.quotes(AT + second * SECOND, FAIR, rich)
                await stage.tick(AT + second * SECOND)
            assert await stage.world.count("SELECT count(*) FROM edge WHERE expired_at IS NULL")
            await stage.tick(AT + 15 * SECOND)
            assert {state for _, state in (await stage.laid()).values()} == {"open"}
            last = AT + 17 * SECOND
            await stage.tick(last)
            assert {state for _, state in (await stage.laid()).values()} == {"suspended"}
            open_edges = "SELECT count(*) FROM edge WHERE expired_at IS NULL"
            assert await stage.world.count(open_edges) == 0
            # A change is not the whole.
            moved = prices("one", "total 2.5", "2.02", "1.98")
            stage.voice.quotes(last + SECOND, moved, snapshot=False)
            await stage.tick(last + SECOND)
            assert {state for _, state in (await stage.laid()).values()} == {"suspended"}
            stage.voice.quotes(last + 2 * SECOND, moved, rich)
            await stage.tick(last + 2 * SECOND)
            assert {state for _, state in (await stage.laid()).values()} == {"open"}
            # In another life nothing was heard yet: it is given its time, and no more.
            await stage.restart()
            open_offers = "SELECT count(*) FROM offer WHERE state = 'open'"
            await stage.tick(last + 16 * SECOND)
            assert await stage.world.count(open_offers) == 2
            await stage.tick(last + 18 * SECOND)
            assert await stage.world.count(open_offers) == 0

    asyncio.run(story())


def test_an_edge_that_waited_is_looked_at_by_the_next_life_of_the_hub(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    async def story() -> None:
        async with staged(database_urls, endpoints) as stage:
            rich = prices("two", "total 2.5", "1.70", "2.20")
            stage.voice.quotes(AT, FAIR, rich)
            await stage.tick(AT)
            detected = "SELECT count(*) FROM edge WHERE status = 'detected'"
            assert await stage.world.count(detected)
            await stage.restart()
            assert stage.live.hub.lookout.waiting(stage.live.hub.board, AT) == [stage.event_id]
            stage.voice.quotes(AT + SECOND, FAIR, rich)
            await stage.tick(AT + SECOND)
            assert await stage.world.count("SELECT count(*) FROM edge WHERE status = 'verified'")
            assert stage.live.hub.lookout.waiting(stage.live.hub.board, AT) == []

    asyncio.run(story())


def test_what_is_switched_on_again_is_laid_by_the_live_hub(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    async def story() -> None:
        async with staged(database_urls, endpoints) as stage:
            stage.voice.quotes(AT, FAIR)
            await stage.tick(AT)
            event = str(stage.event_id)
            await stage.turn(Setting("event", event, enabled=False))
            assert (await stage.laid())["total 2.5 over"] == ("2.00", "suspended")
            await stage.tick(AT + SECOND)
            assert (await stage.laid())["total 2.5 over"] == ("2.00", "suspended")
            await stage.turn(Setting("event", event, margin_bps=500))
            await stage.tick(AT + 2 * SECOND)
            assert (await stage.laid())["total 2.5 over"] == ("1.90", "open")

    asyncio.run(story())


def test_the_hub_does_not_open_what_is_being_switched_off(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    """The switch has suspended and not yet committed while the feed brings another price."""

    async def story() -> None:
        async with (
            staged(database_urls, endpoints) as stage,
            connected(database_urls["owner"]) as (monitor,),
        ):
            stage.voice.quotes(AT, FAIR)
            await stage.tick(AT)
            tenant_id = stage.world.tenants["acme"].id
            async with stage.world.app.transaction(tenant_id) as conn:
                off = Setting("event", str(stage.event_id), enabled=False)
                assert await switch(conn, tenant_id, off, AT) == 2
                moved = prices("one", "total 2.5", "2.50", "1.67")
                stage.voice.quotes(AT + SECOND, moved)
                ticking = asyncio.create_task(stage.tick(AT + SECOND))
                await until_waiting(monitor, await hub_backend(monitor))
            await ticking
            assert {state for _, state in (await stage.laid()).values()} == {"suspended"}

    asyncio.run(story())


async def hub_backend(monitor: Connection) -> int:
    """The backend that waits for the office's switches to end."""
    asked = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    async with asyncio.timeout(30):
        while True:
            row = await (await monitor.execute(asked)).fetchone()
            if row is not None:
                return row[0]


def test_a_new_tenant_lays_what_is_on_the_board(database_urls: Urls, endpoints: Endpoints) -> None:
    async def story() -> None:
        async with staged(database_urls, endpoints) as stage:
            stage.voice.quotes(AT, FAIR)
            await stage.tick(AT)
            await stage.world.tenant("sakura", margin_bps=500)
            await stage.tick(AT + 6 * SECOND)
            assert (await stage.laid("sakura"))["total 2.5 over"] == ("1.90", "open")

    asyncio.run(story())


def test_an_event_that_started_while_the_hub_was_down_is_closed(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    async def story() -> None:
        async with staged(database_urls, endpoints) as stage:
            stage.voice.quotes(AT, FAIR, prices("two", "total 2.5", "2.10", "2.05"))
            await stage.tick(AT)
            event_id = stage.event_id
            stage.clock.move_to(STARTS + MINUTE)
            await stage.restart()
            await stage.tick(STARTS + MINUTE)
            world = stage.world
            assert await world.count("SELECT count(*) FROM offer WHERE state <> 'closed'") == 0
            assert await world.count("SELECT count(*) FROM edge WHERE expired_at IS NULL") == 0
            assert await world.count("SELECT count(*) FROM closing_price") == 4
            async with world.worker.reading(None) as conn:
                found = await catalogue.events_by_id(conn, [event_id])
            assert found[event_id].status == "live"

    asyncio.run(story())


def test_the_last_prices_before_the_start_are_the_closing_ones(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    async def story() -> None:
        async with staged(database_urls, endpoints) as stage:
            stage.voice.quotes(AT, FAIR)
            await stage.tick(AT)
            # The tick that sees the start already hears what is asked for in play.
            stage.voice.quotes(STARTS + SECOND, prices("one", "total 2.5", "1.20", "4.50"))
            await stage.tick(STARTS + SECOND)
            closed = (
                "SELECT count(*) FROM closing_price WHERE price_e4 = 20000 AND observed_at = %s"
            )
            assert await stage.world.count(closed, AT) == 2
            assert await stage.world.count("SELECT count(*) FROM closing_price") == 2

    asyncio.run(story())


def test_scores_in_play_are_kept_and_settle_nothing(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    async def story() -> None:
        async with staged(database_urls, endpoints) as stage:
            stage.voice.quotes(AT, FAIR)
            await stage.tick(AT)
            key, at = stage.voice.event.key, STARTS + 7 * MINUTE
            stage.voice.said.append(Said(scores=(FeedScore(*key, "7'", {"ft": (1, 0)}, at),)))
            await stage.tick(at)
            async with stage.world.worker.reading(None) as conn:
                live = await catalogue.live_of(conn, [stage.event_id])
                playing = await catalogue.in_play(conn, AT, 10)
            assert live[stage.event_id].clock == "7'"
            assert live[stage.event_id].scores == {"ft": [1, 0]}
            assert [event.id for event in playing] == [stage.event_id]
            assert await stage.world.count("SELECT count(*) FROM work_due") == 0

    asyncio.run(story())


def test_an_event_that_ended_leaves_the_memory_and_can_be_corrected(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    async def story() -> None:
        async with staged(database_urls, endpoints) as stage:
            stage.voice.quotes(AT, FAIR)
            await stage.tick(AT)
            ended_at = STARTS + timedelta(hours=2)
            stage.voice.happened(ended_at, 2, 1)
            await stage.tick(ended_at)
            assert stage.live.hub.board.event_ids() == []
            assert stage.live.hub.events == {}
            # A late price brings it back to nobody's board; a correction finds it.
            stage.voice.quotes(ended_at + SECOND, FAIR)
            await stage.tick(ended_at + SECOND)
            assert stage.live.hub.board.event_ids() == []
            stage.voice.happened(ended_at + MINUTE, 2, 2)
            await stage.tick(ended_at + MINUTE)
            assert await stage.world.count("SELECT max(version) FROM result") == 2

    asyncio.run(story())


def test_a_live_hub_goes_on_after_its_database_was_away(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    """Its connection is cut within a tick; the next life asks the feed for everything again."""

    async def story() -> None:
        async with opened(database_urls) as world, connected(database_urls["owner"]) as (owner,):
            await world.tenant("acme", margin_bps=0)
            event, lives = world.fixture("E1", STARTS), itertools.count()

            def listen() -> Voice:
                voice, life = Voice(event), next(lives)
                written = ("2.00", "2.00") if life == 0 else ("2.50", "1.67")
                voice.quotes(AT + life * SECOND, prices("one", "total 2.5", *written))
                return voice

            async def lowest_is(price_e4: int) -> None:
                async with asyncio.timeout(20):
                    asked = f"SELECT count(*) FROM offer WHERE price_e4 <= {price_e4}"
                    while not await world.count(asked):
                        await loop.wait(stop, 0.05)

            stop, clock = asyncio.Event(), SetClock(AT + 2 * SECOND)
            here = replace(endpoints, role_urls=database_urls)
            running = asyncio.create_task(
                live_hub.run(Settings(state=here.state), here, stop, [listen], clock)
            )
            await lowest_is(20_000)
            await owner.execute("SELECT pg_advisory_lock(offer_switch_key())")
            pid = await hub_backend(owner)
            async with await psycopg.AsyncConnection.connect(
                endpoints.superuser_url(owner.info.dbname), autocommit=True
            ) as superuser:
                await superuser.execute("SELECT pg_terminate_backend(%s)", [pid])
            await owner.execute("SELECT pg_advisory_unlock(offer_switch_key())")
            await lowest_is(16_700)
            stop.set()
            await running
            assert next(lives) >= 2

    asyncio.run(story())


def test_a_stalled_hub_writes_nothing(database_urls: Urls, endpoints: Endpoints) -> None:
    async def story() -> None:
        async with staged(database_urls, endpoints) as stage:
            stage.live.lease = replace(stage.live.lease, token=UUID(int=1))
            stage.voice.quotes(AT, FAIR)
            with pytest.raises(Unavailable):
                await stage.tick(AT)
            assert await stage.world.count("SELECT count(*) FROM price") == 0

    asyncio.run(story())


def test_an_impossible_result_stops_nobody_else(database_urls: Urls, endpoints: Endpoints) -> None:
    async def story() -> None:
        async with staged(database_urls, endpoints) as stage:
            other = stage.world.fixture("E2", STARTS)
            stage.voice.quotes(AT, FAIR)
            stage.voice.said.append(Said(events=(other,)))
            await stage.tick(AT)
            await stage.tick(AT + SECOND)
            at = STARTS + timedelta(hours=2)
            stage.voice.said.append(
                Said(
                    results=(
                        FeedResult(*stage.voice.event.key, "finished", {"ft": (-1, 0)}, at),
                        FeedResult(*other.key, "finished", {"ft": (1, 0)}, at),
                    )
                )
            )
            await stage.tick(at)
            assert await stage.world.count("SELECT count(*) FROM result") == 1
            assert await stage.world.count("SELECT count(*) FROM quarantine") == 1

    asyncio.run(story())


def test_an_older_word_changes_no_result(database_urls: Urls, endpoints: Endpoints) -> None:
    """A feed that says everything again after a failure says what it has corrected since."""

    async def story() -> None:
        async with staged(database_urls, endpoints) as stage:
            stage.voice.quotes(AT, FAIR)
            await stage.tick(AT)
            at = STARTS + timedelta(hours=2)
            stage.voice.happened(at, 2, 1)
            await stage.tick(at)
            stage.voice.happened(at + MINUTE, 2, 2)
            await stage.tick(at + MINUTE)
            stage.voice.happened(at, 2, 1)
            await stage.tick(at + 2 * MINUTE)
            assert await stage.world.count("SELECT max(version) FROM result") == 2

    asyncio.run(story())
