"""The statements of slips that wait; keys are the schema functions `bets_wait_…v1`' to write."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from overround.betting.waiting.model import AskedLeg, Backlog, Counts, History, WaitingSlip
from overround.db import Connection
from overround.money.ledger import Violation
from overround.people import tenants

# A key is taken for a slip that waits, or it is said whose it is.
TAKE_KEY = "SELECT bets_wait_v1(%s, %s, %s, %s, %s, %s)"

# The answer of a key whose slip is not placed.
END_KEY = "SELECT bets_wait_ends_v1(%s, %s, %s, %s, %s)"

# A slip enters the queue.
ENTER = """
INSERT INTO slip (tenant_id, id, user_id, key, token_sha256, asked, stake_minor, win_minor, why,
                  passes, state, entered_at, due_at, expires_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'waiting', %s, %s, %s)"""

# How many wait already, of the player and of his tenant.
COUNTS = """
SELECT count(*) FILTER (WHERE user_id = %(user)s) AS mine, count(*) AS tenants
FROM slip WHERE tenant_id = %(tenant)s AND state IN ('waiting', 'offered')"""

# One slip of one player; another's looks like none.
MINE = """
SELECT id, user_id, key, token_sha256, asked, stake_minor, win_minor, why, passes, state,
       entered_at, due_at, expires_at, attempts, alternative, agreed_e4, decided_by, reason, answer,
       ended_at
FROM slip WHERE tenant_id = %s AND user_id = %s AND id = %s"""

# The slip that waits by a key.
BY_KEY = """
SELECT id, user_id, key, token_sha256, asked, stake_minor, win_minor, why, passes, state,
       entered_at, due_at, expires_at, attempts, alternative, agreed_e4, decided_by, reason, answer,
       ended_at
FROM slip WHERE tenant_id = %s AND user_id = %s AND key = %s"""

# A player's slips, newest first: an id begins with the time.
ALL_MINE = """
SELECT id, user_id, key, token_sha256, asked, stake_minor, win_minor, why, passes, state,
       entered_at, due_at, expires_at, attempts, alternative, agreed_e4, decided_by, reason, answer,
       ended_at
FROM slip WHERE tenant_id = %s AND user_id = %s AND id < %s::uuid
  AND (NOT %s OR state IN ('waiting', 'offered'))
ORDER BY id DESC LIMIT %s"""

# Whoever changes a slip is alone with it; who places it meanwhile is waited for.
LOCK = """
SELECT id, user_id, key, token_sha256, asked, stake_minor, win_minor, why, passes, state,
       entered_at, due_at, expires_at, attempts, alternative, agreed_e4, decided_by, reason, answer,
       ended_at
FROM slip WHERE tenant_id = %s AND id = %s FOR UPDATE"""

# Before which slips of its tenant a slip stands: those that wait for a person are a queue apart.
POSITIONS = """
SELECT q.id, q.position FROM (
    SELECT id, row_number() OVER (PARTITION BY due_at IS NULL ORDER BY entered_at, id) AS position
    FROM slip WHERE tenant_id = %s AND state IN ('waiting', 'offered')) q
WHERE q.id = ANY(%s)"""

# Whose slips are to be placed or ended; without a tenant of its own it asks the index of the time.
TENANTS_DUE = """
SELECT DISTINCT tenant_id FROM slip
WHERE state IN ('waiting', 'offered') AND least(due_at, expires_at) <= %s"""

# What is due, in the order of its time. A slip that somebody else holds is his.
CLAIM = """
SELECT id, user_id, key, token_sha256, asked, stake_minor, win_minor, why, passes, state,
       entered_at, due_at, expires_at, attempts, alternative, agreed_e4, decided_by, reason, answer,
       ended_at
FROM slip
WHERE tenant_id = %(tenant)s AND state IN ('waiting', 'offered')
  AND least(due_at, expires_at) <= %(at)s AND (%(only)s::uuid IS NULL OR id = %(only)s)
ORDER BY least(due_at, expires_at), id LIMIT %(limit)s FOR UPDATE SKIP LOCKED"""

# Which those would be, without holding them.
DUE_IDS = """
SELECT id FROM slip
WHERE tenant_id = %(tenant)s AND state IN ('waiting', 'offered')
  AND least(due_at, expires_at) <= %(at)s
