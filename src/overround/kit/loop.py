"""A background service: do the work, wait, again, until told to stop.

The work is idempotent and counts what it did, so an error costs a tick and a crash a re-run.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final

from overround.core.errors import OverroundError
from overround.kit import logs, metrics

_BACK_OFF_S_MAX: Final = 30.0
# A turn that takes longer is told.
_SLOW_S: Final = 10.0

_log = logs.get(__name__)


async def repeat(
    name: str,
    work: Callable[[], Awaitable[int | None]],
    stop: asyncio.Event,
    *,
    interval_s: float,
    transient: tuple[type[Exception], ...],
    rng: random.Random | None = None,
    after_s: float = 0.0,
) -> None:
    """Run `work` until `stop` is set; at once again while it finds something, else after a pause.

    With `rng` a pause is spread over 50 to 150 % of itself, and so is `after_s`, the wait before
    the first run: what was started together does not ask together for ever after
    (test: pauses are spread and starts are staggered).

    `work` returns what it did, or None when there was nothing to do. An error is logged and waited
    out, longer each time: a `transient` one or one of ours as a warning, any other with its
    traceback, for a fault of one service must not end the others of the process
    (test: a loop outlives whatever its work raises).
    """
    failures = 0
    if after_s:
        await wait(stop, spread(after_s, rng))
    while not stop.is_set():
        began_s = time.monotonic()
        try:
            done = await work()
            failures = 0
            pause_s = interval_s if done is None else 0.0
            taken_s = time.monotonic() - began_s
            metrics.job_ran(name, taken_s, found_work=done is not None)
            if taken_s > _SLOW_S:
                logs.performance("loop.slow", loop=name, taken_ms=taken_s * 1_000)
        except Exception as error:  # noqa: BLE001  (the next tick is the handler)
            failures += 1
            metrics.job_failed(name)
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
            await wait(stop, spread(pause_s, rng))


def spread(seconds: float, rng: random.Random | None) -> float:
    """Between half and one and a half times as long, as chance has it."""
    return seconds if rng is None else seconds * rng.uniform(0.5, 1.5)


async def wait(stop: asyncio.Event, seconds: float) -> None:
    """Wait that long, or until `stop` is set."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
