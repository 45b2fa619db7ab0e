"""Keys of programs: their plans, their shape, and what is kept of them.

A key is 32 hexadecimal digits, as clients of The Odds API expect one, and is shown once. It is
random enough that a slow hash would protect nothing more.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from overround.core.errors import Forbidden, Invalid, Refusal, Unauthenticated
from overround.kit.pace import Budget

KEY_BYTES: Final = 16
CREDITS_MAX: Final = 1_000_000_000

# Credits a month. A plan is what a new key begins with; a key may have its own number.
PLANS: Final[Mapping[str, int]] = {"free": 500, "starter": 20_000, "pro": 5_000_000}
# The plans whose keys open our own read API beside `/v4`.
READING_PLANS: Final = frozenset({"starter", "pro"})
# As many calls a second as the original takes; all of them may come at one moment.
PACE: Final = Budget(per_minute=30 * 60, burst=30)

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_TOKEN: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as people see it; `used` are the credits of the month it was last used in."""

    id: UUID
    name: str
    plan: str
    credits_per_month: int
    used: int
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entered:
    """A key that a call came in with, and how long the call has to wait."""

    id: UUID
    name: str
    plan: str
    credits_per_month: int
    used: int
    revoked_at: datetime | None
    wait_ms: int


class MissingKey(Unauthenticated):
    """An API key is required."""

    code = "MISSING_KEY"


class UnknownKey(Unauthenticated):
    """The API key is not valid."""

    code = "INVALID_KEY"


class RevokedKey(Unauthenticated):
    """The API key has been deactivated."""

    code = "DEACTIVATED_KEY"


class PlanTooSmall(Forbidden):
    """The plan of this API key does not include this."""

    code = "plan_too_small"


class OutOfCredits(Unauthenticated):
    """The credits of this month are used up."""

    code = "OUT_OF_USAGE_CREDITS"


class TooFrequent(Refusal):
    """Too many requests at once; send them more slowly."""

    code = "EXCEEDED_FREQ_LIMIT"
    status = 429
    retry_after_s = 1


def hashed(token: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(token.encode()).digest()


def checked_token(token: str | None) -> str:
    """A key that could be one of ours. Raises MissingKey, UnknownKey."""
    if not token:
        raise MissingKey
    if not _TOKEN.fullmatch(token):
        raise UnknownKey
    return token


def checked_terms(name: str, plan: str, credits_per_month: int | None) -> int:
    """The credits of a new key.

    Raises Invalid `key_name_invalid`, `unknown_plan`, `credits_out_of_range` (0 to 1,000,000,000).
    """
    if not _NAME.fullmatch(name):
        raise Invalid("a name has 1 to 80 of A-Z a-z 0-9 _ . -", code="key_name_invalid")
    if plan not in PLANS:
        raise Invalid("plans are " + ", ".join(PLANS), code="unknown_plan")
    found = PLANS[plan] if credits_per_month is None else credits_per_month
    if not 0 <= found <= CREDITS_MAX:
        raise Invalid("credits are 0 to 1000000000 a month", code="credits_out_of_range")
    return found


def checked(key: Entered | None) -> Entered:
    """The key of a call that may go on. Raises UnknownKey, RevokedKey, TooFrequent."""
    if key is None:
        raise UnknownKey
    if key.revoked_at is not None:
        raise RevokedKey
    if key.wait_ms > 0:
        raise TooFrequent
    return key


def affordable(key: Entered, cost: int) -> None:
    """Refuse what the key cannot pay. Raises OutOfCredits."""
    if key.used + cost > key.credits_per_month:
        raise OutOfCredits


def may_read(key: Entered) -> None:
    """Refuse a key whose plan does not open the read API. Raises PlanTooSmall."""
    if key.plan not in READING_PLANS:
        raise PlanTooSmall
