"""Waiting for something that another process does: a condition and a deadline, never a guess."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

POLL_S: Final = 0.02


def until(condition: Callable[[], object], what: str, timeout_s: float = 20.0) -> float:
    """Poll until `condition` holds; the seconds it took. Fails naming `what` when it never does."""
    started_s = time.monotonic()
    while not condition():
        if time.monotonic() - started_s > timeout_s:
            raise AssertionError(f"waited {timeout_s} s for {what}")
        time.sleep(POLL_S)
    return time.monotonic() - started_s


async def until_async(condition: Callable[[], object], what: str, timeout_s: float = 20.0) -> float:
    """As `until`, letting the other tasks of the loop run meanwhile."""
    started_s = time.monotonic()
    while not condition():
        if time.monotonic() - started_s > timeout_s:
            raise AssertionError(f"waited {timeout_s} s for {what}")
        await asyncio.sleep(POLL_S)
    return time.monotonic() - started_s
