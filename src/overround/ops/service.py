"""Looking at the house: everything that is asked for, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from importlib.metadata import version
from uuid import UUID

from overround.db import Connection, holders, polls
from overround.kit import metrics
from overround.money import ledger
from overround.odds.feeds import Outcome
from overround.ops import alerts, reports, store
from overround.ops.model import Alert, Books, Finding, Gate, Life, Look

# What providers did is told of the last day.
WINDOW = timedelta(days=1)
# A killed process is told of for an hour, and an hour's figures are kept for a year and a month.
_LIVES_KEPT = timedelta(hours=1)
_HOURS_KEPT = timedelta(days=400)
_VIOLATIONS_MAX = 20


async def look(conn: Connection, at: datetime, cache: str | None) -> Look:
    """Everything there is to see in the database at `at`, as the worker sees it; `cache` is the
    cache's version. What is seen elsewhere (metrics, logs, machine) is for the caller to add.
    """
    written = await store.last_report(conn, "books")
    backup = await store.last_report(conn, "backup")
    return Look(
        at=at,
        version=version("overround"),
        storage=await store.storage(conn),
        cache=cache,
        lives=[_checked(life) for life in await store.lives(conn)],
        leases=await store.leases(conn),
        asked=await store.asked(conn, at - WINDOW),
        standing=await store.standing(conn, at),
        quarantined=await store.quarantined(conn, at - WINDOW),
        queue=await store.queue(conn),
        inbox=await store.inbox(conn),
        settle=await store.settle(conn, at),
        books=reports.books_of(written and written.report),
        gates={
            one.provider: Gate(one.breaker, one.breaker_until, one.rests_until, one.quota_left)
            for one in await polls.providers(conn)
        },
        server=await store.server(conn),
        backup_at=backup and backup.made_at,
    )


async def record(conn: Connection, outcome: Outcome) -> None:
    """Add an outcome to its provider's hour, and to the metrics."""
    await store.record(conn, outcome)
    metrics.FEED_POLLS.at(outcome.provider, outcome.state).add()
    metrics.FEED_PRICES.at(outcome.provider).add(outcome.prices)
    if outcome.took_ms:
        metrics.FEED_SECONDS.at(outcome.provider).observe(outcome.took_ms / 1_000)
    for reason, count in outcome.rejected.items():
        metrics.FEED_REJECTED.at(outcome.provider, reason).add(count)


async def tell_alerts(
    conn: Connection, found: Sequence[Finding], at: datetime, repeat: timedelta
) -> list[Alert]:
    """Write down which findings are new and which have gone; returns what the sinks have to hear,
    the untold of earlier looks among them."""
    for alert in alerts.changed(await store.alerts(conn), found, at, repeat):
        await store.put_alert(conn, alert)
    return [one for one in await store.alerts(conn) if one.told_at is None]


async def check_books(conn: Connection, books: Books, subdomain: str, tenant_id: UUID) -> Books:
    """`books` with what one tenant's ledger breaks; `conn` is a snapshot of that tenant."""
    found = [
        f"{subdomain}: {one.invariant}: {one.subject}"
        for one in await ledger.check(conn, tenant_id)
    ]
    violations = (*books.violations, *found)[:_VIOLATIONS_MAX]
    return replace(books, tenants=books.tenants + 1, violations=violations)


async def forget(conn: Connection, at: datetime) -> int:
    """Delete what is too old to be told; returns how many rows."""
    return await store.forget(conn, at - _LIVES_KEPT, at - _HOURS_KEPT)


def _checked(life: Life) -> Life:
    """The process, and whether it is one of this machine and has ended."""
    return replace(life, ended=holders.has_ended(life.holder))
