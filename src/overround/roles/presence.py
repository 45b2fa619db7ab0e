"""Saying that a process lives, so that `overround status` need not guess."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from typing import Final

from overround import ops
from overround.core.clock import Clock
from overround.core.errors import Unavailable
from overround.db import Database, holders
from overround.kit import metrics
from overround.roles.process import TRANSIENT

BEAT_S: Final = 5.0
# A process that ends is waited for.
_LAST_WORD_S: Final = 0.5

Facts = Mapping[str, object]

_BOARD: Final = {
    "events": metrics.BOARD_EVENTS,
    "open_prices": metrics.BOARD_PRICES,
    "sources": metrics.BOARD_SOURCES,
    "tick_ms_max": metrics.BOARD_TICK_SECONDS,
}


def _nothing() -> Facts:
    return {}


@asynccontextmanager
async def told(
    db: Database, role: str, clock: Clock, facts: Callable[[], Facts] = _nothing
) -> AsyncGenerator[None]:
    """Say every five seconds that this process lives as `role`, for the length of the block.

    With each beat the figures that have to be looked up are brought up to date: the pools', and
    what the process says of itself (`facts`). A database that is away is none of its business: the
    next beat comes all the same (test: a beat outlives its database).
    """
    unwatch = metrics.HOUSE.on_sample(lambda: _sample_pools(db))
    beating = asyncio.create_task(_beat(db, role, clock, facts))
    try:
        yield
    finally:
        beating.cancel()
        unwatch()
        with suppress(*TRANSIENT, Unavailable, TimeoutError):
            async with asyncio.timeout(_LAST_WORD_S):
                await _say(db, role, clock, {}, ends=True)


async def _beat(db: Database, role: str, clock: Clock, facts: Callable[[], Facts]) -> None:
    while True:
        said = facts()
        metrics.HOUSE.sample()
        _sample_board(said)
        with suppress(*TRANSIENT, Unavailable):
            await _say(db, role, clock, said, ends=False)
        await asyncio.sleep(BEAT_S)


def _sample_pools(db: Database) -> None:
    for pool in db.every():
        stands = pool.figures()
        metrics.pool_stands(
            stands.purpose,
            in_use=stands.in_use,
            usage_percent=stands.usage_percent,
            waiting=stands.waiting,
            breaker_open=stands.breaker != "closed",
        )


def _sample_board(facts: Facts) -> None:
    """What the hub says of its board, as metrics; nothing of any other role."""
    for name, cell in _BOARD.items():
        value = facts.get(name)
        if isinstance(value, int):
            cell.at().set(value / 1_000 if name.endswith("_ms_max") else value)


async def _say(db: Database, role: str, clock: Clock, facts: Facts, *, ends: bool) -> None:
    holder = holders.signed(role)
    async with db.transaction(None) as conn:
        await ops.beat(conn, holder, role, version("overround"), clock.now(), facts, ends=ends)
