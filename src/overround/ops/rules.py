"""When the house is well: named findings from what was looked at, the worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from overround.core.clock import millis
from overround.ops import remedies
from overround.ops.model import Asked, Finding, Health, Life, Look, Written

# A process says every five seconds that it lives.
SILENT: Final = timedelta(seconds=20)
# A hub ticks ten times a second; a large file holds it up for a few seconds at most.
HUB_STANDS: Final = timedelta(seconds=15)
INBOX_WAITS: Final = timedelta(minutes=2)
SETTLE_WAITS: Final = timedelta(minutes=2)
# Slips are placed and cash-outs paid within a second of their time, after two minutes at most.
SLIPS_WAIT: Final = timedelta(minutes=3)
BOOKS_OLD: Final = timedelta(days=1)
# The roles that `serve` runs, and what is missing where one is.
SERVING: Final = {
    "api": "nobody is served",
    "hub": "no prices come in and nothing is laid anew",
    "settle": "no bet is settled",
    "jobs": "no revenue day is closed and nothing old is deleted",
}
# Who was quiet for so long has stopped; or for so many times what the last look took.
_STALE: Final = timedelta(minutes=2)
_STALE_TIMES: Final = 100
# What was asked or answered less often says nothing about a share.
_ASKED_MIN: Final = 5
_REQUESTS_MIN: Final = 50
_ERRORS_MIN: Final = 10
# Below it nobody feels how many times slower it became.
_SLOW_MS_MIN: Final = 50.0
_BPS: Final = 10_000

_WORST_FIRST: Final[tuple[Health, ...]] = ("down", "degraded", "healthy")


def running(lives: Sequence[Life], at: datetime) -> list[Life]:
    """The processes that live: not ended, and not silent."""
    return [life for life in lives if not life.ended and at - life.beat_at <= SILENT]


def writer_of(look: Look) -> Life | None:
    """The process that holds the hub's lease; another hub that lives waits for it."""
    holders = {one.holder for one in look.leases if one.name == "hub"}
    return next((life for life in running(look.lives, look.at) if life.holder in holders), None)


def success_bps(polls: int, ok: int) -> int | None:
    """The part that succeeded, in hundredths of a percent, rounded down; None of nothing."""
    return ok * _BPS // polls if polls else None


def first_id(at: datetime) -> UUID:
    """An id below every id that is of `at` or later: ids are made by time."""
    return UUID(int=millis(at) << 80)


def findings(look: Look) -> list[Finding]:
    """What is not as it should be, the worst first; nothing in a healthy house."""
    found = [
        *_roles(look),
        *_hub(look),
        *_work(look),
        *_providers(look),
        *_prices(look),
        *_books(look),
        *_connections(look),
        *_answers(look),
        *_errors(look),
        *_room(look),
    ]
    if look.cache is None:
        detail = "the cache does not answer: pages ask the database and look again by themselves"
        found.append(Finding("cache_away", "degraded", detail))
    return sorted(map(remedies.explained, found), key=lambda one: _WORST_FIRST.index(one.level))


def overall(found: Sequence[Finding]) -> Health:
    """The worst of the findings."""
    levels = {one.level for one in found}
    for level in _WORST_FIRST:
        if level in levels:
            return level
    return "healthy"


def believed(written: Written | None, at: datetime) -> Health:
    """The status of the last report; an old one is not believed, whatever it says.

    The jobs look every few seconds, or where that takes long, for a twentieth of their time.
    """
    if written is None:
        return "degraded"
    patience = max(_STALE, timedelta(milliseconds=written.took_ms * _STALE_TIMES))
    return "degraded" if at - written.made_at > patience else written.report["status"]


def _roles(look: Look) -> Iterator[Finding]:
    alive = Counter(life.role for life in running(look.lives, look.at))
    if not alive:
        yield Finding("nothing_runs", "down", "no process of the product runs")
        return
    for role, lacks in SERVING.items():
        if not alive[role]:
            level: Health = "down" if role == "api" else "degraded"
            yield Finding(f"no_{role}", level, f"no {role} runs: {lacks}")