ORDER BY least(due_at, expires_at), id LIMIT %(limit)s"""

# It has to wait for something else first, or once more.
PUT_OFF = """
UPDATE slip SET why = %s, passes = %s, due_at = %s, expires_at = %s
WHERE tenant_id = %s AND id = %s"""

# Its placing failed.
FAILED = """
UPDATE slip SET attempts = attempts + 1, due_at = %s
WHERE tenant_id = %s AND id = %s AND state = 'waiting' AND due_at IS NOT NULL"""

# It waits no more.
END = """
UPDATE slip SET state = %s, answer = %s, ended_at = %s, due_at = NULL
WHERE tenant_id = %s AND id = %s"""

# A person has said yes: it is placed as soon as somebody does.
APPROVE = """
UPDATE slip SET state = 'waiting', passes = 'approval', due_at = %s, expires_at = %s,
    decided_by = %s, reason = %s, alternative = NULL
WHERE tenant_id = %s AND id = %s"""

# A person offers something else; the player has until then to take it.
OFFER = """
UPDATE slip SET state = 'offered', alternative = %s, expires_at = %s, decided_by = %s, reason = %s
WHERE tenant_id = %s AND id = %s"""

# A person has said no.
REFUSE = "UPDATE slip SET decided_by = %s, reason = %s WHERE tenant_id = %s AND id = %s"

# The player takes what was offered, by the session he is in now.
ACCEPT = """
UPDATE slip SET state = 'waiting', passes = 'approval', asked = %s, stake_minor = %s,
    win_minor = %s, agreed_e4 = %s, token_sha256 = %s, due_at = %s, expires_at = %s
WHERE tenant_id = %s AND id = %s"""

# What waits for a person, and what was offered and not taken yet; who has waited longest first.
APPROVALS = """
SELECT id, user_id, key, token_sha256, asked, stake_minor, win_minor, why, passes, state,
       entered_at, due_at, expires_at, attempts, alternative, agreed_e4, decided_by, reason, answer,
       ended_at
FROM slip
WHERE tenant_id = %s AND state IN ('waiting', 'offered') AND due_at IS NULL AND expires_at > %s
ORDER BY entered_at, id LIMIT %s"""

# What is asked, and what is laid of it now.
LEGS = """
SELECT s.id AS selection_id, s.event_id, e.home, e.away, e.starts_at, m.market_type, m.period,
       m.line_q4, s.side, o.price_e4 AS price_now_e4, o.state AS state_now
FROM selection s
JOIN event e ON e.id = s.event_id
JOIN market m ON m.id = s.market_id
LEFT JOIN tenant t ON t.id = %s
LEFT JOIN offer o ON o.book_id = t.book_id AND o.selection_id = s.id
WHERE s.id = ANY(%s)"""

# What some players have bet so far, so that a person knows whom he decides about.
HISTORIES = """
SELECT u.id AS user_id, u.display_name AS name, coalesce(b.bets, 0) AS bets,
       coalesce(b.settled, 0) AS settled, coalesce(b.stake, 0) AS stake_minor,
       coalesce(b.payout, 0) AS payout_minor, r.factor_e4
FROM users u
LEFT JOIN LATERAL (
    SELECT count(*) AS bets, count(*) FILTER (WHERE status = 'settled') AS settled,
           sum(stake_minor) FILTER (WHERE status = 'settled')::bigint AS stake,
           sum(payout_minor)::bigint AS payout
    FROM bet WHERE bet.tenant_id = u.tenant_id AND bet.user_id = u.id) b ON true
LEFT JOIN risk_player r ON r.tenant_id = u.tenant_id AND r.user_id = u.id
WHERE u.tenant_id = %s AND u.id = ANY(%s)"""

# How much waits, of all tenants together, and how old the oldest of it is.
BACKLOG = """
SELECT why, count(*) AS slips, min(entered_at) AS oldest_at FROM slip
WHERE state IN ('waiting', 'offered') GROUP BY why ORDER BY why"""

# Who waits has his key, and no key waits without a slip.
CHECK_KEYS = """
SELECT 'a slip waits with its key', coalesce(s.id::text, r.key), coalesce(s.state, 'no slip')
FROM (SELECT id, user_id, key, state FROM slip
      WHERE tenant_id = %(tenant)s AND state IN ('waiting', 'offered')) s
FULL JOIN (SELECT user_id, key FROM bet_request
           WHERE tenant_id = %(tenant)s AND decision = 'waiting') r
    ON r.user_id = s.user_id AND r.key = s.key
