"""Keys to a provider, and what its answers say about them: credits left, rest, or another key.

Plain values: who fetches hands in the answer and keeps the pool that comes back.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

# "busy": too many calls in a moment, over in seconds. "spent": no credits for the rest of the
# period. Both come as 429.
Verdict = Literal["ok", "busy", "spent", "bad_key", "bad_request", "failed"]


@dataclass(frozen=True, slots=True)
class Quota:
    """Credits left, used and taken by the last call; None where the answer does not say."""

    remaining: int | None = None
    used: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """What an answer means for its key: go on, or rest until `until`."""

    verdict: Verdict
    quota: Quota
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A key, never shown, with what is known of its credits and until when it rests; `is_busy`
    where it rests for the pace and not for the credits."""

    secret: str = field(repr=False)
    remaining: int | None = None
    rests_until: datetime | None = None
    is_bad: bool = False
    is_busy: bool = False


@dataclass(frozen=True, slots=True)
class KeyPool:
    """The keys of one account holder, in the order they were given."""

    keys: tuple[Key, ...]

    @classmethod
    def of(cls, secrets: tuple[str, ...]) -> KeyPool:
        """A pool of keys of which nothing is known yet."""
        return cls(tuple(Key(secret) for secret in dict.fromkeys(secrets)))

    def pick(self, cost: int, at: datetime) -> Key | None:
        """The key with most credits of those that can pay `cost` at `at`; None where none can."""
        able = [
            key
            for key in self.keys
            if not key.is_bad
            and (key.rests_until is None or key.rests_until <= at)
            and (key.remaining is None or key.remaining >= cost or key.rests_until is not None)
        ]
        # A key of which nothing is known comes first: asking tells.
        return max(able, key=lambda k: (k.remaining is None, k.remaining or 0), default=None)

    def heard(self, secret: str, answered: Answered) -> KeyPool:
        """The pool after an answer to the key `secret`."""
        return KeyPool(
            tuple(_after(key, answered) if key.secret == secret else key for key in self.keys)
        )

    def spent(self, cost: int, until: datetime) -> KeyPool:
        """The pool in which keys with too few credits for `cost` rest, and are tried again then.

        No answer tells when credits come back, so asking now and then is how one hears of it.
        """
        return KeyPool(
            tuple(
                replace(key, rests_until=until)
                if key.rests_until is None and key.remaining is not None and key.remaining < cost
                else key
                for key in self.keys
            )
        )

    def rests_until(self) -> datetime | None:
        """When the first of the keys that rest may be used again; None where none rests."""
        resting = [key.rests_until for key in self.keys if not key.is_bad and key.rests_until]
        return min(resting, default=None)

    @property
    def remaining(self) -> int | None:
        """The credits of all keys together, as far as they are known."""
        known = [key.remaining for key in self.keys if key.remaining is not None]
        return sum(known) if known else None


def _after(key: Key, answered: Answered) -> Key:
    remaining = answered.quota.remaining
    return replace(
        key,
        remaining=key.remaining if remaining is None else remaining,
        rests_until=answered.until,
        is_bad=key.is_bad or answered.verdict == "bad_key",
        is_busy=answered.verdict == "busy",
    )
