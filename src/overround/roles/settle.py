"""The settle role: due events, graded and paid. Any number of these may run."""

from __future__ import annotations

import asyncio
import random

from overround.betting.settlement import jobs
from overround.core.clock import Clock
from overround.db import Database
from overround.kit import logs, loop, metrics
from overround.kit.telling import Tell, tell_nobody
from overround.roles import presence
from overround.roles.process import TRANSIENT

_INTERVAL_S = 1.0


async def run(db: Database, clock: Clock, stop: asyncio.Event, tell: Tell = tell_nobody) -> None:
    """Settle until told to stop; `tell` hears whose bets were settled."""
    settled = metrics.BETS_SETTLED.at()

    async def once() -> int | None:
        bets = await jobs.run_once(db, clock.now(), tell)
        if bets:
            settled.add(bets)
            logs.business("bets.settled", bets=bets)
        return bets

    async with presence.told(db, "settle", clock):
        await loop.repeat(
            "settle",
            once,
            stop,
            interval_s=_INTERVAL_S,
            transient=TRANSIENT,
            rng=random.SystemRandom(),
        )


async def run_once(db: Database, clock: Clock) -> int:
    """Settle everything that is due now; returns the bets settled."""
    total = 0
    while (settled := await jobs.run_once(db, clock.now())) is not None:
        total += settled
    return total