WHERE s.id IS NULL OR r.key IS NULL LIMIT 20"""

# A slip that waited is a bet if its answer says so, and else there is none by its id.
CHECK_BETS = """
SELECT 'a slip that was accepted is its bet', s.id::text, s.state
FROM slip s LEFT JOIN bet b ON b.tenant_id = s.tenant_id AND b.id = s.id
WHERE s.tenant_id = %(tenant)s
  AND (b.id IS NOT NULL) <> (s.state = 'decided' AND s.answer ? 'bet_id') LIMIT 20"""


async def take_key(
    conn: Connection,
    tenant_id: UUID,
    user_id: UUID,
    key: str,
    body_sha256: bytes,
    at: datetime,
    scores: Sequence[object] | None = None,
) -> str:
    """entered, or whose key it is: waiting, answered, key_reused; no_account for who cannot bet.

    `scores` is how the events of its legs stand, as a decision said that lets the slip wait.
    """
    told = None if scores is None else Jsonb(scores)
    cursor = await conn.execute(TAKE_KEY, [tenant_id, user_id, key, body_sha256, at, told])
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def counts(conn: Connection, tenant_id: UUID, user_id: UUID) -> Counts:
    """How many slips wait."""
    async with conn.cursor(row_factory=class_row(Counts)) as cursor:
        await cursor.execute(COUNTS, {"tenant": tenant_id, "user": user_id})
        found = await cursor.fetchone()
    assert found is not None
    return found


async def enter(conn: Connection, tenant_id: UUID, one: WaitingSlip) -> None:
    """Let a slip wait whose key was taken for it."""
    await conn.execute(
        ENTER,
        [
            tenant_id, one.id, one.user_id, one.key, one.token_sha256, Jsonb(one.asked),
            one.stake_minor, one.win_minor, one.why, one.passes, one.entered_at, one.due_at,
            one.expires_at,
        ],
    )  # fmt: skip


async def mine(
    conn: Connection, tenant_id: UUID, user_id: UUID, slip_id: UUID
) -> WaitingSlip | None:
    """One slip of a player, None when he has no such slip."""
    async with conn.cursor(row_factory=class_row(WaitingSlip)) as cursor:
        await cursor.execute(MINE, [tenant_id, user_id, slip_id])
        return await cursor.fetchone()


async def by_key(conn: Connection, tenant_id: UUID, user_id: UUID, key: str) -> WaitingSlip | None:
    """The slip that was sent by a key and had to wait."""
    async with conn.cursor(row_factory=class_row(WaitingSlip)) as cursor:
        await cursor.execute(BY_KEY, [tenant_id, user_id, key])
        return await cursor.fetchone()


async def all_mine(
    conn: Connection, tenant_id: UUID, user_id: UUID, before: UUID, limit: int, *, only_open: bool
) -> list[WaitingSlip]:
    """At most `limit` slips of a player with an id below `before`, newest first."""
    async with conn.cursor(row_factory=class_row(WaitingSlip)) as cursor:
        await cursor.execute(ALL_MINE, [tenant_id, user_id, before, only_open, limit])
        return await cursor.fetchall()


async def lock(conn: Connection, tenant_id: UUID, slip_id: UUID) -> WaitingSlip | None:
    """Be alone with a slip of the tenant."""
    async with conn.cursor(row_factory=class_row(WaitingSlip)) as cursor:
        await cursor.execute(LOCK, [tenant_id, slip_id])
        return await cursor.fetchone()


async def positions(conn: Connection, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, int]:
    """slip id -> its place in the queue, from 1; one that has ended is absent."""
    if not ids:
        return {}
    cursor = await conn.execute(POSITIONS, [tenant_id, list(ids)])
    return {row[0]: row[1] for row in await cursor.fetchall()}


async def tenants_due(conn: Connection, at: datetime) -> list[UUID]:
    """Whose slips are to be placed or ended; for a transaction of no tenant, and this alone."""
    await tenants.see_all(conn)
    return [row[0] for row in await (await conn.execute(TENANTS_DUE, [at])).fetchall()]


async def claim(
    conn: Connection, tenant_id: UUID, at: datetime, limit: int, only: UUID | None
) -> list[WaitingSlip]:
    """At most `limit` slips that are due, or the one, held until the transaction ends."""
    words = {"tenant": tenant_id, "at": at, "limit": limit, "only": only}
    async with conn.cursor(row_factory=class_row(WaitingSlip)) as cursor:
        await cursor.execute(CLAIM, words)
        return await cursor.fetchall()


async def due_ids(conn: Connection, tenant_id: UUID, at: datetime, limit: int) -> list[UUID]:
    """At most `limit` slips that are due."""
    words = {"tenant": tenant_id, "at": at, "limit": limit}
    return [row[0] for row in await (await conn.execute(DUE_IDS, words)).fetchall()]


async def put_off(conn: Connection, tenant_id: UUID, one: WaitingSlip) -> None:
    """Let a slip wait for what it says now."""
    words = [one.why, one.passes, one.due_at, one.expires_at]
    await conn.execute(PUT_OFF, [*words, tenant_id, one.id])


async def failed(conn: Connection, tenant_id: UUID, slip_id: UUID, again_at: datetime) -> None:
    """Count a failure, and try again then."""
    await conn.execute(FAILED, [again_at, tenant_id, slip_id])


async def end(
    conn: Connection,
    tenant_id: UUID,
    one: WaitingSlip,
    state: str,
    answer: dict[str, Any],
    at: datetime,
) -> None:
    """It waits no more; what its key is answered is the caller's to write."""
    await conn.execute(END, [state, Jsonb(answer), at, tenant_id, one.id])


