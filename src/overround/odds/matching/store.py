"""Matching's statements: what was decided about a feed event, and what that says of spellings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from overround.db import Connection, arrays
from overround.odds.catalogue import Spelling
from overround.odds.matching.calling import Vote
from overround.odds.matching.entry import Called, Standing
from overround.odds.matching.kept import Known, Match, Remembered, Seen, ToldBy
from overround.odds.matching.model import Candidate
from overround.odds.matching.starts import Heard, Word

# How far back it is looked which teams a provider names.
NAMED_BEHIND: Final = timedelta(days=400)

# And how many fixtures tell who plays in a competition.
LATELY_MOST: Final = 4_000

# Who may enter events and teams.
STANDINGS = "SELECT provider, standing FROM provider_standing"

# The operator's word about a provider.
SET_STANDING = """
INSERT INTO provider_standing AS p (provider, standing) VALUES (%s, %s)
ON CONFLICT (provider) DO UPDATE SET standing = EXCLUDED.standing"""

# What was decided before, with the start that derived ids are made of, and whose event it is.
KNOWN = """
SELECT f.provider_event_id, f.event_id, f.swapped, e.starts_at, e.provider AS owner,
       f.starts_at AS said, e.status
FROM feed_event f JOIN event e ON e.id = f.event_id
WHERE f.provider = %s AND f.provider_event_id = ANY(%s)"""

# Our events in a window that this provider has not named yet: one provider does not name one
# match twice, so what it has named is no candidate.
CANDIDATES = """
SELECT e.id AS event_id, e.sport, c.name AS competition_name, c.country, e.home, e.away,
       e.starts_at, e.home_id, e.away_id
FROM event e JOIN competition c ON c.id = e.competition_id
WHERE e.sport = %s AND e.starts_at BETWEEN %s AND %s AND e.kind = 'match'
  AND NOT EXISTS (SELECT 1 FROM feed_event f WHERE f.provider = %s AND f.event_id = e.id)
ORDER BY e.starts_at, e.id"""

# Our events in a window that this provider has named, as it called them.
OWN = """
SELECT e.id AS event_id, e.sport, f.described ->> 'competition' AS competition_name,
       f.described ->> 'country' AS country, f.described ->> 'home' AS home,
       f.described ->> 'away' AS away, e.starts_at, e.home_id, e.away_id,
       CASE WHEN e.status IN ('ended', 'abandoned', 'cancelled') THEN e.changed_at END AS over_at
FROM event e JOIN feed_event f ON f.event_id = e.id AND f.provider = %s
WHERE e.sport = %s AND e.starts_at BETWEEN %s AND %s"""

# Who plays where this season as we call them, the latest first; a bound for the busiest sport.
OURS_LATELY = """
SELECT e.sport, c.name AS competition_name, c.country, e.home, e.away
FROM event e JOIN competition c ON c.id = e.competition_id
WHERE e.sport = %s AND e.starts_at BETWEEN %s AND %s
ORDER BY e.starts_at DESC LIMIT %s"""

# The same as the provider calls them.
NAMED_LATELY = """
SELECT e.sport, f.described ->> 'competition' AS competition_name,
       f.described ->> 'country' AS country, f.described ->> 'home' AS home,
       f.described ->> 'away' AS away
FROM event e JOIN feed_event f ON f.event_id = e.id AND f.provider = %s
WHERE e.sport = %s AND e.starts_at BETWEEN %s AND %s
ORDER BY e.starts_at DESC LIMIT %s"""

# A decision is kept for ever; the first one stays.
REMEMBER = """
INSERT INTO feed_event (provider, provider_event_id, event_id, swapped, confidence_bps, reason,
    described, starts_at, matched_at)
SELECT d.*, (d.described ->> 'starts_at')::timestamptz, %s
FROM unnest(%s::text[], %s::text[], %s::uuid[], %s::boolean[], %s::integer[], %s::text[],
    %s::jsonb[]) AS d (provider, id, event_id, swapped, confidence_bps, reason, described)
ON CONFLICT DO NOTHING"""

# A provider says another start than before, or quotes in play what it names.
HEAR = """
UPDATE feed_event f SET starts_at = coalesce(h.starts_at, f.starts_at),
    in_play_at = coalesce(h.in_play_at, f.in_play_at)
FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[])
    AS h (provider, id, starts_at, in_play_at)
WHERE f.provider = h.provider AND f.provider_event_id = h.id"""

# What is said of the starts of some events, and whether anybody has seen them played. What was
# seen long before the start is of an earlier one, from which the event was put off.
HEARD = """
SELECT f.event_id, f.provider, f.starts_at,
       coalesce(f.in_play_at > e.starts_at - interval '3 hours', false)
       OR EXISTS (SELECT 1 FROM event_score s WHERE s.event_id = e.id
                  AND s.observed_at > e.starts_at - interval '3 hours')
