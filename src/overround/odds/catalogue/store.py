"""The catalogue's statements. Ids are derived by the caller: two writers of one thing agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from overround.db import Connection, arrays
from overround.odds.catalogue.model import (
    DecidedBy,
    Event,
    EventChange,
    LiveScore,
    Market,
    NewContest,
    NewEvent,
    Participant,
    Quarantined,
    Result,
    Selection,
    Spelling,
)

# A competition is one per sport, country and name; a second writer finds the first one's row.
ADD_COMPETITIONS = """
INSERT INTO competition (id, sport, country, name)
SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[])
ON CONFLICT ON CONSTRAINT competition_once DO NOTHING"""

# The rows that won.
COMPETITION_IDS = """
SELECT c.sport, c.country, c.name, c.id
FROM unnest(%s::text[], %s::text[], %s::text[]) AS w (sport, country, name)
JOIN competition c USING (sport, country, name)"""

# Whether a sport is one of ours at all, for a page of it on which nothing stands now.
HAS_SPORT = "SELECT EXISTS (SELECT FROM competition WHERE sport = %s)"

# Whose code means which competition, all of one provider.
COMPETITION_ALIASES = (
    "SELECT competition_key, competition_id FROM competition_alias WHERE provider = %s"
)

# Decided once.
ADD_COMPETITION_ALIASES = """
INSERT INTO competition_alias (provider, competition_key, competition_id)
SELECT %s, * FROM unnest(%s::text[], %s::uuid[])
ON CONFLICT DO NOTHING"""

# Participants by derived id; one that is there stays.
ADD_PARTICIPANTS = """
INSERT INTO participant (id, sport, country, category, name)
SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[])
ON CONFLICT DO NOTHING"""

# The spellings of a sport, which is what a matcher needs to know about names.
SPELLINGS = """
SELECT country, category, spelling, scope, participant_id FROM alias WHERE sport = %s
ORDER BY country, category, spelling, scope"""

# A spelling that is known keeps its meaning, except that a person may correct a machine.
TEACH = """
INSERT INTO alias AS a (sport, country, category, spelling, scope, participant_id, decided_by)
SELECT %s, country, category, spelling, scope, participant_id, %s
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::uuid[])
    AS t (country, category, spelling, scope, participant_id)
ON CONFLICT (sport, country, category, spelling, scope) DO UPDATE
SET participant_id = EXCLUDED.participant_id, decided_by = 'person'
WHERE EXCLUDED.decided_by = 'person' AND a.decided_by <> 'person'"""

# What matches taught is forgotten when they turn out to be none; a name or a file keeps its own.
FORGET = """
DELETE FROM alias a
USING unnest(%s::text[], %s::text[], %s::text[]) AS t (country, category, spelling)
WHERE a.sport = %s AND a.scope = '' AND a.country = t.country AND a.category = t.category
  AND a.spelling = t.spelling AND a.decided_by IN ('matcher', 'person')"""

# Events by derived id.
ADD_EVENTS = """
INSERT INTO event (id, sport, competition_id, home_id, away_id, home, away, starts_at, provider)
SELECT * FROM unnest(%s::uuid[], %s::text[], %s::uuid[], %s::uuid[], %s::uuid[], %s::text[],
    %s::text[], %s::timestamptz[], %s::text[])
ON CONFLICT (id) DO NOTHING"""

# A contest, too: it has a name and no sides.
ADD_CONTEST = """
INSERT INTO event (kind, away, id, sport, competition_id, home, starts_at, provider)
VALUES ('contest', '', %s, %s, %s, %s, %s, %s)
ON CONFLICT (id) DO NOTHING"""

# Events of the same two teams near a start, the sides either way round.
MEETINGS = """
SELECT m.ordinal, e.id
FROM unnest(%s::integer[], %s::uuid[], %s::uuid[], %s::timestamptz[])
    AS m (ordinal, one_id, other_id, starts_at)
JOIN event e ON e.starts_at BETWEEN m.starts_at - %s::interval AND m.starts_at + %s::interval
    AND ((e.home_id = m.one_id AND e.away_id = m.other_id)
      OR (e.home_id = m.other_id AND e.away_id = m.one_id))
ORDER BY m.ordinal, e.starts_at, e.id"""

# A start that its provider has moved: what was put off or had begun by the clock is ahead again.
MOVE_STARTS = """
UPDATE event e SET starts_at = m.starts_at, status = 'scheduled',
    closed_at = CASE WHEN e.status = 'scheduled' THEN e.closed_at END,
    changed_by = m.said_by, changed_at = %s
