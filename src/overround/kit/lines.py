"""Log lines of what happens ten thousand times a second: kept as values, written many at once.

A line costs its values; it becomes JSON with all that came within `FLUSH_S`, and they are written
together. What is in such a line must be clean by its making (a number, a route, an id of ours, what
`logs.shown` has seen), because nobody looks at it again. A process that is killed loses that
moment's lines; one that ends writes them (test: the last lines are written).
"""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from overround.kit import logs

FLUSH_S: Final = 0.05
LINES_MAX: Final = 1_000


class Lines:
    """The lines of one logger; used from one event loop."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._encoder = msgspec.json.Encoder()
        self._waiting: list[msgspec.Struct] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, line: msgspec.Struct) -> None:
        """Write it soon."""
        self._waiting.append(line)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self.flush)
        elif len(self._waiting) >= LINES_MAX:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        if waiting and logs.is_on(self._name):
            logs.ready(self._encoder.encode_lines(waiting).decode(), len(waiting))
