"""What the provider's answers say about its keys: credits left, and whether to wait, or to change
the key. Plain values: who fetches hands in the answer and keeps the pool that comes back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal

# Too many in a moment: the provider's limit is by the second, so a short wait is enough.
_BUSY_FOR: Final = timedelta(seconds=2)
# A wait that is longer than this is for credits and not for the pace.
_PACE_MAX: Final = timedelta(minutes=5)
_SPENT_FOR: Final = timedelta(days=1)
_MAX_WAIT: Final = timedelta(days=31)
_COUNT: Final = re.compile(r"([0-9]{1,9})(?:\.[0-9]{1,3})?")
_CODE: Final = re.compile(rb'"error_code"\s*:\s*"([A-Z_]{1,60})"')
_MAX_BODY_BYTES: Final = 4_096

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
    """A key, never shown, with what is known of its credits and until when it rests."""

    secret: str = field(repr=False)
    remaining: int | None = None
    rests_until: datetime | None = None
    is_bad: bool = False


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


def _after(key: Key, answered: Answered) -> Key:
    remaining = answered.quota.remaining
    return replace(
        key,
        remaining=key.remaining if remaining is None else remaining,
        rests_until=answered.until,
        is_bad=key.is_bad or answered.verdict == "bad_key",
    )


def quota_of(headers: Mapping[str, str]) -> Quota:
    """The credits that an answer's headers tell, by names in any case."""
    lower = {name.casefold(): value for name, value in headers.items()}
    return Quota(
        _count(lower.get("x-requests-remaining")),
        _count(lower.get("x-requests-used")),
        _count(lower.get("x-requests-last")),
    )


def answered(status: int, headers: Mapping[str, str], body: bytes, at: datetime) -> Answered:
    """What an answer means for its key.

    429 is two things: too many calls in a moment ("busy", over in seconds) and no credits for the
    rest of the period ("spent"). The error code tells them apart, then credits that are told to be
    none, then how long the provider says to wait.
    """
    quota = quota_of(headers)
    found = _CODE.search(body[:_MAX_BODY_BYTES])
    code = found[1].decode() if found else ""
    wait = _wait(headers)
    if status < 400:
        return Answered("ok", quota)
    if code == "OUT_OF_USAGE_CREDITS" or (status == 429 and not code and _is_spent(quota, wait)):
        return Answered("spent", quota, at + max(wait or _SPENT_FOR, _BUSY_FOR))
    if status == 429:
        return Answered("busy", quota, at + (wait or _BUSY_FOR))
    if status in (401, 403):
        return Answered("bad_key", quota)
    return Answered("failed" if status >= 500 else "bad_request", quota)


def _is_spent(quota: Quota, wait: timedelta | None) -> bool:
    return quota.remaining == 0 or (wait is not None and wait > _PACE_MAX)


def _wait(headers: Mapping[str, str]) -> timedelta | None:
    text = next((v for name, v in headers.items() if name.casefold() == "retry-after"), None)
    seconds = _count(text)
    return None if seconds is None else min(timedelta(seconds=seconds), _MAX_WAIT)


def _count(text: str | None) -> int | None:
    found = _COUNT.fullmatch(text.strip()) if text is not None else None
    return int(found[1]) if found else None
