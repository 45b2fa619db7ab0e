"""Looking at the house and at its books, and writing down what was found."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from overround import ops
from overround.betting import cashouts, waiting
from overround.cache import failures, opened, version
from overround.core.errors import Unavailable
from overround.db import Database
from overround.kit import log_tails, metrics
from overround.kit.settings import AlertSettings
from overround.ops import Books, Finding, History, Look, Thresholds, Written
from overround.ops.model import Traffic, Waiting
from overround.people import sessions, tenants
from overround.people.sessions import SessionLimits

_TENANTS_MAX: Final = 100
_PATTERNS_OF: Final = timedelta(hours=1)
# A report that is older says nothing of the traffic of this moment.
_TRAFFIC_AGE_MAX: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Lookout:
    """What is looked at beside the database, and by which measure.

    With a `state` directory that is what its processes count and log. With a `history` traffic is
    told of the last minutes; whoever has none believes the last report's. With the `sessions`'
    limits log-ins are counted.
    """

    state: Path | None = None
    history: History | None = None
    thresholds: Thresholds = field(default_factory=Thresholds)
    sessions: SessionLimits | None = None


_BLIND: Final = Lookout()


def metrics_of(state: Path) -> Path:
    """Where the processes of a state directory count."""
    return state / "metrics"


def thresholds_of(settings: AlertSettings) -> Thresholds:
    """The settings' thresholds as the rules take them."""
    names = Thresholds.__dataclass_fields__
    return Thresholds(**{name: getattr(settings, name) for name in names})


async def look(
    db: Database, at: datetime, redis_url: str | None, lookout: Lookout = _BLIND
) -> Look:
    """Everything there is to see at `at`; `db` is the worker's. A cache that is away is seen."""
    cache = await _cache_version(redis_url)
    async with db.reading(None) as conn:
        found = await ops.look(conn, at, cache)
        before = await ops.last_report(conn, "house") if lookout.history is None else None
    waits = {"slips": await _slips(db), "cash_outs": await _cash_outs(db)}
    found = replace(found, thresholds=lookout.thresholds, **waits)
    if lookout.sessions is not None:
        found = replace(found, sessions=await _sessions(db, lookout.sessions, at))
    if lookout.state is None:
        return found
    # Files are read beside the loop, which has beats to give.
    return await asyncio.to_thread(_around, found, lookout, lookout.state, before)


async def write_house(
    db: Database, at: datetime, redis_url: str | None, lookout: Lookout = _BLIND
) -> list[Finding]:
    """Look, and put the report where the api reads it; returns what was found wrong."""
    began_s = time.monotonic()
    found = await look(db, at, redis_url, lookout)
    report = ops.report(found)
    async with db.transaction(None) as conn:
        await ops.write_report(conn, "house", Written(report, at, _ms_since(began_s)))
    findings = ops.findings(found)
    _count(found, findings)
    return findings


async def write_books(db: Database, at: datetime) -> None:
    """Check every tenant's ledger, each at one moment, and put down what is broken."""
    began_s = time.monotonic()
    books = Books(at)
    async with db.reading(None) as conn:
        everyone = await tenants.everyone(conn)
    for tenant in everyone:
        async with db.snapshot(tenant.id) as conn:
            books = await ops.check_books(conn, books, tenant.subdomain, tenant.id)
    written = Written(ops.books_report(books), at, _ms_since(began_s))
    async with db.transaction(None) as conn:
        await ops.write_report(conn, "books", written)


async def forget(db: Database, at: datetime) -> int:
    """Delete what is too old to be told; returns how many rows."""
    async with db.transaction(None) as conn:
        return await ops.forget(conn, at)


async def _slips(db: Database) -> dict[str, Waiting]:
    """What waits for its turn, a person or a while: a transaction of its own, of all tenants."""
    async with db.reading(None) as conn:
        found = await waiting.backlog(conn)
    return {one.why: Waiting(one.slips, one.oldest_at) for one in found}


