"""The asker: has workers look again at the legs of edges, and keeps for a moment what they say.

An answer counts for `ANSWER_S` from when it was asked for, because its page was read after that and
nobody knows when: within it every leg of an edge has to have been answered for, so what is verified
was to be had together (test: an answer that took long counts for less). Prices that go on moving
are asked about again before their answers are too old, so an edge that stands stays verified.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from overround.odds import edges
from overround.odds.edges import Leg, Place, SecondLook, StoredEdge
from overround.odds.feeds import FeedMarket
from overround.roles.hub.workers import Desk

ANSWER_S: Final = 1.5
# A price that moved since its answer is asked about again when that is so old.
AGAIN_S: Final = 0.7
# Who said nothing, or that there is nothing to be had, is asked again after this.
REFUSED_S: Final = 0.25
# A scraper gives itself two seconds for a look.
TIMEOUT_S: Final = 2.5
# More questions are asked when some of these have been answered; arbitrages go first.
ASKED_MAX: Final = 200
_FIRST: Final = ("arbitrage", "value", "middle", "low_hold")


@dataclass(slots=True)
class _Answer:
    """What was said of a price, and when; None while nothing is known. It was read after
    `read_after_s`."""

    price_e4: int | None = None
    read_after_s: float = 0.0
    said_s: float = 0.0
    is_open: bool = True


@dataclass(slots=True)
class Asker:
    """The questions of one hub. `wake` is called when an answer has come; `now_s` is a clock that
    is never put back."""

    desk: Desk
    wake: Callable[[], None]
    now_s: Callable[[], float] = time.monotonic
    _answers: dict[Place, _Answer] = field(default_factory=dict[Place, _Answer])
    _events: set[UUID] = field(default_factory=set[UUID])
    _asking: set[asyncio.Task[None]] = field(default_factory=set["asyncio.Task[None]"])

    def second(self) -> SecondLook:
        """Who can be asked now, and the answers that still count."""
        since_s = self.now_s() - ANSWER_S
        return SecondLook(
            self.desk.answering(),
            {
                place: one.price_e4
                for place, one in self._answers.items()
                if one.price_e4 is not None and one.read_after_s >= since_s
            },
        )

    def answered(self) -> list[UUID]:
        """The events of which something was answered since the last call."""
        events, self._events = sorted(self._events), set()
        return events

    def ask(self, found: Iterable[StoredEdge]) -> None:
        """Ask about every leg of these edges that somebody can look at and that was not looked at
        just now."""
        now_s = self.now_s()
        self._answers = {
            place: one
            for place, one in self._answers.items()
            if one.is_open or now_s - one.said_s <= ANSWER_S
        }
        answering = self.desk.answering()
        for edge in sorted(found, key=lambda one: (_FIRST.index(one.kind), -one.edge_ppm)):
            legs = [leg for leg in map(edges.leg_of, edge.legs) if leg.provider in answering]
            due = [leg for leg in legs if self._is_due(edges.place_of(leg), now_s)]
            for leg in due:
                if len(self._asking) < ASKED_MAX:
                    self._start(edge.event_id, leg, now_s)
            if not due and edge.seen_at == edge.detected_at and self._have_answers(legs):
                # Found just now, and another edge has asked about the same prices.
                self._events.add(edge.event_id)
                self.wake()

    async def close(self) -> None:
        """Wait for nobody any more."""
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)

    def _have_answers(self, legs: Iterable[Leg]) -> bool:
        answers = self.second().answers
        return all(edges.place_of(leg) in answers for leg in legs)

    def _is_due(self, place: Place, now_s: float) -> bool:
        known = self._answers.get(place)
        if known is None:
            return True
        if known.is_open:
            return False
        return now_s - known.said_s >= (REFUSED_S if known.price_e4 is None else AGAIN_S)

    def _start(self, event_id: UUID, leg: Leg, now_s: float) -> None:
        before = self._answers.get(edges.place_of(leg))
        # The answer there was counts on until it is too old.
        if before is None:
            before = self._answers[edges.place_of(leg)] = _Answer()
        before.is_open = True
        task = asyncio.create_task(self._ask(event_id, leg, before, now_s))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask(self, event_id: UUID, leg: Leg, answer: _Answer, now_s: float) -> None:
        market = FeedMarket(leg.market_type, leg.period, leg.line_q4)
        try:
            answer.price_e4 = await self.desk.confirm(
                leg.source, event_id, market, leg.side, TIMEOUT_S
            )
        finally:
            answer.said_s, answer.is_open = self.now_s(), False
            answer.read_after_s = now_s
        if answer.price_e4 is not None:
            self._events.add(event_id)
            self.wake()
