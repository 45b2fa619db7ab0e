"""The board's journal: sources, current prices, history by month, closing prices, batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from overround.db import Connection, arrays
from overround.db import columns as encode
from overround.odds.board.journal import Entries
from overround.odds.board.model import (
    ClosingPrice,
    FrozenPrice,
    RefusedPrice,
    SourceKind,
    SourcePrice,
    StoredPrice,
)
from overround.odds.board.retention import Piece

# A source is one per provider and key.
ADD_SOURCE = """
INSERT INTO source (provider, key, kind) VALUES (%s, %s, %s)
    ON CONFLICT ON CONSTRAINT source_once DO NOTHING"""

# All sources, for the board's rows.
SOURCES = "SELECT id, provider, key, kind FROM source ORDER BY id"

# A batch that is recorded is not journalled again. Names what was new. Whoever records one writes
# odds alone (`ODDS_ONLY`), which is said along with it: a busy hub asks a hundred times a second.
ADD_BATCHES = """
WITH odds_only AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO feed_batch (id, provider, event_id, observed_at, snapshot, prices)
SELECT b.* FROM odds_only,
    unnest(%s::uuid[], %s::text[], %s::uuid[], %s::timestamptz[], %s::boolean[], %s::integer[]) AS b
ON CONFLICT (id) DO NOTHING RETURNING id"""

# Which batches are recorded.
SEEN = "SELECT id FROM feed_batch WHERE id = ANY(%s)"

# Odds alone may lose their last moments with the power: they come again, money does not.
ODDS_ONLY = "SELECT set_config('synchronous_commit', 'off', true)"

# Only changed cells are sent: each is appended to the history and counted for its source, and the
# last of each becomes current, in the order of the key, so that neighbours are found together. A
# row that holds a later observation stays. States are numbered as the board numbers them. Batches
# that are surely new are recorded along with what they changed: one call less at each tick.
CHANGES = """
WITH odds_only AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
batches AS (
    INSERT INTO feed_batch (id, provider, event_id, observed_at, snapshot, prices)
    SELECT b.* FROM odds_only,
        unnest(%(batch_ids)s::uuid[], %(providers)s::text[], %(events)s::uuid[],
            %(batch_times)s::timestamptz[], %(snapshots)s::boolean[], %(prices)s::integer[]) AS b
    ON CONFLICT (id) DO NOTHING),
said AS MATERIALIZED (
    SELECT c.source_id, c.selection_id, c.price_e4, c.n,
           (ARRAY['open', 'suspended', 'withdrawn'])[c.state] AS state, c.observed_at, c.source_at
    FROM unnest(%(sources)s::smallint[], %(selections)s::uuid[], %(prices_e4)s::integer[],
        %(states)s::smallint[], %(observed_at)s::timestamptz[], %(stamped_at)s::timestamptz[])
        WITH ORDINALITY
        AS c (source_id, selection_id, price_e4, state, observed_at, source_at, n)),
history AS (
    INSERT INTO price_history (source_id, selection_id, price_e4, state, observed_at, source_at)
    SELECT source_id, selection_id, price_e4, state, observed_at, source_at FROM said ORDER BY n),
counted AS (
    UPDATE source o SET changes = o.changes + c.n
    FROM (SELECT source_id, count(*) AS n FROM said GROUP BY source_id) c
    WHERE o.id = c.source_id)
UPDATE price p
SET price_e4 = c.price_e4, state = c.state, observed_at = c.observed_at,
    changed_at = c.observed_at, source_at = c.source_at
FROM (SELECT DISTINCT ON (selection_id, source_id) * FROM said
      ORDER BY selection_id, source_id, n DESC) c
WHERE p.selection_id = c.selection_id AND p.source_id = c.source_id
  AND p.observed_at <= c.observed_at"""

# Cells that were never quoted; asked for only when the update met fewer rows than it was told.
NEW_CELLS = """
INSERT INTO price (source_id, selection_id, price_e4, state, observed_at, changed_at, source_at)
SELECT DISTINCT ON (c.selection_id, c.source_id) c.source_id, c.selection_id, c.price_e4,
       (ARRAY['open', 'suspended', 'withdrawn'])[c.state], c.observed_at, c.observed_at, c.source_at
FROM unnest(%(sources)s::smallint[], %(selections)s::uuid[], %(prices_e4)s::integer[],
    %(states)s::smallint[], %(observed_at)s::timestamptz[], %(stamped_at)s::timestamptz[])
    WITH ORDINALITY AS c (source_id, selection_id, price_e4, state, observed_at, source_at, n)
