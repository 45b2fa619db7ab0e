"""Workers' hygiene: no connection is held across a sleep or a network call; nobody is in step."""

from __future__ import annotations

import asyncio
import random
from asyncio import base_events, selector_events, tasks
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

import pytest
import structlog
from redis.asyncio.connection import AbstractConnection

from overround.core.clock import WallClock
from overround.db import Connection, Database
from overround.db.logins import Role
from overround.kit import loop
from overround.people.sessions import SessionLimits
from overround.roles import jobs, looking, settle
from overround.roles.attach import Endpoints
from tests.roles import pulling
from tests.roles.pulling import STARTS
from tests.storefront.house import process
from tests.stories.world import AT
from tests.support import misbehaving
from tests.support.edge import restored_logging
from tests.support.waiting import until_async

Urls = Mapping[Role, str]

# How many connections this task holds, and what it waited for meanwhile.
_held: ContextVar[int] = ContextVar("held", default=0)


class Found:
    """What was waited for, and what of it with a connection in hand."""

    def __init__(self) -> None:
        self.waits: list[str] = []
        self.guilty: list[str] = []
        self.held = 0

    def waits_for(self, what: str) -> None:
        self.waits.append(what)
        if _held.get():
            self.guilty.append(what)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Found:
    """Every sleep and every word to the network of this test, as it happens."""
    seen = Found()
    take = Database._acquire

    @asynccontextmanager
    async def counted(self: Database, *rest: Any) -> AsyncGenerator[Connection]:
        async with take(self, *rest) as conn:
            seen.held += 1
            before = _held.set(_held.get() + 1)
            try:
                yield conn
            finally:
                _held.reset(before)

    def watch(owner: Any, name: str, what: str) -> None:
        real: Callable[..., Awaitable[Any]] = getattr(owner, name)

        async def watched(*args: Any, **kwargs: Any) -> Any:
            seen.waits_for(what)
            return await real(*args, **kwargs)

        monkeypatch.setattr(owner, name, watched)

    monkeypatch.setattr(Database, "_acquire", counted)
    watch(asyncio, "sleep", "sleep")
    watch(tasks, "sleep", "sleep")
    watch(loop, "wait", "pause")
    watch(base_events.BaseEventLoop, "create_connection", "connect")
    watch(selector_events.BaseSelectorEventLoop, "sock_connect", "connect")
    watch(AbstractConnection, "send_packed_command", "cache")
    return seen


def test_a_guilty_wait_is_found(database_urls: Urls, found: Found) -> None:
    async def story() -> None:
        async with process(database_urls, straight=True) as house:
            await asyncio.sleep(0)
            assert not found.guilty
            async with house.database.reading(None):
                await asyncio.sleep(0)
            assert found.guilty == ["sleep"]

    asyncio.run(story())


def test_no_job_holds_a_connection_across_a_sleep_or_a_network_call(
    database_urls: Urls, endpoints: Endpoints, found: Found
) -> None:
    """Once around the jobs, the settlers, the looks at the house and the storefront."""

    async def story() -> None:
        clock = WallClock()
        async with process(database_urls, endpoints.redis_url, straight=True) as house:
            worker = house.edge.worker_db
            await settle.run_once(worker, clock)
            await jobs.run_once(worker, SessionLimits(), clock)
            await jobs.trim_once(worker, clock)
            await looking.write_house(worker, clock.now(), endpoints.redis_url)
            await looking.write_books(worker, clock.now())
            await house.publishing.run_once()
            stop = asyncio.Event()
            running = asyncio.create_task(house.publishing.run(stop))
            await until_async(lambda: "pause" in found.waits, "the publisher to rest")
            stop.set()
            await running

    asyncio.run(story())
    assert found.held > 10
    assert {"cache", "connect", "pause"} <= set(found.waits)
    assert found.guilty == []


def test_who_asks_providers_holds_no_connection_meanwhile(
    database_urls: Urls, found: Found
) -> None:
    async def story() -> None:
        async with pulling.world(database_urls) as (db, server, pace):
            server.serves["/nfl"] = misbehaving.body(misbehaving.feed("Ann", STARTS, AT))
            sports = {"nfl": pulling.sport("/nfl", 60)}
            said = pulling.settings(server, {"generic": {"sports": sports}})
            async with pulling.pulling(db, server, pace, said) as run:
                await run.run_for(3)
                assert await run.state("generic") in {"ok", "not_changed"}

    asyncio.run(story())
    assert found.held > 2
    assert "connect" in found.waits
    assert found.guilty == []


def test_a_workers_log_reads_opened_saved_closed(database_urls: Urls) -> None:
    async def story() -> list[Any]:
        async with process(database_urls, straight=True) as house:
            with structlog.testing.capture_logs() as written:
                await jobs.run_once(house.edge.worker_db, SessionLimits(), WallClock())
        return [line for line in written if str(line["event"]).startswith("db.")]

    with restored_logging():
        structlog.configure(cache_logger_on_first_use=False)
        lines = asyncio.run(story())
    events = [str(line["event"]) for line in lines]
    assert events.count("db.saved") >= 2
    assert all(line["pool"] == "worker" for line in lines)
    for n, event in enumerate(events):
        if event == "db.saved":
            assert (events[n - 1], events[n + 1]) == ("db.opened", "db.closed")


def test_pauses_are_spread_and_starts_are_staggered(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> list[float]:
        stop = asyncio.Event()
        pauses: list[float] = []

        async def waited(_: asyncio.Event, seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 400:
                stop.set()

        monkeypatch.setattr(loop, "wait", waited)

        async def work() -> None:
            return None

        await loop.repeat(
            "spread", work, stop, interval_s=10, transient=(), rng=random.Random(7), after_s=4
        )
        return pauses

    first, *pauses = asyncio.run(story())
    assert 2 <= first <= 6
    assert all(5 <= pause <= 15 for pause in pauses)
    assert min(pauses) < 6
    assert max(pauses) > 14
    assert 9.5 < sum(pauses) / len(pauses) < 10.5