def _hub(look: Look) -> Iterator[Finding]:
    writer = writer_of(look)
    if writer is not None:
        heard_at = _time(writer.facts.get("tick_at")) or writer.since
        if look.at - heard_at > HUB_STANDS:
            detail = f"the hub has not ticked since {_told(heard_at)}"
            yield Finding("hub_stands", "degraded", detail)


def _work(look: Look) -> Iterator[Finding]:
    inbox, settle = look.inbox, look.settle
    if inbox.oldest_at is not None and look.at - inbox.oldest_at > INBOX_WAITS:
        detail = (
            f"{inbox.count} letters wait for the hub, the oldest since {_told(inbox.oldest_at)}"
        )
        yield Finding("inbox_waits", "degraded", detail)
    if settle.oldest_at is not None and look.at - settle.oldest_at > SETTLE_WAITS:
        detail = f"{settle.count} settlements are due, the oldest since {_told(settle.oldest_at)}"
        yield Finding("settlement_waits", "degraded", detail)
    if settle.stuck:
        detail = f"{settle.stuck} settlements failed as often as they may; see overround verify"
        yield Finding("settlement_stuck", "degraded", detail)
    # For a person it may wait; for its turn, or for a while, it may not for long.
    for why, one in look.slips.items():
        if why != "approval" and one.oldest_at and look.at - one.oldest_at > SLIPS_WAIT:
            detail = f"{one.count} slips wait ({why}), the oldest since {_told(one.oldest_at)}"
            yield Finding("slips_wait", "degraded", detail, why)
    waiting = look.cash_outs
    if waiting.oldest_at is not None and look.at - waiting.oldest_at > SLIPS_WAIT:
        detail = f"{waiting.count} cash-outs wait, the oldest since {_told(waiting.oldest_at)}"
        yield Finding("cash_outs_wait", "degraded", detail)


def _providers(look: Look) -> Iterator[Finding]:
    by_provider: dict[str, list[Asked]] = {}
    for one in look.asked:
        by_provider.setdefault(one.provider, []).append(one)
    for provider, asked in by_provider.items():
        polls, ok = sum(one.polls for one in asked), sum(one.ok for one in asked)
        bps = success_bps(polls, ok)
        last = max(asked, key=lambda one: one.last_at)
        least_bps = look.thresholds.provider_ok_percent_min * 100
        if polls >= _ASKED_MIN and bps is not None and bps < least_bps:
            detail = f"{provider} answered {ok} of {polls} times; at last {last.last_state}"
            yield Finding("provider_fails", "degraded", detail, provider)
        elif not ok:
            detail = f"{provider} has not answered yet: {last.last_state}"
            yield Finding("provider_fails", "degraded", detail, provider)
    for provider, gate in look.gates.items():
        if gate.breaker != "closed":
            until = "" if gate.breaker_until is None else f" until {_told(gate.breaker_until)}"
            yield Finding("breaker_open", "degraded", f"{provider} is left alone{until}", provider)
        if gate.quota_left == 0:
            detail = f"{provider} answers no more: quota spent"
            yield Finding("quota_spent", "degraded", detail, provider)


def _prices(look: Look) -> Iterator[Finding]:
    """Prices that stand and that nobody has seen for long: the hub still holds them up."""
    for one in look.standing:
        if one.source is not None or one.sport is not None or not one.open_prices:
            continue
        if one.p50_ms > look.thresholds.price_age_s_max * 1_000:
            detail = f"half of {one.provider}'s prices were seen last {one.p50_ms // 1_000} s ago"
            yield Finding("prices_stale", "degraded", detail, one.provider)


