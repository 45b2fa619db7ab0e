"""A background service: do the work, wait, again, until told to stop.

The work is idempotent and counts what it did, so an error costs a tick and a crash a re-run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from overround.core.errors import OverroundError
from overround.kit import logs

_BACK_OFF_S_MAX: Final = 30.0

_log = logs.get(__name__)


async def repeat(
    name: str,
    work: Callable[[], Awaitable[int | None]],
    stop: asyncio.Event,
    *,
    interval_s: float,
    transient: tuple[type[Exception], ...],
) -> None:
    """Run `work` until `stop` is set; at once again while it finds something, else after a pause.

    `work` returns what it did, or None when there was nothing to do. A `transient` error or one of
    ours is logged and waited out, longer each time; any other ends the loop and is raised.
    """
    failures = 0
    while not stop.is_set():
        try:
            done = await work()
            failures = 0
            pause_s = interval_s if done is None else 0.0
        except (OverroundError, *transient) as error:
            failures += 1
            pause_s = min(interval_s * 2**failures, _BACK_OFF_S_MAX)
            _log.warning("loop.failed", loop=name, failures=failures, reason=str(error)[:200])
        if pause_s:
            await wait(stop, pause_s)


async def wait(stop: asyncio.Event, seconds: float) -> None:
    """Wait that long, or until `stop` is set."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
