"""How much somebody may say: so much at once, and so much a second after that."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Allowance:
    """A budget that refills at `rate_per_s` up to `burst`. Times are seconds of one running clock.

    What comes too fast is waited for, not refused: a refused update would cost its worker a
    snapshot, and a flooder that is not read cannot flood.
    """

    rate_per_s: float
    burst: float
    _used: float = 0.0
    _at_s: float = 0.0

    def wait_s(self, now_s: float, cost: float = 1.0) -> float:
        """Spend that much; how long its owner has to wait before it is looked at."""
        self._used = max(0.0, self._used - (now_s - self._at_s) * self.rate_per_s) + cost
        self._at_s = now_s
        return max(0.0, (self._used - self.burst) / self.rate_per_s)

    def spend(self, now_s: float) -> bool:
        """Spend one if there is one."""
        used = max(0.0, self._used - (now_s - self._at_s) * self.rate_per_s)
        self._at_s = now_s
        self._used = used + 1.0 if used + 1.0 <= self.burst else used
        return used + 1.0 <= self.burst
