"""The edge: what ids, tenants, limits, metrics and logs cost on the hottest reads.

The board of the real api role, in a process of its own on a real database and cache, against a
handler that sends the same bytes under the same server and does nothing else; rounds take turns. A
ratio is of processor time a request, which is what decides how many a busy machine answers and is
disturbed least by whatever else it does; the rates are beside it.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import socket
import statistics
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg
import uvicorn

from benchmarks import bets_house, edge_neighbour, loader
from benchmarks.edge_parts import parts
from benchmarks.loader import Load
from overround.cli import context
from overround.core.clock import WallClock
from overround.kit import logs
from overround.kit.settings import LimitSettings, ServersSettings, Settings
from overround.roles import api, seeding
from overround.roles.attach import Endpoints, attached

EVENTS: Final = 40
CONNECTIONS: Final = 32
REQUESTS: Final = 8_000
ROUNDS: Final = 7
HOST: Final = "bench.localhost"
# Filled faster than it is asked for: tokens are leased all the time and nobody is refused.
PLENTY: Final = 5_000
PER_S: Final = 1_000_000

Headers = list[tuple[bytes, bytes]]
_spawn = multiprocessing.get_context("spawn")


_WIDE: Final = LimitSettings(
    public_burst=PLENTY, public_per_s=PER_S, tenant_burst=4 * PLENTY, tenant_per_s=PER_S
)


def _api(url: str, redis_url: str, limits: LimitSettings, pipe: Pipe) -> None:
    # Logged as the role logs, to where nobody reads it.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    logs.configure("info")
    listener = api.listen("127.0.0.1", 0)
    pipe.send(listener.getsockname()[1])
    settings = Settings(limits=limits)
    context.run_async(api.run_until_signal(settings, url, listener, redis_url))


def _bare(full: tuple[Headers, bytes], unchanged: Headers, pipe: Pipe) -> None:
    """The reference: the same server, the same bytes, nothing in between."""
    headers, body = full

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        if scope["path"] == "/304":
            await send({"type": "http.response.start", "status": 304, "headers": unchanged})
            await send({"type": "http.response.body", "body": b""})
            return
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    pipe.send(listener.getsockname()[1])
    config = uvicorn.Config(
        app, loop="none", http="httptools", ws="none", lifespan="off", server_header=False,
        proxy_headers=False, access_log=False, log_config=None,
    )  # fmt: skip
    context.run_async(uvicorn.Server(config).serve(sockets=[listener]))


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


@dataclass(slots=True)
class Measured:
    """One path of the comparison: where it is asked, how, and what it took."""

    pid: int
    load: Load
    cpu_us: list[float]
    rates: list[float]

    def once(self, client: Pipe) -> None:
        """One round."""
        process = psutil.Process(self.pid)
        before = process.cpu_times()
        client.send(self.load)
        took_s = client.recv()
        after = process.cpu_times()
        spent_s = after.user + after.system - before.user - before.system
        self.cpu_us.append(spent_s * 1_000_000 / self.load.requests)
        self.rates.append(self.load.requests / took_s)


def _asked(path: str, *headers: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"Host: {HOST}", "Accept: */*", *headers, "", ""]
    return "\r\n".join(lines).encode()


def _whole(port: int, request: bytes) -> bytes:
    """One answer, as it is on the wire."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as one:
        one.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        return b"".join(iter(lambda: one.recv(65_536), b""))


def _answer(port: int, request: bytes) -> tuple[int, Headers, bytes]:
    """One answer, taken apart."""
    head, _, body = _whole(port, request).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    pairs = [line.split(b": ", 1) for line in lines[1:]]
    # The server adds these to either.
    own = (b"date", b"connection")
    return int(lines[0].split()[1]), [(n, v) for n, v in pairs if n not in own], body


def _ready(port: int, request: bytes) -> tuple[int, Headers, bytes]:
    """The board, once the api answers with a full one."""
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        try:
            found = _answer(port, request)
        except OSError:
            time.sleep(0.2)
            continue
        if found[0] == 200 and len(found[2]) > 10_000:
            return found
        time.sleep(0.2)
    raise AssertionError("the api has no board")


