"""Something is on its way while a block reckons."""

from __future__ import annotations

import asyncio

import pytest

from overround.core.errors import Invalid
from overround.kit.meanwhile import meanwhile


def test_what_is_going_has_begun_before_the_block_and_ended_after_it() -> None:
    noted: list[str] = []

    async def going() -> None:
        noted.append("begun")
        await asyncio.sleep(0)
        noted.append("ended")

    async def story() -> None:
        async with meanwhile(going()):
            noted.append("block")
        noted.append("after")

    asyncio.run(story())
    assert noted == ["begun", "block", "ended", "after"]


def test_whose_failure_came_first_is_raised() -> None:
    async def going(fails: bool) -> None:
        await asyncio.sleep(0)
        if fails:
            raise Invalid("the first")

    async def story(*, fails: bool) -> None:
        async with meanwhile(going(fails)):
            raise ValueError("the second")

    with pytest.raises(Invalid):
        asyncio.run(story(fails=True))
    with pytest.raises(ValueError, match="second"):
        asyncio.run(story(fails=False))


def test_who_is_cancelled_leaves_nothing_going() -> None:
    ended: list[bool] = []

    async def going() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def block() -> None:
        async with meanwhile(going()):
            await asyncio.Event().wait()

    async def story() -> None:
        task = asyncio.create_task(block())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == [True]

    asyncio.run(story())
