"""Work that waits for a tenant: put in by whoever made it due, claimed once by whoever does it.

A claim is a lock held by the transaction that does the work, so a worker that dies gives its claim
back by dying (test: two settlers pay once).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from overround.db.pools import Connection

Kind = Literal["settle"]

# Due again where it was due before: the newest version and time hold.
_PUT = """
INSERT INTO work_due AS w (kind, for_tenant, subject_id, version, due_at)
SELECT %s, t, s, v, %s FROM unnest(%s::uuid[]) AS t, unnest(%s::uuid[], %s::integer[]) AS u (s, v)
ORDER BY t, s
ON CONFLICT (kind, for_tenant, subject_id) DO UPDATE
SET version = greatest(w.version, EXCLUDED.version), due_at = EXCLUDED.due_at, attempts = 0"""

# Whose work is due, oldest first; a tenant whose every row another worker holds is left out.
_TENANT = """
SELECT for_tenant FROM work_due WHERE kind = %s AND due_at <= %s AND attempts < %s
ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED"""

# Rows of one tenant; those of other workers are passed over.
_CLAIM = """
SELECT subject_id FROM work_due
WHERE kind = %s AND for_tenant = %s AND due_at <= %s AND attempts < %s
ORDER BY due_at, subject_id LIMIT %s FOR UPDATE SKIP LOCKED"""

# The work is done; whoever made it due again waited for this row and will put it in anew.
_DONE = "DELETE FROM work_due WHERE kind = %s AND for_tenant = %s AND subject_id = ANY(%s)"

# The work failed: try later, a bounded number of times, and keep why.
_FAILED = """
UPDATE work_due SET attempts = attempts + 1, due_at = due_at + interval '1 minute', problem = %s
WHERE kind = %s AND for_tenant = %s"""

ATTEMPTS_MAX = 10


async def put(
    conn: Connection,
    kind: Kind,
    tenant_ids: Sequence[UUID],
    versions: Mapping[UUID, int],
    due_at: datetime,
) -> None:
    """Make each subject of `versions` due for each of the tenants."""
    await conn.execute(
        _PUT, [kind, due_at, list(tenant_ids), list(versions), list(versions.values())]
    )


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


async def done(conn: Connection, kind: Kind, tenant_id: UUID, subject_ids: Sequence[UUID]) -> None:
    """The claimed work is finished with this transaction."""
    await conn.execute(_DONE, [kind, tenant_id, list(subject_ids)])


async def failed(conn: Connection, kind: Kind, tenant_id: UUID, problem: str) -> None:
    """A tenant's work failed: it waits a minute, at most ten times."""
    await conn.execute(_FAILED, [problem[:500], kind, tenant_id])
