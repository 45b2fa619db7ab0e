"""The pieces of the edge alone: the limiter's two paths, the theme's queries, one flight."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import httpx2

from overround import cache
from overround.cache.limits import SharedBuckets
from overround.core.clock import WallClock
from overround.db import Database
from overround.kit.limits import ASK, Limiter, Rate, Wanted
from overround.kit.singleflight import Singleflight
from overround.kit.threads import BoundedThreads
from overround.people.sessions import SessionLimits
from overround.roles.attach import Endpoints
from overround.storefront import Shelf
from overround.web import Services, create_app
from overround.web.limits import Limits

LOCAL: Final = 200_000
TASKS: Final = 32
SHARED: Final = 10_000
PACK: Final = 100
THEMES: Final = 10_000
TOGETHER: Final = 50
# A bucket whose lease is one token, so that every token is a way to the cache.
SINGLE: Final = Rate(9, 1_000_000)
WIDE: Final = Rate(5_000_000, 1_000_000)


async def parts(endpoints: Endpoints) -> dict[str, Any]:
    """Figures of the pieces, by name."""
    return {
        **await _limiter(endpoints.redis_url),
        "theme_queries": await _theme_queries(endpoints),
        "singleflight_runs": await _flights(),
    }


async def _limiter(redis_url: str) -> dict[str, Any]:
    client = cache.connect(redis_url, connections_max=4)
    shared = SharedBuckets(client)
    try:
        local = await _local(shared)
        by_cache = await _by_cache(shared)
        packed = await _packed(shared)
    finally:
        await client.aclose()
    return {
        "limiter_local_per_s": round(local),
        "limiter_valkey_per_s": round(by_cache),
        "limiter_packed_per_s": round(packed),
        "limiter_valkey_ratio": round(by_cache / packed, 2),
    }


async def _local(shared: SharedBuckets) -> float:
    """Tokens of a lease: what the hot path takes, refills among them."""
    limiter = Limiter(shared)
    began_s = time.perf_counter()
    for _ in range(LOCAL):
        at_us = time.monotonic_ns() // 1_000
        bucket = limiter.bucket("bench:local", WIDE, at_us)
        if limiter.spend(bucket, at_us) == ASK:
            await limiter.take("bench:local", WIDE, at_us)
    return LOCAL / (time.perf_counter() - began_s)


async def _by_cache(shared: SharedBuckets) -> float:
    """A token for each of many callers, each a bucket of its own that the cache is asked for."""
    limiter = Limiter(shared)

    async def ask(task: int) -> None:
        for n in range(SHARED // TASKS):
            await limiter.take(f"bench:{task}:{n % 97}", SINGLE, time.monotonic_ns() // 1_000)

    began_s = time.perf_counter()
    await asyncio.gather(*(ask(task) for task in range(TASKS)))
    return SHARED / (time.perf_counter() - began_s)


async def _packed(shared: SharedBuckets) -> float:
    """The most that the client can do: the same script, a hundred in a pipeline."""
    wanted = [Wanted(f"bench:packed:{n}", SINGLE, 1) for n in range(PACK)]
    began_s = time.perf_counter()
    for _ in range(SHARED // PACK):
        await shared.lease(wanted)
    return SHARED / (time.perf_counter() - began_s)


async def _theme_queries(endpoints: Endpoints) -> int:
    """How often the theme of a tenant asked for a database connection, in ten thousand requests."""
    database = await Database.open(endpoints.url("app"), purpose="bench")
    hashing = BoundedThreads(1, 1, "hashing")
    shelf = Shelf.open(endpoints.redis_url)
    services = Services(
        database, WallClock(), hashing, "localhost", SessionLimits(), shelf=shelf, throttle=Limits()
    )
    transport = httpx2.ASGITransport(create_app(services))
    base = "http://bench.localhost"
    try:
        before = database.stats().get("requests_num", 0)
        async with httpx2.AsyncClient(transport=transport, base_url=base) as client:
            for n in range(THEMES):
                below = "/bench" if n % 2 else ""
                answer = await client.get(f"{below}/api/public/load-theme")
                assert answer.status_code == 200, answer.text
        return database.stats().get("requests_num", 0) - before
    finally:
        hashing.close()
        await shelf.aclose()
        await database.close()


async def _flights() -> int:
    """How often a piece of work ran that fifty asked for at once."""
    flights: Singleflight[int] = Singleflight(5.0)
    runs = 0

    async def work() -> int:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0.01)
        return runs

    await asyncio.gather(*(flights.run(("bench", "one"), work) for _ in range(TOGETHER)))
    return runs
