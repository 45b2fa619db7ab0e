"""Calls on a connection of their own: each is heard once, whole and committed, or its error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import psycopg
import pytest

from overround.db import connect
from overround.db.calls import Calls, Row
from overround.db.logins import Role

Urls = dict[Role, str]
Heard = asyncio.Queue[Row | psycopg.Error]

ECHO = "SELECT %s::text, pg_backend_pid()"
SHARE = "SELECT 1 / %s::integer"
SLEEP = "SELECT pg_sleep(%s::float)::text"


@asynccontextmanager
async def opened(
    url: str, *, prepares: bool = True, act: Callable[[Calls], None] = lambda _: None
) -> AsyncGenerator[tuple[Calls, Heard, asyncio.Event]]:
    """Calls whose answers are put into a queue, after `act`; and whether the connection is lost."""
    heard, lost = Heard(), asyncio.Event()

    def hear(answer: Row | psycopg.Error) -> None:
        act(calls)
        heard.put_nowait(answer)

    calls = Calls(await connect(url, prepares=prepares), hear, lost.set)
    await calls.open((ECHO, SHARE, SLEEP))
    try:
        yield calls, heard, lost
    finally:
        await calls.close()


@pytest.mark.parametrize("prepares", [True, False])
def test_each_call_is_heard_with_its_row_or_its_error(database_urls: Urls, prepares: bool) -> None:
    async def story() -> None:
        async with opened(database_urls["app"], prepares=prepares) as (calls, heard, lost):
            # More than a socket takes at once, and more than comes at once.
            for text in ("one", "x" * 8_000_000, "two"):
                calls.call(ECHO, [text])
                row = await heard.get()
                assert isinstance(row, tuple)
                assert row[0] == text
            calls.call(SHARE, ["0"])
            assert isinstance(await heard.get(), psycopg.errors.DivisionByZero)
            calls.call(SHARE, [None])
            assert await heard.get() == (None,)
            assert not lost.is_set()

    asyncio.run(story())


def test_the_next_call_leaves_while_the_answer_is_heard(database_urls: Urls) -> None:
    async def story() -> None:
        left = ["second", "third"]

        def act(calls: Calls) -> None:
            if left:
                calls.call(ECHO, [left.pop(0)])

        async with opened(database_urls["app"], act=act) as (calls, heard, _):
            calls.call(ECHO, ["first"])
            rows = [await heard.get() for _ in range(3)]
            assert [row[0] for row in rows if isinstance(row, tuple)] == [
                "first",
                "second",
                "third",
            ]

    asyncio.run(story())


def test_a_connection_that_ends_fails_its_call_and_is_lost(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls["app"]) as (calls, heard, lost):
            calls.call(ECHO, ["pid"])
            row = await heard.get()
            assert isinstance(row, tuple)
            calls.call(SLEEP, ["60"])
            async with await psycopg.AsyncConnection.connect(database_urls["app"]) as other:
                await other.execute("SELECT pg_terminate_backend(%s)", [row[1]])
            assert isinstance(await heard.get(), psycopg.OperationalError)
            await lost.wait()
            assert calls.is_lost
            # Whoever calls all the same hears nothing: it was told before.
            assert heard.empty()

    asyncio.run(story())


def test_a_connection_that_ends_between_two_calls_is_lost_at_once(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls["app"]) as (calls, heard, lost):
            calls.call(ECHO, ["pid"])
            row = await heard.get()
            assert isinstance(row, tuple)
            async with await psycopg.AsyncConnection.connect(database_urls["app"]) as other:
                await other.execute("SELECT pg_terminate_backend(%s)", [row[1]])
            await lost.wait()
            assert heard.empty()

    asyncio.run(story())


def test_statements_that_the_server_refuses_close_the_connection(database_urls: Urls) -> None:
    async def story() -> None:
        conn = await connect(database_urls["app"], prepares=True)
        calls = Calls(conn, lambda _: None, lambda: None)
        with pytest.raises(psycopg.errors.UndefinedColumn):
            await calls.open(["SELECT nothing"])
        assert conn.closed

    asyncio.run(story())
