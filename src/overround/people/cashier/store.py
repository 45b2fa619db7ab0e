"""The SQL of payments. Money moves elsewhere; a step goes through `payment_decide_v1`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg import errors
from psycopg.rows import class_row

from overround.core.errors import Conflict
from overround.db import Connection
from overround.kit.paging import Cursor
from overround.people.cashier.model import Payment, PaymentStatus, RefusalCode, Request

# A second insert of the same key waits for the first to end and then inserts nothing, so equal
# requests at once are one payment (test: 64 equal deposits post once).
_INSERT = """
INSERT INTO payment (tenant_id, id, user_id, kind, status, amount_minor, currency, method, actor_id,
    reason, idempotency_key, body_sha256, created_at)
VALUES (%(tenant_id)s, %(id)s, %(user_id)s, %(kind)s, 'requested', %(amount_minor)s, %(currency)s,
    %(method)s, %(actor_id)s, %(reason)s, %(key)s, %(body_sha256)s, %(at)s)
ON CONFLICT (tenant_id, actor_id, idempotency_key) DO NOTHING"""

# The payment that a key stands for.
_BY_KEY = """
SELECT id, user_id, kind, status, amount_minor, currency, method, actor_id, reason, refusal_code,
       body_sha256, created_at, decided_at
FROM payment WHERE tenant_id = %s AND actor_id = %s AND idempotency_key = %s"""

# One payment by id.
_BY_ID = """
SELECT id, user_id, kind, status, amount_minor, currency, method, actor_id, reason, refusal_code,
       body_sha256, created_at, decided_at
FROM payment WHERE tenant_id = %s AND id = %s"""

# One step of the state machine, which lives in the schema beside the row lock that it needs.
_DECIDE = """
SELECT id, user_id, kind, status, amount_minor, currency, method, actor_id, reason, refusal_code,
       body_sha256, created_at, decided_at
FROM payment_decide_v1(%(tenant_id)s, %(id)s, %(status)s, %(reason)s, %(refusal_code)s, %(at)s)"""

# A person's own payments, newest first by keyset.
_OF_USER = """
SELECT id, user_id, kind, status, amount_minor, currency, method, actor_id, reason, refusal_code,
       body_sha256, created_at, decided_at
FROM payment
WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s
  AND (%(at)s::timestamptz IS NULL OR (created_at, id) < (%(at)s, %(id)s::uuid))
ORDER BY created_at DESC, id DESC LIMIT %(limit)s"""

# The back office's queue, oldest first, so that nobody waits for ever.
_WAITING = """
SELECT id, user_id, kind, status, amount_minor, currency, method, actor_id, reason, refusal_code,
       body_sha256, created_at, decided_at
FROM payment
WHERE tenant_id = %(tenant_id)s AND kind = 'withdrawal' AND status IN ('requested', 'approved')
  AND (%(at)s::timestamptz IS NULL OR (created_at, id) > (%(at)s, %(id)s::uuid))
ORDER BY created_at, id LIMIT %(limit)s"""


async def insert(
    conn: Connection,
    tenant_id: UUID,
    actor_id: UUID,
    payment_id: UUID,
    request: Request,
    at: datetime,
) -> bool:
    """Whether the payment was inserted: False when the actor has used the key before."""
    cur = await conn.execute(
        _INSERT,
        {
            "tenant_id": tenant_id,
            "id": payment_id,
            "user_id": request.user_id,
            "kind": request.kind,
            "amount_minor": request.amount_minor,
            "currency": request.currency,
            "method": request.method,
            "actor_id": actor_id,
            "reason": request.reason,
            "key": request.key,
            "body_sha256": request.body_sha256,
            "at": at,
        },
    )
    return cur.rowcount == 1


async def by_key(conn: Connection, tenant_id: UUID, actor_id: UUID, key: str) -> Payment | None:
    """The payment that the actor's key stands for."""
    async with conn.cursor(row_factory=class_row(Payment)) as cur:
        return await (await cur.execute(_BY_KEY, [tenant_id, actor_id, key])).fetchone()


async def by_id(conn: Connection, tenant_id: UUID, payment_id: UUID) -> Payment | None:
    """The payment of that id."""
    async with conn.cursor(row_factory=class_row(Payment)) as cur:
        return await (await cur.execute(_BY_ID, [tenant_id, payment_id])).fetchone()


async def decide(
    conn: Connection,
    tenant_id: UUID,
    payment_id: UUID,
    status: PaymentStatus,
    reason: str,
    refusal_code: RefusalCode | None,
    at: datetime,
) -> Payment | None:
    """The payment after the step. Raises Conflict `payment_step` when no step leads there."""
    try:
        async with conn.cursor(row_factory=class_row(Payment)) as cur:
            await cur.execute(
                _DECIDE,
                {
                    "tenant_id": tenant_id,
                    "id": payment_id,
                    "status": status,
                    "reason": reason,
                    "refusal_code": refusal_code,
                    "at": at,
                },
            )
            return await cur.fetchone()
    except errors.CheckViolation as error:
        if error.diag.constraint_name == "payment_step":
            raise Conflict(error.diag.message_primary, code="payment_step") from None
        raise


async def of_user(
    conn: Connection, tenant_id: UUID, user_id: UUID, limit: int, after: Cursor | None
) -> list[Payment]:
    """Up to `limit` payments of a user, newest first, below the cursor."""
    async with conn.cursor(row_factory=class_row(Payment)) as cur:
        await cur.execute(
            _OF_USER,
            {
                "tenant_id": tenant_id,
                "user_id": user_id,
                "at": after.at if after else None,
                "id": after.id if after else None,
                "limit": limit,
            },
        )
        return await cur.fetchall()


async def waiting(
    conn: Connection, tenant_id: UUID, limit: int, after: Cursor | None
) -> list[Payment]:
    """Up to `limit` withdrawals that wait for a decision, oldest first, above the cursor."""
    async with conn.cursor(row_factory=class_row(Payment)) as cur:
        await cur.execute(
            _WAITING,
            {
                "tenant_id": tenant_id,
                "at": after.at if after else None,
                "id": after.id if after else None,
                "limit": limit,
            },
        )
        return await cur.fetchall()