FROM feed_event f JOIN event e ON e.id = f.event_id WHERE f.event_id = ANY(%s)"""

# What was decided about one feed event; locked, for whoever decides anew.
DECIDED = """
SELECT provider, provider_event_id, event_id, swapped, described FROM feed_event
WHERE provider = %s AND provider_event_id = %s FOR UPDATE"""

# A person takes a match back; `match_decision` keeps that it was.
FORGET = "DELETE FROM feed_event WHERE provider = %s AND provider_event_id = %s"

# The teams that a provider names in a sport, whatever it calls them.
NAMED = """
SELECT DISTINCT side.participant_id
FROM feed_event f JOIN event e ON e.id = f.event_id,
     LATERAL (VALUES (e.home_id), (e.away_id)) AS side (participant_id)
WHERE f.provider = %s AND e.sport = %s AND e.starts_at > %s AND e.kind = 'match'"""

# Which of some events the provider has named.
NAMED_EVENTS = "SELECT event_id FROM feed_event WHERE provider = %s AND event_id = ANY(%s)"

# The two teams of an event of ours.
SIDES = "SELECT home_id, away_id FROM event WHERE id = %s"

# What is left of an event that no provider names.
NAMERS = "SELECT count(*) FROM feed_event WHERE event_id = %s"

# What each match says about the spellings of its teams.
VOTE = """
INSERT INTO alias_vote (provider, provider_event_id, side, sport, country, category, spelling,
    participant_id, told_by)
SELECT %s, provider_event_id, side, %s, country, category, spelling, participant_id, %s
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::uuid[])
    AS v (provider_event_id, side, country, category, spelling, participant_id)
ON CONFLICT DO NOTHING"""

# Spellings about which enough matches say the same and none says otherwise.
AGREED = """
SELECT v.country, v.category, v.spelling, '' AS scope,
       (array_agg(v.participant_id))[1] AS participant_id
FROM unnest(%s::text[], %s::text[], %s::text[]) AS s (country, category, spelling)
JOIN alias_vote v USING (country, category, spelling)
JOIN feed_event f USING (provider, provider_event_id)
WHERE v.sport = %s AND v.told_by <> 'entry'
GROUP BY v.country, v.category, v.spelling
HAVING count(DISTINCT v.participant_id) = 1
   AND (count(DISTINCT f.event_id) >= %s OR bool_or(v.told_by = 'person'))"""

# What a provider calls the teams of a sport, as its events say: a person's word before a match's
# before that of an event whose team was only taken for one.
CALLED = """
SELECT DISTINCT ON (country, category, spelling) country, category, spelling, participant_id
FROM alias_vote WHERE provider = %s AND sport = %s
ORDER BY country, category, spelling, told_by DESC, provider_event_id"""

# A match that is taken back takes its votes with it.
WITHDRAW = """
DELETE FROM alias_vote WHERE provider = %s AND provider_event_id = %s
RETURNING sport, country, category, spelling"""


async def standings(conn: Connection) -> dict[str, Standing]:
    """provider -> its standing, for those that have one of their own."""
    cursor = await conn.execute(STANDINGS)
    return {row[0]: row[1] for row in await cursor.fetchall()}


async def set_standing(conn: Connection, provider: str, standing: Standing) -> None:
    """From now on the provider stands so."""
    await conn.execute(SET_STANDING, [provider, standing])


async def known(
    conn: Connection, provider: str, provider_event_ids: Sequence[str]
) -> dict[str, Known]:
    """The decided ones, by the provider's id."""
    async with conn.cursor(row_factory=class_row(Known)) as cursor:
        await cursor.execute(KNOWN, [provider, list(provider_event_ids)])
        return {one.provider_event_id: one for one in await cursor.fetchall()}


async def candidates(
    conn: Connection, provider: str, sport: str, first: datetime, last: datetime
) -> list[Candidate]:
    """Our events between two starts that the provider has not named yet."""
    async with conn.cursor(row_factory=class_row(Candidate)) as cursor:
        await cursor.execute(CANDIDATES, [sport, first, last, provider])
        return await cursor.fetchall()


async def own(
    conn: Connection, provider: str, sport: str, first: datetime, last: datetime
) -> list[Candidate]:
    """Our events between two starts that the provider has named, as it called them."""
    async with conn.cursor(row_factory=class_row(Candidate)) as cursor:
        await cursor.execute(OWN, [provider, sport, first, last])
        return await cursor.fetchall()


