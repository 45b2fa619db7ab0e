"""The shared buckets of `kit.limits`: one script, one key a bucket, gone when the bucket is full.

Time is the server's own, so processes whose clocks differ keep one limit. A bucket that nobody asks
for is a key that has ended (test: every key has an end).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from overround.kit.limits import Lease, Wanted

if TYPE_CHECKING:
    from redis.asyncio import Redis

# KEYS[1] a bucket; ARGV its burst, the microseconds of one token, the tokens wanted. Answers what
# is granted, what is left, and how long to wait for the next one (test: the script and a process
# that is alone agree).
SCRIPT: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local burst, interval, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local full_at = tonumber(redis.call('GET', KEYS[1]) or 0)
if full_at < now then full_at = now end
local free = math.floor((burst * interval - (full_at - now)) / interval)
local granted = math.max(0, math.min(wanted, free))
if granted == 0 then
  return {0, 0, full_at - now - burst * interval + interval}
end
full_at = full_at + granted * interval
redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000))
return {granted, free - granted, 0}
"""
_SHA: Final = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()


class SharedBuckets:
    """The buckets of one cache; the client belongs to whoever made it."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def lease(self, wanted: Sequence[Wanted]) -> list[Lease]:
        """One lease for each, asked in one go. Raises OSError when the cache is away or refuses."""
        from redis.exceptions import NoScriptError, RedisError

        try:
            try:
                return await self._ask(wanted)
            except NoScriptError:
                # A server that was started anew knows no scripts.
                await self._client.script_load(SCRIPT)
                return await self._ask(wanted)
        except RedisError as error:
            raise OSError(f"the cache does not limit: {error}") from error

    async def _ask(self, wanted: Sequence[Wanted]) -> list[Lease]:
        async with self._client.pipeline(transaction=False) as pipe:
            for one in wanted:
                rate = one.rate
                numbers = (rate.burst, rate.interval_us, one.tokens)
                pipe.evalsha(_SHA, 1, one.key, *map(str, numbers))  # pyright: ignore[reportUnknownMemberType]
            answers = await pipe.execute()
        return [Lease(int(granted), int(left), int(wait)) for granted, left, wait in answers]
