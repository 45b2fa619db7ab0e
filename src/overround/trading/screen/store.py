"""What the screen reads. Every statement begins at events, by their start or their ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import numpy as np
from psycopg.rows import class_row, tuple_row

from overround.db import Connection, columns
from overround.odds.board import from_us, to_us
from overround.trading.screen import places
from overround.trading.screen.model import (
    STATES,
    Asked,
    Closed,
    Competition,
    Gone,
    Ints,
    Listed,
    Move,
    Page,
    Past,
    Place,
    Quote,
    Side,
    Teller,
    Version,
)

# A page of events that are ahead or on, by start; keyset on (starts_at, id). What should have begun
# long ago and was never said to is not on.
LISTED = """
SELECT e.id, e.sport, e.competition_id, c.name AS competition, c.country, e.home, e.away,
       e.starts_at, e.status
FROM event e JOIN competition c ON c.id = e.competition_id
WHERE (e.starts_at, e.id) > (%(after)s, %(id)s::uuid) AND e.starts_at < %(until)s
  AND (e.starts_at > %(now)s OR e.status = 'live')
  AND e.status IN ('scheduled', 'live')
  AND (%(sport)s::text IS NULL OR e.sport = %(sport)s)
  AND (%(competitions)s::uuid[] IS NULL OR e.competition_id = ANY(%(competitions)s))
  AND (%(events)s::uuid[] IS NULL OR e.id = ANY(%(events)s))
ORDER BY e.starts_at, e.id LIMIT %(limit)s"""

# A page of events that have begun, the latest first.
BEGUN = """
SELECT e.id, e.sport, e.competition_id, c.name AS competition, c.country, e.home, e.away,
       e.starts_at, e.status
FROM event e JOIN competition c ON c.id = e.competition_id
WHERE (e.starts_at, e.id) < (%(before)s, %(id)s::uuid) AND e.starts_at >= %(since)s
  AND (%(sport)s::text IS NULL OR e.sport = %(sport)s)
  AND (%(competitions)s::uuid[] IS NULL OR e.competition_id = ANY(%(competitions)s))
  AND (%(events)s::uuid[] IS NULL OR e.id = ANY(%(events)s))
ORDER BY e.starts_at DESC, e.id DESC LIMIT %(limit)s"""

# A page of events that were ahead at a time, whatever became of them since.
LISTED_AT = """
SELECT e.id, e.sport, e.competition_id, c.name AS competition, c.country, e.home, e.away,
       e.starts_at, e.status
FROM event e JOIN competition c ON c.id = e.competition_id
WHERE e.starts_at > %(at)s AND e.starts_at < %(until)s
  AND (%(competitions)s::uuid[] IS NULL OR e.competition_id = ANY(%(competitions)s))
  AND (%(events)s::uuid[] IS NULL OR e.id = ANY(%(events)s))
ORDER BY e.starts_at, e.id LIMIT %(limit)s"""

# One event, whatever became of it.
ONE = """
SELECT e.id, e.sport, e.competition_id, c.name AS competition, c.country, e.home, e.away,
       e.starts_at, e.status
FROM event e JOIN competition c ON c.id = e.competition_id WHERE e.id = %s"""

# The answers of some events' markets, quoted or not, in the order of a page.
SIDES = """
SELECT (e.n - 1)::integer AS event, s.id::text AS selection_id, m.market_type, m.period, m.line_q4,
       s.side
FROM unnest(%(events)s::uuid[]) WITH ORDINALITY AS e (id, n)
JOIN market m ON m.event_id = e.id
JOIN selection s ON s.market_id = m.id
WHERE %(markets)s::text[] IS NULL OR m.market_type = ANY(%(markets)s)
ORDER BY e.n, m.market_type, m.period, m.line_q4, s.id"""

# Whose prices are asked for, in the order in which they are shown.
TELLERS = """
SELECT id AS source_id, key, kind, provider FROM source
WHERE %(sources)s::text[] IS NULL OR key = ANY(%(sources)s) ORDER BY key, id"""

# What these sources quote for these answers, by the column: a page holds tens of thousands, and by
# the row each would be made and read one by one. Each answer's prices are found by the index:
# OFFSET keeps the planner, who does not know how few answers these are, from reading all prices.
CELLS = """
SELECT array_send(array_agg(s.n)) AS side, array_send(array_agg(p.source_id)) AS source,
       array_send(array_agg(p.price_e4)) AS price_e4,
       array_send(array_agg(p.state = 'open')) AS is_open,
       array_send(array_agg(p.observed_at)) AS observed,
       array_send(array_agg(p.changed_at)) AS changed
