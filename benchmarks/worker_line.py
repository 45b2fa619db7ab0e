"""From a worker's frame to the cache and on to hundreds of pages, at five thousand prices a second.

The hub and the api are the real roles, each in a process of its own, on a real database and cache.
Ten workers say a hundred matches, ten prices in a frame, and what they say keeps moving. Between
them a worker moves a match that nobody else quotes, so that a change of our price there is known to
be his: measured is the time from his send, which is a little before the hub's read, until the
cache tells the change, and until each of five hundred clients of the board has read it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psutil
from websockets.asyncio.client import ClientConnection, connect

from benchmarks import fanout, sockets, worker_ears, worker_phases
from benchmarks.worker_ears import Hearing
from overround.cache import keys
from overround.cli import context
from overround.core.clock import WallClock
from overround.db import Database, worker_keys
from overround.kit import logs
from overround.kit.settings import HubSettings, ServersSettings, Settings
from overround.roles import api, seeding
from overround.roles.attach import Endpoints, attached
from overround.roles.hub import live
from overround.roles.process import stopping

WORKERS: Final = 10
MATCHES: Final = 100
PRICES_PER_FRAME: Final = 10
PRICES_PER_S: Final = 5_000
CLIENTS: Final = 500
WARM_S: Final = 3.0
# A snapshot of each worker is due at 14 s, and a scraper's own comes every few seconds.
SNAPSHOT_EVERY_S: Final = 9.0
MEASURED_S: Final = 14.0
MARKS_PER_S: Final = 8.0
PING_S: Final = 3.0
SETTLE_TRIES: Final = 15

_spawn = multiprocessing.get_context("spawn")
_SYLLABLES: Final = ("ba", "dor", "fen", "gil", "hask", "lum", "mer", "nov", "rud", "sten", "tov")


def _hub(settings: Settings, endpoints: Endpoints, has_phases: bool, pipe: Pipe) -> None:
    del pipe
    _quiet()
    if has_phases:
        worker_phases.stamp(settings.state)

    async def run() -> None:
        with stopping() as stop:
            await live.run(settings, endpoints, stop)

    context.run_async(run())


def _api(settings: Settings, url: str, redis_url: str, pipe: Pipe) -> None:
    _quiet()
    listener = api.listen("127.0.0.1", 0)
    pipe.send(listener.getsockname()[1])
    context.run_async(api.run_until_signal(settings, url, listener, redis_url))


def _quiet() -> None:
    # Logged as the role logs, to where nobody reads it.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    logs.configure("info")


@contextmanager
def process(target: Any, *arguments: Any) -> Generator[tuple[psutil.Process, Pipe]]:
    """A process of its own that is given a pipe; killed at the end."""
    ours, theirs = _spawn.Pipe()
    started = _spawn.Process(target=target, args=(*arguments, theirs), daemon=True)
    started.start()
    assert started.pid is not None
    try:
        yield psutil.Process(started.pid), ours
    finally:
        started.kill()
        started.join()


# -- what workers say ------------------------------------------------------------------------------


def _match(name: str, n: int, prices: Mapping[str, Any]) -> dict[str, Any]:
    """Match number `n` of the list: its own league and time, as any two sites tell it."""
    # A home and an away name that no other match has.
    rng = random.Random(f"{name} {n}")
    home, away = ("".join(rng.choices(_SYLLABLES, k=3)).title() for _ in range(2))
    starts_at = WallClock().now().replace(minute=0, second=0, microsecond=0)
    starts_at += timedelta(days=2, hours=n // 4, minutes=15 * (n % 4))
    return {
        "home_team": f"{home} {name}", "away_team": f"{away} {name}", "league": f"League {n % 7}",
        "starts_at": starts_at.isoformat(), "odds": dict(prices),
    }  # fmt: skip


def ten_prices(rng: random.Random) -> dict[str, Any]:
    """Ten prices of a match with a margin, all a little off the site's opinion of a moment ago.

    Its markets agree with one another, as a site's do: else every match were an arbitrage of its
    own, and the figure that of a hub that writes about each of them all the time.
    """

    def around(price: float) -> str:
        return f"{price * rng.uniform(0.97, 1.03):.2f}"

    return {
        "ft_1x2": {"home": around(2.3), "draw": around(3.2), "away": around(2.9)},
        "ft_hdp": [
            {"home": around(1.70), "away": around(2.14), "handicap": "0"},
            {"home": around(1.40), "away": around(2.88), "handicap": "0.5"},
        ],
        "ft_ou": [
            {"over": around(1.9), "under": around(1.94), "line": "2.5"},
        ],
        "both_teams_to_score:ft": {"yes": around(1.8)},
    }


@dataclass(slots=True)
class Worker:
    """One connection: snapshots, and updates between them."""

    site: str
    socket: ClientConnection
    matches: list[dict[str, Any]]
    seq: int = 0
    said: int = 0
    moved: int = 0
    errors: list[str] = field(default_factory=list[str])

    async def update(self, matches: Sequence[Mapping[str, Any]]) -> None:
        """Say some matches anew."""
        await self._say("odds:update", data={"matches": list(matches)})

    def move(self) -> None:
        """Of the marker: a price that differs from the last one beyond any rounding of ours."""
        self.moved += 1
        self.matches[0]["odds"] = _three_prices(self.moved)

    async def snapshot(self) -> None:
        """Say the whole."""
        await self._say("snapshot:begin")
        for first in range(0, len(self.matches), 50):
            await self.update(self.matches[first : first + 50])
        await self._say("snapshot:commit", count=len(self.matches))

    async def keep_moving(self, rng: random.Random, frames_per_s: float) -> None:
        """Move one match after the other, and say the whole now and then."""
        loop = asyncio.get_running_loop()
        # What was said before the others came may be too old by now to be changed bit by bit.
        await self.snapshot()
        # Every worker has his own turn.
        due_s = loop.time() + rng.random() / frames_per_s
        whole_s = loop.time() + SNAPSHOT_EVERY_S * (0.5 + rng.random() / 2)
        while True:
            # Who is late says less: the figure tells how much was said.
            due_s = max(due_s + 1 / frames_per_s, loop.time() - 0.1)
            await asyncio.sleep(max(due_s - loop.time(), 0))
            match = self.matches[rng.randrange(len(self.matches))]
            match["odds"] = ten_prices(rng)
            await self.update([match])
            self.said += PRICES_PER_FRAME
            if loop.time() >= whole_s:
                whole_s = loop.time() + SNAPSHOT_EVERY_S
                await self.snapshot()

    async def live(self) -> None:
        """Say now and then that the worker is there."""
        while True:
            await asyncio.sleep(PING_S)
            await self.socket.send('{"type": "ping"}')

    async def hear(self) -> None:
        """Read what the hub says, so that it does not wait for us."""
        async for text in self.socket:
            said = json.loads(text)
            if said["type"] == "error":
                self.errors.append(f"{said.get('code')}: {text[:200]!s}")

    async def _say(self, kind: str, **more: Any) -> None:
        self.seq += 1
        said = {"type": kind, "worker_id": f"w-{self.site}", "site": self.site, "seq": self.seq}
        await self.socket.send(json.dumps(said | more))


@asynccontextmanager
async def _worker(
    port: int, site: str, token: str, matches: list[dict[str, Any]]
) -> AsyncGenerator[Worker]:
    url = f"ws://127.0.0.1:{port}/ws"
    async with connect(url, compression=None, proxy=None) as socket:
        register = {"type": "worker:register", "worker_id": f"w-{site}", "site": site, "seq": 0}
        await socket.send(json.dumps(register | {"token": token}))
        assert json.loads(await socket.recv())["type"] == "registration:ack"
        worker = Worker(site, socket, matches)
        hearing = asyncio.create_task(worker.hear())
        try:
            yield worker
        finally:
            hearing.cancel()


# -- what is measured ------------------------------------------------------------------------------


async def _marks(
    marker: Worker, selection_id: UUID, ears: Hearing, listening: Pipe
) -> tuple[list[tuple[float, float]], list[float], int]:
    """When each was sent and told by the cache, milliseconds from each send to each client, and how
    often nothing came."""
    to_cache_s, to_client_ms, lost = list[tuple[float, float]](), list[float](), 0
    rng = random.Random(9)
    text = str(selection_id).encode()
    for _ in range(round(MEASURED_S * MARKS_PER_S)):
        await asyncio.sleep(rng.expovariate(MARKS_PER_S) / 2)
        listening.send(text)
        await asyncio.to_thread(listening.recv)
        marker.move()
        sent_s = time.monotonic()
        await marker.update(marker.matches)
        try:
            to_cache_s.append((sent_s, await ears.until(selection_id, sent_s)))
        except TimeoutError:
            lost += 1
        arrived_s, _ = await asyncio.to_thread(listening.recv)
        to_client_ms += ((one - sent_s) * 1_000 for one in arrived_s)
    return to_cache_s, to_client_ms, lost


def _three_prices(n: int) -> dict[str, Any]:
    return {"ft_1x2": {"home": f"{1.8 + 0.1 * (n % 2):.2f}", "draw": "3.60", "away": "4.20"}}


def _of(times_ms: Sequence[float]) -> dict[str, float]:
    ordered = sorted(times_ms)
    return {
        "p50_ms": round(statistics.median(ordered), 1),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)], 1),
    }


async def _settled(marker: Worker, selection_id: UUID, ears: Hearing) -> None:
    """Wait until the hub has taken everything that was said so far."""
    for _ in range(SETTLE_TRIES):
        marker.move()
        sent_s = time.monotonic()
        await marker.snapshot()
        with contextlib.suppress(TimeoutError):
            await ears.until(selection_id, sent_s)
            return
    raise TimeoutError("the hub does not tell what it was said")


async def _selection(worker: Database, name: str) -> UUID:
    """The home side of the marker's match, once the hub has it."""
    for _ in range(200):
        async with worker.reading(None) as conn:
            cursor = await conn.execute(_MARKED, [f"%{name}"])
            found = await cursor.fetchone()
        if found is not None:
            return found[0]
        await asyncio.sleep(0.1)
    raise TimeoutError("the hub does not know the marker's match")


