"""Connections: one pool per purpose, one transaction per request or `run_once`.

`transaction(tenant_id)`, `reading(tenant_id)` and `snapshot(tenant_id)` are the only ways to a
connection. The tenant is set for the transaction alone (`set_config(..., true)`), never for the
connection, so nothing of it is left in the pool (test: alternating tenants through one connection).

A server that was restarted leaves a pool full of connections that are none. Whoever is handed one
has all of them looked at, and new ones are asked for every quarter of a second until the server is
there, so a caller waits as long as the server is away and hardly longer
(test: a pool answers as soon as its server does).

A server that neither answers nor hangs up (stopped, unplugged) is not waited for either: a
connection that is held too long is cut at our end (test: a stopped server holds nobody for long).

Each pool has a breaker. `admits()` tells those who can do without the database to do so while the
pool is crowded or its server does not answer; who cannot, asks all the same, with a shorter wait.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Any, Final, Literal, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from overround.core.clock import Clock, WallClock
from overround.core.errors import Unavailable
from overround.db import prepared
from overround.db.prepared import Prepare
from overround.kit import logs
from overround.kit.breaker import Breaker, BreakerState, Tolerance

Connection = psycopg.AsyncConnection[TupleRow]
Answer = TypeVar("Answer")

# The pool tries a second time after this pause and then calls `reconnect_failed`. Left to itself it
# would double the pause from one second on, and a server that was away for two would be missed for
# four.
RECONNECT_S: Final = 0.25

# Seed 004's numbers: what a pool may carry before those who can do without it have to.
USAGE_PERCENT_MAX: Final = 85
WAITING_MAX: Final = 5
# Opens at once, for what it counts is a state and not an accident, and asks again soon: a server
# that is back serves everybody within seconds. A trial that is not heard of is given up.
TOLERANCE: Final = Tolerance(failures_max=1, open_s=0.5, open_s_max=2.0, trial_s=3.0)
# Who cannot do without a database that is away is told so, and does not wait for it the full time.
ACQUIRE_AWAY_S: Final = 1.0

# What a caller of the api comes for; each has connections of its own, so that a flood of readers
# takes none from bets, and neither any from the office that has to stop them.
Purpose = Literal["bets", "reads", "admin"]
# Of a hundred connections of one api, so many each.
SHARES: Final[Mapping[Purpose, int]] = {"bets": 30, "reads": 50, "admin": 20}

_log = logs.get(__name__)

_purpose: ContextVar[Purpose] = ContextVar("purpose", default="reads")

_BEGIN = "SELECT set_config('overround.tenant_id', %s, true)"
_BEGIN_READ = """
SELECT set_config('transaction_read_only', 'on', true),
       set_config('overround.tenant_id', %s, true)"""

# Before any other statement of the transaction, or the server refuses it.
_ONE_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"


@dataclass(frozen=True, slots=True)
class PoolFigures:
    """How a pool stands; `usage_percent` is of the most connections it may have."""

    purpose: str
    size_max: int
    in_use: int
    waiting: int
    breaker: BreakerState

    @property
    def usage_percent(self) -> int:
        """Connections in use of a hundred."""
        return self.in_use * 100 // self.size_max

    @property
    def is_crowded(self) -> bool:
        """Whether those who can do without should."""
        return self.usage_percent >= USAGE_PERCENT_MAX or self.waiting >= WAITING_MAX


@contextmanager
def calling(purpose: Purpose) -> Generator[None]:
    """What is asked of the api's database within the block is asked for this purpose."""
    token = _purpose.set(purpose)
    try:
        yield
    finally:
        _purpose.reset(token)


