"""A circuit breaker as a value: who does not answer is left alone for a while, then asked once.

closed ──too many failures──▶ open ──time is up──▶ half_open ──an answer──▶ closed
                               ▲                       │
                               └──────a failure────────┘  (for twice as long)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

BreakerState = Literal["closed", "open", "half_open"]

_TRIPS_MAX: Final = 16


@dataclass(frozen=True, slots=True)
class Tolerance:
    """After how many failures in a row it opens, and for how long, at first and at most."""

    failures_max: int = 5
    open_s: float = 30.0
    open_s_max: float = 900.0
    # A trial that is not heard of again (its process was killed) is given up after this.
    trial_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """`failures` in a row while closed; `trips` openings in a row; `until` ends what `state` says.

    Open, it is shut until then. Half open, one trial is under way and has until then.
    """

    state: BreakerState = "closed"
    failures: int = 0
    trips: int = 0
    until: datetime | None = None

    def asking(self, at: datetime, tolerance: Tolerance) -> Breaker | None:
        """The breaker with one request under way from `at`; None while there may be none."""
        if self.state == "closed":
            return self
        if self.until is not None and at < self.until:
            return None
        trial_ends = at + timedelta(seconds=tolerance.trial_s)
        return replace(self, state="half_open", until=trial_ends)

    def answered(self) -> Breaker:
        """The breaker after an answer, of whatever kind: it lives."""
        return Breaker()

    def failed(self, at: datetime, tolerance: Tolerance) -> Breaker:
        """The breaker after a request that got no usable answer."""
        failures = self.failures + 1
        if self.state == "closed" and failures < tolerance.failures_max:
            return replace(self, failures=failures)
        if self.state == "open":
            return self
        open_s = min(tolerance.open_s * 2 ** min(self.trips, _TRIPS_MAX), tolerance.open_s_max)
        return Breaker("open", failures, self.trips + 1, at + timedelta(seconds=open_s))