ORDER BY c.selection_id, c.source_id, c.n DESC
ON CONFLICT (selection_id, source_id) DO NOTHING"""

# Room in the history for some hours, in order: two processes that make some wait and do not cross.
HISTORY_ROOM = """
SELECT price_history_room_v1(hour) FROM unnest(%s::timestamptz[]) AS hour ORDER BY hour"""

# The pieces of the history, with what they weigh.
PIECES = "SELECT from_at, until_at, recorded_at, size_bytes FROM price_history_pieces_v1()"

# A piece made before it is written to.
MAKE_PIECE = "SELECT price_history_piece_v1(%(from)s, %(from)s, %(until)s)"

# Dropping waits for whoever reads or writes the history, and everybody behind it waits too.
DROP_WAIT = "SELECT set_config('lock_timeout', '500ms', true)"

# A piece with all that is in it.
DROP_PIECE = "SELECT price_history_drop_v1(%s)"

# The batches of a piece, but for the events that are ahead or on: of those the last batch says
# until when their prices were seen.
TRIM_BATCHES = """
DELETE FROM feed_batch WHERE ctid = ANY(ARRAY(
    SELECT b.ctid FROM feed_batch b JOIN event e ON e.id = b.event_id
    WHERE b.observed_at >= %s AND b.observed_at < %s
      AND e.status NOT IN ('scheduled', 'live')
    LIMIT %s))"""

# Letters that were taken long ago: their answers were read.
TRIM_INBOX = """
DELETE FROM inbox WHERE id IN (
    SELECT id FROM inbox WHERE taken_at < %s ORDER BY taken_at LIMIT %s)"""

# Refusals that were recorded long ago: who had to look has looked.
TRIM_REFUSED = """
DELETE FROM price_refused WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM price_refused WHERE recorded_at < %s LIMIT %s))"""

# What was not believed, once; the same batch again adds nothing.
KEEP_REFUSED = """
INSERT INTO price_refused (batch_id, source_id, selection_id, reason, price_e4, held_e4,
    recorded, observed_at, refused_at)
SELECT * FROM unnest(%s::uuid[], %s::smallint[], %s::uuid[], %s::text[], %s::integer[],
    %s::integer[], %s::boolean[], %s::timestamptz[], %s::timestamptz[])
ON CONFLICT DO NOTHING"""

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

# The same of some events alone, for a hub that runs.
NOW_OF = """
SELECT p.source_id, p.selection_id, p.price_e4, p.state,
       greatest(p.observed_at, (
           SELECT max(b.observed_at) FROM feed_batch b
           WHERE b.event_id = e.id AND b.provider = o.provider AND b.snapshot)) AS observed_at,
       p.changed_at
