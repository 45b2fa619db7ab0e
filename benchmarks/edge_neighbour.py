"""A noisy neighbour over HTTP: what a tenant at fifty times its limit does to another's visitors.

Two clients, each a process, ask one api: the quiet one of one tenant at a pace that its limit
allows, the loud one of another. Windows of four kinds take turns, and of each the quiet one's
latencies are kept; one counts from the moment at which its request was due, so that a client that
waits hides nothing:

- *alone*: nobody is loud;
- *noise*: `TIMES` what the loud tenant's limit allows, over as many connections as visitors might
  have. `ratio_neighbour` is the 99th percentile alone over that beside it;
- *bare*: the same noise at a server that writes the same bytes and does nothing else, because the
  loud client and the system's work for its bytes have a share of the same processors. What is lost
  to that is nothing that an api could give back: `ratio_neighbour_bare` is the percentile
  beside it over that beside the noise;
- *flood*: `FEW` connections that ask as fast as they are answered: `ratio_flood`, against alone.

The loud one has gone on for `LEAD_S` when the quiet one begins, and what it may ask at once is
spent. What is past the limit is answered from the copies that stand. What an answer costs is
processor time of the api, of the bare server and of the loud client (`noise_..._cpu_us`).
"""

from __future__ import annotations

import asyncio
import random
import select
import socket
import statistics
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection as Pipe
from typing import Any, Final, Literal, cast

import psutil

from overround.cli import context
from overround.kit.settings import LimitSettings

# A tenant may ask so often, and each of its visitors as often as all of them.
PER_S: Final = 20
TIMES: Final = 50
LIMITS: Final = LimitSettings(
    public_burst=2 * PER_S, public_per_s=PER_S, tenant_burst=2 * PER_S, tenant_per_s=PER_S
)
MANY: Final = 64
FEW: Final = 8
LEAD_S: Final = 1.0
WINDOW_S: Final = 5.0
WINDOWS: Final = 6
PATHS: Final = ("/api/v1/board", "/api/v1/events?limit=1")
_RECEIVE: Final = 1 << 18
_END: Final = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Pace:
    """For so long, so many requests a second of a host's visitor, each at some moment of its turn;
    with `per_s` 0 the next as soon as there is a connection free."""

    port: int
    host: str
    per_s: float
    seconds: float
    connections: int = FEW


@dataclass(frozen=True, slots=True)
class Felt:
    """What a client met: latencies in ms, how many of its answers were no success, and what it
    took of the processors."""

    latencies_ms: list[float]
    refused: int
    cpu_s: float


@dataclass(slots=True)
class _Client:
    """One window of one client."""

    pace: Pace
    free: deque[socket.socket] = field(default_factory=deque[socket.socket])
    due: dict[int, float] = field(default_factory=dict[int, float])
    kept: dict[int, bytes] = field(default_factory=dict[int, bytes])
    latencies_ms: list[float] = field(default_factory=list[float])
    refused: int = 0

    def run(self) -> Felt:
        address = ("127.0.0.1", self.pace.port)
        opened = [socket.create_connection(address) for _ in range(self.pace.connections)]
        found = {one.fileno(): one for one in opened}
        poller = select.epoll()
        for one in opened:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            poller.register(one.fileno(), select.EPOLLIN)
        self.free = deque(opened)
        requests = [request(path, self.pace.host) for path in PATHS]
        rng, cpu_s = random.Random(self.pace.host), time.process_time()
        began_s, sent, per_s = time.perf_counter(), 0, self.pace.per_s
        next_s, ends_s = began_s, began_s + self.pace.seconds
        while (now_s := time.perf_counter()) < ends_s:
            if self.free and next_s <= now_s:
                one = self.free.popleft()
                self.due[one.fileno()] = next_s
                one.sendall(requests[sent % len(requests)])
                sent += 1
                next_s = began_s + (sent + rng.random()) / per_s if per_s else now_s
                continue
            wait_s = ends_s - now_s if not self.free else min(next_s, ends_s) - now_s
            for number, _ in poller.poll(max(wait_s, 0.0)):
                self._heard(found[number])
        for one in opened:
            one.close()
        poller.close()
        return Felt(self.latencies_ms, self.refused, time.process_time() - cpu_s)

    def _heard(self, one: socket.socket) -> None:
        number = one.fileno()
        data = self.kept.pop(number, b"") + one.recv(_RECEIVE)
        end = data.find(_END)
        length = data[:end].partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if end < 0 or len(data) < end + len(_END) + int(length or b"0"):
            self.kept[number] = data
            return
        self.latencies_ms.append((time.perf_counter() - self.due.pop(number)) * 1_000)
        self.refused += not data.startswith(b"HTTP/1.1 200")
        self.free.append(one)


def request(path: str, host: str) -> bytes:
    """As a client sends it."""
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n".encode()


