"""The board's journal: sources, current prices, history by month, closing prices, batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from overround.db import Connection, arrays
from overround.odds.board.model import (
    ChangedPrice,
    ClosingPrice,
    FrozenPrice,
    SourceKind,
    SourcePrice,
    StoredPrice,
)

# A source is one per provider and key.
ADD_SOURCE = """
INSERT INTO source (provider, key, kind) VALUES (%s, %s, %s)
    ON CONFLICT ON CONSTRAINT source_once DO NOTHING"""

# All sources, for the board's rows.
SOURCES = "SELECT id, provider, key, kind FROM source ORDER BY id"

# A batch that is recorded is not journalled again. Names what was new.
ADD_BATCHES = """
INSERT INTO feed_batch (id, provider, event_id, observed_at, snapshot, prices)
SELECT * FROM unnest(%s::uuid[], %s::text[], %s::uuid[], %s::timestamptz[], %s::boolean[],
       %s::integer[])
ON CONFLICT (id) DO NOTHING RETURNING id"""

# Which batches are recorded.
SEEN = "SELECT id FROM feed_batch WHERE id = ANY(%s)"

# Odds alone may lose their last moments with the power: they come again, money does not.
ODDS_ONLY = "SELECT set_config('synchronous_commit', 'off', true)"

# Only changed cells are sent, sorted by key; a row that holds a later observation stays.
CURRENT = """
INSERT INTO price AS p (source_id, selection_id, price_e4, state, observed_at, changed_at,
    source_at)
SELECT c.source_id, c.selection_id, c.price_e4, c.state, c.observed_at, c.observed_at, c.source_at
FROM unnest(%s::smallint[], %s::uuid[], %s::integer[], %s::text[], %s::timestamptz[],
    %s::timestamptz[])
     AS c (source_id, selection_id, price_e4, state, observed_at, source_at)
ORDER BY c.selection_id, c.source_id
ON CONFLICT (selection_id, source_id) DO UPDATE
SET price_e4 = EXCLUDED.price_e4, state = EXCLUDED.state, observed_at = EXCLUDED.observed_at,
    changed_at = EXCLUDED.changed_at, source_at = EXCLUDED.source_at
WHERE p.observed_at <= EXCLUDED.observed_at"""

# Every change, appended to the month of its observation.
HISTORY = """
INSERT INTO price_history (source_id, selection_id, price_e4, state, observed_at, source_at)
SELECT * FROM unnest(%s::smallint[], %s::uuid[], %s::integer[], %s::text[], %s::timestamptz[],
       %s::timestamptz[])"""

# The partition of a month.
HISTORY_MONTH = "SELECT price_history_month_v1(%s)"

# The board as it stood at a time, for the events that had not started before it: the last change of
# each cell. The provider's last snapshot of the event proves that the cell was still there then.
AS_OF = """
SELECT DISTINCT ON (h.source_id, h.selection_id)
       h.source_id, h.selection_id, h.price_e4, h.state,
       greatest(h.observed_at, (
           SELECT max(b.observed_at) FROM feed_batch b
           WHERE b.event_id = e.id AND b.provider = o.provider AND b.snapshot
           AND b.observed_at <= %(at)s)) AS observed_at,
       h.observed_at AS changed_at
FROM price_history h
JOIN selection s ON s.id = h.selection_id
JOIN event e ON e.id = s.event_id
JOIN source o ON o.id = h.source_id
WHERE h.observed_at BETWEEN %(since)s AND %(at)s AND e.starts_at >= %(at)s
ORDER BY h.source_id, h.selection_id, h.observed_at DESC"""

# The board as it stands: what is current on events that are ahead or in play. A price that did not
# change was seen last with its provider's last snapshot of the event.
NOW = """
WITH seen AS (
    SELECT b.event_id, b.provider, max(b.observed_at) AS at
    FROM event e JOIN feed_batch b ON b.event_id = e.id
    WHERE e.starts_at > %(since)s AND e.status IN ('scheduled', 'live') AND b.snapshot
    GROUP BY b.event_id, b.provider)
SELECT p.source_id, p.selection_id, p.price_e4, p.state,
       greatest(p.observed_at, seen.at) AS observed_at, p.changed_at
