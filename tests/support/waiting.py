"""Waiting for something that another process does: a condition and a deadline, never a guess."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

# What is asked costs time that the other process would need: the longer it takes, the less often
# it is asked, and nobody waits a twentieth longer for it.
POLL_S: Final = 0.02
POLL_S_MAX: Final = 0.25
_SHARE: Final = 0.05


def until(condition: Callable[[], object], what: str, timeout_s: float = 20.0) -> float:
    """Poll until `condition` holds; the seconds it took. Fails naming `what` when it never does."""
    started_s = time.monotonic()
    while not condition():
        time.sleep(_pause_s(started_s, what, timeout_s))
    return time.monotonic() - started_s


async def until_async(condition: Callable[[], object], what: str, timeout_s: float = 20.0) -> float:
    """As `until`, letting the other tasks of the loop run meanwhile."""
    started_s = time.monotonic()
    while not condition():
        pause_s = _pause_s(started_s, what, timeout_s)
        await asyncio.sleep(pause_s)
    return time.monotonic() - started_s


def _pause_s(started_s: float, what: str, timeout_s: float) -> float:
    waited_s = time.monotonic() - started_s
    if waited_s > timeout_s:
        raise AssertionError(f"waited {timeout_s} s for {what}")
    return min(max(POLL_S, _SHARE * waited_s), POLL_S_MAX)
