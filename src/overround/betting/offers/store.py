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

# A switch is set as a whole.
SET = """
INSERT INTO offer_setting (tenant_id, scope, scope_key, enabled, margin_bps, multiplier_e4)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (tenant_id, scope, scope_key) DO UPDATE
SET enabled = EXCLUDED.enabled, margin_bps = EXCLUDED.margin_bps,
    multiplier_e4 = EXCLUDED.multiplier_e4"""

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


async def set_setting(conn: Connection, tenant_id: UUID, setting: Setting) -> None:
    """Write one setting of the tenant."""
    await conn.execute(
        SET,
        [
            tenant_id,
            setting.scope,
            setting.scope_key,
            setting.enabled,
            setting.margin_bps,
            setting.multiplier_e4,
        ],
    )


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