FROM (SELECT a.id, (a.n - 1)::integer AS n
      FROM unnest(%(sides)s::uuid[]) WITH ORDINALITY AS a (id, n)) s
CROSS JOIN LATERAL (
    SELECT * FROM price o WHERE o.selection_id = s.id OFFSET 0) p
WHERE p.state <> 'withdrawn' AND p.source_id = ANY(%(sources)s)"""

# When each of some providers last said all of an event: its prices that did not change were seen
# then.
WHOLE_SEEN = """
SELECT (SELECT max(b.observed_at) FROM feed_batch b
        WHERE b.event_id = q.event_id AND b.provider = q.provider AND b.snapshot) AS at
FROM unnest(%s::uuid[], %s::text[]) WITH ORDINALITY AS q (event_id, provider, n) ORDER BY q.n"""

# The same prices as one number: each change of one makes the sum larger, because a later
# transaction has a higher number. The row keeps the last 32 bits; the rest is the present's.
VERSION = """
SELECT count(*) AS cells,
       coalesce(sum(t.top - ((t.top - p.xmin::text::bigint) & 4294967295)), 0)::text AS written
FROM (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS top) t,
     selection s JOIN price p ON p.selection_id = s.id
WHERE s.event_id = ANY(%s)"""

# Where a reader who reads now stands, before the oldest transaction that is still open; and
# the newest.
HERE = """
SELECT (SELECT oid::bigint FROM pg_database WHERE datname = current_database()) AS database,
       pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS written,
       pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS newest"""

# What changed since a place on events that are ahead or on, in the order of writing.
MOVES = """
SELECT * FROM (
    SELECT m.event_id, s.id AS selection_id, m.market_type, m.period, m.line_q4, s.side,
           o.key AS source, o.kind, p.price_e4, p.state, p.observed_at, p.changed_at, p.source_id,
           t.top - ((t.top - p.xmin::text::bigint) & 4294967295) AS written
    FROM (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS top) t
    CROSS JOIN event e
    JOIN market m ON m.event_id = e.id
    JOIN selection s ON s.market_id = m.id
    JOIN price p ON p.selection_id = s.id
    JOIN source o ON o.id = p.source_id
    WHERE e.starts_at > %(since)s AND e.starts_at < %(until)s
      AND e.status IN ('scheduled', 'live')
      AND (%(sport)s::text IS NULL OR e.sport = %(sport)s)
      AND (%(competitions)s::uuid[] IS NULL OR e.competition_id = ANY(%(competitions)s))
      AND (%(events)s::uuid[] IS NULL OR e.id = ANY(%(events)s))
      AND (%(markets)s::text[] IS NULL OR m.market_type = ANY(%(markets)s))
      AND (%(sources)s::text[] IS NULL OR o.key = ANY(%(sources)s))) c
WHERE (c.written, c.selection_id, c.source_id) > (%(written)s, %(selection)s::uuid, %(source)s)
ORDER BY c.written, c.selection_id, c.source_id LIMIT %(limit)s"""

# The events of the window that ended, or were put off, since a place.
GONE = """
SELECT e.id, e.status
FROM (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS top) t, event e
WHERE e.starts_at > %(since)s AND e.starts_at < %(until)s
  AND e.status NOT IN ('scheduled', 'live')
  AND t.top - ((t.top - e.xmin::text::bigint) & 4294967295) >= %(written)s
  AND (%(sport)s::text IS NULL OR e.sport = %(sport)s)
  AND (%(competitions)s::uuid[] IS NULL OR e.competition_id = ANY(%(competitions)s))
  AND (%(events)s::uuid[] IS NULL OR e.id = ANY(%(events)s))
ORDER BY e.starts_at, e.id LIMIT %(limit)s"""

# The changes of one event's prices between two times; the history is found by its time.
HISTORY = """
SELECT h.selection_id, m.market_type, m.period, m.line_q4, s.side, o.key AS source, h.source_id,
       h.price_e4, h.state, h.observed_at, h.source_at