async def ours_lately(conn: Connection, sport: str, first: datetime, last: datetime) -> list[Seen]:
    """Our fixtures of a sport between two starts, at most `LATELY_MOST`."""
    async with conn.cursor(row_factory=class_row(Seen)) as cursor:
        await cursor.execute(OURS_LATELY, [sport, first, last, LATELY_MOST])
        return await cursor.fetchall()


async def named_lately(
    conn: Connection, provider: str, sport: str, first: datetime, last: datetime
) -> list[Seen]:
    """The same as a provider named them."""
    async with conn.cursor(row_factory=class_row(Seen)) as cursor:
        await cursor.execute(NAMED_LATELY, [provider, sport, first, last, LATELY_MOST])
        return await cursor.fetchall()


async def remember(conn: Connection, decided: Sequence[Remembered], at: datetime) -> None:
    """Keep decisions."""
    whose = "provider", "provider_event_id", "event_id"
    columns = arrays.fields(decided, *whose, "swapped", "confidence_bps", "reason")
    told = [Jsonb(dict(one.described)) for one in decided]
    await conn.execute(REMEMBER, [at, *columns, told])


async def hear(conn: Connection, words: Sequence[Word]) -> None:
    """Keep what is said of the starts of feed events."""
    await conn.execute(HEAR, [[word[n] for word in words] for n in range(4)])


async def heard(conn: Connection, event_ids: Sequence[UUID]) -> dict[UUID, Heard]:
    """What is said of the starts of events, and whether anything shows that they were played."""
    found: dict[UUID, Heard] = {}
    cursor = await conn.execute(HEARD, [list(event_ids)])
    for event_id, provider, starts_at, is_played in await cursor.fetchall():
        one = found.setdefault(event_id, Heard(is_played=False))
        one.starts[provider] = starts_at
        one.is_played |= is_played
    return found


async def match_of(conn: Connection, key: tuple[str, str]) -> Match | None:
    """What was decided about a feed event, locked."""
    async with conn.cursor(row_factory=class_row(Match)) as cursor:
        await cursor.execute(DECIDED, list(key))
        return await cursor.fetchone()


async def forget(conn: Connection, key: tuple[str, str]) -> None:
    """The feed event is no event of ours any more."""
    await conn.execute(FORGET, list(key))


async def named(conn: Connection, provider: str, sport: str, at: datetime) -> set[UUID]:
    """The participants of a sport that the provider has named lately."""
    cursor = await conn.execute(NAMED, [provider, sport, at - NAMED_BEHIND])
    return {row[0] for row in await cursor.fetchall()}


async def named_events(conn: Connection, provider: str, event_ids: Sequence[UUID]) -> set[UUID]:
    """Which of the events the provider has named."""
    cursor = await conn.execute(NAMED_EVENTS, [provider, list(event_ids)])
    return {row[0] for row in await cursor.fetchall()}


async def sides_of(conn: Connection, event_id: UUID) -> tuple[UUID, UUID]:
    """The event's home and away participant."""
    row = await (await conn.execute(SIDES, [event_id])).fetchone()
    assert row is not None
    return row[0], row[1]


async def namers(conn: Connection, event_id: UUID) -> int:
    """How many providers name an event of ours."""
    row = await (await conn.execute(NAMERS, [event_id])).fetchone()
    assert row is not None
    return row[0]


async def vote(
    conn: Connection, provider: str, sport: str, votes: Sequence[Vote], told_by: ToldBy
) -> None:
    """Keep what matches say about spellings; each match speaks once."""
    spelt = "country", "category", "spelling"
    columns = arrays.fields(votes, "provider_event_id", "side", *spelt, "participant_id")
    await conn.execute(VOTE, [provider, sport, told_by, *columns])


async def agreed(
    conn: Connection, sport: str, spelt: Sequence[tuple[str, str, str]], events_min: int
) -> list[Spelling]:
    """Those of (country, category, spelling) of which so many events, or a person, say one team."""
    columns = [[s[n] for s in spelt] for n in range(3)]
    async with conn.cursor(row_factory=class_row(Spelling)) as cursor:
        await cursor.execute(AGREED, [*columns, sport, events_min])
        return await cursor.fetchall()


async def called(conn: Connection, provider: str, sport: str) -> dict[Called, UUID]:
    """What the provider calls the sport's teams, as its matches say."""
    cursor = await conn.execute(CALLED, [provider, sport])
    return {(row[0], row[1], row[2]): row[3] for row in await cursor.fetchall()}


async def withdraw(conn: Connection, key: tuple[str, str]) -> list[tuple[str, Called]]:
    """Take back what a match said about spellings: (sport, spelling) of each side."""
    cursor = await conn.execute(WITHDRAW, list(key))
    return [(row[0], (row[1], row[2], row[3])) for row in await cursor.fetchall()]
