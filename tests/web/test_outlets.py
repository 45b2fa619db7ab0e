"""Frames that pass by the tasks of their streams: over a real transport, in order, and bounded."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from overround.web.live import FRAMES_WAITING_MAX
from overround.web.outlets import UNSENT_BYTES_MAX, Outlet, outlet_of, packed
from tests.storefront.support import Shop, shown, until
from tests.web.test_live import enter, house, names, prices


@asynccontextmanager
async def connection() -> AsyncGenerator[tuple[asyncio.WriteTransport, asyncio.StreamReader]]:
    """A server's transport and what its client reads, with small buffers between them."""
    served: asyncio.Future[asyncio.WriteTransport] = asyncio.get_running_loop().create_future()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8_192)
        served.set_result(writer.transport)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_192)
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, server.sockets[0].getsockname())
        reader, writer = await asyncio.open_connection(sock=client, limit=8_192)
        transport = await served
        try:
            yield transport, reader
        finally:
            writer.close()
            transport.close()


async def chunk_of(reader: asyncio.StreamReader) -> bytes:
    """The next chunk of a body."""
    size = int(await reader.readline(), 16)
    return (await reader.readexactly(size + 2))[:-2]


def test_what_is_told_to_all_passes_by_the_task_of_a_stream() -> None:
    async def story() -> None:
        shop = Shop()
        shop.lay(shown(1))
        async with house(shop) as live, connection() as (transport, reader):
            stream = enter(live, "board,account")
            stream.outlet = Outlet(transport)
            assert names(await stream.next()) == ["snapshot"]
            task = asyncio.create_task(stream.next())
            await asyncio.sleep(0)
            stream.room.view.apply([shown(1, 21_000)])
            stream.room.tell()
            assert prices(await chunk_of(reader)) == {"01": "2.10"}
            stream.beat()
            assert names(await chunk_of(reader)) == ["beat"]
            assert not task.done()
            # What is for one wakes his task, and what comes after it waits for its turn.
            stream.hint("account")
            stream.room.view.apply([shown(1, 22_000)])
            stream.room.tell()
            assert names(await task) == ["offers", "hint"]
            task = asyncio.create_task(stream.next())
            await asyncio.sleep(0)
            stream.end("restart")
            assert names(await chunk_of(reader)) == ["bye"]
            # The goodbye is written; the task ends the response with nothing more to say.
            assert await task == b""
            live.close(stream)

    asyncio.run(story())


def test_who_reads_nothing_is_not_written_to_without_end() -> None:
    async def story() -> None:
        shop = Shop()
        shop.lay(*(shown(n) for n in range(100)))
        async with house(shop) as live, connection() as (transport, reader):
            stream = enter(live, "board")
            stream.outlet = Outlet(transport)
            assert names(await stream.next()) == ["snapshot"]
            task = asyncio.create_task(stream.next())
            await asyncio.sleep(0)
            largest = 0
            for n in range(200):
                stream.room.view.apply([shown(one, 20_001 + n) for one in range(100)])
                stream.room.tell()
                largest = max(largest, transport.get_write_buffer_size())
            # A frame is eight thousand bytes; the two hundred are a megabyte and a half.
            assert UNSENT_BYTES_MAX < largest < UNSENT_BYTES_MAX + 10_000
            # The task had no chance to run, as the server's would wait now: what came is dropped.
            assert names(await task) == ["snapshot"]
            assert stream.is_over is False
            draining = asyncio.create_task(reader.read(-1))
            await until(lambda: transport.get_write_buffer_size() == 0, "an empty buffer")
            task = asyncio.create_task(stream.next())
            await asyncio.sleep(0)
            stream.room.view.apply([shown(1, 50_000)])
            stream.room.tell()
            assert not task.done()
            task.cancel()
            transport.close()
            said = await draining
            assert said.count(b"event: offers") < FRAMES_WAITING_MAX
            assert b'"5.00"' in said
            live.close(stream)

    asyncio.run(story())


def test_nothing_is_written_where_nobody_listens_any_more() -> None:
    async def story() -> None:
        async with connection() as (transport, _):
            outlet = Outlet(transport)
            assert outlet.write(packed(b"x"))
            transport.close()
            assert not outlet.write(packed(b"x"))

    asyncio.run(story())


def test_a_server_that_lends_nothing_is_sent_to() -> None:
    assert outlet_of({"type": "http"}) is None
    assert outlet_of({"type": "http", "extensions": {"http.response.push": {}}}) is None
    assert packed(b"x" * 17) == b"11\r\n" + b"x" * 17 + b"\r\n"
