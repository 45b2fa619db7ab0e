"""The statements of exposure: reads alone."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from overround.betting.exposure.model import OpenBet, OpenLeg, Taken
from overround.db import Connection

# All legs of the open bets with an open leg on one event; a partly cashed out bet is its rest.
OPEN_ON_EVENT = """
SELECT b.id, b.stake_minor - coalesce(b.cashed_stake_minor, 0), b.payout_rounding, b.sizes,
       l.event_id, l.market_id, l.selection_id, l.price_e4, l.grade, l.banker,
       l.dead_heat, l.place_terms, l.place_grade, l.place_dead_heat
FROM leg o
JOIN bet b ON b.tenant_id = o.tenant_id AND b.id = o.bet_id AND b.status = 'open'
JOIN leg l ON l.tenant_id = b.tenant_id AND l.bet_id = b.id
WHERE o.tenant_id = %s AND o.event_id = %s AND o.grade IS NULL ORDER BY b.id, l.n"""

# All legs of all open bets, for who checks the rows.
OPEN = """
SELECT b.id, b.stake_minor - coalesce(b.cashed_stake_minor, 0), b.payout_rounding, b.sizes,
       l.event_id, l.market_id, l.selection_id, l.price_e4, l.grade, l.banker,
       l.dead_heat, l.place_terms, l.place_grade, l.place_dead_heat
FROM bet b JOIN leg l ON l.tenant_id = b.tenant_id AND l.bet_id = b.id
WHERE b.tenant_id = %s AND b.status = 'open' ORDER BY b.id, l.n"""

# Events whose rows are being made anew.
MARKED = "SELECT DISTINCT event_id FROM risk_stale WHERE tenant_id = %s"

# The prices that players took since a time, of bets on selections whose market closed whole at one
# bookmaker: of several the one that was seen last, then the first by name.
TAKEN = """
SELECT b.user_id, u.display_name AS name, l.price_e4, c.place, c.closing_e4
FROM bet b
JOIN users u ON u.tenant_id = b.tenant_id AND u.id = b.user_id
JOIN leg l ON l.tenant_id = b.tenant_id AND l.bet_id = b.id
CROSS JOIN LATERAL (
    SELECT array_position(array_agg(s.id ORDER BY s.id), l.selection_id) - 1 AS place,
           array_agg(p.price_e4 ORDER BY s.id) AS closing_e4
    FROM selection s
    LEFT JOIN closing_price p ON p.selection_id = s.id AND p.source_id = (
        SELECT q.source_id FROM closing_price q JOIN source o ON o.id = q.source_id
        WHERE q.selection_id = l.selection_id AND o.kind = 'bookmaker'
        ORDER BY q.lag_ms, o.key, q.source_id LIMIT 1)
    WHERE s.market_id = l.market_id
    HAVING bool_and(p.price_e4 IS NOT NULL) AND count(*) > 1) c
WHERE b.tenant_id = %s AND b.placed_at > %s ORDER BY b.placed_at DESC, b.id, l.n LIMIT %s"""


async def open_on_event(conn: Connection, tenant_id: UUID, event_id: UUID) -> list[OpenBet]:
    """The open bets with an open leg on the event, each with all its legs."""
    cursor = await conn.execute(OPEN_ON_EVENT, [tenant_id, event_id])
    return _bets(await cursor.fetchall())


async def all_open(conn: Connection, tenant_id: UUID) -> list[OpenBet]:
    """Every open bet with all its legs."""
    cursor = await conn.execute(OPEN, [tenant_id])
    return _bets(await cursor.fetchall())


async def marked(conn: Connection, tenant_id: UUID) -> set[UUID]:
    """The events whose rows are being made anew."""
    cursor = await conn.execute(MARKED, [tenant_id])
    return {row[0] for row in await cursor.fetchall()}


async def taken(conn: Connection, tenant_id: UUID, since: datetime, limit: int) -> list[Taken]:
    """The newest prices that players took since a time and that have a close, at most `limit`."""
    async with conn.cursor(row_factory=class_row(Taken)) as cursor:
        await cursor.execute(TAKEN, [tenant_id, since, limit])
        return await cursor.fetchall()


def _bets(rows: list[tuple[Any, ...]]) -> list[OpenBet]:
    return [
        OpenBet(*of_bet, legs=tuple(OpenLeg(*row[4:]) for row in legs))
        for of_bet, legs in groupby(rows, key=lambda row: row[:4])
    ]
