"""Import: a feed's files into the catalogue, the board and the results, for every tenant.

What the files date in the past is taken at its own time, in order; what they quote for matches to
come is taken as seen now. Nothing is laid of what has started (test: an import lays nothing that
has started). Importing a file again adds nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from overround.betting import offers
from overround.betting.offers import Offers
from overround.db import Connection, Database, work
from overround.db import lease as leases
from overround.db.lease import Lease
from overround.odds import board as boards
from overround.odds import catalogue, edges, matching
from overround.odds.board import SourceKind
from overround.odds.catalogue import Happened, ResultStatus
from overround.odds.feeds import FeedBatch, FeedEvent
from overround.odds.matching import Standing
from overround.people import tenants
from overround.people.tenants import Tenant
from overround.roles.archive import timeline
from overround.roles.archive.files import Files
from overround.roles.archive.portions import Portion, portions
from overround.roles.archive.reports import FeedKey, Outcome
from overround.roles.archive.timeline import Progress, Season, Step
from overround.roles.hub import letters
from overround.roles.hub import writer as hubs
from overround.roles.hub.writer import Hub

# What is decided together, in order of start: years at once would cost more than their events.
_EVENTS_TOGETHER: Final = 2_000
_AS_DECIDED: Final[Sequence[Standing]] = ("authority", "contributor", "follower")


@dataclass(frozen=True, slots=True)
class Import:
    """What an import did; `matches` are those that have an event of ours."""

    matches: int
    prices: int
    changed: int
    results: int
    files: Files
    outcome: Outcome

    def as_dict(self) -> dict[str, Any]:
        """The figures by their names; what was refused by reason, and each sport's coverage."""
        read = self.files.as_dict(self.outcome)
        figures: dict[str, Any] = {
            "matches": self.matches,
            "undecided": len(self.outcome.undecided),
            "prices": self.prices,
            "changed": self.changed,
            "results": self.results,
            "rejected": read["rejected"],
        }
        parts = {
            "reasons": read["reasons"],
            "gate": _by_reason(self.outcome.refused),
            "doubted": _by_reason(self.outcome.doubted),
            "left_out": dict(Counter(self.outcome.left_out.values())),
            "sports": read["sports"],
            "files": read["files"],
        }
        return figures | {name: part for name, part in parts.items() if part}


def _by_reason(found: Mapping[tuple[FeedKey, str], int]) -> dict[str, int]:
    """How many prices in all, by reason."""
    total: Counter[str] = Counter()
    for (_, reason), count in found.items():
        total[reason] += count
    return dict(total)


async def import_files(
    worker: Database,
    files: Files,
    at: datetime,
    progress: Progress | None = None,
    edges_kept: timedelta = edges.KEPT,
) -> Import:
    """Take everything of `files` that has happened by `at`, and what is quoted for later. What is
    older than `edges_kept` is not searched for edges: they would be forgotten the same day.

    Raises Unavailable while a hub holds the board.
    """
    async with leases.held(worker, hubs.LEASE, "import") as lease:
        everyone = await _active(worker)
        hub = await _load(worker, everyone, at)
        done = await take(worker, hub, lease, files, at, progress, edges_kept=edges_kept)
        await _lay(worker, hub, lease, everyone, at)
        return done


