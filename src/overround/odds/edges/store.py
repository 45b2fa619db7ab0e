"""The statements of edges. Profits are stored as millionths of the total stake, rounded down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from overround.db import Connection
from overround.odds.edges.model import EdgeKind, EdgeStatus, Sighting, StoredEdge

# The open edges of some events.
OPEN = """
SELECT id, kind, class AS pays, status, what, event_id, market_id, sport, edge_ppm, naive_ppm,
       guaranteed_ppm, best_ppm, probability_ppm, kelly_ppm, confidence_ppm, peak_ppm, peak_at,
       reasons, tags, suspect, legs, detected_at, verified_at, seen_at, expires_at, expired_at
FROM edge WHERE event_id = ANY(%s) AND expired_at IS NULL"""

# One edge, open or over.
ONE = """
SELECT id, kind, class AS pays, status, what, event_id, market_id, sport, edge_ppm, naive_ppm,
       guaranteed_ppm, best_ppm, probability_ppm, kelly_ppm, confidence_ppm, peak_ppm, peak_at,
       reasons, tags, suspect, legs, detected_at, verified_at, seen_at, expires_at, expired_at
FROM edge WHERE id = %s"""

# Events with an edge that waits for its second look, and until when one does.
WAITING = """
SELECT event_id, max(expires_at) FROM edge
WHERE status = 'detected' AND expired_at IS NULL AND NOT suspect AND expires_at > %s
GROUP BY event_id ORDER BY event_id"""

# Events with an open edge.
OPEN_EVENTS = "SELECT DISTINCT event_id FROM edge WHERE expired_at IS NULL ORDER BY event_id"

# Newly seen edges, all of a look in one statement.
ADD = """
INSERT INTO edge (id, kind, class, status, what, event_id, market_id, sport, edge_ppm, naive_ppm,
    guaranteed_ppm, best_ppm, probability_ppm, kelly_ppm, confidence_ppm, peak_ppm, peak_at,
    reasons, tags, suspect, legs, detected_at, verified_at, seen_at, expires_at)
SELECT id, kind, class, status, what, event_id, market_id, sport, edge_ppm, naive_ppm,
    guaranteed_ppm, best_ppm, probability_ppm, kelly_ppm, confidence_ppm, peak_ppm, peak_at,
    reasons, tags, suspect, legs, detected_at, verified_at, seen_at, expires_at
FROM jsonb_populate_recordset(NULL::edge, %s) AS x
ON CONFLICT DO NOTHING"""

# Still there, at other prices or in another state; one that another hand has ended stays ended.
RENEW = """
UPDATE edge e SET class = x.class, status = x.status, market_id = x.market_id,
    edge_ppm = x.edge_ppm, naive_ppm = x.naive_ppm, guaranteed_ppm = x.guaranteed_ppm,
    best_ppm = x.best_ppm, probability_ppm = x.probability_ppm, kelly_ppm = x.kelly_ppm,
    confidence_ppm = x.confidence_ppm, peak_ppm = x.peak_ppm, peak_at = x.peak_at,
    reasons = x.reasons, tags = x.tags, suspect = x.suspect, legs = x.legs,
    verified_at = x.verified_at, seen_at = x.seen_at, expires_at = x.expires_at
FROM jsonb_populate_recordset(NULL::edge, %s) AS x
WHERE e.id = x.id AND e.expired_at IS NULL"""

# Still there, unchanged; its prices may be younger.
SEEN = """
UPDATE edge e SET seen_at = %s, expires_at = x.expires_at
FROM unnest(%s::uuid[], %s::timestamptz[]) AS x(id, expires_at)
WHERE e.id = x.id AND e.expired_at IS NULL"""

# Gone: the prices moved.
EXPIRE = """
UPDATE edge SET status = 'expired', expired_at = %s WHERE id = ANY(%s) AND expired_at IS NULL"""

# All that is open of some events is gone: they have started or ended.
EXPIRE_EVENTS = """
UPDATE edge e SET status = 'expired', expired_at = greatest(o.at, e.detected_at)
FROM unnest(%s::uuid[], %s::timestamptz[]) AS o (event_id, at)
WHERE e.event_id = o.event_id AND e.expired_at IS NULL"""

# Prices that nobody has confirmed for too long are no longer believed.
AGE = """
UPDATE edge SET status = 'stale' WHERE status IN ('detected', 'verified') AND expires_at <= %s"""

# Forget what has been over for long, so many at a time.
FORGET = """
DELETE FROM edge WHERE id IN (
    SELECT id FROM edge WHERE expired_at < %s ORDER BY expired_at LIMIT %s)"""

# A page for people of what is open now, newest first; keyset on (detected_at, id).
PAGE_OPEN = """
SELECT id, kind, class AS pays, status, what, event_id, market_id, sport, edge_ppm, naive_ppm,
       guaranteed_ppm, best_ppm, probability_ppm, kelly_ppm, confidence_ppm, peak_ppm, peak_at,
       reasons, tags, suspect, legs, detected_at, verified_at, seen_at, expires_at, expired_at
