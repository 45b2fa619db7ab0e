"""The settle role: due events, graded and paid. Any number of these may run."""

from __future__ import annotations

import asyncio

from overround.betting.settlement import jobs
from overround.core.clock import Clock
from overround.db import Database
from overround.kit import loop
from overround.kit.telling import Tell, tell_nobody
from overround.roles import presence
from overround.roles.process import TRANSIENT

_INTERVAL_S = 1.0


async def run(db: Database, clock: Clock, stop: asyncio.Event, tell: Tell = tell_nobody) -> None:
    """Settle until told to stop; `tell` hears whose bets were settled."""
    async with presence.told(db, "settle", clock):
        await loop.repeat(
            "settle",
            lambda: jobs.run_once(db, clock.now(), tell),
            stop,
            interval_s=_INTERVAL_S,
            transient=TRANSIENT,
        )


async def run_once(db: Database, clock: Clock) -> int:
    """Settle everything that is due now; returns the bets settled."""
    total = 0
    while (settled := await jobs.run_once(db, clock.now())) is not None:
        total += settled
    return total
