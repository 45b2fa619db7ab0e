"""What the jobs role runs: stale rows made anew, and the house watched, tenant by tenant."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from overround.betting import risk
from overround.betting.exposure import service
from overround.db import Database

_EVENTS_AT_ONCE = 200


async def run_once(db: Database, tenant_id: UUID, at: datetime) -> int:
    """Make what is stale of a tenant anew, each event in a transaction of its own, because each
    holds its event's lock alone; returns the rows changed."""
    async with db.reading(tenant_id) as conn:
        stale = await risk.stale(conn, tenant_id, _EVENTS_AT_ONCE)
    changed = 0
    for event_id in stale:
        async with db.transaction(tenant_id) as conn:
            changed += await service.rebuild(conn, tenant_id, event_id, at)
    return changed


class Watch:
    """Watches the tenants' books, each from where the last look ended."""

    def __init__(self) -> None:
        self._seen: dict[UUID, int | None] = {}

    async def run_once(self, db: Database, tenant_id: UUID, book_id: UUID, at: datetime) -> int:
        """Suspend what passes a bound and lift what is over; returns how many markets."""
        async with db.transaction(tenant_id) as conn:
            seq = self._seen.get(book_id)
            done, newest = await risk.watch(conn, tenant_id, book_id, seq, at)
        self._seen[book_id] = newest
        return done
