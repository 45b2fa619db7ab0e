"""How often one may ask: buckets alone, shared, leased; one tenant's noise and another's peace."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from uuid import UUID

import pytest

from overround import cache
from overround.cache.limits import SharedBuckets
from overround.kit import limits as kit
from overround.kit.limits import Lease, Limiter, Rate, Wanted
from overround.kit.settings import LimitSettings
from overround.roles.attach import Endpoints
from overround.web import limits, marks
from overround.web.limits import LimitClass, Limits, Told, rates_of, subject_of

US = kit.SECOND_US


def allowed(limiter: Limiter, key: str, rate: Rate, at_us: int, times: int) -> int:
    """How many of so many requests of one moment may go on, without waiting for anybody."""
    found = [limiter.now(key, rate, at_us) for _ in range(times)]
    return sum(one is not None and one.allowed for one in found)


def test_a_bucket_empties_and_fills() -> None:
    limiter, rate = Limiter(), Rate(100, 2)
    assert allowed(limiter, "a", rate, 0, 150) == 100
    refused = limiter.now("a", rate, 0)
    assert refused is not None
    assert (refused.allowed, refused.remaining, refused.reset_s) == (False, 0, 50)
    assert refused.retry_after_s == 1
    assert allowed(limiter, "a", rate, US, 10) == 2
    assert allowed(limiter, "a", rate, 2 * US, 10) == 2
    # Full again, and not fuller.
    assert allowed(limiter, "a", rate, 1_000 * US, 150) == 100
    assert allowed(limiter, "b", rate, 0, 150) == 100


@pytest.mark.parametrize("seed", range(5))
def test_no_span_admits_more_than_burst_and_rate(seed: int) -> None:
    rng = random.Random(seed)
    limiter, rate = Limiter(), Rate(20, 10)
    at_us, taken = 0, list[int]()
    for _ in range(2_000):
        at_us += rng.choice((0, 0, 1_000, 50_000, 300_000))
        if allowed(limiter, "a", rate, at_us, 1):
            taken.append(at_us)
    for n, begin_us in enumerate(taken):
        within = [one for one in taken[n:] if one - begin_us < US]
        assert len(within) <= rate.burst + rate.per_s


class Shared:
    """Buckets of one place, counted; it can go away."""

    def __init__(self) -> None:
        self.alone = Limiter()
        self.asked = 0
        self.is_away = False
        self.at_us = 0

    async def lease(self, wanted: Sequence[Wanted]) -> list[Lease]:
        self.asked += 1
        if self.is_away:
            raise OSError("away")
        found: list[Lease] = []
        for one in wanted:
            granted = allowed(self.alone, one.key, one.rate, self.at_us, one.tokens)
            left = self.alone.bucket(one.key, one.rate, self.at_us)
            found.append(Lease(granted, 0, left.wait_us))
        return found


def test_processes_together_keep_one_limit() -> None:
    async def story() -> None:
        shared, rate = Shared(), Rate(100, 2)
        processes = [Limiter(shared) for _ in range(3)]
        verdicts = await asyncio.gather(
            *(one.take("a", rate, 0) for one in processes for _ in range(80))
        )
        granted = sum(one.allowed for one in verdicts)
        # What each may hold and not have spent is two leases.
        assert 100 - 3 * 2 * rate.lease <= granted <= 100
        assert shared.asked < granted

    asyncio.run(story())


def test_without_the_cache_there_still_is_a_limit() -> None:
    async def story() -> None:
        shared, rate = Shared(), Rate(10, 1)
        shared.is_away = True
        limiter = Limiter(shared)
        verdicts = [await limiter.take("a", rate, 0) for _ in range(30)]
        assert sum(one.allowed for one in verdicts) == 10
        # It was asked once, and is left alone for a while.
        assert (shared.asked, limiter.failures) == (1, 1)
        shared.is_away = False
        assert (await limiter.take("b", rate, kit.AWAY_US)).allowed
        assert shared.asked == 2

    asyncio.run(story())


def test_who_is_refused_does_not_ask_the_cache_again() -> None:
    async def story() -> None:
        shared, rate = Shared(), Rate(10, 1)
        limiter = Limiter(shared)
        for _ in range(500):
            await limiter.take("a", rate, 0)
        assert shared.asked < 15

    asyncio.run(story())


def test_keys_without_end_take_memory_that_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit, "KEYS_MAX", 10_000)
    limiter, rate = Limiter(), Rate(5, 1)
    kept = limiter.bucket("first", rate, 0)
    for n in range(50_000):
        limiter.now(f"key {n}", rate, n)
    assert len(limiter._held) <= 10_000 + kit._SWEEP_EVERY
    assert kept.is_gone


def test_a_flood_asks_for_few_leases_and_waits_for_none(endpoints: Endpoints) -> None:
    async def story() -> None:
        client = cache.connect(endpoints.redis_url)
        limiter, rate = Limiter(SharedBuckets(client)), Rate(8, 40)
        key = "overround:test:flood"
        try:
            await client.delete(key)
            while (await limiter.take(key, rate, time.monotonic_ns() // 1_000)).allowed:
                pass
            before, began_us = limiter.leases, time.monotonic_ns() // 1_000
            admitted, at_us = 0, began_us
            while admitted < 8:
                at_us = time.monotonic_ns() // 1_000
                # A look takes no token, and whoever takes one is told at once.
                limiter.refusal(key, rate, at_us)
                verdict = limiter.now(key, rate, at_us)
                assert verdict is not None
                admitted += verdict.allowed
                await asyncio.sleep(0)
            span_us = at_us - began_us
            assert span_us > 3 * rate.interval_us
            assert limiter.leases - before <= span_us // rate.interval_us + 2
        finally:
            await limiter.close()
            await client.aclose()

    asyncio.run(story())


def test_the_script_and_a_process_that_is_alone_agree(endpoints: Endpoints) -> None:
    async def story() -> None:
        client = cache.connect(endpoints.redis_url)
        shared, rate = SharedBuckets(client), Rate(40, 0.01)
        try:
            key = "overround:test:limit"
            await client.delete(key)
            alone, at_us = Limiter(), 1
            for tokens in (1, 7, 10, 30, 5):
                found = (await shared.lease([Wanted(key, rate, tokens)]))[0]
                assert found.granted == allowed(alone, key, rate, at_us, tokens)
                assert found.granted or found.wait_us > 90 * US
            # A bucket ends by itself when it would be full.
            left_ms = await client.pttl(key)  # pyright: ignore[reportUnknownMemberType]
            assert 0 < left_ms <= 40 * 100_000
        finally:
            await client.aclose()

    asyncio.run(story())


def test_two_processes_share_the_cache_and_survive_its_scripts_loss(endpoints: Endpoints) -> None:
    async def story() -> None:
        client = cache.connect(endpoints.redis_url)
        rate = Rate(30, 0.01)
        processes = [Limiter(SharedBuckets(client)) for _ in range(2)]
        try:
            await client.script_flush()  # pyright: ignore[reportUnknownMemberType]
            key = f"overround:test:two:{time.monotonic_ns()}"
            verdicts = [await one.take(key, rate, 0) for _ in range(40) for one in processes]
            assert 30 - 4 * rate.lease <= sum(one.allowed for one in verdicts) <= 30
        finally:
            for one in processes:
                await one.close()
            await client.aclose()

    asyncio.run(story())


def test_a_loud_tenant_is_not_heard_next_door() -> None:
    """Fifty times its limit, by as many players as there are requests, and of every class."""
    quiet, loud = (limits.prefix_of(UUID(int=n)) for n in (1, 2))
    found = Limits(Limiter(), limits.DEFAULTS, Rate(200, 100))

    def granted(prefix: str, of: LimitClass, players: int, each: int) -> int:
        verdicts = [
            found.now(prefix, of, f"player {n}", 0) for _ in range(each) for n in range(players)
        ]
        return sum(one is not None and one.allowed for one in verdicts)

    assert granted(loud, "bets", 10_000, 1) == 200
    assert granted(quiet, "bets", 2, 100) == 200
    # Nor do readers without end stop the bets of their own house.
    assert granted(loud, "page", 10_000, 1) == 200
    other = limits.prefix_of(UUID(int=3))
    assert granted(other, "public", 10_000, 1) == 200
    assert granted(other, "bets", 1, 100) == 100


@pytest.mark.parametrize(
    ("address", "subject"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
    ],
)
def test_a_household_of_ipv6_is_one_visitor(address: str, subject: str) -> None:
    assert subject_of(address) == subject


def test_the_seeds_numbers_are_the_defaults() -> None:
    assert rates_of(LimitSettings()) == limits.DEFAULTS
    assert limits.DEFAULTS["public"] == Rate(100, 2)
    assert Rate(LimitSettings().tenant_burst, LimitSettings().tenant_per_s) == limits.TENANT


def test_what_an_answer_says_of_its_bucket() -> None:
    told = Told("public", Rate(100, 2))
    said = dict(told.headers(40, 1_000))
    assert told.block(40, 1_000) == marks.block(said.items())
    assert said == {
        b"ratelimit-policy": b'"public";q=100;w=50',
        b"ratelimit": b'"public";r=40;t=30',
        b"x-rate-limit-remaining": b"40",
        b"x-rate-limit-reset": b"1030",
    }
