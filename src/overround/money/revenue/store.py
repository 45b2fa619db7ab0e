"""Revenue's statements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from psycopg.rows import class_row

from overround.db import Connection
from overround.money.ledger import Violation
from overround.money.revenue.model import DayFigures, RevenueDay

# The days of transfers since `since`, in the tenant's zone, with what the book took and paid, and
# the share that a day which is written already was written with.
FROM_TRANSFERS = """
SELECT d.day, d.handle_minor, d.payout_minor, r.fee_bps, d.bonus_minor
FROM (SELECT (at AT TIME ZONE %(zone)s)::date AS day,
             coalesce(sum(CASE code WHEN 'stake_take' THEN amount_minor
                                    WHEN 'stake_release' THEN -amount_minor END), 0)::bigint
                 AS handle_minor,
             coalesce(sum(CASE code WHEN 'payout' THEN amount_minor
                                    WHEN 'cash_out' THEN amount_minor
                                    WHEN 'payout_reclaim' THEN -amount_minor END), 0)::bigint
                 AS payout_minor,
             coalesce(sum(CASE code WHEN 'free_bet' THEN amount_minor
                                    WHEN 'free_bet_back' THEN -amount_minor END), 0)::bigint
                 AS bonus_minor
      FROM transfer
      WHERE tenant_id = %(tenant)s AND at >= %(since)s
        AND code IN ('stake_take', 'stake_release', 'payout', 'payout_reclaim', 'cash_out',
                     'free_bet', 'free_bet_back')
      GROUP BY 1) d
LEFT JOIN revenue_day r ON r.tenant_id = %(tenant)s AND r.day = d.day
ORDER BY d.day"""

# The first settled day that is not written, or else the last that is. It walks from day to day, one
# look into the index each, because the transfers of a season are many and its days are few.
FIRST_OPEN_DAY = """
WITH RECURSIVE settled (day) AS (
    SELECT (min(at) AT TIME ZONE %(zone)s)::date FROM transfer
    WHERE tenant_id = %(tenant)s
      AND code IN ('stake_take', 'stake_release', 'payout', 'payout_reclaim', 'cash_out',
                   'free_bet', 'free_bet_back')
    UNION ALL
    SELECT ((SELECT min(t.at) FROM transfer t
             WHERE t.tenant_id = %(tenant)s
               AND t.code IN ('stake_take', 'stake_release', 'payout', 'payout_reclaim',
                              'cash_out', 'free_bet', 'free_bet_back')
               AND t.at >= (s.day + 1)::timestamp AT TIME ZONE %(zone)s)
            AT TIME ZONE %(zone)s)::date
    FROM settled s WHERE s.day IS NOT NULL)
SELECT least(min(s.day) FILTER (WHERE r.day IS NULL), max(r.day))
FROM settled s LEFT JOIN revenue_day r ON r.tenant_id = %(tenant)s AND r.day = s.day
WHERE s.day IS NOT NULL"""

# A day that did not change is not written, so a second run adds nothing; its share never changes.
UPSERT = """
INSERT INTO revenue_day AS r (tenant_id, day, currency, handle_minor, payout_minor, ggr_minor,
    fee_bps, fee_minor, bonus_minor)
SELECT %s, d.day, %s, d.handle, d.payout, d.handle - d.payout, d.fee_bps, d.fee, d.bonus
FROM unnest(%s::date[], %s::bigint[], %s::bigint[], %s::integer[], %s::bigint[], %s::bigint[])
         AS d (day, handle, payout, fee_bps, fee, bonus)
ON CONFLICT (tenant_id, day) DO UPDATE
SET handle_minor = EXCLUDED.handle_minor, payout_minor = EXCLUDED.payout_minor,
    ggr_minor = EXCLUDED.ggr_minor, fee_minor = EXCLUDED.fee_minor,
    bonus_minor = EXCLUDED.bonus_minor