FROM market m
JOIN selection s ON s.market_id = m.id
JOIN price_history h ON h.selection_id = s.id
JOIN source o ON o.id = h.source_id
WHERE m.event_id = %(event)s AND h.observed_at >= %(since)s AND h.observed_at < %(until)s
  AND (%(markets)s::text[] IS NULL OR m.market_type = ANY(%(markets)s))
  AND (%(sources)s::text[] IS NULL OR o.key = ANY(%(sources)s))
  AND (h.observed_at, h.selection_id) > (%(after)s, %(id)s::uuid)
ORDER BY h.observed_at, h.selection_id, h.source_id LIMIT %(limit)s"""

# The board of some events as it stood at a time: the last change of each cell since `since`.
QUOTES_AT = """
SELECT DISTINCT ON (s.id, o.id)
       m.event_id, s.id AS selection_id, m.market_type, m.period, m.line_q4, s.side,
       o.key AS source, o.kind, h.price_e4, h.state, h.observed_at, h.observed_at AS changed_at
FROM market m
JOIN selection s ON s.market_id = m.id
JOIN price_history h ON h.selection_id = s.id
JOIN source o ON o.id = h.source_id
WHERE m.event_id = ANY(%(events)s) AND h.observed_at BETWEEN %(since)s AND %(at)s
  AND (%(markets)s::text[] IS NULL OR m.market_type = ANY(%(markets)s))
  AND (%(sources)s::text[] IS NULL OR o.key = ANY(%(sources)s))
ORDER BY s.id, o.id, h.observed_at DESC"""

# The closing prices of some events.
CLOSING = """
SELECT c.event_id, c.selection_id, m.market_type, m.period, m.line_q4, s.side, o.key AS source,
       o.kind, c.price_e4, c.observed_at, c.lag_ms
FROM closing_price c
JOIN selection s ON s.id = c.selection_id
JOIN market m ON m.id = s.market_id
JOIN source o ON o.id = c.source_id
WHERE c.event_id = ANY(%(events)s)
  AND (%(markets)s::text[] IS NULL OR m.market_type = ANY(%(markets)s))
  AND (%(sources)s::text[] IS NULL OR o.key = ANY(%(sources)s))
ORDER BY c.event_id, m.market_type, m.period, m.line_q4, c.selection_id, o.key"""

# Whose prices there are.
SOURCE_KEYS = "SELECT DISTINCT key FROM source ORDER BY key"

# The competitions, with whether anything of them is ahead or on, and the key by which The Odds API
# delivered one, the first by name.
COMPETITIONS = """
SELECT c.id, c.sport, c.country, c.name, (
           SELECT min(a.competition_key) FROM competition_alias a
           WHERE a.competition_id = c.id AND a.provider = 'the_odds_api') AS key,
       EXISTS (SELECT 1 FROM event e
               WHERE e.competition_id = c.id AND e.starts_at > %(since)s
                 AND e.starts_at < %(until)s AND e.status IN ('scheduled', 'live')) AS is_active,
       EXISTS (SELECT 1 FROM event e
               WHERE e.competition_id = c.id AND e.starts_at > %(since)s
                 AND e.starts_at < %(until)s AND e.kind = 'contest') AS has_outrights