FROM unnest(%s::uuid[], %s::timestamptz[], %s::text[]) AS m (id, starts_at, said_by)
WHERE e.id = m.id AND e.starts_at <> m.starts_at
  AND e.status IN ('scheduled', 'live', 'postponed')
RETURNING e.id"""

# What an event has been through, oldest first.
CHANGES = """
SELECT event_id, changed_by, changed_at, status_before, status_after, starts_before, starts_after
FROM event_change WHERE event_id = %s ORDER BY id"""

# A page of events by start, for people; keyset on (starts_at, id).
EVENTS_PAGE = """
SELECT e.id, e.sport, e.competition_id, c.name AS competition, c.country, e.home, e.away,
       e.starts_at, e.status, e.closed_at, e.kind
FROM event e JOIN competition c ON c.id = e.competition_id
WHERE (e.starts_at, e.id) > (%s, %s::uuid) AND e.starts_at < %s
ORDER BY e.starts_at, e.id LIMIT %s"""

# Some events by id.
EVENTS_BY_ID = """
SELECT e.id, e.sport, e.competition_id, c.name AS competition, c.country, e.home, e.away,
       e.starts_at, e.status, e.closed_at, e.kind
FROM event e JOIN competition c ON c.id = e.competition_id WHERE e.id = ANY(%s)"""

# A market is one per event, type, period and line.
ADD_MARKETS = """
INSERT INTO market (id, event_id, market_type, period, line_q4, place_terms)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::integer[], %s::text[])
ON CONFLICT DO NOTHING"""

# A selection is one per market and side.
ADD_SELECTIONS = """
INSERT INTO selection (id, market_id, event_id, side)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::text[])
ON CONFLICT DO NOTHING"""

# The markets of some events.
MARKETS_OF = """
SELECT id, event_id, market_type, period, line_q4, place_terms FROM market
WHERE event_id = ANY(%s) ORDER BY event_id, market_type, period, line_q4"""

# The selections of some events.
SELECTIONS_OF = (
    "SELECT id, market_id, event_id, side FROM selection WHERE event_id = ANY(%s) ORDER BY id"
)

# An event that has started is live; set-based and without the event's lock, because bets compare
# the start with their own time (test: a bet at the start is refused).
START_EVENTS = """
UPDATE event SET status = 'live', closed_at = coalesce(closed_at, starts_at),
    changed_by = 'clock', changed_at = starts_at
WHERE id = ANY(%s) AND status = 'scheduled' RETURNING id"""

# A score that changes takes its event's exclusive lock: a bet in play was placed before, or sees it
# (test: no order of a goal and a bet in play takes the bet after the goal).
LOCK_SCORED = """
SELECT pg_advisory_xact_lock(k.key)
FROM (SELECT event_key(u.id) AS key FROM unnest(%s::uuid[], %s::jsonb[]) AS u (id, scores)
      LEFT JOIN event_score s ON s.event_id = u.id
      WHERE event_score_so_far(s.scores) <> event_score_so_far(u.scores) ORDER BY 1) k"""

# The newest score of events in play; an older word changes nothing.
SCORES = """
INSERT INTO event_score AS s (event_id, clock, scores, observed_at)
SELECT * FROM unnest(%s::uuid[], %s::text[], %s::jsonb[], %s::timestamptz[])
ON CONFLICT (event_id) DO UPDATE
SET clock = EXCLUDED.clock, scores = EXCLUDED.scores, observed_at = EXCLUDED.observed_at
WHERE s.observed_at <= EXCLUDED.observed_at"""

# The events in play with their scores, by start.
IN_PLAY = """
SELECT e.id, e.sport, e.competition_id, c.name AS competition, c.country, e.home, e.away,
       e.starts_at, e.status, e.closed_at, e.kind
