"""Import: a feed's file into the catalogue, the board and the results, for every tenant.

What the file dates in the past is taken at its own time, in order; what it quotes for matches to
come is taken as seen now. Importing a file again adds nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from overround.betting.offers import Offers, book_of
from overround.db import Connection, Database, work
from overround.db import lease as leases
from overround.db.lease import Lease
from overround.odds import board as boards
from overround.odds import catalogue
from overround.odds.catalogue import Happened, ResultStatus
from overround.odds.feeds import FeedBatch
from overround.odds.feeds.football_data import PROVIDER
from overround.people import tenants
from overround.people.tenants import Tenant
from overround.roles import hub as hubs
from overround.roles import timeline
from overround.roles.hub import Hub
from overround.roles.replay import Files, Progress
from overround.roles.timeline import Season, Step


@dataclass(frozen=True, slots=True)
class Import:
    """What an import did."""

    matches: int
    prices: int
    changed: int
    results: int
    rejected: int

    def as_dict(self) -> dict[str, Any]:
        """The figures by their names."""
        return {
            "matches": self.matches,
            "prices": self.prices,
            "changed": self.changed,
            "results": self.results,
            "rejected": self.rejected,
        }


async def import_files(
    worker: Database, files: Files, at: datetime, progress: Progress | None = None
) -> Import:
    """Take everything of `files` that has happened by `at`, and what is quoted for later.

    Raises Unavailable while a hub holds the board.
    """
    async with leases.held(worker, hubs.LEASE, f"import {os.getpid()}") as lease:
        return await _import(worker, lease, files, at, progress)


async def _import(
    worker: Database, lease: Lease, files: Files, at: datetime, progress: Progress | None
) -> Import:
    everyone = await _active(worker)
    hub = await _load(worker, everyone, at)
    async with worker.transaction(None) as conn:
        await lease.guard(conn)
        await hubs.refuse(conn, PROVIDER.key, files.sha256, files.rejected)
        await hub.lay(conn, at)
        await hub.know(conn, files.season.events, at)
    season = await _unseen(worker, files.season, at)
    kinds: dict[str, boards.SourceKind] = {
        price.source: PROVIDER.source_kind(price.source)
        for batch in season.batches
        for price in batch.prices
    }
    steps = list(timeline.steps(season, ()))
    changed = results = 0
    for n, step in enumerate(steps, start=1):
        async with worker.transaction(None) as conn:
            await lease.guard(conn)
            if step.kind == "prices":
                changed += await hub.prices(conn, step.batches, kinds, step.at)
            elif step.kind == "start":
                await hub.start(conn, _keys(season, step), step.at)
            else:
                owners = await _owners(conn)
                results += await hub.results(conn, step.results, owners, step.at)
        if progress is not None:
            progress(n, len(steps))
    return Import(len(hub.events), files.prices, changed, results, len(files.rejected))


async def _active(worker: Database) -> list[Tenant]:
    async with worker.reading(None) as conn:
        return [tenant for tenant in await tenants.everyone(conn) if tenant.status == "active"]


async def _owners(conn: Connection) -> list[UUID]:
    """Whose bets a result settles: every tenant's, for a suspended one still owes its players
    (test: the bets of a suspended tenant are settled)."""
    return [tenant.id for tenant in await tenants.everyone(conn)]


async def _load(worker: Database, everyone: Sequence[Tenant], at: datetime) -> Hub:
    books: list[Offers] = []
    for tenant in everyone:
        async with worker.reading(tenant.id) as conn:
            book = await book_of(
                conn, book_id=tenant.book_id, tenant_id=tenant.id, margin_bps=tenant.margin_bps
            )
        books.append(Offers(book))
    async with worker.reading(None) as conn:
        return await Hub.load(conn, books, at)


async def _unseen(worker: Database, season: Season, at: datetime) -> Season:
    """What of the season can be taken at `at`: past batches that are new, and coming prices."""
    past = [batch for batch in season.batches if batch.observed_at <= at]
    async with worker.reading(None) as conn:
        seen = await boards.seen(conn, [boards.batch_id(batch) for batch in past])
    batches = [batch for batch in past if boards.batch_id(batch) not in seen]
    named = {batch.event.key for batch in past}
    coming: dict[tuple[str, str], FeedBatch] = {}
    for batch in sorted(season.batches, key=lambda b: b.observed_at):
        key = batch.event.key
        if batch.observed_at > at and batch.event.starts_at > at and key not in named:
            coming.setdefault(key, replace(batch, observed_at=at))
    results = [result for result in season.results if result.observed_at <= at]
    started = tuple(event for event in season.events if event.starts_at <= at)
    return Season(started, (*batches, *coming.values()), tuple(results))


def _keys(season: Season, step: Step) -> list[tuple[str, str]]:
    events = season.events
    return [(events[n].provider, events[n].provider_event_id) for n in step.starts]


async def enter_result(
    worker: Database,
    event_id: UUID,
    *,
    status: ResultStatus,
    scores: dict[str, tuple[int, int]],
    entered_by: str,
    at: datetime,
) -> int | None:
    """Record a result by hand and make it due for every tenant; returns its version.

    None when the newest version says the same. Raises NotFound, Invalid `result_impossible`.
    """
    async with worker.transaction(None) as conn:
        said = Happened(event_id, status, scores, entered_by, at, by_person=True)
        version = (await catalogue.record_results(conn, [said])).get(event_id)
        if version is not None:
            await hubs.end(conn, [event_id], at)
        await work.put(conn, "settle", await _owners(conn), {event_id: (version or 0, at)})
    return version
