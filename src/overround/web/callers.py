"""Those who are on their way to the database for what a copy could tell them."""

from __future__ import annotations

import asyncio
from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send

from overround.db import Database
from overround.db.pools import SHARES, USAGE_PERCENT_MAX, Purpose


class Callers:
    """How many there are, by purpose, and whether there is room for one more.

    They are counted besides the pool's own figures: what comes in one moment would otherwise find
    the pool empty and fill it (test: under load the pool stays below 85 percent). Used from one
    event loop.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._inside: Counter[Purpose] = Counter()
        pools = {pool.purpose: pool.figures().size_max for pool in database.every()}
        most = max(pools.values())
        self._room: dict[Purpose, int] = {
            purpose: max(1, (pools.get(purpose, most) * USAGE_PERCENT_MAX - 1) // 100)
            for purpose in SHARES
        }

    def has_room(self, purpose: Purpose) -> bool:
        """Whether there is room at the database for one more who can do without it."""
        return self._inside[purpose] < self._room.get(purpose, 1) and self._database.admits()

    def count(self, purpose: Purpose, task: asyncio.Task[None]) -> None:
        """The task's caller is on his way from now on, until it is done."""
        self._inside[purpose] += 1
        task.add_done_callback(lambda _: self._inside.subtract((purpose,)))

    def admits(self) -> bool:
        """Whether a visitor's question that somebody else asks for him may go to the database.

        It counts from here on, until the task that asks it has begun (`beside`).
        """
        if not self.has_room("reads"):
            return False
        self._inside["reads"] += 1
        asyncio.get_running_loop().call_soon(self._inside.subtract, ("reads",))
        return True

    def beside(self, app: ASGIApp) -> ASGIApp:
        """`app`, for who asks it past these copies: he is counted with those on their way."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            self._inside["reads"] += 1
            try:
                await app(scope, receive, send)
            finally:
                self._inside.subtract(("reads",))

        return counted
