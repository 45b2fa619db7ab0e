"""Visitors who ask without a pause over kept connections, and count what is not an answer."""

from __future__ import annotations

import asyncio
import http.client
import threading
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

TIMEOUT_S = 30.0
# Method, path, headers and body of the nth request of a visitor.
Request = tuple[str, str, dict[str, str], bytes | None]


@dataclass(slots=True)
class Seen:
    """What visitors were told: answers by status, how often a connection's last answer said that it
    was the last, and whatever went wrong."""

    statuses: Counter[int] = field(default_factory=Counter[int])
    closed: int = 0
    broken: list[str] = field(default_factory=list[str])

    @property
    def answered(self) -> int:
        """How many answers came."""
        return sum(self.statuses.values())


def _nothing(_visitor: int, _n: int, _content: bytes) -> None:
    return


@asynccontextmanager
async def visiting(
    port: int,
    request: Callable[[int, int], Request],
    visitors: int = 4,
    answered: Callable[[int, int, bytes], None] = _nothing,
) -> AsyncGenerator[Seen]:
    """Visitors, each a thread, for the length of the block: `request(visitor, n)` is the nth of
    each, and `answered` is told what came.

    A connection that ends without an answer is broken, whether it was new or kept: nobody asks
    again here.
    """
    seen, stop = Seen(), threading.Event()

    def visit(visitor: int) -> None:
        n, connection = 0, http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        while not stop.is_set():
            method, path, headers, body = request(visitor, n)
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException) as error:
                seen.broken.append(f"{visitor}/{n}: {type(error).__name__}: {error}")
                connection.close()
            else:
                seen.statuses[answer.status] += 1
                seen.closed += answer.will_close
                answered(visitor, n, content)
            n += 1
        connection.close()

    threads = [threading.Thread(target=visit, args=(one,)) for one in range(visitors)]
    for one in threads:
        one.start()
    try:
        yield seen
    finally:
        stop.set()
        # What they still wait for may be answered by this very loop.
        for one in threads:
            await asyncio.to_thread(one.join, TIMEOUT_S + 5)
