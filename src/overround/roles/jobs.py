"""The jobs role: revenue days, and what grows old."""

from __future__ import annotations

import asyncio

from overround.core.clock import Clock
from overround.db import Database
from overround.kit import loop
from overround.money.revenue import jobs as revenue
from overround.people import tenants
from overround.people.sessions import SessionLimits
from overround.people.sessions import jobs as sessions
from overround.roles.process import TRANSIENT

_INTERVAL_S = 15.0


async def run(db: Database, limits: SessionLimits, clock: Clock, stop: asyncio.Event) -> None:
    """Keep the daily figures current until told to stop."""

    async def once() -> None:
        await run_once(db, limits, clock)

    await loop.repeat("jobs", once, stop, interval_s=_INTERVAL_S, transient=TRANSIENT)


async def run_once(db: Database, limits: SessionLimits, clock: Clock) -> int:
    """Every job once, each tenant in its own transaction; returns the rows that changed."""
    at = clock.now()
    async with db.reading(None) as conn:
        everyone = await tenants.everyone(conn)
    changed = 0
    for tenant in everyone:
        changed += await revenue.run_once(
            db,
            tenant.id,
            currency=tenant.currency,
            time_zone=tenant.time_zone,
            fee_bps=tenant.fee_bps,
            at=at,
        )
    return changed + await sessions.run_once(db, limits, at)
