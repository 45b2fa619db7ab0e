"""The statements of settlement. Paying is the schema function `bets_settle_v1`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from overround.betting.settlement.model import Graded, OpenLeg, Payout
from overround.db import Connection

# The bets that results of some events can touch and their players' money, locked before anything is
# read. Waiting and not skipping: two settlers that each grade one leg of a combo must see each
# other's grade, or neither would pay it (test: two results of one combo).
LOCK_BETS = "SELECT bets_lock_v1(%s, %s)"

# All legs of the locked bets, in a statement of its own so that it sees what the locks waited for.
LEGS = """
SELECT l.bet_id, b.user_id, l.n, l.event_id, e.sport, m.market_type, m.period, m.line_q4, s.side,
       l.price_e4, l.grade, l.result_version, b.status = 'open' AS bet_open, b.stake_minor,
       b.payout_rounding
FROM leg l
JOIN bet b ON b.tenant_id = l.tenant_id AND b.id = l.bet_id
JOIN event e ON e.id = l.event_id
JOIN market m ON m.id = l.market_id
JOIN selection s ON s.id = l.selection_id
WHERE l.tenant_id = %s AND l.bet_id = ANY(%s) ORDER BY l.bet_id, l.n"""

# Grades and payouts of a batch, with their money, in one call.
SETTLE = "SELECT bets_settle_v1(%s, %s, %s, %s, %s, %s, %s, %s, %s)"


async def lock_bets(conn: Connection, tenant_id: UUID, event_ids: Sequence[UUID]) -> list[UUID]:
    """Lock the bets that the events' results can touch, and their money; their ids, in order."""
    cursor = await conn.execute(LOCK_BETS, [tenant_id, list(event_ids)])
    return [row[0] for row in await cursor.fetchall()]


async def legs_of(conn: Connection, tenant_id: UUID, bet_ids: Sequence[UUID]) -> list[OpenLeg]:
    """All legs of some bets, bet by bet."""
    async with conn.cursor(row_factory=class_row(OpenLeg)) as cursor:
        await cursor.execute(LEGS, [tenant_id, list(bet_ids)])
        return await cursor.fetchall()


async def settle(
    conn: Connection,
    tenant_id: UUID,
    at: datetime,
    graded: Sequence[Graded],
    payouts: Sequence[Payout],
) -> int:
    """Write grades and pay; returns how many bets were settled."""
    cursor = await conn.execute(
        SETTLE,
        [
            tenant_id,
            at,
            [g.bet_id for g in graded],
            [g.n for g in graded],
            [g.grade for g in graded],
            [g.result_version for g in graded],
            [p.bet_id for p in payouts],
            [p.outcome for p in payouts],
            [p.payout_minor for p in payouts],
        ],
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]
