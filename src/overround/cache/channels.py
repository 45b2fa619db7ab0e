"""Publish and subscribe, with types: what is sent while nobody listens is lost."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline, PubSub


@dataclass(frozen=True, slots=True)
class Heard:
    """A message and the channel that it came by."""

    channel: str
    data: bytes


class Subscription:
    """What `subscribed` gives: one connection that listens."""

    def __init__(self, pubsub: PubSub) -> None:
        self._pubsub = pubsub
        self._is_asked = False

    async def next(self, timeout_s: float) -> Heard | None:
        """The next message; None after a silence. Raises what the client raises."""
        while True:
            found = cast(
                "dict[str, Any] | None",
                await self._pubsub.get_message(  # pyright: ignore[reportUnknownMemberType]
                    ignore_subscribe_messages=True, timeout=timeout_s
                ),
            )
            if found is None:
                return None
            if found["type"] in {"message", "pmessage"}:
                return Heard(found["channel"].decode("utf-8", "replace"), found["data"])
            self._is_asked = False

    async def ping(self) -> None:
        """Ask for a sign of life. Raises TimeoutError when the last one was not answered."""
        if self._is_asked:
            raise TimeoutError("the cache does not answer a PING")
        self._is_asked = True
        await self._pubsub.ping()  # pyright: ignore[reportUnknownMemberType]


@asynccontextmanager
async def subscribed(
    client: Redis, channel: str, *, pattern: bool = False
) -> AsyncGenerator[Subscription]:
    """Listen to a channel, or to all that fit a pattern, for the length of the block.

    The server has confirmed the subscription when the block begins, so what is published from then
    on is heard. Raises what the client raises.
    """
    async with client.pubsub() as pubsub:  # pyright: ignore[reportUnknownMemberType]
        if pattern:
            await pubsub.psubscribe(channel)
        else:
            await pubsub.subscribe(channel)
        confirmed = await pubsub.get_message(  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            timeout=None
        )
        assert confirmed is not None
        yield Subscription(pubsub)


def publish(pipe: Pipeline, channel: str, message: bytes) -> None:
    """Queue a message in a pipeline."""
    pipe.publish(channel, message)  # pyright: ignore[reportUnknownMemberType]
