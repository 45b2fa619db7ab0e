"""One record for each answer, whoever gave it: a log line, and the figures that metrics show.

Of what a visitor gets past his limit the first in a second has its line, and the others of that
second one together (test: a flood writes two lines a second): a line for each would be the most
that a flood costs, and push out of the files what else happened.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from overround.core.clock import WallClock
from overround.kit import logs, metrics
from overround.kit.lines import Lines
from overround.web.marks import Ids

LOGGER: Final = "overround.http"

NS_PER_S: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000
# What is alike is told together this often; of more kinds than that, all others together.
HELD_S: Final = 1.0
HELD_MAX: Final = 1_000
# When a line was written is the wall's time, whatever time it is for the business.
_CLOCK: Final = WallClock()


@dataclass(slots=True)
class Record:
    """What is kept of a request and its answer; `route` is the route's template, never a path."""

    method: str
    path: str
    route: str | None
    status: int
    taken_ns: int
    body_bytes: int
    ids: Ids
    client: str | None
    tenant: str | None
    user_id: str | None


class Line(msgspec.Struct, omit_defaults=True):
    """The log line of an answer, in the order in which it is read."""

    timestamp: datetime
    level: str
    event: str
    method: str
    path: str
    route: str | None
    status: int
    taken_ms: float
    body_bytes: int
    correlation_id: str
    request_id: str
    client: str | None
    tenant: str | None
    user_id: str | None
    trace_id: str | None = None
    # Of how many alike this is the last.
    times: int = 1


# The tenant, the client and the status of answers past a limit.
_Alike = tuple[str | None, str | None, int]


@dataclass(slots=True)
class _Held:
    """Answers of one second that have no line yet: the last of them, and how many."""

    last: Record
    times: int = 0


class Recorder:
    """Where records go; used from one event loop."""

    def __init__(self) -> None:
        self._lines = Lines(LOGGER)
        self._held: dict[_Alike, _Held] = {}
        self._timer: asyncio.TimerHandle | None = None

    def record(self, one: Record) -> None:
        """Count it, and write its line."""
        metrics.request_seen(one.method, one.route, one.status, one.tenant, one.taken_ns / NS_PER_S)
        said: dict[str, Any] = {
            "method": one.method,
            "path": one.path,
            "route": one.route,
            "status": one.status,
            "taken_ms": round(one.taken_ns / NS_PER_MS, 2),
            "body_bytes": one.body_bytes,
            "correlation_id": one.ids.correlation_id,
            "request_id": one.ids.request_id,
            "client": one.client,
            "tenant": one.tenant,
            "user_id": one.user_id,
        }
        if one.ids.traceparent:
            said["trace_id"] = one.ids.trace_id
        logs.line(LOGGER, "http.request", said)

    def soon(self, one: Record) -> None:
        """Count it, and write its line with those of the same moment: for the raw front."""
        metrics.request_seen(one.method, one.route, one.status, one.tenant, one.taken_ns / NS_PER_S)
        self._line(one)

    def past(self, one: Record) -> None:
        """Count one that was past its limit, and write the line of its second."""
        metrics.request_seen(one.method, one.route, one.status, one.tenant, one.taken_ns / NS_PER_S)
        alike: _Alike = one.tenant, one.client, one.status
        held = self._held.get(alike)
        if held is None and len(self._held) >= HELD_MAX:
            alike = None, None, one.status
            held = self._held.get(alike)
        if held is not None:
            held.last, held.times = one, held.times + 1
            return
        self._held[alike] = _Held(one)
        self._line(one)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(HELD_S, self._tell_held)

    def _tell_held(self) -> None:
        """Write what has been held back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        found, self._held = self._held, {}
        for held in found.values():
            if held.times:
                self._line(held.last, held.times)

    def _line(self, one: Record, times: int = 1) -> None:
        ids = one.ids
        correlation, request_id = ids.correlation_id, ids.request_id
        self._lines.add(
            Line(
                _CLOCK.now(),
                "info",
                "http.request",
                one.method,
                # The route's own path is ours; below a tenant's name it is what somebody typed.
                one.path if one.path == one.route else logs.shown(one.path),
                one.route,
                one.status,
                one.taken_ns // 10_000 / 100,
                one.body_bytes,
                # An id of ours is clean; one that was sent may be somebody's secret.
                correlation if correlation is request_id else logs.shown(correlation),
                request_id,
                one.client,
                one.tenant,
                one.user_id,
                ids.trace_id if ids.traceparent else None,
                times,
            )
        )

    def flush(self) -> None:
        """Write the lines that wait."""
        self._tell_held()
        self._lines.flush()
