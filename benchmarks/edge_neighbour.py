"""A noisy neighbour over HTTP: what a tenant at fifty times its limit does to another's visitors.

Two clients, each a process, ask one api: the quiet one of one tenant at a pace that its limit
allows, the loud one of another at `TIMES` its tenant's. Windows with and without the noise take
turns; a latency counts from the moment at which the request was due, so that a client that waits
hides nothing. The ratio is the 99th percentile without the noise over that with it, each of all
windows. The noise has gone on for `LEAD_S` when the quiet one begins, and what it may ask at once
is spent. What is past the limit is answered from the copies that stand, and costs no database.
"""

from __future__ import annotations

import select
import socket
import statistics
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from typing import Any, Final

from overround.kit.settings import LimitSettings

# A tenant may ask so often, and each of its visitors as often as all of them.
PER_S: Final = 20
TIMES: Final = 50
LIMITS: Final = LimitSettings(
    public_burst=2 * PER_S, public_per_s=PER_S, tenant_burst=2 * PER_S, tenant_per_s=PER_S
)
CONNECTIONS: Final = 8
LEAD_S: Final = 3.0
WINDOW_S: Final = 5.0
WINDOWS: Final = 6
PATHS: Final = ("/api/v1/board", "/api/v1/events?limit=1")
_RECEIVE: Final = 1 << 18
_END: Final = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Pace:
    """For so long, so many requests a second of a host's visitor."""

    port: int
    host: str
    per_s: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Felt:
    """What a client met: latencies in ms, and how many of its answers were no success."""

    latencies_ms: list[float]
    refused: int


@dataclass(slots=True)
class _Client:
    """One window of one client."""

    pace: Pace
    free: list[socket.socket] = field(default_factory=list[socket.socket])
    due: dict[int, float] = field(default_factory=dict[int, float])
    kept: dict[int, bytes] = field(default_factory=dict[int, bytes])
    latencies_ms: list[float] = field(default_factory=list[float])
    refused: int = 0

    def run(self) -> Felt:
        address = ("127.0.0.1", self.pace.port)
        opened = [socket.create_connection(address) for _ in range(CONNECTIONS)]
        found = {one.fileno(): one for one in opened}
        poller = select.epoll()
        for one in opened:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            poller.register(one.fileno(), select.EPOLLIN)
        self.free = opened.copy()
        requests = [_request(path, self.pace.host) for path in PATHS]
        began_s, sent = time.perf_counter(), 0
        ends_s = began_s + self.pace.seconds
        while (now_s := time.perf_counter()) < ends_s:
            next_s = began_s + sent / self.pace.per_s
            if self.free and next_s <= now_s:
                one = self.free.pop()
                self.due[one.fileno()] = next_s
                one.sendall(requests[sent % len(requests)])
                sent += 1
                continue
            wait_s = ends_s - now_s if not self.free else min(next_s, ends_s) - now_s
            for number, _ in poller.poll(max(wait_s, 0.0)):
                self._heard(found[number])
        for one in opened:
            one.close()
        poller.close()
        return Felt(self.latencies_ms, self.refused)

    def _heard(self, one: socket.socket) -> None:
        number = one.fileno()
        data = self.kept.pop(number, b"") + one.recv(_RECEIVE)
        end = data.find(_END)
        length = data[:end].lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if end < 0 or len(data) < end + len(_END) + int(length or b"0"):
            self.kept[number] = data
            return
        self.latencies_ms.append((time.perf_counter() - self.due.pop(number)) * 1_000)
        self.refused += not data.startswith(b"HTTP/1.1 200")
        self.free.append(one)


def _request(path: str, host: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n".encode()


def serve(pipe: Pipe) -> None:
    """The process of a client: told a pace, it answers with what it met; None ends it."""
    while (pace := pipe.recv()) is not None:
        pipe.send(_Client(pace).run())


def measured(port: int, quiet: Pipe, loud: Pipe) -> dict[str, Any]:
    """The figures, on an api with `LIMITS` and the tenants bench and loud."""
    visits = Pace(port, "bench.localhost", PER_S, WINDOW_S)
    noise = Pace(port, "loud.localhost", PER_S * TIMES, LEAD_S + WINDOW_S)
    felt = {False: list[float](), True: list[float]()}
    noises = list[Felt]()
    for n in range(WINDOWS + 1):
        for is_loud, latencies_ms in felt.items():
            if is_loud:
                loud.send(noise)
                time.sleep(LEAD_S)
            quiet.send(visits)
            found: Felt = quiet.recv()
            assert found.refused == 0, found.refused
            if is_loud:
                noises.append(loud.recv())
            if n:
                latencies_ms.extend(found.latencies_ms)
    alone, beside = (statistics.quantiles(one, n=100) for one in felt.values())
    answers = sum(len(one.latencies_ms) for one in noises)
    return {
        "ratio_neighbour": round(alone[98] / beside[98], 3),
        "neighbour_p99_ms": round(beside[98], 2),
        "neighbour_alone_p99_ms": round(alone[98], 2),
        "neighbour_p50_ms": round(beside[49], 2),
        "neighbour_alone_p50_ms": round(alone[49], 2),
        "neighbour_noise_per_s": round(answers / len(noises) / noise.seconds),
        "neighbour_noise_refused": sum(one.refused for one in noises),
    }