def serve(pipe: Pipe) -> None:
    """The process of a client: told a pace, it answers with what it met; None ends it."""
    while (pace := pipe.recv()) is not None:
        pipe.send(_Client(pace).run())


class _Bare(asyncio.Protocol):
    """Writes what it was given for a path, and reads nothing else of a request."""

    def __init__(self, answers: Mapping[bytes, bytes]) -> None:
        self._answers = answers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(self._answers[data.split(b" ", 2)[1]])


def bare(answers: Mapping[bytes, bytes], pipe: Pipe) -> None:
    """The process of the reference: whole answers by path."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    pipe.send(listener.getsockname()[1])

    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(partial(_Bare, answers), sock=listener)
        await server.serve_forever()

    context.run_async(run())


Kind = Literal["alone", "noise", "bare", "flood"]


@dataclass(slots=True)
class Side:
    """What was seen in the windows of one kind."""

    loud: Pace | None
    pid: int
    felt_ms: list[float] = field(default_factory=list[float])
    # Of the loud one: answers, how many were no success, what they took of client and server.
    answers: int = 0
    refused: int = 0
    client_s: float = 0.0
    server_s: float = 0.0
    seconds: float = 0.0

    def window(self, visits: Pace, quiet: Pipe, loud: Pipe) -> None:
        """One more."""
        process, began_s = psutil.Process(self.pid), time.perf_counter()
        before = process.cpu_times()
        if self.loud is not None:
            loud.send(self.loud)
        time.sleep(LEAD_S)
        quiet.send(visits)
        found: Felt = quiet.recv()
        assert found.refused == 0, found.refused
        self.felt_ms.extend(found.latencies_ms)
        if self.loud is not None:
            heard: Felt = loud.recv()
            self.answers += len(heard.latencies_ms)
            self.refused += heard.refused
            self.client_s += heard.cpu_s
        after = process.cpu_times()
        self.server_s += after.user + after.system - before.user - before.system
        self.seconds += time.perf_counter() - began_s

    def percentile(self, n: int) -> float:
        """The n-th of the quiet one's latencies, ms."""
        return statistics.quantiles(self.felt_ms, n=100)[n - 1]


def measured(
    api: tuple[int, int], reference: tuple[int, int], quiet: Pipe, loud: Pipe
) -> dict[str, Any]:
    """The figures, on an api with `LIMITS` and the tenants bench and loud, and on the reference:
    the port and the process of either."""
    (port, pid), (bare_port, bare_pid) = api, reference
    seconds = LEAD_S + WINDOW_S
    visits = Pace(port, "bench.localhost", PER_S, WINDOW_S)
    noise = Pace(port, "loud.localhost", PER_S * TIMES, seconds, MANY)
    bare_noise = Pace(bare_port, "loud.localhost", PER_S * TIMES, seconds, MANY)
    flood = Pace(port, "loud.localhost", 0, seconds, FEW)
    sides: dict[Kind, Side] = {}
    for n in range(WINDOWS + 1):
        if n < 2:
            # The first of each kind is for getting used to it.
            sides = {
                "alone": Side(None, pid),
                "noise": Side(noise, pid),
                "bare": Side(bare_noise, bare_pid),
                "flood": Side(flood, pid),
            }
        for side in sides.values():
            side.window(visits, quiet, loud)
    return _figures(sides)


def _figures(sides: Mapping[Kind, Side]) -> dict[str, Any]:
    alone, noise, bare, flood = (sides[kind] for kind in ("alone", "noise", "bare", "flood"))
    figures: dict[str, Any] = {
        "ratio_neighbour": round(alone.percentile(99) / noise.percentile(99), 3),
        "ratio_neighbour_bare": round(bare.percentile(99) / noise.percentile(99), 3),
        "ratio_flood": round(alone.percentile(99) / flood.percentile(99), 3),
    }
    for n in (99, 50):
        figures[f"neighbour_alone_p{n}_ms"] = round(alone.percentile(n), 2)
        figures[f"neighbour_p{n}_ms"] = round(noise.percentile(n), 2)
        figures[f"neighbour_bare_p{n}_ms"] = round(bare.percentile(n), 2)
        figures[f"neighbour_flood_p{n}_ms"] = round(flood.percentile(n), 2)
    for name, side in (("noise", noise), ("flood", flood)):
        figures[f"neighbour_{name}_per_s"] = round(side.answers / side.seconds)
        figures[f"neighbour_{name}_refused"] = side.refused
        # Beside what the api did for the quiet one and for itself in as many windows.
        figures[f"{name}_cpu_us"] = _each(side.server_s - alone.server_s, side.answers)
    figures["noise_bare_cpu_us"] = _each(bare.server_s, bare.answers)
    figures["noise_client_cpu_us"] = _each(noise.client_s, noise.answers)
    return figures


def _each(spent_s: float, answers: int) -> float:
    return round(spent_s * 1_000_000 / max(answers, 1), 1)