async def take(
    worker: Database,
    hub: Hub,
    lease: Lease,
    files: Files,
    at: datetime,
    progress: Progress | None = None,
    turn: AbstractAsyncContextManager[object] | None = None,
    edges_kept: timedelta = edges.KEPT,
) -> Import:
    """Take `files` into a hub that stands at `at`, in short transactions under its lease.

    Each transaction waits for its `turn`, so that a hub that runs goes on between two of them. The
    books lay nothing by it: whose hub it is calls `hub.lay` afterwards.
    """
    turn = turn or asyncio.Lock()
    before = Counter(hub.refused), Counter(hub.doubted)
    async with worker.reading(None) as conn:
        standings = await matching.standings(conn)
    for events, batches in _known_together(files.season, standings):
        async with turn, worker.transaction(None) as conn:
            await lease.guard(conn)
            await hub.heed(conn, at)
            await hub.know(conn, events, at, batches)
    async with turn, worker.transaction(None) as conn:
        await lease.guard(conn)
        await hub.heed(conn, at)
        named, _ = await letters.name(conn, hub, files.quotes)
        files = files.placed(named)
        for provider, refused in files.refused.items():
            await hubs.refuse(conn, provider, files.sha256, refused)
    season = await _unseen(worker, files.season, at)
    steps = list(timeline.steps(season, ()))
    changed = results = 0
    past_until = at - edges_kept
    for portion in portions(steps, season.events, lambda key: _ours(hub, key), past_until):
        async with turn, worker.transaction(None) as conn:
            await lease.guard(conn)
            await hub.heed(conn, at)
            taking = _Taking(conn, hub, season, files.kinds, await _owners(conn))
            cells, versions = await taking.portion(portion)
        changed, results = changed + cells, results + versions
        if progress is not None:
            progress(portion.over, len(steps))
    if files.scores:
        async with turn, worker.transaction(None) as conn:
            await lease.guard(conn)
            await hub.heed(conn, at)
            await hub.scores(conn, files.scores, at)
    matches = sum(event.key in hub.events for event in files.season.events)
    async with worker.reading(None) as conn:
        unnamed = [event.key for event in files.season.events if event.key not in hub.events]
        left_out = await matching.left_out(conn, unnamed) if unnamed else {}
    outcome = _outcome(hub, files, before, left_out)
    return Import(matches, files.prices, changed, results, files, outcome)


def _known_together(
    season: Season, standings: Mapping[str, Standing]
) -> Iterator[tuple[Sequence[FeedEvent], Sequence[FeedBatch]]]:
    """The events in parts that are decided one after the other, with what is quoted of them.

    One provider after the other, an authority first, for the next ones' events are held against
    what those before have said (test: who is believed most is decided first).
    """

    def turn_of(provider: str) -> tuple[int, str]:
        standing = standings.get(provider, matching.STANDING_OF_OTHERS)
        return _AS_DECIDED.index(standing), provider

    said: defaultdict[FeedKey, list[FeedBatch]] = defaultdict(list)
    for batch in season.batches:
        said[batch.event.key].append(batch)
    by_provider: defaultdict[str, list[FeedEvent]] = defaultdict(list)
    for event in season.events:
        by_provider[event.provider].append(event)
    for provider in sorted(by_provider, key=turn_of):
        events = by_provider[provider]
        for first in range(0, len(events), _EVENTS_TOGETHER):
            part = events[first : first + _EVENTS_TOGETHER]
            yield part, [batch for event in part for batch in said.get(event.key, ())]


def _ours(hub: Hub, key: FeedKey) -> Hashable:
    """The event of ours that a feed event is, or what its provider calls it."""
    ours = hub.events.get(key)
    return key if ours is None else ours.event_id


@dataclass(frozen=True, slots=True)
class _Taking:
    """Portions on their way into a hub, in one transaction; results are due for the `owners`."""

    conn: Connection
    hub: Hub
    season: Season
    kinds: Mapping[str, SourceKind]
    owners: Sequence[UUID]

    async def portion(self, portion: Portion) -> tuple[int, int]:
        """Take the portion; returns the cells changed and the results that were new."""
        if portion.past:
            return await self._past(portion.steps)
        changed = results = 0
        for step in portion.steps:
            if step.kind == "prices":
                changed += await self.hub.prices(
                    self.conn, step.batches, self.kinds, step.at, lay=False
                )
            elif step.kind == "start":
                await self._start([step])
            else:
                results += await self._results([step], step.at)
        return changed, results

    async def _past(self, steps: Sequence[Step]) -> tuple[int, int]:
        """Prices, starts, results: of one event they never come the other way round in a portion
        (test: an archive that is written in portions is the one written step by step)."""
        by_kind: defaultdict[str, list[Step]] = defaultdict(list)
        for step in steps:
            by_kind[step.kind].append(step)
        changed = results = 0
        if by_kind["prices"]:
            moments = [(step.at, step.batches) for step in by_kind["prices"]]
            changed = await self.hub.record(self.conn, moments, self.kinds)
        if by_kind["start"]:
            await self._start(by_kind["start"])
        if by_kind["results"]:
            results = await self._results(by_kind["results"], None)
        return changed, results

    async def _start(self, steps: Sequence[Step]) -> None:
        keys = [self.season.events[n].key for step in steps for n in step.starts]
        at = steps[-1].at
        await self.hub.start(self.conn, keys, at)
        # What was laid while nobody stood here at its start is on no board any more
        # (test: what was laid is closed when a later import finds it started).
        started = [ours.event_id for key in keys if (ours := self.hub.events.get(key))]
        await offers.close_events(self.conn, started, at)

    async def _results(self, steps: Sequence[Step], at: datetime | None) -> int:
        said = [result for step in steps for result in step.results]
        return await self.hub.results(self.conn, said, self.owners, at)


