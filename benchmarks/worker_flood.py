"""A worker's round trip at the hub's port, alone and beside a thousand refused messages a second.

The port runs in a process of its own, and so does the flood: rubbish and repeated numbers of
registered workers, messages beyond the bound, strangers without a token. The flood sends as much as
it can and its frames were made before, so that the hub alone says how many it takes and refuses:
what is reported is the hub's own count. The worker says a match and asks for a sign of life; the
answer comes after the match was read and taken. Rounds with and without the flood take turns.

A message waits for what the turns of the hub's loop take: `turns_beside_the_flood` is what those
cost the processor, which a busy machine changes little.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import re
import statistics
import struct
import time
from contextlib import suppress
from multiprocessing.connection import Connection as Pipe
from selectors import DefaultSelector, SelectorKey
from typing import Any, Final, cast
from uuid import UUID

import psutil
from websockets.asyncio.client import ClientConnection, connect

from overround.core.clock import WallClock
from overround.db import Database
from overround.db.worker_keys import hashed
from overround.odds.feeds.worker import MAX_FRAME_BYTES
from overround.roles import api
from overround.roles.hub import port as hub_port
from overround.roles.hub.workers import Desk
from overround.roles.hub.writer import Hub

ROUNDS: Final = 3
ROUND_S: Final = 5.0
# The worker's own pace: a busy site.
UPDATES_PER_S: Final = 50.0
# A refused message holds its connection up for a fiftieth of a second, and a hundred of them end
# it: so many registered connections say more than a thousand a second, and as many come back.
REGISTERED: Final = 100
STRANGERS: Final = 6
# A connection that was refused comes again after so long.
AGAIN_S: Final = 0.5
# So many messages in one writing; what the hub does not read waits in the sockets' buffers.
AT_ONCE: Final = 60
SAY_S: Final = 1.0
SETTLE_S: Final = 0.5
LEAD_S: Final = 7.0

_MATCH: Final = {
    "home_team": "Manchester United",
    "away_team": "Chelsea",
    "league": "Premier League",
    "starts_at": "2030-01-01T15:00:00+00:00",
    "odds": {"ft_hdp": {"home": "1.95", "away": "1.90", "handicap": "-0.5"}},
}


class _Timed(DefaultSelector):
    """A selector that knows what each turn of its loop has cost the processor."""

    def __init__(self) -> None:
        super().__init__()
        self.turns_s: list[float] = []
        self._began_s = time.thread_time()

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """The turn is over; the next one begins when something is ready."""
        self.turns_s.append(time.thread_time() - self._began_s)
        ready = super().select(timeout)
        self._began_s = time.thread_time()
        return ready


def _port(pipe: Pipe) -> None:
    selector = _Timed()

    async def run() -> None:
        desk = Desk(WallClock(), Hub.empty)
        desk.use_keys(
            {hashed("good"): (UUID(int=1), "good", "sbo")}
            | {hashed(f"bad-{n}"): (UUID(int=2 + n), "bad", "cmd") for n in range(REGISTERED)}
        )
        listener = api.listen("127.0.0.1", 0)
        # The routes of the match queue, which nobody asks here, are what reads it.
        no_database = cast("Database", None)
        app = hub_port.create_app(desk, "127.0.0.1", no_database)

        def told() -> None:
            pipe.recv()
            counts: dict[str, int] = {}
            for (code, _), times in desk.refusals.items():
                counts[code] = counts.get(code, 0) + times
            turns_s, selector.turns_s = selector.turns_s, []
            pipe.send((counts, turns_s))

        pipe.send(listener.getsockname()[1])
        asyncio.get_running_loop().add_reader(pipe.fileno(), told)
        await hub_port.serve(app, listener, asyncio.Event())

    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        runner.run(run())


def _flood(port: int, pipe: Pipe) -> None:
    # It stands for other machines; on this one it must not take the processor that the port needs.
    os.nice(10)
    asyncio.run(_flooding(port, pipe))


async def _flooding(port: int, pipe: Pipe) -> None:
    on = asyncio.Event()

    def told() -> None:
        if pipe.recv():
            on.set()
        else:
            on.clear()

    asyncio.get_running_loop().add_reader(pipe.fileno(), told)
    await asyncio.gather(*(_flooder(n, port, on) for n in range(REGISTERED + STRANGERS)))


async def _flooder(n: int, port: int, on: asyncio.Event) -> None:
    """One that comes again and again, and says the same until it is let go."""
    said = _frame(_rubbish(n)) * (AT_ONCE if n < REGISTERED else 1)
    entry = _frame(_registration(f"bad-{n}", f"bad-{n}", "cmd")) if n < REGISTERED else b""
    # Not all in one moment: the hub lets in twenty a second of one address.
    await asyncio.sleep(n * 0.05)
    while True:
        await on.wait()
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(_HANDSHAKE)
                head = await reader.readuntil(b"\r\n\r\n")
                if head.startswith(b"HTTP/1.1 101"):
                    writer.write(entry)
                    await _say(reader, writer, said, on)
            finally:
                writer.close()
        await asyncio.sleep(AGAIN_S)


async def _say(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: bytes, on: asyncio.Event
) -> None:
    """Say it as often as it is read, until the other end has enough."""

    async def hear() -> None:
        # It hangs up where it is let go: who waits for the hub to do so waits for seconds.
        while (data := await reader.read(65_536)) and not _LET_GO.search(data):
            pass

    hearing = asyncio.create_task(hear())
    try:
        while not hearing.done():
            await on.wait()
            writer.write(said)
            await writer.drain()
            await asyncio.wait({hearing}, timeout=SAY_S)
    finally:
        hearing.cancel()
        with suppress(asyncio.CancelledError, OSError):
            await hearing


_HANDSHAKE: Final = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


# The frame that closes, and the first byte of one of the hub's codes (1009, 44..).
_LET_GO: Final = re.compile(rb"\x88[\x02-\x7d][\x03\x11]", re.DOTALL)


def _frame(text: str) -> bytes:
    """A client's text frame; a mask of nothing but zeros leaves the words as they are."""
    body = text.encode()
    if len(body) < 126:
        length = struct.pack(">B", 0x80 | len(body))
    elif len(body) < 1 << 16:
        length = struct.pack(">BH", 0x80 | 126, len(body))
    else:
        length = struct.pack(">BQ", 0x80 | 127, len(body))
    return b"\x81" + length + bytes(4) + body


