"""A provider's server that behaves as it is told to: well, slowly, wrongly, without end.

A real server on 127.0.0.1. What is asked of it is noted with the moment, so that a schedule can be
read off the requests themselves and not off what the asker says of itself.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, urlsplit

MEGABYTE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Request:
    """What came: `at` is the schedule's time."""

    at: datetime
    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass(slots=True)
class Server:
    """`serves` says how a path is answered; `asked` is what came."""

    now: Callable[[], datetime]
    serves: dict[str, Manner] = field(default_factory=dict[str, "Manner"])
    asked: list[Request] = field(default_factory=list[Request])
    port: int = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def times(self, path: str) -> list[datetime]:
        """When a path was asked for."""
        return [one.at for one in self.asked if one.path == path]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while not writer.is_closing():
                request = await self._request(reader)
                self.asked.append(request)
                await self.serves.get(request.path, status(404))(request, writer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.transport.abort()

    async def _request(self, reader: asyncio.StreamReader) -> Request:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip().split("\r\n")
        target = urlsplit(first.split(" ")[1])
        pairs = (line.split(": ", 1) for line in lines)
        headers = {name.lower(): value for name, value in pairs}
        return Request(self.now(), target.path, dict(parse_qsl(target.query)), headers)


Manner = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def misbehaving(now: Callable[[], datetime]) -> AsyncGenerator[Server]:
    """The server, for the length of the block; whoever hangs on to it is let go at the end."""
    server = Server(now)
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(server.answer(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _head(code: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {code} Said", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def body(
    content: bytes, media: str = "application/json", code: int = 200, **headers: str
) -> Manner:
    """An answer as it should be; `headers` with underscores for dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def manner(_request: Request, writer: asyncio.StreamWriter) -> None:
        said = {"content-type": media, "content-length": str(len(content)), **named}
        writer.write(_head(code, said) + content)

    return manner


def status(code: int, content: bytes = b"{}", **headers: str) -> Manner:
    """Another status than 200."""
    return body(content, code=code, **headers)


def in_turn(*manners: Manner) -> Manner:
    """One after the other, the last one for ever."""
    left = list(manners)

    async def manner(request: Request, writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(request, writer)

    return manner


def validated(content: bytes, etag: str = '"1"') -> Manner:
    """304 to whoever has it."""

    async def manner(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.headers.get("if-none-match") == etag:
            writer.write(_head(304, {"etag": etag}))
        else:
            await body(content, etag=etag)(request, writer)

    return manner


async def silence(_request: Request, writer: asyncio.StreamWriter) -> None:
    """Takes the question and says nothing, for ever."""
    del writer
    await asyncio.Event().wait()


async def dribble(_request: Request, writer: asyncio.StreamWriter) -> None:
    """A byte now and then: no single read ever times out."""
    writer.write(_head(200, {"content-type": "application/json"}))
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def stream_without_end(_request: Request, writer: asyncio.StreamWriter) -> None:
    """As much as is taken, for ever."""
    writer.write(_head(200, {"content-type": "application/json"}))
    while True:
        writer.write(b"[" * 65_536)
        await writer.drain()


async def large(_request: Request, writer: asyncio.StreamWriter) -> None:
    """30 MB, and says so."""
    size = 30 * MEGABYTE
    writer.write(_head(200, {"content-type": "application/json", "content-length": str(size)}))
    for _ in range(30):
        writer.write(b"[" * MEGABYTE)
        await writer.drain()


async def hang_up(_request: Request, writer: asyncio.StreamWriter) -> None:
    """Announces more than it sends."""
    writer.write(_head(200, {"content-type": "application/json", "content-length": "500"}))
    writer.write(b"[")
    await writer.drain()
    writer.close()
    await writer.wait_closed()


def gzipped(content: bytes, keep: float = 1.0) -> Manner:
    """Packed; of which the first part of `keep` is sent."""
    packed = gzip.compress(content)
    packed = packed[: int(len(packed) * keep)]
    return body(packed, content_encoding="gzip")


def gzip_bomb(inflated_bytes: int) -> Manner:
    """A little that inflates to much."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    block = bytes(MEGABYTE)
    packed = b"".join(packer.compress(block) for _ in range(inflated_bytes // MEGABYTE))
    return body(packed + packer.flush(), content_encoding="gzip")


def redirect(to: str, code: int = 302) -> Manner:
    """Elsewhere."""
    return body(b"", code=code, location=to)


def feed(name: str, starts_at: datetime, seen_at: datetime, home_price: str = "2.10") -> bytes:
    """A feed in our own words: one match with its three prices."""
    prices = {"home": home_price, "draw": "3.40", "away": "3.60"}
    event = {
        "id": name,
        "sport": "football",
        "competition": "Premier League",
        "country": "England",
        "home": f"{name} Town",
        "away": f"{name} City",
        "starts_at": starts_at.isoformat(),
        "prices": [
            {"source": "ann_book", "market": "1x2", "side": side, "price": price}
            for side, price in prices.items()
        ],
    }
    said = {"overround_feed": 1, "feed": "ann", "seen_at": seen_at.isoformat(), "events": [event]}
    return json.dumps(said).encode()