async def end_key(
    conn: Connection, tenant_id: UUID, one: WaitingSlip, answer: dict[str, Any], at: datetime
) -> None:
    """The answer of a slip's key, where it was not placed."""
    await conn.execute(END_KEY, [tenant_id, one.user_id, one.key, Jsonb(answer), at])


async def approve(
    conn: Connection, tenant_id: UUID, one: WaitingSlip, by: UUID, reason: str, at: datetime
) -> None:
    """Let it be placed; `one.expires_at` is until when."""
    await conn.execute(APPROVE, [at, one.expires_at, by, reason, tenant_id, one.id])


async def offer(conn: Connection, tenant_id: UUID, one: WaitingSlip, by: UUID, reason: str) -> None:
    """Offer what `one.alternative` says until `one.expires_at`."""
    words = [Jsonb(one.alternative), one.expires_at, by, reason]
    await conn.execute(OFFER, [*words, tenant_id, one.id])


async def refuse(
    conn: Connection, tenant_id: UUID, one: WaitingSlip, by: UUID, reason: str
) -> None:
    """Say whose refusal it is."""
    await conn.execute(REFUSE, [by, reason, tenant_id, one.id])


async def accept(conn: Connection, tenant_id: UUID, one: WaitingSlip, at: datetime) -> None:
    """Let the slip as it is now, with its prices, be placed."""
    words = [Jsonb(one.asked), one.stake_minor, one.win_minor, one.agreed_e4, one.token_sha256]
    await conn.execute(ACCEPT, [*words, at, one.expires_at, tenant_id, one.id])


async def approvals(
    conn: Connection, tenant_id: UUID, at: datetime, limit: int
) -> list[WaitingSlip]:
    """At most `limit` slips that wait for a person or for their player's word."""
    async with conn.cursor(row_factory=class_row(WaitingSlip)) as cursor:
        await cursor.execute(APPROVALS, [tenant_id, at, limit])
        return await cursor.fetchall()


async def legs(
    conn: Connection, tenant_id: UUID, selections: Sequence[UUID]
) -> dict[UUID, AskedLeg]:
    """selection id -> what it is, and what is laid on it now."""
    async with conn.cursor(row_factory=class_row(AskedLeg)) as cursor:
        await cursor.execute(LEGS, [tenant_id, list(selections)])
        return {leg.selection_id: leg for leg in await cursor.fetchall()}


async def histories(
    conn: Connection, tenant_id: UUID, users: Sequence[UUID]
) -> dict[UUID, History]:
    """user id -> what he has bet so far."""
    async with conn.cursor(row_factory=class_row(History)) as cursor:
        await cursor.execute(HISTORIES, [tenant_id, list(users)])
        return {one.user_id: one for one in await cursor.fetchall()}


async def backlog(conn: Connection) -> list[Backlog]:
    """What waits in all the house; the transaction is of no tenant, and for this alone."""
    await tenants.see_all(conn)
    async with conn.cursor(row_factory=class_row(Backlog)) as cursor:
        await cursor.execute(BACKLOG)
        return await cursor.fetchall()


async def check(conn: Connection, tenant_id: UUID) -> list[Violation]:
    """The invariants between slips that wait, keys and bets; an empty list is sound."""
    found: list[Violation] = []
    for statement in (CHECK_KEYS, CHECK_BETS):
        cursor = await conn.execute(statement, {"tenant": tenant_id})
        found += [Violation(*row) for row in await cursor.fetchall()]
    return found
