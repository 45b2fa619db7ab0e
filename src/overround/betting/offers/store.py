"""The statements of offers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, astuple
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg.rows import class_row

from overround.betting.offers.model import (
    BoardLine,
    Changed,
    InPlay,
    Laid,
    ListedCompetition,
    Offer,
    OfferState,
    Scope,
    Search,
    Setting,
    Turn,
    WatchCount,
    Watched,
)
from overround.core.errors import Unavailable
from overround.db import Connection, arrays
from overround.db.lease import Lease

# One tenant's switches and prices.
SETTINGS = """
SELECT scope, scope_key, enabled, margin_bps, multiplier_e4, margin_method, price_e4, set_by,
       sure_profit_max_bps
FROM offer_setting WHERE tenant_id = %s"""

# The sports that a tenant lays in play.
IN_PLAY = """
SELECT sport, delay_ms, stale_ms, by_score FROM offer_in_play
WHERE tenant_id = %s ORDER BY sport"""

# A sport is laid in play, or without a delay no longer: then its offers are closed with it.
SET_IN_PLAY = "SELECT offers_in_play_v1(%s, %s, %s, %s, %s, %s)"

# A switch is set as a whole, its parts in their order; what it takes off is suspended with it.
SWITCH = "SELECT offers_switch_v1(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"

# From here to the end of the transaction the office's switches wait.
HOLD_SWITCHES = "SELECT pg_advisory_xact_lock(offer_switch_key())"

# What a reader without the cache asks first: everything that is laid.
ALL_LAID = """
SELECT o.seq, o.selection_id, s.event_id, e.sport, m.market_type, m.period, o.price_e4, o.state,
       o.changed_at
FROM offer o
JOIN selection s ON s.id = o.selection_id
JOIN market m ON m.id = s.market_id
JOIN event e ON e.id = s.event_id
WHERE o.book_id = %s AND o.state <> 'closed'"""

# And from then on: the rows written after a number, the closed ones too.
CHANGED_SINCE = """
SELECT o.seq, o.selection_id, s.event_id, e.sport, m.market_type, m.period, o.price_e4, o.state,
       o.changed_at
FROM offer o
JOIN selection s ON s.id = o.selection_id
JOIN market m ON m.id = s.market_id
JOIN event e ON e.id = s.event_id
WHERE o.book_id = %s AND o.seq > %s"""

# The number of each book's newest row, by the index. A row that has a lower one may be committed
# later, so that this says when to look and not that there is nothing to see.
NEWEST = """
SELECT b.id, coalesce((SELECT max(o.seq) FROM offer o WHERE o.book_id = b.id), 0)
FROM unnest(%s::uuid[]) AS b (id)"""

# How often the office has changed each book.
REVISIONS = "SELECT book_id, revision FROM offer_revision"

# All that a writer of the board has to know before it writes, asked in one call: a busy one asks a
# hundred times a second. It writes for no tenant, which is said along with it.
TURN = """
SELECT is_held, decided, revised
FROM offers_turn_v1(%s, %s, %s), set_config('overround.tenant_id', '', true)"""

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

# Only what differs is written; `version` is what a bet re-checks, `seq` what a reader that lost the
# stream polls by, and neither moves for another word of the watch at the same price. A step of the
# price is kept beside it for as long as the watch of risk needs to see it, though smaller ones
# follow (test: a price that leaps is suspended).
WRITE = """
INSERT INTO offer AS o (changed_at, book_id, selection_id, price_e4, state, watched)
SELECT %s, u.* FROM unnest(%s::uuid[], %s::uuid[], %s::integer[], %s::text[], %s::text[]) AS u
ON CONFLICT (book_id, selection_id) DO UPDATE
SET price_e4 = EXCLUDED.price_e4, state = EXCLUDED.state, watched = EXCLUDED.watched,
    changed_at = CASE WHEN (o.price_e4, o.state) = (EXCLUDED.price_e4, EXCLUDED.state)
                      THEN o.changed_at ELSE EXCLUDED.changed_at END,
    version = CASE WHEN (o.price_e4, o.state) = (EXCLUDED.price_e4, EXCLUDED.state)
                   THEN o.version ELSE o.version + 1 END,
    seq = CASE WHEN (o.price_e4, o.state) = (EXCLUDED.price_e4, EXCLUDED.state)
               THEN o.seq ELSE nextval('offer_seq') END,
    moved_bps = greatest(abs(EXCLUDED.price_e4 - o.price_e4)::bigint * 10000 / o.price_e4,
        CASE WHEN o.changed_at > EXCLUDED.changed_at - interval '5 seconds' THEN o.moved_bps END)
