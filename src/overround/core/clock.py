"""Time is a value that is handed down: a stage takes `at`, a role owns the clock it comes from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Says what time it is for the business: the wall's live, the season's in a replay."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        ...


class WallClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class SetClock:
    """A clock that stands where it was put; a replay and the tests move it."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at

    def move_to(self, at: datetime) -> None:
        """Stand at `at`. A replay's clock never runs backwards."""
        if at < self._at:
            raise ValueError(f"the clock stands at {self._at}, {at} is before it")
        self._at = at