class Database:
    """A pool of connections of one login for one purpose (`web`, `bets`, `worker`, ...)."""

    def __init__(
        self,
        pool: AsyncConnectionPool[Connection],
        purpose: str,
        *,
        hold_s_max: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._pool = pool
        self.purpose = purpose
        self._hold_s_max = hold_s_max
        self._clock = clock or WallClock()
        self._breaker = Breaker()
        # Counted here: the pool's own figures take a connection that is being made for one in use,
        # and who gave up waiting for one that waits.
        self._in_use = 0
        self._waiting = 0
        # When each connection was given back after it had done what it was asked.
        self._answered_s: WeakKeyDictionary[Connection, float] = WeakKeyDictionary()

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        purpose: str,
        size_min: int = 2,
        size_max: int = 5,
        acquire_timeout_s: float = 5.0,
        prepare_threshold: Prepare = None,
        hold_s_max: float | None = None,
    ) -> Database:
        """Open the pool and wait until its first connections answer.

        Raises Unavailable when they do not within `acquire_timeout_s`. `prepare_threshold` as a
        number is for who knows that no pooler stands between: behind one it is None, and 0 would
        mean "prepare at once" and let one client run another's statement; "direct" looks for
        itself. `hold_s_max` is how long a transaction may take before its connection is cut;
        without it there is no such bound.
        """
        is_seen = prepare_threshold == "direct"
        kwargs: dict[str, Any] = {"prepare_threshold": None if is_seen else prepare_threshold}
        pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            name=purpose,
            min_size=size_min,
            max_size=max(size_min, size_max),
            timeout=acquire_timeout_s,
            open=False,
            kwargs=kwargs,
            configure=prepared.where_direct if is_seen else None,
            reconnect_timeout=RECONNECT_S,
            reconnect_failed=_try_again,
        )
        try:
            await pool.open(wait=True, timeout=acquire_timeout_s)
        except PoolTimeout as error:
            await pool.close()
            raise Unavailable(f"the database does not answer ({purpose})") from error
        return cls(pool, purpose, hold_s_max=hold_s_max)

    async def close(self) -> None:
        """Close the pool; waits for the connections that are in use."""
        await self._pool.close()

    @asynccontextmanager
    async def transaction(
        self, tenant_id: UUID | None, *, trust_s: float = 0.0
    ) -> AsyncGenerator[Connection]:
        """A read-write transaction at READ COMMITTED that sees the rows of `tenant_id`.

        Without a tenant only platform tables show rows. Commits at the end, rolls back on an error.
        Raises Unavailable when no connection is free in time. Who is ready to begin anew whatever
        fails may have a connection that answered in the last `trust_s` without asking it again
        (test: a connection that answered just now is not asked again by who trusts it).
        """
        async with self._acquire(trust_s) as conn:
            async with conn.transaction():
                await conn.execute(_BEGIN, [str(tenant_id) if tenant_id else ""])
                yield conn
            _log.debug("db.saved", pool=self.purpose)

    @asynccontextmanager
    async def beginning(
        self, first: Callable[[Connection], Awaitable[Answer]], *, trust_s: float
    ) -> AsyncGenerator[tuple[Connection, Answer]]:
        """`transaction(None)` that begins with a question of the caller's, and its answer.

        The `first` question sets the tenant to nobody itself: for who begins a hundred times a
        second, and saves a way to the server and back each time
        (test: who begins with a question has its answer in the same transaction).
        """
        async with self._acquire(trust_s) as conn, conn.transaction():
            yield conn, await first(conn)

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

    def admits(self) -> bool:
        """Whether somebody who can do without the database may ask it now.

        False while the pool is crowded or its server does not answer; after a pause one is let
        through to try, and what becomes of his transaction decides for the others.
        """
        at = self._clock.now()
        asking = self._breaker.asking(at, TOLERANCE)
        if asking is None:
            return False
        self._breaker = asking
        if self.figures().is_crowded:
            self._breaker = asking.failed(at, TOLERANCE)
            return False
        return True

    def figures(self) -> PoolFigures:
        """How the pool stands now."""
        return PoolFigures(
            purpose=self.purpose,
            size_max=self._pool.max_size,
            in_use=self._in_use,
            waiting=self._waiting,
            breaker=self._breaker.state,
        )

    def every(self) -> tuple[Database, ...]:
        """The pools behind this one face."""
        return (self,)

    @asynccontextmanager
    async def _acquire(self, trust_s: float = 0.0) -> AsyncGenerator[Connection]:
        try:
            conn = await self._answering(trust_s)
        except PoolTimeout as error:
            self._breaker = self._breaker.failed(self._clock.now(), TOLERANCE)
            raise Unavailable(f"no database connection is free ({self.purpose})") from error
        if self._breaker.state != "closed" and not self.figures().is_crowded:
            self._breaker = self._breaker.answered()
        taken_s = monotonic()
        self._in_use += 1
        _log.debug("db.opened", pool=self.purpose)
        try:
            with _cut_after(conn, self._hold_s_max):
                yield conn
            self._answered_s[conn] = monotonic()
        finally:
            self._in_use -= 1
            await self._pool.putconn(conn)
            held_ms = round((monotonic() - taken_s) * 1_000, 2)
            _log.debug("db.closed", pool=self.purpose, held_ms=held_ms)

    async def _answering(self, trust_s: float) -> Connection:
        """A connection at whose other end there is a server. Raises PoolTimeout.

        The pool has a check of its own, but it waits a second and more between one broken
        connection and the next, and after a restart all of them are.
        """
        timeout_s = self._pool.timeout
        if self._breaker.state != "closed":
            timeout_s = min(timeout_s, ACQUIRE_AWAY_S)
        deadline_s = monotonic() + timeout_s
        while True:
            self._waiting += 1
            try:
                conn = await self._pool.getconn(deadline_s - monotonic())
            finally:
                self._waiting -= 1
            if monotonic() - self._answered_s.pop(conn, -inf) < trust_s:
                return conn
            try:
                with _cut_after(conn, deadline_s - monotonic()):
                    await self._pool.check_connection(conn)
            except psycopg.Error:
                await self._pool.putconn(conn)
                # A server that hung up says so of every connection at once. One that is stopped
                # would let us wait for each of them, one after the other.
                if monotonic() < deadline_s:
                    await self._pool.check()
            except BaseException:
                await self._pool.putconn(conn)
                raise
            else:
                return conn

    def stats(self) -> dict[str, int]:
        """The pool's own figures: pool_size, pool_available, requests_waiting and the totals."""
        return dict(self._pool.get_stats())