FROM event e
JOIN selection s ON s.event_id = e.id
JOIN price p ON p.selection_id = s.id
JOIN source o ON o.id = p.source_id
LEFT JOIN seen ON seen.event_id = e.id AND seen.provider = o.provider
WHERE e.starts_at > %(since)s AND e.status IN ('scheduled', 'live')
ORDER BY p.source_id, p.selection_id"""

# What every source quotes now on some events. A price that did not change was seen last with its
# provider's last snapshot of the event.
PRICES_OF = """
SELECT s.event_id, o.key AS source, m.market_type, m.period, m.line_q4, s.side, p.price_e4, p.state,
       greatest(p.observed_at, (
           SELECT max(b.observed_at) FROM feed_batch b
           WHERE b.event_id = s.event_id AND b.provider = o.provider AND b.snapshot)
       ) AS observed_at,
       p.changed_at
FROM selection s
JOIN market m ON m.id = s.market_id
JOIN price p ON p.selection_id = s.id
JOIN source o ON o.id = p.source_id
WHERE s.event_id = ANY(%s) AND p.state <> 'withdrawn'
ORDER BY s.event_id, m.market_type, m.period, m.line_q4, s.side, o.key"""

# Whose selections these are.
EVENTS_OF = "SELECT DISTINCT event_id FROM selection WHERE id = ANY(%s) ORDER BY event_id"

# Frozen once per source and selection.
CLOSE = """
INSERT INTO closing_price (source_id, selection_id, event_id, price_e4, observed_at, lag_ms)
SELECT * FROM unnest(%s::smallint[], %s::uuid[], %s::uuid[], %s::integer[], %s::timestamptz[],
       %s::bigint[])
ON CONFLICT DO NOTHING"""

# The close of some events, by market, for reports and grading against the close.
CLOSING = """
SELECT c.event_id, m.id AS market_id, m.market_type, m.line_q4, s.side, o.key AS source,
       c.price_e4, c.lag_ms
FROM closing_price c
JOIN selection s ON s.id = c.selection_id
JOIN market m ON m.id = s.market_id
JOIN source o ON o.id = c.source_id
WHERE c.event_id = ANY(%s) AND o.kind = %s AND c.lag_ms <= %s AND m.period = 'ft'
ORDER BY c.event_id, m.id, o.key, s.side"""


# A feed's bytes for the hub that runs. Handed over again, the same bytes are the same row.
HAND_OVER = """
INSERT INTO inbox (id, provider, name, body, received_at) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (id) DO NOTHING"""

# The oldest that waits.
WAITING = """
SELECT id, provider, name, body FROM inbox
WHERE taken_at IS NULL ORDER BY received_at, id LIMIT 1"""

# Counted before it is taken, in a commit of its own: what fails takes the hub's life with it.
TRY = "UPDATE inbox SET tries = tries + 1 WHERE id = %s RETURNING tries"

# Taken, or refused with a reason; the bytes are not needed any more.
TAKEN = """
UPDATE inbox SET taken_at = %s, report = %s, problem = %s, body = ''::bytea
WHERE id = %s AND taken_at IS NULL"""

# What became of some payloads.
ANSWERS = "SELECT id, report, problem FROM inbox WHERE id = ANY(%s) AND taken_at IS NOT NULL"


async def sources(conn: Connection) -> list[tuple[int, str, str, SourceKind]]:
    """(id, provider, key, kind) of every source."""
    cursor = await conn.execute(SOURCES)
    return [(row[0], row[1], row[2], row[3]) for row in await cursor.fetchall()]


async def add_source(conn: Connection, provider: str, key: str, kind: SourceKind) -> None:
    """Write a source if it is new."""
    await conn.execute(ADD_SOURCE, [provider, key, kind])


async def add_batches(
    conn: Connection,
    batches: Sequence[tuple[UUID, str, UUID, datetime, bool, int]],
) -> set[UUID]:
    """Record (id, provider, event, observed_at, snapshot, prices); returns the new ids."""
    columns = [list(column) for column in zip(*batches, strict=True)]
    cursor = await conn.execute(ADD_BATCHES, columns)
    return {row[0] for row in await cursor.fetchall()}


async def odds_only(conn: Connection) -> None:
    """This transaction holds odds alone and need not wait for the disk."""
    await conn.execute(ODDS_ONLY)


async def write_changes(conn: Connection, changes: Sequence[ChangedPrice]) -> None:
    """Make the changed prices current and append them to the history."""
    columns = [
        arrays.literal([c.source_id for c in changes]),
        arrays.literal([c.selection_id for c in changes]),
        arrays.literal([c.price_e4 for c in changes]),
        arrays.literal([c.state for c in changes]),
        arrays.times([c.observed_at for c in changes]),
        arrays.times([c.source_at for c in changes]),
    ]
    await conn.execute(CURRENT, columns)
    await conn.execute(HISTORY, columns)


async def open_month(conn: Connection, at: datetime) -> None:
    """Make the history's partition for the month of `at`."""
    await conn.execute(HISTORY_MONTH, [at])