FROM event e
JOIN selection s ON s.event_id = e.id
JOIN price p ON p.selection_id = s.id
JOIN source o ON o.id = p.source_id
WHERE e.id = ANY(%s) AND e.status IN ('scheduled', 'live')
ORDER BY p.source_id, p.selection_id"""

# What of some selections a provider has ever quoted.
QUOTED = """
SELECT DISTINCT p.selection_id FROM price p JOIN source o ON o.id = p.source_id
WHERE p.selection_id = ANY(%s) AND o.provider = %s"""

# What a provider quoted goes to another event, selection by selection.
MOVE = "SELECT prices_move_v1(%s, %s, %s, %s::uuid[], %s::uuid[], %s)"

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

# How much waits, counted no further than anybody wants to know.
BACKLOG = "SELECT count(*) FROM (SELECT 1 FROM inbox WHERE taken_at IS NULL LIMIT %s) AS waits"

# Counted before it is taken, in a commit of its own: what fails takes the hub's life with it.
TRY = "UPDATE inbox SET tries = tries + 1 WHERE id = %s RETURNING tries"

# Taken, or refused with a reason; the bytes are not needed any more.
TAKEN = """
UPDATE inbox SET taken_at = %s, report = %s, problem = %s, body = ''::bytea
WHERE id = %s AND taken_at IS NULL"""

# What became of some payloads.
ANSWERS = "SELECT id, report, problem FROM inbox WHERE id = ANY(%s) AND taken_at IS NOT NULL"


# (id, provider, event, observed_at, snapshot, prices): what is recorded of a batch.
Batch = tuple[UUID, str, UUID, datetime, bool, int]


async def sources(conn: Connection) -> list[tuple[int, str, str, SourceKind]]:
    """(id, provider, key, kind) of every source."""
    cursor = await conn.execute(SOURCES)
    return [(row[0], row[1], row[2], row[3]) for row in await cursor.fetchall()]


async def add_source(conn: Connection, provider: str, key: str, kind: SourceKind) -> None:
    """Write a source if it is new."""
    await conn.execute(ADD_SOURCE, [provider, key, kind])


async def add_batches(conn: Connection, batches: Sequence[Batch]) -> set[UUID]:
    """Record batches; returns the new ids. The transaction holds odds alone and need not wait for
    the disk."""
    columns = [list(column) for column in zip(*batches, strict=True)]
    cursor = await conn.execute(ADD_BATCHES, columns)
    return {row[0] for row in await cursor.fetchall()}


async def odds_only(conn: Connection) -> None:
    """This transaction holds odds alone and need not wait for the disk."""
    await conn.execute(ODDS_ONLY)


async def write_changes(conn: Connection, changes: Entries, batches: Sequence[Batch] = ()) -> None:
    """Make the changed prices current and append them to the history, which has room for them; with
    them record `batches`."""
    parameters = {
        "batch_ids": arrays.literal(one[0] for one in batches),
        "providers": [one[1] for one in batches],
        "events": arrays.literal(one[2] for one in batches),
        "batch_times": arrays.times(one[3] for one in batches),
        "snapshots": [one[4] for one in batches],
        "prices": arrays.literal(one[5] for one in batches),
        "sources": encode.smallints(changes.source_ids),
        "selections": encode.uuids(changes.selections),
        "prices_e4": encode.integers(changes.price_e4),
        "states": encode.smallints(changes.state),
        "observed_at": encode.times(changes.observed_us),
        "stamped_at": encode.repeated_times(changes.stamps),
    }
    cursor = await conn.execute(CHANGES, parameters)
    if cursor.rowcount < changes.count:
        await conn.execute(NEW_CELLS, parameters)


async def make_room(conn: Connection, hours: Sequence[datetime]) -> None:
    """Make room in the history for changes that were observed in those hours."""
    await conn.execute(HISTORY_ROOM, [list(hours)])


async def pieces(conn: Connection) -> list[Piece]:
    """The pieces of the history by time."""
    async with conn.cursor(row_factory=class_row(Piece)) as cursor:
        await cursor.execute(PIECES)
        return await cursor.fetchall()


async def make_piece(conn: Connection, from_at: datetime, until_at: datetime) -> bool:
    """Make a piece of the history from a time that has none; False when it has one."""
    row = await (await conn.execute(MAKE_PIECE, {"from": from_at, "until": until_at})).fetchone()
    assert row is not None
    return row[0]


async def drop_piece(conn: Connection, from_at: datetime) -> None:
    """Drop a piece of the history; waits half a second to have it to itself."""
    await conn.execute(DROP_WAIT)
    await conn.execute(DROP_PIECE, [from_at])


async def trim_batches(conn: Connection, from_at: datetime, until_at: datetime, limit: int) -> int:
    """Delete at most `limit` batches that were observed in a span; returns how many."""
    return (await conn.execute(TRIM_BATCHES, [from_at, until_at, limit])).rowcount


async def trim_inbox(conn: Connection, before: datetime, limit: int) -> int:
    """Delete at most `limit` letters that were taken before a time; returns how many."""
    return (await conn.execute(TRIM_INBOX, [before, limit])).rowcount


async def trim_refused(conn: Connection, before: datetime, limit: int) -> int:
    """Delete at most `limit` refused prices that were recorded before a time; returns how many."""
    return (await conn.execute(TRIM_REFUSED, [before, limit])).rowcount


async def keep_refused(
    conn: Connection, refused: Sequence[tuple[UUID, RefusedPrice]], at: datetime
) -> None:
    """Keep prices that were not believed, each with its batch."""
    prices = [price for _, price in refused]
    columns = [
        [batch_id for batch_id, _ in refused],
        [p.source_id for p in prices],
        [p.selection_id for p in prices],
        [p.reason for p in prices],
        [p.price_e4 for p in prices],
        [p.held_e4 for p in prices],
        [p.recorded for p in prices],
        [p.observed_at for p in prices],
        [at] * len(prices),
    ]
    await conn.execute(KEEP_REFUSED, columns)


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


async def now_of(conn: Connection, event_ids: Sequence[UUID]) -> list[StoredPrice]:
    """What is current on some events, those that have ended left out."""
    async with conn.cursor(row_factory=class_row(StoredPrice)) as cursor:
        await cursor.execute(NOW_OF, [list(event_ids)])
        return await cursor.fetchall()


async def quoted(conn: Connection, selection_ids: Sequence[UUID], provider: str) -> set[UUID]:
    """Which of the selections the provider has ever quoted."""
    cursor = await conn.execute(QUOTED, [list(selection_ids), provider])
    return {row[0] for row in await cursor.fetchall()}


async def move(
    conn: Connection,
    provider: str,
    events: tuple[UUID, UUID],
    selections: Mapping[UUID, UUID],
    starts_at: datetime | None,
) -> int:
    """Move what the provider quoted from one event to another, by selections; the rows moved."""
    ids = [list(selections), list(selections.values())]
    row = await (await conn.execute(MOVE, [provider, *events, *ids, starts_at])).fetchone()
    assert row is not None
    return row[0]


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


async def backlog(conn: Connection, most: int) -> int:
    """How many payloads wait for the hub, counted up to `most`."""
    row = await (await conn.execute(BACKLOG, [most])).fetchone()
    return row[0] if row is not None else 0


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