def _rubbish(n: int) -> str:
    if n < REGISTERED:
        again = {"type": "odds:update", "site": "cmd", "seq": 0, "data": {"matches": [_MATCH]}}
        return json.dumps(again) if n % 2 else "{" * 1_000
    guess = {"type": "worker:register", "worker_id": "w", "site": "sbo", "token": "guess"}
    return json.dumps(guess) if n % 2 else "x" * (MAX_FRAME_BYTES + 1)


def _registration(worker_id: str, token: str, site: str) -> str:
    said = {"type": "worker:register", "worker_id": worker_id, "site": site, "token": token}
    return json.dumps(said | {"seq": 0})


async def _register(socket: ClientConnection, worker_id: str, token: str, site: str) -> None:
    await socket.send(_registration(worker_id, token, site))
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


async def _measure(port: int, server: psutil.Process, hub: Pipe, flood: Pipe) -> dict[str, Any]:
    alone: list[float] = []
    beside: list[float] = []
    turns_ms: list[float] = []
    refused_per_s: list[float] = []
    cpu: list[float] = []
    async with connect(f"ws://127.0.0.1:{port}/ws", compression=None, proxy=None) as socket:
        await _register(socket, "worker-sbo-1", "good", "sbo")
        for kind in ("snapshot:begin", "snapshot:commit"):
            await socket.send(
                json.dumps({"type": kind, "seq": 1 + (kind == "snapshot:commit"), "count": 0})
            )
        seq = 2
        for _ in range(ROUNDS):
            took, seq = await _round(socket, seq)
            alone += took
            flood.send(True)
            # Until all of them are in.
            await asyncio.sleep(LEAD_S)
            before, _ = await _told(hub)
            began_s, used = time.perf_counter(), sum(server.cpu_times()[:2])
            took, seq = await _round(socket, seq)
            beside += took
            passed_s = time.perf_counter() - began_s
            cpu.append((sum(server.cpu_times()[:2]) - used) / passed_s)
            after, turns_s = await _told(hub)
            turns_ms += (turn_s * 1_000 for turn_s in turns_s)
            refused_per_s.append((sum(after.values()) - sum(before.values())) / passed_s)
            flood.send(False)
            await asyncio.sleep(SETTLE_S)
        codes, _ = await _told(hub)
    return {
        "alone": _figures(alone),
        "beside_the_flood": _figures(beside),
        "turns_beside_the_flood": _figures(turns_ms),
        "refused_per_s": round(statistics.median(refused_per_s)),
        "refused_by_code": codes,
        "port_cpu_share": round(statistics.median(cpu), 2),
        "rounds": ROUNDS,
    }


async def _told(hub: Pipe) -> tuple[dict[str, int], list[float]]:
    """How many the hub has refused so far, by code, and what each turn since the last call cost."""
    hub.send(None)
    told: tuple[dict[str, int], list[float]] = await asyncio.to_thread(hub.recv)
    return told


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
        return asyncio.run(_measure(port, psutil.Process(server.pid), ours, flood_ours))
    finally:
        for process in (flood, server):
            process.kill()
            process.join()


if __name__ == "__main__":
    print(json.dumps(main()))