async def as_of(conn: Connection, at: datetime, since: datetime) -> list[StoredPrice]:
    """The board as it stood at `at`, from changes no older than `since`."""
    async with conn.cursor(row_factory=class_row(StoredPrice)) as cursor:
        await cursor.execute(AS_OF, {"at": at, "since": since})
        return await cursor.fetchall()


async def now(conn: Connection, since: datetime) -> list[StoredPrice]:
    """The board as it stands, of events that start after `since` and have not ended."""
    async with conn.cursor(row_factory=class_row(StoredPrice)) as cursor:
        await cursor.execute(NOW, {"since": since})
        return await cursor.fetchall()


async def write_closing(conn: Connection, prices: Sequence[FrozenPrice]) -> int:
    """Freeze closing prices; returns how many were new."""
    columns = [
        arrays.literal([p.source_id for p in prices]),
        arrays.literal([p.selection_id for p in prices]),
        arrays.literal([p.event_id for p in prices]),
        arrays.literal([p.price_e4 for p in prices]),
        arrays.times([p.observed_at for p in prices]),
        arrays.literal([p.lag_ms for p in prices]),
    ]
    return (await conn.execute(CLOSE, columns)).rowcount


async def closing(
    conn: Connection, event_ids: Sequence[UUID], kind: SourceKind, lag_ms_max: int
) -> list[ClosingPrice]:
    """The closing prices of some events that were seen at most `lag_ms_max` before the start."""
    async with conn.cursor(row_factory=class_row(ClosingPrice)) as cursor:
        await cursor.execute(CLOSING, [list(event_ids), kind, lag_ms_max])
        return await cursor.fetchall()


async def events_of_selections(conn: Connection, selection_ids: Sequence[UUID]) -> list[UUID]:
    """The events that some selections belong to."""
    cursor = await conn.execute(EVENTS_OF, [list(selection_ids)])
    return [row[0] for row in await cursor.fetchall()]


async def prices_of(conn: Connection, event_ids: Sequence[UUID]) -> list[SourcePrice]:
    """Every source's present prices on some events, withdrawn ones left out, event by event."""
    async with conn.cursor(row_factory=class_row(SourcePrice)) as cursor:
        await cursor.execute(PRICES_OF, [list(event_ids)])
        return await cursor.fetchall()


async def seen(conn: Connection, batch_ids: Sequence[UUID]) -> set[UUID]:
    """Which of the batches are in the journal."""
    cursor = await conn.execute(SEEN, [list(batch_ids)])
    return {row[0] for row in await cursor.fetchall()}


async def hand_over(
    conn: Connection, payload_id: UUID, provider: str, name: str, body: bytes, at: datetime
) -> None:
    """Put a payload where the hub that runs will find it."""
    await conn.execute(HAND_OVER, [payload_id, provider, name, body, at])


async def waiting(conn: Connection) -> tuple[UUID, str, str, bytes] | None:
    """(id, provider, name, body) of the payload that has waited longest."""
    row = await (await conn.execute(WAITING)).fetchone()
    return None if row is None else (row[0], row[1], row[2], bytes(row[3]))


async def tried(conn: Connection, payload_id: UUID) -> int:
    """Count one more try to take the payload; returns how many there were with it."""
    row = await (await conn.execute(TRY, [payload_id])).fetchone()
    assert row is not None
    return row[0]


async def taken(
    conn: Connection,
    payload_id: UUID,
    report: Mapping[str, object] | None,
    problem: str | None,
    at: datetime,
) -> None:
    """The payload is taken, with what it did or why not."""
    said = None if report is None else Jsonb(dict(report))
    await conn.execute(TAKEN, [at, said, problem, payload_id])


async def answers(
    conn: Connection, payload_ids: Sequence[UUID]
) -> dict[UUID, tuple[dict[str, Any] | None, str | None]]:
    """id -> (report, problem) of those payloads that were taken."""
    cursor = await conn.execute(ANSWERS, [list(payload_ids)])
    return {row[0]: (row[1], row[2]) for row in await cursor.fetchall()}
