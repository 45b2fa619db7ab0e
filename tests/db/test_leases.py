"""One holder per lease: a live one keeps it, a dead one loses it, a stalled one writes nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

import pytest

from overround.core.errors import Unavailable
from overround.db import Database, holders, lease
from overround.db.logins import Role
from tests.support.interleave import connected, until_waiting

Urls = Mapping[Role, str]

EXPIRE = "UPDATE lease SET expires_at = clock_timestamp() - interval '1 second'"
MARK = (
    "INSERT INTO work_due (kind, for_tenant, subject_id, due_at) VALUES ('settle', %s, %s, now())"
)


@asynccontextmanager
async def opened(urls: Urls) -> AsyncGenerator[Database]:
    db = await Database.open(urls["worker"], purpose="test", size_min=1, size_max=4)
    try:
        yield db
    finally:
        await db.close()


async def expire(db: Database) -> None:
    """Let the holder's time run out, as it does for one that was stopped."""
    async with db.transaction(None) as conn:
        await conn.execute(EXPIRE)


async def marks(db: Database) -> int:
    async with db.reading(None) as conn:
        row = await (await conn.execute("SELECT count(*) FROM work_due")).fetchone()
    assert row is not None
    return row[0]


def test_a_lease_that_is_renewed_is_not_given_away(
    database_urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "_RENEW_EVERY_S", 0.1)

    async def story() -> None:
        async with opened(database_urls) as db:
            held = await lease.take(db, "hub", "the first")
            keeper = asyncio.create_task(lease.keep(db, held))
            with pytest.raises(Unavailable, match="held by the first"):
                await lease.take(db, "hub", "the second")
            # Another name is another lease.
            await lease.release(db, await lease.take(db, "other", "the second"))
            async with db.transaction(None) as conn:
                await held.guard(conn)
            keeper.cancel()
            await lease.release(db, held)
            await lease.release(db, await lease.take(db, "hub", "the second"))

    asyncio.run(story())


def test_a_lease_that_ran_out_is_taken_over(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as db:
            first = await lease.take(db, "hub", "the first")
            await expire(db)
            second = await lease.take(db, "hub", "the second")
            assert first.token != second.token
            # What the first gives back is not the second's.
            await lease.release(db, first)
            async with db.transaction(None) as conn:
                await second.guard(conn)

    asyncio.run(story())


def test_a_stalled_holder_is_fenced(database_urls: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    """It slept past its time: another holds the lease, and what it still wants to write is lost."""
    monkeypatch.setattr(lease, "_RENEW_EVERY_S", 0.01)

    async def write(db: Database, held: lease.Lease) -> None:
        async with db.transaction(None) as conn:
            await held.guard(conn)
            await conn.execute(MARK, [held.token, held.token])

    async def story() -> None:
        async with opened(database_urls) as db:
            stalled = await lease.take(db, "hub", "the stalled one")
            await write(db, stalled)
            await expire(db)
            # While nobody else has come it may go on: it alone can have written.
            async with db.transaction(None) as conn:
                await stalled.guard(conn)
            second = await lease.take(db, "hub", "the second")
            with pytest.raises(Unavailable, match="lost"):
                await write(db, stalled)
            await asyncio.wait_for(lease.keep(db, stalled), timeout=30)
            await write(db, second)
            assert await marks(db) == 2

    asyncio.run(story())


def test_work_that_outlasts_the_lease_keeps_it(
    database_urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that guards the lease for longer than it lasts does not lose it by its own lock."""
    monkeypatch.setattr(lease, "_RENEW_EVERY_S", 0.01)

    async def story() -> None:
        async with opened(database_urls) as db, lease.held(db, "hub", "a slow one") as held:
            async with db.transaction(None) as conn:
                await held.guard(conn)
                await asyncio.sleep(0.1)  # the keeper waits for this transaction's share lock
            await expire(db)
            async with db.transaction(None) as conn:
                await held.guard(conn)
        async with opened(database_urls) as db:
            await lease.take(db, "hub", "the next one, at once")

    asyncio.run(story())


def test_nobody_takes_over_inside_a_guarded_transaction(database_urls: Urls) -> None:
    """The guard's share lock: a takeover waits until the transaction that was guarded has ended."""

    async def story() -> None:
        async with (
            opened(database_urls) as db,
            connected(database_urls["worker"], database_urls["worker"]) as (rival, monitor),
        ):
            held = await lease.take(db, "hub", "the first")
            async with db.transaction(None) as conn:
                await held.guard(conn)
                expiring = asyncio.create_task(rival.execute(EXPIRE))
                await until_waiting(monitor, rival.info.backend_pid)
                await conn.execute(MARK, [held.token, held.token])
            await expiring
            assert await marks(db) == 1

    asyncio.run(story())


HOLD = """
import asyncio, sys
from overround.db import Database, holders, lease
from overround.kit import logs

async def hold():
    logs.configure("warning")
    db = await Database.open(sys.argv[1], purpose="test", size_min=1, size_max=2)
    held = await lease.take(db, "hub", "a process")
    print("held", flush=True)
    await lease.keep(db, held)

asyncio.run(hold())
"""


def holding(urls: Urls) -> subprocess.Popen[str]:
    """A process that holds the lease and renews it."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, urls["worker"]], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_killed_holder_is_replaced_at_once(
    database_urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for the clock of a process that the kernel knows to have ended."""
    monkeypatch.setattr(lease, "TTL_S", 3_600)

    async def story(process: subprocess.Popen[str]) -> None:
        async with opened(database_urls) as db:
            # Stopped is not dead: it may go on, so it keeps what it holds.
            process.send_signal(signal.SIGSTOP)
            waiting = asyncio.create_task(lease.take(db, "hub", "the second"))
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.shield(waiting), timeout=1)
            process.kill()
            second = await asyncio.wait_for(waiting, timeout=30)
            async with db.transaction(None) as conn:
                await second.guard(conn)

    process = holding(database_urls)
    try:
        asyncio.run(story(process))
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("differs", ["machine", "words"])
def test_a_holder_that_nobody_here_can_see_is_waited_out(
    database_urls: Urls, monkeypatch: pytest.MonkeyPatch, differs: str
) -> None:
    """Its pid says nothing on another machine, however dead that number is here."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitpid(process.pid, 0)
    process.returncode = 0
    signed = {
        "machine": f"hub, pid {process.pid} (before) on another machine's boot",
        "words": f"hub {process.pid}",
    }

    def sign(_holder: str) -> str:
        return signed[differs]

    async def story() -> None:
        async with opened(database_urls) as db:
            monkeypatch.setattr(holders, "signed", sign)
            # So long that no machine, however busy, sees its end.
            await lease.take(db, "hub", "", ttl_s=3_600)
            monkeypatch.undo()
            monkeypatch.setattr(lease, "_POLL_S", 0.1)
            with pytest.raises(Unavailable, match="held"):
                await lease.take(db, "hub", "the second", ttl_s=0)
            await expire(db)
            await lease.take(db, "hub", "the second")

    asyncio.run(story())
