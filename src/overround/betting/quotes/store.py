"""The statements of quotes: what the book lays and has room for, read and never written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from overround.betting.quotes.model import OfferedLeg, PlayerRoom, Terms
from overround.db import Connection

# What the tenant's book lays on some selections now, with what risk has room for on each of them.
LEGS = """
WITH leg AS (
    SELECT l.n, l.selection_id, s.event_id, s.market_id, o.price_e4, o.version, o.state,
           e.starts_at, e.closed_at, e.sport, m.place_terms,
           e.status = 'live' AND EXISTS (
               SELECT 1 FROM offer_in_play i WHERE i.tenant_id = t.id AND i.sport = e.sport
           ) AS is_in_play
    FROM unnest(%(selections)s::uuid[]) WITH ORDINALITY AS l (selection_id, n)
    JOIN tenant t ON t.id = %(tenant)s
    LEFT JOIN selection s ON s.id = l.selection_id
    LEFT JOIN event e ON e.id = s.event_id
    LEFT JOIN market m ON m.id = s.market_id
    LEFT JOIN offer o ON o.book_id = t.book_id AND o.selection_id = s.id
)
SELECT l.selection_id, l.event_id, l.market_id, l.price_e4, l.version, l.state, l.starts_at,
       l.closed_at, l.sport, l.place_terms, coalesce(l.is_in_play, false) AS is_in_play,
       r.win_max AS win_max_minor, r.selection_room AS selection_room_minor,
       r.event_room AS event_room_minor
FROM leg l
LEFT JOIN risk_room_v1(
    ARRAY(SELECT %(tenant)s::uuid FROM leg), ARRAY(SELECT event_id FROM leg ORDER BY n),
    ARRAY(SELECT market_id FROM leg ORDER BY n), ARRAY(SELECT selection_id FROM leg ORDER BY n),
    ARRAY(SELECT %(at)s::timestamptz FROM leg)) r ON r.n = l.n
ORDER BY l.n"""

# What the house takes of anybody and of this player, and what he has.
TERMS = """
SELECT t.status, t.currency, greatest(t.stake_min_minor, p.stake_min_minor) AS stake_min_minor,
       least(t.payout_max_minor, p.payout_max_minor) AS payout_max_minor, t.payout_rounding,
       u.status AS user_status, CASE WHEN h.id IS NOT NULL THEN c.balance_minor END AS cash_minor,
       coalesce(k.factor_e4, 10000) AS factor_e4, p.legs_min, p.legs_max, p.leg_price_min_e4,
       p.leg_price_max_e4, p.slip_price_min_e4, p.slip_price_max_e4,
       coalesce(p.lower_stakes, true) AS lower_stakes
FROM tenant t
LEFT JOIN users u ON u.tenant_id = t.id AND u.id = %(user)s
LEFT JOIN account c ON c.tenant_id = t.id AND c.owner_id = u.id AND c.kind = 'cash'
LEFT JOIN account h ON h.tenant_id = t.id AND h.owner_id = u.id AND h.kind = 'held'
LEFT JOIN risk_policy p ON p.tenant_id = t.id
LEFT JOIN risk_player k ON k.tenant_id = t.id AND k.user_id = u.id
WHERE t.id = %(tenant)s"""

# What the player has room for by what he has placed already; nothing where nothing limits him.
ROOM = """
SELECT repeats, day_room AS day_room_minor, event_room AS event_room_minor
FROM bets_player_room_v1(%s, %s, %s, %s, %s)"""


async def legs(
    conn: Connection, tenant_id: UUID, selection_ids: Sequence[UUID], at: datetime
) -> tuple[OfferedLeg, ...]:
    """What the tenant's book lays on each of the selections, in their order."""
    async with conn.cursor(row_factory=class_row(OfferedLeg)) as cursor:
        words = {"tenant": tenant_id, "selections": list(selection_ids), "at": at}
        await cursor.execute(LEGS, words)
        return tuple(await cursor.fetchall())


async def terms(conn: Connection, tenant_id: UUID, user_id: UUID) -> Terms:
    """What the house takes of the player."""
    async with conn.cursor(row_factory=class_row(Terms)) as cursor:
        await cursor.execute(TERMS, {"tenant": tenant_id, "user": user_id})
        found = await cursor.fetchone()
        assert found is not None
        return found


async def player_room(
    conn: Connection,
    tenant_id: UUID,
    user_id: UUID,
    at: datetime,
    selection_ids: Sequence[UUID],
    event_ids: Sequence[UUID],
) -> PlayerRoom:
    """What the player has room for on these selections and events."""
    async with conn.cursor(row_factory=class_row(PlayerRoom)) as cursor:
        values = [tenant_id, user_id, at, list(selection_ids), list(event_ids)]
        await cursor.execute(ROOM, values)
        return await cursor.fetchone() or PlayerRoom()
