"""Revenue's use cases; each runs inside the caller's transaction."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from overround.db import Connection
from overround.money.revenue import rules, store
from overround.money.revenue.model import RevenueDay


async def close_days(
    conn: Connection,
    tenant_id: UUID,
    *,
    currency: str,
    time_zone: str,
    fee_bps: int,
    since: datetime,
    today: date,
    at: datetime,
) -> int:
    """Recompute the days with settlements since `since`; move the figures of days before `today`.

    `fee_bps` is for days that are new; a written day keeps its own. Returns how many days were
    written or moved; 0 says that nothing had changed.
    """
    figures = await store.from_transfers(conn, tenant_id, time_zone, since)
    rates = [fee_bps if of.fee_bps is None else of.fee_bps for of in figures]
    fees = [
        rules.fee_minor(of.handle_minor - of.payout_minor, rate)
        for of, rate in zip(figures, rates, strict=True)
    ]
    changed = await store.upsert(conn, tenant_id, currency, figures, rates, fees)
    return changed + await store.post(conn, tenant_id, today, at)


async def first_open_day(conn: Connection, tenant_id: UUID, time_zone: str) -> date | None:
    """The first local day whose figures may be incomplete; None when nothing was ever settled.

    The last written day may have been written before it ended, and a settlement of a day that was
    never written is as old as it is (test: days that the jobs slept through are written).
    """
    return await store.first_open_day(conn, tenant_id, time_zone)


async def days(conn: Connection, tenant_id: UUID, first: date, last: date) -> list[RevenueDay]:
    """The tenant's days from `first` to `last`, both included."""
    return await store.days(conn, tenant_id, first, last)


async def totals(conn: Connection, tenant_id: UUID) -> RevenueDay | None:
    """All days together, dated at the last one; None when there is none."""
    every = await store.days(conn, tenant_id, date.min, date.max)
    if not every:
        return None
    return RevenueDay(
        day=every[-1].day,
        currency=every[-1].currency,
        handle_minor=sum(day.handle_minor for day in every),
        payout_minor=sum(day.payout_minor for day in every),
        ggr_minor=sum(day.ggr_minor for day in every),
        fee_minor=sum(day.fee_minor for day in every),
        bonus_minor=sum(day.bonus_minor for day in every),
    )
