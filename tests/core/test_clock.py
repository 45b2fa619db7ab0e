"""Time as a value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from overround.core.clock import SetClock, millis

AT: Final = datetime(2026, 3, 4, 15, 30, tzinfo=UTC)


def test_a_millisecond_is_the_same_for_everyone() -> None:
    """Wherever in its millisecond a moment is: never rounded up, never the one before."""
    first = millis(AT)
    assert first == 1_772_638_200_000
    for n in range(1, 2_000):
        at = AT + timedelta(milliseconds=n)
        assert millis(at) == first + n
        assert millis(at + timedelta(microseconds=999)) == first + n


def test_a_clock_that_was_put_somewhere_goes_forwards_only() -> None:
    clock = SetClock(AT)
    clock.move_to(AT + timedelta(seconds=1))
    assert clock.now() == AT + timedelta(seconds=1)
    with pytest.raises(ValueError, match="before it"):
        clock.move_to(AT)
