"""Whoever asks on past his limit is read from more slowly.

He has his answer at once. What he sends next on that connection lies where it is for `HOLD_S`, for
each such answer, and at most `HOLD_MAX_S` ahead; then it is read and answered as ever. So a
connection that asks as fast as it is answered is answered some forty times a second past its limit
and not thousands of times, by which its neighbours would be delayed: nothing is kept for it here,
no answer is dropped, and who waits as `Retry-After` says never notices
(test: who asks on past his limit is read from more slowly).

A proxy's connection is many visitors', so it is not held for what one of them does
(test: a proxy is not held up for one of its visitors).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

from starlette.types import Scope
from uvicorn.protocols.http.flow_control import FlowControl

from overround.web.outlets import Connection

EXTENSION: Final = "overround.hold"
HOLD_S: Final = 0.025
HOLD_MAX_S: Final = 1.0

Hold = Callable[[Scope], None]


def hold(scope: Scope) -> None:
    """Read nothing more for a while from whom this request is, where the server can do that."""
    extensions = cast("dict[str, object] | None", scope.get("extensions"))
    held = cast("Hold | None", extensions.get(EXTENSION)) if extensions else None
    if held is not None:
        held(scope)


class _Flow(FlowControl):
    """A connection's flow, on which nobody reads while it is held: the server itself would read on
    whenever it has answered something, or wants a body
    (test: no other answer on the connection lifts a hold)."""

    is_held = False

    def resume_reading(self) -> None:
        """Read on, unless it is held."""
        if self.read_paused and not self.is_held:
            self.read_paused = False
            self._transport.resume_reading()


class Holding(Connection):
    """A connection that may be left unread for a while."""

    _flow: _Flow
    _held_until_s = 0.0
    _holding: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there."""
        super().connection_made(transport)
        self.flow = self._flow = _Flow(transport)

    def hold(self, scope: Scope) -> None:
        """Leave it unread for `HOLD_S` more, unless it is a proxy's."""
        if scope.get("client") is not self.client:
            return
        now_s = self.loop.time()
        until_s = min(max(self._held_until_s, now_s) + HOLD_S, now_s + HOLD_MAX_S)
        self._held_until_s = until_s
        if self._holding is None and not self.transport.is_closing():
            self.flow.pause_reading()
            self._flow.is_held = True
            self._holding = self.loop.call_at(until_s, self._let_go)

    def read_on(self) -> None:
        """Read now, whatever it was held for: the process is about to end."""
        self._held_until_s = 0.0
        if self._holding is not None:
            self._holding.cancel()
            self._let_go()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone: there is nothing to read."""
        if self._holding is not None:
            self._holding.cancel()
            self._holding = None
        super().connection_lost(exc)

    def _let_go(self) -> None:
        """Read on, unless it has been held for longer meanwhile."""
        self._holding = None
        if self.transport.is_closing():
            return
        if self.loop.time() < self._held_until_s:
            self._holding = self.loop.call_at(self._held_until_s, self._let_go)
            return
        self._flow.is_held = False
        if not self.pipeline:
            # Else the server reads on by itself, when what waits in line is answered.
            self.flow.resume_reading()
