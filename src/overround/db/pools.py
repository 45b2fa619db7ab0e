"""Connections: one pool per purpose, one transaction per request or `run_once`.

`transaction(tenant_id)`, `reading(tenant_id)` and `snapshot(tenant_id)` are the only ways to a
connection. The tenant is set for the transaction alone (`set_config(..., true)`), never for the
connection, so nothing of it is left in the pool (test: alternating tenants through one connection).

A server that was restarted leaves a pool full of connections that are none. Whoever is handed one
has all of them looked at, and new ones are asked for every quarter of a second until the server is
there, so a caller waits as long as the server is away and hardly longer
(test: a pool answers as soon as its server does).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from overround.core.errors import Unavailable

Connection = psycopg.AsyncConnection[TupleRow]

# The pool tries a second time after this pause and then calls `reconnect_failed`. Left to itself it
# would double the pause from one second on, and a server that was away for two would be missed for
# four.
RECONNECT_S: Final = 0.25

_BEGIN = "SELECT set_config('overround.tenant_id', %s, true)"
_BEGIN_READ = """
SELECT set_config('transaction_read_only', 'on', true),
       set_config('overround.tenant_id', %s, true)"""

# Before any other statement of the transaction, or the server refuses it.
_ONE_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"


class Database:
    """A pool of connections of one login for one purpose (`web`, `bets`, `worker`, ...)."""

    def __init__(self, pool: AsyncConnectionPool[Connection], purpose: str) -> None:
        self._pool = pool
        self.purpose = purpose

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        purpose: str,
        size_min: int = 2,
        size_max: int = 5,
        acquire_timeout_s: float = 5.0,
        prepare_threshold: int | None = 5,
    ) -> Database:
        """Open the pool and wait until its first connections answer.

        Raises Unavailable when they do not within `acquire_timeout_s`. Set `prepare_threshold` to
        None behind a transaction-mode pooler: 0 would mean "prepare at once" and let one client run
        another's statement.
        """
        kwargs: dict[str, Any] = {"prepare_threshold": prepare_threshold}
        pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            name=purpose,
            min_size=size_min,
            max_size=max(size_min, size_max),
            timeout=acquire_timeout_s,
            open=False,
            kwargs=kwargs,
            reconnect_timeout=RECONNECT_S,
            reconnect_failed=_try_again,
        )
        try:
            await pool.open(wait=True, timeout=acquire_timeout_s)
        except PoolTimeout as error:
            await pool.close()
            raise Unavailable(f"the database does not answer ({purpose})") from error
        return cls(pool, purpose)

    async def close(self) -> None:
        """Close the pool; waits for the connections that are in use."""
        await self._pool.close()

    @asynccontextmanager
    async def transaction(self, tenant_id: UUID | None) -> AsyncGenerator[Connection]:
        """A read-write transaction at READ COMMITTED that sees the rows of `tenant_id`.

        Without a tenant only platform tables show rows. Commits at the end, rolls back on an error.
        Raises Unavailable when no connection is free in time.
        """
        async with self._acquire() as conn, conn.transaction():
            await conn.execute(_BEGIN, [str(tenant_id) if tenant_id else ""])
            yield conn

    @asynccontextmanager
    async def reading(self, tenant_id: UUID | None) -> AsyncGenerator[Connection]:
        """A read-only transaction that sees the rows of `tenant_id`; a write in it fails."""
        async with self._acquire() as conn, conn.transaction():
            await conn.execute(_BEGIN_READ, [str(tenant_id) if tenant_id else ""])
            yield conn

    @asynccontextmanager
    async def snapshot(self, tenant_id: UUID | None) -> AsyncGenerator[Connection]:
        """As `reading`, with every statement looking at one moment: for checks of many statements.

        A check that reads twice would otherwise find the bets between (test: a snapshot is one
        moment).
        """
        async with self._acquire() as conn, conn.transaction():
            await conn.execute(_ONE_MOMENT)
            await conn.execute(_BEGIN_READ, [str(tenant_id) if tenant_id else ""])
            yield conn

    @asynccontextmanager
    async def _acquire(self) -> AsyncGenerator[Connection]:
        try:
            conn = await self._answering()
        except PoolTimeout as error:
            raise Unavailable(f"no database connection is free ({self.purpose})") from error
        try:
            yield conn
        finally:
            await self._pool.putconn(conn)

    async def _answering(self) -> Connection:
        """A connection at whose other end there is a server. Raises PoolTimeout.

        The pool has a check of its own, but it waits a second and more between one broken
        connection and the next, and after a restart all of them are.
        """
        deadline_s = monotonic() + self._pool.timeout
        while True:
            conn = await self._pool.getconn(deadline_s - monotonic())
            try:
                await self._pool.check_connection(conn)
            except psycopg.Error:
                await self._pool.putconn(conn)
                await self._pool.check()
            except BaseException:
                await self._pool.putconn(conn)
                raise
            else:
                return conn

    def stats(self) -> dict[str, int]:
        """The pool's own figures: pool_size, pool_available, requests_waiting and the totals."""
        return dict(self._pool.get_stats())


async def _try_again(pool: AsyncConnectionPool[Any]) -> None:
    """Have the pool that has given up a connection ask for one again."""
    await pool.check()
