"""One piece of work for all who ask for it at the same time.

The key begins with whose work it is, so that two tenants never share an answer. The work runs in a
task of its own: who asked first may hang up and the others still get their answer (test: the
answer outlives who asked first). When the work itself is cut short, by its time limit or by a
cancellation, one of those who wait does it again with its own means (test: a leader that dies
hands over).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

T = TypeVar("T")

# Whose it is, and what of theirs.
Key = tuple[UUID | str, str]
KEYS_MAX: Final = 10_000


@dataclass(slots=True)
class _Flight(Generic[T]):
    """Work under way; nobody waits for it any more when `waiting` is 0."""

    task: asyncio.Task[T]
    waiting: int = 0


class Singleflight(Generic[T]):
    """Shares what is under way; keeps nothing that is done. Used from one event loop."""

    def __init__(self, timeout_s: float, keys_max: int = KEYS_MAX) -> None:
        self._timeout_s = timeout_s
        self._keys_max = keys_max
        self._flights: dict[Key, _Flight[T]] = {}
        # How often work was begun, and how often somebody was given another's.
        self.begun = 0
        self.shared = 0

    async def run(self, key: Key, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What `work` gives, or what it gives to somebody who asked for the same key before.

        Raises what `work` raises, to all who wait for it: whoever asks afterwards begins anew.
        Raises TimeoutError to the one whose own `work` took longer than the limit.
        """
        while True:
            flight, is_mine = self._join(key, work)
            try:
                return await self._wait(key, flight)
            except TimeoutError:
                if is_mine:
                    raise
            except asyncio.CancelledError:
                # Either we are told to stop or the work was: a task that stops is not asked again.
                task = asyncio.current_task()
                if is_mine or (task is not None and task.cancelling()):
                    raise

    def _join(
        self, key: Key, work: Callable[[], Coroutine[Any, Any, T]]
    ) -> tuple[_Flight[T], bool]:
        """The flight of the key, and whether it was begun by this call."""
        flight = self._flights.get(key)
        if flight is not None:
            self.shared += 1
            return flight, False
        flight = _Flight(asyncio.create_task(self._limited(work)))
        self.begun += 1
        # Past the bound everybody works for himself: slower, and never without an end.
        if len(self._flights) < self._keys_max:
            self._flights[key] = flight
            flight.task.add_done_callback(lambda _: self._forget(key, flight))
        return flight, True

    async def _limited(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        async with asyncio.timeout(self._timeout_s):
            return await work()

    async def _wait(self, key: Key, flight: _Flight[T]) -> T:
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                # The last one has hung up. Forgotten at once, so that nobody joins what is ending.
                self._forget(key, flight)
                flight.task.cancel()

    def _forget(self, key: Key, flight: _Flight[T]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        if flight.task.done() and not flight.task.cancelled():
            # Read here, so that an error whose last asker hung up is not reported as unhandled.
            flight.task.exception()
