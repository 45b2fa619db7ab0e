"""Bounded threads for work that burns a processor, such as a password hash.

Unbounded, a flood of log-ins would take every processor and hold every request behind it; so at
most `workers` calls run, at most `waiting_max` wait, and one more is refused at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from overround.core.errors import Unavailable

P = ParamSpec("P")
R = TypeVar("R")


class BoundedThreads:
    """A thread pool with an end to its queue; used from one event loop."""

    def __init__(self, workers: int, waiting_max: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix=name)
        self._in_hand_max = workers + waiting_max
        self._in_hand = 0

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What `work` returns. Raises Unavailable when too many are waiting already."""
        if self._in_hand >= self._in_hand_max:
            raise Unavailable("too much work is waiting for a processor", code="busy")
        self._in_hand += 1
        future = asyncio.get_running_loop().run_in_executor(
            self._pool, lambda: work(*args, **kwargs)
        )
        # Counted down when the thread is done, not when the caller stops waiting for it: a client
        # that hangs up does not free its thread (test: a cancelled call still counts).
        future.add_done_callback(self._done)
        return await asyncio.shield(future)

    def _done(self, future: asyncio.Future[R]) -> None:
        self._in_hand -= 1
        if not future.cancelled():
            # Read here so that an error nobody waits for any more is not reported as unhandled.
            future.exception()

    def close(self) -> None:
        """Finish what runs and start nothing more."""
        self._pool.shutdown(wait=True, cancel_futures=True)
