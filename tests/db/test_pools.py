"""Pools under pressure: who can do without is told, bulkheads hold, nobody waits for the dead."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg
import pytest

from overround.core.errors import Unavailable
from overround.db import Bulkheads, Connection, Database, calling
from overround.db.logins import Role
from tests.support.line import Line, line
from tests.support.waiting import until_async

Urls = Mapping[Role, str]
SIZE = 10


@asynccontextmanager
async def pool(url: str, **words: float) -> AsyncGenerator[Database]:
    db = await Database.open(
        url,
        purpose="reads",
        size_max=SIZE,
        acquire_timeout_s=words.get("acquire_s", 5.0),
        hold_s_max=words.get("hold_s"),
    )
    try:
        yield db
    finally:
        await db.close()


async def ask(db: Database) -> None:
    async with db.reading(None) as conn:
        await conn.execute("SELECT 1")


async def until_admitted(db: Database, within_s: float = 5.0) -> float:
    """Seconds until the pool lets somebody through who can do without it."""
    return await until_async(db.admits, "the breaker to let one try", within_s)


def test_the_breaker_opens_at_85_percent_and_lets_one_try(
    database_urls: Urls,
) -> None:
    async def story() -> None:
        async with pool(database_urls["app"]) as db, AsyncExitStack() as held:
            for _ in range(8):
                await held.enter_async_context(db.reading(None))
            assert db.admits()
            assert db.figures().usage_percent == 80
            ninth = await held.enter_async_context(db.reading(None))
            assert (await (await ninth.execute("SELECT 1")).fetchone()) == (1,)
            assert db.figures().usage_percent == 90
            assert not db.admits()
            assert db.figures().breaker == "open"
            # What cannot do without passes: there is one connection more.
            await ask(db)
            await held.aclose()
            await until_admitted(db)
            assert db.figures().breaker == "half_open"
            assert not db.admits(), "one is trying already"
            await ask(db)
            assert db.figures().breaker == "closed"
            assert db.admits()

    asyncio.run(story())


def test_five_who_wait_open_it_too(database_urls: Urls) -> None:
    async def story() -> None:
        async with pool(database_urls["app"]) as db, AsyncExitStack() as held:
            for _ in range(SIZE):
                await held.enter_async_context(db.reading(None))
            waiting = [asyncio.create_task(ask(db)) for _ in range(5)]
            await until_async(lambda: db.figures().waiting == 5, "five to wait")
            assert not db.admits()
            await held.aclose()
            await asyncio.gather(*waiting)

    asyncio.run(story())


def test_a_flood_of_readers_keeps_no_bet_waiting(database_urls: Urls) -> None:
    async def story() -> None:
        db = await Bulkheads.open_shares(
            database_urls["app"], size_max=20, size_min=1, acquire_timeout_s=1.0
        )
        try:
            assert [pool.figures().size_max for pool in db.every()] == [6, 10, 4]
            async with AsyncExitStack() as held:
                for _ in range(10):
                    await held.enter_async_context(db.reading(None))
                with pytest.raises(Unavailable):
                    await ask(db)
                assert not db.admits()
                with calling("bets"):
                    assert db.admits()
                    began_s = time.monotonic()
                    await asyncio.gather(*(ask(db) for _ in range(20)))
                    assert time.monotonic() - began_s < 5
                with calling("admin"):
                    await ask(db)
            await until_admitted(db)
        finally:
            await db.close()

    asyncio.run(story())


def test_a_stopped_server_holds_nobody_for_long(database_urls: Urls) -> None:
    async def working(db: Database) -> None:
        async with db.transaction(None) as conn:
            await conn.execute("SELECT 1")
            await asyncio.sleep(0.2)
            await conn.execute("SELECT 2")

    async def story(road: Line, db: Database) -> None:
        await ask(db)
        at_work = asyncio.create_task(working(db))
        await asyncio.sleep(0.1)
        road.freeze()
        began_s = time.monotonic()
        # Who was at work is cut off, and not made to wait for an answer that never comes.
        with pytest.raises(psycopg.OperationalError):
            await at_work
        assert time.monotonic() - began_s < 15
        with pytest.raises(Unavailable):
            await ask(db)
        assert not db.admits()
        # By now everybody knows: it is said sooner.
        began_s = time.monotonic()
        with pytest.raises(Unavailable):
            await ask(db)
        assert time.monotonic() - began_s < 2.5
        await road.mend()
        await asyncio.wait_for(ask(db), 20)
        assert db.admits()
        await asyncio.gather(*(ask(db) for _ in range(30)))

    async def opened() -> None:
        async with (
            line(database_urls["app"]) as road,
            pool(road.url, acquire_s=1.5, hold_s=0.6) as db,
        ):
            await story(road, db)

    asyncio.run(opened())


def test_a_connection_that_answered_just_now_is_not_asked_again_by_who_trusts_it(
    database_urls: Urls,
) -> None:
    async def cut() -> None:
        """End every other connection of the login at the server's side."""
        async with await psycopg.AsyncConnection.connect(database_urls["app"]) as conn:
            await conn.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE usename = current_user AND datname = current_database()"
                " AND pid <> pg_backend_pid()"
            )

    async def story() -> None:
        async with pool(database_urls["app"]) as db:
            await cut()
            # Who has them asked first is given one that lives; who trusts has to begin anew.
            for _ in range(SIZE):
                await ask(db)
            await cut()
            with pytest.raises(psycopg.OperationalError):
                async with db.transaction(None, trust_s=60) as conn:
                    await conn.execute("SELECT 1")
            await ask(db)

    asyncio.run(story())


def test_who_begins_with_a_question_has_its_answer_in_the_same_transaction(
    database_urls: Urls,
) -> None:
    now = "SELECT pg_current_xact_id()::text"

    async def asked(conn: Connection) -> str:
        row = await (await conn.execute(now)).fetchone()
        assert row is not None
        return row[0]

    async def story() -> None:
        async with pool(database_urls["worker"]) as db:
            async with db.beginning(asked, trust_s=1.0) as (conn, answer):
                assert await asked(conn) == answer
            async with db.transaction(None) as conn:
                assert await asked(conn) != answer

    asyncio.run(story())