async def _cash_outs(db: Database) -> Waiting:
    """What stands its delay: a transaction of its own too."""
    async with db.reading(None) as conn:
        found = await cashouts.backlog(conn)
    return Waiting(found.cash_outs, found.oldest_at)


async def _sessions(db: Database, limits: SessionLimits, at: datetime) -> dict[str, int]:
    """The sessions of the first tenants together, each counted in a transaction of its own."""
    async with db.reading(None) as conn:
        everyone = await tenants.everyone(conn)
    total = {"active": 0, "created": 0, "revoked": 0}
    for tenant in everyone[:_TENANTS_MAX]:
        async with db.reading(tenant.id) as conn:
            counted = await sessions.statistics(conn, tenant.id, limits, at)
        for name in total:
            total[name] += getattr(counted, name)
    return total


def _around(look: Look, lookout: Lookout, state: Path, before: Written | None) -> Look:
    """The look with what processes counted and logged."""
    cells = metrics.figures(metrics_of(state))
    counts = ops.counts_of(cells, look.at)
    if lookout.history is not None:
        now, usual = lookout.history.told(counts)
        lookout.history.add(counts)
    else:
        now, usual = _traffic_of(before, look.at)
    return replace(
        look,
        pools=ops.pools_of(cells),
        caches=ops.caches_of(cells),
        bets_waiting=ops.bets_waiting_of(cells),
        traffic=now,
        traffic_before=usual,
        patterns=ops.grouped(log_tails.tails(state / "logs"), look.at - _PATTERNS_OF),
        machine=ops.machine_of(state),
    )


def _traffic_of(written: Written | None, at: datetime) -> tuple[Traffic | None, Traffic | None]:
    """What the last report said of traffic, if it is of this moment."""
    if written is None or at - written.made_at > _TRAFFIC_AGE_MAX:
        return None, None

    def read(said: dict[str, Any] | None) -> Traffic | None:
        return None if said is None else Traffic(**said)

    return read(written.report.get("traffic")), read(written.report.get("traffic_before"))


def _count(look: Look, findings: list[Finding]) -> None:
    """What only whoever looks knows, as metrics."""
    metrics.SETTLEMENTS_DUE.at("waiting").set(look.settle.count)
    metrics.SETTLEMENTS_DUE.at("stuck").set(look.settle.stuck)
    for why in ("asked", "approval", "delay"):
        slips = look.slips.get(why, Waiting(0, None))
        metrics.SLIPS_WAITING.at(why).set(slips.count)
        metrics.SLIPS_OLDEST.at(why).set(_waited_s(slips, look.at))
    metrics.CASH_OUTS_WAITING.at().set(look.cash_outs.count)
    metrics.CASH_OUTS_OLDEST.at().set(_waited_s(look.cash_outs, look.at))
    if look.books.checked_at is not None:
        metrics.LEDGER_VIOLATIONS.at().set(len(look.books.violations))
        metrics.LEDGER_CHECKED.at().set(look.books.checked_at.timestamp())
    if look.server is not None:
        for table, rows in look.server.inserted.items():
            metrics.ROWS_WRITTEN.at(table).reach(rows)
    standing = {one.code for one in findings}
    for name, count in look.sessions.items():
        metrics.SESSIONS.at(name).set(count)
    for code in ops.CODES:
        metrics.ALERTS.at(code).set(float(code in standing))


def _waited_s(one: Waiting, at: datetime) -> float:
    """For how long the first of them has waited."""
    return (at - one.oldest_at).total_seconds() if one.oldest_at else 0.0


async def _cache_version(redis_url: str | None) -> str | None:
    if redis_url is None:
        return None
    try:
        async with opened(redis_url) as client:
            return await version(client)
    except (Unavailable, *failures()):
        return None


def _ms_since(began_s: float) -> int:
    return round((time.monotonic() - began_s) * 1000)