WHERE (o.price_e4, o.state, o.watched) IS DISTINCT FROM
      (EXCLUDED.price_e4, EXCLUDED.state, EXCLUDED.watched)"""

# What a book lays on some events.
OFFERS_OF = """
SELECT o.selection_id, o.price_e4, o.state, o.version, o.changed_at, o.watched
FROM selection s JOIN offer o ON o.selection_id = s.id
WHERE s.event_id = ANY(%s) AND o.book_id = %s"""

# The public board: what a book lays on some events, in the order people read it.
BOARD = """
SELECT s.event_id, m.id AS market_id, m.market_type, m.period, m.line_q4, s.id AS selection_id,
       s.side,
       o.price_e4, o.state, o.version, o.changed_at, m.place_terms
FROM selection s
JOIN market m ON m.id = s.market_id
JOIN offer o ON o.selection_id = s.id AND o.book_id = %s
WHERE s.event_id = ANY(%s) AND o.state <> 'closed'
ORDER BY s.event_id, m.market_type, m.period, m.line_q4, s.id"""

# The market that a board shows of each event, which its sport decides.
MAIN_LINES = """
SELECT s.event_id, m.id AS market_id, m.market_type, m.period, m.line_q4, s.id AS selection_id,
       s.side, o.price_e4, o.state, o.version, o.changed_at, m.place_terms
FROM event e
JOIN unnest(%s::text[], %s::text[], %s::text[]) AS main (sport, market_type, period)
    ON main.sport = e.sport
JOIN market m ON m.event_id = e.id AND m.market_type = main.market_type
    AND m.period = main.period AND m.line_q4 IS NULL
JOIN selection s ON s.market_id = m.id
JOIN offer o ON o.selection_id = s.id AND o.book_id = %s
WHERE e.id = ANY(%s) AND o.state <> 'closed'
ORDER BY s.event_id, s.id"""

# How many markets of each event the book lays: what a board promises behind its one market.
MARKETS_LAID = """
SELECT s.event_id, count(DISTINCT s.market_id)
FROM selection s JOIN offer o ON o.selection_id = s.id AND o.book_id = %s
WHERE s.event_id = ANY(%s) AND o.state <> 'closed' GROUP BY s.event_id"""

# The competitions that a visitor can choose from.
COMPETITIONS_LAID = """
SELECT c.id AS competition_id, c.sport, c.country, c.name, count(*) AS events
FROM event e JOIN competition c ON c.id = e.competition_id
WHERE e.starts_at > %(at)s AND (e.closed_at IS NULL OR e.closed_at > %(at)s)
  AND EXISTS (SELECT 1 FROM selection s JOIN offer o ON o.selection_id = s.id
              WHERE s.event_id = e.id AND o.book_id = %(book)s AND o.state <> 'closed')
GROUP BY c.id ORDER BY c.sport, c.country, c.name LIMIT %(limit)s"""

# The next few events of every competition, or of one, so that one that plays every minute does not
# push the others off the board.
NEXT_OF_EACH = """
SELECT id FROM (
    SELECT e.id, e.starts_at,
           row_number() OVER (PARTITION BY e.competition_id ORDER BY e.starts_at, e.id) AS nth
    FROM event e
    WHERE (e.starts_at, e.id) > (%(start)s, %(id)s::uuid)
      AND (e.closed_at IS NULL OR e.closed_at > %(at)s)
      AND (%(sport)s::text IS NULL OR e.sport = %(sport)s)
      AND (%(competition)s::uuid IS NULL OR e.competition_id = %(competition)s)
      AND EXISTS (SELECT 1 FROM selection s JOIN offer o ON o.selection_id = s.id
                  WHERE s.event_id = e.id AND o.book_id = %(book)s AND o.state <> 'closed')
    ) AS coming
