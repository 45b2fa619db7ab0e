"""The SQL of payments. What writes them and moves their money is schema functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg import errors
from psycopg.rows import class_row

from overround.core.errors import Conflict, Forbidden, NotFound, OverroundError
from overround.db import Connection
from overround.kit.paging import Cursor
from overround.money.ledger import Violation
from overround.people.cashier.model import Debtor, Payment, PaymentStatus, Request, Waiting

# The payment with its first movement made, or refused for want of money. Nothing comes back for a
# key that was used before, so equal requests are one payment (test: 64 equal deposits post once).
_REQUEST = """
SELECT id, user_id, kind, status, amount_minor, currency, method, actor_id, reason, refusal_code,
       body_sha256, created_at, decided_at
FROM payment_request_v1(%(tenant_id)s, %(id)s, %(user_id)s, %(kind)s, %(amount_minor)s,
    %(actor_id)s, %(reason)s, %(key)s, %(body_sha256)s, %(at)s)"""

# A deposit of a simulated player; the same id again does nothing.
_SIMULATE = "SELECT id FROM payment_simulate_v1(%s, %s, %s, %s, %s)"

# The payment that a key stands for.
_BY_KEY = """
SELECT id, user_id, kind, status, amount_minor, currency, method, actor_id, reason, refusal_code,
       body_sha256, created_at, decided_at
FROM payment WHERE tenant_id = %s AND actor_id = %s AND idempotency_key = %s"""

# One step of a withdrawal with its movement; the schema holds the state machine and the row lock.
_DECIDE = """
SELECT id, user_id, kind, status, amount_minor, currency, method, actor_id, reason, refusal_code,
       body_sha256, created_at, decided_at
FROM payment_decide_v1(%(tenant_id)s, %(id)s, %(status)s, %(reason)s, %(at)s)"""

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

# Whose some withdrawals are, what he owes, and what of it each would repay if it were refused.
_OWED = """
SELECT p.id, u.display_name, coalesce(d.owed_minor, 0),
       coalesce(least(d.owed_minor, p.amount_minor, d.lent_minor - p.lent_before_minor), 0)
FROM payment p
JOIN users u ON u.tenant_id = p.tenant_id AND u.id = p.user_id
LEFT JOIN debt d ON d.tenant_id = p.tenant_id AND d.user_id = p.user_id
WHERE p.tenant_id = %s AND p.id = ANY(%s)"""

# Those who owe, the longest first. The name is looked up for those who are shown.
_DEBTORS = """
SELECT d.user_id, u.display_name AS player, d.owed_minor, t.currency, d.since
FROM debt d
JOIN users u ON u.tenant_id = d.tenant_id AND u.id = d.user_id
JOIN tenant t ON t.id = d.tenant_id
WHERE d.tenant_id = %(tenant_id)s AND d.owed_minor > 0
  AND (%(at)s::timestamptz IS NULL OR (d.since, d.user_id) > (%(at)s, %(id)s::uuid))
ORDER BY d.since, d.user_id LIMIT %(limit)s"""

# What each payment must have moved against what was moved: on either side alone, or unequal in
# amount, owner or accounts, it is broken. Spelled here a second time, apart from the function.
CHECK_MOVEMENTS = """
SELECT 'a payment and its movements agree', coalesce(p.id, t.reference)::text,
       (coalesce(p.code, 'no payment') || ' ' || coalesce(p.amount, 0) || ' moved '
        || coalesce(t.code, 'nothing') || ' ' || coalesce(t.amount, 0))
