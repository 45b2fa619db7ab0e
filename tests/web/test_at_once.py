"""What is answered as soon as it has been read: the same answers, without a task for each."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from overround.core.errors import Conflict
from overround.web.answers import Answer, Asked
from overround.web.proxies import Behind, Trusted
from overround.web.wire import AT_ONCE_MAX, Wire
from tests.support.waiting import until_async
from tests.web.test_front import House
from tests.web.test_hostile import head_of

HEAD = b"Host: acme.bet.example\r\n"
BOARD = b"GET /board HTTP/1.1\r\n" + HEAD
# Different in every answer, whoever gives it.
OF_ONE = {
    "x-request-id", "x-correlation-id", "ratelimit", "x-rate-limit-remaining",
    "x-rate-limit-reset", "date",
}  # fmt: skip


@dataclass(slots=True)
class Line:
    """One connection to a front, and the server's end of it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    wire: Wire

    async def ask(self, *requests: bytes) -> list[tuple[int, dict[str, str], bytes]]:
        """The answers to requests that are sent in one piece; each ends with an empty line."""
        self.writer.write(b"".join(one + b"\r\n" for one in requests))
        found: list[tuple[int, dict[str, str], bytes]] = []
        for _ in requests:
            head = await self.reader.readuntil(b"\r\n\r\n")
            status, headers, _ = head_of(head)
            found.append(
                (status, headers, await self.reader.readexactly(int(headers["content-length"])))
                if "content-length" in headers
                else (status, headers, b"")
            )
        return found

    async def one(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        """The answer to one request."""
        return (await self.ask(request))[0]


@asynccontextmanager
async def line_to(app: Any) -> AsyncGenerator[Line]:
    config = uvicorn.Config(
        app, loop="none", http=Wire, ws="none", lifespan="off", proxy_headers=False, log_config=None
    )
    config.load()
    state, wires = ServerState(), list[Wire]()

    def connected() -> Wire:
        wires.append(Wire(config, state, {}))
        return wires[-1]

    ours, theirs = socket.socketpair()
    await asyncio.get_running_loop().connect_accepted_socket(connected, theirs)
    reader, writer = await asyncio.open_connection(sock=ours)
    try:
        yield Line(reader, writer, wires[0])
    finally:
        writer.close()
        await writer.wait_closed()
        # Who is left unread does not hear that.
        wires[0].read_on()
        await until_async(wires[0].transport.is_closing, "the server's end to close")


def told(story: Callable[[House, Line], Awaitable[None]], burst: int = 100) -> None:
    """Run a story on a line to a front that has been asked once, so that it knows the visitor."""

    async def run() -> None:
        house = House(burst)
        async with line_to(house.front) as line:
            await line.one(BOARD)
            await story(house, line)

    asyncio.run(run())


def test_what_is_answered_at_once_is_answered_the_same() -> None:
    async def story(house: House, line: Line) -> None:
        known = BOARD + b"If-None-Match: %b\r\n" % house.copy.etag.encode()
        for asked in (BOARD, known):
            task = line.wire.cycle
            status, headers, body = await line.one(asked)
            assert line.wire.cycle is task
            # A page of another origin is answered the long way.
            long = await line.one(asked + b"Origin: https://nobody.example\r\n")
            assert line.wire.cycle is not task
            assert (long[0], long[1].keys(), long[2]) == (status, headers.keys(), body)
            assert {name: one for name, one in headers.items() if name not in OF_ONE} == {
                name: one for name, one in long[1].items() if name not in OF_ONE
            }
            left = int(headers["x-rate-limit-remaining"])
            assert int(long[1]["x-rate-limit-remaining"]) == left - 1

    told(story)


def test_what_cannot_be_answered_at_once_is_counted_once_and_goes_on() -> None:
    async def story(house: House, line: Line) -> None:
        left = int((await line.one(BOARD))[1]["x-rate-limit-remaining"])
        house.board_is_away = True
        status, headers, _ = await line.one(BOARD)
        assert (status, house.passed) == (204, ["/board"])
        assert int(headers["x-rate-limit-remaining"]) == left - 1

    told(story)


def test_answers_come_in_the_order_of_requests() -> None:
    async def story(house: House, line: Line) -> None:
        further = b"GET /board?page=2 HTTP/1.1\r\n" + HEAD
        many = [BOARD, further, BOARD, b"GET /alive HTTP/1.1\r\n" + HEAD, further, BOARD]
        assert [status for status, _, _ in await line.ask(*many)] == [200, 204, 200, 200, 204, 200]
        # Whoever sends a long row is answered in turn with others, and all of it.
        count = 3 * AT_ONCE_MAX
        assert [status for status, _, _ in await line.ask(*[BOARD] * count)] == [200] * count

    told(story, burst=1_000)


def test_a_handler_that_fails_at_once_is_a_problem() -> None:
    async def story(house: House, line: Line) -> None:
        def fails(_: Asked) -> Answer | None:
            raise Conflict("no", code="no")

        house.board_error = fails
        status, headers, body = await line.one(BOARD)
        assert (status, headers["content-type"]) == (409, "application/problem+json")
        assert b'"code":"no"' in body.replace(b": ", b":")
        house.board_error = None
        assert (await line.one(BOARD))[0] == 200

    told(story)


def test_who_asks_no_more_is_hung_up_on_and_so_is_everybody_at_the_end() -> None:
    async def story(_: House, line: Line) -> None:
        now_s = asyncio.get_running_loop().time()
        line.wire.look(now_s + line.wire.timeout_keep_alive - 1, 10.0)
        assert (await line.one(BOARD))[0] == 200
        line.wire.look(now_s + line.wire.timeout_keep_alive + 1, 10.0)
        assert await line.reader.read() == b""

    async def ended(_: House, line: Line) -> None:
        line.wire.shutdown()
        assert await line.reader.read() == b""

    told(story)
    told(ended)


def test_a_trusted_proxy_is_believed_at_once_too() -> None:
    async def story() -> None:
        house = House()
        trusted = Trusted(("127.0.0.1/32",))
        async with line_to(Behind(house.front, trusted)) as line:
            line.wire.client = ("127.0.0.1", 1)
            by_proxy = BOARD + b"X-Forwarded-Proto: https\r\nX-Forwarded-For: 203.0.113.9\r\n"
            first = await line.one(by_proxy)
            task = line.wire.cycle
            again = await line.one(by_proxy)
            assert line.wire.cycle is task
            assert "strict-transport-security" in again[1]
            assert first[1].keys() == again[1].keys()
            other = await line.one(by_proxy.replace(b"113.9", b"113.8"))
            left = [int(one[1]["x-rate-limit-remaining"]) for one in (first, again, other)]
            assert left == [99, 98, 99]

    asyncio.run(story())