# What the hub made of the marker's match.
_MARKED: Final = """
SELECT s.id FROM event e JOIN market m ON m.event_id = e.id JOIN selection s ON s.market_id = m.id
WHERE e.home LIKE %s AND m.market_type = '1x2' AND s.side = 'home'"""


async def _measure(settings: Settings, endpoints: Endpoints, has_phases: bool) -> dict[str, Any]:
    await seeding.prepare(endpoints)
    database = await Database.open(endpoints.url("worker"), purpose="bench")
    tenants = await seeding.seed(database, WallClock().now())
    acme = next(tenant for tenant in tenants if tenant.subdomain == "acme")
    sites = [f"bench{n}" for n in range(WORKERS)] + ["marker"]
    async with database.transaction(None) as conn:
        tokens = [(await worker_keys.add(conn, site, site, WallClock().now()))[1] for site in sites]
    channel = keys.of_book(acme.book_id, "changes")
    request = b"GET /api/v1/stream?topics=board HTTP/1.1\r\nHost: acme.localhost\r\n\r\n"
    with (
        process(_hub, settings, endpoints, has_phases) as (hub, _),
        process(_api, settings, endpoints.url("app"), endpoints.redis_url) as (_, api_pipe),
        process(sockets.listen) as (_, listening),
        process(worker_ears.hear, endpoints.redis_url, channel) as (_, hearing),
    ):
        port = await asyncio.to_thread(api_pipe.recv)
        await _reachable(settings.hub.port)
        async with contextlib.AsyncExitStack() as stack:
            workers = [
                await stack.enter_async_context(
                    _worker(settings.hub.port, site, token, matches(site, n))
                )
                for n, (site, token) in enumerate(zip(sites, tokens, strict=True))
            ]
            ears = Hearing(hearing)
            assert await asyncio.to_thread(hearing.recv)
            moving = list[asyncio.Task[None]]()
            stack.push_async_callback(_ended, moving)
            *ten, marker = workers
            moving += [asyncio.create_task(one.live()) for one in workers]
            await marker.snapshot()
            selection_id = await _selection(database, "Marker")
            # The matches are known and laid before any is moved, a worker's after the other's.
            for one in ten:
                await one.snapshot()
                await _settled(marker, selection_id, ears)
            frames_per_s = PRICES_PER_S / PRICES_PER_FRAME / WORKERS
            moving += [
                asyncio.create_task(one.keep_moving(random.Random(n), frames_per_s))
                for n, one in enumerate(ten)
            ]
            moving.append(asyncio.create_task(_whole_again(marker)))
            listening.send((port, request, CLIENTS))
            assert await asyncio.to_thread(listening.recv) == CLIENTS
            await asyncio.sleep(WARM_S)
            said, rows, cpu_s = (
                sum(one.said for one in ten),
                await ears.rows(),
                sum(hub.cpu_times()[:2]),
            )
            began_s = time.monotonic()
            told_s, to_client_ms, lost = await _marks(marker, selection_id, ears, listening)
            passed_s = time.monotonic() - began_s
            figures: dict[str, Any] = {
                "prices_per_s": round((sum(one.said for one in ten) - said) / passed_s),
                "told_rows_per_s": round((await ears.rows() - rows) / passed_s),
                "hub_cpu_share": round((sum(hub.cpu_times()[:2]) - cpu_s) / passed_s, 2),
                "marks": len(told_s),
                "not_told": lost,
                "to_cache": _of([(heard_s - sent_s) * 1_000 for sent_s, heard_s in told_s]),
                "clients": CLIENTS,
                "to_clients": _of(to_client_ms),
                "refused": [error for one in workers for error in one.errors][:3],
            }
            if has_phases:
                figures["phases"] = worker_phases.table(settings.state, told_s)
    await database.close()
    return figures


