"""The shelf: one process's copies of snapshots, so that a request waits for nothing.

A copy that was looked at within the last second is given as it is. An older one is given too while
the cache is asked behind the visitor's back, once for all who ask (test: fifty misses ask the
cache once). Without the cache the copies stay, growing older (test: a shelf outlives its cache).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from contextvars import Context
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, cast

from overround import cache
from overround.cache import keys
from overround.kit import logs, metrics
from overround.kit.singleflight import Singleflight
from overround.storefront import snapshots
from overround.storefront.snapshots import Snapshot

if TYPE_CHECKING:
    from redis.asyncio import Redis

# How old a look at the cache may be; what is published shows everywhere within this and a moment.
LOOKED_S: Final = 1.0
# A visitor waits this long for the first copy and not longer: the defaults do for once.
WAIT_S: Final = 0.3
# A cache that failed is left alone for this long.
AWAY_S: Final = 1.0
COPIES_MAX: Final = 20_000
BYTES_MAX: Final = 128_000_000
CONNECTIONS_MAX: Final = 8

_log = logs.get(__name__)


@dataclass(slots=True)
class _Copy:
    """What was found when it was last looked for: a snapshot, or that there is none."""

    snapshot: Snapshot | None
    looked_s: float


@dataclass(slots=True)
class Counts:
    """How often a copy was there, had to be fetched and was found, or was nowhere."""

    hits: int = 0
    fetched: int = 0
    misses: int = 0


class Shelf:
    """Copies by (subdomain, name), the least used dropped first. Used from one event loop."""

    def __init__(self, client: Redis | None, now_s: Callable[[], float] = monotonic) -> None:
        self._client = client
        self._now_s = now_s
        self._copies: OrderedDict[tuple[str, str], _Copy] = OrderedDict()
        self._bytes = 0
        self.flights: Singleflight[Snapshot | None] = Singleflight(WAIT_S)
        self._behind: set[asyncio.Task[object]] = set()
        self._away_until_s = 0.0
        self.counts = Counts()
        self._hits = metrics.CACHE_HITS.at("storefront")
        self._misses = metrics.CACHE_MISSES.at("storefront")

    @classmethod
    def open(cls, redis_url: str | None) -> Shelf:
        """An empty shelf; without a cache it holds what is put on it."""
        client = cache.connect(redis_url, connections_max=CONNECTIONS_MAX) if redis_url else None
        return cls(client)

    async def aclose(self) -> None:
        """Look for nothing any more."""
        for task in list(self._behind):
            task.cancel()
        await asyncio.gather(*self._behind, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    def at_hand(self, subdomain: str, name: str) -> Snapshot | None:
        """The copy of this process, however old; a look at the cache follows by itself.

        Costs a dictionary's look-up: for hot paths.
        """
        copy = self._copies.get((subdomain, name))
        if copy is None:
            return None
        if self._now_s() - copy.looked_s >= LOOKED_S:
            self._look_behind(subdomain, name, copy)
        if copy.snapshot is not None:
            self.counts.hits += 1
            self._hits.add()
        return copy.snapshot

    def kept(self, subdomain: str, name: str) -> Snapshot | None:
        """What this process put there itself; the cache is not looked at."""
        copy = self._copies.get((subdomain, name))
        return copy.snapshot if copy is not None else None

    async def take(self, subdomain: str, name: str, *, newest: bool = False) -> Snapshot | None:
        """The copy of this process, or of the cache, or None: never an error, never long.

        `newest` waits for the look at the cache where the last one was more than a second ago; when
        the cache does not answer, the old copy it is. Raises ValueError for no label of a host.
        """
        copy = self._copies.get((subdomain, name))
        is_due = copy is None or self._now_s() - copy.looked_s >= LOOKED_S
        if copy is not None and not (is_due and (newest or copy.snapshot is None)):
            return self.at_hand(subdomain, name)
        found = await self._look(subdomain, name)
        if found is None:
            self.counts.misses += 1
            self._misses.add()
        else:
            self.counts.fetched += 1
            self._hits.add()
        return found

    def put(self, subdomain: str, name: str, snapshot: Snapshot | None) -> None:
        """This is how it is now, for this process alone."""
        key = (subdomain, name)
        before = self._copies.pop(key, None)
        self._copies[key] = _Copy(snapshot, self._now_s())
        self._bytes += _weight(snapshot) - (_weight(before.snapshot) if before else 0)
        while len(self._copies) > COPIES_MAX or self._bytes > BYTES_MAX:
            _, dropped = self._copies.popitem(last=False)
            self._bytes -= _weight(dropped.snapshot)

    async def publish(self, subdomain: str, name: str, snapshot: Snapshot) -> bool:
        """This is how it is now, for every process; False when the cache did not hear of it."""
        self.put(subdomain, name, snapshot)
        if self._client is None or self.is_away():
            return False
        try:
            await snapshots.publish(self._client, {subdomain: {name: snapshot}})
        except cache.failures() as error:
            self._lost(error)
            return False
        return True

    def publish_behind(self, subdomain: str, name: str, snapshot: Snapshot) -> None:
        """`publish`, with nobody waiting for it."""
        self._start(self.publish(subdomain, name, snapshot))

    async def settle(self) -> None:
        """Wait for what goes on behind the visitors' backs."""
        await asyncio.gather(*self._behind, return_exceptions=True)

    def is_away(self) -> bool:
        """Whether the cache failed a moment ago, or there is none."""
        return self._client is None or self._now_s() < self._away_until_s

    def _look_behind(self, subdomain: str, name: str, copy: _Copy) -> None:
        # Noted at once, so that the next visitor does not send another one looking.
        copy.looked_s = self._now_s()
        if self.is_away():
            return
        self._start(self._look(subdomain, name))

    def _start(self, work: Coroutine[Any, Any, object]) -> None:
        # In a context of its own: it may outlive the request that set it off.
        task = asyncio.create_task(work, context=Context())
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)

    async def _look(self, subdomain: str, name: str) -> Snapshot | None:
        """What the cache has, put on the shelf; what is there already when it does not answer.

        Who joins a look that is all but over is told what lies on the shelf by then, too: it may
        be newer (test: two processes share what the cache has).
        """
        found = None
        if not self.is_away():
            try:
                found = await self.flights.run(
                    (subdomain, name), lambda: self._fetch(subdomain, name)
                )
            except (*cache.failures(), snapshots.Garbled) as error:
                self._lost(error)
        copy = self._copies.get((subdomain, name))
        return found if copy is None else copy.snapshot

    async def _fetch(self, subdomain: str, name: str) -> Snapshot | None:
        assert self._client is not None
        raw = cast("bytes | None", await self._client.get(keys.of_host(subdomain, name)))
        found = None if raw is None else snapshots.unpack(raw)
        before = self._copies.get((subdomain, name))
        known = before.snapshot if before is not None else None
        if known is not None and (found is None or found.made_ms < known.made_ms):
            # A cache that was restarted knows nothing, and what we know is not less true for it.
            self.put(subdomain, name, known)
            return known
        self.put(subdomain, name, found)
        return found

    def _lost(self, error: Exception) -> None:
        if not self.is_away():
            reason = f"{type(error).__name__}: {error}"[:200]
            _log.warning("storefront.shelf_alone", reason=reason)
        self._away_until_s = self._now_s() + AWAY_S


def _weight(snapshot: Snapshot | None) -> int:
    return 0 if snapshot is None else len(snapshot.body)
