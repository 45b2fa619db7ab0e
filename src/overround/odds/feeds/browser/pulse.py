"""Whether a page is alive, and how long to wait before it is asked again. Seconds are monotonic."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Final

from overround.odds.feeds.browser.model import Look

# A page moves while it differed within so many of its paces and so much more, but never within
# more than this share of what makes it frozen.
MOVING_PACES: Final = 1.5
MOVING_S: Final = 0.2
MOVING_SHARE: Final = 0.25
_WEIGHT: Final = 0.2


@dataclass(slots=True)
class Pulse:
    """Judges looks one after another: prices that stand still on a dead page are no prices.

    A page whose clock has not moved for `freeze_s` is frozen until it moves again
    (test: a page whose clock stands is frozen and gives no price). What a page shows first proves
    nothing, for a dead page may be loaded anew. Without a clock on the page anything that differs
    is a sign of life, and the first sight is one too.

    A page has a pace of its own, too: the running mean of the time between two looks that differ.
    """

    freeze_s: float
    _sign: object = None
    _since_s: float = 0.0
    _moved_s: float | None = None
    _shown: object = None
    _differed_s: float | None = None
    _pace_s: float | None = None

    def renew(self) -> None:
        """The page is loaded anew: from here on it has to prove itself again."""
        self._sign = self._moved_s = self._shown = self._differed_s = None

    def judge(self, look: Look, now_s: float) -> Look:
        """The look itself, or a frozen one without prices."""
        if look.state != "reading":
            return look
        shown = [(batch.event.key, batch.prices) for batch in look.batches]
        sign: object = look.clock or shown
        self._keep_pace((look.clock, shown), now_s)
        if self._sign is None:
            self._since_s = now_s
            self._moved_s = None if look.clock else now_s
        elif sign != self._sign:
            self._moved_s = now_s
        self._sign = sign
        if now_s - (self._since_s if self._moved_s is None else self._moved_s) <= self.freeze_s:
            return look
        return replace(look, state="frozen", detail=look.clock, batches=(), rejected=())

    def is_fresh(self, now_s: float) -> bool:
        """Whether the page moved lately: within half of what makes it frozen.

        What a page says in the rest of that time is believed by nobody and not told.
        """
        return self._moved_s is not None and now_s - self._moved_s <= self.freeze_s / 2

    def is_moving(self, now_s: float) -> bool:
        """Whether the page differed from itself just now, for its pace: whatever froze it, it did
        no longer ago than that (test: a page that breaks its pace confirms nothing)."""
        if self._differed_s is None or self._pace_s is None:
            return False
        allowed_s = MOVING_PACES * self._pace_s + MOVING_S
        return now_s - self._differed_s <= min(allowed_s, self.freeze_s * MOVING_SHARE)

    def _keep_pace(self, shown: object, now_s: float) -> None:
        if self._shown is not None and shown != self._shown:
            if self._differed_s is not None:
                # A freeze that is over is no pace.
                took_s = min(now_s - self._differed_s, self.freeze_s * MOVING_SHARE)
                before_s = took_s if self._pace_s is None else self._pace_s
                self._pace_s = before_s + _WEIGHT * (took_s - before_s)
            self._differed_s = now_s
        self._shown = shown


@dataclass(slots=True)
class Backoff:
    """Twice as long every time, a little more or less each, until something worked."""

    random: Random
    first_s: float = 1.0
    longest_s: float = 60.0
    _failures: int = 0

    def next_s(self) -> float:
        """How long to wait now: half to one and a half times the step."""
        step_s = min(self.first_s * 2 ** min(self._failures, 20), self.longest_s)
        self._failures += 1
        return step_s * (0.5 + self.random.random())

    def worked(self) -> None:
        """Begin from the shortest again."""
        self._failures = 0
