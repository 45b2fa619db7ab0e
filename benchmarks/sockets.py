"""Thousands of listeners in a process of their own, and the server that does nothing but send."""

from __future__ import annotations

import select
import socket
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from typing import Final

CONNECT_AT_ONCE: Final = 100
ROUND_MAX_S: Final = 60.0
QUIET_MAX_S: Final = 4.0
_RECEIVE: Final = 1 << 16


@dataclass(slots=True)
class Listeners:
    """Open sockets that read whatever comes."""

    sockets: dict[int, socket.socket] = field(default_factory=dict[int, socket.socket])
    poller: select.epoll = field(default_factory=select.epoll)

    def connect(self, port: int, request: bytes, count: int) -> None:
        """Open so many, each with its request sent and the first answer begun."""
        while len(self.sockets) < count:
            some = [
                socket.create_connection(("127.0.0.1", port), timeout=60)
                for _ in range(min(CONNECT_AT_ONCE, count - len(self.sockets)))
            ]
            for one in some:
                one.sendall(request or b"x")
            for one in some:
                if request:
                    assert one.recv(_RECEIVE).startswith(b"HTTP/1.1 200")
                one.setblocking(False)
                self.sockets[one.fileno()] = one
                self.poller.register(one.fileno(), select.EPOLLIN)

    def quiet(self, for_s: float) -> None:
        """Read on until nothing has come for a while; where something always comes, not longer
        than `QUIET_MAX_S`."""
        end_s = time.monotonic() + QUIET_MAX_S
        while time.monotonic() < end_s and (ready := self.poller.poll(for_s)):
            for number, _ in ready:
                self.sockets[number].recv(_RECEIVE)

    def until(self, marker: bytes) -> tuple[list[float], int]:
        """When each of them had read the marker (monotonic seconds), and the bytes of the first."""
        waiting = set(self.sockets)
        tails: dict[int, bytes] = {}
        arrived_s: list[float] = []
        size = 0
        end_s = time.monotonic() + ROUND_MAX_S
        while waiting and time.monotonic() < end_s:
            for number, _ in self.poller.poll(1.0):
                data = tails.pop(number, b"") + self.sockets[number].recv(_RECEIVE)
                if marker not in data:
                    tails[number] = data[-len(marker) :]
                elif number in waiting:
                    waiting.discard(number)
                    arrived_s.append(time.monotonic())
                    size = size or len(data)
        assert not waiting, f"{len(waiting)} have not heard it"
        return arrived_s, size


def listen(pipe: Pipe) -> None:
    """The process: told (port, request, count) it connects, told a marker it waits for that."""
    listeners = Listeners()
    asked: tuple[int, bytes, int] | bytes | None
    while (asked := pipe.recv()) is not None:
        if isinstance(asked, tuple):
            listeners.connect(*asked)
            listeners.quiet(1.0)
            pipe.send(len(listeners.sockets))
        else:
            pipe.send(True)
            pipe.send(listeners.until(asked))


def send_bare(pipe: Pipe, count: int) -> None:
    """The other process: accepts so many and sends each frame that it is told to all of them."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as server:
        pipe.send(server.getsockname()[1])
        opened = [server.accept()[0] for _ in range(count)]
        for one in opened:
            one.recv(16)
        while (frame := pipe.recv()) is not None:
            pipe.send(time.monotonic())
            for one in opened:
                one.send(frame)
