"""The statements of edges. Profits are stored as millionths of the total stake, rounded down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from overround.db import Connection
from overround.odds.edges.model import StoredEdge

# The open edges of some events; one per market.
OPEN = """
SELECT id, class AS kind, event_id, market_id, naive_ppm, guaranteed_ppm, best_ppm, suspect, legs,
       detected_at, seen_at, expired_at
FROM edge WHERE event_id = ANY(%s) AND expired_at IS NULL"""

# A newly seen edge.
ADD = """
INSERT INTO edge (id, kind, class, event_id, market_id, naive_ppm, guaranteed_ppm, best_ppm,
    suspect,
                  legs, detected_at, seen_at)
VALUES (%s, 'arbitrage', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING"""

# Still there, at other prices.
RENEW = """
UPDATE edge SET class = %s, naive_ppm = %s, guaranteed_ppm = %s, best_ppm = %s, suspect = %s,
    legs = %s,
       seen_at = %s
WHERE id = %s"""

# Gone: the prices moved, or the event started.
EXPIRE = "UPDATE edge SET expired_at = %s WHERE id = ANY(%s) AND expired_at IS NULL"

# All that is open of some events is gone.
EXPIRE_EVENTS = "UPDATE edge SET expired_at = %s WHERE event_id = ANY(%s) AND expired_at IS NULL"

# A page for people of what is open now, newest first; keyset on (detected_at, id).
PAGE_OPEN = """
SELECT id, class AS kind, event_id, market_id, naive_ppm, guaranteed_ppm, best_ppm, suspect, legs,
       detected_at, seen_at, expired_at
FROM edge
WHERE (detected_at, id) < (%(before)s, %(id)s::uuid) AND guaranteed_ppm >= %(guaranteed)s
  AND expired_at IS NULL
ORDER BY detected_at DESC, id DESC LIMIT %(limit)s"""

# The same of all that ever was.
PAGE_EVER = """
SELECT id, class AS kind, event_id, market_id, naive_ppm, guaranteed_ppm, best_ppm, suspect, legs,
       detected_at, seen_at, expired_at
FROM edge
WHERE (detected_at, id) < (%(before)s, %(id)s::uuid) AND guaranteed_ppm >= %(guaranteed)s
ORDER BY detected_at DESC, id DESC LIMIT %(limit)s"""

# Still there, unchanged.
SEEN = "UPDATE edge SET seen_at = %s WHERE id = ANY(%s)"


async def open_edges(conn: Connection, event_ids: Sequence[UUID]) -> dict[UUID, StoredEdge]:
    """market id -> its open edge."""
    async with conn.cursor(row_factory=class_row(StoredEdge)) as cursor:
        await cursor.execute(OPEN, [list(event_ids)])
        return {edge.market_id: edge for edge in await cursor.fetchall()}


async def add(conn: Connection, edge: StoredEdge) -> None:
    """Write a newly seen edge."""
    await conn.execute(
        ADD,
        [
            edge.id,
            edge.kind,
            edge.event_id,
            edge.market_id,
            edge.naive_ppm,
            edge.guaranteed_ppm,
            edge.best_ppm,
            edge.suspect,
            Jsonb(edge.legs),
            edge.detected_at,
            edge.seen_at,
        ],
    )


async def renew(conn: Connection, edge_id: UUID, now: StoredEdge) -> None:
    """The edge is still there, as `now` describes it."""
    await conn.execute(
        RENEW,
        [
            now.kind,
            now.naive_ppm,
            now.guaranteed_ppm,
            now.best_ppm,
            now.suspect,
            Jsonb(now.legs),
            now.seen_at,
            edge_id,
        ],
    )


async def seen(conn: Connection, edge_ids: Sequence[UUID], at: datetime) -> None:
    """The edges are still there as they were."""
    await conn.execute(SEEN, [at, list(edge_ids)])


async def expire(conn: Connection, edge_ids: Sequence[UUID], at: datetime) -> None:
    """The edges are gone."""
    await conn.execute(EXPIRE, [at, list(edge_ids)])


async def expire_events(conn: Connection, event_ids: Sequence[UUID], at: datetime) -> None:
    """The events can no longer be bet on, so nothing of theirs is an edge."""
    await conn.execute(EXPIRE_EVENTS, [at, list(event_ids)])


async def page(
    conn: Connection,
    before: tuple[datetime, UUID],
    *,
    guaranteed_ppm_min: int,
    with_expired: bool,
    limit: int,
) -> list[StoredEdge]:
    """At most `limit` edges detected before `before` (time, id), newest first."""
    async with conn.cursor(row_factory=class_row(StoredEdge)) as cursor:
        await cursor.execute(
            PAGE_EVER if with_expired else PAGE_OPEN,
            {
                "before": before[0],
                "id": before[1],
                "guaranteed": guaranteed_ppm_min,
                "limit": limit,
            },
        )
        return await cursor.fetchall()
