"""The settle role: due events, graded and paid, bets that end early by themselves, and slips and
cash-outs that have waited. Any number of these may run."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from overround.betting.cashouts import jobs as cash_outs
from overround.betting.settlement import jobs
from overround.betting.waiting import jobs as waiting
from overround.core.clock import Clock
from overround.db import Database
from overround.kit import logs, loop, metrics
from overround.kit.telling import Tell, tell_nobody
from overround.roles import presence
from overround.roles.process import TRANSIENT

_INTERVAL_S = 1.0
# An order waits for a price as a person would: two looks in the life of a quote are enough.
_ORDERS_INTERVAL_S = 2.0
# Who waits, for his turn or out of a delay, watches a page; looking costs one step down an index
# that is mostly empty.
_SLIPS_INTERVAL_S = 0.2


async def run(db: Database, clock: Clock, stop: asyncio.Event, tell: Tell = tell_nobody) -> None:
    """Settle until told to stop; `tell` hears whose bets were settled, cashed out or placed."""
    settled = metrics.BETS_SETTLED.at()

    async def settle() -> int | None:
        bets = await jobs.run_once(db, clock.now(), tell)
        if bets:
            settled.add(bets)
            logs.business("bets.settled", bets=bets)
        return bets

    async def cash_out() -> int | None:
        bets = await cash_outs.run_once(db, clock.now(), tell)
        if bets:
            logs.business("bets.cashed_out", bets=bets)
        return bets

    async def pay() -> int | None:
        asked = await cash_outs.pay_due(db, clock.now(), tell)
        if asked:
            logs.business("cash_outs.answered", cash_outs=asked)
        return asked

    async def place() -> int | None:
        slips = await waiting.run_once(db, clock.now(), tell)
        if slips:
            logs.business("slips.answered", slips=slips)
        return slips

    async with presence.told(db, "settle", clock):
        await asyncio.gather(
            _repeat("settle", settle, stop, _INTERVAL_S),
            _repeat("cash_outs", cash_out, stop, _ORDERS_INTERVAL_S),
            _repeat("cash_outs_in_play", pay, stop, _SLIPS_INTERVAL_S),
            _repeat("slips", place, stop, _SLIPS_INTERVAL_S),
        )


async def run_once(db: Database, clock: Clock) -> int:
    """Settle everything that is due now; returns the bets settled."""
    total = 0
    while (settled := await jobs.run_once(db, clock.now())) is not None:
        total += settled
    return total


async def _repeat(
    name: str, work: Callable[[], Awaitable[int | None]], stop: asyncio.Event, interval_s: float
) -> None:
    await loop.repeat(
        name, work, stop, interval_s=interval_s, transient=TRANSIENT, rng=random.SystemRandom()
    )
