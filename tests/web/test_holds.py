"""Who asks on past his limit is answered, and read from more slowly."""

from __future__ import annotations

import asyncio
import time
from typing import cast

from starlette.types import Scope

from overround.web.holds import HOLD_MAX_S, HOLD_S
from overround.web.proxies import Behind, Trusted
from tests.web.test_at_once import BOARD, Line, line_to, told
from tests.web.test_front import House
from tests.web.test_wire import ALIVE, BET, LENGTH, answer

BURST = 3


def test_who_asks_on_past_his_limit_is_read_from_more_slowly() -> None:
    async def story(house: House, line: Line) -> None:
        await line.ask(*[BOARD] * (BURST - 1))
        assert not line.wire.flow.read_paused
        status, headers, _ = await line.one(BOARD)
        assert (status, headers["x-rate-limit-remaining"]) == (200, "0")
        assert line.wire.flow.read_paused
        asked_s = time.monotonic()
        # What he asks next is answered, and the same.
        assert (await line.one(BOARD))[0] == 200
        assert time.monotonic() - asked_s > HOLD_S / 2
        # For what he sends in one piece he waits as if he had sent one after the other.
        began_s = line.wire.loop.time()
        assert {status for status, _, _ in await line.ask(*[BOARD] * 10)} == {200}
        assert line.wire._held_until_s - began_s >= 10 * HOLD_S
        # And for no more than a second, whatever he sends.
        began_s, scope = line.wire.loop.time(), cast("Scope", line.wire.scope)
        for _ in range(1_000):
            line.wire.hold(scope)
        assert line.wire._held_until_s - line.wire.loop.time() <= HOLD_MAX_S
        # A process that ends reads what has been sent.
        assert not house.passed
        line.wire.part()
        assert not line.wire.flow.read_paused
        assert (await line.one(BOARD))[1]["connection"] == "close"
        assert line.wire.loop.time() - began_s < HOLD_MAX_S

    told(story, burst=BURST)


def test_no_other_answer_on_the_connection_lifts_a_hold() -> None:
    """Neither one that the server gives by a task, nor a body that is waited for."""

    async def story(_: House, line: Line) -> None:
        await line.ask(*[BOARD] * (BURST - 1))
        assert [one[0] for one in await line.ask(BOARD, ALIVE, ALIVE)] == [200] * 3
        assert line.wire.flow.read_paused
        # What comes late of a body comes behind the hold, and is read then.
        line.writer.write(BOARD + b"\r\n" + BET + LENGTH + b"{")
        assert (await answer(line))[0] == 200
        assert line.wire.flow.read_paused
        line.writer.write(b"}")
        assert (await answer(line))[0] == 201

    told(story, burst=BURST)


def test_a_proxy_is_not_held_up_for_one_of_its_visitors() -> None:
    async def story() -> None:
        async with line_to(Behind(House(BURST).front, Trusted(["10.0.0.0/8"]))) as line:
            line.wire.client = ("10.0.0.1", 4711)
            his = BOARD + b"X-Forwarded-For: 203.0.113.9\r\n"
            answers = await line.ask(*[his] * (BURST + 1))
            assert answers[-1][1]["x-rate-limit-remaining"] == "0"
            assert line.wire._holding is None
            assert not line.wire.flow.read_paused
            # Who is the client himself is held.
            line.wire.client = ("203.0.113.9", 4711)
            await line.one(BOARD)
            assert line.wire.flow.read_paused

    asyncio.run(story())