def matches(site: str, n: int) -> list[dict[str, Any]]:
    """What worker number `n`, of that site, sees at first."""
    if site == "marker":
        return [_match("Marker", 0, _three_prices(0))]
    rng = random.Random(n)
    return [_match("Town", number, ten_prices(rng)) for number in range(MATCHES)]


async def _ended(moving: list[asyncio.Task[None]]) -> None:
    for task in moving:
        task.cancel()
    await asyncio.gather(*moving, return_exceptions=True)


async def _whole_again(marker: Worker) -> None:
    while True:
        await asyncio.sleep(SNAPSHOT_EVERY_S)
        await marker.snapshot()


async def _reachable(port: int) -> None:
    for _ in range(300):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    raise TimeoutError("the hub does not listen")


def run(*, has_phases: bool = False) -> dict[str, Any]:
    """Measure on servers of its own; with `has_phases` also where the time goes."""
    with tempfile.TemporaryDirectory(
        prefix="overround-bench-", ignore_cleanup_errors=True
    ) as folder:
        Path(folder).chmod(0o711)
        with api.listen("127.0.0.1", 0) as free:
            port = free.getsockname()[1]
        servers = ServersSettings(linger_s=0)
        settings = Settings(
            state=Path(folder) / "state",
            servers=servers,
            hub=HubSettings(port=port),
            limits=fanout.UNLIMITED,
        )
        with attached(settings) as endpoints:
            return asyncio.run(_measure(settings, endpoints, has_phases))


def main() -> None:
    """Print one JSON object; with `--phases` also where a frame's time goes."""
    logs.configure("warning")
    print(json.dumps({"bench": "worker_line", **run(has_phases="--phases" in sys.argv)}))


if __name__ == "__main__":
    main()
