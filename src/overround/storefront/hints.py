"""Hints: "something of yours has changed, look again", to open pages.

A hint carries no value and is published after the commit, over the cache alone: while the cache is
away hints are lost, and pages look again on a slow timer of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from uuid import UUID

from overround import cache
from overround.cache import Subscription, keys
from overround.kit import logs

if TYPE_CHECKING:
    from redis.asyncio import Redis

CHANNEL: Final = "hints"
# More players than this at once are told as "everyone".
USERS_MAX: Final = 10_000
RETRY_S: Final = 0.5
# The first hint goes at once and what follows on its heels together: nobody sees the difference,
# and thousands of bets a second are twenty messages.
GAP_S: Final = 0.05
_SEND_S: Final = 2.0
_LISTEN_S: Final = 5.0

_OFFICE: Final = 1
_EVERYONE: Final = 2
_UUID_BYTES: Final = 16

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Hint:
    """Whose pages should look again: some players' (or everyone's), and the office's."""

    users: frozenset[UUID] = frozenset()
    office: bool = False
    everyone: bool = False

    def pack(self) -> bytes:
        """The hint as bytes."""
        flags = (_OFFICE if self.office else 0) | (_EVERYONE if self.everyone else 0)
        return bytes([flags]) + b"".join(user.bytes for user in self.users)


def unpack(raw: bytes) -> Hint:
    """The hint of some bytes; what is not understood is a hint for everyone."""
    if not raw or (len(raw) - 1) % _UUID_BYTES:
        return Hint(office=True, everyone=True)
    users = range(1, len(raw), _UUID_BYTES)
    return Hint(
        frozenset(UUID(bytes=raw[at : at + _UUID_BYTES]) for at in users),
        office=bool(raw[0] & _OFFICE),
        everyone=bool(raw[0] & _EVERYONE),
    )


@dataclass(slots=True)
class _Waiting:
    users: set[UUID] = field(default_factory=set[UUID])
    office: bool = False

    def hint(self) -> Hint:
        if len(self.users) > USERS_MAX:
            return Hint(office=self.office, everyone=True)
        return Hint(frozenset(self.users), self.office)


class Hints:
    """The sender: `tell` only notes, one task sends. Used from one event loop."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._waiting: dict[UUID, _Waiting] = {}
        self._wake = asyncio.Event()
        self._closing = False
        self._away = False
        self._task = asyncio.create_task(self._run())

    @classmethod
    def open(cls, redis_url: str) -> Hints:
        """A sender that runs, whether the cache is there or not."""
        return cls(cache.connect(redis_url, connections_max=2))

    def tell(self, tenant_id: UUID, users: Collection[UUID] = (), *, office: bool = False) -> None:
        """Something of these players, and of the office, was committed; returns at once."""
        waiting = self._waiting.setdefault(tenant_id, _Waiting())
        waiting.users.update(users)
        waiting.office = waiting.office or office
        self._wake.set()

    async def close(self) -> None:
        """Send what is still waiting, if the cache takes it, and stop."""
        self._closing = True
        self._wake.set()
        await self._task
        await self._client.aclose()

    async def _run(self) -> None:
        while not (self._closing and not self._waiting):
            await self._wake.wait()
            self._wake.clear()
            waiting, self._waiting = self._waiting, {}
            try:
                async with (
                    asyncio.timeout(_SEND_S),
                    self._client.pipeline(transaction=False) as pipe,
                ):
                    for tenant_id, of_tenant in waiting.items():
                        channel = keys.of_tenant(tenant_id, CHANNEL)
                        cache.publish(pipe, channel, of_tenant.hint().pack())
                    await pipe.execute()
                self._away = False
                if not self._closing:
                    await asyncio.sleep(GAP_S)
            except cache.failures() as error:
                await self._lost(error)

    async def _lost(self, error: Exception) -> None:
        if not self._away:
            self._away = True
            reason = f"{type(error).__name__}: {error}"[:200]
            _log.warning("hints.not_sent", reason=reason)
        if not self._closing:
            await asyncio.sleep(RETRY_S)


# The tenant, or None for all of them.
HintListener = Callable[[UUID | None, Hint], None]


async def listen(redis_url: str, listener: HintListener) -> None:
    """Hand every hint of every tenant to `listener` until cancelled.

    Hints that were sent while nobody listened are lost, so each time the cache is back everyone is
    told once (test: who could not hear hints is told to look again).
    """
    client = cache.connect(redis_url, connections_max=2)
    pattern = keys.of_every_tenant(CHANNEL)
    was_deaf = False
    try:
        while True:
            try:
                async with cache.subscribed(client, pattern, pattern=True) as subscription:
                    if was_deaf:
                        listener(None, Hint(office=True, everyone=True))
                    await _hand_on(subscription, listener)
            except cache.failures() as error:
                if not was_deaf:
                    reason = f"{type(error).__name__}: {error}"[:200]
                    _log.warning("hints.not_heard", reason=reason)
                was_deaf = True
                await asyncio.sleep(RETRY_S)
    finally:
        await client.aclose()


async def _hand_on(subscription: Subscription, listener: HintListener) -> None:
    while True:
        heard = await subscription.next(_LISTEN_S)
        if heard is None:
            await subscription.ping()
            continue
        try:
            tenant_id = keys.tenant_in(heard.channel)
        except ValueError:
            _log.warning("hints.unknown_channel", channel=heard.channel[:100])
            continue
        listener(tenant_id, unpack(heard.data))
