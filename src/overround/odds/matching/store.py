"""Matching's statements: what is decided, what waits for a person, what the people decided."""

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
from overround.odds.matching.kept import (
    Known,
    Match,
    PersonsDecision,
    Remembered,
    Seen,
    ToldBy,
    Verdict,
    Waiting,
)
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
WHERE e.sport = %s AND e.starts_at BETWEEN %s AND %s
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
WHERE f.provider = %s AND e.sport = %s AND e.starts_at > %s"""

# Which of some events the provider has named.
NAMED_EVENTS = "SELECT event_id FROM feed_event WHERE provider = %s AND event_id = ANY(%s)"

# The two teams of an event of ours.
SIDES = "SELECT home_id, away_id FROM event WHERE id = %s"

# What is left of an event that no provider names.
NAMERS = "SELECT count(*) FROM feed_event WHERE event_id = %s"

# One waiting row per feed event, however often it comes; the newest description and reason count.
# What was once listed beside its match's other id is no question when it comes alone
# (test: a second id that was listed beside the first asks nobody when it comes alone).
QUEUE = """
INSERT INTO match_queue AS q (provider, provider_event_id, kind, reason, described, candidates,
    queued_at)
SELECT provider, provider_event_id, kind, reason, described,
       CASE WHEN candidate IS NULL THEN '{}' ELSE ARRAY[candidate] END, %s
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::jsonb[], %s::uuid[])
    AS w (provider, provider_event_id, kind, reason, described, candidate)
ON CONFLICT (provider, provider_event_id) DO UPDATE
SET kind = EXCLUDED.kind, reason = EXCLUDED.reason, described = EXCLUDED.described,
    candidates = EXCLUDED.candidates
WHERE (q.kind, q.reason, q.described, q.candidates)
    IS DISTINCT FROM (EXCLUDED.kind, EXCLUDED.reason, EXCLUDED.described, EXCLUDED.candidates)
  AND (q.kind, q.reason, EXCLUDED.reason) <> ('unmatched', 'second_id', 'second_id')"""

# What lies beside the board until it is decided whose it is.
PARK = "UPDATE match_queue SET parked = %s WHERE provider = %s AND provider_event_id = %s"

# What waits no more.
DEQUEUE = """
DELETE FROM match_queue WHERE provider = %s AND provider_event_id = ANY(%s)"""

# A page of what waits, oldest first. What is no event of ours at all (corners, a computer's
# match) waits for nobody.
WAITING_PAGE = """
SELECT provider, provider_event_id, kind, reason, described, candidates, parked, queued_at
FROM match_queue
WHERE kind <> 'unmatched' AND (%(provider)s::text IS NULL OR provider = %(provider)s)
  AND (queued_at, provider, provider_event_id) > (%(at)s, %(after)s, %(after_id)s)
ORDER BY queued_at, provider, provider_event_id LIMIT %(limit)s"""

# One of them, locked for whoever decides.
WAITING_ONE = """
SELECT provider, provider_event_id, kind, reason, described, candidates, parked, queued_at
FROM match_queue WHERE provider = %s AND provider_event_id = %s FOR UPDATE"""

# Which of some feed events are no event of ours at all, and why: they wait for nobody.
LEFT_OUT = """
SELECT q.provider, q.provider_event_id, q.reason
FROM unnest(%s::text[], %s::text[]) AS k (provider, id)
JOIN match_queue q ON q.provider = k.provider AND q.provider_event_id = k.id
WHERE q.kind = 'unmatched'"""

# What a person has taken back waits for a person, whatever the names say.
HELD = """
SELECT provider_event_id FROM match_queue
WHERE provider = %s AND provider_event_id = ANY(%s) AND reason = 'unmatched'"""

# What a person said these are not.
REFUSED = """
SELECT provider_event_id, event_id FROM match_refusal
WHERE provider = %s AND provider_event_id = ANY(%s)"""

# Not the same, for ever.
REFUSE = """
INSERT INTO match_refusal (provider, provider_event_id, event_id, refused_by, refused_at)
SELECT %s, %s, event_id, %s, %s FROM unnest(%s::uuid[]) AS r (event_id)
ON CONFLICT DO NOTHING"""

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

# The record of a decision; its number is what a hub remembers.
DECIDE = """
INSERT INTO match_decision (provider, provider_event_id, verdict, event_before, event_id,
    decided_by, decided_at)