FROM event e JOIN competition c ON c.id = e.competition_id
WHERE e.status = 'live' AND e.starts_at > %s ORDER BY e.starts_at, e.id LIMIT %s"""

# Where some events stand.
SCORES_OF = "SELECT event_id, clock, scores, observed_at FROM event_score WHERE event_id = ANY(%s)"

# Which of some events are contests: what is told of a match cannot be of one.
CONTESTS = "SELECT id FROM event WHERE id = ANY(%s) AND kind = 'contest'"

# Whether all that is known of a sport are contests. Of a sport that is played most events are
# matches, so the second question ends at once.
IS_RACED = """
SELECT EXISTS (SELECT FROM event WHERE sport = %(sport)s AND kind = 'contest')
   AND NOT EXISTS (SELECT FROM event WHERE sport = %(sport)s AND kind = 'match')"""

# The events' exclusive locks, in ascending order as the bets take theirs: waits for the bets that
# hold one and keeps later ones out, and two holders of several never deadlock.
LOCK_EVENTS = """
SELECT pg_advisory_xact_lock(k.key)
FROM (SELECT event_key(id) AS key FROM event WHERE id = ANY(%s) ORDER BY 1) k"""

# The newest result of each event.
LATEST_RESULTS = """
SELECT DISTINCT ON (event_id) event_id, version, status, scores, entered_by, by_person, observed_at,
       certainty, positions
FROM result WHERE event_id = ANY(%s) ORDER BY event_id, version DESC"""

# A result is a new row, never a changed one.
ADD_RESULTS = """
INSERT INTO result (event_id, version, status, scores, entered_by, by_person, observed_at,
    certainty, positions)
SELECT * FROM unnest(%s::uuid[], %s::integer[], %s::text[], %s::jsonb[], %s::text[], %s::boolean[],
    %s::timestamptz[], %s::text[], %s::jsonb[])"""

# From a result on nothing can be bet; an earlier close stays.
END_EVENTS = """
UPDATE event e SET status = r.status, closed_at = least(e.closed_at, e.starts_at, r.at),
    changed_by = r.said_by, changed_at = r.at
FROM unnest(%s::uuid[], %s::text[], %s::timestamptz[], %s::text[]) AS r (id, status, at, said_by)
WHERE e.id = r.id"""

# The results that were known at a time: a replay that stands before a result does not see it.
RESULTS_KNOWN = """
SELECT DISTINCT ON (event_id) event_id, version, status, scores, entered_by, by_person, observed_at,
       certainty, positions
FROM result WHERE event_id = ANY(%s) AND observed_at <= %s ORDER BY event_id, version DESC"""

# The same refusal of the same batch is one row.
QUARANTINE = """
INSERT INTO quarantine (provider, batch, reason, place, detail)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
ON CONFLICT ON CONSTRAINT quarantine_once DO NOTHING"""

# What was refused long ago: who had to look has looked.
TRIM_QUARANTINE = """
DELETE FROM quarantine WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM quarantine WHERE recorded_at < %s LIMIT %s))"""


async def competition_aliases(conn: Connection, provider: str) -> dict[str, UUID]:
    """competition_key -> competition id, of one provider."""
    cursor = await conn.execute(COMPETITION_ALIASES, [provider])
    return {row[0]: row[1] for row in await cursor.fetchall()}


async def add_competitions(
    conn: Connection, competitions: Mapping[tuple[str, str, str], UUID]
) -> dict[tuple[str, str, str], UUID]:
    """Write those of (sport, country, name) -> id that are new; returns the ids that they have."""
    words = list(competitions)
    columns = [[w[n] for w in words] for n in range(3)]
    await conn.execute(ADD_COMPETITIONS, [list(competitions.values()), *columns])
    cursor = await conn.execute(COMPETITION_IDS, columns)
    return {(row[0], row[1], row[2]): row[3] for row in await cursor.fetchall()}


async def add_competition_aliases(
    conn: Connection, provider: str, meant: Mapping[str, UUID]
) -> None:
    """The provider's codes mean these competitions from now on."""
    await conn.execute(ADD_COMPETITION_ALIASES, [provider, list(meant), list(meant.values())])


async def spellings(conn: Connection, sport: str) -> list[Spelling]:
    """Every spelling of the sport's participants."""
    async with conn.cursor(row_factory=class_row(Spelling)) as cursor:
        await cursor.execute(SPELLINGS, [sport])
        return await cursor.fetchall()


async def teach(
    conn: Connection, sport: str, learnt: Sequence[Spelling], decided_by: DecidedBy
) -> int:
    """Keep spellings of participants that are there; returns how many were new or corrected."""
    columns = arrays.fields(learnt, "country", "category", "spelling", "scope", "participant_id")
    return (await conn.execute(TEACH, [sport, decided_by, *columns])).rowcount


async def forget_spellings(
    conn: Connection, sport: str, spelt: Sequence[tuple[str, str, str]]
) -> int:
    """Forget (country, category, spelling) that were learnt; returns how many there were."""
    columns = [[one[n] for one in spelt] for n in range(3)]
    return (await conn.execute(FORGET, [*columns, sport])).rowcount


