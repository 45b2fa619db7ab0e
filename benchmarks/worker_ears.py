"""Ears at the cache in a process of their own: what is heard is not kept waiting by who speaks."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from typing import Final
from uuid import UUID

from overround import cache
from overround.storefront import wire

WAIT_S: Final = 2.0


@dataclass(slots=True)
class Ears:
    """The book's channel of the cache: when a selection was last told."""

    subscription: cache.Subscription
    heard_s: dict[UUID, float] = field(default_factory=dict[UUID, float])
    rows: int = 0
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        """Listen until cancelled."""
        while True:
            heard = await self.subscription.next(1.0)
            if heard is None:
                continue
            at_s = time.monotonic()
            shown = wire.unpack(heard.data).shown
            self.rows += len(shown)
            self.heard_s |= dict.fromkeys((one.selection_id for one in shown), at_s)
            self.woken.set()

    async def until(self, selection_id: UUID, since_s: float) -> float:
        """When the selection was told after a time. Raises TimeoutError."""
        async with asyncio.timeout(WAIT_S):
            while self.heard_s.get(selection_id, 0.0) <= since_s:
                self.woken.clear()
                await self.woken.wait()
        return self.heard_s[selection_id]


def hear(redis_url: str, channel: str, pipe: Pipe) -> None:
    """The process: asked (selection, since) it answers when that was told, None where it was not;
    asked for None, how many rows were told so far."""
    asyncio.run(_hear(redis_url, channel, pipe))


async def _hear(redis_url: str, channel: str, pipe: Pipe) -> None:
    client = cache.connect(redis_url)
    async with cache.subscribed(client, channel) as subscription:
        ears = Ears(subscription)
        listening = asyncio.create_task(ears.listen())
        pipe.send(True)
        while not listening.done():
            asked: tuple[UUID, float] | None = await asyncio.to_thread(pipe.recv)
            try:
                pipe.send(ears.rows if asked is None else await ears.until(*asked))
            except TimeoutError:
                pipe.send(None)


@dataclass(frozen=True, slots=True)
class Hearing:
    """Who asks the ears."""

    pipe: Pipe

    async def until(self, selection_id: UUID, since_s: float) -> float:
        """When the selection was told after a time. Raises TimeoutError."""
        self.pipe.send((selection_id, since_s))
        found = await asyncio.to_thread(self.pipe.recv)
        if found is None:
            raise TimeoutError("nothing was told")
        return found

    async def rows(self) -> int:
        """How many rows were told so far."""
        self.pipe.send(None)
        return await asyncio.to_thread(self.pipe.recv)