def _connections(look: Look) -> Iterator[Finding]:
    most = look.thresholds
    for one in look.pools:
        if one.usage_percent >= most.pool_percent_max or one.waiting >= most.pool_waiting_max:
            detail = (
                f"the pool `{one.pool}` of {one.process} is at {one.usage_percent:.0f} %,"
                f" {one.waiting} wait"
            )
            yield Finding("pool_crowded", "degraded", detail, f"{one.process}:{one.pool}")
    server = look.server
    if server is None:
        return
    if server.connections * 100 >= most.connections_percent_max * server.connections_max:
        detail = (
            f"{server.connections} of the server's {server.connections_max} connections are in use"
        )
        yield Finding("connections_short", "degraded", detail)
    for replica in server.replicas:
        behind_ms, behind_bytes = replica.behind_ms or 0, replica.behind_bytes or 0
        is_late = behind_ms > most.replica_behind_ms_max
        if is_late or behind_bytes > most.replica_behind_bytes_max:
            told = f"{behind_ms // 1_000} s, {behind_bytes // 1_000_000:,} MB"
            detail = f"the replica {replica.name} is {told} behind"
            yield Finding("replica_behind", "degraded", detail, replica.name)


def _answers(look: Look) -> Iterator[Finding]:
    now, before, most = look.traffic, look.traffic_before, look.thresholds
    if now is None or now.requests < _REQUESTS_MIN:
        return
    if now.failed * 100 > most.failed_percent_max * now.requests:
        detail = f"{now.failed} of {now.requests} requests failed by our fault"
        yield Finding("answers_fail", "degraded", detail)
    p95_ms = now.p95_ms or 0.0
    if p95_ms > most.response_ms_max:
        detail = f"95 % of requests take up to {p95_ms:,.0f} ms"
        yield Finding("answers_slow", "degraded", detail)
    elif before is not None and before.p95_ms and before.requests >= _REQUESTS_MIN:
        times = p95_ms / before.p95_ms
        if p95_ms > _SLOW_MS_MIN and times > most.response_growth_max:
            detail = (
                f"95 % of requests take up to {p95_ms:,.0f} ms, {times:.0f} times the hour before"
            )
            yield Finding("answers_slow", "degraded", detail)


def _errors(look: Look) -> Iterator[Finding]:
    """More lines of errors than this house is used to; what there is to compare with is an hour."""
    now, before = look.traffic, look.traffic_before
    if now is None or before is None or now.error_lines < _ERRORS_MIN:
        return
    usual = before.error_lines * now.span_s / max(before.span_s, 1.0)
    if now.error_lines > look.thresholds.errors_growth_max * usual:
        often = max(look.patterns, key=lambda one: one.count, default=None)
        most = f"; most often {often.what}" if often is not None else ""
        detail = (
            f"{now.error_lines} errors were logged in {now.span_s:.0f} s, usual are {usual:.0f}"
        )
        yield Finding("errors_unusual", "degraded", f"{detail}{most}")


def _room(look: Look) -> Iterator[Finding]:
    machine = look.machine
    least = look.thresholds.disk_free_percent_min
    if machine is not None and machine.disk_free_bytes * 100 < least * machine.disk_bytes:
        detail = f"{machine.disk_free_bytes // 1_000_000:,} MB of the disk are free"
        yield Finding("disk_short", "degraded", detail)
    made_at, most_s = look.backup_at, look.thresholds.backup_age_s_max
    if made_at is not None and look.at - made_at > timedelta(seconds=most_s):
        yield Finding("backup_old", "degraded", f"the last backup is of {_told(made_at)}")


def _books(look: Look) -> Iterator[Finding]:
    books = look.books
    if books.violations:
        detail = f"the books are broken: {books.violations[0]}; see overround verify --deep"
        yield Finding("books_broken", "degraded", detail)
    elif books.checked_at is not None and look.at - books.checked_at > BOOKS_OLD:
        detail = f"the books were checked last at {_told(books.checked_at)}"
        yield Finding("books_unchecked", "degraded", detail)


def _time(value: object) -> datetime | None:
    """A time that a process said of itself, if it is one."""
    if not isinstance(value, str):
        return None
    try:
        said = datetime.fromisoformat(value)
    except ValueError:
        return None
    return said if said.tzinfo is not None else None


def _told(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%SZ")
