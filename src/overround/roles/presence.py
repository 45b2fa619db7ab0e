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
from overround.roles.process import TRANSIENT

BEAT_S: Final = 5.0
# A process that ends is waited for.
_LAST_WORD_S: Final = 0.5

Facts = Mapping[str, object]


def _nothing() -> Facts:
    return {}


@asynccontextmanager
async def told(
    db: Database, role: str, clock: Clock, facts: Callable[[], Facts] = _nothing
) -> AsyncGenerator[None]:
    """Say every five seconds that this process lives as `role`, for the length of the block.

    `facts` are what it says of itself. A database that is away is none of its business: the next
    beat comes all the same (test: a beat outlives its database).
    """
    beating = asyncio.create_task(_beat(db, role, clock, facts))
    try:
        yield
    finally:
        beating.cancel()
        with suppress(*TRANSIENT, Unavailable, TimeoutError):
            async with asyncio.timeout(_LAST_WORD_S):
                await _say(db, role, clock, {}, ends=True)


async def _beat(db: Database, role: str, clock: Clock, facts: Callable[[], Facts]) -> None:
    while True:
        with suppress(*TRANSIENT, Unavailable):
            await _say(db, role, clock, facts(), ends=False)
        await asyncio.sleep(BEAT_S)


async def _say(db: Database, role: str, clock: Clock, facts: Facts, *, ends: bool) -> None:
    holder = holders.signed(role)
    async with db.transaction(None) as conn:
        await ops.beat(conn, holder, role, version("overround"), clock.now(), facts, ends=ends)
