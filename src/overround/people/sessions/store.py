"""The SQL of sessions and of failed log-ins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from psycopg.rows import class_row

from overround.db import Connection
from overround.kit.pace import Budget
from overround.people.sessions.keys import ApiKey, Entered
from overround.people.sessions.model import Live, Session, Statistics

# The times after which a session must have been used and opened, for either kind of it: what
# `rules.horizons` gives.
Horizons = Mapping[str, datetime]

# A log-in; only the token's SHA-256 is written.
_INSERT = """
INSERT INTO session (tenant_id, id, user_id, token_sha256, user_agent, permanent, created_at,
    last_seen_at)
VALUES (%(tenant_id)s, %(id)s, %(user_id)s, %(token_sha256)s, %(user_agent)s, %(permanent)s, %(at)s,
    %(at)s)"""

# What a token stands for. The joins are what "disabled at once everywhere" means: a lease of this
# answer is forbidden before a user is disabled (test: a disabled user stops at once).
_LIVE = """
SELECT s.id, s.user_id, u.kind, u.scopes, s.last_seen_at, s.created_at, s.permanent
FROM session s
JOIN users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id AND u.status = 'active'
JOIN tenant t ON t.id = s.tenant_id AND t.status = 'active'
WHERE s.tenant_id = %(tenant_id)s AND s.token_sha256 = %(token_sha256)s
  AND s.revoked_at IS NULL
  AND CASE WHEN s.permanent
      THEN s.last_seen_at > %(permanent_idle_since)s AND s.created_at > %(permanent_old_since)s
      ELSE s.last_seen_at > %(idle_since)s AND s.created_at > %(old_since)s END"""

# What many tokens stand for, each at its own tenant, and that they were used: a transaction by
# itself.
_LIVE_ALL = """
SELECT tenant_id, token_sha256, id, user_id, kind, scopes, last_seen_at, created_at, permanent
FROM sessions_live_v1(%(tenant_ids)s::uuid[], %(tokens)s::bytea[], %(idle_since)s, %(old_since)s,
    %(permanent_idle_since)s, %(permanent_old_since)s, %(seen_before)s, %(at)s)"""

# Once a minute at most; greatest() because two requests may arrive in either order.
_TOUCH = """
UPDATE session SET last_seen_at = greatest(last_seen_at, %s) WHERE tenant_id = %s AND id = %s"""

# A person's own live sessions, the latest used first.
_LIVE_OF_USER = """
SELECT id, user_id, user_agent, created_at, last_seen_at, permanent FROM session
WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND revoked_at IS NULL
  AND CASE WHEN permanent
      THEN last_seen_at > %(permanent_idle_since)s AND created_at > %(permanent_old_since)s
      ELSE last_seen_at > %(idle_since)s AND created_at > %(old_since)s END
ORDER BY last_seen_at DESC, id LIMIT 200"""

# How many are live, and how many were opened and ended since a time.
_STATISTICS = """
SELECT count(*) FILTER (WHERE revoked_at IS NULL AND CASE WHEN permanent
           THEN last_seen_at > %(permanent_idle_since)s AND created_at > %(permanent_old_since)s
           ELSE last_seen_at > %(idle_since)s AND created_at > %(old_since)s END) AS active,
       count(*) FILTER (WHERE created_at > %(since)s) AS created,
       count(*) FILTER (WHERE revoked_at > %(since)s) AS revoked
FROM session WHERE tenant_id = %(tenant_id)s"""

# End one session of a person; another person's id ends nothing.
_END = """
UPDATE session SET revoked_at = %s
WHERE tenant_id = %s AND user_id = %s AND id = %s AND revoked_at IS NULL"""

# Log out: the holder of the token ends it.
_LOG_OUT = """
UPDATE session SET revoked_at = %s
WHERE tenant_id = %s AND token_sha256 = %s AND revoked_at IS NULL"""

# A disabled user's sessions end in the transaction that disables.
_END_ALL = """
UPDATE session SET revoked_at = %s WHERE tenant_id = %s AND user_id = %s AND revoked_at IS NULL"""

# Until when any of these subjects must wait.
_LOCKED_UNTIL = """
SELECT max(locked_until) FROM login_failure
WHERE tenant_id = %s AND subject_sha256 = ANY (%s) AND locked_until > %s"""

# One failure more, or the first again where the last is long ago.
_COUNT_FAILURE = """
INSERT INTO login_failure AS f (tenant_id, subject_sha256, failures, last_failed_at)
VALUES (%(tenant_id)s, %(subject)s, 1, %(at)s)
ON CONFLICT (tenant_id, subject_sha256) DO UPDATE
SET failures = CASE WHEN f.last_failed_at < %(forgotten_before)s THEN 1
                    ELSE least(f.failures + 1, 1000000) END,
    last_failed_at = %(at)s
