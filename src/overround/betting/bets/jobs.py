"""The acceptor: slips that arrive while others are being placed are placed together.

A connection takes what waits (at most 64 slips), places it in one call and one commit, and gives
each slip its answer. Nothing waits for a timer: an idle acceptor places a slip by itself at once,
and a busy one makes its batches by being busy. Of many it takes half of those under way: the
database places one half while this process answers and reads the other
(test: two halves take turns). Beside it stands a second connection that takes what the first has
left standing, because its call waits for an event's lock or for the disk
(test: a call that waits holds up nobody else); two that took turns would make batches of half the
width, and a call has a price before it places a slip.

A player's slips are placed in the order in which they arrived: while one connection has a slip of
his, no other takes one (test: slips of one player keep their order). A key that is under way is
refused (test: a key in flight is refused). A slip whose failure fails its batch fails alone: the
others are placed one by one (test: a bad slip fails alone). When the slip that has waited longest
has waited too long, or many have been waiting for long (`room`), whoever comes is told to come back
(test: a queue that is too old sheds) (test: a queue that stands is short).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Final
from uuid import UUID

import psycopg

from overround.betting.bets import rules, service
from overround.betting.bets.model import Asked, Decision
from overround.betting.bets.room import STANDS_S, Room
from overround.core.errors import Refusal, Unavailable
from overround.db import Connection, connect
from overround.kit import logs

# How long each connection leaves a slip to the others.
PATIENCE_S: Final = (0.0, 0.02)
# Half of what a person waits for without noticing; twice what a batch may take at its worst.
AGE_MAX_S: Final = 0.5
RECONNECT_S: Final = 0.25
# What a drain may take; longer than a call (its login's statement_timeout) can.
DRAIN_S: Final = 8.0

_TIMED_OUT: Final = (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable)

_log = logs.get(__name__)


class InFlight(Refusal):
    """A request with this Idempotency-Key is being answered."""

    code = "request_in_flight"
    status = 409


class Overloaded(Unavailable):
    """Too many bets are waiting; try again in a moment."""

    code = "overloaded"
    retry_after_s = 1


@dataclass(slots=True, eq=False)
class _Waiting:
    """A slip in the queue and who waits for its answer."""

    asked: Asked
    since_s: float
    answer: asyncio.Future[Decision]
    player: tuple[UUID, UUID] = field(init=False)
    key: tuple[UUID, UUID, str] = field(init=False)

    def __post_init__(self) -> None:
        tenant_id, slip = self.asked.tenant_id, self.asked.slip
        self.player = (tenant_id, slip.user_id)
        self.key = (tenant_id, slip.user_id, slip.key)


class Acceptor:
    """The queue of one process and the connections that empty it; used from one event loop.

    `url` is the app login's. Raises Unavailable when the database does not answer at the start.
    """

    def __init__(
        self,
        url: str,
        *,
        prepares: bool = True,
        age_max_s: float = AGE_MAX_S,
        stands_s: float = STANDS_S,
    ) -> None:
        self._url = url
        self._prepares = prepares
        self._age_max_s = age_max_s
        self._room = Room(monotonic(), stands_s)
        self._queue: deque[_Waiting] = deque()
        self._keys: set[tuple[UUID, UUID, str]] = set()
        self._busy: set[tuple[UUID, UUID]] = set()
        self._arrived = asyncio.Event()
        self._is_closing = False

    async def ask(self, asked: Asked) -> Decision:
        """The answer to a slip, committed. Raises InFlight, Overloaded, and Unavailable when the
        database went away meanwhile: then the key tells what became of it."""
        if (refusal := self.refusal()) is not None:
            raise refusal
        waiting = _Waiting(asked, monotonic(), asyncio.get_running_loop().create_future())
        if waiting.key in self._keys:
            raise InFlight
        self._keys.add(waiting.key)
        self._queue.append(waiting)
        self._arrived.set()
        # Who hangs up takes the answer's place away and leaves his slip: it may be placed already,
        # and its key will say.
        return await waiting.answer

    def refusal(self, coming: int = 0) -> Overloaded | None:
        """What whoever comes now is told, after `coming` others who were told nothing and have not
        asked yet; None, and he may wait."""
        return Overloaded() if self._is_closing or self._is_late(coming) else None

    def _is_late(self, coming: int) -> bool:
        now_s = monotonic()
        # Every slip has its key, from its coming to its answer.
        if self._room.is_full(len(self._keys) + coming, now_s):
            return True
        return bool(self._queue) and now_s - self._queue[0].since_s > self._age_max_s

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Place what is asked for the length of the block; what waits at its end is placed too."""
        first = await self._connected()
        tasks = [
            asyncio.create_task(self._serve(first if n == 0 else None, patience_s))
            for n, patience_s in enumerate(PATIENCE_S)
        ]
        try:
            yield
        finally:
            self._is_closing = True
            self._arrived.set()
            _, late = await asyncio.wait(tasks, timeout=DRAIN_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, conn: Connection | None, patience_s: float) -> None:
        """One connection's life: take what waits, place it, again; until closing and empty.

        Nothing is awaited between two calls: the next one is on its way before the answers of the
        last one are written.
        """
        answered = 0
        try:
            while True:
                if (leaves_s := self._leaves_s(patience_s)) > 0.0:
                    await asyncio.sleep(leaves_s)
                batch = self._take(answered)
                answered = len(batch)
                if not batch:
                    if self._is_closing and not self._queue:
                        return
                    self._arrived.clear()
                    await self._arrived.wait()
                    continue
                try:
                    if conn is None or conn.closed:
                        conn = await self._connected()
                    await self._place(conn, batch)
                except (psycopg.Error, Unavailable) as error:
                    _log.warning("bets.unanswered", slips=len(batch), reason=str(error))
                    _fail(batch, Unavailable("the database was away; ask again by the same key"))
                finally:
                    _fail(batch, Unavailable("the answer was lost; ask again by the same key"))
                    self._put_down(batch)
        finally:
            if conn is not None:
                await conn.close()

    def _leaves_s(self, patience_s: float) -> float:
        """How much longer a connection leaves what waits to the others."""
        if not self._queue or self._is_closing:
            return 0.0
        return max(0.0, self._queue[0].since_s + patience_s - monotonic())

    def _take(self, answered: int) -> list[_Waiting]:
        """What waits, in its order, without the slips of players whom another connection serves;
        `answered` slips of this connection's last call are about to be."""
        waiting_now = len(self._queue)
        width = min(service.BATCH_MAX, rules.batch_width(waiting_now, answered))
        batch: list[_Waiting] = []
        passed: list[_Waiting] = []
        while self._queue and len(batch) < width:
            waiting = self._queue.popleft()
            (passed if waiting.player in self._busy else batch).append(waiting)
        self._queue.extendleft(reversed(passed))
        self._busy.update(waiting.player for waiting in batch)
        return batch

    def _put_down(self, batch: Sequence[_Waiting]) -> None:
        self._busy.difference_update(waiting.player for waiting in batch)
        self._keys.difference_update(waiting.key for waiting in batch)
        # Whoever was passed over because of these players can be taken now, by anybody.
        self._arrived.set()

    async def _place(self, conn: Connection, batch: Sequence[_Waiting]) -> None:
        """Answer the batch, or each of it by itself when it fails as a whole."""
        try:
            decisions = await service.place_all(conn, [waiting.asked for waiting in batch])
        except psycopg.Error as error:
            # What waited too long would wait as long again by itself, and each after the other.
            if conn.closed or isinstance(error, _TIMED_OUT):
                raise
            if len(batch) == 1:
                bet_id = str(batch[0].asked.slip.bet_id)
                _log.error("bets.slip_failed", bet_id=bet_id, reason=str(error))
                raise
            _log.warning("bets.batch_failed", slips=len(batch), reason=str(error))
            await self._place_singly(conn, batch)
            return
        for waiting, decision in zip(batch, decisions, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(decision)

    async def _place_singly(self, conn: Connection, batch: Sequence[_Waiting]) -> None:
        for waiting in batch:
            try:
                await self._place(conn, [waiting])
            except psycopg.Error:
                if conn.closed:
                    raise
                _fail([waiting], Unavailable("this bet could not be placed"))

    async def _connected(self) -> Connection:
        """A connection that commits each call by itself. Raises Unavailable."""
        try:
            return await connect(self._url, prepares=self._prepares)
        except psycopg.Error as error:
            await asyncio.sleep(RECONNECT_S)
            raise Unavailable("the database does not answer (bets)") from error


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)
            # Nobody may be there to hear it: the caller has hung up.
            waiting.answer.exception()
