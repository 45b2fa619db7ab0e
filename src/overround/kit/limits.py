"""Limits of requests: one token bucket per key, shared by processes and answered by memory.

The bucket is the generic cell rate algorithm: one number, the moment at which it would be full
again. The shared one lives in the cache (`cache.limits`); a process takes a few tokens of it at
once, a *lease*, and spends those without asking anybody; the next one is fetched while half of the
last is left, so that nobody waits. What is admitted in any span is at most `burst + per_s * span`,
and for each process two leases taken before it (test: processes together keep one limit). Without
the shared one, each process keeps a whole bucket of its own: a limit is never lifted because the
cache is away (test: without the cache there still is a limit).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Final, Protocol

SECOND_US: Final = 1_000_000
LEASE_PART: Final = 10
LEASE_MAX: Final = 2_000
AWAY_US: Final = SECOND_US
# How long nobody asks for the next tokens of a bucket that was found empty.
PAUSE_MAX_US: Final = SECOND_US // 10
# Who answers slower than this is not waited for: the request is worth more than the exact limit.
LEASE_TIMEOUT_S: Final = 0.25
KEYS_MAX: Final = 100_000
_SWEEP_EVERY: Final = 4_096
# Fewer are kept however old they are: one that was forgotten is asked of the shared one again.
_SWEEP_FROM: Final = KEYS_MAX // 4


@dataclass(frozen=True, slots=True)
class Rate:
    """A bucket of `burst` tokens that gains `per_s` of them a second."""

    burst: int
    per_s: float

    @property
    def interval_us(self) -> int:
        """How long one token takes."""
        return max(1, round(SECOND_US / self.per_s))

    @property
    def lease(self) -> int:
        """How many tokens a process takes at once."""
        return max(1, min(self.burst // LEASE_PART, LEASE_MAX))

    def reset_s(self, remaining: int) -> int:
        """In how many seconds the bucket is full again that has so many tokens left."""
        return _seconds((self.burst - remaining) * self.interval_us)

    @property
    def full_after_us(self) -> int:
        """How long an empty bucket takes to be full."""
        return self.burst * self.interval_us


@dataclass(frozen=True, slots=True)
class Wanted:
    """Tokens that are asked of the shared bucket of `key`."""

    key: str
    rate: Rate
    tokens: int


@dataclass(frozen=True, slots=True)
class Lease:
    """What the shared bucket gave: `left` is what it still has, `wait_us` until its next token."""

    granted: int
    left: int
    wait_us: int


class Shared(Protocol):
    """The buckets that all processes share."""

    async def lease(self, wanted: Sequence[Wanted]) -> list[Lease]:
        """One lease for each, in their order. Raises OSError or TimeoutError when it is away."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request may go on; `remaining` tokens, all of them again after `reset_s`.

    `retry_after_s` is 0 for one that may, and how long to wait for one that may not.
    """

    allowed: bool
    rate: Rate
    remaining: int
    reset_s: int
    retry_after_s: int = 0


# What `Limiter.spend` says in place of a number of tokens left.
REFUSED: Final = -1
ASK: Final = -2


class Bucket:
    """One key in this process.

    `unspent` are leased tokens; `left` is what the shared bucket had at `leased_at_us`, and
    `empty_until_us` until when it was found empty. `full_at_us` is the bucket of the process
    itself, for when the shared one is away. `refused_at_us` is when it last had none for somebody.
    `is_gone` when it was forgotten: look for it again.
    """

    __slots__ = (
        "asked",
        "burst",
        "empty_until_us",
        "full_at_us",
        "full_us",
        "interval_us",
        "is_gone",
        "key",
        "leased_at_us",
        "left",
        "low",
        "rate",
        "refused_at_us",
        "unspent",
        "wait_us",
        "waiting",
    )  # fmt: skip

    def __init__(self, key: str, rate: Rate) -> None:
        self.key = key
        self.rate = rate
        self.low = rate.lease // 2
        self.burst = rate.burst
        self.interval_us = rate.interval_us
        self.full_us = rate.full_after_us
        self.unspent = 0
        self.left = 0
        self.leased_at_us = 0
        self.empty_until_us = 0
        self.full_at_us = 0
        self.wait_us = 0
        self.refused_at_us = -SECOND_US
        self.waiting = 0
        self.is_gone = False
        self.asked: asyncio.Future[bool] | None = None


class Limiter:
    """The buckets as one process sees them; used from one event loop.

    Times are microseconds of a clock that never runs backwards.
    """

    def __init__(self, shared: Shared | None = None) -> None:
        self._shared = shared
        self._held: dict[str, Bucket] = {}
        self._away_until_us = 0
        self._batch: list[tuple[str, Bucket]] = []
        self._asking: asyncio.Task[None] | None = None
        self._since_sweep = 0
        self.leases = 0
        self.failures = 0

    def bucket(self, key: str, rate: Rate, at_us: int) -> Bucket:
        """The bucket of a key, for whoever asks it many times."""
        found = self._held.get(key)
        if found is None or found.rate is not rate:
            found = self._hold(key, rate, at_us)
        return found

    def spend(self, bucket: Bucket, at_us: int) -> int:
        """The tokens that are left after this one; REFUSED; or ASK, and `take` asks the shared one.

        On the path of every request: one look at the lease, and a subtraction.
        """
        interval_us = bucket.interval_us
        if self._shared is None or at_us < self._away_until_us:
            over_us = max(bucket.full_at_us - at_us, 0)
            free_us = bucket.full_us - over_us - interval_us
            if free_us < 0:
                bucket.wait_us, bucket.refused_at_us = -free_us, at_us
                return REFUSED
            bucket.full_at_us = at_us + over_us + interval_us
            return free_us // interval_us
        if bucket.unspent:
            bucket.unspent -= 1
            if bucket.unspent == bucket.low and at_us >= bucket.empty_until_us:
                self._fetch(bucket, at_us)
            gained = (at_us - bucket.leased_at_us) // interval_us
            return min(bucket.unspent + bucket.left + gained, bucket.burst)
        return REFUSED if self._refuses_leased(bucket, at_us) else ASK

    def now(self, key: str, rate: Rate, at_us: int) -> Verdict | None:
        """The verdict if this process knows it by itself; None when the shared bucket is asked."""
        bucket = self.bucket(key, rate, at_us)
        remaining = self.spend(bucket, at_us)
        if remaining == ASK:
            return None
        if remaining == REFUSED:
            return _refusal(bucket, bucket.wait_us)
        return Verdict(True, rate, remaining, rate.reset_s(remaining))

    def refusal(self, key: str, rate: Rate, at_us: int) -> Verdict | None:
        """The refusal that `now` would be; None where it would be none. No token is taken."""
        bucket = self._held.get(key)
        if bucket is None or bucket.rate is not rate or not self.refuses(bucket, at_us):
            return None
        return _refusal(bucket, bucket.wait_us)

    def refuses(self, bucket: Bucket, at_us: int) -> bool:
        """Whether `spend` would refuse; no token is taken."""
        if self._shared is not None and at_us >= self._away_until_us:
            return not bucket.unspent and self._refuses_leased(bucket, at_us)
        empty_us = bucket.full_at_us + bucket.interval_us - bucket.full_us - at_us
        if empty_us > 0:
            bucket.wait_us, bucket.refused_at_us = empty_us, at_us
        return empty_us > 0

    def _refuses_leased(self, bucket: Bucket, at_us: int) -> bool:
        """Whether a bucket without tokens refuses, or asks for a lease while somebody waits.

        Of who was refused a moment ago nobody waits: a lease is asked for behind him
        (test: a flood asks for few leases and waits for none).
        """
        wait_us = bucket.empty_until_us - at_us
        if wait_us <= 0:
            if at_us - bucket.refused_at_us >= SECOND_US:
                return False
            self._fetch(bucket, at_us)
            wait_us = bucket.interval_us
        bucket.wait_us, bucket.refused_at_us = wait_us, at_us
        return True

    async def take(self, key: str, rate: Rate, at_us: int) -> Verdict:
        """One token of the bucket of `key`, or a refusal."""
        verdict = self.now(key, rate, at_us)
        while verdict is None:
            held = self._held[key]
            held.waiting += 1
            try:
                await asyncio.shield(self._fetch(held, at_us))
            finally:
                held.waiting -= 1
            verdict = self.now(key, rate, at_us)
        return verdict

    def _fetch(self, bucket: Bucket, at_us: int) -> asyncio.Future[bool]:
        """Have the shared bucket asked for a lease, with all that are wanted in the same moment."""
        if bucket.asked is None:
            bucket.asked = asyncio.get_running_loop().create_future()
            self._batch.append((bucket.key, bucket))
            if self._asking is None:
                # In a context of its own: it goes on for others when this request has ended.
                self._asking = asyncio.create_task(self._ask(at_us), context=Context())
        return bucket.asked

    async def close(self) -> None:
        """Ask for nothing any more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask(self, at_us: int) -> None:
        """Ask for all that wait at once, and again for those that came meanwhile."""
        shared = self._shared
        assert shared is not None
        try:
            while self._batch:
                batch, self._batch = self._batch, []
                wanted = [
                    Wanted(key, held.rate, max(held.rate.lease, min(held.waiting, held.rate.burst)))
                    for key, held in batch
                ]
                try:
                    async with asyncio.timeout(LEASE_TIMEOUT_S):
                        leases = await shared.lease(wanted)
                except (OSError, TimeoutError):
                    self.failures += 1
                    self._away_until_us = at_us + AWAY_US
                else:
                    self.leases += len(leases)
                    for (_, held), lease in zip(batch, leases, strict=True):
                        _note(held, lease, at_us)
                _wake(batch)
        finally:
            self._asking = None
            _wake(self._batch)

    def _hold(self, key: str, rate: Rate, at_us: int) -> Bucket:
        before = self._held.get(key)
        if before is not None:
            before.is_gone = True
        self._since_sweep += 1
        held_now = len(self._held)
        is_due = self._since_sweep >= _SWEEP_EVERY and held_now >= _SWEEP_FROM
        if is_due or held_now >= KEYS_MAX:
            self._sweep(at_us)
        held = self._held[key] = Bucket(key, rate)
        return held

    def _sweep(self, at_us: int) -> None:
        """Forget who has been away for as long as a bucket takes to fill; at the bound, the oldest.

        A bucket that is forgotten is a full one, so the bound is generous and its breach costs
        accuracy and not memory (test: keys without end take memory that has one).
        """
        self._since_sweep = 0
        kept = {
            key: held
            for key, held in self._held.items()
            if held.asked is not None
            or max(held.full_at_us, held.leased_at_us + held.rate.full_after_us) > at_us
        }
        for key in list(kept)[: max(0, len(kept) - KEYS_MAX + _SWEEP_EVERY)]:
            if kept[key].asked is None:
                del kept[key]
        for key, held in self._held.items():
            held.is_gone = key not in kept
        self._held = kept


def _refusal(bucket: Bucket, wait_us: int) -> Verdict:
    full_s, wait_s = _seconds(bucket.full_us), max(1, _seconds(wait_us))
    return Verdict(False, bucket.rate, 0, full_s, wait_s)


def _note(held: Bucket, lease: Lease, at_us: int) -> None:
    held.unspent += lease.granted
    held.left = lease.left
    held.leased_at_us = at_us
    # Who has just had the last token is not asked for again before some can have come together.
    pause_us = min(held.rate.lease * held.interval_us, PAUSE_MAX_US) if not lease.left else 0
    held.empty_until_us = at_us + max(lease.wait_us, pause_us) if pause_us else 0


def _wake(batch: list[tuple[str, Bucket]]) -> None:
    for _, held in batch:
        if held.asked is not None and not held.asked.done():
            held.asked.set_result(True)
        held.asked = None


def _seconds(us: int) -> int:
    """Whole seconds, rounded up."""
    return -(-us // SECOND_US)
