"""The hub's role: the one process that listens to the feeds and writes the board, under a lease.

A tick asks every feed what it said since the last one and takes it in one transaction: prices,
offers, starts, scores; results follow in a transaction of their own, because odds alone may lose
their last moments with the power. What differs is published after the commit. Edges are looked for
behind that, in steps of their own that let the next frame go first. Whatever fails, the memory is
thrown away and loaded again, and the feeds are asked for everything anew: start-up and recovery are
one path (test: a live hub goes on after its database was away).
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from types import ModuleType
from typing import Final
from uuid import UUID

from overround.betting import offers
from overround.betting.offers import Offers
from overround.core.clock import Clock, WallClock
from overround.core.errors import Unavailable
from overround.db import Connection, Database
from overround.db import lease as leases
from overround.db.lease import Lease
from overround.kit import logs, loop
from overround.kit.settings import ProviderSettings, Settings
from overround.odds import catalogue, edges, matching
from overround.odds.board import IN_PLAY, SourceKind
from overround.odds.feeds import FeedBatch, LiveFeed, Said
from overround.people import tenants
from overround.people.tenants import Tenant
from overround.roles import presence
from overround.roles.attach import Endpoints
from overround.roles.hub import inbox, shown
from overround.roles.hub import writer as hubs
from overround.roles.hub.asker import Asker
from overround.roles.hub.workers import Desk
from overround.roles.hub.writer import Hub
from overround.roles.process import TRANSIENT, database
from overround.roles.tally import Tally
from overround.storefront import Publisher, Shown

# Faster than people see; slower would let prices pile up that nobody was shown.
TICK_S: Final = 0.1
# How soon a new tenant is noticed.
TENANTS_EVERY: Final = timedelta(seconds=5)
# How soon a file that was handed over is noticed.
INBOX_S: Final = 0.5
# How soon a provider is noticed that should have spoken.
HUSH_EVERY: Final = timedelta(seconds=1)
# A provider that is named and asked for no sport has nothing to say.
_NOT_ASKED_S: Final = 86_400.0
_PAUSE_S: Final = 0.5
# A tick that fails costs a life in any case, so its connection is not asked first whether it lives.
_TRUST_S: Final = 1.0
# New objects after which garbage in circles is looked for.
GARBAGE_AT: Final = 50_000
_PORT: Final = "overround.roles.hub.port"
_OVER: Final = frozenset({"ended", "abandoned", "postponed", "cancelled"})
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)

_log = logs.get(__name__)

Feeds = Sequence[Callable[[], LiveFeed]]


async def run(
    settings: Settings,
    endpoints: Endpoints,
    stop: asyncio.Event,
    feeds: Feeds = (),
    clock: Clock | None = None,
) -> None:
    """Be the hub until told to stop; while another one lives, wait for its lease.

    `feeds` make a feed anew: after a failure it has to say everything again. Raises what
    `process.database` raises at the start; later failures are waited out.
    """
    # Modules that nobody needs before the board is loaded come meanwhile
    # (test: a hub begins without what only others need).
    port = asyncio.create_task(asyncio.to_thread(importlib.import_module, _PORT))
    waits_for = ""
    async with database(settings, endpoints.url("worker"), "worker") as worker:
        while not stop.is_set():
            try:
                async with leases.held(worker, hubs.LEASE, hubs.HOLDER) as lease:
                    waits_for = ""
                    await _live(settings, endpoints, worker, lease, feeds, clock, port, stop)
            except (*TRANSIENT, Unavailable) as error:
                # A hub that stands by is refused every second or two, and says so once.
                if str(error) != waits_for:
                    waits_for = str(error)
                    _log.warning("hub.interrupted", reason=waits_for[:200])
            except Exception:  # noqa: BLE001  (a fault is logged; the next life is the handler)
                _log.exception("hub.failed")
            await loop.wait(stop, _PAUSE_S)


async def _live(
    settings: Settings,
    endpoints: Endpoints,
    worker: Database,
    lease: Lease,
    feeds: Feeds,
    clock: Clock | None,
    port: asyncio.Task[ModuleType],
    stop: asyncio.Event,
) -> None:
    """One life of the hub, with its port open for workers."""
    clock = clock or WallClock()
    desk = Desk(clock, lambda: live.hub)
    live = Live(
        worker, lease, [*(make() for make in feeds), desk], clock, desk,
        polled={name: _slowest_s(asked) for name, asked in settings.feeds.providers.items()},
        edges_kept=timedelta(days=settings.retention.edges_days),
    )  # fmt: skip
    await live.load()
    await port
    # What is loaded now stays: a search of all of it for garbage in circles holds up a tick for
    # tens of milliseconds, and there is little of it.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AT)
    from overround.roles.hub import port as hub_port

    publisher = await Publisher.open(endpoints.redis_url, live.everything)
    try:
        async with (
            presence.told(worker, hubs.HOLDER, clock, live.vitals),
            hub_port.opened(settings.hub, desk, worker, lambda: live.hub),
        ):
            await live.run(publisher, stop)
    finally:
        await publisher.close()


def _slowest_s(asked: ProviderSettings) -> float:
    """How often a provider is asked by schedule, at the least."""
    return max((sport.every_s for sport in asked.sports.values()), default=_NOT_ASKED_S)


@dataclass(slots=True)
class Live:
    """One life of the hub, from taking the lease to its first failure.

    `desk` are the workers, one of the `feeds`, who can be asked to look again. `polled` are the
    providers that are asked by schedule, each with the seconds in which it speaks at the least.
    By `policy` edges are looked for, and what is over is kept for `edges_kept`.
    """

    worker: Database
    lease: Lease
    feeds: Sequence[LiveFeed]
    clock: Clock
    desk: Desk | None = None
    polled: Mapping[str, float] = field(default_factory=dict[str, float])
    policy: edges.Policy = field(default_factory=edges.Policy)
    edges_kept: timedelta = edges.KEPT
    hub: Hub = field(default_factory=Hub.empty)
    _asker: Asker | None = None
    _hushed_at: datetime = _NEVER
    _tenants: dict[UUID, Tenant] = field(default_factory=dict[UUID, Tenant])
    _tenants_at: datetime = _NEVER
    _revisions: dict[UUID, int] = field(default_factory=dict[UUID, int])
    # How many of them there were in all when they were read.
    _revised: int = 0
    # What is over: since when, and the start that it had then.
    _over: dict[UUID, tuple[datetime, datetime]] = field(
        default_factory=dict[UUID, tuple[datetime, datetime]]
    )
    _tally: Tally = field(default_factory=Tally)
    # Ticks and the steps of an import take turns: each leaves memory and journal in one state.
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, publisher: Publisher, stop: asyncio.Event) -> None:
        """Tick until told to stop. Raises the first failure; this life is over then."""
        if self._tenants_at == _NEVER:
            await self.load()
        for book in self.hub.books:
            await publisher.publish(book.book.book_id, [])
        _log.info("hub.started", events=len(self.hub.board.event_ids()))
        working = {
            asyncio.create_task(self._ticks(publisher, stop)),
            asyncio.create_task(self._letters(stop)),
        }
        try:
            done, _ = await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
            if self._asker is not None:
                await self._asker.close()
        async with self.worker.transaction(None) as conn:
            await self.lease.guard(conn)
            await self._tally.write(conn, self.clock.now())
        _log.info("hub.stopped")

    async def _ticks(self, publisher: Publisher, stop: asyncio.Event) -> None:
        """A tick as soon as a worker has spoken, and one every `TICK_S` for the other feeds.

        What comes while one runs is the next one's: an idle hub waits for no timer, and a busy one
        takes more at a time (test: a frame is shown long before the next turn of the clock).
        """
        news = self.desk.news if self.desk is not None else asyncio.Event()
        while not stop.is_set():
            began_s = time.monotonic()
            news.clear()
            async with self.turn:
                await self.tick(publisher)
            self._tally.ticked(self.clock.now(), time.monotonic() - began_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(TICK_S - (time.monotonic() - began_s), 0)):
                    await news.wait()

    async def _letters(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if not await inbox.take_one(
                self.worker, self.hub, self.lease, self.clock, self.turn, self.edges_kept
            ):
                await loop.wait(stop, INBOX_S)

    async def load(self) -> None:
        """The tenants, their books and the board as they stand."""
        at = self.clock.now()
        everyone = await self._everyone()
        books = [await self._book(tenant) for tenant in everyone if tenant.status == "active"]
        async with self.worker.transaction(None) as conn:
            await self.lease.guard(conn)
            self._revisions = await offers.revisions(conn)
            self.hub = await Hub.load_now(conn, books, at)
            self.hub.expect(self.polled, at)
            self.hub.lookout.policy = self.policy
            await self.hub.lay(conn, at)
        if self.desk is not None:
            self._asker = Asker(self.desk, self.desk.news.set)
            self.hub.lookout.second = self._asker.second
        self._tenants = {tenant.id: tenant for tenant in everyone}
        self._tenants_at = at

    async def tick(self, publisher: Publisher) -> None:
        """Take what was said by now and show what it changed; then look for edges in it."""
        at = self.clock.now()
        if at - self._tenants_at > TENANTS_EVERY:
            await self._look_for_tenants(at)
        said = [self._tally.ask(feed, at) for feed in self.feeds]
        async with self._writing(at, again=True) as conn:
            await self._take(conn, said, at)
            await self._hush(conn, at)
            if self._tally.is_due(at):
                await self._tally.write(conn, at)
        if self.desk is not None:
            self.desk.kept()
        await self._show(publisher)
        ended = await self._results(said, at)
        if ended:
            await self._show(publisher)
            self.hub.drop(ended)
        self._ask()
        await self._look()

    @asynccontextmanager
    async def _writing(self, at: datetime, *, again: bool) -> AsyncGenerator[Connection]:
        """A transaction under the lease, in which nothing is priced by what the office has switched
        since, and nothing is put where a person has said that it does not belong. What feeds say
        comes `again`, and need not wait for the disk."""
        turned = partial(offers.turn, lease=self.lease, again=again)
        async with self.worker.beginning(turned, trust_s=_TRUST_S) as (conn, turn):
            if turn.revised != self._revised:
                await self._revise(conn, at)
                self._revised = turn.revised
            if turn.decided != self.hub.heeded:
                await self.hub.heed(conn, at)
            yield conn

    async def _show(self, publisher: Publisher) -> None:
        for book_id, rows in shown.moved(self.hub):
            await publisher.publish(book_id, rows)
        # It is on its way before anything else is done
        # (test: what has changed is told before edges are looked for).
        await asyncio.sleep(0)

    async def _hush(self, conn: Connection, at: datetime) -> None:
        """What nobody said and has to be seen all the same: once a second who should have spoken
        and did not, and edges that nobody has confirmed in time."""
        if at - self._hushed_at >= HUSH_EVERY:
            self._hushed_at = at
            await self.hub.hush(conn, self.polled, at)
            await self.hub.hush_in_play(conn, at)
        await self.hub.lookout.age(conn, at)

    async def _look(self) -> None:
        """Look for edges where prices were committed and where something was answered, step by
        step, until a frame waits; what has waited too long for that waits no more
        (test: what was touched is looked at however busy the hub is)."""
        lookout = self.hub.lookout
        if self._asker is not None:
            lookout.touch_first(self._asker.answered())
        is_first = True
        while lookout.is_due(
            at := self.clock.now(),
            is_busy=self.desk is not None and self.desk.news.is_set(),
            is_first=is_first,
        ):
            is_first = False
            await self._look_at_some(at)
            self._ask()
            # Frames are heard between two steps.
            await asyncio.sleep(0)

    async def _look_at_some(self, at: datetime) -> None:
        """One step: a look at the memory, which is what was committed, and a transaction where it
        finds something to write."""
        lookout = self.hub.lookout
        scopes = self.hub.touched(at)
        found = lookout.seek(self.hub.board, scopes, at)
        if lookout.is_quiet(scopes, found):
            lookout.pass_by(scopes)
            return
        heeded = self.hub.heeded
        async with self._writing(at, again=True) as conn:
            if self.hub.heeded != heeded:
                # Prices were moved to other events since the look.
                lookout.touch(scopes, at)
                return
            await lookout.take(conn, scopes, found, at)

    def _ask(self) -> None:
        """After the commit: tell workers what was found, and have them look again where somebody
        has to."""
        if self.desk is None or self._asker is None:
            return
        if self.hub.lookout.has_news:
            self.hub.lookout.has_news = False
            self.desk.found.set()
        asking = self.hub.lookout.asking
        if asking:
            self._asker.ask(edge for found in asking.values() for edge in found)

    def vitals(self) -> dict[str, object]:
        """What this hub says of itself to whoever looks at the house."""
        return self._tally.vitals() | {
            "events": len(self.hub.board.event_ids()),
            "sources": len(self.hub.board.sources),
            "open_prices": self.hub.board.open_count(),
            "books": len(self.hub.books),
            "feeds": sorted(feed.key for feed in self.feeds),
        }

    def everything(self, book_id: UUID) -> Iterable[Shown]:
        """All that a book lays now, for a reader who has lost it."""
        return shown.everything(self.hub, book_id, self.clock.now())

    async def _take(self, conn: Connection, said: Sequence[Said], at: datetime) -> None:
        events = [event for one in said for event in one.events]
        if events:
            said_of = (batch for one in said for batch in one.batches)
            await self.hub.know(conn, events, at, said_of)
        # Before anything is priced: what was seen before a goal is laid no more.
        scores = [score for one in said for score in one.scores]
        if scores:
            await self.hub.scores(conn, scores, at)
        batches = [batch for one in said for batch in one.batches if not self._is_over(batch)]
        if batches:
            # Before a price that was seen in play takes the place of the last one before the start
            # (test: the last prices before the start are the closing ones).
            await self.hub.start_due(conn, at)
            await self.hub.prices(conn, batches, self._kinds(said), at, look=False)
        await self.hub.start_due(conn, at)

    async def _results(self, said: Sequence[Said], at: datetime) -> list[UUID]:
        """Record what was said to have happened; returns the events that are over."""
        results = [result for one in said for result in one.results]
        if not results:
            return []
        async with self._writing(at, again=False) as conn:
            unknown = [one.key for one in results if one.key not in self.hub.events]
            if unknown:
                self.hub.events |= await matching.recall(conn, unknown)
            await self.hub.results(conn, results, list(self._tenants), at)
            named = [ours.event_id for r in results if (ours := self.hub.events.get(r.key))]
            found = await catalogue.events_by_id(conn, named)
        ended = [event for event in found.values() if event.status in _OVER]
        self._over |= {event.id: (at, event.starts_at) for event in ended}
        return [event.id for event in ended]

    def _is_over(self, batch: FeedBatch) -> bool:
        """A late word about an event that has ended brings it back to nobody's board.

        After a day nobody speaks of it any more. One that was put off and has a new start is ahead
        (test: what was put off is laid again from its new start on).
        """
        ours = self.hub.events.get(batch.event.key)
        over = self._over.get(ours.event_id) if ours is not None else None
        return ours is not None and over is not None and ours.starts_at == over[1]

    def _kinds(self, said: Sequence[Said]) -> dict[str, SourceKind]:
        """What each source is, by the feed that spoke of it; one feed may bring many providers."""
        return {
            price.source: feed.source_kind(price.source)
            for feed, one in zip(self.feeds, said, strict=True)
            for batch in one.batches
            for price in batch.prices
        }

    # -- the books -----------------------------------------------------------------------------

    async def _everyone(self) -> list[Tenant]:
        """Every tenant that was ever there: a suspended one lays nothing but settles."""
        async with self.worker.reading(None) as conn:
            return await tenants.everyone(conn)

    async def _book(self, tenant: Tenant) -> Offers:
        async with self.worker.reading(tenant.id) as conn:
            return Offers(await offers.book_of(conn, tenant))

    def _book_of(self, tenant: Tenant) -> Offers | None:
        return next((one for one in self.hub.books if one.book.book_id == tenant.book_id), None)

    async def _look_for_tenants(self, at: datetime) -> None:
        """A new tenant, or another margin, is laid from the next tick on."""
        for tenant in await self._everyone():
            before = self._tenants.get(tenant.id)
            self._tenants[tenant.id] = tenant
            if tenant.status != "active":
                continue
            if self._book_of(tenant) is None:
                self.hub.books.append(await self._book(tenant))
                before = None
            if before is None or before.margin_bps != tenant.margin_bps:
                await self._relay(tenant, at)
        self._tenants_at = at
        self._over = {key: over for key, over in self._over.items() if at - over[0] < IN_PLAY}

    async def _revise(self, conn: Connection, at: datetime) -> None:
        """Read anew what the office has changed, before anything is priced by it."""
        now = await offers.revisions(conn)
        for tenant in self._tenants.values():
            if now.get(tenant.book_id, 0) != self._revisions.get(tenant.book_id, 0):
                await self._reload(conn, tenant, at)
        self._revisions = now

    async def _relay(self, tenant: Tenant, at: datetime) -> None:
        async with self.worker.transaction(None) as conn:
            await self.lease.guard(conn)
            now = await offers.revisions(conn)
            await self._reload(conn, tenant, at)
        self._revisions[tenant.book_id] = now.get(tenant.book_id, 0)

    async def _reload(self, conn: Connection, tenant: Tenant, at: datetime) -> None:
        """The book's settings and rows as they stand, then everything ahead priced by them."""
        book = self._book_of(tenant)
        if book is None:
            return
        book.book = (await self._book(tenant)).book
        await book.load(conn, self.hub.board.event_ids())
        await self.hub.lay(conn, at, [book])