FROM (
    SELECT id, user_id, 'deposit' AS code, amount_minor AS amount, 'bank' AS source,
           'cash' AS target
    FROM payment WHERE tenant_id = %(tenant)s AND kind = 'deposit' AND status = 'paid'
    UNION ALL
    SELECT id, user_id, 'withdrawal_reserve', amount_minor, 'cash', 'withdrawing'
    FROM payment
    WHERE tenant_id = %(tenant)s AND kind = 'withdrawal' AND refusal_code IS NULL
    UNION ALL
    SELECT id, user_id, 'withdrawal_pay', amount_minor, 'withdrawing', 'bank'
    FROM payment WHERE tenant_id = %(tenant)s AND kind = 'withdrawal' AND status = 'paid'
    UNION ALL
    SELECT id, user_id, 'withdrawal_refuse', amount_minor, 'withdrawing', 'cash'
    FROM payment
    WHERE tenant_id = %(tenant)s AND kind = 'withdrawal' AND status = 'refused'
      AND refusal_code IS NULL
    UNION ALL
    SELECT id, user_id, 'adjustment', abs(amount_minor),
           CASE WHEN amount_minor > 0 THEN 'adjustment' ELSE 'cash' END,
           CASE WHEN amount_minor > 0 THEN 'cash' ELSE 'adjustment' END
    FROM payment WHERE tenant_id = %(tenant)s AND kind = 'adjustment' AND status = 'paid') p
FULL JOIN (
    SELECT m.reference, m.code, m.version, m.amount_minor AS amount, f.kind AS source,
           o.kind AS target, f.owner_id AS source_of, o.owner_id AS target_of
    FROM transfer m
    LEFT JOIN account f ON f.tenant_id = m.tenant_id AND f.id = m.from_id
    LEFT JOIN account o ON o.tenant_id = m.tenant_id AND o.id = m.to_id
    WHERE m.tenant_id = %(tenant)s
      AND m.code IN ('deposit', 'withdrawal_reserve', 'withdrawal_pay', 'withdrawal_refuse',
                     'adjustment')) t
    ON t.reference = p.id AND t.code = p.code AND t.version = 0
WHERE p.id IS NULL OR t.reference IS NULL OR p.amount <> t.amount
   OR p.source IS DISTINCT FROM t.source OR p.target IS DISTINCT FROM t.target
   OR coalesce(t.source_of, p.user_id) <> p.user_id
   OR coalesce(t.target_of, p.user_id) <> p.user_id
LIMIT 20"""

# What lies in `withdrawing` is what was asked for and is not decided to the end.
CHECK_WITHDRAWING = """
SELECT 'withdrawing = withdrawals under way', a.owner_id::text,
       (a.balance_minor || ' instead of ' || coalesce(p.amount, 0))
FROM account a LEFT JOIN (
    SELECT user_id, sum(amount_minor) AS amount FROM payment
    WHERE tenant_id = %(tenant)s AND kind = 'withdrawal' AND status IN ('requested', 'approved')
    GROUP BY user_id) p ON p.user_id = a.owner_id
WHERE a.tenant_id = %(tenant)s AND a.kind = 'withdrawing'
  AND a.balance_minor <> coalesce(p.amount, 0)
LIMIT 20"""

# What a payment repaid is of a withdrawal that staff refused, no more than came back by it, and
# goes from its player's cash to the house.
CHECK_REPAID = """
SELECT 'a withdrawal repays of what it brings back', t.reference::text,
       (p.kind || ' ' || p.status || ' ' || p.amount_minor || ' repaid ' || t.amount_minor)
FROM transfer t
JOIN payment p ON p.tenant_id = t.tenant_id AND p.id = t.reference
LEFT JOIN account f ON f.tenant_id = t.tenant_id AND f.id = t.from_id
LEFT JOIN account o ON o.tenant_id = t.tenant_id AND o.id = t.to_id
WHERE t.tenant_id = %(tenant)s AND t.code = 'debt_repay'
  AND (p.kind <> 'withdrawal' OR p.status <> 'refused' OR p.refusal_code IS NOT NULL
    OR t.version <> 0 OR t.amount_minor > p.amount_minor
    OR (f.kind, f.owner_id) IS DISTINCT FROM ('cash', p.user_id)
    OR o.kind IS DISTINCT FROM 'receivable')
