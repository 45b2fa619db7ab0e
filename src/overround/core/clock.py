"""Time is a value that is handed down: a stage takes `at`, a role owns the clock it comes from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


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


def millis(at: datetime) -> int:
    """A time as scripts count it: whole milliseconds of the Unix epoch, exact.

    Everyone who says when a price changed says it by this, because a page compares what it was
    given with what the stream says (test: a millisecond is the same for everyone).
    """
    return (at - _EPOCH) // _MILLISECOND
