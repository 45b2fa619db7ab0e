"""Every way in which two transactions can meet on a real database, statement by statement.

A transaction stops before each statement that it sends, and inside of schema functions that were
given gates (tests/support/gates.py) before each statement of theirs. One of the two goes on by one
statement at a time; which one is tried in all ways, not sampled. Who waits for a lock of the other
one's cannot go on, so no order is tried twice. A third connection tells who waits, and for whom. A
deadlock, a time-out and any other error end their transaction and are outcomes like the rest.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self, cast
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.abc import Params, Query
from psycopg.rows import TupleRow

from overround.core.errors import OverroundError
from overround.db import Connection

Body = Callable[[Connection], Awaitable[object]]
Isolation = Literal["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]
State = Literal["ready", "gate", "waits", "runs", "ended"]

_BLOCKERS: Final = "SELECT pg_blocking_pids(%s), pg_blocking_pids(%s)"
_WAITS: Final = "SELECT cardinality(pg_blocking_pids(%s)) > 0"
# The next two gates of a side are held by the scheduler; giving one way takes the one after it.
_SHUT: Final = """
SELECT pg_advisory_unlock_all(), pg_advisory_lock(1, 1), pg_advisory_lock(1, 2),
       pg_advisory_lock(2, 1), pg_advisory_lock(2, 2)"""
_GIVE_WAY: Final = "SELECT pg_advisory_lock(%s, %s), pg_advisory_unlock(%s, %s)"
_STUCK_S: Final = 30.0
_RUNS_MAX: Final = 250
_WORDS_MAX: Final = 90


@dataclass(frozen=True, slots=True)
class Transaction:
    """What one side does between BEGIN and COMMIT. The name is how a history calls it.

    `stops`: before which statements, where not all of them concern the other side; a pattern.
    """

    name: str
    body: Body
    tenant_id: UUID | None = None
    isolation: Isolation = "READ COMMITTED"
    stops: str = ""


@dataclass(slots=True)
class Run:
    """One order, and what it came to. An answer or an error for each side; commits in order."""

    answers: tuple[Any, Any] = (None, None)
    errors: tuple[Exception | None, Exception | None] = (None, None)
    commits: list[int] = field(default_factory=list[int])
    choices: list[int] = field(default_factory=list[int])
    history: list[str] = field(default_factory=list[str])
    turns: list[int] = field(default_factory=list[int])
    ended: dict[int, int] = field(default_factory=dict[int, int])

    def said(self, side: int) -> str:
        """The answer as text, or the name of the error."""
        error = self.errors[side]
        return type(error).__name__ if error is not None else str(self.answers[side])

    def was_first(self, side: int) -> bool:
        """Whether the side committed, and before the other one, if that did."""
        return self.commits[:1] == [side]

    def began_after(self, side: int, other: int) -> bool:
        """Whether the side's first statement was sent after the other one had committed."""
        return other in self.commits and side not in self.turns[: self.ended[other]]


class _Side:
    """One of the two: a task that stops before each of its statements."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.pid = 0
        self.gate = 1
        self.next = ""
        self.is_ready = False
        self.is_free = True
        self.task: asyncio.Task[None] | None = None
        self.answer: object = None
        self.error: Exception | None = None
        self._go = asyncio.Event()
        self._stops = re.compile("")

    async def pause(self, words: str) -> None:
        """Wait for one's turn to send this statement."""
        if self.is_free or not self._stops.search(words):
            return
        self.next, self.is_ready = words[:_WORDS_MAX], True
        await self._go.wait()
        self._go.clear()

    def go(self) -> None:
        self.is_ready = False
        self._go.set()

    async def run(self, conn: Connection, does: Transaction, run: Run) -> None:
        """The whole transaction, from outside of it."""
        self.gate, self.error, self.answer = 1, None, None
        self.is_free, self._stops = True, re.compile(does.stops)
        await conn.execute(
            "SELECT set_config('proof.side', %s, false), set_config('proof.gate', '0', false)",
            [str(self.number + 1)],
        )
        await conn.execute(sql.SQL("BEGIN ISOLATION LEVEL {}").format(sql.SQL(does.isolation)))
        await conn.execute(
            "SELECT set_config('overround.tenant_id', %s, true)", [str(does.tenant_id or "")]
        )
        self.is_free = False
        try:
            self.answer = await does.body(conn)
            # In the order of asking: whom this one wakes may hear of his own end first.
            run.commits.append(self.number)
            await conn.execute("COMMIT")
            run.ended[self.number] = len(run.turns)
        except (psycopg.Error, OverroundError) as error:
            self.error = error
            if self.number in run.commits:
                run.commits.remove(self.number)
            self.is_free = True
            await conn.execute("ROLLBACK")


