"""A worker's round trip at the hub's port, alone and beside a thousand refused messages a second.

The port runs in a process of its own, and so does the flood: rubbish and repeated numbers of
registered workers, messages beyond the bound, strangers without a token, each as often as the
others. The worker says a match and asks for a sign of life; the answer comes after the match was
read and taken. Rounds with and without the flood take turns.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import statistics
import time
from contextlib import suppress
from multiprocessing.connection import Connection as Pipe
from typing import Any, Final, cast
from uuid import UUID

import psutil
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from overround.core.clock import WallClock
from overround.db import Database
from overround.db.worker_keys import hashed
from overround.odds.feeds.worker import MAX_FRAME_BYTES
from overround.roles import api
from overround.roles.hub import port as hub_port
from overround.roles.hub.workers import Desk
from overround.roles.hub.writer import Hub

ROUNDS: Final = 3
ROUND_S: Final = 4.0
# The worker's own pace: a busy site.
UPDATES_PER_S: Final = 50.0
FLOOD_PER_S: Final = 1_000.0
FLOODERS: Final = 40
SETTLE_S: Final = 0.5

_MATCH: Final = {
    "home_team": "Manchester United",
    "away_team": "Chelsea",
    "league": "Premier League",
    "starts_at": "2030-01-01T15:00:00+00:00",
    "odds": {"ft_hdp": {"home": "1.95", "away": "1.90", "handicap": "-0.5"}},
}


def _port(pipe: Pipe) -> None:
    async def run() -> None:
        desk = Desk(WallClock(), Hub.empty)
        desk.use_keys(
            {hashed("good"): (UUID(int=1), "good", "sbo")}
            | {hashed(f"bad-{n}"): (UUID(int=2 + n), "bad", "cmd") for n in range(FLOODERS)}
        )
        listener = api.listen("127.0.0.1", 0)
        # The routes of the match queue, which nobody asks here, are what reads it.
        no_database = cast("Database", None)
        app = hub_port.create_app(desk, "127.0.0.1", no_database)
        pipe.send(listener.getsockname()[1])
        await hub_port.serve(app, listener, asyncio.Event())

    asyncio.run(run())


def _flood(port: int, pipe: Pipe) -> None:
    # It stands for other machines; on this one it must not take the processor that the port needs.
    os.nice(10)
    asyncio.run(_flooding(f"ws://127.0.0.1:{port}/ws", pipe))


async def _flooding(url: str, pipe: Pipe) -> None:
    sent = 0
    on = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told() -> None:
        if pipe.recv():
            on.set()
        else:
            on.clear()
            pipe.send(sent)

    loop.add_reader(pipe.fileno(), told)

    async def one(n: int) -> None:
        nonlocal sent
        while True:
            with suppress(ConnectionClosed, InvalidHandshake, OSError, TimeoutError):
                async with connect(url, compression=None, proxy=None) as socket:
                    if n % 4 < 2:
                        await _register(socket, f"bad-{n}", f"bad-{n}", "cmd")
                    while True:
                        await on.wait()
                        await socket.send(_rubbish(n))
                        sent += 1
                        await asyncio.sleep(FLOODERS / FLOOD_PER_S)
            await on.wait()
            await asyncio.sleep(FLOODERS / FLOOD_PER_S)

    await asyncio.gather(*(one(n) for n in range(FLOODERS)))


def _rubbish(n: int) -> str:
    kinds = (
        "{" * 1_000,
        json.dumps({"type": "odds:update", "site": "cmd", "seq": 0, "data": {"matches": [_MATCH]}}),
        "x" * (MAX_FRAME_BYTES + 1),
        json.dumps({"type": "worker:register", "worker_id": "w", "site": "sbo", "token": "guess"}),
    )
    return kinds[n % 4]


async def _register(socket: ClientConnection, worker_id: str, token: str, site: str) -> None:
    said = {"type": "worker:register", "worker_id": worker_id, "site": site, "token": token}
    await socket.send(json.dumps(said | {"seq": 0}))
    await socket.recv()


async def _round(socket: ClientConnection, seq: int) -> tuple[list[float], int]:
    """Round trips of one round in milliseconds, and the last number used."""
    took: list[float] = []
    until_s = time.perf_counter() + ROUND_S
    while (began_s := time.perf_counter()) < until_s:
        seq += 1
        match = _MATCH | {"odds": {"ft_ou": {"over": f"1.{100 + seq % 900}", "line": "2.5"}}}
        update = {"type": "odds:update", "site": "sbo", "seq": seq, "data": {"matches": [match]}}
        await socket.send(json.dumps(update))
        await socket.send('{"type": "ping"}')
        while json.loads(await socket.recv())["type"] != "pong":
            pass
        took.append((time.perf_counter() - began_s) * 1_000)
        await asyncio.sleep(1 / UPDATES_PER_S)
    return took, seq


def _figures(took: list[float]) -> dict[str, float]:
    ordered = sorted(took)
    return {
        "p50_ms": round(statistics.median(ordered), 2),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)], 2),
        "max_ms": round(ordered[-1], 2),
    }


async def _measure(port: int, server: psutil.Process, flood: Pipe) -> dict[str, Any]:
    alone: list[float] = []
    beside: list[float] = []
    refused_per_s: list[float] = []
    cpu: list[float] = []
    async with connect(f"ws://127.0.0.1:{port}/ws", compression=None, proxy=None) as socket:
        await _register(socket, "worker-sbo-1", "good", "sbo")
        for kind in ("snapshot:begin", "snapshot:commit"):
            await socket.send(
                json.dumps({"type": kind, "seq": 1 + (kind == "snapshot:commit"), "count": 0})
            )
        seq, before = 2, 0
        for _ in range(ROUNDS):
            took, seq = await _round(socket, seq)
            alone += took
            flood.send(True)
            await asyncio.sleep(SETTLE_S)
            began_s, used = time.perf_counter(), sum(server.cpu_times()[:2])
            took, seq = await _round(socket, seq)
            beside += took
            passed_s = time.perf_counter() - began_s
            cpu.append((sum(server.cpu_times()[:2]) - used) / passed_s)
            flood.send(False)
            await asyncio.sleep(SETTLE_S)
            sent: int = await asyncio.to_thread(flood.recv)
            refused_per_s.append((sent - before) / (passed_s + SETTLE_S))
            before = sent
    return {
        "alone": _figures(alone),
        "beside_the_flood": _figures(beside),
        "flood_per_s": round(statistics.median(refused_per_s)),
        "port_cpu_share": round(statistics.median(cpu), 2),
        "rounds": ROUNDS,
    }


def main() -> dict[str, Any]:
    """Both round trips, in one run."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=_port, args=(theirs,), daemon=True)
    server.start()
    port: int = ours.recv()
    flood_ours, flood_theirs = context.Pipe()
    flood = context.Process(target=_flood, args=(port, flood_theirs), daemon=True)
    flood.start()
    try:
        assert server.pid is not None
        return asyncio.run(_measure(port, psutil.Process(server.pid), flood_ours))
    finally:
        for process in (flood, server):
            process.kill()
            process.join()


if __name__ == "__main__":
    print(json.dumps(main()))
