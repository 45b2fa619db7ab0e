"""Times as the board's arrays keep them: microseconds since 1970, exact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def to_us(at: datetime) -> int:
    """Microseconds since 1970, exact."""
    return (at - _EPOCH) // _MICROSECOND


def from_us(us: int) -> datetime:
    """The time that `to_us` told."""
    return _EPOCH + us * _MICROSECOND