def _cursor_of(side: _Side) -> type[psycopg.AsyncCursor[Any]]:
    """A kind of cursor that asks the side before each statement."""

    class Pausing(psycopg.AsyncCursor[Any]):
        async def execute(
            self,
            query: Query,
            params: Params | None = None,
            *,
            prepare: bool | None = None,
            binary: bool | None = None,
        ) -> Self:
            await side.pause(_words(query))
            return await super().execute(
                cast("bytes", query), params, prepare=prepare, binary=binary
            )

    return Pausing


def _words(query: Query) -> str:
    text = query.decode() if isinstance(query, bytes) else str(query)
    return " ".join(text.split())


class Scheduler:
    """Two connections whose transactions it runs in an order, and a third that looks on."""

    def __init__(
        self, monitor: Connection, conns: tuple[Connection, Connection], sides: tuple[_Side, _Side]
    ) -> None:
        self._monitor = monitor
        self._conns = conns
        self._sides = sides
        for side, conn in zip(sides, conns, strict=True):
            side.pid = conn.info.backend_pid

    async def play(self, both: tuple[Transaction, Transaction], choices: Sequence[int]) -> Run:
        """Run both to their ends. Where both could go on the next choice says which one does;
        past the last choice it is the first. `Run.choices` are all that were made."""
        run = Run()
        await self._monitor.execute(_SHUT)
        tasks = [
            asyncio.create_task(side.run(conn, does, run))
            for side, conn, does in zip(self._sides, self._conns, both, strict=True)
        ]
        for side, task in zip(self._sides, tasks, strict=True):
            side.task = task
        async with asyncio.timeout(_STUCK_S):
            while True:
                states = await self._settled()
                can = [n for n in (0, 1) if states[n] in {"ready", "gate"}]
                if states == ("ended", "ended"):
                    break
                if can:
                    await self._go_on(_chosen(can, choices, run), both, states, run)
            await asyncio.gather(*tasks)
        first, second = self._sides
        run.answers = first.answer, second.answer
        run.errors = first.error, second.error
        return run

    async def _go_on(
        self, turn: int, both: tuple[Transaction, ...], states: Sequence[State], run: Run
    ) -> None:
        side = self._sides[turn]
        run.turns.append(turn)
        if states[turn] == "ready":
            run.history.append(f"{both[turn].name}: {side.next}")
            side.go()
            return
        run.history.append(f"{both[turn].name}:   on through gate {side.gate}")
        number, gate = turn + 1, side.gate
        side.gate += 1
        await self._monitor.execute(_GIVE_WAY, [number, gate + 2, number, gate])

    async def _settled(self) -> tuple[State, State]:
        """How both stand once neither runs: looked at twice, for one's end wakes the other."""
        before: tuple[State, State] | None = None
        while True:
            now = await self._look()
            if "runs" not in now and now == before:
                return now
            before = now
            await asyncio.sleep(0)

    async def _look(self) -> tuple[State, State]:
        pids = [side.pid for side in self._sides]
        row = await (await self._monitor.execute(_BLOCKERS, pids)).fetchone()
        assert row is not None
        mine = self._monitor.info.backend_pid
        return _state(self._sides[0], row[0], mine), _state(self._sides[1], row[1], mine)


