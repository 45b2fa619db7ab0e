"""The statements of debts. What writes them is schema functions."""

from __future__ import annotations

from uuid import UUID

from overround.db import Connection
from overround.money.ledger import Violation

# What a player owes; no row is nothing.
OWED = "SELECT owed_minor FROM debt WHERE tenant_id = %s AND user_id = %s"

# What a player owes is what was lent to him less what he has paid back.
CHECK_DEBTS = """
SELECT 'a debt is its loans less what was repaid', coalesce(d.user_id, t.user_id)::text,
       (coalesce(d.owed_minor, 0) || ' of ' || coalesce(d.lent_minor, 0) || ' instead of '
        || coalesce(t.owed, 0) || ' of ' || coalesce(t.lent, 0))
FROM (SELECT user_id, owed_minor, lent_minor FROM debt WHERE tenant_id = %(tenant)s) d
FULL JOIN (
    SELECT a.owner_id AS user_id,
           sum(CASE t.code WHEN 'debt_lend' THEN t.amount_minor ELSE -t.amount_minor END) AS owed,
           sum(t.amount_minor) FILTER (WHERE t.code = 'debt_lend') AS lent
    FROM transfer t JOIN account a ON a.tenant_id = t.tenant_id
        AND a.id = CASE t.code WHEN 'debt_lend' THEN t.to_id ELSE t.from_id END
    WHERE t.tenant_id = %(tenant)s AND t.code IN ('debt_lend', 'debt_repay')
    GROUP BY 1) t ON t.user_id = d.user_id
WHERE coalesce(d.owed_minor, 0) <> coalesce(t.owed, 0)
   OR coalesce(d.lent_minor, 0) <> coalesce(t.lent, 0)
LIMIT 20"""


async def owed_minor(conn: Connection, tenant_id: UUID, user_id: UUID) -> int:
    """What the player owes; 0 is nothing."""
    row = await (await conn.execute(OWED, [tenant_id, user_id])).fetchone()
    return row[0] if row is not None else 0


async def check(conn: Connection, tenant_id: UUID) -> list[Violation]:
    """The invariant between debts and the ledger; an empty list is sound."""
    cursor = await conn.execute(CHECK_DEBTS, {"tenant": tenant_id})
    return [Violation(*row) for row in await cursor.fetchall()]