class Bulkheads(Database):
    """Several pools behind one face: each caller takes from the pool of its purpose (`calling`).

    A pool that is full keeps nobody of another purpose waiting
    (test: a flood of readers keeps no bet waiting).
    """

    def __init__(self, pools: Mapping[Purpose, Database]) -> None:
        self._pools = dict(pools)
        self.purpose = "web"

    @classmethod
    async def open_shares(
        cls,
        url: str,
        *,
        size_max: int,
        size_min: int = 2,
        acquire_timeout_s: float = 5.0,
        prepare_threshold: Prepare = None,
        hold_s_max: float | None = None,
    ) -> Bulkheads:
        """A pool for each purpose, `size_max` connections in all, though at least one each.

        Raises Unavailable as `Database.open` does; nothing stays open then.
        """
        pools: dict[Purpose, Database] = {}
        try:
            for purpose, share in SHARES.items():
                most = max(1, size_max * share // 100)
                pools[purpose] = await Database.open(
                    url,
                    purpose=purpose,
                    size_min=min(size_min, most),
                    size_max=most,
                    acquire_timeout_s=acquire_timeout_s,
                    prepare_threshold=prepare_threshold,
                    hold_s_max=hold_s_max,
                )
        except BaseException:
            for pool in pools.values():
                await pool.close()
            raise
        return cls(pools)

    def every(self) -> tuple[Database, ...]:
        """The pools behind this face."""
        return tuple(self._pools.values())

    def admits(self) -> bool:
        """As for a single pool, for the caller's purpose."""
        return self._mine().admits()

    def figures(self) -> PoolFigures:
        """The figures of the caller's purpose; `every` has all."""
        return self._mine().figures()

    def stats(self) -> dict[str, int]:
        """The figures of the caller's purpose; `every` has all."""
        return self._mine().stats()

    async def close(self) -> None:
        """Close every pool; waits for the connections that are in use."""
        await asyncio.gather(*(pool.close() for pool in self._pools.values()))

    @asynccontextmanager
    async def _acquire(self, trust_s: float = 0.0) -> AsyncGenerator[Connection]:
        async with self._mine()._acquire(trust_s) as conn:  # noqa: SLF001  (one of its own)
            yield conn

    def _mine(self) -> Database:
        return self._pools[_purpose.get()]


@contextmanager
def _cut_after(conn: Connection, seconds: float | None) -> Generator[None]:
    """Cut the line to the server when the block takes longer.

    Whoever waits for an answer then gets psycopg's own OperationalError at once. A cancelled wait
    would ask the server to cancel too, and wait another ten seconds for one that is stopped.
    """
    if seconds is None:
        yield
        return
    timer = asyncio.get_running_loop().call_later(max(seconds, 0.0), _cut, conn)
    try:
        yield
    finally:
        timer.cancel()


def _cut(conn: Connection) -> None:
    if conn.closed:
        return
    # A copy of the descriptor: the connection's own stays libpq's to close.
    with socket.socket(fileno=os.dup(conn.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


async def _try_again(pool: AsyncConnectionPool[Any]) -> None:
    """Have the pool that has given up a connection ask for one again."""
    await pool.check()
