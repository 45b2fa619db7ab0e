"""How old a price is for its source: what each source's own pace is, and who has fallen silent.

Pure; one row a source. A source is heard when it says something of a price, changed or not; a sign
of life without one renews nothing (test: a sign of life without prices refreshes nothing).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from overround.odds.board.model import Bools, Int64s

Floats = NDArray[np.float64]

# A source that is due so often is dead after this long; the tick that notices takes some of 15 s.
SILENT_US: Final = 14_000_000
# A slower one is given so many of its own intervals, the deviation included.
_INTERVALS: Final = 4.0
# Nobody is called dead before he has spoken so often: before that his pace is not known.
HEARD_MIN: Final = 3
# The weight of the newest interval: some twenty of them make the pace.
_WEIGHT: Final = 0.1
# Scores are not sharper than this share of the pace, nor than a tick.
_DEVIATION_SHARE: Final = 0.25
_DEVIATION_MIN_US: Final = 100_000.0


class Pace:
    """Of each source: when it was last heard, how often it speaks, whether it has fallen silent."""

    def __init__(self, rows: int) -> None:
        self.heard_us: Int64s = np.zeros(rows, np.int64)
        self.times: Int64s = np.zeros(rows, np.int64)
        self.interval_us: Floats = np.zeros(rows)
        self.deviation_us: Floats = np.zeros(rows)
        self.is_silent: Bools = np.zeros(rows, np.bool_)

    def make_room(self, rows: int) -> None:
        """Make the arrays large enough."""
        more = (0, rows - len(self.heard_us))
        self.heard_us = np.pad(self.heard_us, more)
        self.times = np.pad(self.times, more)
        self.interval_us = np.pad(self.interval_us, more)
        self.deviation_us = np.pad(self.deviation_us, more)
        self.is_silent = np.pad(self.is_silent, more)

    def heard(self, rows: Int64s, observed_us: Int64s) -> None:
        """Some observations came, [k] each; several of one moment are one word of their source."""
        latest = np.zeros_like(self.heard_us)
        np.maximum.at(latest, rows, observed_us)
        spoke = latest > self.heard_us
        again = spoke & (self.times > 0)
        passed = (latest - self.heard_us)[again].astype(np.float64)
        mean = self.interval_us[again]
        # The first interval is the pace; each later one moves it by its weight.
        weight = np.where(self.times[again] == 1, 1.0, _WEIGHT)
        self.interval_us[again] = mean + weight * (passed - mean)
        off = np.abs(passed - self.interval_us[again])
        self.deviation_us[again] += _WEIGHT * (off - self.deviation_us[again])
        self.heard_us[spoke] = latest[spoke]
        self.times[spoke] += 1
        self.is_silent[spoke] = False

    def score(self, rows: Int64s, observed_us: Int64s, at_us: int) -> Floats:
        """The age of observations in deviations from their source's pace, [k] or any shape of it.

        0 or less is on time. A source whose pace is not known yet scores 0.
        """
        pace = self.interval_us[rows]
        deviation = np.maximum(self.deviation_us[rows], _DEVIATION_SHARE * pace)
        late = (at_us - observed_us) - pace
        score = late / np.maximum(deviation, _DEVIATION_MIN_US)
        return np.where(self.times[rows] < HEARD_MIN, 0.0, score)

    def expect(self, rows: Int64s, interval_us: int, at_us: int) -> None:
        """Sources that are known to speak so often, of which nothing was heard in this life: they
        are given their intervals from `at_us` on."""
        unheard = rows[self.times[rows] == 0]
        self.interval_us[unheard], self.heard_us[unheard] = interval_us, at_us
        self.times[unheard] = HEARD_MIN

    def fallen_silent(self, at_us: int, among: Int64s | None = None) -> Int64s:
        """The rows (of `among`) that should have spoken by `at_us` and did not; each is told
        once."""
        rows = np.arange(len(self.times)) if among is None else among
        due_us = _INTERVALS * (self.interval_us[rows] + self.deviation_us[rows])
        late = at_us - self.heard_us[rows] > np.maximum(due_us, SILENT_US)
        found = rows[late & (self.times[rows] >= HEARD_MIN) & ~self.is_silent[rows]]
        self.is_silent[found] = True
        return found
