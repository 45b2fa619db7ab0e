"""A budget of requests by time, as a value: so many a minute, a few of them at once.

The generic cell rate algorithm: one moment says it all. `due_at` is when the budget would be full
again if nothing more was asked; a request moves it on by its share of the minute. One timestamp in
a row of a table is a budget that several processes share.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `per_minute` requests in the long run, at most `burst` of them at one moment."""

    per_minute: int
    burst: int = 1

    @property
    def share(self) -> timedelta:
        """What one request takes of the time."""
        return timedelta(minutes=1) / self.per_minute

    def ready_at(self, due_at: datetime | None, at: datetime) -> datetime:
        """When the next request may go: `at` itself, or later."""
        if due_at is None:
            return at
        return max(at, due_at - self.share * (self.burst - 1))

    def spent(self, due_at: datetime | None, at: datetime, requests: int = 1) -> datetime:
        """`due_at` after so many requests at `at`."""
        return max(due_at or at, at) + self.share * requests
