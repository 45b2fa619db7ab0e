"""Matches as people decide them: a decision, and the prices that go with it, in one transaction.

A hub that runs hears of it with its next tick; what it has just written is moved too
(test: a decision waits for the tick of the hub).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from overround.core import ids
from overround.core.errors import Unavailable
from overround.db import Connection, Database
from overround.db import lease as leases
from overround.odds import board as boards
from overround.odds import catalogue, matching
from overround.odds.board import Question
from overround.odds.matching import Moved, Waiting
from overround.roles.hub import writer as hubs

# How many that wait are decided anew in one transaction, so that the hub gets its turn.
REMATCHED_AT_ONCE: Final = 200

_NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)

FeedKey = tuple[str, str]
After = tuple[datetime, str, str]

# Where the first page of what waits begins.
BEFORE_ALL: Final[After] = (datetime(1970, 1, 1, tzinfo=UTC), "", "")


@dataclass(frozen=True, slots=True)
class Placed:
    """What a decision did: where the feed's event was and is (None is the queue), how many rows of
    prices went with it, and whether no provider names the event that it was any more."""

    key: FeedKey
    event_before: UUID | None
    event_id: UUID | None
    swapped: bool
    prices: int
    left_alone: bool

    def as_dict(self) -> dict[str, Any]:
        """By the names of a report."""
        return {
            "key": ":".join(self.key),
            "event_before": None if self.event_before is None else str(self.event_before),
            "event": None if self.event_id is None else str(self.event_id),
            "swapped": self.swapped,
            "prices": self.prices,
            "left_alone": self.left_alone,
        }


async def confirm(
    worker: Database,
    key: FeedKey,
    event_id: UUID,
    by: str,
    at: datetime,
    *,
    swapped: bool | None = None,
) -> Placed:
    """The feed's event is this event of ours, whether it waits or was matched with another.

    Raises NotFound, Conflict `other_sport`, `named_already`, and Unavailable while a replay or an
    import writes the board.
    """
    async with _deciding(worker) as conn:
        moved = await matching.confirm(conn, key, event_id, by, at, swapped=swapped)
        return await _carry(conn, moved)


async def unmatch(worker: Database, key: FeedKey, by: str, at: datetime) -> Placed:
    """The feed's event is not what it was matched with: it waits, its prices beside the board.

    Raises NotFound, and Unavailable as `confirm` does.
    """
    async with _deciding(worker) as conn:
        return await _carry(conn, await matching.unmatch(conn, key, by, at))


async def new(
    worker: Database, key: FeedKey, by: str, at: datetime, *, as_they_look: bool = False
) -> Placed:
    """The feed's event that waits is nowhere yet: an event of its own, with its teams what they
    look like, or new ones.

    Raises NotFound, Conflict `same_participant`, and Unavailable as `confirm` does.
    """
    async with _deciding(worker) as conn:
        return await _carry(conn, await matching.new(conn, key, by, at, as_they_look=as_they_look))


async def reject(
    worker: Database, key: FeedKey, event_id: UUID | None, by: str, at: datetime
) -> list[UUID]:
    """The feed's event is not this one, or none of those it may be; returns which.

    Raises NotFound, Invalid `no_candidate`, and Unavailable as `confirm` does.
    """
    async with _deciding(worker) as conn:
        return await matching.reject(conn, key, event_id, by, at)


async def rematch(worker: Database, provider: str | None, at: datetime) -> tuple[int, list[Placed]]:
    """Decide anew everything that waits, by what has been learnt since; how many were looked at,
    and what is decided now. Raises Unavailable as `confirm` does."""
    after, seen = BEFORE_ALL, 0
    placed: list[Placed] = []
    while True:
        async with _deciding(worker) as conn:
            page = await matching.waiting_page(conn, provider, after, REMATCHED_AT_ONCE)
            decided = await matching.rematch(conn, page, at)
            placed += [await _carry(conn, moved) for moved in decided]
        seen += len(page)
        if len(page) < REMATCHED_AT_ONCE:
            return seen, placed
        last = page[-1]
        after = last.queued_at, last.provider, last.provider_event_id


async def waiting(
    worker: Database, provider: str | None, limit: int, after: After = BEFORE_ALL
) -> list[tuple[Waiting, list[catalogue.Event]]]:
    """What waits, oldest first, each with the events that it may be; `after` is the last one's
    (queued_at, provider, provider_event_id) of the page before."""
    async with worker.reading(None) as conn:
        page = await matching.waiting_page(conn, provider, after, limit)
        events = await catalogue.events_by_id(conn, [key for one in page for key in one.candidates])
    return [(one, [events[key] for key in one.candidates if key in events]) for one in page]


@asynccontextmanager
async def _deciding(worker: Database) -> AsyncGenerator[Connection]:
    """A transaction for a decision, while nobody but a live hub has the board in his memory."""
    async with worker.reading(None) as conn:
        holder = await leases.holder_of(conn, hubs.LEASE)
    if holder not in (None, hubs.HOLDER):
        raise Unavailable(f"the {holder} holds the board; decide when it is done")
    async with worker.transaction(None) as conn:
        yield conn


async def _carry(conn: Connection, moved: Moved) -> Placed:
    """Move the prices of a feed's event to where it is now."""
    beside = _beside(moved.key)
    rows = 0
    before = moved.before
    lies: tuple[UUID, Sequence[Question]] = (beside, _parked(moved.waiting))
    mirrored = moved.swapped
    if before is not None:
        markets = await catalogue.markets_of(conn, [before.event_id])
        lies = (before.event_id, [(m.market_type, m.period, m.line_q4) for m in markets])
        mirrored = before.swapped != moved.swapped
        if moved.event_id in (None, before.event_id):
            # Beside the board they lie as the provider says them. Sides that change places within
            # one event go by there too, for one must be away before the other can come.
            questions, rows = await boards.move(
                conn, moved.key[0], lies, (beside, None), mirrored=before.swapped
            )
            lies, mirrored = (beside, questions), moved.swapped
            if moved.event_id is None:
                await matching.park(conn, moved.key, questions)
    if moved.event_id is not None and lies[1]:
        target = moved.event_id, moved.starts_at
        _, rows = await boards.move(conn, moved.key[0], lies, target, mirrored=mirrored)
    return Placed(
        moved.key,
        before.event_id if before else None,
        moved.event_id,
        moved.swapped,
        rows,
        before is not None and not await matching.namers(conn, before.event_id),
    )


def _beside(key: FeedKey) -> UUID:
    """Where the prices of a feed's event lie while nobody knows whose they are: no event's id."""
    return ids.derived(_NO_TIME, "beside", *key)


def _parked(waiting: Waiting | None) -> list[Question]:
    return [] if waiting is None else [(m[0], m[1], m[2]) for m in waiting.parked]