async def add_participants(
    conn: Connection, participants: Sequence[Participant], normalised: Sequence[str]
) -> None:
    """Write participants and the spelling each is known by; those that are there stay."""
    columns = arrays.fields(participants, "id", "sport", "country", "category", "name")
    await conn.execute(ADD_PARTICIPANTS, columns)
    for sport in sorted({p.sport for p in participants}):
        named = [
            Spelling(p.country, p.category, spelling, "", p.id)
            for p, spelling in zip(participants, normalised, strict=True)
            if p.sport == sport
        ]
        await teach(conn, sport, named, "name")


async def add_events(conn: Connection, events: Sequence[NewEvent]) -> int:
    """Write events; returns how many were new."""
    who = "home_id", "away_id", "home", "away"
    columns = arrays.fields(events, "id", "sport", "competition_id", *who, "starts_at", "provider")
    return (await conn.execute(ADD_EVENTS, columns)).rowcount


async def add_contest(conn: Connection, one: NewContest, competition_id: UUID) -> None:
    """Write a contest without its market; one that is there stays."""
    what = one.id, one.sport, competition_id, one.name, one.starts_at, one.provider
    await conn.execute(ADD_CONTEST, what)


async def meetings(
    conn: Connection,
    asked: Sequence[tuple[UUID, UUID, datetime]],
    within: timedelta,
) -> list[list[UUID]]:
    """For each (team, team, start), the events of the two that start within that time of it."""
    found: list[list[UUID]] = [[] for _ in asked]
    columns = [[a[n] for a in asked] for n in range(3)]
    cursor = await conn.execute(MEETINGS, [list(range(len(asked))), *columns, within, within])
    rows: list[tuple[int, UUID]] = await cursor.fetchall()
    for ordinal, event_id in rows:
        found[ordinal].append(event_id)
    return found


async def move_starts(
    conn: Connection, moves: Sequence[tuple[UUID, datetime, str]], at: datetime
) -> set[UUID]:
    """Move (event, start, by whose word); returns those that moved. The caller holds their locks.

    What has ended or was cancelled stays (test: what has ended does not begin again).
    """
    columns = [[m[n] for m in moves] for n in range(3)]
    cursor = await conn.execute(MOVE_STARTS, [at, *columns])
    return {row[0] for row in await cursor.fetchall()}


async def changes_of(conn: Connection, event_id: UUID) -> list[EventChange]:
    """What an event has been through, oldest first."""
    async with conn.cursor(row_factory=class_row(EventChange)) as cursor:
        await cursor.execute(CHANGES, [event_id])
        return await cursor.fetchall()


async def events_page(
    conn: Connection, after: tuple[datetime, UUID], before: datetime, limit: int
) -> list[Event]:
    """At most `limit` events that follow `after` (start, id) and start before `before`."""
    async with conn.cursor(row_factory=class_row(Event)) as cursor:
        await cursor.execute(EVENTS_PAGE, [after[0], after[1], before, limit])
        return await cursor.fetchall()


async def events_by_id(conn: Connection, event_ids: Sequence[UUID]) -> dict[UUID, Event]:
    """The events that exist among `event_ids`."""
    async with conn.cursor(row_factory=class_row(Event)) as cursor:
        await cursor.execute(EVENTS_BY_ID, [list(event_ids)])
        return {event.id: event for event in await cursor.fetchall()}


async def has_sport(conn: Connection, sport: str) -> bool:
    """Whether there is a competition of the sport."""
    row = await (await conn.execute(HAS_SPORT, [sport])).fetchone()
    return row is not None and bool(row[0])


async def add_markets(
    conn: Connection, markets: Sequence[Market], selections: Sequence[Selection]
) -> None:
    """Write markets and their selections; those that are there stay."""
    asked = "id", "event_id", "market_type", "period", "line_q4", "place_terms"
    words = arrays.fields(markets, *asked)
    await conn.execute(ADD_MARKETS, words)
    await conn.execute(
        ADD_SELECTIONS,
        [
            arrays.literal([s.id for s in selections]),
            arrays.literal([s.market_id for s in selections]),
            arrays.literal([s.event_id for s in selections]),
            [s.side for s in selections],
        ],
    )


async def markets_of(conn: Connection, event_ids: Sequence[UUID]) -> list[Market]:
    """The markets of some events."""
    async with conn.cursor(row_factory=class_row(Market)) as cursor:
        await cursor.execute(MARKETS_OF, [list(event_ids)])
        return await cursor.fetchall()