FROM edge
WHERE (detected_at, id) < (%(before)s, %(id)s::uuid)
  AND (%(guaranteed)s::integer IS NULL OR guaranteed_ppm >= %(guaranteed)s)
  AND (%(least)s::integer IS NULL OR edge_ppm >= %(least)s)
  AND (%(kinds)s::text[] IS NULL OR kind = ANY(%(kinds)s))
  AND (%(statuses)s::text[] IS NULL OR status = ANY(%(statuses)s))
  AND (%(sport)s::text IS NULL OR sport = %(sport)s)
  AND (%(event)s::uuid IS NULL OR event_id = %(event)s)
  AND (%(tag)s::text IS NULL OR %(tag)s = ANY(tags))
  AND (%(source)s::text IS NULL OR
       legs @> jsonb_build_array(jsonb_build_object('source', %(source)s::text)))
  AND (NOT %(trusted)s OR NOT suspect)
  AND expired_at IS NULL
ORDER BY detected_at DESC, id DESC LIMIT %(limit)s"""

# The same of all that ever was.
PAGE_EVER = """
SELECT id, kind, class AS pays, status, what, event_id, market_id, sport, edge_ppm, naive_ppm,
       guaranteed_ppm, best_ppm, probability_ppm, kelly_ppm, confidence_ppm, peak_ppm, peak_at,
       reasons, tags, suspect, legs, detected_at, verified_at, seen_at, expires_at, expired_at
FROM edge
WHERE (detected_at, id) < (%(before)s, %(id)s::uuid)
  AND (%(guaranteed)s::integer IS NULL OR guaranteed_ppm >= %(guaranteed)s)
  AND (%(least)s::integer IS NULL OR edge_ppm >= %(least)s)
  AND (%(kinds)s::text[] IS NULL OR kind = ANY(%(kinds)s))
  AND (%(statuses)s::text[] IS NULL OR status = ANY(%(statuses)s))
  AND (%(sport)s::text IS NULL OR sport = %(sport)s)
  AND (%(event)s::uuid IS NULL OR event_id = %(event)s)
  AND (%(tag)s::text IS NULL OR %(tag)s = ANY(tags))
  AND (%(source)s::text IS NULL OR
       legs @> jsonb_build_array(jsonb_build_object('source', %(source)s::text)))
  AND (NOT %(trusted)s OR NOT suspect)
ORDER BY detected_at DESC, id DESC LIMIT %(limit)s"""

# What was found since a time by kind, source, sport, market type and hour of the day. An edge
# counts for every source that has a leg of it.
STATISTICS = """
SELECT kind, sport, market_type, source, hour, count(*)::integer AS edges,
    count(*) FILTER (WHERE verified_at IS NOT NULL)::integer AS verified,
    count(*) FILTER (WHERE suspect)::integer AS suspect,
    avg(edge_ppm)::integer AS mean_edge_ppm, max(peak_ppm) AS peak_ppm,
    (avg(extract(epoch FROM expired_at - detected_at)) * 1000)::bigint AS mean_life_ms
FROM (
    SELECT DISTINCT e.id, e.kind, e.sport, e.verified_at, e.suspect, e.edge_ppm, e.peak_ppm,
        e.expired_at, e.detected_at, leg ->> 'market_type' AS market_type,
        leg ->> 'source' AS source,
        extract(hour FROM e.detected_at AT TIME ZONE 'UTC')::integer AS hour
    FROM edge e CROSS JOIN jsonb_array_elements(e.legs) AS leg
    WHERE e.detected_at >= %(since)s AND (%(kind)s::text IS NULL OR e.kind = %(kind)s)
) AS seen
GROUP BY kind, sport, market_type, source, hour
ORDER BY edges DESC, kind, sport, market_type, source, hour LIMIT %(limit)s"""

_FIELDS = tuple(one.name for one in fields(StoredEdge))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for of a page; None asks for all of it. `trusted` leaves out the suspect."""

    guaranteed_ppm_min: int | None = None
    edge_ppm_min: int | None = None
    kinds: tuple[EdgeKind, ...] | None = None
    statuses: tuple[EdgeStatus, ...] | None = None
    sport: str | None = None
    event_id: UUID | None = None
    source: str | None = None
    tag: str | None = None
    trusted: bool = False
    with_expired: bool = False


