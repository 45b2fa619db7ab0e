"""A client of server-sent events over a real socket, as small as a test can read it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One event as a browser dispatches it."""

    name: str
    data: Any
    id: str

    @property
    def prices(self) -> dict[str, tuple[str, str]]:
        """Of offers: the last part of the selection's id -> price and state."""
        return {row[0][-4:]: (row[1], row[2]) for row in self.data["o"]}


class EventStream:
    """An open stream: what its head said, and its events one by one."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body: dict[str, Any] = {}
        self.retry_ms: list[int] = []
        self.last_id = ""
        self._chunk = b""

    async def read_head(self) -> None:
        """The status and the headers; the body too where it is a problem."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        if "content-length" in self.headers:
            body = await self._reader.readexactly(int(self.headers["content-length"]))
            self.body = json.loads(body)

    async def next(self, timeout_s: float = 20) -> Event:
        """The next event. Raises EOFError at the end of the stream, TimeoutError after a wait."""
        async with asyncio.timeout(timeout_s):
            while True:
                event = self._read_block(await self._block())
                if event is not None:
                    return event

    async def until(self, name: str) -> Event:
        """The next event of that name."""
        while (event := await self.next()).name != name:
            pass
        return event

    def _read_block(self, block: str) -> Event | None:
        fields = {name: value for name, _, value in (x.partition(": ") for x in block.split("\n"))}
        if "retry" in fields:
            self.retry_ms.append(int(fields["retry"]))
        self.last_id = fields.get("id", self.last_id)
        if "data" not in fields:
            return None
        return Event(fields["event"], json.loads(fields["data"]), self.last_id)

    async def _block(self) -> str:
        while b"\n\n" not in self._chunk:
            size = int(await self._reader.readline() or b"0", 16)
            if not size:
                raise EOFError
            self._chunk += await self._reader.readexactly(size)
            await self._reader.readexactly(2)
        block, _, self._chunk = self._chunk.partition(b"\n\n")
        return block.decode()


@asynccontextmanager
async def listening(
    port: int,
    topics: str,
    *,
    host: str = "acme.localhost",
    token: str | None = None,
    last_id: str = "",
) -> AsyncGenerator[EventStream]:
    """A stream of a tenant's host, opened and closed again."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [f"GET /api/v1/stream?topics={topics} HTTP/1.1", f"Host: {host}:{port}"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += [f"Last-Event-ID: {last_id}"] if last_id else []
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    stream = EventStream(reader, writer)
    try:
        async with asyncio.timeout(20):
            await stream.read_head()
        yield stream
    finally:
        writer.close()