async def selections_of(conn: Connection, event_ids: Sequence[UUID]) -> list[Selection]:
    """The selections of some events."""
    async with conn.cursor(row_factory=class_row(Selection)) as cursor:
        await cursor.execute(SELECTIONS_OF, [list(event_ids)])
        return await cursor.fetchall()


async def start_events(conn: Connection, event_ids: Sequence[UUID]) -> list[UUID]:
    """Mark scheduled events as live; returns those that were."""
    cursor = await conn.execute(START_EVENTS, [list(event_ids)])
    return [row[0] for row in await cursor.fetchall()]


async def record_scores(conn: Connection, scores: Sequence[LiveScore]) -> None:
    """Write where events in play stand."""
    event_ids, clocks, observed = arrays.fields(scores, "event_id", "clock", "observed_at")
    told = [Jsonb(dict(score.scores)) for score in scores]
    await conn.execute(LOCK_SCORED, [event_ids, told])
    await conn.execute(SCORES, [event_ids, clocks, told, observed])


async def in_play(conn: Connection, since: datetime, limit: int) -> list[Event]:
    """At most `limit` events that started after `since` and have not ended, by start."""
    async with conn.cursor(row_factory=class_row(Event)) as cursor:
        await cursor.execute(IN_PLAY, [since, limit])
        return await cursor.fetchall()


async def live_of(conn: Connection, event_ids: Sequence[UUID]) -> dict[UUID, LiveScore]:
    """event id -> where it stands, for those of which a score was ever said."""
    async with conn.cursor(row_factory=class_row(LiveScore)) as cursor:
        await cursor.execute(SCORES_OF, [list(event_ids)])
        return {score.event_id: score for score in await cursor.fetchall()}


async def contests(conn: Connection, event_ids: Sequence[UUID]) -> set[UUID]:
    """Which of the events are contests."""
    cursor = await conn.execute(CONTESTS, [list(event_ids)])
    return {event_id for (event_id,) in await cursor.fetchall()}


async def is_raced(conn: Connection, sport: str) -> bool:
    """Whether there are contests of the sport and no matches: nobody plays it, it is run."""
    row = await (await conn.execute(IS_RACED, {"sport": sport})).fetchone()
    return row is not None and bool(row[0])


async def lock_events(conn: Connection, event_ids: Sequence[UUID]) -> int:
    """Take the exclusive locks of events for this transaction; returns how many events exist."""
    cursor = await conn.execute(LOCK_EVENTS, [list(event_ids)])
    return len(await cursor.fetchall())


async def latest_results(conn: Connection, event_ids: Sequence[UUID]) -> dict[UUID, Result]:
    """The newest version of what happened in each of the events."""
    async with conn.cursor(row_factory=class_row(Result)) as cursor:
        await cursor.execute(LATEST_RESULTS, [list(event_ids)])
        return {result.event_id: result for result in await cursor.fetchall()}


async def add_results(
    conn: Connection, results: Sequence[Result], event_statuses: Sequence[str]
) -> None:
    """Write result versions and close their events."""
    event_ids, versions, statuses = arrays.fields(results, "event_id", "version", "status")
    said_by, by_person, observed, certainties = arrays.fields(
        results, "entered_by", "by_person", "observed_at", "certainty"
    )
    told = [Jsonb(result.scores) for result in results]
    positions = [None if r.positions is None else Jsonb(r.positions) for r in results]
    await conn.execute(
        ADD_RESULTS,
        [event_ids, versions, statuses, told, said_by, by_person, observed, certainties, positions],
    )
    await conn.execute(END_EVENTS, [event_ids, list(event_statuses), observed, said_by])


async def results_known(
    conn: Connection, event_ids: Sequence[UUID], at: datetime
) -> dict[UUID, Result]:
    """The newest result of each event among those observed at or before `at`."""
    async with conn.cursor(row_factory=class_row(Result)) as cursor:
        await cursor.execute(RESULTS_KNOWN, [list(event_ids), at])
        return {result.event_id: result for result in await cursor.fetchall()}


async def quarantine(conn: Connection, refused: Sequence[Quarantined]) -> int:
    """Keep what was refused; returns how many rows were new."""
    columns = arrays.fields(refused, "provider", "batch", "reason", "place", "detail")
    return (await conn.execute(QUARANTINE, columns)).rowcount


async def trim_quarantine(conn: Connection, before: datetime, limit: int) -> int:
    """Delete at most `limit` refusals that were recorded before a time; returns how many."""
    return (await conn.execute(TRIM_QUARANTINE, [before, limit])).rowcount
