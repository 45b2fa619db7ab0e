"""The pull role on a clock that the test moves, a real database and a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from overround.db import Database
from overround.db.logins import Role
from overround.kit.fetching import Fetcher
from overround.kit.settings import FeedsSettings
from overround.roles.pull import sources
from overround.roles.pull.asking import Asker
from overround.roles.pull.reader import Bounds, Readers
from overround.roles.pull.role import Puller
from tests.stories.world import AT
from tests.support import misbehaving
from tests.support.misbehaving import Server
from tests.support.waiting import until_async

Urls = Mapping[Role, str]

# What a test of somebody who hangs costs; and what is long enough for a machine that is busy.
DEADLINE_S: Final = 5.0
PATIENT_S: Final = 60.0
STARTS: Final = AT + timedelta(days=2)


@dataclass(slots=True)
class SetPace:
    """The schedule's time, which stands until everybody that is waited for sleeps."""

    at: datetime = AT
    sleepers: dict[str, tuple[datetime, asyncio.Event]] = field(
        default_factory=dict[str, tuple[datetime, asyncio.Event]]
    )

    def now(self) -> datetime:
        return self.at

    async def wait(self, until: datetime, stop: asyncio.Event) -> None:
        del stop
        task = asyncio.current_task()
        assert task is not None
        woken = asyncio.Event()
        if until > self.at:
            self.sleepers[task.get_name()] = until, woken
            await woken.wait()

    async def run_until(self, end: datetime, pairs: Set[str]) -> None:
        """Move from one moment at which somebody of `pairs` wakes to the next, up to `end`.

        Whoever is not among `pairs` is waited for by nobody.
        """
        while True:
            await until_async(lambda: pairs <= self.sleepers.keys(), f"{pairs} to sleep")
            first = min(self.sleepers[name][0] for name in pairs)
            if first > end:
                self.at = max(self.at, end)
                return
            self.wake(max(self.at, first))

    def wake(self, at: datetime) -> None:
        """Stand at `at`; whoever has slept enough goes on."""
        self.at = at
        for name, (until, woken) in list(self.sleepers.items()):
            if until <= at:
                del self.sleepers[name]
                woken.set()


@dataclass(slots=True)
class Pulling:
    """A running puller."""

    db: Database
    server: Server
    pace: SetPace
    pairs: frozenset[str]
    stop: asyncio.Event
    running: asyncio.Task[None]

    async def run_for(self, minutes: float, without: Collection[str] = ()) -> None:
        """Let so much of the schedule pass; those of `without` are not waited for."""
        end = self.pace.at + timedelta(minutes=minutes)
        await self.pace.run_until(end, self.pairs - set(without))

    async def rows(self, query: Any) -> list[tuple[Any, ...]]:
        """What the database holds."""
        async with self.db.reading(None) as conn:
            return await (await conn.execute(query)).fetchall()

    async def state(self, provider: str) -> str:
        """How the last asking of a provider with one sport ended."""
        found = {row[0]: row[1] for row in await self.rows("SELECT provider, state FROM poll")}
        return found[provider]


def settings(server: Server, providers: Mapping[str, Any], **feeds: Any) -> FeedsSettings:
    """Settings in which every provider is that server."""
    bounds = {
        "deadline_s": PATIENT_S,
        "connect_s": PATIENT_S,
        "parse_s": PATIENT_S,
        "wire_bytes_max": 5_000_000,
        "body_bytes_max": 20_000_000,
    }
    asked = {
        key: {"base_url": server.url, "per_minute": 600, "burst": 50} | dict(said)
        for key, said in providers.items()
    }
    return FeedsSettings.model_validate(bounds | feeds | {"providers": asked})


def sport(path: str, every_s: int = 300, **more: Any) -> dict[str, Any]:
    """A sport of the generic feed."""
    return {"every_s": every_s, "options": {"path": path}} | more


@asynccontextmanager
async def pulling(
    db: Database, server: Server, pace: SetPace, said: FeedsSettings, seed: int = 7
) -> AsyncGenerator[Pulling]:
    """A puller for the length of the block, stopped afterwards."""
    found = sources.sources_of(said, pace.now())
    fetcher = Fetcher(sources.limits_of(said), sources.named_origins(found))
    readers = Readers(said.readers, Bounds(said.parse_s, said.parse_bytes_max))
    asker = Asker(db, fetcher, readers, pace.now, said.cache_s)
    stop = asyncio.Event()
    running = asyncio.create_task(Puller(db, found, asker, pace, seed).run(stop))
    pairs = frozenset(f"{source.key} {pair.sport}" for source in found for pair in source.pairs)
    try:
        yield Pulling(db, server, pace, pairs, stop, running)
    finally:
        stop.set()
        await running
        await fetcher.close()
        await readers.close()


@asynccontextmanager
async def world(urls: Urls) -> AsyncGenerator[tuple[Database, Server, SetPace]]:
    """A database, a server and a clock."""
    pace = SetPace()
    db = await Database.open(urls["worker"], purpose="test", size_min=1, size_max=6)
    try:
        async with misbehaving.misbehaving(pace.now) as server:
            yield db, server, pace
    finally:
        await db.close()