FROM competition c ORDER BY c.sport, c.country, c.name LIMIT %(limit)s"""

# Who takes part in a competition, by name.
TEAMS = """
SELECT DISTINCT p.id, p.name
FROM event e JOIN participant p ON p.id = e.home_id OR p.id = e.away_id
WHERE e.competition_id = ANY(%s) AND e.starts_at > %s ORDER BY p.name, p.id LIMIT %s"""


def _asked(asked: Asked) -> dict[str, object]:
    return {
        "sport": asked.sport,
        "competitions": asked.competition_ids,
        "events": asked.event_ids,
        "markets": asked.markets,
        "sources": asked.sources,
    }


async def listed(
    conn: Connection,
    asked: Asked,
    after: tuple[datetime, UUID],
    until: datetime,
    now: datetime,
    limit: int,
) -> list[Listed]:
    """At most `limit` events that are ahead or on and start after `after` (time, id), by start."""
    words = {"after": after[0], "id": after[1], "until": until, "now": now, "limit": limit}
    async with conn.cursor(row_factory=class_row(Listed)) as cursor:
        await cursor.execute(LISTED, {**_asked(asked), **words})
        return await cursor.fetchall()


async def listed_at(
    conn: Connection, asked: Asked, at: datetime, until: datetime, limit: int
) -> list[Listed]:
    """At most `limit` events that were ahead at `at`, by start."""
    words = {"at": at, "until": until, "limit": limit}
    async with conn.cursor(row_factory=class_row(Listed)) as cursor:
        await cursor.execute(LISTED_AT, {**_asked(asked), **words})
        return await cursor.fetchall()


async def begun(
    conn: Connection, asked: Asked, before: tuple[datetime, UUID], since: datetime, limit: int
) -> list[Listed]:
    """At most `limit` events that began before `before` (time, id), the latest first."""
    words = {"before": before[0], "id": before[1], "since": since, "limit": limit}
    async with conn.cursor(row_factory=class_row(Listed)) as cursor:
        await cursor.execute(BEGUN, {**_asked(asked), **words})
        return await cursor.fetchall()


async def event_by_id(conn: Connection, event_id: UUID) -> Listed | None:
    """The event of that id."""
    async with conn.cursor(row_factory=class_row(Listed)) as cursor:
        await cursor.execute(ONE, [event_id])
        return await cursor.fetchone()


async def page(conn: Connection, event_ids: Sequence[UUID], asked: Asked) -> Page:
    """What is quoted on the events now, by the column; in one snapshot of the database."""
    async with conn.cursor(row_factory=class_row(Side), binary=True) as cursor:
        await cursor.execute(SIDES, {**_asked(asked), "events": list(event_ids)})
        sides = await cursor.fetchall()
    async with conn.cursor(row_factory=class_row(Teller), binary=True) as cursor:
        await cursor.execute(TELLERS, _asked(asked))
        tellers = await cursor.fetchall()
    words = {
        "sides": [one.selection_id for one in sides],
        "sources": [one.source_id for one in tellers],
    }
    async with conn.cursor(row_factory=tuple_row, binary=True) as cursor:
        await cursor.execute(CELLS, words)
        row = await cursor.fetchone()
    assert row is not None
    found = _page(sides, tellers, row)
    return replace(found, observed_us=await _seen_whole(conn, event_ids, found))


def _page(sides: list[Side], tellers: list[Teller], sent: Sequence[bytes | None]) -> Page:
    """The columns in the order of a page."""
    side, source = columns.integers_read(sent[0]), columns.smallints_read(sent[1])
    place_of = np.zeros(max((one.source_id for one in tellers), default=0) + 1, np.int64)
    place_of[[one.source_id for one in tellers]] = np.arange(len(tellers))
    teller = place_of[source]
    order = np.lexsort((teller, side))
    return Page(
        sides,
        tellers,
        side[order],
        teller[order],
        columns.integers_read(sent[2])[order],
        columns.booleans_read(sent[3])[order],
        columns.times_read(sent[4])[order],
        columns.times_read(sent[5])[order],
    )


async def _seen_whole(conn: Connection, event_ids: Sequence[UUID], found: Page) -> Ints:
    """When each cell was last seen, [k]: in its own right or with all of its event."""
    if not len(found.side):
        return found.observed_us
    providers = sorted({one.provider for one in found.tellers})
    by_teller = np.array([providers.index(one.provider) for one in found.tellers], np.int64)
    by_side = np.array([one.event for one in found.sides], np.int64)
    pair = by_side[found.side] * len(providers) + by_teller[found.teller]
    pairs: list[int] = np.unique(pair).tolist()
    asked = [divmod(one, len(providers)) for one in pairs]
    words = [[event_ids[event] for event, _ in asked], [providers[n] for _, n in asked]]
    rows = await (await conn.execute(WHOLE_SEEN, words)).fetchall()
    at_us = np.array([to_us(row[0]) if row[0] else 0 for row in rows], np.int64)
    return np.maximum(found.observed_us, at_us[np.searchsorted(np.array(pairs), pair)])


async def quotes(conn: Connection, event_ids: Sequence[UUID], asked: Asked) -> list[Quote]:
    """What is quoted on the events now, event by event, market by market, side by side."""
    found = await page(conn, event_ids, asked)
    ids = [UUID(one.selection_id) for one in found.sides]
    answer: list[Quote] = []
    for n, by, price_e4, is_open, observed_us, changed_us in found.cells():
        own, teller = found.sides[n], found.tellers[by]
        answer.append(
            Quote(
                event_ids[own.event], ids[n], own.market_type, own.period, own.line_q4, own.side,
                teller.key, teller.kind, price_e4, STATES[is_open], from_us(observed_us),
                from_us(changed_us),
            )
        )  # fmt: skip
    return answer


async def version(conn: Connection, event_ids: Sequence[UUID]) -> Version:
    """The prices of the events as one number, which changes with each of them."""
    async with conn.cursor(row_factory=class_row(Version)) as cursor:
        await cursor.execute(VERSION, [list(event_ids)])
        found = await cursor.fetchone()
    assert found is not None
    return found


async def here(conn: Connection) -> tuple[Place, int]:
    """The place of a reader who reads now, and the newest transaction there is."""
    row = await (await conn.execute(HERE)).fetchone()
    assert row is not None
    return places.begin(row[0], row[1]), row[2]


async def moves(
    conn: Connection,
    asked: Asked,
    after: Place,
    window: tuple[datetime, datetime],
    limit: int,
) -> list[Move]:
    """At most `limit` cells that changed after the place, in the order of writing."""
    words = {
        "since": window[0],
        "until": window[1],
        "written": after.written,
        "selection": after.selection_id,
        "source": after.source_id,
        "limit": limit,
    }
    async with conn.cursor(row_factory=class_row(Move)) as cursor:
        await cursor.execute(MOVES, {**_asked(asked), **words})
        return await cursor.fetchall()


async def gone(
    conn: Connection,
    asked: Asked,
    after: Place,
    window: tuple[datetime, datetime],
    limit: int,
) -> list[Gone]:
    """At most `limit` events that ended or were put off since the place."""
    words = {"since": window[0], "until": window[1], "written": after.written, "limit": limit}
    async with conn.cursor(row_factory=class_row(Gone)) as cursor:
        await cursor.execute(GONE, {**_asked(asked), **words})
        return await cursor.fetchall()


async def history(
    conn: Connection,
    event_id: UUID,
    asked: Asked,
    window: tuple[datetime, datetime],
    after: tuple[datetime, UUID],
    limit: int,
) -> list[Past]:
    """At most `limit` changes of the event's prices in the window after `after`, oldest first."""
    words = {
        "event": event_id,
        "since": window[0],
        "until": window[1],
        "after": after[0],
        "id": after[1],
        "limit": limit,
    }
    async with conn.cursor(row_factory=class_row(Past)) as cursor:
        await cursor.execute(HISTORY, {**_asked(asked), **words})
        return await cursor.fetchall()


