"""The statements of offers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from overround.betting.offers.model import BoardLine, Offer, OfferState, Setting
from overround.db import Connection, arrays

# One tenant's switches and prices.
SETTINGS = """
SELECT scope, scope_key, enabled, margin_bps, multiplier_e4 FROM offer_setting
WHERE tenant_id = %s"""

# A switch is set as a whole; what it takes off is suspended with it.
SWITCH = "SELECT offers_switch_v1(%s, %s, %s, %s, %s, %s, %s)"

# Nothing of the events is laid any more, by any book: a result has come.
CLOSE_EVENTS = """
UPDATE offer o SET state = 'closed', version = o.version + 1, seq = nextval('offer_seq'),
       changed_at = %s
FROM selection s
WHERE s.event_id = ANY(%s) AND o.selection_id = s.id AND o.state <> 'closed'"""

# The next events on which the book lays something; keyset on (starts_at, id).
EVENTS_LAID = """
SELECT e.id FROM event e
WHERE (e.starts_at, e.id) > (%(start)s, %(id)s::uuid)
  AND (e.closed_at IS NULL OR e.closed_at > %(start)s)
  AND EXISTS (SELECT 1 FROM selection s JOIN offer o ON o.selection_id = s.id
              WHERE s.event_id = e.id AND o.book_id = %(book)s AND o.state <> 'closed')
ORDER BY e.starts_at, e.id LIMIT %(limit)s"""

# Only a price or state that differs is written; `version` is what a bet re-checks, `seq` what a
# reader that lost the stream polls by.
WRITE = """
INSERT INTO offer AS o (book_id, changed_at, selection_id, price_e4, state)
SELECT %s, %s, u.* FROM unnest(%s::uuid[], %s::integer[], %s::text[]) AS u
ON CONFLICT (book_id, selection_id) DO UPDATE
SET price_e4 = EXCLUDED.price_e4, state = EXCLUDED.state, changed_at = EXCLUDED.changed_at,
    version = o.version + 1, seq = nextval('offer_seq')
WHERE (o.price_e4, o.state) IS DISTINCT FROM (EXCLUDED.price_e4, EXCLUDED.state)"""

# What a book lays on some events.
OFFERS_OF = """
SELECT o.selection_id, o.price_e4, o.state, o.version, o.changed_at
FROM selection s JOIN offer o ON o.selection_id = s.id
WHERE s.event_id = ANY(%s) AND o.book_id = %s"""

# The public board: what a book lays on some events, in the order people read it.
BOARD = """
SELECT s.event_id, m.id AS market_id, m.market_type, m.period, m.line_q4, s.id AS selection_id,
       s.side,
       o.price_e4, o.state, o.version
FROM selection s
JOIN market m ON m.id = s.market_id
JOIN offer o ON o.selection_id = s.id AND o.book_id = %s
WHERE s.event_id = ANY(%s) AND o.state <> 'closed'
ORDER BY s.event_id, m.market_type, m.period, m.line_q4, s.id"""


async def settings(conn: Connection, tenant_id: UUID) -> list[Setting]:
    """The tenant's settings."""
    async with conn.cursor(row_factory=class_row(Setting)) as cursor:
        await cursor.execute(SETTINGS, [tenant_id])
        return await cursor.fetchall()


async def switch(conn: Connection, tenant_id: UUID, setting: Setting, at: datetime) -> int:
    """Write one setting of the tenant; returns how many offers it suspended."""
    cursor = await conn.execute(
        SWITCH,
        [
            tenant_id,
            setting.scope,
            setting.scope_key,
            setting.enabled,
            setting.margin_bps,
            setting.multiplier_e4,
            at,
        ],
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def close_events(conn: Connection, event_ids: Sequence[UUID], at: datetime) -> int:
    """Close every book's offers on the events; returns how many there were."""
    return (await conn.execute(CLOSE_EVENTS, [at, list(event_ids)])).rowcount


async def events_laid(
    conn: Connection, book_id: UUID, after: tuple[datetime, UUID], limit: int
) -> list[UUID]:
    """The next events, after (start, id), on which the book lays something."""
    cursor = await conn.execute(
        EVENTS_LAID, {"start": after[0], "id": after[1], "book": book_id, "limit": limit}
    )
    return [row[0] for row in await cursor.fetchall()]


async def write(
    conn: Connection,
    book_id: UUID,
    changed: Sequence[tuple[UUID, int, OfferState]],
    at: datetime,
) -> int:
    """Write what the book lays now, (selection, price, state); returns how many rows changed."""
    columns = [
        arrays.literal([selection_id for selection_id, _, _ in changed]),
        arrays.literal([price_e4 for _, price_e4, _ in changed]),
        arrays.literal([state for _, _, state in changed]),
    ]
    return (await conn.execute(WRITE, [book_id, at, *columns])).rowcount


async def offers_of(
    conn: Connection, book_id: UUID, event_ids: Sequence[UUID]
) -> dict[UUID, Offer]:
    """selection id -> what the book lays on it."""
    async with conn.cursor(row_factory=class_row(Offer)) as cursor:
        await cursor.execute(OFFERS_OF, [list(event_ids), book_id])
        return {offer.selection_id: offer for offer in await cursor.fetchall()}


async def board(conn: Connection, book_id: UUID, event_ids: Sequence[UUID]) -> list[BoardLine]:
    """What is laid on some events, closed markets left out."""
    async with conn.cursor(row_factory=class_row(BoardLine)) as cursor:
        await cursor.execute(BOARD, [book_id, list(event_ids)])
        return await cursor.fetchall()