VALUES (%s, %s, %s, %s, %s, %s, %s)"""

# Whoever decides is alone.
LOCK_ALONE = "SELECT pg_advisory_xact_lock(match_decision_key())"
# And whoever writes prices lets nobody decide meanwhile.
LOCK_SHARED = "SELECT pg_advisory_xact_lock_shared(match_decision_key())"

# What was decided since a hub last looked.
DECISIONS = """
SELECT seq, provider, provider_event_id, event_before, event_id FROM match_decision
WHERE seq > %s ORDER BY seq"""

# The newest number.
NEWEST = "SELECT coalesce(max(seq), 0) FROM match_decision"


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


async def queue(conn: Connection, waiting: Sequence[Waiting], at: datetime) -> None:
    """Leave feed events for a person to decide."""
    columns = arrays.fields(waiting, "provider", "provider_event_id", "kind", "reason")
    told = [Jsonb(one.described) for one in waiting]
    first = [one.candidates[0] if one.candidates else None for one in waiting]
    await conn.execute(QUEUE, [at, *columns, told, first])


async def park(
    conn: Connection, key: tuple[str, str], markets: Sequence[tuple[str, str, int | None]]
) -> None:
    """Note which markets' prices lie beside the board."""
    await conn.execute(PARK, [Jsonb([list(market) for market in markets]), *key])


async def dequeue(conn: Connection, provider: str, provider_event_ids: Sequence[str]) -> None:
    """These wait no more."""
    await conn.execute(DEQUEUE, [provider, list(provider_event_ids)])


async def waiting_page(
    conn: Connection, provider: str | None, after: tuple[datetime, str, str], limit: int
) -> list[Waiting]:
    """At most `limit` of what waits after (queued at, provider, id), oldest first."""
    async with conn.cursor(row_factory=class_row(Waiting)) as cursor:
        first = {"at": after[0], "after": after[1], "after_id": after[2]}
        await cursor.execute(WAITING_PAGE, {"provider": provider, "limit": limit} | first)
        return await cursor.fetchall()


async def waiting(conn: Connection, key: tuple[str, str]) -> Waiting | None:
    """One feed event that waits, locked."""
    async with conn.cursor(row_factory=class_row(Waiting)) as cursor:
        await cursor.execute(WAITING_ONE, list(key))
        return await cursor.fetchone()


async def left_out(conn: Connection, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Of those feed events that are no event of ours at all, why."""
    cursor = await conn.execute(LEFT_OUT, [[key[n] for key in keys] for n in range(2)])
    return {(row[0], row[1]): row[2] for row in await cursor.fetchall()}


async def held(conn: Connection, provider: str, provider_event_ids: Sequence[str]) -> set[str]:
    """Which of the provider's events a person has taken back and not yet placed."""
    cursor = await conn.execute(HELD, [provider, list(provider_event_ids)])
    return {row[0] for row in await cursor.fetchall()}


async def refused(
    conn: Connection, provider: str, provider_event_ids: Sequence[str]
) -> dict[str, set[UUID]]:
    """What a person said the provider's events are not."""
    found: dict[str, set[UUID]] = {}
    cursor = await conn.execute(REFUSED, [provider, list(provider_event_ids)])
    for provider_event_id, event_id in await cursor.fetchall():
        found.setdefault(provider_event_id, set()).add(event_id)
    return found


async def refuse(
    conn: Connection, key: tuple[str, str], event_ids: Sequence[UUID], by: str, at: datetime
) -> None:
    """The feed event is none of these, for ever."""
    await conn.execute(REFUSE, [*key, by, at, list(event_ids)])


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


async def decide(
    conn: Connection,
    key: tuple[str, str],
    verdict: Verdict,
    event_before: UUID | None,
    event_id: UUID | None,
    by: str,
    at: datetime,
) -> None:
    """Record a person's decision."""
    await conn.execute(DECIDE, [*key, verdict, event_before, event_id, by, at])


async def lock_alone(conn: Connection) -> None:
    """Wait until nobody writes prices, and keep them out until this transaction ends."""
    await conn.execute(LOCK_ALONE)


async def decisions(conn: Connection, since: int) -> list[PersonsDecision]:
    """What was decided after that number; none is decided until this transaction ends."""
    await conn.execute(LOCK_SHARED)
    async with conn.cursor(row_factory=class_row(PersonsDecision)) as cursor:
        await cursor.execute(DECISIONS, [since])
        return await cursor.fetchall()


async def newest_decision(conn: Connection) -> int:
    """The number of the last decision; none is decided until this transaction ends."""
    await conn.execute(LOCK_SHARED)
    row = await (await conn.execute(NEWEST)).fetchone()
    assert row is not None
    return row[0]
