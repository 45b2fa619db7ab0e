"""Work that waits for a tenant: put in by whoever made it due, claimed once by whoever does it.

A claim is a lock held by the transaction that does the work, so a worker that dies gives its claim
back by dying (test: two settlers pay once).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from psycopg.rows import class_row

from overround.db.pools import Connection

Kind = Literal["settle"]

# Due again where it was due before: the newest version and the later time hold, for a row is done
# once and what it was due for first can be seen later too. One that failed waits for its next
# attempt and for nothing else, so the new time holds
# (test: work that is due twice is done when both can be seen).
_PUT = """
INSERT INTO work_due AS w (kind, for_tenant, subject_id, version, due_at)
SELECT %s, t, u.subject_id, u.version, u.due_at
FROM unnest(%s::uuid[]) AS t,
     unnest(%s::uuid[], %s::integer[], %s::timestamptz[]) AS u (subject_id, version, due_at)
ORDER BY t, u.subject_id
ON CONFLICT (kind, for_tenant, subject_id) DO UPDATE
SET version = greatest(w.version, EXCLUDED.version), attempts = 0, problem = NULL,
    due_at = CASE w.attempts WHEN 0 THEN greatest(w.due_at, EXCLUDED.due_at)
                             ELSE EXCLUDED.due_at END"""

# Whose work is due, oldest first; a tenant whose every row another worker holds is left out.
_TENANT = """
SELECT for_tenant FROM work_due WHERE kind = %s AND due_at <= %s AND attempts < %s
ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED"""

# Rows of one tenant; those of other workers are passed over.
_CLAIM = """
SELECT subject_id FROM work_due
WHERE kind = %s AND for_tenant = %s AND due_at <= %s AND attempts < %s
ORDER BY due_at, subject_id LIMIT %s FOR UPDATE SKIP LOCKED"""

# One row, unless another worker has it.
_CLAIM_ONE = """
SELECT 1 FROM work_due WHERE kind = %s AND for_tenant = %s AND subject_id = %s
FOR UPDATE SKIP LOCKED"""

# The work is done; whoever made it due again waited for this row and will put it in anew.
_DONE = "DELETE FROM work_due WHERE kind = %s AND for_tenant = %s AND subject_id = ANY(%s)"

# The work failed: try later, each time after twice the wait, and keep why.
_FAILED = """
UPDATE work_due
SET attempts = attempts + 1, problem = %s,
    due_at = %s::timestamptz + make_interval(mins => 1 << attempts)
WHERE kind = %s AND for_tenant = %s AND subject_id = %s"""

# Everything of a tenant that is not done yet, due or not.
_PENDING = "SELECT subject_id FROM work_due WHERE kind = %s AND for_tenant = %s"

# What nobody will try again by itself: a person reads why, mends it and makes it due anew.
_STUCK = """
SELECT for_tenant AS tenant_id, subject_id, attempts, problem
FROM work_due WHERE kind = %s AND attempts >= %s ORDER BY due_at, for_tenant, subject_id LIMIT %s"""

# Ten attempts are eight and a half hours: longer than a server that is ill for a night.
ATTEMPTS_MAX = 10
_STUCK_MAX = 1_000
_PROBLEM_CHARS_MAX = 500


@dataclass(frozen=True, slots=True)
class Stuck:
    """Work that failed as often as it may, with the last reason."""

    tenant_id: UUID
    subject_id: UUID
    attempts: int
    problem: str


async def put(
    conn: Connection,
    kind: Kind,
    tenant_ids: Sequence[UUID],
    due: Mapping[UUID, tuple[int, datetime]],
) -> None:
    """Make each subject, with its version, due at its time for each of the tenants."""
    versions = [version for version, _ in due.values()]
    times = [due_at for _, due_at in due.values()]
    await conn.execute(_PUT, [kind, list(tenant_ids), list(due), versions, times])


async def next_tenant(conn: Connection, kind: Kind, at: datetime) -> UUID | None:
    """A tenant with unclaimed work that is due at `at`."""
    row = await (await conn.execute(_TENANT, [kind, at, ATTEMPTS_MAX])).fetchone()
    return None if row is None else row[0]


async def claim(
    conn: Connection, kind: Kind, tenant_id: UUID, at: datetime, limit: int
) -> list[UUID]:
    """Claim at most `limit` subjects of a tenant for this transaction."""
    cursor = await conn.execute(_CLAIM, [kind, tenant_id, at, ATTEMPTS_MAX, limit])
    return [row[0] for row in await cursor.fetchall()]


async def claim_one(conn: Connection, kind: Kind, tenant_id: UUID, subject_id: UUID) -> bool:
    """Claim one subject of a tenant for this transaction; False where it is done or in hand."""
    return bool(await (await conn.execute(_CLAIM_ONE, [kind, tenant_id, subject_id])).fetchone())


async def done(conn: Connection, kind: Kind, tenant_id: UUID, subject_ids: Sequence[UUID]) -> None:
    """The claimed work is finished with this transaction."""
    await conn.execute(_DONE, [kind, tenant_id, list(subject_ids)])


async def failed(
    conn: Connection, kind: Kind, tenant_id: UUID, subject_id: UUID, at: datetime, problem: str
) -> None:
    """The work on one subject failed at `at`: it waits a minute, then two, four, ... ten times."""
    reason = problem.replace("\0", "")[:_PROBLEM_CHARS_MAX]
    await conn.execute(_FAILED, [reason, at, kind, tenant_id, subject_id])


async def pending(conn: Connection, kind: Kind, tenant_id: UUID) -> set[UUID]:
    """The subjects of a tenant whose work is not done yet, whenever it is due."""
    cursor = await conn.execute(_PENDING, [kind, tenant_id])
    return {row[0] for row in await cursor.fetchall()}


async def stuck(conn: Connection, kind: Kind) -> list[Stuck]:
    """At most 1,000 subjects, of any tenant, that failed as often as they may."""
    async with conn.cursor(row_factory=class_row(Stuck)) as cursor:
        await cursor.execute(_STUCK, [kind, ATTEMPTS_MAX, _STUCK_MAX])
        return await cursor.fetchall()
