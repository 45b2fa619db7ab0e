"""The lookout: where edges are looked for, and which of them wait for their second look.

What waits is kept here and not asked of the database at every tick; it is read once, when the hub
is loaded (test: an edge that waited is looked at by the next life of the hub).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from overround.db import Connection
from overround.odds import edges
from overround.odds.board import Board
from overround.odds.edges import Policy, Scope, SecondLook, StoredEdge


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

    async def load(self, conn: Connection, at: datetime) -> None:
        """Which edges of an earlier life wait."""
        self._waiting = await edges.waiting(conn, at)

    def waiting(self, board: Board, at: datetime) -> list[UUID]:
        """The events on the board with an edge that waits for its second look."""
        self._waiting = {key: until for key, until in self._waiting.items() if until > at}
        return sorted(key for key in self._waiting if board.markets_of(key))

    async def look(
        self, conn: Connection, board: Board, scopes: Mapping[UUID, Scope], at: datetime
    ) -> None:
        """Look for edges on these events."""
        looked = await edges.detect(conn, board, scopes, at, self.policy, self.second())
        self.has_news |= looked.differs
        self.forget(scopes)
        self._waiting |= looked.waiting
        by_event: dict[UUID, list[StoredEdge]] = {}
        for edge in looked.asking:
            by_event.setdefault(edge.event_id, []).append(edge)
        self.asking |= {event_id: tuple(found) for event_id, found in by_event.items()}

    def forget(self, event_ids: Mapping[UUID, object]) -> None:
        """Nothing of these events waits any more: they were looked at anew, or are over."""
        for event_id in event_ids:
            self._waiting.pop(event_id, None)
            self.asking.pop(event_id, None)
