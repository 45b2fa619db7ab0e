"""Whoever comes in vain: told so before anything is looked at, a moment later, at no one's cost."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast
from uuid import UUID

import pytest

from overround.core.errors import Unavailable
from overround.core.principal import Principal
from overround.kit import metrics
from overround.web import marks, problems
from overround.web.answers import asked_of
from overround.web.vain import Later, Refusals
from tests.support.waiting import until_async
from tests.web.test_at_once import BOARD, HEAD, OF_ONE, Line, line_to, told
from tests.web.test_front import ANN, House
from tests.web.test_wire import ALIVE, BET, LENGTH, answer

SLIP_HEAD = b"POST /bets HTTP/1.1\r\n" + HEAD
# A line adds the line's end behind each request: here it is the body.
SLIP = SLIP_HEAD + b"Content-Length: 2\r\n\r\n"
CHUNKED = SLIP_HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"


class Held(Unavailable):
    """The queue is full."""

    code = "full"
    retry_after_s = 7


def test_who_comes_in_vain_is_told_before_anything_is_looked_at() -> None:
    async def story(house: House, line: Line) -> None:
        house.is_full = True
        # By whatever way its body comes.
        for slip in (SLIP, CHUNKED):
            status, headers, body = await line.one(slip)
            assert (status, headers.get("retry-after")) == (503, "1")
            assert json.loads(body)["code"] == "unavailable"
            assert json.loads(body)["request_id"] == headers["x-request-id"]
        # Its body was out of the way: what stands behind it is answered as ever.
        assert (await line.one(BOARD))[0] == 200
        house.is_full = False
        assert (await line.one(SLIP))[0] == 401

    told(story)


def test_who_comes_in_vain_waits_a_moment_and_holds_up_nobody() -> None:
    """No task is made for him, another line is answered before him, and nothing stays of him."""

    async def story(house: House, line: Line) -> None:
        house.is_full = True
        task = line.wire.cycle
        waits = asyncio.create_task(line.one(SLIP))
        async with line_to(house.front) as other:
            assert (await other.one(BOARD))[0] == 200
            assert not waits.done()
        assert (await waits)[0] == 503
        assert line.wire.cycle is task
        # What he asks behind it does not wait, and is answered behind it.
        assert [status for status, _, _ in await line.ask(SLIP, BOARD, SLIP, SLIP, BOARD)] == [
            503, 200, 503, 503, 200,
        ]  # fmt: skip

    told(story)


def test_a_refusal_that_waits_is_told_before_the_end() -> None:
    async def story(house: House, line: Line) -> None:
        house.is_full = True
        waits = asyncio.create_task(line.one(SLIP))
        await _sent(line)
        line.wire.shutdown()
        assert (await waits)[0] == 503
        assert await line.reader.read() == b""

    async def parts(house: House, line: Line) -> None:
        house.is_full = True
        waits = asyncio.create_task(line.one(SLIP))
        await _sent(line)
        line.wire.part()
        assert (await waits)[0] == 503
        _, headers, _ = await line.one(SLIP)
        assert headers["connection"] == "close"

    told(story)
    told(parts)


def test_who_hangs_up_before_he_is_told_is_counted() -> None:
    def told_so() -> float:
        lines = metrics.exposition()[0].decode().splitlines()
        found = [one for one in lines if 'endpoint="/bets"' in one and 'status="503"' in one]
        return sum(float(one.split()[-1]) for one in found if "_total" in one.split("{")[0])

    async def story(house: House, line: Line) -> None:
        front, waiting = cast("Any", house.front), list[object]()
        front.later, house.is_full = waiting.append, True
        before = told_so()
        line.writer.write(SLIP + b"{}")
        await until_async(lambda: bool(waiting), "the slip")
        line.wire.transport.abort()
        await until_async(lambda: told_so() == before + 1, "the refusal to be counted")

    told(story)


def test_a_body_that_never_comes_is_not_waited_for_because_it_is_in_vain() -> None:
    async def story(house: House, line: Line) -> None:
        house.is_full = True
        line.writer.write(SLIP_HEAD + b"Content-Length: 9\r\n\r\n{")
        await _sent(line)
        now_s = asyncio.get_running_loop().time()
        line.wire.look(now_s + 5, 10.0)
        assert not line.wire.transport.is_closing()
        line.wire.look(now_s + 11, 10.0)
        assert b" 408 " in await line.reader.readline()

    told(story)


def test_who_is_let_in_counts_before_he_has_come_to_the_queue() -> None:
    """Of many slips in one moment as many are let in as there is room for."""

    async def run() -> None:
        house = House()
        house.room = 2
        async with (
            line_to(house.front) as one,
            line_to(house.front) as two,
            line_to(house.front) as three,
            line_to(house.front) as four,
        ):
            lines = one, two, three, four
            for line in lines:
                line.writer.write(SLIP + b"{}")
            found = [await line.reader.readline() for line in lines]
            assert sorted(line[9:12] for line in found) == [b"401", b"401", b"503", b"503"]
        # Whoever was let in, and refused for another reason, takes no room any more.
        async with line_to(house.front) as five:
            assert (await five.one(SLIP))[0] == 401

    asyncio.run(run())


def test_who_has_stood_in_line_counts_on_his_way_like_the_others() -> None:
    async def run() -> None:
        house, asked, known = House(), asyncio.Event(), asyncio.Event()
        house.room = 1

        async def slowly(tenant_id: UUID, token: str) -> Principal:
            asked.set()
            await known.wait()
            return ANN

        cast("Any", house.front)._authenticate = slowly
        async with line_to(house.front) as one, line_to(house.front) as two:
            one.writer.write(ALIVE + b"\r\n" + BET + LENGTH + b"{}")
            assert (await answer(one))[0] == 200
            await asked.wait()
            assert (await two.one(SLIP))[0] == 503
            known.set()
            assert (await answer(one))[0] == 201
            assert (await two.one(SLIP))[0] == 401

    asyncio.run(run())


def test_a_page_of_a_named_origin_hears_that_it_comes_in_vain() -> None:
    async def story(house: House, line: Line) -> None:
        house.is_full = True
        for origin, allowed in (("https://shop.example", True), ("https://evil.example", False)):
            named = SLIP_HEAD + b"Origin: %b\r\n" % origin.encode()
            for slip in (SLIP, CHUNKED):
                status, headers, _ = await line.one(slip.replace(SLIP_HEAD, named))
                assert status == 503
                assert headers.get("access-control-allow-origin") == (origin if allowed else None)

    told(story)


def test_what_is_done_later_is_done_in_turn() -> None:
    """And what fails is the loop's to report, and stops nothing."""

    async def run() -> None:
        done: list[object] = []
        asyncio.get_running_loop().set_exception_handler(
            lambda _, what: done.append(what["exception"])
        )
        later, error = Later(0.001), RuntimeError("no")

        def fails() -> None:
            raise error

        for act in (lambda: done.append(1), fails, lambda: done.append(2)):
            later(act)
        assert not done
        await until_async(lambda: 2 in done, "the last of them")
        assert done == [1, error, 2]

    asyncio.run(run())


@pytest.mark.parametrize("said", [{}, {b"x-correlation-id": b"a-word-of-his"}])
def test_who_comes_in_vain_is_told_what_any_problem_tells(said: dict[bytes, bytes]) -> None:
    refusals = Refusals()
    for _ in range(2):
        scope: Any = {"method": "POST", "path": "/bets", "headers": list(said.items())}
        asked = asked_of(scope)
        answer = refusals.answer(Held(), asked)
        told_slowly = problems.of_error(Held(), asked.path, asked.ids)
        assert (answer.status, answer.body) == (503, told_slowly.body)
        slowly = [*told_slowly.raw_headers, *marks.around(told_slowly.raw_headers)]
        assert answer.block == marks.block(slowly)
        assert {name.decode() for name, _ in answer.headers}.isdisjoint(OF_ONE)


async def _sent(line: Line) -> None:
    """Return when the server has read what was written."""
    await until_async(lambda: line.wire.url == b"/bets", "the slip")