RETURNING failures"""

# The wait that the count has earned.
_LOCK = "UPDATE login_failure SET locked_until = %s WHERE tenant_id = %s AND subject_sha256 = %s"

# A good log-in forgets the failures of its address.
_FORGET_FAILURES = "DELETE FROM login_failure WHERE tenant_id = %s AND subject_sha256 = %s"

# Old rows in batches, so that a purge never holds many locks.
_PURGE_SESSIONS = """
DELETE FROM session WHERE (tenant_id, id) IN (
    SELECT tenant_id, id FROM session WHERE tenant_id = %s AND created_at < %s LIMIT 1000)"""
# The same for failures that no wait depends on any more.
_PURGE_FAILURES = """
DELETE FROM login_failure WHERE (tenant_id, subject_sha256) IN (
    SELECT tenant_id, subject_sha256 FROM login_failure
    WHERE tenant_id = %s AND last_failed_at < %s LIMIT 1000)"""


# A key of a program; a name that is taken adds nothing, whether its key is revoked or not.
_ADD_KEY = """
INSERT INTO api_key (tenant_id, id, name, plan, credits_per_month, token_sha256, created_at, month)
VALUES (%(tenant_id)s, %(id)s, %(name)s, %(plan)s, %(credits)s, %(sha256)s, %(at)s, %(month)s)
ON CONFLICT ON CONSTRAINT api_key_name_once DO NOTHING"""

# All there ever were of a tenant, for a person.
_KEYS = """
SELECT id, name, plan, credits_per_month, used, created_at, revoked_at
FROM api_key WHERE tenant_id = %s ORDER BY name"""

# Once; a second time finds nothing.
_REVOKE_KEY = """
UPDATE api_key SET revoked_at = %s WHERE tenant_id = %s AND name = %s AND revoked_at IS NULL
RETURNING id, name, plan, credits_per_month, used, created_at, revoked_at"""

# A call comes in: who it is, what it has left, and whether it comes too soon.
_ENTER_KEY = """
SELECT id, name, plan, credits_per_month, used, revoked_at, wait_ms
FROM api_key_enter_v1(%s, %s, %s::interval, %s, %s)"""

# What a call costs; nothing is returned where it is not left.
_CHARGE_KEY = "SELECT api_key_charge_v1(%s, %s, %s, %s)"


async def insert(conn: Connection, tenant_id: UUID, session: Session, token_sha256: bytes) -> None:
    """Write a new session."""
    await conn.execute(
        _INSERT,
        {
            "tenant_id": tenant_id,
            "id": session.id,
            "user_id": session.user_id,
            "token_sha256": token_sha256,
            "user_agent": session.user_agent,
            "permanent": session.permanent,
            "at": session.created_at,
        },
    )


async def live(
    conn: Connection, tenant_id: UUID, token_sha256: bytes, horizons: Horizons
) -> Live | None:
    """What the token stands for, if it is live."""
    async with conn.cursor(row_factory=class_row(Live)) as cur:
        asked = {"tenant_id": tenant_id, "token_sha256": token_sha256, **horizons}
        await cur.execute(_LIVE, asked)
        return await cur.fetchone()


async def live_all(
    conn: Connection,
    asked: Sequence[tuple[UUID, bytes]],
    horizons: Horizons,
    seen_before: datetime,
    at: datetime,
) -> dict[tuple[UUID, bytes], Live]:
    """(tenant, SHA-256 of a token) -> what it stands for; what is not live is absent.

    On a connection without a transaction. Those last seen at `seen_before` or earlier are written
    as used.
    """
    cursor = await conn.execute(
        _LIVE_ALL,
        {
            "tenant_ids": [tenant_id for tenant_id, _ in asked],
            "tokens": [sha256 for _, sha256 in asked],
            "seen_before": seen_before,
            "at": at,
            **horizons,
        },
    )
    return {(row[0], row[1]): Live(*row[2:]) for row in await cursor.fetchall()}


async def statistics(
    conn: Connection, tenant_id: UUID, horizons: Horizons, since: datetime
) -> Statistics:
    """The tenant's sessions, counted."""
    async with conn.cursor(row_factory=class_row(Statistics)) as cur:
        await cur.execute(_STATISTICS, {"tenant_id": tenant_id, "since": since, **horizons})
        found = await cur.fetchone()
    return found or Statistics(0, 0, 0)


async def touch(conn: Connection, tenant_id: UUID, session_id: UUID, at: datetime) -> None:
    """Write when the session was last used."""
    await conn.execute(_TOUCH, [at, tenant_id, session_id])


