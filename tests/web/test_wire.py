"""The connection: requests in a row, in halves and with garbage behind them, are answered."""

from __future__ import annotations

import asyncio
from typing import Any

from overround.web.wire import BEHIND_BYTES_MAX
from tests.support.waiting import until_async
from tests.web.test_at_once import BOARD, HEAD, Line, line_to, told
from tests.web.test_front import TOKEN, House
from tests.web.test_hostile import head_of

# Answered by a task: it names no tenant, so that no door is known for it.
ALIVE = b"GET /alive HTTP/1.1\r\n" + HEAD
BEARER = b"Authorization: Bearer %b\r\nContent-Type: application/json\r\n" % TOKEN.encode()
BET = b"POST /bets HTTP/1.1\r\n" + HEAD + BEARER
UPGRADE = b"Connection: Upgrade\r\nUpgrade: h2c\r\n"
LENGTH = b"Content-Length: 2\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


async def answer(line: Line) -> tuple[int, dict[str, str], bytes]:
    """The next answer on the line."""
    status, headers, _ = head_of(await line.reader.readuntil(b"\r\n\r\n"))
    body = await line.reader.readexactly(int(headers.get("content-length", 0)))
    return status, headers, body


def test_a_body_that_is_half_here_behind_another_request_is_waited_for() -> None:
    async def story(_: House, line: Line) -> None:
        line.writer.write(ALIVE + b"\r\n" + BET + LENGTH + b"{")
        assert (await answer(line))[0] == 200
        line.writer.write(b"}")
        assert (await answer(line))[0] == 201
        assert (await line.one(BOARD))[0] == 200

    told(story)


def test_what_stands_before_garbage_is_answered() -> None:
    async def story(_: House, line: Line) -> None:
        line.writer.write(ALIVE + b"\r\n" + BET + LENGTH + b"{}GARBAGE\r\n\r\n")
        first, second = await answer(line), await answer(line)
        assert [first[0], second[0]] == [200, 201]
        assert second[1]["connection"] == "close"
        # What comes behind it is not listened to.
        line.writer.write(BOARD + b"\r\n")
        assert await line.reader.read() == b""

    async def alone(_: House, line: Line) -> None:
        line.writer.write(b"GARBAGE\r\n\r\n")
        assert (await answer(line))[0] == 400
        assert await line.reader.read() == b""

    async def halfway(_: House, line: Line) -> None:
        line.writer.write(BET + CHUNKED + b"zz\r\n")
        assert await line.reader.read() == b""

    told(story)
    told(alone)
    told(halfway)


def test_what_follows_the_last_chunk_is_no_header() -> None:
    """Nor may there be more of it than of anything else."""
    seen: list[list[bytes]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive())["type"] == "http.request" and message["more_body"]:
            pass
        seen.append([name for name, _ in scope["headers"]])
        if message["type"] == "http.request":
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    async def story() -> None:
        async with line_to(app) as line:
            late = b"Host: evil.example\r\nX-Forwarded-For: 203.0.113.9\r\n"
            asked = b"POST /x HTTP/1.1\r\n" + HEAD + CHUNKED + b"2\r\n{}\r\n0\r\n"
            assert (await line.one(asked + late))[0] == 204
            assert seen == [[b"host", b"transfer-encoding"]]
            line.wire.data_received(asked)
            for _ in range(BEHIND_BYTES_MAX // 10_000):
                assert not line.wire.transport.is_closing()
                line.wire.data_received(b"X: %b\r\n" % (b"a" * 9_995))
            line.wire.data_received(b"X: 1\r\n")
            assert line.wire.transport.is_closing()
            await until_async(lambda: len(seen) == 2, "the application to hear of it")

    asyncio.run(story())


def test_who_asks_for_another_protocol_is_answered_in_this_one() -> None:
    async def story(house: House, line: Line) -> None:
        many = [BOARD + UPGRADE, ALIVE + UPGRADE, BOARD, BOARD + UPGRADE, ALIVE]
        assert [status for status, _, _ in await line.ask(*many)] == [200] * 5
        line.writer.write(BOARD + UPGRADE + b"\r\nGARBAGE\r\n\r\n")
        status, headers, _ = await answer(line)
        assert (status, headers["connection"]) == (200, "close")

    told(story)


def test_a_body_is_never_taken_for_a_request() -> None:
    async def story(house: House, line: Line) -> None:
        house.board_is_away = True
        inner = BOARD + b"\r\n"
        line.writer.write(BET + UPGRADE + b"Content-Length: %d\r\n\r\n" % len(inner) + inner)
        status, headers, _ = await answer(line)
        assert (status, headers["connection"]) == (400, "close")
        assert await line.reader.read() == b""
        assert not house.passed

    told(story)