async def open_edges(conn: Connection, event_ids: Sequence[UUID]) -> list[StoredEdge]:
    """The open edges of some events."""
    async with conn.cursor(row_factory=class_row(StoredEdge)) as cursor:
        await cursor.execute(OPEN, [list(event_ids)])
        return await cursor.fetchall()


async def one(conn: Connection, edge_id: UUID) -> StoredEdge | None:
    """The edge of that id."""
    async with conn.cursor(row_factory=class_row(StoredEdge)) as cursor:
        await cursor.execute(ONE, [edge_id])
        return await cursor.fetchone()


async def waiting(conn: Connection, at: datetime) -> dict[UUID, datetime]:
    """The events with an edge that waits for its second look, and until when one does."""
    found = await (await conn.execute(WAITING, [at])).fetchall()
    return dict(found)


async def open_events(conn: Connection) -> list[UUID]:
    """The events with an edge that is open."""
    return [row[0] for row in await (await conn.execute(OPEN_EVENTS)).fetchall()]


async def add(conn: Connection, edges: Sequence[StoredEdge]) -> int:
    """Write newly seen edges; returns how many were new."""
    return (await conn.execute(ADD, [_rows(edges)])).rowcount


async def renew(conn: Connection, edges: Sequence[StoredEdge]) -> int:
    """The edges are still there, as they are described now; returns how many were open."""
    return (await conn.execute(RENEW, [_rows(edges)])).rowcount


async def seen(conn: Connection, edges: Sequence[StoredEdge], at: datetime) -> int:
    """The edges are still there as they were; returns how many were open."""
    columns = [[edge.id for edge in edges], [edge.expires_at for edge in edges]]
    return (await conn.execute(SEEN, [at, *columns])).rowcount


async def expire(conn: Connection, edge_ids: Sequence[UUID], at: datetime) -> None:
    """The edges are gone."""
    await conn.execute(EXPIRE, [at, list(edge_ids)])


async def expire_events(conn: Connection, over: Mapping[UUID, datetime]) -> None:
    """The events can no longer be bet on, each since its time, so nothing of theirs is an edge."""
    await conn.execute(EXPIRE_EVENTS, [list(over), list(over.values())])


async def age(conn: Connection, at: datetime) -> int:
    """Mark as stale what was not confirmed in time; returns how many."""
    return (await conn.execute(AGE, [at])).rowcount


async def forget(conn: Connection, before: datetime, limit: int) -> int:
    """Delete at most `limit` edges that were over before a time; returns how many."""
    return (await conn.execute(FORGET, [before, limit])).rowcount


async def search(
    conn: Connection, before: tuple[datetime, UUID], wanted: Wanted, limit: int
) -> list[StoredEdge]:
    """At most `limit` edges detected before `before` (time, id), newest first."""
    async with conn.cursor(row_factory=class_row(StoredEdge)) as cursor:
        await cursor.execute(
            PAGE_EVER if wanted.with_expired else PAGE_OPEN,
            {
                "before": before[0],
                "id": before[1],
                "guaranteed": wanted.guaranteed_ppm_min,
                "least": wanted.edge_ppm_min,
                "kinds": None if wanted.kinds is None else list(wanted.kinds),
                "statuses": None if wanted.statuses is None else list(wanted.statuses),
                "sport": wanted.sport,
                "event": wanted.event_id,
                "source": wanted.source,
                "tag": wanted.tag,
                "trusted": wanted.trusted,
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def page(
    conn: Connection,
    before: tuple[datetime, UUID],
    *,
    guaranteed_ppm_min: int,
    with_expired: bool,
    limit: int,
) -> list[StoredEdge]:
    """The same of arbitrages alone that guarantee at least so much."""
    wanted = Wanted(
        guaranteed_ppm_min=guaranteed_ppm_min, kinds=("arbitrage",), with_expired=with_expired
    )
    return await search(conn, before, wanted, limit)


async def statistics(
    conn: Connection, since: datetime, kind: EdgeKind | None, limit: int
) -> list[Sighting]:
    """What was found since a time, by source, market and hour, the most frequent first."""
    async with conn.cursor(row_factory=class_row(Sighting)) as cursor:
        await cursor.execute(STATISTICS, {"since": since, "kind": kind, "limit": limit})
        return await cursor.fetchall()


def _rows(edges: Sequence[StoredEdge]) -> Jsonb:
    """Edges as one JSON value: a statement of a fixed text for however many."""
    rows = [{name: _plain(getattr(edge, name)) for name in _FIELDS} for edge in edges]
    return Jsonb([{**row, "class": row["pays"]} for row in rows])


def _plain(value: object) -> object:
    """Ids and times as text, the rest as it is."""
    if isinstance(value, UUID):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value
