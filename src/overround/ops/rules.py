"""When the house is well: named findings from what was looked at, the worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from overround.core.clock import millis
from overround.ops.model import Asked, Finding, Health, Life, Look

# A process says every five seconds that it lives.
SILENT: Final = timedelta(seconds=20)
# A hub ticks ten times a second; a large file holds it up for a few seconds at most.
HUB_STANDS: Final = timedelta(seconds=15)
INBOX_WAITS: Final = timedelta(minutes=2)
SETTLE_WAITS: Final = timedelta(minutes=2)
BOOKS_OLD: Final = timedelta(days=1)
# The roles that `serve` runs, and what is missing where one is.
SERVING: Final = {
    "api": "nobody is served",
    "hub": "no prices come in and nothing is laid anew",
    "settle": "no bet is settled",
    "jobs": "no revenue day is closed and nothing old is deleted",
}
# Of a provider that was asked at least so often in a day, this part has to have come to something.
_ASKED_MIN: Final = 5
_SUCCESS_BPS_MIN: Final = 8_000
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
    found = [*_roles(look), *_hub(look), *_work(look), *_providers(look), *_books(look)]
    if look.cache is None:
        detail = "the cache does not answer: pages ask the database and look again by themselves"
        found.append(Finding("cache_away", "degraded", detail))
    return sorted(found, key=lambda one: _WORST_FIRST.index(one.level))


def overall(found: Sequence[Finding]) -> Health:
    """The worst of the findings."""
    levels = {one.level for one in found}
    for level in _WORST_FIRST:
        if level in levels:
            return level
    return "healthy"


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


def _providers(look: Look) -> Iterator[Finding]:
    by_provider: dict[str, list[Asked]] = {}
    for one in look.asked:
        by_provider.setdefault(one.provider, []).append(one)
    for provider, asked in by_provider.items():
        polls, ok = sum(one.polls for one in asked), sum(one.ok for one in asked)
        bps = success_bps(polls, ok)
        last = max(asked, key=lambda one: one.last_at)
        if polls >= _ASKED_MIN and bps is not None and bps < _SUCCESS_BPS_MIN:
            detail = f"{provider} answered {ok} of {polls} times; at last {last.last_state}"
            yield Finding("provider_fails", "degraded", detail)
        elif not ok:
            detail = f"{provider} has not answered yet: {last.last_state}"
            yield Finding("provider_fails", "degraded", detail)
    for provider, gate in look.gates.items():
        if gate.breaker != "closed":
            until = "" if gate.breaker_until is None else f" until {_told(gate.breaker_until)}"
            yield Finding("breaker_open", "degraded", f"{provider} is left alone{until}")
        if gate.quota_left == 0:
            yield Finding("quota_spent", "degraded", f"{provider} answers no more: quota spent")


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
