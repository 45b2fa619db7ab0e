"""Revenue's statements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from psycopg.rows import class_row

from overround.db import Connection
from overround.money.revenue.model import DayPosting, RevenueDay

# The days of transfers since `since`, in the tenant's zone, with what the book took and paid.
FROM_TRANSFERS = """
SELECT (at AT TIME ZONE %(zone)s)::date AS day,
       coalesce(sum(amount_minor) FILTER (WHERE code = 'stake_take'), 0)::bigint AS handle_minor,
       coalesce(sum(amount_minor) FILTER (WHERE code = 'payout'), 0)::bigint AS payout_minor
FROM transfer
WHERE tenant_id = %(tenant)s AND code IN ('stake_take', 'payout') AND at >= %(since)s
GROUP BY 1 ORDER BY 1"""

# A day that did not change is not written, so a second run adds nothing.
UPSERT = """
INSERT INTO revenue_day AS r (tenant_id, day, currency, handle_minor, payout_minor, ggr_minor,
    fee_minor)
SELECT %s, d.day, %s, d.handle, d.payout, d.handle - d.payout, d.fee
FROM unnest(%s::date[], %s::bigint[], %s::bigint[], %s::bigint[]) AS d (day, handle, payout, fee)
ON CONFLICT (tenant_id, day) DO UPDATE
SET handle_minor = EXCLUDED.handle_minor, payout_minor = EXCLUDED.payout_minor,
    ggr_minor = EXCLUDED.ggr_minor, fee_minor = EXCLUDED.fee_minor
WHERE (r.handle_minor, r.payout_minor, r.fee_minor)
      IS DISTINCT FROM (EXCLUDED.handle_minor, EXCLUDED.payout_minor, EXCLUDED.fee_minor)"""

# Days before `before` whose figures have not wholly left `house`; locked: two jobs post once.
UNPOSTED = """
SELECT day, ggr_minor, fee_minor, posted_fee_minor, posted_net_minor, posted_version
FROM revenue_day
WHERE tenant_id = %s AND day < %s
  AND (posted_fee_minor <> fee_minor OR posted_net_minor <> ggr_minor - fee_minor)
ORDER BY day FOR UPDATE"""

# Remember what was moved for the days.
MARK_POSTED = """
UPDATE revenue_day
SET posted_fee_minor = fee_minor, posted_net_minor = ggr_minor - fee_minor,
    posted_version = posted_version + 1
WHERE tenant_id = %s AND day = ANY(%s)"""

# The report: days from, up to and including.
DAYS = """
SELECT day, currency, handle_minor, payout_minor, ggr_minor, fee_minor FROM revenue_day
WHERE tenant_id = %s AND day BETWEEN %s AND %s ORDER BY day"""


async def from_transfers(
    conn: Connection, tenant_id: UUID, zone: str, since: datetime
) -> list[tuple[date, int, int]]:
    """(day, handle, payout) of each local day with a settlement at or after `since`."""
    cursor = await conn.execute(FROM_TRANSFERS, {"tenant": tenant_id, "zone": zone, "since": since})
    return [(row[0], row[1], row[2]) for row in await cursor.fetchall()]


async def upsert(
    conn: Connection,
    tenant_id: UUID,
    currency: str,
    figures: Sequence[tuple[date, int, int]],
    fees: Sequence[int],
) -> int:
    """Write the days that differ; returns how many did."""
    cursor = await conn.execute(
        UPSERT,
        [
            tenant_id,
            currency,
            [day for day, _, _ in figures],
            [handle for _, handle, _ in figures],
            [payout for _, _, payout in figures],
            list(fees),
        ],
    )
    return cursor.rowcount


async def unposted(conn: Connection, tenant_id: UUID, before: date) -> list[DayPosting]:
    """The closed days that still owe a movement, locked."""
    async with conn.cursor(row_factory=class_row(DayPosting)) as cursor:
        await cursor.execute(UNPOSTED, [tenant_id, before])
        return await cursor.fetchall()


async def mark_posted(conn: Connection, tenant_id: UUID, days: Sequence[date]) -> None:
    """The days' figures have left `house`."""
    await conn.execute(MARK_POSTED, [tenant_id, list(days)])


async def days(conn: Connection, tenant_id: UUID, first: date, last: date) -> list[RevenueDay]:
    """The days from `first` to `last`, both included."""
    async with conn.cursor(row_factory=class_row(RevenueDay)) as cursor:
        await cursor.execute(DAYS, [tenant_id, first, last])
        return await cursor.fetchall()