def _state(side: _Side, blockers: Sequence[int], monitor: int) -> State:
    assert side.task is not None
    if side.task.done():
        return "ended"
    if side.is_ready:
        return "ready"
    if monitor in blockers:
        return "gate"
    return "waits" if blockers else "runs"


def _chosen(can: Sequence[int], choices: Sequence[int], run: Run) -> int:
    if len(can) == 1:
        return can[0]
    made = len(run.choices)
    run.choices.append(choices[made] if made < len(choices) else 0)
    return run.choices[-1]


def following(choices: Sequence[int]) -> list[int] | None:
    """The choices of the next order, depth first; None after the last one."""
    for at in reversed(range(len(choices))):
        if choices[at] == 0:
            return [*choices[:at], 1]
    return None


Make = Callable[[int], Awaitable[tuple[Transaction, Transaction]]]
Check = Callable[[int, Run], Awaitable[str]]


async def every_order(scheduler: Scheduler, make: Make, check: Check) -> Counter[str]:
    """Play every order, each on what `make` lays out anew; what `check` calls each, counted.

    An AssertionError of a check is told with the order that it was found in.
    """
    outcomes: Counter[str] = Counter()
    choices: list[int] | None = []
    for number in range(_RUNS_MAX):
        if choices is None:
            return outcomes
        run = await scheduler.play(await make(number), choices)
        try:
            outcomes[await check(number, run)] += 1
        except AssertionError as error:
            raise AssertionError(f"{error}\nin this order:\n{told(run)}") from error
        choices = following(run.choices)
    raise AssertionError(f"more than {_RUNS_MAX} orders; gate fewer statements")


def told(run: Run) -> str:
    """An order as text: what went on when, and how each side ended."""
    ends = [f"side {n} ended with {run.said(n)}" for n in (0, 1)]
    return "\n".join(["  " + line for line in [*run.history, *ends]])


@asynccontextmanager
async def scheduling(monitor: str, first: str, second: str) -> AsyncGenerator[Scheduler]:
    """A scheduler over connections by these URLs."""
    sides = _Side(0), _Side(1)
    conns = [
        await psycopg.AsyncConnection.connect(url, autocommit=True, cursor_factory=_cursor_of(side))
        for url, side in zip((first, second), sides, strict=True)
    ]
    try:
        async with connected(monitor) as (looking,):
            yield Scheduler(looking, (conns[0], conns[1]), sides)
    finally:
        for conn in conns:
            await conn.close()


@asynccontextmanager
async def connected(*urls: str) -> AsyncGenerator[list[psycopg.AsyncConnection[TupleRow]]]:
    """Plain connections in autocommit, whose transactions a test opens itself."""
    conns = [await psycopg.AsyncConnection.connect(url, autocommit=True) for url in urls]
    try:
        yield conns
    finally:
        for conn in conns:
            await conn.close()


async def waits(monitor: Connection, pid: int) -> bool:
    """Whether the backend waits for a lock that another holds."""
    row = await (await monitor.execute(_WAITS, [pid])).fetchone()
    return bool(row and row[0])


async def until_waiting(monitor: Connection, pid: int) -> None:
    """Return when the backend waits for another; fails when it never does."""
    async with asyncio.timeout(_STUCK_S):
        while not await waits(monitor, pid):
            pass


def begin(tenant_id: UUID | None) -> Body:
    """Opens a transaction for the tenant on a plain connection."""

    async def step(conn: Connection) -> None:
        await conn.execute("BEGIN")
        await conn.execute(
            "SELECT set_config('overround.tenant_id', %s, true)",
            [str(tenant_id) if tenant_id else ""],
        )

    return step


async def commit(conn: Connection) -> None:
    """Ends it."""
    await conn.execute("COMMIT")


async def pid_of(conn: Connection) -> int:
    """The server's process that works for the open transaction. Asked of the server: behind a
    pooler the connection knows the pooler's number alone."""
    row = await (await conn.execute("SELECT pg_backend_pid()")).fetchone()
    assert row is not None
    return row[0]
