"""The jobs role: revenue days, what grows old, and a look at the house every few seconds."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from overround.betting.exposure import jobs as exposure
from overround.betting.freebets import jobs as free_bets
from overround.core.clock import Clock
from overround.db import Database
from overround.kit import loop
from overround.kit.settings import AlertSettings, LlmSettings
from overround.money.revenue import jobs as revenue
from overround.odds import edges
from overround.odds.board import Keeping
from overround.odds.board import jobs as board
from overround.odds.edges import jobs as edge_jobs
from overround.ops import Steady
from overround.people import tenants
from overround.people.sessions import SessionLimits
from overround.people.sessions import jobs as sessions
from overround.roles import alarms, looking, presence, wording
from overround.roles.looking import Lookout
from overround.roles.process import TRANSIENT

_INTERVAL_S: Final = 15.0
_TRIM_EVERY_S: Final = 60.0
_LOOK_EVERY_S: Final = 10.0
_BOOKS_EVERY_S: Final = 3_600.0
# How soon a market that passes a bound is suspended, and stale rows of liability are made anew.
_RISK_EVERY_S: Final = 1.0
# They begin one after the other, for each of them asks the database as much as it can take.
_AFTER_S: Final = {"trim": 0.5, "look": 1.0, "words": 1.5, "books": 2.0}
# Several processes that were started together do not stay together.
_CHANCE: Final = random.SystemRandom()
# Looking may take this share of the time: a house with many prices is looked at less often.
_LOOKING_SHARE: Final = 0.05

_DEFAULT: Final = Keeping()


@dataclass(frozen=True, slots=True)
class Watching:
    """What is looked at beside the database, who is told, and who words it."""

    lookout: Lookout
    alerts: AlertSettings = field(default_factory=AlertSettings)
    llm: LlmSettings = field(default_factory=LlmSettings)


async def run(
    db: Database,
    limits: SessionLimits,
    clock: Clock,
    stop: asyncio.Event,
    keeping: Keeping = _DEFAULT,
    redis_url: str | None = None,
    edges_kept: timedelta = edges.KEPT,
    watching: Watching | None = None,
) -> None:
    """Keep the daily figures current, the room bounded and the report fresh until told to stop.

    They are loops apart: a history that cannot be trimmed keeps no revenue day waiting. What is
    found is told as `watching` says; without it the report is written and nobody is told.
    """
    lookout = watching.lookout if watching is not None else Lookout()
    steady = Steady()
    watch = exposure.Watch()

    async def look() -> None:
        at = clock.now()
        findings = await looking.write_house(db, at, redis_url, lookout)
        if watching is not None:
            await alarms.tell(db, steady.confirmed(findings), at, watching.alerts)

    async def check() -> None:
        await looking.write_books(db, clock.now())

    loops = [
        _repeat("jobs", lambda: run_once(db, limits, clock), stop, _INTERVAL_S),
        _repeat("risk", lambda: risk_once(db, clock, watch), stop, _RISK_EVERY_S),
        _repeat("trim", lambda: trim_once(db, clock, keeping, edges_kept), stop, _TRIM_EVERY_S),
        _seldom("look", look, stop, _LOOK_EVERY_S),
        _seldom("books", check, stop, _BOOKS_EVERY_S),
    ]
    if watching is not None and wording.is_set(watching.llm):
        words = wording.job(db, watching.llm, clock)
        loops.append(_seldom("words", words, stop, watching.llm.every_s))
    async with presence.told(db, "jobs", clock):
        await asyncio.gather(*loops)


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
        changed += await free_bets.run_once(db, tenant.id, at)
    return changed + await sessions.run_once(db, limits, at)


async def risk_once(db: Database, clock: Clock, watch: exposure.Watch) -> int:
    """Make stale rows of liability anew and watch every book; returns what was changed."""
    at = clock.now()
    async with db.reading(None) as conn:
        everyone = await tenants.everyone(conn)
    changed = 0
    for tenant in everyone:
        changed += await exposure.run_once(db, tenant.id, at)
        changed += await watch.run_once(db, tenant.id, tenant.book_id, at)
    return changed


async def trim_once(
    db: Database, clock: Clock, keeping: Keeping = _DEFAULT, edges_kept: timedelta = edges.KEPT
) -> int:
    """Make room for prices to come and drop what is old; returns what was made and dropped."""
    at = clock.now()
    forgotten = await looking.forget(db, at)
    forgotten += await edge_jobs.run_once(db, edges_kept, at)
    return forgotten + await board.run_once(db, keeping, at)


async def _repeat(
    name: str, work: Callable[[], Awaitable[object]], stop: asyncio.Event, interval_s: float
) -> None:
    async def once() -> None:
        await work()

    await _spread(name, once, stop, interval_s)


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

    await _spread(name, once, stop, interval_s)


async def _spread(
    name: str, once: Callable[[], Awaitable[None]], stop: asyncio.Event, interval_s: float
) -> None:
    await loop.repeat(
        name,
        once,
        stop,
        interval_s=interval_s,
        transient=TRANSIENT,
        rng=_CHANCE,
        after_s=_AFTER_S.get(name, 0.0),
    )
