"""Revenue's use cases; each runs inside the caller's transaction."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from uuid import UUID

from overround.core import ids
from overround.db import Connection
from overround.money import ledger
from overround.money.revenue import rules, store
from overround.money.revenue.model import DayPosting, RevenueDay


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

    Returns how many days were written or moved; 0 says that nothing had changed.
    """
    figures = await store.from_transfers(conn, tenant_id, time_zone, since)
    fees = [rules.fee_minor(handle - payout, fee_bps) for _, handle, payout in figures]
    changed = await store.upsert(conn, tenant_id, currency, figures, fees)
    owed = await store.unposted(conn, tenant_id, today)
    if not owed:
        return changed
    accounts = await ledger.accounts_of(conn, tenant_id, None)
    account_ids = {kind: account.account_id for kind, account in accounts.items()}
    transfers = [t for day in owed for t in _transfers(tenant_id, day, account_ids, at)]
    await ledger.post(conn, tenant_id, transfers)
    await store.mark_posted(conn, tenant_id, [day.day for day in owed])
    return changed + len(owed)


def _transfers(
    tenant_id: UUID, day: DayPosting, accounts: dict[str, UUID], at: datetime
) -> list[ledger.Transfer]:
    fee, net = rules.movements(day)
    reference = ids.derived(
        datetime.combine(day.day, time(), UTC), "revenue_day", str(tenant_id), day.day.isoformat()
    )
    moves: list[tuple[ledger.Code, str, int]] = [
        ("fee_day", "fee", fee),
        ("revenue_day", "revenue", net),
    ]
    return [
        ledger.Transfer(
            at=at,
            reference=reference,
            code=code,
            from_id=accounts["house"] if amount > 0 else accounts[kind],
            to_id=accounts[kind] if amount > 0 else accounts["house"],
            amount_minor=abs(amount),
            version=day.posted_version + 1,
        )
        for code, kind, amount in moves
        if amount
    ]


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
    )
