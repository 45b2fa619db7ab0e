"""Metrics: every family of the product, counted where it happens and read across processes.

    from overround.kit import metrics

    metrics.BETS_PLACED.at().add()
    metrics.CACHE_HITS.at("theme").add()
    metrics.BET_SECONDS.at().observe(taken_s)
    metrics.request_seen("GET", "/api/v1/events/{event_id}", 200, "acme", taken_s)

`at` takes the values of the labels, in their order, and is a look-up; a cell that is kept
(`settled = metrics.BETS_SETTLED.at()`) costs an addition alone. Either is below a microsecond
(test: counting costs less than a microsecond). Values of labels are few and stable: a route's
template, a provider's key, a refusal's code, never an id; beyond its bounds a family counts as
`other`.

A gauge that somebody has to look up is set by a sampler: what `HOUSE.on_sample` was given is called
every few seconds and before a scrape. docs/reference/metrics.md has a row for each name (test:
every metric is documented); seed 004's are kept.
"""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from typing import Final

from overround.core.clock import WallClock
from overround.kit import logs
from overround.kit.counting import files, text
from overround.kit.counting.cells import (
    OTHER,
    Counted,
    CounterCell,
    HistogramCell,
    Registry,
)
from overround.kit.counting.files import Cells

_log = logs.get(__name__)

HOUSE: Final = Registry()

# Seconds of a request, a placement, a tick: from a memory read to the longest statement allowed.
_FAST: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
# Seconds of a job, a poll, a settlement.
_SLOW: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

_TENANTS: Final = ("tenant", 50)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

HTTP_REQUESTS: Final = HOUSE.counter(
    "http_requests_total",
    "Answers, by method, route template, status and tenant.",
    ("method", "endpoint", "status", "tenant"),
    most=(_TENANTS, ("endpoint", 250)),
    cells_max=12_000,
)
HTTP_SECONDS: Final = HOUSE.histogram(
    "http_request_duration_seconds",
    "From the request's first byte to the answer's last.",
    ("method", "endpoint"),
    bounds=_FAST,
    cells_max=600,
)
TENANT_REQUESTS: Final = HOUSE.counter(
    "tenant_requests_total",
    "Requests of each tenant; beyond fifty tenants together as `other`.",
    ("tenant",),
    most=(_TENANTS,),
)
REFUSED_BY_LIMIT: Final = HOUSE.counter(
    "http_rate_limited_total",
    "Requests past their limit, by class of endpoint and what they got.",
    ("endpoint_class", "answer"),
)
STREAMS_OPEN: Final = HOUSE.gauge("http_streams_open", "Pages that hold a stream open.")

DB_POOL_USAGE: Final = HOUSE.gauge(
    "db_pool_usage_percent",
    "Connections in use of a pool's most, in percent; the fullest of a kind of process.",
    ("process", "pool"),
    merge="max",
)
DB_POOL_WAITING: Final = HOUSE.gauge(
    "db_pool_waiting_connections", "Callers that wait for a connection.", ("process", "pool")
)
DB_ACTIVE: Final = HOUSE.gauge("db_active_connections", "Connections in use.", ("process", "pool"))
CACHE_HITS: Final = HOUSE.counter("cache_hits_total", "What was found in a cache.", ("cache",))
CACHE_MISSES: Final = HOUSE.counter(
    "cache_misses_total", "What was not found in a cache.", ("cache",)
)
CIRCUIT_BREAKER: Final = HOUSE.gauge(
    "circuit_breaker_state",
    "0 closed, 1 open or on trial; the worst of the processes.",
    ("breaker",),
    merge="max",
)