WHERE nth <= %(each)s ORDER BY starts_at, id LIMIT %(limit)s"""

# What the book lays on some selections: the question of a page that has no stream.
OFFERS_BY_ID = """
SELECT selection_id, price_e4, state, version, changed_at FROM offer
WHERE book_id = %s AND selection_id = ANY(%s) AND state <> 'closed'"""

# The office's events, coming or in play, by start; keyset on (starts_at, id). A word is looked for
# in the names of both sides and of the competition: there is no index for that, the window of time
# is what bounds it.
OFFICE_EVENTS = """
SELECT e.id FROM event e JOIN competition c ON c.id = e.competition_id
WHERE (e.starts_at, e.id) > (%(start)s, %(id)s::uuid) AND e.starts_at < %(until)s
  AND e.status IN ('scheduled', 'live', 'postponed')
  AND (%(sport)s::text IS NULL OR e.sport = %(sport)s)
  AND (%(competition_id)s::uuid IS NULL OR e.competition_id = %(competition_id)s)
  AND position(lower(%(text)s) IN
               lower(e.home || ' ' || e.away || ' ' || c.name || ' ' || c.country)) > 0
  AND (NOT %(is_watched)s OR EXISTS (
      SELECT 1 FROM selection s JOIN offer o ON o.selection_id = s.id
      WHERE s.event_id = e.id AND o.book_id = %(book)s AND o.state <> 'closed'
        AND o.watched IS NOT NULL))
ORDER BY e.starts_at, e.id LIMIT %(limit)s"""

# How many selections of some events the book lays, how many it holds back, and how many the watch
# for arbitrages has touched.
LAID_COUNTS = """
SELECT s.event_id, count(*) FILTER (WHERE o.state = 'open')::integer,
       count(*) FILTER (WHERE o.state = 'suspended')::integer,
       count(*) FILTER (WHERE o.state <> 'closed' AND o.watched IS NOT NULL)::integer
FROM selection s JOIN offer o ON o.selection_id = s.id AND o.book_id = %s
WHERE s.event_id = ANY(%s) GROUP BY s.event_id"""

# What the watch has done to a book's prices, counted by the few rows that it touched.
WATCHED = """
SELECT o.watched, count(*)::integer AS selections, count(DISTINCT s.event_id)::integer AS events
FROM offer o JOIN selection s ON s.id = o.selection_id
WHERE o.book_id = %s AND o.watched IS NOT NULL AND o.state <> 'closed'
GROUP BY o.watched ORDER BY o.watched"""

# Which event a selection answers a question about.
EVENT_OF = "SELECT event_id FROM selection WHERE id = %s"

# What there is to switch: the competitions with events coming or in play.
OFFICE_COMPETITIONS = """
SELECT c.id, c.sport, c.country, c.name, count(*)::integer AS events
FROM event e JOIN competition c ON c.id = e.competition_id
WHERE e.starts_at > %s AND e.starts_at < %s AND e.status IN ('scheduled', 'live', 'postponed')
GROUP BY c.id ORDER BY c.sport, c.country, c.name, c.id LIMIT %s"""

# Whether there is what a setting wants to be about; of the five parameters four are null.
IS_SCOPE = """
SELECT EXISTS (SELECT 1 FROM competition WHERE sport = %s)
    OR EXISTS (SELECT 1 FROM competition WHERE id = %s::uuid)
    OR EXISTS (SELECT 1 FROM event WHERE id = %s::uuid)
    OR EXISTS (SELECT 1 FROM market WHERE id = %s::uuid)
    OR EXISTS (SELECT 1 FROM selection WHERE id = %s::uuid)"""
_SCOPES: Final = ("sport", "competition", "event", "market", "selection")


async def in_play(conn: Connection, tenant_id: UUID) -> list[InPlay]:
    """The sports that the tenant lays in play."""
    async with conn.cursor(row_factory=class_row(InPlay)) as cursor:
        await cursor.execute(IN_PLAY, [tenant_id])
        return await cursor.fetchall()


async def set_in_play(
    conn: Connection, tenant_id: UUID, sport: str, found: InPlay | None, at: datetime
) -> int:
    """Lay a sport in play, or no longer; returns how many offers were closed."""
    terms = (None, None, None) if found is None else (
        found.delay_ms, found.stale_ms, found.by_score,
    )  # fmt: skip
    row = await (await conn.execute(SET_IN_PLAY, [tenant_id, sport, *terms, at])).fetchone()
    assert row is not None
    return row[0]


async def settings(conn: Connection, tenant_id: UUID) -> list[Setting]:
    """The tenant's settings."""
    async with conn.cursor(row_factory=class_row(Setting)) as cursor:
        await cursor.execute(SETTINGS, [tenant_id])
        return await cursor.fetchall()


