"""Every order in which the steps of two transactions can follow one another, on a real database.

A step that waits for a lock is left waiting while the other transaction goes on, as it would be in
life; a third connection tells who waits. So the orders are tried, not sampled.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import combinations
from typing import Final
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow

from overround.db import Connection

Step = Callable[[Connection], Awaitable[object]]

_WAITS: Final = "SELECT cardinality(pg_blocking_pids(%s)) > 0"
_STUCK_S: Final = 10.0


def orders(first: int, second: int) -> Iterator[tuple[int, ...]]:
    """Every merge of `first` steps of transaction 0 and `second` steps of transaction 1."""
    for places in combinations(range(first + second), first):
        yield tuple(0 if place in places else 1 for place in range(first + second))


async def waits(monitor: Connection, pid: int) -> bool:
    """Whether the backend waits for a lock that another holds."""
    row = await (await monitor.execute(_WAITS, [pid])).fetchone()
    return bool(row and row[0])


async def until_waiting(monitor: Connection, pid: int) -> None:
    """Return when the backend waits for another; fails when it never does."""
    async with asyncio.timeout(_STUCK_S):
        while not await waits(monitor, pid):
            pass


class _Side:
    """One transaction: its steps run in order, each when it was allowed."""

    def __init__(self, conn: Connection, steps: Sequence[Step]) -> None:
        self.conn = conn
        self.pid = conn.info.backend_pid
        self.allowed = 0
        self.done = 0
        self.answers: list[object] = []
        self._steps = steps
        self._go = asyncio.Event()
        self.task = asyncio.create_task(self._run())

    def allow(self) -> None:
        self.allowed += 1
        self._go.set()

    async def _run(self) -> list[object]:
        for step in self._steps:
            while self.done == self.allowed:
                self._go.clear()
                await self._go.wait()
            self.answers.append(await step(self.conn))
            self.done += 1
        return self.answers


async def play(
    monitor: Connection,
    conns: tuple[Connection, Connection],
    steps: tuple[Sequence[Step], Sequence[Step]],
    order: Sequence[int],
) -> tuple[list[object], list[object]]:
    """Run the steps in this order; the answers of each transaction's steps.

    Raises what a step raised (a deadlock is psycopg's), after both transactions have ended.
    """
    sides = [_Side(conn, its) for conn, its in zip(conns, steps, strict=True)]
    for turn in order:
        side = sides[turn]
        side.allow()
        while not side.task.done() and side.done < side.allowed:
            if await waits(monitor, side.pid):
                break
    first, second = await asyncio.gather(*(side.task for side in sides), return_exceptions=True)
    for answer in (first, second):
        if isinstance(answer, BaseException):
            raise answer
    assert not isinstance(first, BaseException)
    assert not isinstance(second, BaseException)
    return first, second


def begin(tenant_id: UUID | None) -> Step:
    """The step that opens a transaction for the tenant."""

    async def step(conn: Connection) -> None:
        await conn.execute("BEGIN")
        await conn.execute(
            "SELECT set_config('overround.tenant_id', %s, true)",
            [str(tenant_id) if tenant_id else ""],
        )

    return step


async def commit(conn: Connection) -> None:
    """The step that commits."""
    await conn.execute("COMMIT")


@asynccontextmanager
async def connected(*urls: str) -> AsyncGenerator[list[psycopg.AsyncConnection[TupleRow]]]:
    """Plain connections in autocommit, whose transactions the steps open themselves."""
    conns = [await psycopg.AsyncConnection.connect(url, autocommit=True) for url in urls]
    try:
        yield conns
    finally:
        for conn in conns:
            await conn.close()
