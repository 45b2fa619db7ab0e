"""Use cases of the cashier, inside the caller's transaction.

A refusal for want of money is an answer: it is stored with the payment and given again to the same
key. So `deposit`, `withdraw` and `adjust` return it (`payment.refusal_code`) instead of raising;
the caller commits first and refuses then.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from overround.core import ids, reasons
from overround.core.errors import Invalid, NotFound
from overround.core.principal import Principal
from overround.db import Connection, audit
from overround.kit.idempotency import KeyReused
from overround.kit.paging import Cursor
from overround.people import tenants, users
from overround.people.cashier import rules, store
from overround.people.cashier.model import (
    Answer,
    Debtor,
    Payment,
    PaymentStatus,
    Request,
    Waiting,
)


async def deposit(
    conn: Connection, principal: Principal, amount: str, key: str, body_sha256: bytes, at: datetime
) -> Answer:
    """Money in, by the demo method: paid at once.

    Raises Conflict `deposits_closed` where the tenant has not switched the method on, Invalid
    `invalid_number` or `amount_out_of_range`, and KeyReused.
    """
    tenant = await tenants.by_id(conn, principal.tenant_id)
    amount_minor = rules.amount_minor(amount, tenant.currency)
    request = Request(principal.actor_id, "deposit", amount_minor, "", key, body_sha256)
    return await _request(conn, principal, request, at)


async def simulate_deposit(
    conn: Connection,
    tenant_id: UUID,
    user_id: UUID,
    amount_minor: int,
    payment_id: UUID,
    at: datetime,
) -> None:
    """Money of a simulated player, whatever the tenant allows. Needs the worker login.

    The same `payment_id` again does nothing.
    """
    await store.simulate(conn, tenant_id, user_id, amount_minor, payment_id, at)


async def withdraw(
    conn: Connection, principal: Principal, amount: str, key: str, body_sha256: bytes, at: datetime
) -> Answer:
    """Money out is asked for: it leaves the cash at once and waits for staff.

    Raises Invalid `invalid_number` or `amount_out_of_range`, and KeyReused.
    """
    tenant = await tenants.by_id(conn, principal.tenant_id)
    amount_minor = rules.amount_minor(amount, tenant.currency)
    request = Request(principal.actor_id, "withdrawal", amount_minor, "", key, body_sha256)
    return await _request(conn, principal, request, at)


async def adjust(
    conn: Connection,
    principal: Principal,
    user_id: UUID,
    amount: str,
    reason: str,
    key: str,
    body_sha256: bytes,
    at: datetime,
) -> Answer:
    """A correction of a player's cash by staff, up or down, with a reason and an audit row.

    Raises NotFound, Invalid `reason`, `invalid_number`, `amount_out_of_range` or `not_a_player`,
    Forbidden for an actor who is not staff with the scope, and KeyReused.
    """
    tenant = await tenants.by_id(conn, principal.tenant_id)
    amount_minor = rules.signed_amount_minor(amount, tenant.currency)
    why = reasons.reason(reason)
    user = await users.by_id(conn, principal.tenant_id, user_id)
    if user.kind != "player":
        raise Invalid("only a player has a wallet", code="not_a_player", field="user_id")
    request = Request(user_id, "adjustment", amount_minor, why, key, body_sha256)
    answer = await _request(conn, principal, request, at)
    if not answer.replayed:
        await _audit(conn, principal, answer.payment, at)
    return answer


async def approve(
    conn: Connection, principal: Principal, payment_id: UUID, at: datetime
) -> Payment:
    """Staff agree to a withdrawal. Raises NotFound, and Conflict `payment_step`."""
    payment = await _decide(conn, principal, payment_id, "approved", "", at)
    await _audit(conn, principal, payment, at)
    return payment


async def pay(conn: Connection, principal: Principal, payment_id: UUID, at: datetime) -> Payment:
    """An approved withdrawal was paid out. Raises NotFound, and Conflict `payment_step`."""
    payment = await _decide(conn, principal, payment_id, "paid", "", at)
    await _audit(conn, principal, payment, at)
    return payment


async def refuse(
    conn: Connection, principal: Principal, payment_id: UUID, reason: str, at: datetime
) -> Payment:
    """Staff refuse a withdrawal; the money is cash again, and pays what was lent meanwhile.

    Raises NotFound, Invalid `reason`, and Conflict `payment_step`.
    """
    why = reasons.reason(reason)
    payment = await _decide(conn, principal, payment_id, "refused", why, at)
    await _audit(conn, principal, payment, at)
    return payment


async def history(
    conn: Connection, principal: Principal, limit: int, after: Cursor | None
) -> list[Payment]:
    """The principal's own payments, newest first, below the cursor."""
    return await store.of_user(conn, principal.tenant_id, principal.actor_id, limit, after)


async def waiting(
    conn: Connection, principal: Principal, limit: int, after: Cursor | None
) -> list[Waiting]:
    """The tenant's withdrawals that wait for a decision, oldest first, above the cursor."""
    found = await store.waiting(conn, principal.tenant_id, limit, after)
    return await store.with_debts(conn, principal.tenant_id, found)


async def debtors(
    conn: Connection, principal: Principal, limit: int, after: Cursor | None
) -> list[Debtor]:
    """The tenant's players who owe, the longest first, above the cursor (since, user)."""
    return await store.debtors(conn, principal.tenant_id, limit, after)


async def _request(
    conn: Connection, principal: Principal, request: Request, at: datetime
) -> Answer:
    """The new payment after its first step, or the earlier answer of the same key."""
    tenant_id, payment_id = principal.tenant_id, ids.new(at)
    made = await store.request(conn, tenant_id, principal.actor_id, payment_id, request, at)
    if made is None:
        return await _earlier(conn, principal, request)
    return Answer(made, replayed=False)


async def _earlier(conn: Connection, principal: Principal, request: Request) -> Answer:
    payment = await store.by_key(conn, principal.tenant_id, principal.actor_id, request.key)
    if payment is None or payment.body_sha256 != request.body_sha256:
        raise KeyReused
    return Answer(rules.as_answered(payment), replayed=True)


async def _decide(
    conn: Connection,
    principal: Principal,
    payment_id: UUID,
    status: PaymentStatus,
    reason: str,
    at: datetime,
) -> Payment:
    payment = await store.decide(conn, principal.tenant_id, payment_id, status, reason, at)
    if payment is None:
        raise NotFound
    return payment


async def _audit(conn: Connection, principal: Principal, payment: Payment, at: datetime) -> None:
    after = {
        "status": payment.status,
        "amount_minor": payment.amount_minor,
        "currency": payment.currency,
        "user": str(payment.user_id),
        "reason": payment.reason,
    }
    action = f"{payment.kind}.{payment.status}"
    await audit.write(conn, principal, at, action, f"payment:{payment.id}", after=after)
