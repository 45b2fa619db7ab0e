"""The jobs role: revenue days, what grows old, and a look at the house every few seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from overround.core.clock import Clock
from overround.db import Database
from overround.kit import loop
from overround.money.revenue import jobs as revenue
from overround.odds.board import Keeping
from overround.odds.board import jobs as board
from overround.people import tenants
from overround.people.sessions import SessionLimits
from overround.people.sessions import jobs as sessions
from overround.roles import looking, presence
from overround.roles.process import TRANSIENT

_INTERVAL_S: Final = 15.0
_TRIM_EVERY_S: Final = 60.0
_LOOK_EVERY_S: Final = 10.0
_BOOKS_EVERY_S: Final = 3_600.0
# Looking may take this share of the time: a house with many prices is looked at less often.
_LOOKING_SHARE: Final = 0.05

_DEFAULT: Final = Keeping()


async def run(
    db: Database,
    limits: SessionLimits,
    clock: Clock,
    stop: asyncio.Event,
    keeping: Keeping = _DEFAULT,
    redis_url: str | None = None,
) -> None:
    """Keep the daily figures current, the room bounded and the report fresh until told to stop.

    They are loops apart: a history that cannot be trimmed keeps no revenue day waiting.
    """

    async def look() -> None:
        await looking.write_house(db, clock.now(), redis_url)

    async def check() -> None:
        await looking.write_books(db, clock.now())

    async with presence.told(db, "jobs", clock):
        await asyncio.gather(
            _repeat("jobs", lambda: run_once(db, limits, clock), stop, _INTERVAL_S),
            _repeat("trim", lambda: trim_once(db, clock, keeping), stop, _TRIM_EVERY_S),
            _seldom("look", look, stop, _LOOK_EVERY_S),
            _seldom("books", check, stop, _BOOKS_EVERY_S),
        )


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


async def trim_once(db: Database, clock: Clock, keeping: Keeping = _DEFAULT) -> int:
    """Make room for prices to come and drop what is old; returns what was made and dropped."""
    at = clock.now()
    forgotten = await looking.forget(db, at)
    return forgotten + await board.run_once(db, keeping, at)


async def _repeat(
    name: str, work: Callable[[], Awaitable[object]], stop: asyncio.Event, interval_s: float
) -> None:
    async def once() -> None:
        await work()

    await loop.repeat(name, once, stop, interval_s=interval_s, transient=TRANSIENT)


async def _seldom(
    name: str, work: Callable[[], Awaitable[None]], stop: asyncio.Event, interval_s: float
) -> None:
    """Repeat what may take long, and after it rest for as long as its share asks."""

    async def once() -> None:
        clock = asyncio.get_running_loop()
        began_s = clock.time()
        await work()
        rest_s = (clock.time() - began_s) / _LOOKING_SHARE
        if rest_s > interval_s:
            await loop.wait(stop, rest_s - interval_s)

    await loop.repeat(name, once, stop, interval_s=interval_s, transient=TRANSIENT)