_Counted = Counter[tuple[FeedKey, str]]


def _outcome(
    hub: Hub, files: Files, before: tuple[_Counted, _Counted], left_out: Mapping[FeedKey, str]
) -> Outcome:
    """What became of what the files say; `before` is what the hub had counted before.

    What it takes of other events meanwhile is left out.
    """
    said = {event.key for event in files.season.events}
    named = {batch.event.key for batch in files.season.batches} | said
    return Outcome(
        said - hub.events.keys() - left_out.keys(),
        named,
        {found: n for found, n in (hub.refused - before[0]).items() if found[0] in named},
        {found: n for found, n in (hub.doubted - before[1]).items() if found[0] in named},
        left_out,
    )


async def _active(worker: Database) -> list[Tenant]:
    async with worker.reading(None) as conn:
        return [tenant for tenant in await tenants.everyone(conn) if tenant.status == "active"]


async def _owners(conn: Connection) -> list[UUID]:
    """Whose bets a result settles: every tenant's, for a suspended one still owes its players
    (test: the bets of a suspended tenant are settled)."""
    return [tenant.id for tenant in await tenants.everyone(conn)]


async def _load(worker: Database, everyone: Sequence[Tenant], at: datetime) -> Hub:
    books = [await _book(worker, tenant) for tenant in everyone]
    async with worker.reading(None) as conn:
        return await Hub.load(conn, books, at)


async def _book(worker: Database, tenant: Tenant) -> Offers:
    async with worker.reading(tenant.id) as conn:
        return Offers(await offers.book_of(conn, tenant))


async def _lay(
    worker: Database, hub: Hub, lease: Lease, everyone: Sequence[Tenant], at: datetime
) -> None:
    """Price everything ahead by the settings that hold now, which nobody changes meanwhile."""
    async with worker.transaction(None) as conn:
        await lease.guard(conn)
        await offers.revisions(conn)
        for book, tenant in zip(hub.books, everyone, strict=True):
            book.book = (await _book(worker, tenant)).book
            await book.load(conn, hub.board.event_ids())
        await hub.lay(conn, at)


async def _unseen(worker: Database, season: Season, at: datetime) -> Season:
    """What of the season can be taken at `at`: past batches that are new, and coming prices."""
    past = {boards.batch_id(batch): batch for batch in season.batches if batch.observed_at <= at}
    async with worker.reading(None) as conn:
        seen = await boards.seen(conn, list(past))
    batches = [batch for batch_id, batch in past.items() if batch_id not in seen]
    named = {batch.event.key for batch in past.values()}
    coming: dict[tuple[str, str], FeedBatch] = {}
    for batch in sorted(season.batches, key=lambda b: b.observed_at):
        key = batch.event.key
        if batch.observed_at > at and batch.event.starts_at > at and key not in named:
            # Seen now, whatever stamp it bears: a stamp ahead of the clock is refused.
            stamp = batch.source_at if batch.source_at and batch.source_at <= at else None
            coming.setdefault(key, replace(batch, observed_at=at, source_at=stamp))
    results = [result for result in season.results if result.observed_at <= at]
    started = tuple(event for event in season.events if event.starts_at <= at)
    return Season(started, (*batches, *coming.values()), tuple(results))


async def enter_result(
    worker: Database,
    event_id: UUID,
    *,
    status: ResultStatus,
    scores: Mapping[str, tuple[int, int]],
    entered_by: str,
    at: datetime,
    positions: Mapping[str, int] | None = None,
) -> int | None:
    """Record a result by hand and make it due for every tenant; returns its version.

    None when the newest version says the same. Raises NotFound, Invalid `result_impossible`.
    """
    async with worker.transaction(None) as conn:
        said = Happened(
            event_id, status, scores, entered_by, at, by_person=True, positions=positions
        )
        version = (await catalogue.record_results(conn, [said])).get(event_id)
        if version is not None:
            await hubs.end(conn, {event_id: at})
        await work.put(conn, "settle", await _owners(conn), {event_id: (version or 0, at)})
    return version