WHERE (r.handle_minor, r.payout_minor, r.fee_minor, r.bonus_minor)
      IS DISTINCT FROM (EXCLUDED.handle_minor, EXCLUDED.payout_minor, EXCLUDED.fee_minor,
                        EXCLUDED.bonus_minor)"""

# Move what the days before a day owe; their rows say how much.
POST = "SELECT revenue_day_post_v1(%s, %s, %s)"

# Every transfer for a day has its day and goes between `house` and the account of its code, and
# together they moved what the day says it moved.
CHECK_MOVED = """
SELECT 'a day moved what it says', coalesce(d.day::text, p.reference::text),
       (coalesce(d.fee, 0) || ' + ' || coalesce(d.net, 0) || ' moved ' || coalesce(p.fee, 0)
        || ' + ' || coalesce(p.net, 0))
FROM (SELECT day, reference, posted_fee_minor AS fee, posted_net_minor AS net
      FROM revenue_day WHERE tenant_id = %(tenant)s) d
FULL JOIN (
    SELECT reference, bool_or(amount IS NULL) AS astray,
           coalesce(sum(amount) FILTER (WHERE code = 'fee_day'), 0) AS fee,
           coalesce(sum(amount) FILTER (WHERE code = 'revenue_day'), 0) AS net
    FROM (
        SELECT t.reference, t.code,
               CASE WHEN f.kind = 'house' AND o.kind || '_day' = t.code THEN t.amount_minor
                    WHEN o.kind = 'house' AND f.kind || '_day' = t.code THEN -t.amount_minor
               END AS amount
        FROM transfer t
        LEFT JOIN account f ON f.tenant_id = t.tenant_id AND f.id = t.from_id
        LEFT JOIN account o ON o.tenant_id = t.tenant_id AND o.id = t.to_id
        WHERE t.tenant_id = %(tenant)s AND t.code IN ('fee_day', 'revenue_day')) m
    GROUP BY reference) p ON p.reference = d.reference
WHERE d.day IS NULL OR p.astray OR d.fee <> coalesce(p.fee, 0) OR d.net <> coalesce(p.net, 0)
LIMIT 20"""

# The report: days from, up to and including.
DAYS = """
SELECT day, currency, handle_minor, payout_minor, ggr_minor, fee_minor, bonus_minor
FROM revenue_day
WHERE tenant_id = %s AND day BETWEEN %s AND %s ORDER BY day"""


async def from_transfers(
    conn: Connection, tenant_id: UUID, zone: str, since: datetime
) -> list[DayFigures]:
    """The figures of each local day with a settlement at or after `since`."""
    async with conn.cursor(row_factory=class_row(DayFigures)) as cursor:
        await cursor.execute(FROM_TRANSFERS, {"tenant": tenant_id, "zone": zone, "since": since})
        return await cursor.fetchall()


async def first_open_day(conn: Connection, tenant_id: UUID, zone: str) -> date | None:
    """The first local day whose figures may be incomplete; None without any settlement."""
    cursor = await conn.execute(FIRST_OPEN_DAY, {"tenant": tenant_id, "zone": zone})
    row = await cursor.fetchone()
    return row[0] if row else None


async def upsert(
    conn: Connection,
    tenant_id: UUID,
    currency: str,
    figures: Sequence[DayFigures],
    rates: Sequence[int],
    fees: Sequence[int],
) -> int:
    """Write the days that differ, with their share (`rates`, bps) and fee; returns how many did."""
    cursor = await conn.execute(
        UPSERT,
        [
            tenant_id,
            currency,
            [of.day for of in figures],
            [of.handle_minor for of in figures],
            [of.payout_minor for of in figures],
            list(rates),
            list(fees),
            [of.bonus_minor for of in figures],
        ],
    )
    return cursor.rowcount


async def post(conn: Connection, tenant_id: UUID, before: date, at: datetime) -> int:
    """Move what the days before `before` still owe; returns how many days that were."""
    row = await (await conn.execute(POST, [tenant_id, before, at])).fetchone()
    assert row is not None
    return row[0]


async def check(conn: Connection, tenant_id: UUID) -> list[Violation]:
    """The invariants between days and the ledger; an empty list is a sound report."""
    cursor = await conn.execute(CHECK_MOVED, {"tenant": tenant_id})
    return [Violation(*row) for row in await cursor.fetchall()]


async def days(conn: Connection, tenant_id: UUID, first: date, last: date) -> list[RevenueDay]:
    """The days from `first` to `last`, both included."""
    async with conn.cursor(row_factory=class_row(RevenueDay)) as cursor:
        await cursor.execute(DAYS, [tenant_id, first, last])
        return await cursor.fetchall()
