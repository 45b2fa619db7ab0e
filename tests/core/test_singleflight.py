"""Singleflight: fifty who ask at once cost one look, and no death leaves anybody waiting."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from overround.kit.singleflight import Singleflight

ACME, SAKURA = UUID(int=1), UUID(int=2)


class Work:
    """Work that goes on until it is told to end; `begun` counts how often."""

    def __init__(self, gives: str = "it") -> None:
        self.gives = gives
        self.begun = 0
        self.cancelled = 0
        self.started = asyncio.Event()
        self.may_end = asyncio.Event()
        self.fails: Exception | None = None

    async def __call__(self) -> str:
        self.begun += 1
        self.started.set()
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.fails is not None:
            raise self.fails
        return self.gives


def test_fifty_at_once_cost_one() -> None:
    async def story() -> None:
        flights, work = Singleflight[str](5), Work()
        asked = [asyncio.create_task(flights.run((ACME, "theme"), work)) for _ in range(50)]
        await work.started.wait()
        work.may_end.set()
        assert await asyncio.gather(*asked) == ["it"] * 50
        assert (work.begun, flights.begun, flights.shared) == (1, 1, 49)
        # Nothing is kept: who asks afterwards is told what is true then.
        assert await flights.run((ACME, "theme"), work) == "it"
        assert work.begun == 2

    asyncio.run(story())


def test_two_tenants_never_share() -> None:
    async def story() -> None:
        flights, ours, theirs = Singleflight[str](5), Work("ours"), Work("theirs")
        one = asyncio.create_task(flights.run((ACME, "theme"), ours))
        other = asyncio.create_task(flights.run((SAKURA, "theme"), theirs))
        ours.may_end.set()
        theirs.may_end.set()
        assert (await one, await other) == ("ours", "theirs")

    asyncio.run(story())


def test_the_answer_outlives_who_asked_first() -> None:
    async def story() -> None:
        flights, work = Singleflight[str](5), Work()
        first = asyncio.create_task(flights.run((ACME, "theme"), work))
        await work.started.wait()
        second = asyncio.create_task(flights.run((ACME, "theme"), Work("never asked")))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        work.may_end.set()
        assert await second == "it"
        assert (work.begun, work.cancelled) == (1, 0)

    asyncio.run(story())


def test_what_nobody_waits_for_is_given_up() -> None:
    async def story() -> None:
        flights, work = Singleflight[str](5), Work()
        asked = [asyncio.create_task(flights.run((ACME, "theme"), work)) for _ in range(3)]
        await work.started.wait()
        for one in asked:
            one.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        again = Work("new")
        again.may_end.set()
        assert await flights.run((ACME, "theme"), again) == "new"
        assert work.cancelled == 1

    asyncio.run(story())


def test_a_leader_that_dies_hands_over() -> None:
    async def story() -> None:
        flights, stuck, good = Singleflight[str](0.1), Work("stuck"), Work("good")
        good.may_end.set()
        first = asyncio.create_task(flights.run((ACME, "theme"), stuck))
        await stuck.started.wait()
        others = [asyncio.create_task(flights.run((ACME, "theme"), good)) for _ in range(20)]
        with pytest.raises(TimeoutError):
            await first
        assert await asyncio.gather(*others) == ["good"] * 20
        assert good.begun == 1, "one of those who waited took over, for all of them"

    asyncio.run(story())


def test_a_failure_is_told_to_all_and_not_kept() -> None:
    async def story() -> None:
        flights, work = Singleflight[str](5), Work()
        work.fails = ConnectionError("away")
        asked = [asyncio.create_task(flights.run((ACME, "theme"), work)) for _ in range(5)]
        await work.started.wait()
        work.may_end.set()
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(one) for one in found] == [ConnectionError] * 5
        work.fails = None
        assert await flights.run((ACME, "theme"), work) == "it"

    asyncio.run(story())


def test_past_its_bound_everybody_works_for_himself() -> None:
    async def story() -> None:
        flights = Singleflight[str](5, keys_max=1)
        first, work = Work(), Work()
        work.may_end.set()
        begun = asyncio.create_task(flights.run((ACME, "a"), first))
        await first.started.wait()
        await asyncio.gather(*(flights.run((ACME, "b"), work) for _ in range(3)))
        assert work.begun == 3
        first.may_end.set()
        await begun

    asyncio.run(story())