async def switch(conn: Connection, tenant_id: UUID, setting: Setting, at: datetime) -> int:
    """Write one setting of the tenant; returns how many offers it suspended."""
    row = await (await conn.execute(SWITCH, [tenant_id, *astuple(setting), at])).fetchone()
    assert row is not None
    return row[0]


async def changed_since(conn: Connection, book_id: UUID, seq: int) -> list[Changed]:
    """The book's rows with a number above `seq`; after 0 all that is not closed.

    A number is given before its row is committed: ask again from a while ago to miss none.
    """
    asked = (CHANGED_SINCE, [book_id, seq]) if seq else (ALL_LAID, [book_id])
    async with conn.cursor(row_factory=class_row(Changed)) as cursor:
        await cursor.execute(*asked)
        return await cursor.fetchall()


async def newest(conn: Connection, book_ids: Sequence[UUID]) -> dict[UUID, int]:
    """book id -> the number of its newest row; 0 for a book without any."""
    cursor = await conn.execute(NEWEST, [list(book_ids)])
    return dict(await cursor.fetchall())


async def revisions(conn: Connection) -> dict[UUID, int]:
    """book id -> how often the office has changed it; a book that is absent never was.

    Nobody changes one until this transaction ends, so what is priced by what was read here is not
    priced by yesterday's switch.
    """
    await conn.execute(HOLD_SWITCHES)
    cursor = await conn.execute(REVISIONS)
    return {row[0]: row[1] for row in await cursor.fetchall()}


async def turn(conn: Connection, lease: Lease, *, again: bool = False) -> Turn:
    """Begin to write under a lease: until this transaction ends nobody else takes the lease, no
    person decides about a match, and the office switches nothing. Whose words come `again` when
    the power takes them does not wait for the disk.

    Raises Unavailable when the lease is not ours now.
    """
    async with conn.cursor(row_factory=class_row(Turn)) as cursor:
        await cursor.execute(TURN, [lease.name, lease.token, again])
        found = await cursor.fetchone()
    if found is None or not found.is_held:
        raise Unavailable(f"the lease {lease.name} was lost")
    return found


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
    return await write_all(conn, [(book_id, *one, None) for one in changed], at)


async def write_all(
    conn: Connection,
    changed: Sequence[tuple[UUID, UUID, int, OfferState, Watched | None]],
    at: datetime,
) -> int:
    """Write what some books lay now, (book, selection, price, state, what the watch did), in the
    order of the keys; returns how many rows changed."""
    columns = [
        arrays.literal([book_id for book_id, *_ in changed]),
        arrays.literal([selection_id for _, selection_id, *_ in changed]),
        arrays.literal([price_e4 for _, _, price_e4, _, _ in changed]),
        arrays.literal([state for _, _, _, state, _ in changed]),
        arrays.literal([watched for *_, watched in changed]),
    ]
    return (await conn.execute(WRITE, [at, *columns])).rowcount


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


async def main_lines(
    conn: Connection,
    book_id: UUID,
    event_ids: Sequence[UUID],
    main: Sequence[tuple[str, str, str]],
) -> list[BoardLine]:
    """What is laid on the main market of some events; `main` is (sport, market type, period)."""
    columns = [[row[0] for row in main], [row[1] for row in main], [row[2] for row in main]]
    async with conn.cursor(row_factory=class_row(BoardLine)) as cursor:
        await cursor.execute(MAIN_LINES, [*columns, book_id, list(event_ids)])
        return await cursor.fetchall()


