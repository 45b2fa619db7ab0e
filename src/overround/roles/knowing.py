"""Who sends slips: the sessions that several requests ask for at once are looked up at once.

A morning's first slips come from people whom nobody remembers. Looked up one by one they would wait
for the connections of everybody else; here one connection takes all that wait, of whatever tenants,
and asks once, in one round trip (test: sessions of two tenants are looked up together).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

import psycopg

from overround.core.clock import Clock
from overround.core.errors import Unavailable
from overround.core.principal import Principal
from overround.db import Connection, connect
from overround.kit import logs
from overround.people import sessions
from overround.people.sessions import SessionLimits

AT_ONCE: Final = 64
WAITING_MAX: Final = 4_096

_Asked = tuple[UUID, bytes]
_log = logs.get(__name__)


class Knowing:
    """One process's look-ups; used from one event loop. `url` is the app login's."""

    def __init__(self, url: str, limits: SessionLimits, clock: Clock, *, prepares: bool) -> None:
        self._url = url
        self._limits = limits
        self._clock = clock
        self._prepares = prepares
        self._waiting: dict[_Asked, asyncio.Future[Principal | None]] = {}
        self._arrived = asyncio.Event()

    async def who(self, tenant_id: UUID, token: str) -> Principal | None:
        """Whose token it is; None for nobody's. Raises Unavailable."""
        asked = (tenant_id, hashlib.sha256(token.encode()).digest())
        answer = self._waiting.get(asked)
        if answer is None:
            if len(self._waiting) >= WAITING_MAX:
                raise Unavailable("too many log-ins are being looked up")
            answer = self._waiting[asked] = asyncio.get_running_loop().create_future()
            self._arrived.set()
        return await asyncio.shield(answer)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Look up for the length of the block."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self._answer(list(self._waiting), error=Unavailable("this process is ending"))

    async def _run(self) -> None:
        conn: Connection | None = None
        try:
            while True:
                if not self._waiting:
                    self._arrived.clear()
                    await self._arrived.wait()
                asked = list(self._waiting)[:AT_ONCE]
                try:
                    if conn is None or conn.closed:
                        conn = await self._connected()
                    self._answer(asked, await self._look_up(conn, asked))
                except psycopg.Error as error:
                    _log.warning("sessions.unanswered", asked=len(asked), reason=str(error))
                    self._answer(asked, error=Unavailable("the database does not answer"))
        finally:
            if conn is not None:
                await conn.close()

    async def _connected(self) -> Connection:
        return await connect(self._url, prepares=self._prepares)

    async def _look_up(self, conn: Connection, asked: list[_Asked]) -> dict[_Asked, Principal]:
        at = self._clock.now()
        found = await sessions.authenticate_all(conn, asked, self._limits, at)
        return {
            key: Principal(key[0], live.user_id, live.kind, frozenset(live.scopes))
            for key, live in found.items()
        }

    def _answer(
        self,
        asked: list[_Asked],
        found: dict[_Asked, Principal] | None = None,
        error: Exception | None = None,
    ) -> None:
        for one in asked:
            answer = self._waiting.pop(one)
            if answer.done():
                continue
            if error is None:
                answer.set_result((found or {}).get(one))
            else:
                answer.set_exception(error)
                # Nobody may be there to hear it.
                answer.exception()
