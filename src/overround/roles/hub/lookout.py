"""The lookout: where edges are looked for, and which of them wait for their second look.

What waits is kept here and not asked of the database at every tick; it is read once, when the hub
is loaded (test: an edge that waited is looked at by the next life of the hub).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from overround.db import Connection
from overround.odds import edges
from overround.odds.board import Board
from overround.odds.edges import Policy, Scope, SecondLook, Standing, StoredEdge

# What waits for a later word of a source is looked at no oftener, unless a price of it has come.
WAITING_EVERY: Final = timedelta(milliseconds=500)
# Edges of events that nobody speaks of any more grow stale too.
AGE_EVERY: Final = timedelta(seconds=1)
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


def nobody() -> SecondLook:
    """Nobody can be asked, as in a replay."""
    return edges.NOBODY


@dataclass(slots=True)
class Lookout:
    """The looks of one hub; `second` says who can be asked and what was answered of late,
    `policy` what is looked for.

    `asking` are the edges, by event, of which somebody has to be asked about a leg. `has_news`
    says that an edge has come, changed or gone; who tells of it clears it.
    """

    second: Callable[[], SecondLook] = nobody
    policy: Policy = field(default_factory=Policy)
    asking: dict[UUID, tuple[StoredEdge, ...]] = field(
        default_factory=dict[UUID, "tuple[StoredEdge, ...]"]
    )
    has_news: bool = False
    _waiting: dict[UUID, datetime] = field(default_factory=dict[UUID, datetime])
    _standing: Standing = field(default_factory=Standing)
    _waited_at: datetime = _LONG_AGO
    _aged_at: datetime = _LONG_AGO

    async def load(self, conn: Connection, at: datetime) -> None:
        """Which edges of an earlier life wait."""
        self._waiting = await edges.waiting(conn, at)

    def waiting(self, board: Board, at: datetime) -> list[UUID]:
        """The events on the board with an edge that waits for its second look; none where they were
        asked for just now."""
        if at - self._waited_at < WAITING_EVERY:
            return []
        self._waited_at = at
        self._waiting = {key: until for key, until in self._waiting.items() if until > at}
        return sorted(key for key in self._waiting if board.markets_of(key))

    async def look(
        self, conn: Connection, board: Board, scopes: Mapping[UUID, Scope], at: datetime
    ) -> None:
        """Look for edges on these events."""
        looked = await edges.detect(
            conn, board, scopes, at, self.policy, self.second(), self._standing
        )
        self.has_news |= looked.differs
        self._look_anew(scopes)
        self._waiting |= looked.waiting
        by_event: dict[UUID, list[StoredEdge]] = {}
        for edge in looked.asking:
            by_event.setdefault(edge.event_id, []).append(edge)
        self.asking |= {event_id: tuple(found) for event_id, found in by_event.items()}

    async def age(self, conn: Connection, at: datetime) -> None:
        """What nobody has confirmed in time is believed no more."""
        if at - self._aged_at >= AGE_EVERY or self._standing.grows_stale(at):
            self._aged_at = at
            await edges.age(conn, at)
            self._standing.aged(at)

    def forget(self, event_ids: Iterable[UUID]) -> None:
        """These events are over: nothing of them waits, and nothing of them stands."""
        event_ids = list(event_ids)
        self._look_anew(event_ids)
        self._standing.forget(event_ids)

    def _look_anew(self, event_ids: Iterable[UUID]) -> None:
        for event_id in event_ids:
            self._waiting.pop(event_id, None)
            self.asking.pop(event_id, None)
