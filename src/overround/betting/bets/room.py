"""How many slips may be under way: waiting, or being placed.

A burst is taken whole. A queue that stays long is none: then no more are under way than keep the
database and the process busy, so that who is accepted waits hardly longer than ever and who is not
knows at once. What is being placed counts, because a connection that has just taken everything
leaves a queue that looks short. And the bound holds until nobody had to be refused for a while: of
hundreds who come again and again there is room for one at some moment, and it would let in all of
them (test: a moments room ends no shortage).
"""

from __future__ import annotations

from typing import Final

# When half of STANDING_MAX were under way at every moment for so long, their queue stands.
STANDS_S: Final = 0.2
# Half a call of 64 being placed, and half waiting. With half as many again the last waited a third
# longer; with 40 a third fewer were served, and the last waited no less (`bench overload`).
STANDING_MAX: Final = 64
BURST_MAX: Final = 4_096
_ROOMY: Final = STANDING_MAX // 2


class Room:
    """The room of one queue, in seconds of a clock that never goes back."""

    def __init__(self, now_s: float, stands_s: float = STANDS_S) -> None:
        self._stands_s = stands_s
        # When few were under way last, and when somebody was refused last because many were.
        self._roomy_at_s = now_s
        self._full_at_s = float("-inf")

    def is_full(self, under_way: int, now_s: float) -> bool:
        """Whether there is none for one more who comes now."""
        if under_way < _ROOMY:
            self._roomy_at_s = now_s
        stands = now_s - self._roomy_at_s > self._stands_s
        is_held = now_s - self._full_at_s < self._stands_s
        if under_way < (STANDING_MAX if stands or is_held else BURST_MAX):
            return False
        self._full_at_s = now_s
        return True
