"""A client that asks as fast as it is answered: kept connections, one request each at a time.

It runs in a process of its own. What it does for each answer is so little (find the head's end,
count the body's bytes) that the server is the busier of the two.
"""

from __future__ import annotations

import select
import socket
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from typing import Final

_RECEIVE: Final = 1 << 18
_END: Final = b"\r\n\r\n"
WAIT_MAX_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Load:
    """So many requests of these bytes over so many connections; each answer has this status."""

    port: int
    request: bytes
    status: bytes
    connections: int
    requests: int


def run(load: Load) -> float:
    """Seconds from the first request's sending to the last answer's end."""
    poller = select.epoll()
    opened = [socket.create_connection(("127.0.0.1", load.port)) for _ in range(load.connections)]
    found = {one.fileno(): one for one in opened}
    for one in opened:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poller.register(one.fileno(), select.EPOLLIN)
    body_bytes = _first(opened[0], load)
    begins, kept = b"HTTP/1.1 " + load.status, dict[int, bytes]()
    left, answered = load.requests, 0
    began_s = time.perf_counter()
    for one in opened:
        one.sendall(load.request)
        left -= 1
    while answered < load.requests:
        ready = poller.poll(WAIT_MAX_S)
        assert ready, "no answer for half a minute"
        for number, _ in ready:
            one = found[number]
            data = kept.pop(number, b"") + one.recv(_RECEIVE)
            end = data.find(_END)
            if end < 0 or len(data) < end + 4 + body_bytes:
                kept[number] = data
                continue
            assert data.startswith(begins), data[:300]
            answered += 1
            if left > 0:
                left -= 1
                one.sendall(load.request)
    took_s = time.perf_counter() - began_s
    for one in opened:
        one.close()
    return took_s


def _first(one: socket.socket, load: Load) -> int:
    """The length of the bodies, from one answer that is not counted."""
    one.sendall(load.request)
    data = b""
    while (end := data.find(_END)) < 0:
        data += one.recv(_RECEIVE)
    head = data[:end].lower()
    length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
    body_bytes = int(length or b"0")
    while len(data) < end + 4 + body_bytes:
        data += one.recv(_RECEIVE)
    return body_bytes


def serve(pipe: Pipe) -> None:
    """The process: told a load, it answers with the seconds; None ends it."""
    while (asked := pipe.recv()) is not None:
        pipe.send(run(asked))
