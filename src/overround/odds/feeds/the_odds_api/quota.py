"""What the provider's answers say about its keys: credits left, and whether to wait, or to change
the key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from overround.odds.feeds.keys import Answered, Quota

# Too many in a moment: the provider's limit is by the second, so a short wait is enough.
_BUSY_FOR: Final = timedelta(seconds=2)
# A wait that is longer than this is for credits and not for the pace.
_PACE_MAX: Final = timedelta(minutes=5)
_SPENT_FOR: Final = timedelta(days=1)
_MAX_WAIT: Final = timedelta(days=31)
_COUNT: Final = re.compile(r"([0-9]{1,9})(?:\.[0-9]{1,3})?")
_CODE: Final = re.compile(rb'"error_code"\s*:\s*"([A-Z_]{1,60})"')
_MAX_BODY_BYTES: Final = 4_096


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
