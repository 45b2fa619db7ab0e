"""A background service: do the work, wait, again, until told to stop.

The work is idempotent and counts what it did, so an error costs a tick and a crash a re-run.
"""

from __future__ import annotations

import asyncio
import logging
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

    `work` returns what it did, or None when there was nothing to do. An error is logged and waited
    out, longer each time: a `transient` one or one of ours as a warning, any other with its
    traceback, for a fault of one service must not end the others of the process
    (test: a loop outlives whatever its work raises).
    """
    failures = 0
    while not stop.is_set():
        try:
            done = await work()
            failures = 0
            pause_s = interval_s if done is None else 0.0
        except Exception as error:  # noqa: BLE001  (the next tick is the handler)
            failures += 1
            pause_s = min(interval_s * 2 ** min(failures, 10), _BACK_OFF_S_MAX)
            expected = isinstance(error, (OverroundError, *transient))
            _log.log(
                logging.WARNING if expected else logging.ERROR,
                "loop.failed",
                loop=name,
                failures=failures,
                reason=f"{type(error).__name__}: {error}"[:200],
                exc_info=not expected,
            )
        if pause_s:
            await wait(stop, pause_s)


async def wait(stop: asyncio.Event, seconds: float) -> None:
    """Wait that long, or until `stop` is set."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
