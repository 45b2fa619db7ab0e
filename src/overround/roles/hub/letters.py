"""Letters: what the pull role has fetched and read, taken by the hub between its ticks.

A letter is small, so a body of any size keeps the board waiting for no longer than a tick. Taking
one twice changes nothing, so a hub that is killed over a letter takes it again
(test: a letter that is taken twice).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Final

from overround.db import Connection, Database
from overround.db.lease import Lease
from overround.odds import catalogue, matching
from overround.odds.board import SourceKind
from overround.odds.feeds import (
    PROVIDERS,
    FeedBatch,
    FeedEvent,
    FeedQuotes,
    FeedResult,
    Letter,
    Provider,
    Rejected,
)
from overround.people import tenants
from overround.roles.hub import writer as hubs
from overround.roles.hub.writer import Hub

# A late word about one of these brings it back to nobody's board.
_OVER: Final = frozenset({"ended", "abandoned", "postponed", "cancelled"})


async def take(
    worker: Database,
    hub: Hub,
    lease: Lease,
    provider: Provider,
    letter: Letter,
    at: datetime,
    turn: AbstractAsyncContextManager[object],
) -> dict[str, Any]:
    """Take a letter: events, prices and scores in one transaction, results in another.

    Returns what came of it in figures. Prices of an event that the provider has named in no
    payload yet are refused as `event_unknown`.
    """
    async with turn, worker.transaction(None) as conn:
        await lease.guard(conn)
        if letter.events:
            await hub.know(conn, letter.events, at, letter.batches)
        named, unknown = await name(conn, hub, letter.quotes)
        await hubs.refuse(conn, provider.key, letter.name, [*letter.rejected, *unknown])
        # Before anything is priced: what was seen before a goal is laid no more.
        await _recall(conn, hub, [score.key for score in letter.scores])
        await hub.scores(conn, letter.scores, at)
        batches = await _ahead(conn, hub, [*letter.batches, *named])
        kinds = kinds_of(batches)
        changed = await hub.prices(conn, batches, kinds, at) if batches else 0
    results = await _results(worker, hub, lease, letter.results, at, turn)
    return {
        "matches": sum(event.key in hub.events for event in letter.events),
        "prices": sum(len(batch.prices) for batch in batches),
        "changed": changed,
        "results": results,
        "rejected": len(letter.rejected) + len(unknown),
    }


async def name(
    conn: Connection, hub: Hub, quotes: Sequence[FeedQuotes]
) -> tuple[list[FeedBatch], list[Rejected]]:
    """Prices that came without their event, as batches of the event that an earlier payload named.

    What no payload has named, or nobody has decided, is refused as `event_unknown`.
    """
    await _recall(conn, hub, [said.key for said in quotes])
    ours = {said.key: hub.events[said.key] for said in quotes if said.key in hub.events}
    found = await catalogue.events_by_id(conn, [one.event_id for one in ours.values()])
    batches: list[FeedBatch] = []
    unknown: list[Rejected] = []
    for said in quotes:
        resolved = ours.get(said.key)
        event = found.get(resolved.event_id) if resolved is not None else None
        if resolved is None or event is None:
            unknown.append(Rejected("event_unknown", said.provider_event_id))
            continue
        sides = (event.away, event.home) if resolved.swapped else (event.home, event.away)
        about = FeedEvent(
            *said.key, event.sport, "", event.competition, event.country, *sides, event.starts_at
        )
        batches.append(said.of(about))
    return batches, unknown


def kinds_of(batches: Sequence[FeedBatch]) -> Mapping[str, SourceKind]:
    """Of each source whether it is a bookmaker or an exchange, in its provider's words."""
    providers = {provider.key: provider for provider in PROVIDERS}
    return {
        price.source: providers[batch.event.provider].source_kind(price.source)
        for batch in batches
        for price in batch.prices
    }


async def _recall(conn: Connection, hub: Hub, keys: Sequence[tuple[str, str]]) -> None:
    unknown = [key for key in dict.fromkeys(keys) if key not in hub.events]
    if unknown:
        hub.events |= await matching.recall(conn, unknown)


async def _ahead(conn: Connection, hub: Hub, batches: Sequence[FeedBatch]) -> list[FeedBatch]:
    """Those whose event is not over."""
    ours = {key: hub.events[key] for batch in batches if (key := batch.event.key) in hub.events}
    found = await catalogue.events_by_id(conn, [one.event_id for one in ours.values()])
    over = {
        key
        for key, one in ours.items()
        if (event := found.get(one.event_id)) is not None and event.status in _OVER
    }
    return [batch for batch in batches if batch.event.key not in over]


async def _results(
    worker: Database,
    hub: Hub,
    lease: Lease,
    results: Sequence[FeedResult],
    at: datetime,
    turn: AbstractAsyncContextManager[object],
) -> int:
    if not results:
        return 0
    async with turn, worker.transaction(None) as conn:
        await lease.guard(conn)
        await _recall(conn, hub, [result.key for result in results])
        # Every tenant's bets, those of a suspended one too: it still owes its players.
        owners = [tenant.id for tenant in await tenants.everyone(conn)]
        new = await hub.results(conn, results, owners, at)
        named = [hub.events[one.key].event_id for one in results if one.key in hub.events]
        found = await catalogue.events_by_id(conn, named)
    hub.drop([event.id for event in found.values() if event.status in _OVER])
    return new
