"""The statements of free bets. Which bet used one is written by the schema's functions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from overround.betting.freebets.model import Asked, FreeBet, State, Used
from overround.db import Connection
from overround.money.ledger import Violation

# A new one; the same person's same key makes no second one.
GRANT = """
INSERT INTO free_bet (tenant_id, id, user_id, amount_minor, currency, stake_returned, price_min_e4,
    kinds, sports, expires_at, state, reason, granted_by, key, body_sha256, granted_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (tenant_id, granted_by, key) DO NOTHING"""

# What a key of a person's stands for.
BY_KEY = "SELECT id FROM free_bet WHERE tenant_id = %s AND granted_by = %s AND key = %s"

# Locked for whoever decides about it: a bet that uses it waits, or was first.
LOCK = "SELECT 1 FROM free_bet WHERE tenant_id = %s AND id = %s FOR UPDATE"

# One as it stands, of anybody or of one player; who uses it looks again under its lock.
ONE = """
SELECT f.id, f.user_id, u.display_name AS player, f.amount_minor, f.currency, f.stake_returned,
       f.price_min_e4, f.kinds, f.sports, f.expires_at, f.state, f.reason, f.granted_by,
       f.granted_at, f.decided_by, f.decided_at, f.bet_id, f.used_at, f.back_minor, f.from_bet_id,
       f.body_sha256
FROM free_bet f JOIN users u ON u.tenant_id = f.tenant_id AND u.id = f.user_id
WHERE f.tenant_id = %s AND f.id = %s AND f.user_id = coalesce(%s, f.user_id)"""

# A page of a tenant's or of one player's, newest first; ids are made in order of time.
FOUND = """
SELECT f.id, f.user_id, u.display_name AS player, f.amount_minor, f.currency, f.stake_returned,
       f.price_min_e4, f.kinds, f.sports, f.expires_at, f.state, f.reason, f.granted_by,
       f.granted_at, f.decided_by, f.decided_at, f.bet_id, f.used_at, f.back_minor, f.from_bet_id,
       f.body_sha256
FROM free_bet f JOIN users u ON u.tenant_id = f.tenant_id AND u.id = f.user_id
WHERE f.tenant_id = %(tenant)s AND (%(user)s::uuid IS NULL OR f.user_id = %(user)s)
  AND (%(states)s::text[] IS NULL OR f.state = ANY(%(states)s))
  AND (%(before)s::uuid IS NULL OR f.id < %(before)s)
ORDER BY f.id DESC LIMIT %(limit)s"""

# Agreed to, refused or taken back.
DECIDE = """
UPDATE free_bet SET state = %s, decided_by = %s, decided_at = %s WHERE tenant_id = %s AND id = %s"""

# What was not used in its time, as much as one transaction should take; what somebody uses or
# decides about right now is left to him.
EXPIRE = """
UPDATE free_bet SET state = 'expired' WHERE tenant_id = %(tenant)s AND id IN (
    SELECT id FROM free_bet
    WHERE tenant_id = %(tenant)s AND state IN ('proposed', 'granted') AND expires_at <= %(at)s
    ORDER BY expires_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)"""

# Which of some bets stand on a free bet.
OF_BETS = """
SELECT bet_id, id AS free_bet_id, stake_returned, back_minor FROM free_bet
WHERE tenant_id = %s AND bet_id = ANY(%s)"""

# Of each free bet that was used so much has gone from `promotion` to its player's cash as is not
# back, and nothing else has moved by these codes (test: what free bets have moved is proved).
CHECK = """
SELECT 'a free bet moved what is not back', coalesce(f.bet_id, t.reference)::text,
       (coalesce(f.amount_minor - f.back_minor, 0) || ' moved ' || coalesce(t.moved, 0))
FROM (SELECT bet_id, user_id, amount_minor, back_minor FROM free_bet
      WHERE tenant_id = %(tenant)s AND bet_id IS NOT NULL) f
FULL JOIN (
    SELECT m.reference, (array_agg(m.owner_id))[1] AS owner_id,
           count(DISTINCT m.owner_id) AS owners,
           sum(m.amount) AS moved
    FROM (
        SELECT t.reference, coalesce(a.owner_id, b.owner_id) AS owner_id,
               CASE WHEN t.code = 'free_bet' AND a.kind = 'promotion' AND b.kind = 'cash'
                        THEN t.amount_minor
                    WHEN t.code = 'free_bet_back' AND a.kind = 'cash' AND b.kind = 'promotion'
                        THEN -t.amount_minor END AS amount
        FROM transfer t
        JOIN account a ON a.tenant_id = t.tenant_id AND a.id = t.from_id
        JOIN account b ON b.tenant_id = t.tenant_id AND b.id = t.to_id
        WHERE t.tenant_id = %(tenant)s AND t.code IN ('free_bet', 'free_bet_back')) m
    GROUP BY m.reference HAVING bool_and(m.amount IS NOT NULL)) t ON t.reference = f.bet_id
WHERE f.bet_id IS NULL OR t.reference IS NULL OR t.owners <> 1 OR t.owner_id <> f.user_id
   OR t.moved <> f.amount_minor - f.back_minor
LIMIT 20"""


async def grant(
    conn: Connection,
    tenant_id: UUID,
    free_bet_id: UUID,
    asked: Asked,
    state: State,
    by: UUID,
    key: str,
    body_sha256: bytes,
    at: datetime,
) -> bool:
    """Write a new one; False where the key stands for one already."""
    kinds = None if asked.kinds is None else list(asked.kinds)
    sports = None if asked.sports is None else list(asked.sports)
    words = [
        tenant_id, free_bet_id, asked.user_id, asked.amount_minor, asked.currency,
        asked.stake_returned, asked.price_min_e4, kinds, sports, asked.expires_at, state,
        asked.reason, by, key, body_sha256, at,
    ]  # fmt: skip
    return (await conn.execute(GRANT, words)).rowcount == 1


async def by_key(conn: Connection, tenant_id: UUID, by: UUID, key: str) -> FreeBet | None:
    """What the person's key stands for."""
    row = await (await conn.execute(BY_KEY, [tenant_id, by, key])).fetchone()
    return None if row is None else await one(conn, tenant_id, row[0])


async def locked(conn: Connection, tenant_id: UUID, free_bet_id: UUID) -> FreeBet | None:
    """One, which nobody else decides about or uses until the transaction ends."""
    await conn.execute(LOCK, [tenant_id, free_bet_id])
    return await one(conn, tenant_id, free_bet_id)


async def one(
    conn: Connection, tenant_id: UUID, free_bet_id: UUID, user_id: UUID | None = None
) -> FreeBet | None:
    """One as it stands; with `user_id` only that player's."""
    async with conn.cursor(row_factory=class_row(FreeBet)) as cursor:
        await cursor.execute(ONE, [tenant_id, free_bet_id, user_id])
        return await cursor.fetchone()


async def found(
    conn: Connection,
    tenant_id: UUID,
    user_id: UUID | None,
    states: Sequence[State] | None,
    before: UUID | None,
    limit: int,
) -> list[FreeBet]:
    """A page, newest first; None for the player and the states is any."""
    words = {
        "tenant": tenant_id, "user": user_id, "before": before, "limit": limit,
        "states": None if states is None else list(states),
    }  # fmt: skip
    async with conn.cursor(row_factory=class_row(FreeBet)) as cursor:
        await cursor.execute(FOUND, words)
        return await cursor.fetchall()


async def decide(
    conn: Connection, tenant_id: UUID, free_bet_id: UUID, state: State, by: UUID, at: datetime
) -> None:
    """Write what was decided about one that is locked."""
    await conn.execute(DECIDE, [state, by, at, tenant_id, free_bet_id])


async def expire(conn: Connection, tenant_id: UUID, at: datetime, limit: int) -> int:
    """End at most `limit` of those whose time is over; returns how many."""
    words = {"tenant": tenant_id, "at": at, "limit": limit}
    return (await conn.execute(EXPIRE, words)).rowcount


async def of_bets(conn: Connection, tenant_id: UUID, bet_ids: Sequence[UUID]) -> list[Used]:
    """The free bets that some bets stand on."""
    async with conn.cursor(row_factory=class_row(Used)) as cursor:
        await cursor.execute(OF_BETS, [tenant_id, list(bet_ids)])
        return await cursor.fetchall()


async def check(conn: Connection, tenant_id: UUID) -> list[Violation]:
    """The invariants between free bets and the ledger; an empty list is a sound book."""
    cursor = await conn.execute(CHECK, {"tenant": tenant_id})
    return [Violation(*row) for row in await cursor.fetchall()]