def _compared(endpoints: Endpoints, client: Pipe) -> dict[str, Any]:
    with ExitStack() as stack:
        process, pipe = stack.enter_context(
            _process(_api, endpoints.url("app"), endpoints.redis_url, _WIDE)
        )
        port = pipe.recv()
        ask = _asked("/api/v1/board")
        status, headers, body = _ready(port, ask)
        etag = dict(headers)[b"etag"].decode()
        ask_again = _asked("/api/v1/board", f"If-None-Match: {etag}")
        status, unchanged, _ = _answer(port, ask_again)
        assert status == 304, status
        bare, pipe = stack.enter_context(_process(_bare, (headers, body), unchanged))
        bare_port = pipe.recv()
        time.sleep(0.5)
        bare_again = _asked("/304", f"If-None-Match: {etag}")
        found = {
            name: Measured(one.pid or 0, Load(at, bytes_, code, CONNECTIONS, REQUESTS), [], [])
            for name, one, at, bytes_, code in (
                ("get", process, port, ask, b"200"),
                ("bare_get", bare, bare_port, ask, b"200"),
                ("304", process, port, ask_again, b"304"),
                ("bare_304", bare, bare_port, bare_again, b"304"),
            )
        }
        for n in range(ROUNDS + 1):
            for one in found.values():
                one.once(client)
                if n == 0:
                    one.cpu_us.clear()
                    one.rates.clear()
        return {"board_bytes": len(body), **_figures(found)}


def _figures(found: dict[str, Measured]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for name in ("get", "304"):
        ours, bare = found[name], found[f"bare_{name}"]
        figures[f"ratio_{name}"] = _ratio(bare.cpu_us, ours.cpu_us)
        figures[f"rate_ratio_{name}"] = _ratio(ours.rates, bare.rates)
        figures[f"{name}_cpu_us"] = round(statistics.median(ours.cpu_us), 1)
        figures[f"bare_{name}_cpu_us"] = round(statistics.median(bare.cpu_us), 1)
        figures[f"{name}_per_s"] = round(statistics.median(ours.rates))
        figures[f"bare_{name}_per_s"] = round(statistics.median(bare.rates))
    return figures


def _ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """The median of the rounds' ratios."""
    return round(statistics.median(a / b for a, b in zip(above, below, strict=True)), 3)


def _neighbours(endpoints: Endpoints) -> dict[str, Any]:
    """One tenant's quiet visitor, with and without another's fifty times too many."""
    with (
        _process(_api, endpoints.url("app"), endpoints.redis_url, edge_neighbour.LIMITS) as (
            api,
            at,
        ),
        _process(edge_neighbour.serve) as (_, quiet),
        _process(edge_neighbour.serve) as (_, loud),
    ):
        port = at.recv()
        _ready(port, _asked("/api/v1/board"))
        answers = {
            path.encode(): _whole(port, edge_neighbour.request(path, "loud.localhost"))
            for path in edge_neighbour.PATHS
        }
        with _process(edge_neighbour.bare, answers) as (bare, pipe):
            sides = (port, api.pid or 0), (pipe.recv(), bare.pid or 0)
            return edge_neighbour.measured(*sides, quiet, loud)


def run() -> dict[str, Any]:
    """Measure on servers of its own."""
    with tempfile.TemporaryDirectory(
        prefix="overround-bench-", ignore_cleanup_errors=True
    ) as folder:
        Path(folder).chmod(0o711)
        settings = Settings(state=Path(folder) / "state", servers=ServersSettings(linger_s=0))
        with attached(settings) as endpoints, _process(loader.serve) as (_, client):
            asyncio.run(seeding.prepare(endpoints))
            at = WallClock().now()
            with psycopg.connect(endpoints.superuser_url("overround"), autocommit=True) as conn:
                bets_house.add_events(conn, EVENTS, at)
                for name in ("bench", "loud"):
                    bets_house.add_house(conn, name, 1, at)
            figures = _compared(endpoints, client) | _neighbours(endpoints)
            return figures | asyncio.run(parts(endpoints))


def main() -> None:
    """Print one JSON object."""
    print(json.dumps({"bench": "edge", **run()}))


if __name__ == "__main__":
    main()