FEED_POLLS: Final = HOUSE.counter(
    "feed_polls_total", "Outcomes of asking a provider, by named end.", ("provider", "state")
)
FEED_SECONDS: Final = HOUSE.histogram(
    "feed_poll_duration_seconds", "Of one asking.", ("provider",), bounds=_SLOW, cells_max=200
)
FEED_PRICES: Final = HOUSE.counter("feed_prices_total", "Prices read.", ("provider",))
FEED_REJECTED: Final = HOUSE.counter(
    "feed_rejected_total", "Rows refused while they were read.", ("provider", "reason")
)
BOARD_TICK_SECONDS: Final = HOUSE.gauge(
    "board_tick_seconds_max", "Longest tick of the hub between two beats.", merge="max"
)
BOARD_EVENTS: Final = HOUSE.gauge("board_events", "Events on the board.")
BOARD_PRICES: Final = HOUSE.gauge("board_prices_open", "Open prices on the board.")
BOARD_SOURCES: Final = HOUSE.gauge("board_sources", "Sources with a price on the board.")

BETS_PLACED: Final = HOUSE.counter("bets_placed_total", "Bets accepted over HTTP.")
BETS_REFUSED: Final = HOUSE.counter("bets_refused_total", "Slips refused, by code.", ("code",))
BETS_WAITING: Final = HOUSE.gauge(
    "bets_waiting", "Slips that wait for their answer: in the acceptor's queue, or being placed."
)
BET_SECONDS: Final = HOUSE.histogram(
    "bet_placement_duration_seconds", "From a slip's queue to its answer.", bounds=_FAST
)
SLIPS_WAITING: Final = HOUSE.gauge(
    "slips_waiting", "Slips that wait in the database, by what for.", ("why",)
)
SLIPS_OLDEST: Final = HOUSE.gauge(
    "slips_oldest_seconds", "For how long the oldest of them has waited.", ("why",), merge="max"
)
CASH_OUTS_WAITING: Final = HOUSE.gauge(
    "cash_outs_waiting", "Cash-outs in play that wait in the database for the end of their delay."
)
CASH_OUTS_OLDEST: Final = HOUSE.gauge(
    "cash_outs_oldest_seconds", "For how long the oldest of them has waited.", merge="max"
)
BETS_SETTLED: Final = HOUSE.counter("bets_settled_total", "Bets settled.")
SETTLEMENTS_DUE: Final = HOUSE.gauge(
    "settlements_due", "Settlements that wait, and those that nobody tries any more.", ("state",)
)
LEDGER_VIOLATIONS: Final = HOUSE.gauge(
    "ledger_violations", "What the last check of the ledgers found broken.", merge="max"
)
LEDGER_CHECKED: Final = HOUSE.gauge(
    "ledger_checked_timestamp_seconds", "When the ledgers were checked last.", merge="max"
)
ROWS_WRITTEN: Final = HOUSE.counter(
    "database_rows_inserted_total",
    "Rows of bets, legs, transfers, entries, prices since the server's figures began.",
    ("table",),
)

SESSIONS: Final = HOUSE.gauge(
    "sessions", "Sessions that are live, and the last day's log-ins and log-outs.", ("state",)
)
JOB_RUNS: Final = HOUSE.counter("job_runs_total", "Turns of a loop.", ("job", "outcome"))
JOB_SECONDS: Final = HOUSE.histogram(
    "job_duration_seconds", "Of one turn that found work.", ("job",), bounds=_SLOW, cells_max=100
)
JOB_SUCCEEDED: Final = HOUSE.gauge(
    "job_last_success_timestamp_seconds", "When a loop last came through.", ("job",), merge="max"
)
LOG_LINES: Final = HOUSE.counter("log_lines_total", "Lines written, by level.", ("level",))
ALERTS: Final = HOUSE.gauge(
    "alerts_active", "Findings that stand, by code.", ("code",), merge="max"
)


def _line_written(level: str) -> None:
    LOG_LINES.at(level).add()


logs.count_by(_line_written)

# What one answer counts in, by what is known of it: three look-ups less.
_Seen = tuple[CounterCell, HistogramCell, CounterCell]
_seen: dict[tuple[str, str | None, int, str | None], _Seen] = {}
_SEEN_MAX: Final = 20_000


