"""Matching's statements: what is decided, and what waits for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from overround.db import Connection
from overround.odds.matching.model import Candidate, Resolved

# What was decided before, with the start that derived ids are made of.
KNOWN = """
SELECT f.provider_event_id, f.event_id, f.swapped, e.starts_at
FROM feed_event f JOIN event e ON e.id = f.event_id
WHERE f.provider = %s AND f.provider_event_id = ANY(%s)"""

# Our events in a window that this provider has not named yet: one provider does not name one
# match twice, so what it has named is no candidate.
CANDIDATES = """
SELECT e.id AS event_id, e.sport, c.name AS competition_name, c.country, e.home, e.away,
       e.starts_at,
       e.home_id, e.away_id
FROM event e JOIN competition c ON c.id = e.competition_id
WHERE e.sport = %s AND e.starts_at BETWEEN %s AND %s
  AND NOT EXISTS (SELECT 1 FROM feed_event f WHERE f.provider = %s AND f.event_id = e.id)
ORDER BY e.starts_at, e.id"""

# A decision is kept for ever; the first one stays.
REMEMBER = """
INSERT INTO feed_event (provider, provider_event_id, event_id, swapped, confidence_bps, reason,
    matched_at)
SELECT * FROM unnest(%s::text[], %s::text[], %s::uuid[], %s::boolean[], %s::integer[], %s::text[],
       %s::timestamptz[])
ON CONFLICT DO NOTHING"""

# One waiting row per feed event, however often it comes.
QUEUE = """
INSERT INTO match_queue (provider, provider_event_id, reason, described, candidates, queued_at)
VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"""

# What waits, oldest first.
QUEUED = """
SELECT provider, provider_event_id, reason FROM match_queue
ORDER BY queued_at, provider_event_id LIMIT %s"""


@dataclass(frozen=True, slots=True)
class Remembered:
    """A decision about a feed event, to be kept."""

    provider: str
    provider_event_id: str
    event_id: UUID
    swapped: bool
    confidence_bps: int
    reason: str


async def known(
    conn: Connection, provider: str, provider_event_ids: Sequence[str]
) -> dict[str, Resolved]:
    """The decided ones, by the provider's id."""
    cursor = await conn.execute(KNOWN, [provider, list(provider_event_ids)])
    return {row[0]: Resolved(row[1], row[2], row[3]) for row in await cursor.fetchall()}


async def candidates(
    conn: Connection, provider: str, sport: str, first: datetime, last: datetime
) -> list[Candidate]:
    """Our events between two starts that the provider has not named yet."""
    async with conn.cursor(row_factory=class_row(Candidate)) as cursor:
        await cursor.execute(CANDIDATES, [sport, first, last, provider])
        return await cursor.fetchall()


async def remember(conn: Connection, decided: Sequence[Remembered], at: datetime) -> None:
    """Keep decisions."""
    await conn.execute(
        REMEMBER,
        [
            [d.provider for d in decided],
            [d.provider_event_id for d in decided],
            [d.event_id for d in decided],
            [d.swapped for d in decided],
            [d.confidence_bps for d in decided],
            [d.reason for d in decided],
            [at for _ in decided],
        ],
    )


async def queue(
    conn: Connection,
    provider: str,
    provider_event_id: str,
    reason: str,
    described: dict[str, str],
    candidate: UUID | None,
    at: datetime,
) -> None:
    """Leave a feed event for a person to decide."""
    await conn.execute(
        QUEUE,
        [
            provider,
            provider_event_id,
            reason,
            Jsonb(described),
            Jsonb([str(candidate)] if candidate else []),
            at,
        ],
    )


async def queued(conn: Connection, limit: int) -> list[tuple[str, str, str]]:
    """(provider, provider_event_id, reason) of what waits, oldest first."""
    cursor = await conn.execute(QUEUED, [limit])
    return [(row[0], row[1], row[2]) for row in await cursor.fetchall()]
