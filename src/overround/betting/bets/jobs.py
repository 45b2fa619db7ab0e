"""The acceptor: slips that arrive while others are being placed are placed together.

A connection takes what waits (at most 64 slips), places it in one call and one commit, and gives
each slip its answer. Nothing waits for a timer: an idle acceptor places a slip by itself at once,
and a busy one makes its batches by being busy. Of many it takes half of those under way: the
database places one half while this process answers and reads the other
(test: two halves take turns). Between two calls the database idles, so next to nothing is done
then: what a call says of a slip is written when the slip comes (`words`), and the next call leaves
in the moment in which the last one is over, before its answers are read. Beside it stands a second
connection that takes what the first has left standing, because its call waits for an event's lock
or for the disk (test: a call that waits holds up nobody else); two that took turns would make
batches of half the width, and a call has a price before it places a slip.

A player's slips are placed in the order in which they arrived: while one connection has a slip of
his, no other takes one (test: slips of one player keep their order), and one that is asked again,
because its price moved, is the first to be taken (test: who is asked again keeps his place). A key
that is under way is refused (test: a key in flight is refused). A slip whose failure fails its
batch fails alone: the others are placed one by one (test: a bad slip fails alone). When the slip
that has waited longest has waited too long, or many have been waiting for long (`room`), whoever
comes is told to come back (test: a queue that is too old sheds)
(test: a queue that stands is short).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Final
from uuid import UUID

import psycopg

from overround.betting.bets import rules, service, store, words
from overround.betting.bets.model import Asked, Decision, Priced
from overround.betting.bets.room import STANDS_S, Room
from overround.betting.bets.words import Words
from overround.core.errors import Refusal, Unavailable
from overround.db import connect
from overround.db.calls import Calls, Row
from overround.kit import logs

# How long each connection leaves a slip to the others.
PATIENCE_S: Final = (0.0, 0.02)
# Half of what a person waits for without noticing; twice what a batch may take at its worst.
AGE_MAX_S: Final = 0.5
RECONNECT_S: Final = 0.25
# What a drain may take; longer than a call (its login's statement_timeout) can. A call that has no
# answer for so long has none: its connection is given up, and its players are served again
# (test: a call that is never answered is given up).
DRAIN_S: Final = 8.0
_WATCH_S: Final = 0.5

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


# Told to thousands and never raised, so that it is made once.
_OVERLOADED: Final = Overloaded()


@dataclass(slots=True, eq=False)
class _Waiting:
    """A slip in the queue and who waits for its answer."""

    asked: Asked
    since_s: float
    answer: asyncio.Future[Decision]
    priced: Priced = field(init=False)
    said: Words = field(init=False)
    player: tuple[UUID, UUID] = field(init=False)
    key: tuple[UUID, UUID, str] = field(init=False)
    looks: int = 1
    # Whether its call is a call for it alone.
    is_alone: bool = field(init=False)

    def __post_init__(self) -> None:
        tenant_id, slip = self.asked.tenant_id, self.asked.slip
        self.player = (tenant_id, slip.user_id)
        self.key = (tenant_id, slip.user_id, slip.key)
        self.is_alone = slip.free_bet_id is not None
        self.reckon(rules.as_shown(slip))

    def reckon(self, priced: Priced) -> None:
        """Be asked at this. It is written down now, while another call is under way."""
        self.priced = priced
        self.said = words.of(self.asked, priced)


class _Lane:
    """A connection, what it places now, and how long it leaves a slip to the others."""

    def __init__(self, patience_s: float) -> None:
        self.patience_s = patience_s
        self.calls: Calls | None = None
        self.batch: list[_Waiting] = []
        # How many slips its last call had: they are about to be answered.
        self.answered = 0
        self.timer: asyncio.TimerHandle | None = None
        # The connection is lost, or there is nothing to do for it any more.
        self.ended = asyncio.Event()

    @property
    def is_free(self) -> bool:
        """Whether it can be given something to do."""
        return self.calls is not None and not self.calls.is_lost and not self.batch


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
        answer_s_max: float = DRAIN_S,
    ) -> None:
        self._url = url
        self._prepares = prepares
        self._age_max_s = age_max_s
        self._answer_s_max = answer_s_max
        self._room = Room(monotonic(), stands_s)
        self._queue: deque[_Waiting] = deque()
        self._keys: set[tuple[UUID, UUID, str]] = set()
        self._busy: set[tuple[UUID, UUID]] = set()
        self._lanes = [_Lane(patience_s) for patience_s in PATIENCE_S]
        self._is_stirred = False
        self._is_closing = False

    async def ask(self, asked: Asked) -> Decision:
        """The answer to a slip, committed. Raises InFlight, Overloaded, and Unavailable when the
        database went away meanwhile: then the key tells what became of it."""
        if self.refusal() is not None:
            raise Overloaded
        if (asked.tenant_id, asked.slip.user_id, asked.slip.key) in self._keys:
            raise InFlight
        waiting = _Waiting(asked, monotonic(), asyncio.get_running_loop().create_future())
        self._keys.add(waiting.key)
        self._queue.append(waiting)
        self._stir()
        # Who hangs up takes the answer's place away and leaves his slip: it may be placed already,
        # and its key will say.
        return await waiting.answer

    def refusal(self, coming: int = 0) -> Overloaded | None:
        """What whoever comes now is told, after `coming` others who were told nothing and have not
        asked yet; None, and he may wait."""
        return _OVERLOADED if self._is_closing or self._is_late(coming) else None

    def _is_late(self, coming: int) -> bool:
        now_s = monotonic()
        # Every slip has its key, from its coming to its answer.
        if self._room.is_full(len(self._keys) + coming, now_s):
            return True
        return bool(self._queue) and now_s - self._queue[0].since_s > self._age_max_s

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Place what is asked for the length of the block; what waits at its end is placed too."""
        await self._connect(self._lanes[0])
        tasks = [asyncio.create_task(self._serve(lane)) for lane in self._lanes]
        try:
            yield
        finally:
            self._is_closing = True
            self._stir()
            _, late = await asyncio.wait(tasks, timeout=DRAIN_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            left = [waiting for lane in self._lanes for waiting in lane.batch]
            self._dismiss([*left, *self._queue], Unavailable("this process ends"))

    async def _serve(self, lane: _Lane) -> None:
        """Keep a lane connected, until closing and empty."""
        while not self._is_over():
            try:
                if lane.calls is None:
                    await self._connect(lane)
                self._stir()
                await self._until_ended(lane)
            except Unavailable as error:
                batch = self._take(0)
                self._put_down(batch)
                self._unanswered(batch, error)
            finally:
                lane.ended.clear()
                if lane.calls is not None:
                    calls, lane.calls = lane.calls, None
                    await calls.close()

    async def _until_ended(self, lane: _Lane) -> None:
        while not lane.ended.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_WATCH_S):
                    await lane.ended.wait()
            if lane.calls is not None:
                lane.calls.give_up(self._answer_s_max)

    def _is_over(self) -> bool:
        return self._is_closing and not self._queue

    async def _connect(self, lane: _Lane) -> None:
        """Give the lane a connection that commits each call by itself. Raises Unavailable."""
        try:
            conn = await connect(self._url, prepares=self._prepares)
            calls = Calls(conn, partial(self._hear, lane), lane.ended.set)
            await calls.open(store.called())
        except psycopg.Error as error:
            await asyncio.sleep(RECONNECT_S)
            raise Unavailable("the database does not answer (bets)") from error
        lane.calls = calls

    def _stir(self) -> None:
        """Have the lanes look at the queue when all that comes in this moment is in it."""
        if not self._is_stirred:
            self._is_stirred = True
            asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._is_stirred = False
        for lane in self._lanes:
            self._go(lane)

    def _go(self, lane: _Lane) -> None:
        """Have a lane that is free place what waits."""
        if not lane.is_free:
            return
        if (leaves_s := self._leaves_s(lane.patience_s)) > 0.0:
            if lane.timer is None:
                lane.timer = asyncio.get_running_loop().call_later(leaves_s, self._wake, lane)
            return
        lane.batch = self._take(lane.answered)
        lane.answered = len(lane.batch)
        if lane.batch:
            self._place(lane)
        elif self._is_over():
            lane.ended.set()

    def _wake(self, lane: _Lane) -> None:
        lane.timer = None
        self._go(lane)

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
            waiting = self._queue[0]
            if waiting.player in self._busy:
                passed.append(self._queue.popleft())
            elif batch and (waiting.is_alone or batch[0].is_alone):
                break
            else:
                batch.append(self._queue.popleft())
        self._queue.extendleft(reversed(passed))
        self._busy.update([waiting.player for waiting in batch])
        return batch

    def _place(self, lane: _Lane) -> None:
        """Have the lane's batch placed."""
        assert lane.calls is not None
        slip, said = lane.batch[0].asked.slip, [waiting.said for waiting in lane.batch]
        is_free = slip.free_bet_id is not None
        call = store.call_of_free(said[0], slip) if is_free else store.call_of_all(said)
        lane.calls.call(*call)

    def _hear(self, lane: _Lane, answer: Row | psycopg.Error) -> None:
        """A call is over: the next one leaves, then the slips of this one are answered."""
        batch, lane.batch = lane.batch, []
        self._put_down(batch)
        if isinstance(answer, psycopg.Error):
            self._failed(lane, batch, answer)
            self._go(lane)
            return
        decisions: list[Decision] | None = None
        try:
            if "moved" in answer[0]:
                decisions = words.decided([waiting.priced for waiting in batch], answer)
                batch, decisions = self._moved(batch, decisions)
            self._go(lane)
            if decisions is None:
                decisions = words.decided([waiting.priced for waiting in batch], answer)
            for waiting, decision in zip(batch, decisions, strict=True):
                if not waiting.answer.done():
                    waiting.answer.set_result(decision)
        finally:
            self._dismiss(batch, Unavailable("the answer was lost; ask again by the same key"))

    def _moved(
        self, batch: Sequence[_Waiting], decisions: Sequence[Decision]
    ) -> tuple[list[_Waiting], list[Decision]]:
        """Ask again for those whose prices are others now, before all others; the rest."""
        again: list[_Waiting] = []
        rest: list[tuple[_Waiting, Decision]] = []
        for waiting, decision in zip(batch, decisions, strict=True):
            if decision.kind != "moved" or waiting.looks >= service.LOOKS_MAX:
                rest.append((waiting, decision))
                continue
            waiting.looks += 1
            waiting.reckon(rules.as_told(waiting.priced, decision.answer))
            again.append(waiting)
        self._queue.extendleft(reversed(again))
        return [waiting for waiting, _ in rest], [decision for _, decision in rest]

    def _failed(self, lane: _Lane, batch: Sequence[_Waiting], error: psycopg.Error) -> None:
        """Say so, or ask again for each by itself."""
        assert lane.calls is not None
        # What waited too long would wait as long again by itself, and each after the other.
        if lane.calls.is_lost or isinstance(error, _TIMED_OUT):
            self._unanswered(batch, error)
        elif len(batch) == 1:
            bet_id = str(batch[0].asked.slip.bet_id)
            _log.error("bets.slip_failed", bet_id=bet_id, reason=str(error))
            self._dismiss(batch, Unavailable("this bet could not be placed"))
        else:
            _log.warning("bets.batch_failed", slips=len(batch), reason=str(error))
            for waiting in batch:
                waiting.is_alone = True
            self._queue.extendleft(reversed(batch))

    def _unanswered(self, batch: Sequence[_Waiting], error: Exception) -> None:
        """Nobody knows what became of these slips but their keys."""
        if batch:
            _log.warning("bets.unanswered", slips=len(batch), reason=str(error))
        self._dismiss(batch, Unavailable("the database was away; ask again by the same key"))

    def _put_down(self, batch: Sequence[_Waiting]) -> None:
        self._busy.difference_update([waiting.player for waiting in batch])
        # Whoever was passed over because of these players can be taken now, by anybody.
        self._stir()

    def _dismiss(self, batch: Sequence[_Waiting], error: Unavailable) -> None:
        """These slips are over; whoever has not been answered is told why."""
        self._keys.difference_update([waiting.key for waiting in batch])
        for waiting in batch:
            if not waiting.answer.done():
                waiting.answer.set_exception(error)
                # Nobody may be there to hear it: the caller has hung up.
                waiting.answer.exception()