def request_seen(
    method: str, endpoint: str | None, status: int, tenant: str | None, taken_s: float
) -> None:
    """Count one answer in all that counts answers.

    `endpoint` is the route's template, never the path: None where nothing matched. `tenant` is the
    subdomain, None on a host of nobody's.
    """
    key = (method, endpoint, status, tenant)
    found = _seen.get(key)
    if found is None:
        found = _answers(*key)
    requests, seconds, tenants = found
    requests.add()
    seconds.observe(taken_s)
    tenants.add()


def _answers(method: str, endpoint: str | None, status: int, tenant: str | None) -> _Seen:
    verb = method if method in _METHODS else OTHER
    route, whose = endpoint or "unmatched", tenant or "none"
    cells = (
        HTTP_REQUESTS.at(verb, route, str(status), whose),
        HTTP_SECONDS.at(verb, route),
        TENANT_REQUESTS.at(whose),
    )
    # Methods are the caller's to make up; what they make up is not kept.
    if verb != OTHER and len(_seen) < _SEEN_MAX:
        _seen[method, endpoint, status, tenant] = cells
    return cells


def job_ran(job: str, taken_s: float, *, found_work: bool) -> None:
    """A turn of a loop came through; only one that found work says how long that takes."""
    JOB_RUNS.at(job, "ok").add()
    JOB_SUCCEEDED.at(job).set(WallClock().now().timestamp())
    if found_work:
        JOB_SECONDS.at(job).observe(taken_s)


def job_failed(job: str) -> None:
    """A turn of a loop ended in an error."""
    JOB_RUNS.at(job, "failed").add()


def pool_stands(
    pool: str, *, in_use: int, usage_percent: float, waiting: int, breaker_open: bool
) -> None:
    """How a pool of this process stands."""
    role = _KEPT.role
    DB_ACTIVE.at(role, pool).set(in_use)
    DB_POOL_USAGE.at(role, pool).set(usage_percent)
    DB_POOL_WAITING.at(role, pool).set(waiting)
    CIRCUIT_BREAKER.at(f"{role}:{pool}").set(float(breaker_open))


def keep_in(directory: Path, role: str) -> None:
    """Count where the other processes of a state directory can read it, as `role`.

    A directory that cannot be written is said in the log, and this process counts for itself.
    """
    try:
        files.keep(HOUSE, directory, role)
    except OSError as error:
        _log.warning("metrics.not_kept", directory=str(directory), reason=str(error))
        return
    _KEPT.directory, _KEPT.role = directory, role


def figures(directory: Path | None = None) -> Cells:
    """Every cell of every process of a directory, by default of where this one is kept; ours alone
    where none are."""
    return files.merged(HOUSE.families, *(_read() if directory is None else files.read(directory)))


def kept_directory() -> Path | None:
    """Where this process counts, if others can read it."""
    return _KEPT.directory


def exposition(accept: str = "") -> tuple[bytes, str]:
    """The answer to a scrape with this Accept header, and its media type."""
    HOUSE.sample()
    told, ended = _read()
    cells = files.merged(HOUSE.families, told, ended)
    return text.encoded(HOUSE.families, cells, told, version("overround"), accept)


class _Kept:
    """Where this process counts."""

    directory: Path | None = None
    role: str = "command"


_KEPT: Final = _Kept()


def _read() -> tuple[list[files.Told], list[Counted]]:
    if _KEPT.directory is not None:
        return files.read(_KEPT.directory)
    us = files.Told("", _KEPT.role, os.getpid(), False, tuple(HOUSE.counted()))
    return [us], []


def _alone() -> None:
    """A forked child counts for itself: the file is its parent's."""
    HOUSE.begin_anew()
    _KEPT.directory = None


os.register_at_fork(after_in_child=_alone)
