"""How requests fare: what was counted between two moments, from counters that only grow."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from overround.kit import metrics
from overround.kit.counting.files import Cells
from overround.ops.model import CacheUse, PoolUse, Traffic

NOW: Final = timedelta(minutes=5)
BEFORE: Final = timedelta(hours=1)
# What is compared with has to be this long, or a house that has just started is always unusual.
_BEFORE_MIN: Final = timedelta(minutes=10)
_EVERY: Final = timedelta(seconds=10)
_MS: Final = 1_000.0
# Streams stay open for hours, and that is no slow answer.
_STREAM: Final = "/stream"
# Whoever watches is not who is served.
_WATCHERS: Final = frozenset({"/healthz", "/health", "/health/detailed", "/metrics"})


@dataclass(frozen=True, slots=True)
class Counts:
    """All that was counted up to a moment; `buckets` are those of the request histogram."""

    at: datetime
    requests: float
    failed: float
    error_lines: float
    buckets: tuple[float, ...]


class History:
    """The counts of the last hour and some minutes, kept by whoever looks."""

    def __init__(self) -> None:
        self._kept: deque[Counts] = deque()

    def add(self, counts: Counts) -> None:
        """Keep the counts of this moment. Such that fell (another state directory) begin anew."""
        if self._kept and counts.requests < self._kept[-1].requests:
            self._kept.clear()
        if not self._kept or counts.at - self._kept[-1].at >= _EVERY:
            self._kept.append(counts)
        while counts.at - self._kept[0].at > NOW + BEFORE:
            self._kept.popleft()

    def told(self, counts: Counts) -> tuple[Traffic | None, Traffic | None]:
        """What happened in the last minutes up to `counts`, and in the hour before them."""
        if not self._kept:
            return None, None
        began = next((one for one in self._kept if counts.at - one.at <= NOW), counts)
        oldest = self._kept[0]
        now = between(began, counts) if began.at < counts.at else None
        long_enough = began.at - oldest.at >= _BEFORE_MIN
        return now, between(oldest, began) if long_enough else None


def counts_of(cells: Cells, at: datetime) -> Counts:
    """What the cells of all processes add up to."""
    requests = failed = error_lines = 0.0
    buckets = [0.0] * (len(metrics.HTTP_SECONDS.described.bounds) + 1)
    for (name, values), slots in cells.items():
        if name == metrics.HTTP_REQUESTS.described.name and values[1] not in _WATCHERS:
            requests += slots[0]
            failed += slots[0] if values[2].startswith("5") else 0.0
        elif name == metrics.LOG_LINES.described.name:
            error_lines += slots[0] if values[0] in {"error", "critical"} else 0.0
        elif name == metrics.HTTP_SECONDS.described.name and _is_timed(values[1]):
            buckets = [sum(pair) for pair in zip(buckets, slots[:-1], strict=True)]
    return Counts(at, requests, failed, error_lines, tuple(buckets))


def _is_timed(endpoint: str) -> bool:
    return endpoint not in _WATCHERS and not endpoint.endswith(_STREAM)


def between(first: Counts, last: Counts) -> Traffic:
    """What came to the counts from `first` to `last`."""
    buckets = [late - early for early, late in zip(first.buckets, last.buckets, strict=True)]
    return Traffic(
        span_s=(last.at - first.at).total_seconds(),
        requests=round(last.requests - first.requests),
        failed=round(last.failed - first.failed),
        p50_ms=quantile_ms(buckets, 0.5),
        p95_ms=quantile_ms(buckets, 0.95),
        error_lines=round(last.error_lines - first.error_lines),
    )


def quantile_ms(buckets: list[float], share: float) -> float | None:
    """Within which time this share of requests was answered, in between two bounds by their
    distance, as Prometheus does it; None of nothing. What is above the last bound is the last."""
    total = sum(buckets)
    if total <= 0:
        return None
    bounds = (0.0, *metrics.HTTP_SECONDS.described.bounds)
    wanted, passed = share * total, 0.0
    for (low, high), count in zip(pairwise(bounds), buckets, strict=False):
        if count and passed + count >= wanted:
            return round((low + (high - low) * (wanted - passed) / count) * _MS, 2)
        passed += count
    return round(bounds[-1] * _MS, 2)


def pools_of(cells: Cells) -> list[PoolUse]:
    """How the pools of all processes stand."""
    usage = _by_values(cells, metrics.DB_POOL_USAGE.described.name)
    waiting = _by_values(cells, metrics.DB_POOL_WAITING.described.name)
    breakers = _by_values(cells, metrics.CIRCUIT_BREAKER.described.name)
    return [
        PoolUse(
            process=values[0],
            pool=values[1],
            usage_percent=percent,
            waiting=round(waiting.get(values, 0.0)),
            breaker_open=breakers.get((f"{values[0]}:{values[1]}",), 0.0) > 0,
        )
        for values, percent in sorted(usage.items())
    ]


def caches_of(cells: Cells) -> dict[str, CacheUse]:
    """How often each cache of all processes had what was looked for."""
    hits = _by_values(cells, metrics.CACHE_HITS.described.name)
    misses = _by_values(cells, metrics.CACHE_MISSES.described.name)
    return {
        values[0]: CacheUse(round(hits.get(values, 0.0)), round(misses.get(values, 0.0)))
        for values in sorted({*hits, *misses})
    }


def bets_waiting_of(cells: Cells) -> int:
    """How many slips of all processes wait for their answer."""
    return round(sum(_by_values(cells, metrics.BETS_WAITING.described.name).values()))


def _by_values(cells: Cells, name: str) -> dict[tuple[str, ...], float]:
    return {values: slots[0] for (named, values), slots in cells.items() if named == name}