async def markets_laid(
    conn: Connection, book_id: UUID, event_ids: Sequence[UUID]
) -> dict[UUID, int]:
    """event id -> how many of its markets are laid; an event with none is absent."""
    cursor = await conn.execute(MARKETS_LAID, [book_id, list(event_ids)])
    return {row[0]: row[1] for row in await cursor.fetchall()}


async def competitions_laid(
    conn: Connection, book_id: UUID, at: datetime, limit: int
) -> list[Laid]:
    """The competitions with coming events that the book lays, by sport, country and name."""
    async with conn.cursor(row_factory=class_row(Laid)) as cursor:
        await cursor.execute(COMPETITIONS_LAID, {"book": book_id, "at": at, "limit": limit})
        return await cursor.fetchall()


async def next_of_each(
    conn: Connection,
    book_id: UUID,
    at: datetime,
    *,
    after: tuple[datetime, UUID],
    each: int,
    limit: int,
    sport: str | None = None,
    competition_id: UUID | None = None,
) -> list[UUID]:
    """The next events after (start, id) that the book lays, at most `each` of one competition."""
    cursor = await conn.execute(
        NEXT_OF_EACH,
        {
            "book": book_id,
            "at": at,
            "start": after[0],
            "id": after[1],
            "sport": sport,
            "competition": competition_id,
            "each": each,
            "limit": limit,
        },
    )
    return [row[0] for row in await cursor.fetchall()]


async def offers_by_id(
    conn: Connection, book_id: UUID, selection_ids: Sequence[UUID]
) -> list[Offer]:
    """What is laid on some selections; one that is closed, or another's, is absent."""
    async with conn.cursor(row_factory=class_row(Offer)) as cursor:
        await cursor.execute(OFFERS_BY_ID, [book_id, list(selection_ids)])
        return await cursor.fetchall()


async def office_events(
    conn: Connection,
    book_id: UUID,
    search: Search,
    after: tuple[datetime, UUID],
    until: datetime,
    limit: int,
) -> list[UUID]:
    """At most `limit` events that follow `after` (start, id) and start before `until`."""
    cursor = await conn.execute(
        OFFICE_EVENTS,
        {
            **asdict(search),
            "book": book_id,
            "start": after[0],
            "id": after[1],
            "until": until,
            "limit": limit,
        },
    )
    return [row[0] for row in await cursor.fetchall()]


async def laid_counts(
    conn: Connection, book_id: UUID, event_ids: Sequence[UUID]
) -> dict[UUID, tuple[int, int, int]]:
    """event id -> selections (laid, suspended, watched), for those with any."""
    cursor = await conn.execute(LAID_COUNTS, [book_id, list(event_ids)])
    return {row[0]: (row[1], row[2], row[3]) for row in await cursor.fetchall()}


async def watched(conn: Connection, book_id: UUID) -> list[WatchCount]:
    """What the watch for arbitrages has done to the book's prices."""
    async with conn.cursor(row_factory=class_row(WatchCount)) as cursor:
        await cursor.execute(WATCHED, [book_id])
        return await cursor.fetchall()


async def event_of(conn: Connection, selection_id: UUID) -> UUID:
    """The event of a selection that there is."""
    return (await (await conn.execute(EVENT_OF, [selection_id])).fetchall())[0][0]


async def office_competitions(
    conn: Connection, since: datetime, until: datetime, limit: int
) -> list[ListedCompetition]:
    """At most `limit` competitions with events that start between the two times, by sport."""
    async with conn.cursor(row_factory=class_row(ListedCompetition)) as cursor:
        await cursor.execute(OFFICE_COMPETITIONS, [since, until, limit])
        return await cursor.fetchall()


async def is_scope(conn: Connection, scope: Scope, key: str | UUID) -> bool:
    """Whether there is such a thing of the catalogue."""
    values = [key if one == scope else None for one in _SCOPES]
    row = await (await conn.execute(IS_SCOPE, values)).fetchone()
    return row is not None and row[0]