LIMIT 20"""

_REFUSALS: Final[dict[str, Callable[[], OverroundError]]] = {
    "payment_deposits_closed": lambda: Conflict(
        "this operator takes no demo deposits", code="deposits_closed"
    ),
    "payment_actor": lambda: Forbidden("this payment is not yours to ask for"),
    "account_missing": lambda: NotFound("this user has no wallet"),
}


async def request(
    conn: Connection,
    tenant_id: UUID,
    actor_id: UUID,
    payment_id: UUID,
    asked: Request,
    at: datetime,
) -> Payment | None:
    """The payment after its first step; None when the actor has used the key before.

    Raises Conflict `deposits_closed`, Forbidden and NotFound (the user has no wallet).
    """
    values = {
        "tenant_id": tenant_id,
        "id": payment_id,
        "user_id": asked.user_id,
        "kind": asked.kind,
        "amount_minor": asked.amount_minor,
        "actor_id": actor_id,
        "reason": asked.reason,
        "key": asked.key,
        "body_sha256": asked.body_sha256,
        "at": at,
    }
    try:
        async with conn.cursor(row_factory=class_row(Payment)) as cur:
            return await (await cur.execute(_REQUEST, values)).fetchone()
    except errors.CheckViolation as error:
        refusal = _REFUSALS.get(error.diag.constraint_name or "")
        if refusal is None:
            raise
        raise refusal() from None


async def simulate(
    conn: Connection,
    tenant_id: UUID,
    user_id: UUID,
    amount_minor: int,
    payment_id: UUID,
    at: datetime,
) -> None:
    """A deposit of a simulated player; the same `payment_id` again does nothing."""
    await conn.execute(_SIMULATE, [tenant_id, payment_id, user_id, amount_minor, at])


async def by_key(conn: Connection, tenant_id: UUID, actor_id: UUID, key: str) -> Payment | None:
    """The payment that the actor's key stands for."""
    async with conn.cursor(row_factory=class_row(Payment)) as cur:
        return await (await cur.execute(_BY_KEY, [tenant_id, actor_id, key])).fetchone()


async def decide(
    conn: Connection,
    tenant_id: UUID,
    payment_id: UUID,
    status: PaymentStatus,
    reason: str,
    at: datetime,
) -> Payment | None:
    """The withdrawal after the step; None when it is none.

    Raises Conflict `payment_step` when no step leads there.
    """
    try:
        async with conn.cursor(row_factory=class_row(Payment)) as cur:
            await cur.execute(
                _DECIDE,
                {
                    "tenant_id": tenant_id,
                    "id": payment_id,
                    "status": status,
                    "reason": reason,
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
            {**_page(tenant_id, after, limit), "user_id": user_id},
        )
        return await cur.fetchall()


async def waiting(
    conn: Connection, tenant_id: UUID, limit: int, after: Cursor | None
) -> list[Payment]:
    """Up to `limit` withdrawals that wait for a decision, oldest first, above the cursor."""
    async with conn.cursor(row_factory=class_row(Payment)) as cur:
        await cur.execute(_WAITING, _page(tenant_id, after, limit))
        return await cur.fetchall()


def _page(tenant_id: UUID, after: Cursor | None, limit: int) -> dict[str, object]:
    return {
        "tenant_id": tenant_id,
        "at": after.at if after else None,
        "id": after.id if after else None,
        "limit": limit,
    }


async def with_debts(
    conn: Connection, tenant_id: UUID, payments: Sequence[Payment]
) -> list[Waiting]:
    """The withdrawals, each with its player's name and debt, in the order given."""
    by_id = {payment.id: payment for payment in payments}
    cursor = await conn.execute(_OWED, [tenant_id, list(by_id)])
    found = {row[0]: Waiting(by_id[row[0]], *row[1:]) for row in await cursor.fetchall()}
    return [found[payment_id] for payment_id in by_id]


async def debtors(
    conn: Connection, tenant_id: UUID, limit: int, after: Cursor | None
) -> list[Debtor]:
    """Up to `limit` players who owe, the longest first, above the cursor (since, user)."""
    async with conn.cursor(row_factory=class_row(Debtor)) as cur:
        await cur.execute(_DEBTORS, _page(tenant_id, after, limit))
        return await cur.fetchall()


async def check(conn: Connection, tenant_id: UUID) -> list[Violation]:
    """The invariants between payments and the ledger; an empty list is a sound cashier."""
    found: list[Violation] = []
    for statement in (CHECK_MOVEMENTS, CHECK_WITHDRAWING, CHECK_REPAID):
        cursor = await conn.execute(statement, {"tenant": tenant_id})
        found += [Violation(*row) for row in await cursor.fetchall()]
    return found
