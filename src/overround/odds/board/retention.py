"""How long the history of prices is kept: by age, and within a bound on what it weighs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

HOUR: Final = timedelta(hours=1)
# A piece is at most so large a part of what may be kept, or dropping one would drop too much.
_PIECES_OF_THE_WHOLE: Final = 16
# The spans of a day that a piece may have, longest first.
_SPANS_H: Final = (24, 6, 1)


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is kept: `days` from the end of a piece (or from its being read in, for an archive), and
    of that the newest `bytes_max`. Letters to the hub that were taken are kept `inbox_days`, and
    what was refused `refused_days` from when it was recorded."""

    days: int = 90
    bytes_max: int = 10_000_000_000
    inbox_days: int = 7
    refused_days: int = 30


@dataclass(frozen=True, slots=True)
class Piece:
    """A span of the history, with what it weighs; `recorded_at` is when it was made."""

    from_at: datetime
    until_at: datetime
    recorded_at: datetime
    size_bytes: int

    @property
    def age_from(self) -> datetime:
        """From when on it grows old: its end, or for an archive the time it was read in."""
        return max(self.until_at, self.recorded_at)


def outlived(pieces: Sequence[Piece], keeping: Keeping, at: datetime) -> list[Piece]:
    """The pieces that are not kept any more at `at`, oldest first.

    What is written to now, and the hour before it, is kept whatever it weighs.
    """
    ranked = sorted(pieces, key=lambda piece: (piece.age_from, piece.from_at))
    total_bytes = sum(piece.size_bytes for piece in ranked)
    gone: list[Piece] = []
    for piece in ranked:
        if piece.age_from > at - HOUR:
            break
        if piece.age_from > at - timedelta(days=keeping.days) and total_bytes <= keeping.bytes_max:
            break
        gone.append(piece)
        total_bytes -= piece.size_bytes
    return gone


def next_piece(
    pieces: Sequence[Piece], keeping: Keeping, at: datetime
) -> tuple[datetime, datetime] | None:
    """The piece to be made ahead of `at`, or None while there is room for the next two hours.

    Its length goes by what the newest full piece weighed, so that a busy house drops an hour at a
    time and a quiet one has no more than a piece a day.
    """
    lived = [piece for piece in pieces if piece.from_at <= at and piece.until_at > at - 2 * HOUR]
    begins = max([piece.until_at for piece in pieces if piece.until_at > at], default=None)
    if begins is None or begins > at + 2 * HOUR:
        return None
    full = [piece for piece in lived if piece.until_at <= at] or lived
    hours = _span_hours(full, keeping)
    midnight = begins.replace(hour=0, minute=0, second=0, microsecond=0)
    slot = (begins - midnight) // (hours * HOUR)
    return begins, midnight + (slot + 1) * hours * HOUR


def _span_hours(pieces: Sequence[Piece], keeping: Keeping) -> int:
    hours = sum((piece.until_at - piece.from_at for piece in pieces), timedelta()) // HOUR
    an_hour_bytes = sum(piece.size_bytes for piece in pieces) // max(hours, 1)
    for span in _SPANS_H:
        if span * an_hour_bytes <= keeping.bytes_max // _PIECES_OF_THE_WHOLE:
            return span
    return _SPANS_H[-1]