async def quotes_at(
    conn: Connection, event_ids: Sequence[UUID], asked: Asked, since: datetime, at: datetime
) -> list[Quote]:
    """What was quoted on the events at a time, from changes no older than `since`."""
    words = {"events": list(event_ids), "since": since, "at": at}
    async with conn.cursor(row_factory=class_row(Quote)) as cursor:
        await cursor.execute(QUOTES_AT, {**_asked(asked), **words})
        return await cursor.fetchall()


async def closing(conn: Connection, event_ids: Sequence[UUID], asked: Asked) -> list[Closed]:
    """The closing prices of the events, event by event, market by market."""
    async with conn.cursor(row_factory=class_row(Closed)) as cursor:
        await cursor.execute(CLOSING, {**_asked(asked), "events": list(event_ids)})
        return await cursor.fetchall()


async def source_keys(conn: Connection) -> list[str]:
    """The keys of all sources, by name."""
    cursor = await conn.execute(SOURCE_KEYS)
    return [row[0] for row in await cursor.fetchall()]


async def competitions(
    conn: Connection, since: datetime, until: datetime, limit: int
) -> list[Competition]:
    """At most `limit` competitions, by sport, country and name."""
    async with conn.cursor(row_factory=class_row(Competition)) as cursor:
        await cursor.execute(COMPETITIONS, {"since": since, "until": until, "limit": limit})
        return await cursor.fetchall()


async def teams(
    conn: Connection, competition_ids: Sequence[UUID], since: datetime, limit: int
) -> list[tuple[UUID, str]]:
    """(id, name) of at most `limit` participants of the competitions' events since a time."""
    cursor = await conn.execute(TEAMS, [list(competition_ids), since, limit])
    return [(row[0], row[1]) for row in await cursor.fetchall()]
