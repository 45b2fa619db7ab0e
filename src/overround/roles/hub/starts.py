"""Which events have not begun, and which of them are due.

A tick asks twice whether one is; a board has a hundred thousand, so nobody goes through them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush
from uuid import UUID


@dataclass(slots=True)
class Ahead:
    """The events that have not begun, by their starts."""

    _starts: dict[UUID, datetime] = field(default_factory=dict[UUID, datetime])
    # Every start that was put, the first one first. One that was moved or dropped since is passed
    # over when its time has come.
    _by_time: list[tuple[datetime, UUID]] = field(default_factory=list[tuple[datetime, UUID]])

    def __contains__(self, event_id: UUID) -> bool:
        return event_id in self._starts

    def put(self, starts: Mapping[UUID, datetime]) -> None:
        """These events are ahead and start then, whatever was said of them before."""
        for event_id, starts_at in starts.items():
            if self._starts.get(event_id) != starts_at:
                self._starts[event_id] = starts_at
                heappush(self._by_time, (starts_at, event_id))

    def drop(self, *event_ids: UUID) -> None:
        """These events are ahead no more, or known no more."""
        for event_id in event_ids:
            self._starts.pop(event_id, None)

    def due(self, at: datetime) -> dict[UUID, datetime]:
        """Those whose start has come, each with it; they are ahead no more."""
        found: dict[UUID, datetime] = {}
        while self._by_time and self._by_time[0][0] <= at:
            starts_at, event_id = heappop(self._by_time)
            if self._starts.get(event_id) == starts_at:
                found[event_id] = self._starts.pop(event_id)
        return found
