"""One changed frame from the cache to thousands of streams of one api, against a bare send loop.

The api is the real role in a process of its own, on a real database and cache; the hub is a
`Publisher` here. Measured is the time from `publish` (or the loop's beginning) until the last
client has read the frame; rounds take turns. At the end the api is told to stop with all of them
open.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import random
import signal
import statistics
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psutil

from benchmarks import sockets
from overround.cli import context
from overround.core import ids, price
from overround.core.clock import WallClock, millis
from overround.db import Database
from overround.kit import logs
from overround.kit.settings import LimitSettings, ServersSettings, Settings, StreamSettings
from overround.roles import api, seeding
from overround.roles.attach import Endpoints, attached
from overround.storefront import Publisher, Shown

CLIENTS: Final = 5_000
ROUNDS: Final = 7
FEW: Final = 500
FEW_ROUNDS: Final = 60
# A row is some seventy-five bytes: this makes a frame of a kilobyte.
ROWS: Final = 13
SETTLE_S: Final = 0.5
# All clients come from one address.
UNLIMITED: Final = LimitSettings(public_burst=10_000, public_per_s=10_000)

_spawn = multiprocessing.get_context("spawn")


def _api(url: str, redis_url: str, pipe: Pipe) -> None:
    # Logged as the role logs, to where nobody reads it.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    logs.configure("info")
    limits = StreamSettings(process_max=CLIENTS + 100, address_max=CLIENTS + 100)
    listener = api.listen("127.0.0.1", 0)
    pipe.send(listener.getsockname()[1])
    settings = Settings(stream=limits, limits=UNLIMITED)
    context.run_async(api.run_until_signal(settings, url, listener, redis_url))


@contextmanager
def _process(target: Any, *arguments: Any) -> Generator[tuple[BaseProcess, Pipe]]:
    ours, theirs = _spawn.Pipe()
    process = _spawn.Process(target=target, args=(*arguments, theirs), daemon=True)
    process.start()
    try:
        yield process, ours
    finally:
        process.kill()
        process.join()


def _bare(count: int, pipe: Pipe) -> None:
    sockets.send_bare(pipe, count)


def _rows(price_e4: int) -> list[Shown]:
    at = WallClock().now()
    event = UUID(int=7)
    keys = [ids.below(event, str(n)) for n in range(ROWS)]
    return [Shown(key, event, True, price_e4, "open", millis(at)) for key in keys]


async def _few(publisher: Publisher, book_id: UUID, listening: Pipe) -> dict[str, float]:
    """From `publish` to each of a few hundred clients, over frames that come irregularly."""
    took_ms: list[float] = []
    rng = random.Random(1)
    for n in range(FEW_ROUNDS):
        price_e4 = 30_001 + n
        listening.send(f'"{price.to_text(price_e4)}"'.encode())
        listening.recv()
        began_s = time.monotonic()
        await publisher.publish(book_id, _rows(price_e4))
        arrived_s, _ = await asyncio.to_thread(listening.recv)
        took_ms += ((one - began_s) * 1_000 for one in arrived_s)
        await asyncio.sleep(rng.uniform(0, 0.1))
    took_ms.sort()
    return {
        "few_clients": FEW,
        "few_p50_ms": round(statistics.median(took_ms), 1),
        "few_p99_ms": round(took_ms[int(len(took_ms) * 0.99)], 1),
    }


async def _rounds(
    publisher: Publisher, book_id: UUID, listening: Pipe, bare: Pipe, bare_listening: Pipe
) -> tuple[list[float], list[float], int]:
    """Milliseconds to the last client of both, and the frame's size."""
    ours_ms, bare_ms = list[float](), list[float]()
    size = 0
    for n in range(ROUNDS):
        price_e4 = 20_001 + n
        listening.send(f'"{price.to_text(price_e4)}"'.encode())
        listening.recv()
        began_s = time.monotonic()
        await publisher.publish(book_id, _rows(price_e4))
        arrived_s, size = await asyncio.to_thread(listening.recv)
        ours_ms.append((max(arrived_s) - began_s) * 1_000)
        marker = f"end {n};".encode()
        bare_listening.send(marker)
        bare_listening.recv()
        bare.send(b"x" * (size - len(marker)) + marker)
        began_s = await asyncio.to_thread(bare.recv)
        arrived_s, _ = await asyncio.to_thread(bare_listening.recv)
        bare_ms.append((max(arrived_s) - began_s) * 1_000)
        await asyncio.sleep(SETTLE_S)
    return ours_ms, bare_ms, size


async def _measure(endpoints: Endpoints) -> dict[str, Any]:
    await seeding.prepare(endpoints)
    worker = await Database.open(endpoints.url("worker"), purpose="bench")
    tenants = await seeding.seed(worker, WallClock().now())
    await worker.close()
    acme = next(tenant for tenant in tenants if tenant.subdomain == "acme")
    publisher = await Publisher.open(endpoints.redis_url, lambda _: _rows(20_000))
    await publisher.publish(acme.book_id, [])
    host = f"{acme.subdomain}.localhost"
    request = f"GET /api/v1/stream?topics=board HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    served = _process(_api, endpoints.url("app"), endpoints.redis_url)
    try:
        with (
            served as (process, api_pipe),
            _process(sockets.listen) as (_, listening),
            _process(_bare, CLIENTS) as (_, bare),
            _process(sockets.listen) as (_, bare_listening),
        ):
            port = api_pipe.recv()
            listening.send((port, request, FEW))
            assert await asyncio.to_thread(listening.recv) == FEW
            few_ms = await _few(publisher, acme.book_id, listening)
            listening.send((port, request, CLIENTS))
            bare_listening.send((bare.recv(), b"", CLIENTS))
            opened = [await asyncio.to_thread(one.recv) for one in (listening, bare_listening)]
            assert opened == [CLIENTS, CLIENTS]
            pipes = listening, bare, bare_listening
            ours_ms, bare_ms, size = await _rounds(publisher, acme.book_id, *pipes)
            return few_ms | _figures(ours_ms, bare_ms, size) | _ended(process)
    finally:
        await publisher.close()


def _figures(ours_ms: Sequence[float], bare_ms: Sequence[float], size: int) -> dict[str, Any]:
    ratios = [ours / bare for ours, bare in zip(ours_ms, bare_ms, strict=True)]
    return {
        "clients": CLIENTS,
        "frame_bytes": size,
        "last_client_ms": round(statistics.median(ours_ms), 1),
        "bare_last_client_ms": round(statistics.median(bare_ms), 1),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_min": round(min(ratios), 2),
        "ratio_max": round(max(ratios), 2),
    }


def _ended(process: BaseProcess) -> dict[str, float]:
    """How long the api takes to end with all its streams open."""
    assert process.pid is not None
    held = psutil.Process(process.pid).memory_info().rss
    began_s = time.monotonic()
    psutil.Process(process.pid).send_signal(signal.SIGTERM)
    process.join(30)
    assert process.exitcode == 0
    return {"sigterm_s": round(time.monotonic() - began_s, 2), "api_mb": held // 2**20}


def run() -> dict[str, Any]:
    """Measure on servers of its own."""
    with tempfile.TemporaryDirectory(
        prefix="overround-bench-", ignore_cleanup_errors=True
    ) as folder:
        Path(folder).chmod(0o711)
        settings = Settings(state=Path(folder) / "state", servers=ServersSettings(linger_s=0))
        with attached(settings) as endpoints:
            return asyncio.run(_measure(endpoints))


def main() -> None:
    """Print one JSON object."""
    logs.configure("warning")
    print(json.dumps({"bench": "fanout", **run()}))


if __name__ == "__main__":
    main()