async def live_of_user(
    conn: Connection, tenant_id: UUID, user_id: UUID, horizons: Horizons
) -> list[Session]:
    """Up to 200 live sessions of a user."""
    async with conn.cursor(row_factory=class_row(Session)) as cur:
        asked = {"tenant_id": tenant_id, "user_id": user_id, **horizons}
        await cur.execute(_LIVE_OF_USER, asked)
        return await cur.fetchall()


async def end(
    conn: Connection, tenant_id: UUID, user_id: UUID, session_id: UUID, at: datetime
) -> bool:
    """Whether this session of the user was live and is now ended."""
    return (await conn.execute(_END, [at, tenant_id, user_id, session_id])).rowcount == 1


async def end_by_token(
    conn: Connection, tenant_id: UUID, token_sha256: bytes, at: datetime
) -> None:
    """End the session of the token, if it is live."""
    await conn.execute(_LOG_OUT, [at, tenant_id, token_sha256])


async def end_all(conn: Connection, tenant_id: UUID, user_id: UUID, at: datetime) -> int:
    """How many sessions of the user were ended."""
    return (await conn.execute(_END_ALL, [at, tenant_id, user_id])).rowcount


async def locked_until(
    conn: Connection, tenant_id: UUID, subjects: list[bytes], at: datetime
) -> datetime | None:
    """The latest wait of the subjects that is not over."""
    row = await (await conn.execute(_LOCKED_UNTIL, [tenant_id, subjects, at])).fetchone()
    return row[0] if row else None


async def count_failure(
    conn: Connection, tenant_id: UUID, subject: bytes, forgotten_before: datetime, at: datetime
) -> int:
    """The failures of the subject with this one."""
    cur = await conn.execute(
        _COUNT_FAILURE,
        {
            "tenant_id": tenant_id,
            "subject": subject,
            "forgotten_before": forgotten_before,
            "at": at,
        },
    )
    row = await cur.fetchone()
    return row[0] if row else 1


async def lock(conn: Connection, tenant_id: UUID, subject: bytes, until: datetime | None) -> None:
    """Write the wait of the subject; None for none."""
    await conn.execute(_LOCK, [until, tenant_id, subject])


async def forget_failures(conn: Connection, tenant_id: UUID, subject: bytes) -> None:
    """Forget the failures of the subject."""
    await conn.execute(_FORGET_FAILURES, [tenant_id, subject])


async def purge(
    conn: Connection, tenant_id: UUID, sessions_before: datetime, failures_before: datetime
) -> int:
    """How many old rows were deleted: at most 1,000 of each table."""
    sessions = await conn.execute(_PURGE_SESSIONS, [tenant_id, sessions_before])
    failures = await conn.execute(_PURGE_FAILURES, [tenant_id, failures_before])
    return sessions.rowcount + failures.rowcount


async def add_key(
    conn: Connection, tenant_id: UUID, key: ApiKey, token_sha256: bytes, month: date
) -> bool:
    """Write a new key; False when the name is taken."""
    cursor = await conn.execute(
        _ADD_KEY,
        {
            "tenant_id": tenant_id,
            "id": key.id,
            "name": key.name,
            "plan": key.plan,
            "credits": key.credits_per_month,
            "sha256": token_sha256,
            "at": key.created_at,
            "month": month,
        },
    )
    return cursor.rowcount == 1


async def keys(conn: Connection, tenant_id: UUID) -> list[ApiKey]:
    """Every key of a tenant, the revoked ones too, by name."""
    async with conn.cursor(row_factory=class_row(ApiKey)) as cur:
        await cur.execute(_KEYS, [tenant_id])
        return await cur.fetchall()


async def revoke_key(conn: Connection, tenant_id: UUID, name: str, at: datetime) -> ApiKey | None:
    """End a key for good; None when none of that name is valid."""
    async with conn.cursor(row_factory=class_row(ApiKey)) as cur:
        await cur.execute(_REVOKE_KEY, [at, tenant_id, name])
        return await cur.fetchone()


async def enter_key(
    conn: Connection, tenant_id: UUID, token_sha256: bytes, pace: Budget, at: datetime
) -> Entered | None:
    """The key of a call, which takes its share of the pace."""
    async with conn.cursor(row_factory=class_row(Entered)) as cur:
        await cur.execute(_ENTER_KEY, [tenant_id, token_sha256, pace.share, pace.burst, at])
        return await cur.fetchone()


async def charge_key(
    conn: Connection, tenant_id: UUID, key_id: UUID, cost: int, at: datetime
) -> int | None:
    """Take credits; returns what is used of the month with them, None where they are not left."""
    cursor = await conn.execute(_CHARGE_KEY, [tenant_id, key_id, cost, at])
    row = await cursor.fetchone()
    return None if row is None else row[0]
