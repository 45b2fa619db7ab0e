"""Leases: copies of records that may be revoked, each good for half a minute at most.

PostgreSQL has the record and says who is revoked; a lease spares it the same question for a while.
Three rules keep a revoked record from being believed again
(test: nothing revives a revoked session):

- whoever revokes *forbids* first: for longer than any lease lasts, and than any look at the record
  takes that began before, no lease is given out or taken for that token, or that owner;
- a lease is written only where there is nothing, so it never replaces such a mark;
- it counts from when the record was looked at, not from when the lease was written.

What remains is a process that can read the cache while the one that revokes cannot write to it: for
that long, and half a minute at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import UUID

from overround.cache import keys
from overround.cache.client import connect, failures
from overround.kit import logs, metrics

if TYPE_CHECKING:
    from redis.asyncio import Redis

LEASE_S: Final = 30.0
# Longer than a lease and than the slowest look at the record together.
FORBIDDEN_S: Final = 60.0
# A cache that failed is left alone for this long; the record is asked meanwhile.
AWAY_S: Final = 1.0
CONNECTIONS_MAX: Final = 16

_MARK: Final = b"-"
_OWNER_LENGTH: Final = 32

# One round trip: the lease, unless its token or its owner is forbidden. A lease begins with its
# owner; the owner's key is of the same tenant, and so in the same slot.
_TAKE: Final = """
local found = redis.call('GET', KEYS[1])
if not found or found == '-' then return found end
if redis.call('EXISTS', ARGV[1] .. string.sub(found, 1, 32)) == 1 then return '-' end
return found
"""

# A mark stays a mark, and what has run out stays so.
_RENEW: Final = """
local found = redis.call('GET', KEYS[1])
if found and found ~= '-' then redis.call('SET', KEYS[1], ARGV[1], 'KEEPTTL') end
"""

_log = logs.get(__name__)


@dataclass(slots=True)
class Counts:
    """How often a lease answered, and how often the record had to."""

    hits: int = 0
    misses: int = 0


class Leases:
    """The leases of one kind of record; used from one event loop. Never raises: a cache that fails
    is a cache that has nothing."""

    def __init__(self, client: Redis | None, kind: str) -> None:
        self._client = client
        self._kind = kind
        self._away_until_s = 0.0
        self.counts = Counts()
        self._hits = metrics.CACHE_HITS.at(kind)
        self._misses = metrics.CACHE_MISSES.at(kind)

    @classmethod
    def open(cls, redis_url: str | None, kind: str) -> Leases:
        """Leases of `kind`; without a cache there is never one."""
        client = connect(redis_url, connections_max=CONNECTIONS_MAX) if redis_url else None
        return cls(client, kind)

    async def aclose(self) -> None:
        """Give the connections back."""
        if self._client is not None:
            await self._client.aclose()

    async def take(self, tenant_id: UUID, token_sha256: bytes) -> bytes | None:
        """What was put under the token, if that may still be believed."""
        found = None
        if self._client is not None and monotonic() >= self._away_until_s:
            try:
                key, owners = self._token(tenant_id, token_sha256), self._owner(tenant_id, "")
                found = await cast("Any", self._client.eval(_TAKE, 1, key, owners))
            except failures() as error:
                self._lost(error)
        if not isinstance(found, bytes) or found == _MARK:
            self.counts.misses += 1
            self._misses.add()
            return None
        self.counts.hits += 1
        self._hits.add()
        return found[_OWNER_LENGTH:]

    async def put(
        self, tenant_id: UUID, token_sha256: bytes, owner_id: UUID, content: bytes, looked_s: float
    ) -> None:
        """Lend out what the record said; `looked_s` is `monotonic()` before it was asked."""
        left_ms = int((LEASE_S - (monotonic() - looked_s)) * 1_000)
        if self._client is None or left_ms <= 0 or monotonic() < self._away_until_s:
            return
        try:
            key, owned = self._token(tenant_id, token_sha256), owner_id.hex.encode() + content
            await self._client.set(key, owned, px=left_ms, nx=True)
        except failures() as error:
            self._lost(error)

    async def renew(
        self, tenant_id: UUID, token_sha256: bytes, owner_id: UUID, content: bytes
    ) -> None:
        """Say something else in a lease that there is, for as long as it lasts."""
        if self._client is None or monotonic() < self._away_until_s:
            return
        try:
            key, owned = self._token(tenant_id, token_sha256), owner_id.hex.encode() + content
            await cast("Any", self._client.eval(_RENEW, 1, key, cast("Any", owned)))
        except failures() as error:
            self._lost(error)

    async def forbid(self, tenant_id: UUID, token_sha256: bytes) -> bool:
        """Before a record is revoked: nobody is to believe its lease. False if nobody was told."""
        return await self._mark(self._token(tenant_id, token_sha256))

    async def forbid_owner(self, tenant_id: UUID, owner_id: UUID) -> bool:
        """As `forbid`, for every record of an owner."""
        return await self._mark(self._owner(tenant_id, owner_id.hex))

    async def _mark(self, key: str) -> bool:
        if self._client is None:
            return False
        try:
            # Tried even if it failed a moment ago: this is the one word that must not be lost.
            await self._client.set(key, _MARK, px=int(FORBIDDEN_S * 1_000))
        except failures() as error:
            self._lost(error)
            return False
        return True

    def _token(self, tenant_id: UUID, token_sha256: bytes) -> str:
        return keys.of_tenant(tenant_id, f"{self._kind}:{token_sha256.hex()}")

    def _owner(self, tenant_id: UUID, owner: str) -> str:
        return keys.of_tenant(tenant_id, f"{self._kind}-owner:{owner}")

    def _lost(self, error: Exception) -> None:
        if monotonic() >= self._away_until_s:
            reason = f"{type(error).__name__}: {error}"[:200]
            _log.warning("leases.not_reached", kind=self._kind, reason=reason)
        self._away_until_s = monotonic() + AWAY_S
