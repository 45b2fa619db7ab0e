"""The statements of exposure: reads alone."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from overround.betting.exposure.model import Beaten, OpenBet, OpenLeg
from overround.betting.risk import SHARP_BETS_MIN, SHARP_ERRORS_MIN
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

# The players whose prices the close says most about, over the newest prices that were taken before
# the start of their events and have a close. A market's close is that of one bookmaker who closed
# it whole, of several the one that was seen last, then the first by name, and is made fair in
# proportion. Reckoned here: twenty thousand prices are not carried to who answers requests, nor is
# a connection held while he reckons. Event by event (OFFSET 0), so that nobody's whole history is
# read.
SHARPEST = """
WITH taken AS MATERIALIZED (
    SELECT t.user_id, t.market_id, t.selection_id, t.price_e4
    FROM (SELECT e.id, e.starts_at FROM event e
          WHERE e.starts_at > %(since)s AND e.starts_at <= %(at)s
          ORDER BY e.starts_at DESC, e.id DESC OFFSET 0) e
    CROSS JOIN LATERAL (
        SELECT b.user_id, l.market_id, l.selection_id, l.price_e4
        FROM leg l
        CROSS JOIN LATERAL (
            SELECT b.user_id FROM bet b WHERE b.tenant_id = l.tenant_id AND b.id = l.bet_id
            AND b.placed_at > %(since)s AND b.placed_at < e.starts_at OFFSET 0) b
        WHERE l.tenant_id = %(tenant)s AND l.event_id = e.id AND EXISTS (
            SELECT 1 FROM closing_price q JOIN source o ON o.id = q.source_id
            WHERE q.selection_id = l.selection_id AND o.kind = 'bookmaker')
        OFFSET 0) t
    ORDER BY e.starts_at DESC, e.id DESC LIMIT %(limit)s
), fair AS MATERIALIZED (
    SELECT t.selection_id, c.probability
    FROM (SELECT DISTINCT market_id, selection_id FROM taken) t
    CROSS JOIN LATERAL (
        SELECT sum(1e9 / p.price_e4) FILTER (WHERE s.id = t.selection_id)
               / sum(1e9 / p.price_e4) AS probability
        FROM selection s
        LEFT JOIN closing_price p ON p.selection_id = s.id AND p.source_id = (
            SELECT q.source_id FROM closing_price q JOIN source o ON o.id = q.source_id
            WHERE q.selection_id = t.selection_id AND o.kind = 'bookmaker'
            ORDER BY q.lag_ms, o.key, q.source_id LIMIT 1)
        WHERE s.market_id = t.market_id
        HAVING bool_and(p.price_e4 IS NOT NULL) AND count(*) > 1) c
), worth AS (
    SELECT w.user_id, count(*) AS bets, round(avg(w.value) * 1e6)::bigint AS mean_ppm,
           round(stddev_samp(w.value) / sqrt(count(*)::numeric) * 1e6)::bigint AS error_ppm
    FROM (SELECT t.user_id, t.price_e4 * f.probability / 10000 - 1 AS value
          FROM taken t JOIN fair f ON f.selection_id = t.selection_id) w
    GROUP BY w.user_id
)
SELECT w.user_id, u.display_name AS name, w.bets, w.mean_ppm,
       coalesce(w.error_ppm, abs(w.mean_ppm)) AS error_ppm
FROM worth w JOIN users u ON u.tenant_id = %(tenant)s AND u.id = w.user_id
ORDER BY (w.bets >= %(bets_min)s AND w.mean_ppm > %(errors_min)s::numeric * w.error_ppm) DESC,
         w.mean_ppm DESC, w.user_id LIMIT %(named)s"""


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


async def sharpest(
    conn: Connection, tenant_id: UUID, since: datetime, at: datetime, *, limit: int, named: int
) -> list[Beaten]:
    """The `named` players whom the close says most about over at most `limit` prices."""
    values = {
        "tenant": tenant_id, "since": since, "at": at, "limit": limit, "named": named,
        "bets_min": SHARP_BETS_MIN, "errors_min": SHARP_ERRORS_MIN,
    }  # fmt: skip
    async with conn.cursor(row_factory=class_row(Beaten)) as cursor:
        await cursor.execute(SHARPEST, values)
        return await cursor.fetchall()


def _bets(rows: list[tuple[Any, ...]]) -> list[OpenBet]:
    return [
        OpenBet(*of_bet, legs=tuple(OpenLeg(*row[4:]) for row in legs))
        for of_bet, legs in groupby(rows, key=lambda row: row[:4])
    ]
