"""The queue's statements: what waits, what was refused, what people decided and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from overround.db import Connection, arrays
from overround.odds.queue.model import PersonsDecision, Verdict, Waiting

# One waiting row per feed event, however often it comes; the newest description and reason count.
# What was once listed beside its match's other id is no question when it comes alone
# (test: a second id that was listed beside the first asks nobody when it comes alone).
ADD = """
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
REMOVE = """
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
ONE = """
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

# The record of a decision; its number is what a hub remembers.
RECORD = """
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


async def add(conn: Connection, waiting: Sequence[Waiting], at: datetime) -> None:
    """Leave feed events for a person to decide."""
    columns = arrays.fields(waiting, "provider", "provider_event_id", "kind", "reason")
    told = [Jsonb(one.described) for one in waiting]
    first = [one.candidates[0] if one.candidates else None for one in waiting]
    await conn.execute(ADD, [at, *columns, told, first])


async def park(
    conn: Connection, key: tuple[str, str], markets: Sequence[tuple[str, str, int | None]]
) -> None:
    """Note which markets' prices lie beside the board."""
    await conn.execute(PARK, [Jsonb([list(market) for market in markets]), *key])


async def remove(conn: Connection, provider: str, provider_event_ids: Sequence[str]) -> None:
    """These wait no more."""
    await conn.execute(REMOVE, [provider, list(provider_event_ids)])


async def waiting_page(
    conn: Connection, provider: str | None, after: tuple[datetime, str, str], limit: int
) -> list[Waiting]:
    """At most `limit` of what waits after (queued at, provider, id), oldest first."""
    async with conn.cursor(row_factory=class_row(Waiting)) as cursor:
        first = {"at": after[0], "after": after[1], "after_id": after[2]}
        await cursor.execute(WAITING_PAGE, {"provider": provider, "limit": limit} | first)
        return await cursor.fetchall()


async def one(conn: Connection, key: tuple[str, str]) -> Waiting | None:
    """One feed event that waits, locked."""
    async with conn.cursor(row_factory=class_row(Waiting)) as cursor:
        await cursor.execute(ONE, list(key))
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


async def record(
    conn: Connection,
    key: tuple[str, str],
    verdict: Verdict,
    event_before: UUID | None,
    event_id: UUID | None,
    by: str,
    at: datetime,
) -> None:
    """Record a person's decision."""
    await conn.execute(RECORD, [*key, verdict, event_before, event_id, by, at])


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
