"""What a tick of the hub costs its own processor, and how often it asks the database.

The parts of the live hub in one process, without sockets: so many frames are heard, then there is a
tick, and so on. CPU time and counts say the same on a machine that has other things to do, which
the milliseconds of `benchmarks.worker_line` do not. Clock: each frame is two milliseconds, which is
five thousand prices a second.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import psycopg

from benchmarks import worker_line
from overround.cli import context
from overround.core.clock import SetClock, WallClock
from overround.db import lease as leases
from overround.db import worker_keys
from overround.kit import logs
from overround.kit.settings import ServersSettings, Settings
from overround.odds.feeds import worker as protocol
from overround.roles import seeding
from overround.roles.attach import Endpoints, attached
from overround.roles.hub import writer as hubs
from overround.roles.hub.live import Live
from overround.roles.hub.workers import Connection, Desk
from overround.roles.process import database
from overround.storefront import Publisher

FRAMES_PER_TICK: Final = (1, 3, 10)
TICKS: Final = 200
FRAME: Final = timedelta(milliseconds=2)


@dataclass(slots=True)
class Said:
    """One worker: its connection, its matches, and the number of its last message."""

    site: str
    connection: Connection
    matches: list[dict[str, Any]]
    seq: int = 0

    def message(self, kind: str, **more: Any) -> str:
        """The next message."""
        self.seq += 1
        said = {"type": kind, "worker_id": f"w-{self.site}", "site": self.site, "seq": self.seq}
        return json.dumps(said | more)

    def update(self, matches: Sequence[dict[str, Any]]) -> str:
        """Some matches."""
        return self.message("odds:update", data={"matches": list(matches)})


@dataclass(slots=True)
class Line:
    """A live hub with ten workers."""

    live: Live
    desk: Desk
    clock: SetClock
    publisher: Publisher
    workers: list[Said]

    def hear(self, worker: Said, text: str) -> None:
        """A frame is read."""
        self.desk.heard(worker.connection, protocol.message(text, self.clock.now()))
        # Nobody reads the answers here.
        while not worker.connection.outbox.empty():
            worker.connection.outbox.get_nowait()

    async def snapshots(self) -> None:
        """Everybody says the whole, and the hub takes it."""
        for worker in self.workers:
            self.hear(worker, worker.message("snapshot:begin"))
            for first in range(0, len(worker.matches), 50):
                self.hear(worker, worker.update(worker.matches[first : first + 50]))
            count = len(worker.matches)
            self.hear(worker, worker.message("snapshot:commit", count=count))
            while self.desk.sites.has_news:
                self.clock.move_to(self.clock.now() + FRAME)
                await self.live.tick(self.publisher)

    async def round(self, rng: random.Random, frames: int) -> float:
        """CPU milliseconds from some frames to what they change in the cache."""
        said = list[tuple[Said, str]]()
        for _ in range(frames):
            worker = rng.choice(self.workers)
            match = rng.choice(worker.matches)
            match["odds"] = worker_line.ten_prices(rng)
            said.append((worker, worker.update([match])))
        self.clock.move_to(self.clock.now() + FRAME * frames)
        began_s = time.process_time()
        for worker, text in said:
            self.hear(worker, text)
        await self.live.tick(self.publisher)
        # The publisher sends when the tick lets it.
        await asyncio.sleep(0.001)
        return (time.process_time() - began_s) * 1_000


@asynccontextmanager
async def _line(settings: Settings, endpoints: Endpoints) -> AsyncGenerator[Line]:
    clock = SetClock(WallClock().now())
    await seeding.prepare(endpoints)
    async with database(settings, endpoints.url("worker"), "worker") as worker:
        await seeding.seed(worker, clock.now())
        sites = [f"bench{n}" for n in range(worker_line.WORKERS)]
        async with worker.transaction(None) as conn:
            tokens = [(await worker_keys.add(conn, one, one, clock.now()))[1] for one in sites]
            keys = await worker_keys.valid(conn)
        async with leases.held(worker, hubs.LEASE, "bench") as lease:
            desk = Desk(clock, lambda: live.hub)
            desk.use_keys(keys)
            live = Live(worker, lease, [desk], clock, desk)
            await live.load()
            publisher = await Publisher.open(endpoints.redis_url, live.everything)
            for book in live.hub.books:
                await publisher.publish(book.book.book_id, [])
            workers = list[Said]()
            for number, (site, token) in enumerate(zip(sites, tokens, strict=True)):
                one = Said(site, desk.opened(""), worker_line.matches(site, number))
                said = protocol.message(one.message("worker:register", token=token), clock.now())
                assert isinstance(said, protocol.Register)
                desk.register(one.connection, said, "")
                workers.append(one)
            try:
                yield Line(live, desk, clock, publisher, workers)
            finally:
                await publisher.close()


async def _measure(settings: Settings, endpoints: Endpoints) -> dict[str, Any]:
    asked = 0
    execute = psycopg.AsyncCursor[Any].execute

    async def counted(self: psycopg.AsyncCursor[Any], *given: Any, **named: Any) -> Any:
        nonlocal asked
        asked += 1
        return await execute(self, *given, **named)

    psycopg.AsyncCursor.execute = counted
    found: dict[str, Any] = {}
    async with _line(settings, endpoints) as line:
        for frames in FRAMES_PER_TICK:
            rng = random.Random(frames)
            await line.snapshots()
            for _ in range(20):
                await line.round(rng, frames)
            asked = 0
            cpu_ms = [await line.round(rng, frames) for _ in range(TICKS)]
            prices = frames * worker_line.PRICES_PER_FRAME
            found[f"frames_{frames}"] = {
                "cpu_ms_per_tick": round(statistics.median(cpu_ms), 2),
                "cpu_us_per_price": round(statistics.median(cpu_ms) / prices * 1_000, 1),
                "statements_per_tick": round(asked / TICKS, 1),
            }
    return found


def main() -> None:
    """Print one JSON object."""
    logs.configure("error")
    with tempfile.TemporaryDirectory(
        prefix="overround-bench-", ignore_cleanup_errors=True
    ) as folder:
        Path(folder).chmod(0o711)
        settings = Settings(state=Path(folder) / "state", servers=ServersSettings(linger_s=0))
        with attached(settings) as endpoints:
            found = context.run_async(_measure(settings, endpoints))
    print(json.dumps({"bench": "hub_tick", **found}))


if __name__ == "__main__":
    main()
